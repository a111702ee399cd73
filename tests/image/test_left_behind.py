"""a running host -> nothing of whoever built its image, and nothing that two machines must not share."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def builder(request: pytest.FixtureRequest) -> str:
    return str(request.config.getoption("builder"))


def test_builders_user(host: Any, builder: str) -> None:
    assert host.run(f"getent passwd '{builder}'").rc != 0, f"the builder's user {builder} is still there"
    left = host.run(
        f"ls -d '/home/{builder}' 2>/dev/null; grep -ls '^{builder}:' /etc/passwd- /etc/shadow- /etc/sub?id"
    )
    assert left.stdout.split() == []


def test_builders_key(host: Any, builder: str) -> None:
    """Keys that packer makes bear its name."""
    command = (
        f"cat /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys 2>/dev/null | grep -E ' ({builder}|packer_?)'"
    )
    assert host.run(command).stdout == ""


def test_builders_rights(host: Any, builder: str) -> None:
    assert host.run(f"grep -rlsE '^{builder}[[:space:]]' /etc/sudoers /etc/sudoers.d").stdout == ""


def test_builders_files(host: Any) -> None:
    command = "ls -d /var/tmp/vps-firewall-bake /tmp/packer-* /tmp/script_*.sh /usr/sbin/policy-rc.d 2>/dev/null"
    assert host.run(command).stdout.split() == []


def test_cloud_inits_state_is_this_machines(host: Any) -> None:
    """A copy of a machine that has booted before would not take its own first boot for one."""
    current = host.run("readlink -f /var/lib/cloud/instance").stdout.strip()
    known = host.run("ls -d /var/lib/cloud/instances/*").stdout.split()
    assert known == [current], f"other machines' state: {sorted({*known} - {current})}"


def test_identity(host: Any) -> None:
    machine = host.file("/etc/machine-id").content_string.strip()
    assert re.fullmatch("[0-9a-f]{32}", machine), f"the machine-id is {machine!r}"
    assert host.run("ls /etc/ssh/ssh_host_*_key.pub").stdout.split(), "there is no SSH host key"


def test_no_identity_is_shared(host: Any, request: pytest.FixtureRequest) -> None:
    """Against every host of this run, in whatever process, and with --identities of earlier runs."""
    keys = host.run("cat /etc/ssh/ssh_host_*_key.pub").stdout.splitlines()
    mine = {
        "host": request.config.getoption("called") or str(host.backend.get_pytest_id()),
        "machine-id": host.file("/etc/machine-id").content_string.strip(),
    }
    mine["keys"] = " ".join(sorted(key.split()[1] for key in keys if len(key.split()) > 1))
    shared = []
    with _known(request.config) as known:
        for other in known:
            if other["host"] == mine["host"]:
                continue
            if other["machine-id"] == mine["machine-id"]:
                shared.append(f"{other['host']} has the same machine-id")
            if {*other["keys"].split()} & {*mine["keys"].split()}:
                shared.append(f"{other['host']} has the same SSH host key")
        known[:] = [other for other in known if other["host"] != mine["host"]] + [mine]
    assert not shared, "\n".join(shared)


@contextlib.contextmanager
def _known(config: pytest.Config) -> Any:
    """The list of identities, for one process at a time."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    path = Path(config.getoption("identities") or Path(tempfile.gettempdir(), f"vps-firewall-identities-{run}"))
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        known = [json.loads(line) for line in file]
        yield known
        file.seek(0)
        file.truncate()
        file.writelines(f"{json.dumps(one, sort_keys=True)}\n" for one in known)

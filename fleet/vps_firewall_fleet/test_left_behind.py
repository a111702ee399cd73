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

from .conftest import Account

MACHINE_ID = "/etc/machine-id"


def test_builders_user(account: Account, request: pytest.FixtureRequest) -> None:
    builder = request.config.getoption("builder")
    assert "/etc/passwd" not in account.builders_accounts, f"the builder's user {builder} is still there"
    assert account.builders_accounts == []


def test_builders_key(account: Account) -> None:
    assert account.builders_keys == []


def test_builders_rights(account: Account) -> None:
    assert account.builders_rights == []


def test_builders_files(account: Account) -> None:
    assert account.builders_files == []


def test_cloud_inits_state_is_this_machines(account: Account) -> None:
    """A copy of a machine that has booted before would not take its own first boot for one."""
    others = [path for path in account.instances if path != account.instance]
    assert not others, f"other machines' state: {others}"
    assert account.instances, f"cloud-init knows no machine, not even this one ({account.instance})"


def test_identity(account: Account) -> None:
    machine = account.text(MACHINE_ID).strip()
    assert re.fullmatch("[0-9a-f]{32}", machine), f"the machine-id is {machine!r}"
    assert host_keys(account), "there is no SSH host key"


def test_no_identity_is_shared(host: Any, account: Account, request: pytest.FixtureRequest) -> None:
    """Against every host of this run, in whatever process, and with --identities of earlier runs."""
    mine = {
        "host": request.config.getoption("called") or str(host.backend.get_pytest_id()),
        "machine-id": account.text(MACHINE_ID).strip(),
        "keys": " ".join(host_keys(account)),
    }
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


def host_keys(account: Account) -> list[str]:
    """Without their types and comments."""
    files = [file.text.split() for path, file in account.files.items() if "/ssh_host_" in path]
    return sorted(words[1] for words in files if len(words) > 1)


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

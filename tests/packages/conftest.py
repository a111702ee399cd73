"""nothing -> packages of three versions, and machines to install them on."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import suites
from tests.boot.guests import locked
from tests.conftest import run_folder
from tests.lab.world import Machine, world
from tests.packages import made
from tests.packages.stand_in import stand_in


@pytest.fixture(scope="session")
def rpms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """older, this, newer: for EL 9."""
    return _three("rpm", tmp_path_factory)


@pytest.fixture(scope="session")
def debs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """older, this, newer."""
    return _three("deb", tmp_path_factory)


def _three(kind: str, factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Made by the first process of this run that asks for them."""
    run = run_folder(factory)
    listed = run / f"{kind}.json"
    with locked(run / f"{kind}.lock"):
        if not listed.exists():
            packages = made.three(kind, run / kind)
            listed.write_text(json.dumps({name: str(path) for name, path in packages.items()}))
    return {name: Path(path) for name, path in json.loads(listed.read_text()).items()}


@pytest.fixture
def el() -> Iterator[Machine]:
    """The EL stand-in, with dnf and a repository that has the firewalls."""
    with world(stand_in()) as (machine, _):
        # No name server is there to ask, and libdnf asks who this machine is.
        machine.write("/etc/hosts", "127.0.0.1 localhost machine\n")
        machine.write("/etc/resolv.conf", "")
        # `cloud-init clean` of 22.4 does nothing on a machine that cloud-init never worked on.
        machine.write("/var/lib/cloud/instance/boot-finished", "")
        yield machine


@pytest.fixture(params=["bookworm", "trixie"])
def debian(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A Debian with cloud-init, nftables and iptables-persistent."""
    with _debian(request.param) as machine:
        yield machine


@pytest.fixture(params=list(suites.SUITES))
def any_debian(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """The same, of each suite."""
    with _debian(request.param) as machine:
        yield machine


@contextlib.contextmanager
def _debian(suite: str) -> Iterator[Machine]:
    with world(suites.root_of(suite)) as (machine, _):
        # The roots leave documentation out, which would be reported as missing.
        machine.run("sh", "-c", "rm -f /etc/dpkg/dpkg.cfg.d/*mmdebstrap*")
        machine.write("/var/lib/cloud/instance/boot-finished", "")
        yield machine


def offer(machine: Machine, name: str, packages: list[Path], folder: Path) -> None:
    """Make a repository of these packages, where dnf of the machine finds it. Made here: createrepo_c moves folders
    about, which an overlay does not let it."""
    repository = folder / name
    repository.mkdir()
    for package in packages:
        (repository / package.name).write_bytes(package.read_bytes())
    subprocess.run(["createrepo_c", "--quiet", "--no-database", str(repository)], check=True)
    for path in repository.rglob("*"):
        if path.is_file():
            machine.write(f"/srv/{name}/{path.relative_to(repository)}", path.read_bytes())
    told = f"[{name}]\nname={name}\nbaseurl=file:///srv/{name}\ngpgcheck=0\nmetadata_expire=0\n"
    machine.write(f"/etc/yum.repos.d/{name}.repo", told)

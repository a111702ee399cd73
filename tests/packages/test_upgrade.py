"""A host with packages of a commit that people may have built, upgraded: nothing opens, nobody is locked out."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.lab import boot
from tests.lab.world import Machine
from tests.packages import made
from tests.packages.test_rpm import FIREWALL
from tests.suites import REPOSITORY

BEFORE = "375a2d5208381f0a1976cdbe58998e836882c0ec"  # of 26 November 2026, the last one that was handed out
USER_DATA = "#cloud-config\nvps_firewall: {ssh: {from: [203.0.113.7]}, allow: [http, https]}\n"
RULES = "iptables-save -t filter; ip6tables-save -t filter; nft -s list ruleset"


@pytest.fixture(scope="module")
def former(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That commit's sources, as its own history has them."""
    source = tmp_path_factory.mktemp("former")
    found = subprocess.run(["git", "-C", str(REPOSITORY), "archive", BEFORE], capture_output=True)
    assert found.returncode == 0, "the history is not whole: git fetch --unshallow"
    subprocess.run(["tar", "--extract", f"--directory={source}"], input=found.stdout, check=True)
    return source


def rules(machine: Machine) -> list[str]:
    """What the kernel holds, without counters and dates."""
    said = machine.run("sh", "-c", RULES, check=False).stdout
    return [line.partition(" [")[0] for line in said.splitlines() if not line.startswith("#")]


def upgraded(machine: Machine, before: list[str], after: list[str]) -> None:
    """A machine that has a policy, from its first boot with the former package to a boot with this one."""
    machine.run("rm", "-rf", "/var/lib/cloud/instance")
    machine.write("/etc/cloud/cloud.cfg.d/90_seed.cfg", boot.SITE_CONFIGURATION)
    machine.run(*before)
    machine.run("vps-firewall", "install")
    boot.seed(machine, USER_DATA)
    boot.boot(machine)
    assert boot.record(machine).errors == ()
    loaded = rules(machine)
    assert any("203.0.113.7" in line for line in loaded)

    machine.run(*after)
    assert rules(machine) == loaded, "an upgrade changes no rule"
    told = machine.run("vps-firewall", "status")
    assert "203.0.113.7" in told.stdout, told
    assert machine.run("vps-firewall", "verify", check=False).returncode in (0, 6)

    # A reboot of the same instance: what was saved is what the service loads, and the module leaves it at that.
    boot.boot(machine)
    assert boot.record(machine).errors == ()
    assert rules(machine) == loaded, "they are there, by names of the version before"
    machine.run("vps-firewall", "apply", "-", given=USER_DATA)
    assert machine.run("vps-firewall", "verify").stdout.startswith("equal")
    said = machine.run("vps-firewall", "explain", "22/tcp", "--from", "198.51.100.9", "--live", check=False)
    assert "not let in" in said.stdout or "refused" in said.stdout, said


def test_a_debian_host(debian: Machine, debs: dict[str, Path], former: Path, tmp_path: Path) -> None:
    (old,) = made.build("deb", tmp_path, former, made.DATE)
    for package in (old, debs["this"]):
        debian.write(f"/srv/{package.name}", package.read_bytes())
    upgraded(debian, ["dpkg", "--install", f"/srv/{old.name}"], ["dpkg", "--install", f"/srv/{debs['this'].name}"])


def test_an_el_host(el: Machine, rpms: dict[str, Path], former: Path, tmp_path: Path) -> None:
    old = made.el9(made.build("rpm", tmp_path, former, made.DATE))
    for package in (old, rpms["this"]):
        el.write(f"/srv/{package.name}", package.read_bytes())
    upgraded(el, ["rpm", "-U", f"/srv/{old.name}", *FIREWALL], ["rpm", "-U", f"/srv/{rpms['this'].name}"])

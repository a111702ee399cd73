"""saved rules, and a service that could not load them -> rules in the kernel all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.world import Machine
from tests.packages import test_deb, test_rpm

# systemd is not at work in the machines of these tests: this says what it would.
SYSTEMCTL = '#!/bin/sh\n[ "$1" = is-failed ] && {answer}\nexec /bin/systemctl "$@"\n'
FAILED, DISABLED = "exit 0", "exit 1"
CASES = (
    ("nftables", "nft list table inet vps_firewall", "nft flush ruleset"),
    ("iptables", "iptables-save", "iptables -F; iptables -X; iptables -t mangle -F; iptables -t mangle -X"),
)


@pytest.mark.parametrize("backend, show, flush", CASES)
def test_a_service_that_failed_is_stood_in_for(
    debian: Machine, debs: dict[str, Path], backend: str, show: str, flush: str
) -> None:
    rules = applied(debian, debs, backend, show, flush)
    answer(debian, FAILED)
    said = debian.run("/usr/libexec/vps-firewall/guard").stderr
    assert "failed" in said
    assert held(debian, show) == rules
    again = debian.run("/usr/libexec/vps-firewall/guard")
    assert again.stderr == "", "what is loaded is not loaded again"


@pytest.mark.parametrize("backend, show, flush", CASES)
def test_a_service_that_was_disabled_is_its_owners_decision(
    debian: Machine, debs: dict[str, Path], backend: str, show: str, flush: str
) -> None:
    rules = applied(debian, debs, backend, show, flush)
    answer(debian, DISABLED)
    debian.run("/usr/libexec/vps-firewall/guard")
    assert held(debian, show) != rules


def test_rules_of_somebody_else_are_not_loaded(debian: Machine, debs: dict[str, Path]) -> None:
    test_deb.put(debian, debs["this"])
    debian.write("/etc/iptables/rules.v4", "*filter\n:INPUT DROP [0:0]\nCOMMIT\n")
    answer(debian, FAILED)
    debian.run("/usr/libexec/vps-firewall/guard")
    assert ":INPUT DROP" not in debian.run("iptables-save").stdout


def applied(machine: Machine, debs: dict[str, Path], backend: str, show: str, flush: str) -> str:
    """A policy in force and saved, and then a kernel without it, as after a boot whose service failed."""
    test_deb.put(machine, debs["this"])
    policy = f"#cloud-config\nvps_firewall: {{backend: {backend}, allow: [http]}}\n"
    machine.run("vps-firewall", "apply", "-", given=policy)
    rules = held(machine, show)
    machine.run("sh", "-c", flush)
    assert held(machine, show) != rules
    return rules


def held(machine: Machine, show: str) -> str:
    shown = machine.run("sh", "-c", show, check=False).stdout
    return "\n".join(line for line in shown.splitlines() if line[:1] not in "#:")


def answer(machine: Machine, word: str) -> None:
    machine.write("/usr/local/sbin/systemctl", SYSTEMCTL.format(answer=word))
    machine.run("chmod", "755", "/usr/local/sbin/systemctl")


UNIT = "/usr/lib/systemd/system/vps-firewall-guard.service"


def complaints(machine: Machine) -> set[str]:
    done = machine.run("systemd-analyze", "verify", "--man=no", "default.target", check=False)
    return set((done.stdout + done.stderr).splitlines())


def test_debian_has_no_ordering_cycle(debian: Machine, debs: dict[str, Path]) -> None:
    debian.run("systemctl", "enable", "systemd-networkd.service", "systemd-networkd-wait-online.service")
    debian.run("systemctl", "add-wants", "multi-user.target", "cloud-init.target")
    before = complaints(debian)
    test_deb.put(debian, debs["this"])
    debian.run("vps-firewall", "install", "--sealed")
    assert "vps-firewall-guard.service" in debian.run("ls", "/etc/systemd/system/multi-user.target.wants").stdout
    assert complaints(debian) <= before
    # And would be told if there were one.
    text = debian.read(UNIT)
    debian.write(UNIT, text.replace("DefaultDependencies=no", ""))
    assert any("cycle" in line for line in complaints(debian))


# A mount that waits for cloud-init, as its own fsck drop-in once had it (cloud-init#3000), and as people write it for a
# disk that cloud-init makes: whoever comes after local-fs.target comes after the network.
MOUNT = """\
[Unit]
Before=local-fs.target
After=cloud-init.service cloud-init-network.service
[Mount]
What=/dev/vdb
Where=/srv
"""


@pytest.mark.parametrize("masked", [(), ("nftables.service", "netfilter-persistent.service")])
def test_a_mount_may_wait_for_cloud_init(debian: Machine, debs: dict[str, Path], masked: tuple[str, ...]) -> None:
    """Where our own unit loads the rules, too."""
    debian.run("systemctl", "enable", "systemd-networkd.service", "systemd-networkd-wait-online.service")
    debian.run("systemctl", "add-wants", "multi-user.target", "cloud-init.target")
    debian.write("/etc/systemd/system/srv.mount", MOUNT)
    debian.run("systemctl", "add-requires", "local-fs.target", "srv.mount")
    for unit in masked or ("netfilter-persistent.service",):  # it is after local-fs.target itself
        debian.run("systemctl", "mask", unit)
    if not masked:  # its owner's: else our own unit loads the rules
        debian.run("systemctl", "enable", "nftables.service")
    before = complaints(debian)
    test_deb.put(debian, debs["this"])
    debian.run("vps-firewall", "install", "--sealed")
    own = debian.read("/etc/systemd/system/vps-firewall.service")
    assert bool(own) == bool(masked)
    assert complaints(debian) <= before
    # And would be told if there were one.
    debian.write(UNIT, debian.read(UNIT).replace("After=", "After=local-fs.target "))
    assert any("cycle" in line for line in complaints(debian))


def test_el_has_no_ordering_cycle(el: Machine, rpms: dict[str, Path]) -> None:
    el.run("systemctl", "enable", "systemd-networkd.service", "systemd-networkd-wait-online.service")
    el.run("systemctl", "add-wants", "multi-user.target", "cloud-init.target")
    before = complaints(el)
    test_rpm.put(el, rpms["this"])
    el.run("vps-firewall", "install", "--sealed")
    assert complaints(el) <= before
    text = el.read(UNIT)
    el.write(UNIT, text.replace("Before=", "Before=sysinit.target "))
    assert any("cycle" in line for line in complaints(el))

"""A boot after the first, whose service loaded nothing: closed again and told, unless that is what its owner wants."""

from __future__ import annotations

import pytest

from cc_vps_firewall.boot import later_boot
from cc_vps_firewall.host.distributions import OWN_UNIT
from tests.lab.machine import CLOSED, OPEN, TOOLS, Ended, Machine

from .test_services import switch_on

GOOD = {"allow": ["http"]}
EVERYTHING = {(4, OPEN), (4, CLOSED), (6, OPEN), (6, CLOSED)}
SERVICES = {"nftables": OWN_UNIT, "iptables": "netfilter-persistent.service"}
OWN_RULES = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dport 3306 -j ACCEPT\nCOMMIT\n"
FLUSH = """nft flush ruleset
for tool in iptables ip6tables; do
    $tool -P INPUT ACCEPT; $tool -P FORWARD ACCEPT
    for table in filter mangle raw; do $tool -t $table -F; $tool -t $table -X; done
done
"""


def rebooted(machine: Machine, policy: object = GOOD) -> None:
    """A policy in force and saved, and a boot in which nothing loaded it."""
    machine.do(lambda: machine.install_services(machine.backend))
    assert not machine.apply(policy).raised
    machine.run(FLUSH)
    machine.run(": >/run/systemctl.log")


def stand_guard(machine: Machine) -> Ended:
    return machine.engine(lambda checkpoint: later_boot.reload_if_missing())


@pytest.mark.parametrize("tool", TOOLS)
def test_what_nobody_loaded_is_loaded_and_told(tool: str) -> None:
    with Machine(tool) as machine:
        rebooted(machine)
        assert machine.reachable() == EVERYTHING
        told = f"{SERVICES[machine.backend]} did not load the rules at this boot; they were loaded after it"
        assert stand_guard(machine).value == [told]
        machine.assert_closed()
        assert machine.command("verify").value == 0
        assert told in machine.status()["notes"]
        assert stand_guard(machine).value == [], "they are there: a tool that was slow to say so is no failure"


def test_a_test_that_fails_by_now_only_warns() -> None:
    """The policy was good when it was applied; a list has changed since."""
    with Machine("nftables") as machine:
        machine.do(lambda: machine.write("/etc/office.list", "192.0.2.0/24\n2001:db8:1::/64\n"))
        test = {"from": "office", "denied": ["3306/tcp"]}
        opening = {"port": "3306/tcp", "from": ["10.0.0.0/8"]}
        section = {"lists": {"office": {"file": "/etc/office.list"}}, "allow": [opening]}
        rebooted(machine, {**section, "tests": [test]})
        machine.do(lambda: machine.write("/etc/office.list", "10.0.0.0/8\n"))
        stand_guard(machine)
        machine.assert_closed()
        status = machine.status()
        assert status["result"] == "applied"
        (warning,) = status["warnings"]
        assert warning.startswith("vps_firewall.tests[0].denied[0]: 3306/tcp from 10.0.0.1 gets in by allow[0]")


def leave(machine: Machine, script: str) -> None:
    """What its owner has done since stays as it is."""
    machine.run(script)
    before, reachable = machine.state(), machine.reachable()
    run = stand_guard(machine)
    assert run.value == [], run
    assert machine.state() == before
    assert machine.reachable() == reachable
    assert machine.asked_of_systemctl() == []


@pytest.mark.parametrize("tool", TOOLS)
def test_rules_that_were_taken_away_stay_away(tool: str) -> None:
    """As the page says that tells how to get back in."""
    with Machine(tool) as machine:
        rebooted(machine, {"ssh": {"from": ["198.51.100.9"]}})
        leave(
            machine,
            "rm -f /etc/nftables/vps-firewall.nft /etc/iptables/rules.v4 /etc/iptables/rules.v6",
        )


def test_rules_of_its_owner_stay() -> None:
    with Machine("iptables-nft") as machine:
        rebooted(machine)
        leave(machine, f"printf '{OWN_RULES}' | tee /etc/iptables/rules.v4 >/etc/iptables/rules.v6")


@pytest.mark.parametrize("tool", TOOLS)
def test_a_service_that_was_disabled_stays_so(tool: str) -> None:
    with Machine(tool) as machine:
        rebooted(machine)
        leave(machine, "rm /etc/systemd/system/*.wants/*")


@pytest.mark.parametrize("rival", ["ufw", "firewalld"])
def test_another_firewall_that_was_switched_on_stays(rival: str) -> None:
    with Machine("nftables") as machine:
        rebooted(machine)
        switch_on(machine, rival)
        leave(machine, ":")


def test_no_firewall_of_ours_stays_none() -> None:
    with Machine("nftables") as machine:
        rebooted(machine)
        assert machine.apply({"enabled": False}).value["result"] == "disabled"
        leave(machine, ":")


def test_a_policy_that_is_good_no_more_leaves_the_host_closed() -> None:
    with Machine("nftables") as machine:
        machine.do(lambda: machine.write("/etc/office.list", "192.0.2.0/24\n"))
        section = {
            "lists": {"office": {"file": "/etc/office.list"}},
            "allow": [{"service": "http", "from": ["office"]}],
        }
        rebooted(machine, section)
        machine.run("rm /etc/office.list")
        (told,) = stand_guard(machine).value
        assert "could not be loaded after it: vps_firewall.lists.office" in told
        assert told.endswith("in force: the built-in policy")
        machine.assert_closed()


def test_what_breaks_on_the_way_leaves_the_host_closed() -> None:
    with Machine("nftables") as machine:
        rebooted(machine)
        machine.run("rm -f /run/vps-firewall.lock; mkdir /run/vps-firewall.lock")
        (told,) = stand_guard(machine).value
        assert "/run/vps-firewall.lock: Is a directory; in force: the last good policy" in told
        machine.assert_closed()
        assert machine.status()["notes"][1].startswith("loaded without a rehearsal")


def test_a_host_that_nothing_can_close_is_told_as_open() -> None:
    """cloud-init's side tries its few fixed rules then."""
    with Machine("nftables") as machine:
        rebooted(machine)
        machine.fake(nft="exit 1", iptables_restore="exit 1", ip6tables_restore="exit 1")
        assert "nothing could close this host" in stand_guard(machine).raised

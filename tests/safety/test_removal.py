"""`vps-firewall remove`: nothing of ours is left, all of everybody else's is, and it says what the host is then."""

from __future__ import annotations

import pytest

from cc_vps_firewall.boot import later_boot
from cc_vps_firewall.cli import removal
from cc_vps_firewall.host import facts, files, state
from tests.lab.machine import CLOSED, OPEN, TOOLS, Ended, Machine

from .test_services import switch_on

POLICY = {"ssh": {"from": ["192.0.2.1", "2001:db8:1::1"]}, "allow": ["http"], "deny": ["198.51.100.0/24"]}
EVERYTHING = {(4, OPEN), (4, CLOSED), (6, OPEN), (6, CLOSED)}
OPENED = "nothing filters what comes in: every port that something listens on is open to whoever reaches this host\n"
OF_OURS = ("vps-firewall", "vps_firewall", "VPSFW")


def assert_gone(machine: Machine, run: Ended) -> None:
    assert run.value == 0, run
    assert not any(word in machine.rules() for word in OF_OURS)
    left = {path: text for path, (_, text) in machine.files().items() if path != state.DONE}
    assert not any(word in path or word in text for path, text in left.items() for word in OF_OURS), left
    assert machine.run(f"ls -A {state.STATE}").split() in ([], ["instance"])


@pytest.mark.parametrize("tool", TOOLS)
def test_a_host_is_as_it_was_before(tool: str) -> None:
    with Machine(tool) as machine:
        instance(machine)
        before = machine.state()
        assert machine.command("apply", "FILE", policy=POLICY).value == 0
        assert machine.reachable() == {(4, OPEN), (6, OPEN)}
        run = machine.command("remove")
        assert_gone(machine, run)
        assert machine.reachable() == EVERYTHING
        after = machine.state()
        assert after.rules == before.rules
        assert {path: held for path, held in after.files.items() if path != state.DONE} == before.files
        assert f"removed the rules from {machine.backend}\n" in run.out
        assert run.out.endswith(OPENED)
        again = machine.command("remove")
        assert (again.value, again.out) == (0, f"there is nothing of vps-firewall to remove\n{OPENED}")


def instance(machine: Machine) -> None:
    machine.do(lambda: machine.write("/var/lib/cloud/data/instance-id", "i-1\n"))


@pytest.mark.parametrize("tool", TOOLS)
def test_what_is_other_peoples_stays(tool: str) -> None:
    with Machine(tool) as machine:
        instance(machine)
        machine.do(lambda: machine.install_services(machine.backend, enabled=True))
        machine.run("nft add table inet somebody; nft add chain inet somebody c")
        if machine.backend == "iptables":
            machine.run("iptables -t nat -A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE; iptables -N DOCKER-USER")
        before = machine.state()
        assert machine.command("apply", "FILE", policy=POLICY).value == 0
        assert_gone(machine, machine.command("remove"))
        after = machine.state()
        assert after.rules == before.rules
        assert {path: held for path, held in after.files.items() if path != state.DONE} == before.files
        assert not [line for line in machine.asked_of_systemctl() if line.startswith(("disable", "stop"))]


@pytest.mark.parametrize("tool", TOOLS)
def test_another_filter_is_named(tool: str) -> None:
    with Machine(tool) as machine:
        machine.run(
            "nft -f -", "table inet site { chain in { type filter hook input priority 5; tcp dport 3306 drop\n}\n}\n"
        )
        assert machine.command("apply", "FILE", policy=POLICY).value == 0
        run = machine.command("remove")
        assert run.out.endswith("what comes in is filtered by the table inet site of nftables alone\n")
        assert machine.reachable() == {(4, OPEN), (6, OPEN)}


@pytest.mark.parametrize("tool", TOOLS[1:])
def test_a_chain_of_iptables_that_refuses_is_named(tool: str) -> None:
    with Machine(tool) as machine:
        machine.run(
            "iptables -N f2b-sshd; iptables -I INPUT -p tcp --dport 22 -j f2b-sshd\n"
            "iptables -A f2b-sshd -s 198.51.100.9 -j REJECT"
        )
        assert machine.command("apply", "FILE", policy=POLICY).value == 0
        assert machine.command("remove").out.endswith("what comes in is filtered by iptables over IPv4 alone\n")


def test_who_was_disabled_for_us_is_named() -> None:
    with Machine("nftables") as machine:
        switch_on(machine, "firewalld")
        assert machine.command("apply", "FILE", "--replace", policy=POLICY).value == 0
        assert machine.command("apply", "FILE", policy={}).value == 0
        told = (
            "firewalld is still disabled, as vps-firewall left it; to have it back: systemctl unmask firewalld.service"
        )
        assert told in machine.command("remove").out


@pytest.mark.parametrize("tool", TOOLS)
def test_a_boot_after_it_does_nothing(tool: str) -> None:
    """Neither the module for the same user-data, nor its guard."""
    with Machine(tool) as machine:
        instance(machine)
        assert machine.command("apply", "FILE", policy=POLICY).value == 0
        assert machine.command("remove").value == 0
        assert machine.run(f"cat {state.DONE}") == "i-1"
        assert machine.engine(_stand_guard).value == []
        assert machine.reachable() == EVERYTHING


def _stand_guard(checkpoint: object) -> list[str]:
    return later_boot.reload_if_missing()


@pytest.mark.parametrize("tool", TOOLS)
def test_killed_at_any_moment_it_is_ended_by_the_next(tool: str) -> None:
    """And no boot in between puts the policy in force again."""
    with Machine(tool) as machine:
        instance(machine)
        machine.command("apply", "FILE", policy=POLICY)
        count = len(machine.engine(_removed).moments)
    assert count > 5
    for moment in range(count):
        with Machine(tool) as machine:
            instance(machine)
            machine.command("apply", "FILE", policy=POLICY)
            assert machine.engine(_removed, kill=moment).killed
            reachable = machine.reachable()
            assert machine.engine(_stand_guard).value == []
            assert machine.reachable() == reachable
            assert_gone(machine, machine.command("remove"))


def _removed(checkpoint: object) -> None:
    """remove(), whose moments are its calls of systemctl and of files."""
    assert callable(checkpoint)
    for name in ("remove", "remove_all", "save"):
        real = getattr(files, name)

        def announced(*given: object, real: object = real, name: str = name, **options: object) -> object:
            checkpoint(f"before {name}")
            assert callable(real)
            done = real(*given, **options)
            checkpoint(f"after {name}")
            return done

        setattr(files, name, announced)
    removal.remove(facts.inspect())


def test_an_uninstall_says_that_the_rules_stay(tmp_path: object) -> None:
    with Machine("nftables") as machine:
        assert machine.command("apply", "FILE", policy=POLICY).value == 0
        run = machine.command("uninstall")
        assert run.out == (
            "not installed; nothing was changed\nthe rules stay in force; `vps-firewall remove` takes them out\n"
        )
        machine.assert_closed()

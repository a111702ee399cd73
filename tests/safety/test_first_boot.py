"""A first boot whose policy is refused: something good is in force, the module fails, and the status says why."""

from __future__ import annotations

from typing import Any

import pytest

from cc_vps_firewall import policy
from tests.lab.machine import CLOSED, OPEN, TOOLS, Machine

GOOD = {"allow": ["3306/tcp"], "ssh": {"from": ["192.0.2.0/24", "2001:db8:1::/64"]}}
BAD = {"alow": ["http"], "ssh": {"from": ["192.0.2.1/24"]}, "allow": ["70000/tcp"]}
EVERYTHING_GOOD = {(4, OPEN), (4, CLOSED), (6, OPEN), (6, CLOSED)}


def assert_refused(machine: Machine, problems: list[str], in_force: str) -> None:
    status = machine.status()
    assert (status["result"], status["by"], status["in_force"]) == ("failed", "cloud-init", in_force)
    assert status["problems"] == problems
    assert len(problems) == 3
    assert any("alow" in problem and "did you mean allow" in problem for problem in problems)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_refused_policy_on_a_fresh_host(tool: str) -> None:
    with Machine(tool) as machine:
        problems = machine.handle(BAD).value
        machine.assert_closed()
        assert_refused(machine, problems, "the built-in policy")
        assert machine.command("verify").value == 0, "loaded, saved and enabled"
        assert machine.settled(), "nothing to gain from another boot"
        again = machine.handle(BAD)
        assert again.value == problems
        machine.assert_closed()


def test_a_policy_whose_test_fails_is_refused() -> None:
    """With a packet that shows it, as any refusal; what it would have opened stays closed."""
    with Machine("nftables") as machine:
        problems = machine.handle({"allow": ["http", "3306/tcp"], "tests": [{"denied": ["mysql"]}]}).value
        machine.assert_closed()
        assert machine.status()["in_force"] == "the built-in policy"
        assert machine.status()["problems"] == problems
        assert [problem.partition(" gets in by allow[1]")[0] for problem in problems] == [
            "vps_firewall.tests[0].denied[0]: 3306/tcp from 198.51.100.99"
        ]


@pytest.mark.parametrize("loaded", [True, False])
@pytest.mark.parametrize("tool", TOOLS)
def test_a_refused_policy_where_a_good_one_was_saved(tool: str, loaded: bool) -> None:
    """An image made from a machine that ran: its boot may have loaded what was saved, or not."""
    with Machine(tool) as machine:
        machine.apply(GOOD)
        good = machine.state()
        if not loaded:
            machine.run("nft flush ruleset; for t in iptables ip6tables; do $t -P INPUT ACCEPT; $t -F; $t -X; done")
            machine.run("for t in iptables ip6tables; do $t -t mangle -F; $t -t mangle -X; $t -P FORWARD ACCEPT; done")
        problems = machine.handle(BAD).value
        assert_refused(machine, problems, "the last good policy")
        assert machine.state() == good
        assert machine.reachable() == EVERYTHING_GOOD


def test_a_last_good_policy_that_is_good_no_more() -> None:
    """Its list file is gone: it is the built-in one that is in force, and that is what the status says."""
    with Machine("nftables") as machine:
        machine.do(lambda: machine.write("/etc/office.list", "192.0.2.0/24\n2001:db8:1::/64\n"))
        section = {"lists": {"office": {"file": "/etc/office.list"}}, "ssh": {"from": ["office"]}, "allow": ["http"]}
        assert not machine.apply(section).raised
        machine.run("rm /etc/office.list; nft flush ruleset")
        problems = machine.handle(BAD).value
        machine.assert_closed()
        assert_refused(machine, problems, "the built-in policy")


def test_a_saved_policy_that_is_not_json() -> None:
    with Machine("nftables") as machine:
        machine.run("mkdir -p /var/lib/vps-firewall; echo '{\"section\": ' >/var/lib/vps-firewall/policy.json")
        assert len(machine.handle(BAD).value) == 3
        machine.assert_closed()
        assert machine.command("verify").value == 0


DUPLICATES = b"#cloud-config\nvps_firewall:\n  allow: [http]\n  ssh: {from: [192.0.2.0/24]}\n  allow: [3306/tcp]\n"


@pytest.mark.parametrize("tool", TOOLS)
def test_keys_that_stand_twice_are_seen_although_cloud_init_has_merged_them(tool: str) -> None:
    with Machine(tool) as machine:
        run = machine.handle({"allow": ["3306/tcp"]}, user_data=DUPLICATES)
        assert run.value == ["vps_firewall.allow: is a duplicate key; write it once"]
        assert machine.reachable() == {(4, OPEN)}, "its SSH stands once, and lets nobody in over IPv6"
        assert machine.status()["problems"] == run.value


@pytest.mark.parametrize("section", [None, [], "web", 7, {"backend": []}, {"enabled": "false"}, {"ssh": {"from": []}}])
def test_nonsense_is_refused_closed(section: Any) -> None:
    with Machine("nftables") as machine:
        run = machine.handle(section)
        assert run.value, run
        assert run.value == machine.status()["problems"]
        machine.assert_closed()


def test_ten_thousand_problems() -> None:
    with Machine("nftables") as machine:
        run = machine.handle({"allow": [f"nosuch{n}" for n in range(10_000)]})
        machine.assert_closed()
        assert len(run.value) == 201
        problems = machine.status()["problems"]
        assert len(problems) == 201
        assert problems[-1] == "vps_firewall: and 9,800 more problems"


@pytest.mark.parametrize("tool", TOOLS)
def test_a_policy_that_is_switched_off_touches_nothing(tool: str) -> None:
    with Machine(tool) as machine:
        before = machine.state()
        assert machine.handle({"enabled": False}).value == []
        assert machine.state() == before
        assert machine.asked_of_systemctl() == []
        assert machine.status()["result"] == "disabled"
        assert machine.reachable() == EVERYTHING_GOOD


@pytest.mark.parametrize("tool", TOOLS)
def test_a_good_policy_after_all(tool: str) -> None:
    """The way it should go, for comparison: twice, as after a boot that lost its power."""
    with Machine(tool) as machine:
        built_in = dict(policy.BUILT_IN)
        for _ in range(2):
            assert machine.handle(GOOD).value == []
            assert machine.reachable() == EVERYTHING_GOOD
            assert machine.status()["by"] == "cloud-init"
            assert "in_force" not in machine.status()
            assert machine.command("verify").value == 0
        assert built_in == policy.BUILT_IN, "no run changes what all runs start from"


def test_what_is_wrong_is_told_although_the_rest_cannot_be_read() -> None:
    """An archive that is none: what to note of it nobody can say either."""
    with Machine("nftables") as machine:
        run = machine.handle({}, user_data=b"#cloud-config-archive\n- vps_firewall: {allow: [http]}\n- [\n")
        assert run.value[0].startswith("user-data: line"), run
        machine.assert_closed()


# --- sealed images ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", TOOLS)
def test_a_sealed_image_whose_owner_wants_no_firewall(tool: str) -> None:
    """Its seal goes: nobody would ever get in."""
    with Machine(tool) as machine:
        before = machine.state()
        machine.seal()
        run = machine.handle({"enabled": False})
        assert run.value == [], run
        assert machine.reachable() == EVERYTHING_GOOD
        assert machine.settled()
        status = machine.status()
        assert (status["result"], status["in_force"]) == ("disabled", "nothing of ours")
        assert "the seal of this image was taken out" in status["notes"]
        assert "vps_firewall" not in machine.rules()
        assert "VPSFW" not in machine.rules()
        assert {path for path in machine.files() if "rules." in path or path.endswith(".nft")} == set()
        assert machine.files()["/etc/nftables.conf"] == before.files["/etc/nftables.conf"]


@pytest.mark.parametrize("tool", ["iptables-nft", "iptables-legacy"])
def test_a_seal_of_iptables_lets_what_comes_after_it_in(tool: str) -> None:
    """Nothing can be saved, so that the last resort is loaded, by nft, which is there too: the seal would go on."""
    with Machine(tool) as machine:
        machine.seal({"backend": "iptables"})
        machine.run("mount -o remount,bind,ro /etc; mount -o remount,ro /var/lib")
        run = machine.handle({"allow": ["http"]})
        assert run.value, run
        machine.assert_closed()
        assert not machine.settled(), "the next boot has to try again"

"""A run that is killed, at each of its moments and at random ones: old or new is what is left, never between.

The moments are read off one run that is left alone, so that a step added to converge() is killed here too.
"""

from __future__ import annotations

import random

import pytest

from cc_vps_firewall import policy
from tests.engine import apply_stand_in
from tests.lab.machine import TOOLS, Ended, Machine, State

OLD = {"allow": ["http"]}
NEW = {
    "ssh": {"from": ["192.0.2.0/24", "2001:db8:1::/64"]},
    "allow": ["https", {"service": "smtp", "limit": "9/minute"}],
}
SSH_ALONE = {**policy.BUILT_IN, "ssh": NEW["ssh"]}  # what a first boot closes the host with, before all else


def moments_of(run: Ended) -> list[int]:
    assert not run.raised, run
    assert len(run.moments) >= 20, "before and after ten steps at least"
    return list(range(len(run.moments)))


def state_after(tool: str, *sections: object) -> State:
    with Machine(tool) as machine:
        for section in sections:
            assert not machine.apply(section).raised
        return machine.state()


def closed_first(tool: str) -> State:
    """The state that a first boot closes the host with: no policy to fall back on."""
    with Machine(tool) as machine:
        assert not machine.engine(lambda checkpoint: apply_stand_in(SSH_ALONE, checkpoint)).raised
        return machine.state()


def assert_one_of(machine: Machine, states: list[State], at: str) -> None:
    """The rules of both families are those of one state, and each saved file is whole: that of one state."""
    rules, files = machine.rules(), machine.files()
    assert rules in [state.rules for state in states], f"{at}: the kernel is between:\n{rules}"
    for path in {path for state in states for path in state.files} | set(files):
        if path not in machine.leftovers():
            whole = [state.files.get(path) for state in states]
            assert files.get(path) in whole, f"{at}: {path} is not whole: {files.get(path)}"


def assert_told(machine: Machine, at: str) -> None:
    """A killed run was either done, or says that it is not, or has not changed anything yet."""
    status = machine.status()
    assert status.get("result") in ("applied", "unfinished"), f"{at}: {status}"


@pytest.mark.parametrize("tool", TOOLS)
def test_killed_while_a_policy_replaces_another(tool: str) -> None:
    old, new = state_after(tool, OLD), state_after(tool, OLD, NEW)
    with Machine(tool) as machine:
        machine.apply(OLD)
        moments = moments_of(machine.apply(NEW))
    seen = set()
    for moment in moments:
        with Machine(tool) as machine:
            machine.apply(OLD)
            run = machine.apply(NEW, kill=moment)
            at = f"killed at {run.moments[-1]}"
            assert run.killed, at
            assert_one_of(machine, [old, new], at)
            assert_told(machine, at)
            assert machine.rules() == (new if "after load" in run.moments else old).rules, at
            seen.add(machine.state() == new)
            again = machine.apply(NEW)
            assert again.value["result"] in ("applied", "unchanged"), f"{at}: {again}"
            assert machine.state() == new, f"{at}: the next run does not mend it"
            assert machine.leftovers() == [], at
            assert machine.status()["result"] == again.value["result"], at
    assert seen == {True, False}, "kills before and after the change"


@pytest.mark.parametrize("tool", TOOLS)
def test_killed_at_first_boot(tool: str) -> None:
    """The process that does it all is killed, and nobody is left: from the first load on, the host is closed."""
    nothing, closed, new = state_after(tool), closed_first(tool), state_after(tool, NEW)
    with Machine(tool) as machine:
        whole = machine.first_boot(NEW)
        moments = moments_of(whole)
        assert whole.moments.count("after load") == 2, "closed first, and then as the policy says"
        machine.assert_closed()
    loaded = False
    for moment in moments:
        with Machine(tool) as machine:
            run = machine.first_boot(NEW, kill=moment)
            at = f"killed at {run.moments[-1]}, moment {moment}"
            assert run.killed, at
            assert_one_of(machine, [nothing, closed, new], at)
            loaded = loaded or run.moments[-1] == "after load"
            if loaded:
                machine.assert_closed()
                assert_told(machine, at)
    assert loaded


@pytest.mark.parametrize("tool", TOOLS)
def test_killed_under_cloud_init(tool: str) -> None:
    """The engine is a child of cloud-init: whenever it is killed, its parent sees to it that the host is closed."""
    states = {
        "the policy's own SSH alone": closed_first(tool),
        "the last good policy": state_after(tool, NEW),
    }
    with Machine(tool) as machine:
        moments = moments_of(machine.handle(NEW))
    seen = set()
    for moment in moments:
        with Machine(tool) as machine:
            run = machine.handle(NEW, kill=moment)
            at = f"killed at {run.moments[-1]}, moment {moment}"
            assert run.value == ["the engine was killed at its work (signal 9)"], f"{at}: {run}"
            assert not machine.settled(), f"{at}: the next boot does not try again"
            machine.assert_closed()
            status = machine.status()
            assert machine.state() == states[status["in_force"]], f"{at}: {status}"
            assert machine.leftovers() == [], at
            assert (status["result"], status["problems"]) == ("failed", run.value), at
            seen.add(status["in_force"])
    assert seen == set(states), "what was applied before the kill counts as good"


# Twenty thousand networks cost iptables-nft five seconds a run, and nftables half a second.
@pytest.mark.parametrize("tool, kills", [("nftables", 8), ("iptables-nft", 2), ("iptables-legacy", 5)])
def test_killed_at_any_time_with_many_networks(tool: str, kills: int) -> None:
    dice = random.Random(tool)
    networks = {f"{dice.randrange(1, 200)}.{dice.randrange(256)}.{dice.randrange(256)}.0/24" for _ in range(20_000)}
    many = {"allow": [{"service": "https", "from": [*sorted(networks), "2001:db8::/32"]}]}
    with Machine(tool) as machine:
        machine.apply(OLD)
        old, whole = machine.state(), machine.apply(many)
        assert not whole.raised, whole
        new = machine.state()
        assert len(new.rules) > 300_000
        for _ in range(kills):
            machine.apply(OLD)
            assert machine.state() == old
            assert machine.leftovers() == []
            run = machine.apply(many, kill=dice.uniform(0.05, whole.seconds))
            assert_one_of(machine, [old, new], f"killed after {run.seconds:.2f} s of {whole.seconds:.2f} s")

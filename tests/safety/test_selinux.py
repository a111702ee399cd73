"""EL, where SELinux is on: labels are set by the real restorecon, and whatever becomes of that, the rules stand."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from cc_vps_firewall.boot import later_boot
from cc_vps_firewall.host import state
from tests.engine import place
from tests.lab.machine import TOOLS, Machine

from .test_hosts import hidden, in_cloud_init
from .test_later_boot import FLUSH

OLD = {"allow": ["http"]}
NEW = {"ssh": {"from": ["192.0.2.0/24", "2001:db8:1::/64"]}, "allow": ["https", "smtp"]}

# What restorecon does instead of its work, and what is said of it.
BROKEN = {
    "fails": ("echo restorecon: cannot >&2; exit 1", "restorecon failed (1): restorecon: cannot"),
    "is killed": ("kill -9 $$", "restorecon failed (-9): it said nothing"),
    "hangs": ("sleep 60", "restorecon gave no answer in 3 s"),
    "hangs when it is done": ('$real "$@"; sleep 60', "restorecon gave no answer in 3 s"),
    "is missing": ("", "restorecon is not installed"),
}


def rule_files(machine: Machine) -> list[str]:
    return list(place("redhat", machine.backend).files.values())


def assert_labelled(machine: Machine) -> None:
    paths = [*rule_files(machine), state.POLICY]
    wanted = ["system_conf_t", "system_conf_t", "var_lib_t"]
    if machine.backend == "nftables":
        paths.append("/etc/sysconfig/nftables.conf")
        wanted = ["etc_t", "var_lib_t", "system_conf_t"]
    assert [machine.label(path) for path in paths] == wanted


def assert_in_force(machine: Machine) -> None:
    """The owner's own policy, in kernel and files, and nothing that stands in for it."""
    machine.assert_closed()
    status = machine.status()
    assert status["result"] in ("applied", "unchanged"), status
    assert "in_force" not in status
    assert [line.get("name") for line in status["open"]["ipv4"]] == [None, "https", "smtp"]
    verified = machine.command("verify")
    assert verified.value == 0, verified


def broken(machine: Machine, stack: ExitStack, how: str) -> None:
    if BROKEN[how][0]:
        machine.fake(restorecon=BROKEN[how][0])
    else:
        stack.enter_context(hidden(machine, "restorecon"))


@pytest.mark.parametrize("tool", TOOLS)
def test_the_same_policy_applied_twice(tool: str) -> None:
    with Machine(tool, "redhat") as machine:
        first = machine.command("apply", "FILE", policy=NEW)
        assert (first.value, machine.status()["result"]) == (0, "applied"), first
        assert_labelled(machine)
        assert_in_force(machine)
        again = machine.command("apply", "FILE", policy=NEW)
        assert (again.value, machine.status()["result"]) == (0, "unchanged"), again
        assert machine.status()["notes"] == []
        assert_in_force(machine)


@pytest.mark.parametrize("instances", [("i-1", "i-2"), ("i-1", "i-1")], ids=["a second instance", "twice"])
@pytest.mark.parametrize("tool", TOOLS)
def test_the_same_stanza_at_another_first_boot(tool: str, instances: tuple[str, str]) -> None:
    """Of a second instance, from an image of the first; or once more, the power having gone before it was marked."""
    with Machine(tool, "redhat") as machine:
        for instance in instances:
            assert in_cloud_init(machine, NEW, instance=instance) == ""
            assert_in_force(machine)
            assert_labelled(machine)
            assert machine.status()["notes"] == []
            assert machine.run(f"cat {state.DONE}") == instance
            if instances[0] == instances[1]:
                machine.run(f"rm {state.DONE}")
        machine.run(FLUSH)
        machine.run(f"rm -f {state.DONE}")
        assert in_cloud_init(machine, NEW, instance=instances[1]) == "", "and where nothing has loaded the files"
        assert_in_force(machine)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_later_boot_whose_service_loaded_nothing(tool: str) -> None:
    with Machine(tool, "redhat") as machine:
        machine.do(lambda: machine.install_services(machine.backend))
        assert in_cloud_init(machine, NEW, instance="i-1") == ""
        machine.run(FLUSH)
        told = "did not load the rules at this boot; they were loaded after it"
        assert told in in_cloud_init(machine, NEW, instance="i-1")
        assert_in_force(machine)
        assert machine.engine(lambda checkpoint: later_boot.reload_if_missing()).value == []
        assert_in_force(machine)


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("tool", TOOLS)
def test_labels_that_cannot_be_set_are_a_note(tool: str, how: str) -> None:
    note = f"SELinux labels were not set: {BROKEN[how][1]}"
    with Machine(tool, "redhat") as machine, ExitStack() as stack:
        broken(machine, stack, how)
        run = machine.handle(NEW)
        assert run.value == [], run
        assert machine.settled()
        assert machine.status()["notes"] == [note]
        assert_in_force(machine)
        assert run.seconds < 15, "what hangs costs a first boot a few seconds"
    with Machine(tool, "redhat") as machine, ExitStack() as stack:
        machine.apply(OLD)
        broken(machine, stack, how)
        run = machine.command("apply", "FILE", policy=NEW)
        assert run.value == 0, run
        assert machine.status()["notes"] == [note]
        assert f"note: {note}\n" in run.out
        again = machine.command("apply", "FILE", policy=NEW)
        assert (again.value, machine.status()["notes"]) == (0, []), "nothing was written: there is nothing to label"
        assert_in_force(machine)


@pytest.mark.parametrize("how", ["fails", "hangs"])
@pytest.mark.parametrize("tool", TOOLS)
def test_a_way_back_does_not_end_at_a_label(tool: str, how: str) -> None:
    with Machine(tool, "redhat") as machine, ExitStack() as stack:
        machine.apply(OLD)
        machine.run("rm -r /etc/systemd/system/*.wants")
        old = machine.state()
        broken(machine, stack, how)
        machine.fake(systemctl="echo no bus >&2; exit 1")
        run = machine.command("apply", "FILE", policy=NEW)
        assert run.value == 5, run
        assert run.err == "vps-firewall: systemctl failed (1): no bus; what was there before is back\n"
        assert machine.state() == old
        assert f"SELinux labels were not set: {BROKEN[how][1]}" in machine.status()["notes"]


@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize("tool", TOOLS)
def test_a_last_resort_is_labelled_if_it_can_be(tool: str, labels: bool) -> None:
    """Without CAP_SYS_ADMIN there is no rehearsal, and the built-in policy goes straight into the kernel."""
    with Machine(tool, "redhat") as machine, ExitStack() as stack:
        if not labels:
            broken(machine, stack, "fails")
        in_cloud_init(machine, NEW, wrap="exec setpriv --bounding-set -sys_admin --inh-caps -sys_admin")
        machine.assert_closed()
        status = machine.status()
        assert status["in_force"] == "the policy's own SSH alone"
        assert status["saved"], "the next boot is closed too"
        assert status["services"]
        assert {machine.label(path) for path in status["saved"]} == ({"etc_t"} if labels else {""})


@pytest.mark.parametrize("tool", TOOLS)
def test_what_restorecon_is_given(tool: str) -> None:
    """Paths, always; and no file in memory as its input: setfiles_t may not touch one, and each is told to the log."""
    with Machine(tool, "redhat") as machine:
        told = (
            'for fd in /proc/self/fd/*; do readlink $fd; done >>/run/told; echo "$# $*" >>/run/asked; exec $real "$@"'
        )
        machine.fake(restorecon=told)
        machine.apply(NEW)
        machine.apply(NEW)
        machine.apply(OLD)
        asked = machine.run("cat /run/asked").splitlines()
        assert len(asked) == 2
        assert all(int(line.split()[0]) == len(line.split()[1:]) > 0 for line in asked)
        told = machine.run("cat /run/told")
        assert "/dev/null" in told
        assert "memfd" not in told

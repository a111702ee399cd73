"""How a tool gets its text: by a pipe that holds all of it before the tool begins, whatever becomes of us.

A tool that SELinux confines may read a pipe, and no file in memory: it would read nothing, and say that all is well.
"""

from __future__ import annotations

import ctypes
import os

import pytest

from cc_vps_firewall.backends.registry import BACKENDS
from cc_vps_firewall.plan import decide
from cc_vps_firewall.policy import parse, userdata
from tests.lab.machine import TOOLS, Checkpoint, Ended, Machine, State

from .test_killed import NEW, OLD, assert_one_of

RESTORES = {"nftables": ("nft",), "iptables": ("iptables_restore", "ip6tables_restore")}
OTHERS = ("iptables_save", "ip6tables_save", "flock", "systemctl", "restorecon")
BIG = 5_000_000

# Its own descriptors, those of the shell that is asked among them; what it was given comes first.
LOOKS = (
    'for fd in /proc/$$/fd/*; do echo "$(basename $0) ${fd##*/} $(readlink $fd)" >>/run/given; done; exec $real "$@"'
)


def texts(name: str, section: object, size: int = 0) -> dict[int, str]:
    """A policy's texts, and so many bytes of comments in front of them."""
    made = decide.texts(name, parse(section, read_list=userdata.read_list))
    return {family: "# and so on\n" * (size // 12) + text for family, text in made.items()}


def load(machine: Machine, section: object, size: int = 0) -> Ended:
    """The engine at nothing but its load."""
    made = texts(machine.backend, section, size)
    return machine.engine(lambda checkpoint: BACKENDS[machine.backend].load(made))


def rules_of(tool: str, section: object) -> str:
    with Machine(tool) as machine:
        assert not load(machine, section).raised
        return machine.rules()


@pytest.mark.parametrize("tool", TOOLS)
def test_no_tool_is_given_a_file_in_memory(tool: str) -> None:
    with Machine(tool, "redhat") as machine:
        loads = RESTORES[machine.backend]
        machine.fake(**dict.fromkeys((*RESTORES["nftables"], *RESTORES["iptables"], *OTHERS), LOOKS))
        assert machine.handle(OLD).value == []
        assert machine.command("apply", "FILE", policy=NEW).value == 0
        assert machine.command("verify").value == 0
        machine.run("rm -r /etc/systemd/system/*.wants")
        machine.fake(systemctl="exit 1")
        assert machine.command("apply", "FILE", policy=OLD).value == 5, "and on the way back"
        given = [line.split(maxsplit=2) for line in machine.run("cat /run/given").splitlines()]
        assert {name for name, _, _ in given} >= {name.replace("_", "-") for name in loads}
        assert not [line for line in given if "memfd" in line[2]]
        inputs = {(name, what.partition(":")[0]) for name, fd, what in given if fd == "0"}
        for name in loads:
            assert (name.replace("_", "-"), "pipe") in inputs
        assert {what for name, what in inputs if name in ("systemctl", "restorecon")} == {"/dev/null"}


@pytest.mark.parametrize("size", [0, BIG])
@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_reads_all_of_it_although_we_are_gone(tool: str, size: int) -> None:
    """Killed when the tools have been started and have read nothing yet: both families go on, with the whole text."""
    new = rules_of(tool, NEW)
    with Machine(tool) as machine:
        assert not load(machine, OLD).raised
        kills = 'kill -9 $(cat /run/engine) 2>/dev/null; sleep 0.5; exec $real "$@"'
        machine.fake(**dict.fromkeys(RESTORES[machine.backend], kills))
        made = texts(machine.backend, NEW, size)

        def work(checkpoint: Checkpoint) -> None:
            machine.write("/run/engine", str(os.getpid()))
            BACKENDS[machine.backend].load(made)

        assert machine.engine(work).killed
        machine.mend()
        assert machine.rules() == new


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_that_ends_before_it_has_read_it(tool: str) -> None:
    with Machine(tool) as machine:
        assert not load(machine, OLD).raised
        old = machine.rules()
        machine.fake(**dict.fromkeys(RESTORES[machine.backend], "head -c 100 >/dev/null; echo enough >&2; exit 1"))
        run = load(machine, NEW, BIG)
        assert run.raised.startswith("ToolFailed: ")
        assert "failed (1): enough" in run.raised
        assert run.seconds < 10
        machine.mend()
        assert machine.rules() == old


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_that_hangs_over_it(tool: str) -> None:
    with Machine(tool) as machine:
        machine.fake(**dict.fromkeys(RESTORES[machine.backend], "sleep 60 & head -c 100 >/dev/null; wait"))
        made = texts(machine.backend, NEW, BIG)
        quick = {"process.TIMEOUT": 1.0, "process.BYTES_A_SECOND": 10_000_000}
        run = machine.engine(lambda checkpoint: BACKENDS[machine.backend].load(made), None, quick)
        assert "gave no answer in 1 s" in run.raised or "gave no answer in 2 s" in run.raised, run
        assert run.seconds < 10


@pytest.mark.parametrize("size", [0, BIG])
@pytest.mark.parametrize("tool", TOOLS)
def test_a_root_that_may_not_have_a_pipe_of_that_size(tool: str, size: int) -> None:
    """As in a container without CAP_SYS_RESOURCE: the limit is a megabyte there."""
    new = rules_of(tool, NEW)
    with Machine(tool) as machine:

        def work(checkpoint: Checkpoint) -> None:
            drop_resource()
            BACKENDS[machine.backend].load(texts(machine.backend, NEW, size))

        assert machine.run("cat /proc/sys/fs/pipe-max-size") == "1048576\n"
        assert not machine.engine(work).raised
        assert machine.rules() == new


def drop_resource() -> None:
    """Take CAP_SYS_RESOURCE (24, capabilities(7)) from this process: version 3 of capset(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    head, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(head, data) == 0
    data[0] &= ~(1 << 24)
    assert libc.capset(head, data) == 0


@pytest.mark.parametrize("tool", TOOLS)
def test_killed_at_any_time(tool: str) -> None:
    """A short policy, and kills all along the run, also between the steps that test_killed knows."""
    states: list[State] = []
    with Machine(tool) as machine:
        for section in (OLD, NEW):
            whole = machine.apply(section)
            assert not whole.raised
            states.append(machine.state())
        for number in range(24):
            assert machine.apply(OLD).value["result"] in ("applied", "unchanged")
            run = machine.apply(NEW, kill=whole.seconds * (number + 0.5) / 24)
            assert_one_of(machine, states, f"killed after {run.seconds:.3f} s of {whole.seconds:.3f} s")

"""Tools that are missing, old, broken, slow or lying: the old rules stay, and a first boot is closed all the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tests.lab.machine import TOOLS, Machine

OLD = {"allow": ["http"]}
NEW = {"allow": ["https", "smtp"]}
QUICK = {"process.TIMEOUT": 1.0, "process.BYTES_A_SECOND": 1_000_000, "iptables_backend.LOCK_WAIT": 1}

REAL = 'exec $real "$@"'
LIVE = f"[ $count = 2 ] || {REAL}"  # the first load is the rehearsal's, in each family
LATER = f"[ $count -gt 1 ] || {REAL}"
AFTER = f"[ $count -gt 2 ] || {REAL}"  # the first two dumps are of what there was, and of the rehearsal


@dataclass(frozen=True)
class Fault:
    """What a tool does instead of its work, and what then is said. `code` 0: where it is noticed differs."""

    code: int
    words: str
    load: str = REAL
    dump: str = REAL


FAULTS = {
    "fails": Fault(4, "Error: no buffer", load="echo Error: no buffer >&2; exit 1"),
    "fails on the live load": Fault(4, "Error: busy", load=f"{LATER}; echo Error: busy >&2; exit 1"),
    "is killed": Fault(4, "failed (", load=f"{LATER}; kill -9 $$"),
    "hangs": Fault(4, "gave no answer in 1 s", load="sleep 60"),
    "hangs on the live load": Fault(4, "gave no answer in 1 s", load=f"{LATER}; sleep 60"),
    "hangs after every live load": Fault(4, "gave no answer in 1 s", load=f'{LATER}; $real "$@"; sleep 60'),
    "hangs after the live load": Fault(4, "gave no answer in 1 s", load=f'{LIVE}; $real "$@"; sleep 60'),
    "says yes and does nothing": Fault(0, "of the rules are not there", load="exit 0"),
    "does nothing on the live load": Fault(5, "the kernel holds something else", load=f"{LATER}; exit 0"),
    "loses a rule": Fault(5, "the kernel holds something else", load=f'{LIVE}; grep -v https | $real "$@"'),
    "prints garbage for a dump": Fault(4, "printed something that is not", dump="echo '\\001garbage'"),
    "prints nothing for a dump": Fault(0, "", dump="exit 0"),
    "hangs at the dump": Fault(4, "gave no answer in 1 s", dump="sleep 60"),
    "fails at the dump": Fault(4, "Error: no memory", dump="echo Error: no memory >&2; exit 1"),
    "cannot dump what was loaded": Fault(5, "Error: late", dump=f"{AFTER}; echo Error: late >&2; exit 1"),
    "prints garbage for what was loaded": Fault(5, "printed something that is not", dump=f"{AFTER}; echo garbage"),
}


def break_tool(machine: Machine, fault: Fault, families: tuple[str, ...] = ("", "6")) -> None:
    def counted(work: str, body: str) -> str:
        file = f"/run/count.$(basename $0).{work}"
        return f"echo >>{file}; count=$(wc -l <{file}); {body}"

    if machine.backend == "nftables":
        load, dump = counted("load", fault.load), counted("dump", fault.dump)
        machine.fake(nft=f'case "$*" in -f*) {load};; *list*) {dump};; *) {REAL};; esac')
        return
    for family in families:
        machine.fake(**{f"ip{family}tables_restore": counted("load", fault.load)})
        machine.fake(**{f"ip{family}tables_save": counted("dump", fault.dump)})


def pinned(machine: Machine, policy: Mapping[str, object]) -> dict[str, object]:
    return {**policy, "backend": machine.backend}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("tool", TOOLS)
def test_a_broken_tool_leaves_the_old_rules(tool: str, name: str) -> None:
    fault = FAULTS[name]
    with Machine(tool) as machine:
        machine.apply(pinned(machine, OLD))
        old, told = machine.state(), machine.status()
        break_tool(machine, fault)
        run = machine.command("apply", "FILE", policy=pinned(machine, NEW), settings=QUICK)
        machine.mend()
        assert run.value == fault.code or (not fault.code and run.value in (4, 5)), run
        assert fault.words in run.err, run.err
        assert run.seconds < 30, "what hangs is killed with all that it started"
        assert ("nothing was changed" if run.value == 4 else "what was there before is back") in run.err, run.err
        assert machine.state() == old
        assert machine.leftovers() == []
        status = machine.status()
        assert status["result"] == "failed"
        assert status["failed_in"] in (("rehearse", "load") if run.value == 4 else ("load", "read back")), status
        assert status["problems"] == [run.err.strip().partition(": ")[2]]
        assert status["open"] == told["open"], "what is in force is what was"
        assert machine.command("apply", "FILE", policy=pinned(machine, NEW)).value == 0, "and mended, it works"


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("tool", TOOLS)
def test_a_first_boot_with_a_broken_tool_is_closed(tool: str, name: str) -> None:
    """The policy names the backend that is broken: it is not in force, and another way was found to close."""
    with Machine(tool) as machine:
        break_tool(machine, FAULTS[name])
        run = machine.handle(pinned(machine, NEW), settings=QUICK)
        machine.mend()
        machine.assert_closed()
        status = machine.status()
        if run.value:  # a fault that comes once may have met the built-in policy
            assert (status["result"], status["in_force"]) == ("failed", "the built-in policy")
            assert status["problems"] == run.value
            assert machine.reachable() == {(4, 22), (6, 22)}
        else:
            assert status["result"] == "applied"

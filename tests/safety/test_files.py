"""Disks that are full or cannot be written, files that others left or changed: whole files, or the old ones."""

from __future__ import annotations

import os
from functools import partial

import pytest

from cc_vps_firewall.host import state
from tests.engine import apply, place
from tests.lab.machine import TOOLS, Machine, State

OLD = {"allow": ["http"]}
NEW = {"allow": ["https", "smtp"]}
PAGE = 4096


def folder_of_rules(machine: Machine) -> str:
    return os.path.dirname(next(iter(place(machine.release, machine.backend).files.values())))


def fill(machine: Machine, folder: str, pages: int = 0) -> None:
    """Put the folder on a file system of its own with room for so many pages more."""
    machine.run(
        f"""set -e
        mkdir -p {folder} /run/small && mount -t tmpfs -o size=256k,mode=755 small /run/small
        cp -a {folder}/. /run/small/ && mount --move /run/small {folder}
        cat /dev/zero >{folder}/ballast 2>/dev/null || true
        truncate -s -{pages * PAGE} {folder}/ballast"""
    )


def read_only(machine: Machine, folder: str) -> None:
    machine.run(f"mkdir -p {folder} && mount --bind {folder} {folder} && mount -o remount,bind,ro {folder}")


FAULTS = {
    "no room for rules": lambda machine: fill(machine, folder_of_rules(machine)),
    "room for one file of two": lambda machine: fill(machine, folder_of_rules(machine), 3),
    "no room for the state": lambda machine: fill(machine, state.STATE),
    "rules read-only": lambda machine: read_only(machine, folder_of_rules(machine)),
    "state read-only": lambda machine: read_only(machine, state.STATE),
}
WORDS = {False: "No space left on device", True: "Read-only file system"}
CASES = [(t, fault) for t in TOOLS for fault in FAULTS if (t, fault) != ("nftables", "room for one file of two")]


def without_ballast(state: State) -> State:
    return State(state.rules, {p: f for p, f in state.files.items() if not p.endswith("ballast")})


@pytest.mark.parametrize("tool, fault", CASES)
def test_what_cannot_be_saved_is_not_in_force(tool: str, fault: str) -> None:
    with Machine(tool) as machine:
        machine.apply(OLD)
        old, told = machine.state(), machine.status()
        FAULTS[fault](machine)
        run = machine.command("apply", "FILE", policy=NEW)
        assert run.value == 5, run
        assert WORDS["read-only" in fault] in run.err
        assert run.err.endswith("; what was there before is back\n"), run.err
        assert without_ballast(machine.state()) == old
        status = machine.status()
        if "state" in fault:  # where nothing can be written, what was written is still true
            assert status == told
        else:
            assert (status["result"], status["failed_in"], status["open"]) == ("failed", "save", told["open"])
            assert status["in_force"] == f"what command left at {told['when']}"
        assert "Traceback" not in run.err


@pytest.mark.parametrize("tool, fault", CASES)
def test_a_first_boot_that_cannot_save_is_closed_all_the_same(tool: str, fault: str) -> None:
    with Machine(tool) as machine:
        FAULTS[fault](machine)
        run = machine.handle(NEW)
        assert len(run.value) == 1, run
        assert WORDS["read-only" in fault] in run.value[0], run
        machine.assert_closed()
        assert not machine.settled()
        assert machine.leftovers() == []
        # The other backend has another folder, and its service; nothing of /var/lib is needed at boot.
        unit = machine.asked_of_systemctl()[-1].partition("enable ")[2]
        assert unit in machine.run("ls /etc/systemd/system/*.wants"), "the next boot is closed too"
        if "state" not in fault:
            status = machine.status()
            assert (status["result"], status["in_force"]) == ("failed", "the built-in policy")


@pytest.mark.parametrize("tool", TOOLS)
def test_files_come_back_as_they_were_although_the_disk_is_full_by_then(tool: str) -> None:
    """The service cannot be enabled, and in the meantime somebody has filled the disk."""
    with Machine(tool) as machine:
        machine.apply(OLD)
        old = machine.state()
        machine.run("rm -r /etc/systemd/system/*.wants")
        fill(machine, folder_of_rules(machine), 64)
        folder = folder_of_rules(machine)
        machine.fake(systemctl=f"[ $1 = enable ] && cat /dev/zero >>{folder}/ballast; exit 1")
        run = machine.command("apply", "FILE", policy=NEW)
        assert run.value == 5, run
        rules = {p: f for p, f in old.files.items() if p.startswith(folder)}
        now = machine.state()
        assert {p: f for p, f in without_ballast(now).files.items() if p.startswith(folder)} == rules
        assert now.rules == old.rules


@pytest.mark.parametrize("tool", TOOLS)
def test_a_file_that_somebody_changed_is_told_and_mended(tool: str) -> None:
    with Machine(tool) as machine:
        machine.apply(OLD)
        old = machine.state()
        path = next(iter(place("debian", machine.backend).files.values()))
        machine.run(f"sed -i 's/dport 80 /dport 81 /' {path}; chmod 644 {path}")
        changed = machine.files()[path]
        verified = machine.command("verify")
        assert verified.value == 6
        less = [line for line in verified.out.splitlines() if line.startswith(f"+{path} ")]
        more = [line for line in verified.out.splitlines() if line.startswith(f"-{path} ")]
        assert len(less) == len(more) == old.files[path][1].count("dport 80 ") > 0
        assert all("dport 80 " in line for line in less)
        assert all("dport 81 " in line for line in more)
        machine.run("rm -r /etc/systemd/system/*.wants")
        machine.fake(systemctl="exit 1")
        assert machine.command("apply", "FILE", policy=NEW).value == 5
        assert machine.files()[path] == changed, "a run that fails puts back what it found"
        machine.mend()
        assert machine.command("apply", "FILE", policy=OLD).value == 0
        assert machine.state() == old
        assert machine.command("verify").value == 0


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_modes_do_not_depend_on_the_umask(umask: int) -> None:
    with Machine("iptables-nft") as machine:

        def work(checkpoint: object) -> None:
            os.umask(umask)
            assert state.STATE

            apply(OLD)

        run = machine.engine(work)
        assert not run.raised, run
        modes = machine.run(f"stat -c '%a %n' /etc/iptables /etc/iptables/* {state.STATE} {state.STATE}/*").split("\n")
        assert modes[:-1] == [
            "755 /etc/iptables",
            "600 /etc/iptables/rules.v4",
            "600 /etc/iptables/rules.v6",
            f"755 {state.STATE}",
            f"600 {state.POLICY}",
            f"600 {state.SERVICES}",
            f"600 {state.STATUS}",
            f"644 {state.PUBLIC}",
        ]


@pytest.mark.parametrize("tool", TOOLS)
def test_nothing_is_written_through_a_link_of_somebody_elses(tool: str) -> None:
    """Whoever may write into these folders owns the machine already; a link there still leads nowhere."""
    with Machine(tool) as machine:
        machine.run("echo precious >/etc/precious; mkdir -p /var/lib/vps-firewall")
        paths = [*place("debian", machine.backend).files.values(), state.POLICY, state.STATUS, state.PUBLIC]
        for path in paths:
            folder, name = os.path.split(path)
            machine.run(f"mkdir -p {folder}; ln -s /etc/precious {folder}/.{name}.vps-firewall")
        assert not machine.apply(OLD).raised
        assert machine.run("cat /etc/precious") == "precious\n"
        assert machine.leftovers() == []
        machine.run("rm /run/vps-firewall.lock; ln -s /etc/precious /run/vps-firewall.lock")
        assert machine.command("apply", "FILE", policy=NEW).value == 1
        assert machine.run("cat /etc/precious") == "precious\n"


def test_the_distributions_own_file_keeps_its_mode_and_its_bytes() -> None:
    with Machine("nftables") as machine:
        machine.do(lambda: machine.install_services("nftables", enabled=True))
        machine.do(partial(_write_latin, "/etc/nftables.conf"))
        before = machine.run("od -c /etc/nftables.conf")
        machine.run("mkdir -p /run/systemd/system")
        machine.fake(systemctl="exit 1")  # at the reload of units, when all is written
        assert machine.command("apply", "FILE", policy=OLD).value == 5
        assert machine.run("od -c /etc/nftables.conf; stat -c %a /etc/nftables.conf") == before + "640\n"
        machine.mend()
        assert machine.command("apply", "FILE", policy=OLD).value == 0
        assert machine.run("head -1 /etc/nftables.conf | od -An -tx1").split()[:5] == ["23", "20", "e9", "74", "e9"]
        assert machine.run("stat -c %a /etc/nftables.conf") == "640\n"
        assert machine.run("tail -1 /etc/nftables.conf") == 'include "/etc/nftables/vps-firewall.nft"\n'


def _write_latin(path: str) -> None:
    with open(path, "wb") as file:
        file.write("# été\nflush ruleset".encode("latin-1"))
    os.chmod(path, 0o640)

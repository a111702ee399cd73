"""The lab's own eyes, without a machine: what prober and judge make of a host's answers."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.boot import __main__ as lab_main
from tests.boot import disks, guests, machine, prober
from tests.boot.guests import GUESTS
from tests.boot.judge import Expected, Row, first_answers, judge, table
from tests.boot.machine import Answer, Boot, BootFailed
from tests.boot.prober import Heard, heard
from tests.boot.scenarios import WEB, Lab, tutorial
from tests.boot.wire import GATEWAY_MAC, GUEST, GUEST_MAC, TAP, Wire, wire
from tests.signals import DEFAULT_SIGNALS, ignored

# A host behind the tap device's place: a veth pair in namespaces of its own, with listeners where the guests have them.
HOST = f"""
set -e
ip link set lo up
ip link set eth0 address {GUEST_MAC}
echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad
ip addr add {GUEST["4"]}/24 dev eth0
ip addr add {GUEST["6"]}/64 dev eth0 nodad
ip link set eth0 up
ip route add default via 198.51.100.1
ip -6 route add default via 2001:db8:51::1
exec "$1" -c '
import socket, time
held = []
for port in (22, 80, 3306):
    listening = socket.socket(socket.AF_INET6)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("::", port))
    listening.listen(64)
    held.append(listening)
print("ready", flush=True)
time.sleep(600)
'
"""


@pytest.fixture
def network() -> Iterator[Wire]:
    """A veth pair instead of the tap device, and a host at its other end."""
    with wire() as made:
        subprocess.run(made.inside(["ip", "link", "del", TAP]), check=True)
        inside = ["unshare", "--net", "sh", "-c", "read -r go; " + HOST, "sh", sys.executable]
        host = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *inside], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert host.stdin is not None
        assert host.stdout is not None
        try:
            time.sleep(0.3)  # until it has a namespace of its own
            pair = ["ip", "link", "add", TAP, "type", "veth", "peer", "name", "eth0", "netns", str(host.pid)]
            subprocess.run(made.inside(pair), check=True)
            gateway = f"""set -e
                ip link set {TAP} address {GATEWAY_MAC}
                echo 0 >/proc/sys/net/ipv6/conf/{TAP}/accept_dad
                ip addr add 198.51.100.1/24 dev {TAP}
                ip addr add 2001:db8:51::1/64 dev {TAP} nodad
                ip addr add fe80::1/64 dev {TAP} nodad
                ip link set {TAP} up"""
            subprocess.run(made.inside(["sh", "-c", gateway]), check=True)
            host.stdin.write("go\n")
            host.stdin.flush()
            assert host.stdout.readline() == "ready\n"
            yield made
        finally:
            host.kill()
            host.communicate()


def watching(network: Wire) -> subprocess.Popen[bytes]:
    """A prober that has begun, started by a runner that ignores what it is going to be sent."""
    command = network.inside([sys.executable, prober.__file__, TAP, GUEST_MAC])
    with ignored():
        process = subprocess.Popen([*DEFAULT_SIGNALS, *command], stdout=subprocess.PIPE, bufsize=0)
    assert process.stdout is not None
    begun = b""
    while not begun.endswith(b"\n"):  # not a byte more: they are the test's
        byte = process.stdout.read(1)
        assert byte, "the prober did not start"
        begun += byte
    assert json.loads(begun)["what"] == "watching"
    return process


def stopped(process: subprocess.Popen[bytes]) -> list[dict[str, object]]:
    """What it says until its end, which comes in time and is none of a traceback."""
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=20)
    assert process.returncode == 0, said[-400:].decode()
    return [json.loads(line) for line in said.splitlines()]


def test_sees_what_a_host_without_a_firewall_answers(network: Wire) -> None:
    process = watching(network)
    time.sleep(4)
    said = stopped(process)
    seen = {(line["family"], line["knock"]): line["answer"] for line in said if line["what"] == "answer"}
    for family in ("4", "6", "link"):
        assert seen[family, "anyone 3306/tcp"] == "syn-ack"
        assert seen[family, "anyone 9999/tcp"] == "reset"
        assert seen[family, "anyone 5353/udp"] == "unreachable"
    assert seen["4", "office 22/tcp"] == seen["6", "office 22/tcp"] == "syn-ack"
    sums = said[-1]
    assert sums["what"] == "sums"
    assert all(n for n in sums["sent"].values())  # type: ignore[attr-defined]


def test_stopped_in_the_middle_of_a_line(network: Wire) -> None:
    """Nobody reads, so that it waits in a write when the signal comes: the line is whole, and the last is the sums."""
    process = watching(network)
    assert process.stdout is not None
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
    at_wait = Path(f"/proc/{process.pid}/wchan")
    deadline = time.monotonic() + 20
    while at_wait.read_text() not in ("pipe_write", "anon_pipe_write"):
        assert time.monotonic() < deadline, f"it never waits in a write: {at_wait.read_text()}"
        time.sleep(0.02)
    said = stopped(process)
    assert [line["what"] for line in said[:-1]] == ["answer"] * (len(said) - 1)
    assert said[-1]["what"] == "sums"


def test_stopped_at_any_moment(network: Wire) -> None:
    for turn in range(40):
        process = watching(network)
        time.sleep(turn / 400)
        assert stopped(process)[-1]["what"] == "sums"


def test_other_talk_is_no_answer() -> None:
    assert heard(b"\xff" * 12 + b"\x08\x06" + b"\0" * 28) is None  # ARP
    echo = prober.frame("4", GUEST_MAC, "192.0.2.1", prober.TCP, prober.tcp(20000, 80, prober.SYN, 1))
    assert heard(echo) == Heard(GUEST["4"], 80, "tcp", 0)  # a SYN of its own


# --- the judge ----------------------------------------------------------------------------------------------

AGAIN: tuple[dict[str, Any], ...] = tuple(
    {"exit": 0, "said": "", "enforced": True, "result": result, "notes": []}
    for result in ("unchanged", "applied", "applied")
)
REPORT: dict[str, Any] = {
    "again": AGAIN,
    "selinux": None,
    "cycles": [],
    "failed": [""],
    "module": {"began": 40.0, "ended": 42.0},
    "result": {"v1": {"errors": []}},
    "cloud_init": {"exit": 0, "status": {"status": "done", "recoverable_errors": {}}},
    "warnings": [],
    "verify": {"exit": 0, "said": "equal"},
    "status": {"result": "applied", "problems": []},
    "rules": "rules",
    "restarted": True,
    "addresses": [],
    "presets": [],
    "began": {"cloud-init-local.service": 21.0},
    "units": {
        "nftables.service": 20.0,
        "systemd-networkd.service": 25.0,
        "cloud-init.service": 45.0,
        "ssh.service": 50.0,
    },
}


def _good() -> Boot:
    served = tuple(
        Answer(at, family, knock, "syn-ack")
        for family in ("4", "6", "link")
        for knock in sorted(WEB)
        for at in (55.0, 65.0)
        if family != "link" or "office" not in knock
    )
    sent = {"4 anyone 80/tcp": 300}
    return Boot("off", 80.0, {"converging": 40.5, "settled": 60.0}, served, sent, 0.3, "", REPORT)


def test_a_good_boot_has_no_problem() -> None:
    row = judge("debian12", "first boot", _good(), Expected(WEB))
    assert row.problems == ()
    assert (row.leaks, row.sealed, row.in_force, row.sshd, row.added) == (0, 20.0, 42.0, 50.0, 2.0)
    assert "first boot" in table([row])
    assert row.first["anyone 80/tcp"] == "55/55/55"
    assert row.first["anyone 3306/tcp"] == "."
    assert "55/55/." in first_answers([row])


@pytest.mark.parametrize(
    "change, expected, word",
    [
        (
            {"answers": (*_good().answers, Answer(30.0, "6", "anyone 3306/tcp", "reset"))},
            Expected(WEB),
            "IPv6 anyone 3306",
        ),
        ({"answers": _good().answers[:-1]}, Expected(WEB), "is not answered"),
        ({"moments": {"settled": 60.0, "leaving": 64.0}}, Expected(WEB), "is not answered"),
        ({"sent": {"4 anyone 80/tcp": 0}}, Expected(WEB), "nobody knocked at"),
        ({"widest": 9.0}, Expected(WEB), "proves nothing"),
        ({"end": "hung"}, Expected(WEB), "never came to its end"),
        ({"report": {}}, Expected(WEB), "no report"),
        ({"console": "systemd[1]: x.service: Job y/start deleted to break ordering cycle"}, Expected(WEB), "cycle"),
        ({}, Expected(WEB, cycles=True), "the log does not tell"),
        ({}, Expected(WEB, cycles=True), "systemd-analyze does not tell"),
        ({}, Expected(WEB, note="ufw"), "does not mention 'ufw'"),
        ({}, Expected(WEB, problem="allow[1]"), "the console does not say"),
        ({}, Expected(WEB, result=("failed",)), "expected was failed"),
        ({}, Expected(WEB, clean=False), "reports no error"),
        ({}, Expected(WEB, problem="allow[1]"), "the status does not say"),
        ({}, Expected(WEB, rules_as="other rules"), "rules that it held before"),
    ],
)
def test_each_check_can_fail(change: dict[str, object], expected: Expected, word: str) -> None:
    problems = judge("debian12", "x", replace(_good(), **change), expected).problems  # type: ignore[arg-type]
    assert any(word in problem for problem in problems), problems


@pytest.mark.parametrize(
    "told, word",
    [
        ({"verify": {"exit": 6, "said": "-rule"}}, "verify: exit 6"),
        ({"warnings": ["[WARNING]: x"]}, "[WARNING]: x"),
        ({"verified": ("x: Found ordering cycle",)}, "systemd-analyze: x: Found"),
        ({"failed": ["x.service loaded failed"]}, "x.service failed"),
        ({"result": {"v1": {"errors": ["no"]}}}, "cloud-init: no"),
        ({"cloud_init": {"status": {"status": "done", "recoverable_errors": {"WARNING": ["x"]}}}}, "recoverable"),
        ({"cloud_init": {"status": {"status": "done", "extended_status": "degraded done"}}}, "degraded"),
        ({"units": {**REPORT["units"], "nftables.service": 30.0}}, "saved rules were loaded at 30.0"),
        ({"began": {"cloud-init-local.service": 19.0}}, "cloud-init began at 19.0"),
        ({"restarted": False}, "does not load what is saved"),
        ({"again": ({**AGAIN[0], "exit": 1, "said": "restorecon: usage"}, *AGAIN[1:])}, "apply: exit 1"),
        ({"again": ({**AGAIN[0], "result": "applied"}, *AGAIN[1:])}, "applied for unchanged"),
        ({"again": (*AGAIN[:2], {**AGAIN[2], "notes": ["labels were not set"]})}, "labels were not set"),
        ({"units": {**REPORT["units"], "ssh.service": 44.0}}, "sshd was up at 44.0"),
    ],
)
def test_what_the_guest_says_can_fail_it(told: dict[str, object], word: str) -> None:
    boot = replace(_good(), report={**REPORT, **told})
    problems = judge("debian12", "x", boot, Expected(WEB)).problems
    assert any(word in problem for problem in problems), problems


def test_addresses_that_were_asked_for_are_missed_one_by_one() -> None:
    made = f"{GUEST['6'].partition('::')[0]}::5054:ff:fe12:3456"
    for missing in (GUEST["4"], GUEST["6"], made):
        told = {
            **REPORT,
            "selinux": {"labels": "", "denied": []},
            "addresses": {GUEST["4"], GUEST["6"], made} - {missing},
        }
        told["again"] = AGAIN
        row = judge("el9-networkmanager", "x", replace(_good(), report=told), Expected(WEB))
        assert [problem.partition(":")[0].startswith("no address") for problem in row.problems] == [True]


def test_presets_that_could_not_be_applied_are_told() -> None:
    told = {**REPORT, "selinux": {"labels": "", "denied": []}, "presets": ["systemd[1]: Failed to populate preset"]}
    row = judge("el9-nftables", "x", replace(_good(), report=told), Expected(WEB))
    assert row.problems == ("presets: systemd[1]: Failed to populate preset",)


def test_without_ipv6_nobody_is_missed_there() -> None:
    boot = replace(_good(), answers=tuple(answer for answer in _good().answers if answer.family == "4"))
    assert judge("debian12-no-ipv6", "x", boot, Expected(WEB)).problems == ()
    assert judge("debian12", "x", boot, Expected(WEB)).problems


def test_what_the_last_instance_opened_may_answer_until_ours_has_spoken() -> None:
    expected = Expected(WEB, before=frozenset({"anyone 8080/tcp"}))
    early, late = (
        replace(_good(), answers=(*_good().answers, Answer(at, "4", "anyone 8080/tcp", "x"))) for at in (41, 43)
    )
    assert judge("debian12", "second", early, expected).problems == ()
    assert judge("debian12", "second", late, expected).leaks == 1


def test_in_a_boot_in_which_the_module_had_nothing_to_do_the_saved_rules_are_the_policy() -> None:
    open_late = (*_good().answers, Answer(30.0, "4", "anyone 8080/tcp", "x"))
    reboot = replace(_good(), moments={"settled": 60.0}, answers=open_late)
    row = judge("debian12", "reboot", reboot, Expected(WEB, before=frozenset({"anyone 8080/tcp"})))
    assert (row.in_force, row.leaks) == (20.0, 1)


def test_a_machine_that_nothing_can_close_is_told_and_not_judged() -> None:
    open_still = replace(_good(), answers=(*_good().answers, Answer(70.0, "4", "anyone 3306/tcp", "syn-ack")))
    row = judge("debian12", "no repository", open_still, Expected(WEB, closed=False))
    assert (row.leaks, row.problems) == (1, ())


# --- a boot that fails ----------------------------------------------------------------------------------------


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lab:
    """No disk is made, and every boot is a good one."""
    disk = disks.Disk(tmp_path / "kernel", tmp_path / "initrd", tmp_path / "disk", ())
    monkeypatch.setattr(disks, "disk_of", lambda guest, flavour: disk)
    for made in ("overlay", "copy"):
        monkeypatch.setattr(disks, made, lambda source, target: target)
    monkeypatch.setattr(machine, "seed", lambda folder, *asked: folder)
    monkeypatch.setattr(machine, "boot", lambda *where, **how: _good())
    return Lab(Wire(0), GUESTS["debian12"], disks.SEALED, tmp_path)


@pytest.mark.parametrize(
    "failure", [StopIteration("sums"), BootFailed("the prober did not start"), OSError(28, "full")]
)
def test_a_boot_that_raises_is_one_bad_row(failure: Exception, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    boots = iter([failure])

    def boot(*where: object, **how: object) -> Boot:
        for raised in boots:
            raise raised
        return _good()

    monkeypatch.setattr(machine, "boot", boot)
    rows = list(tutorial(lab))
    names = ["first boot", "reboot", "second instance", "second instance, same stanza"]
    assert [row.scenario for row in rows] == names
    assert [bool(row.problems) for row in rows] == [True, False, True, False]  # the third opens other ports
    assert str(failure) in rows[0].problems[0]
    assert "anyone 443/tcp" in rows[2].problems[0]
    assert "first boot" in table(rows)
    assert "first boot" in first_answers(rows)


def test_a_report_that_nobody_can_read_is_one_bad_row(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "boot", lambda *where, **how: replace(_good(), report={"cycles": []}))
    rows = list(tutorial(lab, short=True))
    assert [row.scenario for row in rows] == ["first boot", "reboot"]
    assert "KeyError" in rows[0].problems[0]


def test_a_job_that_raises_ends_no_other(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def raises(network: Wire) -> Iterator[Row]:
        yield from tutorial(lab, short=True)
        raise ValueError("nobody foresaw this")

    def kills_its_wire(network: Wire) -> Iterator[Row]:
        os.kill(network.holder, signal.SIGKILL)
        yield from ()
        raise BootFailed("its network is gone")

    monkeypatch.setattr(guests, "cache_directory", lambda: tmp_path)
    jobs = [raises, kills_its_wire, lambda network: tutorial(lab, short=True)]
    monkeypatch.setattr(lab_main, "full", lambda *asked: jobs)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert lab_main.main(["--machines", "1"]) == 1
    finally:
        signal.signal(signal.SIGTERM, before)
    out = capsys.readouterr().out
    assert out.count("first boot") == out.count("reboot") == 2 * 2  # both tables
    assert "ValueError: nobody foresaw this" in out
    assert "PROBLEM: its network is gone" in out
    assert "4 boots in 0 minutes, 2 not as they have to be" in out

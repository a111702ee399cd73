"""The lab's own eyes, without a machine: what prober and judge make of a host's answers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.boot import prober
from tests.boot.judge import Expected, first_answers, judge, table
from tests.boot.machine import Answer, Boot
from tests.boot.prober import Heard, heard
from tests.boot.scenarios import WEB
from tests.boot.wire import GATEWAY_MAC, GUEST, GUEST_MAC, TAP, Wire, wire

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
    with wire() as made:
        yield made


def _watched(network: Wire, seconds: float) -> list[dict[str, object]]:
    """A veth pair instead of the tap device, a host at its other end, and the prober for a while."""
    subprocess.run(network.inside(["ip", "link", "del", TAP]), check=True)
    host = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sh", "-c", "read -r go; " + HOST, "sh", sys.executable],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert host.stdin is not None
    assert host.stdout is not None
    try:
        time.sleep(0.3)  # until it has a namespace of its own
        pair = ["ip", "link", "add", TAP, "type", "veth", "peer", "name", "eth0", "netns", str(host.pid)]
        subprocess.run(network.inside(pair), check=True)
        gateway = f"""set -e
            ip link set {TAP} address {GATEWAY_MAC}
            echo 0 >/proc/sys/net/ipv6/conf/{TAP}/accept_dad
            ip addr add 198.51.100.1/24 dev {TAP}
            ip addr add 2001:db8:51::1/64 dev {TAP} nodad
            ip addr add fe80::1/64 dev {TAP} nodad
            ip link set {TAP} up"""
        subprocess.run(network.inside(["sh", "-c", gateway]), check=True)
        host.stdin.write("go\n")
        host.stdin.flush()
        assert host.stdout.readline() == "ready\n"
        command = network.inside([sys.executable, prober.__file__, TAP, GUEST_MAC])
        watching = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        time.sleep(seconds)
        watching.send_signal(signal.SIGTERM)
        told, _ = watching.communicate(timeout=20)
    finally:
        host.kill()
        host.wait()
    return [json.loads(line) for line in told.splitlines()]


def test_sees_what_a_host_without_a_firewall_answers(network: Wire) -> None:
    told = _watched(network, 4)
    seen = {(t["family"], t["knock"]): t["answer"] for t in told if t["what"] == "answer"}
    for family in ("4", "6", "link"):
        assert seen[family, "anyone 3306/tcp"] == "syn-ack"
        assert seen[family, "anyone 9999/tcp"] == "reset"
        assert seen[family, "anyone 5353/udp"] == "unreachable"
    assert seen["4", "office 22/tcp"] == seen["6", "office 22/tcp"] == "syn-ack"
    sums = told[-1]
    assert sums["what"] == "sums"
    assert all(n for n in sums["sent"].values())  # type: ignore[attr-defined]


def test_other_talk_is_no_answer() -> None:
    assert heard(b"\xff" * 12 + b"\x08\x06" + b"\0" * 28) is None  # ARP
    echo = prober.frame("4", GUEST_MAC, "192.0.2.1", prober.TCP, prober.tcp(20000, 80, prober.SYN, 1))
    assert heard(echo) == Heard(GUEST["4"], 80, "tcp", 0)  # a SYN of its own


# --- the judge ----------------------------------------------------------------------------------------------

REPORT = {
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
    row = judge("guest", "first boot", _good(), Expected(WEB))
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
    problems = judge("guest", "x", replace(_good(), **change), expected).problems  # type: ignore[arg-type]
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
        ({"units": {**REPORT["units"], "nftables.service": 30.0}}, "saved rules were loaded at 30.0"),  # type: ignore[dict-item]
        ({"began": {"cloud-init-local.service": 19.0}}, "cloud-init began at 19.0"),
        ({"restarted": False}, "does not load what is saved"),
        ({"units": {**REPORT["units"], "ssh.service": 44.0}}, "sshd was up at 44.0"),  # type: ignore[dict-item]
    ],
)
def test_what_the_guest_says_can_fail_it(told: dict[str, object], word: str) -> None:
    boot = replace(_good(), report={**REPORT, **told})
    problems = judge("guest", "x", boot, Expected(WEB)).problems
    assert any(word in problem for problem in problems), problems


def test_what_the_last_instance_opened_may_answer_until_ours_has_spoken() -> None:
    expected = Expected(WEB, before=frozenset({"anyone 8080/tcp"}))
    early, late = (
        replace(_good(), answers=(*_good().answers, Answer(at, "4", "anyone 8080/tcp", "x"))) for at in (41, 43)
    )
    assert judge("guest", "second", early, expected).problems == ()
    assert judge("guest", "second", late, expected).leaks == 1


def test_in_a_boot_in_which_the_module_had_nothing_to_do_the_saved_rules_are_the_policy() -> None:
    open_late = (*_good().answers, Answer(30.0, "4", "anyone 8080/tcp", "x"))
    reboot = replace(_good(), moments={"settled": 60.0}, answers=open_late)
    row = judge("guest", "reboot", reboot, Expected(WEB, before=frozenset({"anyone 8080/tcp"})))
    assert (row.in_force, row.leaks) == (20.0, 1)


def test_a_machine_that_nothing_can_close_is_told_and_not_judged() -> None:
    open_still = replace(_good(), answers=(*_good().answers, Answer(70.0, "4", "anyone 3306/tcp", "syn-ack")))
    row = judge("guest", "no repository", open_still, Expected(WEB, closed=False))
    assert (row.leaks, row.problems) == (1, ())

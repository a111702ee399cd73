"""lists of four sizes x three tools -> seconds, by pytest-benchmark, one measure after another in turns.

It is run by `make bench`, and never by `make test`: no time is an assertion. Every tool has a machine of its own
(namespaces on this kernel). One turn measures everything of one size once, so that a busy moment of this computer
meets all of it alike; turns are put together afterwards.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from cc_vps_firewall.apply.status import Status
from cc_vps_firewall.host import facts
from cc_vps_firewall.host.facts import Host
from cc_vps_firewall.policy import userdata
from tests.bench.networks import changed, networks
from tests.engine import apply, rendered
from tests.lab.machine import REPOSITORY, TOOLS, Machine

TUTORIAL: dict[str, Any] = {
    "ssh": {"from": ["203.0.113.7"]},
    "allow": ["http", "https", "smtp", "smtps", "pop3", "pop3s", "imap", "imaps"],
}

# The commands of the tutorial, in its order, with its typing slips put right; the seventeenth would save.
SIXTEEN_CALLS = """\
iptables -F
iptables -A INPUT -p tcp --tcp-flags ALL NONE -j DROP
iptables -A INPUT -p tcp ! --syn -m state --state NEW -j DROP
iptables -A INPUT -p tcp --tcp-flags ALL ALL -j DROP
iptables -A INPUT -i lo -j ACCEPT
iptables -A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
iptables -A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
iptables -A INPUT -p tcp -m tcp --dport 25 -j ACCEPT
iptables -A INPUT -p tcp -m tcp --dport 465 -j ACCEPT
iptables -A INPUT -p tcp -m tcp --dport 110 -j ACCEPT
iptables -A INPUT -p tcp -m tcp --dport 995 -j ACCEPT
iptables -A INPUT -p tcp -m tcp --dport 143 -j ACCEPT
iptables -A INPUT -p tcp -m tcp --dport 993 -j ACCEPT
iptables -A INPUT -p tcp -s 203.0.113.7 -m tcp --dport 22 -j ACCEPT
iptables -I INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT
iptables -P INPUT DROP
"""

SIZES = {0: 11, 1_000: 5, 10_000: 3, 100_000: 3}  # networks (0: the tutorial's own policy) -> turns
MEASURES = ("sixteen calls", "parse inline", "parse and render", "tool", "first", "same", "changed")
LISTS = ("/run/list", "/run/list-of-tomorrow")


TURNS = [
    (size, turn, tool, measure)
    for size, often in SIZES.items()
    for turn in range(often)
    for tool in TOOLS
    for measure in MEASURES
    if measure != "sixteen calls" or (size == 0 and tool != "nftables")
]


def section(machine: Machine, size: int, path: str = LISTS[0]) -> dict[str, Any]:
    chosen = {**TUTORIAL, "backend": machine.backend}
    if size:
        chosen.update(ssh={"from": ["office"]}, lists={"office": {"file": path}})
    elif path == LISTS[1]:
        chosen.update(allow=TUTORIAL["allow"][:-1])
    return chosen


@pytest.fixture(scope="session")
def machines() -> Iterator[dict[str, Machine]]:
    with ExitStack() as stack:
        yield {tool: stack.enter_context(Machine(tool)) for tool in TOOLS}


@pytest.fixture(scope="session")
def lists() -> dict[int, tuple[list[str], list[str]]]:
    made = {size: networks(size) for size in SIZES if size}
    return {size: (nets, changed(nets)) for size, nets in made.items()}


@pytest.mark.parametrize(("size", "turn", "tool", "measure"), TURNS)
def test_speed(
    benchmark: Any,
    machines: dict[str, Machine],
    lists: dict[int, tuple[list[str], list[str]]],
    size: int,
    turn: int,
    tool: str,
    measure: str,
) -> None:
    machine = machines[tool]
    work = machine.do(lambda: prepare(machine, measure, size, lists.get(size, ([], []))))
    machine.do(lambda: benchmark.pedantic(work, rounds=1))
    benchmark.extra_info.update(size=size, tool=tool, measure=measure)
    if turn == 0 and measure in ("tool", "first"):
        benchmark.extra_info["kib"] = machine.do(lambda: heaviest(machine, measure, size))


def prepare(machine: Machine, measure: str, size: int, nets: tuple[list[str], list[str]]) -> Callable[[], object]:
    """What is to be timed; everything else is done here. The measures of a turn build on each other."""
    policy, host = section(machine, size), facts.inspect()
    if measure == "parse inline":
        whole = policy if not size else {**policy, "ssh": {"from": nets[0]}, "lists": {}}
        data = f"#cloud-config\n{json.dumps({'vps_firewall': whole}, indent=1)}\n".encode()
        return lambda: rendered(userdata.section(data), host)
    if measure == "parse and render":
        for path, its in zip(LISTS, nets):
            machine.write(path, "\n".join(its) + "\n")
        return lambda: rendered(policy, host)
    if measure in ("sixteen calls", "tool"):
        empty(machine)
        script = SIXTEEN_CALLS if measure == "sixteen calls" else load_alone(machine, policy, host)
        return lambda: machine.sh("set -e\n" + script)
    if measure == "first":
        empty(machine)
    if measure == "changed":
        policy = section(machine, size, LISTS[1])
    if measure == "same":
        apply(policy, host=host)  # heaviest() applied it in a program of its own, which sees no uplink
    expected = "unchanged" if measure == "same" else "applied"
    return lambda: _applied(apply(policy, host=host), expected)


def _applied(status: Status, expected: str) -> None:
    assert status["result"] == expected, status


def load_alone(machine: Machine, policy: object, host: Host) -> str:
    """The shell line that loads a policy's text as the services at boot do: a file, and one family after another."""
    _, texts = rendered(policy, host)
    for family, text in texts.items():
        machine.write(f"/run/text.{family}", text)
    if machine.tool == "nftables":
        return "nft -f /run/text.0"
    return "iptables-restore </run/text.4 && ip6tables-restore </run/text.6"


def empty(machine: Machine) -> None:
    """The machine as it was before the first policy."""
    clear = "".join(f"*{table}\\n:FORWARD ACCEPT [0:0]\\nCOMMIT\\n" for table in ("mangle", "filter"))
    machine.sh(
        f"nft flush ruleset; printf '{clear}' | tee /run/clear | iptables-legacy-restore; "
        "ip6tables-legacy-restore </run/clear; "
        "rm -rf /var/lib/vps-firewall /etc/iptables /etc/nftables /etc/systemd/system/*.wants"
    )


def heaviest(machine: Machine, measure: str, size: int) -> int:
    """Peak memory in KiB of the tool that loads, or of a Python that does nothing but converge()."""
    what = load_alone(machine, section(machine, size), facts.inspect()) if measure == "tool" else section(machine, size)
    argv = [sys.executable, "-m", "tests.bench.heaviest", json.dumps(what)]
    done = subprocess.run(argv, cwd=REPOSITORY, env=machine.environment, capture_output=True, text=True, check=True)
    return int(done.stdout)

"""explain --live and who --live beside the real programs: what they say of a packet is what becomes of it."""

from __future__ import annotations

import ipaddress
import json
import socket
from itertools import product
from typing import Any

import pytest

from tests.lab.machine import ADDRESS, CLOSED, NEIGHBOUR, OPEN, Machine

from .docker import docker
from .test_bans import BANS, TOOLS

ASKED = [*product((4, 6), (OPEN, CLOSED))]


def explained(machine: Machine, port: int, family: int) -> dict[str, Any]:
    run = machine.command("explain", f"{port}/tcp", "--from", NEIGHBOUR[family], "--live", "--json")
    return dict(json.loads(run.out))


def let_in(machine: Machine) -> set[tuple[int, int]]:
    """The same of who --live: (family, port) that the neighbour is in a part of."""
    told = json.loads(machine.command("who", "--live", "--json").out)
    return {
        (family, port)
        for family, port in ASKED
        for part in told[f"ipv{family}"]
        if part["verdict"] == "accept" and part["protocol"] == "tcp" and part["interfaces"] is None
        if any(_has(text, port) for text in part["ports"])
        if any(ipaddress.ip_address(NEIGHBOUR[family]) in ipaddress.ip_network(net) for net in part["from"])
    }


def _has(text: str, port: int) -> bool:
    first, _, last = text.partition("/")[0].partition("-")
    return int(first) <= port <= int(last or first)


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("who", BANS)
def test_of_bans(who: str, tool: str) -> None:
    """Their sets are listed, and asked: of whom is banned, and of whom no longer is."""
    with Machine(tool, copied=("fail2ban",)) as machine, BANS[who](machine) as ban:
        machine.apply({"allow": ["http"]})
        for banned in (True, False):
            ban(banned)
            reached = machine.reachable()
            assert ((4, OPEN) in reached) is not banned
            for family, port in ASKED:
                told = explained(machine, port, family)
                assert told["verdict"] != "unknown", told
                assert (told["verdict"] == "accept") == ((family, port) in reached), told
                assert not banned or port != OPEN or told["ours"] is False, told
            assert let_in(machine) == reached


@pytest.mark.parametrize("tool", TOOLS)
def test_of_dockers_ports(tool: str) -> None:
    """A published port is followed to its container, by the interface that leads there."""
    with Machine(tool) as machine, docker(machine) as running:
        running.container("web", "-p", "8080:80")
        for policy, opened in (({"allow": ["8080/tcp"]}, True), ({"ping": False}, False)):
            machine.apply(policy)
            told = explained(machine, 8080, 4)
            assert connects(machine, 8080) is opened
            assert told["verdict"] == ("accept" if opened else "drop"), told
            assert any("DNAT" in text for text in told["assumptions"])


def connects(machine: Machine, port: int) -> bool:
    def work() -> bool:
        with machine.neighbour.entered():
            client = socket.socket()
        with client:
            client.settimeout(3)
            return client.connect_ex((ADDRESS[4], port)) == 0

    return machine.do(work)

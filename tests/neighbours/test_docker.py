"""Docker as Debian 12 has it, 20.10: what it decides between its own containers holds, and they reach the world."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from tests.lab.machine import NEIGHBOUR, Machine

from .docker import Docker, docker

IPTABLES = ("iptables-nft", "iptables-legacy")
TOOLS = ("nftables", *IPTABLES)
POLICY = {"allow": ["http"]}
ROUTED = "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables"


def a_server_of_the_neighbour(machine: Machine, stack: ExitStack) -> int:
    """-> its port"""

    def listen() -> int:
        with machine.neighbour.entered():
            server = stack.enter_context(socket.create_server((NEIGHBOUR[4], 0)))
        return int(server.getsockname()[1])

    return machine.do(listen)


def reached(running: Docker, outside: int) -> dict[str, bool]:
    _, two = (running.container(name) for name in ("one", "two"))
    other = running("network", "create", "other") and running.container("other", "--network", "other")
    return {
        "another container": running.connects("one", two, 80),
        "the world": running.connects("one", NEIGHBOUR[4], outside),
        "another network": running.connects("one", other, 80),
        "the world from there": running.connects("other", NEIGHBOUR[4], outside),
    }


@pytest.mark.parametrize(
    ("tool", "icc", "first"),
    [
        *((tool, "false", first) for tool in TOOLS for first in ("docker", "firewall")),
        *((tool, "true", "firewall") for tool in IPTABLES),
    ],
)
def test_docker_decides_whether_containers_talk(tool: str, icc: str, first: str) -> None:
    """It appends `-i docker0 -o docker0 -j DROP` behind whatever is there, at each of its starts."""
    with Machine(tool) as machine, ExitStack() as stack:
        outside = a_server_of_the_neighbour(machine, stack)
        if first == "firewall":
            assert machine.apply(POLICY).value["result"] == "applied"
        running = stack.enter_context(docker(machine, f"--icc={icc}"))
        if first == "docker":
            assert machine.apply(POLICY).value["result"] == "applied"
        assert machine.command("verify").value == 0
        assert reached(running, outside) == {
            "another container": icc == "true",
            "the world": True,
            "another network": False,
            "the world from there": True,
        }

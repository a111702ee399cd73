"""A flood of SYNs at real rules -> the tracker's table stays small, and whoever is honest is served."""

from __future__ import annotations

import ipaddress
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet as Layers

from cc_vps_firewall.rules.ruleset import BURST, TRACKED_SYNS
from tests.casefiles import CONTAINER, MACHINE, STRANGER, Host, Published
from tests.lab.backends import TOOLS, load, publish
from tests.lab.namespaces import packet_socket
from tests.lab.topology import MAC, Topology

from .test_connections import Route, connected, exchange, furnish_internet, rules

SYNS = 3 * BURST
SILENT = {"outgoing": {"policy": "drop"}}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}


def syns(family: int, port: int, flags: str = "S") -> list[bytes]:
    """Frames from as many sources, none of which will ever answer."""
    chosen = random.Random(port)
    frames = []
    for _ in range(SYNS):
        host = chosen.getrandbits(24)
        if family == 4:
            head: Layers = IP(src=str(ipaddress.IPv4Address(0x0B000000 + host)), dst=MACHINE[4])
        else:
            head = IPv6(src=str(ipaddress.IPv6Address((0x20010DB8FFFF << 80) + host)), dst=MACHINE[6])
        segment = TCP(sport=chosen.randint(1024, 65535), dport=port, seq=chosen.getrandbits(32), flags=flags)
        frames.append(bytes(Ether(src=MAC["wire0"], dst=MAC["eth0"]) / head / segment))
    return frames


def accepted(server: socket.socket) -> int:
    """How many connections wait at a listener."""
    time.sleep(0.5)
    server.setblocking(False)
    count = 0
    with suppress(BlockingIOError):
        while server.accept():
            count += 1
    return count


def tracked(topology: Topology) -> int:
    """Connections that the machine's tracker holds."""
    return int(topology.machine.run(["cat", "/proc/sys/net/netfilter/nf_conntrack_count"]))


def flood(topology: Topology, frames: Sequence[bytes]) -> float:
    """Send them, as fast as it goes. -> seconds"""
    began = time.monotonic()
    with topology.internet.entered():
        wire = packet_socket("wire0")
    with wire:
        for frame in frames:
            wire.send(frame)
    return time.monotonic() - began


# Sends the frames that it is given, over and over, from a socket that it is given.
SENDER = """
import socket, sys, time
one = socket.socket(fileno=int(sys.argv[1]))
frames = [bytes.fromhex(line) for line in sys.stdin]
until = time.monotonic() + 20
while time.monotonic() < until:
    for frame in frames:
        try:
            one.send(frame)
        except OSError:
            pass
"""


@contextmanager
def flooding(topology: Topology, frames: Sequence[bytes]) -> Iterator[None]:
    """Send them without pause until the block ends."""
    with topology.internet.entered():
        wire = packet_socket("wire0")
    with wire:
        sender = subprocess.Popen(
            [sys.executable, "-c", SENDER, str(wire.fileno())],
            pass_fds=[wire.fileno()], stdin=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert sender.stdin
        sender.stdin.write("\n".join(frame.hex() for frame in frames))
        sender.stdin.close()
        time.sleep(0.5)
        try:
            yield
        finally:
            sender.kill()
            sender.wait()


@contextmanager
def machine(tool: str, section: Mapping[str, Any], host: Host | None = None) -> Iterator[Topology]:
    with Topology(host or Host()) as topology:
        furnish_internet(topology)
        topology.machine.sysctl({"ipv4/tcp_syncookies": 1})
        load(topology.machine, tool, rules(dict(section)))
        yield topology


def listening(stack: ExitStack, topology: Topology, family: int, port: int) -> None:
    with topology.machine.entered():
        stack.enter_context(socket.create_server((MACHINE[family], port), family=FAMILY[family], backlog=16))


def most(seconds: float) -> int:
    """Entries that a flood may leave: what is tracked in that time, and a few of this host's own."""
    return BURST + int((seconds + 0.5) * TRACKED_SYNS.count) + 20


@pytest.mark.parametrize("section", [{}, SILENT, {"deny": ["203.0.113.66"]}], ids=["plain", "outgoing", "deny"])
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("tool", TOOLS)
def test_a_flood_leaves_room_in_the_table(tool: str, family: int, section: dict[str, Any]) -> None:
    with machine(tool, {"allow": ["8080/tcp", "8081/tcp"], **section}) as topology, ExitStack() as stack:
        listening(stack, topology, family, 8080)
        seconds = flood(topology, syns(family, 8080))
        assert tracked(topology) <= most(seconds), f"in {seconds:.2f} s"
        # Of these nearly none is tracked, and so no answer, which has to leave all the same.
        here = MACHINE[family]
        way = Route(topology.machine, here, 8081, topology.internet, STRANGER[family], here, 8081)
        with flooding(topology, syns(family, 8080)):
            for _ in range(10):
                with connected(way) as ends:
                    exchange(*ends, 5)


@pytest.mark.parametrize("section", [{}, SILENT], ids=["plain", "outgoing"])
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("tool", TOOLS)
def test_a_source_port_that_is_used_again_is_served(tool: str, family: int, section: dict[str, Any]) -> None:
    """As a busy proxy uses them: the tracker remembers the connection before, and has not seen the SYN of this one."""
    here, there = MACHINE[family], STRANGER[family]
    with machine(tool, {"allow": ["8080/tcp"], **section}) as topology, ExitStack() as stack:
        with topology.machine.entered():
            server = stack.enter_context(socket.create_server((here, 8080), family=FAMILY[family], backlog=4096))
        server.settimeout(3)
        for turn in range(3 * BURST):
            with topology.internet.entered():
                client = socket.socket(FAMILY[family], socket.SOCK_STREAM)
            with client:
                client.settimeout(3)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                client.bind((there, 20000 + turn % BURST))
                client.connect((here, 8080))
                with server.accept()[0] as accepted:
                    accepted.sendall(b"hello")
                assert client.recv(5) == b"hello", f"connection {turn}"
                assert client.recv(1) == b""


@pytest.mark.parametrize("tool", TOOLS)
def test_without_the_guard_it_does_not(tool: str) -> None:
    """The flood is one."""
    with machine(tool, {"allow": ["8080/tcp"], "flood": "ignore"}) as topology, ExitStack() as stack:
        listening(stack, topology, 4, 8080)
        seconds = flood(topology, syns(4, 8080))
        assert tracked(topology) > most(seconds) or seconds > 2


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("tool", TOOLS)
def test_a_published_port_keeps_its_way(tool: str, family: int) -> None:
    """It leads elsewhere by DNAT, which the tracker does: once a connection has come by it, none is untracked."""
    host = Host(bridge="docker0", published=(Published("tcp", 8080, 80),), forwarding=True)
    with machine(tool, {"allow": ["8080/tcp", "8081/tcp"]}, host) as topology, ExitStack() as stack:
        publish(topology, tool)
        container = topology.containers["container"]
        with container.entered():
            server = stack.enter_context(
                socket.create_server((CONTAINER[family], 80), family=FAMILY[family], backlog=4096)
            )
        clients = []
        with topology.internet.entered():
            for _ in range(2 * BURST):
                clients.append(stack.enter_context(socket.socket(FAMILY[family], socket.SOCK_STREAM)))
        for client in clients:
            client.setblocking(False)
            client.bind((STRANGER[family], 0))
            client.connect_ex((MACHINE[family], 8080))
        assert accepted(server) == len(clients)


@pytest.mark.parametrize("tool", TOOLS)
def test_what_this_host_and_its_containers_open_is_tracked(tool: str) -> None:
    """SYNs to ports of others are nobody's flood, whatever is open here."""
    host = Host(bridge="docker0", forwarding=True)
    with machine(tool, {"allow": ["443/tcp"]}, host) as topology, ExitStack() as stack:
        publish(topology, tool)
        with topology.internet.entered():
            server = stack.enter_context(socket.create_server((STRANGER[4], 443), backlog=4096))
        clients = []
        with topology.containers["container"].entered():
            for _ in range(2 * BURST):
                clients.append(stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM)))
        for client in clients:
            client.setblocking(False)
            client.bind((CONTAINER[4], 0))
            client.connect_ex((STRANGER[4], 443))
        assert accepted(server) == len(clients)

"""`route` -> what the addresses and the segments of what is forwarded become, at the kernel, in each tool."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet as Layers

from cc_vps_firewall import policy
from cc_vps_firewall.rules import ruleset
from tests.casefiles import MACHINE, Host
from tests.lab.backends import TOOLS, load
from tests.lab.namespaces import packet_socket
from tests.lab.topology import BEYOND, MAC, Topology

AWAY = {4: "203.0.113.80", 6: "2001:db8:f::80"}
PRIVATE = BEYOND  # a machine behind eth1
NARROW = 1400  # bytes that a packet may have on eth0


class Wires:
    """Both of the machine's wires, on the internet's side."""

    def __init__(self, topology: Topology) -> None:
        with topology.internet.entered():
            self.sockets = {0: packet_socket("wire0"), 1: packet_socket("wire1")}

    def send(self, wire: int, packet: Layers) -> None:
        frame = Ether(src=MAC[f"wire{wire}"], dst=MAC[f"eth{wire}"]) / packet
        self.sockets[wire].send(bytes(frame))

    def received(self, wire: int, dport: int, patience: float = 1.0) -> Any:
        """The next packet to this port that the machine sends there."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            try:
                data, address = self.sockets[wire].recvfrom(65536)
            except BlockingIOError:
                time.sleep(0.005)
                continue
            frame = Ether(data)
            segment = frame.getlayer(TCP) or frame.getlayer(UDP)
            if address[2] != 4 and segment is not None and segment.dport == dport:
                return frame
        return None


@contextmanager
def router(tool: str, routes: Sequence[Mapping[str, Any]], **section: Any) -> Iterator[tuple[Topology, Wires]]:
    with Topology(Host(forwarding=True)) as topology:
        read = policy.parse({"route": routes, **section}, read_list=str)
        load(topology.machine, tool, ruleset.build(read))
        yield topology, Wires(topology)


def to(family: int, source: str, destination: str) -> Any:
    return IP(src=source, dst=destination) if family == 4 else IPv6(src=source, dst=destination)


def source_of(frame: Any) -> str:
    assert frame is not None, "it did not arrive"
    return str((frame.getlayer(IP) or frame.getlayer(IPv6)).src)


@pytest.mark.parametrize("tool", TOOLS)
def test_who_is_hidden_over_which_family(tool: str) -> None:
    """And the answer finds its way back."""
    for masquerade, hidden in ((False, ()), (True, (4,)), ([4, 6], (4, 6)), ([6], (6,))):
        with router(tool, [{"in": "eth1", "out": "eth0", "masquerade": masquerade}]) as (_, wires):
            for family in (4, 6):
                wires.send(1, to(family, PRIVATE[family], AWAY[family]) / UDP(sport=4000, dport=4001) / b"ask")
                frame = wires.received(0, 4001)
                seen = MACHINE[family] if family in hidden else PRIVATE[family]
                assert source_of(frame) == seen, (tool, masquerade, family)
                answer = UDP(sport=4001, dport=frame.getlayer(UDP).sport) / b"answer"
                wires.send(0, to(family, AWAY[family], seen) / answer)
                back = wires.received(1, 4000)
                assert source_of(back) == AWAY[family]


@pytest.mark.parametrize("tool", TOOLS)
def test_only_what_comes_by_its_interface_and_from_its_sources_is_hidden(tool: str) -> None:
    """Two routes leave by one interface, and one of them hides its senders. What this host sends stays as it is."""
    routes: list[Mapping[str, Any]] = [
        {"in": "eth1", "out": "eth0", "from": ["10.0.0.99"], "masquerade": True},
        {"in": "eth1", "out": "eth0", "port": "4005/udp", "masquerade": True},
        {"in": "eth*", "out": "eth0"},
        {"in": "wg0", "out": "eth0", "masquerade": True},
    ]
    with router(tool, routes) as (topology, wires):
        for source, port, seen in (
            ("10.0.0.99", 4003, MACHINE[4]), ("10.0.0.98", 4004, "10.0.0.98"), ("10.0.0.98", 4005, MACHINE[4]),
        ):  # fmt: skip
            wires.send(1, to(4, source, AWAY[4]) / UDP(sport=4000, dport=port) / b"ask")
            assert source_of(wires.received(0, port)) == seen
        topology.machine.ip("address add 192.0.2.77/32 dev eth0")
        topology.machine.run(
            ["python3", "-c", "import socket; s = socket.socket(2, 2); s.bind(('192.0.2.77', 0)); "
             f"s.sendto(b'x', ('{AWAY[4]}', 4006))"]
        )  # fmt: skip
        assert source_of(wires.received(0, 4006)) == "192.0.2.77"


def segment_size(frame: Any) -> int:
    assert frame is not None, "it did not arrive"
    return int(dict(frame.getlayer(TCP).options)["MSS"])


@pytest.mark.parametrize("tool", TOOLS)
def test_segments_fit_the_path_both_ways(tool: str) -> None:
    with router(tool, [{"in": "eth1", "out": "eth0"}]) as (topology, wires):
        topology.machine.ip(f"link set eth0 mtu {NARROW}")
        for family, headers in ((4, 40), (6, 60)):
            ask = TCP(sport=5000, dport=5001, flags="S", seq=1, options=[("MSS", 1460)])
            wires.send(1, to(family, PRIVATE[family], AWAY[family]) / ask)
            assert segment_size(wires.received(0, 5001)) == NARROW - headers
            answer = TCP(sport=5001, dport=5000, flags="SA", seq=7, ack=2, options=[("MSS", 1460)])
            wires.send(0, to(family, AWAY[family], PRIVATE[family]) / answer)
            assert segment_size(wires.received(1, 5000)) == NARROW - headers
            small = TCP(sport=5002, dport=5003, flags="S", seq=1, options=[("MSS", 536)])
            wires.send(1, to(family, PRIVATE[family], AWAY[family]) / small)
            assert segment_size(wires.received(0, 5003)) == 536, "what is small already stays"


@pytest.mark.parametrize("tool", TOOLS)
def test_long_lists_at_both_ends(tool: str) -> None:
    sources = [f"10.{n >> 8}.{n & 255}.0/25" for n in range(5000)]
    destinations = [f"203.{n >> 8}.{n & 255}.80" for n in range(5000)]
    route = {"from": sources, "to": destinations, "port": "4007/udp"}
    with router(tool, [route]) as (_, wires):
        for source, destination, passes in (
            ("10.0.0.99", "203.0.113.80", True), ("10.0.0.200", "203.0.113.80", False),
            ("10.0.0.99", "203.0.113.81", False), ("10.19.135.1", "203.19.135.80", True),
        ):  # fmt: skip
            wires.send(1, to(4, source, destination) / UDP(sport=4000, dport=4007) / b"ask")
            frame = wires.received(0, 4007, 1.0 if passes else 0.1)
            assert (frame is not None) == passes, (source, destination)

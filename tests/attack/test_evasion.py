"""Packets made to pass for something else: none comes in that the policy does not let in, and none is lost for it.

What each disguise does to a verdict is one line of `DISGUISES`; the verdict itself is the algebra's, for every source
and port that the policy tells apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from cc_vps_firewall import policy
from cc_vps_firewall.algebra.model import ACCEPT, Model, model
from cc_vps_firewall.algebra.questions import judge
from cc_vps_firewall.rules import ruleset
from tests import modelled
from tests.casefiles import LOOPBACK, MACHINE, Host, Packet
from tests.lab.backends import TOOLS, load
from tests.lab.probing import Prober, misjudged
from tests.lab.topology import Topology

from .scans import POLICIES, SOURCES
from .test_nmap import ALL, ROUNDS

HOST = Host()
ODD_FLAGS = ("none", "all", "fin", "rst", "syn,fin", "syn,rst", "syn,ack", "fin,ack", "rst,ack", "fin,psh,urg", "urg")

Disguise = Callable[[Packet, bool], Iterator[tuple[Packet, bool]]]


def _fragments(packet: Packet, let_in: bool) -> Iterator[tuple[Packet, bool]]:
    for order in ("in-order", "reversed"):
        yield replace(packet, fragments=order), let_in


def _extension_headers(packet: Packet, let_in: bool) -> Iterator[tuple[Packet, bool]]:
    if packet.family == 6:
        for header in ("hop-by-hop", "destination-options"):
            yield replace(packet, header=header), let_in


def _source_ports(packet: Packet, let_in: bool) -> Iterator[tuple[Packet, bool]]:
    for port in (20, 53, 123, 443):
        yield replace(packet, sport=port), let_in


def _flags(packet: Packet, let_in: bool) -> Iterator[tuple[Packet, bool]]:
    if packet.protocol == "tcp":
        yield replace(packet, flags="syn,ece,cwr"), let_in
        yield replace(packet, flags="syn,psh,urg"), let_in
        for flags in ODD_FLAGS:
            yield replace(packet, flags=flags), False


def _few_hops(packet: Packet, let_in: bool) -> Iterator[tuple[Packet, bool]]:
    yield replace(packet, hops=1), let_in
    yield replace(packet, hops=255), let_in


def _checksums(packet: Packet, let_in: bool) -> Iterator[tuple[Packet, bool]]:
    yield replace(packet, checksum="bad"), False


def _loopback_from_a_wire(packet: Packet, let_in: bool) -> Iterator[tuple[Packet, bool]]:
    for source in {LOOPBACK[packet.family], "127.1.2.3" if packet.family == 4 else "::1"}:
        yield replace(packet, source=source), False


DISGUISES: Mapping[str, Disguise] = {
    "fragments": _fragments, "extension headers": _extension_headers, "source ports": _source_ports, "flags": _flags,
    "hops": _few_hops, "checksums": _checksums, "loopback": _loopback_from_a_wire,
}  # fmt: skip


def let_in(made: Model, packet: Packet) -> bool:
    return judge(made, modelled.asked(packet, HOST)).verdict == ACCEPT


def plain() -> Iterator[Packet]:
    """One of each source, port and protocol, as an honest program would send it."""
    for who in SOURCES.values():
        for family, source in who.items():
            for protocol, port in (("tcp", 22), ("tcp", 80), ("tcp", 3306), ("tcp", 3999), ("udp", 53), ("udp", 443)):
                yield Packet(protocol, family, source, MACHINE[family], port)


def forged() -> Iterator[Packet]:
    """What a policy does not speak of: neighbours too far away, errors about nothing, answers to nothing."""
    machine, near = MACHINE[6], "fe80::1"
    for message in ("neighbour-solicitation", "neighbour-advertisement", "router-advertisement"):
        for hops, passes in ((255, 1), (254, 0), (64, 0), (1, 0)):
            yield Packet("icmpv6", 6, near, machine, message=message, hops=hops, passes=passes)
    for source, passes in (("fe80::1", 1), (SOURCES["other"][6], 0)):
        yield Packet("icmpv6", 6, source, machine, message="listener-report-v2", passes=passes)
    for family, messages in (
        (4, ("destination-unreachable", "fragmentation-needed", "source-quench", "redirect", "time-exceeded",
             "parameter-problem", "echo-reply", "timestamp-request", "address-mask-request")),
        (6, ("destination-unreachable", "packet-too-big", "time-exceeded", "parameter-problem", "echo-reply",
             "node-information", "router-renumbering")),
    ):  # fmt: skip
        for message in messages:
            protocol = "icmp" if family == 4 else "icmpv6"
            yield Packet(protocol, family, SOURCES["other"][family], MACHINE[family], message=message, passes=0)


def disguised(made: Model, disguise: Disguise) -> Iterator[Packet]:
    for packet in plain():
        for odd, passes in disguise(packet, let_in(made, packet)):
            yield replace(odd, passes=int(passes))


def arrived(tool: str, section: object, packets: list[Packet]) -> list[str]:
    with Topology(HOST) as topology:
        load(topology.machine, tool, ruleset.build(policy.parse(section, read_list=lambda path: "")))
        with Prober(topology, packets) as prober:
            return misjudged(packets, prober.arrivals())


@pytest.mark.parametrize(("tool", "name"), ROUNDS)
def test_no_disguise_changes_a_verdict(tool: str, name: str) -> None:
    read = policy.parse(POLICIES[name], read_list=lambda path: "")
    made = model(read)
    # One of each connection: what the tracker knows of one must not speak for the next.
    for disguise in DISGUISES.values():
        assert arrived(tool, POLICIES[name], [*disguised(made, disguise)]) == []


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("name", POLICIES if ALL else ["tutorial"])
def test_what_is_forged_is_dropped(tool: str, name: str) -> None:
    section = {key: value for key, value in POLICIES[name].items() if key != "outgoing"}
    named = {address for who in SOURCES.values() for address in who.values() if who is not SOURCES["named"]}
    packets = [packet for packet in forged() if packet.source in named or packet.source.startswith("fe80")]
    assert len(packets) > 20
    assert arrived(tool, section, packets) == []


@pytest.mark.parametrize("tool", TOOLS)
def test_a_verdict_that_is_broken_is_seen(tool: str) -> None:
    """Rules without the guard of odd flags, and of the sources: else agreement would prove nothing."""
    meant = POLICIES["tutorial"]
    made = model(policy.parse(meant, read_list=lambda path: ""))
    for loaded, disguise in (({**meant, "malformed": "accept"}, "flags"), ({**meant, "ssh": {}}, "fragments")):
        assert arrived(tool, loaded, [*disguised(made, DISGUISES[disguise])]) != []

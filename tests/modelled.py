"""a case's packet -> what the model is asked of it, or the reason why the model says nothing of it.

The reasons are the ledger of docs/reference/algebra.md, by name: tests/unit/test_algebra.py holds the two together.
"""

from __future__ import annotations

import ipaddress

from cc_vps_firewall.algebra.model import FORWARD, IN, OTHERS, OUT, PUBLISHED, ROOT
from cc_vps_firewall.algebra.questions import Packet as Asked
from cc_vps_firewall.rules.ruleset import LISTENER, NEIGHBOUR
from tests.casefiles import MACHINE, Host, Packet

# name -> why the model leaves it out
LEDGER = {
    "standing connections": "replies, and errors about them: the first packet has decided",
    "malformed": "no program sends them; the key malformed says what becomes of them",
    "neighbours and multicast": "what IPv6 needs to work at all comes in whatever a policy says",
    "leases": "answers of DHCP servers, from the server's port to the client's, come in whatever a policy says",
}
# Types by the names that cases give them (IANA's registers of ICMP and ICMPv6).
ICMP = {
    "echo-reply": 0, "destination-unreachable": 3, "fragmentation-needed": 3, "source-quench": 4, "redirect": 5,
    "echo-request": 8, "router-advertisement": 9, "router-solicitation": 10, "time-exceeded": 11,
    "parameter-problem": 12, "timestamp-request": 13, "address-mask-request": 17,
}  # fmt: skip
ICMPV6 = {
    "destination-unreachable": 1, "packet-too-big": 2, "time-exceeded": 3, "parameter-problem": 4, "echo-request": 128,
    "echo-reply": 129, "listener-query": 130, "listener-report": 131, "listener-done": 132, "router-solicitation": 133,
    "router-advertisement": 134, "neighbour-solicitation": 135, "neighbour-advertisement": 136, "redirect": 137,
    "router-renumbering": 138, "node-information": 139, "listener-report-v2": 143,
}  # fmt: skip
ICMP_PROTOCOLS, ECHO_TYPES = ("icmp", "icmpv6"), (ICMP["echo-request"], ICMPV6["echo-request"])
OWN = {*MACHINE.values(), "172.17.0.1", "fd00:17::1", "10.0.0.10", "fd00:1::10"}


def left_out(packet: Packet) -> str:
    """The name in the ledger, '' where the model answers."""
    if packet.state != "new":
        return "standing connections"
    if packet.flags not in ("", "syn") or packet.checksum == "bad":
        return "malformed"
    if packet.protocol == "icmpv6" and _message(packet) in (*NEIGHBOUR, *LISTENER):
        return "neighbours and multicast"
    if packet.protocol == "udp" and (packet.sport, packet.port) in ((67, 68), (547, 546), (68, 67), (546, 547)):
        return "leases"
    return ""


def asked(packet: Packet, host: Host) -> Asked:
    """The model's question."""
    published = {(p.protocol, p.port) for p in (*host.published, *host.behind)}
    if packet.user:
        direction = OUT
    elif (packet.protocol, packet.port) in published and packet.destination in MACHINE.values():
        direction = PUBLISHED
    elif packet.destination in OWN or _local(packet.destination):
        direction = IN
    else:
        direction = FORWARD
    return Asked(
        direction,
        packet.family,
        packet.protocol,
        _message(packet) if packet.message else packet.port,
        int(ipaddress.ip_address(packet.source)),
        int(ipaddress.ip_address(packet.destination)),
        {"bridge": host.bridge, "eth1": host.second}.get(packet.via, packet.via),
        {"root": ROOT, "nobody": OTHERS, "": ""}[packet.user],
        _way_out(packet.destination, host) if direction == FORWARD else "",
    )


def _way_out(destination: str, host: Host) -> str:
    """The interface that the machine's routes lead to."""
    address = ipaddress.ip_address(destination)
    ways = {("172.17.0.0/16", "fd00:17::/64"): host.bridge, ("10.0.0.0/24", "fd00:1::/64"): host.second}
    there = ((way, ipaddress.ip_network(net)) for nets, way in ways.items() for net in nets if way)
    return next((way for way, net in there if address in net), "eth0")


def _message(packet: Packet) -> int:
    return (ICMP if packet.protocol == "icmp" else ICMPV6)[packet.message]


def _local(address: str) -> bool:
    known = ipaddress.ip_address(address)
    return known.is_loopback or known.is_multicast or address in ("255.255.255.255", "fe80::10")

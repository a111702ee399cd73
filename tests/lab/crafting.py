"""Packet -> bytes for the wire, made by scapy; a token in each says later which one arrived."""

from __future__ import annotations

import ipaddress

from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6MLDone,
    ICMPv6MLQuery,
    ICMPv6MLReport,
    ICMPv6MLReport2,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6ND_Redirect,
    ICMPv6ND_RS,
    ICMPv6NDOptSrcLLAddr,
    ICMPv6PacketTooBig,
    ICMPv6ParamProblem,
    ICMPv6TimeExceeded,
    ICMPv6Unknown,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    PadN,
    RouterAlert,
    fragment6,
)
from scapy.layers.ipsec import AH, ESP
from scapy.layers.l2 import GRE, Ether
from scapy.layers.sctp import SCTP, SCTPChunkInit, SCTPChunkParamRandom
from scapy.packet import Packet as Layers
from scapy.packet import Raw

from tests.casefiles import PORTLESS, STRANGER, Packet

from .topology import MAC, STAND_IN

# Assigned by IANA (protocol numbers); the names are those of /etc/protocols.
PROTOCOLS = {
    "icmp": 1, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51, "icmpv6": 58, "ospf": 89, "vrrp": 112,
    "sctp": 132,
}  # fmt: skip

FLAGS = {"fin": "F", "syn": "S", "rst": "R", "psh": "P", "ack": "A", "urg": "U", "ece": "E", "cwr": "C"}
ALL_FLAGS = "fin,syn,rst,psh,ack,urg"  # what iptables calls ALL

# name -> (type, code), RFC 792 and RFC 1256
ICMP_MESSAGES = {
    "echo-reply": (0, 0),
    "destination-unreachable": (3, 1),
    "fragmentation-needed": (3, 4),
    "source-quench": (4, 0),
    "redirect": (5, 1),
    "echo-request": (8, 0),
    "router-advertisement": (9, 0),
    "router-solicitation": (10, 0),
    "time-exceeded": (11, 0),
    "parameter-problem": (12, 0),
    "timestamp-request": (13, 0),
    "address-mask-request": (17, 0),
}
ICMP_ERRORS = ("destination-unreachable", "fragmentation-needed", "source-quench", "redirect", "time-exceeded",
               "parameter-problem")  # fmt: skip
ICMPV6_ERRORS = {
    "destination-unreachable": ICMPv6DestUnreach(code=3),
    "packet-too-big": ICMPv6PacketTooBig(mtu=1280),
    "time-exceeded": ICMPv6TimeExceeded(),
    "parameter-problem": ICMPv6ParamProblem(),
}
DISCOVERY = ("router-solicitation", "router-advertisement", "neighbour-solicitation", "neighbour-advertisement",
             "redirect")  # fmt: skip
LISTENERS = ("listener-query", "listener-report", "listener-done", "listener-report-v2")

# What the machine itself sends first, when a packet is to be an answer to it or an error about it.
ASKED_PORT = 30_000
CLIENT_PORT = 20_000
USER_PORT = 40_000


def token(number: int) -> bytes:
    return b"<%06d>" % number


def source_port(packet: Packet, number: int) -> int:
    return packet.sport or CLIENT_PORT + number


def network(packet: Packet) -> Layers:
    """The IP header as it travels."""
    hops = packet.hops or _usual_hops(packet)
    loopback_from_a_wire = packet.source == "::1" and packet.via.startswith("eth")
    source = STAND_IN if loopback_from_a_wire else packet.source
    header = (
        IP(src=source, dst=packet.destination, ttl=hops)
        if packet.family == 4
        else IPv6(src=source, dst=packet.destination, hlim=hops)
    )
    if packet.protocol in PORTLESS:  # scapy knows the others' numbers from what follows
        header.setfieldval("proto" if packet.family == 4 else "nh", PROTOCOLS[packet.protocol])
    return header


def _usual_hops(packet: Packet) -> int:
    if packet.protocol == "icmpv6" and packet.message in DISCOVERY:
        return 255  # RFC 4861: proof that no router forwarded it
    return 1 if packet.message in LISTENERS else 64


def body(packet: Packet, number: int, seq: int = 1000, ack: int = 0) -> Layers:
    """What follows the IP header."""
    payload = Raw(token(number))
    if packet.fragments:
        payload = Raw(b"." * 100 + token(number) + b"." * 60)
    if packet.protocol == "tcp":
        sport, dport = _ports(packet, number)
        flags, checksum = _flags(packet), _checksum(packet)
        return TCP(sport=sport, dport=dport, flags=flags, seq=seq, ack=ack, chksum=checksum) / payload
    if packet.protocol == "udp":
        sport, dport = _ports(packet, number)
        return UDP(sport=sport, dport=dport, chksum=_checksum(packet)) / payload
    if packet.protocol == "icmp":
        return _icmp(packet, number) / _quoted(packet, number)
    if packet.protocol == "icmpv6":
        return _icmpv6(packet, number)
    if packet.protocol == "gre":
        return GRE() / payload
    if packet.protocol == "ah":  # around a datagram: IPv6 has AH as a header on the way to something else
        inner = UDP(sport=source_port(packet, number), dport=33333, chksum=0) / payload
        return AH(nh=PROTOCOLS["udp"], payloadlen=4, spi=0x1001, seq=1, icv=b"\0" * 12) / inner
    if packet.protocol == "sctp":  # the tracker finds no sense in anything but INIT first (RFC 4960)
        opening = SCTPChunkInit(init_tag=1, params=[SCTPChunkParamRandom(random=token(number))])
        return SCTP(sport=source_port(packet, number), dport=packet.port or 3868, tag=0) / opening
    if packet.protocol == "esp":
        return ESP(spi=0x1001, seq=1, data=token(number))
    return Raw(b"\0" * 16 + token(number))


def _ports(packet: Packet, number: int) -> tuple[int, int]:
    if packet.state == "reply":  # from the port that was asked, to the port that asked
        return packet.port, ASKED_PORT + number
    return source_port(packet, number), packet.port


def _flags(packet: Packet) -> str:
    said = packet.flags or {"reply": "syn,ack", "established": "psh,ack"}.get(packet.state, "syn")
    if said == "none":
        return ""
    return "".join(FLAGS[name] for name in (ALL_FLAGS if said == "all" else said).split(","))


def _checksum(packet: Packet) -> int | None:
    return 0xBAD if packet.checksum == "bad" else None  # None: scapy computes it


def _icmp(packet: Packet, number: int) -> Layers:
    kind, code = ICMP_MESSAGES[packet.message]
    message = ICMP(type=kind, code=code)
    if packet.message.startswith("echo"):
        message.id = ASKED_PORT + number
    return message


def _icmpv6(packet: Packet, number: int) -> Layers:
    payload = Raw(token(number))
    if packet.message in ICMPV6_ERRORS:
        return ICMPV6_ERRORS[packet.message].copy() / _quoted(packet, number)
    machine = packet.destination if not packet.destination.startswith("ff") else "2001:db8:1::10"
    group = "ff02::1:3"
    messages: dict[str, Layers] = {
        "echo-request": ICMPv6EchoRequest(id=ASKED_PORT + number, data=token(number)),
        "echo-reply": ICMPv6EchoReply(id=ASKED_PORT + number, data=token(number)),
        "router-solicitation": ICMPv6ND_RS() / payload,
        "router-advertisement": ICMPv6ND_RA(routerlifetime=0) / payload,
        "neighbour-solicitation": ICMPv6ND_NS(tgt=machine) / ICMPv6NDOptSrcLLAddr(lladdr=MAC["wire0"]) / payload,
        "neighbour-advertisement": ICMPv6ND_NA(tgt=packet.source) / payload,
        "redirect": ICMPv6ND_Redirect(tgt=packet.source, dst=STRANGER[6]) / payload,
        "listener-query": ICMPv6MLQuery(mladdr=group) / payload,
        "listener-report": ICMPv6MLReport(mladdr=group) / payload,
        "listener-done": ICMPv6MLDone(mladdr=group) / payload,
        "listener-report-v2": ICMPv6MLReport2(records=[]) / payload,
        "node-information": ICMPv6Unknown(type=139, code=0, msgbody=token(number)),
        "router-renumbering": ICMPv6Unknown(type=138, code=0, msgbody=token(number)),
    }
    return messages[packet.message]


def _quoted(packet: Packet, number: int) -> Layers:
    """An error quotes the packet it is about; other messages carry the token alone."""
    if packet.protocol == "icmp" and packet.message not in ICMP_ERRORS:
        return Raw(token(number))
    return asked_by_machine(packet, number)


def asked_by_machine(packet: Packet, number: int) -> Layers:
    """The packet that the machine sent first: an answer or an error then belongs to it."""
    peer = packet.source if packet.state == "reply" else STRANGER[packet.family]
    machine = packet.destination
    asking = Packet(packet.protocol, packet.family, machine, peer, message="echo-request")
    if packet.protocol == "tcp":
        above: Layers = TCP(sport=ASKED_PORT + number, dport=packet.port, flags="S", seq=999)
    elif packet.protocol == "udp" or packet.state != "reply":
        above = UDP(sport=ASKED_PORT + number, dport=packet.port or 53)
    else:
        above = _icmp(asking, number) if packet.family == 4 else ICMPv6EchoRequest(id=ASKED_PORT + number)
    return network(asking) / above / Raw(token(number))


def frames(packet: Packet, number: int, seq: int = 1000, ack: int = 0) -> list[bytes]:
    """Ethernet frames, more than one if it travels in fragments."""
    above = body(packet, number, seq, ack)
    if packet.header:
        above = _in_front(packet.header, packet.protocol) / above
    if packet.message in LISTENERS:  # RFC 2710: with a router alert
        above = IPv6ExtHdrHopByHop(options=[RouterAlert(), PadN(optdata=b"")]) / above
    pieces = _fragments(network(packet), above, number) if packet.fragments else [network(packet) / above]
    if packet.fragments == "reversed":
        pieces.reverse()
    return [bytes(Ether(src=_sender(packet), dst=_receiver(packet)) / piece) for piece in pieces]


def _in_front(name: str, protocol: str) -> Layers:
    kinds = {"hop-by-hop": IPv6ExtHdrHopByHop, "destination-options": IPv6ExtHdrDestOpt}
    return kinds[name](nh=PROTOCOLS[protocol], options=[PadN(optdata=b"\0\0\0\0")])


def _fragments(header: Layers, above: Layers, number: int) -> list[Layers]:
    if header.version == 4:
        header.id = number
        return list(fragment(header / above, fragsize=64))  # type: ignore[no-untyped-call]
    return list(fragment6(header / IPv6ExtHdrFragment(id=number) / above, 120))  # type: ignore[no-untyped-call]


def _sender(packet: Packet) -> str:
    return {"eth0": MAC["wire0"], "eth1": MAC["wire1"], "bridge": MAC["container"]}[packet.via]


def _receiver(packet: Packet) -> str:
    address = ipaddress.ip_address(packet.destination)
    if packet.destination == "255.255.255.255":
        return "ff:ff:ff:ff:ff:ff"
    if address.is_multicast and address.version == 4:
        return "01:00:5e:" + address.packed[1:].hex(":")
    if address.is_multicast:
        return "33:33:" + address.packed[-4:].hex(":")
    if packet.via == "bridge":
        neighbours = ("172.17.0.3", "fd00:17::3")
        return MAC["neighbour"] if packet.destination in neighbours else MAC["bridge"]
    return MAC[packet.via]

"""What a rule of nft's looks at, as `nft -j` has it, and what a packet has there."""

from __future__ import annotations

import ipaddress
from typing import Any

from ..policy import WIDTH, parse_network
from ..policy.networks import NotANetwork
from . import ranges
from .live import NAMELESS, NUMBERS, SPORT, WITH_PORTS, Packet, protocol_name
from .ranges import Ranges

# What may be written into a packet without a rule that is followed here seeing it.
FIELDS = {"dscp", "ecn", "ttl", "hoplimit", "flowlabel", "id", "checksum"}
KEYS = {"mark", "priority", "nftrace", "secmark", "zone", "event", "label", "helper", "timeout"}


class Source:
    """Stands for the address that a packet comes from. `mask`: the bits that are looked at, 0 for all."""

    def __init__(self, mask: int = 0) -> None:
        self.mask = mask


SOURCE = Source()


def spans(said: Any, family: int) -> list[tuple[int, int]]:
    """One element -> its addresses; none where it is of the other family."""
    if said == "*":
        return [(0, 1 << WIDTH[family])]
    if isinstance(said, dict) and "range" in said:
        first, last = (_network(end, family) for end in said["range"])
        return [(first[0], last[1])] if first and last else []
    if isinstance(said, dict) and "prefix" in said:
        found = _network(f"{said['prefix']['addr']}/{said['prefix']['len']}", family)
    else:
        found = _network(said, family)
    return [found] if found else []


def _network(text: Any, family: int) -> tuple[int, int] | None:
    try:
        version, number, prefix = parse_network(str(text))
    except NotANetwork:
        return None
    return (number, number + (1 << (WIDTH[family] - prefix))) if version == family else None


def of_family(value: Any) -> list[Any]:
    """An address is written into packets of its own family alone."""
    family = value.get("family") if isinstance(value, dict) else None
    known = {"ip": "ipv4", "ip6": "ipv6"}.get(family or "")
    return [{"op": "==", "left": {"meta": {"key": "nfproto"}}, "right": known}] if known else []


def plain_goal(goal: Any) -> tuple[str, str] | None:
    """An element of a map -> address and port, where they are plain."""
    parts = goal.get("concat", []) if isinstance(goal, dict) else [goal, ""]
    plain = len(parts) == 2 and isinstance(parts[0], str) and isinstance(parts[1], (int, str)) and "-" not in parts[0]
    return (parts[0], str(parts[1])) if plain else None


def one_of(key: Any, elements: list[Any]) -> bool:
    """A number by chance or in turn, of which each has an element: one of them it is."""
    said = key.get("numgen") if isinstance(key, dict) else None
    if not said:
        return False
    return {*map(str, elements)} >= {str(said.get("offset", 0) + n) for n in range(int(said["mod"]))}


def harmless(key: Any) -> bool:
    """May this be written without a rule that is followed here seeing it?"""
    (kind, said) = next(iter(key.items()))
    if kind == "payload":
        return said.get("field") in FIELDS
    return said.get("key") in KEYS if kind in ("meta", "ct") else kind in ("tcp option", "exthdr")


STATUSES = {"dnat", "snat", "assured", "seen-reply", "confirmed", "expected", "dying"}
ORDERS = {"<": (0, 0), "<=": (0, 1), ">": (1, 1), ">=": (1, 0)}  # is it above, and how far behind the number
TYPES = {8: "echo-request", 128: "echo-request"}
ABSENT = object()  # the packet has no such field, and the whole rule does not match


def value_of(left: Any, packet: Packet) -> Any:
    """What a rule looks at, in this packet; None where that is not known."""
    if not isinstance(left, dict):
        return None
    if "elem" in left:
        return value_of(left["elem"]["val"], packet)
    if "concat" in left:
        parts = [value_of(part, packet) for part in left["concat"]]
        return ABSENT if ABSENT in parts else None if None in parts else tuple(parts)
    if "&" in left:
        value = value_of(left["&"][0], packet)
        if value is ABSENT or value is None:
            return value
        return _masked(value, left["&"][1])
    if "payload" in left:
        protocol, name = left["payload"].get("protocol"), left["payload"].get("field")
        if protocol == "ether" and name == "type":
            return "ip" if packet.family == 4 else "ip6"
        if protocol is None or protocol in ("ether", "vlan"):  # raw bytes, or what only the wire knows
            return None
        if protocol in (*WITH_PORTS, "th"):
            if protocol not in ("th", packet.protocol) or packet.protocol not in WITH_PORTS:
                return ABSENT
            return {"dport": packet.port, "sport": SPORT, "flags": {"syn"}}.get(name)
        if protocol in ("ip", "ip6"):
            if (protocol == "ip") != (packet.family == 4):
                return ABSENT
            known = {"saddr": SOURCE, "protocol": packet.protocol, "frag-off": 0}
            there = ipaddress.ip_address(packet.destination) if packet.destination else None
            return {**known, "nexthdr": packet.protocol, "daddr": there}.get(name)
        if protocol in ("icmp", "icmpv6"):
            return ABSENT if protocol != packet.protocol else TYPES.get(packet.type) if name == "type" else None
        return ABSENT if protocol in ("igmp", "dccp", "arp") or protocol != packet.protocol else None
    if "meta" in left:
        interface = packet.interface or NAMELESS
        return {
            "l4proto": packet.protocol,
            "protocol": "ip" if packet.family == 4 else "ip6",
            "nfproto": "ipv4" if packet.family == 4 else "ipv6",
            "iifname": interface,
            "iif": interface,
            "oifname": packet.out or None,
            "oif": packet.out or None,
            "pkttype": "host",
        }.get(left["meta"]["key"])
    if "fib" in left:
        result, flags = left["fib"].get("result"), left["fib"].get("flags", [])
        if result == "oif" and "saddr" in flags and packet.expected:
            return True  # there is a route back
        return "local" if result == "type" and "daddr" in flags else None
    return None


def _masked(value: Any, mask: Any) -> Any:
    if isinstance(value, set):
        return value & set(flat(mask))
    if isinstance(value, Source):
        return Source(int(ipaddress.ip_address(mask)))
    if isinstance(value, int):
        return value & int(str(mask), 0)
    if isinstance(value, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
        return ipaddress.ip_address((int(value) & int(ipaddress.ip_address(mask))).to_bytes(len(value.packed), "big"))
    return None


def bare(element: Any) -> Any:
    return element["elem"]["val"] if isinstance(element, dict) and "elem" in element else element


def equal(value: Any, said: Any) -> bool:
    if said == "*":  # of a set: whatever is in no other element
        return True
    if isinstance(value, tuple):
        parts = said.get("concat", []) if isinstance(said, dict) else []
        return len(parts) == len(value) and all(equal(one, two) for one, two in zip(value, parts))
    if isinstance(said, dict) and "range" in said:
        first, last = said["range"]
        if isinstance(value, int):
            return int(first) <= value <= int(last)
        if isinstance(value, str):
            return False
        return _same_family(value, first) and ipaddress.ip_address(first) <= value <= ipaddress.ip_address(last)
    if isinstance(said, dict) and "prefix" in said:
        network = f"{said['prefix']['addr']}/{said['prefix']['len']}"
        if isinstance(value, (int, str)):
            return False
        return value in ipaddress.ip_network(network, strict=False)
    if isinstance(value, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
        return isinstance(said, str) and _same_family(value, said) and value == ipaddress.ip_address(said)
    if isinstance(value, str):
        if isinstance(said, str) and said.endswith("*"):
            return value.startswith(said[:-1])
        return value == said or value == str(said) or (value in NUMBERS and value == protocol_name(said))
    if isinstance(value, int):
        return str(said) == str(value)
    return bool(value == said)


def _same_family(value: Any, said: str) -> bool:
    try:
        return bool(ipaddress.ip_address(said).version == value.version)
    except ValueError:
        return False


def flat(right: Any) -> list[str]:
    if isinstance(right, dict):
        (kind, inner) = next(iter(right.items()))
        return flat(inner) if kind in ("set", "|") else [str(right)]
    if isinstance(right, (list, tuple)):
        return [item for part in right for item in flat(part)]
    return [str(right)]


def compared(value: Any, how: str, right: Any, family: int) -> bool | Ranges | None:
    """Is it less, or more? Of a source: the addresses that are."""
    above, behind = ORDERS[how]
    if isinstance(value, int) and isinstance(right, int):
        return (value >= right + behind) is bool(above)
    if isinstance(value, Source) and not value.mask and (found := _network(right, family)):
        edge, end = found[0] + behind, 1 << WIDTH[family]
        return ((edge, end) if edge < end else ranges.NONE) if above else (0, edge) if edge else ranges.NONE
    return None

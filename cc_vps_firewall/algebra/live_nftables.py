"""`nft -j list ruleset` -> tables whose rules can be asked of a packet."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..policy import WIDTH, parse_network
from ..policy.networks import NotANetwork
from . import ranges
from .live import (
    CONTINUE,
    FORWARD,
    IN,
    NAMELESS,
    NAT,
    NEW,
    NOT_NEW,
    NUMBERS,
    PREROUTING,
    RETURN,
    SPORT,
    WITH_PORTS,
    Chain,
    Match,
    Matches,
    Named,
    Packet,
    Rule,
    Table,
    every,
    negated,
)
from .model import ACCEPT, DROP, REJECT
from .ranges import Ranges

IPTABLES_NAMES = ("filter", "mangle", "nat", "raw", "security")  # what iptables-nft calls its tables
# What says of a packet whether it is let through, by its place.
HOOKS = {
    ("filter", "prerouting"): PREROUTING, ("filter", "input"): IN, ("filter", "forward"): FORWARD,
    ("nat", "prerouting"): NAT,
}  # fmt: skip


def tables(dump: Mapping[str, Any], *, beside_iptables: bool) -> Iterator[Table]:
    """Native tables. `beside_iptables`: those of iptables-nft are left to iptables-save, which knows what their matches
    mean."""
    entries = [(kind, body) for entry in dump["nftables"] for kind, body in entry.items()]
    sets = {(b["family"], b["table"], b["name"]): b for kind, b in entries if kind in ("set", "map")}
    hooked: dict[tuple[str, str], list[tuple[str, int, str]]] = {}
    chains: dict[tuple[str, str], dict[str, Chain]] = {}
    for kind, body in entries:
        if kind == "chain":
            key = (body["family"], body["table"])
            chains.setdefault(key, {})[body["name"]] = Chain(policy=body.get("policy", ""))
            if hook := HOOKS.get((body.get("type", ""), body.get("hook", ""))):
                hooked.setdefault(key, []).append((hook, int(body.get("prio", 0)), body["name"]))
    readers: dict[tuple[str, str], Reader] = {}
    for kind, body in entries:
        if kind == "rule":
            key = (body["family"], body["table"])
            reader = readers.setdefault(key, Reader(key, sets))
            chains[key][body["chain"]].rules += reader.rules(body)
    families = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}
    for (family, name), order in hooked.items():
        if family in families and not (beside_iptables and family != "inet" and name in IPTABLES_NAMES):
            named = readers[family, name].named if (family, name) in readers else Named()
            yield Table(f"table {family} {name}", families[family], chains[family, name], tuple(order), named)


def unread(dump: Mapping[str, Any]) -> Iterator[str]:
    """Tables with base chains of families that are not judged here: what comes before any address is looked at."""
    for entry in dump["nftables"]:
        chain = entry.get("chain", {})
        if chain.get("hook") and chain.get("family") in ("netdev", "bridge", "arp"):
            yield f"table {chain['family']} {chain['table']} is not read"


class _Source:
    """Stands for the address that a packet comes from. `mask`: the bits that are looked at, 0 for all."""

    def __init__(self, mask: int = 0) -> None:
        self.mask = mask


SOURCE = _Source()


@dataclass
class Reader:
    """Reads the rules of one table. `sets`: those of all tables; what has become of one is kept."""

    place: tuple[str, str]
    sets: Mapping[Any, Any]
    named: Named = field(default_factory=Named)
    known: dict[tuple[Hashable, int, int], Ranges] = field(default_factory=dict)

    def rules(self, body: Mapping[str, Any]) -> list[Rule]:
        """One rule of nft's, which may be several here: a verdict map is a rule for each of its verdicts."""
        wanted: list[Any] = []
        text = body.get("comment") or json.dumps(body.get("expr"))[:200]
        for expression in body.get("expr", []):
            (kind, value) = next(iter(expression.items()))
            if kind == "match":
                wanted.append(value)
                self._name(value["left"], value["right"])
            elif kind in (ACCEPT, DROP, RETURN):
                return [Rule(self._all(wanted), kind, text)]
            elif kind == "reject":
                return [Rule(self._all(wanted), REJECT, text)]
            elif kind in ("dnat", "redirect"):
                return [Rule(self._all(wanted), ACCEPT, text, _target(value))]
            elif kind in ("jump", "goto"):
                return [Rule(self._all(wanted), f"{kind} {value['target']}", text)]
            elif kind == "vmap":
                return list(self._vmap(value, wanted, text))
            elif kind == "limit":
                wanted.append(not value.get("inv", False))
            elif kind in ("set", "meter", "ct count"):
                inner = value.get("stmt") if isinstance(value, dict) else None
                inner = inner if isinstance(inner, list) else [inner or {}]
                over = any(one.get("limit", {}).get("inv") or one.get("ct count", {}).get("inv") for one in inner)
                # An update of a set of sources that cannot be (of the other family) ends the rule as well.
                left = value.get("elem") if isinstance(value, dict) else None
                wanted.append({"known": left, "then": not over})
            elif kind == "quota":
                wanted.append(None)
            elif kind in ("queue", "tproxy", "xt", "fwd", "dup", "synproxy"):
                wanted.append(None)
                return [Rule(self._all(wanted), DROP, f"{kind}: {text}")]
            # counter, log, mangle, notrack and what else changes nothing for this packet
        return [Rule(self._all(wanted), CONTINUE, text)]

    def _vmap(self, value: Mapping[str, Any], wanted: Sequence[Any], text: str) -> Iterator[Rule]:
        """Its keys are all different, so their order says nothing."""
        data = value["data"]
        pairs = self._elements(data) if isinstance(data, str) else data.get("set", [])
        by_verdict: dict[str, list[Any]] = {}
        for key, verdict in pairs or ():
            (kind, target) = next(iter(verdict.items()))
            name = f"{kind} {target['target']}" if kind in ("jump", "goto") else kind
            by_verdict.setdefault(name, []).append(_bare(key))
        if pairs is None:
            yield Rule(self._all([*wanted, None]), DROP, text)
        for name, keys in by_verdict.items():
            right = {"set": keys}
            self._name(value["key"], right)
            yield Rule(self._all([*wanted, {"op": "==", "left": value["key"], "right": right}]), name, text)

    def _elements(self, name: str) -> Any:
        held = self.sets.get((*self.place, name[1:]))
        return None if held is None else held.get("elem", [])

    def _name(self, left: Any, right: Any) -> None:
        """Keeps what is told apart there."""
        said = json.dumps(left)
        self.named.ways_back |= "fib" in said and "saddr" in said
        if "port" in said or "proto-dst" in said:
            self.named.ports.update(self._edges(right))
        elif "iif" in said or "oif" in said:
            self.named.interfaces.update(text for text in self._texts(right) if text != "lo")
        elif "proto" in said or "nexthdr" in said:
            self.named.protocols.update(text for text in self._texts(right) if text in NUMBERS)

    def _edges(self, right: Any) -> Iterator[int]:
        for item in self._items(right):
            if isinstance(item, dict) and "range" in item and all(isinstance(end, int) for end in item["range"]):
                yield from (item["range"][0], item["range"][1] + 1)
            elif isinstance(item, int):
                yield from (item, item + 1)

    def _texts(self, right: Any) -> Iterator[str]:
        return (item for item in self._items(right) if isinstance(item, str))

    def _items(self, right: Any) -> Iterator[Any]:
        if isinstance(right, str) and right.startswith("@"):
            for element in self._elements(right) or ():
                yield from self._items(_bare(element[0] if isinstance(element, list) else element))
        elif isinstance(right, dict) and ("set" in right or "concat" in right):
            for element in right.get("set") or right["concat"]:
                yield from self._items(_bare(element))
        else:
            yield right

    def _all(self, wanted: Sequence[Any]) -> Matches:
        conditions = list(wanted)

        def matches(packet: Packet) -> Match:
            return every((self._match(one, packet) for one in conditions), packet.family)

        return matches

    def _match(self, one: Any, packet: Packet) -> bool | Ranges | None:
        if one is None or isinstance(one, bool):
            return one
        if "known" in one:
            return False if _value(one["known"], packet) is _ABSENT else bool(one["then"])
        left, right = one["left"], one["right"]
        answer = self._conntrack(left["ct"], right, packet) if isinstance(left, dict) and "ct" in left else None
        if answer is None:
            value = _value(left, packet)
            if value is _ABSENT:
                return False
            answer = None if value is None else self._among(value, right, packet)
        return negated(answer, packet.family) if one.get("op") == "!=" else answer

    def _conntrack(self, left: Mapping[str, Any], right: Any, packet: Packet) -> bool | Ranges | None:
        key, said = left.get("key"), set(_flat(right))
        if key == "proto-dst" and left.get("dir") == "original":
            return self._among(packet.sent_to or packet.port, right, packet)
        if key == "direction":
            return said == {"original"}
        if key not in ("state", "status") or not said <= {*NEW, *NOT_NEW, *NAT_STATES, *STATUSES}:
            return None
        here = {"new"} if key == "state" else set()
        return bool(said & (here | ({"dnat"} if packet.sent_to else set())))

    def _among(self, value: Any, right: Any, packet: Packet) -> bool | Ranges | None:
        if isinstance(value, _Source):
            return self._sources(right, packet.family, value.mask)
        if isinstance(value, tuple) and any(isinstance(part, _Source) for part in value):
            return self._with_others(value, right, packet)
        if isinstance(right, str) and right.startswith("@"):
            elements = self._elements(right)
            return None if elements is None else any(_equal(value, _bare(element)) for element in elements)
        if isinstance(right, dict) and "set" in right:
            if isinstance(value, int):
                return ranges.has(self._numbers(right), value)
            return any(_equal(value, _bare(element)) for element in right["set"])
        if isinstance(value, set):
            # `tcp flags syn` looks for any of them; after a mask, for exactly these.
            said = set(_flat(right)) - {"0x0", "0", 0}
            return value == said if said != {"syn"} else "syn" in value
        return _equal(value, _bare(right))

    def _numbers(self, right: Any) -> Ranges:
        key = id(right), 0, 0
        if key not in self.known:
            items = [_bare(item) for item in right["set"]]
            items = [item for item in items if isinstance(item, int) or (isinstance(item, dict) and "range" in item)]
            ends = [item["range"] if isinstance(item, dict) and "range" in item else (item, item) for item in items]
            self.known[key] = ranges.all_of((int(first), int(last) + 1) for first, last in ends)
        return self.known[key]

    def _sources(self, right: Any, family: int, mask: int) -> Ranges | None:
        """The addresses of a set, or of one element; with a mask, those whose bits are these."""
        if isinstance(right, str) and right.startswith("@"):
            key: Hashable = right
            elements = self._elements(right)
        else:
            elements = right["set"] if isinstance(right, dict) and "set" in right else [right]
            key = json.dumps(right) if len(elements) == 1 else id(right)
        rest = (1 << WIDTH[family]) - 1 & ~mask if mask else 0
        if elements is None or rest & (rest + 1):  # a set that is gone, or a mask with gaps
            return None
        if (key, family, mask) not in self.known:
            spans = [span for element in elements for span in _spans(_bare(element), family)]
            self.known[key, family, mask] = ranges.all_of((start, end + rest) for start, end in spans)
        return self.known[key, family, mask]

    def _with_others(self, value: Sequence[Any], right: Any, packet: Packet) -> Ranges | None:
        """Of a concatenation with the source: the sources of elements whose other parts are this packet's."""
        elements = self._elements(right) if isinstance(right, str) else right.get("set", [right])
        if elements is None or any(part is None for part in value):
            return None
        at = next(at for at, part in enumerate(value) if isinstance(part, _Source))
        spans: list[tuple[int, int]] = []
        for element in map(_bare, elements):
            parts = element.get("concat", []) if isinstance(element, dict) else []
            others = [(one, two) for number, (one, two) in enumerate(zip(value, parts)) if number != at]
            if len(parts) == len(value) and all(_equal(one, two) for one, two in others):
                spans += _spans(parts[at], packet.family)
        return ranges.all_of(spans)


def _spans(said: Any, family: int) -> list[tuple[int, int]]:
    """One element -> its addresses; none where it is of the other family."""
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


def _target(value: Any) -> tuple[str, str]:
    """Of a DNAT or a redirect: the address and the port, '' where it stays or is not plain."""
    said = value if isinstance(value, dict) else {}
    address, port = said.get("addr", ""), said.get("port", "")
    return (address if isinstance(address, str) else "", str(port) if isinstance(port, int) else "")


NAT_STATES = {"dnat", "snat"}
STATUSES = {"assured", "seen-reply", "confirmed", "expected", "dying"}
TYPES = {8: "echo-request", 128: "echo-request"}
_ABSENT = object()  # the packet has no such field, and the whole rule does not match


def _value(left: Any, packet: Packet) -> Any:
    """What a rule looks at, in this packet; None where that is not known."""
    if not isinstance(left, dict):
        return None
    if "elem" in left:
        return _value(left["elem"]["val"], packet)
    if "concat" in left:
        parts = [_value(part, packet) for part in left["concat"]]
        return _ABSENT if _ABSENT in parts else None if None in parts else tuple(parts)
    if "&" in left:
        value = _value(left["&"][0], packet)
        if value is _ABSENT or value is None:
            return value
        return _masked(value, left["&"][1])
    if "payload" in left:
        protocol, name = left["payload"].get("protocol"), left["payload"].get("field")
        if protocol in ("tcp", "udp", "th"):
            if protocol not in ("th", packet.protocol) or packet.protocol not in WITH_PORTS:
                return _ABSENT
            return {"dport": packet.port, "sport": SPORT, "flags": {"syn"}}.get(name)
        if protocol in ("ip", "ip6"):
            if (protocol == "ip") != (packet.family == 4):
                return _ABSENT
            known = {"saddr": SOURCE, "protocol": packet.protocol}
            there = ipaddress.ip_address(packet.destination) if packet.destination else None
            return {**known, "nexthdr": packet.protocol, "daddr": there}.get(name)
        if protocol in ("icmp", "icmpv6"):
            return _ABSENT if protocol != packet.protocol else TYPES.get(packet.type) if name == "type" else None
        return _ABSENT if protocol in ("igmp", "dccp", "arp", "ether") or protocol != packet.protocol else None
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
        return value & set(_flat(mask))
    if isinstance(value, _Source):
        return _Source(int(ipaddress.ip_address(mask)))
    if isinstance(value, int):
        return value & int(str(mask), 0)
    if isinstance(value, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
        return ipaddress.ip_address((int(value) & int(ipaddress.ip_address(mask))).to_bytes(len(value.packed), "big"))
    return None


def _bare(element: Any) -> Any:
    return element["elem"]["val"] if isinstance(element, dict) and "elem" in element else element


def _equal(value: Any, said: Any) -> bool:
    if isinstance(value, tuple):
        parts = said.get("concat", []) if isinstance(said, dict) else []
        return len(parts) == len(value) and all(_equal(one, two) for one, two in zip(value, parts))
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
        return value == said or (value in NUMBERS and str(said) == str(NUMBERS[value]))
    if isinstance(value, int):
        return str(said) == str(value)
    return bool(value == said)


def _same_family(value: Any, said: str) -> bool:
    try:
        return bool(ipaddress.ip_address(said).version == value.version)
    except ValueError:
        return False


def _flat(right: Any) -> list[str]:
    if isinstance(right, dict):
        (kind, inner) = next(iter(right.items()))
        return _flat(inner) if kind in ("set", "|") else [str(right)]
    if isinstance(right, (list, tuple)):
        return [item for part in right for item in _flat(part)]
    return [str(right)]

"""`nft -j list ruleset` -> tables whose rules can be asked of a packet."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

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
    Matches,
    Packet,
    Rule,
    Table,
    every,
)
from .model import ACCEPT, DROP, REJECT

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
    for kind, body in entries:
        if kind == "rule":
            key = (body["family"], body["table"])
            chains[key][body["chain"]].rules += _nft_rules(body, sets)
    families = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}
    for (family, name), order in hooked.items():
        if family in families and not (beside_iptables and family != "inet" and name in IPTABLES_NAMES):
            yield Table(f"table {family} {name}", families[family], chains[family, name], tuple(order))


def unread(dump: Mapping[str, Any]) -> Iterator[str]:
    """Tables with base chains of families that are not judged here: what comes before any address is looked at."""
    for entry in dump["nftables"]:
        chain = entry.get("chain", {})
        if chain.get("hook") and chain.get("family") in ("netdev", "bridge", "arp"):
            yield f"table {chain['family']} {chain['table']} is not read"


def _nft_rules(body: Mapping[str, Any], sets: Mapping[Any, Any]) -> list[Rule]:
    """One rule of nft's, which may be several here: a verdict map is a list of rules, each with its key."""
    place = (body["family"], body["table"])
    wanted: list[Any] = []
    text = body.get("comment") or json.dumps(body.get("expr"))[:200]
    for expression in body.get("expr", []):
        (kind, value) = next(iter(expression.items()))
        if kind == "match":
            wanted.append(value)
        elif kind in (ACCEPT, DROP, RETURN):
            return [Rule(_all(wanted, place, sets), kind, text)]
        elif kind == "reject":
            return [Rule(_all(wanted, place, sets), REJECT, text)]
        elif kind in ("dnat", "redirect"):
            return [Rule(_all(wanted, place, sets), ACCEPT, text, _target(value))]
        elif kind in ("jump", "goto"):
            return [Rule(_all(wanted, place, sets), f"{kind} {value['target']}", text)]
        elif kind == "vmap":
            return list(_vmap(value, wanted, place, sets, text))
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
            return [Rule(_all(wanted, place, sets), DROP, f"{kind}: {text}")]
        # counter, log, mangle, notrack and what else changes nothing for this packet
    return [Rule(_all(wanted, place, sets), CONTINUE, text)]


def _target(value: Any) -> tuple[str, str]:
    """Of a DNAT or a redirect: the address and the port, '' where it stays or is not plain."""
    said = value if isinstance(value, dict) else {}
    address, port = said.get("addr", ""), said.get("port", "")
    return (address if isinstance(address, str) else "", str(port) if isinstance(port, int) else "")


def _vmap(
    value: Mapping[str, Any], wanted: Sequence[Any], place: tuple[str, str], sets: Mapping[Any, Any], text: str
) -> Iterator[Rule]:
    data = value["data"]
    key = (place[0], place[1], data[1:]) if isinstance(data, str) else None
    pairs = sets[key].get("elem", []) if key else data.get("set", [])
    for wanted_key, verdict in pairs:
        one = {"op": "==", "left": value["key"], "right": _bare(wanted_key)}
        (kind, target) = next(iter(verdict.items()))
        name = f"{kind} {target['target']}" if kind in ("jump", "goto") else kind
        yield Rule(_all([*wanted, one], place, sets), name, text)


def _all(wanted: Sequence[Any], place: tuple[str, str], sets: Mapping[Any, Any]) -> Matches:
    conditions = list(wanted)

    def matches(packet: Packet) -> bool | None:
        return every(_nft_match(one, packet, place, sets) for one in conditions)

    return matches


def _nft_match(one: Any, packet: Packet, place: tuple[str, str], sets: Mapping[Any, Any]) -> bool | None:
    if one is None:
        return None
    if isinstance(one, bool):
        return one
    if "known" in one:
        there = _value(one["known"], packet)
        return False if there is _ABSENT else bool(one["then"])
    left, right = one["left"], one["right"]
    negated: bool = one.get("op") == "!="
    if isinstance(left, dict) and "ct" in left:
        key, said = left["ct"].get("key"), set(_flat(right))
        if key == "proto-dst" and left["ct"].get("dir") == "original":
            found = _among(packet.sent_to or packet.port, right, place, sets)
            return None if found is None else found != negated
        if key not in ("state", "status") or not said <= {*NEW, *NOT_NEW, *NAT_STATES, *STATUSES}:
            return None
        here = {"new"} if key == "state" else set()
        return bool(said & (here | ({"dnat"} if packet.sent_to else set()))) != negated
    value = _value(left, packet)
    if value is _ABSENT:
        return False
    if value is None:
        return None
    found = _among(value, right, place, sets)
    return None if found is None else bool(found != negated)


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
            known = {"saddr": ipaddress.ip_address(packet.source), "protocol": packet.protocol}
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
            "pkttype": "host",
        }.get(left["meta"]["key"])
    if "fib" in left:
        return "local" if left["fib"].get("result") == "type" and "daddr" in left["fib"].get("flags", []) else None
    return None


def _masked(value: Any, mask: Any) -> Any:
    if isinstance(value, set):
        return value & set(_flat(mask))
    if isinstance(value, int):
        return value & int(str(mask), 0)
    if isinstance(value, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
        return ipaddress.ip_address((int(value) & int(ipaddress.ip_address(mask))).to_bytes(len(value.packed), "big"))
    return None


def _among(value: Any, right: Any, place: tuple[str, str], sets: Mapping[Any, Any]) -> bool | None:
    if isinstance(right, str) and right.startswith("@"):
        held = sets.get((*place, right[1:]))
        if held is None:
            return None
        return any(_equal(value, _bare(element)) for element in held.get("elem", []))
    if isinstance(right, dict) and "set" in right:
        return any(_equal(value, _bare(element)) for element in right["set"])
    if isinstance(value, set):
        # `tcp flags syn` looks for any of them; after a mask, for exactly these.
        said = set(_flat(right)) - {"0x0", "0", 0}
        return value == said if said != {"syn"} else "syn" in value
    return _equal(value, _bare(right))


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

"""`nft -j list ruleset` -> tables whose rules can be asked of a packet."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..policy import WIDTH
from ..rules import ended
from . import ranges
from .live import (
    CONTINUE,
    FORWARD,
    IN,
    NAT,
    NEW,
    NEW_SOURCE,
    NOTRACK,
    POSTROUTING,
    PREROUTING,
    RETURN,
    REWRITES,
    STATES,
    Chain,
    Match,
    Matches,
    Named,
    Packet,
    Rule,
    Table,
    every,
    in_state,
    negated,
    protocol_name,
)
from .live_values import (
    ABSENT,
    ORDERS,
    STATUSES,
    Source,
    bare,
    compared,
    equal,
    flat,
    harmless,
    of_family,
    one_of,
    plain_goal,
    spans,
    value_of,
)
from .model import ACCEPT, DROP, REJECT
from .ranges import Ranges

IPTABLES_NAMES = ("filter", "mangle", "nat", "raw", "security")  # what iptables-nft calls its tables
# What a packet meets, by type and hook of a base chain.
HOOKS = {
    ("filter", "prerouting"): PREROUTING, ("filter", "input"): IN, ("filter", "forward"): FORWARD,
    ("filter", "postrouting"): POSTROUTING,
    ("nat", "prerouting"): NAT, ("nat", "input"): IN, ("nat", "postrouting"): POSTROUTING,
}  # fmt: skip
# Statements that change nothing for this packet.
HARMLESS = {"counter", "log", "last", "ct helper", "ct timeout", "ct expectation", "secmark", "flow", "dup", "map",
            "reset"}  # fmt: skip


def tables(dump: Mapping[str, Any], *, beside_iptables: bool) -> Iterator[Table]:
    """Native tables. `beside_iptables`: those of iptables-nft are left to iptables-save, which knows what their matches
    mean."""
    entries = [(kind, body) for entry in dump["nftables"] for kind, body in entry.items()]
    sets = {(b["family"], b["table"], b["name"]): b for kind, b in entries if kind in ("set", "map")}
    limits = {(b["family"], b["table"], b["name"]): b for kind, b in entries if kind == "limit"}
    flags = {(b["family"], b["name"]): b["flags"] for kind, b in entries if kind == "table" and "flags" in b}
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
            reader = readers.setdefault(key, Reader(key, sets, limits))
            chains[key][body["chain"]].rules += reader.rules(body)
    families = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}
    for (family, name), order in hooked.items():
        if family in families and not (beside_iptables and family != "inet" and name in IPTABLES_NAMES):
            if "dormant" in (said := flat(flags.get((family, name), []))):
                continue
            if {*said} - {"owner", "persist"}:  # nft 1.0.6 shows the name of the table instead
                for _, _, chain in order:
                    text = "the table has a flag that is not known: it may be dormant"
                    chains[family, name][chain].rules.insert(0, Rule(_never_sure, ACCEPT, text))
            named = readers[family, name].named if (family, name) in readers else Named()
            yield Table(f"table {family} {name}", families[family], chains[family, name], tuple(order), named)


def unread(dump: Mapping[str, Any]) -> Iterator[str]:
    """Tables with base chains that are not judged here: what comes before any address is looked at."""
    for entry in dump["nftables"]:
        chain = entry.get("chain", {})
        if chain.get("hook") in ("ingress", "egress") or (
            chain.get("hook") and chain.get("family") in ("netdev", "bridge", "arp")
        ):
            yield f"table {chain['family']} {chain['table']} is not read at {chain['hook']}"


def _never_sure(packet: Packet) -> Match:
    return every((None,), packet.family)


@dataclass
class Reader:
    """Reads the rules of one table. `sets`, `limits`: those of all tables; what has become of a set is kept."""

    place: tuple[str, str]
    sets: Mapping[Any, Any]
    limits: Mapping[Any, Any] = field(default_factory=dict)
    named: Named = field(default_factory=Named)
    known: dict[tuple[Hashable, int, int], Ranges] = field(default_factory=dict)

    def rules(self, body: Mapping[str, Any]) -> list[Rule]:
        """One rule of nft's, which may be several here: a verdict map is a rule for each of its verdicts."""
        wanted: list[Any] = []
        made: list[Rule] = []
        effect = ""
        text = body.get("comment") or json.dumps(body.get("expr"))[:200]
        for expression in body.get("expr", []):
            (kind, value) = next(iter(expression.items()))
            if kind == "match":
                wanted.append(value)
                self._name(value["left"], value["right"])
            elif kind in (ACCEPT, DROP, RETURN, REJECT):
                return [*made, Rule(self._all(wanted), kind, text, effect=effect)]
            elif kind in ("dnat", "redirect"):
                return [*made, *self._dnat(value, wanted, text)]
            elif kind in ("snat", "masquerade"):
                return [*made, Rule(self._all([*wanted, *of_family(value)]), ACCEPT, text, effect=NEW_SOURCE)]
            elif kind in ("jump", "goto"):
                return [*made, Rule(self._all(wanted), f"{kind} {value['target']}", text, effect=effect)]
            elif kind == "vmap":
                return [*made, *self._vmap(value, wanted, text)]
            elif kind in ("limit", "ct count", "set", "meter"):
                wanted.append(self._limit(kind, value))
            elif kind == "quota":
                wanted.append(None)
            elif kind == "notrack":
                effect = NOTRACK
            elif kind == "mangle":
                effect = effect if harmless(value["key"]) else REWRITES
            elif kind not in HARMLESS:  # it may end here, whichever way
                wanted.append(None)
                made += [Rule(self._all(wanted), verdict, f"{kind}: {text}") for verdict in (ACCEPT, DROP)]
        return [*made, Rule(self._all(wanted), CONTINUE, text, effect=effect)]

    def _limit(self, kind: str, value: Any) -> Any:
        """A condition: no limit is reached yet."""
        if isinstance(value, str):  # a limit with a name
            held = self.limits.get((*self.place, value))
            return None if held is None else not held.get("inv", False)
        inner = value.get("stmt", []) if kind in ("set", "meter") else [{kind: value}]
        inner = inner if isinstance(inner, list) else [inner]
        over = any(isinstance(held, dict) and held.get("inv") for one in inner for held in one.values())
        # An update of a set of sources that cannot be (of the other family) ends the rule as well.
        return {"known": value.get("elem") or value.get("key"), "then": not over}

    def _dnat(self, value: Any, wanted: Sequence[Any], text: str) -> Iterator[Rule]:
        """Where a map says the address, a rule for each of its elements."""
        said = value if isinstance(value, dict) else {}
        wanted, address, port = [*wanted, *of_family(said)], said.get("addr", ""), said.get("port", "")
        if isinstance(address, dict) and "map" in address and not port:
            key, data = address["map"]["key"], address["map"]["data"]
            pairs = self._elements(data) if isinstance(data, str) else data.get("set", [])
            targets = [(bare(one), plain_goal(bare(goal))) for one, goal in pairs or ()]
            if pairs is not None and all(goal for _, goal in targets) and all(one != "*" for one, _ in targets):
                last = targets[-1][0] if one_of(key, [one for one, _ in targets]) else None
                for one, goal in targets:
                    self._name(key, one)
                    match = {"op": "==", "left": key, "right": one}
                    yield Rule(self._all(wanted if one == last else [*wanted, match]), ACCEPT, text, goal)
                return
        if isinstance(address, str) and (port == "" or isinstance(port, int)):
            yield Rule(self._all(wanted), ACCEPT, text, (address, str(port)))
        else:
            yield Rule(self._all(wanted), ACCEPT, text, effect=REWRITES)

    def _vmap(self, value: Mapping[str, Any], wanted: Sequence[Any], text: str) -> Iterator[Rule]:
        """Its keys are all different, so their order says nothing."""
        data = value["data"]
        pairs = self._elements(data) if isinstance(data, str) else data.get("set", [])
        by_verdict: dict[str, list[Any]] = {}
        others = ""
        for key, verdict in pairs or ():
            (kind, target) = next(iter(verdict.items()))
            name = f"{kind} {target['target']}" if kind in ("jump", "goto") else kind
            if bare(key) == "*":  # what is in no other element
                others = name
                continue
            by_verdict.setdefault(name, []).append(bare(key))
        if pairs is None:
            for name in (ACCEPT, DROP):
                yield Rule(self._all([*wanted, None]), name, text)
        every_key = [key for keys in by_verdict.values() for key in keys]
        last = [*by_verdict][-1] if one_of(value["key"], every_key) else None
        for name, keys in by_verdict.items():
            right = {"set": keys}
            self._name(value["key"], right)
            match = {"op": "==", "left": value["key"], "right": right}
            yield Rule(self._all(wanted if name == last else [*wanted, match]), name, text)
        if others:
            yield Rule(self._all([*wanted, {"present": value["key"]}]), others, text)

    def _elements(self, name: str) -> Any:
        held = self.sets.get((*self.place, name[1:]))
        return None if held is None else held.get("elem", [])

    def _name(self, left: Any, right: Any) -> None:
        """Keeps what is told apart there."""
        said = json.dumps(left)
        self.named.ways_back |= "fib" in said and "saddr" in said
        self.named.source_ports |= '"sport"' in said
        if '"sctp"' in said or '"dccp"' in said:
            self.named.protocols.add("sctp" if '"sctp"' in said else "dccp")
        if "port" in said or "proto-dst" in said:
            self.named.ports.update(self._edges(right))
        elif "iif" in said or "oif" in said:
            self.named.interfaces.update(text for text in self._texts(right) if text != "lo")
        elif '"l4proto"' in said or '"field": "protocol"' in said or "nexthdr" in said:
            named = (item for item in self._items(right) if isinstance(item, (int, str)))
            self.named.protocols.update(map(protocol_name, named))

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
                yield from self._items(bare(element[0] if isinstance(element, list) else element))
        elif isinstance(right, dict) and ("set" in right or "concat" in right):
            for element in right.get("set") or right["concat"]:
                yield from self._items(bare(element))
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
        if "present" in one:
            value = value_of(one["present"], packet)
            return None if value is None else value is not ABSENT
        if "known" in one:
            return False if value_of(one["known"], packet) is ABSENT else bool(one["then"])
        left, right, how = one["left"], one["right"], one.get("op", "==")
        answer = self._conntrack(left["ct"], right, packet) if isinstance(left, dict) and "ct" in left else None
        if answer is None:
            value = value_of(left, packet)
            if value is ABSENT:
                return False
            if how == "!" and isinstance(value, set):  # none of these flags
                return not value & {*flat(right)}
            if how in ORDERS:
                return compared(value, how, right, packet.family)
            answer = None if value is None else self._among(value, right, packet)
        return answer if how in ("==", "in") else negated(answer, packet.family) if how in ("!=", "!") else None

    def _conntrack(self, left: Mapping[str, Any], right: Any, packet: Packet) -> bool | Ranges | None:
        key, said = left.get("key"), set(flat(right))
        if key == "proto-dst" and left.get("dir") == "original" and packet.states <= NEW:
            return self._among(packet.sent_to or packet.port, right, packet)
        if key == "direction" and packet.states <= NEW:
            return said == {"original"}
        if key == "label":  # the rules themselves give them
            return False
        if key == "mark" and said == {str(ended.MARK)}:  # what --cut ended
            return False
        if key == "state" and said <= STATES:
            return in_state(packet, said)
        if key != "status" or not said <= STATUSES or not packet.states <= NEW:
            return None
        return "dnat" in said and packet.sent_to > 0

    def _among(self, value: Any, right: Any, packet: Packet) -> bool | Ranges | None:
        if isinstance(value, Source):
            return self._sources(right, packet.family, value.mask)
        if isinstance(value, tuple) and any(isinstance(part, Source) for part in value):
            return self._with_others(value, right, packet)
        if isinstance(right, str) and right.startswith("@"):
            elements = self._elements(right)
            return None if elements is None else any(equal(value, bare(element)) for element in elements)
        if isinstance(right, dict) and "set" in right:
            if isinstance(value, int):
                return ranges.has(self._numbers(right), value)
            return any(equal(value, bare(element)) for element in right["set"])
        if isinstance(value, set):
            # `tcp flags syn` looks for any of them; after a mask, for exactly these.
            said = set(flat(right)) - {"0x0", "0", 0}
            return value == said if said != {"syn"} else "syn" in value
        return equal(value, bare(right))

    def _numbers(self, right: Any) -> Ranges:
        key = id(right), 0, 0
        if key not in self.known:
            items = [bare(item) for item in right["set"]]
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
            found = [span for element in elements for span in spans(bare(element), family)]
            self.known[key, family, mask] = ranges.all_of((start, end + rest) for start, end in found)
        return self.known[key, family, mask]

    def _with_others(self, value: Sequence[Any], right: Any, packet: Packet) -> Ranges | None:
        """Of a concatenation with the source: the sources of elements whose other parts are this packet's."""
        elements = self._elements(right) if isinstance(right, str) else right.get("set", [right])
        if elements is None or any(part is None for part in value):
            return None
        at = next(at for at, part in enumerate(value) if isinstance(part, Source))
        found: list[tuple[int, int]] = []
        for element in map(bare, elements):
            parts = element.get("concat", []) if isinstance(element, dict) else []
            others = [(one, two) for number, (one, two) in enumerate(zip(value, parts)) if number != at]
            if len(parts) == len(value) and all(equal(one, two) for one, two in others):
                found += spans(parts[at], packet.family)
        return ranges.all_of(found)

"""Who gets in, by the rules that a kernel holds? Rules -> for each port the exact parts of all sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..policy import WIDTH, Opening
from ..policy.networks import UNROUTABLE, collapse
from . import ranges
from .live import FORWARD, WITH_PORTS, Fate, Packet
from .live_walk import Rules
from .model import ACCEPT, ECHO, ICMP, OTHER_PROTOCOLS, TRANSPORTS, UNKNOWN, last_port
from .ranges import Ranges
from .words import STRANGER, address_text, aligned, networks_once, on_interfaces, port_texts, ports_text, sources_text
from .zones import Zone, zones


@dataclass(frozen=True)
class Part:
    """Sources whose packets to these ports, by these interfaces, have one fate."""

    family: int
    proto: str
    ports: Ranges
    sources: Ranges
    interfaces: tuple[Zone, ...]
    fate: Fate


@dataclass(frozen=True)
class LiveReach:
    """The parts of all that is let in, or may be, and the classes of interfaces that rules tell apart."""

    parts: tuple[Part, ...]
    zones: tuple[Zone, ...]


def who(rules: Rules, addresses: Mapping[int, str], openings: Sequence[Opening] = ()) -> LiveReach:
    """Everything that gets in, or these ports alone. `addresses`: of this host, to which the packets are sent."""
    those = zones(name for table in rules.tables for name in table.named.interfaces)
    found: dict[tuple[Any, ...], Ranges] = {}
    sources: dict[int, Ranges] = {}
    for family in WIDTH:
        nobody = ranges.of_networks(collapse(UNROUTABLE.of(family), family), family)
        asked = ranges.without(ranges.everything(family), nobody)
        for proto, ports in _protocols(rules, family, openings):
            for zone in those:
                for span in ports:
                    packet = _packet(family, proto, span[0], asked, zone.sample, addresses.get(family, ""))
                    for fate, some in rules.judge(packet):
                        if fate.verdict in (ACCEPT, UNKNOWN):
                            same = sources.setdefault(id(some), some)
                            key = family, proto, zone, fate, _Same(same)
                            found[key] = ranges.union(found.get(key, ranges.NONE), span)
    merged: dict[tuple[Any, ...], list[Zone]] = {}
    for (family, proto, zone, fate, some), ports_of in found.items():
        merged.setdefault((family, proto, ports_of, some, fate), []).append(zone)
    parts = [
        Part(family, proto, ports_of, _shown(some.sources, family), tuple(over), fate)
        for (family, proto, ports_of, some, fate), over in merged.items()
    ]
    return LiveReach(tuple(parts), tuple(those))


class _Same:
    """A set as a key: a long one by what it is, and not by all that is in it."""

    def __init__(self, sources: Ranges) -> None:
        self.sources = sources
        self._hash = hash((len(sources), sources[:4], sources[-2:]))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and (self.sources is other.sources or self.sources == other.sources)


def _shown(sources: Ranges, family: int) -> Ranges:
    """With the addresses that nobody can have, where that makes it plainer."""
    if ranges.size(sources) <= 1 << WIDTH[family] - 1:
        return sources
    return ranges.union(sources, ranges.of_networks(collapse(UNROUTABLE.of(family), family), family))


def _protocols(rules: Rules, family: int, openings: Sequence[Opening]) -> Iterator[tuple[str, list[Ranges]]]:
    """Protocols, and the ports of each that no rule tells apart; of ICMP the echo request alone."""
    edges = {edge for table in rules.tables if family in table.families for edge in table.named.ports}
    named = {name for table in rules.tables if family in table.families for name in table.named.protocols}
    others = sorted(named - {*TRANSPORTS, *ICMP.values(), "all"})
    for proto in (*TRANSPORTS, ICMP[family], *others, OTHER_PROTOCOLS):
        if proto == ICMP[family]:
            spans = [(ECHO[family], ECHO[family] + 1)]
        elif proto in WITH_PORTS:
            asked = {edge for opening in openings for edge in (opening.first, opening.last + 1)}
            cuts = sorted({1, 65536} | {edge for edge in edges | asked if 0 < edge < 65536})
            spans = list(zip(cuts, cuts[1:]))
        else:
            spans = [(0, last_port(proto) + 1)]
        if openings:
            within = [(each.first, each.last + 1) for each in openings if each.proto == proto]
            spans = [span for span in spans if any(first <= span[0] < end for first, end in within)]
        if spans:
            yield proto, [*spans]


def _packet(family: int, proto: str, port: int, sources: Ranges, interface: str, destination: str) -> Packet:
    icmp = proto == ICMP[family]
    stranger = address_text(family, STRANGER[family])
    kind = port if icmp else -1
    return Packet(proto, 0 if icmp else port, stranger, interface, destination, 0, kind, sources, expected=True)


# --- for people and for programs ----------------------------------------------------------------------------


def lines(reach: LiveReach, openings: Sequence[Opening] = ()) -> list[str]:
    """A table for each family, and what the answers hang on."""
    out, doubts = [], list[str]()
    for family in WIDTH:
        rows = []
        for part in reach.parts:
            if part.family == family:
                what = ports_text(family, part.proto, _whole(part.proto, part.ports))
                what += on_interfaces(part.interfaces, reach.zones)
                rows.append((what, sources_text(part.sources, family), _why(part.fate, doubts)))
        out += [f"IPv{family}", *aligned(rows or [("nothing", "", "")])]
    out += [] if openings else ["everything else is refused"]
    return [*out, *(f"[{number}] {text}" for number, text in enumerate(doubts, 1))]


def _whole(proto: str, ports: Ranges) -> Ranges:
    """Port 0 is no port that anybody sends to, and all others together are every port."""
    return (0, 65536) if proto in WITH_PORTS and ports == (1, 65536) else ports


def _why(fate: Fate, doubts: list[str]) -> str:
    by = ", ".join(map(_short, fate.through))
    by += f"{', ' if by else ''}sent on to {fate.sent_on}" if fate.sent_on else ""
    if fate.verdict == ACCEPT:
        return by or "nothing refuses it"
    for text in fate.assumptions:
        if text not in doubts:
            doubts.append(text)
    numbers = "".join(f"[{doubts.index(text) + 1}]" for text in fate.assumptions[:5])
    return f"unknown: may be refused by {fate.by} {numbers}" if fate.by else f"unknown {numbers}"


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def as_json(reach: LiveReach, assumptions: Iterable[str] = ()) -> dict[str, Any]:
    """The same for programs, network by network."""
    texts = networks_once()
    made: dict[str, Any] = {
        f"ipv{family}": [_one(part, reach, texts) for part in reach.parts if part.family == family] for family in WIDTH
    }
    return {**made, "assumptions": list(assumptions)}


def _one(part: Part, reach: LiveReach, texts: Callable[[Ranges, int], list[str]]) -> dict[str, Any]:
    fate = part.fate
    return {
        "direction": "published" if fate.hook == FORWARD else "in",
        "protocol": part.proto,
        "ports": port_texts(part.proto, part.ports),
        "from": texts(part.sources, part.family),
        "interfaces": None if set(part.interfaces) == set(reach.zones) else list(map(str, part.interfaces)),
        "verdict": fate.verdict,
        "rules": list(fate.through),
        "sent_on": fate.sent_on or None,
        "table": fate.by or None,
        "rule": fate.rule or None,
        "assumptions": list(fate.assumptions),
    }

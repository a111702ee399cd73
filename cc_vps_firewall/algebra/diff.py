"""What does a change open, and what does it close? Two models -> boxes, each with a packet that shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ..policy import Policy
from . import ranges
from .model import DIRECTIONS, FORWARD, IN, OUT, PUBLISHED, USERS, Box, Model, model
from .questions import Cells, Packet
from .ranges import Ranges
from .words import (
    address_text,
    limits_of,
    listed,
    networks_once,
    on_interfaces,
    port_texts,
    ports_text,
    sample,
    sources_text,
)
from .zones import Zone

T = TypeVar("T")
OPENS, CLOSES, LIMITS = KINDS = ("opens", "closes", "limits")


@dataclass(frozen=True)
class Change:
    """Packets that two policies treat otherwise, in the same way. `before`, `after`: the entries that let them through,
    and the limits that they meet there."""

    kind: str
    direction: str
    family: int
    proto: str
    ports: Ranges
    sources: Ranges
    destinations: Ranges
    interfaces: tuple[Zone, ...]
    out: tuple[Zone, ...]
    users: tuple[str, ...]
    before: tuple[tuple[str, ...], tuple[str, ...]]
    after: tuple[tuple[str, ...], tuple[str, ...]]

    @property
    def sample(self) -> Packet:
        """One of them."""
        sources = ranges.NONE if self.direction == OUT else self.sources
        destinations = self.destinations if self.direction in (OUT, FORWARD) else ranges.NONE
        return Packet(
            self.direction,
            self.family,
            self.proto,
            self.ports[0] or min(1, self.ports[1] - 1),
            sample(sources, self.family) if sources else 0,
            sample(destinations, self.family) if destinations else 0,
            self.interfaces[0].sample,
            self.users[0],
            self.out[0].sample,
        )


@dataclass(frozen=True)
class Difference:
    """All that two policies do otherwise. `ways_out`: the classes of interfaces that are told apart where what is
    forwarded leaves. `others`: of a kind each, what no box can say."""

    changes: tuple[Change, ...]
    zones: tuple[Zone, ...]
    ways_out: tuple[Zone, ...]
    others: tuple[tuple[str, str], ...] = ()

    def kinds(self) -> set[str]:
        return {change.kind for change in self.changes} | {kind for kind, _ in self.others}


def diff(before: Policy, after: Policy) -> Difference:
    """Two policies -> what the second opens, closes and limits otherwise."""
    found = of_models(model(before), model(after))
    others = []
    if before.enabled and after.enabled and before.malformed != after.malformed:
        opens = after.malformed == "accept"
        text = "malformed packets to ports that are open, and to ports that containers publish"
        others.append((OPENS if opens else CLOSES, text))
    guards = [each.flood == "guard" or each.malformed == "accept" for each in (before, after)]
    if before.enabled and after.enabled and guards[0] != guards[1]:
        text = "a TCP connection that the kernel does not know, going on at a port that is open to its source"
        others.append((OPENS if guards[1] else CLOSES, text))
    return Difference(found.changes, found.zones, found.ways_out, tuple(others))


def of_models(before: Model, after: Model) -> Difference:
    """The same of what has been made of them."""
    cells = Cells(before, after)
    ports: dict[tuple[Any, ...], Ranges] = {}
    addresses: dict[int, Ranges] = {}  # by their ids: a long list as a key costs more than all else
    for place in cells.places(DIRECTIONS):
        for cell in cells.of(place):
            if kind := _kind(*cell.boxes):
                names = tuple(map(_names, cell.boxes))
                where = place.direction, place.family, place.proto
                ends = id(cell.sources), id(cell.destinations)
                addresses.update(zip(ends, (cell.sources, cell.destinations)))
                key = kind, where, ends, names, place.outs, place.alike, place.user
                ports[key] = ranges.union(ports.get(key, ranges.NONE), cell.ports)
    over: dict[tuple[Any, ...], list[tuple[Zone, str]]] = {}
    for (kind, where, ends, names, outs, alike, user), some in ports.items():
        over.setdefault((kind, where, some, ends, names, outs), []).extend((zone, user) for zone in alike)
    ways: dict[tuple[Any, ...], list[Zone]] = {}
    for (*what, outs), those in over.items():
        by = cells.in_order(zone for zone, _ in those), _each(user for _, user in those)
        ways.setdefault((*what, *by), []).extend(outs)
    changes = [
        Change(kind, direction, family, proto, some, addresses[source], addresses[destination], interfaces, tuple(left),
               users, *names)
        for (kind, (direction, family, proto), some, (source, destination), names, interfaces, users), left
        in ways.items()
    ]  # fmt: skip
    changes.sort(key=lambda change: KINDS.index(change.kind))
    return Difference(tuple(changes), tuple(cells.zones), tuple(cells.ways_out))


def _each(some: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(some))


def _kind(before: Sequence[Box], after: Sequence[Box]) -> str:
    if bool(before) != bool(after):
        return OPENS if after else CLOSES
    return LIMITS if limits_of(before) != limits_of(after) else ""


def _names(boxes: Iterable[Box]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    those = tuple(boxes)
    return tuple(dict.fromkeys(box.entry or box.label for box in those)), limits_of(those)


# --- for people and for programs ----------------------------------------------------------------------------


def lines(found: Difference) -> list[str]:
    """A line for each change, and its packet below it."""
    out = []
    for kind in KINDS:
        for change in found.changes:
            if change.kind == kind and not _done_too(change, found.changes, IN):
                also = " (and where containers publish it)" if _done_too(change, found.changes, PUBLISHED) else ""
                out += [_sentence(change, found) + also, f"  such as {_packet_text(change)}"]
        out += [f"{kind}: {text}" for other, text in found.others if other == kind]
    return out or ["they let the same packets through"]


def _done_too(change: Change, changes: Sequence[Change], direction: str) -> bool:
    """Is the same done in that direction, of what comes in and what is published?"""
    if {change.direction, direction} != {IN, PUBLISHED}:
        return False
    return any(
        (other.direction, other.kind, other.family, other.proto)
        == (direction, change.kind, change.family, change.proto)
        and (other.ports, other.sources, other.after) == (change.ports, change.sources, change.after)
        for other in changes
    )


def _sentence(change: Change, found: Difference) -> str:
    what = ports_text(change.family, change.proto, change.ports) + on_interfaces(change.interfaces, found.zones)
    way = {"in": "", "published": "published by a container: ", "forward": "forwarded: ", "out": "outgoing: "}
    text = f"{change.kind}: {way[change.direction]}{what} over IPv{change.family}"
    if change.direction != OUT:
        text += f" from {sources_text(change.sources, change.family)}"
    if change.direction in (OUT, FORWARD):
        text += f" to {sources_text(change.destinations, change.family)}"
    if change.direction == FORWARD:
        text += on_interfaces(change.out, found.ways_out, "out by")
    if change.direction == OUT and len(change.users) < len(USERS):
        text += f", for {change.users[0]}"
    (old, slow), (new, slower) = change.before, change.after
    if change.kind == LIMITS:
        return f"{text}: {' or '.join(slower) or 'without a limit'}, before {' or '.join(slow) or 'without one'}"
    limits = slower if change.kind == OPENS else slow
    by = listed(new if change.kind == OPENS else old)
    return f"{text}: {by}" + (f", at most {' or '.join(limits)}" if limits else "")


def _packet_text(change: Change) -> str:
    packet = change.sample
    text = ports_text(packet.family, packet.proto, (packet.port, packet.port + 1))
    if packet.direction != OUT:
        text += f" from {address_text(packet.family, packet.source)}"
        text += f" by {packet.interface}" if change.interfaces[0].pattern else ""
    if packet.direction in (OUT, FORWARD):
        text += f" to {address_text(packet.family, packet.destination)}"
    text += f" out by {packet.out}" if change.out[0].pattern else ""
    return text


def as_json(found: Difference) -> Mapping[str, Any]:
    """Kind -> changes, with every network."""
    texts = networks_once()
    return {
        **{kind: [_one(each, found, texts) for each in found.changes if each.kind == kind] for kind in KINDS},
        "others": [{"kind": kind, "text": text} for kind, text in found.others],
    }


def _one(change: Change, found: Difference, texts: Callable[[Ranges, int], list[str]]) -> dict[str, Any]:
    packet, family = change.sample, change.family
    return {
        "direction": change.direction,
        "family": family,
        "protocol": change.proto,
        "ports": port_texts(change.proto, change.ports),
        "from": texts(change.sources, family) if change.direction != OUT else None,
        "to": texts(change.destinations, family) if change.direction in (OUT, FORWARD) else None,
        "interfaces": None if set(change.interfaces) == set(found.zones) else list(map(str, change.interfaces)),
        "out": list(map(str, change.out))
        if change.direction == FORWARD and set(change.out) != set(found.ways_out)
        else None,
        "users": list(change.users) if change.direction == OUT else None,
        "before": {"entries": list(change.before[0]), "limits": list(change.before[1])},
        "after": {"entries": list(change.after[0]), "limits": list(change.after[1])},
        "sample": {
            "protocol": packet.proto,
            "port": packet.port,
            "from": address_text(family, packet.source) if change.direction != OUT else None,
            "to": address_text(family, packet.destination) if change.direction in (OUT, FORWARD) else None,
            "interface": packet.interface if change.direction != OUT else None,
            "out": packet.out or None,
            "user": packet.user or None,
        },
    }

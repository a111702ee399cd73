"""Who reaches what? A model -> for each port the exact parts of all sources that reach it, and by which lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..policy import WIDTH, Opening
from . import ranges
from .model import FORWARD, IN, OTHER_PROTOCOLS, PUBLISHED, Box, Model
from .questions import Cells
from .ranges import Ranges
from .words import aligned, limits_of, networks_once, on_interfaces, port_texts, ports_text, sources_text
from .zones import Zone


@dataclass(frozen=True)
class Part:
    """Sources that reach the same ports by the same lines. `interfaces`: the classes over which they do.
    `destinations`, and `out`, the classes of interfaces to leave by, are those of what is forwarded."""

    direction: str
    family: int
    proto: str
    ports: Ranges
    sources: Ranges
    destinations: Ranges
    interfaces: tuple[Zone, ...]
    out: tuple[Zone, ...]
    entries: tuple[str, ...]
    labels: tuple[str, ...]
    limits: tuple[str, ...]


@dataclass(frozen=True)
class Reach:
    """The parts of a policy, and all classes of interfaces that it tells apart, to come in by and to leave by."""

    parts: tuple[Part, ...]
    zones: tuple[Zone, ...]
    ways_out: tuple[Zone, ...]
    enabled: bool


def who(made: Model, openings: Sequence[Opening] = ()) -> Reach:
    """Everything that reaches this host or is forwarded by it, or these ports alone."""
    cells = Cells(made)
    found: dict[tuple[Any, ...], Ranges] = {}
    addresses: dict[int, Ranges] = {}  # by their ids: a long list as a key costs more than all else
    for place in cells.places((IN, PUBLISHED, FORWARD)):
        for within in _asked(place.proto, openings):
            for cell in cells.of(place, within):
                (boxes,) = cell.boxes
                ends = id(cell.sources), id(cell.destinations)
                addresses.update(zip(ends, (cell.sources, cell.destinations)))
                what = place.direction, place.family, place.proto
                key = what, ends, (*_names(boxes),), place.outs, place.alike
                found[key] = ranges.union(found.get(key, ranges.NONE), cell.ports)
    over: dict[tuple[Any, ...], list[Zone]] = {}
    for (what, ends, names, outs, alike), ports in found.items():
        over.setdefault((what, ends, names, outs, ports), []).extend(alike)
    ways: dict[tuple[Any, ...], list[Zone]] = {}
    for (what, ends, names, outs, ports), zones in over.items():
        ways.setdefault((what, ends, names, ports, cells.in_order(zones)), []).extend(outs)
    parts = [
        Part(direction, family, proto, ports, addresses[source], addresses[destination], by, tuple(outs), *names)
        for ((direction, family, proto), (source, destination), names, ports, by), outs in ways.items()
    ]
    return Reach(tuple(parts), tuple(cells.zones), tuple(cells.ways_out), made.enabled)


def _asked(proto: str, openings: Sequence[Opening]) -> Iterator[Ranges]:
    if not openings:
        yield ranges.NONE
    for opening in openings:
        if opening.proto == proto:
            yield (opening.first, opening.last + 1)


def _names(boxes: Iterable[Box]) -> Iterator[tuple[str, ...]]:
    """Entries, labels and limits of what lets a packet through."""
    those = tuple(boxes)
    yield tuple(dict.fromkeys(box.entry for box in those if box.entry))
    yield tuple(dict.fromkeys(box.label for box in those))
    yield limits_of(those)


# --- for people and for programs ----------------------------------------------------------------------------


def lines(reach: Reach, openings: Sequence[Opening] = ()) -> list[str]:
    """A table for each family."""
    if not reach.enabled:
        return ["enabled is false: nothing of vps-firewall filters on this host"]
    out = []
    for family in WIDTH:
        rows = [
            (
                f"{ports_text(family, part.proto, part.ports)}{on_interfaces(part.interfaces, reach.zones)}"
                + _way_on(part, reach),
                sources_text(part.sources, family),
                ", ".join([*part.labels, *(f"at most {limit}" for limit in part.limits)]),
            )
            for part in reach.parts
            if part.family == family and (part.direction == IN or _led_on(part))
        ]
        out += [f"IPv{family}", *aligned(rows or [("nothing", "", "")])]
    if not openings:
        out.append("everything else is closed")
    left_alone = (p for p in reach.parts if (p.direction, p.proto) == (PUBLISHED, OTHER_PROTOCOLS))
    if any(reach.zones[0] in part.interfaces for part in left_alone):
        out.append("ports that containers publish: not filtered, containers is ignore")
    else:
        out.append("ports that containers publish: as allow says of the same port of this host")
    return out


def _led_on(part: Part) -> bool:
    """Is it forwarded because the policy says so? Containers' own traffic is everybody's."""
    return any(entry.startswith(("publish[", "route[")) for entry in part.entries)


def _way_on(part: Part, reach: Reach) -> str:
    if part.direction != FORWARD:
        return ""
    to = sources_text(part.destinations, part.family)
    return f"{on_interfaces(part.out, reach.ways_out, 'out by')} to {to}"


def as_json(reach: Reach) -> Mapping[str, Any]:
    """The same for programs, network by network."""
    texts = networks_once()
    return {
        f"ipv{family}": [
            {
                "direction": part.direction,
                "protocol": part.proto,
                "ports": port_texts(part.proto, part.ports),
                "from": texts(part.sources, family),
                "to": texts(part.destinations, family) if part.direction == FORWARD else None,
                "interfaces": None if set(part.interfaces) == set(reach.zones) else list(map(str, part.interfaces)),
                "out": list(map(str, part.out))
                if part.direction == FORWARD and set(part.out) != set(reach.ways_out)
                else None,
                "entries": list(part.entries),
                "rules": list(part.labels),
                "limits": list(part.limits),
            }
            for part in reach.parts
            if part.family == family
        ]
        for family in WIDTH
    }

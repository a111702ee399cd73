"""Who reaches what? A model -> for each port the exact parts of all sources that reach it, and by which lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..policy import WIDTH, Opening
from . import ranges
from .model import IN, OTHER_PROTOCOLS, PUBLISHED, Box, Model
from .questions import Cells
from .ranges import Ranges
from .words import aligned, limits_of, networks_once, on_interfaces, port_texts, ports_text, sources_text
from .zones import Zone


@dataclass(frozen=True)
class Part:
    """Sources that reach the same ports by the same lines. `interfaces`: the classes over which they do."""

    direction: str
    family: int
    proto: str
    ports: Ranges
    sources: Ranges
    interfaces: tuple[Zone, ...]
    entries: tuple[str, ...]
    labels: tuple[str, ...]
    limits: tuple[str, ...]


@dataclass(frozen=True)
class Reach:
    """The parts of a policy, and all classes of interfaces that it tells apart."""

    parts: tuple[Part, ...]
    zones: tuple[Zone, ...]
    enabled: bool


def who(made: Model, openings: Sequence[Opening] = ()) -> Reach:
    """Everything that reaches this host, or these ports of it alone."""
    cells = Cells(made)
    found: dict[tuple[Any, ...], Ranges] = {}
    sources: dict[int, Ranges] = {}  # by their ids: a long list as a key costs more than all else
    for place in cells.places((IN, PUBLISHED)):
        for within in _asked(place.proto, openings):
            for cell in cells.of(place, within):
                (boxes,) = cell.boxes
                sources[id(cell.sources)] = cell.sources
                key = (place.direction, place.family, place.proto, place.alike, id(cell.sources), *_names(boxes))
                found[key] = ranges.union(found.get(key, ranges.NONE), cell.ports)
    merged: dict[tuple[Any, ...], list[Zone]] = {}
    for (direction, family, proto, alike, number, *names), ports in found.items():
        merged.setdefault((direction, family, proto, ports, number, *names), []).extend(alike)
    parts = [
        Part(direction, family, proto, ports, sources[number], cells.in_order(over), *names)
        for (direction, family, proto, ports, number, *names), over in merged.items()
    ]
    return Reach(tuple(parts), tuple(cells.zones), made.enabled)


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
                f"{ports_text(family, part.proto, part.ports)}{on_interfaces(part.interfaces, reach.zones)}",
                sources_text(part.sources, family),
                ", ".join([*part.labels, *(f"at most {limit}" for limit in part.limits)]),
            )
            for part in reach.parts
            if part.family == family and (part.direction == IN or any(e.startswith("publish[") for e in part.entries))
        ]
        out += [f"IPv{family}", *aligned(rows or [("nothing", "", "")])]
    if not openings:
        out.append("everything else is closed")
    if any(part.proto == OTHER_PROTOCOLS and reach.zones[0] in part.interfaces for part in reach.parts):
        out.append("ports that containers publish: not filtered, containers is ignore")
    else:
        out.append("ports that containers publish: as allow says of the same port of this host")
    return out


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
                "interfaces": None if set(part.interfaces) == set(reach.zones) else list(map(str, part.interfaces)),
                "entries": list(part.entries),
                "rules": list(part.labels),
                "limits": list(part.limits),
            }
            for part in reach.parts
            if part.family == family
        ]
        for family in WIDTH
    }

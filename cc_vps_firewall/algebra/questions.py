"""Models and a question -> exact answers: one packet, who reaches a port, what two policies do otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..policy import WIDTH
from . import ranges
from .model import (
    ACCEPT,
    DIRECTIONS,
    DROP,
    FORWARD,
    ICMP,
    OTHER_PROTOCOLS,
    OUT,
    THE_REST,
    TRANSPORTS,
    USERS,
    Box,
    Model,
    Refusal,
    last_port,
)
from .ranges import Ranges
from .zones import Zone, zones


@dataclass(frozen=True)
class Packet:
    """The first of a connection. `port`: where it goes to; the type, for ICMP. `user`: whose program sends it. `out`:
    by which interface it leaves, asked of what is forwarded."""

    direction: str
    family: int
    proto: str
    port: int
    source: int = 0
    destination: int = 0
    interface: str = ""
    user: str = ""
    out: str = ""


@dataclass(frozen=True)
class Answer:
    """What becomes of a packet. `box`: what lets it through, one without a limit where there is one, or the guard that
    refuses it. `refusal`: what drops it whatever else is said."""

    verdict: str
    box: Box | None = None
    refusal: Refusal | None = None

    @property
    def entry(self) -> str:
        """The path of the line of the policy, '' where there is none."""
        made = self.box or self.refusal
        return made.entry if made else ""

    @property
    def label(self) -> str:
        """What the rule is called in the kernel's own listing."""
        made = self.box or self.refusal
        return made.label if made else ""

    @property
    def limit(self) -> str:
        return self.box.limit if self.box else ""


def judge(made: Model, packet: Packet) -> Answer:
    """One packet -> its fate."""
    for refusal in made.refused(packet.direction, packet.family, packet.interface):
        if ranges.has(refusal.sources, packet.source):
            return Answer(DROP, refusal=refusal)
    found = [box for box in made.by_place.get((packet.direction, packet.family), ()) if holds(box, packet)]
    if found:
        return Answer(ACCEPT, min(found, key=lambda box: bool(box.limit)))
    guard = next((box for box in made.guards if holds(box, packet)), None)
    return Answer(guard.verdict, guard) if guard else Answer(DROP)


def holds(box: Box, packet: Packet) -> bool:
    """Is this packet in the box?"""
    return (
        (box.direction, box.family) == (packet.direction, packet.family)
        and ranges.has(box.ports_of(packet.proto), packet.port)
        and ranges.has(box.sources, packet.source)
        and ranges.has(box.destinations, packet.destination)
        and box.takes(packet.interface)
        and box.leaves(packet.out)
        and box.user in ("", packet.user)
    )


# --- cells: packets that no line of the policies tells apart ------------------------------------------------


ANY_WAY_OUT = Zone("")


@dataclass(frozen=True)
class Place:
    """What comes before ports and addresses. `user` is asked of what leaves alone. `alike`: all zones
    that nothing tells from this one there. `outs`: the zones that it leaves by, alike too, of what is forwarded."""

    direction: str
    family: int
    proto: str
    zone: Zone
    user: str = ""
    alike: tuple[Zone, ...] = ()
    outs: tuple[Zone, ...] = (ANY_WAY_OUT,)


@dataclass(frozen=True, eq=False)
class Cell:
    """Packets to any of the ports, from any of the sources, to any of the destinations, that the same boxes let
    through: `boxes` has those of each model. Equal sources of cells are one object, as are destinations."""

    place: Place
    ports: Ranges
    sources: Ranges
    destinations: Ranges
    boxes: tuple[tuple[Box, ...], ...]


class Cells:
    """The cells of some models together. A long list is walked once, however many boxes have it."""

    def __init__(self, *models: Model, interfaces: Iterable[str] = ()) -> None:
        self.models = models
        self.zones = zones([*interfaces, *(pattern for made in models for pattern in made.patterns)])
        self.ways_out = zones(pattern for made in models for pattern in made.out_patterns)
        self._partitions: dict[tuple[int, frozenset[int]], dict[frozenset[int], Ranges]] = {}
        self._interned: dict[Ranges, Ranges] = {}
        self._refused: dict[tuple[int, ...], Ranges] = {}

    def in_order(self, some: Iterable[Zone]) -> tuple[Zone, ...]:
        """Zones as they stand here, each once."""
        those = set(some)
        return tuple(zone for zone in self.zones if zone in those)

    def places(self, directions: Iterable[str] = DIRECTIONS) -> Iterator[Place]:
        """Every place that these models tell apart."""
        for direction in directions:
            for family in WIDTH:
                boxes = [
                    (number, box)
                    for number, made in enumerate(self.models)
                    for box in made.by_place.get((direction, family), ())
                ]
                named = {box.proto for _, box in boxes} - {"", THE_REST, *TRANSPORTS, ICMP[family]}
                for proto in (*TRANSPORTS, ICMP[family], *sorted(named), OTHER_PROTOCOLS):
                    asked = [one for one in boxes if one[1].ports_of(proto)]
                    if direction == OUT:
                        yield from (Place(OUT, family, proto, z, user, (z,)) for z in self.zones[:1] for user in USERS)
                        continue
                    for outs, leaving in self._ways(asked) if direction == FORWARD else [((ANY_WAY_OUT,), asked)]:
                        for alike in self._classes(direction, family, leaving):
                            yield Place(direction, family, proto, alike[0], "", alike, outs)

    def _ways(self, boxes: Sequence[tuple[int, Box]]) -> Iterator[tuple[tuple[Zone, ...], Sequence[tuple[int, Box]]]]:
        """The zones that packets leave by, those together by which the same boxes do; with these."""
        found: dict[tuple[int, ...], tuple[Zone, ...]] = {}
        for zone in self.ways_out:
            those = tuple(at for at, (_, box) in enumerate(boxes) if box.leaves(zone.sample))
            found[those] = (*found.get(those, ()), zone)
        for those, outs in found.items():
            yield outs, [boxes[at] for at in those]

    def _classes(self, direction: str, family: int, boxes: Iterable[tuple[int, Box]]) -> Iterable[tuple[Zone, ...]]:
        """The zones by what takes their packets: what many entries say of no interface is asked once."""
        saying: dict[tuple[str, tuple[str, ...]], list[tuple[int, Box]]] = {}
        for number, box in boxes:
            saying.setdefault((box.interface, box.but), []).append((number, box))
        same = {pair: frozenset(map(_but_for_the_interface, those)) for pair, those in saying.items()}
        found: dict[tuple[object, ...], tuple[Zone, ...]] = {}
        for zone in self.zones:
            taken = frozenset(same[pair] for pair, those in saying.items() if those[0][1].takes(zone.sample))
            refused = tuple(id(r) for made in self.models for r in made.refused(direction, family, zone.sample))
            found[taken, refused] = (*found.get((taken, refused), ()), zone)
        return found.values()

    def of(self, place: Place, within: Ranges = ranges.NONE) -> Iterator[Cell]:
        """The cells of a place; `within`: these ports alone. What no model lets through is in none of them."""
        asked = within or (0, last_port(place.proto) + 1)
        found = [
            (number, box, ports)
            for number, made in enumerate(self.models)
            for box in made.by_place.get((place.direction, place.family), ())
            if box.takes(place.zone.sample) and box.leaves(place.outs[0].sample) and box.user in ("", place.user)
            if (ports := ranges.both(box.ports_of(place.proto), asked))
        ]
        by_ports = ranges.partition({at: ports for at, (_, _, ports) in enumerate(found)})
        for those, ports in by_ports.items():
            yield from self._split(place, ports, [found[at][:2] for at in sorted(those)])

    def _split(self, place: Place, ports: Ranges, boxes: Sequence[tuple[int, Box]]) -> Iterator[Cell]:
        refused = [self._refused_by(number, place) for number in range(len(self.models))]
        for reached, destinations in self._partition((box.destinations for _, box in boxes), place.family).items():
            there = [(number, box) for number, box in boxes if id(box.destinations) in reached]
            having: dict[int, list[int]] = {}  # sources, by their ids -> places in `there`
            for at, (_, box) in enumerate(there):
                having.setdefault(id(box.sources), []).append(at)
            for held, sources in self._partition([*(box.sources for _, box in there), *refused], place.family).items():
                let_in = [there[at] for at in sorted(at for some in held for at in having.get(some, ()))]
                through = tuple(
                    tuple(box for at, box in let_in if at == number) if id(refused[number]) not in held else ()
                    for number in range(len(self.models))
                )
                if any(through):
                    yield Cell(place, ports, sources, destinations, through)

    def _partition(self, sets: Iterable[Ranges], family: int) -> dict[frozenset[int], Ranges]:
        """Addresses by the sets that they are in, which are named by their ids. Those of all addresses cost nothing."""
        by_id = {id(some): some for some in sets if some}
        every = ranges.everything(family)
        all_of_it = frozenset(number for number, some in by_id.items() if some == every)
        key = family if all_of_it else 0, frozenset(by_id) - all_of_it
        if key not in self._partitions:
            parts = ranges.partition({number: by_id[number] for number in key[1]}, every if all_of_it else ranges.NONE)
            self._partitions[key] = {those: self._interned.setdefault(part, part) for those, part in parts.items()}
        return {those | all_of_it: part for those, part in self._partitions[key].items()}

    def _refused_by(self, number: int, place: Place) -> Ranges:
        """What a model refuses there. Nobody comes from this host's own loopback: that is left out here."""
        refusals = self.models[number].refused(place.direction, place.family, place.zone.sample)
        those = [refusal.sources for refusal in refusals if refusal.entry]
        key = (number, *map(id, those))
        if key not in self._refused:
            found = ranges.NONE
            for some in those:
                found = ranges.union(found, some)
            self._refused[key] = (*found,)  # one of its own, so that it is no source of a box
        return self._refused[key]


def _but_for_the_interface(one: tuple[int, Box]) -> tuple[object, ...]:
    """Two boxes of a model that are equal so say the same of the interfaces that they take."""
    number, box = one
    ends = id(box.sources), id(box.destinations)
    return number, box.entry, box.label, box.proto, box.ports, ends, box.user, box.limit, box.shared

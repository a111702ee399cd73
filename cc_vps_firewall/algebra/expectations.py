"""The tests of a policy -> those that do not hold, with a packet that shows it, and those that nobody can tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import Problem
from ..policy import WIDTH, Policy
from ..policy.interfaces import same_interface
from ..policy.model import Expectation, PolicyTest
from ..policy.networks import UNROUTABLE
from . import ranges
from .model import ICMP, IN, PUBLISHED, model
from .questions import Cell, Cells, Place
from .ranges import Ranges
from .words import address_text, listed, ports_text, sample
from .zones import Zone


@dataclass(frozen=True)
class Result:
    """What came of a policy's tests. `failing`: refuses the policy; `unknown`: only warns. `held`: how many
    expectations hold."""

    failing: tuple[Problem, ...]
    unknown: tuple[Problem, ...]
    held: int


def examine(policy: Policy) -> Result:
    """Put a policy to its own tests."""
    if not policy.enabled or not policy.tests:
        return Result((), (), 0)
    cells = Cells(model(policy), interfaces=[test.interface for test in policy.tests])
    asking = _Asking(cells)
    failing, unknown, held = [], [], 0
    for test in policy.tests:
        if test.unknown:
            unknown.append(Problem(test.path, f"is not known to hold: {test.unknown}"))
            continue
        for expected in (*test.allowed, *test.denied):
            why = next(asking.counterexamples(test, expected, expected in test.allowed), "")
            held += not why
            if why:
                failing.append(Problem(expected.path, f"{why}; mend the policy, or this test"))
    return Result(tuple(failing), tuple(unknown), held)


class _Asking:
    """Asks one policy's cells; a long list that many tests name is walked once."""

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self.sources: dict[tuple[int, int, bool], Ranges] = {}

    def counterexamples(self, test: PolicyTest, expected: Expectation, allowed: bool) -> Iterator[str]:
        """In words: a packet for which a test does not hold."""
        for family in WIDTH:
            asked = self._asked(test, family)
            if not asked:
                continue
            for opening in expected.openings:
                if opening.proto in set(ICMP.values()) - {ICMP[family]}:
                    continue
                for zone in self._zones(test):
                    place = Place(IN, family, opening.proto, zone)
                    within = (opening.first, opening.last + 1)
                    through = list(self._through(place, within))
                    if allowed:
                        yield from self._kept_out(place, opening.proto, within, through, asked)
                    else:
                        yield from self._let_in(place, opening.proto, through, asked)

    def _through(self, place: Place, within: Ranges) -> Iterator[Cell]:
        """What gets in; a published port counts under the port of this host."""
        (made,) = self.cells.models
        elsewhere = made.published(place.family, place.proto, place.zone.sample)
        for direction, ports in ((IN, ranges.without(within, elsewhere)), (PUBLISHED, ranges.both(within, elsewhere))):
            if ports:
                yield from self.cells.of(replace(place, direction=direction), ports)

    def _let_in(self, place: Place, proto: str, through: Sequence[Cell], asked: Ranges) -> Iterator[str]:
        for cell in through:
            if hit := ranges.both(cell.sources, asked):
                by = listed(dict.fromkeys(box.entry or box.label for box in cell.boxes[0]))
                yield f"{_packet(place, proto, cell.ports, hit)} gets in by {by}"

    def _kept_out(
        self, place: Place, proto: str, within: Ranges, through: Sequence[Cell], asked: Ranges
    ) -> Iterator[str]:
        """Of the ports that are asked for, some reach nobody, and are in no cell."""
        reached: dict[Ranges, Ranges] = {}
        for cell in through:
            reached[cell.ports] = ranges.union(reached.get(cell.ports, ranges.NONE), cell.sources)
            within = ranges.without(within, cell.ports)
        if within:
            reached[within] = ranges.NONE
        for ports, sources in reached.items():
            if missing := ranges.without(asked, sources):
                yield f"{_packet(place, proto, ports, missing)} does not get in"

    def _asked(self, test: PolicyTest, family: int) -> Ranges:
        """The addresses that a test is about: all that can be a source."""
        nets = test.sources.of(family)
        key = id(nets), family, test.others
        if key not in self.sources:
            every, named = ranges.everything(family), ranges.of_networks(nets, family)
            asked = ranges.without(every, named) if test.others else named
            self.sources[key] = ranges.without(asked, _never(family))
        return self.sources[key]

    def _zones(self, test: PolicyTest) -> Sequence[Zone]:
        if not test.interface:
            return self.cells.zones[:1]
        return [zone for zone in self.cells.zones if same_interface(test.interface, zone.sample)]


def _never(family: int) -> Ranges:
    """Sources that nobody has: what comes from there is dropped by the kernel itself."""
    return ranges.of_networks(UNROUTABLE.of(family), family)


def _packet(place: Place, proto: str, ports: Ranges, sources: Ranges) -> str:
    text = ports_text(place.family, proto, (ports[0], ports[0] + 1))
    over = f" by {place.zone.sample}" if place.zone.pattern else ""
    return f"{text} from {address_text(place.family, sample(sources, place.family))}{over}"


def as_json(result: Result) -> Mapping[str, object]:
    """For programs."""
    return {
        "failing": [{"path": problem.path, "message": problem.message} for problem in result.failing],
        "unknown": [{"path": problem.path, "message": problem.message} for problem in result.unknown],
        "held": result.held,
    }

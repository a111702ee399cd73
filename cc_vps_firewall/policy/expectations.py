"""The tests of a policy -> what they expect of packets; whether it is so, the algebra tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from .bounds import MAX_ENTRIES
from .keys import OTHERS, TEST
from .messages import quoted
from .model import Expectation, PolicyTest
from .networks import NOWHERE, Sources
from .openings import OpeningValues


class ExpectationValues(OpeningValues):
    """Values of the key `tests`. A list that only tests name may be unreadable here: what they ask is unknown then."""

    def tests(self, path: str, value: object) -> tuple[PolicyTest, ...]:
        items = self.items(path, value, "tests")
        if len(items) > MAX_ENTRIES:
            self.refuse(path, f"holds more than {MAX_ENTRIES:,} tests")
        return tuple(test for at, item in items[:MAX_ENTRIES] if (test := self.test(at, item)))

    def test(self, path: str, item: object) -> PolicyTest | None:
        if not isinstance(item, Mapping):
            self.refuse(path, f"{quoted(item)} is not a test; write {{from: any, denied: [mysql]}}")
            return None
        before, self.naming = self.naming, set()
        read = self.mapping(path, item, TEST)
        named, self.naming = self.naming, before
        self.asked |= named
        if "allowed" not in item and "denied" not in item:
            self.refuse(path, "expects nothing; write allowed or denied, each a list of services and ports")
        allowed, denied = read.get("allowed", ()), read.get("denied", ())
        for each in denied:
            if any(_meet(each, other) for other in allowed):
                self.refuse(each.path, f"{quoted(each.name)} is allowed and denied at once; leave one of them")
        missing = [self.unreadable[name] for name in sorted(self.reached(named)) if name in self.unreadable]
        unknown = f"{missing[0].path} cannot be read here" if missing else ""
        sources, others = read["from"]
        return PolicyTest(path, sources, others, allowed, denied, read.get("interface", ""), unknown)

    def tested(self, path: str, value: object) -> tuple[Sources, bool]:
        """Sources, or all others than some: (sources, are the others meant?)."""
        if not isinstance(value, Mapping):
            return self.sources(path, value), False
        sources = self.mapping(path, value, OTHERS).get("not", NOWHERE)
        if sources.anywhere:
            self.refuse(f"{path}.not", "leaves nobody; name fewer sources")
        return sources, True

    def expected(self, path: str, value: object) -> tuple[Expectation, ...]:
        items = self.items(path, value, "services and ports")
        if isinstance(value, list) and not items:
            self.refuse(path, "names no port at all; leave it out")
        found = ((at, item, self.opening(at, item, anywhere=False)) for at, item in items[:MAX_ENTRIES])
        return tuple(Expectation(at, str(item), openings) for at, item, openings in found if openings)

    def forgive(self) -> None:
        """Leave out the problems of lists that nothing but tests has a use for."""
        needed = self.reached(self.used)
        for name in self.reached(self.asked) - needed:
            problem = self.unreadable.get(name)
            if problem in self.problems:
                self.problems.remove(problem)
                self.count -= 1

    def reached(self, names: Iterable[str]) -> set[str]:
        """Lists, and those that they name."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self.lists_in(name)
        return found

    def lists_in(self, name: str) -> Iterator[str]:
        return (item for _, item in self.named_by(name) if isinstance(item, str) and item in self.lists)


def _meet(one: Expectation, other: Expectation) -> bool:
    return any(
        a.proto == b.proto and a.first <= b.last and b.first <= a.last for a in one.openings for b in other.openings
    )

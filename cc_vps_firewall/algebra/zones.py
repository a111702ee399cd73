"""Interfaces, as far as rules tell them apart: one name stands for all that the same patterns take.

Of two patterns one holds the other, or they have nothing in common: so each pattern, less those inside it, is a class,
and what none of them takes is one more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from ..policy.interfaces import same_interface

LOOPBACK = "lo"
LONGEST = 15  # characters of a name, IFNAMSIZ - 1
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Zone:
    """`sample`: an interface of this class. `pattern`: the innermost that takes it, '' where none does. `but`: those
    inside of that, whose interfaces are of other classes."""

    sample: str
    pattern: str = ""
    but: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.pattern:
            return "other interfaces" if self.but else "any interface"
        return f"{self.pattern} but {', '.join(self.but)}" if self.but else self.pattern


def zones(patterns: Iterable[str]) -> list[Zone]:
    """Every class of interfaces that these patterns make, the one that none takes first. Loopback is none of them."""
    named = sorted({*patterns} - {"", LOOPBACK})
    found = []
    for pattern in ("", *named):
        inside = tuple(other for other in named if other != pattern and _holds(pattern, other))
        sample = next((name for name in _names(pattern) if not _taken(name, (*inside, LOOPBACK))), "")
        if sample:
            outermost = [one for one in inside if not any(_holds(other, one) for other in inside if other != one)]
            found.append(Zone(sample, pattern, tuple(outermost)))
    return found


def zone_of(interface: str, those: Sequence[Zone]) -> Zone:
    """The class that an interface is of."""
    takers = [zone for zone in those if same_interface(zone.pattern, interface)]
    return max(takers, key=lambda zone: (zone.pattern == interface, len(zone.pattern)))


def _holds(pattern: str, other: str) -> bool:
    """Does the pattern take all that the other takes?"""
    if pattern.endswith("*"):
        return other.startswith(pattern[:-1])
    return pattern in ("", other)


def _taken(name: str, patterns: Iterable[str]) -> bool:
    return any(same_interface(pattern, name) for pattern in patterns)


def _names(pattern: str) -> Iterator[str]:
    if pattern and not pattern.endswith("*"):
        yield pattern
        return
    start = pattern[:-1] or "net"
    for length in range(1, 4):
        for ending in product(_LETTERS, repeat=length):
            if len(start) + length <= LONGEST:
                yield start + "".join(ending)
    yield start
    if not pattern:  # everything that begins with net has been taken
        yield from map("".join, product(_LETTERS, repeat=3))

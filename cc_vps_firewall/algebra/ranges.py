"""Sets of numbers, addresses or ports, as sorted ranges that neither overlap nor touch.

A set is a tuple of edges: it begins at the first, ends before the second, begins again at the third. A hundred thousand
networks are two hundred thousand numbers, and every operation walks its operands once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TypeVar

from ..policy import WIDTH, Net, network_text

Ranges = tuple[int, ...]
NONE: Ranges = ()
K = TypeVar("K", bound=Hashable)

_UNION, _BOTH, _ONLY_FIRST = (False, True, True, True), (False, False, False, True), (False, False, True, False)


@cache
def everything(family: int) -> Ranges:
    """All addresses of a family."""
    return (0, 1 << WIDTH[family])


def of_networks(nets: Iterable[Net], family: int) -> Ranges:
    """Collapsed networks, as Sources has them -> their addresses."""
    edges: list[int] = []
    for number, prefix in nets:
        if edges and edges[-1] == number:
            edges.pop()
        else:
            edges.append(number)
        edges.append(number + (1 << (WIDTH[family] - prefix)))
    return tuple(edges)


def networks(ranges: Ranges, family: int) -> Iterator[Net]:
    """Addresses -> the fewest networks that hold these and no others."""
    for start, end in pairs(ranges):
        while start < end:
            size = start & -start if start else 1 << WIDTH[family]
            while size > end - start:
                size >>= 1
            yield start, WIDTH[family] - size.bit_length() + 1
            start += size


def pairs(ranges: Ranges) -> Iterator[tuple[int, int]]:
    """(first, one after the last) of each range."""
    return zip(ranges[::2], ranges[1::2])


def size(ranges: Ranges) -> int:
    """How many numbers it has."""
    return sum(ranges[1::2]) - sum(ranges[::2])


def has(ranges: Ranges, number: int) -> bool:
    return bool(bisect_right(ranges, number) & 1)


def union(one: Ranges, other: Ranges) -> Ranges:
    if one is other or not other:
        return one
    return _merge(one, other, _UNION) if one else other


def all_of(sets: Iterable[Ranges]) -> Ranges:
    """The union of many, in one walk."""
    out: list[int] = []
    for start, end in sorted(pair for some in sets for pair in pairs(some)):
        if out and start <= out[-1]:
            out[-1] = max(out[-1], end)
        else:
            out += (start, end)
    return tuple(out)


def both(one: Ranges, other: Ranges) -> Ranges:
    """What is in the one and in the other."""
    if one is other:
        return one
    return _merge(one, other, _BOTH) if one and other else NONE


def without(one: Ranges, other: Ranges) -> Ranges:
    """What is in the one and not in the other."""
    if not one or one is other:
        return NONE
    return _merge(one, other, _ONLY_FIRST) if other else one


def _merge(one: Ranges, other: Ranges, keep: Sequence[bool]) -> Ranges:
    """`keep`: by whether a number is in none, in the other, in the one, or in both."""
    out: list[int] = []
    at = by = 0
    ends = len(one), len(other)
    inside = False
    while at < ends[0] or by < ends[1]:
        edge = one[at] if by == ends[1] or (at < ends[0] and one[at] <= other[by]) else other[by]
        if at < ends[0] and one[at] == edge:
            at += 1
        if by < ends[1] and other[by] == edge:
            by += 1
        if keep[2 * (at & 1) + (by & 1)] is not inside:
            inside = not inside
            out.append(edge)
    return tuple(out)


def partition(sets: Mapping[K, Ranges], every: Ranges = NONE) -> dict[frozenset[K], Ranges]:
    """Sets by name -> the numbers that are in the same ones, by the names of these. What is in none of them is left
    out, or what of `every` is, one range that holds them all, stands by no name."""
    names = list(sets)
    changes: dict[int, int] = {}  # at an edge, which sets begin or end: a bit for each
    for number, name in enumerate(names):
        for edge in sets[name]:
            changes[edge] = changes.get(edge, 0) ^ 1 << number
    found: dict[int, list[int]] = {0: [*every[:1]]}  # by the sets that its numbers are in
    mask, parts = 0, found[0]
    for edge in sorted(changes):
        parts.append(edge)
        mask ^= changes[edge]
        known = found.get(mask)
        parts = found[mask] = [] if known is None else known
        parts.append(edge)
    outside = [*found.pop(0), *every[1:]]
    if every:  # but where the first set begins, or the last one ends, with it
        found[0] = [edge for at, edge in enumerate(outside) if outside[at ^ 1] != edge]
    return {frozenset(_named(names, mask)): tuple(parts) for mask, parts in found.items() if parts}


def _named(names: Sequence[K], mask: int) -> Iterator[K]:
    while mask:
        lowest = mask & -mask
        yield names[lowest.bit_length() - 1]
        mask ^= lowest


def texts(ranges: Ranges, family: int) -> Iterator[str]:
    """Addresses -> networks as people write them."""
    return (network_text(family, net) for net in networks(ranges, family))

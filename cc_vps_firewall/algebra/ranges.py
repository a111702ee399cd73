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


def partition(sets: Mapping[K, Ranges]) -> dict[frozenset[K], Ranges]:
    """Sets by name -> the numbers that are in the same ones, by the names of these. What is in none is left out."""
    names = list(sets)
    if len({id(ranges) for ranges in sets.values()}) == 1:  # one long list that many entries name
        ranges = sets[names[0]]
        return {frozenset(names): ranges} if ranges else {}
    edges = sorted((edge, number) for number, name in enumerate(names) for edge in sets[name])
    found: dict[int, list[int]] = {}
    mask = start = 0
    for edge, number in edges:
        if mask and edge > start:
            parts = found.setdefault(mask, [])
            if parts and parts[-1] == start:
                parts[-1] = edge
            else:
                parts += (start, edge)
        start = edge
        mask ^= 1 << number
    return {frozenset(_named(names, mask)): tuple(parts) for mask, parts in found.items()}


def _named(names: Sequence[K], mask: int) -> Iterator[K]:
    while mask:
        lowest = mask & -mask
        yield names[lowest.bit_length() - 1]
        mask ^= lowest


def texts(ranges: Ranges, family: int) -> Iterator[str]:
    """Addresses -> networks as people write them."""
    return (network_text(family, net) for net in networks(ranges, family))

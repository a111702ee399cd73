"""Who gets in -> a grid for each family: ports down, the sources that the policy tells apart across.

`who` has sources for each port; across all ports together these are cut here so that a column is one and the same for
each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cc_vps_firewall.algebra import ranges
from cc_vps_firewall.algebra.model import IN
from cc_vps_firewall.algebra.ranges import Ranges
from cc_vps_firewall.algebra.who import Part, Reach
from cc_vps_firewall.algebra.words import on_interfaces, ports_text, sources_text
from cc_vps_firewall.policy import WIDTH

COLUMNS, ROWS = 8, 40  # that are drawn; what is beyond stands in the table
SHOWN = 6  # networks of a column that are named


def grids(reach: Reach) -> dict[str, Any]:
    """{ipv4: grid, ipv6: grid}, each {columns: [{name, networks}], rows: [{what, cells: [{open, limits, by}]}], left:
    how many columns and rows are not drawn}."""
    return {f"ipv{family}": _grid(reach, family) for family in WIDTH}


def _grid(reach: Reach, family: int) -> dict[str, Any]:
    parts = [part for part in reach.parts if (part.direction, part.family) == (IN, family) and part.entries]
    every = ranges.everything(family)
    cut = ranges.partition({at: part.sources for at, part in enumerate(parts)}, every)
    columns = sorted(cut.items(), key=lambda one: ranges.size(one[1]))  # those who have least addresses first
    rows = _merged(_rows(parts, reach, family))
    shown = columns[: COLUMNS - 1] + columns[COLUMNS - 1 :][-1:]
    return {
        "columns": [
            {
                "name": "everybody else" if some is columns[-1][1] and len(columns) > 1 else _name(some, parts, family),
                "networks": [text for text, _ in zip(ranges.texts(some, family), range(SHOWN))],
            }
            for _, some in shown
        ],
        "rows": [
            {"what": what, "cells": [_cell([parts[at] for at in sorted(inside & through)]) for inside, _ in shown]}
            for what, through in rows[:ROWS]
        ],
        "left": [len(columns) - len(shown), max(0, len(rows) - ROWS)],
    }


def _name(some: Ranges, parts: Sequence[Part], family: int) -> str:
    """By what the policy itself names, where that is shorter: '203.0.113.0/24 but 203.0.113.7'."""
    name = sources_text(some, family)
    for part in parts:
        rest = ranges.without(part.sources, some)
        if rest and not ranges.without(some, part.sources) and part.sources != ranges.everything(family):
            name = min(name, f"{sources_text(part.sources, family)} but {sources_text(rest, family)}", key=len)
    return name


def _rows(parts: Sequence[Part], reach: Reach, family: int) -> Iterator[tuple[str, str, frozenset[int]]]:
    """(what, on which interfaces, the parts that let it in): ports that no part tells apart are one row."""
    for proto in dict.fromkeys(part.proto for part in parts):
        for zone in reach.zones:
            here = {at: part.ports for at, part in enumerate(parts) if part.proto == proto and zone in part.interfaces}
            for through, ports in ranges.partition(here).items():
                zones = [z for z in reach.zones if all(z in parts[at].interfaces for at in through)]
                yield ports_text(family, proto, ports), on_interfaces(zones, reach.zones), through


def _merged(rows: Iterator[tuple[str, str, frozenset[int]]]) -> list[tuple[str, frozenset[int]]]:
    """A port that is open in the same way by several interfaces is one row."""
    return list(dict.fromkeys((what + where, through) for what, where, through in rows))


def _cell(parts: Sequence[Part]) -> dict[str, Any]:
    limits = dict.fromkeys(limit for part in parts for limit in part.limits)
    free = any(not part.limits for part in parts)
    return {
        "open": bool(parts),
        "limits": [] if free else list(limits),
        "by": list(dict.fromkeys(entry for part in parts for entry in part.entries)),
    }

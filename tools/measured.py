"""tests/records -> what pages show of it: tables between marks, and the plots of docs/reference/speed.md.

Records are data that a lab wrote (tests/records.py); nothing here measures. Plots are by matplotlib, of which setup.cfg
pins the version: another one draws the same picture with other bytes.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from . import blocks, pages

RECORDS = pages.HOME / "tests" / "records"
SPEED = pages.HOME / "docs" / "reference" / "speed.md"
NONE, RAW, OURS, TUTORIAL = "no firewall", "nft, by hand", "vps-firewall", "tutorial, iptables-nft"
COLOURS = {OURS: "#1a7f37", "": "#6e7781"}
SETTINGS: Any = {"svg.hashsalt": "vps-firewall", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10}

Row = Mapping[str, Any]


def rows(name: str) -> list[Row]:
    path = RECORDS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def made() -> pages.Files:
    bench, boots = rows("bench"), rows("boot")
    if not bench or not boots:
        return
    text = SPEED.read_text(encoding="utf-8")
    for part, table in TABLES.items():
        text = blocks.rewritten(SPEED.name, text, f"Made of tests/records/bench.json: {part}", "".join(table(bench)))
    text = blocks.rewritten(SPEED.name, text, "Made of tests/records/boot.json", "".join(first_boots(boots)))
    yield SPEED, text
    for name, picture in plots(bench, boots).items():
        yield SPEED.parent / f"speed-{name}.svg", picture


def of(bench: Sequence[Row], part: str, size: int | None = None) -> list[Row]:
    """The rows of a part, fastest or best first as they were recorded."""
    return [row for row in bench if row["part"] == part and (size is None or row["size"] == size)]


def _run(seen: Sequence[Row]) -> str:
    """Of which commit and day, and the command that makes it again."""
    runs = sorted({(row["day"], row["commit"]) for row in seen})
    commands = sorted({row["command"] for row in seen}, key=lambda command: (len(command), command))
    of_runs = ", ".join(f"{day} of commit `{commit}`" for day, commit in runs)
    return f"\n{', '.join(f'`{command}`' for command in commands)}; {of_runs}.\n"


def sizes(bench: Sequence[Row], part: str) -> list[int]:
    return sorted({row["size"] for row in of(bench, part)})


def _names(seen: Sequence[Row], *first: str) -> list[str]:
    names = {row["who"] for row in seen}
    return [*(name for name in first if name in names), *sorted(names - set(first))]


def _by(seen: Sequence[Row]) -> dict[tuple[int, str], Row]:
    return {(row["size"], row["who"]): row for row in seen}


def _apply(bench: Sequence[Row]) -> Iterator[str]:
    seen, by = of(bench, "apply"), _by(of(bench, "apply"))
    heads = tuple(f"{size:,} sources" if size else "the tutorial's policy" for size in sizes(bench, "apply"))
    lines = []
    for name in _names(seen, RAW):
        cells = []
        for size in sizes(bench, "apply"):
            took = by[size, name]["seconds"]
            least = by[size, RAW]["seconds"]
            cells.append("" if took is None else f"{took:.{2 if took >= 1 else 3}f} s, {_ratio(took / least)}")
        lines.append((name, *cells))
    yield from pages.table(("", *heads), lines)
    yield _run(seen)


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _memory(bench: Sequence[Row]) -> Iterator[str]:
    seen, by = of(bench, "apply"), _by(of(bench, "apply"))
    largest = max(sizes(bench, "apply"))
    lines = []
    for name in _names(seen, RAW):
        cells = [by[size, name] for size in (0, largest)]
        peak = [f"{row['peak KiB'] / 1024:.0f} MiB" if row["seconds"] is not None else "" for row in cells]
        kept = [f"{row['resident KiB'] / 1024:.0f} MiB" if row["seconds"] is not None else "" for row in cells]
        lines.append((name, *peak, *(text if text not in ("0 MiB", "") else "none" if text else "" for text in kept)))
    heads = ("", "while it loads", f"with {largest:,} sources", "stays", f"with {largest:,} sources")
    yield from pages.table(heads, lines)
    yield _run([row for row in seen if row["size"] in (0, largest)])


def _connections(bench: Sequence[Row]) -> Iterator[str]:
    seen, by = of(bench, "connections"), _by(of(bench, "connections"))
    found = sizes(bench, "connections")
    heads = tuple(f"{size:,} sources" if size else "the tutorial's policy" for size in found)
    lines = []
    for name in _names(seen, NONE, RAW):
        cells = [by.get((size, name)) for size in found]
        lines.append(
            (name, *(f"{r['connections']:,}, {r['connections of none']:.0%}" if r else "" for r in cells)),
        )
    yield from pages.table(("", *heads), lines)
    yield _run(seen)


def _standing(bench: Sequence[Row]) -> Iterator[str]:
    seen = of(bench, "standing")
    by = {row["who"]: row for row in seen}
    lines = [
        (
            name,
            f"{by[name]['MiB']:,} MiB, {by[name]['MiB of none']:.0%}",
            f"{by[name]['round trips']:,}, {by[name]['round trips of none']:.0%}",
        )
        for name in _names(seen, NONE, RAW)
    ]
    yield from pages.table(("", "large segments", "round trips of 64 bytes"), lines)
    yield _run(seen)


def _flood(bench: Sequence[Row]) -> Iterator[str]:
    seen = of(bench, "flood")
    by = {row["who"]: row for row in seen}
    lines = [
        (name, f"{r['clients']:.0%}", f"{r['own']:.0%}", f"{r['SYNs']:,}", f"{r['entries']:,}")
        for name in _names(seen, NONE, RAW)
        for r in (by[name],)
    ]
    heads = ("", "clients served", "the host's own connections", "SYNs a second that came", "entries in the tracker")
    yield from pages.table(heads, lines)
    yield _run(seen)


def _reach(bench: Sequence[Row]) -> Iterator[str]:
    seen = of(bench, "reach")
    by = {row["who"]: row for row in seen}
    keys = ("database IPv4", "database IPv6", "published IPv4")
    lines = [
        (
            name,
            *("open" if by[name][key] else "closed" for key in keys),
            "refused, and gets in"
            if by[name]["refused"]
            else "gets in"
            if by[name]["owner gets in again"]
            else "shut out",
        )
        for name in _names(seen, RAW)
    ]
    yield from pages.table(("", "the database, IPv4", "IPv6", "the container", "after the mistake"), lines)
    yield _run(seen)


TABLES = {
    "apply": _apply,
    "memory": _memory,
    "connections": _connections,
    "standing": _standing,
    "flood": _flood,
    "reach": _reach,
}
TODAY = {"runcmd": "the tutorial's commands in `runcmd`", "ufw": "ufw", "firewalld": "firewalld"}


def compared(boots: Sequence[Row]) -> dict[str, Row]:
    """What people do today, and ours, by name: a first boot of each."""
    found = {name: row for row in boots for scenario, name in TODAY.items() if row["scenario"] == scenario}
    ours = {
        f"vps-firewall, {row['guest']}, sealed": row
        for row in boots
        if row["scenario"] == "first boot" and row["leaks"] == 0 and row["problems"] == 0
    }
    return {**found, **ours}


def answered(row: Row) -> int:
    """Knocks that were answered and should not have been; a firewall's refusal is no answer of the host."""
    return int(row["leaks"]) - int(row.get("unreachable", 0))


def first_boots(boots: Sequence[Row]) -> Iterator[str]:
    lines = [
        (name, row["system"] + (f", as {row['stands for']}" if row["stands for"] else ""), f"{answered(row):,}",
         f"{row.get('unreachable', 0):,}", f"{row['day']}, `{row['commit']}`")
        for name, row in compared(boots).items()
    ]  # fmt: skip
    yield from pages.table(("", "guest", "knocks that a closed port answered", "refusals", "of"), lines)


# --- plots ------------------------------------------------------------------------------------------------


def plots(bench: Sequence[Row], boots: Sequence[Row]) -> dict[str, str]:
    largest = max(sizes(bench, "apply"))
    loads = {row["who"]: row["seconds"] for row in of(bench, "apply", largest) if row["seconds"] is not None}
    clients, own = ({row["who"]: 100 * row[key] for row in of(bench, "flood")} for key in ("clients", "own"))
    rates = {row["who"]: 100 * row["connections of none"] for row in of(bench, "connections", 0) if row["who"] != NONE}
    long = {r["who"]: 100 * r["connections of none"] for r in of(bench, "connections", largest) if r["who"] != NONE}
    knocks = {name.replace("`", ""): answered(row) for name, row in compared(boots).items()}
    return {
        "flood": _bars("Of 100 clients, served through a flood of SYNs", clients, "clients"),
        "flood-own": _bars("Of 100 connections of the host's own, made through it", own, "connections"),
        "apply": _bars(f"The first load of a policy with {largest:,} sources", loads, "seconds, logarithmic", log=True),
        "connections": _bars("New connections a processor second, the tutorial's policy", rates, "% of no firewall"),
        "long-lists": _bars(f"The same with {largest:,} sources", long, "% of no firewall"),
        "boot": _bars("Knocks that a closed port answered at a first boot", knocks, "knocks"),
    }


def _bars(title: str, values: Mapping[str, float], unit: str, log: bool = False) -> str:
    """One horizontal bar each, ours in another colour, the number at its end."""
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(7.6, 0.9 + 0.32 * len(values)), layout="constrained")
        axes = figure.subplots()
        names = list(values)[::-1]
        colours = [COLOURS[OURS if name.startswith(OURS) else ""] for name in names]
        bars = axes.barh(names, [values[name] for name in names], color=colours, height=0.7)
        axes.bar_label(bars, [f"{values[name]:,.{0 if values[name] >= 100 else 1}f}" for name in names], padding=4)
        axes.set_title(title, loc="left")
        axes.set_xlabel(unit)
        if log:
            axes.set_xscale("log")
        axes.margins(x=0.12)
        axes.spines[["top", "right"]].set_visible(False)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Title": title})
    return "\n".join(line.rstrip() for line in drawn.getvalue().splitlines()) + "\n"

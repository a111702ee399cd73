"""tests/records -> the table of the README: what a stranger, a flood and a mistake do to each, as the labs saw it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from . import blocks, measured, pages
from .measured import OURS, Row

README = pages.HOME / "README.md"
MARK = "Made of tests/records"
# The table's columns, by the names that the records have for them.
COLUMNS = {
    "vps-firewall": (OURS, "first boot"),
    "the tutorial's commands": ("tutorial", "runcmd"),
    "ufw": ("ufw", "ufw"),
    "firewalld": ("firewalld", "firewalld"),
}


def made() -> pages.Files:
    bench, boots = measured.rows("bench"), measured.rows("boot")
    if not measured.of(bench, "reach"):
        return
    text = README.read_text(encoding="utf-8")
    yield README, blocks.rewritten(README.name, text, MARK, "".join(table(bench, boots)))


def table(bench: Sequence[Row], boots: Sequence[Row]) -> Iterator[str]:
    """Where ours or the tutorial's has several rows, one for each tool, the worst of them counts."""

    def cells(part: str, one: Callable[[list[Row]], str], size: int = 0) -> tuple[str, ...]:
        found = measured.of(bench, part, size)
        return tuple(one([row for row in found if row["who"].startswith(name)]) for name, _ in COLUMNS.values())

    knocks = tuple(
        f"{max(measured.answered(row) for row in boots if row['scenario'] == scenario):,}"
        for _, scenario in COLUMNS.values()
    )
    lines = [
        ("a first boot: knocks that a closed port answered", *knocks),
        ("a SYN flood: of 100 clients are served", *cells("flood", lambda rows: _percent(rows, "clients"))),
        ("the same: of 100 connections of the host's own", *cells("flood", lambda rows: _percent(rows, "own"))),
        ("a database that the policy does not name, over IPv6",
         *cells("reach", lambda rows: _open(rows, "database IPv6"))),
        ("a port that Docker publishes, and the policy does not name",
         *cells("reach", lambda rows: _open(rows, "published IPv4"))),
        ("over SSH, a policy that shuts its owner out", *cells("reach", _mistake)),
        ("memory that it keeps", *cells("apply", lambda rows: _memory(rows))),
    ]  # fmt: skip
    yield from pages.table(("", *COLUMNS), lines)


def _percent(rows: Sequence[Row], key: str) -> str:
    return f"{100 * min(row[key] for row in rows):.0f}"


def _open(rows: Sequence[Row], key: str) -> str:
    return "open" if any(row[key] for row in rows) else "closed"


def _mistake(rows: Sequence[Row]) -> str:
    if all(row["owner gets in again"] for row in rows):
        return "is refused"
    return "shuts them out"


def _memory(rows: Sequence[Row]) -> str:
    kib = max(row["resident KiB"] for row in rows)
    return f"{kib / 1024:.0f} MiB" if kib else "none"

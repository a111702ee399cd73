"""ours alone -> tables: where loading takes its time, and what a connection costs with a long list."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.bench import connecting, loading
from tests.lab.machine import TOOLS

Key = tuple[int, str, str]  # size, tool, measure

ROWS = {
    "parse inline": "read user-data, parse, render",
    "parse and render": "parse a list file, render",
    "tool": "the tool alone loads the text",
    "sixteen calls": "the tutorial's sixteen calls",
    "first": "converge(): first load",
    "same": "converge(): the same again",
    "changed": "converge(): one in 100 changed",
}


def main(arguments: Sequence[str]) -> int:
    """`arguments` are pytest's. -> an exit code."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        ended = pytest.main(
            [
                loading.__file__,
                "--quiet",
                "--no-header",
                "--benchmark-only",
                "--benchmark-quiet",
                f"--benchmark-json={report}",
                *("-p", "no:cacheprovider", "-p", "no:xdist"),
                *arguments,
            ]
        )
        if ended != pytest.ExitCode.OK:
            return int(ended)
        runs = json.loads(report.read_text(encoding="utf-8"))["benchmarks"]
    print("\n".join([*loading_table(runs), *connecting_table()]))
    return 0


def loading_table(runs: list[dict[str, Any]]) -> list[str]:
    seconds: dict[Key, list[float]] = {}
    kib: dict[Key, int] = {}
    for run in runs:
        info = run["extra_info"]
        key = info["size"], info["tool"], info["measure"]
        seconds.setdefault(key, []).append(run["stats"]["median"])
        kib.update({key: info["kib"]} if "kib" in info else {})
    middle = {key: statistics.median(times) for key, times in seconds.items()}
    sizes = sorted({size for size, _, _ in middle})
    return [line for size in sizes for line in (*_block(size, middle, kib), *_targets(size, middle))]


def _block(size: int, middle: Mapping[Key, float], kib: Mapping[Key, int]) -> list[str]:
    lines = ["", _row(f"{size:,} networks" if size else "the tutorial", *TOOLS)]
    for measure, name in ROWS.items():
        cells = []
        for tool in TOOLS:
            took, alone = middle.get((size, tool, measure)), middle[size, tool, "tool"]
            cells.append(f"{1000 * took:.1f} ms {took / alone:5.2f} x" if took else "")
        if any(cells):
            lines.append(_row(name, *cells))
    for measure, name in {"tool": "peak memory of the tool", "first": "peak memory of converge()"}.items():
        lines.append(_row(name, *(f"{kib[size, tool, measure] / 1024:.0f} MiB        " for tool in TOOLS)))
    return lines


def _row(name: str, *cells: str) -> str:
    return f"{name:31}" + "".join(f"{cell:>22}" for cell in cells)


def _targets(size: int, middle: Mapping[Key, float]) -> list[str]:
    """What was aimed at, and what came out. Nothing fails here: a busy computer is not a bug."""

    def worst(measures: tuple[str, ...], per: str) -> float:
        return max(middle[size, tool, measure] / middle[size, tool, per] for tool in TOOLS for measure in measures)

    if size == 0:
        calls = min(middle[0, tool, "sixteen calls"] for tool in TOOLS if (0, tool, "sixteen calls") in middle)
        cells = [f"{middle[0, tool, 'first'] / middle.get((0, tool, 'sixteen calls'), calls):.2f}" for tool in TOOLS]
        return [f"target: converge() / sixteen calls at most 1: {', '.join(cells)}"]
    if size == max(loading.SIZES):
        return [
            f"target: parse and render / load below 1: at worst {worst(('parse and render',), 'tool'):.2f}",
            f"target: converge() / load at most 3.5: at worst {worst(('first', 'same', 'changed'), 'tool'):.2f}",
        ]
    return []


def connecting_table() -> list[str]:
    lines = ["", _row("new connections", "a CPU second", "of no firewall")]
    for name, (rate, ratio) in connecting.measured().items():
        lines.append(_row(name, f"{rate:,.0f}", f"{100 * ratio:.1f} %"))
    return [*lines, "target: at least 85 % of no firewall"]

"""a run of a lab -> what it saw, in `records/NAME.json`: on which commit, which day, which kernel.

Pages are made of these files (tools/support.py, tools/speed.py), and say nothing that is not in them. A record of a
checkout with changes says so, and tests/unit/test_records.py does not let one in.

    .venv/bin/python -m pytest -p tests.records tests/cloudinit    writes tests/records/cloudinit.json
"""

from __future__ import annotations

import datetime
import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import suites
from tests.suites import REPOSITORY

HOME = Path(__file__).parent / "records"
CHANGED = "+changes"  # behind a commit that is not all of what ran
PROGRAMS = ("cloud-init", "nftables", "iptables", "ufw", "firewalld", "linux-image-cloud-amd64", "python3")

Row = Mapping[str, Any]


def run() -> dict[str, str]:
    """What every row of a run has: commit, day and kernel."""
    return {"commit": _commit(), "day": datetime.datetime.now(datetime.timezone.utc).date().isoformat()}


def keep(name: str, rows: Iterable[Row], by: tuple[str, ...]) -> Path:
    """Put rows in the place of those that have the same values of `by`; others stay as they were."""
    path = HOME / f"{name}.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    about = run()
    kept = {tuple(row[key] for key in by): row for row in before}
    kept.update({tuple(row[key] for key in by): {**row, **about} for row in rows})
    HOME.mkdir(exist_ok=True)
    lines = [json.dumps(kept[key]) for key in sorted(kept, key=str)]
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    return path


def system(root: Path) -> dict[str, str]:
    """What a Debian root holds: its own name, and the versions of what matters here."""
    text = (root / "usr/lib/os-release").read_text(encoding="utf-8")
    name = re.findall(r'^PRETTY_NAME="(.*)"', text, re.MULTILINE)[0]
    asked = ["dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W", "-f=${Package} ${Version}\n", *PROGRAMS]
    said = subprocess.run(asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    versions = dict(line.split() for line in said.splitlines() if len(line.split()) == 2)
    return {"system": name, **{name: _upstream(version) for name, version in versions.items()}}


def _upstream(version: str) -> str:
    return version.split(":")[-1].split("-")[0].split("+")[0]


def _commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(REPOSITORY), *words], check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    changed = [line for line in git("status", "--porcelain").splitlines() if "tests/records/" not in line]
    return git("rev-parse", "--short=12", "HEAD").strip() + (CHANGED if changed else "")


# --- a layer of the tests, as a plugin of pytest ----------------------------------------------------------

Counts = dict[tuple[str, str], dict[str, int]]  # (layer, system) -> outcome -> how many
_COUNTS = pytest.StashKey[Counts]()
# What a test's name says of where it ran: a suite, or the stand-in for EL.
SYSTEMS = re.compile(rf"\b({'|'.join(suites.SUITES)}|el9)\b")
STAND_IN = re.compile(r"\btest_rpm\b|\[el9|\brpm\b")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_COUNTS] = {}
    config.pluginmanager.register(_Counting(config.stash[_COUNTS]), "counting")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    by_layer: dict[str, list[Row]] = {}
    for (layer, where), counts in session.config.stash[_COUNTS].items():
        named = system(suites.root_of(where)) if where in suites.SUITES else {}
        by_layer.setdefault(layer, []).append({"on": where, **named, **counts})
    for layer, rows in by_layer.items():
        keep(layer, rows, ("on",))


class _Counting:
    def __init__(self, counts: Counts) -> None:
        self.counts = counts

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        key = report.nodeid.split("/")[1], place(report.nodeid)
        counts = self.counts.setdefault(key, {"passed": 0, "failed": 0, "skipped": 0})
        counts[report.outcome] += 1


def place(test: str) -> str:
    """Where a test ran, as its name says it: a suite, the stand-in for EL, or this computer."""
    if named := SYSTEMS.search(test.partition("[")[2]):
        return named[1]
    return "el9" if STAND_IN.search(test) else "here"

"""Records of labs: of a commit as it is, and a new run takes the place of the rows that it saw."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path

import pytest

from tests import records


def test_each_row_names_a_commit_that_is_all_that_ran() -> None:
    for path in records.HOME.glob("*.json"):
        for row in json.loads(path.read_text(encoding="utf-8")):
            assert re.fullmatch("[0-9a-f]{12}", row["commit"]), row
            assert datetime.date.fromisoformat(row["day"]) >= datetime.date(2026, 11, 1), row


def test_a_run_replaces_what_it_saw_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "HOME", tmp_path)
    monkeypatch.setattr(records, "run", lambda: {"commit": "1" * 12, "day": "2026-11-29"})
    records.keep("lab", [{"guest": "a", "leaks": 1}, {"guest": "b", "leaks": 2}], ("guest",))
    path = records.keep("lab", [{"guest": "a", "leaks": 0}], ("guest",))
    assert [(row["guest"], row["leaks"]) for row in json.loads(path.read_text())] == [("a", 0), ("b", 2)]


@pytest.mark.parametrize(
    "test, where",
    [
        ("tests/cloudinit/test_matrix.py::test_case[bookworm-ssh]", "bookworm"),
        ("tests/packages/test_compiled.py::test_one[el9]", "el9"),
        ("tests/packages/test_rpm.py::test_what_verification_checks", "el9"),
        ("tests/packages/test_wheel.py::test_links", "here"),
    ],
)
def test_a_test_says_where_it_ran(test: str, where: str) -> None:
    assert records.place(test) == where

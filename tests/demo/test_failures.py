"""A test that fails shows what was raised."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.lab import machine
from tests.suites import REPOSITORY

FAILING = """\
import subprocess

from tests.lab import world


def test_a_program() -> None:
    subprocess.run(["sh", "-c", "echo half-way; echo no such table >&2; exit 3"], check=True, capture_output=True)


def test_one_behind_another() -> None:
    try:
        subprocess.run(["sh", "-c", "echo no such chain >&2; exit 3"], check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError:
        raise ValueError("it could not be made")
"""


def test_what_a_program_said_is_shown(tmp_path: Path) -> None:
    (tmp_path / "test_failing.py").write_text(FAILING)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", str(tmp_path)]
    said = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert said.returncode == 1
    for line in ("half-way", "no such table", "no such chain"):
        assert f"\n{line}\n" in said.stdout, said.stdout
    assert "ValueError: it could not be made\n" in said.stdout


def test_asserts_of_helpers_show_their_values() -> None:
    assert type(machine.__loader__).__name__ == "AssertionRewritingHook"

"""a test that fails -> what it takes to see why: the values in a helper's assert, and what a program said."""

from __future__ import annotations

import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

HERE = Path(__file__).parent

# pytest rewrites the asserts of test files alone; those of machines and worlds would say AssertionError and no more.
pytest.register_assert_rewrite(*(f"tests.{path.parent.name}" for path in HERE.glob("*/__init__.py")))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """CalledProcessError keeps to itself what it captured."""
    report = yield
    failure = call.excinfo.value if call.excinfo else None
    while failure is not None:
        if isinstance(failure, subprocess.CalledProcessError):
            for name, text in (("standard output", failure.stdout), ("standard error", failure.stderr)):
                printed = text.decode(errors="replace") if isinstance(text, bytes) else text
                if printed:
                    report.sections.append((f"{name} of {failure.cmd}", printed))
        failure = failure.__cause__ or failure.__context__
    return report

"""tests -> a marker for the layer that each belongs to; a test that fails -> what it takes to see why."""

from __future__ import annotations

import importlib
import os
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.__main__ import layers

HERE = Path(__file__).parent

# pytest rewrites the asserts of test files alone; those of machines and worlds would say AssertionError and no more.
pytest.register_assert_rewrite(*(f"tests.{path.parent.name}" for path in HERE.glob("*/__init__.py")))


def pytest_configure(config: pytest.Config) -> None:
    for name in layers():
        about = str(importlib.import_module(f"tests.{name}").__doc__).partition("\n")[0]
        config.addinivalue_line("markers", f"{name}: {about}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`-m "kernel or safety"`: a test's folder is its layer."""
    for item in items:
        layer = item.path.relative_to(HERE).parts[0] if item.path.is_relative_to(HERE) else ""
        if layer in layers():
            item.add_marker(layer)


def run_folder(factory: pytest.TempPathFactory) -> Path:
    """A folder for what all processes of this run share."""
    folder = factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


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

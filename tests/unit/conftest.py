"""Unit tests ask pure functions: one that starts a process fails, even where the code swallows what is raised."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from typing import Any

import hypothesis
import pytest

from .systems import image, root, same_python, small_disk, systemctl

__all__ = ["image", "root", "same_python", "small_disk", "systemctl"]  # fixtures

STARTS = {
    "subprocess.Popen",
    "os.system",
    "os.fork",
    "os.forkpty",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "pty.spawn",
}

_running: list[str] = []
_started: list[str] = []


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event in STARTS and _running:
        _started.append(f"{event}{arguments[:2]}")
        raise AssertionError(f"{_running[-1]} starts a process: {event}{arguments[:2]}")


# An audit hook stays for the life of the interpreter, which other tests share: it listens only between these two.
sys.addaudithook(_hear)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    _running.append(item.nodeid)
    try:
        result = yield
    finally:
        _running.pop()
        started = list(_started)
        _started.clear()
    assert not started, f"started {started}"
    return result


# A machine under load is no reason to fail, and CI tries the same examples every time.
hypothesis.settings.register_profile("unit", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("unit")

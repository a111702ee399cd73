"""a run of tests -> how long each layer took, how much of that a processor worked, which tests waited longest, and
which worked most.

    .venv/bin/python -m pytest -p tests.waiting tests/safety

What waits may run beside something else: the more of a layer's time is waiting, the more processes it pays to give it.
Work is what this process and its children that ended have used; a daemon that a test left to the end of its machine
counts with the test that ended it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator

import pytest

LONGEST = 25


def _worked() -> float:
    from tests.lab import loaded  # later than conftest.py, which has its asserts rewritten

    used = os.times()
    return used.user + used.system + used.children_user + used.children_system + loaded.worked()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    began, worked = time.monotonic(), _worked()
    result = yield
    item.config.stash[_TIMES][item.nodeid] = (time.monotonic() - began, _worked() - worked)
    return result


_TIMES = pytest.StashKey[dict[str, tuple[float, float]]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TIMES] = {}


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of xdist's sends what it has measured to the one that prints."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["times"] = session.config.stash[_TIMES]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    output = getattr(node, "workeroutput", {})
    config = getattr(node, "config", None)
    if isinstance(config, pytest.Config):
        config.stash[_TIMES].update({name: tuple(pair) for name, pair in output.get("times", {}).items()})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    times = config.stash[_TIMES]
    layers: dict[str, list[tuple[float, float]]] = {}
    for name, pair in times.items():
        layers.setdefault(name.partition("/")[2].partition("/")[0], []).append(pair)
    terminalreporter.section("where it waited")
    terminalreporter.write_line(f"{'layer':12}{'tests':>7}{'seconds':>10}{'work':>10}")
    for layer, pairs in sorted(layers.items()):
        took, worked = (sum(column) for column in zip(*pairs))
        terminalreporter.write_line(f"{layer:12}{len(pairs):7}{took:10.1f}{worked:10.1f}{worked / took:6.0%}")
    for name, (took, worked) in sorted(times.items(), key=lambda one: one[1][1] - one[1][0])[:LONGEST]:
        terminalreporter.write_line(f"{took:8.1f} s, {worked:6.1f} of it work: {name}")
    terminalreporter.section("where it worked")
    tests: dict[str, list[float]] = {}
    for name, (_, worked) in times.items():
        tests.setdefault(name.partition("[")[0], []).append(worked)
    for name, those in sorted(tests.items(), key=lambda one: -sum(one[1]))[:LONGEST]:
        terminalreporter.write_line(f"{sum(those):8.1f} s of work, {len(those):5} times: {name}")

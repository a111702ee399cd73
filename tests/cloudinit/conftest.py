"""nothing -> a machine of each suite with the module installed, and an internet to knock from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import suites
from tests.boot.guests import locked
from tests.conftest import run_folder
from tests.lab import boot
from tests.lab.world import Internet, Machine, changes, world


@pytest.fixture(params=list(suites.SUITES))
def suite(request: pytest.FixtureRequest) -> suites.Suite:
    """Each suite of the matrix."""
    return suites.SUITES[request.param]


@pytest.fixture
def made(suite: suites.Suite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, Internet]]:
    """A new machine of that suite, with the module installed, and its internet."""
    with world(suites.root_of(suite.name), _installed(suite, run_folder(tmp_path_factory))) as both:
        yield both


def _installed(suite: suites.Suite, run: Path) -> Path:
    """What installing it changes in the suite's root: done by the first process of this run that asks for it."""
    folder = run / f"installed-{suite.name}"
    with locked(run / f"{folder.name}.lock"):
        if not folder.exists():
            partial = run / f"{folder.name}.partial"
            with changes(suites.root_of(suite.name), partial) as machine:
                boot.install(machine)
            partial.rename(folder)
    return folder


@pytest.fixture
def machine(made: tuple[Machine, Internet]) -> Machine:
    """The machine alone."""
    return made[0]


@pytest.fixture
def internet(made: tuple[Machine, Internet]) -> Internet:
    """Its internet."""
    return made[1]

"""nothing -> a machine of each suite with the module installed, and an internet to knock from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import suites
from tests.lab import boot
from tests.lab.world import Internet, Machine, world


@pytest.fixture(params=list(suites.SUITES))
def suite(request: pytest.FixtureRequest) -> suites.Suite:
    """Each suite of the matrix."""
    return suites.SUITES[request.param]


@pytest.fixture
def made(suite: suites.Suite) -> Iterator[tuple[Machine, Internet]]:
    """A new machine of that suite, and its internet."""
    with world(suites.root_of(suite.name)) as both:
        boot.install(both[0])
        yield both


@pytest.fixture
def machine(made: tuple[Machine, Internet]) -> Machine:
    """The machine alone."""
    return made[0]


@pytest.fixture
def internet(made: tuple[Machine, Internet]) -> Internet:
    """Its internet."""
    return made[1]

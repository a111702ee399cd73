"""Every layer of the tests has a marker, a line in tests/README.md, and a command that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.__main__ import PURE, layers

HOME = Path(__file__).parents[2]


def commands() -> dict[str, str]:
    rows = re.findall(r"^\| `(\w+)` \|.*\| `(make [^`]+)` \|$", (HOME / "tests/README.md").read_text(), re.MULTILINE)
    return dict(rows)


def test_every_layer_is_in_the_table() -> None:
    assert sorted(commands()) == list(layers())
    assert set(PURE) < set(layers())


@pytest.mark.parametrize("layer", layers())
def test_its_command_is_one_of_make(layer: str) -> None:
    makefile = (HOME / "Makefile").read_text()
    listed = re.search(r"^LAYERS := (.*)$", makefile, re.MULTILINE)
    assert listed is not None
    alone = commands()[layer] == f"make {layer}"
    assert (layer in listed[1].split()) == alone
    assert alone or commands()[layer] == f"make test ARGS={layer}"
    if alone:
        assert re.search(rf"^{layer}: ## \S", makefile, re.MULTILINE), "make help does not tell of it"


def test_a_test_bears_its_layer(request: pytest.FixtureRequest) -> None:
    assert [mark.name for mark in request.node.iter_markers()] == ["unit"]
    (about,) = (line for line in request.config.getini("markers") if line.startswith("unit: "))
    assert about.startswith("unit: The modules as functions")

"""What a release accepted is accepted, and its packets meet the fate that they met then: SUPPORT.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cc_vps_firewall import policy
from cc_vps_firewall.errors import PolicyRefused
from tests import casefiles, corpus
from tests.algebra_checks import OURS, wrong_in
from tests.casefiles import Case
from tests.corpus import Stanza
from tools import promise

FILES = {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(promise.FOLDER.glob("*.yaml"))}


def cases() -> Iterator[Case]:
    for release, held in FILES.items():
        for said in held["cases"]:
            rest = {key: value for key, value in said.items() if key not in ("name", "user-data")}
            yield casefiles.read(f"{release}: {said['name']}", promise.FOLDER, said["user-data"], rest)


def stanzas() -> Iterator[Stanza]:
    for release, held in FILES.items():
        yield from (corpus.stanza(release, said) for said in held["stanzas"])


def broken(case: Case) -> list[str]:
    """What is not as it was."""
    try:
        return wrong_in(OURS, case, case.policy())
    except PolicyRefused as refused:
        return [str(problem) for problem in refused.problems]


CASES = {case.name: case for case in cases()}


@pytest.mark.parametrize("name", CASES)
def test_a_policy_is_accepted_and_means_the_same(name: str) -> None:
    assert broken(CASES[name]) == []


@pytest.mark.parametrize("stanza", [*stanzas()], ids=lambda stanza: stanza.name)
def test_a_stanza_is_accepted(stanza: Stanza, tmp_path: Path) -> None:
    assert stanza.told(tmp_path) == ()


def test_this_version_has_its_file() -> None:
    assert promise.path().stem in FILES
    assert len(CASES) > 100
    assert sum(len(case.packets) for case in CASES.values()) > 1000


def test_what_would_break_it_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is forgotten, and a port that means something else."""
    web = CASES["0.2: web-server"]
    names: Any = policy.services.SERVICES
    monkeypatch.setitem(names, "https", ())
    assert broken(web) != []
    monkeypatch.delitem(names, "https")
    assert any("https" in line for line in broken(web))

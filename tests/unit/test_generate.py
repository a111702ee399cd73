"""What is made of the sources is as they have it, and one entrance makes all of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools import generate, schema
from tools.pages import HOME


def test_nothing_is_stale() -> None:
    assert [str(path) for path, _ in generate.stale()] == [], "run `make generate`"


def test_what_is_lost_or_changed_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lost, changed = tmp_path / "lost.json", tmp_path / "changed.json"
    changed.write_text("{}")
    monkeypatch.setattr(generate, "HOME", tmp_path)
    monkeypatch.setitem(generate.KINDS, "schema", lambda: iter([(lost, schema.text()), (changed, "{}\n")]))
    assert generate.main(["schema"]) == 0
    assert capsys.readouterr().out.splitlines() == ["lost.json", "changed.json"]
    assert (lost.read_text(), changed.read_text()) == (schema.HOME.read_text(), "{}\n")
    assert generate.main(["schema"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("room", ["cc_vps_firewall", "docs", "fleet", "packaging", "schemas", "tools"])
def test_nothing_takes_from_the_tests_but_tools_the_machines(room: str) -> None:
    named = {
        name
        for path in (HOME / room).rglob("*.py")
        for name in re.findall(r"^\s*(?:from|import) tests\b\.?(\S*)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    allowed = {"", "lab", "lab.world", "casefiles"} if room == "tools" else set()
    assert named <= allowed


def test_a_kind_that_is_not_made_here_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        generate.main(["schmea"])
    assert "not made here: schmea" in capsys.readouterr().err

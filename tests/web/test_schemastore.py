"""The schema as SchemaStore takes it: compiled by the Ajv that its checks use, and judging as ours does.

SchemaStore itself has not been asked: what is held here are the rules in its cli.js.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cc_vps_firewall import policy
from tests import corpus
from tests.suites import REPOSITORY
from tools import schema

AJV = ("node", str(REPOSITORY / "site/schemastore.mjs"))
STORED = schema.STORE / "vps-firewall.json"
CATALOG = json.loads((schema.STORE / "catalog.json").read_text(encoding="utf-8"))


def ajv(*paths: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*AJV, *map(str, paths)], capture_output=True, text=True)


@pytest.mark.usefixtures("npm")
def test_their_ajv_judges_as_ours_does(tmp_path: Path) -> None:
    ours = jsonschema.Draft7Validator(schema.schema())
    wanted = {}
    for number, stanza in enumerate([*corpus.accepted(), *corpus.refused()]):
        for value in stanza.values():
            path = tmp_path / f"{number}.json"
            try:
                path.write_text(json.dumps({policy.KEY: value}, allow_nan=False))
            except (TypeError, ValueError):
                continue  # YAML has more kinds of values and of keys than JSON
            wanted[str(path)] = ours.is_valid(json.loads(path.read_text()))
    said = ajv(STORED, *map(Path, wanted))
    assert said.returncode == 0, said.stderr
    found = {path: word == "true" for path, word in (line.rsplit(" ", 1) for line in said.stdout.splitlines())}
    assert found == wanted
    assert {*wanted.values()} == {True, False}


@pytest.mark.usefixtures("npm")
@pytest.mark.parametrize("spoilt", [{"patternErrorMessage": "x"}, {"format": "ipv5"}, {"pattern": "\\-"}])
def test_it_sees_what_they_would_refuse(spoilt: dict[str, Any], tmp_path: Path) -> None:
    text = json.loads(STORED.read_text(encoding="utf-8"))
    text["definitions"]["comment"].update(spoilt)
    (tmp_path / "spoilt.json").write_text(json.dumps(text))
    assert ajv(tmp_path / "spoilt.json").returncode != 0


def test_it_is_ours_but_for_its_address() -> None:
    text = re.sub(r',\s*"patternErrorMessage": "[^"]*"', "", schema.HOME.read_text(encoding="utf-8"))
    wanted = {**json.loads(text), "$id": CATALOG["url"]}
    assert json.loads(STORED.read_text(encoding="utf-8")) == wanted
    assert wanted["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_the_entry_of_their_catalog_keeps_their_rules() -> None:
    assert set(CATALOG) == {"name", "description", "fileMatch", "url"}
    assert CATALOG["url"] == f"https://www.schemastore.org/{STORED.name}"
    for key in ("name", "description"):
        assert re.search(r"[,. \t\n-]$", CATALOG[key]) is None
        assert "schema" not in CATALOG[key].lower()
    assert all("/" not in pattern or pattern.startswith("**/") for pattern in CATALOG["fileMatch"])
    listed = json.loads((schema.STORE / "schema-validation.json").read_text(encoding="utf-8"))
    assert listed == {"ajvNotStrictMode": [STORED.name]}

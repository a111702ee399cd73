"""Every case is as its schema says; and the schema takes and refuses what the readers of the cases do."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests import casefiles, corpus
from tests.casefiles import HOME, BadCase

FILES = sorted(path for name in ("case", "refused", "accepted") for path in HOME.glob(f"*/{name}.yaml"))
FORMATS = jsonschema.FormatChecker(())
FORMATS.checks("ipv4", ValueError)(lambda text: bool(ipaddress.IPv4Address(text)) or True)
FORMATS.checks("ipv6", ValueError)(lambda text: bool(ipaddress.IPv6Address(text)) or True)
SCHEMAS = {name: json.loads((HOME / f"{name}.schema.json").read_text(encoding="utf-8")) for name in ("case", "stanzas")}
VALIDATORS = {name: jsonschema.Draft7Validator(schema, format_checker=FORMATS) for name, schema in SCHEMAS.items()}
GOOD = {"about": "why", "packets": [{"tcp": 22, "expect": "pass"}]}
# Each of these is refused, by the schema and by the reader.
BAD_PACKETS: dict[str, dict[str, Any]] = {
    "a key that nobody knows": {"tcp": 22, "expect": "pass", "form": "203.0.113.9"},
    "two protocols": {"tcp": 22, "udp": 53, "expect": "pass"},
    "no protocol": {"expect": "pass"},
    "both expectations": {"tcp": 22, "times": 9, "passes": 3, "expect": "pass"},
    "no expectation": {"tcp": 22},
    "another state": {"tcp": 22, "expect": "pass", "state": "old"},
    "another interface": {"tcp": 22, "expect": "pass", "via": "eth2"},
    "another user": {"tcp": 22, "expect": "pass", "as": "www-data"},
    "another protocol": {"protocol": "icmp6", "expect": "pass"},
    "another way to be cut": {"tcp": 22, "expect": "pass", "fragments": "shuffled"},
    "another header": {"tcp": 22, "expect": "pass", "header": "routing"},
    "another checksum": {"tcp": 22, "expect": "pass", "checksum": "none"},
    "another expectation": {"tcp": 22, "expect": "reject"},
    "a source that is a name": {"tcp": 22, "expect": "pass", "from": "example.com"},
}


def wrong(path: Path) -> list[str]:
    validator = VALIDATORS["case" if path.name == "case.yaml" else "stanzas"]
    said = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(said)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_case_is_as_the_schema_says(path: Path) -> None:
    assert wrong(path) == []


def test_every_folder_is_one_of_these() -> None:
    assert {path.parent for path in FILES} == {path for path in HOME.iterdir() if path.is_dir()} - {
        HOME / "__pycache__"
    }


@pytest.mark.parametrize("name", VALIDATORS)
def test_it_is_a_schema(name: str) -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("packet", BAD_PACKETS.values(), ids=BAD_PACKETS)
def test_schema_and_reader_refuse_the_same(packet: dict[str, Any], tmp_path: Path) -> None:
    bad = {**GOOD, "packets": [packet]}
    assert not VALIDATORS["case"].is_valid(bad)
    (tmp_path / "user-data.yaml").write_text("#cloud-config\nvps_firewall: {}\n")
    (tmp_path / "case.yaml").write_text(json.dumps(GOOD))
    assert casefiles.load(tmp_path).packets
    (tmp_path / "case.yaml").write_text(json.dumps(bad))
    with pytest.raises(BadCase):
        casefiles.load(tmp_path)


def test_schema_and_readers_know_the_same_words() -> None:
    case, stanza = (SCHEMAS[name]["definitions"] for name in SCHEMAS)
    packet = case["packet"]["properties"]
    assert set(packet) == casefiles.KEYS
    assert set(case["host"]["properties"]) == set(casefiles.Host.__dataclass_fields__)
    enums = {key: tuple(packet[key]["enum"]) for key in ("via", "as", "state", "fragments", "header")}
    assert enums == {
        "via": casefiles.WAYS,
        "as": casefiles.USERS,
        "state": casefiles.STATES,
        "fragments": casefiles.FRAGMENTS,
        "header": casefiles.HEADERS,
    }
    assert tuple(case["portless"]["enum"]) == casefiles.PORTLESS
    assert set(stanza["stanza"]["properties"]) == corpus.KEYS
    assert set(stanza["stanza"]["properties"]["encode"]["enum"]) == set(corpus._ENCODINGS)

"""One mistake -> one short message, from check-jsonschema: what a checker prints is a line, not a page of names.

yaml-language-server, which editors use, is in no Python package; measured by hand with 1.25, the longest that it said
of each of these was 91 characters. Its messages are the schema's own words, which test_schema.py holds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import check_jsonschema
import pytest
import yaml
from click.testing import CliRunner

from cc_vps_firewall import policy
from cc_vps_firewall.policy import services
from tests import corpus
from tools import schema

from .test_schema import VALIDATORS

LONGEST = 400  # all that is printed, the name of the file too
MISTAKES: dict[str, Any] = {
    "a service": {"allow": ["htpp"]},
    "a service among many": {"allow": [*services.names(), "htpp"]},
    "a service in a mapping": {"allow": ["http", {"service": "htpp", "from": ["10.0.0.0/8"], "comment": "web"}]},
    "a lone service": {"allow": "htpp"},
    "a service that may leave": {"outgoing": {"policy": "drop", "allow": ["dsn", "ntp"]}},
    "a protocol": {"allow": ["8080/tpc"]},
    "a port without a protocol": {"allow": [8080]},
    "a key": {"alow": ["http"]},
    "a key of ssh": {"ssh": {"form": ["203.0.113.7"]}},
    "a key of an entry": {"allow": [{"service": "http", "form": ["203.0.113.7"]}]},
    "an entry without a port": {"allow": [{"comment": "web"}]},
    "an entry with both": {"allow": [{"service": "http", "port": "80/tcp"}]},
    "a source": {"allow": [{"service": "http", "from": ["203.0.113.300"]}]},
    "a source of IPv6": {"deny": ["2001:db8:::1"]},
    "a host name": {"ssh": {"from": ["office.example.com"]}},
    "a prefix": {"deny": ["203.0.113.0/33"]},
    "a source in a list": {"lists": {"office": ["203.0.113"]}},
    "a path": {"lists": {"office": {"file": "lists/office.txt"}}},
    "a rate": {"allow": [{"service": "http", "limit": "5/min"}]},
    "a rate of the log": {"log": True},
    "an interface": {"ssh": {"interface": "wg/0"}},
    "a comment": {"allow": [{"service": "http", "comment": 'the "web"'}]},
    "a word": {"outgoing": "drop"},
    "a choice": {"backend": "nft"},
    "a port that is text": {"ssh": {"port": "22"}},
    "a flag": {"ping": "maybe"},
    "ssh that is no mapping": {"ssh": True},
    "no mapping": ["http"],
}
ONE_PROBLEM = {
    stanza.name: stanza.values()[0]
    for stanza in corpus.refused()
    if stanza.judge == "both" and len(stanza.problems) == 1 and len(stanza.data) < 2000 and stanza.values()
}


def printed(value: Any, folder: Path) -> str:
    file = folder / "user-data.yaml"
    file.write_text("#cloud-config\n" + yaml.safe_dump({policy.KEY: value}), encoding="utf-8")
    run = CliRunner().invoke(check_jsonschema.main, ["--schemafile", str(schema.HOME), str(file)])
    assert run.exit_code == 1, run.output
    return run.output.replace(str(folder), "/srv")


@pytest.mark.parametrize("mistake", [*MISTAKES, *ONE_PROBLEM])
def test_a_mistake_is_told_shortly(mistake: str, tmp_path: Path) -> None:
    told = printed({**MISTAKES, **ONE_PROBLEM}[mistake], tmp_path)
    assert len(told) < LONGEST, told


@pytest.mark.parametrize(
    ("mistake", "where", "words"),
    [
        ("a service", "allow[0]", "'htpp' does not match 'a service or a group by name, or a port such as 8080/tcp'"),
        ("a service in a mapping", "allow[1].service", "'htpp' does not match 'a service or a group by name, such as"),
        ("a service that may leave", "outgoing.allow[0]", "'dsn' does not match 'a service or a group by name, or"),
        ("a source of IPv6", "deny[0]", "'2001:db8:::1' does not match 'an address, a network, or the name of a list'"),
    ],
)
def test_it_is_told_where_it_is_and_what_is_accepted(mistake: str, where: str, words: str, tmp_path: Path) -> None:
    assert f"$.vps_firewall.{where}: {words}" in printed(MISTAKES[mistake], tmp_path)


def test_it_is_told_as_shortly_inside_cloud_init() -> None:
    """cloud-init logs `path: message` of each error at boot, and its log is what people are asked for."""
    for name, value in MISTAKES.items():
        errors = list(VALIDATORS["inside"].iter_errors({policy.KEY: value}))
        assert 0 < len("\n".join(error.message for error in errors)) < LONGEST, name

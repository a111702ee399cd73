"""One table of keys: whoever is made of it knows every row, and no row is without somebody who reads it."""

from __future__ import annotations

from dataclasses import fields

import pytest

from cc_vps_firewall.policy import Policy, keys
from cc_vps_firewall.policy.model import Entry
from cc_vps_firewall.policy.parser import _Parser
from tools import schema

from .any_yaml import GOOD, READERS

PARSER = _Parser((), "", lambda path: "")
ROWS = [key for table in keys.TABLES for key in table]
# Of these an entry takes one, and whether it is for anywhere is told by its other keys.
OPENING = {"service", "allowed", "port"}


def test_every_reader_is_there_and_asked_for() -> None:
    asked = {key.reader for key in ROWS}
    assert set(READERS) == asked
    assert set(PARSER.readers) == (asked - OPENING | {"port"}) - {"lists"}, "lists are read before all others"
    assert asked <= {*schema.INLINE, *schema.schema()["definitions"]}


def test_every_row_has_its_field() -> None:
    known = {field.name for field in fields(Policy)}
    assert set(keys.names(keys.POLICY)) - {"lists"} <= known
    narrowing = {*keys.names(keys.ENTRY), *keys.names(keys.EXIT)} - OPENING - {"from", "to"}
    assert narrowing <= {field.name for field in fields(Entry)}


@pytest.mark.parametrize("table", keys.TABLES, ids=lambda table: "+".join(keys.names(table))[:40])
def test_a_table_names_each_key_once(table: keys.Table) -> None:
    assert len(set(keys.names(table))) == len(table)


@pytest.mark.parametrize("key", ROWS, ids=lambda key: key.name)
def test_a_row_is_whole(key: keys.Key) -> None:
    said = key if key.title else keys.KINDS[key.reader]
    assert said.title
    assert said.text.endswith(".")
    assert said.examples
    assert not (key.required and key.default is not keys.UNSET)
    assert bool(key.choices) == (key.reader == "choice")
    assert key.required or not key.choices or key.default == key.choices[0]


@pytest.mark.parametrize("key", [key for key in ROWS if key.default is not keys.UNSET], ids=lambda key: key.name)
def test_a_default_is_good(key: keys.Key) -> None:
    parser = _Parser((), "", lambda path: "")
    if key.name != "lists":
        parser.read("here", key.default, key)
    assert parser.problems == []


def test_the_policy_of_the_tests_has_every_key() -> None:
    assert set(GOOD) == set(keys.names(keys.POLICY))

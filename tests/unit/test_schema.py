"""The schema is fresh, says something about every key, and judges as the parser does wherever a schema can."""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_vps_firewall import policy
from cc_vps_firewall.image import installed, register
from cc_vps_firewall.policy import keys, services
from tests import corpus
from tests.casefiles import load_all
from tools import schema as generated

from .any_yaml import OPENINGS, POLICIES, SOURCES, almost_good, problems

SCHEMA = generated.schema()
CLOUD_INIT = {  # the frame of cloud-init's own schema, as far as a module's definition depends on it
    "$schema": "http://json-schema.org/draft-04/schema#",
    "$defs": {"base_config": {"type": "object", "properties": {"hostname": {"type": "string"}}}},
    "allOf": [{"$ref": "#/$defs/base_config"}],
    "properties": {"hostname": {}, "packages": {}},
    "additionalProperties": False,
}
INSIDE = json.loads(register.patch_schema(json.dumps(CLOUD_INIT)))
VALIDATORS: dict[str, Any] = {
    "alone": jsonschema.Draft7Validator(SCHEMA),
    "inside": jsonschema.Draft4Validator(INSIDE),
}

LONG = 50_000  # bytes; jsonschema takes seconds from there

REFUSED = [s for s in corpus.refused() if s.values()]
ACCEPTED = [s for s in corpus.accepted() if s.values()]


def why_refused(text: str) -> str:
    """What the parser says of an address, '' when it takes it."""
    try:
        policy.parse_network(text)
    except ValueError as error:
        return str(error)
    return ""


def passes(value: object, where: str = "alone") -> bool:
    return bool(VALIDATORS[where].is_valid({policy.KEY: value}))


def parser_takes(value: object) -> bool:
    return problems(value) is None


# --- the document -------------------------------------------------------------------------------------------


def test_the_committed_file_is_fresh() -> None:
    assert generated.HOME.read_text(encoding="utf-8") == generated.text(), "run `make generate`"


@pytest.mark.parametrize("where", VALIDATORS)
def test_it_is_the_schema_that_it_says(where: str) -> None:
    validator = VALIDATORS[where]
    validator.check_schema(validator.schema)
    assert validator.schema["$schema"] == validator.META_SCHEMA["$schema"]


def test_it_has_a_name() -> None:
    """An address of the project's own, which setup.cfg knows; inside cloud-init's schema it would be of no use."""
    setup = configparser.ConfigParser()
    setup.read(generated.REPOSITORY / "setup.cfg")
    assert SCHEMA["$id"] == setup["metadata"]["url"] + "schemas/vps-firewall.schema.json"
    assert "$id" not in INSIDE["$defs"][installed.DEFINITION]


def keywords(node: object) -> Iterator[str]:
    """Every keyword of a schema, wherever it stands."""
    if isinstance(node, dict):
        for name, below in node.items():
            yield name
            if name in ("properties", "definitions", "dependencies"):
                for inner in below.values():
                    yield from keywords(inner)
            elif name not in ("default", "examples"):
                yield from keywords(below)
    elif isinstance(node, list):
        for below in node:
            yield from keywords(below)


def test_cloud_init_knows_every_keyword_that_it_gets() -> None:
    """No `not`: cloud-init 25.1 raises a TypeError for one, and no module runs. Nothing that is for editors either, and
    nothing that draft-04 would leave unasked."""
    asked = {
        "$ref", "additionalProperties", "allOf", "anyOf", "definitions", "dependencies", "enum", "items", "maxItems",
        "maxLength", "maximum", "minItems", "minimum", "pattern", "properties", "required", "type",
    }  # fmt: skip
    told = {"default", "description", "examples", "title"}
    assert set(keywords(INSIDE["$defs"][installed.DEFINITION])) == asked | told


def described(node: object, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key that a user may write, and what the schema says of it, references resolved one step."""
    if isinstance(node, dict):
        for name, below in node.items():
            if name == "properties" and where:
                for key, said in below.items() if "additionalProperties" in node else ():
                    target = said.get("$ref", "").rpartition("/")[2]
                    yield f"{where}.{key}", SCHEMA["definitions"].get(target, said)
            yield from described(below, f"{where}/{name}")
    elif isinstance(node, list):
        for number, below in enumerate(node):
            yield from described(below, f"{where}/{number}")


KEYS = dict(described(SCHEMA["definitions"], "definitions"))


def test_every_key_of_the_parser_is_there() -> None:
    named = {where.rpartition(".")[2] for where in KEYS}
    assert named == {key.name for table in keys.TABLES for key in table}
    assert len(KEYS) == sum(map(len, keys.TABLES))


@pytest.mark.parametrize("where", KEYS)
def test_every_key_says_what_it_is(where: str) -> None:
    said = KEYS[where]
    assert said["title"]
    assert said["description"].endswith(".")
    assert said["examples"]


@pytest.mark.parametrize("where", KEYS)
def test_every_example_and_default_is_right(where: str) -> None:
    said = KEYS[where]
    validator = jsonschema.Draft7Validator({**said, "definitions": SCHEMA["definitions"]})
    for example in said["examples"] + [said[k] for k in ("default",) if k in said]:
        validator.validate(example)


def test_every_example_of_a_top_level_key_is_a_policy() -> None:
    for key, said in SCHEMA["definitions"]["policy"]["properties"].items():
        for example in said["examples"]:
            lists = {"office": ["203.0.113.7"], "scanners": ["198.51.100.0/24"]}
            assert parser_takes({"lists": lists, key: example}), (key, example)


def test_defaults_are_those_of_the_parser() -> None:
    properties = SCHEMA["definitions"]["policy"]["properties"]
    spelled = {key: said["default"] for key, said in properties.items()}
    assert set(spelled) == set(keys.names(keys.POLICY))
    # On a cloud that has no services for containers: these are guarded where `metadata` is written out.
    empty = policy.parse({}, cloud_id="azure", read_list=lambda path: "")
    assert policy.parse(spelled, cloud_id="azure", read_list=lambda path: "") == empty


def test_names_of_services_stand_in_one_place() -> None:
    pattern = re.compile(SCHEMA["definitions"]["service-text"]["anyOf"][1]["pattern"])
    assert all(map(pattern.match, services.names()))
    assert generated.text().count('"https"') < 14  # a snippet, and in examples
    assert generated.text().count("|https|") == 1


def test_an_editor_offers_every_name_with_what_it_opens() -> None:
    """yaml-language-server 1.25 completes what is a snippet of the schema, or of one that `allOf` names beside it."""
    snippets = SCHEMA["definitions"]["names"]["defaultSnippets"]
    assert [snippet["body"] for snippet in snippets] == list(services.names())
    assert all(snippet["label"] == snippet["body"] for snippet in snippets)
    about = {snippet["body"]: snippet["description"] for snippet in snippets}
    assert about["www"] == "80/tcp: World Wide Web"
    assert about["web"] == "http, https: web server"
    for name in ("opening", "openings", "exit", "exits", "service"):
        assert {"$ref": "#/definitions/names"} in SCHEMA["definitions"][name]["allOf"]


@pytest.mark.parametrize("name", generated.TEXTS)
def test_what_a_text_must_be_is_said_and_never_met(name: str) -> None:
    """A text that is not what it must be is held against the words for it, which it can only meet by being longer."""
    words = generated.TEXTS[name][1]
    assert re.fullmatch(r"[\w ,:/-]+", words), "it would be a pattern for something else"
    told = jsonschema.Draft7Validator({"definitions": SCHEMA["definitions"], **generated._words(name)})
    for wrong in (words, words + "!", f"not {words}"):
        assert not told.is_valid(wrong)
    assert [e.message for e in told.iter_errors("\x07")] == [f"{chr(7)!r} does not match {words!r}"]
    assert all(map(told.is_valid, (7, None, [], {}, True)))  # which are asked for their type elsewhere


def test_a_wrong_source_is_named_and_not_the_list_around_it() -> None:
    """cloud-init logs the message of every error: with the whole list in it, megabytes."""
    many = [f"10.{n >> 8}.{n & 255}.0/24" for n in range(2000)]
    for value in ({"deny": [*many, "example.com"]}, {"lists": {"a": [*many, "example.com"]}}):
        (error,) = VALIDATORS["inside"].iter_errors({policy.KEY: value})
        assert list(error.path)[-1] == 2000
        assert len(error.message) < 100


# --- one corpus ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stanza", REFUSED, ids=lambda stanza: stanza.name)
def test_refused_by_both_or_there_is_a_reason(stanza: corpus.Stanza) -> None:
    (value,) = stanza.values()
    for where in VALIDATORS if len(stanza.data) < LONG else ["alone"]:
        assert passes(value, where) == (stanza.judge == "parser"), stanza.because


def test_whoever_judges_alone_has_seen_what_the_other_cannot() -> None:
    for stanza in corpus.refused():
        assert stanza.values() or stanza.judge == "parser", f"{stanza.name}: no value to judge for the schema"


@pytest.mark.parametrize("where", VALIDATORS)
@pytest.mark.parametrize("stanza", ACCEPTED, ids=lambda stanza: stanza.name)
def test_accepted_by_both(stanza: corpus.Stanza, where: str) -> None:
    (value,) = stanza.values()
    VALIDATORS[where].validate({policy.KEY: value})


@pytest.mark.parametrize("where", VALIDATORS)
@pytest.mark.parametrize("case", load_all(), ids=lambda case: case.name)
def test_every_case_with_packets_is_accepted(case: Any, where: str) -> None:
    VALIDATORS[where].validate(yaml.safe_load(case.user_data))


# --- anything -----------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(almost_good())
def test_the_schema_takes_whatever_the_parser_takes(value: object) -> None:
    """The other way round a message of the parser follows; this way cloud-init would warn of a good policy."""
    if parser_takes(value):
        assert passes(listed(value))


def listed(value: object) -> object:
    """What a checker reads in the place of a tuple, which YAML alone does not make: a list."""
    if isinstance(value, dict):
        return {key: listed(below) for key, below in value.items()}
    return [listed(below) for below in value] if isinstance(value, (list, tuple)) else value


@given(POLICIES)
def test_the_schema_takes_good_policies(value: object) -> None:
    assert passes(value)


@given(st.text(max_size=30) | st.from_regex(f"^(?:{generated.IPV4}|{generated.IPV6})$", fullmatch=True))
def test_addresses_are_told_by_the_schema_as_by_the_parser(text: str) -> None:
    if keys.LIST_NAME.fullmatch(text):
        return
    assert passes({"deny": [text]}) == (why_refused(text) == "")


@given(SOURCES, st.integers(0, 130))
def test_networks_are_told_by_the_schema_up_to_host_bits(text: str, prefix: int) -> None:
    text = f"{text.partition('/')[0]}/{prefix}"
    why = why_refused(text)
    assert passes({"deny": [text]}) == (why == "" or "host bits" in why)


@given(OPENINGS | st.from_regex(r"[0-9]{1,6}(-[0-9]{1,6})?/(tcp|udp|sctp)", fullmatch=True))
def test_ports_are_told_by_the_schema_up_to_their_order(text: str) -> None:
    told = problems({"allow": [text]})
    assert passes({"allow": [text]}) == all("is a reversed range" in line for line in told or ())


@given(st.text(max_size=70) | st.from_regex(keys.COMMENT) | st.from_regex(keys.INTERFACE))
def test_texts_are_told_by_the_schema_as_by_the_parser(text: str) -> None:
    for key in ("comment", "interface"):
        value = {"allow": [{"service": "http", key: text}]}
        assert passes(value) == parser_takes(value)


@pytest.mark.parametrize("value", [{80: 1}, {"lists": {80: []}}, {"lists": {None: [], True: []}, 1.5: {}}])
def test_keys_that_are_no_text_break_no_validator(value: object) -> None:
    """Inside cloud-init an exception of jsonschema would be one of its stage."""
    for validator in VALIDATORS.values():
        for error in validator.iter_errors({policy.KEY: value}):
            assert error.message

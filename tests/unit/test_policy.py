"""Every stanza of the corpus gets its exact answer; anything else gets a policy or a list of problems, and no more."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cc_vps_firewall import policy
from cc_vps_firewall.errors import PolicyRefused
from cc_vps_firewall.policy import ANYWHERE, EVERYTHING, Entry, Limit, Opening, Policy
from tests import corpus
from tests.casefiles import load_all

from .any_yaml import GOOD, LIST_FILE, POLICIES, VALUES, almost_good, positions, problems, put

REFUSED = corpus.refused()
ACCEPTED = corpus.accepted()
SLOWEST = 12  # seconds of processor time, several times what any stanza takes


def read_list(path: str) -> str:
    return LIST_FILE


def parse(section: object) -> Policy:
    return policy.parse(section, read_list=read_list)


@pytest.mark.parametrize("stanza", REFUSED, ids=lambda stanza: stanza.name)
def test_refused_with_exactly_these_lines(stanza: corpus.Stanza, tmp_path: Path) -> None:
    began = time.process_time()
    told = stanza.told(tmp_path)
    assert told == stanza.problems
    assert time.process_time() - began < SLOWEST


@pytest.mark.parametrize("stanza", ACCEPTED, ids=lambda stanza: stanza.name)
def test_accepted(stanza: corpus.Stanza, tmp_path: Path) -> None:
    assert stanza.told(tmp_path) == ()


def test_names_in_the_corpus_are_unique() -> None:
    names = [stanza.name for stanza in REFUSED + ACCEPTED]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", load_all(), ids=lambda case: case.name)
def test_every_case_with_packets_is_accepted(case: Any) -> None:
    case.policy()


def test_an_empty_mapping_is_a_full_policy() -> None:
    ssh = Entry("ssh", "", (Opening("tcp", 22, 22),), ANYWHERE, Limit(30, "minute"))
    assert parse({}) == Policy(ssh=ssh)
    assert Policy().log == Limit(3, "minute")


def test_everything_written_out_is_the_same_as_nothing() -> None:
    spelled = {
        "enabled": True, "backend": "auto", "ssh": {}, "allow": [], "deny": [], "lists": {}, "ping": True,
        "malformed": "drop", "outgoing": "accept", "metadata": "root", "containers": "guard", "log": "3/minute",
    }  # fmt: skip
    assert parse(spelled) == parse({})


def test_ssh_is_where_sshd_listens() -> None:
    found = policy.parse({}, ssh_ports=(2222, 22), read_list=read_list).ssh
    assert found is not None
    assert found.openings == (Opening("tcp", 2222, 2222), Opening("tcp", 22, 22))


@pytest.mark.parametrize(
    ("sources", "limit"),
    [
        ("any", Limit(30, "minute")),
        (["::/0", "203.0.113.7"], Limit(30, "minute")),  # open to anywhere in one family
        (["203.0.113.7"], None),
    ],
)
def test_ssh_is_limited_while_it_is_open_to_anywhere(sources: object, limit: Limit | None) -> None:
    found = parse({"ssh": {"from": sources}}).ssh
    assert found is not None
    assert found.limit == limit


def test_lists_are_sorted_out_by_family() -> None:
    lists = {"office": ["203.0.113.0/25", "home", "203.0.113.128/25"], "home": ["2001:db8::1", "203.0.113.7"]}
    found = parse({"lists": lists, "deny": ["office"]}).deny
    assert found == policy.Sources(((0xCB007100, 24),), ((0x20010DB8 << 96 | 1, 128),))


def test_a_source_of_one_family_leaves_nothing_of_the_other() -> None:
    (entry,) = parse({"allow": [{"service": "http", "from": ["2001:db8::/32"]}]}).allow
    assert entry.peers.v4 == ()
    assert parse({"allow": ["http"]}).allow[0].peers.v4 == EVERYTHING


def test_a_list_file_is_read_once() -> None:
    read = []

    def count(path: str) -> str:
        read.append(path)
        return LIST_FILE

    section = {"lists": {"a": {"file": "/srv/a"}}, "deny": ["a"], "allow": [{"service": "http", "from": ["a"]}] * 3}
    policy.parse(section, read_list=count)
    assert read == ["/srv/a"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionError(13, "Permission denied"), "/srv/a: Permission denied"),
        (OSError("without a number"), "/srv/a: without a number"),
        (ValueError("is not a regular file"), "/srv/a: is not a regular file"),
    ],
)
def test_why_a_list_file_cannot_be_read_is_told(error: Exception, told: str) -> None:
    def fail(path: str) -> str:
        raise error

    with pytest.raises(PolicyRefused) as refused:
        policy.parse({"lists": {"a": {"file": "/srv/a"}}}, read_list=fail)
    assert [p.message for p in refused.value.problems] == [told]


# --- anything at all ----------------------------------------------------------------------------------------


def assert_answered(section: object, text: str = LIST_FILE) -> None:
    """A policy, or problems: each one printable line of bearable length that says where."""
    told = problems(section, text)
    assert told != []
    for line in told or ():
        assert line.startswith("vps_firewall")
        assert line.isascii()
        assert line.isprintable()
        assert len(line) < 700


@settings(max_examples=300)
@given(VALUES)
@example({"lists": {"\ud800": {"file": "/\ud800"}}, "deny": ["\ud800", "\0", "::1%\0"]})
@example({1: {float("nan"): None}})
def test_any_value_is_answered(section: object) -> None:
    assert_answered(section)


@settings(max_examples=600)
@given(almost_good())
def test_any_value_in_any_place_is_answered(section: object) -> None:
    assert_answered(section)


@pytest.mark.parametrize(
    "odd", [10**5000, -(10**5000), "x" * 10**6, ["x"] * 1000, {"x" * 10**6: 1}], ids=lambda odd: type(odd).__name__
)
def test_huge_values_in_any_place_are_answered(odd: object) -> None:
    for where in positions(GOOD):
        assert_answered(put(GOOD, where, odd))


@given(st.dictionaries(st.sampled_from(policy.KEYS), VALUES, max_size=12))
def test_any_value_under_any_key_is_answered(section: object) -> None:
    assert_answered(section)


@given(st.text())
def test_any_text_in_a_list_file_is_answered(text: str) -> None:
    assert_answered({"lists": {"a": {"file": "/srv/a"}}, "deny": ["a"]}, text)


def test_the_good_policy_is_good() -> None:
    parse(GOOD)


@given(POLICIES)
def test_what_is_made_of_good_parts_is_refused_only_where_nobody_could_log_in(section: dict[str, Any]) -> None:
    assert all(line.endswith("nobody could log in") for line in problems(section) or ())

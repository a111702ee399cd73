"""Words that are no service -> an answer, what was meant, or nothing: never what is more dangerous or another kind."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_vps_firewall.policy import keys, services, suggest
from cc_vps_firewall.policy.services import INTERNAL, NAMELESS, internal

from .any_yaml import problems

SAFE = suggest.FOR_ANYWHERE


def told(item: Any, where: str = "allow") -> str:
    section = {"allow": [item]} if where == "allow" else {"outgoing": {"policy": "drop", "allow": [item]}}
    lines = problems(section)
    assert lines is not None
    assert len(lines) == 1
    return lines[0].partition(": ")[2]


def proposed(item: Any, where: str = "allow") -> str:
    found = re.search(r"did you mean (\S+)\?", told(item, where))
    return found[1] if found else ""


def one_letter_off(name: str, letters: str = "ax1-") -> Iterator[str]:
    for at in range(len(name) + 1):
        before, after = name[:at], name[at:]
        yield before + after[1:]
        yield before[:-1] + after[:1] + before[-1:] + after[1:]
        yield before + after[:1] + after
        for letter in letters:
            yield before + letter + after
            yield before + letter + after[1:]


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("docker", "docker is not a service or a group; a port that a container publishes is opened by its number"),
        ("icmp", "icmp is not a service or a group; pings are the key ping"),
        ("ICMP", "ICMP is not a service or a group; pings are the key ping"),
        ("sshd", "SSH is the key ssh"),
        ("nginx", "a web server is http and https, together web"),
        ("sctp", "ports of TCP and UDP can be opened, and no more of that protocol"),
        ("nntp", "nntp is not a service or a group; a port is written 8080/tcp"),
        ("vpn", "name it: wireguard, openvpn or ipsec"),
    ],
)
def test_words_that_people_know_have_an_answer(word: str, says: str) -> None:
    assert says in told(word)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("htpp", "http"),
        ("HTTP", "http"),
        ("htpps", "https"),
        ("thtps", "https"),
        ("smpt", "smtp"),
        ("dsn", "dns"),
        ("wiregaurd", "wireguard"),
        ("openvnp", "openvpn"),
        ("imapp", "imap"),
        ("minecaft", "minecraft"),
        ("submision", "submission"),
        ("tls", ""),
        ("nat", ""),
        ("", ""),
        ("h", ""),
        ("elastic", ""),
        ("mongo", ""),
    ],
)
def test_what_was_meant(word: str, name: str) -> None:
    assert proposed(word) == name


@pytest.mark.parametrize(("word", "name"), [("mysqk", "mysql"), ("reddis", "redis"), ("postgress", "postgres")])
def test_what_is_for_own_machines_alone_is_proposed_only_where_they_are_named(word: str, name: str) -> None:
    assert proposed(word) == ""
    assert proposed({"service": word, "limit": "5/minute"}) == ""
    assert proposed({"service": word, "from": ["10.0.0.0/8"]}) == name
    assert proposed({"service": word, "interface": "wg0"}) == name
    assert proposed(word, "outgoing") == name


def test_ssh_is_proposed_where_it_has_no_key_of_its_own() -> None:
    assert proposed("shs") == ""
    assert proposed("shs", "outgoing") == "ssh"


@pytest.mark.parametrize("initial", sorted({name[0] for name in SAFE}))
def test_a_slip_in_a_safe_name_proposes_nothing_dangerous(initial: str) -> None:
    """Nearly always that name, for it is the nearest; never one that should not be open to anywhere."""
    right = wrong = 0
    for name in (n for n in SAFE if n[0] == initial):
        for word in set(one_letter_off(name)):
            if services.lookup(word) or word in suggest.ANSWERS or not word:
                continue
            found = suggest.meant(word, SAFE)
            assert not found or not internal(found), word
            same = services.lookup(found) == services.lookup(name) if found else None
            right, wrong = right + (same is True), wrong + (same is False)
    assert wrong < 0.1 * right + 8, "mostly another name"


@given(st.sampled_from(SAFE), st.data())
def test_a_slip_proposes_that_name_or_one_as_near(name: str, data: st.DataObject) -> None:
    word = data.draw(st.sampled_from(sorted(set(one_letter_off(name, "abcdefghijklmnopqrstuvwxyz0123456789-")))))
    if services.lookup(word):
        return
    found = suggest.meant(word, SAFE)
    assert not internal(found)
    if len(name) > 3 and word[:1] == name[:1]:
        assert suggest._slips(word, found) == 1


@given(st.text(max_size=12), st.text(max_size=12))
def test_slips_are_counted_either_way(one: str, other: str) -> None:
    count = suggest._slips(one, other)
    assert count == suggest._slips(other, one)
    assert (count == 0) == (one == other)
    assert abs(len(one) - len(other)) <= count <= max(len(one), len(other))


REGISTERS = ("/etc/services", "/etc/protocols")  # Debian's netbase


def registered() -> dict[str, set[str]]:
    """Every name of a service or a protocol that netbase knows, with its ports."""
    names: dict[str, set[str]] = defaultdict(set)
    for file in REGISTERS:
        for line in Path(file).read_text(encoding="utf-8").splitlines():
            words = line.partition("#")[0].split()
            for known in [*words[:1], *words[2:]]:
                names[known.lower()].add(words[1])
    return names


REGISTERED = registered()


def test_a_name_of_something_else_is_no_slip() -> None:
    """nntp is not ntp, sctp not smtp: a word that the registers know is what was meant, and it is not here."""
    assert len(REGISTERED) > 300
    wrong = {}
    for word, ports in REGISTERED.items():
        if services.lookup(word) or word in suggest.ANSWERS:
            continue
        found = suggest.meant(word, services.names())
        if found and not ports & set(services.lookup(found) or ()):
            wrong[word] = found
    assert wrong == {}


def test_what_has_an_answer_has_no_service() -> None:
    assert [word for word in suggest.ANSWERS if services.lookup(word)] == []
    for word, answer in suggest.ANSWERS.items():
        assert answer.isascii(), word
        assert answer[-1:] != ".", word


def test_every_key_that_is_meant_by_another_word_is_one() -> None:
    known = {key.name for table in keys.TABLES for key in table}
    assert set(suggest.SYNONYMS.values()) <= known
    tables = [{key.name for key in table} for table in keys.TABLES]
    assert not [pair for pair in suggest.SYNONYMS.items() if any({*pair} <= table for table in tables)]
    assert known & set(suggest.SYNONYMS) == {"interface"}, "in a route, which has none"


def test_what_is_for_own_machines_alone_is_in_the_table() -> None:
    assert set(INTERNAL) <= set(services.SERVICES)
    assert all(
        kind.partition(" ")[0] in ("a", "an") for kind in [*INTERNAL.values(), *dict(NAMELESS.values()).values()]
    )
    assert internal("mariadb")
    assert internal("samba")
    assert not internal("web")
    named = {opening for openings in services.SERVICES.values() for opening in openings}
    assert not named & set(NAMELESS)

"""No text of a user's changes what the rules are: only what stands between the quotes of their comments."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from cc_vps_firewall import policy
from cc_vps_firewall.policy import Policy, keys
from cc_vps_firewall.rules import iptables, nftables, ruleset
from tests import corpus

from .any_yaml import POLICIES, problems

Renderer = Callable[[Policy], str]
RENDERERS: Mapping[str, Renderer] = {
    "nftables": lambda wanted: nftables.render(ruleset.build(wanted)),
    "iptables": lambda wanted: iptables.render(ruleset.build(wanted), 4),
    "ip6tables": lambda wanted: iptables.render(ruleset.build(wanted), 6),
}


def parse(section: object) -> Policy:
    return policy.parse(section, read_list=lambda path: "203.0.113.7\n2001:db8::7\n")


def skeleton(text: str) -> str:
    """The text without what stands between quotes, and without the names of interfaces."""
    bare = re.sub(r'"[^"\n]*"', '""', text)
    assert '"' not in bare.replace('""', ""), "a quote that no other closes"
    return re.sub(r" -i \S+", " -i NAME", bare)


def assert_same_rules(section: object, harmless: object) -> None:
    """What is not refused is the same rules."""
    if problems(section) is not None:
        return
    for render in RENDERERS.values():
        text = render(parse(section))
        assert text.isascii()
        assert text.replace("\n", "").replace("\t", "").isprintable()
        assert skeleton(text) == skeleton(render(parse(harmless)))


HOSTILE = st.one_of(
    st.text(max_size=70),
    st.from_regex(keys.COMMENT, fullmatch=True),
    st.from_regex(keys.INTERFACE, fullmatch=True),
    st.text(alphabet="\"'\\\n;{}#$`*-jt ", max_size=20),
    st.sampled_from(
        [
            'x" accept', "x\nCOMMIT", "-j ACCEPT", "; flush ruleset", "$(reboot)", "}", "#", "\\", "-t", "--table nat",
            "*nat", ":INPUT ACCEPT", "COMMIT", "@set", "!", "-", "%s", "lo", "\x00", "\u2028", "\u202e", "\x1b[2J",
        ]
    ),
)  # fmt: skip


@settings(max_examples=200)
@given(HOSTILE)
@example("it's #1; drop table; {x} $(reboot) `id` | & > < * ? !")
def test_a_comment_stays_between_its_quotes(text: str) -> None:
    def section(comment: str) -> object:
        entry = {"comment": comment, "limit": "3/day", "from": ["203.0.113.7", "2001:db8::/32", "198.51.100.0/24"]}
        exits = [{"service": "http", "comment": comment}]
        allow = [{"service": "web", **entry}, {"service": "dns", "comment": comment}, {"port": "80/tcp", **entry}]
        return {"allow": allow, "outgoing": {"policy": "drop", "allow": exits}}

    assert_same_rules(section(text), section("harmless"))


@settings(max_examples=200)
@given(HOSTILE)
@example("-t")
@example("eth0@if5")
def test_an_interface_stays_one_name(text: str) -> None:
    def section(name: str) -> object:
        return {
            "allow": [{"service": "web", "interface": name}, {"port": "1-9/udp", "interface": name, "limit": "1/day"}]
        }

    assume(text != "lo")  # the one name that nft knows before the interface is there
    assert_same_rules(section(text), section("eth0"))


@given(HOSTILE | st.from_regex(keys.LIST_NAME, fullmatch=True))
def test_the_name_of_a_list_is_not_in_the_rules(text: str) -> None:
    def section(name: str) -> object:
        return {"lists": {name: ["203.0.113.7"]}, "ssh": {"from": [name]}, "deny": ["198.51.100.7"]}

    if problems(section(text)) is None:
        for render in RENDERERS.values():
            assert render(parse(section(text))) == render(parse(section("harmless")))


@given(HOSTILE)
def test_the_path_of_a_list_is_not_in_the_rules(text: str) -> None:
    def section(path: str) -> object:
        return {"lists": {"harmless": {"file": path}}, "ssh": {"from": ["harmless"]}}

    if problems(section("/" + text)) is None:
        for render in RENDERERS.values():
            assert render(parse(section("/" + text))) == render(parse(section("/harmless")))


PLACES: Mapping[str, Callable[[str], object]] = {
    "ssh.from": lambda text: {"ssh": {"from": [text]}},
    "deny": lambda text: {"deny": [text]},
    "lists": lambda text: {"lists": {"a": [text]}, "deny": ["a"]},
    "allow": lambda text: {"allow": [text]},
    "allow.service": lambda text: {"allow": [{"service": text}]},
    "allow.port": lambda text: {"allow": [{"port": text}]},
    "allow.limit": lambda text: {"allow": [{"service": "http", "limit": text}]},
    "allow.from": lambda text: {"allow": [{"service": "http", "from": [text]}]},
    "outgoing.allow": lambda text: {"outgoing": {"policy": "drop", "allow": [text]}},
    "outgoing.to": lambda text: {"outgoing": {"policy": "drop", "allow": [{"service": "http", "to": [text]}]}},
    "backend": lambda text: {"backend": text},
    "log": lambda text: {"log": text},
    "a list file": lambda text: {"lists": {"a": {"file": "/" + text}}, "deny": ["a"]},
}


@pytest.mark.parametrize("place", PLACES)
@given(text=HOSTILE)
def test_what_is_accepted_elsewhere_is_a_word_of_the_table(place: str, text: str) -> None:
    """Everywhere but in comments and interfaces, what is accepted holds nothing that a tool could take for more."""
    if problems(PLACES[place](text)) is None and place != "a list file":
        assert re.fullmatch(r"[A-Za-z0-9.:/_-]+", text)


# --- what every text has to be ------------------------------------------------------------------------------


def chains_of_nft(text: str) -> list[str]:
    """The lines of chains: not those of sets, nor the elements of a map."""
    lines = re.findall(r"(?ms)^\tchain \w+ \{\n(.*?)^\t\}$", text)
    return [line for body in lines for line in re.sub(r"\{[^}]*\}", "{}", body).splitlines()]


@given(POLICIES)
def test_every_rule_says_which_line_made_it(section: dict[str, Any]) -> None:
    assume(problems(section) is None)
    wanted = parse(section)
    for line in chains_of_nft(RENDERERS["nftables"](wanted)):
        assert line.strip().startswith("type ") or re.search(r' comment "[^"]+"$', line), line
    for name in ("iptables", "ip6tables"):
        for line in RENDERERS[name](wanted).splitlines():
            if line.startswith("-A "):
                assert re.search(r' --comment "vps-firewall [^"]+"', line), line


@given(POLICIES)
def test_texts_are_whole(section: dict[str, Any]) -> None:
    assume(problems(section) is None)
    wanted = parse(section)
    nft = RENDERERS["nftables"](wanted)
    assert nft.count("{") == nft.count("}")
    assert "flush ruleset" not in nft
    for family, name in ((4, "iptables"), (6, "ip6tables")):
        lines = [line for line in RENDERERS[name](wanted).splitlines() if not line.startswith("#")]
        tables = " ".join(line[0] if line[0] in "*:-" else line for line in lines)
        assert re.fullmatch(r"(\* (: )+(- )+COMMIT ?)+", tables)
        chains = {line.split()[0][1:] for line in lines if line.startswith(":")}
        for line in lines:
            targets = re.findall(r" -[jg] (VPSFW-\S+)", line)
            assert set(targets) <= chains
            assert not targets or len(targets[0]) <= 28
        other = {4: r" -[sd] \S*:", 6: r" -[sd] [0-9]+\."}[family]
        assert not any(re.search(other, line) for line in lines)


@given(POLICIES)
def test_the_same_policy_is_the_same_text(section: dict[str, Any]) -> None:
    assume(problems(section) is None)
    for render in RENDERERS.values():
        assert render(parse(section)) == render(parse(dict(reversed(section.items()))))


@pytest.mark.parametrize("stanza", corpus.accepted(), ids=lambda stanza: stanza.name)
def test_whatever_is_accepted_is_rendered(stanza: corpus.Stanza, tmp_path: Path) -> None:
    wanted = stanza.policy(tmp_path)
    for render in RENDERERS.values():
        assert render(wanted)

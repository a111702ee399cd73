"""What closes a host whose engine is broken is the built-in policy, less what can wait; tests/kernel sends packets."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

import pytest

import cc_vps_firewall
from cc_vps_firewall import policy
from cc_vps_firewall.rules import ruleset
from cc_vps_firewall.rules.rule import Chain, Rule, Ruleset
from tools import entry, last_resort

TOOLS = ("nft", "iptables", "ip6tables")


def held() -> dict[str, str]:
    """The texts of `__init__`, by tool."""
    return {tool: getattr(cc_vps_firewall, f"_{tool.upper()}") for tool in TOOLS}


def rules_of(**section: object) -> Ruleset:
    wanted = policy.parse({**policy.BUILT_IN, **section}, ssh_ports=(22,), read_list=lambda path: "")
    return ruleset.build(wanted)


def test_it_is_what_the_built_in_policy_gives() -> None:
    assert held() == last_resort.texts(last_resort.built_in()), "run `make generate`"


def test_it_is_a_constant_of_the_file_itself() -> None:
    source = entry.ENTRY.read_text(encoding="utf-8")
    assigned = {
        node.targets[0].id: node.value.value
        for node in ast.parse(source, feature_version=(3, 6)).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    assert {tool: assigned[f"_{tool.upper()}"] for tool in TOOLS} == held()


def lines(text: str) -> list[str]:
    """The rules of what comes in, as they stand."""
    found = re.findall(r"(?m)^-A INPUT .*$", text)
    return found or [line.strip() for line in text.partition("chain input")[2].partition("}\n\n")[0].splitlines()[2:-1]]


@pytest.mark.parametrize("tool", TOOLS)
def test_nothing_falls_through(tool: str) -> None:
    text, last = held()[tool], "drop" if tool == "nft" else "-A INPUT -j DROP"
    assert lines(text)[-1] == last
    assert text.count("policy drop;") == 2 or (":INPUT DROP" in text and ":FORWARD DROP" in text)
    assert re.search(r"(?m)^\s*drop$|^-A FORWARD -j DROP$", text.partition("orward")[2] or text)
    assert text.count("PORTS") == 1


@pytest.mark.parametrize("tool", TOOLS)
def test_a_rule_more_in_the_built_in_policy_is_one_more_here(tool: str) -> None:
    """As ping would be, over the family of the tool."""
    before, after = (last_resort.texts(rules_of(**section))[tool] for section in ({}, {"ping": True}))
    more = [line for line in lines(after) if line not in lines(before)]
    assert len(more) == (2 if tool == "nft" else 1), more
    assert all("128" in line or "8" in line for line in more)
    assert [line for line in lines(before) if line not in lines(after)] == []


def test_what_can_wait_is_left_out() -> None:
    rules = last_resort.built_in()
    every = [rule for chain in rules.chains for rule in chain.rules]
    assert any(rule.limit for rule in every)
    assert any(rule.in_interface.startswith("docker") for rule in every)
    for text in last_resort.texts(rules).values():
        assert not re.search(r"limit|log|LOG|docker|comment|@", text)


def test_a_question_that_is_not_asked_here_is_an_error() -> None:
    """A jump that asks for more than a family and a protocol would be taken for one that does not."""
    rules = last_resort.built_in()
    chains = [
        replace(
            chain, rules=tuple(replace(r, in_interface="eth0") if r.verdict == "incoming" else r for r in chain.rules)
        )
        for chain in rules.chains
    ]
    with pytest.raises(ValueError, match="asks more"):
        last_resort.texts(Ruleset(tuple(chains)))


def test_an_sshd_that_is_not_there_once_is_an_error() -> None:
    drop = Rule("last", "drop")
    nothing = Ruleset((Chain("input", (drop,), "input", "drop"), Chain("forward", (drop,), "forward", "drop")))
    with pytest.raises(ValueError, match="tcp dport 22"):
        last_resort.texts(nothing)

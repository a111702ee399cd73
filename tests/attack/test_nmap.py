"""nmap looks at rules of each tool from outside, and says what the policy means; a line that is broken it finds.

VPS_FIREWALL_ATTACK=all, which `make test-attack` sets, asks of each policy in each tool; a run of `make test` takes two
policies a tool, so that each is asked once. Everything is in namespaces; nmap's runs are bounded in time.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import pytest

from tests.lab.backends import TOOLS

from .judge import misjudged
from .scans import NAMED, POLICIES, SCANS, SOURCES

ALL = os.environ.get("VPS_FIREWALL_ATTACK") == "all"
ROUNDS = [
    (tool, name)
    for at, tool in enumerate(TOOLS)
    for number, name in enumerate(POLICIES)
    if ALL or number % len(TOOLS) == at
]
FEW = [scan for scan in SCANS if scan.options in ("-sS", "-sU", "-sA", "-sF", "-sn -PE")]


def test_there_are_enough_kinds() -> None:
    for family in (4, 6):
        assert len([scan for scan in SCANS if family in scan.families]) >= 30
    assert {name for _, name in ROUNDS} == set(POLICIES)
    assert {tool for tool, _ in ROUNDS} == set(TOOLS)


@pytest.mark.parametrize(("tool", "name"), ROUNDS)
def test_nmap_says_what_the_policy_means(tool: str, name: str) -> None:
    assert [*map(str, misjudged(tool, POLICIES[name], POLICIES[name]))] == []


def test_without_rules_nmap_sees_everything() -> None:
    """Else what it does not see would say nothing of the rules."""
    scans = [scan for scan in FEW if scan.options != "-sF"]
    assert misjudged("none", None, {"enabled": False}, scans) == []


ALLOWED = [{"service": "mysql", "from": NAMED}, "dns", "https"]
MEANT: Mapping[str, object] = {"ssh": {"from": NAMED}, "allow": ALLOWED, "ping": False,
         "deny": [*SOURCES["denied"].values()]}  # fmt: skip
OPENS_3306 = {
    "nftables": [["nft", "insert", "rule", "inet", "vps_firewall", "input", "tcp", "dport", "3306", "accept"]],
    "iptables-nft": [[f"{prefix}-nft", "-I", "INPUT", "-p", "tcp", "--dport", "3306", "-j", "ACCEPT"]
                     for prefix in ("iptables", "ip6tables")],
    "iptables-legacy": [[f"{prefix}-legacy", "-I", "INPUT", "-p", "tcp", "--dport", "3306", "-j", "ACCEPT"]
                        for prefix in ("iptables", "ip6tables")],
}  # fmt: skip
# What is loaded in the place of MEANT -> what nmap has to find: a scan, a source, a port.
BROKEN: Mapping[str, tuple[Mapping[str, object], Sequence[tuple[str, str, int]]]] = {
    "a source that is lost": ({**MEANT, "ssh": {}}, [("-sS", "other", 22), ("-sA", "other", 22)]),
    "a denied one that is not": ({**MEANT, "deny": []}, [("-sU", "denied", 53), ("-sS", "denied", 443)]),
    "a port too many": ({**MEANT, "allow": [*ALLOWED, "8080/tcp"]}, [("-sS", "other", 8080)]),
    "a port too few": ({**MEANT, "allow": ["dns", "https"]}, [("-sS", "named", 3306)]),
    "echo requests": ({**MEANT, "ping": True}, [("-sn -PE", "other", 0)]),
    "odd flags": ({**MEANT, "malformed": "accept"}, [("-sF", "named", 3306)]),
}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("name", BROKEN if ALL else ["a source that is lost", "a denied one that is not"])
def test_nmap_finds_a_line_that_is_broken(tool: str, name: str) -> None:
    loaded, finds = BROKEN[name]
    scans = [scan for scan in FEW if scan.options in {options for options, _, _ in finds}]
    found = {(v.scan, v.who, v.port) for v in misjudged(tool, loaded, MEANT, scans)}
    assert set(finds) <= found, found


@pytest.mark.parametrize("tool", TOOLS)
def test_nmap_finds_a_rule_that_somebody_added(tool: str) -> None:
    found = misjudged(tool, MEANT, MEANT, FEW[:1], by_hand=OPENS_3306[tool])
    assert {(v.who, v.port, v.said, v.family) for v in found} == {
        (who, 3306, "open", family) for who in ("other", "denied") for family in (4, 6)
    }

"""Comments and interfaces that look like rules, loaded by the real tools: what the kernel then holds is the same."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from cc_vps_firewall import policy
from cc_vps_firewall.rules import ruleset
from tests.lab.backends import TOOLS, listing, load
from tests.lab.namespaces import Namespace

PRINTABLE = [c for c in map(chr, range(32, 127)) if c not in '"\\']
COMMENTS = [
    *(f"{c}x" for c in PRINTABLE if c in string.punctuation + " "),  # each sign at the beginning, where it is an option
    *(f"x{c}" for c in PRINTABLE if c in string.punctuation + " "),
    "".join(PRINTABLE[:64]),
    "".join(PRINTABLE[-64:]),
    "-j ACCEPT", "-t nat -F", "--comment x", "; flush ruleset", "} chain x { accept", "# the rest", "COMMIT", "*filter",
    "$(reboot) `reboot` ${IFS}", "%s %n", "@networks4_1", "'; --", "include /etc/passwd", "define x = y", "z" * 64,
]  # fmt: skip
INTERFACES = [
    "@", ".", ":", "@x", ".x", ":x", "_", "0", "1.2.3.4", "eth0:1", "eth0@if5", "a-b", "accept", "drop", "jump", "any",
    "eth", "all", "inet", "lo0", "x" * 15, "x" * 14 + "*", "@*", "0*", "wg*",
]  # fmt: skip


@contextmanager
def machine() -> Iterator[Namespace]:
    space = Namespace("machine")
    try:
        yield space
    finally:
        space.close()


def held(tool: str, section: Mapping[str, object]) -> str:
    """What the kernel holds of a policy, without the words of its comments and the names of its interfaces."""
    wanted = policy.parse(section, read_list=lambda path: "")
    with machine() as space:
        load(space, tool, ruleset.build(wanted))
        told = listing(space, tool)
    assert "8003" in told
    if tool == "nftables":
        return re.sub(r'(comment|iifname) "[^"\n]*"', r"\1", re.sub(r"packets \d+ bytes \d+", "", told))
    told = re.sub(r"(?m)^#.*\n|\[\d+:\d+\]", "", told)
    # iptables-save leaves out quotes around one word, and writes an apostrophe after a backslash.
    return re.sub(r'--comment (?:"(?:[^"\\]|\\.)*"|\S+)| -i \S+', "", told)


@pytest.mark.parametrize("tool", TOOLS)
def test_comments_change_nothing(tool: str) -> None:
    def section(comments: list[str]) -> dict[str, object]:
        entries = [{"port": f"{8000 + n}/tcp", "limit": "9/day", "comment": c} for n, c in enumerate(comments)]
        plain = [{"port": f"{9000 + n}/udp", "comment": c} for n, c in enumerate(comments)]
        sources = [{"service": "http", "from": ["203.0.113.7", "2001:db8::7"], "comment": c} for c in comments[-15:]]
        return {"allow": [*entries, *plain, *sources]}

    assert held(tool, section(COMMENTS)) == held(tool, section(["harmless"] * len(COMMENTS)))


@pytest.mark.parametrize("tool", TOOLS)
def test_interfaces_change_nothing(tool: str) -> None:
    def section(names: list[str]) -> dict[str, object]:
        return {"allow": [{"port": f"{8000 + n}/tcp", "interface": name} for n, name in enumerate(names)]}

    harmless = [f"eth{n}*" if name.endswith("*") else f"eth{n}" for n, name in enumerate(INTERFACES)]
    assert held(tool, section(INTERFACES)) == held(tool, section(harmless))

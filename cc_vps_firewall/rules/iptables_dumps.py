"""Dumps by iptables-save(8) -> their tables, and whose each rule is: ours, or somebody else's to keep."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..policy.interfaces import UPLINKS, like_bridge
from .iptables import BANS, MARK, OURS, SHARED, TABLES


@dataclass
class Table:
    """One table of a dump: policies of the built-in chains ('-' for others), and the rules of each chain."""

    policies: dict[str, str] = field(default_factory=dict)
    rules: dict[str, list[str]] = field(default_factory=dict)


def parse_dump(dump: str) -> dict[str, Table]:
    """What iptables-save printed -> its tables, without counters and dates."""
    tables: dict[str, Table] = {}
    table = Table()
    rules = table.rules
    for line in dump.split("\n"):
        if line.startswith("-A "):  # asked first: a long list has a hundred thousand
            chain, _, rule = line[3:].partition(" ")
            if chain not in rules:
                rules[chain] = []
            rules[chain].append(rule.rstrip())
        elif line.startswith("*"):
            table = tables.setdefault(line[1:].strip(), Table())
            rules = table.rules
        elif line.startswith(":"):
            name, policy = line[1:].split()[:2]
            table.policies[name] = policy
            rules[name] = []
    return tables


def without_bans(dump: str) -> str:
    """A dump without what other programs ban. A rule that accepts is no ban, and would open the host."""
    if f"\n-A {BANS} " not in dump:
        return dump
    return "\n".join(line for line in dump.split("\n") if not line.startswith(f"-A {BANS} ") or _opens(line))


def _opens(rule: str) -> bool:
    return target_of(rule) == "ACCEPT"


def bans(dump: str) -> int | None:
    """How many rules other programs have in the chain for bans; None where there is no such chain."""
    return dump.count(f"\n-A {BANS} ") if f"\n:{BANS} " in dump else None


def blocks(dump: str) -> dict[str, tuple[str, str]]:
    """Our tables as they are written: chains without counters, and rules. Where these are equal nobody has to
    read them, and mostly they are."""
    blocks = {}
    for block in f"\n{dump}".split("\n*")[1:]:
        chains, _, rules = block.partition("\n-A ")
        name, _, chains = chains.partition("\n")
        if name in TABLES or (name in SHARED and has_ours(f"\n{block}")):
            blocks[name] = re.sub(r"\[\d+:\d+\]", "", chains), rules[: rules.rfind("\nCOMMIT")]
    return blocks


def ours(rule: str) -> bool:
    return f'--comment "{MARK} ' in rule or (f"-j {OURS}" in rule and target_of(rule).startswith(OURS))


def has_ours(dump: str) -> bool:
    """Is there a rule or a chain of ours in what iptables-save printed?"""
    return f"\n:{OURS}" in dump or ours(dump)


def refuses(dump: str) -> bool:
    """May rules in filter refuse what comes in, ours left out?"""
    table = parse_dump(dump).get("filter", Table())
    mine = any(map(ours, table.rules.get("INPUT", ())))
    if table.policies.get("INPUT") == "DROP" and not mine:
        return True
    todo, seen = ["INPUT"], {"INPUT"}
    while todo:
        for rule in table.rules.get(todo.pop(), ()):
            target = re.search(r"-[jg] (\S+)", rule)
            if target and not ours(rule) and target[1] in ("DROP", "REJECT"):
                return True
            if target and target[1] in table.rules and target[1] not in seen and not target[1].startswith(OURS):
                seen.add(target[1])
                todo.append(target[1])
    return False


def foreign(table: Table, rule: str, rivals: Sequence[str] = ()) -> bool:
    """Is this rule, which is not ours, somebody else's to keep? A ban, a jump into a chain of theirs, or a rule about
    a bridge of containers or virtual machines. What else stands in a built-in chain would change what the
    policy says, and goes: the first thing that the tutorial does, too."""
    target = target_of(rule)
    if is_ban(rule) or (table.policies.get(target) == "-" and not target.startswith((OURS, *rivals))):
        return True
    names = re.findall(r"(?:^| )-[io] (\S+)", _bare(rule))
    return any(like_bridge(name) and name not in UPLINKS for name in names)


def is_ban(rule: str) -> bool:
    """Does it only refuse what is in a set (CrowdSec, fail2ban), or see to it that a VXLAN comes encrypted (Docker)?
    What refuses everything but a set could lock the owner out, and is none."""
    return bool(_BAN.search(f" {_bare(rule)}"))


_BAN = re.compile(
    r"(?: -m set --match-set .*|^ -p udp .* --(?:u32|bytecode) .*)-j (?:DROP|REJECT|LOG|TARPIT)\b"
    r"|^ -p udp -m policy --dir in --pol ipsec .* --(?:u32|bytecode) .*-j ACCEPT\b"
)


def target_of(rule: str) -> str:
    target = re.search(r"(?:^| )-[jg] (\S+)", _bare(rule))
    return target[1] if target else ""


def _bare(rule: str) -> str:
    """Without what is quoted, such as a comment, which may hold anything."""
    return re.sub(r'"(?:\\.|[^"\\])*"', '""', rule)


def goes(name: str, table: Table, rule: str, rivals: Sequence[str] = ()) -> bool:
    """Has a rule to go from a built-in chain of ours? In mangle, only what lets pass what is judged there."""
    if ours(rule) or name in SHARED:
        return False
    return target_of(rule) in ("ACCEPT", "RETURN") if name == "mangle" else not foreign(table, rule, rivals)


def taken_out(dump: str, rivals: Sequence[str] = ()) -> list[str]:
    """The rules of others that `transition` takes out of built-in chains."""
    return [
        *(f"filter {line[3:]}" for line in dump.split("\n") if line.startswith(f"-A {BANS} ") and _opens(line)),
        *(
            f"{name} {hook.upper()} {rule}"
            for name, table in beside_ours(dump).items()
            for hook in TABLES.get(name, ())
            for rule in table.rules.get(hook.upper(), ())
            if goes(name, table, rule, rivals)
        ),
    ]


def beside_ours(dump: str) -> dict[str, Table]:
    """A dump without what is in chains of ours, which may be very long."""
    return parse_dump("\n".join(line for line in dump.split("\n") if not line.startswith(f"-A {OURS}")))


def shared(dump: str) -> bool:
    """Does somebody else have chains or rules in our tables, or in those that we may share?"""
    return bool(bans(dump)) or any(
        (table.policies.get(chain) == "-" and not chain.startswith(OURS)) or any(not ours(rule) for rule in rules)
        for name, table in beside_ours(dump).items()
        if name in TABLES or name in SHARED
        for chain, rules in table.rules.items()
    )


def only_ours(text: str) -> bool:
    """Is there nothing in a file but rules of ours, and built-in chains that let everything pass?"""
    return all(_PLAIN.match(line) or ours(line) for line in text.split("\n"))


_PLAIN = re.compile(rf"\s*$|#|\*|COMMIT\b|:(?:{OURS}|\w+ ACCEPT\b|INPUT DROP|FORWARD DROP|OUTPUT DROP)|-A {OURS}")


def names_set(line: str) -> bool:
    """Does a rule need a set of ipset's, without which no tool takes the text?"""
    return bool(re.search(r"--\w+-set ", _bare(line)))

"""a loaded ruleset, as its tool lists it -> how many rules a packet of an established connection meets.

The count is the worst case: a rule that calls another chain is taken to be followed into it, whatever it asks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

HOOKS = ("input", "forward", "output")


@dataclass(frozen=True)
class Loaded:
    """Chains of one table with their rules, and which of them hang on a hook with which policy."""

    chains: Mapping[str, tuple[str, ...]]
    hooks: Mapping[str, str]
    policies: Mapping[str, str]


def established_meets(listing: str, hook: str) -> int:
    """Rules of all base chains on that hook, up to the one in each that accepts the packet."""
    tables = _iptables(listing) if "*filter" in listing else _nftables(listing)
    return sum(_count(table, chain) for table in tables for chain, its in table.hooks.items() if its == hook)


def _count(table: Loaded, chain: str) -> int:
    met, accepted = _walk(table, chain)
    if not accepted and table.policies[chain].lower() != "accept":
        raise AssertionError(f"{chain} accepts no established connection")
    return met


def _walk(table: Loaded, chain: str) -> tuple[int, bool]:
    met = 0
    for rule in table.chains[chain]:
        met += 1
        if _accepts_established(rule):
            return met, True
        called = re.search(r"(?:-[jg]|\bjump|\bgoto) (\S+)", rule)
        if "established" in rule.lower() and 'comment "' in rule and re.search(r'comment "(vps-firewall )?deny"', rule):
            continue  # how long the list may be that is looked at there is test_long_lists.py's to say
        if 'limits: finished handshakes"' in rule:
            met += 1
            continue  # the first rule there lets through what has been counted
        if called and called[1] in table.chains:
            more, accepted = _walk(table, called[1])
            met += more
            if accepted:
                return met, True
    return met, False


def _accepts_established(rule: str) -> bool:
    """Accepts every packet of an established connection: asks for the state, and for nothing else."""
    if rule.startswith("-A"):
        bare = re.sub(r' -m comment --comment (?:"[^"]*"|\S+)', "", rule)
        return re.fullmatch(r"-A \S+ -m conntrack --ctstate \S*ESTABLISHED\S* -j ACCEPT", bare) is not None
    bare = re.sub(r' comment "[^"]*"', "", rule)
    return re.fullmatch(r"ct state (?:\S+,)?established(?:,\S+)? accept", bare) is not None


def _iptables(listing: str) -> list[Loaded]:
    """What iptables-save printed, of one family."""
    tables = []
    for block in listing.split("\n*")[1:] if not listing.startswith("*") else listing[1:].split("\n*"):
        lines = block.splitlines()
        heads = {m[1]: m[2] for line in lines if (m := re.match(r":(\S+) (\S+)", line))}
        chains = {name: tuple(line for line in lines if line.startswith(f"-A {name} ")) for name in heads}
        hooks = {name: name.lower() for name in heads if name.lower() in HOOKS}
        tables.append(Loaded(chains, hooks, heads))
    return tables


def _nftables(listing: str) -> list[Loaded]:
    """What `nft list ruleset` printed."""
    tables = []
    for block in re.split(r"^table ", listing, flags=re.M)[1:]:
        chains: dict[str, tuple[str, ...]] = {}
        hooks: dict[str, str] = {}
        policies: dict[str, str] = {}
        for name, text in re.findall(r"^\tchain (\S+) \{\n(.*?)^\t\}", block, flags=re.M | re.S):
            lines = [line.strip() for line in re.sub(r"\{[^{}]*\}", "{}", text).splitlines()]
            if lines and lines[0].startswith("type "):
                base = lines.pop(0)
                hooks[name] = re.search(r"hook (\w+)", base)[1]  # type: ignore[index]
                policies[name] = re.search(r"policy (\w+)", base)[1]  # type: ignore[index]
            chains[name] = tuple(lines)
        tables.append(Loaded(chains, hooks, policies))
    return tables

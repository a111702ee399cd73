"""The built-in policy -> the texts of last resort in `__init__.py`, which must need no other file of the package.

They are the rules of the built-in policy, less what a host can do without until the engine is mended: containers, what
leaves, limits and logs; and less what only refuses, for all that is not accepted is dropped. Of ICMPv6 they take what
the kernel's tracker leaves aside (what neighbours and multicast routers say) by that alone: a rule in the place of
eight, and of seventeen in iptables' words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from cc_vps_firewall import policy
from cc_vps_firewall.rules import iptables, nftables, ruleset
from cc_vps_firewall.rules.rule import Chain, Rule, Ruleset
from cc_vps_firewall.rules.ruleset import LISTENER, NEIGHBOUR

PORT = 22  # stands for those that sshd listens on, which the host knows
LEFT_OUT = ("bridges",)  # chains that are not followed
UNTRACKED = frozenset({*NEIGHBOUR, *LISTENER})  # ICMPv6 types that nf_conntrack takes no notice of


def built_in() -> Ruleset:
    """The rules of the built-in policy, for an sshd on one port."""
    return ruleset.build(policy.parse(policy.BUILT_IN, ssh_ports=(PORT,), read_list=lambda path: ""))


def texts(rules: Ruleset) -> dict[str, str]:
    """By tool, with PORTS for the ports of sshd."""
    accepted, last = [*_accepted(rules)], Rule("last", "drop")
    # For nft, whose table is of both families, a protocol alone says of which a packet is.
    both = [replace(rule, family=0) if rule.state == "untracked" and not rule.icmp else rule for rule in accepted]
    return {
        "nft": _nft(Chain("input", (*both, last), "input", "drop"), Chain("forward", (last,), "forward", "drop")),
        "iptables": _iptables((*accepted, last), 4),
        "ip6tables": _iptables((*accepted, last), 6),
    }


def _accepted(rules: Ruleset) -> Iterator[Rule]:
    """What comes in, in one list."""
    chains = {chain.name: chain for chain in rules.chains}
    untracked = Rule("what no tracker knows", "accept", 6, "icmpv6", state="untracked")
    found = (_last_resort_of(rule, untracked) for rule in _followed(chains["input"], chains))
    yield from dict.fromkeys(found)


def _last_resort_of(rule: Rule, untracked: Rule) -> Rule:
    if rule.proto == "icmpv6" and (rule.state == "untracked" or UNTRACKED.issuperset(rule.icmp)):
        return untracked
    return replace(rule, limit=None, rate=None)


def _followed(chain: Chain, chains: Mapping[str, Chain], family: int = 0, proto: str = "") -> Iterator[Rule]:
    """The accepting rules of a chain and of those that it goes on in, for packets of a family and a protocol."""
    for rule in chain.rules:
        if rule.verdict == "accept":
            if proto in ("", rule.proto) and family in (0, rule.family):
                yield rule
        elif rule.verdict in chains and rule.verdict not in LEFT_OUT:
            if rule != Rule(rule.label, rule.verdict, rule.family, rule.proto):
                raise ValueError(f"{rule.label} asks more than a family and a protocol")
            yield from _followed(chains[rule.verdict], chains, rule.family, rule.proto)


def _nft(*chains: Chain) -> str:
    text = re.sub(r' comment "[^"]*"', "", nftables.render(Ruleset(chains)).partition("lost.\n")[2])
    return _with_ports(text, f"tcp dport {PORT} ", "tcp dport { PORTS } ")


def _iptables(rules: tuple[Rule, ...], family: int) -> str:
    writer = iptables._Writer(Ruleset(()), family, "filter", ())
    for chain, policy_of in (("INPUT", "DROP"), ("FORWARD", "DROP"), ("OUTPUT", "ACCEPT")):
        writer.open(chain, policy_of)
    writer.write("INPUT", rules)
    writer.write("FORWARD", rules[-1:])
    text = re.sub(r' -m comment --comment "[^"]*"', "", writer.text())
    return _with_ports(text, f"-m tcp --dport {PORT} ", "-m multiport --dports PORTS ")


def _with_ports(text: str, one: str, many: str) -> str:
    if text.count(one) != 1:
        raise ValueError(f"{one.strip()} is not there once")
    return text.replace(one, many)

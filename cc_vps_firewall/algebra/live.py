"""What a kernel's rules are, whoever wrote them, and the packets that they are asked about. live_walk.py asks.

A packet may come from many sources at once: a rule answers for which of them it matches, so that what is said of one is
said of all 2^128 by the same walk.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from . import ranges
from .ranges import Ranges

CONTINUE, RETURN = "continue", "return"
# Protocols as this module calls them, and their numbers (IANA); tools show some by other names.
NUMBERS = {
    "icmp": 1, "igmp": 2, "ipencap": 4, "tcp": 6, "udp": 17, "dccp": 33, "ipv6": 41, "gre": 47, "esp": 50, "ah": 51,
    "icmpv6": 58, "ospf": 89, "pim": 103, "ipcomp": 108, "vrrp": 112, "l2tp": 115, "sctp": 132, "udplite": 136,
}  # fmt: skip
OTHER_NAMES = {"ipv6-icmp": "icmpv6", "ospfigp": "ospf", "ipip": "ipencap", "ipv4": "ipencap"}
WITH_PORTS = ("tcp", "udp", "sctp", "dccp", "udplite")
# What the tracker says of a first packet; of one that a rule told it not to track; and before it has looked.
NEW, UNTRACKED, UNSEEN = (frozenset({state}) for state in ("new", "untracked", "invalid"))
STATES = {"new", "untracked", "invalid", "established", "related"}
TRACKER = -200  # the priority in prerouting at which it looks (netfilter_ipv4.h)
DNAT = -100  # and that at which DNAT sends a packet elsewhere
NAMELESS = "an interface that no rule names"
SPORT = 49152
DEEPEST = 60  # chains inside chains; iptables-legacy allows fewer, nft sixteen
# What a packet meets, and where: ROUTING is prerouting once DNAT is done.
PREROUTING, NAT, ROUTING, IN, FORWARD, POSTROUTING = "prerouting", "nat", "routing", "input", "forward", "postrouting"
# What a rule does to a packet besides its verdict: what comes after sees another one.
NOTRACK, REWRITES, NEW_SOURCE = "notrack", "rewrites", "new source"


@dataclass(frozen=True)
class Packet:
    """The first packet of a connection, as it comes in from a network. `destination`: '' where that is not known.
    `sent_to`: the port that it was sent to, where DNAT has changed it, 0 where it has not. `type`: of ICMP. `sources`:
    of packets from many at once, `source` is one of those. `out`: by which interface it is sent on, '' where that is
    not known, or where it stays. `expected`: does it come by the interface by which this host would answer? `states`:
    what the tracker says of it; of several, one."""

    protocol: str
    port: int
    source: str
    interface: str = ""
    destination: str = ""
    sent_to: int = 0
    type: int = -1
    sources: Ranges = ()
    out: str = ""
    expected: bool = False
    states: frozenset[str] = NEW

    @property
    def family(self) -> int:
        return 6 if ":" in self.source else 4

    @property
    def every(self) -> Ranges:
        """All whose packets are asked for."""
        if self.sources:
            return self.sources
        number = int(ipaddress.ip_address(self.source))
        return (number, number + 1)


class Match(NamedTuple):
    """Of which sources a rule takes the packets: of these, and of those perhaps. The first are among the second."""

    sure: Ranges
    possible: Ranges


Answer = "bool | Ranges | None"  # of one condition: None where that cannot be known, or the sources for which it holds
Matches = Callable[[Packet], Match]


@dataclass(frozen=True)
class Rule:
    """One rule: does it match, and what then? `verdict`: accept, drop, reject, continue, return, or the name of a chain
    behind `jump ` or `goto `. `target`: where DNAT sends a packet: address and port, each '' where it stays. `effect`:
    what else it does: NOTRACK; NEW_SOURCE, which later chains see; REWRITES, after which nothing is known."""

    matches: Matches
    verdict: str
    text: str = ""
    target: tuple[str, str] | None = None
    effect: str = ""


@dataclass
class Chain:
    """Rules in order. `policy`: of a base chain, what falls through."""

    rules: list[Rule] = field(default_factory=list)
    policy: str = ""


@dataclass
class Named:
    """What rules tell apart: edges of ports, protocols, interfaces and patterns of theirs; and do they ask by which
    interface this host would answer, or from which port a packet comes?"""

    ports: set[int] = field(default_factory=set)
    protocols: set[str] = field(default_factory=set)
    interfaces: set[str] = field(default_factory=set)
    ways_back: bool = False
    source_ports: bool = False


@dataclass(frozen=True)
class Table:
    """Chains by name, and those that packets meet by themselves: (hook, priority, chain)."""

    name: str
    families: tuple[int, ...]
    chains: Mapping[str, Chain]
    hooked: tuple[tuple[str, int, str], ...]
    named: Named = field(default_factory=Named)


class Sets:
    """Operations on sets of sources, each done once: a list of a hundred thousand stands in one rule, and is met by
    packets to every port."""

    SMALL = 64

    def __init__(self) -> None:
        self._done: dict[tuple[str, int, int], tuple[Ranges, Ranges, Ranges]] = {}
        self._same: dict[Ranges, Ranges] = {}

    def both(self, one: Ranges, other: Ranges) -> Ranges:
        if len(other) == 2 == len(one) and other[0] <= one[0] and one[1] <= other[1]:
            return one
        return self._once("both", one, other)

    def without(self, one: Ranges, other: Ranges) -> Ranges:
        return self._once("without", one, other) if other else one

    def union(self, one: Ranges, other: Ranges) -> Ranges:
        return self._once("union", one, other) if other else one

    def _once(self, how: str, one: Ranges, other: Ranges) -> Ranges:
        key = how, id(one), id(other)
        if key not in self._done:
            made: Ranges = getattr(ranges, how)(one, other)
            if len(made) <= self.SMALL:
                made = self._same.setdefault(made, made)
            self._done[key] = made, one, other  # with both, so that no other set is given their ids
        return self._done[key][0]


@dataclass(frozen=True)
class Fate:
    """What becomes of a packet. `by`: the table whose rule decided, and that rule; of what is accepted nothing.
    `through`: the rules that accept it. `sent_on`: where DNAT sends it, '' where it stays."""

    verdict: str
    by: str = ""
    rule: str = ""
    hook: str = IN
    assumptions: tuple[str, ...] = ()
    through: tuple[str, ...] = ()
    sent_on: str = ""


def every(answers: Iterable[bool | Ranges | None], family: int) -> Match:
    """All of them hold: for whom?"""
    all_of_them = ranges.everything(family)
    sure = possible = all_of_them
    for answer in answers:
        if answer is False or answer == ():
            return Match(ranges.NONE, ranges.NONE)
        if answer is None:
            sure = ranges.NONE
        elif answer is not True:
            possible = answer if possible is all_of_them else ranges.both(possible, answer)
            sure = answer if sure is all_of_them else ranges.both(sure, answer)
    return Match(sure, possible)


def negated(answer: bool | Ranges | None, family: int) -> bool | Ranges | None:
    """It does not hold."""
    if isinstance(answer, tuple):
        return ranges.without(ranges.everything(family), answer)
    return None if answer is None else not answer


def protocol_name(said: object) -> str:
    """A protocol as a tool shows it, by a name or its number -> as a packet has it."""
    text = str(said)
    return OTHER_NAMES.get(text) or next((name for name, number in NUMBERS.items() if str(number) == text), text)


def in_state(packet: Packet, said: Collection[str]) -> bool | None:
    """Does the tracker say one of these of the packet?"""
    if packet.states <= {*said}:
        return True
    return None if packet.states & {*said} else False

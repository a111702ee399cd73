"""The rules that a kernel holds and a packet -> its fate, whose rule it is, and what that hangs on.

Every table, other people's too. What is not known of a rule (a mark, a set of ipset's, a match that nobody here has
heard of) makes both outcomes possible: where they differ, the fate is unknown, and what it hangs on is named.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .model import ACCEPT, DROP, UNKNOWN

CONTINUE, RETURN = "continue", "return"
NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "esp": 50, "ah": 51, "gre": 47, "sctp": 132}
WITH_PORTS = ("tcp", "udp", "sctp", "dccp", "udplite")
# The two states in which a first packet is seen; nobody has answered it yet.
NEW = {"new", "untracked"}
NOT_NEW = {"established", "related", "invalid"}
NAMELESS = "an interface that no rule names"
SPORT = 49152
DEEPEST = 60  # chains inside chains; iptables-legacy allows fewer, nft sixteen
IN, FORWARD, PREROUTING, NAT = "input", "forward", "prerouting", "nat"


@dataclass(frozen=True)
class Packet:
    """The first packet of a connection, as it comes in from a network. `destination`: '' where that is not known.
    `sent_to`: the port that it was sent to, where DNAT has changed it, 0 where it has not. `type`: of ICMP."""

    protocol: str
    port: int
    source: str
    interface: str = ""
    destination: str = ""
    sent_to: int = 0
    type: int = -1

    @property
    def family(self) -> int:
        return ipaddress.ip_address(self.source).version


Matches = Callable[[Packet], "bool | None"]


@dataclass(frozen=True)
class Rule:
    """One rule: does it match, and what then? `matches`: True, False, or None where that cannot be known. `verdict`:
    accept, drop, reject, continue, return, or the name of a chain behind `jump ` or `goto `. `target`: where DNAT sends
    a packet: address and port, each '' where it stays."""

    matches: Matches
    verdict: str
    text: str = ""
    target: tuple[str, str] | None = None


@dataclass
class Chain:
    """Rules in order. `policy`: of a base chain, what falls through."""

    rules: list[Rule] = field(default_factory=list)
    policy: str = ""


@dataclass(frozen=True)
class Table:
    """Chains by name, and those that packets meet by themselves: (hook, priority, chain)."""

    name: str
    families: tuple[int, ...]
    chains: Mapping[str, Chain]
    hooked: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True)
class Fate:
    """What becomes of a packet. `by`: the table whose rule decided, and that rule; of what is accepted nothing."""

    verdict: str
    by: str = ""
    rule: str = ""
    hook: str = IN
    assumptions: tuple[str, ...] = ()


@dataclass
class _Walk:
    """One packet through one table: the rules that nobody can tell of it, and what is wrong with its chains."""

    table: Table
    packet: Packet
    doubts: list[str] = field(default_factory=list)

    def base(self, name: str) -> set[tuple[str, str]]:
        """Every (verdict, rule) that it may meet from a base chain on."""
        fates = self.chain(name, ())
        policy = self.table.chains[name].policy or ACCEPT
        return {(policy, f"the policy of {name}") if fate[0] in (CONTINUE, RETURN) else fate for fate in fates}

    def chain(self, name: str, way: Sequence[str]) -> set[tuple[str, str]]:
        if name not in self.table.chains:
            self.doubts.append(f"{self.table.name}: there is no chain {name}")
            return {(ACCEPT, ""), (DROP, f"a chain {name} that is not there")}
        if name in way or len(way) > DEEPEST:
            self.doubts.append(f"{self.table.name}: {name} leads back to itself")
            return {(ACCEPT, ""), (DROP, f"a circle through {name}")}
        found: set[tuple[str, str]] = set()
        for rule in self.table.chains[name].rules:
            matched = rule.matches(self.packet)
            if matched is False or rule.verdict == CONTINUE:
                continue
            if matched is None:
                self.doubts.append(f"{self.table.name}: {rule.text}")
            how, _, target = rule.verdict.partition(" ")
            here = self.chain(target, (*way, name)) if target else {(rule.verdict, rule.text)}
            if how == "goto":
                here = {(RETURN, "") if verdict == CONTINUE else (verdict, text) for verdict, text in here}
            elif how == "jump":  # what returns from there goes on here
                here = {(CONTINUE, "") if verdict == RETURN else (verdict, text) for verdict, text in here}
            found |= {fate for fate in here if fate[0] != CONTINUE}
            if matched and (CONTINUE, "") not in here:
                return found
        return found | {(CONTINUE, "")}


def judge(tables: Sequence[Table], packet: Packet, *, follow_dnat: bool = True) -> Fate:
    """A packet comes in where no table of those that it meets drops it: an accept in one overrides no drop in another.
    What is sent on to another address by DNAT meets the chains of what is forwarded, where that is to be followed."""
    doubts: list[str] = []
    sent_on, nat = _dnat(tables, packet) if follow_dnat else (None, "")
    hook, arrived = (FORWARD, sent_on) if sent_on else (IN, packet)
    stages = [*_stages(tables, packet, (PREROUTING,)), *_stages(tables, arrived, (hook,))]
    worst, sure = Fate(ACCEPT, hook=hook), True
    for table, chain, one in stages:
        walk = _Walk(table, one)
        fates = walk.base(chain)
        refusing = sorted(fate for fate in fates if fate[0] != ACCEPT)
        if refusing and len(refusing) == len(fates):
            verdict, rule = refusing[0]
            return Fate(verdict, table.name, rule, hook, (nat,) if nat else ())
        if refusing:
            sure = False
            doubts += walk.doubts
            worst = Fate(UNKNOWN, table.name, refusing[0][1], hook)
    if nat and not sent_on:
        return Fate(UNKNOWN, hook=hook, assumptions=(nat, *dict.fromkeys(doubts)))
    if sure:
        return replace(worst, assumptions=(nat,) if nat else ())
    return replace(worst, assumptions=tuple(dict.fromkeys([*([nat] if nat else []), *doubts])))


def _stages(tables: Sequence[Table], packet: Packet, hooks: Sequence[str]) -> Iterator[tuple[Table, str, Packet]]:
    """The base chains that it meets, in their order."""
    met = [
        (priority, number, table, chain)
        for number, table in enumerate(tables)
        if packet.family in table.families
        for hook, priority, chain in table.hooked
        if hook in hooks
    ]
    for _, _, table, chain in sorted(met, key=lambda one: one[:2]):
        yield table, chain, packet


def _dnat(tables: Sequence[Table], packet: Packet) -> tuple[Packet | None, str]:
    """Where DNAT sends a packet: (the packet from there on, what to say of it). None where it stays here."""
    for table, chain, one in _stages(tables, packet, (NAT,)):
        hit = _first_target(table, chain, one, ())
        if hit is None:
            continue
        sure, rule = hit
        address, port = rule.target or ("", "")
        said = f"{table.name} sends it on: {rule.text}"
        if not sure:
            return None, f"it may be sent on; {said}"
        if not address:  # a redirect to a port of this host
            return None, said
        try:
            there = replace(packet, destination=address, port=int(port or packet.port), sent_to=packet.port)
        except ValueError:
            return None, said
        return there, said
    return None, ""


def _first_target(table: Table, chain: str, packet: Packet, way: Sequence[str]) -> tuple[bool, Rule] | None:
    if chain in way or chain not in table.chains or len(way) > DEEPEST:
        return None
    for rule in table.chains[chain].rules:
        matched = rule.matches(packet)
        if matched is False:
            continue
        if rule.target is not None:
            return bool(matched), rule
        _, _, target = rule.verdict.partition(" ")
        if target and (hit := _first_target(table, target, packet, (*way, chain))):
            return (hit[0] and bool(matched)), hit[1]
        if rule.verdict in (ACCEPT, DROP, RETURN) and matched:
            return None
    return None


def every(answers: Iterable[bool | None]) -> bool | None:
    """All of them? None where that hangs on what is not known."""
    found = list(answers)
    return False if False in found else None if None in found else True

"""The rules that a kernel holds and packets -> their fates, whose rules those are, and what they hang on.

Every table, other people's too. A packet may come from many sources at once: a rule answers for which of them it
matches, so that what is said of one is said of all 2^128 by the same walk. What is not known of a rule (a mark, a set
that cannot be listed, a match that nobody here has heard of) makes both outcomes possible: where they differ, the fate
is unknown, and what it hangs on is named.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from . import ranges
from .model import ACCEPT, DROP, REJECT, UNKNOWN
from .ranges import Ranges

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
    `sent_to`: the port that it was sent to, where DNAT has changed it, 0 where it has not. `type`: of ICMP. `sources`:
    of packets from many at once, `source` is one of those. `out`: by which interface it is sent on, '' where that is
    not known, or where it stays. `expected`: does it come by the interface by which this host would answer?"""

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
    behind `jump ` or `goto `. `target`: where DNAT sends a packet: address and port, each '' where it stays."""

    matches: Matches
    verdict: str
    text: str = ""
    target: tuple[str, str] | None = None


@dataclass
class Chain:
    """Rules in order. `policy`: of a base chain, what falls through."""

    rules: list[Rule] = field(default_factory=list)
    policy: str = ""


@dataclass
class Named:
    """What rules tell apart: edges of ports, protocols, interfaces and patterns of theirs; and do they ask by which
    interface this host would answer?"""

    ports: set[int] = field(default_factory=set)
    protocols: set[str] = field(default_factory=set)
    interfaces: set[str] = field(default_factory=set)
    ways_back: bool = False


@dataclass(frozen=True)
class Table:
    """Chains by name, and those that packets meet by themselves: (hook, priority, chain)."""

    name: str
    families: tuple[int, ...]
    chains: Mapping[str, Chain]
    hooked: tuple[tuple[str, int, str], ...]
    named: Named = field(default_factory=Named)


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


Fates = list[tuple[Fate, Ranges]]  # each source is in one of them


class Outcome(NamedTuple):
    """Where a walk ends: a verdict, the rule that says so, and where it sends the packet."""

    verdict: str
    text: str = ""
    target: tuple[str, str] | None = None


class _Sets:
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


@dataclass
class _Walk:
    """Packets through one table: the rules that nobody can tell of them, and what is wrong with its chains."""

    table: Table
    packet: Packet
    sets: _Sets
    doubts: dict[str, Ranges] = field(default_factory=dict)
    known: dict[tuple[str, int], dict[Outcome, Ranges]] = field(default_factory=dict)

    def base(self, name: str, here: Ranges) -> dict[Outcome, Ranges]:
        """Every outcome that they may meet from a base chain on."""
        policy = Outcome(self.table.chains[name].policy or ACCEPT, f"the policy of {name}")
        found: dict[Outcome, Ranges] = {}
        for outcome, some in self.chain(name, here, ()).items():
            self._add(found, policy if outcome.verdict in (CONTINUE, RETURN) else outcome, some)
        return found

    def chain(self, name: str, here: Ranges, way: Sequence[str]) -> dict[Outcome, Ranges]:
        if name not in self.table.chains:
            return self._broken(f"there is no chain {name}", f"a chain {name} that is not there", here)
        if name in way or len(way) > DEEPEST:
            return self._broken(f"{name} leads back to itself", f"a circle through {name}", here)
        key = name, id(here)
        if key not in self.known:
            self.known[key] = self._rules(name, here, (*way, name))
        return self.known[key]

    def _rules(self, name: str, here: Ranges, way: Sequence[str]) -> dict[Outcome, Ranges]:
        sets, found = self.sets, dict[Outcome, Ranges]()
        for rule in self.table.chains[name].rules:
            if rule.verdict == CONTINUE:
                continue
            match = rule.matches(self.packet)
            taken = sets.both(here, match.possible)
            if not taken:
                continue
            sure = sets.both(taken, match.sure)
            if unsure := sets.without(taken, sure):
                self._doubt(rule.text, unsure)
            on = sets.without(here, sure)
            for outcome, some in self._outcomes(rule, taken, way):
                if outcome.verdict == CONTINUE:
                    on = sets.union(on, some)
                else:
                    self._add(found, outcome, some)
            here = on
            if not here:
                return found
        self._add(found, Outcome(CONTINUE), here)
        return found

    def _outcomes(self, rule: Rule, taken: Ranges, way: Sequence[str]) -> Iterator[tuple[Outcome, Ranges]]:
        how, _, target = rule.verdict.partition(" ")
        if not target:
            yield Outcome(rule.verdict, rule.text, rule.target), taken
            return
        for outcome, some in self.chain(target, taken, way).items():
            if how == "goto" and outcome.verdict == CONTINUE:
                yield Outcome(RETURN), some
            elif how == "jump" and outcome.verdict == RETURN:  # what returns from there goes on here
                yield Outcome(CONTINUE), some
            else:
                yield outcome, some

    def _broken(self, what: str, rule: str, here: Ranges) -> dict[Outcome, Ranges]:
        self._doubt(what, here)
        return {Outcome(ACCEPT): here, Outcome(DROP, rule): here}

    def _doubt(self, text: str, some: Ranges) -> None:
        text = f"{self.table.name}: {text}"
        self.doubts[text] = self.sets.union(some, self.doubts.get(text, ranges.NONE))

    def _add(self, found: dict[Outcome, Ranges], outcome: Outcome, some: Ranges) -> None:
        found[outcome] = self.sets.union(some, found.get(outcome, ranges.NONE))


class Rules:
    """The tables of one host, to be asked. `route`: an address -> the interface by which this host sends to it."""

    def __init__(self, tables: Sequence[Table], route: Callable[[str], str] = lambda address: "") -> None:
        self.tables = tables
        self.route = route
        self._sets = _Sets()

    def judge(self, packet: Packet) -> Fates:
        """What becomes of packets from each of these sources. One comes in where no table of those that it meets drops
        it: an accept in one overrides no drop in another."""
        found: Fates = []
        for before, some in self._stage(packet, PREROUTING, packet.every):
            if before.verdict in (DROP, REJECT):
                found.append((before, some))
            else:
                found += [(_after(before, fate), those) for fate, those in self._arriving(packet, some)]
        return found

    def stays(self, packet: Packet) -> Fates:
        """The same where DNAT is not followed."""
        return [
            (_after(before, fate), those)
            for before, some in self._stage(packet, PREROUTING, packet.every)
            for fate, those in ([(before, some)] if before.verdict in (DROP, REJECT) else self._stage(packet, IN, some))
        ]

    def _arriving(self, packet: Packet, here: Ranges) -> Fates:
        """DNAT, and what the packet meets where that sends it. Where it may go several ways, all are looked at."""
        found: Fates = []
        for ways, some in self._ways(packet, here):
            each = [self._stage(there, hook, some, said, goal) for there, hook, said, goal in ways]
            found += each[0] if len(each) == 1 else _whichever(each)
        return found

    def _ways(self, packet: Packet, here: Ranges) -> Iterator[tuple[list[tuple[Packet, str, str, str]], Ranges]]:
        """(ways that it may go, sources): the packet from there on, the hook, what to say of it, the goal."""
        sets, possible = self._sets, dict[tuple[str, Outcome], Ranges]()
        stay = here
        for table, chain in self._met(packet, NAT):
            if not stay:
                break
            staying = ranges.NONE
            for outcome, some in _Walk(table, packet, sets).base(chain, stay).items():
                if outcome.target is None:
                    staying = sets.union(some, staying)
                else:
                    key = table.name, outcome
                    possible[key] = sets.union(some, possible.get(key, ranges.NONE))
            stay = staying
        if not possible:
            yield [(packet, IN, "", "")], here
            return
        named: dict[tuple[str, Outcome] | None, Ranges] = dict(possible.items())
        if stay:
            named[None] = stay
        for those, some in ranges.partition(named).items():
            yield [self._way(packet, way) for way in named if way in those], some

    def _way(self, packet: Packet, way: tuple[str, Outcome] | None) -> tuple[Packet, str, str, str]:
        if way is None:
            return packet, IN, "", ""
        table, outcome = way
        address, port = outcome.target or ("", "")
        said = f"{table} sends it on: {outcome.text}"
        number = int(port) if port.isdecimal() else packet.port
        there = replace(packet, port=number, sent_to=packet.port)
        if not address:  # a redirect to a port of this host
            return there, IN, said, f"port {number} of this host" if number != packet.port else ""
        there = replace(there, destination=address, out=self.route(address))
        goal = f"[{address}]" if ":" in address else address
        return there, FORWARD, said, f"{goal}:{number}" if packet.protocol in WITH_PORTS else address

    def _met(self, packet: Packet, hook: str) -> Iterator[tuple[Table, str]]:
        """The base chains that it meets, in their order."""
        met = [
            (priority, number, table, chain)
            for number, table in enumerate(self.tables)
            if packet.family in table.families
            for there, priority, chain in table.hooked
            if there == hook
        ]
        for _, _, table, chain in sorted(met, key=lambda one: one[:2]):
            yield table, chain

    def _stage(self, packet: Packet, hook: str, here: Ranges, said: str = "", goal: str = "") -> Fates:
        """All base chains of a hook, one after the other."""
        sets, found = self._sets, list[tuple[Fate, Ranges]]()
        unsure, reasons, through = ranges.NONE, dict[tuple[str, str, str], Ranges](), dict[str, Ranges]()
        noted = (said,) if said else ()
        for table, chain in self._met(packet, hook):
            walk = _Walk(table, packet, sets)
            outcomes = walk.base(chain, here)
            passing, refusing = ranges.NONE, ranges.NONE
            for outcome, some in outcomes.items():
                if outcome.verdict == ACCEPT:
                    passing = sets.union(some, passing)
                    if outcome.text and not outcome.text.startswith("the policy of "):
                        through[outcome.text] = sets.union(some, through.get(outcome.text, ranges.NONE))
                else:
                    refusing = sets.union(some, refusing)
            refused, risky = sets.without(here, passing), sets.both(refusing, passing)
            for outcome, some in sorted(outcomes.items(), key=lambda one: (one[0].verdict, one[0].text)):
                if outcome.verdict == ACCEPT:
                    continue
                if those := sets.both(refused, some):
                    found.append((Fate(outcome.verdict, table.name, outcome.text, hook, noted, (), goal), those))
                    refused = sets.without(refused, those)
                if those := sets.both(risky, some):
                    reasons[table.name, outcome.text, ""] = those
            for text, some in walk.doubts.items():
                if those := sets.both(risky, some):
                    reasons["", "", text] = those
            unsure, here = sets.union(risky, unsure), passing
        unsure = sets.both(unsure, here)
        for names, some in self._parts(through, sets.without(here, unsure)):
            found.append((Fate(ACCEPT, hook=hook, assumptions=noted, through=names, sent_on=goal), some))
        for why, some in self._parts(reasons, unsure):
            by, rule = next(((by, rule) for by, rule, _ in reversed(why) if by), ("", ""))
            texts = (*noted, *(text for _, _, text in why if text))
            found.append((Fate(UNKNOWN, by, rule, hook, texts, (), goal), some))
        return found

    def _parts(self, named: Mapping[ranges.K, Ranges], here: Ranges) -> Iterator[tuple[tuple[ranges.K, ...], Ranges]]:
        """A set by the named ones that its sources are in; names keep their order."""
        cut = {name: both for name, some in named.items() if (both := self._sets.both(here, some))}
        if rest := self._sets.without(here, ranges.all_of(cut.values())) if cut else here:
            yield (), rest
        if len(cut) == 1:
            yield from (((name,), some) for name, some in cut.items())
        else:
            for those, some in ranges.partition(cut).items():
                yield tuple(name for name in cut if name in those), some


def _after(before: Fate, fate: Fate) -> Fate:
    """What one that may be refused earlier meets next."""
    if before.verdict != UNKNOWN or fate.verdict in (DROP, REJECT):
        return fate
    told = tuple(dict.fromkeys([*before.assumptions, *fate.assumptions]))
    if fate.verdict == UNKNOWN:
        return replace(fate, assumptions=told)
    return replace(before, hook=fate.hook, assumptions=told, sent_on=fate.sent_on)


def _whichever(each: Sequence[Fates]) -> Fates:
    """Fates of several ways, of which one is taken: what they have in common, or unknown."""
    named = {(way, number): some for way, fates in enumerate(each) for number, (_, some) in enumerate(fates)}
    found: Fates = []
    for those, some in ranges.partition(named).items():
        fates = [each[way][number][0] for way, number in sorted(those)]
        verdicts = {fate.verdict for fate in fates}
        told = tuple(dict.fromkeys(text for fate in fates for text in fate.assumptions))
        if len(verdicts) == 1 or verdicts <= {DROP, REJECT}:
            found.append((replace(fates[0], assumptions=told), some))
        else:
            worst = next(fate for fate in fates if fate.verdict != ACCEPT)
            said = tuple(f"it may be sent on; {text}" if "sends it on" in text else text for text in told)
            found.append((replace(worst, verdict=UNKNOWN, assumptions=said), some))
    return found


def judge(tables: Sequence[Table], packet: Packet, *, follow_dnat: bool = True) -> Fate:
    """One packet -> its fate. What is sent on to another address by DNAT meets the chains of what is forwarded, where
    that is to be followed."""
    rules = Rules(tables)
    return (rules.judge(packet) if follow_dnat else rules.stays(packet))[0][0]


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

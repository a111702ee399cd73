"""The rules that a kernel holds and packets -> their fates, whose rules those are, and what they hang on.

Every table, other people's too. What is not known of a rule (a mark, a set that cannot be listed, a match that nobody
here has heard of) makes both outcomes possible: where they differ, the fate is unknown, and what it hangs on is named.
So is the fate of a packet that a rule rewrites: what comes after it sees another one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Optional

from . import ranges
from .live import (
    CONTINUE,
    DEEPEST,
    DNAT,
    FORWARD,
    IN,
    NAT,
    NEW,
    NEW_SOURCE,
    NOTRACK,
    POSTROUTING,
    PREROUTING,
    RETURN,
    REWRITES,
    ROUTING,
    TRACKER,
    UNSEEN,
    UNTRACKED,
    WITH_PORTS,
    Fate,
    Packet,
    Rule,
    Sets,
    Table,
)
from .model import ACCEPT, DROP, REJECT, UNKNOWN
from .ranges import Ranges
from .zones import LOOPBACK

Fates = list[tuple[Fate, Ranges]]  # each source is in one of them
Passing = list[tuple[Fate, Packet, Ranges]]  # what goes on, and as which packet


class Outcome(NamedTuple):
    """Where a walk ends: a verdict, the rule that says so, and where it sends the packet."""

    verdict: str
    text: str = ""
    target: tuple[str, str] | None = None


Way = Optional[tuple[str, Outcome]]  # the table and the rule that send a packet elsewhere; None where it stays


@dataclass
class _Walk:
    """Packets through one table: the rules that nobody can tell of them, what is wrong with its chains, and what rules
    do to them besides: (effect, rule, sources, those of which it is certain)."""

    table: Table
    packet: Packet
    sets: Sets
    doubts: dict[str, Ranges] = field(default_factory=dict)
    effects: list[tuple[str, str, Ranges, Ranges]] = field(default_factory=list)
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
            if rule.verdict == CONTINUE and not rule.effect:
                continue
            match = rule.matches(self.packet)
            taken = sets.both(here, match.possible)
            if not taken:
                continue
            sure = sets.both(taken, match.sure)
            if rule.effect:
                self.effects.append((rule.effect, rule.text, taken, sure))
                if rule.verdict == CONTINUE:
                    continue
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

    def changed(self, effect: str) -> dict[str, Ranges]:
        """Rule -> the sources whose packets it may change so."""
        found: dict[str, Ranges] = {}
        for kind, text, some, _ in self.effects:
            if kind == effect:
                text = f"{self.table.name} rewrites it: {text}"
                found[text] = self.sets.union(some, found.get(text, ranges.NONE))
        return found

    def tracked(self, packet: Packet, here: Ranges) -> Iterator[tuple[Packet, Ranges]]:
        """The packets that go on from here, by what the tracker says of them."""
        untracked, perhaps = ranges.NONE, ranges.NONE
        for kind, _, some, sure in self.effects:
            if kind == NOTRACK:
                untracked, perhaps = self.sets.union(sure, untracked), self.sets.union(some, perhaps)
        for doubted in self.doubts.values():
            untracked = self.sets.without(untracked, doubted)
        perhaps = self.sets.without(perhaps, untracked)
        for states, some in ((UNTRACKED, untracked), (packet.states | UNTRACKED, perhaps)):
            if those := self.sets.both(here, some):
                yield replace(packet, states=states), those
                here = self.sets.without(here, those)
        if here:
            yield packet, here

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
        self._sets = Sets()

    def judge(self, packet: Packet) -> Fates:
        """What becomes of packets from each of these sources. One comes in where no table of those that it meets drops
        it: an accept in one overrides no drop in another."""
        found, passing = self._stage(packet, PREROUTING, packet.every)
        for before, there, some in passing:
            found += [(_after(before, fate), those) for fate, those in self._arriving(there, some)]
        return found

    def stays(self, packet: Packet) -> Fates:
        """The same where DNAT is not followed."""
        return self._hooks(packet, (PREROUTING, ROUTING, IN), packet.every)

    def _hooks(self, packet: Packet, hooks: Sequence[str], here: Ranges, said: str = "", goal: str = "") -> Fates:
        """These hooks, one after the other. `said`: what sends the packet there; `goal`: where that is."""
        hook, *rest = hooks
        if rest and not self._met(packet, hook):
            return self._hooks(packet, rest, here, said, goal)
        found, passing = self._stage(packet, hook, here, said, goal)
        for before, there, some in passing:
            if rest:
                found += [(_after(before, fate), those) for fate, those in self._hooks(there, rest, some, said, goal)]
            else:
                found.append((before, some))
        return found

    def _arriving(self, packet: Packet, here: Ranges) -> Fates:
        """DNAT, and what the packet meets where that sends it. Where it may go several ways, all are looked at."""
        found, several = self._ways(packet, here)
        for ways, some in several:
            each = [self._along(packet, way, some) for way in ways]
            found += each[0] if len(each) == 1 else _whichever(each)
        return found

    def _ways(self, packet: Packet, here: Ranges) -> tuple[Fates, list[tuple[list[Way], Ranges]]]:
        """Where DNAT sends them cannot be known of some; of the others: the ways that they may go, None to stay."""
        sets, possible, lost = self._sets, dict[Way, Ranges](), Fates()
        stay = here
        for table, chain, _ in self._met(packet, NAT) if packet.states != UNTRACKED else ():
            walk, staying = _Walk(table, packet, sets), ranges.NONE
            outcomes = walk.base(chain, stay)
            rewritten = walk.changed(REWRITES)
            for text, some in rewritten.items():
                lost.append((Fate(UNKNOWN, hook=IN, assumptions=(text,)), sets.both(stay, some)))
                stay = sets.without(stay, some)
            for outcome, some in outcomes.items():
                if not (some := sets.both(stay, some)):
                    continue
                if outcome.target is None and outcome.verdict not in (DROP, REJECT):
                    staying = sets.union(some, staying)
                else:
                    key = table.name, outcome
                    possible[key] = sets.union(some, possible.get(key, ranges.NONE))
            stay = staying
            if not stay:
                break
        lost = [(fate, some) for fate, some in lost if some]
        here = sets.without(here, ranges.all_of([some for _, some in lost])) if lost else here
        if packet.states >= UNTRACKED:  # and so perhaps not sent elsewhere
            stay = here
        if not possible:
            return lost, [([None], here)] if here else []
        if stay:
            possible[None] = stay
        parts = ranges.partition(possible).items()
        return lost, [([way for way in possible if way in those], some) for those, some in parts]

    def _along(self, packet: Packet, way: Way, here: Ranges) -> Fates:
        """What it meets on that way."""
        if way is None:
            return self._hooks(packet, (ROUTING, IN), here)
        table, outcome = way
        if outcome.target is None:
            return [(Fate(outcome.verdict, table, outcome.text, PREROUTING), here)]
        address, port = outcome.target
        said = f"{table} sends it on: {outcome.text}"
        number = int(port) if port.isdecimal() else packet.port
        there = replace(packet, port=number, sent_to=packet.port)
        if not address:  # a redirect to a port of this host
            return self._hooks(there, (ROUTING, IN), here, said, f"port {number} of this host" if port else "")
        goal = address
        if packet.protocol in WITH_PORTS:
            goal = f"[{address}]:{number}" if ":" in address else f"{address}:{number}"
        there = replace(there, destination=address)
        if (out := self.route(address)) != LOOPBACK:
            return self._hooks(replace(there, out=out), (ROUTING, FORWARD, POSTROUTING), here, said, goal)
        if ipaddress.ip_address(address).is_loopback:
            said += ", which the kernel drops without route_localnet"
            return [(Fate(UNKNOWN, hook=IN, assumptions=(said,)), here)]
        return self._hooks(there, (ROUTING, IN), here, said, goal)

    def _met(self, packet: Packet, hook: str) -> list[tuple[Table, str, int]]:
        """The base chains that it meets, in their order, with their priorities."""
        met = [
            (priority, number, table, chain)
            for number, table in enumerate(self.tables)
            if packet.family in table.families
            for there, priority, chain in table.hooked
            if (ROUTING if there == PREROUTING and priority > DNAT else there) == hook
        ]
        return [(table, chain, priority) for priority, _, table, chain in sorted(met, key=lambda one: one[:2])]

    def _stage(self, packet: Packet, hook: str, here: Ranges, said: str = "", goal: str = "") -> tuple[Fates, Passing]:
        """All base chains of a hook, one after the other: what ends there, and what goes on."""
        sets, found = self._sets, Fates()
        unsure, reasons, through = ranges.NONE, dict[tuple[str, str, str], Ranges](), dict[str, Ranges]()
        noted, place = (said,) if said else (), FORWARD if hook == POSTROUTING else hook
        flows, met = [(packet, here)], self._met(packet, hook)
        for number, (table, chain, priority) in enumerate(met, 1):
            onward: list[tuple[Packet, Ranges]] = []
            for there, some in flows:
                walk = _Walk(table, _seen(there, hook, priority), sets)
                outcomes = walk.base(chain, some)
                some = self._lose(walk.changed(REWRITES), some, Fate(UNKNOWN, "", "", place, noted, (), goal), found)
                passing, refusing = ranges.NONE, ranges.NONE
                for outcome, those in outcomes.items():
                    those = sets.both(some, those)
                    if outcome.verdict == ACCEPT:
                        passing = sets.union(those, passing)
                        if outcome.text and not outcome.text.startswith("the policy of "):
                            through[outcome.text] = sets.union(those, through.get(outcome.text, ranges.NONE))
                    else:
                        refusing = sets.union(those, refusing)
                refused, risky = sets.without(some, passing), sets.both(refusing, passing)
                for outcome, those in sorted(outcomes.items(), key=lambda one: (one[0].verdict, one[0].text)):
                    if outcome.verdict == ACCEPT:
                        continue
                    if ended := sets.both(refused, those):
                        found.append((Fate(outcome.verdict, table.name, outcome.text, place, noted, (), goal), ended))
                        refused = sets.without(refused, ended)
                    if ended := sets.both(risky, those):
                        key = table.name, outcome.text, ""
                        reasons[key] = sets.union(ended, reasons.get(key, ranges.NONE))
                for text, those in walk.doubts.items():
                    if those := sets.both(risky, those):
                        reasons["", "", text] = sets.union(those, reasons.get(("", "", text), ranges.NONE))
                unsure = sets.union(risky, unsure)
                if number < len(met):
                    unknown = Fate(UNKNOWN, "", "", place, noted, (), goal)
                    passing = self._lose(walk.changed(NEW_SOURCE), passing, unknown, found)
                onward += walk.tracked(there, passing)
            flows = onward
        goes_on: Passing = []
        for there, some in flows:
            doubtful = sets.both(unsure, some)
            for names, those in self._parts(through, sets.without(some, doubtful)):
                goes_on.append((Fate(ACCEPT, "", "", place, noted, names, goal), there, those))
            for why, those in self._parts(reasons, doubtful):
                by, rule = next(((by, rule) for by, rule, _ in reversed(why) if by), ("", ""))
                texts = (*noted, *(text for _, _, text in why if text))
                goes_on.append((Fate(UNKNOWN, by, rule, place, texts, (), goal), there, those))
        return found, goes_on

    def _lose(self, changed: Mapping[str, Ranges], here: Ranges, fate: Fate, found: Fates) -> Ranges:
        """Takes out what rules rewrite, whose fate is not known; what is left."""
        for text, some in changed.items():
            if those := self._sets.both(here, some):
                found.append((replace(fate, assumptions=(*fate.assumptions, text)), those))
                here = self._sets.without(here, those)
        return here

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


def _seen(packet: Packet, hook: str, priority: int) -> Packet:
    """As a chain sees it: before the tracker has looked, and before it is known by which interface it leaves."""
    if hook == PREROUTING and priority < TRACKER and packet.states == NEW:
        return replace(packet, states=UNSEEN)
    return replace(packet, out="") if hook == ROUTING and packet.out else packet


def _after(before: Fate, fate: Fate) -> Fate:
    """What one that may be refused earlier meets next."""
    if fate.verdict in (DROP, REJECT):
        return fate
    if before.verdict != UNKNOWN:
        both = before.hook == FORWARD and fate.verdict == ACCEPT
        return replace(fate, through=tuple(dict.fromkeys((*before.through, *fate.through)))) if both else fate
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

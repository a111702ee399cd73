"""Why does a packet get in, or not? One packet -> the verdict, the line of the policy, and what was not looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..policy import Opening
from . import ranges
from .model import ACCEPT, DROP, FORWARD, ICMP, IN, OUT, PUBLISHED, REJECT, UNKNOWN, Model
from .questions import Answer, Packet, holds, judge
from .words import STRANGER, address_text, limit_text, ports_text, sample, sources_text
from .zones import LOOPBACK, zones

# What a policy cannot know.
UNSEEN = ("the provider's firewall", "rules of other programs on this host", "whether a program listens there")
HARMLESS = (REJECT, DROP, UNKNOWN, ACCEPT)  # of several packets, the first of these that one meets is told first


@dataclass(frozen=True)
class Explanation:
    """One packet, what becomes of it, and what that hangs on. `others`: what else it would meet, for people.
    `interface`: by which it was said to come in, '' for one that no line of the policy and no bridge is about."""

    packet: Packet
    answer: Answer
    assumptions: tuple[str, ...] = UNSEEN
    others: tuple[str, ...] = ()
    interface: str = ""


def stranger(made: Model, family: int) -> int:
    """An address that no line of the policy names, if there is one."""
    every = ranges.everything(family)
    named = {id(box.sources): box.sources for box in made.boxes if box.family == family and box.entry}
    named.update((id(refusal.sources), refusal.sources) for refusal in made.refusals if refusal.family == family)
    left = ranges.without(every, ranges.all_of(some for some in named.values() if some != every))
    return sample(left, family) if left else STRANGER[family]


def packets(
    made: Model,
    openings: Iterable[Opening],
    *,
    source: tuple[int, int] | None = None,
    destination: tuple[int, int] | None = None,
    interface: str = "",
    user: str = "",
    out: str = "",
) -> Iterator[Packet]:
    """The packets that a question is about. `source`, `destination`: family and address; without a source a stranger's,
    of both families. With a destination this host sends them, with a source too it forwards them."""
    given = source or destination
    direction = IN if not destination else FORWARD if source else OUT
    families = (given[0],) if given else (4, 6)
    for opening in openings:
        for family in families:
            if opening.proto in ICMP.values() and opening.proto != ICMP[family]:
                continue
            yield Packet(
                direction,
                family,
                opening.proto,
                opening.first,
                source[1] if source else 0 if destination else stranger(made, family),
                destination[1] if destination else 0,
                interface,
                user,
                out,
            )


def explain(made: Model, packet: Packet) -> Explanation:
    """One packet -> what becomes of it, and why. Without an interface it comes in by one that nothing names."""
    given = packet.interface
    packet = replace(packet, interface=given or zones(made.patterns)[0].sample)
    if packet.direction == FORWARD and not packet.out:
        packet = replace(packet, out=zones(made.out_patterns)[0].sample)
    elsewhere = made.published(packet.family, packet.proto, packet.interface)
    if packet.direction == IN and ranges.has(elsewhere, packet.port):
        packet = replace(packet, direction=PUBLISHED)
    answer = judge(made, packet)
    if not made.enabled:
        untouched = "enabled is false: nothing of vps-firewall filters on this host"
        return Explanation(packet, answer, UNSEEN, (untouched,), given)
    return Explanation(packet, answer, UNSEEN, tuple(_others(made, packet, answer)), given)


def _others(made: Model, packet: Packet, answer: Answer) -> Iterator[str]:
    """Who is let in by this port, or by which interface; and what a container's port would meet."""
    if packet.direction == FORWARD and answer.verdict != ACCEPT and not answer.refusal:
        yield from _routes(made, packet)
    if packet.direction not in (IN, PUBLISHED):
        return
    if answer.verdict != ACCEPT and not answer.refusal:
        for box in made.by_place.get((packet.direction, packet.family), ()):
            if not box.entry or not ranges.has(box.ports_of(packet.proto), packet.port):
                continue
            to = "" if ranges.has(box.sources, packet.source) else f" to {sources_text(box.sources, packet.family)}"
            on = "" if box.takes(packet.interface) else f" on {box.interface}"
            if to or on:
                yield f"{box.entry} opens it{to}{on}"
    behind = judge(made, replace(packet, direction=PUBLISHED))
    if answer.verdict != ACCEPT == behind.verdict and packet.proto in ("tcp", "udp") and packet.interface != LOOPBACK:
        yield f"where a container publishes this port, {behind.label} lets it in"


def _routes(made: Model, packet: Packet) -> Iterator[str]:
    """What would forward it, between other interfaces."""
    for box in made.by_place.get((packet.direction, packet.family), ()):
        there = replace(packet, interface=box.interface.rstrip("*"), out=box.out.rstrip("*"))
        if box.entry and holds(box, there):
            by = [f"from {box.interface}"] if box.interface else []
            yield f"{box.entry} forwards it {' '.join([*by, *([f'to {box.out}'] if box.out else [])])}".rstrip()


# --- for people and for programs ----------------------------------------------------------------------------


def lines(explanations: Sequence[Explanation]) -> list[str]:
    """Explanations -> sentences."""
    out = []
    for each in explanations:
        out.append(_sentence(each))
        out += [f"  {other}" for other in dict.fromkeys(each.others)]
    unseen = list(dict.fromkeys(text for each in explanations for text in each.assumptions))
    return [*out, f"not asked: {'; '.join(unseen)}"]


def _sentence(explanation: Explanation) -> str:
    packet, answer = explanation.packet, explanation.answer
    what = ports_text(packet.family, packet.proto, (packet.port, packet.port + 1))
    if packet.direction == OUT:
        who = f" by a program of {packet.user}'s" if packet.user == "root" else ""
        what += f" to {address_text(packet.family, packet.destination)}{who}"
    else:
        what += f" from {address_text(packet.family, packet.source)}"
    if packet.direction == FORWARD:
        what += f" to {address_text(packet.family, packet.destination)}"
    way = {OUT: "out", FORWARD: "through"}.get(packet.direction, "in")
    if answer.verdict == ACCEPT:
        by = f"{answer.label}" if answer.label else ""
        limit = f", {limit_text(answer.box)}" if answer.box and answer.limit else ""
        return f"accept: {what}: {by} lets it {way}{limit}"
    if answer.label:
        return f"{answer.verdict}: {what}: {answer.label} refuses it"
    return f"{answer.verdict}: {what}: no line of the policy lets it {way}"


def as_json(explanations: Sequence[Explanation]) -> dict[str, Any]:
    """Explanations -> that of the packet which fares worst, and all of them."""
    every = [_one(each) for each in explanations]
    worst = min(every, key=lambda one: HARMLESS.index(str(one["verdict"])))
    return {**worst, "packets": every}


def _one(explanation: Explanation) -> dict[str, Any]:
    packet, answer = explanation.packet, explanation.answer
    return {
        "verdict": answer.verdict,
        "entry": answer.entry or None,
        "rule": answer.label or None,
        "limit": answer.limit or None,
        "assumptions": list(explanation.assumptions),
        "others": list(explanation.others),
        "direction": packet.direction,
        "protocol": packet.proto,
        "port": packet.port,
        "from": address_text(packet.family, packet.source) if packet.direction != OUT else None,
        "to": address_text(packet.family, packet.destination) if packet.direction in (OUT, FORWARD) else None,
        "interface": explanation.interface or None,
        "out": packet.out or None,
    }

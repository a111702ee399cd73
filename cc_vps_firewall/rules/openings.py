"""Entries of a policy -> the rules that accept what they open, as few as they can be."""

from __future__ import annotations

from collections.abc import Iterable

from ..policy import ANYWHERE, EVERY_PROTOCOL, Entry, Opening
from .rule import Port, Rule


def opened(entries: Iterable[Entry], outgoing: bool = False) -> list[Rule]:
    """Entries -> accepting rules. Those that ask the same are one rule with all their ports: what a new
    packet meets grows with the number of different questions, not with the number of ports."""
    groups: dict[tuple[object, ...], list[Entry]] = {}
    for entry in entries:
        own_bucket = entry.path if entry.limit else ""
        key = (entry.peers, entry.limit, entry.interface, own_bucket)
        groups.setdefault(key, []).append(entry)
    return [rule for group in groups.values() for rule in accepting(group, outgoing)]


def accepting(entries: list[Entry], outgoing: bool) -> list[Rule]:
    """Entries that ask the same -> a rule for each protocol, with all ports. What goes out has its peers as
    destinations."""
    first = entries[0]
    labels: dict[str, list[str]] = {}
    ports: dict[str, list[Port]] = {}
    for entry in entries:
        for opening in entry.openings:
            labels.setdefault(opening.proto, []).append(entry.label)
            if opening.first:
                ports.setdefault(opening.proto, []).append(_port(opening, entry))
    return [
        Rule(
            ", ".join(dict.fromkeys(names)),
            "accept",
            proto="" if proto == EVERY_PROTOCOL.proto else proto,
            ports=merge(ports.get(proto, ())),
            sources=ANYWHERE if outgoing else first.peers,
            destinations=first.peers if outgoing else ANYWHERE,
            in_interface=first.interface,
            limit=first.limit,
        )
        for proto, names in labels.items()
    ]


def _port(opening: Opening, entry: Entry) -> Port:
    return Port(opening.first, opening.last, entry.label)


def merge(ports: Iterable[Port]) -> tuple[Port, ...]:
    """Sorted, and no two that overlap (a kernel set refuses those); neighbours stay apart, with their labels."""
    out: list[tuple[int, int, dict[str, None]]] = []
    for port in sorted(ports):
        if out and port.first <= out[-1][1]:
            first, last, labels = out[-1]
            labels[port.label] = None
            out[-1] = first, max(last, port.last), labels
        else:
            out.append((port.first, port.last, {port.label: None}))
    return tuple(Port(first, last, ", ".join(labels)) for first, last, labels in out)

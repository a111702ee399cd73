"""`ipset save` -> sets, of which a rule of iptables asks whether a packet is in one."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..policy import WIDTH, parse_network
from ..policy.networks import NotANetwork
from . import ranges
from .live import NUMBERS, SPORT, WITH_PORTS, Packet
from .ranges import Ranges

ADDRESSES = ("ip", "net")  # dimensions that are addresses
DEEPEST = 8  # lists of sets; the kernel takes no list in a list


@dataclass
class Held:
    """One set. `type`: what its elements are made of. `spans`: addresses of its elements, by (are they marked
    `nomatch`, their other dimensions); `merged` is made of them. `ports`: edges of all ports that it names."""

    type: tuple[str, ...]
    family: int = 4
    members: list[str] = field(default_factory=list)
    spans: dict[tuple[bool, tuple[str, ...]], list[tuple[int, int]]] = field(default_factory=dict)
    ports: set[int] = field(default_factory=set)
    merged: dict[tuple[bool, tuple[str, ...]], Ranges] = field(default_factory=dict)

    def addresses(self) -> Iterator[tuple[bool, tuple[str, ...], Ranges]]:
        """(nomatch, the other dimensions, addresses)."""
        for key, spans in self.spans.items():
            if key not in self.merged:
                self.merged[key] = ranges.all_of(spans)
            yield (*key, self.merged[key])


def sets(saved: str) -> dict[str, Held]:
    """Name -> set. What cannot be read of an element leaves its whole set out: a rule that asks for it is not known."""
    found: dict[str, Held] = {}
    broken = set()
    for line in saved.splitlines():
        words = line.split()
        if words[:1] == ["create"] and len(words) > 2:
            kind = words[2].partition(":")[2].split(",")
            found[words[1]] = Held(tuple(kind), 6 if "inet6" in words else 4)
        elif words[:1] == ["add"] and len(words) > 2 and words[1] in found:
            plain = line.partition(' comment "')[0].split()
            try:
                _add(found[words[1]], words[2], "nomatch" in plain[3:])
            except (ValueError, NotANetwork):
                broken.add(words[1])
    return {name: held for name, held in found.items() if name not in broken}


def _add(held: Held, element: str, nomatch: bool) -> None:
    if held.type == ("set",):
        held.members.append(element)
        return
    parts = element.split(",")
    if len(parts) != len(held.type):
        raise ValueError(element)
    span, others = (0, 1 << WIDTH[held.family]), []
    taken = False
    for kind, part in zip(held.type, parts):
        if kind in ADDRESSES and not taken:
            span, taken = _span(part), True
            others.append("")
        else:
            others.append(part)
            if kind == "port":
                first, last = _ports(part)[1:]
                held.ports.update((first, last + 1))
    held.spans.setdefault((nomatch, tuple(others)), []).append(span)


def _span(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if dash:
        return int(ipaddress.ip_address(first)), int(ipaddress.ip_address(last)) + 1
    family, number, prefix = parse_network(text)
    return number, number + (1 << (WIDTH[family] - prefix))


def _ports(text: str) -> tuple[str, int, int]:
    """'tcp:80-90' or '80' -> protocol, first, last."""
    protocol, _, numbers = text.rpartition(":")
    first, _, last = numbers.partition("-")
    return protocol, int(first), int(last or first)


def among(
    held: Held, directions: Sequence[str], packet: Packet, every: Mapping[str, Held], depth: int = 0
) -> bool | Ranges | None:
    """Is the packet in the set? Sources for whom it is, or None where that cannot be known."""
    if held.type == ("set",):
        return _members(held, directions, packet, every, depth)
    if held.family != packet.family or len(directions) < len(held.type):
        return None if held.family == packet.family else False
    address = next((at for at, kind in enumerate(held.type) if kind in ADDRESSES), -1)
    inside, outside = ranges.NONE, ranges.NONE
    for nomatch, others, addresses in held.addresses():
        for at, (kind, part, way) in enumerate(zip(held.type, others, directions)):
            if at == address:
                continue
            answer = _other(kind, part, way, packet)
            if answer is None:
                return None
            if not answer:
                break
        else:
            if address >= 0 and directions[address] == "dst":
                if not packet.destination:
                    return None
                there = ranges.has(addresses, int(ipaddress.ip_address(packet.destination)))
                addresses = ranges.everything(packet.family) if there else ranges.NONE
            if nomatch:
                outside = ranges.union(outside, addresses)
            else:
                inside = ranges.union(inside, addresses)
    return _nested(held, inside, outside)


def _nested(held: Held, inside: Ranges, outside: Ranges) -> Ranges | None:
    """`nomatch` takes addresses out of a wider network; what lies inside those again would need an order."""
    if not outside:
        return inside
    plain = [span for (nomatch, _), spans in held.spans.items() for span in spans if not nomatch]
    smallest = min((end - start for start, end in plain), default=0)
    widest = max(end - start for start, end in ranges.pairs(outside))
    return ranges.without(inside, outside) if smallest >= widest else None


def _other(kind: str, part: str, way: str, packet: Packet) -> bool | None:
    if kind == "port":
        protocol, first, last = _ports(part)
        if protocol and protocol not in (packet.protocol, str(NUMBERS.get(packet.protocol, ""))):
            return False
        port = packet.port if way == "dst" else SPORT
        return packet.protocol in WITH_PORTS and first <= port <= last
    if kind == "iface":
        name = part.rpartition(":")[2]
        return packet.interface == name if way == "src" and packet.interface and "physdev" not in part else None
    if kind in ADDRESSES and way == "dst" and packet.destination:
        start, end = _span(part)
        return start <= int(ipaddress.ip_address(packet.destination)) < end
    return None


def _members(
    held: Held, directions: Sequence[str], packet: Packet, every: Mapping[str, Held], depth: int
) -> bool | Ranges | None:
    """A list of sets holds what one of them does."""
    found = ranges.NONE
    for name in held.members:
        if name not in every or depth > DEEPEST:
            return None
        answer = among(every[name], directions, packet, every, depth + 1)
        if answer is None:
            return None
        if answer is True:
            return True
        found = ranges.union(found, answer or ranges.NONE)
    return found

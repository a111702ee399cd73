"""Connections that stand, and a model -> those that it would not let in, out or through."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from .model import ACCEPT, FORWARD, ICMP, IN, OTHER_PROTOCOLS, OUT, PUBLISHED, USERS, Model
from .questions import Packet, judge
from .words import address_text

TCP, UDP, ICMPS = 6, 17, (1, 58)
# IANA's protocol numbers -> the names that a policy has for them.
PROTOCOLS = {TCP: "tcp", UDP: "udp", 1: "icmp", 58: "icmpv6", 47: "gre", 50: "esp", 51: "ah", 112: "vrrp"}
LEASES = {67, 68, 546, 547}  # of DHCP: the base of every policy lets them pass
MULTICAST = {4: 0xE0000000, 6: 0xFF << 120}  # and what comes behind it, broadcasts of IPv4 among it
LINK_LOCAL = 0xFE80 << 112, 0xFEC0 << 112


@dataclass(frozen=True)
class Flow:
    """One direction of a connection: addresses as numbers, ports. Of ICMP `dport` is the type."""

    family: int
    proto: int
    source: int
    destination: int
    sport: int = 0
    dport: int = 0


@dataclass(frozen=True)
class Connection:
    """`original`: as its first packet was sent; `reply`: as the other side answers, NAT undone. `master`: what it
    belongs to, where a helper expected it. `handle`: how the kernel finds it; empty where it tracks no such thing.
    `mark`: that of the tracker."""

    original: Flow
    reply: Flow
    master: Flow | None = None
    handle: bytes = b""
    mark: int = 0

    def __str__(self) -> str:
        first = self.original
        name = PROTOCOLS.get(first.proto, f"protocol {first.proto}")
        ends = ((first.source, first.sport), (first.destination, first.dport))
        with_ports = first.proto not in ICMPS and (first.sport or first.dport)
        one, other = (_end(first.family, *end) if with_ports else address_text(first.family, end[0]) for end in ends)
        return f"{name} from {one} to {other}"


def _end(family: int, address: int, port: int) -> str:
    text = address_text(family, address)
    return f"[{text}]:{port}" if family == 6 else f"{text}:{port}"


@dataclass(frozen=True)
class Here:
    """What a host knows of itself. `addresses`: its own, with their families; `listening`: TCP ports; `ephemeral`: the
    first and the last port that it begins connections from; `ways`: an address -> the interfaces by which it may be
    reached, none where it cannot be."""

    addresses: Collection[tuple[int, int]]
    listening: Collection[int]
    ephemeral: tuple[int, int]
    ways: Callable[[int, int], Sequence[str]]

    def has(self, family: int, address: int) -> bool:
        """Is this address this host's own?"""
        return (family, address) in self.addresses or (family == 4 and address >> 24 == 127)

    def ends(self, one: Connection) -> bool:
        """Is this host itself one of its ends?"""
        return any(self.has(flow.family, flow.source) for flow in (one.original, one.reply))

    def began(self, port: int) -> bool:
        """Is this a port that a program here got when it began a connection?"""
        return self.ephemeral[0] <= port <= self.ephemeral[1] and port not in self.listening


def not_let_through(made: Model, connections: Collection[Connection], here: Here) -> list[Connection]:
    """Those of these connections that could not begin now. What cannot be judged is not among them: leases, multicast,
    what nobody has a route to."""
    ended = [one for one in connections if not one.master and not _passes(made, one, here)]
    gone = {one.original for one in ended}
    return [*ended, *(one for one in connections if one.master in gone)]


def _passes(made: Model, one: Connection, here: Here) -> bool:
    first = one.original
    if (first.proto == UDP and LEASES & {first.sport, first.dport}) or _nobodys(first):
        return True
    begun_here = here.has(first.family, first.source)
    ends_here = here.has(one.reply.family, one.reply.source)
    if begun_here and (ends_here or first.proto in ICMPS):
        return True
    asked = list(_packets(one, here, begun_here, ends_here))
    return not asked or any(judge(made, packet).verdict == ACCEPT for packet in asked)


def _nobodys(flow: Flow) -> bool:
    return not flow.source or flow.destination >= MULTICAST[flow.family]


def _packets(one: Connection, here: Here, begun_here: bool, ends_here: bool) -> Iterator[Packet]:
    """Packets of which one has to be let through; none where nobody can tell."""
    first, reply = one.original, one.reply
    proto = PROTOCOLS.get(first.proto, OTHER_PROTOCOLS)
    ports = {"tcp", "udp"}
    if begun_here:
        sent = Packet(OUT, first.family, proto, reply.sport if proto in ports else 0, destination=reply.source)
        yield from (replace(sent, user=user) for user in USERS)
        if proto in ports:  # or, of what the tracker first saw an answer
            yield from _coming(Packet(IN, first.family, proto, first.sport, reply.source), here)
        return
    port = first.dport if proto in (*ports, ICMP[first.family]) else 0
    came = Packet(IN, first.family, proto, port, first.source)
    if ends_here:
        yield from _coming(replace(came, port=reply.sport) if proto in ports else came, here)
    elif (first.destination, first.dport) != (reply.source, reply.sport) and proto in ports:
        yield from _coming(replace(came, direction=PUBLISHED), here)
    else:
        through = replace(came, direction=FORWARD, destination=first.destination)
        for packet in _coming(through, here):
            yield from (replace(packet, out=name) for name in here.ways(first.family, reply.source))


def _coming(packet: Packet, here: Here) -> Iterator[Packet]:
    yield from (replace(packet, interface=name) for name in here.ways(packet.family, packet.source))


def ambiguous(family: int, address: int) -> bool:
    """Does no route tell by which interface this address is reached?"""
    return family == 6 and LINK_LOCAL[0] <= address < LINK_LOCAL[1]


def described(connections: Iterable[Connection], most: int) -> list[str]:
    """Connections -> lines for people."""
    texts = list(dict.fromkeys(map(str, connections)))
    return texts[:most] + ([f"and {len(texts) - most:,} more"] if len(texts) > most else [])

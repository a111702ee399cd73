"""Policy -> Model: the first, well-formed packets of connections that it lets through, as boxes.

A policy's openings are a union without an order (decision 0002), and `deny` is subtracted from all of it: so a box for
each of them, and one set of refused sources, are all that it means. It is made of the policy as its owner wrote it, not
of the rules, so that each can be held against the other. What it leaves out is told in docs/reference/algebra.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from ..policy import EVERY_PROTOCOL, EVERYTHING, WIDTH, Entry, Net, Policy, Publication, Route
from ..policy.interfaces import same_interface
from ..rules.ruleset import (
    AZURE,
    ECHO_REQUEST,
    ECHO_REQUEST_V6,
    LOOPBACK4,
    LOOPBACK6,
    METADATA_TCP,
    METADATA_UDP,
    ORACLE_DISK,
    PING_LIMIT,
    bridges,
    no_bridges,
)
from . import ranges
from .ranges import Ranges
from .zones import LOOPBACK

# What a packet is on its way to. PUBLISHED: to a port of this host that a container is behind; FORWARD: from one
# interface to another; OUT: sent by a program on this host.
IN, PUBLISHED, FORWARD, OUT = DIRECTIONS = ("in", "published", "forward", "out")
INWARDS = (IN, PUBLISHED)
ACCEPT, DROP, REJECT, UNKNOWN = "accept", "drop", "reject", "unknown"
ROOT, OTHERS = USERS = ("root", "others")  # whose program sends it, where that is asked
ICMP = {4: "icmp", 6: "icmpv6"}
ECHO = {4: ECHO_REQUEST, 6: ECHO_REQUEST_V6}
TRANSPORTS = ("tcp", "udp")
THE_REST = "but tcp and udp"
OTHER_PROTOCOLS = "other"  # whatever no line of a policy names
# How far the numbers go that a protocol has in place of ports: types for ICMP.
LAST = {"tcp": 65535, "udp": 65535, "sctp": 65535, "dccp": 65535, "udplite": 65535, "icmp": 255, "icmpv6": 255}


def last_port(proto: str) -> int:
    return LAST.get(proto, 0)


@dataclass(frozen=True, eq=False)
class Box:
    """Packets that one line of the policy, or of its base, lets through: all conditions hold.

    `entry`: the path of that line, '' for the base. `proto`: '' for every protocol, with all its ports; THE_REST for
    all but TCP and UDP. `ports`: first and last, two zeros where there are none. `interface`: by which they come in, a
    name or a pattern, '' for any; never one that `but` takes. `out`, `out_but`: the same of the one that they leave by,
    which is asked of what is forwarded. `user`: whose program sends it, '' for anybody. `limit`: how many of them, ''
    for all, counted for each source or, `shared`, for all together. `verdict`: ACCEPT, but for the guards of a model.
    """

    direction: str
    family: int
    entry: str
    label: str
    proto: str = ""
    ports: tuple[int, int] = (0, 0)
    sources: Ranges = ()
    destinations: Ranges = ()
    interface: str = ""
    but: tuple[str, ...] = ()
    out: str = ""
    out_but: tuple[str, ...] = ()
    user: str = ""
    limit: str = ""
    shared: bool = False
    verdict: str = ACCEPT

    def takes(self, interface: str) -> bool:
        """Packets that come in by this interface?"""
        return same_interface(self.interface, interface) and not any(same_interface(p, interface) for p in self.but)

    def leaves(self, interface: str) -> bool:
        """Packets that leave by this interface?"""
        return same_interface(self.out, interface) and not any(same_interface(p, interface) for p in self.out_but)

    def ports_of(self, proto: str) -> Ranges:
        """The ports of this protocol that it is about; none where it is about another."""
        if not self.proto or (self.proto == THE_REST and proto not in TRANSPORTS):
            return (0, last_port(proto) + 1)
        return (self.ports[0], self.ports[1] + 1) if proto == self.proto else ranges.NONE


@dataclass(frozen=True, eq=False)
class Refusal:
    """Sources whose packets are dropped whatever else is said. `but`: interfaces where they are not."""

    directions: tuple[str, ...]
    family: int
    entry: str
    label: str
    sources: Ranges
    but: str = ""

    def takes(self, interface: str) -> bool:
        return not (self.but and same_interface(self.but, interface))


@dataclass(frozen=True, eq=False)
class Model:
    """What a policy lets through: what is in a box, and in no refusal. `guards`: of what is in none, what is refused by
    a line that says so, for who asks why. `enabled`: does it say anything at all? `publications`: what leads a port of
    this host elsewhere."""

    boxes: tuple[Box, ...]
    refusals: tuple[Refusal, ...]
    guards: tuple[Box, ...] = ()
    enabled: bool = True
    publications: tuple[Publication, ...] = ()

    @cached_property
    def patterns(self) -> frozenset[str]:
        """Every interface that a verdict may hang on."""
        return frozenset(name for box in self.boxes for name in (box.interface, *box.but))

    @cached_property
    def out_patterns(self) -> frozenset[str]:
        """Every interface to leave by that a verdict may hang on."""
        return frozenset(name for box in self.boxes for name in (box.out, *box.out_but))

    @cached_property
    def by_place(self) -> dict[tuple[str, int], tuple[Box, ...]]:
        """Direction and family -> boxes."""
        found: dict[tuple[str, int], list[Box]] = {}
        for box in self.boxes:
            found.setdefault((box.direction, box.family), []).append(box)
        return {place: tuple(those) for place, those in found.items()}

    def published(self, family: int, proto: str, interface: str) -> Ranges:
        """Ports of this host that lead elsewhere, for what comes in by this interface: PUBLISHED says who reaches them,
        and not IN."""
        found = ranges.NONE
        for each in self.publications:
            if (each.family, each.opening.proto) == (family, proto) and same_interface(each.interface, interface):
                found = ranges.union(found, (each.opening.first, each.opening.last + 1))
        return found

    def refused(self, direction: str, family: int, interface: str) -> list[Refusal]:
        """What is refused there."""
        return [r for r in self.refusals if direction in r.directions and r.family == family and r.takes(interface)]


def model(policy: Policy) -> Model:
    """Policy -> what it lets through."""
    if not policy.enabled:
        return Model(tuple(_untouched()), (), enabled=False)
    made = _Boxes(policy)
    return Model(tuple(made.all()), tuple(made.refusals()), tuple(made.guards()), publications=policy.publish)


def _untouched() -> Iterator[Box]:
    for family in WIDTH:
        every = ranges.everything(family)
        for direction in DIRECTIONS:
            yield Box(direction, family, "enabled", "enabled: false", sources=every, destinations=every)


@dataclass(eq=False)
class _Boxes:
    """Makes the boxes of one policy; a long list that many entries name becomes ranges once."""

    policy: Policy
    known: dict[int, Ranges] = field(default_factory=dict)

    def all(self) -> Iterator[Box]:
        for family in WIDTH:
            every = ranges.everything(family)
            yield Box(IN, family, "", "base: loopback", sources=every, destinations=every,
                      interface=LOOPBACK)  # fmt: skip
            if self.policy.ping:
                echo = (ECHO[family], ECHO[family])
                yield Box(IN, family, "ping", "ping", ICMP[family], echo, every, every,
                          limit=str(PING_LIMIT), shared=True)  # fmt: skip
            yield from self._entries(IN, family, self.policy.entries)
            yield from self._from_bridges(family)
            yield from self._published(family)
            yield from (box for each in self.policy.route for box in self._routed(each, family))
            yield from self._leaving(family)

    def refusals(self) -> Iterator[Refusal]:
        for family, loopback in ((4, LOOPBACK4), (6, LOOPBACK6)):
            yield Refusal((IN,), family, "", "base: spoofed loopback", self._of(loopback.of(family), family), LOOPBACK)
            if denied := self.policy.deny.of(family):
                directions = (IN, PUBLISHED, FORWARD)
                yield Refusal(directions, family, "deny", "deny", self._of(denied, family), LOOPBACK)

    def guards(self) -> Iterator[Box]:
        """What the guard of the metadata service refuses: a local program's TCP is told so."""
        for family in WIDTH:
            every, services = ranges.everything(family), self._guarded_services(family)
            if services:
                for proto, verdict in (("tcp", REJECT), ("udp", DROP)):
                    yield Box(OUT, family, "metadata", "metadata: root", proto, (0, 65535), every, services,
                              user=OTHERS, verdict=verdict)  # fmt: skip
                    yield Box(FORWARD, family, "metadata", "metadata: root", proto, (0, 65535), every, services,
                              verdict=DROP)  # fmt: skip

    def _of(self, nets: Sequence[Net], family: int) -> Ranges:
        if nets == EVERYTHING:
            return ranges.everything(family)
        if id(nets) not in self.known:
            self.known[id(nets)] = ranges.of_networks(nets, family)
        return self.known[id(nets)]

    def _entries(self, direction: str, family: int, entries: Iterable[Entry]) -> Iterator[Box]:
        every = ranges.everything(family)
        for entry in entries:
            peers = self._of(entry.peers.of(family), family)
            if not peers:
                continue
            for opening in entry.openings:
                if opening.proto in set(ICMP.values()) - {ICMP[family]}:
                    continue
                yield Box(
                    direction, family, entry.path, entry.label,
                    "" if opening == EVERY_PROTOCOL else opening.proto,
                    (opening.first, opening.last),
                    sources=peers if direction in INWARDS else every,
                    destinations=every if direction in INWARDS else peers,
                    interface=entry.interface,
                    limit=str(entry.limit or ""),
                )  # fmt: skip

    def _from_bridges(self, family: int) -> Iterator[Box]:
        """What containers ask this host's resolver and DHCP server, and what they send elsewhere."""
        every, kept_out = ranges.everything(family), no_bridges(self.policy)
        services = self._guarded_services(family)
        for bridge in bridges(self.policy):
            for proto, port in (("tcp", 53), ("udp", 53), ("udp", 67), ("udp", 547)):
                yield Box(IN, family, "", "containers: DNS and DHCP", proto, (port, port), every, every,
                          bridge, kept_out)  # fmt: skip
            label = "containers: from their own bridges"
            yield Box(PUBLISHED, family, "", label, "", (0, 0), every, every, bridge, kept_out)
            sent = Box(FORWARD, family, "", label, "", (0, 0), every, every, bridge, kept_out)
            for box in self._outgoing_of(sent, family):
                yield from self._without_services(box, services)

    def _outgoing_of(self, sent: Box, family: int) -> Iterator[Box]:
        """A box of what containers send -> what of it may go on."""
        if not self.policy.contained:
            yield sent
            return
        kept_out = no_bridges(self.policy)
        for bridge in bridges(self.policy):
            yield replace(sent, label="containers: to their own bridges", out=bridge, out_but=kept_out)
        of_all = self.policy.metadata_services.of(family) if self.policy.metadata == "all" else ()
        if services := self._of(of_all, family):
            yield replace(sent, entry="metadata", label="metadata", proto="tcp", ports=(0, 65535),
                          destinations=services)  # fmt: skip
        for box in self._entries(FORWARD, family, self.policy.outgoing or ()):
            yield replace(box, interface=sent.interface, but=sent.but)

    def _published(self, family: int) -> Iterator[Box]:
        if self.policy.containers == "guard":
            guarded = self._entries(PUBLISHED, family, self.policy.allow)
            yield from (box for box in guarded if box.proto in ("", *TRANSPORTS))
        else:
            yield from self._left_alone(family)
        every = ranges.everything(family)
        for each in self.policy.publish:
            if each.family == family and (peers := self._of(each.peers.of(family), family)):
                opening = each.opening
                yield Box(PUBLISHED, family, each.path, each.label, opening.proto, (opening.first, opening.last),
                          peers, every, each.interface, limit=str(each.limit or ""))  # fmt: skip

    def _routed(self, route: Route, family: int) -> Iterator[Box]:
        sources, destinations = (self._of(some.of(family), family) for some in (route.sources, route.destinations))
        if not (sources and destinations):
            return
        for opening in route.openings:
            if opening.proto in set(ICMP.values()) - {ICMP[family]}:
                continue
            proto = "" if opening == EVERY_PROTOCOL else opening.proto
            box = Box(FORWARD, family, route.path, route.label, proto, (opening.first, opening.last), sources,
                      destinations, route.in_interface, out=route.out_interface)  # fmt: skip
            yield from self._without_services(box, self._guarded_services(family))

    def _left_alone(self, family: int) -> Iterator[Box]:
        """Every port that a container publishes, less those that the policy itself does."""
        every = ranges.everything(family)
        own = [each.opening for each in self.policy.publish if each.family == family]
        if not own:
            yield Box(PUBLISHED, family, "containers", "containers: ignore", "", (0, 0), every, every)
            return
        yield Box(PUBLISHED, family, "containers", "containers: ignore", THE_REST, (0, 0), every, every)
        for proto in TRANSPORTS:
            edges = sorted((o.first, o.last) for o in own if o.proto == proto)
            starts, ends = [0, *(last + 1 for _, last in edges)], [*(first - 1 for first, _ in edges), 65535]
            for span in zip(starts, ends):
                if span[0] <= span[1]:
                    yield Box(PUBLISHED, family, "containers", "containers: ignore", proto, span, every, every)

    def _leaving(self, family: int) -> Iterator[Box]:
        every = ranges.everything(family)
        if self.policy.outgoing is None:
            accepted = Box(OUT, family, "outgoing", "outgoing: accept", "", (0, 0), every, every)
            yield from self._guard(accepted, family)
            return
        loopback = self._of((LOOPBACK4 if family == 4 else LOOPBACK6).of(family), family)
        yield Box(OUT, family, "", "base: loopback", "", (0, 0), every, loopback)
        user = ROOT if self.policy.metadata == "root" else ""
        services = self._of(self.policy.metadata_services.of(family), family)
        for entry, label, peers, port, who in (
            ("metadata", "metadata", services, (0, 65535), user),
            ("", "base: Azure's agent", self._of(AZURE.of(family), family), (0, 65535), ROOT),
            ("", "base: Oracle's root disk", self._of(ORACLE_DISK.of(family), family), (3260, 3260), ROOT),
        ):
            if peers:
                yield Box(OUT, family, entry, label, "tcp", port, every, peers, user=who)
        for box in self._entries(OUT, family, self.policy.outgoing):
            yield from self._guard(box, family)

    def _guarded_services(self, family: int) -> Ranges:
        """Addresses of the cloud's metadata services that not everybody may reach."""
        if self.policy.metadata == "all":
            return ranges.NONE
        return self._of(self.policy.metadata_services.of(family), family)

    def _guard(self, box: Box, family: int) -> Iterator[Box]:
        """A box of what leaves -> the same for root, and for others without the metadata service."""
        services = self._guarded_services(family)
        if not ranges.both(box.destinations, services):
            yield box
            return
        yield replace(box, user=ROOT)
        yield from self._without_services(replace(box, user=OTHERS), services)

    def _without_services(self, box: Box, services: Ranges) -> Iterator[Box]:
        """A box -> the same without the metadata service."""
        if not ranges.both(box.destinations, services):
            yield box
            return
        for proto, (first, last), destinations in _guarded(box.destinations, services):
            if not box.proto:
                yield replace(box, proto=proto, ports=(first, last), destinations=destinations)
            elif proto == box.proto or (proto == THE_REST and box.proto not in TRANSPORTS):
                ports = (max(first, box.ports[0]), min(last, box.ports[1])) if proto == box.proto else box.ports
                if ports[0] <= ports[1]:
                    yield replace(box, ports=ports, destinations=destinations)


def _guarded(destinations: Ranges, services: Ranges) -> Iterator[tuple[str, tuple[int, int], Ranges]]:
    """Everything to `destinations` but what the metadata guard refuses -> protocol, ports, destinations."""
    rest = ranges.without(destinations, services)
    for proto, stays in (("tcp", METADATA_TCP), ("udp", METADATA_UDP)):
        yield proto, (0, 65535), rest
        if rest != destinations:
            for port in stays:
                yield proto, (port, port), destinations
    yield THE_REST, (0, 0), destinations

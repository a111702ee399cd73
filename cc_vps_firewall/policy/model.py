"""Policy: what the owner wrote, resolved. Every later step starts from this value and from nothing else of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .interfaces import same_interface
from .networks import ANYWHERE, EVERYTHING, NOWHERE, WIDTH, Sources, covers, network_text, parse_network

KEY = "vps_firewall"
PERIODS = ("second", "minute", "hour", "day")
MAX_RATE = 10_000  # xt_limit counts in 1/10000 s (iptables-extensions(8): "Rate too fast" above it)


@dataclass(frozen=True)
class Limit:
    """`count` per `period`; as many at once are let through before the rate counts."""

    count: int
    period: str

    def __str__(self) -> str:
        return f"{self.count}/{self.period}"


@dataclass(frozen=True, order=True)
class Opening:
    """Ports first..last of tcp or udp; a protocol without ports has 0..0, and so has EVERY_PROTOCOL."""

    proto: str
    first: int = 0
    last: int = 0

    @property
    def ports(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    def __str__(self) -> str:
        return f"{self.ports}/{self.proto}" if self.first else self.proto

    def covers(self, other: Opening) -> bool:
        """Does it open all that another one does?"""
        same = self.proto == other.proto and self.first <= other.first and other.last <= self.last
        return same or self == EVERY_PROTOCOL


EVERY_PROTOCOL = Opening("all")  # what `service: all` opens


@dataclass(frozen=True)
class Entry:
    """One line of `allow` (or `ssh`, or `outgoing.allow`): what it opens, to whom, how fast.

    `peers` are sources for what comes in and destinations for what goes out.
    """

    path: str
    name: str
    openings: tuple[Opening, ...]
    peers: Sources = ANYWHERE
    limit: Limit | None = None
    interface: str = ""
    comment: str = ""

    @property
    def label(self) -> str:
        said = f"{self.path} {self.name}".rstrip()
        return f"{said}: {self.comment}" if self.comment else said


@dataclass(frozen=True)
class Expectation:
    """One item of a test: where it stands, how it is written, and what that is."""

    path: str
    name: str
    openings: tuple[Opening, ...]


@dataclass(frozen=True)
class PolicyTest:
    """What must and must not get in. `others`: not `sources` are meant, but everybody else. `interface`: by which, a
    name or a pattern; '' for one that no line of the policy and no bridge is about. `unknown`: why nobody can tell."""

    path: str
    sources: Sources
    others: bool
    allowed: tuple[Expectation, ...] = ()
    denied: tuple[Expectation, ...] = ()
    interface: str = ""
    unknown: str = ""


@dataclass(frozen=True)
class Publication:
    """One line of `publish`: a port of this host that `to` serves, an address as a number of this `family`, on its port
    `to_port`; 0 for the same port."""

    path: str
    opening: Opening
    family: int
    to: int
    to_port: int = 0
    peers: Sources = ANYWHERE
    limit: Limit | None = None
    interface: str = ""
    masquerade: bool = False
    comment: str = ""

    @property
    def label(self) -> str:
        said = f"{self.path} {self.opening}"
        return f"{said}: {self.comment}" if self.comment else said

    @property
    def goal(self) -> str:
        """Where it leads, for people."""
        address = network_text(self.family, (self.to, WIDTH[self.family]))
        port = f":{self.to_port}" if self.to_port else ""
        return f"[{address}]{port}" if port and self.family == 6 else address + port


@dataclass(frozen=True)
class Route:
    """One line of `route`: what is forwarded. `openings`: EVERY_PROTOCOL where it names none. `masquerade`: the
    families over which this host stands for who sends it."""

    path: str
    name: str
    openings: tuple[Opening, ...] = (EVERY_PROTOCOL,)
    in_interface: str = ""
    out_interface: str = ""
    sources: Sources = ANYWHERE
    destinations: Sources = ANYWHERE
    masquerade: tuple[int, ...] = ()
    comment: str = ""

    @property
    def label(self) -> str:
        said = f"{self.path} {self.name}".rstrip()
        return f"{said}: {self.comment}" if self.comment else said

    @property
    def families(self) -> tuple[int, ...]:
        """Those that it has sources and destinations of."""
        return tuple(f for f in WIDTH if self.sources.of(f) and self.destinations.of(f))


@dataclass(frozen=True)
class Policy:
    """What the owner wrote, resolved: no names left, both families sorted out."""

    enabled: bool = True
    backend: str = "auto"
    ssh: Entry | None = None
    allow: tuple[Entry, ...] = ()
    deny: Sources = NOWHERE
    ping: bool = True
    malformed: str = "drop"
    flood: str = "guard"
    outgoing: tuple[Entry, ...] | None = None
    outgoing_containers: str = "guard"
    publish: tuple[Publication, ...] = ()
    route: tuple[Route, ...] = ()
    metadata: str = "root"
    metadata_services: Sources = NOWHERE  # what `metadata` is about, on the cloud that this is for
    containers: str = "guard"
    bridges: tuple[str, ...] = ()  # of containers, beside those of known names
    uplinks: tuple[str, ...] = ()  # the host's interfaces that hold a default route
    log: Limit | None = field(default=Limit(3, "minute"))
    tests: tuple[PolicyTest, ...] = ()
    unused: tuple[str, ...] = ()  # lists that nothing names
    only_tested: frozenset[str] = frozenset()  # lists that nothing but tests has a use for

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Everything that lets something in: ssh first."""
        return ((self.ssh,) if self.ssh else ()) + self.allow

    @property
    def trusted(self) -> tuple[str, ...]:
        """Interfaces whose packets come in, or are forwarded, whatever they are."""
        return (*(e.interface for e in self.allow if e.interface and EVERY_PROTOCOL in e.openings), *self.bridges)

    @property
    def interfaces(self) -> tuple[str, ...]:
        """Names and patterns of interfaces that it is about."""
        routed = (name for each in self.route for name in (each.in_interface, each.out_interface))
        return (*(e.interface for e in self.entries), *(p.interface for p in self.publish), *routed)

    @property
    def contained(self) -> bool:
        """Is what containers send asked of `outgoing`?"""
        return self.outgoing is not None and self.outgoing_containers == "guard"

    @property
    def forwards(self) -> tuple[int, ...]:
        """The families that this host is to forward."""
        routed = {family for each in self.route for family in each.families}
        return tuple(sorted({each.family for each in self.publish} | routed))

    def admits(self, source: str, proto: str, port: int, interface: str = "") -> bool:
        """Would a first, well-formed packet from `source` to `port` get in? Limits are left aside."""
        family, net, _ = parse_network(source)
        if covers(self.deny.of(family), (net, WIDTH[family]), family):
            return False
        return any(
            o.covers(Opening(proto, port, port))
            for e in self.entries
            if same_interface(e.interface, interface) and covers(e.peers.of(family), (net, WIDTH[family]), family)
            for o in e.openings
        )


# What stands when nothing better can: SSH and what the network needs (DESIGN 5).
BUILT_IN: Mapping[str, object] = {"ping": False, "flood": "ignore"}


def open_to(wanted: Policy) -> dict[str, list[dict[str, str]]]:
    """What is open to whom, per family, for people and programs."""
    published = [
        Entry(each.path, "published", (each.opening,), each.peers.alone(each.family), each.limit, each.interface)
        for each in wanted.publish
    ]
    entries = (*wanted.entries, *published)
    return {f"ipv{family}": [line for entry in entries if (line := _line(entry, family))] for family in (4, 6)}


def _line(entry: Entry, family: int) -> dict[str, str]:
    nets = entry.peers.of(family)
    if not nets:
        return {}
    shown = [network_text(family, net) for net in nets[:3]]
    more = f" and {len(nets) - 3} more" if len(nets) > 3 else ""
    line = {
        "ports": ", ".join(map(str, entry.openings)),
        "from": "anywhere" if nets == EVERYTHING else ", ".join(shown) + more,
        "policy": entry.path,
    }
    if entry.name:
        line["name"] = entry.name
    if entry.limit:
        line["limit"] = str(entry.limit)
    if entry.interface:
        line["interface"] = entry.interface
    return line


def read_opening(text: str) -> Opening:
    """A line of the service table: '80/tcp', '60000-61000/udp' or 'esp'."""
    ports, slash, proto = text.partition("/")
    if not slash:
        return Opening(text)
    first, _, last = ports.partition("-")
    return Opening(proto, int(first), int(last or first))

"""Policy -> Ruleset: neutral rules in the order of their verdicts, for either backend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ..policy import WIDTH, Entry, Limit, Policy, Publication, Route, Sources
from ..policy.interfaces import BRIDGES, UPLINKS, names_uplink, same_interface
from .openings import accepting, opened
from .rule import Chain, Port, Rule, Ruleset

# What stays of a metadata service for everybody: names, leases and time. On Google's cloud and on Azure all three live
# on its address, and those who ask are not root: systemd-networkd, systemd-resolved, chrony.
METADATA_TCP, METADATA_UDP = (53,), (53, 67, 123)
AZURE = Sources(((0xA83F8110, 32),), ())  # 168.63.129.16: DHCP, DNS and the agent's web server
ORACLE_DISK = Sources(((0xA9FE0002, 32),), ())  # 169.254.0.2: the root disk's iSCSI
LINK_LOCAL = Sources((), ((0xFE80 << 112, 10),))  # fe80::/10
UNSPECIFIED = Sources((), ((0, 128),))  # ::
BROADCAST = Sources(((0xFFFFFFFF, 32),), ())  # 255.255.255.255
LOOPBACK4 = Sources(((0x7F000000, 8),), ())  # 127.0.0.0/8
LOOPBACK6 = Sources((), ((1, 128),))  # ::1

# ICMP (RFC 792) and ICMPv6 types, by the names of IANA's registers.
PATH_MTU, PATH_MTU_V6 = 3, 2  # destination unreachable, of which "fragmentation needed" is one; packet too big
NEIGHBOUR = (133, 134, 135, 136)  # router and neighbour solicitation and advertisement (RFC 4861)
LISTENER = (130, 131, 132, 143)  # multicast listener query, report, done, report v2 (RFC 2710, RFC 3810)
LISTENER_REPORT_V2 = (143,)
ECHO_REQUEST, ECHO_REQUEST_V6 = 8, 128

# SYNs to open ports that are tracked; those beyond it get the kernel's cookie, and no entry in the tracker's table.
TRACKED_SYNS, BURST = Limit(200, "second"), 400
SYN = ("fin,syn,rst,ack", "syn")
ACK = ("syn,rst,ack", "ack")  # what comes once a handshake is answered
PING_LIMIT = Limit(100, "second")  # for all sources together: nobody may turn the host into a reflector


def build(policy: Policy) -> Ruleset:
    """Policy -> the chains that enforce it."""
    here, forwarded = opened(policy.entries), _forwarded_openings(policy)
    limiters = _limiters([*here, *forwarded], policy)
    judge = [JUDGE] if _counted(here, limiters) else []
    answers = [JUDGE_ANSWERS] if judge else []
    judged = [replace(JUDGE, original=True)] if _counted(forwarded, limiters) else []
    chains = [
        Chain("essential", _essential()),
        Chain("malformed", _malformed(policy)),
        Chain("bridges", _bridges(policy)),
        Chain("to_bridges", _bridges(policy, outwards=True) if policy.contained else ()),
        Chain("containers_outgoing", _containers_outgoing(policy)),
        Chain("containers", _bridges(policy, "containers_outgoing") if policy.contained else ()),
        *_limits(limiters),
        Chain("incoming", _incoming(policy, _count(here, limiters))),
        Chain("published", _count(forwarded, limiters)),
        Chain("publish_alone", _publish_alone(policy, limiters)),
        Chain("routed", _routed(policy)),
        Chain("forwarded", _forwarded(policy)),
        Chain("metadata", _metadata(policy, "reset", uid_root=False)),
        Chain("metadata_forwarded", _metadata(policy, "drop")),
        Chain("outgoing", _outgoing(policy)),
        Chain("input", _input(policy, judge), "input", "drop"),
        Chain(
            "forward",
            (*_clamp(policy), *judged, REPLIES, Rule("base: what is forwarded", "forwarded")),
            "forward",
            "drop",
        ),
        Chain("output", _output(policy, answers), "output", "accept" if policy.outgoing is None else "drop"),
    ]
    chains += _translating(policy)
    if guards(policy):
        chains += _untracked(policy)
    empty = {c.name for c in chains if not c.rules}
    wanted = {r.verdict for c in chains for r in c.rules} - empty
    return Ruleset(
        tuple(
            replace(c, rules=tuple(r for r in c.rules if r.verdict not in empty))
            for c in chains
            if c.hook or c.name in wanted
        )
    )


# By protocol, so that a TCP packet does not walk through the chain.
ESSENTIALS = (
    Rule("base: essentials", "essential", 4, "icmp"),
    Rule("base: essentials", "essential", 6, "icmpv6"),
    Rule("base: essentials", "essential", 0, "udp"),
)
REPLIES = Rule("base: replies", "accept", state="established,related")
INVALID = Rule("malformed: INVALID", "drop", state="invalid")


def _input(policy: Policy, judge: Iterable[Rule]) -> tuple[Rule, ...]:
    # A reply meets three rules, in either family. ::1 comes fourth: the kernel itself lets no ::1 in from
    # a wire (RFC 4291 2.5.3), 127.0.0.0/8 it does where route_localnet is on.
    return (
        Rule("base: loopback", "accept", in_interface="lo"),
        Rule("base: spoofed loopback", "drop", sources=LOOPBACK4),
        *judge,
        REPLIES,
        Rule("base: spoofed loopback", "drop", sources=LOOPBACK6),
        Rule("base: what comes in", "incoming"),
    )


def _essential() -> tuple[Rule, ...]:
    """What IPv4 and IPv6 need to work at all (RFC 4890 4.4), and no tracker knows as a reply.

    Errors are replies where they are about something that this host sent. Any other one is forged, and the kernel would
    believe it: quoting an echo reply it sets the path MTU to any address. Who takes a flow out of the tracker takes the
    errors about it out too, and they come in.

    A DHCP server answers to everybody, or whom it was asked by, which is a reply; that of a relay or a cloud has any
    address. Clients read what comes before they have an address, and when they ask everybody again, from packet
    sockets, which no rule keeps anything from.
    """
    return (
        Rule("base: path MTU, untracked", "accept", 4, "icmp", icmp=(PATH_MTU,), state="untracked"),
        Rule("base: path MTU, untracked", "accept", 6, "icmpv6", icmp=(PATH_MTU_V6,), state="untracked"),
        Rule("base: neighbour discovery", "accept", 6, "icmpv6", icmp=NEIGHBOUR, hop_limit=255),
        Rule("base: multicast listeners", "accept", 6, "icmpv6", icmp=LISTENER, sources=LINK_LOCAL),
        Rule("base: multicast listeners", "accept", 6, "icmpv6", icmp=LISTENER_REPORT_V2, sources=UNSPECIFIED),
        Rule("base: DHCP replies", "accept", 4, "udp", (Port(68, 68),), sport=67, destinations=BROADCAST),
        Rule("base: DHCPv6 replies", "accept", 6, "udp", (Port(546, 546),), sport=547, sources=LINK_LOCAL),
    )


def _malformed(policy: Policy) -> tuple[Rule, ...]:
    """Under a flood of SYNs the tracker forgets connections that nobody has answered yet. Then a client's ACK, with the
    kernel's cookie in it, is new and no SYN: it meets what a SYN would. So does, in a flood, what the tracker takes for
    invalid since it has not seen the SYN, and remembers an older connection from the same port."""
    guarded = policy.flood == "guard"
    new = Rule("flood: ACK", "return", proto="tcp", flags=("fin,syn,rst,ack", "ack"), state="new")
    every = "fin,syn,rst,psh,ack,urg"
    tcp = Rule("malformed", "drop", proto="tcp")
    return (
        replace(tcp, label="malformed: NULL", flags=(every, "")),
        replace(tcp, label="malformed: XMAS", flags=(every, every)),
        replace(tcp, label="malformed: SYN+FIN", flags=("fin,syn", "fin,syn")),
        replace(tcp, label="malformed: SYN+RST", flags=("syn,rst", "syn,rst")),
        *([replace(new, flags=ACK, state="invalid", flood=True)] if guarded else []),
        INVALID,
        *([new] if guarded else []),
        replace(tcp, label="malformed: new, not SYN", flags=("fin,syn,rst,ack", "!syn"), state="new"),
    )


def _incoming(policy: Policy, openings: Iterable[Rule]) -> tuple[Rule, ...]:
    rules = [*ESSENTIALS, *_dnat_ports(policy)]
    if policy.malformed == "drop":
        rules.append(Rule("malformed", "malformed"))
    rules += _deny(policy)
    if policy.ping:
        rules.append(Rule("ping", "accept", 4, "icmp", icmp=(ECHO_REQUEST,), rate=PING_LIMIT))
        rules.append(Rule("ping", "accept", 6, "icmpv6", icmp=(ECHO_REQUEST_V6,), rate=PING_LIMIT))
    rules += openings
    # What Podman, LXD and libvirt serve to their own containers and machines on the bridge's address.
    label = "containers: DNS and DHCP"
    rules += [
        Rule(label, "bridges", proto="udp", ports=(Port(53, 53, label), Port(67, 67, label), Port(547, 547, label))),
        Rule(label, "bridges", proto="tcp", ports=(Port(53, 53),)),
    ]
    return (*rules, *_log(policy, "in"), _rest())


def _bridges(policy: Policy, verdict: str = "accept", outwards: bool = False) -> tuple[Rule, ...]:
    """What becomes of what comes in from containers, or, `outwards`, of what goes to them."""
    label = f"containers: {'to' if outwards else 'from'} their own bridges"
    rules = [Rule("uplink", "return", in_interface=name) for name in no_bridges(policy)]
    rules += [Rule(label, verdict, in_interface=name) for name in bridges(policy)]
    return tuple(replace(r, in_interface="", out_interface=r.in_interface) if outwards else r for r in rules)


def _containers_outgoing(policy: Policy) -> tuple[Rule, ...]:
    """What containers may send. One container to another is not outgoing, nor is what goes to a published port: where
    that leads the policy says, or the program that publishes it."""
    if not policy.contained:
        return ()
    services = Rule("metadata", "accept", proto="tcp", destinations=policy.metadata_services)
    return (
        Rule("containers: to published ports", "accept", state="dnat"),
        Rule("containers: to their own bridges", "to_bridges"),
        *([services] if policy.metadata == "all" else []),
        *opened(policy.outgoing or (), outgoing=True),
    )


def bridges(policy: Policy) -> tuple[str, ...]:
    """Names and patterns of what may be a bridge of containers."""
    return tuple(dict.fromkeys((*BRIDGES, *policy.bridges)))


def no_bridges(policy: Policy) -> tuple[str, ...]:
    """Names and patterns, of those that BRIDGES takes, that are no bridge of containers: what uplinks are often called,
    what holds a default route, and the interfaces that the policy names and that nobody's program has named."""
    asked = (*(entry.interface for entry in policy.entries), *(each.in_interface for each in policy.route))
    named = (name for name in asked if names_uplink(name))
    known = [name for name in UPLINKS if name not in policy.bridges]
    routed = sorted(name for name in policy.uplinks if any(same_interface(one, name) for one in bridges(policy)))
    return tuple(dict.fromkeys([*known, *routed, *(name for name in named if name not in policy.bridges)]))


def roles(policy: Policy, interfaces: Iterable[str]) -> dict[str, list[str]]:
    """Which of a host's interfaces are taken for uplinks, and which for bridges of containers."""
    kept_out, found = no_bridges(policy), {"uplinks": list(policy.uplinks), "bridges": list[str]()}
    for name in interfaces:
        if any(same_interface(one, name) for one in bridges(policy)) and name not in policy.uplinks:
            found["uplinks" if any(same_interface(one, name) for one in kept_out) else "bridges"].append(name)
    return found


def _forwarded(policy: Policy) -> tuple[Rule, ...]:
    """Containers' and virtual machines' packets pass; a published port is judged by the port on this host."""
    judged = [
        Rule("publish", "publish_alone", state="dnat"),
        Rule("containers: ignore", "accept", state="dnat"),
    ]
    if policy.containers == "guard":
        judged = [Rule("containers: guard", "published", state="dnat")]
        if policy.malformed == "drop":
            judged.insert(0, Rule("containers: guard, malformed", "malformed", state="dnat"))
    return (
        Rule("metadata: root", "metadata_forwarded", destinations=policy.metadata_services),
        *_deny(policy),
        *_dnat_ports(policy),
        Rule("containers: from their own bridges", "containers" if policy.contained else "bridges"),
        *judged,
        Rule("route", "routed"),
        *_log(policy, "fwd"),
        _rest(),
    )


def _forwarded_openings(policy: Policy) -> list[Rule]:
    """What may reach a port that is published, by the port on this host: `allow` and `publish` together."""
    opening = (replace(r, original_dport=True) for r in opened(policy.allow) if r.proto in ("", "tcp", "udp"))
    return [*(opening if policy.containers == "guard" else ()), *map(_let_through, policy.publish)]


def _let_through(each: Publication) -> Rule:
    return replace(
        _port_of(each, "accept"), original_dport=True, sources=each.peers, in_interface=each.interface, limit=each.limit
    )


def _port_of(each: Publication, verdict: str) -> Rule:
    """What goes to a published port of this host."""
    port = Port(each.opening.first, each.opening.last, each.label)
    return Rule(each.label, verdict, each.family, each.opening.proto, (port,))


def _publish_alone(policy: Policy, limiters: Limiters) -> tuple[Rule, ...]:
    """Where containers' ports are left alone: our own are judged as ever."""
    judged: list[Rule] = []
    for each in policy.publish if policy.containers == "ignore" else ():
        here = replace(_port_of(each, "malformed"), original_dport=True)
        judged += [here] if policy.malformed == "drop" and each.opening.proto == "tcp" else []
        judged += [*_count([_let_through(each)], limiters), replace(here, verdict="drop")]
    return tuple(judged)


PUBLISHED = Rule("published: no route", "return", state="dnat")  # it is judged by the port on this host


def _routed(policy: Policy) -> tuple[Rule, ...]:
    malformed = [Rule("route: malformed", "malformed")] if policy.malformed == "drop" else []
    return (PUBLISHED, *malformed, *_routes(policy.route, "accept")) if policy.route else ()


def _routes(routes: Iterable[Route], verdict: str, family: int = 0) -> tuple[Rule, ...]:
    """What is forwarded. Routes that ask the same are one rule with all their ports."""
    groups: dict[tuple[object, ...], list[Route]] = {}
    for each in routes:
        groups.setdefault((each.in_interface, each.out_interface, each.sources, each.destinations), []).append(each)
    return tuple(
        replace(
            rule,
            verdict=verdict,
            family=family,
            in_interface=group[0].in_interface,
            out_interface=group[0].out_interface,
            sources=group[0].sources,
            destinations=group[0].destinations,
        )
        for group in groups.values()
        for rule in accepting([Entry(r.path, r.name, r.openings, comment=r.comment) for r in group], outgoing=False)
    )


def _clamp(policy: Policy) -> tuple[Rule, ...]:
    """Both ways, so before replies: behind a tunnel the path is narrower than what either end knows of."""
    clamp = Rule("route: segments as the path takes them", "clamp", proto="tcp", flags=("syn,rst", "syn"))
    return (clamp,) if policy.route else ()


def _translating(policy: Policy) -> list[Chain]:
    """What changes addresses: where a published port leads, and whom the machine there has to answer; and who is hidden
    behind this host's address, of those whom it forwards."""
    lead = tuple(
        replace(_port_of(each, "dnat"), in_interface=each.interface, to=(each.to, each.to_port))
        for each in policy.publish
    )
    hide = tuple(
        replace(
            _port_of(each, "masquerade"), original_dport=True, state="dnat", destinations=_only(each.family, each.to)
        )
        for each in policy.publish
        if each.masquerade
    )
    hidden = {family: [each for each in policy.route if family in each.masquerade] for family in WIDTH}
    routed = [rule for family in WIDTH for rule in _routes(hidden[family], "masquerade", family)]
    last = [Rule("publish", "publish_masquerade", state="dnat")] if hide else []
    # What this host sends itself keeps the address that a program chose.
    last += [Rule("route", "route_masquerade", from_others=True)] if routed else []
    chains = [
        Chain("publish", lead),
        Chain("prerouting", (Rule("publish", "publish", local=True),), "prerouting", "accept"),
        Chain("publish_masquerade", hide),
        Chain("route_masquerade", (PUBLISHED, *routed) if routed else ()),
        Chain("postrouting", tuple(last), "postrouting", "accept"),
    ]
    used = {"prerouting": lead, "postrouting": last}
    return [chain for chain in chains if used.get(chain.name, chain.rules)]


def guards(policy: Policy) -> tuple[Rule, ...]:
    """The TCP ports for which a flood of SYNs is not tracked. What `publish` leads elsewhere cannot do without."""
    if policy.flood == "ignore":
        return ()
    published = [each.opening for each in policy.publish]
    rules = dict.fromkeys(
        Rule("flood: untracked", "notrack", proto="tcp", ports=ports)
        for rule in opened(policy.entries)
        if rule.proto == "tcp"
        for ports in [
            tuple(p for p in rule.ports if not any(o.first <= p.last and p.first <= o.last for o in published))
        ]
        if ports
    )
    return tuple(rules)


def _untracked(policy: Policy) -> list[Chain]:
    """SYNs to open ports of this host beyond a rate are not tracked, so that they evict nobody from the tracker. A port
    that leads elsewhere, as a container's does, needs the tracker: the kernel notes it when it first did."""
    return [
        Chain(
            "syns",
            (
                Rule("flood: tracked", "return", rate=TRACKED_SYNS, burst=BURST),
                Rule("flood: SYNs", "add_flood"),
                Rule("flood: published", "return", proto="tcp", dnat_port=True),
                *guards(policy),
            ),
        ),
        Chain("raw", (Rule("flood: SYNs", "syns", proto="tcp", flags=SYN, local=True),), "raw", "accept"),
    ]


# Labels of the tracker, of 128: the last ones, for whoever else has some takes the first.
JUDGED, LIMITED, LIMITERS = 127, 126, 100
Limiters = Mapping[tuple[str, "Limit | None"], int]  # each with the label of the connections that it counts
# Its handshake is finished, and it has not been counted yet. Who refuses it by a RST of its own may.
JUDGE = Rule("limits: finished handshakes", "judge", proto="tcp", flags=("rst", ""), state="assured", connlabel=LIMITED)
# An answer that only a finished handshake has. A connection whose SYN was not tracked is not assured before that.
JUDGE_ANSWERS = replace(JUDGE, flags=("syn,rst", ""), state="")


def _limiters(rules: Iterable[Rule], policy: Policy) -> Limiters:
    """Accepting rules -> what counts finished handshakes. Beyond LIMITERS of them they share the last label: any of
    these may let a connection in then."""
    limited = (rule for rule in rules if rule.limit and rule.proto in ("", "tcp") and policy.flood == "guard")
    each = dict.fromkeys((rule.label, rule.limit) for rule in limited)
    return {limiter: LIMITED - 1 - min(number, LIMITERS) for number, limiter in enumerate(each)}


def _counted(rules: Iterable[Rule], limiters: Limiters) -> list[Rule]:
    """Those of accepting rules of which TCP connections are counted when their handshakes are finished."""
    return [rule for rule in rules if (rule.label, rule.limit) in limiters and rule.proto in ("", "tcp")]


def _count(rules: list[Rule], limiters: Limiters) -> tuple[Rule, ...]:
    """Accepting rules -> the same, those first that have no limit. What only others accept of TCP gets labels, by which
    it is counted when its handshake is finished: a SYN can be sent in anybody's name."""
    counted = _counted(rules, limiters)
    if not counted:
        return tuple(rules)
    tcp = [replace(rule, proto="tcp", limit=None) for rule in counted]
    bits = [limiters[rule.label, rule.limit] for rule in counted]
    own = [replace(rule, verdict="set_label", connlabel=bit) for rule, bit in zip(tcp, bits) if len(limiters) > 1]
    return (
        *(rule for rule in rules if not rule.limit),
        *own,
        *(replace(rule, verdict="limited") for rule in tcp),
        *tcp,
        *(rule for rule in rules if rule.limit and rule.proto != "tcp"),
    )


def _limits(limiters: Limiters) -> list[Chain]:
    """Whose connections are counted, and by what. A connection that begins without a SYN is older than the tracker, and
    goes on; but for a flood, in which SYNs are not tracked, or forgotten."""
    if not limiters:
        return []
    limited = Rule("limits: to be counted", "set_label", proto="tcp", connlabel=LIMITED)
    buckets = [
        Rule(label, "judged", limit=limit, by_client=True, connlabel=bit if len(limiters) > 1 else 0)
        for (label, limit), bit in limiters.items()
    ]
    return [
        # What is not in the tracker cannot be counted.
        Chain("limited", (INVALID, replace(limited, flags=SYN), replace(limited, proto="", flood=True))),
        Chain("judged", (Rule("limits: counted", "set_label", connlabel=JUDGED), Rule("limits: counted", "accept"))),
        Chain(
            "judge",
            (
                Rule("limits: counted", "accept", connlabel=JUDGED),
                *buckets,
                Rule("limits: too fast", "reset", proto="tcp"),
            ),
        ),
    ]


def _dnat_ports(policy: Policy) -> tuple[Rule, ...]:
    return (Rule("flood: published", "add_dnat_port", proto="tcp", state="dnat"),) if guards(policy) else ()


def _only(family: int, address: int) -> Sources:
    net = ((address, WIDTH[family]),)
    return Sources(net, ()) if family == 4 else Sources((), net)


def _output(policy: Policy, judge: Sequence[Rule]) -> tuple[Rule, ...]:
    if not _outgoing(policy) and not judge:
        return ()
    loopback = Rule("base: loopback", "accept", out_interface="lo")
    return (loopback, *judge, REPLIES, Rule("base: what goes out", "outgoing"))


def _outgoing(policy: Policy) -> tuple[Rule, ...]:
    """The guard of the metadata service; with outgoing dropped also what keeps the machine alive, and what
    the policy allows."""
    services = policy.metadata_services
    guard = Rule("metadata: root", "metadata", destinations=services)
    if policy.outgoing is None:
        return (guard,) if policy.metadata == "root" else ()
    everyone_or_root = True if policy.metadata == "root" else None
    keep = (
        Rule("base: neighbour discovery", "accept", 6, "icmpv6", icmp=(*NEIGHBOUR, *LISTENER)),
        Rule("base: DHCP", "accept", 4, "udp", (Port(67, 67),), sport=68),
        Rule("base: DHCPv6", "accept", 6, "udp", (Port(547, 547),), sport=546),
        Rule("metadata", "accept", proto="tcp", destinations=services, uid_root=everyone_or_root),
        Rule("base: Azure's agent", "accept", proto="tcp", destinations=AZURE, uid_root=True),
        Rule("base: Oracle's root disk", "accept", proto="tcp", ports=(Port(3260, 3260),),
             destinations=ORACLE_DISK, uid_root=True),
    )  # fmt: skip
    # The tracker does not know what it answers.
    answer = Rule("flood: answers to what is not tracked", "accept", proto="tcp", flags=("rst,ack", "ack"),
                  state="invalid")  # fmt: skip
    answers = (answer,) if guards(policy) else ()
    return (guard, *keep, *answers, *opened(policy.outgoing, outgoing=True), *_log(policy, "out"), _rest())


def _metadata(policy: Policy, verdict: str, uid_root: bool | None = None) -> tuple[Rule, ...]:
    """What is refused on the way to the metadata service. A local program is told at once; a packet that is only
    forwarded has no owner, and iptables can refuse with a reset in its filter table alone."""
    if policy.metadata == "all":
        return ()
    return (
        Rule("metadata: root", verdict, proto="tcp", not_dports=METADATA_TCP, uid_root=uid_root),
        Rule("metadata: root", "drop", proto="udp", not_dports=METADATA_UDP, uid_root=uid_root),
    )


def _deny(policy: Policy) -> tuple[Rule, ...]:
    return (Rule("deny", "drop", sources=policy.deny),) if policy.deny.v4 or policy.deny.v6 else ()


def _log(policy: Policy, way: str) -> tuple[Rule, ...]:
    return (Rule(f"log {way}", "log", rate=policy.log),) if policy.log else ()


def _rest() -> Rule:
    """What falls through is dropped by a rule, not only by the base chain's policy: nf_tables puts new rules in force
    all at once, and a new chain's policy a moment later (seen with Linux 6.12 and 6.18). Until then it accepts."""
    return Rule("base: nothing else", "drop")

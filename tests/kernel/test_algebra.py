"""random policies of the whole language, random packets -> the model of a policy and three tools' kernels agree.

VPS_FIREWALL_POLICIES=300 asks of so many policies in each tool, in place of the few that CI has time for; the packets
are those at the edges of what each policy names, where mistakes are. What `diff` shows as a sample is sent to both.
"""

from __future__ import annotations

import ipaddress
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from cc_vps_firewall import policy
from cc_vps_firewall.algebra import ranges
from cc_vps_firewall.algebra.diff import CLOSES, OPENS, Change, Difference, diff
from cc_vps_firewall.algebra.model import ACCEPT, FORWARD, IN, OTHERS, OUT, PUBLISHED, ROOT, Model, model
from cc_vps_firewall.algebra.questions import judge
from cc_vps_firewall.algebra.words import address_text
from cc_vps_firewall.algebra.zones import zone_of
from cc_vps_firewall.policy import Policy
from cc_vps_firewall.rules import ruleset
from tests import modelled
from tests.casefiles import CONTAINER, MACHINE, Host, Packet, Published
from tests.lab.backends import TOOLS, load, publish
from tests.lab.probing import Prober, misjudged
from tests.lab.topology import BEYOND, NEIGHBOUR, Topology
from tests.random_policies import EDGES, PORTS, policies

POLICIES = int(os.environ.get("VPS_FIREWALL_POLICIES", "8"))
PACKETS = 60
SEED = "algebra"
BRIDGES = ["", "docker0", "br-0123456789ab", "br-lan", "podman1"]
USERS = {ROOT: "root", OTHERS: "nobody"}
ROUTE = "route"


def questions(chosen: random.Random, host: Host, read: Policy) -> Iterator[Packet]:
    """Packets of all directions, without what the model would say of them."""
    metadata = {
        f: [policy.network_text(f, net) for net in read.metadata_services.of(f)
            if net[1] == (32 if f == 4 else 128) and net[0] >> 118 != 0x3FA]
        for f in (4, 6)
    }  # fmt: skip
    for _ in range(PACKETS):
        family, protocol = chosen.choice([4, 6]), chosen.choice(["tcp", "tcp", "udp", "esp", "gre"])
        port = chosen.choice([*PORTS, chosen.randint(1, 65535)]) if protocol in ("tcp", "udp") else 0
        source = chosen.choice(EDGES[family])
        packet = Packet(protocol, family, source, MACHINE[family], port, via=chosen.choice(["eth0", "eth1"]))
        kind = chosen.random()
        if kind < 0.1:
            message = {"protocol": "icmpv6" if family == 6 else "icmp", "message": "echo-request", "port": 0}
            yield replace(packet, **message)  # type: ignore[arg-type]
        elif kind < 0.3 and protocol in ("tcp", "udp"):
            away = [address for address in EDGES[family] if not _on_link(address)]
            to = chosen.choice(away + metadata[family] * 5)
            user = chosen.choice(list(USERS.values()))
            yield replace(packet, source=MACHINE[family], destination=to, via="", user=user)
        elif kind < 0.45 and host.bridge and port and not _published(host, protocol, port):
            # Of protocols without ports the answer would be taken for the next question: the tracker has one flow.
            inside = replace(packet, source=CONTAINER[family], via="bridge")
            ends = {4: ("172.17.0.1", "198.51.100.7"), 6: ("fd00:17::1", "2001:db8:f::7")}[family]
            away = [address for address in EDGES[family] if not _on_link(address)]
            yield replace(inside, destination=chosen.choice([*ends, NEIGHBOUR[family], *chosen.sample(away, 3)]))
        elif kind < 0.6 and port and not _published(host, protocol, port):
            yield _forwarded(chosen, packet, [a for a in EDGES[family] if not _on_link(a)] + metadata[family])
        elif kind < 0.75 and (host.published or host.behind):
            public = chosen.choice([*host.published, *host.behind])
            yield replace(packet, protocol=public.protocol, port=public.port)
        else:
            yield packet


def _forwarded(chosen: random.Random, packet: Packet, away: Sequence[str]) -> Packet:
    """From one of the machine's wires to the other, or to the machine behind it."""
    if chosen.random() < 0.3:
        return replace(packet, via="eth0", destination=BEYOND[packet.family])
    return replace(packet, via="eth1", destination=chosen.choice(away))


def _on_link(address: str) -> bool:
    """Is it on a wire of the machine's, where nobody answers ARP?"""
    return address.startswith(("10.0.0.", "192.0.2.", "172.17.", "fd00:1:", "fd00:17:", "2001:db8:1:"))


def _published(host: Host, protocol: str, port: int) -> bool:
    """Would the prober look for this packet in the container?"""
    return any((protocol, port) == (p.protocol, p.port) for p in (*host.published, *host.behind))


def answered(this: Model, packet: Packet, host: Host) -> Packet:
    """The packet, and what the model says becomes of it."""
    return replace(packet, passes=int(judge(this, modelled.asked(packet, host)).verdict == ACCEPT))


def worlds(seed: str, count: int) -> Iterator[tuple[Host, Any, Policy, list[Packet]]]:
    """Hosts, policies as sections and as read, and packets with the model's answers."""
    chosen = random.Random(f"{SEED} {seed}")
    for _, (section, read) in zip(range(count), policies(chosen)):
        bridge = chosen.choice(BRIDGES)
        ports = chosen.sample([80, 443, 8000, 8001], 2)
        host = Host(
            bridge=bridge,
            published=tuple(Published(chosen.choice(["tcp", "udp"]), port, 7000 + port) for port in ports if bridge),
            forwarding=True,
        )
        if read.publish:
            behind = {(each.opening.proto, each.opening.first, each.to_port) for each in read.publish}
            host = Host(bridge="priv0", behind=tuple(Published(*each) for each in sorted(behind)), forwarding=True)
        this = model(read)
        packets = [answered(this, p, host) for p in questions(chosen, host, read) if not modelled.left_out(p)]
        yield host, section, read, list(dict.fromkeys(packets))


def wrong(tool: str, host: Host, read: Policy, packets: Sequence[Packet]) -> list[str]:
    """The packets that fare otherwise at the kernel."""
    with Topology(host) as topology:
        load(topology.machine, tool, ruleset.build(read))
        if host.bridge and not host.behind:
            publish(topology, tool)
        with Prober(topology, packets) as prober:
            return misjudged(packets, prober.arrivals())


@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("tool", TOOLS)
def test_kernel_and_model_agree(tool: str, part: int) -> None:
    pairs = {True: 0, False: 0}
    for host, section, read, packets in worlds(f"{tool} {part}", -(-POLICIES // 4)):
        assert wrong(tool, host, read, packets) == [], section
        for packet in packets:
            pairs[bool(packet.passes)] += 1
    assert min(pairs.values()) > 0, "packets of both kinds"
    print(f"{sum(pairs.values())} packets")


def test_the_packets_are_of_every_kind() -> None:
    """What a random choice never takes is not tested."""
    kinds = {
        (modelled.asked(packet, host).direction, bool(packet.passes))
        for host, _, _, packets in worlds("kinds", 60)
        for packet in packets
    }
    assert {(direction, passes) for direction in (IN, OUT, PUBLISHED, FORWARD) for passes in (True, False)} <= kinds


# --- diff ---------------------------------------------------------------------------------------------------


def sendable(change: Change, found: Difference, host: Host) -> Packet | None:
    """The sample of a change as a packet for the wire; None where this lab has no such wire or protocol."""
    sample = change.sample
    known = {"tcp", "udp", "esp", "gre", "ah", "sctp"}
    icmp = sample.proto in modelled.ICMP_PROTOCOLS and sample.port in modelled.ECHO_TYPES
    if sample.proto not in known and not icmp:
        return None
    source, destination = (address_text(sample.family, number) for number in (sample.source, sample.destination))
    packet = Packet(
        sample.proto, sample.family, source, MACHINE[sample.family], 0 if icmp else sample.port,
        message="echo-request" if icmp else "",
    )  # fmt: skip
    if change.direction == OUT:
        if sample.proto not in ("tcp", "udp") or _on_link(destination):
            return None
        return replace(packet, source=packet.destination, destination=destination, via="", user=USERS[sample.user])
    if change.direction == FORWARD:
        return _forwarded_sample(packet, destination, change, found, host)
    published = _published(host, sample.proto, sample.port)
    ways = [via for via in ("eth0", "eth1") if zone_of(via, found.zones) in change.interfaces]
    if not ways or published is not (change.direction == PUBLISHED) or source in {*MACHINE.values(), "10.0.0.10"}:
        return None
    return replace(packet, via=ways[0])


def _forwarded_sample(packet: Packet, destination: str, change: Change, found: Difference, host: Host) -> Packet | None:
    """Along the first way of this lab that the change is about: from the container or the second wire to the first, or
    from the first to the machine behind the second."""
    family = packet.family
    if packet.protocol not in ("tcp", "udp") or _published(host, packet.protocol, packet.port):
        return None
    for source, via, comes, to, leaves in (
        (CONTAINER[family], "bridge", host.bridge, destination, "eth0"),
        (packet.source, "eth1", "eth1", destination, "eth0"),
        (packet.source, "eth0", "eth0", BEYOND[family], "eth1"),
    ):
        on_its_way = zone_of(comes, found.zones) in change.interfaces and zone_of(leaves, found.ways_out) in change.out
        ends = (change.sources, source), (change.destinations, to)
        if not on_its_way or not all(ranges.has(some, int(ipaddress.ip_address(end))) for some, end in ends):
            continue
        if (leaves == "eth0" and _on_link(to)) or source in modelled.OWN:
            continue
        return replace(packet, source=source, destination=to, via=via)
    return None


def published_by(found: Difference) -> tuple[Published, ...]:
    """Ports that containers publish: two of those that the change is about, but for port 1, to which others go."""
    ports = {(each.proto, each.sample.port): None for each in found.changes if each.direction == PUBLISHED}
    some = [(proto, port) for proto, port in ports if proto in ("tcp", "udp") and port > 1][:2]
    return tuple(Published(proto, port, 7000 + port % 1000) for proto, port in some)


@pytest.mark.parametrize("tool", TOOLS)
def test_what_diff_shows_is_so_at_the_kernel(tool: str) -> None:
    """Each sample packet meets in A and in B what `diff` says of it: to the host, to ports that containers publish,
    along routes, from containers to others, and from the host."""
    chosen, sent = random.Random(f"{SEED} {tool} diff"), dict[str, int]()
    made = ((section, read) for section, read in policies(chosen) if not read.publish)
    for number in range(max(8, -(-POLICIES // 4))):
        (first, before), (second, after) = next(made), next(made)
        if number % 4 == 0:  # of what a policy says of forwarded packets, this alone is about the lab's container
            before, after = replace(before, metadata="all"), replace(after, metadata="root")
        found = diff(before, after)
        host = Host(bridge="docker0", published=published_by(found), forwarding=True)
        pairs = [(change, packet) for change in found.changes if (packet := sendable(change, found, host))]
        pairs = [(change, packet) for change, packet in pairs if not modelled.left_out(packet)][:80]
        for read, closed in ((before, OPENS), (after, CLOSES)):
            packets = {packet: replace(packet, passes=int(change.kind != closed)) for change, packet in pairs}
            assert wrong(tool, host, read, [*packets.values()]) == [], (first, second)
        for change, _ in pairs:
            entries = (*change.before[0], *change.after[0])
            by_route = change.direction == FORWARD and any(entry.startswith(f"{ROUTE}[") for entry in entries)
            kind = ROUTE if by_route else change.direction
            sent[kind] = sent.get(kind, 0) + 1
    assert {*sent} == {IN, OUT, PUBLISHED, FORWARD, ROUTE}, "samples of every kind"
    assert sum(sent.values()) > 20
    print(sent)

"""random policies of the whole language, random packets -> the model of a policy and three tools' kernels agree.

VPS_FIREWALL_POLICIES=300 asks of so many policies in each tool, in place of the few that CI has time for; the packets
are those at the edges of what each policy names, where mistakes are. What `diff` shows as a sample is sent to both.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from cc_vps_firewall import policy
from cc_vps_firewall.algebra.diff import CLOSES, OPENS, Change, Difference, diff
from cc_vps_firewall.algebra.model import ACCEPT, IN, OTHERS, OUT, PUBLISHED, ROOT, Model, model
from cc_vps_firewall.algebra.questions import judge
from cc_vps_firewall.algebra.words import address_text
from cc_vps_firewall.algebra.zones import zone_of
from cc_vps_firewall.policy import Policy
from cc_vps_firewall.rules import ruleset
from tests import modelled
from tests.casefiles import CONTAINER, MACHINE, Host, Packet, Published
from tests.lab.backends import TOOLS, load, publish
from tests.lab.probing import Prober, misjudged
from tests.lab.topology import Topology
from tests.random_policies import EDGES, PORTS, policies

POLICIES = int(os.environ.get("VPS_FIREWALL_POLICIES", "8"))
PACKETS = 60
SEED = "algebra"
BRIDGES = ["", "docker0", "br-0123456789ab", "br-lan", "podman1"]
USERS = {ROOT: "root", OTHERS: "nobody"}


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
            yield replace(inside, destination=chosen.choice(ends))
        elif kind < 0.65 and host.published:
            public = chosen.choice(host.published)
            yield replace(packet, protocol=public.protocol, port=public.port)
        else:
            yield packet


def _on_link(address: str) -> bool:
    """Is it on a wire of the machine's, where nobody answers ARP?"""
    return address.startswith(("10.0.0.", "192.0.2.", "172.17.", "fd00:1:", "fd00:17:", "2001:db8:1:"))


def _published(host: Host, protocol: str, port: int) -> bool:
    """Would the prober look for this packet in the container?"""
    return any((protocol, port) == (p.protocol, p.port) for p in host.published)


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
            forwarding=bool(bridge),
        )
        this = model(read)
        packets = [answered(this, p, host) for p in questions(chosen, host, read) if not modelled.left_out(p)]
        yield host, section, read, list(dict.fromkeys(packets))


def wrong(tool: str, host: Host, read: Policy, packets: Sequence[Packet]) -> list[str]:
    """The packets that fare otherwise at the kernel."""
    with Topology(host) as topology:
        load(topology.machine, tool, ruleset.build(read))
        if host.bridge:
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
    assert min(pairs.values()) > 10, "packets of both kinds"
    print(f"{sum(pairs.values())} packets")


def test_the_packets_are_of_every_kind() -> None:
    """What a random choice never takes is not tested."""
    kinds = {
        (modelled.asked(packet, host).direction, bool(packet.passes))
        for host, _, _, packets in worlds("kinds", 60)
        for packet in packets
    }
    assert {(direction, passes) for direction in (IN, OUT, PUBLISHED) for passes in (True, False)} <= kinds


# --- diff ---------------------------------------------------------------------------------------------------


def sendable(change: Change, found: Difference) -> Packet | None:
    """The sample of a change as a packet for the wire; None where this lab has no such wire or protocol."""
    sample = change.sample
    known = {"tcp", "udp", "esp", "gre", "ah", "sctp"}
    icmp = sample.proto in modelled.ICMP_PROTOCOLS and sample.port in modelled.ECHO_TYPES
    ways = [via for via in ("eth0", "eth1") if zone_of(via, found.zones) in change.interfaces]
    if (sample.proto not in known and not icmp) or change.direction not in (IN, OUT) or not ways:
        return None
    source, destination = (address_text(sample.family, number) for number in (sample.source, sample.destination))
    packet = Packet(
        sample.proto, sample.family, source, MACHINE[sample.family], 0 if icmp else sample.port,
        message="echo-request" if icmp else "", via=ways[0],
    )  # fmt: skip
    if change.direction == OUT:
        if sample.proto not in ("tcp", "udp") or _on_link(destination):
            return None
        return replace(packet, source=packet.destination, destination=destination, via="", user=USERS[sample.user])
    return packet if source not in {*MACHINE.values(), "10.0.0.10"} else None


@pytest.mark.parametrize("tool", TOOLS)
def test_what_diff_shows_is_so_at_the_kernel(tool: str) -> None:
    """Each sample packet meets in A and in B what `diff` says of it."""
    chosen, sent = random.Random(f"{SEED} {tool} diff"), 0
    made = policies(chosen)
    for _ in range(-(-POLICIES // 4)):
        (first, before), (second, after) = next(made), next(made)
        found = diff(before, after)
        samples = [(change.kind, packet) for change in found.changes if (packet := sendable(change, found))][:80]
        for read, closed in ((before, OPENS), (after, CLOSES)):
            packets = [replace(packet, passes=int(kind != closed)) for kind, packet in samples]
            packets = [packet for packet in dict.fromkeys(packets) if not modelled.left_out(packet)]
            assert wrong(tool, Host(), read, packets) == [], (first, second)
        sent += len(samples)
    assert sent > 20

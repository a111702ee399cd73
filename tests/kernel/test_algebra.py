"""random policies of the whole language, random packets -> the model of a policy and three tools' kernels agree.

VPS_FIREWALL_POLICIES=300 asks of so many policies in each tool, in place of the few that CI has time for; the packets
are those at the edges of what each policy names, where mistakes are.
"""

from __future__ import annotations

import ipaddress
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from cc_vps_firewall import policy, ruleset
from cc_vps_firewall.algebra.model import ACCEPT, IN, OTHERS, OUT, PUBLISHED, ROOT, Model, model
from cc_vps_firewall.algebra.questions import judge
from cc_vps_firewall.errors import PolicyRefused
from cc_vps_firewall.policy import Policy
from tests import modelled
from tests.casefiles import CONTAINER, MACHINE, Host, Packet, Published
from tests.lab.backends import TOOLS, load, publish
from tests.lab.probing import Prober, misjudged
from tests.lab.topology import Topology

POLICIES = int(os.environ.get("VPS_FIREWALL_POLICIES", "8"))
PACKETS = 60
SEED = "algebra"

NETWORKS = [
    "203.0.113.0/24", "203.0.113.0/25", "203.0.113.128/26", "203.0.113.7", "203.0.113.8", "203.0.112.0/22",
    "16.0.0.0/4", "198.51.100.0/31", "198.51.100.254/32", "64.0.0.0/2", "16.32.0.0/11", "10.0.0.0/8",
    "2001:db8:aa::/48", "2001:db8:aa::/64", "2001:db8:aa::7", "2001:db8:aa:0:8000::/65", "2001:db8:a8::/45",
    "2600::/12", "2001:db8:f::/127", "2a00::/11",
]  # fmt: skip
ANY = ["0.0.0.0/0", "::/0"]
PORTS = [1, 22, 53, 67, 79, 80, 81, 123, 443, 1023, 1024, 8000, 8001, 8002, 8003, 65534, 65535]
NAMES = ["http", "dns", "web", "ntp", "mail", "wireguard", "ipsec", "gre", "smtp", "mysql"]
INTERFACES = ["eth0", "eth1", "eth*", "e*", "wg0", "docker0", "br-lan"]
BRIDGES = ["", "docker0", "br-0123456789ab", "br-lan", "podman1"]
USERS = {ROOT: "root", OTHERS: "nobody"}


def section(chosen: random.Random) -> dict[str, Any]:
    """A policy, of all keys; one in some is refused."""

    def some(of: Sequence[str], most: int) -> list[str]:
        return chosen.sample(of, chosen.randint(1, most))

    def sources() -> list[str]:
        return some([*NETWORKS, "one", "all"], 5) if chosen.random() < 0.9 else some(ANY, 1)

    def opening() -> dict[str, Any]:
        if chosen.random() < 0.3:
            return {"service": chosen.choice(NAMES)}
        first, last = sorted(chosen.choices(PORTS, k=2))
        span = str(first) if chosen.random() < 0.6 else f"{first}-{last}"
        return {"port": f"{span}/{chosen.choice(['tcp', 'udp'])}"}

    def entry(narrow: str) -> Any:
        made = opening()
        if chosen.random() < 0.3:
            return next(iter(made.values()))
        if chosen.random() < 0.7:
            made[narrow] = sources()
        if narrow == "from" and chosen.random() < 0.35:
            made["interface"] = chosen.choice(INTERFACES)
        if narrow == "from" and chosen.random() < 0.15:
            made["limit"] = "1000/second"
        return made

    made: dict[str, Any] = {
        "lists": {"one": some(NETWORKS, 6), "all": ["one", *some(NETWORKS, 3)]},
        "allow": [entry("from") for _ in range(chosen.randint(0, 7))],
        "ssh": chosen.choice([False, {}, {"limit": False}, {"from": sources(), "port": chosen.choice(PORTS)},
                              {"interface": chosen.choice(INTERFACES)}]),
    }  # fmt: skip
    for key, likely, value in (
        ("deny", 0.5, some([*NETWORKS, "one"], 3)),
        ("ping", 0.3, False),
        ("malformed", 0.3, "accept"),
        ("containers", 0.3, "ignore"),
        ("metadata", 0.3, "all"),
        ("log", 0.8, False),
        ("outgoing", 0.5, {"policy": "drop", "allow": [entry("to") for _ in range(chosen.randint(0, 4))]}),
    ):
        if chosen.random() < likely:
            made[key] = value
    return made


def edges() -> dict[int, list[str]]:
    """Both ends of each network and what lies just outside, as far as the wire takes it for a source."""
    found: dict[int, set[str]] = {4: {"198.51.100.7"}, 6: {"2001:db8:f::7"}}
    for text in NETWORKS:
        net = ipaddress.ip_network(text)
        lowest, highest = (1 << 24, 0xDFFFFFFF) if net.version == 4 else (0x2000 << 112, (0x4000 << 112) - 1)
        for number in {int(end) + step for end in (net[0], net[-1]) for step in (-1, 0, 1)}:
            if lowest <= number <= highest and number >> 24 != 127:
                found[net.version].add(str(type(net[0])(number)))
    taken = {*MACHINE.values(), "10.0.0.10", *CONTAINER.values()}
    return {family: sorted(each - taken) for family, each in found.items()}


EDGES = edges()


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
            away = [
                address for address in EDGES[family] if not address.startswith("10.0.0.")
            ]  # nobody answers ARP there
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


def _published(host: Host, protocol: str, port: int) -> bool:
    """Would the prober look for this packet in the container?"""
    return any((protocol, port) == (p.protocol, p.port) for p in host.published)


def answered(this: Model, packet: Packet, host: Host) -> Packet:
    """The packet, and what the model says becomes of it."""
    return replace(packet, passes=int(judge(this, modelled.asked(packet, host)).verdict == ACCEPT))


def worlds(seed: str, count: int) -> Iterator[tuple[Host, Policy, list[Packet]]]:
    """Hosts, policies that are not refused, and packets with the model's answers."""
    chosen = random.Random(f"{SEED} {seed}")
    while count:
        bridge = chosen.choice(BRIDGES)
        ports = chosen.sample([80, 443, 8000, 8001], 2)
        host = Host(
            bridge=bridge,
            published=tuple(Published(chosen.choice(["tcp", "udp"]), port, 7000 + port) for port in ports if bridge),
            forwarding=bool(bridge),
        )
        try:
            read = policy.parse(section(chosen), ssh_ports=(22,), uplinks=("eth0",), read_list=str)
        except PolicyRefused:
            continue  # a `deny` that covers all of ssh.from, or SSH opened past it
        this = model(read)
        packets = [answered(this, p, host) for p in questions(chosen, host, read) if not modelled.left_out(p)]
        yield host, read, list(dict.fromkeys(packets))
        count -= 1


@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("tool", TOOLS)
def test_kernel_and_model_agree(tool: str, part: int) -> None:
    pairs = {True: 0, False: 0}
    for host, read, packets in worlds(f"{tool} {part}", -(-POLICIES // 4)):
        with Topology(host) as topology:
            load(topology.machine, tool, ruleset.build(read))
            if host.bridge:
                publish(topology, tool)
            with Prober(topology, packets) as prober:
                assert misjudged(packets, prober.arrivals()) == [], read
        for packet in packets:
            pairs[bool(packet.passes)] += 1
    assert min(pairs.values()) > 10, "packets of both kinds"


def test_the_packets_are_of_every_kind() -> None:
    """What a random choice never takes is not tested."""
    kinds = {
        (modelled.asked(packet, host).direction, bool(packet.passes))
        for host, _, packets in worlds("kinds", 60)
        for packet in packets
    }
    assert {(direction, passes) for direction in (IN, OUT, PUBLISHED) for passes in (True, False)} <= kinds

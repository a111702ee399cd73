"""thousands of sources, in sets and trees -> each edge of each network is where it was written."""

from __future__ import annotations

import bisect
import ipaddress
import random
from typing import Any, Union

import pytest

from cc_vps_firewall import policy
from cc_vps_firewall.rules import ruleset
from tests.casefiles import MACHINE, Host, Packet
from tests.lab.backends import TOOLS, load
from tests.lab.probing import Prober, misjudged
from tests.lab.topology import Topology

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
SIZE = 6_000  # networks a family: more than one of nftables' pieces holds, several levels of iptables' tree
SPACE = {4: ("16.0.0.0/4", (20, 32)), 6: ("2001:db8::/32", (44, 128))}


def networks(family: int, chance: random.Random) -> list[Network]:
    """Networks of all sizes, none inside another."""
    space, (shortest, longest) = ipaddress.ip_network(SPACE[family][0]), SPACE[family][1]
    width = space.max_prefixlen
    made: set[Network] = set()
    while len(made) < SIZE:
        prefix = chance.randint(shortest, longest)
        number = int(space.network_address) + chance.getrandbits(width - space.prefixlen)
        made.add(type(space)((number >> (width - prefix) << (width - prefix), prefix)))
    return list(ipaddress.collapse_addresses(made))  # type: ignore[type-var]


def edges(nets: list[Network], chance: random.Random) -> dict[str, bool]:
    """Addresses at both ends of some networks and just outside of them -> whether the list holds them."""
    starts = [int(net[0]) for net in nets]  # collapsed, so sorted and apart
    ends = [int(end) for net in chance.sample(nets, 30) for end in (net[0], net[-1])]
    numbers = {end + step for end in ends for step in (-1, 0, 1)}
    address = type(nets[0][0])
    return {
        str(address(number)): address(number) in nets[max(bisect.bisect(starts, number) - 1, 0)]
        for number in sorted(numbers)
    }


LISTS = {"many": {"file": "/many"}}
ALLOWED = {"lists": LISTS, "ssh": {"from": ["many"]}}
DENIED = {"lists": LISTS, "ssh": {"limit": False}, "deny": "many"}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("section", [ALLOWED, DENIED], ids=["allowed", "denied"])
def test_edges_of_a_long_list(tool: str, section: dict[str, Any]) -> None:
    chance = random.Random(tool)
    nets = {family: networks(family, chance) for family in (4, 6)}
    text = "\n".join(str(net) for family in (4, 6) for net in nets[family])
    packets = [
        Packet("tcp", family, source, MACHINE[family], port=22, passes=int(listed == (section is ALLOWED)))
        for family in (4, 6)
        for source, listed in edges(nets[family], chance).items()
    ]
    assert {packet.passes for packet in packets} == {0, 1}
    with Topology(Host()) as topology:
        load(topology.machine, tool, ruleset.build(policy.parse(section, read_list=lambda path: text)))
        with Prober(topology, packets) as prober:
            assert misjudged(packets, prober.arrivals()) == []

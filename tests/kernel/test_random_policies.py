"""random policies, random packets -> three tools and a model of a page agree on every packet.

The model below reads the same section as the engine and shares no code with it: networks by ipaddress, ports by
comparison. Sources and ports of the packets are taken from the edges of what the policy names, where mistakes are.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from cc_vps_firewall import policy
from cc_vps_firewall.errors import PolicyRefused
from cc_vps_firewall.rules import ruleset
from tests.casefiles import MACHINE, Host, Packet
from tests.lab.backends import TOOLS, load
from tests.lab.probing import Prober, misjudged
from tests.lab.topology import Topology

INTERFACES = ("eth0", "eth1")
# Few addresses and few ports: so that entries overlap, and packets hit them.
NETWORKS = [
    "203.0.113.0/24", "203.0.113.0/25", "203.0.113.128/26", "203.0.113.7", "203.0.113.8", "203.0.112.0/22",
    "16.0.0.0/4", "198.51.100.0/31", "198.51.100.254/32", "64.0.0.0/2", "16.32.0.0/11", "0.0.0.0/0",
    "2001:db8:aa::/48", "2001:db8:aa::/64", "2001:db8:aa::7", "2001:db8:aa:0:8000::/65", "2001:db8:a8::/45",
    "2600::/12", "2001:db8:f::/127", "::/0", "2a00::/11",
]  # fmt: skip
DENIED = [n for n in NETWORKS if not n.endswith("/0")]

ports = st.sampled_from([1, 22, 79, 80, 81, 443, 1023, 1024, 8000, 8001, 8002, 8003, 65534, 65535])
ranges = st.tuples(ports, ports).map(lambda ends: f"{min(ends)}-{max(ends)}")
openings = st.tuples(st.one_of(ports.map(str), ranges), st.sampled_from(["tcp", "udp"])).map("/".join)
sources = st.lists(st.sampled_from(NETWORKS), min_size=1, max_size=12)
entries = st.one_of(
    openings,
    st.fixed_dictionaries(
        {"port": openings},
        optional={
            "from": sources,
            "interface": st.sampled_from(["eth0", "eth1", "eth*", "e*", "wg0"]),
            "limit": st.just("1000/second"),
            "comment": st.sampled_from(["one", "it's two", "-j ACCEPT"]),
        },
    ),
)
ssh = st.one_of(
    st.just(False),
    st.fixed_dictionaries(
        {"limit": st.just(False)},
        optional={
            "port": st.one_of(ports, st.lists(ports, min_size=1, max_size=3)),
            "from": sources,
            "interface": st.sampled_from(["eth0", "eth1", "eth*", "wg0"]),
        },
    ),
)
sections = st.fixed_dictionaries(
    {"ssh": ssh, "allow": st.lists(entries, max_size=8)},
    optional={
        "deny": st.lists(st.sampled_from(DENIED), max_size=4),
        "malformed": st.sampled_from(["drop", "accept"]),
        "log": st.just(False),
        "outgoing": st.sampled_from(["accept", {"policy": "drop", "allow": ["dns"]}]),
    },
)


@dataclass(frozen=True)
class Knock:
    """Where a packet comes from and goes to."""

    source: str
    protocol: str
    port: int
    interface: str

    def packet(self, passes: bool) -> Packet:
        family = ipaddress.ip_address(self.source).version
        return Packet(
            self.protocol, family, self.source, MACHINE[family], self.port, via=self.interface, passes=int(passes)
        )


def inside(source: str, networks: list[str]) -> bool:
    address = ipaddress.ip_address(source)
    return any(address in network for network in map(ipaddress.ip_network, networks))


def opens(entry: Any, knock: Knock) -> bool:
    """Does this entry of `allow` let it in?"""
    said = entry if isinstance(entry, dict) else {"port": entry}
    span, protocol = said["port"].split("/")
    first, _, last = span.partition("-")
    name = said.get("interface", knock.interface)
    return (
        protocol == knock.protocol
        and int(first) <= knock.port <= int(last or first)
        and (knock.interface == name or (name.endswith("*") and knock.interface.startswith(name[:-1])))
        and ("from" not in said or inside(knock.source, said["from"]))
    )


def admitted(section: dict[str, Any], knock: Knock) -> bool:
    """The policy language, as its documentation tells it."""
    if inside(knock.source, section.get("deny", [])):
        return False
    doors = list(section["allow"])
    if section["ssh"] is not False:
        listed = section["ssh"].get("port", 22)
        narrowed = {key: section["ssh"][key] for key in ("from", "interface") if key in section["ssh"]}
        doors += [{"port": f"{port}/tcp", **narrowed} for port in (listed if isinstance(listed, list) else [listed])]
    return any(opens(door, knock) for door in doors)


def edges_of(network: str) -> list[str]:
    """Both ends of a network and what lies just outside, as far as the wire takes it for a source."""
    net = ipaddress.ip_network(network)
    numbers = {int(end) + step for end in (net[0], net[-1]) for step in (-1, 0, 1)}
    lowest, highest = (1 << 24, 0xDFFFFFFF) if net.version == 4 else (0x2000 << 112, (0x4000 << 112) - 1)
    made = [type(net[0])(n) for n in numbers if lowest <= n <= highest and n >> 24 != 127]
    return [str(a) for a in made if str(a) not in MACHINE.values()]


SOURCES = sorted({edge for network in NETWORKS for edge in edges_of(network)})
knocks = st.builds(
    Knock,
    source=st.sampled_from(SOURCES),
    protocol=st.sampled_from(["tcp", "udp"]),
    port=st.one_of(ports, st.integers(1, 65535)),
    interface=st.sampled_from(INTERFACES),
)


@pytest.mark.parametrize("tool", TOOLS)
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(section=sections, tried=st.lists(knocks, min_size=20, max_size=40, unique=True))
def test_kernel_and_model_agree(tool: str, section: dict[str, Any], tried: list[Knock]) -> None:
    try:
        read = policy.parse(section, read_list=str)
    except PolicyRefused:
        reject()  # a `deny` that covers all of ssh.from, or SSH opened past it: refused on purpose, and nothing to load
    packets = [knock.packet(admitted(section, knock)) for knock in tried]
    assert [read.admits(k.source, k.protocol, k.port, k.interface) for k in tried] == [p.passes == 1 for p in packets]
    with Topology(Host()) as topology:
        load(topology.machine, tool, ruleset.build(read))
        with Prober(topology, packets) as prober:
            assert misjudged(packets, prober.arrivals()) == []

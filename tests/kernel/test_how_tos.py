"""The policies of pages about what is forwarded -> their packets at the kernel, in each tool.

Each policy is the page's own text, so a page that changes is sent packets as it stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cc_vps_firewall import policy
from cc_vps_firewall.policy import userdata
from cc_vps_firewall.rules import ruleset
from tests.casefiles import CONTAINER, MACHINE, STRANGER, Host, Packet, Published
from tests.lab.backends import TOOLS, load, publish
from tests.lab.probing import Prober, misjudged
from tests.lab.topology import BEYOND, NEIGHBOUR, Topology
from tools import pages

AWAY = {4: "203.0.113.80", 6: "2001:db8:f::80"}


@dataclass(frozen=True)
class Page:
    """A policy of a page, by its number, on this host."""

    name: str
    number: int
    host: Host
    packets: tuple[Packet, ...]

    def section(self) -> object:
        texts = [block.text for block in pages.blocks(pages.HOME / "docs" / "how-to" / f"{self.name}.md")
                 if pages.is_policy(block)]  # fmt: skip
        return userdata.section(texts[self.number].encode())


def sent(passes: bool, via: str, sources: dict[int, str], to: dict[int, str], *ports: str) -> tuple[Packet, ...]:
    """To each of these ports, `443/tcp`, over each family that both ends have."""
    return tuple(
        Packet(port.partition("/")[2], family, sources[family], to[family], int(port.partition("/")[0]), via=via,
               passes=int(passes))
        for port in ports
        for family in (4, 6)
        if family in sources and family in to
    )  # fmt: skip


def tunnel(name: str = "wg0") -> Host:
    """The machine's second wire is its tunnel."""
    return Host(forwarding=True, second=name)


PEER = BEYOND  # 10.0.0.99 and fd00:1::99
DOCKER = Host(bridge="docker0", published=(Published("tcp", 7000, 7443),), forwarding=True)
PAGES = (
    Page("nat-gateway", 0, Host(forwarding=True), (
        *sent(True, "eth1", BEYOND, AWAY, "443/tcp", "53/udp", "6667/tcp"),
        *sent(False, "eth0", STRANGER, BEYOND, "443/tcp", "22/tcp"),
        *sent(False, "eth1", BEYOND, MACHINE, "53/udp", "443/tcp"),
    )),
    Page("nat-gateway", 1, Host(forwarding=True), (
        *sent(True, "eth1", {4: BEYOND[4]}, AWAY, "443/tcp", "80/tcp", "123/udp"),
        *sent(False, "eth1", {4: BEYOND[4]}, AWAY, "22/tcp", "53/udp"),
        *sent(False, "eth1", {6: BEYOND[6]}, AWAY, "443/tcp"),
        *sent(True, "eth1", {4: BEYOND[4]}, MACHINE, "53/udp"),
        *sent(False, "eth0", STRANGER, MACHINE, "53/udp"),
    )),
    Page("wireguard-server", 0, tunnel(), (
        *sent(True, "eth0", STRANGER, MACHINE, "51820/udp"),
        *sent(True, "eth1", PEER, AWAY, "443/tcp", "53/udp", "25/tcp"),
        *sent(False, "eth0", STRANGER, PEER, "443/tcp"),
        *sent(False, "eth1", PEER, MACHINE, "443/tcp", "53/udp"),
    )),
    Page("wireguard-server", 1, tunnel(), (
        *sent(True, "eth1", PEER, MACHINE, "22/tcp", "53/udp"),
        *sent(False, "eth0", STRANGER, MACHINE, "22/tcp", "53/udp"),
        *sent(True, "eth1", {4: "10.8.0.7"}, AWAY, "443/tcp"),
        *sent(True, "eth0", STRANGER, MACHINE, "51820/udp"),
    )),
    Page("docker-egress", 0, DOCKER, (
        *sent(True, "bridge", CONTAINER, AWAY, "443/tcp", "53/udp", "123/udp"),
        *sent(True, "bridge", {4: CONTAINER[4]}, {4: "203.0.113.25"}, "25/tcp"),
        *sent(False, "bridge", CONTAINER, AWAY, "25/tcp", "22/tcp", "6667/tcp"),
        *sent(True, "bridge", {4: CONTAINER[4]}, {4: BEYOND[4]}, "5432/tcp"),
        *sent(False, "bridge", {4: CONTAINER[4]}, {4: BEYOND[4]}, "3306/tcp"),
        *sent(False, "bridge", {4: CONTAINER[4]}, {4: "169.254.169.254"}, "80/tcp"),
        *sent(True, "bridge", CONTAINER, NEIGHBOUR, "6379/tcp"),
        *sent(True, "bridge", {4: CONTAINER[4]}, {4: "172.17.0.1"}, "53/udp"),
        *sent(False, "eth0", STRANGER, MACHINE, "7000/tcp"),
    )),
    Page("docker-egress", 1, DOCKER, (
        *sent(True, "bridge", {4: CONTAINER[4]}, {4: "198.51.100.80"}, "6667/tcp"),
        *sent(False, "bridge", {4: CONTAINER[4]}, {4: "203.0.113.80"}, "6667/tcp"),
        *sent(True, "bridge", CONTAINER, AWAY, "443/tcp"),
    )),
    Page("restrict-outgoing", 1, DOCKER, sent(True, "bridge", CONTAINER, AWAY, "25/tcp", "6667/tcp")),
)  # fmt: skip


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.name}-{page.number}")
def test_what_a_page_says_is_so(page: Page, tool: str) -> None:
    with Topology(page.host) as topology:
        load(topology.machine, tool, ruleset.build(policy.parse(page.section(), read_list=str)))
        if page.host.bridge:
            publish(topology, tool)
        with Prober(topology, page.packets) as prober:
            assert misjudged(page.packets, prober.arrivals()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.name}-{page.number}")
def test_without_its_policy_nothing_of_it_is_so(page: Page) -> None:
    """An empty policy lets no packet through that a page lets through, but SSH and what containers have anyway."""
    passing = [packet for packet in page.packets if packet.passes and packet.via != "bridge" and packet.port != 22]
    with Topology(page.host) as topology:
        load(topology.machine, "nftables", ruleset.build(policy.parse({}, read_list=str)))
        if page.host.bridge:
            publish(topology, "nftables")
        with Prober(topology, passing) as prober:
            assert not any(prober.arrivals())

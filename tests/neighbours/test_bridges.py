"""Bridges whose managers write no rules of their own, as Incus does in nftables: what they send out passes."""

from __future__ import annotations

import pytest

from tests.casefiles import CONTAINER, Host, Packet
from tests.kernel.test_connections import rules
from tests.lab.backends import TOOLS, load
from tests.lab.probing import Prober, misjudged
from tests.lab.topology import NEIGHBOUR, Topology

WORLD = {4: "203.0.113.80", 6: "2001:db8:f::80"}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("bridge", ["incusbr0", "lxdbr0", "lxcbr0", "virbr0", "cni0", "podman0", "docker0", "br-app"])
def test_what_containers_send_passes(bridge: str, tool: str) -> None:
    """Between containers on one bridge too, but for Docker's names under iptables: there Docker says so itself."""
    talk = tool == "nftables" or not bridge.startswith(("docker", "br-"))
    packets = [
        Packet("tcp", family, CONTAINER[family], to[family], port=443, via="bridge", passes=int(passes))
        for family in (4, 6)
        for to, passes in ((WORLD, True), (NEIGHBOUR, talk))
    ]
    with Topology(Host(bridge=bridge, forwarding=True)) as topology:
        load(topology.machine, tool, rules({}))
        with Prober(topology, packets) as prober:
            assert misjudged(packets, prober.arrivals()) == []

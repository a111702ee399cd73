"""case folder x tool -> every packet of the case meets the fate that the case gives it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cc_vps_firewall.rules import ruleset
from tests.casefiles import Case, load_all
from tests.lab.backends import NOTHING_ARRIVES, TOOLS, listing, load, publish
from tests.lab.probing import Prober, misjudged
from tests.lab.topology import Topology

CASES = load_all()


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_packets(case: Case, tool: str) -> None:
    with Topology(case.host) as topology:
        load(topology.machine, tool, ruleset.build(case.policy()))
        if case.host.bridge and not case.host.behind:
            publish(topology, tool)
        print(listing(topology.machine, tool))  # shown by pytest when the test fails
        with Prober(topology, case.packets) as prober:
            assert misjudged(case.packets, prober.arrivals()) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_without_a_firewall_everything_arrives(case: Case) -> None:
    """What a case calls dropped was dropped by the firewall: nothing else in its path drops it."""
    packets = [replace(packet, passes=packet.times) for packet in case.packets]
    with Topology(case.host) as topology:
        if case.host.bridge:
            publish(topology, "none", case.host.behind)
        with Prober(topology, packets) as prober:
            assert misjudged(packets, prober.arrivals()) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_behind_a_closed_firewall_nothing_arrives(case: Case) -> None:
    """What a case calls passed went through the hooks: no packet arrives by another way."""
    packets = [replace(packet, passes=0, slack=0) for packet in case.packets]
    with Topology(case.host) as topology:
        topology.machine.run(["nft", "-f", "-"], NOTHING_ARRIVES)
        with Prober(topology, packets) as prober:
            assert misjudged(packets, prober.arrivals()) == []

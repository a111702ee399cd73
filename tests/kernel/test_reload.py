"""one policy loaded over another -> packets meet the second as if the first had never been."""

from __future__ import annotations

import pytest

from cc_vps_firewall.rules import ruleset
from cc_vps_firewall.rules.rule import Ruleset
from tests.casefiles import HOME, MACHINE, Case, Host, Packet, load, load_all
from tests.lab.backends import TOOLS, listing
from tests.lab.backends import load as load_rules
from tests.lab.namespaces import Namespace
from tests.lab.probing import Prober, misjudged
from tests.lab.topology import Topology

from .test_connections import rules

PAIRS = [
    ("everything-at-once", "default-ssh-only"),
    ("ssh-limit-of-ones-own", "ssh-limited-by-default"),
    ("ssh-limited-by-default", "ssh-without-a-limit"),
    ("limits-of-two-entries", "limit-on-a-service"),
    ("outgoing-dropped", "outgoing-accepted"),
    ("metadata-for-all", "metadata-for-root"),
    ("deny-a-long-list", "allow-from-a-long-list"),
    ("malformed-accepted", "malformed-packets"),
    ("many-ports", "web-server"),
]


def ruleset_of(case: Case) -> Ruleset:
    return ruleset.build(case.policy())


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(("first", "second"), PAIRS, ids=[" then ".join(pair) for pair in PAIRS])
def test_second_policy_holds(first: str, second: str, tool: str) -> None:
    case = load(HOME / second)
    with Topology(case.host) as topology:
        load_rules(topology.machine, tool, ruleset_of(load(HOME / first)))
        load_rules(topology.machine, tool, ruleset_of(case))
        with Prober(topology, case.packets) as prober:
            assert misjudged(case.packets, prober.arrivals()) == []


@pytest.mark.parametrize("tool", TOOLS)
def test_a_limit_that_was_in_use_changes(tool: str) -> None:
    """Kernels find the state of a limit by its name, and would keep the old rate with it."""
    with Topology(Host()) as topology:
        for limit, arrive in ((3, 3), (8, 8), (2, 2)):
            load_rules(topology.machine, tool, rules({"ssh": {"limit": f"{limit}/hour"}}))
            packets = [
                # A source that the limit has not met yet.
                Packet(
                    "tcp",
                    4,
                    f"198.51.100.{100 + limit}",
                    MACHINE[4],
                    port=22,
                    times=12,
                    passes=arrive,
                    state="established",
                ),
                Packet(
                    "tcp", 6, f"2001:db8:{limit}::1", MACHINE[6], port=22, times=12, passes=arrive, state="established"
                ),
            ]
            with Prober(topology, packets) as prober:
                assert misjudged(packets, prober.arrivals()) == [], limit


def test_what_nft_lists_can_be_loaded_again() -> None:
    """A roll-back does so. nft 1.0.6 lists some of what it takes as "invalid type"."""
    machine = Namespace("machine")
    try:
        for case in load_all():
            load_rules(machine, "nftables", ruleset_of(case))
            listed = listing(machine, "nftables")
            machine.run(["nft", "flush", "ruleset"])
            machine.run(["nft", "-f", "-"], listed)
            assert listing(machine, "nftables") == listed, case.name
            machine.run(["nft", "flush", "ruleset"])
    finally:
        machine.close()

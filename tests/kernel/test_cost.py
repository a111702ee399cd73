"""a loaded policy of any size -> an established connection's packets meet at most three rules, either way; with
iptables one more, which asks for bans of other programs."""

from __future__ import annotations

import pytest

from cc_vps_firewall.rules import ruleset
from tests.casefiles import HOME, load
from tests.lab.backends import PREFIX, TOOLS, lock
from tests.lab.backends import load as load_rules
from tests.lab.topology import Topology

from .rules_met import HOOKS, established_meets

MOST = 3
LIMITING = 2  # more where the policy has a limit: has it been counted?
POLICIES = (
    "default-ssh-only",
    "tutorial",
    "everything-at-once",
    "deny-a-long-list",
    "ssh-limit-of-ones-own",
    "outgoing-dropped",
    "metadata-for-all",
    "containers-guarded",
    "containers-ignored",
    "malformed-accepted",
)


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("name", POLICIES)
def test_established_packets_meet_few_rules(name: str, tool: str) -> None:
    case = load(HOME / name)
    with Topology(case.host) as topology:
        load_rules(topology.machine, tool, ruleset.build(case.policy()))
        for listing in _listings(topology, tool):
            met = {hook: established_meets(listing, hook) for hook in HOOKS}
            most = MOST + LIMITING * any(entry.limit for entry in case.policy().entries)
            most += tool != "nftables"  # is it banned?
            assert all(count <= most for count in met.values()), f"{met}\n{listing}"


def _listings(topology: Topology, tool: str) -> list[str]:
    """One for each packet's way: a packet meets one family's iptables, or the nftables of both."""
    if tool == "nftables":
        return [topology.machine.run(["nft", "list", "table", "inet", "vps_firewall"])]
    variant = tool.partition("-")[2]
    return [topology.machine.run([f"{prefix}-{variant}-save"], env=lock()) for prefix in PREFIX.values()]


SLOW_IPTABLES = """*filter
:INPUT DROP [0:0]
:OTHERS - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -j OTHERS
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "replies" -j ACCEPT
-A OTHERS -s 192.0.2.1/32 -j DROP
-A OTHERS -p tcp -m conntrack --ctstate ESTABLISHED -j ACCEPT
COMMIT
"""
SLOW_NFTABLES = """table inet a {
\tset s {
\t\telements = { 1, 2 }
\t}
\tchain others {
\t\tip saddr { 192.0.2.1,
\t\t\t   192.0.2.2 } drop
\t\ttcp dport 22 ct state established accept
\t}
\tchain input {
\t\ttype filter hook input priority filter; policy drop;
\t\tiif "lo" accept comment "jump nowhere"
\t\tjump others
\t\tct state established,related accept comment "replies"
\t}
}
"""


@pytest.mark.parametrize("text", [SLOW_IPTABLES, SLOW_NFTABLES])
def test_the_count_follows_calls_and_believes_no_lesser_rule(text: str) -> None:
    assert established_meets(text, "input") == 5


@pytest.mark.parametrize("text", [SLOW_IPTABLES, SLOW_NFTABLES])
def test_a_chain_that_accepts_no_established_connection_is_an_error(text: str) -> None:
    related_alone = text.replace("RELATED,ESTABLISHED", "RELATED").replace("established,related", "related")
    with pytest.raises(AssertionError, match="accepts no established"):
        established_meets(related_alone, "input")

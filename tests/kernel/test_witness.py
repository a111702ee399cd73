"""the witnesses themselves -> shown to notice what they are there for: leaks, losses, and packets never sent."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.casefiles import HOME, MACHINE, STRANGER, Host, Packet, load_all
from tests.lab.crafting import ICMP_MESSAGES, body
from tests.lab.namespaces import ToolFailed
from tests.lab.probing import NeverSent, Prober, misjudged
from tests.lab.topology import Topology

OPEN_BY_MISTAKE = """
table inet mistaken {
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        tcp dport { 22, 3306 } accept
        icmpv6 type echo-request accept
    }
}
"""

SWALLOWED = """
table netdev swallowed {
    chain out {
        type filter hook egress device wire0 priority 0; policy drop;
    }
}
"""


def test_there_are_enough_cases_and_packets() -> None:
    """Each packet counts once, though it is sent at three backends. The floor rises with the cases."""
    cases = load_all()
    packets = [packet for case in cases for packet in case.packets]
    assert len(cases) >= 80
    assert len(packets) >= 1200
    assert Counter(packet.family for packet in packets)[6] >= 400
    kinds = Counter(packet.protocol for packet in packets)
    assert {"tcp", "udp", "icmp", "icmpv6", "esp", "ah", "gre", "vrrp", "sctp"} <= set(kinds)
    flags = {packet.flags for packet in packets}
    assert {"none", "all", "fin,psh,urg", "syn,fin", "syn,rst", "ack"} <= flags
    for family in (4, 6):
        mine = [packet for packet in packets if packet.family == family]
        assert {"new", "reply", "established", "related"} <= {packet.state for packet in mine}
        assert any(packet.fragments for packet in mine)
        assert any(packet.via == "eth0" and packet.source in ("127.0.0.1", "::1") for packet in mine)
        assert {"eth0", "eth1", "lo", "bridge"} <= {packet.via for packet in mine}
        assert {"root", "nobody"} <= {packet.user for packet in mine}
        assert {True, False} == {packet.passes > 0 for packet in mine}


def test_a_leak_and_a_loss_are_both_seen() -> None:
    leaked = Packet("tcp", 4, STRANGER[4], MACHINE[4], port=3306, passes=0)
    lost = Packet("icmp", 4, STRANGER[4], MACHINE[4], message="echo-request")
    fine = [
        Packet("tcp", 6, STRANGER[6], MACHINE[6], port=22),
        Packet("icmpv6", 6, STRANGER[6], MACHINE[6], message="echo-request"),
        Packet("udp", 6, STRANGER[6], MACHINE[6], port=53, state="reply"),
        Packet("udp", 6, STRANGER[6], MACHINE[6], port=53, passes=0),
    ]
    packets = [*fine, leaked, lost]
    with Topology(Host()) as topology:
        topology.machine.run(["nft", "-f", "-"], OPEN_BY_MISTAKE)
        with Prober(topology, packets) as prober:
            wrong = misjudged(packets, prober.arrivals())
    assert wrong == [f"{leaked}: 1 of 1 arrived, 0 should", f"{lost}: 0 of 1 arrived, 1 should"]


def test_a_packet_that_never_left_is_not_called_dropped() -> None:
    packets = [Packet("tcp", 4, STRANGER[4], MACHINE[4], port=3306, passes=0)]
    with Topology(Host()) as topology:
        topology.internet.run(["nft", "-f", "-"], SWALLOWED)
        with Prober(topology, packets) as prober, pytest.raises(NeverSent):
            prober.arrivals()


def test_a_count_beyond_the_limit_is_seen() -> None:
    packet = Packet("tcp", 4, STRANGER[4], MACHINE[4], port=22, times=40, passes=30, slack=1)
    assert misjudged([packet], [30]) == misjudged([packet], [31]) == []
    assert len(misjudged([packet], [29])) == len(misjudged([packet], [32])) == 1


def test_a_text_that_a_tool_refuses_fails() -> None:
    with Topology(Host()) as topology, pytest.raises(ToolFailed, match="syntax error"):
        topology.machine.run(["nft", "-f", "-"], "table inet x { nonsense }\n")


def test_the_schema_of_cases_has_the_messages_that_can_be_made() -> None:
    named = json.loads((HOME / "case.schema.json").read_text(encoding="utf-8"))["definitions"]
    assert named["icmp"]["enum"] == sorted(ICMP_MESSAGES)
    for message in named["icmpv6"]["enum"]:
        asked = Packet(protocol="icmpv6", family=6, source=STRANGER[6], destination=MACHINE[6], message=message)
        assert bytes(body(asked, 1)), message

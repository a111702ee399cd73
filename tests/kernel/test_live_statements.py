"""Statements and matches that people write by hand -> live rules are read as the kernel takes them, or not at all.

Each has a port of its own. What is said of it must be what the packet meets; where nobody can know, it is unknown.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from cc_vps_firewall.algebra import live, live_nftables, live_who
from cc_vps_firewall.algebra.live_walk import Rules
from tests.casefiles import MACHINE, Host, Packet, Published
from tests.kernel.test_live import asked, rules_of
from tests.lab.backends import lock
from tests.lab.probing import Prober, misjudged
from tests.lab.topology import Topology

ACCEPT, DROP, UNKNOWN = "accept", "drop", "unknown"
# Rules of a chain of input whose policy is drop, %PORT their own port -> what becomes of a packet to it.
INPUT: tuple[tuple[str, str], ...] = (
    ("tcp dport < %PORT accept; tcp dport %PORT drop", DROP),
    ("tcp dport %PORT tcp sport >= 1024 accept", ACCEPT),
    ("tcp dport %PORT tcp sport > 65534 accept", DROP),
    ("tcp dport %PORT ip saddr > 198.51.100.8 accept", ACCEPT),
    ("tcp dport %PORT ip saddr <= 198.51.100.8 accept", DROP),
    ("tcp dport %PORT tcp dport > %PORT accept", DROP),
    ("tcp dport %PORT tcp dport <= %PORT accept", ACCEPT),
    ("tcp dport %PORT ip saddr > 198.51.100.9 accept", DROP),
    ("tcp dport %PORT ip saddr < 198.51.100.9 accept", DROP),
    ("tcp dport %PORT ip saddr >= 198.51.100.9 accept", ACCEPT),
    ("tcp dport %PORT limit name few accept", ACCEPT),
    ("tcp dport %PORT limit name many drop; tcp dport %PORT accept", ACCEPT),
    ("tcp dport %PORT counter name seen accept", ACCEPT),
    ("tcp dport %PORT ct count over 20 drop; tcp dport %PORT accept", ACCEPT),
    ("tcp dport %PORT ct count 20 accept", ACCEPT),
    ("tcp dport %PORT add @met { ip saddr limit rate over 50/second } drop; tcp dport %PORT accept", ACCEPT),
    ("tcp dport %PORT @nh,0,8 0x45 accept", UNKNOWN),
    ("tcp dport %PORT ether type ip accept", ACCEPT),
    ("tcp dport %PORT numgen random mod 2 0 accept", UNKNOWN),
    ("tcp dport %PORT meta mark 0 accept", UNKNOWN),
    ("tcp dport %PORT ip frag-off & 0x1fff != 0 drop; tcp dport %PORT accept", ACCEPT),
    ("tcp dport vmap { %PORT : accept, 9 : drop }", ACCEPT),
    ("tcp dport %PORT ip saddr . tcp dport vmap { 198.51.100.9 . %PORT : accept }", ACCEPT),
    ("tcp dport %PORT meta l4proto vmap { udp : drop, tcp : accept }", ACCEPT),
    ("tcp dport %PORT ip saddr vmap @doors", ACCEPT),
    ("tcp dport %PORT ip saddr != @rest accept", DROP),
    ("tcp dport %PORT meta l4proto ipv6-icmp accept", DROP),
    ("tcp dport %PORT ct state != new accept", DROP),
    ("tcp dport %PORT ct state { established, new } accept", ACCEPT),
    ("tcp dport %PORT ct state untracked accept", DROP),
    ("tcp dport %PORT tcp option maxseg size set 1400 accept", ACCEPT),
    ("tcp dport %PORT ip dscp set cs1 accept", ACCEPT),
    ("tcp dport %PORT tcp dport set 9999; tcp dport %PORT drop; tcp dport 9999 accept", UNKNOWN),
    ("tcp dport %PORT quota over 1000 mbytes drop; tcp dport %PORT accept", UNKNOWN),
    ("tcp dport %PORT socket transparent 1 accept", UNKNOWN),
    ("tcp dport %PORT tcp flags & (fin|syn|rst|ack) != syn drop; tcp dport %PORT accept", ACCEPT),
    ("tcp dport %PORT tcp flags ! fin,rst accept", ACCEPT),
    ("tcp dport %PORT tcp flags ! fin,syn accept", DROP),
    ("tcp dport %PORT ct state ! new accept", DROP),
    ("tcp dport %PORT jump nowhere; tcp dport %PORT accept", ACCEPT),
)
# The same before routing, at a priority; whatever of it comes through is accepted.
EARLIER: tuple[tuple[int, str, str], ...] = (
    (-300, "tcp dport %PORT ct state new drop", ACCEPT),  # the tracker has not looked
    (-300, "tcp dport %PORT ct state invalid drop", DROP),
    (-150, "tcp dport %PORT ct state new drop", DROP),
    (-150, "tcp dport %PORT ct state invalid drop", ACCEPT),
)
BASE = """
table inet theirs {
    limit few { rate 1000/second }
    limit many { rate over 1000/second }
    counter seen { }
    set met { type ipv4_addr; flags dynamic; size 100; }
    set rest { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, * } }
    map doors { type ipv4_addr : verdict; elements = { 10.0.0.9 : drop, * : accept } }
    chain nowhere { }
    chain input { type filter hook input priority 0; policy drop; %INPUT }
}
"""


def _numbered(rule: str, port: int) -> str:
    return rule.replace("%PORT", str(port))


def _packet(port: int, protocol: str = "tcp") -> Packet:
    return Packet(protocol, 4, "198.51.100.9", MACHINE[4], port, via="eth0")


def _judged(topology: Topology, packets: list[Packet], host: Host) -> list[str]:
    """What is said of each; and what is said must be so."""
    rules = rules_of(topology.machine)
    said = [rules.judge(asked(packet, host))[0][0] for packet in packets]
    for packet, fate in zip(packets, said):
        assert fate.verdict != UNKNOWN or fate.assumptions, (packet, "what it hangs on")
    known = [
        replace(packet, passes=int(fate.verdict == ACCEPT))
        for packet, fate in zip(packets, said)
        if fate.verdict != UNKNOWN
    ]
    with Prober(topology, known) as prober:
        assert misjudged(known, prober.arrivals()) == []
    return [fate.verdict for fate in said]


def statements() -> str:
    return BASE.replace("%INPUT", "".join(f"{_numbered(rule, 3000 + at)}; " for at, (rule, _) in enumerate(INPUT)))


def tracker() -> str:
    chains = [
        f"chain c{at} {{ type filter hook prerouting priority {priority}; {_numbered(rule, 3000 + at)}; }}\n"
        for at, (priority, rule, _) in enumerate(EARLIER)
    ]
    return f"table inet theirs {{\n{''.join(chains)}}}\n"


def test_statements_of_nft() -> None:
    host = Host()
    packets = [_packet(3000 + number) for number in range(len(INPUT))]
    with Topology(host) as topology:
        topology.machine.run(["nft", "-f", "-"], statements())
        found = _judged(topology, packets, host)
    wrong = [(rule, said) for (rule, expected), said in zip(INPUT, found) if said != expected]
    assert wrong == []


def test_what_the_tracker_says_before_and_behind_it() -> None:
    host = Host()
    packets = [_packet(3000 + number) for number in range(len(EARLIER))]
    with Topology(host) as topology:
        topology.machine.run(["nft", "-f", "-"], tracker())
        assert _judged(topology, packets, host) == [expected for *_, expected in EARLIER]


UNTRACKED_NFT = """table ip theirs {
    chain raw { type filter hook prerouting priority raw; udp dport { 53, 55 } notrack; }
    chain nat { type nat hook prerouting priority dstnat; udp dport 55 redirect to :56; }
    chain input { type filter hook input priority 0; policy drop;
        udp dport 53 ct state new accept; udp dport 54 ct state new accept;
        udp dport 55 ct state untracked accept; }
}"""
UNTRACKED_IPTABLES = """*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -p udp --dport 53 -j CT --notrack
-A PREROUTING -p udp --dport 55 -j CT --notrack
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -p udp --dport 55 -j REDIRECT --to-ports 56
COMMIT
*filter
:INPUT DROP [0:0]
-A INPUT -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT
-A INPUT -p udp --dport 54 -m conntrack --ctstate NEW -j ACCEPT
-A INPUT -p udp --dport 55 -m conntrack --ctstate UNTRACKED -j ACCEPT
COMMIT
"""


@pytest.mark.parametrize("tool", ["nft", "iptables-nft", "iptables-legacy"])
def test_a_packet_that_is_not_tracked(tool: str) -> None:
    """What a rule of raw takes from the tracker is new to nobody, and DNAT leaves it alone."""
    host = Host()
    with Topology(host) as topology:
        _load(topology, tool, UNTRACKED_NFT, UNTRACKED_IPTABLES)
        found = _judged(topology, [_packet(port, "udp") for port in (53, 54, 55)], host)
    assert found == [DROP, ACCEPT, ACCEPT]


def _load(topology: Topology, tool: str, nft: str, iptables: str) -> None:
    if tool == "nft":
        topology.machine.run(["nft", "-f", "-"], nft)
    else:
        topology.machine.run([f"{tool}-restore", "-w"], iptables, lock())


REWRITTEN_NFT = """
table ip theirs {
    map doors { type inet_service : ipv4_addr; elements = { 80 : 172.17.0.2 } }
    chain nat { type nat hook prerouting priority dstnat;
        dnat to tcp dport map @doors
        tcp dport 81 dnat to 172.17.0.2-172.17.0.3
        tcp dport 82 redirect to :9000-9001
        tcp dport 83 dnat ip addr . port to tcp dport map { 83 : 172.17.0.2 . 7083 }
        tcp dport 84 dnat to 172.17.0.2:7084
        tcp dport 85 redirect to :9002
    }
    chain late { type filter hook prerouting priority filter; tcp dport { 84, 7085 } drop; }
    chain forward { type filter hook forward priority filter; policy drop; tcp dport { 80, 7083, 7084 } accept; }
    chain away { type filter hook postrouting priority filter; tcp dport 7083 drop; }
    chain input { type filter hook input priority filter; policy drop; tcp dport 9002 accept; }
}
"""
REWRITTEN_IPTABLES = """*mangle
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -p tcp --dport 7083 -j DROP
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 172.17.0.2
-A PREROUTING -p tcp --dport 81 -j DNAT --to-destination 172.17.0.2-172.17.0.3
-A PREROUTING -p tcp --dport 82 -j REDIRECT --to-ports 9000-9001
-A PREROUTING -p tcp --dport 83 -j DNAT --to-destination 172.17.0.2:7083 --persistent
-A PREROUTING -p tcp --dport 84 -j DNAT --to-destination 172.17.0.2:7084 --random
-A PREROUTING -p tcp --dport 85 -j REDIRECT --to-ports 9002
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
-A FORWARD -p tcp -m multiport --dports 80,7083,7084 -j ACCEPT
-A INPUT -p tcp --dport 9002 -j ACCEPT
COMMIT
"""


@pytest.mark.parametrize("tool", ["nft", "iptables-nft", "iptables-legacy"])
def test_where_others_send_a_packet(tool: str) -> None:
    """By maps and to one of several; and what stands behind that: chains of prerouting after DNAT, of postrouting."""
    ports = (80, 81, 82, 83, 84, 85)
    host = Host(bridge="docker0", published=(Published("tcp", 84, 7084), Published("tcp", 80, 80)), forwarding=True)
    with Topology(host) as topology:
        _load(topology, tool, REWRITTEN_NFT, REWRITTEN_IPTABLES)
        rules = rules_of(topology.machine)
        found = {port: rules.judge(asked(_packet(port), host))[0][0] for port in ports}
        assert {port: fate.verdict for port, fate in found.items()} == {
            80: ACCEPT, 81: UNKNOWN, 82: UNKNOWN, 83: DROP, 84: ACCEPT, 85: ACCEPT,
        }  # fmt: skip
        assert all(fate.assumptions for fate in found.values() if fate.verdict == UNKNOWN)
        known = [replace(_packet(port), passes=1) for port in (80, 84)]
        with Prober(topology, known) as prober:
            assert misjudged(known, prober.arrivals()) == []
    assert "7083" in found[83].rule


ASLEEP = """
table ip asleep { flags dormant
    chain input { type filter hook input priority 0; policy drop; }
}
table inet early {
    chain early { type filter hook ingress device "lo" priority 0; }
}
"""


def test_a_table_that_sleeps_and_one_at_ingress() -> None:
    """A dormant table refuses nothing; nft 1.0.6 does not say so, and then it is an assumption."""
    with Topology(Host()) as topology:
        topology.machine.run(["nft", "-f", "-"], ASLEEP)
        dump = json.loads(topology.machine.run(["nft", "-j", "list", "ruleset"]))
        assert "table inet early is not read at ingress" in live_nftables.unread(dump)
        ((fate, _),) = rules_of(topology.machine).judge(asked(_packet(80), Host()))
    assert fate.verdict in (ACCEPT, UNKNOWN)
    assert fate.verdict == ACCEPT or "dormant" in " ".join(fate.assumptions)


def test_dnat_to_this_host_is_no_forwarding() -> None:
    """Its own address is behind `lo`; to 127.0.0.1 the kernel lets it go where a sysctl says so."""
    text = """table ip theirs {
        chain nat { type nat hook prerouting priority dstnat;
            tcp dport 80 dnat to 192.0.2.10:8080
            tcp dport 81 dnat to 127.0.0.1:8081
        }
        chain input { type filter hook input priority 0; policy drop; tcp dport 8080 accept; }
        chain forward { type filter hook forward priority 0; policy drop; }
    }"""
    with Topology(Host()) as topology:
        topology.machine.run(["nft", "-f", "-"], text)
        rules = rules_of(topology.machine)
        fates = [rules.judge(asked(_packet(port), Host()))[0][0] for port in (80, 81)]
    assert [fate.verdict for fate in fates] == [ACCEPT, UNKNOWN]
    assert "route_localnet" in fates[1].assumptions[0]


def test_protocols_that_rules_alone_name() -> None:
    """VRRP by its number, SCTP by its ports: `who` has them."""
    text = """table inet theirs { chain input { type filter hook input priority 0; policy drop;
        meta l4proto 112 accept; meta l4proto 200 accept; sctp dport 80 accept; meta l4proto ipv6-icmp accept; }
    }"""
    with Topology(Host()) as topology:
        topology.machine.run(["nft", "-f", "-"], text)
        rules: Rules = rules_of(topology.machine)
        reach = live_who.who(rules, MACHINE)
        by_hand = live.Packet("sctp", 80, "198.51.100.9", "eth0", MACHINE[4])
        assert rules.judge(by_hand)[0][0].verdict == ACCEPT
    # The lab's own wire rewrites one address, and of that one nobody can tell.
    found = {(part.family, part.proto, part.ports) for part in reach.parts if part.fate.verdict == ACCEPT}
    assert found == {
        *((family, proto, (0, 1)) for family in (4, 6) for proto in ("vrrp", "200")),
        (4, "sctp", (80, 81)), (6, "sctp", (80, 81)), (6, "icmpv6", (128, 129)),
    }  # fmt: skip

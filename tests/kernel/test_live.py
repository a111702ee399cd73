"""case folders, random policies and other people's tables -> the reader of live rules says what the kernel does."""

from __future__ import annotations

import ipaddress
import itertools
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cc_vps_firewall.algebra import live, live_ipset, live_iptables, live_nftables, live_who, ranges
from cc_vps_firewall.algebra.live import Fate, Table
from cc_vps_firewall.algebra.live_walk import Rules, judge
from cc_vps_firewall.algebra.zones import Zone, zone_of
from cc_vps_firewall.rules import ruleset
from tests import modelled
from tests.casefiles import MACHINE, Host, Packet, Published, load_all
from tests.kernel.test_algebra import POLICIES, worlds, wrong
from tests.lab.backends import TOOLS, load, lock, publish
from tests.lab.namespaces import Namespace
from tests.lab.probing import Prober, misjudged
from tests.lab.topology import Topology

CASES = load_all()
THEIRS = """
table ip crowdsec {
    set crowdsec-blacklists { type ipv4_addr; flags timeout; elements = { 203.0.113.7 timeout 4h } }
    chain crowdsec-chain { type filter hook input priority filter - 10; ip saddr @crowdsec-blacklists counter drop; }
}
table inet theirs {
    set admins {
        type ipv4_addr; flags interval
        elements = { 203.0.113.0/28, 198.51.100.9, 198.51.100.20-198.51.100.29 }
    }
    map doors {
        type inet_service : verdict; flags interval
        elements = { 443 : accept, 84 : accept, 8000-8010 : jump some }
    }
    chain some { ip saddr @admins accept; drop; }
    chain input {
        type filter hook input priority 10; policy drop;
        ct state established,related accept
        meta mark 7 tcp dport 9 accept
        tcp dport vmap @doors
        ip6 saddr 2001:db8:aa::/48 udp dport { 53, 5353 } accept
        tcp dport 5000 limit rate 3000/second burst 200 packets accept
        ip saddr != 198.51.100.0/24 tcp dport 82 accept
        ip6 saddr & ffff:ffff:ffff:: == 2001:db8:f:: tcp dport 82 accept
        tcp dport 5001 ip daddr 192.0.2.10 accept
        tcp dport 5002 ip daddr 192.0.2.11 accept
        icmp type echo-request accept
        iifname "eth1" tcp dport 22 accept
        tcp dport 6000 meta cgroup 5 accept
        udp dport 7000 reject
    }
}
"""
UFW = """\
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:ufw-before-input - [0:0]
:ufw-user-input - [0:0]
:ufw-not-local - [0:0]
:ufw-user-limit - [0:0]
-A INPUT -j ufw-before-input
-A ufw-before-input -i lo -j ACCEPT
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-input -m conntrack --ctstate INVALID -j DROP
-A ufw-before-input -p icmp -m icmp --icmp-type 8 -j ACCEPT
-A ufw-before-input -p udp -m udp --sport 67 --dport 68 -j ACCEPT
-A ufw-before-input -f -j DROP
-A ufw-before-input -m comment --comment "-j ACCEPT" -j ufw-not-local
-A ufw-before-input -d 224.0.0.251/32 -p udp -m udp --dport 5353 -j ACCEPT
-A ufw-before-input -j ufw-user-input
-A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN
-A ufw-not-local -m addrtype --dst-type MULTICAST -j RETURN
-A ufw-not-local -m addrtype --dst-type BROADCAST -j RETURN
-A ufw-not-local -m limit --limit 3/min --limit-burst 10 -j LOG
-A ufw-not-local -j DROP
-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT
-A ufw-user-input -s 203.0.113.0/24 -p tcp -m multiport --dports 80,443 -j ACCEPT
-A ufw-user-input ! -s 198.51.100.0/24 -i eth1 -p udp -m udp --dport 53 -j ACCEPT
COMMIT
"""


def held(machine: Namespace) -> list[Table]:
    """What the command reads, in this namespace."""
    found: list[Table] = []
    sets = live_ipset.sets(machine.run(["ipset", "save"]))
    for family, prefix in ((4, "ip"), (6, "ip6")):
        for variant in ("nft", "legacy"):
            text = machine.run([f"{prefix}tables-{variant}-save"], env=lock())
            found += live_iptables.tables(text, family, f"iptables-{variant}", sets)
    dump = json.loads(machine.run(["nft", "-j", "list", "ruleset"]))
    return [*found, *live_nftables.tables(dump, beside_iptables=True)]


def rules_of(machine: Namespace) -> Rules:
    """The same, with what the host's routes say."""
    return Rules(held(machine), partial(way_to, machine))


def way_to(machine: Namespace, address: str) -> str:
    words = machine.run(["ip", "-oneline", "route", "get", address]).split()
    return words[words.index("dev") + 1]


def asked(packet: Packet, host: Host) -> live.Packet:
    question = modelled.asked(packet, host)
    return live.Packet(
        packet.protocol, 0 if packet.message else packet.port, packet.source, question.interface, packet.destination,
        type=question.port if packet.message else -1,
    )  # fmt: skip


def comes_in(packet: Packet) -> bool:
    """The first packet to the machine itself, or to a port of it that a container is behind."""
    plain = not (packet.user or packet.hops or packet.sport or modelled.left_out(packet))
    return plain and packet.via != "lo" and packet.destination == MACHINE[packet.family] and packet.times == 1


@pytest.mark.parametrize("tool", TOOLS)
def test_it_says_of_cases_what_the_kernel_does(tool: str) -> None:
    said, count, unknown = [], 0, 0
    for case in CASES:
        packets = [packet for packet in case.packets if comes_in(packet)]
        if not packets:
            continue
        with Topology(case.host) as topology:
            load(topology.machine, tool, ruleset.build(case.policy()))
            if case.host.bridge:
                publish(topology, tool)
            tables = held(topology.machine)
        for packet in packets:
            fate = judge(tables, asked(packet, case.host))
            count += 1
            unknown += fate.verdict == "unknown"
            limited = any(other.passes != other.times for other in case.packets if other.source == packet.source)
            if fate.verdict == ("drop" if packet.passes else "accept") and not (limited and fate.verdict == "accept"):
                said.append(f"{case.name}: {packet}: {fate}")
    assert said == []
    assert count > 700
    assert unknown < count / 50, "nobody asks for what is never known"


@pytest.mark.parametrize("tool", TOOLS)
def test_it_says_of_random_policies_what_the_kernel_does(tool: str) -> None:
    for host, section, read, packets in worlds(f"live {tool}", -(-POLICIES // 4)):
        with Topology(host) as topology:
            load(topology.machine, tool, ruleset.build(read))
            if host.bridge and not host.behind:
                publish(topology, tool)
            tables = held(topology.machine)
        fates = [(packet, judge(tables, asked(packet, host))) for packet in packets if comes_in(packet)]
        known = [replace(packet, passes=int(fate.verdict == "accept")) for packet, fate in fates if _sure(fate)]
        assert len(known) >= len(fates) * 0.9, section
        assert wrong(tool, host, read, known) == [], section


def _sure(fate: Fate) -> bool:
    return fate.verdict != "unknown"


def questions(sources: Sequence[str], ports: Sequence[int]) -> list[Packet]:
    made = [
        Packet(protocol, 6 if ":" in source else 4, source, MACHINE[6 if ":" in source else 4], port, via=via)
        for source, protocol, port, via in itertools.product(sources, ("tcp", "udp"), ports, ("eth0", "eth1"))
    ]
    pings = [
        Packet("icmp", 4, source, MACHINE[4], 0, "echo-request", via="eth0") for source in sources if "." in source
    ]
    return [*made, *pings]


SOURCES = (
    "203.0.113.7", "203.0.113.8", "198.51.100.9", "198.51.100.29", "16.0.0.1", "2001:db8:aa::1", "2001:db8:f::7"
)  # fmt: skip
PORTS = (9, 22, 53, 80, 82, 84, 443, 5000, 5001, 5002, 5353, 6000, 7000, 8005)


@pytest.mark.parametrize("theirs", ["nftables", "ufw by iptables-nft", "ufw by iptables-legacy", "both"])
def test_it_says_of_other_peoples_tables_what_the_kernel_does(theirs: str) -> None:
    packets = questions(SOURCES, PORTS)
    with Topology(Host()) as topology:
        if theirs in ("nftables", "both"):
            topology.machine.run(["nft", "-f", "-"], THEIRS)
        if theirs != "nftables":
            kind = "legacy" if "legacy" in theirs else "nft"
            topology.machine.run([f"iptables-{kind}-restore", "-w"], UFW, lock())
        tables = held(topology.machine)
        fates = [judge(tables, asked(packet, Host())) for packet in packets]
        known = [
            replace(packet, passes=int(fate.verdict == "accept")) for packet, fate in zip(packets, fates) if _sure(fate)
        ]
        with Prober(topology, known) as prober:
            assert misjudged(known, prober.arrivals()) == []
    doubted = {packet.port for packet, fate in zip(packets, fates) if not _sure(fate)}
    assert doubted <= {9, 6000}, "a mark and a control group are what nobody can know"
    assert {fate.verdict for fate in fates} >= {"accept", "drop"}
    if theirs == "nftables":
        banned = judge(tables, asked(packets[0], Host()))
        assert (banned.verdict, banned.by) == ("drop", "table ip crowdsec")
        assert doubted == {9, 6000}
        told = next(fate for packet, fate in zip(packets, fates) if packet.port == 6000 and not _sure(fate))
        assert any("cgroup" in text for text in told.assumptions)


RULESETS = Path(__file__).parent / "rulesets"
KUBERNETES = Host(bridge="cni0", published=(Published("tcp", 30080, 8080),), forwarding=True)
# Rules of others -> what they are loaded by, the host, and ports that hang on what nobody can know.
CAPTURED: dict[str, tuple[Sequence[str], Host, set[int]]] = {
    "ufw": (("iptables-nft", "iptables-legacy"), Host(), {2222}),
    "firewalld": (("nft",), Host(), set()),
    "kubernetes": (("iptables-nft", "iptables-legacy"), KUBERNETES, set()),
    "kubernetes-nft": (("nft",), KUBERNETES, set()),
    "bans": (("iptables-nft", "iptables-legacy"), Host(), set()),
}


def loaded(machine: Namespace, name: str, tool: str) -> None:
    if (RULESETS / f"{name}.ipset").exists():
        machine.run(["ipset", "restore"], (RULESETS / f"{name}.ipset").read_text("utf-8"))
    if tool == "nft":
        machine.run(["nft", "-f", str(RULESETS / f"{name}.nft")])
        return
    for prefix, ending in (("ip", "v4"), ("ip6", "v6")):
        if (path := RULESETS / f"{name}.{ending}").exists():
            variant = tool.partition("-")[2]
            machine.run([f"{prefix}tables-{variant}-restore", "-w"], path.read_text("utf-8"), lock())


@pytest.mark.parametrize(("name", "tool"), [(name, tool) for name, (tools, *_) in CAPTURED.items() for tool in tools])
def test_it_says_of_rules_of_others_what_the_kernel_does(name: str, tool: str) -> None:
    """Of each packet, asked alone and as one of all sources."""
    _, host, unknown = CAPTURED[name]
    sources = [*SOURCES, "198.51.100.200", "203.0.113.200", "16.0.0.2", "16.0.0.5"]
    packets = questions(sources, [*PORTS, 25, 2222, 5432, 9090, 30080, 30090])
    with Topology(host) as topology:
        loaded(topology.machine, name, tool)
        rules = rules_of(topology.machine)
        way = {source: way_to(topology.machine, source) for source in sources}
        packets = [p for p in packets if p.family == 4 or (p.via == way[p.source] and p.port != 30080)]
        fates = [rules.judge(replace(asked(p, host), expected=p.via == way[p.source]))[0][0] for p in packets]
        known = [replace(p, passes=int(f.verdict == "accept")) for p, f in zip(packets, fates) if _sure(f)]
        with Prober(topology, known) as prober:
            assert misjudged(known, prober.arrivals()) == []
        reach = live_who.who(rules, MACHINE)
    assert {packet.port for packet, fate in zip(packets, fates) if not _sure(fate)} == unknown
    assert {fate.verdict for fate in fates if _sure(fate)} > {"accept"}
    for packet, fate in zip(packets, fates):
        parts = [part.fate for part in reach.parts if in_part(part, asked(packet, host), reach.zones)]
        assert [part.verdict for part in parts] == ([fate.verdict] if fate.verdict in ("accept", "unknown") else [])


def in_part(part: live_who.Part, packet: live.Packet, zones: Sequence[Zone]) -> bool:
    proto = packet.protocol
    return (
        (part.family, part.proto) == (packet.family, proto)
        and ranges.has(part.ports, packet.type if packet.type >= 0 else packet.port)
        and ranges.has(part.sources, int(ipaddress.ip_address(packet.source)))
        and zone_of(packet.interface, zones) in part.interfaces
    )


def test_a_set_that_nobody_can_list_is_an_assumption() -> None:
    text = (RULESETS / "bans.v4").read_text("utf-8")
    (table,) = live_iptables.tables(text, 4)
    fate = judge([table], live.Packet("tcp", 80, "203.0.113.7"))
    assert fate.verdict == "unknown"
    assert any("crowdsec-blacklists" in assumption for assumption in fate.assumptions)


def test_the_command_says_who_gets_in() -> None:
    with Topology(Host()) as topology:
        topology.machine.run(["nft", "-f", "-"], THEIRS)
        told = json.loads(asking(topology.machine, "who", "--live", "--json"))
        web = [part for part in told["ipv4"] if "443/tcp" in part["ports"] and part["verdict"] == "accept"]
        assert len(web) == 1
        lines = asking(topology.machine, "who", "443/tcp", "--live").splitlines()
        assert "anywhere but 203.0.113.7" in lines[1]
        doubted = [part for part in told["ipv4"] if part["verdict"] == "unknown"]
        assert {"6000/tcp"} <= {port for part in doubted for port in part["ports"]}
        assert any("cgroup" in text for part in doubted for text in part["assumptions"])


def asking(machine: Namespace, *arguments: str) -> str:
    return machine.run([sys.executable, "-m", "cc_vps_firewall", *arguments], env=lock())


def test_doubled_chains_take_no_time() -> None:
    """Each of thirty chains jumps to the next one twice: a billion ways, and one answer."""
    chains = [f"c{n}" for n in range(31)]
    text = "".join(f":{name} - [0:0]\n" for name in chains)
    text += "".join(f"-A {one} -j {two}\n" * 2 for one, two in zip(chains, chains[1:]))
    (table,) = live_iptables.tables(f"*filter\n:INPUT ACCEPT [0:0]\n{text}-A INPUT -j c0\nCOMMIT\n", 4)
    before = time.process_time()
    assert judge([table], live.Packet("tcp", 22, "192.0.2.1")).verdict == "accept"
    assert time.process_time() - before < 1


def test_circles_and_chains_that_are_gone_are_no_traceback() -> None:
    text = "*filter\n:INPUT ACCEPT [0:0]\n:a - [0:0]\n:b - [0:0]\n-A INPUT -p tcp -j a\n-A INPUT -p udp -g gone\n"
    text += "-A a -j b\n-A b -j a\nCOMMIT\n"
    tables = list(live_iptables.tables(text, 4))
    circle = judge(tables, live.Packet("tcp", 22, "192.0.2.1"))
    assert (circle.verdict, len(circle.assumptions)) == ("unknown", 1)
    assert "leads back to itself" in circle.assumptions[0]
    gone = judge(tables, live.Packet("udp", 22, "192.0.2.1"))
    assert gone.verdict == "unknown"
    assert gone.assumptions


def explained(machine: Namespace, *arguments: str) -> dict[str, Any]:
    return dict(json.loads(asking(machine, "explain", *arguments, "--live", "--json")))


def test_the_command_says_whose_rule_it_is() -> None:
    with Topology(Host()) as topology:
        topology.machine.run(["nft", "-f", "-"], THEIRS)
        banned = explained(topology.machine, "443/tcp", "--from", "203.0.113.7")
        assert (banned["verdict"], banned["table"], banned["ours"]) == ("drop", "table ip crowdsec", False)
        assert "crowdsec-blacklists" in banned["rule"]
        assert (banned["interface"], banned["listens"]) == ("eth0", False)
        assert explained(topology.machine, "443/tcp", "--from", "203.0.113.8")["verdict"] == "accept"
        assert explained(topology.machine, "7000/udp")["verdict"] == "reject"
        doubtful = explained(topology.machine, "6000/tcp", "--from", "203.0.113.8")
        assert doubtful["verdict"] == "unknown"
        assert any("cgroup" in text for text in doubtful["assumptions"])


def test_a_hundred_thousand_elements_take_seconds() -> None:
    elements = ", ".join(f"{16 + n // 65536}.{n // 256 % 256}.{n % 256}.0/25" for n in range(100_000))
    text = f"""table ip bans {{
        set banned {{
            type ipv4_addr
            flags interval
            elements = {{ {elements} }}
        }}
        chain incoming {{
            type filter hook input priority 0
            ip saddr @banned drop
        }}
    }}
    """
    with Topology(Host()) as topology:
        topology.machine.run(["nft", "-f", "-"], text)
        before = os.times().children_user
        assert explained(topology.machine, "22/tcp", "--from", "17.0.3.127")["verdict"] == "drop"
        assert explained(topology.machine, "22/tcp", "--from", "17.0.3.128")["verdict"] == "accept"
        assert os.times().children_user - before < 20, "both together, of a processor"
        before = os.times().children_user
        (part, *_) = json.loads(asking(topology.machine, "who", "22/tcp", "--live", "--json"))["ipv4"]
        assert os.times().children_user - before < 10
        assert "17.0.3.128/25" in part["from"]
        assert "17.0.3.0/25" not in part["from"]

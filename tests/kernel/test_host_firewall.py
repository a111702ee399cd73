"""case folders -> the pytest plugin's answers, held to what the kernel did with the same packets in test_cases.py."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest
from host_firewall import ACCEPT, DROP, CannotTell, HostFirewall
from host_firewall import Packet as Asked

from cc_vps_firewall.rules import ruleset
from tests.casefiles import MACHINE, Case, Packet, load_all
from tests.lab.backends import TOOLS, load, lock
from tests.lab.namespaces import Namespace

CASES = load_all()
FOREIGN = """
table inet theirs {
    set admins { type ipv4_addr; flags interval; elements = { 203.0.113.0/28, 192.0.2.9 } }
    map doors { type inet_service : verdict; flags interval; elements = { 443 : accept, 8000-8010 : jump some } }
    chain some { ip saddr @admins accept; drop; }
    chain input {
        type filter hook input priority 10; policy drop;
        ct state established,related accept
        meta mark 7 tcp dport 9 accept
        tcp dport vmap @doors
        ip6 saddr 2001:db8:aa::/48 udp dport { 53, 5353 } accept
        tcp dport 5000 limit rate 3/second accept
        iifname "wg*" accept
        tcp dport 6000 meta cgroup 5 accept
        ip saddr 192.0.2.1-192.0.2.5 tcp dport != 22 goto some
    }
}
"""


class Host:
    """As much of testinfra's `host` as the plugin uses: commands, in one namespace."""

    def __init__(self, machine: Namespace) -> None:
        self.machine = machine

    def run(self, command: str) -> SimpleNamespace:
        with self.machine.entered():
            done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=None)
        return SimpleNamespace(rc=done.returncode, stdout=done.stdout)


def first(packet: Packet) -> bool:
    """Is it what the plugin is asked about: the first packet of a connection to the machine itself?"""
    plain = not (packet.flags or packet.user or packet.fragments or packet.header or packet.hops or packet.sport)
    fresh = packet.state == "new" and packet.checksum == "good" and packet.via in ("eth0", "eth1")
    here = packet.destination == MACHINE[packet.family]
    return packet.protocol in ("tcp", "udp") and plain and fresh and here and packet.times == 1


def sent_on(packet: Packet, case: Case) -> bool:
    """Does it go to a container, or to a machine behind the host, by its port? Such a packet is judged elsewhere."""
    behind = (
        (each.family, each.opening.proto, range(each.opening.first, each.opening.last + 1))
        for each in case.policy().publish
    )
    return packet.port in {published.port for published in case.host.published} or any(
        packet.family == family and packet.protocol == protocol and packet.port in ports
        for family, protocol, ports in behind
    )


@pytest.mark.parametrize("tool", TOOLS)
def test_it_says_what_the_kernel_does(tool: str) -> None:
    asked, said = 0, []
    for case in CASES:
        packets = [packet for packet in case.packets if first(packet) and not sent_on(packet, case)]
        if not packets:
            continue
        machine = Namespace("machine")
        try:
            load(machine, tool, ruleset.build(case.policy()))
            firewall = HostFirewall(Host(machine))
            for packet in packets:
                wire = case.host.second if packet.via == "eth1" else packet.via
                fate = firewall.judge(Asked(packet.protocol, packet.port, packet.source, wire))
                asked += 1
                if fate != (ACCEPT if packet.passes else DROP):
                    said.append(f"{case.name}: {packet}: {fate}")
        finally:
            machine.close()
    assert said == []
    assert asked > 400, "the cases hold more first packets than that"


def test_other_peoples_tables() -> None:
    machine = Namespace("machine")
    try:
        machine.run(["nft", "-f", "-"], FOREIGN)
        firewall = HostFirewall(Host(machine))
        assert firewall.allows("tcp", 443)
        assert firewall.allows("tcp", 5000)
        assert firewall.refuses("tcp", 5001)
        assert firewall.allows("tcp", 8005, source="203.0.113.9")
        assert not firewall.allows("tcp", 8005, source="203.0.113.99")
        assert not firewall.allows("tcp", 8005)
        assert firewall.allows("udp", 5353, source="2001:db8:aa::1")
        assert firewall.refuses("udp", 5353)
        assert firewall.allows("tcp", 1, source="203.0.113.9", interface="wg0")
        assert firewall.refuses("tcp", 1, source="203.0.113.9")
        with pytest.raises(CannotTell, match="mark"):
            firewall.refuses("tcp", 9)
        with pytest.raises(CannotTell, match="cgroup"):
            firewall.allows("tcp", 6000)
        # A second table that drops is enough: an accept elsewhere does not override it.
        machine.run(
            ["nft", "add table ip more; add chain ip more in { type filter hook input priority 50; policy drop; }"]
        )
        assert firewall.allows("tcp", 443), "it asks once"
        firewall.forget()
        assert firewall.refuses("tcp", 443, source="203.0.113.9")
        assert firewall.allows("tcp", 443, source="2001:db8::9")
    finally:
        machine.close()


def test_both_kinds_of_iptables_at_once() -> None:
    machine = Namespace("machine")
    try:
        for variant, port in (("nft", 80), ("legacy", 81)):
            rules = f"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m multiport --dports 22,{port} -j REJECT\nCOMMIT\n"
            machine.run([f"iptables-{variant}-restore", "-w"], rules, lock())
        firewall = HostFirewall(Host(machine))
        for port in (22, 80, 81):
            assert firewall.refuses("tcp", port, source="203.0.113.9")
            assert firewall.allows("tcp", port, source="2001:db8::9")
        assert firewall.allows("udp", 80)
    finally:
        machine.close()


def test_a_host_without_any_tool_is_no_open_host() -> None:
    class Bare:
        def run(self, command: str) -> SimpleNamespace:
            return SimpleNamespace(rc=127, stdout="")

    with pytest.raises(CannotTell, match="nothing is installed"):
        HostFirewall(Bare()).allows("tcp", 22)

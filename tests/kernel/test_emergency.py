"""the rules of last resort -> SSH, replies and what a network needs come in, and nothing that is forged."""

from __future__ import annotations

import pytest

import cc_vps_firewall
from tests.casefiles import HOME, Host, Packet, load
from tests.lab.backends import PREFIX, TOOLS, listing, lock
from tests.lab.namespaces import Namespace, ToolFailed
from tests.lab.probing import Prober, misjudged
from tests.lab.topology import Topology

from .test_connections import furnish_internet
from .test_path_mtu import forge, path_mtu

# Their folders say why.
ALL_OF = ("icmp-that-networks-need", "dhcp-answers")
WHAT_PASSES = ("ipv6-neighbours", "ipv6-multicast-listeners")  # the kernel itself asks for hop limits and sources


def declare_emergency(machine: Namespace, tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `__init__` does when the engine is broken, on a host that has this tool alone."""
    family = {f"{name}{end}": name for name in PREFIX.values() for end in ("", "-restore")}

    def run(argv: tuple[str, ...], text: str) -> bool:
        program, *options = argv
        if program in family:
            program = f"{family[program]}-{tool.partition('-')[2]}{program[len(family[program]) :]}"
        if (program == "nft") != (tool == "nftables"):
            return False
        try:
            machine.run([program, *options], text, lock())
        except ToolFailed:
            return False
        return True

    monkeypatch.setattr(cc_vps_firewall, "_load", run)
    monkeypatch.setattr(cc_vps_firewall, "ssh_ports", lambda: ["22", "2222"])
    told = cc_vps_firewall._emergency()  # type: ignore[no-untyped-call]
    assert told == "closed but for SSH until it is mended"


def packets() -> list[Packet]:
    chosen = [packet for name in ALL_OF for packet in load(HOME / name).packets]
    chosen += [packet for name in WHAT_PASSES for packet in load(HOME / name).packets if packet.passes]
    for family, source in ((4, "198.51.100.7"), (6, "2001:db8:f::7")):
        to = {4: "192.0.2.10", 6: "2001:db8:1::10"}[family]
        chosen += [Packet("tcp", family, source, to, port=port) for port in (22, 2222)]
        for proto in ("tcp", "udp"):
            chosen += [Packet(proto, family, source, to, port=port, passes=0) for port in (53, 80)]
            chosen.append(Packet(proto, family, source, to, port=443, state="reply"))
        ping = {4: "icmp", 6: "icmpv6"}[family]
        chosen.append(Packet(ping, family, source, to, message="echo-request", passes=0))
    return chosen


@pytest.mark.parametrize("tool", TOOLS)
def test_packets(tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Topology(Host()) as topology:
        declare_emergency(topology.machine, tool, monkeypatch)
        print(listing(topology.machine, tool))
        with Prober(topology, packets()) as prober:
            assert misjudged(prober.packets, prober.arrivals()) == []


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("tool", TOOLS)
def test_a_forged_error_changes_nothing(tool: str, family: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with Topology(Host()) as topology:
        furnish_internet(topology)
        declare_emergency(topology.machine, tool, monkeypatch)
        forge(topology, family)
        assert path_mtu(topology.machine, {4: "198.51.100.7", 6: "2001:db8:f::7"}[family]) == 0

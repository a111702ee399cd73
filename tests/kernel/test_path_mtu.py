"""errors that routers send -> the path MTU of what the machine sends is learned; one that is forged changes nothing.

    machine ── 1500 ── router (internet) ── 1300 ── far, whose own end takes 1500

A kernel believes an error that quotes an echo reply without asking whether it ever sent one (icmp_err() looks for no
socket), so a packet from anywhere sets the path MTU to any address.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6PacketTooBig, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from tests.casefiles import MACHINE, STRANGER, Host
from tests.lab.backends import TOOLS, load
from tests.lab.namespaces import Namespace, packet_socket
from tests.lab.probing import FAMILY
from tests.lab.topology import GATEWAY, MAC, Topology

from .test_connections import PATIENCE, Route, connected, furnish_internet, rules

FAR = {4: "203.0.113.80", 6: "2001:db8:fa::80"}
NEAR = {4: "203.0.113.1", 6: "2001:db8:fa::1"}  # the router, as seen from there
MAC_NEAR, MAC_FAR = "02:00:00:00:fa:01", "02:00:00:00:fa:02"
NARROW = 1300
FORGED = {4: 552, 6: 1280}  # the least that a kernel believes (net.ipv4.route.min_pmtu, RFC 8200 5)
SERVICE = 5000
# socket(7) has no names for these: linux/in.h, linux/in6.h
MTU_DISCOVER = {4: (socket.IPPROTO_IP, 10), 6: (socket.IPPROTO_IPV6, 23)}
MTU = {4: (socket.IPPROTO_IP, 14), 6: (socket.IPPROTO_IPV6, 24)}
DO = 2  # never fragment
STRICT = {"ssh": False, "ping": False, "outgoing": {"policy": "drop", "allow": [f"{SERVICE}/tcp", f"{SERVICE}/udp"]}}

NO_ERRORS = """
table inet hole {
    chain incoming {
        type filter hook prerouting priority -400; policy accept;
        icmp type destination-unreachable drop
        icmpv6 type packet-too-big drop
    }
}
"""
# What an owner writes whose service is too busy for the tracker: with ERRORS as the manual tells, and without.
UNTRACKED = f"""
table inet busy {{
    chain incoming {{
        type filter hook prerouting priority raw; policy accept;
        udp sport {SERVICE} notrack
        ERRORS
    }}
    chain outgoing {{
        type filter hook output priority raw; policy accept;
        udp dport {SERVICE} notrack
    }}
}}
"""
ERRORS = "icmp type destination-unreachable notrack\n        icmpv6 type packet-too-big notrack"


@contextmanager
def narrow_path() -> Iterator[tuple[Topology, Namespace]]:
    with Topology(Host()) as topology:
        furnish_internet(topology)
        far = Namespace("far")
        try:
            topology.internet.sysctl({"ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1})
            far.sysctl({"ipv6/conf/default/accept_dad": 0})
            peer = f"peer name eth0 address {MAC_FAR} netns {far.path}"
            topology.internet.ip(f"link add narrow mtu {NARROW} address {MAC_NEAR} type veth {peer}")
            far.ip("link set lo up", "link set eth0 up")
            topology.internet.ip(
                "link set narrow up",
                f"address add {NEAR[4]}/24 dev narrow",
                f"address add {NEAR[6]}/64 dev narrow nodad",
                *(f"neighbour add {a} lladdr {MAC_FAR} dev narrow nud permanent" for a in FAR.values()),
            )
            far.ip(
                f"address add {FAR[4]}/24 dev eth0",
                f"address add {FAR[6]}/64 dev eth0 nodad",
                *(f"neighbour add {a} lladdr {MAC_NEAR} dev eth0 nud permanent" for a in NEAR.values()),
                *(f"route add default via {a}" for a in NEAR.values()),
            )
            yield topology, far
        finally:
            far.close()


def path_mtu(machine: Namespace, address: str) -> int:
    """What the kernel has learned; 0: nothing."""
    words = machine.run(["ip", "route", "get", address]).split()
    return int(words[words.index("mtu") + 1]) if "mtu" in words else 0


def upload(machine: Namespace, far: Namespace, family: int) -> int:
    """200 kB over TCP -> how much arrives."""
    count = [0]
    with connected(Route(far, FAR[family], SERVICE, machine, MACHINE[family], FAR[family], SERVICE)) as (near, end):

        def read() -> None:
            with suppress(socket.timeout):
                while data := end.recv(65536):
                    count[0] += len(data)

        reader = threading.Thread(target=read)
        reader.start()
        with suppress(socket.timeout):
            near.sendall(b"." * 200_000)
            near.shutdown(socket.SHUT_WR)
        reader.join()
    return count[0]


@contextmanager
def datagrams(machine: Namespace, family: int) -> Iterator[socket.socket]:
    with machine.entered():
        sender = socket.socket(FAMILY[family], socket.SOCK_DGRAM)
    with sender:
        sender.setsockopt(*MTU_DISCOVER[family], DO)
        sender.bind((MACHINE[family], SERVICE))
        sender.connect((FAR[family], SERVICE))
        yield sender


def mtu_of_datagrams(machine: Namespace, family: int, patience: float = PATIENCE) -> int:
    """What a socket that sends datagrams which fit a wire of 1500 learns of its path."""
    deadline = time.monotonic() + patience
    with datagrams(machine, family) as sender:
        while sender.getsockopt(*MTU[family]) == 1500 and time.monotonic() < deadline:
            with suppress(OSError):  # what the error before has told, or that nobody listens
                sender.send(b"." * 1400)
            time.sleep(0.02)
        return sender.getsockopt(*MTU[family])


def forge(topology: Topology, family: int) -> None:
    """An error about an echo reply that the machine has never sent, from a router on the way."""
    router, machine, to = GATEWAY[family], MACHINE[family], STRANGER[family]
    if family == 4:
        quoted = IP(src=machine, dst=to) / ICMP(type=0, id=7, seq=1) / Raw(b"." * 40)
        packet = IP(src=router, dst=machine) / ICMP(type=3, code=4, nexthopmtu=FORGED[4]) / quoted
    else:
        quoted = IPv6(src=machine, dst=to) / ICMPv6EchoReply(id=7, seq=1, data=b"." * 40)
        packet = IPv6(src=router, dst=machine) / ICMPv6PacketTooBig(mtu=FORGED[6]) / quoted
    with topology.internet.entered():
        wire = packet_socket("wire0")
    with wire:
        wire.send(bytes(Ether(src=MAC["wire0"], dst=MAC["eth0"]) / packet))
    time.sleep(0.1)  # for what must not happen


@pytest.mark.parametrize("family", [4, 6])
def test_without_a_firewall_a_forged_error_is_believed(family: int) -> None:
    with Topology(Host()) as topology:
        furnish_internet(topology)
        forge(topology, family)
        assert path_mtu(topology.machine, STRANGER[family]) == FORGED[family]


@pytest.mark.parametrize("section", [{}, {"malformed": "accept"}], ids=["default", "malformed accepted"])
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("tool", TOOLS)
def test_a_forged_error_changes_nothing(tool: str, family: int, section: dict[str, object]) -> None:
    with Topology(Host()) as topology:
        furnish_internet(topology)
        load(topology.machine, tool, rules(section))
        forge(topology, family)
        assert path_mtu(topology.machine, STRANGER[family]) == 0


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("tool", TOOLS)
def test_the_path_of_a_connection_is_learned(tool: str, family: int) -> None:
    with narrow_path() as (topology, far):
        load(topology.machine, tool, rules(STRICT))
        assert upload(topology.machine, far, family) == 200_000
        assert path_mtu(topology.machine, FAR[family]) == NARROW


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("tool", TOOLS)
def test_the_path_of_datagrams_is_learned(tool: str, family: int) -> None:
    with narrow_path() as (topology, _):
        load(topology.machine, tool, rules(STRICT))
        assert mtu_of_datagrams(topology.machine, family) == NARROW


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("tool", TOOLS)
def test_the_path_of_what_is_not_tracked_is_learned(tool: str, family: int) -> None:
    """The owner who takes a flow out of the tracker takes the errors about it out too."""
    with narrow_path() as (topology, _):
        load(topology.machine, tool, rules({"outgoing": "accept", "allow": [f"{SERVICE}/udp"]}))
        topology.machine.run(["nft", "-f", "-"], UNTRACKED.replace("ERRORS", ERRORS))
        assert mtu_of_datagrams(topology.machine, family) == NARROW


@pytest.mark.parametrize("family", [4, 6])
def test_an_error_that_the_tracker_cannot_relate_is_not_believed(family: int) -> None:
    """Of a flow that is not tracked; who takes no errors out of the tracker as well has no path MTU for it."""
    with narrow_path() as (topology, _):
        load(topology.machine, "nftables", rules({"allow": [f"{SERVICE}/udp"]}))
        topology.machine.run(["nft", "-f", "-"], UNTRACKED.replace("ERRORS", ""))
        assert mtu_of_datagrams(topology.machine, family, patience=0.5) == 1500


@pytest.mark.parametrize("family", [4, 6])
def test_without_errors_the_path_is_a_hole(family: int) -> None:
    """The witness: what is learned above comes by these errors, and by nothing else."""
    with narrow_path() as (topology, far):
        topology.machine.run(["nft", "-f", "-"], NO_ERRORS)
        assert upload(topology.machine, far, family) < 200_000
        assert mtu_of_datagrams(topology.machine, family, patience=0.5) == 1500

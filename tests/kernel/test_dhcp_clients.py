"""real DHCP clients behind the default policy -> a lease, its renewal by unicast, and a rebinding by broadcast.

Client and server (dnsmasq) are Debian's own programs, each on a machine of its own. Before they have an address, and
when they ask everybody, these clients read from packet sockets, which see what comes before any rule does. networkd and
NetworkManager wait for the answer to a renewal at an ordinary socket: it has to come in as a reply. What the client
made of an answer is read off its address, whose time begins anew.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from cc_vps_firewall.rules import iptables, nftables
from tests import suites
from tests.lab.world import Machine, pair

from .test_connections import rules

PACKAGES = ("dbus", "dnsmasq-base", "isc-dhcp-client", "network-manager")
SUITE = "bookworm"
PATIENCE = 60.0
LEASE, RENEW, REBIND = 120, 4, 9  # seconds: dnsmasq's shortest, and when the client is to ask whom
BEHIND = "10.9.0.254"

DNSMASQ = (
    "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--user=root", "--port=0", "--interface=eth0", "--enable-ra",
    "--dhcp-authoritative", f"--dhcp-range=10.9.0.50,10.9.0.99,{LEASE}",
    f"--dhcp-range=fd00:9::50,fd00:9::99,64,{LEASE}", f"--dhcp-option=option:T1,{RENEW}",
    f"--dhcp-option=option:T2,{REBIND}",
)  # fmt: skip

# Questions of one kind leave the client, as its tracker knows, and never reach the server.
LOST = """
table netdev lost
delete table netdev lost
table netdev lost {
    chain outgoing {
        type filter hook egress device "eth0" priority 0; policy accept;
        udp dport 67 ip daddr WHOM drop
    }
}
"""
UNICAST, BROADCAST = (LOST.replace("WHOM", whom) for whom in ("!= 255.255.255.255", "255.255.255.255"))
# A relay, or a server with many addresses: what answers is not what was asked.
FROM_ELSEWHERE = f"""
table ip relay {{
    chain outgoing {{
        type filter hook output priority raw; policy accept;
        udp sport 67 ip saddr set {BEHIND}
    }}
}}
"""
STATE_OF_NETWORKD = ("/run/systemd/netif", "/run/systemd/netif/links", "/run/systemd/netif/leases")
MACHINE_ID = "0123456789abcdef0123456789abcdef\n"
NM_CONF = """
[main]
plugins=keyfile
auth-polkit=false
dhcp=internal
"""
NM_CONNECTION = """
[connection]
id=lan
uuid=11111111-1111-1111-1111-111111111111
type=ethernet
interface-name=eth0
[ipv4]
method=auto
[ipv6]
method=auto
"""


@contextmanager
def running(machine: Machine, *command: str) -> Iterator[None]:
    """A program of the machine, which ends with it; what it says is shown when the test fails."""
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        subprocess.Popen([*machine.entrance(), *command], stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            yield
        finally:
            said.seek(0)
            print(command[0], *said.read().splitlines()[-40:], sep="\n")


@contextmanager
def dhclient(machine: Machine) -> Iterator[None]:
    with running(machine, "dhclient", "-4", "-d", "eth0"):
        yield


@contextmanager
def networkd(machine: Machine) -> Iterator[None]:
    machine.write("/etc/systemd/network/lan.network", "[Match]\nName=eth0\n[Network]\nDHCP=yes\n")
    machine.run("install", "-d", "-o", "systemd-network", "-g", "systemd-network", *STATE_OF_NETWORKD)
    with running(machine, "/lib/systemd/systemd-networkd"):
        yield


@contextmanager
def network_manager(machine: Machine) -> Iterator[None]:
    """Without systemd it takes a bus of its own, and nothing else."""
    machine.write("/etc/NetworkManager/NetworkManager.conf", NM_CONF)
    connection = "/etc/NetworkManager/system-connections/lan.nmconnection"
    machine.write(connection, NM_CONNECTION)
    machine.run("chmod", "600", connection)
    machine.run("mkdir", "-p", "/run/dbus", "/run/udev")
    with running(machine, "dbus-daemon", "--system", "--nofork", "--nopidfile"):
        awaited(lambda: (machine.root / "run/dbus/system_bus_socket").exists(), "a bus")
        with running(machine, "NetworkManager", "--debug"):
            yield


CLIENTS = {"dhclient": dhclient, "networkd": networkd, "NetworkManager": network_manager}


def load(machine: Machine, tool: str) -> None:
    """The default policy, by the machine's own tools."""
    if tool == "nftables":
        machine.run("nft", "-f", "-", given=nftables.render(rules({})))
        return
    for family, restore in ((4, "iptables-restore"), (6, "ip6tables-restore")):
        machine.run(restore, "-w", given=iptables.render(rules({}), family))


@contextmanager
def lan(tool: str) -> Iterator[tuple[Machine, Machine]]:
    with pair(suites.root_of(SUITE, PACKAGES)) as (client, server):
        client.write("/etc/machine-id", MACHINE_ID)  # what networkd makes its identity of
        load(client, tool)
        # In a day's lease it is hours from a renewal that nobody answered to the rebinding: none of it is remembered.
        for timeout in ("udp_timeout", "udp_timeout_stream"):
            sysctl(client, f"netfilter/nf_conntrack_{timeout}", "1")
        sysctl(server, "ipv6/conf/eth0/accept_dad", "0")
        for line in ("addr add 10.9.0.1/24 dev eth0", "addr add fd00:9::1/64 dev eth0", "link set eth0 up"):
            server.run("ip", *line.split())
        with running(server, *DNSMASQ):
            client.run("ip", "link", "set", "eth0", "up")
            yield client, server


def sysctl(machine: Machine, name: str, value: str) -> None:
    machine.with_our_tools(["sh", "-c", 'echo "$2" >"/proc/sys/net/$1"', "sh", name, value])


def seconds_left(client: Machine, prefix: str) -> int:
    """Of the lease, as the client has told the kernel; 0 where it has none."""
    (link,) = json.loads(client.run("ip", "-json", "address", "show", "dev", "eth0").stdout)
    left = [a["valid_life_time"] for a in link["addr_info"] if a["local"].startswith(prefix)]
    return max(left, default=0)


def awaited(happens: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happens():
        assert time.monotonic() < deadline, f"{what} was awaited for {PATIENCE:.0f} s"
        time.sleep(0.2)


def await_lease(client: Machine, prefix: str = "10.9.0.") -> None:
    awaited(lambda: seconds_left(client, prefix) > 0, "a lease")


def await_extension(client: Machine, what: str) -> None:
    """The time that is left falls, and then begins anew."""
    lowest = [LEASE]

    def extended() -> bool:
        left = seconds_left(client, "10.9.0.")
        assert left, "the lease was lost"
        lowest[0] = min(lowest[0], left)
        return left > lowest[0] + 1

    awaited(extended, what)


@pytest.mark.parametrize("tool", ["nftables", "iptables"])
@pytest.mark.parametrize("name", CLIENTS)
def test_a_lease_is_got_renewed_and_rebound(name: str, tool: str) -> None:
    with lan(tool) as (client, _), CLIENTS[name](client):
        await_lease(client)
        client.run("nft", "-f", "-", given=BROADCAST)
        await_extension(client, "a renewal by unicast")
        client.run("nft", "-f", "-", given=UNICAST)
        await_extension(client, "a rebinding by broadcast")
        if name != "dhclient":
            await_lease(client, "fd00:9::")


@pytest.mark.parametrize("name", CLIENTS)
def test_a_server_may_answer_from_any_address(name: str) -> None:
    """Then a renewal has no answer that is a reply; the client asks everybody in time, and keeps its address."""
    with lan("nftables") as (client, server):
        server.run("nft", "-f", "-", given=FROM_ELSEWHERE)
        with CLIENTS[name](client):
            await_lease(client)
            await_extension(client, "a rebinding by broadcast")

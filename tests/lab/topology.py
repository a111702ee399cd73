"""a case's host -> namespaces wired together: the internet, the machine, and its containers.

    internet            machine                          container, neighbour
    wire0 ───────────── eth0  192.0.2.10  2001:db8:1::10
    wire1 ───────────── eth1  10.0.0.10   fd00:1::10
                        BRIDGE 172.17.0.1 fd00:17::1 ──── eth0  172.17.0.2/.3  fd00:17::2/::3

The kernel's own checks of sources are off, so that only the firewall decides: rp_filter, accept_local and
route_localnet let 127.0.0.0/8 and the machine's own addresses in from a wire. IPv6 has no such switch for ::1
(ip6_rcv drops it, RFC 4291 2.5.3), so a packet that shall come from ::1 travels under a stand-in address, which
a rule before connection tracking turns into ::1 on arrival. Neighbours are permanent: no ARP, no ND in between.
"""

from __future__ import annotations

from types import TracebackType

from tests.casefiles import CONTAINER, MACHINE, Host

from .namespaces import Namespace

MAC = {
    "wire0": "02:00:00:00:00:01",
    "wire1": "02:00:00:00:00:02",
    "eth0": "02:00:00:00:00:10",
    "eth1": "02:00:00:00:00:11",
    "bridge": "02:00:00:00:17:01",
    "container": "02:00:00:00:17:02",
    "neighbour": "02:00:00:00:17:03",
}
GATEWAY = {4: "192.0.2.1", 6: "2001:db8:1::1"}
LINK_LOCAL_ROUTER = "fe80::1"
LINK_LOCAL_METADATA = "fe80::a9fe:a9fe"
BEYOND = {4: "10.0.0.99", 6: "fd00:1::99"}  # a host behind eth1, for what the machine forwards
BRIDGE = {4: "172.17.0.1", 6: "fd00:17::1"}
NEIGHBOUR = {4: "172.17.0.3", 6: "fd00:17::3"}
STAND_IN = "2001:db8:bad::1"  # arrives as ::1

ARRIVES_AS_LOOPBACK = f"""
table ip6 wire {{
    chain incoming {{
        type filter hook prerouting priority -400;
        ip6 saddr {STAND_IN} ip6 saddr set ::1
    }}
}}
"""

OPEN_HOST = {
    "ipv4/conf/all/rp_filter": 0,
    "ipv4/conf/default/rp_filter": 0,
    "ipv4/conf/all/accept_local": 1,
    "ipv4/conf/all/route_localnet": 1,
    "ipv4/conf/all/accept_redirects": 0,
    "ipv4/icmp_ratelimit": 0,
    "ipv6/conf/default/accept_dad": 0,
    "ipv6/conf/default/accept_ra": 0,
    "ipv6/conf/default/accept_redirects": 0,
    "ipv6/conf/default/addr_gen_mode": 1,
}
QUIET_PEER = {"ipv6/conf/default/accept_dad": 0, "ipv6/conf/default/addr_gen_mode": 1}


class Topology:
    """The namespaces of one run. Use it as a context: they are gone afterwards."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.internet = Namespace("internet")
        self.machine = Namespace("machine")
        self.containers: dict[str, Namespace] = {}
        self._wire_internet()
        if host.bridge:
            self._wire_bridge(host.bridge)
        for namespace in self.all:
            namespace.await_addresses()
        if host.forwarding:
            self.machine.sysctl({"ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1})

    def _wire_internet(self) -> None:
        self.machine.sysctl(OPEN_HOST)
        self.internet.sysctl(QUIET_PEER)
        second = self.host.second
        links = [
            f"link add {name} address {MAC[eth]} type veth peer name {wire} address {MAC[wire]} "
            f"netns {self.internet.path}"
            for eth, name, wire in (("eth0", "eth0", "wire0"), ("eth1", second, "wire1"))
        ]
        self.machine.ip("link set lo up", *links, "link set eth0 up", f"link set {second} up")
        self.internet.ip("link set lo up", "link set wire0 up", "link set wire1 up")
        self.machine.ip(
            f"address add {MACHINE[4]}/24 dev eth0",
            f"address add {MACHINE[6]}/64 dev eth0 nodad",
            "address add fe80::10/64 dev eth0 nodad",
            f"address add 10.0.0.10/24 dev {second}",
            f"address add fd00:1::10/64 dev {second} nodad",
            f"address add fe80::11/64 dev {second} nodad",
            *(f"neighbour add {a} lladdr {MAC['wire0']} dev eth0 nud permanent" for a in GATEWAY.values()),
            *(
                f"neighbour add {a} lladdr {MAC['wire0']} dev eth0 nud permanent"
                for a in (LINK_LOCAL_ROUTER, LINK_LOCAL_METADATA)
            ),
            *(f"neighbour add {a} lladdr {MAC['wire1']} dev {second} nud permanent" for a in BEYOND.values()),
            f"route add default via {GATEWAY[4]}",
            f"route add default via {GATEWAY[6]}",
        )
        self.machine.run(["nft", "-f", "-"], ARRIVES_AS_LOOPBACK)

    def _wire_bridge(self, bridge: str) -> None:
        self.machine.ip(
            f"link add {bridge} address {MAC['bridge']} type bridge",
            f"address add {BRIDGE[4]}/16 dev {bridge}",
            f"address add {BRIDGE[6]}/64 dev {bridge} nodad",
            f"link set {bridge} up",
        )
        for name, addresses in (("container", CONTAINER), ("neighbour", NEIGHBOUR)):
            inside = self.containers[name] = Namespace(name)
            inside.sysctl(QUIET_PEER)
            self.machine.ip(
                f"link add {name} type veth peer name eth0 address {MAC[name]} netns {inside.path}",
                f"link set {name} master {bridge} up",
                *(f"neighbour add {a} lladdr {MAC[name]} dev {bridge} nud permanent" for a in addresses.values()),
            )
            inside.ip(
                "link set lo up",
                "link set eth0 up",
                f"address add {addresses[4]}/16 dev eth0",
                f"address add {addresses[6]}/64 dev eth0 nodad",
                *(f"neighbour add {a} lladdr {MAC['bridge']} dev eth0 nud permanent" for a in BRIDGE.values()),
                f"route add default via {BRIDGE[4]}",
                f"route add default via {BRIDGE[6]}",
            )
        # As Docker sets it: what containers say to each other passes the forward hook too.
        self.machine.sysctl({"bridge/bridge-nf-call-iptables": 1, "bridge/bridge-nf-call-ip6tables": 1})

    @property
    def all(self) -> list[Namespace]:
        return [self.internet, self.machine, *self.containers.values()]

    def __enter__(self) -> Topology:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for namespace in self.all:
            namespace.close()

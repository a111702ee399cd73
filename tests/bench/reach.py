"""a contender's machine -> what a stranger reaches there: over both families, behind Docker's rules, after a mistake.

The policy is the tutorial's. A database listens on the machine and a web server in a container behind its bridge, and
neither is named in it. Docker's rules are those that it adds when it starts after the firewall (tests/lab/backends.py).
The mistake is the usual one: over SSH, a policy that opens SSH to somebody else.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing
from types import SimpleNamespace
from typing import Any, cast

from tests.bench import contenders
from tests.bench.contenders import Contender
from tests.casefiles import Published
from tests.lab import backends
from tests.lab.namespaces import Namespace
from tests.lab.world import Machine, alone

FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
HOST = {4: "192.0.2.10", 6: "2001:db8:1::10"}
STRANGER = {4: "192.0.2.1", 6: "2001:db8:1::1"}
BRIDGE = {4: "172.17.0.1", 6: "fd00:17::1"}
CONTAINER = {4: "172.17.0.2", 6: "fd00:17::2"}
SSH, DATABASE, WEB, PUBLISHED, TARGET = 22, 3306, 80, 9000, 80
SECONDS = 1.5  # that an answer may take


class Place:
    """A machine with a bridge and a container behind it, and a stranger on its wire."""

    def __init__(self, machine: Machine, stack: ExitStack) -> None:
        self.host = stack.enter_context(closing(Namespace.of(machine.holder, "host")))
        self.stranger = stack.enter_context(closing(Namespace("stranger")))
        self.container = stack.enter_context(closing(Namespace("container")))
        for inside in (self.host, self.stranger, self.container):
            inside.sysctl({"ipv6/conf/default/accept_dad": 0})
        self.host.ip(
            f"link add eth0 type veth peer name wire netns {self.stranger.path}",
            "link add docker0 type bridge",
            f"link add inside0 type veth peer name eth0 netns {self.container.path}",
            "link set inside0 master docker0 up",
            *_with_addresses("eth0", HOST),
            *_with_addresses("docker0", BRIDGE),
        )
        self.stranger.ip(*_with_addresses("wire", STRANGER))
        self.container.ip(
            *_with_addresses("eth0", CONTAINER), *(f"route add default via {BRIDGE[n]} dev eth0" for n in (4, 6))
        )
        self.host.sysctl({"ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1})
        for inside, ports in ((self.host, (SSH, DATABASE, WEB)), (self.container, (TARGET,))):
            inside.await_addresses()
            with inside.entered():
                for port in ports:
                    stack.enter_context(socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True))

    def reaches(self, port: int, family: int) -> bool:
        """Does the stranger get a connection?"""
        with self.stranger.entered():
            one = socket.socket(FAMILY[family])
        with one:
            one.settimeout(SECONDS)
            return one.connect_ex((HOST[family], port)) == 0

    def publish(self, tool: str) -> None:
        host = SimpleNamespace(bridge="docker0", published=())
        topology = cast(Any, SimpleNamespace(host=host, machine=self.host))
        backends.publish(topology, tool, (Published("tcp", PUBLISHED, TARGET),))


def _with_addresses(device: str, addresses: dict[int, str]) -> list[str]:
    lengths = {4: 16 if addresses[4].startswith("172") else 24, 6: 64}
    return [*(f"address add {addresses[n]}/{lengths[n]} dev {device}" for n in (4, 6)), f"link set {device} up"]


def reach(one: Contender) -> dict[str, bool]:
    """What a stranger reaches that the policy does not open, and whether an owner gets in again after the mistake.
    Raises AssertionError where a stranger does not reach what is open."""
    seen: dict[str, bool] = {}
    with alone(contenders.root()) as machine, ExitStack() as stack:
        place = Place(machine, stack)
        assert all(place.reaches(DATABASE, family) for family in (4, 6))
        contenders.prepare(one, machine, contenders.wanted(0))
        contenders.load(one, machine, contenders.wanted(0))
        assert place.reaches(WEB, 4), one.name
        seen |= {f"database IPv{family}": place.reaches(DATABASE, family) for family in (4, 6)}
        place.publish("iptables-legacy" if one.name.endswith("legacy") else "iptables-nft")
        seen["published IPv4"] = place.reaches(PUBLISHED, 4)
    with alone(contenders.root()) as machine, ExitStack() as stack:
        place = Place(machine, stack)
        contenders.prepare(one, machine, contenders.wanted(0))
        session = f"{STRANGER[4]} 50000 {HOST[4]} {SSH}"
        refused = contenders.refused(one, machine, contenders.wanted(0), {"SSH_CONNECTION": session})
        seen |= {"refused": refused, "owner gets in again": place.reaches(SSH, 4)}
    return seen

"""Connections of a machine with its neighbour, and with somebody behind it, whose both ends a test holds."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from .machine import ADDRESS, FAMILY, NEIGHBOUR, Machine
from .namespaces import Namespace


@dataclass
class Ends:
    """A connection: the end on the machine, or of whoever is served by it, and the end of the other side."""

    here: socket.socket
    there: socket.socket

    def talk(self) -> None:
        for one, other in ((self.there, self.here), (self.here, self.there)):
            one.sendall(b"talk")
            assert other.recv(10) == b"talk"

    def assert_ended(self) -> None:
        """Whoever sends first: nothing comes, in either direction. The machine's end sends first, which a tracker that
        has forgotten the connection would take for a new one."""
        for end in (self.here, self.there):
            end.settimeout(0.15)
        for one, other in ((self.here, self.there), (self.there, self.here), (self.here, self.there)):
            with suppress(OSError):
                one.sendall(b"still")
            with suppress(OSError):  # a timeout, or a reset
                assert other.recv(10) == b""


def listener(machine: Machine, family: int, port: int) -> socket.socket:
    return next(one for one in machine.listeners if one.family == FAMILY[family] and one.getsockname()[1] == port)


def end_of(made: socket.socket) -> socket.socket:
    made.settimeout(2)
    return made


class Lab:
    """Connections of a machine with its neighbour, and with somebody behind it."""

    def __init__(self, machine: Machine, stack: ExitStack) -> None:
        self.machine, self.stack = machine, stack

    def begun_there(self, family: int, port: int) -> Ends:
        with self.machine.neighbour.entered():
            there = self.stack.enter_context(socket.create_connection((ADDRESS[family], port), 2))
        here = self.machine.do(lambda: listener(self.machine, family, port).accept()[0])
        return Ends(end_of(self.stack.enter_context(here)), end_of(there))

    def begun_here(self, family: int, port: int) -> Ends:
        return self._between(self.machine, self.machine.neighbour, NEIGHBOUR[family], port)

    def udp(self, family: int, port: int) -> Ends:
        def bound() -> socket.socket:
            made = socket.socket(FAMILY[family], socket.SOCK_DGRAM)
            made.bind((ADDRESS[family], port))
            return made

        here = self.stack.enter_context(self.machine.do(bound))
        with self.machine.neighbour.entered():
            there = self.stack.enter_context(socket.socket(FAMILY[family], socket.SOCK_DGRAM))
            there.connect((ADDRESS[family], port))
        there.sendall(b"first")
        here.connect(here.recvfrom(10)[1])
        return Ends(end_of(here), end_of(there))

    def behind(self) -> Namespace:
        """Somebody on eth1, whom the machine forwards for."""
        behind = Namespace("behind")
        self.stack.callback(behind.close)
        self.machine.run(
            f"ip link add eth1 type veth peer name eth0 netns {behind.path} && ip link set eth1 up"
            " && ip address add 10.9.0.1/24 dev eth1 && ip address add fd00:9::1/64 dev eth1 nodad"
        )
        behind.ip(
            "link set lo up", "link set eth0 up", "address add 10.9.0.2/24 dev eth0",
            "address add fd00:9::2/64 dev eth0 nodad",
            "route add default via 10.9.0.1", "route add default via fd00:9::1",
        )  # fmt: skip
        self.machine.neighbour.ip(f"route add 10.9.0.0/24 via {ADDRESS[4]}", f"route add fd00:9::/64 via {ADDRESS[6]}")
        behind.await_addresses()
        return behind

    def through(self, server_in: Namespace, server: str, client_in: Namespace, to: str, port: int, dport: int) -> Ends:
        family = FAMILY[6 if ":" in server else 4]
        with server_in.entered():
            listening = self.stack.enter_context(socket.create_server((server, port), family=family))
        with client_in.entered():
            client = self.stack.enter_context(socket.create_connection((to, dport), 2))
        return Ends(end_of(self.stack.enter_context(listening.accept()[0])), end_of(client))

    def _between(self, machine: Machine, neighbour: Namespace, address: str, port: int) -> Ends:
        family = FAMILY[6 if ":" in address else 4]
        with neighbour.entered():
            listening = self.stack.enter_context(socket.create_server((address, port), family=family))
        here = self.stack.enter_context(machine.do(lambda: socket.create_connection((address, port), 2)))
        return Ends(end_of(here), end_of(self.stack.enter_context(listening.accept()[0])))


@contextmanager
def lab(tool: str, policy: object = None) -> Iterator[Lab]:
    with Machine(tool) as machine, ExitStack() as stack:
        if policy is not None:
            assert not machine.apply(policy).raised
        yield Lab(machine, stack)

"""packets -> how many of each arrived: a raw socket behind the hook has seen them, or it has not.

A raw socket gets its copy of a packet after the INPUT hook let it through and before any protocol of the kernel
looks at it, so that NULL scans, answers without a question and ESP can be asked for like everything else. What
leaves the machine is read off the wire on the internet's side. Each packet carries a token of its own.
"Dropped" is said only of packets that were seen at the machine's door (a packet socket there counts them in):
a test whose packets never left would otherwise praise any firewall.
"""

from __future__ import annotations

import errno
import itertools
import os
import re
import select
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet as Layers

from tests.casefiles import CONTAINER, MACHINE, TRANSPORTS, Packet, Published

from .crafting import PROTOCOLS, USER_PORT, asked_by_machine, body, frames, network, source_port, token
from .namespaces import CLOSING, Namespace, packet_socket
from .topology import BRIDGE, MAC, NEIGHBOUR, Topology

TOKEN = re.compile(rb"<(\d{6})>")
PATIENCE = 1.0  # seconds for what is expected to arrive; it normally takes none
SETTLED = 0.01  # seconds in which what is not expected may still arrive
NO_ANSWER = 0.05  # seconds after which a SYN that should be dropped counts as unanswered
NOBODY = 65534
# What is delivered on the machine itself, beside 127.0.0.0/8.
OWN = {*MACHINE.values(), *BRIDGE.values(), "::1", "fe80::10", "ff02::1", "ff02::1:ff00:10", "255.255.255.255"}
SECOND = ("10.0.0.", "fd00:1::")  # how the addresses begin that are on the link behind eth1
ANY = {4: "0.0.0.0", 6: "::"}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}


class NeverSent(AssertionError):
    """A packet was not seen at the machine's door: the test, not the firewall, is at fault."""


@dataclass(frozen=True)
class Sent:
    """Token `number` travels in one of `packet`'s copies; `places` are where it is to be looked for."""

    packet: Packet
    number: int
    places: tuple[str, ...]


class Prober:
    """Sends packets into a topology and tells which arrived. Sockets are opened once for all packets."""

    def __init__(self, topology: Topology, packets: Sequence[Packet]) -> None:
        self.topology = topology
        self.packets = packets
        self._stack = ExitStack()
        self._arrived: dict[str, set[int]] = {"machine": set(), "container": set(), "neighbour": set(), "wires": set()}
        self._at_the_door: set[int] = set()
        self._handshakes: list[Layers] = []
        self._numbers = itertools.count(1)

    def __enter__(self) -> Prober:
        machine, internet = self.topology.machine, self.topology.internet
        self._wires = {
            f"eth{n}": self._packet_socket(internet, f"wire{n}") for n in (0, 1)
        }  # eth0 -> the internet's end of it
        named = {"eth0": "eth0", "eth1": self.topology.host.second}
        self._doors = {via: self._packet_socket(machine, name) for via, name in named.items()}
        if "container" in self.topology.containers:
            self._doors["bridge"] = self._packet_socket(machine, "container")
            self._wires["bridge"] = self._packet_socket(self.topology.containers["container"], "eth0")
        kinds = {(p.family, PROTOCOLS[p.protocol]) for p in self.packets}
        self._receivers = [
            (place, self._raw_socket(namespace, family, number))
            for place, namespace in [("machine", machine), *self.topology.containers.items()]
            for family, number in kinds
        ]
        # IPPROTO_RAW: the packet is given with its IP header.
        self._mouths = {f: self._raw_socket(machine, f, socket.IPPROTO_RAW) for f in (4, 6)}
        for packet in self.packets:
            if packet.state == "established":
                self._listen(packet)
        beyond = {p.source for p in self.packets if p.state == "established" and p.source.startswith(SECOND)}
        named_so = self.topology.host.second
        machine.ip(*(f"neighbour replace {a} lladdr {MAC['wire1']} dev {named_so} nud permanent" for a in beyond))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def arrivals(self) -> list[int]:
        """For each packet, how many of its copies came through."""
        sent = []
        for packet in self.packets:
            sent += [Sent(packet, next(self._numbers), self._places(packet)) for _ in range(packet.times)]
        # All are made before the first is sent: a rate is asked for its burst, not for what trickles in.
        for send in [self._prepared(s.packet, s.number) for s in sent]:
            send()
        self._collect(sent)
        return [sum(self._came(s) for s in sent if s.packet is packet) for packet in self.packets]

    def _came(self, sent: Sent) -> bool:
        return any(sent.number in self._arrived[place] for place in sent.places)

    # Sending

    def _places(self, packet: Packet) -> tuple[str, ...]:
        """Where it arrives, if it is let through."""
        if packet.user:
            return ("wires",)
        if (packet.protocol, packet.port) in {(p.protocol, p.port) for p in self._led_on()}:
            # What connection tracking finds no sense in may arrive untranslated, at the host itself.
            makes_sense = packet.checksum == "good" and packet.flags in ("", "syn")
            return ("container",) if makes_sense else ("container", "machine")
        for namespace, addresses in (("container", CONTAINER), ("neighbour", NEIGHBOUR)):
            if packet.destination in addresses.values():
                return (namespace,)
        return ("machine",) if packet.destination in OWN or packet.destination.startswith("127.") else ("wires",)

    def _led_on(self) -> tuple[Published, ...]:
        """The ports of the machine that the container serves, whoever says so."""
        return self.topology.host.published + self.topology.host.behind

    def _prepared(self, packet: Packet, number: int) -> Callable[[], None]:
        """Bytes are made now; calling the result sends them."""
        if packet.user and packet.protocol in TRANSPORTS:
            return lambda: self._send_as_user(packet, number)
        if packet.user or packet.via == "lo":
            whole = bytes(network(packet) / body(packet, number))
            return lambda: self._say(packet.family, whole, packet.destination)
        if packet.state == "established":
            last = frames(packet, number, 1001, self._handshake(packet, number))
            return lambda: self._put_on_wire(packet, last)
        if packet.state == "new":
            pieces = frames(packet, number)
            return lambda: self._put_on_wire(packet, pieces)
        asked = asked_by_machine(packet, number)
        answer = frames(packet, number, ack=1000)

        def ask_and_answer() -> None:
            self._say(packet.family, bytes(asked), asked.dst)
            self._put_on_wire(packet, answer)

        return ask_and_answer

    def _say(self, family: int, whole: bytes, to: str) -> None:
        """The machine itself sends a packet, IP header and all."""
        with _refusals():
            self._mouths[family].sendto(whole, (to, 0))

    def _put_on_wire(self, packet: Packet, pieces: Iterable[bytes]) -> None:
        for frame in pieces:
            try:
                self._wires[packet.via].send(frame)
            except OSError as error:
                raise NeverSent(f"{packet}: {error}") from error

    def _handshake(self, packet: Packet, number: int) -> int:
        """SYN, then the machine's SYN+ACK is awaited: the number that an ACK must acknowledge, or 0."""
        syn = replace(packet, state="new", flags="syn", sport=source_port(packet, number))
        self._put_on_wire(packet, frames(syn, 0))
        deadline = time.monotonic() + (PATIENCE if packet.passes else NO_ANSWER)
        while time.monotonic() < deadline:
            self._read_wires()
            for segment in self._handshakes:
                if segment.dport == syn.sport:
                    return int(segment.seq) + 1
            time.sleep(0.001)
        return 0

    def _send_as_user(self, packet: Packet, number: int) -> None:
        """A real socket of a process of that user: what the kernel knows of a packet's owner is its socket."""
        kind = socket.SOCK_STREAM if packet.protocol == "tcp" else socket.SOCK_DGRAM
        with self.topology.machine.entered(), _as(packet.user):
            outgoing = socket.socket(FAMILY[packet.family], kind | socket.SOCK_NONBLOCK)
            on_link = socket.if_nametoindex("eth0") if packet.destination.startswith("fe80") else 0
        self._stack.callback(outgoing.close)
        outgoing.bind((MACHINE[packet.family], packet.sport or USER_PORT + number))
        scope = (0, on_link) if packet.family == 6 else ()
        with _refusals():
            outgoing.connect((packet.destination, packet.port, *scope))
            if kind == socket.SOCK_DGRAM:
                outgoing.send(token(number))

    def _listen(self, packet: Packet) -> None:
        """A server, so that the kernel shakes hands; the published ports' server is in the container."""
        port, inside = packet.port, self.topology.machine
        for published in self._led_on():
            if (published.protocol, published.port) == (packet.protocol, packet.port):
                port, inside = published.target, self.topology.containers["container"]
        with inside.entered():
            server = socket.socket(FAMILY[packet.family], socket.SOCK_STREAM)
        if packet.family == 6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        server.bind((ANY[packet.family], port))
        server.listen(1024)
        self._stack.callback(server.close)

    # Receiving

    def _collect(self, sent: Sequence[Sent]) -> None:
        through_doors = {s.number for s in sent if s.packet.via in self._wires}
        expected = [s for s in sent if s.packet.passes == s.packet.times]
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self._read_everything()
            if through_doors <= self._at_the_door and all(map(self._came, expected)):
                break
            select.select([s for _, s in self._receivers], [], [], 0.01)
        time.sleep(SETTLED)
        self._read_everything()
        lost = through_doors - self._at_the_door
        if lost:
            raise NeverSent("\n".join(str(s.packet) for s in sent if s.number in lost))

    def _read_everything(self) -> None:
        for place, receiver in self._receivers:
            for data, _ in _pending(receiver):
                self._arrived[place].update(int(found) for found in TOKEN.findall(data))
        for door in self._doors.values():
            for data, _ in _pending(door):
                self._at_the_door.update(int(found) for found in TOKEN.findall(data))
        self._read_wires()

    def _read_wires(self) -> None:
        for name, wire in self._wires.items():
            for frame, way in _pending(wire):
                if way == socket.PACKET_OUTGOING:
                    continue
                if name != "bridge":
                    self._arrived["wires"].update(int(found) for found in TOKEN.findall(frame))
                    self._note_connection(frame)

    def _note_connection(self, frame: bytes) -> None:
        """A SYN carries no token but has a port of its own; a SYN+ACK is kept for the handshake."""
        layers = Ether(frame)
        segment = layers.getlayer(TCP)
        if segment is None or not (layers.haslayer(IP) or layers.haslayer(IPv6)):
            return
        if segment.flags == "S":
            self._arrived["wires"].add(segment.sport - USER_PORT)
        elif segment.flags == "SA":
            self._handshakes.append(segment)

    # Sockets

    def _packet_socket(self, namespace: Namespace, device: str) -> socket.socket:
        with namespace.entered():
            made = packet_socket(device)
        self._stack.callback(CLOSING.submit, made.close)
        return made

    def _raw_socket(self, namespace: Namespace, family: int, protocol: int) -> socket.socket:
        with namespace.entered():
            made = socket.socket(FAMILY[family], socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol)
        self._stack.callback(made.close)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        return made


def _pending(source: socket.socket) -> Iterator[tuple[bytes, int]]:
    """What a socket holds now, and for a packet socket which way each frame went."""
    while True:
        try:
            data, address = source.recvfrom(65536)
        except BlockingIOError:
            return
        yield data, address[2] if source.family == socket.AF_PACKET else 0


@contextmanager
def _as(user: str) -> Iterator[None]:
    if user == "root":
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def _refusals() -> Iterator[None]:
    """A firewall that refuses what leaves tells the sender; whether it left is read off the wire."""
    expected = (errno.EPERM, errno.EINPROGRESS, errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.EACCES)
    try:
        yield
    except OSError as error:
        if error.errno not in expected:
            raise


def misjudged(packets: Iterable[Packet], arrivals: Iterable[int]) -> list[str]:
    """A line for each packet whose fate was not the expected one."""
    return [
        f"{packet}: {came} of {packet.times} arrived, {packet.passes} should" + (packet.why and f" ({packet.why})")
        for packet, came in zip(packets, arrivals)
        if not packet.passes <= came <= min(packet.passes + packet.slack, packet.times)
    ]

"""a contender's machine -> what a connection costs there, and a packet of one that stands; by processor time.

A client is on the machine's wire. One thread is both ends, and counts the processor time of all that it does: so the
rate does not depend on what else this computer does, and the firewall cannot hide behind a slow client. The worlds take
turns of a fraction of a second, in another order each time; a ratio is the median of those of the turns. IPv4.
"""

from __future__ import annotations

import contextlib
import random
import socket
import statistics
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack

from tests.bench import contenders
from tests.bench.contenders import Contender, Wanted
from tests.lab.namespaces import Namespace
from tests.lab.world import alone

ROUNDS = 40
CONNECTIONS = 50  # a turn
BULK, SMALL = 8 << 20, 400  # bytes, and round trips of SMALL_SIZE bytes, a turn
SMALL_SIZE = 64
MACHINE = "192.0.2.10"
PORT = 22
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no seconds: close() resets, and leaves no TIME_WAIT behind


class Wire:
    """A machine with its rules, a client with an address that they let in, and a connection that stands."""

    def __init__(self, machine: Namespace, client: str) -> None:
        self.machine, self.internet = machine, Namespace("internet")
        self.machine.ip(f"link add eth0 type veth peer name wire netns {self.internet.path}")
        self.machine.ip(f"addr add {MACHINE}/24 dev eth0", "link set eth0 up", f"route add {client}/32 dev eth0")
        self.internet.ip(f"addr add {client}/32 dev wire", "link set wire up", f"route add {MACHINE}/32 dev wire")
        with self.machine.entered():
            self.listener = socket.create_server(("0.0.0.0", PORT))
        self.listener.settimeout(10)
        self.client = client
        self.ports = iter(range(10_000, 65_000))  # none twice: what a reused one costs is not what is asked

    def stand(self) -> None:
        """A connection that is there to stay. Raises TimeoutError where the rules do not let the client in."""
        with self.internet.entered():
            self.near = socket.create_connection((MACHINE, PORT), timeout=10)
        self.far, _ = self.listener.accept()
        for end in (self.near, self.far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connections(self) -> float:
        """New ones a processor second."""
        with self.internet.entered():
            began = time.thread_time()
            for _ in range(CONNECTIONS):
                near = socket.socket()
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                near.bind((self.client, next(self.ports)))
                near.connect((MACHINE, PORT))
                far, _ = self.listener.accept()
                near.close()
                far.close()
            return CONNECTIONS / (time.thread_time() - began)

    def bulk(self) -> float:
        """MiB a processor second."""
        piece, began = bytes(64 << 10), time.thread_time()
        for _ in range(BULK // len(piece)):
            self.near.sendall(piece)
            left = len(piece)
            while left:
                left -= len(self.far.recv(left))
        return BULK / (1 << 20) / (time.thread_time() - began)

    def small(self) -> float:
        """Round trips a processor second."""
        piece, began = bytes(SMALL_SIZE), time.thread_time()
        for _ in range(SMALL):
            for one, other in ((self.near, self.far), (self.far, self.near)):
                one.sendall(piece)
                other.recv(SMALL_SIZE, socket.MSG_WAITALL)
        return SMALL / (time.thread_time() - began)

    def close(self) -> None:
        for end in (self.near, self.far, self.listener):
            end.close()
        self.internet.close()


Measure = Callable[[Wire], float]


def measured(
    who: Sequence[Contender], policy: Wanted, client: str, measures: Mapping[str, Measure]
) -> dict[str, dict[str, tuple[float, float]]]:
    """name -> measure -> (its median, the median of its parts of what the same turn gave without a firewall)."""
    with ExitStack() as stack:
        wires = {}
        for one in (contenders.NONE, *who):
            if wire := stack.enter_context(_wire(one, policy, client)):
                wires[one.name] = wire
        seen = {measure: _in_turns(wires, measure_it) for measure, measure_it in measures.items()}
        return {name: {measure: parts[name] for measure, parts in seen.items()} for name in wires}


@contextlib.contextmanager
def _wire(one: Contender, policy: Wanted, client: str) -> Iterator[Wire | None]:
    """None: its rules took too long to load."""
    with alone(contenders.root()) as machine:
        inside = Namespace.of(machine.holder, one.name)
        wire = Wire(inside, client)
        contenders.prepare(one, machine, policy)
        if contenders.load(one, machine, policy) is None:
            yield None
            return
        wire.stand()
        try:
            yield wire
        finally:
            wire.close()
            inside.close()


def _in_turns(wires: Mapping[str, Wire], measure: Measure) -> dict[str, tuple[float, float]]:
    turns: list[dict[str, float]] = []
    names = list(wires)
    for _ in range(ROUNDS):
        random.shuffle(names)
        turns.append({name: _measure(name, measure, wires[name]) for name in names})
    none = contenders.NONE.name
    return {
        name: (
            statistics.median(turn[name] for turn in turns),
            statistics.median(turn[name] / turn[none] for turn in turns),
        )
        for name in wires
    }


def _measure(name: str, measure: Measure, wire: Wire) -> float:
    try:
        return measure(wire)
    except TimeoutError as error:
        raise AssertionError(f"{name} lets its client in no more") from error

"""real connections that carry data -> they outlive every load of rules, and nothing else slips in meanwhile."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from cc_vps_firewall import policy
from cc_vps_firewall.rules import ruleset
from cc_vps_firewall.rules.rule import Ruleset
from tests.casefiles import CONTAINER, MACHINE, STRANGER, Host, Packet, Published
from tests.lab.backends import TOOLS, load, publish
from tests.lab.namespaces import Namespace
from tests.lab.probing import FAMILY, Prober
from tests.lab.topology import BRIDGE, GATEWAY, MAC, Topology

OPEN = {"allow": ["8080/tcp"]}
CLOSED: dict[str, Any] = {}
QUIET = {"outgoing": {"policy": "drop", "allow": ["8080/tcp"]}}
SILENT = {"outgoing": {"policy": "drop"}}
PATIENCE = 5.0


def rules(section: dict[str, Any]) -> Ruleset:
    def no_files(path: str) -> str:
        raise FileNotFoundError(path)

    return ruleset.build(policy.parse(section, read_list=no_files))


def furnish_internet(topology: Topology) -> None:
    """The internet gets addresses: here real sockets talk."""
    topology.internet.ip(
        f"address add {GATEWAY[4]}/24 dev wire0",
        f"address add {GATEWAY[6]}/64 dev wire0 nodad",
        f"address add {STRANGER[4]}/32 dev wire0",
        f"address add {STRANGER[6]}/128 dev wire0 nodad",
        *(f"neighbour add {a} lladdr {MAC['eth0']} dev wire0 nud permanent" for a in MACHINE.values()),
    )


@dataclass(frozen=True)
class Route:
    """A client at `source` connects to `to`:`dport`; a server listens at `server`:`port`."""

    server_in: Namespace
    server: str
    port: int
    client_in: Namespace
    source: str
    to: str
    dport: int


@contextmanager
def connected(route: Route) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a TCP connection, the client's first."""
    family = FAMILY[6 if ":" in route.server else 4]
    with route.server_in.entered():
        listener = socket.create_server((route.server, route.port), family=family)
    with route.client_in.entered():
        near = socket.socket(family, socket.SOCK_STREAM)
    with listener, near:
        for end in (near, listener):
            end.settimeout(PATIENCE)
        near.bind((route.source, 0))
        near.connect((route.to, route.dport))
        far, _ = listener.accept()
        with far:
            far.settimeout(PATIENCE)
            yield near, far


def exchange(near: socket.socket, far: socket.socket, times: int = 1) -> None:
    """Data goes there and comes back."""
    for n in range(times):
        sent = b"%08d" % n
        near.sendall(sent)
        assert far.recv(8, socket.MSG_WAITALL) == sent
        far.sendall(sent[::-1])
        assert near.recv(8, socket.MSG_WAITALL) == sent[::-1]


@contextmanager
def talking(near: socket.socket, far: socket.socket) -> Iterator[None]:
    """The two ends talk without pause, in a thread, until the block ends."""
    enough = threading.Event()
    failures: list[BaseException] = []
    rounds = [0]

    def talk() -> None:
        try:
            while not enough.is_set():
                exchange(near, far, 10)
                rounds[0] += 1
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()
    assert failures == []
    assert rounds[0] > 0


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("tool", TOOLS)
def test_incoming_connection_outlives_loads(tool: str, family: int) -> None:
    with Topology(Host()) as topology:
        furnish_internet(topology)
        machine = topology.machine
        load(machine, tool, rules(OPEN))
        address = MACHINE[family]
        with connected(Route(machine, address, 8080, topology.internet, STRANGER[family], address, 8080)) as ends:
            with talking(*ends):
                for _ in range(5):
                    load(machine, tool, rules(OPEN))
                load(machine, tool, rules(CLOSED))
            exchange(*ends)
            with pytest.raises(socket.timeout):
                connect_late(topology.internet, family, address)


def connect_late(client_in: Namespace, family: int, to: str) -> None:
    """One more connection to a port that the policy has closed by now."""
    with client_in.entered():
        late = socket.socket(FAMILY[family], socket.SOCK_STREAM)
    with late:
        late.settimeout(0.3)
        late.connect((to, 8080))


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("tool", TOOLS)
def test_outgoing_connection_outlives_loads(tool: str, family: int) -> None:
    with Topology(Host()) as topology:
        furnish_internet(topology)
        machine, internet = topology.machine, topology.internet
        load(machine, tool, rules(QUIET))
        peer = STRANGER[family]
        with connected(Route(internet, peer, 8080, machine, MACHINE[family], peer, 8080)) as ends, talking(*ends):
            load(machine, tool, rules(QUIET))
            load(machine, tool, rules(SILENT))
        with pytest.raises((socket.timeout, PermissionError)):
            connect_late(machine, family, peer)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("tool", TOOLS)
def test_containers_connections_work_and_outlive_loads(tool: str, family: int) -> None:
    """In through a published port, and out through masquerading: with data, both ways, across loads."""
    with Topology(Host(bridge="docker0", published=(Published("tcp", 8080, 80),), forwarding=True)) as topology:
        furnish_internet(topology)
        machine, internet, container = topology.machine, topology.internet, topology.containers["container"]
        load(machine, tool, rules(OPEN))
        publish(topology, tool)
        inside, peer = CONTAINER[family], STRANGER[family]
        incoming = Route(container, inside, 80, internet, peer, MACHINE[family], 8080)
        outgoing = Route(internet, peer, 443, container, inside, peer, 443)
        with connected(incoming) as one, connected(outgoing) as other:
            with talking(*one), talking(*other):
                load(machine, tool, rules(CLOSED))
            exchange(*one)
            exchange(*other)


@contextmanager
def reloading(topology: Topology, tool: str, before_each: Sequence[str] = ()) -> Iterator[None]:
    """Rules are loaded over and over, in a thread, until the block ends."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def reload() -> None:
        try:
            while not stop.is_set():
                if before_each:
                    topology.machine.run(before_each)
                load(topology.machine, tool, rules(OPEN))
        except BaseException as error:
            failures.append(error)

    loader = threading.Thread(target=reload)
    loader.start()
    try:
        yield
    finally:
        stop.set()
        loader.join()
    assert failures == []


def knocks() -> list[Packet]:
    """Both families at a closed port."""
    return [Packet("tcp", f, STRANGER[f], MACHINE[f], port=3306, times=25, passes=0) for f in (4, 6)]


@pytest.mark.parametrize("tool", TOOLS)
def test_nothing_slips_in_while_rules_are_loaded_again(tool: str) -> None:
    """A closed port is knocked at without pause during loads: not one packet arrives."""
    with Topology(Host()) as topology:
        load(topology.machine, tool, rules(OPEN))
        with reloading(topology, tool), Prober(topology, knocks()) as prober:
            arrivals = [sum(prober.arrivals()) for _ in range(10)]
    assert arrivals == [0] * 10


def test_an_open_moment_would_be_seen() -> None:
    """The same knocking notices a load that begins by taking the old rules away."""
    with Topology(Host()) as topology:
        clumsy = reloading(topology, "nftables", before_each=["nft", "flush", "ruleset"])
        with clumsy, Prober(topology, knocks()) as prober:
            assert any(sum(prober.arrivals()) for _ in range(100))


# Sends without pause from sockets that are given to it.
FLOOD = """
import socket, sys
sockets = [socket.socket(fileno=int(number)) for number in sys.argv[1:]]
while True:
    for one in sockets:
        try:
            one.send(b"flood")
        except OSError:
            pass
"""


@contextmanager
def flooded(topology: Topology, port: int) -> Iterator[list[socket.socket]]:
    """Both families' datagrams to a port of the machine, as many as a processor can send. -> who listens there."""
    listening, sending = [], []
    for family in (4, 6):
        with topology.machine.entered():
            listening.append(socket.socket(FAMILY[family], socket.SOCK_DGRAM))
            listening[-1].bind((MACHINE[family], port))
            listening[-1].setblocking(False)
        with topology.internet.entered():
            sending.append(socket.socket(FAMILY[family], socket.SOCK_DGRAM))
            sending[-1].bind((STRANGER[family], 0))
            sending[-1].connect((MACHINE[family], port))
    numbers = [one.fileno() for one in sending]
    flood = subprocess.Popen([sys.executable, "-c", FLOOD, *map(str, numbers)], pass_fds=numbers)
    try:
        yield listening
    finally:
        flood.kill()
        flood.wait()
        for one in (*listening, *sending):
            one.close()


def heard(listening: Sequence[socket.socket]) -> int:
    """Datagrams that have come in."""
    count = 0
    for one in listening:
        try:
            while one.recv(16):
                count += 1
        except BlockingIOError:
            pass
    return count


@pytest.mark.parametrize("tool", TOOLS)
def test_not_one_packet_of_a_flood_slips_in_while_rules_are_replaced(tool: str) -> None:
    """Without a last rule that drops, 26 came in by nftables and 50 by iptables-nft in 300 loads: the policy of a new
    base chain is set a moment after its rules."""
    with Topology(Host()) as topology:
        furnish_internet(topology)
        load(topology.machine, tool, rules(OPEN))
        with flooded(topology, 9999) as listening:
            for section in (CLOSED, OPEN) * 50:
                load(topology.machine, tool, rules(section))
            assert heard(listening) == 0
            load(topology.machine, tool, rules({"allow": ["9999/udp"]}))
            time.sleep(0.2)
            assert heard(listening) > 0, "no flood, no proof"


@pytest.mark.parametrize("masquerade", [False, True])
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("tool", TOOLS)
def test_a_published_port_is_served_behind_the_host(tool: str, family: int, masquerade: bool) -> None:
    """With data, both ways, across loads; the machine there sees the client's address, or this host's."""
    entry = {"port": "8443/tcp", "to": CONTAINER[family], "to_port": 443, "masquerade": masquerade}
    with Topology(Host(bridge="priv0", forwarding=True)) as topology:
        furnish_internet(topology)
        load(topology.machine, tool, rules({"publish": [entry]}))
        peer, container = STRANGER[family], topology.containers["container"]
        seen = BRIDGE[family] if masquerade else peer
        incoming = Route(container, CONTAINER[family], 443, topology.internet, peer, MACHINE[family], 8443)
        with connected(incoming) as ends:
            assert ends[1].getpeername()[0] == seen
            with talking(*ends):
                load(topology.machine, tool, rules({"publish": [entry], "allow": ["http"]}))
            exchange(*ends)

"""A limit of TCP counts finished handshakes -> forged sources count nothing, and one that hammers is held to it."""

from __future__ import annotations

import selectors
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.casefiles import CONTAINER, MACHINE, STRANGER, Host, Packet, Published
from tests.lab.backends import TOOLS, load, publish
from tests.lab.crafting import frames
from tests.lab.namespaces import Namespace, packet_socket
from tests.lab.topology import Topology

from .test_connections import exchange, furnish_internet, rules
from .test_floods import FAMILY, flooding, syns

LIMIT, TRIES = 5, 40
HOUR = {"ssh": {"limit": f"{LIMIT}/hour"}}
OTHERS = {4: [f"198.51.100.{n}" for n in range(10, 60)], 6: [f"2001:db8:e:{n}::1" for n in range(10, 60)]}

SERVER = """
import select, socket, sys, time
one = socket.socket(fileno=int(sys.argv[1]))
one.setblocking(False)
kept = []
while True:
    select.select([one], [], [])
    try:
        while True:
            near, _ = one.accept()
            kept.append(near)
            near.send(b"hello")
    except OSError:
        pass
"""


@contextmanager
def serving(inside: Namespace, address: str, port: int) -> Iterator[None]:
    """A server that speaks first, as sshd does, and keeps what it accepted."""
    with inside.entered():
        listener = socket.create_server((address, port), family=FAMILY[6 if ":" in address else 4], backlog=4096)
    with listener:
        server = subprocess.Popen([sys.executable, "-c", SERVER, str(listener.fileno())], pass_fds=[listener.fileno()])
        try:
            yield
        finally:
            server.kill()
            server.wait()


@contextmanager
def machine(tool: str, section: Mapping[str, Any], host: Host | None = None) -> Iterator[Topology]:
    with Topology(host or Host()) as topology:
        furnish_internet(topology)
        topology.internet.ip(
            *(f"address add {source}/32 dev wire0" for source in OTHERS[4]),
            *(f"address add {source}/128 dev wire0 nodad" for source in OTHERS[6]),
        )
        topology.machine.sysctl({"ipv4/tcp_syncookies": 1})
        load(topology.machine, tool, rules(dict(section)))
        yield topology


def tried(
    topology: Topology, sources: Sequence[str], to: tuple[str, int], seconds: float = 2.5, *, port: int = 0
) -> list[int]:
    """A client from each source, all at once -> how many have their first bytes, and how many a reset. `port`: theirs,
    one after the other from that one on; they leave them at once, so that they can be used again."""
    choose, served, reset = selectors.DefaultSelector(), 0, 0
    with ExitStack() as stack:
        for turn, source in enumerate(sources):
            with topology.internet.entered():
                client = stack.enter_context(socket.socket(FAMILY[6 if ":" in source else 4], socket.SOCK_STREAM))
            client.setblocking(False)
            if port:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.bind((source, port and port + turn))
            client.connect_ex(to)
            choose.register(client, selectors.EVENT_READ)
        until = time.monotonic() + seconds
        while time.monotonic() < until and choose.get_map():
            for key, _ in choose.select(0.05):
                client = key.fileobj  # type: ignore[assignment]
                choose.unregister(client)
                try:
                    served += client.recv(5) == b"hello"
                except OSError:
                    reset += 1
    return [served, reset]


def half_open(topology: Topology) -> int:
    """Handshakes that the machine's kernel waits for."""
    return len(topology.machine.run(["ss", "-Htn", "state", "syn-recv"]).splitlines())


def established(topology: Topology, port: int) -> int:
    return len(topology.machine.run(["ss", "-Htn", "state", "established", f"sport = :{port}"]).splitlines())


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("tool", TOOLS)
def test_one_source_is_held_to_its_limit_and_others_are_not(tool: str, family: int) -> None:
    with machine(tool, HOUR) as topology, serving(topology.machine, MACHINE[family], 22):
        to = (MACHINE[family], 22)
        assert tried(topology, [STRANGER[family]] * TRIES, to) == [LIMIT, TRIES - LIMIT]
        assert tried(topology, OTHERS[family], to) == [len(OTHERS[family]), 0]
        # What was refused was refused at both ends: sshd never had it, and nobody waits for it.
        time.sleep(1.5)
        assert half_open(topology) == 0
        assert established(topology, 22) == 0
        assert tried(topology, [STRANGER[family]], to) == [0, 1]


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("tool", TOOLS)
def test_so_they_are_in_a_flood(tool: str, family: int) -> None:
    """What is not tracked from its SYN on is counted at the first answer."""
    with machine(tool, HOUR) as topology, serving(topology.machine, MACHINE[family], 22):
        to = (MACHINE[family], 22)
        with flooding(topology, syns(family, 22)):
            assert tried(topology, [STRANGER[family]] * TRIES, to)[0] == LIMIT
            assert tried(topology, OTHERS[family], to)[0] == len(OTHERS[family])
        # Nor does any of them keep one of sshd's places.
        time.sleep(1.5)
        assert established(topology, 22) == 0


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("tool", TOOLS)
def test_nobody_gets_round_it_by_a_port_that_is_used_again(tool: str, family: int) -> None:
    """In a flood the tracker takes such a connection for invalid, and can give it no label."""
    with machine(tool, HOUR) as topology, serving(topology.machine, MACHINE[family], 22):
        sources, to = [STRANGER[family]] * TRIES, (MACHINE[family], 22)
        assert tried(topology, sources, to, port=30000)[0] == LIMIT
        with flooding(topology, syns(family, 22)):
            assert tried(topology, sources, to, port=30000)[0] == 0


@pytest.mark.parametrize("tool", TOOLS)
def test_forged_sources_count_nothing(tool: str) -> None:
    """Neither a SYN, nor the same twice, nor an ACK that guesses."""
    with machine(tool, HOUR) as topology, serving(topology.machine, MACHINE[4], 22):
        with topology.internet.entered():
            wire = packet_socket("wire0")
        syn = Packet("tcp", 4, OTHERS[4][0], MACHINE[4], port=22, sport=2000)
        with wire:
            for n in range(3 * LIMIT):
                for flags in ("syn", "syn", "ack", "ack"):
                    for frame in frames(replace(syn, sport=2000 + n, flags=flags), n, 1001, 77777 * (flags == "ack")):
                        wire.send(frame)
        assert tried(topology, [OTHERS[4][0]] * LIMIT, (MACHINE[4], 22)) == [LIMIT, 0]


@pytest.mark.parametrize("tool", TOOLS)
def test_an_entry_without_a_limit_is_enough(tool: str) -> None:
    section = {
        "ssh": {"limit": "1/hour"},
        "allow": [
            {"port": "22/tcp", "from": [STRANGER[4]]},
            {"port": "22/tcp", "from": [OTHERS[4][0]], "limit": "9/hour"},
        ],
    }
    with machine(tool, section) as topology, serving(topology.machine, MACHINE[4], 22):
        to = (MACHINE[4], 22)
        assert tried(topology, [STRANGER[4]] * TRIES, to) == [TRIES, 0]
        assert tried(topology, [OTHERS[4][0]] * TRIES, to) == [10, TRIES - 10]  # of both entries together
        assert tried(topology, [OTHERS[4][1]] * TRIES, to) == [1, TRIES - 1]


@pytest.mark.parametrize("before", ["nothing", "older rules", "these rules"])
@pytest.mark.parametrize("tool", TOOLS)
def test_what_stands_is_never_judged(tool: str, before: str) -> None:
    """Sixty sessions of one source, of before any rules, of before these, and of before an apply."""
    many = {"ssh": {"limit": "1000/second"}}
    with Topology(Host()) as topology, ExitStack() as stack:
        furnish_internet(topology)
        here = MACHINE[4]
        if before != "nothing":
            load(topology.machine, tool, rules({**many, **({"flood": "ignore"} if before == "older rules" else {})}))
        with topology.machine.entered():
            listener = stack.enter_context(socket.create_server((here, 22), backlog=100))
        ends = []
        for _ in range(60):
            with topology.internet.entered():
                near = stack.enter_context(socket.socket())
            near.settimeout(3)
            near.bind((STRANGER[4], 0))
            near.connect((here, 22))
            far = stack.enter_context(listener.accept()[0])
            far.settimeout(3)
            ends.append((near, far))
        for _ in range(2):
            load(topology.machine, tool, rules({"ssh": {"limit": "2/hour"}}))
            for pair in ends:
                exchange(*pair)


@pytest.mark.parametrize("which", ["allow", "publish"])
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("tool", TOOLS)
def test_a_published_port_counts_as_well(tool: str, family: int, which: str) -> None:
    """With iptables the client is not told: its rules for what is forwarded are where the kernel takes no REJECT."""
    published = (Published("tcp", 2222, 22),)
    if which == "allow":
        host = Host(bridge="docker0", published=published, forwarding=True)
        section: dict[str, Any] = {"allow": [{"port": "2222/tcp", "limit": f"{LIMIT}/hour"}]}
    else:
        host = Host(bridge="docker0", behind=published, forwarding=True)
        section = {"publish": [{"port": "2222/tcp", "to": CONTAINER[family], "to_port": 22, "limit": f"{LIMIT}/hour"}]}
    with machine(tool, section, host) as topology:
        if which == "allow":
            publish(topology, tool)
        with serving(topology.containers["container"], CONTAINER[family], 22):
            to = (MACHINE[family], 2222)
            served, reset = tried(topology, [STRANGER[family]] * TRIES, to)
            assert (served, reset) == (LIMIT, TRIES - LIMIT if tool == "nftables" else 0)
            assert tried(topology, OTHERS[family], to) == [len(OTHERS[family]), 0]


@pytest.mark.parametrize("tool", TOOLS)
def test_where_the_flood_is_ignored_syns_are_counted(tool: str) -> None:
    """As it is where a kernel lacks what the rest needs."""
    with machine(tool, {**HOUR, "flood": "ignore"}) as topology, serving(topology.machine, MACHINE[4], 22):
        assert tried(topology, [STRANGER[4]] * TRIES, (MACHINE[4], 22), 0.7) == [LIMIT, 0]

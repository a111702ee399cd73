"""none, or rules with a hundred thousand sources -> new connections for a second of CPU time.

A client and a machine are two namespaces on one wire. One thread is both ends: it connects, accepts and resets, which
leaves no TIME_WAIT behind, and counts the CPU time of all of it. So the rate does not depend on what else this
computer does, and the firewall cannot hide behind a slow client: each connection pays the whole of it. The worlds
take turns of a fraction of a second, in another order each time. IPv4, since that is where lists are longest.
"""

from __future__ import annotations

import random
import socket
import statistics
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from functools import partial

from cc_vps_firewall import policy
from cc_vps_firewall.policy import network_text
from cc_vps_firewall.rules import iptables, ruleset
from tests.bench.networks import networks
from tests.lab.backends import TOOLS, load
from tests.lab.namespaces import Namespace
from tests.unit.new_packet import of_iptables

SOURCES = 100_000
ROUNDS = 100
EACH = 200  # connections
MACHINE = "192.0.2.10"
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no seconds: close() resets

# What any firewall costs that knows connections: the kernel tracks them.
TRACKING = """
table inet smallest {
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        tcp dport 22 accept
    }
}
"""


class World:
    """A machine, its rules, and a client with an address of its own."""

    def __init__(self, client: str, rules: Callable[[Namespace], object]) -> None:
        self.client = client
        self.machine, self.internet = Namespace("machine"), Namespace("internet")
        self.machine.ip(f"link add eth0 type veth peer name wire netns {self.internet.path}")
        self.machine.ip(f"addr add {MACHINE}/24 dev eth0", "link set eth0 up", f"route add {client}/32 dev eth0")
        self.internet.ip(f"addr add {client}/32 dev wire", "link set wire up", f"route add {MACHINE}/32 dev wire")
        rules(self.machine)
        with self.machine.entered():
            self.listener = socket.create_server(("0.0.0.0", 22))

    def rate(self) -> float:
        with self.internet.entered():
            began = time.thread_time()
            for _ in range(EACH):
                near = socket.socket()
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                near.connect((MACHINE, 22))
                far, _ = self.listener.accept()
                near.close()
                far.close()
            return EACH / (time.thread_time() - began)

    def close(self) -> None:
        self.listener.close()
        self.machine.close()
        self.internet.close()


def measured() -> dict[str, tuple[float, float]]:
    """name -> (connections a CPU second, its part of what the same round gave without a firewall)."""
    section = {"ssh": {"from": ["office"]}, "lists": {"office": {"file": "/list"}}}
    text = "\n".join(networks(SOURCES))
    wanted = policy.parse(section, read_list=lambda path: text)
    rules = ruleset.build(wanted)
    average, worst = positions(wanted, iptables.render(rules, 4))
    kinds: dict[str, tuple[str, Callable[[Namespace], object]]] = {
        "no firewall": (average, lambda machine: None),
        "the smallest that tracks": (average, lambda machine: machine.run(["nft", "-f", "-"], TRACKING)),
    }
    for tool in TOOLS:
        kinds[f"{tool}, middle of the list"] = average, partial(load, tool=tool, rules=rules)
        kinds[f"{tool}, far end of it"] = worst, partial(load, tool=tool, rules=rules)
    with ExitStack() as stack:
        worlds = {name: stack.enter_context(closing(World(*kind))) for name, kind in kinds.items()}
        return _in_turns(worlds)


def _in_turns(worlds: Mapping[str, World]) -> dict[str, tuple[float, float]]:
    rounds = []
    names = list(worlds)
    for _ in range(ROUNDS):
        random.shuffle(names)
        rounds.append({name: worlds[name].rate() for name in names})
    return {
        name: (
            statistics.median(rates[name] for rates in rounds),
            statistics.median(rates[name] / rates["no firewall"] for rates in rounds),
        )
        for name in worlds
    }


def positions(wanted: policy.Policy, text: str) -> tuple[str, str]:
    """Addresses of the list that meet a middling number of iptables' rules, and the most (of a thousand)."""
    assert wanted.ssh is not None
    some = random.Random(1).sample(wanted.ssh.peers.v4, 1_000)
    rules = of_iptables(text)
    met = sorted((rules.fate(address).met, address) for address in (network_text(4, (n, 32)) for n, _ in some))
    return met[len(met) // 2][1], met[-1][1]

"""100,000 denied networks -> what they cost a connection that stands, in each tool, with and without GRO.

An apply ends what a denied source began (decision 0035), so that no packet of what stands is asked for its source. The
same policy without `deny` is the measure. By processor time and in turns, as in tests.bench.wired;
the client is at the far end of iptables' tree, where a packet meets the most rules. Without GRO a packet is what the
wire takes; with it up to 64 KiB pass the rules at once. IPv4, since that is where lists are longest.
"""

from __future__ import annotations

import array
import fcntl
import random
import socket
import statistics
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing

from cc_vps_firewall import policy
from cc_vps_firewall.policy import network_text
from cc_vps_firewall.policy.networks import covers
from cc_vps_firewall.rules import iptables, ruleset
from tests.bench.networks import networks
from tests.bench.wired import Wire
from tests.lab.backends import TOOLS, load
from tests.lab.namespaces import Namespace
from tests.unit.new_packet import of_iptables

DENIED = 100_000
ROUNDS = 40
SIOCETHTOOL, IFNAMSIZ = 0x8946, 16  # linux/sockios.h, linux/ethtool.h
OFFLOADS = {"tso": 0x1F, "gso": 0x24, "gro": 0x2C}  # commands that switch each
WAYS: Mapping[str, Callable[[Wire], float]] = {"from the client": Wire.bulk, "to the client": lambda wire: _back(wire)}


def rows(size: int) -> Iterator[dict[str, object]]:
    """A row for each tool, each way, with and without GRO: MiB a processor second, and the part of what the same policy
    gives without `deny`."""
    text = "\n".join(networks(size or DENIED))
    plain = policy.parse({"allow": ["ssh"]}, read_list=str)
    section = {"allow": ["ssh"], "deny": ["bad"], "lists": {"bad": {"file": "/list"}}}
    denying = policy.parse(section, read_list=lambda path: text)
    client, met = far_end(denying)
    for gro in (True, False):
        with ExitStack() as stack:
            wires = {}
            for tool in TOOLS:
                for name, wanted in (("without", plain), ("with", denying)):
                    wires[tool, name] = stack.enter_context(closing(_wire(tool, wanted, client, gro)))
            for way, measure in WAYS.items():
                for tool, (rate, part) in _in_turns(wires, measure).items():
                    yield {"who": f"{tool}, {way}, {'with' if gro else 'without'} GRO", "MiB": round(rate),
                           "of the same without deny": round(part, 3), "rules met": met}  # fmt: skip


def far_end(denying: policy.Policy) -> tuple[str, int]:
    """An address that the list does not have, beside the networks of it that meet the most of iptables' rules."""
    rules = of_iptables(iptables.render(ruleset.build(denying), 4))
    nets = denying.deny.v4
    found = []
    for number, prefix in random.Random(1).sample(nets, min(400, len(nets))):
        beside = number ^ 1 << (32 - prefix)  # the network that shares all but its last bit
        if not covers(nets, (beside, 32), 4):
            address = network_text(4, (beside, 32))
            found.append((rules.fate(address).met, address))
    met, address = max(found)
    return address, met


def _wire(tool: str, wanted: policy.Policy, client: str, gro: bool) -> Wire:
    machine = Namespace("machine")
    machine.ip("link set lo up")
    wire = Wire(machine, client)
    load(machine, tool, ruleset.build(wanted))
    for namespace, device in ((machine, "eth0"), (wire.internet, "wire")):
        with namespace.entered():
            for command in OFFLOADS.values():
                switch(device, command, gro)
    wire.stand()
    return wire


def switch(device: str, command: int, on: bool) -> None:
    """An offload of a device, as `ethtool -K` does it."""
    value = array.array("B", struct.pack("=II", command, int(on)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        request = struct.pack(f"{IFNAMSIZ}sP16x", device.encode(), value.buffer_info()[0])
        fcntl.ioctl(asking, SIOCETHTOOL, request)


def _back(wire: Wire) -> float:
    wire.near, wire.far = wire.far, wire.near
    try:
        return wire.bulk()
    finally:
        wire.near, wire.far = wire.far, wire.near


def _in_turns(
    wires: Mapping[tuple[str, str], Wire], measure: Callable[[Wire], float]
) -> dict[str, tuple[float, float]]:
    turns: list[dict[tuple[str, str], float]] = []
    names = list(wires)
    for _ in range(ROUNDS):
        random.shuffle(names)
        turns.append({name: measure(wires[name]) for name in names})
    return {
        tool: (
            statistics.median(turn[tool, "with"] for turn in turns),
            statistics.median(turn[tool, "with"] / turn[tool, "without"] for turn in turns),
        )
        for tool in TOOLS
    }

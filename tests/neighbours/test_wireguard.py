"""WireGuard, by wireguard-go at both ends: what a policy opens on the tunnel is open there, and nowhere else."""

from __future__ import annotations

import select
import socket
import time
from contextlib import ExitStack

import pytest

from tests.lab.machine import CLOSED, FAMILY, OPEN, Machine

from .suite import ROWS, Suite
from .wireguard import HERE, client, new_keys, server

SERVER = {"allow": [{"port": "51820/udp"}]}
TRUSTING = {"allow": [{"port": "51820/udp"}, {"service": "all", "interface": "wg0"}]}
SSH_INSIDE = {"ssh": {"interface": "wg0"}, "allow": [{"port": "51820/udp"}]}


def through(machine: Machine) -> set[tuple[int, int]]:
    """(family, port) of what the neighbour can connect to through the tunnel."""
    with ExitStack() as stack, machine.neighbour.entered():
        ends = {(f, port): stack.enter_context(socket.socket(FAMILY[f])) for f in HERE for port in (OPEN, CLOSED)}
        for (family, port), end in ends.items():
            end.setblocking(False)
            end.connect_ex((HERE[family], port))
        time.sleep(3)  # the tunnel's own handshake comes first, and a lost SYN a second time
        answered = select.select([], ends.values(), [], 0)[1]
        return {key for key, end in ends.items() if end in answered and end.getpeername()}


@pytest.mark.parametrize(("first", "tool"), ROWS)
def test_what_is_open_in_the_tunnel(first: str, tool: str) -> None:
    everything = {(family, port) for family in (4, 6) for port in (OPEN, CLOSED)}
    ssh = {(4, OPEN), (6, OPEN)}
    with Machine(tool) as machine, ExitStack() as stack:
        suite = Suite(machine)
        keys = new_keys(suite)
        if first == "firewall":
            assert machine.apply(TRUSTING).value["result"] == "applied"
        held = stack.enter_context(ExitStack())
        held.enter_context(server(suite, keys))
        held.enter_context(client(suite, keys))
        if first == "neighbour":
            assert through(machine) == everything
            assert machine.apply(TRUSTING).value["result"] == "applied"
        assert (through(machine), machine.reachable()) == (everything, ssh)
        assert machine.apply(TRUSTING).value["result"] == "unchanged"
        assert machine.apply(SERVER).value["result"] == "applied"
        assert (through(machine), machine.reachable()) == (ssh, ssh)
        assert machine.apply(SSH_INSIDE).value["result"] == "applied"
        assert (through(machine), machine.reachable()) == (ssh, set())
        held.close()  # the tunnel goes, and comes back
        held.enter_context(server(suite, keys))
        held.enter_context(client(suite, keys))
        assert (through(machine), machine.reachable()) == (ssh, set())
        assert machine.apply({}).value["result"] == "applied"
        assert through(machine) == ssh  # what stands goes on; a new one finds the tunnel's own port closed
        held.close()
        held.enter_context(server(suite, keys))
        held.enter_context(client(suite, keys))
        assert through(machine) == set()
        assert machine.command("verify").value == 0

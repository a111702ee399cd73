"""a machine and its neighbour -> a WireGuard tunnel between them, by the real wireguard-go at both ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.machine import ADDRESS

from .suite import Suite

PORT = 51820
HERE, THERE = {4: "10.8.0.1", 6: "fd08::1"}, {4: "10.8.0.2", 6: "fd08::2"}


@contextmanager
def server(suite: Suite, keys: dict[str, str]) -> Iterator[None]:
    """wg0 of the machine, from its start to its end."""
    machine = suite.machine
    with suite.running("wireguard-go", "-f", "wg0", ready=lambda: _is_up(suite, "wg0")):
        config = (
            f"[Interface]\nPrivateKey={keys['server']}\nListenPort={PORT}\n[Peer]\nPublicKey={keys['client.pub']}\n"
        )
        suite.run("wg setconf wg0 /dev/stdin", f"{config}AllowedIPs={THERE[4]}/32,{THERE[6]}/128\n")
        machine.run(
            f"ip address add {HERE[4]}/24 dev wg0; ip address add {HERE[6]}/64 dev wg0 nodad; ip link set wg0 up"
        )
        yield
    machine.run("while ip link show wg0 >/dev/null 2>&1; do sleep 0.05; done")


@contextmanager
def client(suite: Suite, keys: dict[str, str]) -> Iterator[None]:
    """The neighbour's end."""
    machine = suite.machine
    with suite.running("wireguard-go", "-f", "wgn", ready=lambda: _is_up(suite, "wgn"), by_neighbour=True):
        config = f"[Interface]\nPrivateKey={keys['client']}\n[Peer]\nPublicKey={keys['server.pub']}\n"
        config += f"Endpoint={ADDRESS[4]}:{PORT}\nAllowedIPs={HERE[4]}/32,{HERE[6]}/128\n"
        suite.run("wg setconf wgn /dev/stdin", config)
        machine.neighbour.ip(
            f"address add {THERE[4]}/24 dev wgn", f"address add {THERE[6]}/64 dev wgn nodad", "link set wgn up"
        )
        yield
    machine.run(f"while nsenter --net={machine.neighbour.path} ip link show wgn >/dev/null 2>&1; do sleep 0.05; done")


def new_keys(suite: Suite) -> dict[str, str]:
    keys = {name: suite.run("wg genkey").strip() for name in ("server", "client")}
    return keys | {f"{name}.pub": suite.run("wg pubkey", f"{key}\n").strip() for name, key in keys.items()}


def _is_up(suite: Suite, name: str) -> bool:
    return f"interface: {name}" in suite.run(f"wg show {name} 2>&1", check=False)

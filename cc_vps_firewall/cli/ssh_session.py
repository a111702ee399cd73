"""Nobody who applies a policy over SSH is locked out by it."""

from __future__ import annotations

import os

from .. import policy
from ..errors import FirewallError, ToolFailed
from ..host import process


def check_not_locked_out(wanted: policy.Policy) -> None:
    """Refuse a policy under which the SSH session we are run from could not be opened again."""
    session = _ssh_session()
    if session is None or not wanted.enabled:
        return
    client, zone, server, port = session
    if wanted.admits(client, "tcp", port):
        return
    interface = zone or _route_interface(client, server)
    if not interface or not wanted.admits(client, "tcp", port, interface):
        over = f" over {interface}" if interface else ""
        raise FirewallError(
            f"this policy would cut off your own SSH session, from {client} to port {port}{over}; "
            f"let {client} in under ssh, or run this from the console"
        )


def _route_interface(client: str, server: str) -> str:
    """The interface by which this host answers a client that reached it at `server`, '' where ip(8) cannot say."""
    try:
        words = process.run("ip", "-oneline", "route", "get", client, "from", server).split()
    except ToolFailed:
        return ""
    return words[words.index("dev") + 1] if "dev" in words[:-1] else ""


def _ssh_session() -> tuple[str, str, str, int] | None:
    """(client address, its zone, server address, server port) of the SSH session that we, or a parent of ours, were
    started in: sudo does not pass SSH_CONNECTION on."""
    pid = os.getpid()
    for _ in range(64):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                environment = file.read()
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            return None
        for variable in environment.split(b"\0"):
            if variable.startswith(b"SSH_CONNECTION="):
                words = variable.decode("ascii", "replace").partition("=")[2].split()
                try:
                    client, _, zone = words[0].partition("%")
                    policy.parse_network(client)
                    return client, zone, words[2].partition("%")[0], int(words[3])
                except (ValueError, IndexError):
                    continue
        if parent <= 1:
            return None
        pid = parent
    return None

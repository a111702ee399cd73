"""Nobody who applies a policy over SSH is locked out by it: what the command is run from, and who may still come."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .. import policy
from ..errors import FirewallError, ToolFailed
from ..host import process
from ..host.files import entries, text_at
from ..root import HERE

MULTIPLEXERS = ("tmux", "screen")  # their server is no child of the terminal that shows it


@dataclass(frozen=True)
class Session:
    """What sshd says of a session. `zone`: the interface of a link-local client, '' for others."""

    client: str
    zone: str
    client_port: int
    server: str
    port: int

    @property
    def interface(self) -> str:
        """By which this host answers the client, '' where ip(8) cannot say."""
        if self.zone:
            return self.zone
        try:
            words = process.run("ip", "-oneline", "route", "get", self.client, "from", self.server).split()
        except ToolFailed:
            return ""
        return words[words.index("dev") + 1] if "dev" in words[:-1] else ""


def check_not_locked_out(wanted: policy.Policy) -> None:
    """Refuse a policy under which the SSH session we are run from could not be opened again."""
    session = ssh_session()
    if session is None or not wanted.enabled:
        return
    if wanted.admits(session.client, "tcp", session.port):
        return
    interface = session.interface
    if not interface or not wanted.admits(session.client, "tcp", session.port, interface):
        over = f" over {interface}" if interface else ""
        raise FirewallError(
            f"this policy would cut off your own SSH session, from {session.client} to port {session.port}{over}; "
            f"let {session.client} in under ssh, or run this from the console"
        )


def ssh_session() -> Session | None:
    """The SSH session that we, or a parent of ours, were started in: sudo does not pass SSH_CONNECTION on."""
    for pid in ancestors():
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                environment = file.read()
        except OSError:
            return None
        for variable in environment.split(b"\0"):
            if variable.startswith(b"SSH_CONNECTION="):
                words = variable.decode("ascii", "replace").partition("=")[2].split()
                try:
                    client, _, zone = words[0].partition("%")
                    policy.parse_network(client)
                    return Session(client, zone, int(words[1]), words[2].partition("%")[0], int(words[3]))
                except (ValueError, IndexError):
                    continue
    return None


def ancestors(pid: int = 0) -> Iterator[int]:
    """This process, and those that it comes from, without the first of all (proc(5))."""
    pid = pid or os.getpid()
    for _ in range(64):
        if pid <= 1:
            return
        yield pid
        after = text_at(HERE, f"proc/{pid}/stat").rpartition(")")[2].split()
        pid = int(after[1]) if len(after) > 1 else 0


def open_sockets() -> frozenset[int]:
    """The inodes of sockets that we come from: of sshd, mosh-server, or what else has started us."""
    those = set(ancestors())
    names = {_name(pid) for pid in those}
    if any(name.lower().startswith(MULTIPLEXERS) for name in names):
        every = [int(entry) for entry in entries(HERE, "proc") if entry.isdigit()]
        shown = [pid for pid in every if _name(pid).lower().startswith(MULTIPLEXERS)]
        those.update(each for pid in shown for each in ancestors(pid))
    return frozenset(inode for pid in those for inode in _sockets_of(pid))


def _name(pid: int) -> str:
    return text_at(HERE, f"proc/{pid}/comm").strip()


def _sockets_of(pid: int) -> Iterator[int]:
    for fd in entries(HERE, f"proc/{pid}/fd"):
        try:
            found = re.match(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            continue
        if found:
            yield int(found[1])

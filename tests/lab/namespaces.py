"""nothing -> a network namespace without a name: it lives as long as this process holds it, and no longer.

`ip netns add` would leave a mount behind whenever a test is killed, and needs a writable /run; a file descriptor
does neither. os.setns() came with Python 3.12, so libc is asked.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNET = 0x40000000
OWN = "/proc/thread-self/ns/net"
SECONDS = 10
RTF_LOCAL = 0x80000000  # linux/ipv6_route.h
ETH_P_ALL = 0x0003
# Closes packet sockets: the kernel waits for a grace period of RCU at each, and nobody has to wait with it.
CLOSING = ThreadPoolExecutor(16, "closing")
_libc = ctypes.CDLL(None, use_errno=True)


class ToolFailed(AssertionError):
    """A tool refused what it was given: in a test that is a finding, and reads like one."""


class Namespace:
    """A network namespace held open by a file descriptor."""

    def __init__(self, name: str) -> None:
        self.name = name
        home = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _call("unshare", CLONE_NEWNET)
            self.fd = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
            _call("setns", home, CLONE_NEWNET)
        finally:
            os.close(home)

    @classmethod
    def of(cls, process: int, name: str) -> Namespace:
        """The network namespace in which that process is."""
        held = cls.__new__(cls)
        held.name, held.fd = name, os.open(f"/proc/{process}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        return held

    @property
    def path(self) -> str:
        """As another process names it, for `ip link ... netns PATH`."""
        return f"/proc/{os.getpid()}/fd/{self.fd}"

    @contextmanager
    def entered(self) -> Iterator[None]:
        """This thread is inside: sockets made here stay here."""
        home = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
        _call("setns", self.fd, CLONE_NEWNET)
        try:
            yield
        finally:
            _call("setns", home, CLONE_NEWNET)
            os.close(home)

    def run(self, argv: Sequence[str], text: str = "", env: Mapping[str, str] | None = None) -> str:
        """A tool's output, run inside."""
        with self.entered():
            done = subprocess.run(
                argv, input=text, capture_output=True, text=True, env={**os.environ, **(env or {})}, check=False
            )
        if done.returncode:
            raise ToolFailed(f"{' '.join(argv)} in {self.name}: exit {done.returncode}\n{done.stderr}\n{text}")
        return done.stdout

    def ip(self, *commands: str) -> None:
        """`ip` commands, all in one process."""
        self.run(["ip", "-batch", "-"], "\n".join(commands) + "\n")

    def await_addresses(self) -> None:
        with self.entered():
            await_addresses("/proc/thread-self/net")

    def sysctl(self, settings: Mapping[str, int]) -> None:
        with self.entered():
            for name, value in settings.items():
                # sysctl(8) would read the dot of br-0.1 as a slash; written as paths, names are never split.
                Path("/proc/sys/net", name).write_text(str(value), encoding="ascii")

    def close(self) -> None:
        os.close(self.fd)


def await_addresses(folder: str) -> None:
    """Until the machine takes packets to its IPv6 addresses as its own: a worker of the kernel inserts the routes of
    those, some time after `ip` has ended, and before that it would forward or drop them. `folder`: /proc/PID/net."""
    deadline = time.monotonic() + SECONDS
    while waiting := _addresses(folder) - _local_routes(folder):
        if time.monotonic() > deadline:
            raise AssertionError(f"no route for {', '.join(sorted(waiting))}")
        time.sleep(0.001)


def _addresses(folder: str) -> set[str]:
    return {line.split()[0] for line in Path(folder, "if_inet6").read_text().splitlines()}


def _local_routes(folder: str) -> set[str]:
    """To one address each, and not rejected."""
    rows = (line.split() for line in Path(folder, "ipv6_route").read_text().splitlines())
    return {to for to, length, *_, flags, _ in rows if length == "80" and int(flags, 16) & RTF_LOCAL}


def packet_socket(device: str) -> socket.socket:
    """Everything that this device of the thread's namespace sends and receives, before any rule. `CLOSING` closes it.

    It is of no protocol until it is bound: one that listens already costs a grace period, too, to be bound elsewhere.
    """
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    made.bind((device, ETH_P_ALL))
    return made


def _call(function: str, *arguments: int) -> None:
    if getattr(_libc, function)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{function}: {os.strerror(code)} (root, or unshare -rn, is needed)")

"""nothing -> a network namespace with one tap device: the wire between a guest and everybody else.

The namespace is kept by a process that dies with this program, however that ends; the device dies with the namespace.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

TAP = "lab0"
GUEST_MAC = "52:54:00:12:34:56"
GATEWAY_MAC = "52:54:00:00:00:01"

# Addresses of documentation (RFC 5737, RFC 3849).
GUEST = {"4": "198.51.100.10", "6": "2001:db8:51::10", "link": "fe80::5054:ff:fe12:3456"}
GATEWAY = {"4": "198.51.100.1", "6": "2001:db8:51::1", "link": "fe80::1"}

_MAKE = f"""
set -e
ip link set lo up
ip tuntap add dev {TAP} mode tap
ip link set dev {TAP} address {GATEWAY_MAC}
echo 0 >/proc/sys/net/ipv6/conf/{TAP}/accept_dad
ip addr add {GATEWAY["4"]}/24 dev {TAP}
ip addr add {GATEWAY["6"]}/64 dev {TAP} nodad
ip addr add {GATEWAY["link"]}/64 dev {TAP} nodad
ip link set dev {TAP} up
echo ready
exec sleep infinity
"""


class WireFailed(Exception):
    """The namespace could not be made; the message says what the tool said."""


@dataclass(frozen=True)
class Wire:
    """A live network namespace."""

    holder: int

    def inside(self, command: Sequence[str]) -> list[str]:
        """The same command, to be run in that namespace, and to be killed when this program ends."""
        return ["setpriv", "--pdeathsig", "KILL", "nsenter", f"--net=/proc/{self.holder}/ns/net", "--", *command]


@contextlib.contextmanager
def wire() -> Iterator[Wire]:
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--", "sh", "-c", _MAKE]
    holder = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        if holder.stdout.readline() != "ready\n":
            holder.kill()
            raise WireFailed(f"no network namespace with a tap device: {holder.communicate()[1].strip()}")
        yield Wire(holder.pid)
    finally:
        holder.kill()
        holder.communicate()

"""A policy and what listens on this host -> warnings: open although nothing listens, listening and closed.

As root, on the host, for the commands that look at it: at a first boot nothing listens yet.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping

from ..algebra import ranges
from ..algebra.model import IN, TRANSPORTS, Box, model
from ..errors import FirewallError, Problem
from ..host import process
from ..policy import KEY, Policy

WIDE = 100  # ports: of a range that wide each is taken when it is needed, as mosh and FTP do
EPHEMERAL = 32768  # from here on a program that asked for no port is given one
# Clients, to which answers come whatever a policy says.
CLIENTS = {("udp", 68), ("udp", 546)}
MOST = 8  # programs that are named

Listening = Mapping[tuple[str, int], str]  # protocol and port -> the program


def here() -> Listening:
    """What listens for other machines; FirewallError where ss(8) cannot say."""
    found: dict[tuple[str, int], str] = {}
    for proto in TRANSPORTS:
        for row in process.run("ss", "-Hlnp", f"--{proto}").splitlines():
            words = row.split()
            address, _, port = words[3].rpartition(":") if len(words) > 3 else ("", "", "")
            if port.isdecimal() and not _loopback(address):
                name = re.search(r'\(\("([^"]*)"', row)
                found.setdefault((proto, int(port)), name[1] if name else "")
    return found


def _loopback(address: str) -> bool:
    bare = address.strip("[]").partition("%")[0]
    return bare not in ("*", "") and ipaddress.ip_address(bare).is_loopback


def warnings(policy: Policy) -> tuple[Problem, ...]:
    """Those of this host, now; none where it cannot be asked."""
    if not policy.enabled:
        return ()
    try:
        return (*_about(policy, here()),)
    except FirewallError:
        return ()


def _about(policy: Policy, listening: Listening) -> Iterator[Problem]:
    boxes = [box for box in model(policy).boxes if box.direction == IN and box.entry and box.proto in ("", *TRANSPORTS)]
    yield from _idle(boxes, listening)
    behind = {(each.opening.proto, n) for each in policy.publish for n in (each.opening.first, each.opening.last)}
    closed = [
        f"{port}/{proto}{f' ({name})' if name else ''}"
        for (proto, port), name in sorted(listening.items(), key=lambda one: (one[0][1], one[0][0]))
        if not any(ranges.has(box.ports_of(proto), port) for box in boxes)
        and (proto, port) not in CLIENTS | behind
        and not (proto == "udp" and port >= EPHEMERAL)
    ]
    if closed:
        more = f" and {len(closed) - MOST} more" if len(closed) > MOST else ""
        said = f"{', '.join(closed[:MOST])}{more} listen here, and no entry lets anybody in"
        yield Problem(f"{KEY}.allow", said)


def _idle(boxes: list[Box], listening: Listening) -> Iterator[Problem]:
    """Entries of which no port has a program."""
    spans: dict[str, dict[tuple[str, int, int], None]] = {}
    for box in boxes:
        spans.setdefault(box.entry, {})[(box.proto, box.ports[0], box.ports[1])] = None
    for entry, those in spans.items():
        wide = any(not proto or last - first >= WIDE for proto, first, last in those)
        if wide or any(p == proto and first <= port <= last for p, port in listening for proto, first, last in those):
            continue
        ports = [f"{first}/{proto}" if first == last else f"{first}-{last}/{proto}" for proto, first, last in those]
        more = f" and {len(ports) - 3} more" if len(ports) > 3 else ""
        yield Problem(f"{KEY}.{entry}", f"is open, and no program listens on {', '.join(ports[:3])}{more} now")

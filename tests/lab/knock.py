"""addresses and ports -> open, refused or silent: a lone program that is run inside a network namespace.

    knock.py listen PORT...        accept connections to these TCP ports, both families, until killed
    knock.py knock [DOOR]          read [[source, target, port], ...] as JSON, print one word for each; port 0 is a ping

DOOR is the file of the network namespace that is knocked at. Where it is given, a packet socket on its eth0, before any
rule, tells when every knock has arrived: what is silent soon afterwards was dropped, and nobody has to wait for longer.

Standard library only: it runs in the namespace with whatever Python started it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import selectors
import socket
import sys
import time
from collections.abc import Iterator, Sequence

# An answer over a veth takes well under a millisecond; the rest is for a busy machine. What is silent then was dropped.
PATIENCE_SECONDS = 1.5
DROPPED_SECONDS = 0.3  # once all have arrived

CLONE_NEWNET = 0x40000000
ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD
TCP = 6
# In a frame: where the header says what comes next, where the source is, and the header's end, without options.
HEADERS = {ETH_P_IP: (23, slice(26, 30), 34), ETH_P_IPV6: (20, slice(22, 38), 54)}
# And behind that: the source port, or the identifier of an echo request.
SENDERS_PLACE = {TCP: 0, socket.IPPROTO_ICMP: 4, socket.IPPROTO_ICMPV6: 4}

Sender = tuple[int, bytes, int]  # protocol, address, port or identifier
Knock = tuple[str, str, int]

PING = 0
ECHO_REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}  # ICMP and ICMPv6 echo request


def knock_at(knocks: Sequence[Knock], door: socket.socket | None = None) -> list[str]:
    """Knock at all of them at once and give each its word, in the same order."""
    words = ["silent"] * len(knocks)
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        under_way = set()
        for index, (source, target, port) in enumerate(knocks):
            awaited = selectors.EVENT_READ if port == PING else selectors.EVENT_WRITE
            knocker = stack.enter_context(_knocker(source, target, port))
            selector.register(knocker, awaited, index)
            under_way.add(sender(knocker))
        if door:
            selector.register(door, selectors.EVENT_READ)
        silent, deadline = len(knocks), time.monotonic() + PATIENCE_SECONDS
        while silent and (remaining := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(remaining):
                assert isinstance(key.fileobj, socket.socket)
                if key.fileobj is door:
                    arrived = under_way & set(senders(door))
                    under_way -= arrived
                    if arrived and not under_way:
                        deadline = min(deadline, time.monotonic() + DROPPED_SECONDS)
                    continue
                words[key.data] = _word(key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
                selector.unregister(key.fileobj)
                silent -= 1
    return words


def _door(namespace: str) -> socket.socket:
    """Everything that eth0 of that namespace sends and receives. It listens from when it is bound on."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net", "rb") as home, open(namespace, "rb") as there:
        for place in (there, home):
            if libc.setns(place.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
            if place is there:
                door = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK)
                door.bind(("eth0", ETH_P_ALL))
    return door


def sender(knocker: socket.socket) -> Sender:
    """What the packets of a socket, which is bound to an address, are known by."""
    address, port, *_ = knocker.getsockname()
    protocol = TCP if knocker.type == socket.SOCK_STREAM else knocker.proto
    return protocol, socket.inet_pton(knocker.family, address), port


def senders(door: socket.socket) -> Iterator[Sender]:
    """The same of all that has come in by now."""
    while True:
        try:
            frame, (_, kind, way, *_) = door.recvfrom(128)
        except BlockingIOError:
            return
        if kind in HEADERS and way != socket.PACKET_OUTGOING:
            next_header, source, end = HEADERS[kind]
            protocol = frame[next_header]
            if protocol in SENDERS_PLACE:
                place = end + SENDERS_PLACE[protocol]
                yield protocol, frame[source], int.from_bytes(frame[place : place + 2], "big")


def _knocker(source: str, target: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    if port == PING:
        protocol = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
        knocker = socket.socket(family, socket.SOCK_DGRAM, protocol)
        knocker.bind((source, 0))
        knocker.connect((target, 0))
        knocker.setblocking(False)
        knocker.send(bytes([ECHO_REQUEST[family]]) + bytes(7) + b"vps-firewall")  # the kernel fills in checksum and id
        return knocker
    knocker = socket.socket(family, socket.SOCK_STREAM)
    knocker.bind((source, 0))
    knocker.setblocking(False)
    started = knocker.connect_ex((target, port))
    if started not in (0, errno.EINPROGRESS):
        raise OSError(started, f"cannot start to connect from {source} to {target} port {port}")
    return knocker


def _word(error: int) -> str:
    if error == 0:
        return "open"
    return "refused" if error == errno.ECONNREFUSED else errno.errorcode[error]


def listen_on(ports: Sequence[int]) -> None:
    """Accept and hang up, for ever; prints `ready` once every port listens."""
    with selectors.DefaultSelector() as selector:
        for port in ports:
            listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
            listener.setblocking(False)
            selector.register(listener, selectors.EVENT_READ)
        print("ready", flush=True)
        while True:
            for key, _ in selector.select():
                assert isinstance(key.fileobj, socket.socket)
                with contextlib.suppress(OSError):  # whoever knocked was gone before the door opened
                    key.fileobj.accept()[0].close()


def _main(arguments: Sequence[str]) -> int:
    if arguments and arguments[0] == "listen":
        listen_on([int(port) for port in arguments[1:]])
    elif arguments and arguments[0] == "knock":
        knocks = [(source, target, port) for source, target, port in json.load(sys.stdin)]
        with _door(arguments[1]) if arguments[1:] else contextlib.nullcontext() as door:
            json.dump(knock_at(knocks, door), sys.stdout)
    else:
        print(__doc__, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))

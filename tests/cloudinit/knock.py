"""addresses and ports -> open, refused or silent: a lone program that is run inside a network namespace.

    knock.py listen PORT...        accept connections to these TCP ports, both families, until killed
    knock.py knock                 read [[source, target, port], ...] as JSON, print one word for each; port 0 is a ping

Standard library only: it runs in the namespace with whatever Python started it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import selectors
import socket
import sys
import time
from collections.abc import Sequence

# An answer over a veth takes well under a millisecond; the rest is for a busy machine. What is silent then was dropped.
PATIENCE_SECONDS = 1.5

Knock = tuple[str, str, int]

PING = 0
ECHO_REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}  # ICMP and ICMPv6 echo request


def knock_at(knocks: Sequence[Knock]) -> list[str]:
    """Knock at all of them at once and give each its word, in the same order."""
    words = ["silent"] * len(knocks)
    with selectors.DefaultSelector() as selector:
        for index, (source, target, port) in enumerate(knocks):
            awaited = selectors.EVENT_READ if port == PING else selectors.EVENT_WRITE
            selector.register(_knocker(source, target, port), awaited, index)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while selector.get_map() and (remaining := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(remaining):
                knocker = key.fileobj
                assert isinstance(knocker, socket.socket)
                words[key.data] = _word(knocker.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
                selector.unregister(knocker)
                knocker.close()
        for key in list(selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
    return words


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
    elif list(arguments) == ["knock"]:
        json.dump(knock_at([(source, target, port) for source, target, port in json.load(sys.stdin)]), sys.stdout)
    else:
        print(__doc__, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))

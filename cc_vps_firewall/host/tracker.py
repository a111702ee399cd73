"""The kernel's connections and sockets: what stands, and the end of it (netlink(7), sock_diag(7)).

conntrack(8) and ss(8) are on few hosts, and /proc/net/nf_conntrack is not in every kernel. The numbers are those of
linux/netfilter/nfnetlink_conntrack.h and linux/inet_diag.h.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..algebra.standing import TCP, UDP, Connection, Flow
from ..errors import FirewallError
from ..policy import WIDTH

NETLINK_SOCK_DIAG, NETLINK_NETFILTER = 4, 12
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300  # flags of a message
ERROR, DONE = 2, 3  # types of one
CT_NEW, CT_GET = 0x100, 0x101  # of ctnetlink, subsystem 1
TUPLE_ORIG, TUPLE_REPLY, CTA_MARK, TUPLE_MASTER, CTA_ZONE = 1, 2, 8, 14, 18
NESTED = 0x8000
TUPLE_IP, TUPLE_PROTO = 1, 2
V4_SRC, V4_DST, V6_SRC, V6_DST = 1, 2, 3, 4
PROTO_NUM, SRC_PORT, DST_PORT, ICMP_TYPE, ICMPV6_TYPE = 1, 2, 3, 5, 8
BY_FAMILY, DESTROY = 20, 21  # of sock_diag
EVERY_STATE = 0xFFF
TIME_WAIT, CLOSE, LISTEN = 6, 7, 10  # states of TCP
MAPPED = bytes(10) + b"\xff\xff"  # opens an IPv4 address in a socket of IPv6
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
PATIENCE = 10.0  # seconds between two parts of an answer


@dataclass(frozen=True)
class Socket:
    """`flow`: from this host's end to the other; `inode`: by which a process has it; `handle`: how the kernel finds
    it."""

    flow: Flow
    state: int
    inode: int
    handle: bytes

    @property
    def listens(self) -> bool:
        return self.flow.proto == TCP and self.state == LISTEN

    @property
    def stands(self) -> bool:
        """Is it one end of a connection of TCP?"""
        return self.flow.proto == TCP and self.state not in (LISTEN, TIME_WAIT, CLOSE)


def connections() -> list[Connection]:
    """All that the tracker knows, of both families. Raises FirewallError where it cannot be asked."""
    try:
        with _asking(NETLINK_NETFILTER) as kernel:
            return [one for part in _dump(kernel, CT_GET, struct.pack("=BBH", 0, 0, 0)) for one in _connection(part)]
    except OSError as error:
        raise FirewallError(f"the kernel does not say which connections stand: {error.strerror}") from None


def mark(ended: Iterable[Connection], value: int) -> None:
    """Give these entries of the tracker this mark; one that is gone meanwhile needs none. Raises FirewallError."""
    try:
        with _asking(NETLINK_NETFILTER) as kernel:
            for each in ended:
                body = struct.pack("=BBH", FAMILIES[each.original.family], 0, 0) + each.handle
                _change(kernel, CT_NEW, body + _attribute(CTA_MARK, struct.pack(">I", value)))
    except OSError as error:
        raise FirewallError(f"a connection could not be marked: {error.strerror}") from None


def sockets() -> list[Socket]:
    """Those of TCP and UDP in this network namespace. Raises FirewallError where they cannot be asked for."""
    found = []
    try:
        with _asking(NETLINK_SOCK_DIAG) as kernel:
            for family in FAMILIES.values():
                for proto in (TCP, UDP):
                    body = struct.pack("=BBBBI48x", family, proto, 0, 0, EVERY_STATE)
                    found += [_socket(part, proto) for part in _dump(kernel, BY_FAMILY, body)]
    except OSError as error:
        raise FirewallError(f"the kernel does not say which sockets there are: {error.strerror}") from None
    return found


def destroy(ended: Iterable[Socket]) -> bool:
    """End these connections for the programs that have them; the other side is told. -> can this kernel do that?"""
    with _asking(NETLINK_SOCK_DIAG) as kernel:
        for each in ended:
            try:
                _change(kernel, DESTROY, each.handle)
            except OSError:  # CONFIG_INET_DIAG_DESTROY
                return False
    return True


# --- netlink ----------------------------------------------------------------------------------------------


def _asking(protocol: int) -> socket.socket:
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
    kernel.settimeout(PATIENCE)
    return kernel


def _dump(kernel: socket.socket, kind: int, body: bytes) -> Iterator[bytes]:
    kernel.send(struct.pack("=IHHII", 16 + len(body), kind, REQUEST | DUMP, 0, 0) + body)
    yield from _answers(kernel)


def _change(kernel: socket.socket, kind: int, body: bytes) -> None:
    kernel.send(struct.pack("=IHHII", 16 + len(body), kind, REQUEST | ACK, 0, 0) + body)
    try:
        for _ in _answers(kernel):
            pass
    except FileNotFoundError:
        pass


def _answers(kernel: socket.socket) -> Iterator[bytes]:
    """The bodies of messages, up to the last one. Raises OSError."""
    while True:
        data = kernel.recv(1 << 17)
        while len(data) >= 16:
            length, kind = struct.unpack_from("=IH", data)
            body, data = data[16:length], data[(length + 3) & ~3 :]
            if kind in (ERROR, DONE):
                code = -struct.unpack_from("=i", body)[0]
                if code > 0:
                    raise OSError(code, os.strerror(code))
                return
            yield body


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found[kind & 0x3FFF] = data[4:length]  # less the flags for nesting and for the order of bytes
        data = data[(max(length, 4) + 3) & ~3 :]
    return found


def _connection(body: bytes) -> Iterator[Connection]:
    said = _attributes(body[4:])
    original, reply, master = (_flow(said.get(kind, b"")) for kind in (TUPLE_ORIG, TUPLE_REPLY, TUPLE_MASTER))
    if original and reply:
        zone = _attribute(CTA_ZONE, said[CTA_ZONE]) if CTA_ZONE in said else b""
        handle = _attribute(TUPLE_ORIG | NESTED, said[TUPLE_ORIG]) + zone
        yield Connection(original, reply, master, handle, _number(said.get(CTA_MARK, b"")))


def _flow(data: bytes) -> Flow | None:
    said = _attributes(data)
    ends, proto = _attributes(said.get(TUPLE_IP, b"")), _attributes(said.get(TUPLE_PROTO, b""))
    family, source, destination = (4, V4_SRC, V4_DST) if V4_SRC in ends else (6, V6_SRC, V6_DST)
    if source not in ends or PROTO_NUM not in proto:
        return None
    kind = proto.get(ICMP_TYPE) or proto.get(ICMPV6_TYPE) or proto.get(DST_PORT, b"")
    ports = _number(proto.get(SRC_PORT, b"")), _number(kind)
    return Flow(family, proto[PROTO_NUM][0], _number(ends[source]), _number(ends[destination]), *ports)


def _socket(body: bytes, proto: int) -> Socket:
    family, state = body[0], body[1]
    sport, dport = struct.unpack_from(">HH", body, 4)
    ours, other, version = body[8:24], body[24:40], 6
    if family == socket.AF_INET:
        ours, other, version = ours[:4], other[:4], 4
    elif ours.startswith(MAPPED):
        ours, other, version = ours[12:], other[12:], 4
    flow = Flow(version, proto, _number(ours), _number(other[: _width(version)]), sport, dport)
    handle = struct.pack("=BBBBI", family, proto, 0, 0, EVERY_STATE) + body[4:52]
    return Socket(flow, state, struct.unpack_from("=I", body, 68)[0], handle)


def _number(told: bytes) -> int:
    """What the kernel has in the byte order of networks -> a number."""
    return int.from_bytes(told, "big")


def _width(family: int) -> int:
    """Bytes of an address."""
    return WIDTH[family] // 8

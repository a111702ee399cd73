"""a tap device -> every answer that a guest gives to strangers, with the moment: knocks from power-on to power-off.

    prober.py DEVICE GUEST-MAC     one JSON line per answer, and at the end, told to terminate, one with the sums

Frames are made and read here, with no socket of the kernel between: what a guest answers is seen whether or not anybody
waits for it. The kernel of this namespace, which owns the gateway's addresses, answers the guest's ARP and neighbour
solicitations.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import sys
import time
from dataclasses import dataclass

if __package__ in (None, ""):  # run as a file, in a namespace
    import pathlib

    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.boot.wire import GATEWAY, GATEWAY_MAC, GUEST

EVERY = 0.2  # seconds between two knocks at one port
SYN, RST, ACK = 0x02, 0x04, 0x10
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
ETHERNET = {"4": 0x0800, "6": 0x86DD, "link": 0x86DD}
FIRST_PORT, LAST_PORT = 20000, 60999

OFFICE = {"4": "203.0.113.7", "6": "2001:db8:203::7"}


@dataclass(frozen=True)
class Knock:
    """Who knocks at which port: `office` has one address, `anyone` another one each time, so that no limit is met."""

    who: str
    protocol: str
    port: int

    def __str__(self) -> str:
        return f"{self.who} {self.port}/{self.protocol}"


# 22: sshd. 80, 3306, 8080: something listens from the guest's first second. 443, 9999: nothing does, which a reset
# tells where no firewall is before it.
KNOCKS = (
    Knock("office", "tcp", 22),
    Knock("anyone", "tcp", 22),
    Knock("anyone", "tcp", 80),
    Knock("anyone", "tcp", 443),
    Knock("anyone", "tcp", 3306),
    Knock("office", "tcp", 3306),
    Knock("anyone", "tcp", 8080),
    Knock("anyone", "tcp", 9999),
    Knock("anyone", "udp", 5353),
)


def knocks_in(family: str) -> list[Knock]:
    """Link-local sources are the neighbours': the office is never among them."""
    return [knock for knock in KNOCKS if family != "link" or knock.who == "anyone"]


def source(who: str, family: str, turn: int) -> str:
    """The address that knocks: nobody of `anyone` comes back within a minute, nor from the same /64."""
    if family == "link":
        return GATEWAY["link"]  # whom the guest can find on its link
    if who == "office":
        return OFFICE[family]
    return f"192.0.2.{turn % 251 + 1}" if family == "4" else f"2001:db8:192:{turn % 60000:x}::66"


# --- frames -------------------------------------------------------------------------------------------------


def checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packed(family: str, address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET if family == "4" else socket.AF_INET6, address)


def frame(family: str, guest_mac: str, sender: str, protocol: int, segment: bytes) -> bytes:
    """An Ethernet frame to the guest around a TCP or UDP segment whose checksum is still zero."""
    here, there = packed(family, sender), packed(family, GUEST[family])
    pseudo = here + there + struct.pack("!IHBB", len(segment), 0, 0, protocol)
    if family == "4":
        pseudo = here + there + struct.pack("!BBH", 0, protocol, len(segment))
    at = 16 if protocol == TCP else 6
    segment = segment[:at] + struct.pack("!H", checksum(pseudo + segment) or 0xFFFF) + segment[at + 2 :]
    if family == "4":
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0x4000, 64, protocol, 0) + here + there
        header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    else:
        header = struct.pack("!IHBB", 6 << 28, len(segment), protocol, 64) + here + there
    return mac(guest_mac) + mac(GATEWAY_MAC) + struct.pack("!H", ETHERNET[family]) + header + segment


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def tcp(source_port: int, port: int, flags: int, sequence: int) -> bytes:
    options = b"\x02\x04\x05\xb4" if flags == SYN else b""  # a SYN names its maximum segment size
    return struct.pack(
        "!HHIIBBHHH", source_port, port, sequence, 0, (5 + len(options) // 4) << 4, flags, 64240, 0, 0
    ) + options  # fmt: skip


def udp(source_port: int, port: int) -> bytes:
    return struct.pack("!HHHH", source_port, port, 12, 0) + b"lab?"


@dataclass(frozen=True)
class Heard:
    """What came from the guest: the port of ours that it answers, and how."""

    to: str
    our_port: int
    answer: str
    acknowledges: int = 0


def heard(data: bytes) -> Heard | None:
    """A frame from the guest -> an answer to a knock, or None for everything else that a host says."""
    kind: int = struct.unpack("!H", data[12:14])[0]
    packet = data[14:]
    if kind == 0x0800 and len(packet) >= 20:
        protocol, rest = packet[9], packet[(packet[0] & 15) * 4 :]
        to = socket.inet_ntop(socket.AF_INET, packet[16:20])
        quoted_at, unreachable = 8 + 20, ICMP
        refused = rest[:1] == b"\x03"  # destination unreachable
    elif kind == 0x86DD and len(packet) >= 40:
        protocol, rest = packet[6], packet[40:]
        to = socket.inet_ntop(socket.AF_INET6, packet[24:40])
        quoted_at, unreachable = 8 + 40, ICMPV6
        refused = rest[:1] == b"\x01"  # destination unreachable
    else:
        return None
    if protocol == TCP and len(rest) >= 20:
        our_port, _, acknowledges, flags = struct.unpack("!2xHIIxB", rest[:14])
        answer = "syn-ack" if flags & (SYN | ACK) == SYN | ACK else "reset" if flags & RST else "tcp"
        return Heard(to, our_port, answer, acknowledges)
    if protocol == UDP and len(rest) >= 8:
        return Heard(to, struct.unpack("!2xH", rest[:4])[0], "udp")
    if protocol == unreachable and refused and len(rest) >= quoted_at + 2:
        return Heard(to, struct.unpack("!H", rest[quoted_at : quoted_at + 2])[0], "unreachable")
    return None


# --- knocking -----------------------------------------------------------------------------------------------


@dataclass
class Watch:
    """One watch: who was asked from which port, how often each was, and the widest gap between two rounds."""

    wire: socket.socket
    guest_mac: str
    asked: dict[int, tuple[str, Knock, float, str]]
    sent: dict[str, int]
    port: int = FIRST_PORT
    turn: int = 0
    widest: float = 0.0
    first: float = 0.0


TARGETS = [(family, knock) for family in ("4", "6", "link") for knock in knocks_in(family)]


def watch(device: str, guest_mac: str) -> None:
    """Knock and listen until SIGTERM.

    A signal only makes a socket readable, which the loop sees between two of its turns. An exception that a handler
    raises can be raised anywhere: in the middle of a line, or where Python 3.11 has left the `try` already.
    """
    stopping, woken = socket.socketpair()
    woken.setblocking(False)
    signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))  # ETH_P_ALL
    wire.bind((device, 0))
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    seen = Watch(wire, guest_mac, {}, {f"{family} {knock}": 0 for family, knock in TARGETS})
    due = last = time.monotonic()
    tell("watching")
    while True:
        now = time.monotonic()
        if now >= due:
            ask(seen, now)
            if seen.turn % len(TARGETS) == 0:
                seen.widest, last = max(seen.widest, now - last), now
            due = max(due + EVERY / len(TARGETS), now - EVERY)
        readable, _, _ = select.select([wire, stopping], [], [], max(due - time.monotonic(), 0))
        if stopping in readable:
            break
        if wire in readable:
            listen(seen)
    tell("sums", sent=seen.sent, widest=seen.widest, first=seen.first)


def ask(seen: Watch, now: float) -> None:
    """The next knock."""
    family, knock = TARGETS[seen.turn % len(TARGETS)]
    address = source(knock.who, family, seen.turn)
    seen.port = seen.port + 1 if seen.port < LAST_PORT else FIRST_PORT
    seen.asked[seen.port] = family, knock, now, address
    number = TCP if knock.protocol == "tcp" else UDP
    segment = tcp(seen.port, knock.port, SYN, 1) if number == TCP else udp(seen.port, knock.port)
    if sent(seen.wire, frame(family, seen.guest_mac, address, number, segment)):
        seen.sent[f"{family} {knock}"] += 1
    seen.turn += 1


def listen(seen: Watch) -> None:
    """A frame that came: told if it is an answer to a knock."""
    data, (_, _, direction, *_) = seen.wire.recvfrom(2048)
    if direction == socket.PACKET_OUTGOING:
        return
    seen.first = seen.first or time.monotonic()
    reply = heard(data)
    question = seen.asked.get(reply.our_port) if reply else None
    if reply is None or question is None or question[3] != reply.to:
        return
    family, knock, then, address = question
    tell("answer", family=family, knock=str(knock), answer=reply.answer, asked=then)
    if reply.answer == "syn-ack":
        closing = tcp(reply.our_port, knock.port, RST, reply.acknowledges)
        sent(seen.wire, frame(family, seen.guest_mac, address, TCP, closing))


def sent(wire: socket.socket, data: bytes) -> bool:
    """False where nobody holds the tap device: the guest is off."""
    try:
        wire.send(data)
    except OSError:
        return False
    return True


def tell(what: str, **more: object) -> None:
    """A whole line or none: one write, which no signal can cut."""
    os.write(1, json.dumps({"what": what, "at": time.monotonic(), **more}).encode() + b"\n")


if __name__ == "__main__":
    watch(*sys.argv[1:3])

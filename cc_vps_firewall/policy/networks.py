"""Texts of addresses and networks -> sorted numbers, and questions about these.

A hundred thousand ipaddress objects cost more time than the kernel needs to load them; pairs of numbers do not.
"""

from __future__ import annotations

import bisect
import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .messages import quoted

# An address as a number with its prefix length: 203.0.113.0/24 is (0xCB007100, 24).
Net = tuple[int, int]
EVERYTHING: tuple[Net, ...] = ((0, 0),)
WIDTH = {4: 32, 6: 128}
_AF = {4: socket.AF_INET, 6: socket.AF_INET6}


@dataclass(frozen=True)
class Sources:
    """Collapsed networks of both families; ((0, 0),) is all of a family, () is none of it."""

    v4: tuple[Net, ...] = EVERYTHING
    v6: tuple[Net, ...] = EVERYTHING

    def of(self, family: int) -> tuple[Net, ...]:
        return self.v4 if family == 4 else self.v6

    def alone(self, family: int) -> Sources:
        """Those of one family."""
        return Sources(self.v4, ()) if family == 4 else Sources((), self.v6)

    @property
    def anywhere(self) -> bool:
        return self.v4 == EVERYTHING == self.v6


ANYWHERE = Sources()
NOWHERE = Sources((), ())
# Nobody can connect from "this network", loopback, multicast or class E (RFC 6890), nor from ::, ::1 or multicast.
UNROUTABLE = Sources(((0, 8), (0x7F000000, 8), (0xE0000000, 3)), ((0, 127), (0xFF << 120, 8)))
# What no packet from the internet has as its source: the above, and what is private, link-local, shared, or kept for
# tests and documentation (RFC 6890). Of IPv6 the internet has 2000::/3 alone. All the rest together is anywhere.
NOT_GLOBAL = Sources(
    UNROUTABLE.v4 + (
        (0x0A000000, 8), (0x64400000, 10), (0xA9FE0000, 16), (0xAC100000, 12), (0xC0000000, 24), (0xC0000200, 24),
        (0xC0A80000, 16), (0xC6120000, 15), (0xC6336400, 24), (0xCB007100, 24),
    ),
    ((0, 3), (0x4 << 124, 2), (0x8 << 124, 1), (0x20010DB8 << 96, 32)),
)  # fmt: skip


class NotANetwork(ValueError):
    """A text that is no address or network; `reason` quotes nothing of it."""

    def __init__(self, text: str, reason: str, advice: str = "") -> None:
        super().__init__(f"{quoted(text)} {reason}{advice}")
        self.reason = reason


def parse_network(text: str) -> tuple[int, int, int]:
    """'203.0.113.0/24' -> (family, address as a number, prefix length); raises NotANetwork."""
    address, slash, length = text.partition("/")
    family = 6 if ":" in address else 4
    try:
        number = int.from_bytes(socket.inet_pton(_AF[family], address), "big")
    except (OSError, ValueError):
        raise NotANetwork(text, _why_not_an_address(text, address)) from None
    width = WIDTH[family]
    if family == 6 and number >> 32 == 0xFFFF:
        v4 = socket.inet_ntop(socket.AF_INET, (number & 0xFFFFFFFF).to_bytes(4, "big"))
        length = f"/{_LENGTHS[length] - 96}" if _LENGTHS.get(length, 0) >= 96 else ""
        raise NotANetwork(text, "is an IPv4-mapped address", f"; write {v4}{length}")
    if not slash:
        return family, number, width
    prefix = _LENGTHS.get(length, 129)
    if prefix > width:
        raise NotANetwork(text, f"has no prefix length that fits; write /0 to /{width} after the address")
    rest = width - prefix
    if number >> rest << rest != number:
        right = network_text(family, (number >> rest << rest, prefix))
        raise NotANetwork(text, "has host bits set", f"; write {right} or {quoted(address)}")
    return family, number, prefix


_LENGTHS = {str(n): n for n in range(129)}


def _why_not_an_address(text: str, address: str) -> str:
    if "%" in text:
        return "has a zone; write the address without % and what follows"
    if re.fullmatch(r"[0-9.:a-f]+ *- *[0-9.:a-f]+", text) and re.search("[.:]", text):
        return "is a range; write networks such as 203.0.113.0/28"
    if re.fullmatch(r"[0-9./]+", text) or ":" in address:
        return "is not an IPv4 or IPv6 address or network"
    if "." in address and re.fullmatch(r"[A-Za-z0-9._-]+", address):
        return (
            "is a host name; names change, and no resolver answers before the firewall is up: "
            "write addresses, or a list file"
        )
    return "is not an address, a network or the name of a list"


def addresses(texts: Iterable[str]) -> Sources:
    found: dict[int, list[Net]] = {4: [], 6: []}
    for family, number, prefix in map(parse_network, texts):
        found[family].append((number, prefix))
    return Sources(collapse(found[4], 4), collapse(found[6], 6))


def network_text(family: int, net: Net) -> str:
    """(0xCB007100, 24) -> '203.0.113.0/24'; a single address is written without its length."""
    number, prefix = net
    address = socket.inet_ntop(_AF[family], number.to_bytes(WIDTH[family] // 8, "big"))
    return address if prefix == WIDTH[family] else f"{address}/{prefix}"


def collapse(nets: Iterable[Net], family: int) -> tuple[Net, ...]:
    """Sorted networks, none inside another, no two that make one: what a kernel set accepts."""
    width = WIDTH[family]
    out: list[Net] = []
    end = -1
    for number, prefix in sorted(nets):
        if number <= end:
            continue
        size = 1 << (width - prefix)
        end = number + size - 1
        while number & size and out and out[-1] == (number - size, prefix):  # the upper half of two that make one
            out.pop()
            number, prefix, size = number - size, prefix - 1, size * 2
        out.append((number, prefix))
    return tuple(out)


def covers(nets: Sequence[Net], net: Net, family: int) -> bool:
    """Is `net` inside one of the collapsed `nets`?"""
    number, prefix = net
    at = bisect.bisect_right(nets, (number, 128)) - 1
    if at < 0:
        return False
    start, length = nets[at]
    rest = WIDTH[family] - length
    return length <= prefix and number >> rest == start >> rest


def covered(nets: Sequence[Net], by: Sequence[Net], family: int) -> bool:
    """Is every address of `nets` in one of `by`? Sizes are compared first: long lists are seldom that long."""
    size, room = (sum(1 << (WIDTH[family] - prefix) for _, prefix in some) for some in (nets, by))
    if room < size:
        return False
    closed = collapse(by, family)
    return all(covers(closed, net, family) for net in nets)


def anywhere(sources: Sources, family: int) -> bool:
    """Does this come to everybody on the internet, whatever it leaves out besides?"""
    nets = sources.of(family)
    return nets == EVERYTHING or covered(EVERYTHING, nets + NOT_GLOBAL.of(family), family)

"""Ports, sources and limits as people read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..policy import WIDTH, network_text
from ..policy.interfaces import BRIDGES
from ..policy.networks import NOT_GLOBAL, UNROUTABLE, collapse
from . import ranges
from .model import ECHO, ICMP, OTHER_PROTOCOLS, Box, last_port
from .ranges import Ranges
from .zones import Zone

MOST = 3  # networks that are named one by one
# Strangers to everybody's policy: addresses of documentation (RFC 5737, RFC 3849).
STRANGER = {4: 0xC6336463, 6: 0x20010DB8FFFF << 80 | 0x99}


def ports_text(family: int, proto: str, ports: Ranges) -> str:
    """'22/tcp', '80/tcp, 8000-8010/tcp', 'ping', 'esp'."""
    if proto == OTHER_PROTOCOLS:
        return "every other protocol"
    if ports == (0, last_port(proto) + 1) or not last_port(proto):
        return f"every {proto} packet" if last_port(proto) else proto
    spans = [(first, end - 1) for first, end in ranges.pairs(ports)]
    if proto == ICMP[family]:
        return ", ".join("ping" if span == (ECHO[family],) * 2 else f"{proto} type {_span(span)}" for span in spans)
    shown = [f"{_span(span)}/{proto}" for span in spans]
    return ", ".join(shown[:8]) + (f" and {len(shown) - 8:,} more" if len(shown) > 8 else "")


def port_texts(proto: str, ports: Ranges) -> list[str]:
    """The same for programs: each range as a policy would have it."""
    if not last_port(proto):
        return [proto]
    return [f"{_span((first, end - 1))}/{proto}" for first, end in ranges.pairs(ports)]


def _span(span: tuple[int, int]) -> str:
    return str(span[0]) if span[0] == span[1] else f"{span[0]}-{span[1]}"


def sources_text(found: Ranges, family: int) -> str:
    """'anywhere', 'anywhere but 198.51.100.0/24', '203.0.113.7, 10.0.0.0/8 and 12 more'."""
    every = ranges.everything(family)
    if found == every:
        return "anywhere"
    if len(found) <= 4 * MOST:
        nets = list(ranges.texts(found, family))
        rest = list(ranges.texts(ranges.without(every, found), family))
        if len(rest) < len(nets) and ranges.size(found) > every[1] // 2:
            return f"anywhere but {_few(rest)}"
        return _few(nets)
    nets = [text for text, _ in zip(ranges.texts(found, family), range(MOST))]
    return f"{', '.join(nets)} and {sum(1 for _ in ranges.networks(found, family)) - MOST:,} more"


def _few(texts: Sequence[str]) -> str:
    return ", ".join(texts[:MOST]) + (f" and {len(texts) - MOST:,} more" if len(texts) > MOST else "")


def sample(found: Ranges, family: int) -> int:
    """One of these addresses, of those that packets come from if there are any."""
    if ranges.has(found, STRANGER[family]):
        return STRANGER[family]
    for never in (NOT_GLOBAL, UNROUTABLE):
        if some := ranges.without(found, ranges.of_networks(collapse(never.of(family), family), family)):
            return some[0] + 1 if some[1] - some[0] > 1 else some[0]
    return found[0]


def address_text(family: int, number: int) -> str:
    return network_text(family, (number, WIDTH[family]))


def networks_once() -> Callable[[Ranges, int], list[str]]:
    """A function from addresses to networks as programs read them, that makes each list once."""
    known: dict[int, list[str]] = {}

    def texts(found: Ranges, family: int) -> list[str]:
        if id(found) not in known:
            known[id(found)] = list(ranges.texts(found, family))
        return known[id(found)]

    return texts


def limit_text(box: Box) -> str:
    """'at most 30/minute from each source', or nothing."""
    whose = "all sources together" if box.shared else "each source"
    return f"at most {box.limit} from {whose}" if box.limit else ""


def limits_of(boxes: Iterable[Box]) -> tuple[str, ...]:
    """What a packet meets that these let through: nothing where one of them has no limit."""
    limits = [f"{box.limit} together" if box.shared else box.limit for box in boxes]
    return tuple(dict.fromkeys(limits)) if all(limits) else ()


def on_interfaces(those: Sequence[Zone], every: Sequence[Zone], way: str = "on") -> str:
    """' on eth1', or nothing where it is all of them; the first class is that of interfaces that nothing names."""
    if set(those) == set(every):
        return ""
    if every[0] in those:
        return f" but {way} {listed(_zone_texts([zone for zone in every if zone not in those]))}"
    return f" {way} {listed(_zone_texts(those))}"


def _zone_texts(those: Sequence[Zone]) -> list[str]:
    """Names and patterns; all bridges of containers together are called that."""
    bridges = [zone for zone in those if zone.pattern in BRIDGES]
    if len(bridges) < len(BRIDGES):
        return [str(zone) for zone in those]
    return [*(str(zone) for zone in those if zone not in bridges), "bridges of containers"]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of a table -> lines with columns as wide as they need to be, up to a limit."""
    widths = [min(60, max(len(row[at]) for row in rows)) for at in range(len(rows[0]) - 1)]
    return ["  " + "  ".join([*(f"{c:{w}}" for c, w in zip(row, widths)), row[-1]]).rstrip() for row in rows]


def listed(texts: Iterable[str]) -> str:
    """'a, b and c'."""
    *some, last = texts
    return f"{', '.join(some)} and {last}" if some else last

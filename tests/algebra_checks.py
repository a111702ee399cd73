"""What must hold of the algebra -> checks that any copy of its modules can be put to.

tests/unit/test_algebra.py puts them to the algebra itself, and to copies with one mistake each, which all must fail: a
check that no mistake fails proves nothing.
"""

from __future__ import annotations

import importlib
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import cc_vps_firewall
from cc_vps_firewall import policy
from cc_vps_firewall.policy import Policy, parse_network
from cc_vps_firewall.policy.interfaces import same_interface
from tests import modelled
from tests.casefiles import Case, load_all
from tests.random_policies import EDGES, INTERFACES, NETWORKS, PORTS, policies

HOME = Path(cc_vps_firewall.__file__).parent / "algebra"
INTERFACES_ASKED = ("eth0", "eth1", "wg0", "docker0", "br-lan", "br-0123456789ab", "e", "ens3", "lo")


@dataclass(frozen=True)
class Algebra:
    """The modules of one copy, by name."""

    name: str

    def __getattr__(self, module: str) -> Any:
        return importlib.import_module(f"{self.name}.{module}")


OURS = Algebra("cc_vps_firewall.algebra")


@contextmanager
def mutant(folder: Path, module: str, old: str, new: str) -> Iterator[Algebra]:
    """A copy of the algebra in which one text of one module is another."""
    name = "cc_vps_firewall.mutant"
    for path in HOME.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.stem == module:
            assert text.count(old) == 1, f"{module}: {old!r} stands there {text.count(old)} times"
            text = text.replace(old, new)
        (folder / path.name).write_text(text, encoding="utf-8")
    made = ModuleType(name)
    made.__path__ = [str(folder)]
    made.__spec__ = ModuleSpec(name, None, is_package=True)
    sys.modules[name] = made
    try:
        yield Algebra(name)
    finally:
        for known in [known for known in sys.modules if known == name or known.startswith(f"{name}.")]:
            del sys.modules[known]


def fails(check: Callable[[Algebra], None], algebra: Algebra) -> bool:
    """Does this copy fail the check?"""
    try:
        check(algebra)
    except Exception:  # whichever way it is wrong
        return True
    return False


# --- checks -------------------------------------------------------------------------------------------------


@cache
def cases() -> tuple[tuple[Case, Policy], ...]:
    return tuple((case, case.policy()) for case in load_all())


@cache
def pairs(count: int = 25) -> tuple[tuple[Policy, Policy], ...]:
    made = policies(random.Random("checks"))
    return tuple((next(made)[1], next(made)[1]) for _ in range(count))


def case_folders(algebra: Algebra) -> None:
    """The model says of every packet of every case what the case says."""
    for case, read in cases():
        assert wrong_in(algebra, case, read) == [], case.name


def wrong_in(algebra: Algebra, case: Case, read: Policy) -> list[str]:
    made, wrong = algebra.model.model(read), []
    for packet in case.packets:
        if modelled.left_out(packet):
            continue
        question = modelled.asked(packet, case.host)
        answer = algebra.questions.judge(made, algebra.questions.Packet(**vars(question)))
        # Of packets that meet a limit some come in, of this entry or of one before it from the same source.
        alike = [other for other in case.packets if (other.protocol, other.port) == (packet.protocol, packet.port)]
        expected = any(other.passes for other in alike) if answer.limit else packet.passes > 0
        if (answer.verdict == "accept") != expected or (0 < packet.passes < packet.times and not answer.limit):
            wrong.append(f"{packet}: {answer}")
    return wrong


def packets(algebra: Algebra, chosen: random.Random, count: int) -> Iterator[Any]:
    """Questions at the edges of what random policies name."""
    for _ in range(count):
        direction = chosen.choice(algebra.model.DIRECTIONS)
        family = chosen.choice([4, 6])
        icmp = algebra.model.ICMP[family]
        proto = chosen.choice(["tcp", "tcp", "udp", "esp", "gre", icmp, "other"])
        port = chosen.choice([*PORTS, 547, 0]) if proto in ("tcp", "udp") else chosen.choice([8, 128, 0]) % 256
        number = parse_network(chosen.choice(EDGES[family]))[1]
        service = {4: 0xA9FEA9FE, 6: 0xFD000EC2 << 96 | 0x254}[family]
        yield algebra.questions.Packet(
            direction, family, proto, port if proto not in ("esp", "gre", "other") else 0,
            0 if direction == "out" else number,
            chosen.choice([number, service]) if direction in ("out", "forward") else 0,
            "" if direction == "out" else chosen.choice(INTERFACES_ASKED[:-1]),
            chosen.choice(["root", "others"]) if direction == "out" else "",
            chosen.choice(INTERFACES_ASKED[:-1]) if direction == "forward" else "",
        )  # fmt: skip


def who_has_every_packet(algebra: Algebra) -> None:
    """A packet is in exactly one part of `who` where it is let in, and in none where it is not."""
    chosen = random.Random("who")
    for read, _ in pairs():
        made = algebra.model.model(read)
        reach = algebra.who.who(made)
        for packet in packets(algebra, chosen, 120):
            if packet.direction == "out":
                continue
            answer = algebra.questions.judge(made, packet)
            proto = _class_of(packet, made)
            found = [part for part in reach.parts if _in_part(algebra, part, packet, proto, reach)]
            assert len(found) == (answer.verdict == "accept"), (packet, answer, found)
            assert not found or (answer.entry in found[0].entries or not answer.entry)
            assert not found or bool(found[0].limits) == bool(answer.limit), (packet, answer, found)


def _class_of(packet: Any, *models: Any) -> str:
    """Its protocol, or `other` where no line names that."""
    boxes = [box for made in models for box in made.boxes]
    named = {box.proto for box in boxes if (box.direction, box.family) == (packet.direction, packet.family)}
    return str(packet.proto) if packet.proto in {"tcp", "udp", "icmp", "icmpv6", *named} else "other"


def _in_part(algebra: Algebra, part: Any, packet: Any, proto: str, reach: Any) -> bool:
    return (
        (part.direction, part.family, part.proto) == (packet.direction, packet.family, proto)
        and algebra.ranges.has(part.ports, packet.port)
        and algebra.ranges.has(part.sources, packet.source)
        and algebra.zones.zone_of(packet.interface, reach.zones) in part.interfaces
        and _goes_there(algebra, part, packet, reach)
    )


def _goes_there(algebra: Algebra, box: Any, packet: Any, found: Any) -> bool:
    """Of what is forwarded: to such an address, by such an interface?"""
    return packet.direction != "forward" or (
        algebra.ranges.has(box.destinations, packet.destination)
        and algebra.zones.zone_of(packet.out, found.ways_out) in box.out
    )


def diff_has_every_packet(algebra: Algebra) -> None:
    """A packet that two policies treat otherwise is in one change, of the right kind; any other is in none. And what a
    change shows as its sample is so."""
    chosen = random.Random("diff")
    for before, after in pairs():
        first, second = algebra.model.model(before), algebra.model.model(after)
        found = algebra.diff.diff(before, after)
        for packet in packets(algebra, chosen, 200):
            proto = _class_of(packet, first, second)
            changes = [change for change in found.changes if _in_change(algebra, change, packet, proto, found)]
            assert [change.kind for change in changes] == _kind(algebra, first, second, packet), (packet, changes)
        for change in found.changes:
            kind = _kind(algebra, first, second, change.sample)
            assert kind == [change.kind], (change, kind)
            assert _in_change(algebra, change, change.sample, change.proto, found)


def _kind(algebra: Algebra, first: Any, second: Any, packet: Any) -> list[str]:
    old, new = (algebra.questions.judge(made, packet) for made in (first, second))
    if (old.verdict == "accept") != (new.verdict == "accept"):
        return ["opens" if new.verdict == "accept" else "closes"]
    same = _limits(first, packet, algebra) == _limits(second, packet, algebra)
    return [] if same or old.verdict != "accept" else ["limits"]


def _limits(made: Any, packet: Any, algebra: Algebra) -> Any:
    limits = [box.limit for box in made.boxes if algebra.questions.holds(box, packet)]
    return set(limits) if all(limits) else None


def _in_change(algebra: Algebra, change: Any, packet: Any, proto: str, found: Any) -> bool:
    return (
        (change.direction, change.family, change.proto) == (packet.direction, packet.family, proto)
        and algebra.ranges.has(change.ports, packet.port)
        and (packet.direction == "out" or algebra.ranges.has(change.sources, packet.source))
        and (packet.direction != "out" or algebra.ranges.has(change.destinations, packet.destination))
        and packet.user in change.users
        and (packet.direction == "out" or algebra.zones.zone_of(packet.interface, found.zones) in change.interfaces)
        and _goes_there(algebra, change, packet, found)
    )


def a_policy_is_as_itself(algebra: Algebra) -> None:
    for read, _ in pairs():
        assert algebra.diff.diff(read, read).changes == ()


def an_entry_may_move(algebra: Algebra) -> None:
    """From one interface to another: each of the two policies has the very same box, elsewhere."""
    before, after = (
        policy.parse({"allow": [{"service": "http", "interface": name}]}, read_list=str) for name in ("eth1", "eth2")
    )
    found = {
        (change.kind, *map(str, change.interfaces))
        for change in algebra.diff.diff(before, after).changes
        if change.direction == "in"
    }
    assert found == {("opens", "eth2"), ("closes", "eth1")}


def sets_are_sets(algebra: Algebra) -> None:
    chosen, ranges = random.Random("sets"), algebra.ranges
    for _ in range(200):
        a, b, c = ({n for n in range(12) if chosen.random() < 0.5} for _ in range(3))
        one, other, third = map(edges, (a, b, c))
        assert ranges.union(one, other) == edges(a | b)
        assert ranges.both(one, other) == edges(a & b)
        assert ranges.without(one, other) == edges(a - b)
        assert ranges.size(one) == len(a)
        assert [ranges.has(one, n) for n in range(13)] == [n in a for n in range(13)]
        parts = ranges.partition({"a": one, "b": other, "c": third}, (0, 12))
        found = {n: those for those, part in parts.items() for n in numbers(part)}
        sets = {"a": a, "b": b, "c": c}
        assert found == {n: frozenset(k for k, some in sets.items() if n in some) for n in range(12)}
        assert sum(ranges.size(part) for part in parts.values()) == 12
        assert ranges.of_networks(list(ranges.networks(one, 4)), 4) == one


def edges(some: Any) -> tuple[int, ...]:
    out: list[int] = []
    for number in sorted(some):
        if out and out[-1] == number:
            out[-1] = number + 1
        else:
            out += (number, number + 1)
    return tuple(out)


def numbers(some: tuple[int, ...]) -> Iterator[int]:
    for first, end in zip(some[::2], some[1::2]):
        yield from range(first, end)


def zones_stand_for_interfaces(algebra: Algebra) -> None:
    chosen = random.Random("zones")
    every = [*INTERFACES, "e", "eth0*", "wg*", "lo", "br-*", "abcdefghijklmn*"]
    for _ in range(60):
        some = chosen.sample(every, chosen.randint(0, 6))
        made = algebra.zones.zones(some)
        assert len({zone.sample for zone in made}) == len(made)
        for interface in (*INTERFACES_ASKED[:-1], "eth00", "wg1", "net0", "abcdefghijklmno"):
            sample = algebra.zones.zone_of(interface, made).sample
            assert [same_interface(p, sample) for p in some] == [same_interface(p, interface) for p in some]
            assert len(sample) < 16
            assert sample != "lo"


def answers_name_their_line(algebra: Algebra) -> None:
    section = {
        "ssh": {"from": ["203.0.113.7"]},
        "allow": ["http", {"service": "mysql", "from": ["10.0.0.0/8"], "limit": "5/minute"},
                  {"port": "81/tcp", "limit": "5/minute"}, "81/tcp", {"port": "82/tcp", "interface": "wg*"}],
        "deny": ["198.51.100.0/24"],
    }  # fmt: skip
    made = algebra.model.model(policy.parse(section, read_list=str))
    for proto, port, source, interface, expected in (
        ("tcp", 22, "203.0.113.7", "eth0", ("accept", "ssh", "")),
        ("tcp", 22, "203.0.113.8", "eth0", ("drop", "", "")),
        ("tcp", 80, "192.0.2.1", "eth0", ("accept", "allow[0]", "")),
        ("udp", 80, "192.0.2.1", "eth0", ("drop", "", "")),
        ("tcp", 80, "198.51.100.255", "eth0", ("drop", "deny", "")),
        ("tcp", 80, "198.51.101.0", "eth0", ("accept", "allow[0]", "")),
        ("tcp", 80, "198.51.100.255", "lo", ("accept", "", "")),
        ("tcp", 80, "127.0.0.1", "eth0", ("drop", "", "")),
        ("tcp", 3306, "10.255.255.255", "eth0", ("accept", "allow[1]", "5/minute")),
        ("tcp", 3306, "11.0.0.0", "eth0", ("drop", "", "")),
        ("tcp", 81, "192.0.2.1", "eth0", ("accept", "allow[3]", "")),
        ("tcp", 82, "192.0.2.1", "wg1", ("accept", "allow[4]", "")),
        ("tcp", 82, "192.0.2.1", "eth0", ("drop", "", "")),
        ("icmp", 8, "192.0.2.1", "eth0", ("accept", "ping", "100/second")),
        ("icmp", 13, "192.0.2.1", "eth0", ("drop", "", "")),
    ):
        packet = algebra.questions.Packet("in", 4, proto, port, parse_network(source)[1], 0, interface)
        answer = algebra.questions.judge(made, packet)
        assert (answer.verdict, answer.entry, answer.limit) == expected, packet


def what_leaves_and_what_passes_through(algebra: Algebra) -> None:
    made = algebra.model.model(policy.parse({"allow": ["http"], "deny": ["198.51.100.0/24"]}, read_list=str))
    stranger, denied, metadata = (parse_network(text)[1] for text in ("192.0.2.1", "198.51.100.9", "169.254.169.254"))
    for direction, proto, port, source, destination, interface, user, expected in (
        ("out", "tcp", 80, 0, metadata, "", "others", ("reject", "metadata")),
        ("out", "tcp", 80, 0, metadata, "", "root", ("accept", "outgoing")),
        ("out", "tcp", 53, 0, metadata, "", "others", ("accept", "outgoing")),
        ("out", "icmp", 8, 0, metadata, "", "others", ("accept", "outgoing")),
        ("published", "tcp", 80, stranger, 0, "eth0", "", ("accept", "allow[0]")),
        ("published", "tcp", 80, denied, 0, "eth0", "", ("drop", "deny")),
        ("published", "tcp", 22, stranger, 0, "eth0", "", ("drop", "")),
        ("published", "tcp", 22, stranger, 0, "docker0", "", ("accept", "")),
        ("forward", "tcp", 443, stranger, stranger, "docker0", "", ("accept", "")),
        ("forward", "tcp", 443, denied, stranger, "docker0", "", ("drop", "deny")),
        ("forward", "tcp", 443, stranger, metadata, "docker0", "", ("drop", "metadata")),
        ("forward", "tcp", 443, stranger, stranger, "eth0", "", ("drop", "")),
        ("forward", "tcp", 443, stranger, metadata, "eth0", "", ("drop", "metadata")),
    ):
        packet = algebra.questions.Packet(direction, 4, proto, port, source, destination, interface, user)
        answer = algebra.questions.judge(made, packet)
        assert (answer.verdict, answer.entry) == expected, packet


def nothing_is_filtered_where_it_is_off(algebra: Algebra) -> None:
    made = algebra.model.model(policy.parse({"enabled": False}, read_list=str))
    for packet in packets(algebra, random.Random("off"), 50):
        assert algebra.questions.judge(made, packet).verdict == "accept"


def a_sample_is_one_of_them(algebra: Algebra) -> None:
    for text in NETWORKS:
        family, number, prefix = parse_network(text)
        some = algebra.ranges.of_networks([(number, prefix)], family)
        assert algebra.ranges.has(some, algebra.words.sample(some, family))
    every = algebra.ranges.everything(4)
    assert not 0x7F000000 <= algebra.words.sample(algebra.ranges.without(every, (1 << 24, 0x7F000000)), 4) < 0x80000000


def tests_of_a_policy_are_answered(algebra: Algebra) -> None:
    section = {
        "lists": {"office": ["203.0.113.0/28", "2001:db8:203::/48"]},
        "ssh": {"from": ["office"]},
        "allow": ["8000-8004/tcp", "8006/tcp", {"port": "81/tcp", "interface": "wg7"}],
        "deny": ["9.9.9.9"],
    }
    for asked, holds in (
        ({"from": "office", "allowed": ["ssh"]}, True),
        ({"from": "office", "denied": ["ssh"]}, False),
        ({"from": {"not": "office"}, "denied": ["ssh"]}, True),
        ({"from": {"not": "office"}, "allowed": ["ssh"]}, False),
        ({"from": ["192.0.2.1"], "denied": ["ssh"]}, True),
        ({"from": ["192.0.2.1"], "allowed": ["8000-8004/tcp"]}, True),
        ({"from": ["192.0.2.1"], "allowed": ["8000-8006/tcp"]}, False),
        ({"from": ["192.0.2.1"], "denied": ["8005/tcp"]}, True),
        ({"from": ["192.0.2.1"], "denied": ["8005-8006/tcp"]}, False),
        ({"from": "any", "allowed": ["8006/tcp"]}, False),
        ({"from": {"not": ["9.9.9.9"]}, "allowed": ["8006/tcp"]}, True),
        ({"from": ["9.9.9.9", "192.0.2.1"], "allowed": ["8006/tcp"]}, False),
        ({"from": "any", "denied": ["81/tcp"]}, True),
        ({"from": "any", "denied": ["81/tcp"], "interface": "wg*"}, False),
        ({"from": ["192.0.2.1"], "allowed": ["81/tcp"], "interface": "wg7"}, True),
        ({"from": ["192.0.2.1"], "allowed": ["81/tcp"], "interface": "wg*"}, False),
    ):
        result = algebra.expectations.examine(policy.parse({**section, "tests": [asked]}, read_list=str))
        assert bool(result.failing) is not holds, asked


# What finds most for the least comes first: of a mistake, the rest is not asked.
CHECKS: tuple[Callable[[Algebra], None], ...] = (
    sets_are_sets, zones_stand_for_interfaces, answers_name_their_line, what_leaves_and_what_passes_through,
    nothing_is_filtered_where_it_is_off, tests_of_a_policy_are_answered, a_sample_is_one_of_them,
    an_entry_may_move, case_folders, who_has_every_packet, diff_has_every_packet, a_policy_is_as_itself,
)  # fmt: skip

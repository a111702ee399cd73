"""The model of a policy says of every packet of every case what the case says; sets of numbers are sets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_vps_firewall import answers, policy
from cc_vps_firewall.algebra import explain as explaining
from cc_vps_firewall.algebra import ranges
from cc_vps_firewall.algebra.model import ACCEPT, IN, Model, model
from cc_vps_firewall.algebra.questions import Packet, judge
from cc_vps_firewall.algebra.ranges import Ranges
from cc_vps_firewall.algebra.zones import zone_of, zones
from cc_vps_firewall.errors import PolicyRefused
from cc_vps_firewall.interfaces import same_interface
from cc_vps_firewall.policy import parse_network
from tests import modelled
from tests.casefiles import Case, load_all

CASES = load_all()


def made(section: object) -> Model:
    return model(policy.parse(section, read_list=lambda path: "10.0.0.0/8\n"))


def asked(text: str, source: str, interface: str = "eth0") -> Packet:
    (opening,) = answers.openings(text)
    family, number, _ = parse_network(source)
    return Packet(IN, family, opening.proto, opening.first, number, 0, interface)


# --- the model ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_model_says_what_the_case_says(case: Case) -> None:
    this = model(case.policy())
    wrong = []
    for packet in case.packets:
        if modelled.left_out(packet):
            continue
        answer = judge(this, modelled.asked(packet, case.host))
        limited = [other for other in case.packets if (other.protocol, other.port) == (packet.protocol, packet.port)]
        # Of packets that meet a limit some come in, of this entry or of one before it from the same source.
        expected = any(other.passes for other in limited) if answer.limit else packet.passes > 0
        if (answer.verdict == ACCEPT) != expected or (0 < packet.passes < packet.times and not answer.limit):
            wrong.append(f"{packet}: {answer}")
    assert wrong == []


def test_what_the_model_leaves_out_is_in_the_ledger() -> None:
    reasons = {reason for case in CASES for packet in case.packets if (reason := modelled.left_out(packet))}
    assert reasons == set(modelled.LEDGER)


def test_most_packets_are_modelled() -> None:
    """A reason too wide would leave the test above with nothing to hold."""
    packets = [packet for case in CASES for packet in case.packets]
    assert sum(not modelled.left_out(packet) for packet in packets) > 0.8 * len(packets)


def test_a_line_is_named_by_its_path() -> None:
    this = made(
        {
            "ssh": {"from": ["203.0.113.7"]},
            "allow": ["http", {"service": "mysql", "from": ["10.0.0.0/8"], "limit": "5/minute"}],
            "deny": ["198.51.100.0/24"],
        }
    )
    for text, source, verdict, entry, limit in (
        ("ssh", "203.0.113.7", "accept", "ssh", ""),
        ("ssh", "203.0.113.8", "drop", "", ""),
        ("80/tcp", "192.0.2.1", "accept", "allow[0]", ""),
        ("80/udp", "192.0.2.1", "drop", "", ""),
        ("80/tcp", "198.51.100.255", "drop", "deny", ""),
        ("mysql", "10.255.255.255", "accept", "allow[1]", "5/minute"),
        ("mysql", "11.0.0.0", "drop", "", ""),
        ("ping", "192.0.2.1", "accept", "ping", "100/second"),
    ):
        packet = asked(text, source) if text != "ping" else Packet(IN, 4, "icmp", 8, parse_network(source)[1])
        answer = judge(this, packet)
        assert (answer.verdict, answer.entry, answer.limit) == (verdict, entry, limit), (text, source)


def test_an_entry_without_a_limit_lifts_that_of_another() -> None:
    limited = {"service": "http", "limit": "5/minute"}
    assert judge(made({"allow": [limited]}), asked("80/tcp", "192.0.2.1")).limit == "5/minute"
    assert judge(made({"allow": [limited, "http"]}), asked("80/tcp", "192.0.2.1")).limit == ""


# --- explain ------------------------------------------------------------------------------------------------


def explained(section: object, what: str, source: str = "", interface: str = "") -> list[explaining.Explanation]:
    this = made(section)
    given = parse_network(source)[:2] if source else None
    packets = explaining.packets(this, answers.openings(what), source=given, interface=interface)
    return [explaining.explain(this, packet) for packet in packets]


def test_json_has_what_programs_read() -> None:
    told = explaining.as_json(explained({"ssh": {"from": ["203.0.113.7"]}}, "ssh", "203.0.113.7"))
    assert {key: told[key] for key in ("verdict", "entry", "limit")} == {
        "verdict": "accept",
        "entry": "ssh",
        "limit": None,
    }
    assert told["assumptions"] == list(explaining.UNSEEN)
    told = explaining.as_json(explained({}, "ssh", "203.0.113.7"))
    assert told["limit"] == "30/minute"
    told = explaining.as_json(explained({}, "http", "203.0.113.7"))
    assert (told["verdict"], told["entry"]) == ("drop", None)


def test_of_several_packets_the_worst_is_told_first() -> None:
    told = explaining.as_json(explained({"allow": ["53/udp"]}, "dns", "203.0.113.7"))
    assert told["verdict"] == "drop"
    assert sorted(one["verdict"] for one in told["packets"]) == ["accept", "drop"]


def test_people_are_told_who_comes_in_instead() -> None:
    section = {"allow": [{"port": "5432/tcp", "from": ["10.0.0.0/8"], "interface": "eth1"}]}
    lines = explaining.lines(explained(section, "5432/tcp", "203.0.113.7"))
    assert lines[:2] == [
        "drop: 5432/tcp from 203.0.113.7: no line of the policy lets it in",
        "  allow[0] opens it to 10.0.0.0/8 on eth1",
    ]
    lines = explaining.lines(explained(section, "5432/tcp", "10.0.0.1", "eth1"))
    assert lines[0] == "accept: 5432/tcp from 10.0.0.1: allow[0] 5432/tcp lets it in"


def test_without_a_source_a_stranger_is_meant() -> None:
    section = {"ssh": {"from": ["198.51.100.0/24", "2001:db8:ffff::/48"]}}
    assert {each.answer.verdict for each in explained(section, "ssh")} == {"drop"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("22", "WHAT: 22 names no protocol; write 22/tcp or 22/udp"),
        ("htpp", "WHAT: htpp is not a service or a group; did you mean http?"),
        ("0/tcp", "WHAT: 0 is not a port (1-65535)"),
        ("22/sctp", "WHAT: sctp is not a protocol with ports; write 22/tcp or 22/udp"),
    ],
)
def test_what_is_no_port_is_refused(text: str, message: str) -> None:
    with pytest.raises(PolicyRefused) as refused:
        answers.openings(text)
    assert [str(problem) for problem in refused.value.problems] == [message]


# --- sets of numbers ----------------------------------------------------------------------------------------

SMALL = 24
sets = st.frozensets(st.integers(0, SMALL - 1))


def edges(numbers: Iterable[int]) -> Ranges:
    out: list[int] = []
    for number in sorted(numbers):
        if out and out[-1] == number:
            out[-1] = number + 1
        else:
            out += (number, number + 1)
    return tuple(out)


def numbers(some: Ranges) -> frozenset[int]:
    return frozenset(n for first, end in ranges.pairs(some) for n in range(first, end))


@given(sets, sets)
def test_ranges_are_sets(one: frozenset[int], other: frozenset[int]) -> None:
    a, b = edges(one), edges(other)
    assert ranges.union(a, b) == edges(one | other)
    assert ranges.both(a, b) == edges(one & other)
    assert ranges.without(a, b) == edges(one - other)
    assert ranges.size(a) == len(one)
    assert [ranges.has(a, n) for n in range(SMALL)] == [n in one for n in range(SMALL)]


@given(st.lists(sets, min_size=1, max_size=5))
def test_a_partition_has_every_number_once(some: list[frozenset[int]]) -> None:
    parts = ranges.partition({at: edges(each) for at, each in enumerate(some)})
    expected = {n: frozenset(at for at, each in enumerate(some) if n in each) for n in range(SMALL)}
    assert {n: names for names, part in parts.items() for n in numbers(part)} == {
        n: t for n, t in expected.items() if t
    }
    assert all(edges(numbers(part)) == part for part in parts.values())


@given(sets)
def test_networks_are_the_same_addresses(some: frozenset[int]) -> None:
    nets = list(ranges.networks(edges(some), 4))
    assert ranges.of_networks(nets, 4) == edges(some)
    assert nets == sorted(nets)


def test_all_of_a_family_is_one_network() -> None:
    for family in (4, 6):
        assert list(ranges.texts(ranges.everything(family), family)) == ["0.0.0.0/0" if family == 4 else "::/0"]


# --- interfaces ---------------------------------------------------------------------------------------------

names = st.text("ab0", min_size=1, max_size=4)
patterns = st.one_of(names, names.map(lambda name: f"{name}*"))


@given(st.lists(patterns, max_size=6), names)
def test_a_zone_stands_for_its_interfaces(some: list[str], interface: str) -> None:
    """Its sample is taken by the very patterns that take the interface."""
    sample = zone_of(interface, zones(some)).sample
    assert [same_interface(p, sample) for p in some] == [same_interface(p, interface) for p in some]


def test_a_port_of_a_container_is_judged_apart() -> None:
    section: dict[str, Any] = {"containers": "ignore"}
    (told,) = explained(section, "8080/tcp", "203.0.113.7")
    assert told.answer.verdict == "drop"
    assert told.others == ("where a container publishes this port, it meets accept (containers)",)

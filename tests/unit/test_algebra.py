"""The model of a policy says of every packet of every case what the case says; sets of numbers are sets."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_vps_firewall import policy
from cc_vps_firewall.algebra import explain as explaining
from cc_vps_firewall.algebra import ranges
from cc_vps_firewall.algebra.model import Model, model
from cc_vps_firewall.algebra.ranges import Ranges
from cc_vps_firewall.algebra.zones import zone_of, zones
from cc_vps_firewall.cli import answers
from cc_vps_firewall.cli import command as cli
from cc_vps_firewall.errors import PolicyRefused
from cc_vps_firewall.policy import parse_network
from cc_vps_firewall.policy.interfaces import same_interface
from tests import modelled
from tests.algebra_checks import CHECKS, OURS, Algebra, fails, mutant, wrong_in
from tests.casefiles import Case, load_all
from tests.live_checks import LIVE_CHECKS
from tests.mutations import LIVE_MUTATIONS, MUTATIONS

CASES = load_all()


def made(section: object) -> Model:
    return model(policy.parse(section, read_list=lambda path: "10.0.0.0/8\n"))


# --- the model ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_holds(check: Callable[[Algebra], None]) -> None:
    check(OURS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_model_says_what_the_case_says(case: Case) -> None:
    assert wrong_in(OURS, case, case.policy()) == []


@pytest.mark.parametrize("module, right, wrong", MUTATIONS, ids=lambda text: " ".join(str(text).split())[:40])
def test_a_mistake_is_found(module: str, right: str, wrong: str, tmp_path: Path) -> None:
    with mutant(tmp_path, module, right, wrong) as algebra:
        assert any(fails(check, algebra) for check in CHECKS)


@pytest.mark.parametrize("check", LIVE_CHECKS, ids=lambda check: check.__name__)
def test_it_holds_of_live_rules(check: Callable[[Algebra], None]) -> None:
    check(OURS)


@pytest.mark.parametrize("module, right, wrong", LIVE_MUTATIONS, ids=lambda text: " ".join(str(text).split())[:40])
def test_a_mistake_about_live_rules_is_found(module: str, right: str, wrong: str, tmp_path: Path) -> None:
    with mutant(tmp_path, module, right, wrong) as algebra:
        assert any(fails(check, algebra) for check in LIVE_CHECKS)


def test_an_untouched_copy_fails_nothing(tmp_path: Path) -> None:
    """Else every mistake would be found, for no reason."""
    with mutant(tmp_path, "", "", "") as algebra:
        assert [check.__name__ for check in (*CHECKS, *LIVE_CHECKS) if fails(check, algebra)] == []


def test_what_the_model_leaves_out_is_in_the_ledger() -> None:
    reasons = {reason for case in CASES for packet in case.packets if (reason := modelled.left_out(packet))}
    assert reasons == set(modelled.LEDGER)


def test_most_packets_are_modelled() -> None:
    """A reason too wide would leave the test above with nothing to hold."""
    packets = [packet for case in CASES for packet in case.packets]
    assert sum(not modelled.left_out(packet) for packet in packets) > 0.8 * len(packets)


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


def test_a_published_port_is_that_of_this_host() -> None:
    section = {"publish": [{"port": "8443/tcp", "to": "10.8.0.2", "from": ["203.0.113.0/24"], "limit": "9/minute"}]}
    (told,) = explained(section, "8443/tcp", "203.0.113.7")
    assert (told.answer.verdict, told.answer.entry, told.answer.limit) == ("accept", "publish[0]", "9/minute")
    (told,) = explained(section, "8443/tcp", "203.0.114.7")
    assert (told.answer.verdict, told.answer.entry) == ("drop", "")
    assert told.others == ("publish[0] opens it to 203.0.113.0/24",)


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


# --- the verbs ----------------------------------------------------------------------------------------------


def file(folder: Path, name: str, section: object) -> str:
    path = folder / name
    path.write_text(f"#cloud-config\n{json.dumps({'vps_firewall': section})}\n")
    return str(path)


def test_diff_refuses_what_it_is_told_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    less, more = file(tmp_path, "less", {"allow": ["http"]}), file(tmp_path, "more", {"allow": ["http", "https"]})
    for arguments, code in (
        ((less, more), 0),
        ((less, more, "--refuse", "opens"), 8),
        ((less, more, "--refuse", "closes"), 0),
        ((more, less, "--refuse", "opens"), 0),
        ((more, less, "--refuse", "closes"), 8),
        ((less, less, "--refuse", "opens"), 0),
    ):
        assert cli.main(["diff", *arguments]) == code, arguments
    capsys.readouterr()
    cli.main(["diff", "--json", less, more])
    found = json.loads(capsys.readouterr().out)
    assert found["closes"] == found["limits"] == found["others"] == []
    assert {change["sample"]["port"] for change in found["opens"]} == {443}
    assert {tuple(change["from"]) for change in found["opens"]} == {("0.0.0.0/0",), ("::/0",)}


def test_malformed_packets_are_no_box_and_count(tmp_path: Path) -> None:
    strict, lax = file(tmp_path, "strict", {}), file(tmp_path, "lax", {"malformed": "accept"})
    assert cli.main(["diff", strict, lax, "--refuse", "opens"]) == 8
    assert cli.main(["diff", lax, strict, "--refuse", "opens"]) == 0


def test_nearly_the_same_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All of the internet but one address, said in another way."""
    nets = [str(net) for net in ipaddress.IPv4Network("0.0.0.0/0").address_exclude(ipaddress.IPv4Network("9.9.9.9/32"))]
    whole = file(tmp_path, "whole", {"allow": [{"service": "http", "from": ["0.0.0.0/0"]}]})
    nearly = file(tmp_path, "nearly", {"allow": [{"service": "http", "from": nets}]})
    assert cli.main(["diff", whole, nearly, "--refuse", "opens"]) == 0
    assert cli.main(["diff", nearly, whole, "--refuse", "opens", "--json"]) == 8
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [(change["direction"], change["from"]) for change in told["opens"]] == [
        ("in", ["9.9.9.9"]),
        ("published", ["9.9.9.9"]),
    ]
    assert told["opens"][0]["sample"]["from"] == "9.9.9.9"


def test_who_has_the_exact_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    section = {
        "ssh": False,
        "ping": False,
        "allow": [{"service": "http", "from": ["10.0.0.0/8"]}],
        "deny": ["10.9.0.0/16"],
    }
    path = file(tmp_path, "policy", section)
    assert cli.main(["who", "80/tcp", path, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (part,) = (part for part in told["ipv4"] if part["direction"] == "in")
    assert (part["ports"], part["entries"], part["limits"], part["interfaces"]) == (["80/tcp"], ["allow[0]"], [], None)
    rest = ipaddress.IPv4Network("10.0.0.0/8").address_exclude(ipaddress.IPv4Network("10.9.0.0/16"))
    assert sorted(part["from"]) == sorted(map(str, rest))
    assert cli.main(["who", path]) == 0
    assert "80/tcp" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ("explain", "22", "FILE"), ("explain", "22/tcp", "--from", "nobody", "FILE"), ("who", "htpp", "FILE"),
        ("explain", "22/tcp", "--from", "10.0.0.0/8", "FILE"), ("diff", "-", "-"), ("diff", "FILE", "REFUSED"),
        ("explain", "22/tcp", "REFUSED"), ("who", "REFUSED"),
        ("explain", "22/tcp", "--interface", "eth 0", "FILE"), ("explain", "22/tcp", "--interface", "eth*", "FILE"),
        ("explain", "22/tcp", "--from", "::1", "--to", "192.0.2.1", "FILE"),
        ("explain", "22/tcp", "--from", "192.0.2.1", "--out", "eth0", "FILE"),
        ("who", "22/tcp", "FILE", "--live"), ("explain", "22/tcp", "--to", "192.0.2.1", "--live"),
    ],
)  # fmt: skip
def test_bad_input_ends_with_2(arguments: Sequence[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {"FILE": file(tmp_path, "good", {}), "REFUSED": file(tmp_path, "bad", {"allow": ["htpp"]})}
    assert cli.main([files.get(word, word) for word in arguments]) == 2
    out, told = capsys.readouterr()
    assert out == ""
    assert re.match(r"\S+: .+", told)


@pytest.mark.parametrize("verb", [("explain", "22/tcp"), ("who",), ("diff", "FILE"), ("test",)])
def test_json_is_json_on_a_refusal_too(verb: Sequence[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {"FILE": file(tmp_path, "good", {})}
    refused = file(tmp_path, "bad", {"allow": ["htpp"], "deny": ["300.0.0.1"]})
    assert cli.main([*(files.get(word, word) for word in verb), refused, "--json"]) == 2
    out, told = capsys.readouterr()
    found = json.loads(out)
    assert [problem["path"] for problem in found["problems"]] == ["vps_firewall.allow[0]", "vps_firewall.deny[0]"]
    assert told.splitlines() == [f"{problem['path']}: {problem['message']}" for problem in found["problems"]]
    if verb[0] == "explain":
        assert (found["verdict"], found["entry"], found["limit"], found["assumptions"]) == ("unknown", None, None, [])


@pytest.mark.parametrize("verb", [("explain", "22/tcp"), ("who",), ("who", "22/tcp")])
@pytest.mark.parametrize("json_too", [False, True])
def test_the_kernel_is_asked_by_root_alone(
    verb: Sequence[str], json_too: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert cli.main([*verb, "--live", *(["--json"] if json_too else [])]) == 1
    out, told = capsys.readouterr()
    assert told == f"vps-firewall: `vps-firewall {verb[0]} --live` asks the kernel: run it as root\n"
    assert bool(out) is json_too
    assert not json_too or "run it as root" in json.loads(out)["problems"][0]["message"]


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
    assert ranges.union(a, b) == ranges.all_of([a, b]) == edges(one | other)
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
    outside = frozenset(range(SMALL)) - frozenset().union(*some)
    rest: dict[frozenset[int], Ranges] = {frozenset(): edges(outside)} if outside else {}
    assert ranges.partition({at: edges(each) for at, each in enumerate(some)}, (0, SMALL)) == {**parts, **rest}


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
    assert told.others == ("where a container publishes this port, containers: ignore lets it in",)

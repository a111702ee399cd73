"""The tests of a policy hold for every address, or a packet shows that they do not; and who asks is told so."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from cc_vps_firewall import cli, policy
from cc_vps_firewall.algebra.expectations import examine
from cc_vps_firewall.algebra.model import IN, model
from cc_vps_firewall.algebra.questions import Packet, judge
from cc_vps_firewall.algebra.zones import zones
from cc_vps_firewall.bundle import bundle
from cc_vps_firewall.errors import PolicyRefused
from cc_vps_firewall.host.facts import Host
from cc_vps_firewall.plan import decide
from cc_vps_firewall.policy import Policy, parse_network
from cc_vps_firewall.policy.model import PolicyTest
from tests.random_policies import EDGES, NETWORKS, PORTS, policies

MEND = "; mend the policy, or this test"


def parse(section: object) -> Policy:
    def gone(path: str) -> str:
        raise FileNotFoundError(2, "No such file or directory", path)

    return policy.parse(section, read_list=gone)


def failing(section: object) -> list[str]:
    return [str(problem).replace("vps_firewall.", "", 1) for problem in examine(parse(section)).failing]


OFFICE = {"lists": {"office": ["203.0.113.0/28", "2001:db8:203::/48"]}, "ssh": {"from": ["office"]}}
FAILING: dict[str, tuple[dict[str, Any], list[str]]] = {
    "somebody gets in": (
        {"allow": ["mysql"], "tests": [{"denied": ["mysql", "redis"]}]},
        [f"tests[0].denied[0]: 3306/tcp from 198.51.100.99 gets in by allow[0]{MEND}"],
    ),
    "over one family alone": (
        {"allow": [{"service": "mysql", "from": ["::/0"]}], "tests": [{"denied": ["mysql"]}]},
        [f"tests[0].denied[0]: 3306/tcp from 2001:db8:ffff::99 gets in by allow[0]{MEND}"],
    ),
    "one port of a range": (
        {"allow": ["8005/tcp"], "tests": [{"denied": ["8000-8010/tcp"]}]},
        [f"tests[0].denied[0]: 8005/tcp from 198.51.100.99 gets in by allow[0]{MEND}"],
    ),
    "nobody of some gets in": (
        {**OFFICE, "tests": [{"from": "192.0.2.9", "allowed": ["ssh"]}]},
        [f"tests[0].allowed[0]: 22/tcp from 192.0.2.9 does not get in{MEND}"],
    ),
    "one port of a range is closed": (
        {"allow": ["8000-8004/tcp", "8006-8010/tcp"], "tests": [{"from": "0.0.0.0/0", "allowed": ["8000-8010/tcp"]}]},
        [f"tests[0].allowed[0]: 8005/tcp from 198.51.100.99 does not get in{MEND}"],
    ),
    "one address of many is denied": (
        {"allow": ["http"], "deny": ["9.9.9.9"], "tests": [{"from": "any", "allowed": ["http"]}]},
        [f"tests[0].allowed[0]: 80/tcp from 9.9.9.9 does not get in{MEND}"],
    ),
    "all others than an office": (
        {**OFFICE, "allow": [{"service": "ssh", "from": ["192.0.2.0/24"]}],
         "tests": [{"from": {"not": "office"}, "denied": ["ssh"]}]},
        [f"tests[0].denied[0]: 22/tcp from 192.0.2.1 gets in by allow[0]{MEND}"],
    ),
    "over an interface": (
        {"allow": [{"port": "81/tcp", "interface": "wg*"}], "tests": [{"denied": ["81/tcp"], "interface": "wg0"}]},
        [f"tests[0].denied[0]: 81/tcp from 198.51.100.99 by wg0 gets in by allow[0]{MEND}"],
    ),
    "a published port": (
        {"publish": [{"port": "8443/tcp", "to": "10.8.0.2"}], "tests": [{"denied": ["8443/tcp"]}]},
        [f"tests[0].denied[0]: 8443/tcp from 198.51.100.99 gets in by publish[0]{MEND}"],
    ),
    "a published port over the other family": (
        {"publish": [{"port": "8443/tcp", "to": "10.8.0.2"}], "tests": [{"allowed": ["8443/tcp"]}]},
        [f"tests[0].allowed[0]: 8443/tcp from 2001:db8:ffff::99 does not get in{MEND}"],
    ),
    "over one of many interfaces": (
        {"allow": [{"port": "81/tcp", "interface": "wg7"}], "tests": [{"denied": ["81/tcp"], "interface": "wg*"}]},
        [f"tests[0].denied[0]: 81/tcp from 198.51.100.99 by wg7 gets in by allow[0]{MEND}"],
    ),
}  # fmt: skip
HOLDING: dict[str, dict[str, Any]] = {
    "the page's own": {
        **OFFICE,
        "tests": [
            {"from": "any", "denied": ["mysql", "23/tcp"]},
            {"from": "office", "allowed": ["ssh"]},
            {"from": {"not": "office"}, "denied": ["ssh"]},
        ],
    },
    "under a limit": {"ssh": {"limit": "1/day"}, "tests": [{"allowed": ["ssh"]}]},
    "over an interface that nothing names": {
        "allow": [{"port": "81/tcp", "interface": "wg0"}],
        "tests": [{"denied": ["81/tcp"]}, {"allowed": ["81/tcp"], "interface": "wg0"}],
    },
    "by two entries together": {
        "allow": [
            {"service": "http", "from": ["0.0.0.0/1", "::/1"]},
            {"service": "http", "from": ["128.0.0.0/1", "8000::/1"]},
        ],
        "tests": [{"allowed": ["http"]}],
    },
    "a published port, under the port of this host": {
        "publish": [{"port": "8443/tcp", "to": "10.8.0.2", "to_port": 443, "from": ["203.0.113.0/24"]}],
        "tests": [
            {"from": ["203.0.113.0/24"], "allowed": ["8443/tcp"]},
            {"from": {"not": ["203.0.113.0/24"]}, "denied": ["8443/tcp", "443/tcp"]},
        ],
    },
    "where nothing is enabled": {"enabled": False, "tests": [{"denied": ["ssh"]}]},
}  # fmt: skip


@pytest.mark.parametrize("section, messages", FAILING.values(), ids=FAILING)
def test_it_fails_with_a_packet(section: dict[str, Any], messages: list[str]) -> None:
    assert failing(section) == messages


@pytest.mark.parametrize("section", HOLDING.values(), ids=HOLDING)
def test_it_holds(section: dict[str, Any]) -> None:
    assert failing(section) == []


def test_random_tests_are_answered_as_packets_are() -> None:
    """A test that fails shows a packet that the model judges so, and one that holds has none among many."""
    chosen, made, kinds = random.Random("tests"), policies(random.Random("tests")), set()
    for _ in range(120):
        section, _ = next(made)
        kind, port = chosen.choice(["allowed", "denied"]), chosen.choice(PORTS)
        sources, others = chosen.sample(NETWORKS, chosen.randint(1, 3)), chosen.random() < 0.3
        asked = {"from": {"not": sources} if others else sources, kind: [f"{port}/tcp"]}
        read = policy.parse({**section, "tests": [asked]}, ssh_ports=(22,), uplinks=("eth0",), read_list=str)
        this, result = model(read), examine(read).failing
        interface = zones(this.patterns)[0].sample

        def enters(source: str, port: int = port, this: Any = this, interface: str = interface) -> bool:
            family, number, _ = parse_network(source)
            packet = Packet(IN, family, "tcp", port, number, 0, interface)
            return judge(this, packet).verdict == "accept"

        def meant(source: str, test: PolicyTest = read.tests[0]) -> bool:
            family, number, prefix = parse_network(source)
            return policy.covers(test.sources.of(family), (number, prefix), family) is not test.others

        kinds.add((kind, bool(result)))
        if not result:
            wrong = [s for s in EDGES[4] + EDGES[6] if meant(s) and enters(s) is not (kind == "allowed")]
            assert wrong == [], (section, asked)
        else:
            (problem,) = result
            source = re.findall(r"from (\S+)", problem.message)[0]
            assert enters(source) is (kind == "denied"), (section, problem)
            assert meant(source)
    assert len(kinds) == 4


# --- lists that cannot be read ------------------------------------------------------------------------------

GONE = {"lists": {"office": {"file": "/gone"}, "all": ["office"]}}


@pytest.mark.parametrize("source", ["office", "all", {"not": "office"}, ["192.0.2.1", "all"]])
def test_what_hangs_on_an_unreadable_list_is_unknown(source: Any) -> None:
    result = examine(parse({**GONE, "tests": [{"from": source, "denied": ["ssh"]}, {"denied": ["mysql"]}]}))
    assert (len(result.failing), result.held) == (0, 1)
    assert [str(problem) for problem in result.unknown] == [
        "vps_firewall.tests[0]: is not known to hold: vps_firewall.lists.office.file cannot be read here"
    ]


@pytest.mark.parametrize("use", [{"ssh": {"from": ["all"]}}, {"deny": ["office"]}, {}])
def test_a_list_that_anything_else_has_a_use_for_is_refused(use: dict[str, Any]) -> None:
    """One that nothing uses too, as ever."""
    tests = [{"from": "office", "denied": ["ssh"]}] if use else []
    with pytest.raises(PolicyRefused) as refused:
        parse({**GONE, **use, "tests": tests})
    assert [str(p) for p in refused.value.problems] == [
        "vps_firewall.lists.office.file: /gone: No such file or directory"
    ]


# --- who asks -----------------------------------------------------------------------------------------------

BAD = {"allow": ["mysql"], "tests": [{"denied": ["mysql"]}]}
MESSAGE = f"vps_firewall.tests[0].denied[0]: 3306/tcp from 198.51.100.99 gets in by allow[0]{MEND}"


def file(folder: Path, section: object) -> str:
    path = folder / "user-data.yaml"
    path.write_text(f"#cloud-config\n{json.dumps({'vps_firewall': section})}\n")
    return str(path)


@pytest.mark.parametrize("verb", ["check", "bundle"])
def test_the_command_refuses(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([verb, file(tmp_path, BAD)]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == MESSAGE


def test_test_ends_with_2_where_one_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["test", file(tmp_path, BAD)]) == 2
    assert capsys.readouterr().out.splitlines() == [f"fails: {MESSAGE}", "0 of 1 hold"]
    assert cli.main(["test", file(tmp_path, {**BAD, "allow": []}), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"failing": [], "unknown": [], "held": 1}
    assert cli.main(["test", file(tmp_path, {})]) == 0
    assert capsys.readouterr().out == "this policy has no tests\n"


def test_a_first_boot_refuses_and_a_later_one_warns() -> None:
    with pytest.raises(PolicyRefused, match="gets in by"):
        decide.first_boot(BAD, Host()).policy()
    assert [str(problem) for problem in decide.problems(BAD, Host())] == [MESSAGE]
    assert MESSAGE in decide.plan(BAD, Host()).warnings  # as it is made of what was saved


def test_a_bundle_does_not_carry_them() -> None:
    section = {
        "lists": {"asked": ["10.0.0.0/8"], "used": ["203.0.113.0/24"]},
        "ssh": {"from": ["used"]},
        "tests": [{"from": "asked", "denied": ["ssh"]}],
    }
    _, parts = bundle.make(f"#cloud-config\n{json.dumps({'vps_firewall': section})}\n".encode())
    assert bundle.section(parts) == {
        "lists": {"used": ["203.0.113.0/24"]},
        "ssh": {"from": ["used"]},
        "backend": "nftables",
    }

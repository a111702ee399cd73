"""User-data of 64 KiB as sent costs 150 MB and three seconds at most, whatever it unpacks to: in the command, and at a
first boot; and long lists cost what they did."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from tests.bench.networks import networks
from tests.suites import REPOSITORY

from . import attacks, costs

MEGABYTES = 150
SECONDS = 3.0  # of processor time: other work on this computer does not count
LINES = 450  # of messages, of parts and policy together
CHECK = (sys.executable, "-m", "cc_vps_firewall", "check")

# What the module asks of user-data before it decides, with a datasource that has nothing but the bytes.
FIRST_BOOT = """\
import sys, types
import cc_vps_firewall
from cc_vps_firewall.boot import cloudinit
data = open(sys.argv[1], "rb").read()
cloud = types.SimpleNamespace(datasource=types.SimpleNamespace(get_userdata_raw=lambda: data))
taken = sys.argv[2] == "taken"
taken or cc_vps_firewall._meant(cloud)
print(*cloudinit._raw(cloud, {"ping": False} if taken else {}, taken), sep="\\n")
"""


def quickest(*argv: str) -> costs.Cost:
    """What it costs; where that is too much, the least of three: what else is at work makes processors slower."""
    found = costs.of(*argv)
    for _ in range(2):
        if found.seconds > SECONDS:
            found = min(found, costs.of(*argv), key=lambda cost: cost.seconds)
    return found


TAKEN = ("fifty parts with typos", "fifty long parts", "as many typos as may be", "an archive", "comments")


@pytest.mark.parametrize("name", attacks.MADE)
def test_check_costs_little(name: str, tmp_path: Path) -> None:
    path = tmp_path / "user-data"
    path.write_bytes(attacks.as_sent(name))
    cost = quickest(*CHECK, str(path))
    assert cost.code in (0, 2), cost.said
    assert cost.megabytes <= MEGABYTES
    assert cost.seconds <= SECONDS
    assert len(cost.said.splitlines()) <= LINES
    assert "Traceback" not in cost.said
    assert "Error" not in cost.said


@pytest.mark.parametrize(
    ("name", "found"), [*((name, "lost") for name in attacks.MADE), *((name, "taken") for name in TAKEN)]
)
def test_a_first_boot_looks_at_it_as_cheaply(name: str, found: str, tmp_path: Path) -> None:
    """Where cloud-init has found no policy in it, and where it has taken one."""
    path = tmp_path / "user-data"
    path.write_bytes(attacks.as_sent(name))
    cost = quickest(sys.executable, "-c", FIRST_BOOT, str(path), found)
    assert cost.code == 0, cost.said
    assert cost.megabytes <= MEGABYTES
    assert cost.seconds <= SECONDS


def test_twenty_thousand_typos_are_two_hundred_messages(tmp_path: Path) -> None:
    path = tmp_path / "user-data"
    path.write_bytes(attacks.MADE["twenty thousand typos"]())
    cost = costs.of(*CHECK, str(path))
    assert cost.code == 2
    *told, last = cost.said.splitlines()
    assert len(told) == 200
    assert told[0] == "vps_firewall.allow[0]: a0 is not a service or a group; a port is written 8080/tcp"
    assert last == "vps_firewall: and 19,800 more problems"


@pytest.mark.parametrize("pure", [False, True], ids=["libyaml", "without libyaml"])
def test_a_hundred_thousand_networks_in_the_policy_itself(pure: bool, tmp_path: Path) -> None:
    """From a file, for they do not pack into 64 KiB: as quick as before this was bounded, or quicker."""
    path = tmp_path / "user-data"
    section = {"ssh": {"from": networks(100_000)}, "allow": ["http"]}
    path.write_text(f"#cloud-config\n{json.dumps({'vps_firewall': section}, indent=1)}\n")
    without = (
        "import sys, yaml; del yaml.CSafeLoader; from cc_vps_firewall.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    cost = costs.of(*((sys.executable, "-c", without, "check") if pure else CHECK), str(path))
    assert (cost.code, cost.said) == (0, "")
    assert cost.megabytes <= 100
    assert cost.seconds <= (12 if pure else 2.5)


@pytest.mark.parametrize("name", ["tags", "as many typos as may be", "comments", "brackets"])
def test_without_libyaml_it_is_bounded_too(name: str, tmp_path: Path) -> None:
    path = tmp_path / "user-data"
    path.write_bytes(attacks.as_sent(name))
    without = (
        "import sys, yaml; del yaml.CSafeLoader; from cc_vps_firewall.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    cost = costs.of(sys.executable, "-c", without, "check", str(path))
    assert cost.code == 2, cost.said
    assert cost.megabytes <= MEGABYTES
    assert cost.seconds <= 4 * SECONDS


def test_an_answer_comes_at_once(tmp_path: Path) -> None:
    """README's stanza, with the interpreter's own start; the quickest counts, for other work slows the rest."""
    path = tmp_path / "user-data"
    path.write_text(re.findall(r"```yaml\n(.*?)```", (REPOSITORY / "README.md").read_text("utf-8"), re.S)[0])
    ask = (sys.executable, "-m", "cc_vps_firewall", "explain", "https", "--from", "203.0.113.7", str(path))
    found = [costs.of(*ask) for _ in range(8)]
    assert {cost.code for cost in found} == {0}, found[0].said
    assert found[0].said.startswith("accept")
    assert min(cost.seconds for cost in found) < 0.3


def test_two_lists_of_a_hundred_thousand_networks(tmp_path: Path) -> None:
    for name, nets in (("a", networks(100_000)), ("b", networks(100_000, seed=2))):
        section = {"lists": {"one": nets}, "ssh": {"from": ["one"]}, "allow": [{"service": "http", "from": ["one"]}]}
        (tmp_path / name).write_text(f"#cloud-config\n{json.dumps({'vps_firewall': section}, indent=1)}\n")
    both = [str(tmp_path / name) for name in "ab"]
    for arguments, code in ((["who", both[0]], 0), (["diff", *both], 0), (["diff", "--refuse", "opens", *both], 8)):
        cost = costs.of(sys.executable, "-m", "cc_vps_firewall", *arguments)
        assert cost.code == code, cost.said
        assert cost.seconds < 5
        assert cost.megabytes < 500


@pytest.mark.parametrize("ports", [1, 50_000], ids=["of one port", "of a port each"])
def test_twenty_thousand_sources_with_entries_of_their_own(ports: int, tmp_path: Path) -> None:
    entries = [
        {"port": f"{1 + n % ports}/tcp", "from": [f"{16 + n // 65536}.{n // 256 % 256}.{n % 256}.1"]}
        for n in range(19_000)
    ]
    path = tmp_path / "user-data"
    path.write_text(f"#cloud-config\n{json.dumps({'vps_firewall': {'allow': entries}}, indent=1)}\n")
    cost = costs.of(sys.executable, "-m", "cc_vps_firewall", "who", str(path))
    assert cost.code == 0, cost.said
    assert cost.seconds < 15
    assert cost.megabytes < 300

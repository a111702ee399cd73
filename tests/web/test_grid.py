"""The grid of the builder's picture -> each cell is what the model says of a packet from that column to that port."""

from __future__ import annotations

import importlib.util
import random
import re
from typing import Any

from cc_vps_firewall import policy
from cc_vps_firewall.algebra.model import model
from cc_vps_firewall.algebra.questions import Packet, judge
from cc_vps_firewall.algebra.who import who
from cc_vps_firewall.policy import Policy
from tests.casefiles import load_all
from tests.random_policies import policies
from tests.suites import REPOSITORY


def _module() -> Any:
    found = importlib.util.spec_from_file_location("grid", REPOSITORY / "site/builder/grid.py")
    assert found is not None
    assert found.loader is not None
    made = importlib.util.module_from_spec(found)
    found.loader.exec_module(made)
    return made


GRID = _module()


def _wrong(read: Policy) -> tuple[int, list[str]]:
    """How many cells were asked, and those that say otherwise than the model."""
    made, asked, wrong = model(read), 0, []
    for family, grid in zip((4, 6), GRID.grids(who(made)).values()):
        assert len(grid["columns"]) <= GRID.COLUMNS
        for row in grid["rows"]:
            assert len(row["cells"]) == len(grid["columns"])
            if not (plain := re.match(r"([0-9]+)(?:-[0-9]+)?/(tcp|udp)(?:$|,)", row["what"])) or " on " in row["what"]:
                continue
            for column, cell in zip(grid["columns"], row["cells"]):
                source = policy.parse_network(column["networks"][0])[1]
                answer = judge(made, Packet("in", family, plain[2], int(plain[1]), source, 0, "net0"))
                asked += 1
                loopback = answer.label == "base: spoofed loopback"
                if not loopback and (cell["open"], bool(cell["limits"])) != (
                    answer.verdict == "accept" and bool(answer.entry), bool(answer.limit),
                ):  # fmt: skip
                    wrong.append(f"{row['what']} from {column['name']}: {cell}, {answer}")
    return asked, wrong


def test_of_every_case() -> None:
    asked = 0
    for case in load_all():
        count, wrong = _wrong(case.policy())
        assert wrong == [], case.name
        asked += count
    assert asked > 500


def test_of_random_policies() -> None:
    asked = 0
    for _, (section, read) in zip(range(150), policies(random.Random("grid"))):
        count, wrong = _wrong(read)
        assert wrong == [], section
        asked += count
    assert asked > 1000


def test_what_is_too_much_is_counted() -> None:
    entries = [{"port": f"{port}/tcp", "from": [f"203.0.113.{port % 200}"]} for port in range(1000, 1100)]
    grid = GRID.grids(who(model(policy.parse({"allow": entries}, read_list=str))))["ipv4"]
    assert (len(grid["columns"]), len(grid["rows"])) == (GRID.COLUMNS, GRID.ROWS)
    assert grid["columns"][-1]["name"] == "everybody else"
    assert grid["left"][0] > 90
    assert grid["left"][1] > 60

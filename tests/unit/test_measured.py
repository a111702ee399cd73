"""Tables and plots are of the records: what is changed there is changed in them, and what nobody ran is not said."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tools import comparison, measured, support

BENCH = measured.rows("bench")
BOOTS = measured.rows("boot")


def changed(part: str, who: str, key: str, value: Any) -> list[dict[str, Any]]:
    bench = [dict(row) for row in BENCH]
    for row in bench:
        if row["part"] == part and row["who"] == who:
            row[key] = value
    return bench


@pytest.mark.parametrize("part", measured.TABLES)
def test_a_table_names_each_contender_and_the_command_that_made_it(part: str) -> None:
    text = "".join(measured.TABLES[part](BENCH))
    for who in {row["who"] for row in measured.of(BENCH, "apply" if part == "memory" else part)}:
        assert f"| {who} |" in text
    assert 'make bench ARGS="' in text
    assert all(row["commit"] in text for row in measured.of(BENCH, "apply" if part == "memory" else part))


def test_where_another_one_is_better_it_is_shown() -> None:
    bench = changed("connections", "ufw", "connections of none", 0.99)
    assert ", 99%" in "".join(measured.TABLES["connections"](bench))
    assert measured.plots(bench, BOOTS)["connections"] != measured.plots(BENCH, BOOTS)["connections"]


def test_a_plot_is_the_same_each_time() -> None:
    assert measured.plots(BENCH, BOOTS) == measured.plots(copy.deepcopy(BENCH), BOOTS)


def test_what_took_too_long_has_no_number() -> None:
    largest = max(measured.sizes(BENCH, "apply"))
    bench = changed("apply", "ufw", "seconds", None)
    row = next(line for line in "".join(measured.TABLES["apply"](bench)).splitlines() if line.startswith("| ufw |"))
    assert row.replace(" ", "") == "|ufw||||"
    assert "ufw" not in measured.plots(bench, BOOTS)["apply"]
    assert largest == 100_000


def test_the_readme_counts_the_worst_of_ours() -> None:
    bench = changed("flood", "vps-firewall, iptables-legacy", "clients", 0.12)
    line = next(line for line in comparison.table(bench, BOOTS) if line.startswith("| a SYN flood"))
    assert line.split("|")[2].strip() == "12"


def test_a_claim_without_a_record_is_listed_as_such() -> None:
    text = "".join(support._boots([row for row in BOOTS if not row["scenario"].startswith("reboot")]))
    assert "Without a record:" in text
    assert f"| {support.CLAIMS['reboot']} |" not in text


def test_problems_are_not_hidden() -> None:
    first = next(row for row in BOOTS if row["scenario"] == "first boot")
    assert "| 3 problems |" in "".join(support._boots([{**first, "problems": 3}]))


@pytest.mark.parametrize(
    "scenario, claim",
    [
        ("bundle, reboot", "bundle, reboot"), ("bundle, gzip", "bundle"), ("reboot", "reboot"), ("runcmd", ""),
        ("second instance, same stanza", "second instance"), ("first boot, unmarked", "first boot"),
    ],
)  # fmt: skip
def test_a_scenario_asks_for_one_claim(scenario: str, claim: str) -> None:
    assert support.claim(scenario) == claim

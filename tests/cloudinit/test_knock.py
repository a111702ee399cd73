"""The knocker itself: each word for what it is for, and silence as soon as it is certain."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests import suites
from tests.lab.knock import DROPPED_SECONDS, PATIENCE_SECONDS, PING, Knock
from tests.lab.world import ANYONE, MACHINE, OFFICE, Internet, Machine, world

DROPS = """
table inet drops {
    chain input {
        type filter hook input priority 0; policy drop;
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        tcp dport { 22, 443 } accept
    }
}
"""
PORTS = (22, 80, 443, PING)
KNOCKS: list[Knock] = [
    (who[family], MACHINE[family], port) for who in (OFFICE, ANYONE) for family in (4, 6) for port in PORTS
]


@pytest.fixture
def place() -> Iterator[tuple[Machine, Internet]]:
    with world(suites.root_of("trixie")) as (machine, internet), machine.listening([22, 80]):
        yield machine, internet


def heard(internet: Internet) -> tuple[dict[int, set[str]], float]:
    """Port -> the words for it, and how long that took."""
    began = time.monotonic()
    answers = internet.knock(KNOCKS)
    took = time.monotonic() - began
    return {port: {word for (*_, to), word in answers.items() if to == port} for port in PORTS}, took


def test_each_word(place: tuple[Machine, Internet]) -> None:
    machine, internet = place
    assert heard(internet)[0] == {22: {"open"}, 80: {"open"}, 443: {"refused"}, PING: {"open"}}
    machine.run("nft", "-f", "-", given=DROPS)
    words, took = heard(internet)
    assert words == {22: {"open"}, 80: {"silent"}, 443: {"refused"}, PING: {"silent"}}
    assert took >= DROPPED_SECONDS, "an answer had no time to come"


def test_what_does_not_arrive_is_waited_for(place: tuple[Machine, Internet]) -> None:
    machine, internet = place
    machine.with_our_tools(["ip", "link", "set", "eth0", "arp", "off"])  # nobody finds it
    words, took = heard(internet)
    assert set().union(*words.values()) == {"silent"}
    assert took >= PATIENCE_SECONDS

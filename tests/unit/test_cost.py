"""policies of all sizes -> how many rules a new packet meets; counted in the texts, so that no clock is asked."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from functools import lru_cache

import pytest

from cc_vps_firewall.policy import WIDTH, Net, Sources, network_text, parse
from cc_vps_firewall.policy.networks import collapse
from cc_vps_firewall.rules import iptables, iptables_changes, nftables, ruleset
from tests.bench.networks import networks

from .new_packet import Fate, Text, of_iptables, of_nftables

SIZES = (0, 1_000, 10_000, 100_000)
SERVICES = ["http", "https", "smtp", "smtps", "pop3", "pop3s", "imap", "imaps"]

# Rules that a first packet meets in all, with a hundred thousand sources: most are the same for any policy.
MOST = {"nftables": 24, "iptables": 60}
MOST_OF_A_STRANGERS = {"nftables": 34, "iptables": 70}


class Rendered:
    """One list of sources in both backends."""

    def __init__(self, sources: Sequence[str]) -> None:
        section = {"ssh": {"from": list(sources)}, "allow": SERVICES}
        policy = parse(section, read_list=lambda path: "")
        rules = ruleset.build(policy)
        assert policy.ssh is not None
        self.peers: Sources = policy.ssh.peers
        self.iptables = {family: iptables.render(rules, family) for family in (4, 6)}
        self.texts: dict[tuple[str, int], Text] = {
            **{("iptables", family): of_iptables(text) for family, text in self.iptables.items()},
            **dict.fromkeys([("nftables", 4), ("nftables", 6)], of_nftables(nftables.render(rules))),
        }

    def fates(self, backend: str, family: int, numbers: Sequence[int]) -> list[Fate]:
        text = self.texts[backend, family]
        return [text.fate(network_text(family, (number, WIDTH[family]))) for number in numbers]

    def edges(self, family: int, chance: random.Random, count: int = 1_000) -> tuple[list[int], list[int]]:
        """First and last addresses of some of the list's networks; and the addresses beside them that no other of
        its networks holds."""
        nets = self.peers.of(family)
        some = chance.sample(nets, min(count, len(nets)))
        inside = [end for net in some for end in _ends(net, family)]
        beside = {end for net in some for end in (_ends(net, family)[0] - 1, _ends(net, family)[1] + 1)}
        held = {end for net in nets for end in _ends(net, family)}  # a neighbour would begin or end there
        return inside, sorted(number for number in beside - held if 0 < number < 1 << WIDTH[family])


def _ends(net: Net, family: int) -> tuple[int, int]:
    number, prefix = net
    return number, number + (1 << (WIDTH[family] - prefix)) - 1


@lru_cache
def rendered(size: int) -> Rendered:
    return Rendered(networks(size) if size else ["203.0.113.7", "2001:db8::7"])


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("backend", ["nftables", "iptables"])
@pytest.mark.parametrize("size", SIZES)
def test_a_new_packet_meets_few_rules(size: int, backend: str, family: int) -> None:
    its = rendered(size)
    inside, beside = its.edges(family, random.Random(1))
    let_in, dropped = its.fates(backend, family, inside), its.fates(backend, family, beside)
    assert {fate.verdict for fate in let_in} == {"accept"}
    assert {fate.verdict for fate in dropped} <= {"drop"}
    assert max(fate.met for fate in let_in) <= MOST[backend]
    assert max((fate.met for fate in dropped), default=0) <= MOST_OF_A_STRANGERS[backend]


@pytest.mark.parametrize("family", [4, 6])
def test_no_way_through_a_list_is_long(family: int) -> None:
    """All of them, not some: the longest way from the root of the tree to its last rule."""
    chains = rendered(100_000).texts["iptables", family].chains
    tree = {name: rules for name, rules in chains.items() if name.startswith(iptables.LIST)}

    def longest(chain: str) -> int:
        gotos = ((n, re.search(r" -g (\S+)$", rule)) for n, rule in enumerate(tree[chain], 1))
        return max([len(tree[chain]), *(n + longest(goto[1]) for n, goto in gotos if goto)])

    assert longest(f"{iptables.LIST}1") <= 50
    assert sum(map(len, tree.values())) < 1.2 * len(rendered(100_000).peers.of(family))


def test_nftables_asks_one_question_of_any_list() -> None:
    """Of one that is long, two: which piece, and in the piece."""
    met = {}
    for size in SIZES[1:]:
        inside, _ = rendered(size).edges(4, random.Random(2), 50)
        met[size] = {fate.met for fate in rendered(size).fates("nftables", 4, inside)}
    assert [len(counts) for counts in met.values()] == [1, 1, 1]
    assert max(max(counts) for counts in met.values()) - min(met[1_000]) <= 2


BLOCK = 4  # bits of the prefix that the odd shapes lie in: 16.0.0.0/4, 2000::/4


def _comb(family: int) -> list[Net]:
    """Half of the block, a quarter, an eighth and so on: no cut of it halves what is left."""
    return [(1 << (WIDTH[family] - prefix), prefix) for prefix in range(BLOCK + 1, WIDTH[family] + 1)]


def _neighbours(family: int) -> list[Net]:
    """Every second address from one on."""
    return [(2 * n, WIDTH[family]) for n in range(5_000)]


def _combs_of_neighbours(family: int) -> list[Net]:
    """Much on either side of every cut, however deep: as many levels as there can be."""
    width = WIDTH[family]
    return [
        ((1 << (width - prefix)) + (n << (width - prefix - 9)), width)
        for prefix in range(BLOCK + 1, width - 9)
        for n in range(0, 400, 2)
    ]


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("shape", [_comb, _neighbours, _combs_of_neighbours])
def test_lists_of_odd_shapes(shape: Callable[[int], list[Net]], family: int) -> None:
    """Every network is found, nothing beside it is, and every chain's name is short enough to be taken."""
    block = {4: 1, 6: 2}[family] << (WIDTH[family] - BLOCK)
    nets = collapse(((block + number, prefix) for number, prefix in shape(family)), family)
    its = Rendered([network_text(family, net) for net in nets])
    inside, beside = its.edges(family, random.Random(3), 500)
    for backend in MOST:
        assert {fate.verdict for fate in its.fates(backend, family, inside)} == {"accept"}
        assert {fate.verdict for fate in its.fates(backend, family, beside)} <= {"drop"}
    names = re.findall(r"(?m)^:(\S+)", its.iptables[family])
    assert max(map(len, names)) <= 28
    assert len(set(names)) == len(names) - 4  # in both tables: FORWARD, malformed packets, metadata services, bridges


def test_a_list_that_changes_a_little_keeps_most_chains() -> None:
    """What restore is given for a re-apply grows with the change, not with the list."""
    nets = networks(10_000)
    before = Rendered(nets).iptables[4]
    after = Rendered([*nets[:-20], *networks(20, seed=9)]).iptables[4]
    assert len(iptables_changes.transition(before, after)) < len(after) / 5

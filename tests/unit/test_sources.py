"""Networks as pairs of numbers are the networks of the ipaddress module, a hundred times as fast."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_vps_firewall import policy
from cc_vps_firewall.policy.networks import UNROUTABLE, Net, collapse, covers, network_text, parse_network

from .any_yaml import V4, V6

Network = Any  # IPv4Network or IPv6Network: what collapse_addresses takes is generic over them, not their union


def networks(numbers: st.SearchStrategy[int], width: int) -> st.SearchStrategy[Net]:
    """Networks, many of them near each other: short prefixes, and few different addresses."""
    few = st.integers(0, 40).map(lambda n: n << (width - 6) if n < 20 else n)
    return st.builds(
        lambda number, prefix: (number >> (width - prefix) << (width - prefix), prefix),
        st.one_of(numbers, few),
        st.one_of(st.integers(0, width), st.integers(width - 3, width), st.integers(1, 7)),
    )


def why_refused(text: str) -> str:
    try:
        parse_network(text)
    except ValueError as error:
        return str(error)
    return ""


FAMILIES = [4, 6]
NETS = {4: networks(V4, 32), 6: networks(V6, 128)}


def official(family: int, net: Net) -> Network:
    return (ipaddress.IPv4Network if family == 4 else ipaddress.IPv6Network)(net)


def ours(network: Network) -> Net:
    return int(network.network_address), network.prefixlen


@given(st.data(), st.sampled_from(FAMILIES))
def test_a_network_is_read_as_it_is_written(data: st.DataObject, family: int) -> None:
    net = data.draw(NETS[family])
    if family == 6 and net[0] >> 32 == 0xFFFF:
        return
    assert parse_network(str(official(family, net))) == (family, *net)
    assert parse_network(official(family, net).exploded) == (family, *net)
    assert parse_network(network_text(family, net)) == (family, *net)


@given(st.data(), st.sampled_from(FAMILIES))
def test_text_is_that_of_ipaddress(data: st.DataObject, family: int) -> None:
    net = data.draw(NETS[family])
    address = ipaddress.ip_network(network_text(family, net))
    assert ours(address) == net


@given(st.text(alphabet="0123456789abcdef:./ %-", max_size=24))
def test_no_text_is_read_that_ipaddress_does_not_read(text: str) -> None:
    try:
        family, number, prefix = parse_network(text)
    except ValueError:
        return
    assert official(family, (number, prefix)) == ipaddress.ip_network(text)


@given(st.one_of(st.ip_addresses().map(str), st.text()), st.integers(-1, 130))
def test_refusals_have_a_reason(text: str, prefix: int) -> None:
    for reason in map(why_refused, (text, f"{text}/{prefix}")):
        assert reason.isprintable()
        assert reason == "" or len(reason) > 20


@given(V4 | V6.map(lambda n: n | 1 << 100), st.integers(0, 127))
def test_host_bits_are_refused_with_the_network_that_was_meant(number: int, prefix: int) -> None:
    address = ipaddress.ip_address(number)
    prefix = prefix % address.max_prefixlen
    text = f"{address}/{prefix}"
    network = ipaddress.ip_network(text, strict=False)
    if network.network_address == address:
        return
    with pytest.raises(ValueError, match="host bits") as refused:
        parse_network(text)
    assert ipaddress.ip_network(str(refused.value).split("write ")[1].split(" or ")[0]) == network


@pytest.mark.parametrize(
    ("mapped", "meant"),
    [
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:cb00:7107", "203.0.113.7"),
        ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
        ("0:0:0:0:0:FFFF:0:0/96", "0.0.0.0/0"),
    ],
)
def test_a_mapped_address_is_refused_with_the_one_that_was_meant(mapped: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f"is an IPv4-mapped address; write {meant}$"):
        parse_network(mapped)


@given(st.data(), st.sampled_from(FAMILIES))
def test_collapsed_networks_are_those_of_ipaddress(data: st.DataObject, family: int) -> None:
    nets = data.draw(st.lists(NETS[family], max_size=30))
    expected = ipaddress.collapse_addresses(official(family, net) for net in nets)
    assert collapse(nets, family) == tuple(map(ours, expected))


@given(st.data(), st.sampled_from(FAMILIES))
def test_a_network_is_covered_when_it_is_inside_one(data: st.DataObject, family: int) -> None:
    nets = collapse(data.draw(st.lists(NETS[family], max_size=12)), family)
    net = data.draw(NETS[family])
    expected = any(official(family, net).subnet_of(official(family, other)) for other in nets)
    assert covers(nets, net, family) == expected


@given(st.data(), st.sampled_from(FAMILIES))
def test_collapsing_changes_no_address(data: st.DataObject, family: int) -> None:
    nets = data.draw(st.lists(NETS[family], min_size=1, max_size=12))
    width = policy.WIDTH[family]
    edge, prefix = data.draw(st.sampled_from(nets))
    for number in (edge, edge - 1, edge + (1 << (width - prefix)) - 1, edge + (1 << (width - prefix))):
        if 0 <= number < 1 << width:
            inside = any(covers([net], (number, width), family) for net in nets)
            assert covers(collapse(nets, family), (number, width), family) == inside


@pytest.mark.parametrize("family", FAMILIES)
def test_nobody_connects_from_these(family: int) -> None:
    """What is called impossible is: reserved, loopback, multicast or unspecified, by ipaddress's own tables."""
    for net in UNROUTABLE.of(family):
        network = official(family, net)
        for address in (network.network_address, network.broadcast_address):
            never = address.is_loopback or address.is_multicast or address.is_unspecified or address.is_reserved
            assert never or address in ipaddress.ip_network("0.0.0.0/8")

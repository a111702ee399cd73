"""The rules, walked as a kernel walks them, let in exactly what the policy admits; and ports merge soundly."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cc_vps_firewall import policy
from cc_vps_firewall.policy import WIDTH, Policy, Sources, clouds, interfaces, networks, parse_network, services
from cc_vps_firewall.rules import ruleset
from cc_vps_firewall.rules.openings import merge, opened
from cc_vps_firewall.rules.rule import Port, Rule, Ruleset

from .any_yaml import PORTS, SOURCES, problems

# --- a kernel of forty lines --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Packet:
    """The first packet of a connection: a SYN, or its like, through `in_interface`."""

    source: str
    proto: str = "tcp"
    port: int = 0
    in_interface: str = "eth0"
    destination: str = ""
    out_interface: str = ""
    icmp: int = 0
    hop_limit: int = 64
    sport: int = 40000
    root: bool = False
    flags: frozenset[str] = frozenset({"syn"})
    state: str = "new"
    original: bool = True


def fits(nets: Sources, address: str) -> bool:
    family, number, _ = parse_network(address)
    return policy.covers(nets.of(family), (number, WIDTH[family]), family)


def named(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else pattern == name


def matches(rule: Rule, packet: Packet) -> bool:
    family = parse_network(packet.source)[0]
    destination = packet.destination or {4: "192.0.2.10", 6: "2001:db8:1::10"}[family]
    mask, value = (frozenset(text.strip("!").split(",")) - {""} for text in rule.flags)
    return all(
        (
            rule.family in (0, family),
            rule.proto in ("", packet.proto),
            not rule.ports or any(p.first <= packet.port <= p.last for p in rule.ports),
            packet.port not in rule.not_dports,
            not rule.sport or packet.sport == rule.sport,
            fits(rule.sources, packet.source),
            fits(rule.destinations, destination),
            not rule.in_interface or named(rule.in_interface, packet.in_interface),
            not rule.out_interface or named(rule.out_interface, packet.out_interface),
            not rule.state or packet.state in rule.state.split(","),
            packet.original or not rule.original,
            not rule.icmp or packet.icmp in rule.icmp,
            not rule.hop_limit or packet.hop_limit == rule.hop_limit,
            not mask or ((packet.flags & mask) == value) != rule.flags[1].startswith("!"),
            rule.uid_root is None or rule.uid_root == packet.root,
            not rule.original_dport,
            not rule.connlabel or rule.verdict == "set_label",
            not rule.flood,
        )
    )


def verdict(rules: Ruleset, hook: str, packet: Packet) -> str:
    chains = {chain.name: chain for chain in rules.chains}

    def walk(name: str) -> str:
        for rule in chains[name].rules:
            if matches(rule, packet) and rule.verdict not in ("log", "set_label"):
                found = walk(rule.verdict) if rule.verdict in chains else rule.verdict
                if found == "return":
                    return ""
                if found:
                    return found
        return ""

    (base,) = (chain for chain in rules.chains if chain.hook == hook)
    return walk(base.name) or base.policy


def test_the_kernel_above_asks_all_that_a_rule_can_ask() -> None:
    elsewhere = {
        "local",
        "to",
        "from_others",
        "dnat_port",
        "by_client",
        "no_flood",
    }  # of chains that no packet is judged in
    asked = {f.name for f in dataclasses.fields(Rule)} - {"label", "verdict", "limit", "rate", "burst", *elsewhere}
    assert asked == {
        "family", "proto", "ports", "not_dports", "sport", "sources", "destinations", "in_interface", "out_interface",
        "state", "original", "icmp", "hop_limit", "flags", "uid_root", "original_dport",
        "connlabel", "flood",
    }  # fmt: skip


# --- random policies, packets at the edges of what they name ------------------------------------------------

NEAR = st.sampled_from([
    "203.0.113.0/24", "203.0.113.0/25", "203.0.113.7", "203.0.112.0/22", "0.0.0.0/0", "2001:db8:aa::/48",
    "2001:db8:aa::7", "2001:db8::/32", "::/0",
])  # fmt: skip
ADDRESSES = st.one_of(
    st.sampled_from(["203.0.113.7", "203.0.113.8", "203.0.113.128", "203.0.112.1", "198.51.100.7"]),
    st.sampled_from(["2001:db8:aa::7", "2001:db8:aa::8", "2001:db8:ab::1", "2600::1"]),
    SOURCES.map(lambda text: text.partition("/")[0]),
)
FEW_PORTS = st.sampled_from([1, 22, 53, 80, 443, 1024, 8080, 8081, 65535]) | PORTS
FROM = st.lists(NEAR, min_size=1, max_size=3)
OPENING = st.builds(
    lambda a, b, proto: f"{min(a, b)}-{max(a, b)}/{proto}", FEW_PORTS, FEW_PORTS, st.sampled_from(["tcp", "udp"])
) | st.sampled_from(["http", "web", "dns", "esp", "ipsec", "mosh", "80/tcp", "8080/udp"])
ENTRY = OPENING | st.fixed_dictionaries(
    {"service": st.sampled_from(["http", "mail", "domain", "gre"])},
    optional={"from": FROM, "interface": st.sampled_from(["eth0", "eth*", "wg*"]), "limit": st.just("9/second")},
)
SECTIONS = st.fixed_dictionaries(
    {},
    optional={
        "ssh": st.just(False) | st.fixed_dictionaries({}, optional={"port": FEW_PORTS, "from": FROM}),
        "allow": st.lists(ENTRY, max_size=6),
        "deny": st.lists(NEAR, max_size=3),
        "malformed": st.sampled_from(["drop", "accept"]),
        "ping": st.booleans(),
    },
)
PROTOS = st.sampled_from(["tcp", "udp", "esp", "gre", "icmp"])


def parse(section: Mapping[str, Any]) -> Policy:
    return policy.parse(section, read_list=lambda path: "")


def naive(section: Mapping[str, Any], source: str, proto: str, port: int, in_interface: str) -> bool:
    """What the page says of a policy, in the words of ipaddress."""

    def inside(sources: list[str]) -> bool:
        nets = map(ipaddress.ip_network, sources)
        return any(net.version == address.version and address in net for net in nets)

    def opens(opening: str) -> bool:
        ports, _, wanted = opening.rpartition("/")
        first, _, last = ports.partition("-")
        return wanted == proto and (not ports or int(first) <= port <= int(last or first))

    address = ipaddress.ip_address(source)
    if inside(section.get("deny", [])):
        return False
    entries = [e if isinstance(e, dict) else {"service": e} for e in section.get("allow", [])]
    ssh = section.get("ssh", {})
    if ssh is not False:
        entries.append({"service": f"{ssh.get('port', 22)}/tcp", "from": ssh.get("from", ["0.0.0.0/0", "::/0"])})
    return any(
        inside(entry.get("from", ["0.0.0.0/0", "::/0"]))
        and named(entry.get("interface", "*"), in_interface)
        and any(map(opens, services.lookup(entry["service"]) or (entry["service"],)))
        for entry in entries
    )


@settings(max_examples=400)
@given(SECTIONS, ADDRESSES, PROTOS, FEW_PORTS, st.sampled_from(["eth0", "eth1", "wg0", "lo0"]))
def test_rules_admits_and_the_page_agree(
    section: dict[str, Any], source: str, proto: str, port: int, came: str
) -> None:
    assume(problems(section) is None)
    assume(not fits(networks.UNROUTABLE, source))
    port = port if proto in ("tcp", "udp") else 0
    wanted = parse(section)
    admitted = naive(section, source, proto, port, came)
    assert wanted.admits(source, proto, port, came) == admitted
    packet = Packet(source, proto, port, came)
    assert verdict(ruleset.build(wanted), "input", packet) == ("accept" if admitted else "drop")


@given(SECTIONS)
def test_what_networks_need_passes_whatever_the_policy(section: dict[str, Any]) -> None:
    assume(problems(section) is None)
    rules = ruleset.build(parse(section))
    for source, proto, types in (("203.0.113.7", "icmp", (3, 4, 5, 11, 12)), ("2001:db8::7", "icmpv6", (1, 2, 3, 4))):
        for icmp in types:  # errors that the tracker relates to nothing
            assert verdict(rules, "input", Packet(source, proto, icmp=icmp)) == "drop"
            untracked = Packet(source, proto, icmp=icmp, state="untracked")
            needed = icmp == {"icmp": ruleset.PATH_MTU, "icmpv6": ruleset.PATH_MTU_V6}[proto]
            assert verdict(rules, "input", untracked) == ("accept" if needed else "drop")
    for icmp in ruleset.NEIGHBOUR:
        assert verdict(rules, "input", Packet("fe80::1", "icmpv6", icmp=icmp, hop_limit=255)) == "accept"
        assert verdict(rules, "input", Packet("fe80::1", "icmpv6", icmp=icmp, hop_limit=254)) == "drop"
    for to in ("255.255.255.255", ""):
        dhcp = Packet("203.0.113.1", "udp", 68, sport=67, destination=to)
        opened = naive(section, "203.0.113.1", "udp", 68, "eth0")
        assert verdict(rules, "input", dhcp) == ("accept" if to or opened else "drop")
    assert verdict(rules, "input", Packet("fe80::1", "udp", 546, sport=547)) == "accept"
    for spoofed in ("127.0.0.1", "::1"):
        assert verdict(rules, "input", Packet(spoofed, "tcp", 22)) == "drop"
        assert verdict(rules, "input", Packet(spoofed, "tcp", 9, in_interface="lo")) == "accept"


FLAGS = st.sets(st.sampled_from(["fin", "syn", "rst", "psh", "ack", "urg"])).map(frozenset)


@given(FLAGS, st.sampled_from(["drop", "accept"]), st.sampled_from(["guard", "ignore"]))
def test_malformed_is_what_no_connection_opens_with(flags: frozenset[str], malformed: str, flood: str) -> None:
    """Nor one of which a flood made the tracker forget the beginning."""
    rules = ruleset.build(parse({"allow": ["http"], "malformed": malformed, "flood": flood}))
    looked_at = flags & {"syn", "fin", "rst", "ack"}
    xmas = len(flags) == 6
    opens = looked_at == {"syn"} or (looked_at == {"ack"} and flood == "guard" and not xmas)
    for port in (80, 81):
        found = verdict(rules, "input", Packet("203.0.113.7", port=port, flags=flags))
        assert found == ("accept" if port == 80 and (opens or malformed == "accept") else "drop")


@given(SECTIONS, ADDRESSES, FEW_PORTS, st.sampled_from(["eth0", "eth1", "wg0", "lo0"]))
def test_an_ack_without_a_connection_meets_what_a_syn_would(
    section: dict[str, Any], source: str, port: int, came: str
) -> None:
    assume(problems(section) is None)
    rules = ruleset.build(parse(section))
    syn, ack = (Packet(source, "tcp", port, came, flags=frozenset({flag})) for flag in ("syn", "ack"))
    assert verdict(rules, "input", syn) == verdict(rules, "input", ack)


@given(SECTIONS, ADDRESSES, PROTOS)
def test_what_stands_goes_on(section: dict[str, Any], source: str, proto: str) -> None:
    """Also what a denied source began: an apply ends that itself (decision 0035)."""
    assume(problems(section) is None)
    packet = Packet(source, proto, 80, state="established", flags=frozenset({"ack"}))
    for hook in ("input", "forward"):
        assert verdict(ruleset.build(parse(section)), hook, packet) == "accept"


@pytest.mark.parametrize("metadata", ["root", "all"])
@pytest.mark.parametrize("outgoing", ["accept", {"policy": "drop", "allow": ["https"]}])
@pytest.mark.parametrize("root", [True, False])
def test_who_reaches_the_metadata_service(metadata: str, outgoing: object, root: bool) -> None:
    rules = ruleset.build(parse({"metadata": metadata, "outgoing": outgoing}))
    for destination in clouds.metadata("", containers=True):
        source = "2001:db8:1::10" if ":" in destination else "192.0.2.10"
        packet = Packet(source, "tcp", 80, "", destination, "eth0", root=root)
        assert verdict(rules, "output", packet) == ("accept" if root or metadata == "all" else "reset")
        forwarded = dataclasses.replace(packet, in_interface="docker0")
        assert verdict(rules, "forward", forwarded) == ("accept" if metadata == "all" else "drop")


@pytest.mark.parametrize("root", [True, False])
def test_names_leases_and_time_are_everybodys(root: bool) -> None:
    for destination in clouds.metadata("", containers=False):
        source = "2001:db8:1::10" if ":" in destination else "192.0.2.10"
        rules = ruleset.build(parse({}))
        for proto, port in (("tcp", 53), ("udp", 53), ("udp", 67), ("udp", 123)):
            packet = Packet(source, proto, port, "docker0", destination, "eth0", root=root)
            assert verdict(rules, "output", packet) == verdict(rules, "forward", packet) == "accept"
        other = Packet(source, "udp", 80, "docker0", destination, "eth0", root=root)
        assert verdict(rules, "output", other) == ("accept" if root else "drop")
        assert verdict(rules, "forward", other) == "drop"


@given(st.lists(OPENING, max_size=5), st.lists(NEAR, min_size=1, max_size=2), ADDRESSES, PROTOS, FEW_PORTS)
def test_what_leaves_is_what_outgoing_allows(
    names: list[str], to: list[str], address: str, proto: str, port: int
) -> None:
    port = port if proto in ("tcp", "udp") else 0
    allow = [{"port" if "/" in name else "service": name, "to": to} for name in names]
    rules = ruleset.build(parse({"outgoing": {"policy": "drop", "allow": allow}}))
    mirrored = {"ssh": False, "allow": [{"service": name, "from": to} for name in names]}
    mine = {4: "192.0.2.10", 6: "2001:db8:1::10"}[parse_network(address)[0]]
    found = verdict(rules, "output", Packet(mine, proto, port, "", address, "eth0"))
    assert found == ("accept" if naive(mirrored, address, proto, port, "eth0") else "drop")


# --- bridges of containers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interface", "stays"),
    [
        ("br-app", False),
        ("br-lan0", False),
        ("br-lan*", False),
        ("br-ada", False),  # hexadecimal digits, but not twelve
        ("br-0123456789ab", True),
        ("br-0123*", True),
        ("br-*", True),
        ("docker*", True),
        ("virbr1", True),
        ("eth0", True),
    ],
)
def test_an_interface_that_the_policy_names_is_no_bridge(interface: str, stays: bool) -> None:
    wanted = parse({"allow": [{"service": "mysql", "from": ["10.0.0.0/8"], "interface": interface}]})
    assert set(ruleset.no_bridges(wanted)) == {*interfaces.UPLINKS, *([] if stays else [interface])}


@given(st.sampled_from(["docker0", "br-0123456789ab", "br-ex", "eth0", "virbr0", "tun0"]), st.booleans(), st.booleans())
def test_only_what_comes_from_containers_has_a_way_out(name: str, routed: bool, named: bool) -> None:
    allow = [{"service": "http", "interface": name}] if named else []
    wanted = policy.parse({"allow": allow}, uplinks=(name,) if routed else (), read_list=lambda path: "")
    bridge = name not in ("eth0", "tun0", "br-ex") and not routed
    for packet in (
        Packet("172.17.0.2", "udp", 53, name),
        Packet("172.17.0.2", "tcp", 443, name, "203.0.113.80", "eth9"),
        Packet("fd00:17::2", "tcp", 443, name, "2001:db8:f::80", "eth9"),
    ):
        hook = "forward" if packet.destination else "input"
        assert verdict(ruleset.build(wanted), hook, packet) == ("accept" if bridge else "drop")
    assert ruleset.roles(wanted, [name, "lo"]) == {
        "uplinks": [name] if routed or name == "br-ex" else [],
        "bridges": [name] if bridge else [],
    }


# --- ports --------------------------------------------------------------------------------------------------

NEARBY = st.integers(1, 30) | PORTS
RANGES = st.lists(
    st.builds(lambda a, b, label: Port(min(a, b), max(a, b), label), NEARBY, NEARBY, st.sampled_from("abc")),
    max_size=12,
)


@given(RANGES)
def test_merged_ports_are_the_same_ports_apart(ports: list[Port]) -> None:
    merged = merge(ports)
    assert all(one.last < other.first for one, other in zip(merged, merged[1:]))
    for port in {edge + step for p in ports for edge in (p.first, p.last) for step in (-1, 0, 1)}:
        assert any(p.first <= port <= p.last for p in merged) == any(p.first <= port <= p.last for p in ports)


@given(RANGES)
def test_merged_ports_keep_the_lines_they_come_from(ports: list[Port]) -> None:
    for piece in merge(ports):
        inside = {p.label for p in ports if piece.first <= p.first <= piece.last}
        assert set(piece.label.split(", ")) == inside


@given(RANGES)
def test_merging_is_done_once(ports: list[Port]) -> None:
    merged = merge(ports)
    assert merge(merged) == merged
    assert merge(reversed(ports)) == merged


def test_entries_that_ask_the_same_are_one_rule() -> None:
    rules = opened(parse({"ssh": False, "allow": ["http", "https", "8080/tcp", "25-30/tcp"]}).allow)
    assert [(r.proto, [(p.first, p.last) for p in r.ports]) for r in rules] == [
        ("tcp", [(25, 30), (80, 80), (443, 443), (8080, 8080)])
    ]


@pytest.mark.parametrize("outgoing", ["accept", {"policy": "drop"}])
def test_what_falls_through_is_dropped_by_a_rule(outgoing: object) -> None:
    """A base chain's policy is no use in the moment in which the kernel has its rules and not yet its policy."""
    chains = {c.name: c for c in ruleset.build(parse({"outgoing": outgoing})).chains}
    closed = [c for c in chains.values() if c.policy == "drop"]
    assert [c.hook for c in closed] == ["input", "forward", *(["output"] if outgoing != "accept" else [])]
    for base in closed:
        last = chains[base.rules[-1].verdict].rules[-1]
        assert last == Rule(last.label, "drop"), base.hook

"""What must hold of the reader of live rules -> checks that any copy of its modules can be put to.

The rules are those in tests/kernel/rulesets, of which tests/kernel/test_live.py asks a kernel too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from tests.algebra_checks import Algebra

RULESETS = Path(__file__).parent / "kernel" / "rulesets"
MACHINE = {4: "192.0.2.10", 6: "2001:db8:1::10"}
# ruleset, protocol, port, source, interface, verdict
EXPECTED = (
    ("ufw", "tcp", 22, "198.51.100.200", "eth0", "accept"),
    ("ufw", "tcp", 22, "198.51.100.9", "eth0", "accept"),  # deny was added behind allow
    ("ufw", "tcp", 2222, "198.51.100.200", "eth0", "unknown"),  # -m recent
    ("ufw", "tcp", 80, "203.0.113.200", "eth0", "accept"),
    ("ufw", "tcp", 443, "203.0.112.255", "eth0", "drop"),
    ("ufw", "tcp", 80, "198.51.100.9", "eth0", "drop"),
    ("ufw", "udp", 53, "192.0.2.1", "eth1", "accept"),
    ("ufw", "udp", 53, "192.0.2.1", "eth0", "drop"),
    ("ufw", "udp", 53, "198.51.100.127", "eth1", "drop"),
    ("ufw", "udp", 53, "198.51.100.128", "eth1", "accept"),
    ("ufw", "tcp", 25, "192.0.2.1", "eth0", "reject"),
    ("ufw", "tcp", 25, "2001:db8::1", "eth0", "reject"),
    ("ufw", "tcp", 80, "2001:db8::1", "eth0", "drop"),
    ("ufw", "tcp", 9, "192.0.2.1", "lo", "accept"),
    ("kubernetes", "tcp", 30080, "192.0.2.1", "eth0", "accept"),
    ("kubernetes", "udp", 30080, "192.0.2.1", "eth0", "accept"),
    ("kubernetes", "tcp", 30090, "192.0.2.1", "eth0", "reject"),
    ("kubernetes", "tcp", 22, "192.0.2.1", "eth0", "accept"),
    ("kubernetes-nft", "tcp", 30080, "192.0.2.1", "eth0", "accept"),  # one of two, and both are let through
    ("kubernetes-nft", "tcp", 30090, "192.0.2.1", "eth0", "reject"),
    ("kubernetes-nft", "udp", 30080, "192.0.2.1", "eth0", "drop"),
    ("kubernetes-nft", "tcp", 22, "192.0.2.1", "eth0", "accept"),
    ("bans", "tcp", 80, "203.0.113.7", "eth0", "drop"),
    ("bans", "tcp", 80, "203.0.113.8", "eth0", "accept"),
    ("bans", "tcp", 22, "203.0.113.8", "eth0", "reject"),
    ("bans", "tcp", 22, "203.0.113.9", "eth0", "accept"),
    ("bans", "tcp", 8005, "198.51.100.9", "eth0", "accept"),
    ("bans", "tcp", 8005, "198.51.100.8", "eth0", "drop"),
    ("bans", "tcp", 5353, "198.51.100.9", "eth0", "drop"),
    ("bans", "tcp", 80, "16.0.0.4", "eth0", "drop"),
    ("bans", "tcp", 80, "16.0.0.3", "eth0", "accept"),
    ("bans", "udp", 53, "198.51.100.255", "eth0", "accept"),
    ("bans", "udp", 53, "198.51.101.0", "eth0", "drop"),
    ("bans", "udp", 54, "198.51.100.255", "eth0", "drop"),
    ("theirs", "tcp", 443, "203.0.113.7", "eth0", "drop"),
    ("theirs", "tcp", 443, "203.0.113.8", "eth0", "accept"),
    ("theirs", "tcp", 8010, "203.0.113.15", "eth0", "accept"),
    ("theirs", "tcp", 8010, "203.0.113.16", "eth0", "drop"),
    ("theirs", "tcp", 8000, "198.51.100.9", "eth0", "accept"),
    ("theirs", "tcp", 8010, "198.51.100.29", "eth0", "accept"),
    ("theirs", "tcp", 8010, "198.51.100.30", "eth0", "drop"),
    ("theirs", "tcp", 84, "192.0.2.1", "eth0", "accept"),
    ("theirs", "tcp", 82, "192.0.2.1", "eth0", "accept"),
    ("theirs", "tcp", 82, "198.51.100.1", "eth0", "drop"),
    ("theirs", "tcp", 82, "2001:db8::1", "eth0", "drop"),
    ("theirs", "tcp", 82, "2001:db8:f::7", "eth0", "accept"),
    ("theirs", "tcp", 82, "2001:db8:e::7", "eth0", "drop"),
    ("theirs", "tcp", 8011, "198.51.100.9", "eth0", "drop"),
    ("theirs", "tcp", 9, "198.51.100.9", "eth0", "unknown"),
    ("theirs", "udp", 9, "198.51.100.9", "eth0", "drop"),
    ("theirs", "udp", 5353, "2001:db8:aa::1", "eth0", "accept"),
    ("theirs", "udp", 5353, "2001:db8:ab::1", "eth0", "drop"),
    ("theirs", "udp", 54, "2001:db8:aa::1", "eth0", "drop"),
    ("theirs", "tcp", 5000, "192.0.2.1", "eth0", "accept"),
    ("theirs", "tcp", 5001, "192.0.2.1", "eth0", "accept"),
    ("theirs", "tcp", 5002, "192.0.2.1", "eth0", "drop"),
    ("theirs", "tcp", 22, "192.0.2.1", "eth1", "accept"),
    ("theirs", "tcp", 22, "192.0.2.1", "eth0", "drop"),
    ("theirs", "tcp", 6000, "192.0.2.1", "eth0", "unknown"),
    ("theirs", "udp", 7000, "192.0.2.1", "eth0", "reject"),
)


# Of the rules that tests/kernel/test_live_statements.py loads, port by port from 3000 on: a accept, d drop, u unknown.
STATEMENTS = "dadaddaddaaaaaaauauuaaaaadddadaauuuaadda"


@cache
def _text(name: str) -> str:
    path = RULESETS / name
    return path.read_text("utf-8") if path.exists() else ""


def rules(algebra: Algebra, name: str) -> Any:
    """The rules of one of these hosts, by a copy's own reader."""
    if dump := _text(f"{name}.json"):
        found = list(algebra.live_nftables.tables(json.loads(dump), beside_iptables=True))
    else:
        sets = algebra.live_ipset.sets(_text(f"{name}.ipset"))
        found = [
            table
            for family in (4, 6)
            for table in algebra.live_iptables.tables(_text(f"{name}.v{family}"), family, "iptables-nft", sets)
        ]
    return algebra.live_walk.Rules(found, lambda address: "cni0")


def live_packets_meet_their_fates(algebra: Algebra) -> None:
    for name, protocol, port, source, interface, expected in EXPECTED:
        to = MACHINE[6 if ":" in source else 4]
        packet = algebra.live.Packet(protocol, port, source, interface, to)
        ((fate, _),) = rules(algebra, name).judge(packet)
        assert fate.verdict == expected, (name, packet, fate)
        assert fate.verdict != "unknown" or fate.assumptions, "what it hangs on"


def who_gets_in_is_who_is_let_in(algebra: Algebra) -> None:
    """Each packet is in one part, and in none where it is refused."""
    for name in ("ufw", "kubernetes", "bans", "theirs"):
        held = rules(algebra, name)
        reach = algebra.live_who.who(held, MACHINE)
        for _, protocol, port, source, interface, _ in EXPECTED:
            if interface == "lo":
                continue
            family = 6 if ":" in source else 4
            packet = algebra.live.Packet(protocol, port, source, interface, MACHINE[family], expected=True)
            ((fate, _),) = held.judge(packet)
            parts = [
                part.fate
                for part in reach.parts
                if (part.family, part.proto) == (family, protocol)
                and algebra.ranges.has(part.ports, port)
                and algebra.ranges.has(part.sources, packet.every[0])
                and algebra.zones.zone_of(interface, reach.zones) in part.interfaces
            ]
            expected = [fate] if fate.verdict in ("accept", "unknown") else []
            assert parts == expected, (name, packet, parts)


def dnat_is_followed(algebra: Algebra) -> None:
    """Two endpoints, either of which may be taken: the answer is what both have in common."""
    packet = algebra.live.Packet("tcp", 30080, "192.0.2.1", "eth0", MACHINE[4])
    ((fate, _),) = rules(algebra, "kubernetes").judge(packet)
    assert (fate.verdict, fate.hook, fate.sent_on) == ("accept", "forward", "172.17.0.2:8080")
    nat = "*nat\n:PREROUTING ACCEPT [0:0]\n{}\nCOMMIT\n*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n{}\nCOMMIT\n"
    either = "-A PREROUTING -p tcp --dport 80 -m statistic --probability 0.5 -j DNAT --to-destination {}\n"
    ways = f"{either.format('10.0.0.2:81')}-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.0.3"
    for accepted, expected in (
        ("-A FORWARD -d 10.0.0.0/30 -j ACCEPT", "accept"),
        ("-A FORWARD -d 10.0.0.2/32 -p tcp -m tcp --dport 81 -j ACCEPT", "unknown"),
        ("-A FORWARD -d 10.0.0.4/32 -j ACCEPT", "drop"),
        ("-A FORWARD -d 10.0.0.0/30 -m conntrack --ctstate DNAT --ctorigdstport 80 -j ACCEPT", "accept"),
        ("-A FORWARD -d 10.0.0.0/30 -o cni0 -j ACCEPT", "accept"),
        ("-A FORWARD -d 10.0.0.0/30 ! -o cni0 -j ACCEPT", "drop"),
    ):
        held = algebra.live_walk.Rules(
            list(algebra.live_iptables.tables(nat.format(ways, accepted), 4)), lambda to: "cni0"
        )
        ((fate, _),) = held.judge(algebra.live.Packet("tcp", 80, "192.0.2.1", "eth0", MACHINE[4]))
        assert fate.verdict == expected, (accepted, fate)
    perhaps = nat.format(either.format("10.0.0.2:81"), "-A FORWARD -j ACCEPT")
    held = algebra.live_walk.Rules(list(algebra.live_iptables.tables(perhaps, 4)))
    ((fate, _),) = held.judge(algebra.live.Packet("tcp", 80, "192.0.2.1", "eth0", MACHINE[4]))
    assert fate.verdict == "unknown", "it may stay here, where it is dropped"
    redirect = nat.format(
        "-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080", "-A INPUT -p tcp --dport 8080 -j ACCEPT"
    )
    held = algebra.live_walk.Rules(list(algebra.live_iptables.tables(redirect, 4)))
    ((fate, _),) = held.judge(algebra.live.Packet("tcp", 80, "192.0.2.1", "eth0", MACHINE[4]))
    assert fate.verdict == "accept", fate


def chains_lead_where_they_lead(algebra: Algebra) -> None:
    head = "*filter\n:INPUT DROP [0:0]\n:a - [0:0]\n:b - [0:0]\n:c - [0:0]\n"
    for body, expected in (
        ("-A INPUT -j a\n-A INPUT -j ACCEPT\n-A a -j RETURN\n-A a -j DROP", "accept"),
        ("-A INPUT -j a\n-A INPUT -j ACCEPT\n-A a -g b\n-A a -j REJECT\n-A b -s 10.0.0.0/8 -j DROP", "accept"),
        ("-A INPUT -g a\n-A INPUT -j ACCEPT\n-A a -s 10.0.0.0/8 -j ACCEPT", "drop"),
        ("-A INPUT -j a\n-A INPUT -j ACCEPT\n-A a -j b\n-A b -j a", "unknown"),
        ("-A INPUT -j a\n-A a -m mark --mark 0x1 -j DROP\n-A a -j ACCEPT", "unknown"),
        ("-A INPUT -j a\n-A a -m mark --mark 0x1 -j ACCEPT\n-A a -j ACCEPT", "accept"),
        ("-A INPUT -m mark ! --mark 0x1 -j ACCEPT\n-A INPUT -m mark --mark 0x1 -j ACCEPT", "unknown"),
        ("-A INPUT ! -s 10.0.0.0/8 -p tcp -m multiport ! --dports 80,443 -j ACCEPT", "accept"),
        ("-A INPUT -m iprange --src-range 192.0.2.1-192.0.2.2 -j ACCEPT", "accept"),
        ("-A INPUT -m iprange --src-range 192.0.2.0-192.0.2.1 -j ACCEPT", "accept"),
        ("-A INPUT -m set ! --match-set gone src -j ACCEPT", "unknown"),
        ("-A INPUT -m set --match-set ports src -j ACCEPT", "drop"),
        ("-A INPUT -m set --match-set ports dst -j ACCEPT", "accept"),
        ("-A INPUT -m iprange --src-range 192.0.2.2-192.0.2.3 -j ACCEPT", "drop"),
        ("-A INPUT -m hashlimit --hashlimit-above 5/min --hashlimit-name x -j DROP\n-A INPUT -j ACCEPT", "accept"),
        ("-A INPUT -m limit --limit 5/min -j ACCEPT", "accept"),
        ("-A INPUT -i eth+ -p tcp -m tcp --sport 1024:65535 --dport :1023 -j ACCEPT", "accept"),
        ("-A INPUT -j QUEUE\n-A INPUT -j ACCEPT", "unknown"),
        ("-A INPUT -j NFQUEUE --queue-num 1", "unknown"),  # a program decides
        ("-A INPUT -m time --timestart 10:00 -j ACCEPT", "unknown"),
        ("-A INPUT -m conntrack --ctstate INVALID,RELATED -j ACCEPT", "drop"),
        ('-A INPUT -m connlabel --label "126" -j DROP\n-A INPUT -j ACCEPT', "accept"),
        ('-A INPUT -m connlabel ! --label "126" -j ACCEPT', "accept"),
        ('-A INPUT -m connlabel --label "126" --set -j ACCEPT', "unknown"),
    ):
        sets = algebra.live_ipset.sets("create ports bitmap:port range 0-1023\nadd ports 22\n")
        (table,) = algebra.live_iptables.tables(f"{head}{body}\nCOMMIT\n", 4, "iptables", sets)
        fate = algebra.live_walk.judge([table], algebra.live.Packet("tcp", 22, "192.0.2.1", "eth0", MACHINE[4]))
        assert fate.verdict == expected, (body, fate)


def every_table_is_asked(algebra: Algebra) -> None:
    """An accept in one overrides no drop in another, and the first that drops is named."""
    accepts, drops = (
        "*{}\n:INPUT ACCEPT [0:0]\n-A INPUT -s 192.0.2.0/24 -j {}\nCOMMIT\n".format(*w)
        for w in (("mangle", "ACCEPT"), ("filter", "DROP"))
    )
    packet = algebra.live.Packet("tcp", 22, "192.0.2.1", "eth0", MACHINE[4])
    for order in (accepts + drops, drops + accepts):
        fate = algebra.live_walk.judge(list(algebra.live_iptables.tables(order, 4)), packet)
        assert (fate.verdict, fate.by) == ("drop", "iptables table filter, IPv4"), fate
    perhaps = "*mangle\n:INPUT ACCEPT [0:0]\n-A INPUT -m mark --mark 0x1 -j DROP\nCOMMIT\n"
    nothing = (
        "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s 192.0.2.0/25 -j ACCEPT\n-A INPUT -s 192.0.2.128/25 -j DROP\nCOMMIT\n"
    )
    fate = algebra.live_walk.judge(list(algebra.live_iptables.tables(perhaps + nothing, 4)), packet)
    assert (fate.verdict, fate.by) == ("unknown", "iptables table mangle, IPv4"), fate
    held = algebra.live_walk.Rules(list(algebra.live_iptables.tables(nothing, 4)))
    told = held.judge(algebra.live.Packet("tcp", 22, "192.0.2.1", sources=(0xC0000100, 0xC0000300)))
    let_in = algebra.ranges.all_of(some for fate, some in told if fate.verdict == "accept")
    assert let_in == (0xC0000100, 0xC0000280), told
    assert sum(algebra.ranges.size(some) for _, some in told) == 512, told
    early = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -s 192.0.2.1/32 -j DROP\nCOMMIT\n"
    fate = algebra.live_walk.judge(list(algebra.live_iptables.tables(accepts + drops + early, 4)), packet)
    assert (fate.by, fate.hook) == ("iptables table raw, IPv4", "prerouting"), fate


def what_rules_do_to_a_packet(algebra: Algebra) -> None:
    """Statements that people write by hand, rules that rewrite it, or that take it from the tracker."""
    verdicts = {"a": "accept", "d": "drop", "u": "unknown"}
    asked = [("statements", "tcp", 3000 + at, verdicts[one]) for at, one in enumerate(STATEMENTS)]
    asked += [("tracker", "tcp", 3000 + at, verdicts[one]) for at, one in enumerate("adda")]
    for way in ("", "-by-iptables"):
        untracked, rewritten = ((53, "d"), (54, "a"), (55, "a")), zip(range(80, 86), "auudaa")
        asked += [(f"untracked{way}", "udp", port, verdicts[one]) for port, one in untracked]
        asked += [(f"rewritten{way}", "tcp", port, verdicts[one]) for port, one in rewritten]
    for name, protocol, port, expected in asked:
        packet = algebra.live.Packet(protocol, port, "198.51.100.9", "eth0", MACHINE[4])
        fates = rules(algebra, name).judge(packet)
        assert [fate.verdict for fate, _ in fates] == [expected], (name, port, fates)
        assert expected != "unknown" or fates[0][0].assumptions, (name, port)
    (fate,) = (fate for fate, _ in rules(algebra, "rewritten").judge(
        algebra.live.Packet("tcp", 80, "198.51.100.9", "eth0", MACHINE[4])))  # fmt: skip
    assert fate.hook == "forward"
    assert "tcp" in fate.through[0]


def what_may_be_so_is_not_said(algebra: Algebra) -> None:
    packet = algebra.live.Packet("tcp", 80, "198.51.100.9", "eth0", MACHINE[4])
    asleep = json.loads(_text("asleep.json"))
    assert list(algebra.live_nftables.unread(asleep)) == ["table inet early is not read at ingress"]
    ((fate, _),) = rules(algebra, "asleep").judge(packet)
    assert fate.verdict == "unknown"  # nft 1.0.6 shows the name of the table in place of the flag
    for flags, expected in (
        ("dormant", "accept"),
        (["owner", "dormant"], "accept"),
        ("owner", "drop"),
        ("x", "unknown"),
    ):
        for entry in asleep["nftables"]:
            if entry.get("table", {}).get("name") == "asleep":
                entry["table"]["flags"] = flags
        held = list(algebra.live_nftables.tables(asleep, beside_iptables=True))
        assert algebra.live_walk.judge(held, packet).verdict == expected, flags
    for raw, ports, expected in (
        ("-m mark --mark 0x1 -j CT --notrack", 80, "unknown"),  # perhaps: and then the tracker says new, or untracked
        ("-s 10.0.0.0/8 -j CT --notrack", 80, "accept"),
        ("-j NOTRACK", 80, "drop"),
        ("-j CT --helper ftp", 80, "accept"),
    ):
        text = f"*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING {raw}\nCOMMIT\n*filter\n:INPUT DROP [0:0]\n"
        text += f"-A INPUT -p tcp --dport {ports} -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT\n"
        fate = algebra.live_walk.judge(list(algebra.live_iptables.tables(text, 4)), packet)
        assert fate.verdict == expected, (raw, fate)
    doubted = ":x - [0:0]\n-A PREROUTING -m mark --mark 0x1 -j ACCEPT\n-A PREROUTING -j CT --notrack\n"
    text = f"*raw\n:PREROUTING ACCEPT [0:0]\n{doubted}COMMIT\n*filter\n:INPUT DROP [0:0]\n"
    text += "-A INPUT -p tcp -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT\n"
    assert algebra.live_walk.judge(list(algebra.live_iptables.tables(text, 4)), packet).verdict == "unknown"
    redirected = "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080\nCOMMIT\n"
    text = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m mark --mark 0x1 -j CT --notrack\nCOMMIT\n" + redirected
    text += "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dport 8080 -j ACCEPT\nCOMMIT\n"
    assert algebra.live_walk.judge(list(algebra.live_iptables.tables(text, 4)), packet).verdict == "unknown"
    for nat, inputs, expected in (
        ("-j DNAT --to-destination 192.0.2.10:8080", "-p tcp --dport 8080", "accept"),
        ("-j DNAT --to-destination 127.0.0.1:8080", "-p tcp --dport 8080", "unknown"),
        ("-j DNAT --to-destination 192.0.2.10:8080-8090", "-p tcp --dport 8080", "unknown"),
        ("-j DNAT --to-destination :8080", "-p tcp --dport 8080", "accept"),
        ("-j NETMAP --to 10.1.0.0/24", "-p tcp --dport 80", "unknown"),
        ("-p udp -j DNAT --to-destination 192.0.2.10:8080", "-p tcp --dport 80", "accept"),
    ):
        text = f"*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING {nat}\nCOMMIT\n*filter\n:INPUT DROP [0:0]\n"
        held = list(algebra.live_iptables.tables(f"{text}-A INPUT {inputs} -j ACCEPT\nCOMMIT\n", 4))
        ((fate, _),) = algebra.live_walk.Rules(held, lambda to: "lo").judge(packet)
        assert fate.verdict == expected, (nat, fate)
    six = algebra.live.Packet("tcp", 90, "2001:db8::1", "eth0", MACHINE[6])
    text = (
        "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp --dport 90 -j DNAT --to-destination fd00:17::2\nCOMMIT\n"
    )
    ((fate, _),) = algebra.live_walk.Rules(list(algebra.live_iptables.tables(text, 6)), lambda to: "br0").judge(six)
    assert fate.sent_on == "[fd00:17::2]:90"
    comment = 'create s hash:net\nadd s 10.0.0.0/8 comment "no nomatch here"\n'
    assert list(algebra.live_ipset.sets(comment)["s"].spans) == [(False, ("",))]


def _table(hook: str, kind: str, priority: int, *rules_of: Any) -> list[Any]:
    """A table of its own, as `nft -j` has it, with a chain at this hook."""
    place = {"family": "inet", "table": f"{hook}{priority}"}
    chain = {**place, "name": "c", "type": kind, "hook": hook, "prio": priority, "policy": "accept"}
    return [{"chain": chain}, *({"rule": {**place, "chain": "c", "expr": expr}} for expr in rules_of)]


def _port(number: int) -> Any:
    return {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": number}}


def what_nat_does_at_input_is_for_later_chains(algebra: Algebra) -> None:
    """A source that is rewritten: nobody can tell of a chain behind it, and of one before it as ever."""
    snat, drop = [_port(80), {"snat": {"family": "ip", "addr": "10.9.9.9"}}], [_port(80), {"drop": None}]
    other = [_port(80), {"snat": {"family": "ip6", "addr": "fd00::9"}}]
    other_goal = [_port(80), {"dnat": {"family": "ip6", "addr": "fd00::9"}}]
    packet = algebra.live.Packet("tcp", 80, "198.51.100.9", "eth0", MACHINE[4])
    by_chance = [
        [_port(80), {"dnat": {"addr": {"map": {"key": {"numgen": {"mode": "random", "mod": mod, "offset": 0}},
                                               "data": {"set": [[0, "10.0.0.1"], [1, "10.0.0.2"]]}}}}}]
        for mod in (2, 3)
    ]  # fmt: skip
    for order, expected in (
        ([*_table("prerouting", "nat", -100, by_chance[0]), *_table("input", "filter", 0, drop)], "accept"),
        ([*_table("prerouting", "nat", -100, by_chance[1]), *_table("input", "filter", 0, drop)], "unknown"),
        ([*_table("input", "nat", 100, snat)], "accept"),
        ([*_table("input", "nat", 100, snat), *_table("input", "filter", 0, drop)], "drop"),
        ([*_table("input", "nat", 100, snat), *_table("input", "filter", 200, drop)], "unknown"),
        ([*_table("input", "nat", 100, other), *_table("input", "filter", 200, drop)], "drop"),
        ([*_table("prerouting", "nat", -100, [_port(80), {"drop": None}])], "drop"),
        ([*_table("prerouting", "nat", -100, other_goal), *_table("input", "filter", 0, drop)], "drop"),
        ([*_table("input", "filter", 0, [_port(80), {"queue": None}], [{"drop": None}])], "unknown"),
        ([*_table("input", "filter", 0, [_port(80), {"xt": None}, {"accept": None}], [{"drop": None}])], "unknown"),
    ):
        held = list(algebra.live_nftables.tables({"nftables": order}, beside_iptables=True))
        fate = algebra.live_walk.judge(held, packet)
        assert fate.verdict == expected, (order, fate)
    named = [{"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "vrrp"}}, {"accept": None}]
    held = list(algebra.live_nftables.tables({"nftables": _table("input", "filter", 0, named, [{"drop": None}])},
                                             beside_iptables=True))  # fmt: skip
    reach = algebra.live_who.who(algebra.live_walk.Rules(held), MACHINE)
    assert {part.proto for part in reach.parts} == {"vrrp"}


LIVE_CHECKS: tuple[Callable[[Algebra], None], ...] = (
    live_packets_meet_their_fates, chains_lead_where_they_lead, every_table_is_asked, dnat_is_followed,
    what_rules_do_to_a_packet, what_may_be_so_is_not_said, what_nat_does_at_input_is_for_later_chains,
    who_gets_in_is_who_is_let_in,
)  # fmt: skip

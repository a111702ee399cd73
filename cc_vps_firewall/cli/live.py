"""explain and who, --live: what the kernel's own rules do with packets, whoever they belong to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..algebra import live, live_ipset, live_iptables, live_nftables, live_who
from ..algebra.explain import UNSEEN
from ..algebra.live import Fate, Table
from ..algebra.live_walk import Rules
from ..algebra.model import ACCEPT, ICMP, UNKNOWN, Model
from ..algebra.questions import Packet, judge
from ..algebra.words import STRANGER, address_text, ports_text
from ..errors import FirewallError
from ..host import process
from ..host.files import text_at
from ..policy import Opening
from ..root import HERE
from ..rules import iptables, nftables

LEGACY = {4: "proc/net/ip_tables_names", 6: "proc/net/ip6_tables_names"}  # of which kinds there are tables


def tables() -> tuple[list[Table], list[str]]:
    """All that the kernel holds, and what of it is not read. Raises FirewallError where no tool can show it."""
    found: list[Table] = []
    unread: list[str] = []
    asked = 0
    held = ipsets()
    native = {family: process.find(f"{prefix}tables-nft-save") for family, prefix in ((4, "ip"), (6, "ip6"))}
    for family, tool in native.items():
        if tool:
            asked += 1
            found += live_iptables.tables(process.run(tool), family, "iptables-nft", held)
    for family, prefix in ((4, "ip"), (6, "ip6")):
        legacy = process.find(f"{prefix}tables-legacy-save") or process.find(f"{prefix}tables-save")
        if legacy and text_at(HERE, LEGACY[family]).strip():  # to ask for tables that are not there would make them
            asked += 1
            found += live_iptables.tables(process.run(legacy), family, "iptables-legacy", held)
    if process.find("nft"):
        asked += 1
        dump = json.loads(process.run("nft", "-j", "list", "ruleset") or '{"nftables": []}')
        found += live_nftables.tables(dump, beside_iptables=all(native.values()))
        unread = list(dict.fromkeys(live_nftables.unread(dump)))
    if not asked:
        raise FirewallError("neither nft nor iptables can show the kernel's rules here: install nftables")
    return found, unread


def ipsets() -> dict[str, live_ipset.Held]:
    """The sets that rules of iptables may ask for; none where ipset(8) cannot list them."""
    try:
        return live_ipset.sets(process.run("ipset", "save"))
    except FirewallError:
        return {}


def route(address: str) -> str:
    """The interface by which this host sends to an address, '' where nobody can tell."""
    return _way(address).get("dev", "")


def _way(address: str) -> dict[str, str]:
    """What `ip route get` says: the interface, and this host's own address there."""
    try:
        words = process.run("ip", "-oneline", "route", "get", address).split()
    except FirewallError:
        return {}
    return {word: value for word, value in zip(words, words[1:]) if word in ("dev", "src")}


def who(openings: Sequence[Opening]) -> tuple[list[str], dict[str, Any]]:
    """The parts of all sources that the kernel's rules let in, as sentences and for programs."""
    held, unread = tables()
    addresses = {f: src for f, number in STRANGER.items() if (src := _way(address_text(f, number)).get("src", ""))}
    reach = live_who.who(Rules(held, route), addresses, openings)
    to = " and ".join(addresses.values()) or "an address of this host that is not known"
    noted = [f"packets are sent to {to}", *unread]
    if any(table.named.ways_back for table in held):
        noted.append("packets come by the interface by which this host would answer them")
    if any(table.named.source_ports for table in held):
        noted.append(f"packets come from port {live.SPORT}, as clients' do")
    assumed = [*noted, UNSEEN[0], UNSEEN[2]]
    lines = [*live_who.lines(reach, openings), *noted]
    return [*lines, f"not asked: {UNSEEN[0]}; {UNSEEN[2]}"], live_who.as_json(reach, assumed)


def explain(made: Model, packets: Sequence[Packet]) -> tuple[list[str], dict[str, Any]]:
    """Packets -> (sentences, the same for programs). `made`: the policy in force, for the line that lets one in."""
    held, unread = tables()
    rules = Rules(held, route)
    answers = [_one(made, rules, packet, unread) for packet in packets]
    order = ("reject", "drop", UNKNOWN, ACCEPT)
    worst = min((told for _, told in answers), key=lambda told: order.index(str(told["verdict"])))
    return [line for lines, _ in answers for line in lines], {**worst, "packets": [told for _, told in answers]}


def _one(made: Model, rules: Rules, packet: Packet, unread: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    asked = _incoming(packet)
    ((fate, _),) = rules.judge(asked)
    mine = judge(made, replace(packet, interface=asked.interface))
    ours = fate.by == f"table {nftables.TABLE}" or (
        iptables.OURS in fate.rule and f"-A {iptables.BANS} " not in fate.rule
    )
    entry = mine.entry if fate.verdict == mine.verdict and (ours or fate.verdict == ACCEPT) else ""
    limit = mine.limit if entry else ""
    listens = _listens(packet)
    assumptions = [*fate.assumptions, *unread, UNSEEN[0], *([] if listens is not None else [UNSEEN[2]])]
    what = f"{ports_text(packet.family, packet.proto, (packet.port, packet.port + 1))} from {asked.source}"
    what += f" by {asked.interface}" if asked.interface else ""
    lines = [f"{fate.verdict}: {what}: {_why(fate, ours, entry, limit)}"]
    lines += [f"  hangs on {text}" for text in [*fate.assumptions[:5], *unread]]
    if listens is False:
        lines.append("  no program listens there")
    told = {
        "verdict": fate.verdict,
        "entry": entry or None,
        "limit": limit or None,
        "assumptions": assumptions,
        "table": fate.by or None,
        "rule": fate.rule or None,
        "ours": ours if fate.by else None,
        "listens": listens,
        "protocol": packet.proto,
        "port": packet.port,
        "from": asked.source,
        "interface": asked.interface or None,
    }
    return lines, told


def _why(fate: Fate, ours: bool, entry: str, limit: str) -> str:
    if fate.verdict == ACCEPT:
        return f"nothing refuses it{f'; {entry} lets it in' if entry else ''}{f', at most {limit}' if limit else ''}"
    whose = "" if ours else ", not by us"
    done = "may be refused" if fate.verdict == UNKNOWN else "refused"
    return f"{done} by {fate.by}{whose}: {fate.rule}" if fate.by else "nobody can tell"


def _incoming(packet: Packet) -> live.Packet:
    """The packet with what this host's routes say of it: by which interface it comes, and to which address."""
    source = address_text(packet.family, packet.source)
    way = _way(source)
    icmp = packet.proto == ICMP[packet.family]
    return live.Packet(
        packet.proto,
        0 if icmp else packet.port,
        source,
        packet.interface or way.get("dev", ""),
        way.get("src", ""),
        type=packet.port if icmp else -1,
        expected=packet.interface in ("", way.get("dev")),
    )


def _listens(packet: Packet) -> bool | None:
    """Does a program listen on this port? None where ss(8) cannot say."""
    if packet.proto not in ("tcp", "udp"):
        return None
    try:
        rows = process.run("ss", "-Hln", "--tcp" if packet.proto == "tcp" else "--udp").splitlines()
    except FirewallError:
        return None
    return str(packet.port) in set(_ports(rows))


def _ports(rows: Sequence[str]) -> Iterator[str]:
    for row in rows:
        words = row.split()
        if len(words) > 3:
            yield words[3].rpartition(":")[2]

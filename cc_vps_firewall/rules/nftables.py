"""Ruleset -> the text of one nftables table, loaded in one transaction; and what of its dump to compare."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from ..policy import EVERYTHING, WIDTH, Limit, Net, network_text
from . import bans
from .rule import Chain, Port, Rule, Ruleset

NAME = "nftables"
TABLE = "inet vps_firewall"

# IANA's protocol numbers: a name would need /etc/protocols, which a minimal host does not have.
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51, "icmpv6": 58, "vrrp": 112}
# forward and prerouting: before Docker's own chains
HOOKS = {
    "input": "filter filter", "forward": "filter filter - 5", "output": "filter filter",
    "prerouting": "nat dstnat - 5", "postrouting": "nat srcnat - 5", "raw": "filter raw",
}  # fmt: skip

# Kernels list a set in time that grows with the square of its size: pieces of this size keep the
# read-back of a hundred thousand networks at half the price of their load.
CHUNK = 2048
TRACKED = 65_535  # sources that one limit follows at a time; beyond that the limit no longer holds, access does
TIMEOUTS = {"second": "1m", "minute": "1m", "hour": "1h", "day": "1d"}  # by then a bucket is full again
FLOODS = "floods"  # TCP, while a flood of SYNs is under way, and for as long as the kernel's cookies are good
DNAT_PORTS = "dnat_ports"  # TCP ports that lead elsewhere by DNAT, as far as anybody has come by them yet
COMMENT = 100  # nft takes 127 bytes


def render(rules: Ruleset) -> str:
    """The text for `nft -f`. The old table and the new one change places in one transaction."""
    writer = _Writer()
    chains = [writer.chain(c) for c in rules.chains]
    blocks = [*writer.sets, *writer.chains, *chains]
    return (
        "#!/usr/sbin/nft -f\n"
        "# Made by vps-firewall from the vps_firewall: section of user-data. Changes here are lost.\n"
        f"table {TABLE}\ndelete table {TABLE}\ntable {TABLE} {{\n" + "\n".join(blocks) + "}\n"
    )


def comparable(dump: str) -> str:
    """A dump by `nft -s list table` without what live traffic writes into it: the elements of dynamic sets, and
    how many there are, which nft 1.1.7 adds as a comment."""
    dump = re.sub(r"\t# count \d+$", "", dump, flags=re.MULTILINE)
    return re.sub(r"(\tflags dynamic[^\n]*\n(?:\t\t\w[^\n]*\n)*?)\t\telements = \{[^}]*\}\n", r"\1", dump)


def placed(dump: str) -> str:
    """A dump of our table with each line behind the name of the chain or set that it is in; lines of other kinds, which
    say nothing by themselves, are left out."""
    place, lines = "", []
    for line in dump.splitlines():
        if line.startswith("\t\t"):
            lines.append(f"{place}: {line.strip()}")
        elif line.startswith("\t") and line.endswith(" {"):
            place = line[1:-2]
            lines.append(place)
    return "\n".join(lines)


def refusing(ruleset: str) -> list[str]:
    """`nft list ruleset` -> the tables that may refuse what comes in, ours left out: those with a chain at the input
    hook and a verdict that drops or rejects."""
    tables = re.findall(r"(?ms)^table (\S+ \S+) \{\n(.*?)^\}", ruleset)
    return [
        name
        for name, text in tables
        if name not in (TABLE, bans.TABLE) and " hook input " in text and re.search(r"\b(?:drop|reject)\b", text)
    ]


class _Writer:
    """Sets and chains that rules ask for on the way; each is written once."""

    def __init__(self) -> None:
        self.sets: list[str] = []
        self.chains: list[str] = []
        self.names: dict[object, str] = {}
        self.used: Counter[str] = Counter()

    def name(self, stem: str, key: object) -> str:
        self.used[stem] += 1
        self.names[key] = f"{stem}_{self.used[stem]}"
        return self.names[key]

    def chain(self, chain: Chain) -> str:
        lines = []
        if chain.hook:
            kind, _, priority = HOOKS[chain.hook].partition(" ")
            hook = chain.hook.replace("raw", "prerouting")
            lines.append(f"type {kind} hook {hook} priority {priority}; policy {chain.policy};")
        for rule in chain.rules:
            lines += self.lines(rule)
        return _block("chain", chain.name, lines)

    def lines(self, rule: Rule) -> list[str]:
        families: Sequence[int]
        if not rule.family and rule.sources.anywhere and rule.destinations.anywhere:
            families = (0,)
        else:
            asked = (rule.family,) if rule.family else (4, 6)
            families = [f for f in asked if rule.sources.of(f) and rule.destinations.of(f)]
        comment = f' comment "{_comment(rule.label)}"'
        return [" ".join(self.words(rule, family)) + comment for family in families]

    def words(self, rule: Rule, family: int) -> list[str]:
        verdict = _VERDICTS.get(rule.verdict, f"jump {rule.verdict}")
        if rule.verdict == "log":
            verdict = f'log prefix "vps-firewall {rule.label.split()[-1]}: "'
        if rule.verdict == "dnat":
            host, port = network_text(family, (rule.to[0], WIDTH[family])), rule.to[1]
            host = f"[{host}]" if family == 6 and port else host
            verdict = f"dnat ip{'6' * (family == 6)} to {host}{f':{port}' if port else ''}"
        if rule.verdict == "add_dnat_port" or rule.dnat_port:
            self.declare(DNAT_PORTS, "inet_service", [f"size {TRACKED}", "flags dynamic"])
        if rule.verdict == "add_flood" or rule.flood:
            self.declare(FLOODS, "inet_proto", [f"size {TRACKED}", "flags dynamic,timeout", "timeout 3m"])
        if rule.verdict == "set_label":
            verdict = f"ct label set {rule.connlabel}"
        if rule.limit:
            verdict = f"jump {self.limit(rule, verdict)}"
        words = []
        if rule.connlabel and rule.verdict != "set_label":
            words.append(f"ct label {rule.connlabel}")
        if rule.in_interface:
            words.append('iif "lo"' if rule.in_interface == "lo" else f'iifname "{rule.in_interface}"')
        if rule.out_interface:
            words.append('oif "lo"' if rule.out_interface == "lo" else f'oifname "{rule.out_interface}"')
        if rule.state:
            words.append(f"ct {'status' if rule.state in ('dnat', 'assured') else 'state'} {rule.state}")
        if rule.original:
            words.append("ct direction original")
        if rule.local:
            words.append("fib daddr type local")
        if rule.from_others:
            words.append("fib saddr type != local")
        address, verdict = self.address(rule, family, verdict)
        words += address
        words += self.protocol(rule)
        if rule.flood:
            words.append(f"meta l4proto @{FLOODS}")
        if rule.uid_root is not None:
            words.append(f"meta skuid {'==' if rule.uid_root else '!='} 0")
        if rule.rate:
            words.append(_rate(rule.rate, burst=rule.burst))
        return [*words, verdict]

    def address(self, rule: Rule, family: int, verdict: str) -> tuple[list[str], str]:
        """The match on addresses, or on the family where the addresses are all of it."""
        if not family:
            return [], verdict
        ip, words = "ip" if family == 4 else "ip6", list[str]()
        for side, peers in (("saddr", rule.sources), ("daddr", rule.destinations)):
            nets = peers.of(family)
            if nets == EVERYTHING:
                continue
            if len(nets) == 1:
                words.append(f"{ip} {side} {network_text(family, nets[0])}")
            elif len(nets) <= CHUNK:
                words.append(f"{ip} {side} @{self.networks(nets, family)}")
            else:
                verdict = f"jump {self.tree(nets, family, side, verdict)}"
        return words or ([] if rule.icmp else [f"meta nfproto ipv{family}"]), verdict

    def protocol(self, rule: Rule) -> list[str]:
        words = []
        proto = rule.proto
        if rule.icmp:
            if rule.hop_limit:
                words.append(f"ip6 hoplimit {rule.hop_limit}")
            words.append(f"{proto} type {_braced(rule.icmp)}")
        elif rule.flags[0]:
            mask, value = (flags.replace(",", "|") for flags in rule.flags)
            compare = f"!= {value[1:]}" if value.startswith("!") else f"== {value or '0x0'}"
            words.append(f"tcp flags & ({mask}) {compare}")
        elif rule.sport or rule.not_dports or rule.ports or rule.dnat_port:
            if rule.sport:
                words.append(f"{proto} sport {rule.sport}")
            if rule.not_dports:
                words.append(f"{proto} dport != {_braced(rule.not_dports)}")
            if rule.dnat_port:
                words.append(f"{proto} dport @{DNAT_PORTS}")
            if rule.ports:
                where = f"meta l4proto {proto} ct original proto-dst" if rule.original_dport else f"{proto} dport"
                words.append(f"{where} {self.ports(rule.ports, proto, rule.original_dport)}")
        elif proto:
            words.append(f"meta l4proto {PROTOCOLS[proto]}")
        return words

    def ports(self, ports: tuple[Port, ...], proto: str, original: bool) -> str:
        """`original`: they are the tracker's, of which nft 1.0.6 lists a set in the rule as "invalid type", and takes
        back no dump that says so."""
        if len(ports) == 1:
            return _port(ports[0])
        if len({port.label for port in ports}) == 1 and not original:  # which is the rule's own
            return f"{{ {', '.join(map(_port, ports))} }}"
        return "@" + self.named(f"{proto}_ports", (proto, ports), "inet_service", [
            f'{_port(p)} comment "{_comment(p.label)}"' for p in ports
        ])  # fmt: skip

    def networks(self, nets: Sequence[Net], family: int) -> str:
        key = (family, nets)
        if key in self.names:
            return self.names[key]
        kind = "ipv4_addr" if family == 4 else "ipv6_addr"
        return self.named(f"networks{family}", key, kind, [network_text(family, n) for n in nets])

    def named(self, stem: str, key: object, kind: str, elements: list[str]) -> str:
        """A named set for `key`, made on first use."""
        if key not in self.names:
            name = self.name(stem, key)
            listed = ",\n\t\t\t".join(elements)
            self.sets.append(
                _block("set", name, [f"type {kind}", "flags interval", f"elements = {{\n\t\t\t{listed}\n\t\t}}"])
            )
        return self.names[key]

    def declare(self, name: str, kind: str, lines: Sequence[str]) -> None:
        """A set that packets fill, once."""
        if name not in self.names:
            self.names[name] = name
            self.sets.append(_block("set", name, [f"type {kind}", *lines]))

    def tree(self, nets: tuple[Net, ...], family: int, side: str, verdict: str) -> str:
        """A chain that gives `verdict` to the addresses in a long list: a map to pieces, and a set for each."""
        key = (family, nets, side, verdict)
        if key not in self.names:
            ip = "ip" if family == 4 else "ip6"
            name = self.name("long", key)
            ways = []
            for n, start in enumerate(range(0, len(nets), CHUNK)):
                piece = nets[start : start + CHUNK]
                first, (number, prefix) = piece[0][0], piece[-1]
                last = number + (1 << (WIDTH[family] - prefix)) - 1
                here = f"{name}_{n}"
                line = f"{ip} {side} @{self.networks(piece, family)} {verdict}"
                self.chains.append(_block("chain", here, [line]))
                span = "-".join(network_text(family, (end, WIDTH[family])) for end in (first, last))
                ways.append(f"{span} : goto {here}")
            listed = ",\n\t\t\t".join(ways)
            self.chains.append(_block("chain", name, [f"{ip} {side} vmap {{\n\t\t\t{listed}\n\t\t}}"]))
        return self.names[key]

    def limit(self, rule: Rule, verdict: str) -> str:
        """A chain that gives `verdict` to a source's connections within its limit, and returns the rest."""
        limit, label = rule.limit, rule.label
        assert limit
        key = (limit, label, verdict)
        if key not in self.names:
            name = self.name("limit", key)
            lines = []
            for family, kind, source in _BUCKETS:
                seen = f"{name}_seen{family}"
                timeout = TIMEOUTS[limit.period]
                fields = [f"type {kind}", f"size {TRACKED}", "flags dynamic,timeout", f"timeout {timeout}"]
                self.sets.append(_block("set", seen, fields))
                said = _comment(f"too fast: {label}")
                source = f"{'ct original ' * rule.by_client}{source}"
                lines.append(f'update @{seen} {{ {source} {_rate(limit, "over ")} }} return comment "{said}"')
            lines.append(f'{verdict} comment "{_comment(label)}"')
            self.chains.append(_block("chain", name, lines))
        return self.names[key]


# What one source is. An IPv6 customer has a /64 at the least (RFC 6177).
_BUCKETS = ((4, "ipv4_addr", "ip saddr"), (6, "ipv6_addr", "ip6 saddr & ffff:ffff:ffff:ffff::"))

_VERDICTS = {
    "accept": "accept", "drop": "drop", "reset": "reject with tcp reset", "return": "return",
    "masquerade": "masquerade", "clamp": "tcp option maxseg size set rt mtu", "notrack": "notrack",
    "add_dnat_port": f"add @{DNAT_PORTS} {{ ct original proto-dst }}",
    "add_flood": f"update @{FLOODS} {{ meta l4proto }}",
}  # fmt: skip


def _rate(limit: Limit, over: str = "", burst: int = 0) -> str:
    return f"limit rate {over}{limit} burst {burst or limit.count} packets"


def _braced(numbers: Sequence[int]) -> str:
    listed = ", ".join(map(str, numbers))
    return listed if len(numbers) == 1 else f"{{ {listed} }}"


def _port(port: Port) -> str:
    return str(port.first) if port.first == port.last else f"{port.first}-{port.last}"


def _comment(label: str) -> str:
    """Whatever a label holds, what nft reads is one quoted string."""
    safe = re.sub(r"[^ !#-\[\]-~]", "?", label)
    return safe if len(safe) <= COMMENT else safe[: COMMENT - 3] + "..."


def _block(kind: str, name: str, lines: Sequence[str]) -> str:
    return f"\t{kind} {name} {{\n" + "".join(f"\t\t{line}\n" for line in lines) + "\t}\n"

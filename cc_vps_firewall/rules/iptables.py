"""Ruleset -> texts for iptables-restore and ip6tables-restore (iptables-restore(8)), one for each family."""

from __future__ import annotations

import bisect
import heapq
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile

from ..policy import EVERYTHING, WIDTH, Limit, Net, network_text
from .rule import Chain, Port, Rule, Ruleset
from .ruleset import JUDGED, LIMITERS, LINK_LOCAL, REPLIES

NAME = "iptables"
MARK = "vps-firewall"  # opens the comment of every rule of ours: how they are told from other people's
OURS = "VPSFW-"  # opens the name of every chain of ours
LIST = OURS + "LIST-"  # and of those that hold many networks
BANS = OURS + "BANS"  # and the one that other programs put their bans into
FALLBACK = OURS + "FALLBACK"  # and the one of a text whose rules cannot have comments

# Forwarded packets are judged in mangle, which comes first: Docker inserts its own accepting rules at the
# top of filter's FORWARD whenever it starts, and its published ports would never meet a rule of ours there.
TABLES = {"mangle": ("forward",), "filter": ("input", "forward", "output")}

# Tables that we share only where a policy asks for them: everything else in them is others'.
SHARED = {"nat": ("prerouting", "postrouting"), "raw": ("prerouting",)}
DNAT_SEEN = (
    OURS + "DNAT"
)  # the kernel's list that says whether a TCP port leads elsewhere by DNAT (/proc/net/xt_recent)
FLOODS = OURS + "FLOOD"  # and whether a flood of SYNs was under way, of late, while the kernel's cookies are good
FLOOD_SECONDS = 180
ASKED = JUDGED - 3 - LIMITERS  # the label of a connection that came in within its limit, before its first answer

MULTIPORT = 15  # ports in one rule, a range counts as two (iptables-extensions(8), multiport)

# A long list is a tree of chains. A chain forks into at most FORKS, and one of at most LEAF networks into none:
# with these a new packet meets about 25 rules of a hundred thousand, and forty at worst.
FORKS = 8
LEAF = 16
INLINE = 2  # networks that are no worth a chain of their own
DEEPEST = 10  # digits of a way; a chain's name has at most 28 characters
TRACKED = 65_536  # sources that one limit follows at a time
COMMENT = 200  # xt_comment takes 255 bytes

# iptables knows these by name wherever it runs; the others it would look up in /etc/protocols.
PROTOCOLS = {"icmpv6": "ipv6-icmp", "gre": "47", "vrrp": "112"}


def render(rules: Ruleset, family: int) -> str:
    """The text for one family's restore tool: a whole mangle and filter, as on a host where nobody else has rules."""
    parts = [f"# Made by {MARK} from the vps_firewall: section of user-data. Changes here are lost.\n"]
    translated = {r.family for c in rules.chains for r in c.rules if r.verdict in ("dnat", "masquerade")}
    hooks = {**TABLES, **({"nat": SHARED["nat"]} if family in translated else {})}
    if any(chain.hook == "raw" for chain in rules.chains):
        hooks["raw"] = ("raw",)
    return "".join([*parts, *(_Writer(rules, family, table, those).text() for table, those in hooks.items())])


class _Writer:
    """One table: base chains, and the chains that they reach."""

    def __init__(self, rules: Ruleset, family: int, table: str, hooks: Sequence[str]) -> None:
        self.family, self.table = family, table
        self.chains = {c.name: c for c in (*rules.chains, _BANS)}
        self.chains[_PASSING.name] = _passing(self.chains)
        self.names: dict[object, str] = {}
        self.policies: dict[str, str] = {}
        self.rules: dict[str, list[str]] = {}
        self.hooks = [c for c in rules.chains if c.hook in hooks]
        self.hook = ""  # of the chain that is written

    def text(self) -> str:
        for chain in self.hooks:
            policy, rules = chain.policy.upper(), chain.rules
            if chain.hook == "forward" and self.table == "filter":
                rules = (_BANNED, REPLIES, Rule("containers: judged in mangle", _PASSING.name))
            elif chain.hook == "input" and "essential" in self.chains:  # a seal lets nothing in
                loopback = sum(1 for _ in takewhile(lambda rule: rule.in_interface == "lo", rules))
                rules = (*rules[:loopback], _DHCP, _BANNED, *rules[loopback:])
            elif self.table == "mangle":
                policy = "ACCEPT"
            hook = "PREROUTING" if chain.hook == "raw" else chain.hook.upper()
            self.hook = chain.hook
            self.open(hook, policy)
            self.write(hook, rules)
        declared = (f":{name} {policy} [0:0]\n" for name, policy in self.policies.items())
        rules_of = (rule for rules in self.rules.values() for rule in rules)
        return f"*{self.table}\n{''.join(declared)}{''.join(rules_of)}COMMIT\n"

    def open(self, chain: str, policy: str = "-") -> list[str]:
        self.policies[chain] = policy
        return self.rules.setdefault(chain, [])

    def write(self, name: str, rules: Iterable[Rule]) -> None:
        for rule in rules:
            if rule.family not in (0, self.family):
                continue
            if rule.sources.of(self.family) and rule.destinations.of(self.family):
                self.rule(name, rule)

    def declare(self, stem: str, key: object) -> str:
        self.names[key] = f"{OURS}{stem}"
        self.open(self.names[key])
        return self.names[key]

    def target(self, rule: Rule) -> str:
        """What a rule ends in: a verdict, or a chain, written when it is first asked for."""
        if rule.verdict == "log":
            return f'-j LOG --log-prefix "{MARK} {rule.label.split()[-1]}: "'
        if rule.verdict == "dnat":
            address, port = network_text(self.family, (rule.to[0], WIDTH[self.family])), rule.to[1]
            host = f"[{address}]" if self.family == 6 and port else address
            return f"-j DNAT --to-destination {host}{f':{port}' if port else ''}"
        if rule.verdict in ("add_dnat_port", "add_flood", "set_label"):
            return ""
        if rule.verdict == "reset" and self.table != "filter":
            return "-j DROP"  # the kernel takes REJECT in filter alone
        target = _VERDICTS.get(rule.verdict) or f"-j {self.called(self.chains[rule.verdict])}"
        return f"-j {self.limit(rule, target)}" if rule.limit else target

    def called(self, chain: Chain) -> str:
        counting = [rule for rule in chain.rules if rule.connlabel == JUDGED]
        key = (chain.name, self.hook if counting else "")
        if key not in self.names:
            name = self.declare(f"{chain.name.upper()}{'-OUT' * (key[1] == 'output')}", key)
            if self.hook == "input":
                self.write(name, (replace(rule, connlabel=ASKED) for rule in counting))
                counting = [rule for rule in counting if rule.verdict == "set_label"]
            rules = [rule for rule in chain.rules if self.hook != "input" or rule not in counting]
            if key == ("judge", "output"):
                # In peace it was counted when it came in, maybe by older rules, and has not been answered before.
                peace = replace(rules[0], verdict="judged", connlabel=ASKED, no_flood=True)
                rules.insert(-1, peace)
            self.write(name, rules)
        return self.names[key]

    def add(self, chain: str, match: str, label: str, target: str) -> None:
        self.rules[chain].append(f"-A {chain}{match}{_remark(label)} {target}".rstrip() + "\n")

    def rule(self, chain: str, rule: Rule) -> None:
        target = self.target(rule)
        words = ""
        if rule.in_interface:
            words += f" -i {interface(rule.in_interface)}"
        if rule.out_interface:
            words += f" -o {interface(rule.out_interface)}"
        for flag, peers in (("-s", rule.sources), ("-d", rule.destinations)):
            nets = peers.of(self.family)
            if len(nets) > 1:
                target = f"-j {self.tree(nets, flag, target, rule.label)}"
            elif nets != EVERYTHING:
                words += f" {flag} {network_text(self.family, nets[0])}"
        for match, label in self.protocol(rule):
            state = " -m conntrack" if rule.state or rule.original else ""
            kind = "status" if rule.state == "assured" else "state"
            state += f" --ct{kind} {rule.state.upper()}" if rule.state else ""
            state += " --ctdir ORIGINAL" if rule.original else ""
            owner = ""
            if rule.uid_root is not None:
                owner = f" -m owner {'' if rule.uid_root else '! '}--uid-owner 0"
            local = " -m addrtype --dst-type LOCAL" if rule.local else ""
            local += " -m addrtype ! --src-type LOCAL" if rule.from_others else ""
            rate = f" -m limit {_rate(rule.rate, '--limit', '--limit-burst', rule.burst)}" if rule.rate else ""
            mark = f" -m connlabel --label {rule.connlabel}" if rule.connlabel else ""
            mark += " --set" * (rule.verdict == "set_label")
            seen = self.seen(rule)
            self.add(chain, words + match + state + owner + local + seen + mark + rate, label, target)

    def seen(self, rule: Rule) -> str:
        """Does any port lead elsewhere, or is a flood under way? Without ipset(8) one list cannot hold ports: it holds
        one entry, for all."""
        asks, notes = rule.dnat_port or rule.flood or rule.no_flood, rule.verdict in ("add_dnat_port", "add_flood")
        if not asks and not notes:
            return ""
        flood = rule.flood or rule.no_flood or rule.verdict == "add_flood"
        every = network_text(self.family, (0, WIDTH[self.family]))
        late = f" --seconds {FLOOD_SECONDS}" if rule.flood or rule.no_flood else ""
        name = FLOODS if flood else DNAT_SEEN
        way = f"{'! ' * rule.no_flood}--{'rcheck' if asks else 'set'}"
        return f" -m recent {way}{late} --name {name} --mask {every} --rsource"

    def protocol(self, rule: Rule) -> list[tuple[str, str]]:
        """The matches on the protocol; what one rule cannot say takes several."""
        if not rule.proto:
            return [("", rule.label)]
        proto = f" -p {PROTOCOLS.get(rule.proto, rule.proto)}"
        if rule.proto == "ah" and self.family == 6:
            return [(" -m ah", rule.label)]  # an extension header: ip6tables-legacy's -p never matches it
        if rule.icmp:
            module, option = ("icmp", "icmp") if self.family == 4 else ("icmp6", "icmpv6")
            hops = f" -m hl --hl-eq {rule.hop_limit}" if rule.hop_limit else ""
            return [(f"{proto} -m {module} --{option}-type {n}{hops}", rule.label) for n in rule.icmp]
        if rule.flags[0]:
            mask, value = (flags.upper() or "NONE" for flags in rule.flags)
            invert = "! " if value.startswith("!") else ""
            return [(f"{proto} -m tcp {invert}--tcp-flags {mask} {value.lstrip('!')}", rule.label)]
        if rule.original_dport:
            return [(f"{proto} -m conntrack --ctorigdstport {_port(p)}", p.label) for p in rule.ports]
        single = f" -m {rule.proto}"
        if rule.sport:
            single += f" --sport {rule.sport}"
        if len(rule.not_dports) == 1:
            single += f" ! --dport {rule.not_dports[0]}"
        elif rule.not_dports:
            single = f" -m multiport ! --dports {','.join(map(str, rule.not_dports))}"
        if not rule.ports:
            return [(proto + (single if rule.sport or rule.not_dports else ""), rule.label)]
        return [
            (f"{proto}{single} --dport {_port(batch[0])}", _labels(batch) or rule.label)
            if len(batch) == 1
            else (f"{proto} -m multiport --dports {','.join(map(_port, batch))}", _labels(batch))
            for batch in _batches(rule.ports)
        ]

    def limit(self, rule: Rule, target: str) -> str:
        """A chain that gives `target` to a source's connections within its limit, and returns the rest. One bucket
        cannot count packets of both ways, so that of what comes in is asked first, and that of answers as well."""
        limit = rule.limit
        assert limit
        way = "dst" if rule.by_client and self.hook == "output" else "src"
        key = (limit, rule.label, target, way)
        if key not in self.names:
            number = 1 + sum(OURS + "LIMIT-" in n for n in self.names.values())
            name = self.declare(f"LIMIT-{number}", key)
            # The kernel keeps a table under its name while a rule uses it, with the rate it was made with:
            # the rate is part of the name, so that a changed policy gets a table of its own.
            bucket = f"{self.table[0]}{number}-{limit.count}-{limit.period}"
            match = (
                f" -m hashlimit {_rate(limit, '--hashlimit-upto', '--hashlimit-burst')} --hashlimit-mode {way}ip"
                f" --hashlimit-name {bucket} --hashlimit-htable-max {TRACKED}"
            )
            # An IPv6 customer has a /64 at the least (RFC 6177), so that is one source.
            match += f" --hashlimit-{way}mask 64" if self.family == 6 else ""
            self.add(name, match, rule.label, target)
        return self.names[key]

    def tree(self, nets: tuple[Net, ...], flag: str, target: str, label: str) -> str:
        """A chain that gives `target` to the addresses in a list: a few comparisons, however long the list."""
        key = (nets, flag, target)
        if key not in self.names:
            number = 1 + sum(name.startswith(LIST) for name in self.names.values())
            grow(self, nets, self.declare(f"LIST-{number}", key), flag, target, label)
        return self.names[key]


def grow(writer: _Writer, nets: Sequence[Net], root: str, flag: str, target: str, label: str) -> None:
    """Sorted networks, none inside another -> the chain `root`, and chains below it for branches that hold many.

    A branch is named after its way from the root: when a list changes here and there, the other branches stay.
    """
    family, remark = writer.family, _remark(label)
    todo = [(root, "", 0, len(nets))]
    while todo:
        chain, way, low, high = todo.pop()
        lines, opening = writer.rules[chain], f"-A {chain} {flag} "
        pieces = enumerate(_forks(nets, low, high))
        for number, (start, end) in sorted(pieces, key=lambda piece: piece[1][0] - piece[1][1]):  # the largest first
            if end - start <= INLINE or end - start == high - low:
                lines += [f"{opening}{network_text(family, net)}{remark} {target}\n" for net in nets[start:end]]
                continue
            further = f"{way}{number}" if len(way) < DEEPEST else f"x{len(writer.rules):06x}"
            branch = f"{root}-{further}"
            lines.append(f"{opening}{network_text(family, _around(nets, start, end, family))}{remark} -g {branch}\n")
            writer.open(branch)
            todo.append((branch, further, start, end))


def _forks(nets: Sequence[Net], low: int, high: int) -> list[tuple[int, int]]:
    """Cut nets[low:high] where the first bit changes that not all share, and the largest piece again, until no
    piece is large or there are enough of them."""
    pieces = [(low - high, low, high)]
    while len(pieces) < FORKS and -pieces[0][0] > LEAF:
        _, start, end = heapq.heappop(pieces)
        last = nets[end - 1][0]
        rest = (nets[start][0] ^ last).bit_length() - 1
        middle = bisect.bisect(nets, (last >> rest << rest, 0), start, end)
        heapq.heappush(pieces, (start - middle, start, middle))
        heapq.heappush(pieces, (middle - end, middle, end))
    return sorted((start, end) for _, start, end in pieces)


def _around(nets: Sequence[Net], start: int, end: int, family: int) -> Net:
    """The smallest network that holds all of nets[start:end]."""
    first = nets[start][0]
    rest = (first ^ nets[end - 1][0]).bit_length()
    return first >> rest << rest, WIDTH[family] - rest


_VERDICTS = {
    "accept": "-j ACCEPT",
    "drop": "-j DROP",
    "reset": "-j REJECT --reject-with tcp-reset",
    "return": "-j RETURN",
    "masquerade": "-j MASQUERADE",
    "clamp": "-j TCPMSS --clamp-mss-to-pmtu",
    "notrack": "-j CT --notrack",
}

# filter's FORWARD lets pass what mangle's has judged, with a policy of DROP for whatever has not been there. Between
# its own containers Docker decides: up to 27 it appends `-i docker0 -o docker0 -j DROP` for icc=false, behind ours.
_PASSING = Chain(
    "passing",
    (
        *(
            Rule("containers: Docker decides", "return", in_interface=name, out_interface=name)
            for name in ("docker*", "br-*")
        ),
        Rule("containers: from their own bridges", "bridges"),
        Rule("containers: published", "accept", state="dnat"),
    ),
)


def _passing(chains: Mapping[str, Chain]) -> Chain:
    """_PASSING with the routes of a policy, if it has any."""
    judged = chains["forwarded"].rules if "forwarded" in chains else ()
    routed = tuple(rule for rule in judged if rule.verdict == "routed")
    return replace(_PASSING, rules=_PASSING.rules + routed)


# What other programs ban comes before our rules. A ban ends what its source began, not what this host began itself;
# neighbours and multicast listeners have no direction. What answers a search for a lease is let in first;
# in IPv4 clients read it from packet sockets.
_BANS = Chain("bans", ())
_BANNED = Rule("bans: of other programs", _BANS.name, original=True)
_DHCP = Rule("base: DHCPv6 replies", "accept", 6, "udp", (Port(546, 546),), sport=547, sources=LINK_LOCAL)


def _rate(limit: Limit, rate: str, burst: str, most: int = 0) -> str:
    return f"{rate} {limit} {burst} {most or limit.count}"


def interface(pattern: str) -> str:
    """A pattern in iptables' own words."""
    return pattern[:-1] + "+" if pattern.endswith("*") else pattern


def _port(port: Port) -> str:
    return str(port.first) if port.first == port.last else f"{port.first}:{port.last}"


def _batches(ports: Sequence[Port]) -> list[list[Port]]:
    batches: list[list[Port]] = []
    room = 0
    for port in ports:
        slots = 1 if port.first == port.last else 2
        if slots > room:
            batches.append([])
            room = MULTIPORT
        batches[-1].append(port)
        room -= slots
    return batches


def _labels(ports: Iterable[Port]) -> str:
    return ", ".join(dict.fromkeys(p.label for p in ports if p.label))


def _remark(label: str) -> str:
    """Whatever a label holds, what iptables-restore reads is one quoted string."""
    safe = re.sub(r"[^ !#-\[\]-~]", "?", label)
    short = safe if len(safe) <= COMMENT else safe[: COMMENT - 3] + "..."
    return f' -m comment --comment "{MARK} {short}"'

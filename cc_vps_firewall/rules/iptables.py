"""Ruleset -> texts for iptables-restore and ip6tables-restore; dumps -> what to change, what differs."""

from __future__ import annotations

import bisect
import heapq
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..policy import EVERYTHING, WIDTH, Limit, Net, network_text
from ..policy.interfaces import UPLINKS, like_bridge
from .ruleset import REPLIES, Chain, Port, Rule, Ruleset

NAME = "iptables"
MARK = "vps-firewall"  # opens the comment of every rule of ours: how they are told from other people's
OURS = "VPSFW-"  # opens the name of every chain of ours
LIST = OURS + "LIST-"  # and of those that hold many networks
FALLBACK = OURS + "FALLBACK"  # and the one of a text whose rules cannot have comments

# Forwarded packets are judged in mangle, which comes first: Docker inserts its own accepting rules at the
# top of filter's FORWARD whenever it starts, and its published ports would never meet a rule of ours there.
TABLES = {"mangle": ("forward",), "filter": ("input", "forward", "output")}

# A table that we share only where a policy translates addresses: everything else in it is others'.
NAT = {"nat": ("prerouting", "postrouting")}

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
    for table, hooks in {**TABLES, **NAT}.items():
        if table in TABLES or family in translated:
            parts.append(_Writer(rules, family, table, hooks).text())
    return "".join(parts)


# --- rendering --------------------------------------------------------------------------------------------


class _Writer:
    """One table: base chains, and the chains that they reach."""

    def __init__(self, rules: Ruleset, family: int, table: str, hooks: Sequence[str]) -> None:
        self.family, self.table = family, table
        self.chains = {c.name: c for c in (*rules.chains, _PASSING)}
        self.names: dict[object, str] = {}
        self.policies: dict[str, str] = {}
        self.rules: dict[str, list[str]] = {}
        self.hooks = [c for c in rules.chains if c.hook in hooks]

    def text(self) -> str:
        for chain in self.hooks:
            policy, rules = chain.policy.upper(), chain.rules
            if chain.hook == "forward" and self.table == "filter":
                rules = (REPLIES, Rule("containers: judged in mangle", _PASSING.name))
            elif self.table == "mangle":
                policy = "ACCEPT"
            self.open(chain.hook.upper(), policy)
            self.write(chain.hook.upper(), rules)
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
        target = _VERDICTS.get(rule.verdict) or f"-j {self.called(self.chains[rule.verdict])}"
        return f"-j {self.limit(rule.limit, rule.label, target)}" if rule.limit else target

    def called(self, chain: Chain) -> str:
        if chain.name not in self.names:
            name = self.declare(chain.name.upper(), chain.name)
            self.write(name, chain.rules)
        return self.names[chain.name]

    def add(self, chain: str, match: str, label: str, target: str) -> None:
        self.rules[chain].append(f"-A {chain}{match}{_remark(label)} {target}\n")

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
            state = f" -m conntrack --ctstate {rule.state.upper()}" if rule.state else ""
            owner = ""
            if rule.uid_root is not None:
                owner = f" -m owner {'' if rule.uid_root else '! '}--uid-owner 0"
            local = " -m addrtype --dst-type LOCAL" if rule.local else ""
            rate = f" -m limit {_rate(rule.rate, '--limit', '--limit-burst')}" if rule.rate else ""
            self.add(chain, words + match + state + owner + local + rate, label, target)

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

    def limit(self, limit: Limit, label: str, target: str) -> str:
        """A chain that gives `target` to a source's connections within its limit, and returns the rest."""
        key = (limit, label, target)
        if key not in self.names:
            number = 1 + sum(OURS + "LIMIT" in n for n in self.names.values())
            name = self.declare(f"LIMIT-{number}", key)
            # The kernel keeps a table under its name while a rule uses it, with the rate it was made with:
            # the rate is part of the name, so that a changed policy gets a table of its own.
            bucket = f"{self.table[0]}{number}-{limit.count}-{limit.period}"
            match = (
                f" -m hashlimit {_rate(limit, '--hashlimit-upto', '--hashlimit-burst')} --hashlimit-mode srcip"
                f" --hashlimit-name {bucket} --hashlimit-htable-max {TRACKED}"
            )
            # An IPv6 customer has a /64 at the least (RFC 6177), so that is one source.
            self.add(name, match + (" --hashlimit-srcmask 64" if self.family == 6 else ""), label, target)
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


def _rate(limit: Limit, rate: str, burst: str) -> str:
    return f"{rate} {limit} {burst} {limit.count}"


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


# --- dumps ------------------------------------------------------------------------------------------------


@dataclass
class Table:
    """One table of a dump: policies of the built-in chains ('-' for others), and the rules of each chain."""

    policies: dict[str, str] = field(default_factory=dict)
    rules: dict[str, list[str]] = field(default_factory=dict)


def parse_dump(dump: str) -> dict[str, Table]:
    """What iptables-save printed -> its tables, without counters and dates."""
    tables: dict[str, Table] = {}
    table = Table()
    rules = table.rules
    for line in dump.split("\n"):
        if line.startswith("-A "):  # asked first: a long list has a hundred thousand
            chain, _, rule = line[3:].partition(" ")
            if chain not in rules:
                rules[chain] = []
            rules[chain].append(rule.rstrip())
        elif line.startswith("*"):
            table = tables.setdefault(line[1:].strip(), Table())
            rules = table.rules
        elif line.startswith(":"):
            name, policy = line[1:].split()[:2]
            table.policies[name] = policy
            rules[name] = []
    return tables


def _blocks(dump: str) -> dict[str, tuple[str, str]]:
    """Our tables as they are written: chains without counters, and rules. Where these are equal nobody has to
    read them, and mostly they are."""
    blocks = {}
    for block in f"\n{dump}".split("\n*")[1:]:
        chains, _, rules = block.partition("\n-A ")
        name, _, chains = chains.partition("\n")
        if name in TABLES or (name in NAT and has_ours(f"\n{block}")):
            blocks[name] = re.sub(r"\[\d+:\d+\]", "", chains), rules[: rules.rfind("\nCOMMIT")]
    return blocks


def ours(rule: str) -> bool:
    return f'--comment "{MARK} ' in rule or (f"-j {OURS}" in rule and _target(rule).startswith(OURS))


def has_ours(dump: str) -> bool:
    """Is there a rule or a chain of ours in what iptables-save printed?"""
    return f"\n:{OURS}" in dump or ours(dump)


def refuses(dump: str) -> bool:
    """May rules in filter refuse what comes in, ours left out?"""
    table = parse_dump(dump).get("filter", Table())
    mine = any(map(ours, table.rules.get("INPUT", ())))
    if table.policies.get("INPUT") == "DROP" and not mine:
        return True
    todo, seen = ["INPUT"], {"INPUT"}
    while todo:
        for rule in table.rules.get(todo.pop(), ()):
            target = re.search(r"-[jg] (\S+)", rule)
            if target and not ours(rule) and target[1] in ("DROP", "REJECT"):
                return True
            if target and target[1] in table.rules and target[1] not in seen and not target[1].startswith(OURS):
                seen.add(target[1])
                todo.append(target[1])
    return False


def foreign(table: Table, rule: str, rivals: Sequence[str] = ()) -> bool:
    """Is this rule, which is not ours, somebody else's to keep? A ban, a jump into a chain of theirs, or a rule about
    a bridge of containers or virtual machines. What else stands in a built-in chain would change what the
    policy says, and goes: the first thing that the tutorial does, too."""
    target = _target(rule)
    if _is_ban(rule) or (table.policies.get(target) == "-" and not target.startswith((OURS, *rivals))):
        return True
    names = re.findall(r"(?:^| )-[io] (\S+)", _bare(rule))
    return any(like_bridge(name) and name not in UPLINKS for name in names)


def _is_ban(rule: str) -> bool:
    """Does it only refuse what is in a set (CrowdSec, fail2ban), or see to it that a VXLAN comes encrypted (Docker)?
    What refuses everything but a set could lock the owner out, and is none."""
    return bool(_BAN.search(f" {_bare(rule)}"))


_BAN = re.compile(
    r"(?: -m set --match-set .*|^ -p udp .* --(?:u32|bytecode) .*)-j (?:DROP|REJECT|LOG|TARPIT)\b"
    r"|^ -p udp -m policy --dir in --pol ipsec .* --(?:u32|bytecode) .*-j ACCEPT\b"
)


def _target(rule: str) -> str:
    target = re.search(r"(?:^| )-[jg] (\S+)", _bare(rule))
    return target[1] if target else ""


def _bare(rule: str) -> str:
    """Without what is quoted, such as a comment, which may hold anything."""
    return re.sub(r'"(?:\\.|[^"\\])*"', '""', rule)


def _goes(name: str, table: Table, rule: str, rivals: Sequence[str] = ()) -> bool:
    """Has a rule to go from a built-in chain of ours? In mangle, only what lets pass what is judged there."""
    if ours(rule) or name in NAT:
        return False
    return _target(rule) in ("ACCEPT", "RETURN") if name == "mangle" else not foreign(table, rule, rivals)


def taken_out(dump: str, rivals: Sequence[str] = ()) -> list[str]:
    """The rules of others that `transition` takes out of built-in chains."""
    return [
        f"{name} {hook.upper()} {rule}"
        for name, table in _beside_ours(dump).items()
        for hook in TABLES.get(name, ())
        for rule in table.rules.get(hook.upper(), ())
        if _goes(name, table, rule, rivals)
    ]


def _beside_ours(dump: str) -> dict[str, Table]:
    """A dump without what is in chains of ours, which may be very long."""
    return parse_dump("\n".join(line for line in dump.split("\n") if not line.startswith(f"-A {OURS}")))


def shared(dump: str) -> bool:
    """Does somebody else have chains or rules in our tables, or in those that we may share?"""
    return any(
        (table.policies.get(chain) == "-" and not chain.startswith(OURS)) or any(not ours(rule) for rule in rules)
        for name, table in _beside_ours(dump).items()
        if name in TABLES or name in NAT
        for chain, rules in table.rules.items()
    )


def transition(current: str, wanted: str, rivals: Sequence[str] = ()) -> str:
    """Two dumps -> text for `restore --noflush` that makes the first into the second and leaves other people's
    chains, rules and jumps alone; '' when there is nothing to do."""
    if _blocks(current) == _blocks(wanted):
        return ""
    before, after = parse_dump(current), parse_dump(wanted)
    return "".join(
        _table_transition(name, before.get(name, Table()), _shared_table(name, before, after), rivals)
        for name in (*TABLES, *NAT)
    )


def _shared_table(name: str, before: Mapping[str, Table], after: Mapping[str, Table]) -> Table:
    """What a table is to be. One that we only share keeps its built-in chains where nothing of ours stays in it."""
    if name in after or name not in NAT:
        return after.get(name, Table())
    return Table({hook.upper(): "ACCEPT" for hook in NAT[name] if name in before}, {h.upper(): [] for h in NAT[name]})


def _table_transition(name: str, before: Table, after: Table, rivals: Sequence[str]) -> str:
    declared, removed, added, dropped = [], [], [], []
    branches: dict[str, list[str]] = {}  # of long lists
    for chain, policy in after.policies.items():
        if policy == "-":
            if chain.startswith(OURS) and before.rules.get(chain) != after.rules[chain]:
                rules = [f"-A {chain} {rule}\n" for rule in after.rules[chain]]
                if chain.startswith(LIST):
                    branches[chain] = rules
                else:
                    declared.append(f":{chain} - [0:0]\n")
                    added += rules
            continue
        have, want = before.rules.get(chain, []), [r for r in after.rules[chain] if ours(r)]
        gone = [r for r in have if _goes(name, before, r, rivals)]
        late = any(ours(r) and any(map(_is_ban, have[i:])) for i, r in enumerate(have))  # which would refuse nobody
        if name not in NAT and policy != before.policies.get(chain, "ACCEPT"):
            declared.append(f":{chain} {policy} [0:0]\n")
        if gone or late or [r for r in have if ours(r)] != want:
            removed += [f"-D {chain} {r}\n" for r in have if ours(r) or r in gone]
            added += [f"-A {chain} {r}\n" for r in want]
    for chain in before.policies:
        if chain.startswith(OURS) and chain not in after.policies:
            branches[chain] = []
            dropped.append(f"-X {chain}\n")
    # With --noflush iptables-nft seeks the chain of every line in a sorted list, from its start: with the last name
    # first that list never is long. It also puts every branch before the rule that leads to it.
    for chain in sorted(branches, reverse=True):
        removed += [f":{chain} - [0:0]\n", *branches[chain]]
    lines = [*declared, *removed, *added, *dropped]
    return f"*{name}\n{''.join(lines)}COMMIT\n" if lines else ""


def differences(live: str, wanted: str) -> list[str]:
    """What a live dump lacks (+) and has too much (-) against a rehearsed one, as far as it is ours to say."""
    if _blocks(live) == _blocks(wanted):
        return []
    have, want = parse_dump(live), parse_dump(wanted)
    out: list[str] = []
    for name in (*TABLES, *NAT):
        mine, theirs = have.get(name, Table()), want.get(name, Table())
        for chain, policy in theirs.policies.items():
            has = mine.policies.get(chain, "ACCEPT")
            if policy not in ("-", has) and name not in NAT:
                out += [f"-{name} {chain} policy {has}", f"+{name} {chain} policy {policy}"]
        for chain in dict.fromkeys([*theirs.policies, *mine.policies]):
            if theirs.policies.get(chain) == "-" or chain.startswith(OURS):
                kept = mine.rules.get(chain)
            elif chain not in theirs.policies:
                continue
            else:
                kept = [r for r in mine.rules.get(chain, []) if ours(r) or _goes(name, mine, r)]
            if kept != theirs.rules.get(chain):
                out += _line_differences(f"{name} {chain}", kept, theirs.rules.get(chain))
    return out


def _line_differences(where: str, have: list[str] | None, want: list[str] | None) -> list[str]:
    known, wanted = set(have or ()), set(want or ())
    missing = [r for r in want or () if r not in known]
    extra = [r for r in have or () if r not in wanted]
    lines = [f"-{where} {r}" for r in extra] + [f"+{where} {r}" for r in missing]
    return lines or [f"+{where} (its rules in another order)" if have is not None else f"+{where} (chain)"]


def whole(dump: str, now: str) -> str:
    """A dump -> text for a restore that makes our tables as they were then, empty ones included. What other
    people have put into chains of their own since, or before the rules of a built-in one, stays; their chains and bans
    that are gone since stay gone: the set that a ban names may be too, and then no tool takes the text."""
    tables, since = parse_dump(dump), parse_dump(now)
    parts = []
    for name, hooks in {**TABLES, **NAT}.items():
        if name in NAT and not (_has_ours_in(name, tables) or _has_ours_in(name, since)):
            continue
        table, later = tables.get(name, Table()), since.get(name, Table())
        gone = {c for c in table.policies if now and c not in later.policies and not c.startswith(OURS)}
        for chain, rules in later.rules.items():
            if later.policies.get(chain) != "-":
                had = [
                    r for r in table.rules.get(chain, [])
                    if ours(r) or r in rules or not (_target(r) in gone or _is_ban(r))
                ]  # fmt: skip
                table.rules[chain] = [r for r in rules if not ours(r) and foreign(later, r) and r not in had] + had
            elif not chain.startswith(OURS):
                table.policies[chain], table.rules[chain] = "-", rules
        for chain in gone:
            table.policies.pop(chain), table.rules.pop(chain)
        policies = {hook.upper(): "ACCEPT" for hook in hooks} | table.policies
        parts.append(f"*{name}\n")
        parts += [f":{chain} {policy} [0:0]\n" for chain, policy in policies.items()]
        parts += [f"-A {chain} {rule}\n" for chain, rules in table.rules.items() for rule in rules]
        parts.append("COMMIT\n")
    return "".join(parts)


def _has_ours_in(name: str, tables: Mapping[str, Table]) -> bool:
    table = tables.get(name, Table())
    return any(chain.startswith(OURS) or any(map(ours, rules)) for chain, rules in table.rules.items())


def with_others(text: str, dump: str, rivals: Sequence[str] = ()) -> str:
    """Our text, and a dump of the file that it replaces -> our text with what others have in that file. Tables that are
    not ours come last: every table is a transaction, and one that fails takes none of those before it along."""
    for name, lines in _of_others(dump, rivals).items():
        head, ours_too, rest = text.partition(f"*{name}\n")
        declared, first, rules = rest.partition("-A ")
        text = f"{head}*{name}\n{declared}{''.join(lines)}{first}{rules}"
        text += "" if ours_too else "COMMIT\n"
    return text


def others_alone(text: str) -> str:
    """A file that `with_others` made, or a dump -> the same without anything of ours."""
    return "".join(f"*{name}\n{''.join(lines)}COMMIT\n" for name, lines in _of_others(text).items())


def _of_others(dump: str, rivals: Sequence[str] = ()) -> dict[str, list[str]]:
    """The lines of others in each table that has rules of theirs; of built-in chains of ours, those that stay."""
    found = {}
    for name, table in sorted(_beside_ours(dump).items()):  # iptables-legacy prints them in an order that changes
        base = [hook.upper() for hook in {**TABLES, **NAT}.get(name, ())]
        theirs = [chain for chain in table.rules if not chain.startswith((OURS, *rivals))]
        rules = [
            f"-A {chain} {rule}\n"
            for chain in theirs
            for rule in table.rules[chain]
            if not (ours(rule) or (chain in base and _goes(name, table, rule, rivals)))
        ]
        if rules:
            declared = [chain for chain in theirs if chain in table.policies and chain not in base]
            found[name] = [f":{chain} {table.policies[chain]} [0:0]\n" for chain in declared] + rules
    return found


def only_ours(text: str) -> bool:
    """Is there nothing in a file but rules of ours, and built-in chains that let everything pass?"""
    return all(_PLAIN.match(line) or ours(line) for line in text.split("\n"))


_PLAIN = re.compile(rf"\s*$|#|\*|COMMIT\b|:(?:{OURS}|\w+ ACCEPT\b|INPUT DROP|FORWARD DROP|OUTPUT DROP)|-A {OURS}")


def names_set(line: str) -> bool:
    """Does a rule need a set of ipset's, without which no tool takes the text?"""
    return bool(re.search(r"--\w+-set ", _bare(line)))


def without_ours(dump: str) -> str:
    """A dump -> text for `restore --noflush` that takes our rules and chains out and opens the policies again."""
    lines = []
    for name, table in parse_dump(dump).items():
        chains = [c for c in table.policies if c.startswith(OURS)]
        if name not in {**TABLES, **NAT} or not (
            chains or any(ours(r) for rules in table.rules.values() for r in rules)
        ):
            continue
        lines.append(f"*{name}\n")
        lines += [f":{hook.upper()} ACCEPT [0:0]\n" for hook in TABLES.get(name, ())]
        lines += [f":{chain} - [0:0]\n" for chain in chains]
        lines += [f"-D {c} {r}\n" for c, rules in table.rules.items() if c not in chains for r in rules if ours(r)]
        lines += [f"-X {chain}\n" for chain in chains]
        lines.append("COMMIT\n")
    return "".join(lines)

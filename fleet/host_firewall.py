"""the rules that a host's kernel holds + a packet -> would it come in? A pytest plugin on top of testinfra.

    def test_web(host_firewall):
        assert host_firewall.allows("tcp", 443, source="203.0.113.9")
        assert not host_firewall.allows("tcp", 3306)

It asks the host for its rules, nftables and both kinds of iptables alike, and walks a new packet through every chain
that such a packet meets on its way in. It sends nothing and changes nothing. Where the answer hangs on something that
it does not know (a mark, an ipset, a match that it has not heard of), it raises CannotTell rather than guess.

A lone file: it needs pytest and testinfra, and nothing of vps-firewall. `pip install ./fleet` installs it.
"""

from __future__ import annotations

import ipaddress
import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

# Strangers to everybody's policy: addresses of documentation (RFC 5737, RFC 3849).
STRANGERS = {4: "198.51.100.99", 6: "2001:db8:ffff::99"}
CONTINUE, ACCEPT, DROP = "continue", "accept", "drop"
NUMBERS = {"tcp": 6, "udp": 17}
# The two states in which a first packet is seen; nobody has answered it yet.
NEW = {"new", "untracked"}
NOT_NEW = {"established", "related", "invalid", "dnat", "snat"}

# What shows rules, and the line of shell that asks each. What a tool shows comes below a line with its name.
MARK = "==== shown by"
TOOLS = ("nft", *(f"{prefix}tables{kind}-save" for prefix in ("ip", "ip6") for kind in ("", "-legacy", "-nft")))
QUESTION = f"""\
PATH=$PATH:/usr/sbin:/sbin
for tool in {" ".join(TOOLS)}; do
    command -v $tool >/dev/null || continue
    echo '{MARK}' $tool
    case $tool in nft) nft -j list ruleset;; *) $tool;; esac || echo '{MARK}' $tool-failed
done
"""

IPTABLES_NAMES = ("filter", "mangle", "nat", "raw", "security")  # what iptables-nft calls its tables


class CannotTell(AssertionError):
    """The rules hang on something that this plugin does not know; the message names it."""


@dataclass(frozen=True)
class Packet:
    """The first packet of a connection, as it comes in from a network."""

    protocol: str
    port: int
    source: str
    interface: str = ""  # '': one that no rule names

    @property
    def family(self) -> int:
        return ipaddress.ip_address(self.source).version


@dataclass(frozen=True)
class Rule:
    """One rule: does it match, and what then? `matches`: True, False, or None where that cannot be known."""

    matches: Any  # Callable[[Packet], bool | None]; a field that is called as a plain function
    verdict: str  # accept, drop, continue, return, or the name of a chain behind `jump ` or `goto `
    text: str = ""


@dataclass
class Chain:
    rules: list[Rule] = field(default_factory=list)
    policy: str = ""  # of a base chain


@dataclass(frozen=True)
class Table:
    """Chains by name, and those of them that an incoming packet meets by itself."""

    name: str
    families: tuple[int, ...]
    chains: Mapping[str, Chain]
    hooked: tuple[str, ...]


class HostFirewall:
    """What one host lets in."""

    def __init__(self, host: Any) -> None:
        self._host = host
        self._tables: list[Table] | None = None

    @property
    def tables(self) -> list[Table]:
        """Everything that judges incoming packets, as the kernel holds it now; asked for once."""
        if self._tables is None:
            self._tables = list(self._read())
        return self._tables

    def forget(self) -> None:
        """Ask the host anew next time."""
        self._tables = None

    def allows(self, protocol: str, port: int, source: str = "", interface: str = "") -> bool:
        """Would the first packet of a connection to `port` come in? Without a source: from anywhere, over IPv4 and
        IPv6 alike. A limit counts as not reached. Raises CannotTell."""
        if protocol not in NUMBERS:
            raise ValueError(f"{protocol}: tcp or udp")
        sources = [source] if source else list(STRANGERS.values())
        return all(self.judge(Packet(protocol, port, one, interface)) == ACCEPT for one in sources)

    def refuses(self, protocol: str, port: int, source: str = "", interface: str = "") -> bool:
        """Would it be dropped or rejected? Without a source: a stranger's, over IPv4 and over IPv6."""
        sources = [source] if source else list(STRANGERS.values())
        return all(self.judge(Packet(protocol, port, one, interface)) == DROP for one in sources)

    def judge(self, packet: Packet) -> str:
        """`accept` or `drop`: a packet comes in when no table of those that it meets drops it. Raises CannotTell."""
        fates = {ACCEPT}
        for table in self.tables:
            if packet.family in table.families:
                for name in table.hooked:
                    fates = {one if one == DROP else two for one in fates for two in _base(table, name, packet)}
        if len(fates) > 1 and self._doubts(packet):
            raise CannotTell(f"{packet}: it hangs on {'; '.join(self._doubts(packet)[:3])}")
        return DROP if fates == {DROP} else ACCEPT

    def _doubts(self, packet: Packet) -> list[str]:
        return [
            rule.text
            for table in self.tables
            if packet.family in table.families
            for chain in table.chains.values()
            for rule in chain.rules
            if rule.matches(packet) is None
        ]

    def _read(self) -> Iterator[Table]:
        answers = self._ask()
        if not answers:
            raise CannotTell("this host shows neither nft's rules nor iptables': nothing is installed, or not root")
        for tool, text in answers.items():
            if tool == "nft":
                yield from nft_tables(json.loads(text or '{"nftables": []}'))
            else:
                # `iptables-save` is one of the other two; asked again, the same rules change nothing.
                yield from iptables_tables(text, 6 if tool.startswith("ip6") else 4)

    def _ask(self) -> dict[str, str]:
        """Tool -> what it showed, of those that are there and did not fail; in one command for all."""
        done = self._host.run(QUESTION)
        parts = re.split(rf"(?m)^{MARK} (\S+)\n", done.stdout)[1:]
        answers = dict(zip(parts[0::2], parts[1::2]))
        return {tool: text for tool, text in answers.items() if f"{tool}-failed" not in answers}


@pytest.fixture(scope="module")
def host_firewall(host: Any) -> HostFirewall:
    """What testinfra's `host` lets in."""
    return HostFirewall(host)


# --- walking ----------------------------------------------------------------------------------------------


def _base(table: Table, name: str, packet: Packet) -> set[str]:
    fates = _walk(table, name, packet, 0)
    if CONTINUE in fates:
        fates = {*(fates - {CONTINUE}), table.chains[name].policy or ACCEPT}
    return fates


def _walk(table: Table, name: str, packet: Packet, depth: int) -> set[str]:
    """Every fate that the packet may have in this chain; more than one where a match cannot be known."""
    if depth > 40 or name not in table.chains:
        raise CannotTell(f"{table.name}: the chain {name} is not there, or a loop")
    fates: set[str] = set()
    for rule in table.chains[name].rules:
        matched = rule.matches(packet)
        if matched is False or rule.verdict == CONTINUE:
            continue
        if rule.verdict in (ACCEPT, DROP):
            here = {rule.verdict}
        elif rule.verdict == "return":
            here = {"return"}
        else:
            how, _, target = rule.verdict.partition(" ")
            here = _walk(table, target, packet, depth + 1)
            if how == "goto":
                here = {"return" if fate == CONTINUE else fate for fate in here}
        fates |= {fate for fate in here if fate not in (CONTINUE, "return")}
        if "return" in here:
            fates.add(CONTINUE)
        if matched is True and CONTINUE not in here:
            return fates
    return fates | {CONTINUE}


# --- nftables: `nft -j list ruleset` ----------------------------------------------------------------------


def nft_tables(dump: Mapping[str, Any]) -> Iterator[Table]:
    """Native tables; those of iptables-nft are left to iptables-save, which knows what their matches mean."""
    entries = [(kind, body) for entry in dump["nftables"] for kind, body in entry.items()]
    sets = {(b["family"], b["table"], b["name"]): b for kind, b in entries if kind in ("set", "map")}
    hooked: dict[tuple[str, str], list[tuple[int, str]]] = {}
    chains: dict[tuple[str, str], dict[str, Chain]] = {}
    for kind, body in entries:
        if kind == "chain":
            key = (body["family"], body["table"])
            chains.setdefault(key, {})[body["name"]] = Chain(policy=body.get("policy", ""))
            if body.get("type") == "filter" and body.get("hook") in ("prerouting", "input"):
                before = -100_000 if body["hook"] == "prerouting" else 0
                hooked.setdefault(key, []).append((before + int(body.get("prio", 0)), body["name"]))
    for kind, body in entries:
        if kind == "rule":
            key = (body["family"], body["table"])
            for rule in _nft_rules(body, sets):
                chains[key][body["chain"]].rules.append(rule)
    families = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}
    for (family, name), order in hooked.items():
        if family in families and not (family != "inet" and name in IPTABLES_NAMES):
            yield Table(f"{family} {name}", families[family], chains[family, name], tuple(n for _, n in sorted(order)))


def _nft_rules(body: Mapping[str, Any], sets: Mapping[Any, Any]) -> list[Rule]:
    """One rule of nft's, which may be several here: a verdict map is a list of rules, each with its key."""
    place = (body["family"], body["table"])
    wanted: list[Any] = []
    text = body.get("comment") or json.dumps(body.get("expr"))[:200]
    for expression in body.get("expr", []):
        (kind, value) = next(iter(expression.items()))
        if kind == "match":
            wanted.append(value)
        elif kind in (ACCEPT, DROP, "return"):
            return [Rule(_all(wanted, place, sets), kind, text)]
        elif kind == "reject":
            return [Rule(_all(wanted, place, sets), DROP, text)]
        elif kind in ("jump", "goto"):
            return [Rule(_all(wanted, place, sets), f"{kind} {value['target']}", text)]
        elif kind == "vmap":
            return list(_vmap(value, wanted, place, sets, text))
        elif kind == "limit":
            wanted.append(not value.get("inv", False))
        elif kind in ("set", "meter", "ct count"):
            inner = value.get("stmt") if isinstance(value, dict) else None
            inner = inner if isinstance(inner, list) else [inner or {}]
            over = any(one.get("limit", {}).get("inv") or one.get("ct count", {}).get("inv") for one in inner)
            # An update of a set of sources that cannot be (of the other family) ends the rule as well.
            left = value.get("elem") if isinstance(value, dict) else None
            wanted.append({"known": left, "then": not over})
        elif kind in ("queue", "tproxy", "xt", "fwd", "dup", "synproxy"):
            wanted.append(None)
            return [Rule(_all(wanted, place, sets), DROP, f"{kind}: {text}")]
        # counter, log, mangle, notrack and what else changes nothing for this packet
    return [Rule(_all(wanted, place, sets), CONTINUE, text)]


def _vmap(
    value: Mapping[str, Any], wanted: Sequence[Any], place: tuple[str, str], sets: Mapping[Any, Any], text: str
) -> Iterator[Rule]:
    data = value["data"]
    key = (place[0], place[1], data[1:]) if isinstance(data, str) else None
    pairs = sets[key].get("elem", []) if key else data.get("set", [])
    for wanted_key, verdict in pairs:
        one = {"op": "==", "left": value["key"], "right": _bare(wanted_key)}
        (kind, target) = next(iter(verdict.items()))
        name = f"{kind} {target['target']}" if kind in ("jump", "goto") else kind
        yield Rule(_all([*wanted, one], place, sets), name, text)


def _all(wanted: Sequence[Any], place: tuple[str, str], sets: Mapping[Any, Any]) -> Any:
    conditions = list(wanted)

    def matches(packet: Packet) -> bool | None:
        answers = [_nft_match(one, packet, place, sets) for one in conditions]
        return False if False in answers else None if None in answers else True

    return matches


def _nft_match(one: Any, packet: Packet, place: tuple[str, str], sets: Mapping[Any, Any]) -> bool | None:
    if one is None:
        return None
    if isinstance(one, bool):
        return one
    if "known" in one:
        there = _value(one["known"], packet)
        return False if there is _ABSENT else bool(one["then"])
    left, right = one["left"], one["right"]
    negated: bool = one.get("op") == "!="
    if isinstance(left, dict) and "ct" in left:
        key = left["ct"].get("key")
        said = set(_flat(right))
        if key not in ("state", "status") or not said <= {*NEW, *NOT_NEW, "assured", "seen-reply", "confirmed"}:
            return None
        fresh = bool(said & NEW) if key == "state" else False
        return fresh != negated
    value = _value(left, packet)
    if value is _ABSENT:
        return False
    if value is None:
        return None
    found = _among(value, right, place, sets)
    return None if found is None else bool(found != negated)


_ABSENT = object()  # the packet has no such field, and the whole rule does not match


def _value(left: Any, packet: Packet) -> Any:
    """What a rule looks at, in this packet; None where that is not known."""
    if not isinstance(left, dict):
        return None
    if "elem" in left:
        return _value(left["elem"]["val"], packet)
    if "concat" in left:
        parts = [_value(part, packet) for part in left["concat"]]
        return _ABSENT if _ABSENT in parts else None if None in parts else tuple(parts)
    if "&" in left:
        value = _value(left["&"][0], packet)
        if value is _ABSENT or value is None:
            return value
        return _masked(value, left["&"][1])
    if "payload" in left:
        protocol, name = left["payload"].get("protocol"), left["payload"].get("field")
        if protocol in ("tcp", "udp", "th"):
            if protocol not in ("th", packet.protocol):
                return _ABSENT
            return {"dport": packet.port, "sport": 49152, "flags": {"syn"}}.get(name)
        if protocol in ("ip", "ip6"):
            if (protocol == "ip") != (packet.family == 4):
                return _ABSENT
            known = {"saddr": ipaddress.ip_address(packet.source), "protocol": packet.protocol}
            return {**known, "nexthdr": packet.protocol}.get(name)
        return _ABSENT if protocol in ("icmp", "icmpv6", "igmp", "sctp", "dccp", "esp", "ah", "arp", "ether") else None
    if "meta" in left:
        interface = packet.interface or "an interface that no rule names"
        return {
            "l4proto": packet.protocol,
            "protocol": "ip" if packet.family == 4 else "ip6",
            "nfproto": "ipv4" if packet.family == 4 else "ipv6",
            "iifname": interface,
            "iif": interface,
            "pkttype": "host",
            "mark": 0,
        }.get(left["meta"]["key"])
    if "fib" in left:
        return "local" if left["fib"].get("result") == "type" and "daddr" in left["fib"].get("flags", []) else None
    return None


def _masked(value: Any, mask: Any) -> Any:
    if isinstance(value, set):
        return value & set(_flat(mask))
    if isinstance(value, int):
        return value & int(str(mask), 0)
    if isinstance(value, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
        return ipaddress.ip_address((int(value) & int(ipaddress.ip_address(mask))).to_bytes(len(value.packed), "big"))
    return None


def _among(value: Any, right: Any, place: tuple[str, str], sets: Mapping[Any, Any]) -> bool | None:
    if isinstance(right, str) and right.startswith("@"):
        held = sets.get((*place, right[1:]), {})
        return any(_equal(value, _bare(element)) for element in held.get("elem", []))
    if isinstance(right, dict) and "set" in right:
        return any(_equal(value, _bare(element)) for element in right["set"])
    if isinstance(value, set):
        # `tcp flags syn` looks for any of them; after a mask, for exactly these.
        said = set(_flat(right)) - {"0x0", "0", 0}
        return value == said if said != {"syn"} else "syn" in value
    return _equal(value, _bare(right))


def _bare(element: Any) -> Any:
    return element["elem"]["val"] if isinstance(element, dict) and "elem" in element else element


def _equal(value: Any, said: Any) -> bool:
    if isinstance(value, tuple):
        parts = said.get("concat", []) if isinstance(said, dict) else []
        return len(parts) == len(value) and all(_equal(one, two) for one, two in zip(value, parts))
    if isinstance(said, dict) and "range" in said:
        first, last = said["range"]
        if isinstance(value, int):
            return int(first) <= value <= int(last)
        if isinstance(value, str):
            return False
        return _same_family(value, first) and ipaddress.ip_address(first) <= value <= ipaddress.ip_address(last)
    if isinstance(said, dict) and "prefix" in said:
        network = f"{said['prefix']['addr']}/{said['prefix']['len']}"
        if isinstance(value, (int, str)):
            return False
        return value in ipaddress.ip_network(network, strict=False)
    if isinstance(value, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
        return isinstance(said, str) and _same_family(value, said) and value == ipaddress.ip_address(said)
    if isinstance(value, str):
        if isinstance(said, str) and said.endswith("*"):
            return value.startswith(said[:-1])
        return value == said or (value in NUMBERS and str(said) == str(NUMBERS[value]))
    if isinstance(value, int):
        return str(said) == str(value)
    return bool(value == said)


def _same_family(value: Any, said: str) -> bool:
    try:
        return bool(ipaddress.ip_address(said).version == value.version)
    except ValueError:
        return False


def _flat(right: Any) -> list[str]:
    if isinstance(right, dict):
        (kind, inner) = next(iter(right.items()))
        return _flat(inner) if kind in ("set", "|") else [str(right)]
    if isinstance(right, (list, tuple)):
        return [item for part in right for item in _flat(part)]
    return [str(right)]


# --- iptables: `iptables-save` ----------------------------------------------------------------------------


def iptables_tables(dump: str, family: int) -> Iterator[Table]:
    """The tables of one family that judge what comes in."""
    chains: dict[str, Chain] = {}
    name = ""
    for line in dump.splitlines():
        if line.startswith("*"):
            name, chains = line[1:], {}
        elif line.startswith(":"):
            chain, policy, *_ = line[1:].split()
            chains[chain] = Chain(policy={"ACCEPT": ACCEPT, "DROP": DROP}.get(policy, ""))
        elif line.startswith("-A "):
            words = shlex.split(line)
            chains[words[1]].rules.append(_iptables_rule(words[2:], chains, line))
        elif line == "COMMIT" and name in ("raw", "mangle", "filter"):
            hooked = tuple(chain for chain in ("PREROUTING", "INPUT") if chain in chains)
            yield Table(f"iptables {name}, IPv{family}", (family,), chains, hooked)


# Matches that say how often or how much: not reached yet. With the negation of each, where it has one.
LIMITS = {"--limit", "--hashlimit-upto", "--hashlimit", "--connlimit-upto"}
OVER = {"--hashlimit-above", "--connlimit-above"}
# Modules whose options say everything, and those that look for what no first packet of tcp or udp has: `-m ah` without
# any option means every packet with such a header.
MODULES = {
    *("addrtype", "comment", "connlimit", "conntrack", "hashlimit", "iprange", "limit", "mark", "multiport", "pkttype"),
    *("state", "tcp", "udp"),
}
OTHER_PACKETS = {"ah", "dccp", "dst", "esp", "frag", "hbh", "icmp", "icmp6", "icmpv6", "mh", "rt", "sctp"}
# What they are told besides, and what changes no fate.
BESIDES = re.compile(
    r"--(?:limit-burst|hashlimit-(?:burst|mode|name|htable-\w+|srcmask|dstmask|rate-\w+)|connlimit-(?:mask|saddr|daddr)"
    r"|comment|log-\w+|nflog-\w+|reject-with|set-\w+|save-mark|zone|notrack|tcp-option|rsource|wait)$"
)
FLAGS_ALONE = {"--connlimit-saddr", "--connlimit-daddr", "--rsource", "--notrack", "--save-mark"}
ENDS = {"ACCEPT": ACCEPT, "DROP": DROP, "REJECT": DROP, "RETURN": "return"}
PASSES = {"LOG", "NFLOG", "MARK", "CONNMARK", "CT", "NOTRACK", "TCPMSS", "DSCP", "TOS", "AUDIT", "SECMARK", "CLASSIFY"}


def _iptables_rule(words: Sequence[str], chains: Mapping[str, Chain], text: str) -> Rule:
    wanted: list[tuple[str, list[str], bool]] = []
    verdict = CONTINUE
    negated, at = False, 0
    while at < len(words):
        word = words[at]
        at += 1
        if word == "!":
            negated = True
            continue
        count = 0 if word in ("--syn", *FLAGS_ALONE) else 2 if word == "--tcp-flags" else 1
        values = list(words[at : at + count])
        at += count
        if word in ("-j", "-g"):
            target = values[0]
            if target in ENDS:
                verdict = ENDS[target]
            elif target in chains:
                verdict = f"{'jump' if word == '-j' else 'goto'} {target}"
            elif target not in PASSES:
                verdict = DROP
                wanted.append(("unknown", [target], False))
        elif word == "-m" and values[0] not in MODULES:
            wanted.append(("module", values, negated))
        elif word != "-m" and not BESIDES.match(word):
            wanted.append((word, values, negated))
        negated = False

    def matches(packet: Packet) -> bool | None:
        answers = [_iptables_match(name, values, negation, packet) for name, values, negation in wanted]
        return False if False in answers else None if None in answers else True

    return Rule(matches, verdict, text)


def _iptables_match(name: str, values: Sequence[str], negated: bool, packet: Packet) -> bool | None:
    if name in LIMITS:
        return True
    if name in OVER:
        return False
    answer = _iptables_answer(name, values, packet)
    return None if answer is None else answer != negated


def _iptables_answer(name: str, values: Sequence[str], packet: Packet) -> bool | None:
    value = values[0] if values else ""
    if name == "module":
        return False if value in OTHER_PACKETS else None
    if name == "-p":
        return value in (packet.protocol, str(NUMBERS[packet.protocol]), "all")
    if name == "-s":
        return ipaddress.ip_address(packet.source) in ipaddress.ip_network(value, strict=False)
    if name == "-i":
        interface = packet.interface or "an interface that no rule names"
        return interface.startswith(value[:-1]) if value.endswith("+") else interface == value
    if name in ("--dport", "--dports", "--destination-ports"):
        return _in_ports(packet.port, value.split(","))
    if name in ("--sport", "--sports", "--source-ports"):
        return _in_ports(49152, value.split(","))
    if name == "--ports":
        return _in_ports(packet.port, value.split(",")) or _in_ports(49152, value.split(","))
    if name in ("--ctstate", "--state"):
        return bool({state.lower() for state in value.split(",")} & NEW)
    if name == "--ctstatus":
        return value == "NONE"
    if name == "--syn":
        return packet.protocol == "tcp"
    if name == "--tcp-flags":
        looked, set_ = ({f for f in one.split(",") if f != "NONE"} for one in values)
        looked = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"} if looked == {"ALL"} else looked
        return packet.protocol == "tcp" and {"SYN"} & looked == set_
    if name == "--src-range":
        first, last = (ipaddress.ip_address(one) for one in value.split("-"))
        return int(first) <= int(ipaddress.ip_address(packet.source)) <= int(last)
    if name in ("--icmp-type", "--icmpv6-type"):
        return False
    if name == "--dst-type":
        return value == "LOCAL"
    if name == "--pkt-type":
        return value == "unicast"
    if name in ("--mark",):
        return int(value.partition("/")[0], 0) == 0
    return None


def _in_ports(port: int, said: Iterable[str]) -> bool:
    for part in said:
        first, colon, last = part.partition(":")
        if int(first or 0) <= port <= int((last or 65535) if colon else first):
            return True
    return False

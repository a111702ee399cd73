"""`iptables-save`, of either kind -> tables whose rules can be asked of a packet."""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ..policy import parse_network
from ..rules import ended
from . import ranges
from .live import (
    CONTINUE,
    FORWARD,
    IN,
    NAMELESS,
    NAT,
    NEW,
    NEW_SOURCE,
    NOTRACK,
    POSTROUTING,
    PREROUTING,
    RETURN,
    REWRITES,
    SPORT,
    WITH_PORTS,
    Chain,
    Match,
    Named,
    Packet,
    Rule,
    Table,
    every,
    in_state,
    negated,
    protocol_name,
)
from .live_ipset import Held, among
from .model import ACCEPT, DROP, REJECT
from .ranges import Ranges

# Of a table: its priority, before those of the same hook (netfilter_ipv4.h).
PRIORITIES = {"raw": -300, "mangle": -150, "nat": -100, "filter": 0, "security": 50}
HOOKS = {"PREROUTING": PREROUTING, "INPUT": IN, "FORWARD": FORWARD, "POSTROUTING": POSTROUTING}
SNAT = 100  # the priority of nat where it changes sources


def tables(dump: str, family: int, tool: str = "iptables", held: Mapping[str, Held] | None = None) -> Iterator[Table]:
    """The tables of one family that judge what comes in or is forwarded, and nat, which may send it elsewhere. `held`:
    the sets of ipset's, None where nobody could list them."""
    chains: dict[str, Chain] = {}
    name, named = "", Named()
    for line in dump.splitlines():
        if line.startswith("*"):
            name, chains, named = line[1:], {}, Named()
        elif line.startswith(":"):
            chain, policy, *_ = line[1:].split()
            chains[chain] = Chain(policy={"ACCEPT": ACCEPT, "DROP": DROP}.get(policy, ""))
        elif line.startswith("-A "):
            words = shlex.split(line)
            made = _iptables_rule(words[2:], chains, line, family, held or {}, named)
            chains.setdefault(words[1], Chain()).rules += made
        elif line == "COMMIT" and name in PRIORITIES:
            priority = PRIORITIES[name]
            if name == "nat":
                places = (("PREROUTING", NAT, priority), ("INPUT", IN, SNAT), ("POSTROUTING", POSTROUTING, SNAT))
                hooked = tuple((hook, when, chain) for chain, hook, when in places if chain in chains)
            else:
                hooked = tuple((hook, priority, chain) for chain, hook in HOOKS.items() if chain in chains)
            yield Table(f"{tool} table {name}, IPv{family}", (family,), chains, hooked, named)


# Matches that say how often or how much: not reached yet. With the negation of each, where it has one.
LIMITS = {"--limit", "--hashlimit-upto", "--hashlimit", "--connlimit-upto"}
OVER = {"--hashlimit-above", "--connlimit-above"}
# Modules whose options say everything, and those that look for what no first packet of tcp or udp has: `-m ah` without
# any option means every packet with such a header.
MODULES = {
    *("addrtype", "comment", "connlabel", "connlimit", "connmark", "conntrack", "hashlimit", "icmp", "icmp6", "icmpv6"),
    *("iprange", "limit", "mark", "multiport", "pkttype", "set", "state", "tcp", "udp"),
}
OTHER_PACKETS = {"ah", "dccp", "dst", "esp", "frag", "hbh", "mh", "rt", "sctp"}
# What they are told besides, and what changes no fate.
BESIDES = re.compile(
    r"--(?:random|random-fully|persistent|to-source|on-port|on-ip|tproxy-mark|limit-burst|hashlimit-(?:burst|mode|name|htable-\w+|srcmask|dstmask|rate-\w+)|connlimit-(?:mask|saddr|daddr)"
    r"|comment|log-\w+|nflog-\w+|reject-with|set-\w+|save-mark|zone|rsource|wait)$"
)
TEXTS = ("--comment", "--log-prefix", "--nflog-prefix")  # whose values may look like options
ECHO = (8, 128)  # ICMP's and ICMPv6's
ENDS = {"ACCEPT": ACCEPT, "DROP": DROP, "REJECT": REJECT, "RETURN": RETURN}
# Targets after which the next rule is asked, and which no rule that is followed here sees.
PASSES = {
    *(
        "LOG",
        "NFLOG",
        "ULOG",
        "MARK",
        "CONNMARK",
        "HMARK",
        "CT",
        "NOTRACK",
        "TCPMSS",
        "TCPOPTSTRIP",
        "DSCP",
        "TOS",
        "TTL",
    ),
    *("HL", "ECN", "AUDIT", "SECMARK", "CONNSECMARK", "CLASSIFY", "CHECKSUM", "SET", "TRACE", "TEE", "RATEEST", "LED"),
    "IDLETIMER",
}
NEW_SOURCES = {"SNAT", "MASQUERADE"}


def _iptables_rule(
    words: Sequence[str], chains: Mapping[str, Chain], text: str, family: int, held: Mapping[str, Held], named: Named
) -> list[Rule]:
    """One rule; several where its target may do one thing or another."""
    wanted: list[tuple[str, list[str], bool]] = []
    verdicts, effect = [CONTINUE], ""
    sent_to: tuple[str, str] | None = None
    inverted, at = False, 0
    while at < len(words):
        word = words[at]
        at += 1
        if word == "!":
            inverted = True
            continue
        count = 2 if word in ("--tcp-flags", "--match-set") else 1
        if word not in TEXTS and words[at : at + 1] and words[at].startswith(("-", "!")):
            count = 0  # an option that is a flag
        values = list(words[at : at + count])
        at += count
        if word == "--set" and wanted and wanted[-1][0] == "--label":
            wanted[-1] = ("unknown", [], False)  # it matches where the tracker has room for the label
        elif word in ("--to-destination", "--to-ports"):
            sent_to = _target(values[0]) if word == "--to-destination" else ("", values[0])
            effect = REWRITES if "-" in values[0] else effect  # one of several
        elif word in ("-j", "-g"):
            target = values[0]
            if target in ("DNAT", "REDIRECT"):
                verdicts, sent_to = [ACCEPT], sent_to or ("", "")
            elif target in ENDS:
                verdicts = [ENDS[target]]
            elif target in chains:
                verdicts = [f"{'jump' if word == '-j' else 'goto'} {target}"]
            elif target in NEW_SOURCES:
                verdicts, effect = [ACCEPT], NEW_SOURCE
            elif target == "NETMAP":
                verdicts, effect = [ACCEPT], REWRITES
            elif target not in PASSES:
                verdicts = [ACCEPT, DROP]
                wanted.append(("unknown", [target], False))
            elif target == "NOTRACK":
                effect = NOTRACK
        elif word == "--notrack":
            effect = NOTRACK
        elif word == "-m" and values[0] not in MODULES:
            turned = values[0] == "rpfilter" and "--invert" in words
            named.ways_back |= values[0] == "rpfilter"
            wanted.append(("module", values, inverted or turned))
        elif word not in ("-m", "--invert") and not BESIDES.match(word):
            wanted.append((word, values, inverted))
        inverted = False

    conditions = [_condition(name, values, family, held, named) for name, values, _ in wanted]
    signs = [negation for *_, negation in wanted]

    def matches(packet: Packet) -> Match:
        answers = (condition if isinstance(condition, tuple) else condition(packet) for condition in conditions)
        return every((negated(a, family) if sign else a for a, sign in zip(answers, signs)), family)

    return [Rule(matches, verdict, text, None if effect else sent_to, effect) for verdict in verdicts]


Condition = Callable[[Packet], "bool | Ranges | None"]


def _condition(
    name: str, values: Sequence[str], family: int, held: Mapping[str, Held], named: Named
) -> Condition | Ranges:
    """One match, ready to be asked; what it tells apart goes into `named`."""
    value = values[0] if values else ""
    if name == "-s":
        return _networks([value], family)
    if name == "--src-range":
        first, _, last = value.partition("-")
        return (int(ipaddress.ip_address(first)), int(ipaddress.ip_address(last or first)) + 1)
    if name in ("-i", "-o"):
        named.interfaces.add(f"{value[:-1]}*" if value.endswith("+") else value)
    elif name == "-p":
        named.protocols.add(protocol_name(value))
    elif "port" in name:
        named.source_ports |= name in ("--sport", "--sports", "--source-ports", "--ports")
        for part in value.split(","):
            first, colon, last = part.partition(":")
            if first.isdecimal() or (colon and not first):
                start = int(first or 0)
                named.ports.update((start, int((last or 65535) if colon else start) + 1))
    elif name == "--match-set":
        if value not in held:
            return lambda packet: None
        found, directions = held[value], values[1].split(",") if len(values) > 1 else []
        named.ports.update(found.ports)
        return lambda packet: among(found, directions, packet, held)
    return lambda packet: _iptables_match(name, values, packet)


def _networks(texts: Iterable[str], family: int) -> Ranges:
    spans = []
    for text in texts:
        _, number, prefix = parse_network(text)
        width = 32 if family == 4 else 128
        start = number >> (width - prefix) << (width - prefix)
        spans.append((start, start + (1 << (width - prefix))))
    return ranges.all_of(spans)


def _target(text: str) -> tuple[str, str]:
    """'172.17.0.2:80' or '[fd00::2]:80' -> address and port."""
    if text.count(":") > 1 and not text.startswith("["):
        return text, ""
    address, _, port = text.rpartition(":") if ":" in text.rpartition("]")[2] else (text, "", "")
    return address.strip("[]"), port


def _iptables_match(name: str, values: Sequence[str], packet: Packet) -> bool | None:
    if name in LIMITS or name in OVER:
        return name in LIMITS
    value = values[0] if values else ""
    if name == "module":
        if value == "rpfilter" and packet.expected:
            return True  # there is a route back, by the same interface
        return packet.protocol == value if value in OTHER_PACKETS else None
    if name == "-p":
        return protocol_name(value) in (packet.protocol, "all")
    if name == "-d":
        if not packet.destination:
            return None
        return ipaddress.ip_address(packet.destination) in ipaddress.ip_network(value, strict=False)
    if name == "-i":
        interface = packet.interface or NAMELESS
        return interface.startswith(value[:-1]) if value.endswith("+") else interface == value
    if name == "-o" and packet.out:
        return packet.out.startswith(value[:-1]) if value.endswith("+") else packet.out == value
    if "port" in name and packet.protocol not in WITH_PORTS:
        return False
    if name in ("--dport", "--dports", "--destination-ports"):
        return _in_ports(packet.port, value.split(","))
    if name in ("--sport", "--sports", "--source-ports"):
        return _in_ports(SPORT, value.split(","))
    if name == "--ports":
        return _in_ports(packet.port, value.split(",")) or _in_ports(SPORT, value.split(","))
    if name in ("--ctstate", "--state"):
        said = {state.lower() for state in value.split(",")}
        return True if "dnat" in said and packet.sent_to > 0 else in_state(packet, said)
    if name.startswith("--ct") and packet.states != NEW:
        return None
    if name == "--ctstatus":
        return "DNAT" in value.split(",") if packet.sent_to else value == "NONE"
    if name == "--ctorigdstport":
        return _in_ports(packet.sent_to or packet.port, value.split(","))
    if name == "--ctdir":
        return value == "ORIGINAL"
    if name in ("--loose", "--validmark", "--accept-local"):  # of rpfilter
        return True
    if name == "--label":  # the rules themselves give them
        return False
    if name == "-f" or (name == "--mark" and value == f"{ended.MARK:#x}"):  # a further fragment; what --cut ended
        return False
    if name == "--syn":
        return packet.protocol == "tcp"
    if name == "--tcp-flags":
        looked, set_ = ({f for f in one.split(",") if f != "NONE"} for one in values)
        looked = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"} if looked == {"ALL"} else looked
        return packet.protocol == "tcp" and {"SYN"} & looked == set_
    if name in ("--icmp-type", "--icmpv6-type"):
        return value in (
            "any",
            str(packet.type),
            f"{packet.type}/0",
            *(("echo-request",) if packet.type in (8, 128) else ()),
        )
    if name == "--dst-type":
        return "LOCAL" in value.split(",") if not packet.sent_to else None
    if name == "--pkt-type":
        return value == "unicast"
    return None


def _in_ports(port: int, said: Iterable[str]) -> bool:
    for part in said:
        first, colon, last = part.partition(":")
        if int(first or 0) <= port <= int((last or 65535) if colon else first):
            return True
    return False

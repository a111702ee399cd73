"""`iptables-save`, of either kind -> tables whose rules can be asked of a packet."""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

from .live import (
    CONTINUE,
    FORWARD,
    IN,
    NAMELESS,
    NAT,
    NUMBERS,
    PREROUTING,
    RETURN,
    SPORT,
    WITH_PORTS,
    Chain,
    Packet,
    Rule,
    Table,
    every,
)
from .model import ACCEPT, DROP, REJECT

# Of a table: its priority, before those of the same hook (netfilter_ipv4.h).
PRIORITIES = {"raw": -300, "mangle": -150, "nat": -100, "filter": 0, "security": 50}
HOOKS = {"PREROUTING": PREROUTING, "INPUT": IN, "FORWARD": FORWARD}


def tables(dump: str, family: int, tool: str = "iptables") -> Iterator[Table]:
    """The tables of one family that judge what comes in or is forwarded, and nat, which may send it elsewhere."""
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
            chains.setdefault(words[1], Chain()).rules.append(_iptables_rule(words[2:], chains, line))
        elif line == "COMMIT" and name in PRIORITIES:
            priority = PRIORITIES[name]
            if name == "nat":
                hooked = tuple((NAT, priority, chain) for chain in ("PREROUTING",) if chain in chains)
            else:
                hooked = tuple((hook, priority, chain) for chain, hook in HOOKS.items() if chain in chains)
            yield Table(f"{tool} table {name}, IPv{family}", (family,), chains, hooked)


# Matches that say how often or how much: not reached yet. With the negation of each, where it has one.
LIMITS = {"--limit", "--hashlimit-upto", "--hashlimit", "--connlimit-upto"}
OVER = {"--hashlimit-above", "--connlimit-above"}
# Modules whose options say everything, and those that look for what no first packet of tcp or udp has: `-m ah` without
# any option means every packet with such a header.
MODULES = {
    *("addrtype", "comment", "connlimit", "conntrack", "hashlimit", "icmp", "icmp6", "icmpv6", "iprange", "limit"),
    *("mark", "multiport", "pkttype", "state", "tcp", "udp"),
}
OTHER_PACKETS = {"ah", "dccp", "dst", "esp", "frag", "hbh", "mh", "rt", "sctp"}
# What they are told besides, and what changes no fate.
BESIDES = re.compile(
    r"--(?:limit-burst|hashlimit-(?:burst|mode|name|htable-\w+|srcmask|dstmask|rate-\w+)|connlimit-(?:mask|saddr|daddr)"
    r"|comment|log-\w+|nflog-\w+|reject-with|set-\w+|save-mark|zone|notrack|tcp-option|rsource|wait)$"
)
TEXTS = ("--comment", "--log-prefix", "--nflog-prefix")  # whose values may look like options
ECHO = (8, 128)  # ICMP's and ICMPv6's
ENDS = {"ACCEPT": ACCEPT, "DROP": DROP, "REJECT": REJECT, "RETURN": RETURN}
PASSES = {"LOG", "NFLOG", "MARK", "CONNMARK", "CT", "NOTRACK", "TCPMSS", "DSCP", "TOS", "AUDIT", "SECMARK", "CLASSIFY"}


def _iptables_rule(words: Sequence[str], chains: Mapping[str, Chain], text: str) -> Rule:
    wanted: list[tuple[str, list[str], bool]] = []
    verdict = CONTINUE
    sent_to: tuple[str, str] | None = None
    negated, at = False, 0
    while at < len(words):
        word = words[at]
        at += 1
        if word == "!":
            negated = True
            continue
        count = 2 if word == "--tcp-flags" else 1
        if word not in TEXTS and words[at : at + 1] and words[at].startswith(("-", "!")):
            count = 0  # an option that is a flag
        values = list(words[at : at + count])
        at += count
        if word in ("--to-destination", "--to-ports"):
            sent_to = _target(values[0]) if word == "--to-destination" else ("", values[0])
        elif word in ("-j", "-g"):
            target = values[0]
            if target in ("DNAT", "REDIRECT"):
                verdict, sent_to = ACCEPT, sent_to or ("", "")
            elif target in ENDS:
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
        return every(_iptables_match(name, values, negation, packet) for name, values, negation in wanted)

    return Rule(matches, verdict, text, sent_to)


def _target(text: str) -> tuple[str, str]:
    """'172.17.0.2:80' or '[fd00::2]:80' -> address and port."""
    bare = re.fullmatch(r"\[?([0-9a-f.:]+?)\]?(?::([0-9]+))?", text)
    return (bare[1], bare[2] or "") if bare else ("", "")


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
        return packet.protocol == value if value in OTHER_PACKETS else None
    if name == "-p":
        same = {packet.protocol, str(NUMBERS.get(packet.protocol, packet.protocol)), "all"}
        return value.replace("ipv6-icmp", "icmpv6") in same
    if name == "-s":
        return ipaddress.ip_address(packet.source) in ipaddress.ip_network(value, strict=False)
    if name == "-d":
        if not packet.destination:
            return None
        return ipaddress.ip_address(packet.destination) in ipaddress.ip_network(value, strict=False)
    if name == "-i":
        interface = packet.interface or NAMELESS
        return interface.startswith(value[:-1]) if value.endswith("+") else interface == value
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
        return bool(said & {"new"}) or ("dnat" in said and packet.sent_to > 0)
    if name == "--ctstatus":
        return "DNAT" in value.split(",") if packet.sent_to else value == "NONE"
    if name == "--ctorigdstport":
        return _in_ports(packet.sent_to or packet.port, value.split(","))
    if name == "--ctdir":
        return value == "ORIGINAL"
    if name == "-f":  # a further fragment
        return False
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
        return value in (
            "any",
            str(packet.type),
            f"{packet.type}/0",
            *(("echo-request",) if packet.type in (8, 128) else ()),
        )
    if name == "--dst-type":
        return value == "LOCAL" if not packet.sent_to else None
    if name == "--pkt-type":
        return value == "unicast"
    return None


def _in_ports(port: int, said: Iterable[str]) -> bool:
    for part in said:
        first, colon, last = part.partition(":")
        if int(first or 0) <= port <= int((last or 65535) if colon else first):
            return True
    return False

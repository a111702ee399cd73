"""a rendered text, a source -> how many rules a first TCP packet to port 22 meets, and whether it is let in.

It reads the text as a kernel would that is asked about one well-formed SYN from a wire: a condition on anything but
families, addresses, protocols and destination ports does not hold, and limits are not used up.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cc_vps_firewall.policy import WIDTH, parse_network

PORT = 22


@dataclass(frozen=True)
class Fate:
    """What became of a packet, and after how many rules."""

    met: int
    verdict: str = ""


@dataclass(frozen=True)
class Ranges:
    """Sorted address ranges, each with where it leads."""

    starts: Sequence[int]
    ends: Sequence[int]
    goals: Sequence[str]

    def find(self, number: int) -> str:
        at = bisect(self.starts, number) - 1
        return self.goals[at] if at >= 0 and number <= self.ends[at] else ""


@dataclass
class Text:
    """Chains with their rules as they are written, and the sets that they name."""

    chains: Mapping[str, Sequence[str]]
    entrance: str
    sets: Mapping[str, Ranges] = field(default_factory=dict)

    def fate(self, source: str) -> Fate:
        family, number, _ = parse_network(source)
        return self._walk(self.entrance, family, number)

    def _walk(self, chain: str, family: int, number: int) -> Fate:
        met = 0
        for rule in self.chains[chain]:
            met += 1
            matches = self._iptables if rule.startswith("-A") else self._nftables
            way = matches(rule, family, number)
            called = way.split()[-1] if way else ""
            if called in self.chains:
                further = self._walk(called, family, number)
                met += further.met
                if further.verdict or not way.startswith(("-j", "jump")):
                    return Fate(met, further.verdict)
            elif called.lower() in ("accept", "drop"):
                return Fate(met, called.lower())
        return Fate(met)

    def _iptables(self, rule: str, family: int, number: int) -> str:
        """'-j CHAIN' where the rule matches."""
        words = rule.split(" ", 4)
        if words[2] == "-s" and not _inside(words[3], family, number):  # most rules: do not read them any further
            return ""
        bare = re.sub(r' -m comment --comment "[^"]*"', "", rule)
        asked = dict(re.findall(r"(?<= )(?:! )?(--?[a-z-]+) (\S+)", bare))
        if asked.get("-p", "tcp") != "tcp" or asked.keys() & {"-i", "-o", "-d", "--ctstate", "--tcp-flags", "--label"}:
            return ""
        ports = (asked.get("--dport") or asked.get("--dports") or str(PORT)).split(",")
        if not any(_between(port.split(":"), PORT) for port in ports):
            return ""
        return f"-g {asked['-g']}" if "-g" in asked else f"-j {asked['-j']}" if "-j" in asked else ""

    def _nftables(self, rule: str, family: int, number: int) -> str:
        """'jump CHAIN' where the rule matches."""
        bare = re.sub(r' comment "[^"]*"', "", rule)
        if re.search(r"\b(iif|iifname|oif|ct|icmp|icmpv6|udp|tcp flags|daddr|hoplimit)\b", bare):
            return ""
        if (asked := re.search(r"meta nfproto ipv(\d)", bare)) and int(asked[1]) != family:
            return ""
        if (asked := re.search(r"meta l4proto (\d+)", bare)) and asked[1] != "6":
            return ""
        if (asked := re.search(r"tcp dport (\S+)", bare)) and not self._port(asked[1]):
            return ""
        way = re.search(r"(jump \S+|goto \S+|accept|drop)$", bare)
        asked = re.search(r"\b(ip6?) saddr (?:(vmap) )?(\S+)", bare)
        if asked:
            if family != {"ip": 4, "ip6": 6}[asked[1]]:
                return ""
            if not asked[3].startswith("@"):
                return way[0] if way and _inside(asked[3], family, number) else ""
            goal = self.sets[asked[3]].find(number)
            return goal if asked[2] else (way[0] if way and goal else "")
        return way[0] if way else ""

    def _port(self, asked: str) -> bool:
        return bool(self.sets[asked].find(PORT)) if asked.startswith("@") else _between(asked.split("-"), PORT)


def of_iptables(text: str) -> Text:
    """The filter table of one family."""
    table = text[text.index("*filter\n") :]
    chains: dict[str, list[str]] = {name: [] for name in re.findall(r"(?m)^:(\S+)", table)}
    for rule in re.findall(r"(?m)^-A .*", table):
        chains[rule.split(" ", 2)[1]].append(rule)
    return Text(chains, "INPUT")


def of_nftables(text: str) -> Text:
    chains: dict[str, list[str]] = {}
    sets: dict[str, Ranges] = {}
    for name, body in re.findall(r"(?ms)^\tset (\S+) \{\n(.*?)^\t\}", text):
        sets[f"@{name}"] = _ranges(body[body.index("{") + 1 : body.index("}")] if "elements" in body else "")
    for name, body in re.findall(r"(?ms)^\tchain (\S+) \{\n(.*?)^\t\}", text):
        if "vmap {" in body:  # a map of its own, in place of a set that has a name
            sets[f"@{name}"] = _ranges(body[body.index("{") + 1 : body.index("}")])
            body = re.sub(r"(?s)vmap \{.*?\}", f"vmap @{name}", body)
        rules = [line.strip() for line in body.splitlines() if line.strip()]
        chains[name] = [rule for rule in rules if not rule.startswith("type filter")]
    return Text(chains, "input", sets)


def _ranges(elements: str) -> Ranges:
    found = []
    for element in elements.split(","):
        bare = re.sub(r' comment "[^"]*"', "", element).strip()
        if bare:
            span, _, goal = bare.partition(" : ")
            found.append((*_span(span), goal or "in"))
    found.sort()
    return Ranges(*(tuple(column) for column in zip(*found))) if found else Ranges((), (), ())


def _span(text: str) -> tuple[int, int]:
    """A port, a network, or a range of either."""
    first, _, last = text.partition("-")
    if first.isdigit():
        return int(first), int(last or first)
    family, start, prefix = parse_network(first)
    end = parse_network(last)[1] if last else start + (1 << (WIDTH[family] - prefix)) - 1
    return start, end


def _inside(network: str, family: int, number: int) -> bool:
    its, start, prefix = parse_network(network)
    rest = WIDTH[its] - prefix
    return its == family and number >> rest == start >> rest


def _between(ends: Sequence[str], port: int) -> bool:
    return int(ends[0]) <= port <= int(ends[-1])

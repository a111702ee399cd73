"""Mistakes that the algebra might have -> each is made in a copy of it, which must then fail a check.

`python -m tests.mutations` tries them all, and says which check finds each; tests/unit/test_algebra.py does so in CI.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.algebra_checks import CHECKS, fails, mutant
from tests.live_checks import LIVE_CHECKS

# One mistake each: module, what stands there, and what would be wrong.
MUTATIONS: tuple[tuple[str, str, str], ...] = (
    ("ranges", "(False, True, True, True), (False, False, False, True)",
     "(False, True, True, False), (False, False, False, True)"),
    ("ranges", "(False, False, False, True), (False, False, True, False)",
     "(False, False, True, True), (False, False, True, False)"),
    ("ranges", "(False, False, False, True), (False, False, True, False)",
     "(False, False, False, True), (False, True, True, False)"),
    ("ranges", "bool(bisect_right(ranges, number) & 1)", "bool(bisect_left(ranges, number) & 1)"),
    ("ranges", "edges.append(number + (1 << (WIDTH[family] - prefix)))",
     "edges.append(number + (1 << (WIDTH[family] - prefix)) - 1)"),
    ("ranges", "changes.get(edge, 0) ^ 1 << number", "1 << number"),
    ("ranges", "mask ^= changes[edge]", "mask |= changes[edge]"),
    ("ranges", "if outside[at ^ 1] != edge]", "]"),
    ("zones", 'return other.startswith(pattern[:-1])', 'return other.startswith(pattern)'),
    ("zones", "(zone.pattern == interface, len(zone.pattern))", "len(zone.pattern)"),
    ("zones", "if not _taken(name, (*inside, LOOPBACK))", "if not _taken(name, inside[1:])"),
    ("model", "same_interface(self.interface, interface) and not any(",
     "same_interface(self.interface, interface) or not any("),
    ("model", "and not any(same_interface(p, interface) for p in self.but)", ""),
    ("model", "(self.ports[0], self.ports[1] + 1) if proto", "(self.ports[0], self.ports[1]) if proto"),
    ("model", "(self.proto == THE_REST and proto not in TRANSPORTS)", "(self.proto == THE_REST)"),
    ("model", "if proto == self.proto else ranges.NONE", "if proto in (self.proto, 'udp') else ranges.NONE"),
    ("model", "return not (self.but and same_interface(self.but, interface))", "return True"),
    ("model", "if direction in r.directions and r.family == family and", "if r.family == family and"),
    ("model", "directions = (IN, PUBLISHED, FORWARD)", "directions = (IN, FORWARD)"),
    ("model", "directions = (IN, PUBLISHED, FORWARD)", "directions = (IN, PUBLISHED)"),
    ("model", "if not policy.enabled:", "if False:"),
    ("model", "            if self.policy.ping:\n", "            if True:\n"),
    ("model", "self._entries(IN, family, self.policy.entries)", "self._entries(IN, family, self.policy.allow)"),
    ("model", "self._entries(PUBLISHED, family, self.policy.allow)",
     "self._entries(PUBLISHED, family, self.policy.entries)"),
    ("model", "            yield from self._from_bridges(family)\n", ""),
    ("model", "            yield from self._published(family)\n", ""),
    ("model", '(("tcp", 53), ("udp", 53), ("udp", 67), ("udp", 547))', '(("tcp", 53), ("udp", 53), ("udp", 67))'),
    ("model", 'yield Box(PUBLISHED, family, "", label, "", (0, 0), every, every, bridge, kept_out)', "pass"),
    ("model", "sources=every if direction == OUT else peers", "sources=peers"),
    ("model", "destinations=peers if direction == OUT else every", "destinations=every"),
    ("model", "                    interface=entry.interface,\n", ""),
    ("model", 'limit=str(entry.limit or "")', 'limit=""'),
    ("model", 'if self.policy.containers == "guard":', "if True:"),
    ("model", "user = ROOT if self.policy.metadata", "user = OTHERS if self.policy.metadata"),
    ("model", "(3260, 3260), ROOT)", "(3260, 3260), OTHERS)"),
    ("model", 'if self.policy.metadata == "all":', "if False:"),
    ("model", "yield replace(box, user=ROOT)", "yield box"),
    ("model", "(max(first, box.ports[0]), min(last, box.ports[1]))", "(first, last)"),
    ("model", "if ports[0] <= ports[1]:", "if ports[0] < ports[1]:"),
    ("model", "yield proto, (0, 65535), rest", "yield proto, (0, 65535), destinations"),
    ("model", "yield THE_REST, (0, 0), destinations", "yield THE_REST, (0, 0), rest"),
    ("questions", "min(found, key=lambda box: bool(box.limit))", "found[0]"),
    ("questions", "and ranges.has(box.destinations, packet.destination)", ""),
    ("questions", 'and box.user in ("", packet.user)', ""),
    ("questions", "if id(refused[number]) not in held", "if True"),
    ("questions", "id(box.destinations) in reached", "True"),
    ("questions", 'if box.takes(place.zone.sample) and box.user in ("", place.user)',
     "if box.takes(place.zone.sample)"),
    ("questions", "key = family if all_of_it else 0,", "key = 0,"),
    ("questions", "{those | all_of_it: part", "{those: part"),
    ("questions", "if refusal.entry]", "if False]"),
    ("who", "found[key] = ranges.union(found.get(key, ranges.NONE), cell.ports)", "found[key] = cell.ports"),
    ("who", "place.alike, id(cell.sources)", "cells.zones[0], id(cell.sources)"),
    ("questions", "return number, box.entry, box.label, box.proto, box.ports, ends",
     "return box.proto, box.ports, ends"),
    ("questions", "return number, box.entry", "return 0, box.entry"),
    ("questions", "let_in = [there[at] for at in sorted(", "let_in = [there[-1 - at] for at in sorted("),
    ("questions", "found[taken, refused] = (*found.get((taken, refused), ()), zone)",
     "found[taken, refused] = (zone,)"),
    ("questions", "found[taken, refused] = (*found.get((taken, refused), ()), zone)",
     "found[refused, ()] = (*found.get((refused, ()), ()), zone)"),
    ("diff", "return OPENS if after else CLOSES", "return CLOSES if after else OPENS"),
    ("diff", "if bool(before) != bool(after):", "if bool(before) and not after:"),
    ("diff", 'return LIMITS if limits_of(before) != limits_of(after) else ""', 'return ""'),
    ("diff", "ports[key] = ranges.union(ports.get(key, ranges.NONE), cell.ports)", "ports[key] = cell.ports"),
    ("diff", "self.interfaces[0].sample", '"eth0"'),
    ("diff", "names, place.alike, place.user", "names, cells.zones[:1], place.user"),
    ("expectations", "ranges.without(every, named) if test.others else named", "named"),
    ("expectations", "if missing := ranges.without(asked, sources):", "if missing := ranges.both(asked, sources):"),
    ("expectations", "within = ranges.without(within, cell.ports)", "within = ranges.NONE"),
    ("expectations", "return self.cells.zones[:1]", "return self.cells.zones"),
    ("expectations", "expected in test.allowed)", "True)"),
    ("expectations", "if hit := ranges.both(cell.sources, asked):", "if hit := cell.sources:"),
    ("words", "if all(limits) else ()", "if any(limits) else ()"),
    ("words", "if ranges.has(found, STRANGER[family]):", "if True:"),
)  # fmt: skip

# The same of the half that reads the rules of a kernel.
LIVE_MUTATIONS: tuple[tuple[str, str, str], ...] = (
    ("live", "policy if outcome.verdict in (CONTINUE, RETURN) else outcome", "policy"),
    ("live", "or ACCEPT, f\"the policy of {name}\")", "and ACCEPT, f\"the policy of {name}\")"),
    ("live", "self.table.chains[name].policy or ACCEPT", "ACCEPT"),
    ("live", "if name in way or len(way) > DEEPEST:", "if False:"),
    ("live", "return {Outcome(ACCEPT): here, Outcome(DROP, rule): here}", "return {Outcome(ACCEPT): here}"),
    ("live", "taken = sets.both(here, match.possible)", "taken = sets.both(here, match.sure)"),
    ("live", "sure = sets.both(taken, match.sure)", "sure = taken"),
    ("live", "on = sets.without(here, sure)", "on = here"),
    ("live", "on = sets.without(here, sure)", "on = sets.without(here, taken)"),
    ("live", "                    on = sets.union(on, some)\n", "                    pass\n"),
    ("live", 'if how == "goto" and outcome.verdict == CONTINUE:', "if False:"),
    ("live", 'elif how == "jump" and outcome.verdict == RETURN:', "elif False:"),
    ("live", "self._doubt(rule.text, unsure)", "pass"),
    ("live", "if before.verdict in (DROP, REJECT):", "if False:"),
    ("live", "if outcome.target is None:", "if True:"),
    ("live", "named[None] = stay", "pass"),
    ("live", "there = replace(packet, port=number, sent_to=packet.port)", "there = replace(packet, port=number)"),
    ("live", "there = replace(packet, port=number, sent_to=packet.port)",
     "there = replace(packet, sent_to=packet.port)"),
    ("live", "destination=address, out=self.route(address))", "destination=address)"),
    ("live", "there = replace(there, destination=address,", "there = replace(there,"),
    ("live", "return there, FORWARD, said, f", "return there, IN, said, f"),
    ("live", "if there == hook", "if there in (hook, IN)"),
    ("live", "if packet.family in table.families", "if True"),
    ("live", "unsure, here = sets.union(risky, unsure), passing", "unsure = sets.union(risky, unsure)"),
    ("live", "unsure, here = sets.union(risky, unsure), passing", "unsure, here = risky, passing"),
    ("live", "passing = sets.union(some, passing)", "passing = some"),
    ("live", "refused, risky = sets.without(here, passing), sets.both(refusing, passing)",
     "refused, risky = sets.without(here, passing), ranges.NONE"),
    ("live", "if len(verdicts) == 1 or verdicts <= {DROP, REJECT}:", "if True:"),
    ("live", "            sure = ranges.NONE\n", "            pass\n"),
    ("live", "return ranges.without(ranges.everything(family), answer)", "return answer"),
    ("live", "return None if answer is None else not answer", "return not answer"),
    ("live_iptables", "inverted = True", "inverted = False"),
    ("live_iptables", "return (int(ipaddress.ip_address(first)), int(ipaddress.ip_address(last or first)) + 1)",
     "return (int(ipaddress.ip_address(first)), int(ipaddress.ip_address(last or first)))"),
    ("live_iptables", "spans.append((start, start + (1 << (width - prefix))))", "spans.append((start, start + 1))"),
    ("live_iptables", 'verdict = f"{\'jump\' if word == \'-j\' else \'goto\'} {target}"', 'verdict = f"jump {target}"'),
    ("live_iptables", 'wanted.append(("unknown", [target], False))', "pass"),
    ("live_iptables", 'wanted.append(("module", values, inverted))', "pass"),
    ("live_iptables", "return name in LIMITS", "return name in OVER"),
    ("live_iptables", "return _in_ports(SPORT, value.split(\",\"))\n    if name == \"--ports\"",
     "return _in_ports(packet.port, value.split(\",\"))\n    if name == \"--ports\""),
    ("live_iptables", 'return bool(said & {"new"}) or ("dnat" in said and packet.sent_to > 0)',
     'return bool(said & {"new", "related"}) or ("dnat" in said and packet.sent_to > 0)'),
    ("live_iptables", 'or ("dnat" in said and packet.sent_to > 0)', ""),
    ("live_iptables", "return _in_ports(packet.sent_to or packet.port, value.split(\",\"))",
     "return _in_ports(packet.port, value.split(\",\"))"),
    ("live_iptables", 'if name == "-o" and packet.out:', 'if name == "-o" and not packet.out:'),
    ("live_iptables", "if value not in held:", "if False:"),
    ("live_ipset", 'words[2], "nomatch" in words[3:])', "words[2], False)"),
    ("live_ipset", "port = packet.port if way == \"dst\" else SPORT", "port = packet.port"),
    ("live_ipset", "if protocol and protocol not in", "if False and protocol not in"),
    ("live_ipset", "                break\n", "                pass\n"),
    ("live_ipset", "found = ranges.union(found, answer or ranges.NONE)",
     "found = ranges.both(found, answer or ranges.NONE)"),
    ("live_ipset", "return number, number + (1 << (WIDTH[family] - prefix))", "return number, number + 1"),
    ("live_nftables", "return [Rule(self._all(wanted), REJECT, text)]",
     "return [Rule(self._all(wanted), DROP, text)]"),
    ("live_nftables", "by_verdict.setdefault(name, []).append(_bare(key))",
     "by_verdict.setdefault(name, [_bare(key)])"),
    ("live_nftables", 'wanted.append(not value.get("inv", False))', 'wanted.append(value.get("inv", False))'),
    ("live_nftables", "(int(first), int(last) + 1) for first, last in ends",
     "(int(first), int(last)) for first, last in ends"),
    ("live_nftables", "return [(first[0], last[1])] if first and last else []",
     "return [first] if first and last else []"),
    ("live_nftables", "if (protocol == \"ip\") != (packet.family == 4):", "if False:"),
    ("live_nftables", 'if protocol not in ("th", packet.protocol) or packet.protocol not in WITH_PORTS:', "if False:"),
    ("live_nftables", 'return bool(said & (here | ({"dnat"} if packet.sent_to else set())))', "return True"),
    ("live_who", "if fate.verdict in (ACCEPT, UNKNOWN):", "if fate.verdict == ACCEPT:"),
    ("live_who", "found[key] = ranges.union(found.get(key, ranges.NONE), span)", "found[key] = span"),
    ("live_who", "for edge in edges | asked if", "for edge in asked if"),
    ("live_who", "for name in table.named.interfaces)", "for name in sorted(table.named.interfaces)[1:])"),
)  # fmt: skip


def main() -> int:
    """-> how many mistakes nobody finds."""
    missed = 0
    every = [(one, CHECKS) for one in MUTATIONS] + [(one, LIVE_CHECKS) for one in LIVE_MUTATIONS]
    for (module, right, wrong), checks in every:
        with tempfile.TemporaryDirectory() as folder, mutant(Path(folder), module, right, wrong) as algebra:
            finder = next((check.__name__ for check in checks if fails(check, algebra)), "")
        missed += not finder
        print(f"{module}: {' '.join(wrong.split()) or 'nothing'} in place of {' '.join(right.split())}")
        print(f"  {f'found by {finder}' if finder else 'NOT FOUND'}", flush=True)
    print(f"{len(every) - missed} of {len(every)} mistakes are found")
    return missed


if __name__ == "__main__":
    sys.exit(min(main(), 1))

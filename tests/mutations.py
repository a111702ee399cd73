"""Mistakes that the algebra might have -> each is made in a copy of it, which must then fail a check.

`python -m tests.mutations` tries them all, and says which check finds each; tests/unit/test_algebra.py does so in CI.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.algebra_checks import CHECKS, fails, mutant

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


def main() -> int:
    """-> how many mistakes nobody finds."""
    missed = 0
    for module, right, wrong in MUTATIONS:
        with tempfile.TemporaryDirectory() as folder, mutant(Path(folder), module, right, wrong) as algebra:
            finder = next((check.__name__ for check in CHECKS if fails(check, algebra)), "")
        missed += not finder
        print(f"{module}: {' '.join(wrong.split()) or 'nothing'} in place of {' '.join(right.split())}")
        print(f"  {f'found by {finder}' if finder else 'NOT FOUND'}", flush=True)
    print(f"{len(MUTATIONS) - missed} of {len(MUTATIONS)} mistakes are found")
    return missed


if __name__ == "__main__":
    sys.exit(min(main(), 1))

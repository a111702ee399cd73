"""how fast it is, as ratios: `make bench`. As root, on a machine that does little else.

    python -m tests.bench                          all parts, beside others and alone: about half an hour
    python -m tests.bench apply --size 1000        one part, at one of its sizes: below ten minutes
    python -m tests.bench alone [ARGUMENTS]        where the time goes; ARGUMENTS are pytest's

Parts beside others are apply, connections, standing, denied, flood and reach. --record writes what was seen to
tests/records/bench.json, of which `make generate` makes docs/reference/speed.md and its plots.
"""

from __future__ import annotations

import argparse
import sys

from tests import records
from tests.bench import alone
from tests.bench.against import PARTS, rows


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["alone"]:
        return alone.main(arguments[1:])
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Ours beside others, as ratios.")
    parser.add_argument("part", nargs="*", help=f"of {', '.join(PARTS)}, or `alone`; default: all of them")
    parser.add_argument("--size", type=int, action="append", help="how many sources; default: all of a part's sizes")
    parser.add_argument("--record", action="store_true", help="write what was seen to tests/records/bench.json")
    options = parser.parse_args(arguments)
    if unknown := set(options.part) - set(PARTS):
        parser.error(f"no part: {', '.join(sorted(unknown))}")
    for part in options.part or PARTS:
        for size in PARTS[part][1]:
            if options.size and size not in options.size:
                continue
            seen = rows(part, size)
            print(f"\n{part}, {size or 1:,} sources")
            for row in seen:
                cells = {key: value for key, value in row.items() if key not in NOT_PRINTED}
                print(f"{row['who']!s:30}" + "".join(f"{key} {value}   " for key, value in cells.items()), flush=True)
            if options.record:
                records.keep("bench", seen, ("part", "size", "who"))
    return 0 if options.part else alone.main([])


NOT_PRINTED = ("part", "size", "who", "command", "system", "kernel", "nftables", "iptables", "ufw", "firewalld")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""command line -> the boot lab's table, and exit code 1 when any boot was not as it has to be.

python -m tests.boot                   every guest, every scenario, and what people use today
python -m tests.boot --quick           what CI runs
python -m tests.boot --guest debian13  one guest
python -m tests.boot --build           make the guests, boot none
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.boot import disks, guests, scenarios
from tests.boot.guests import GUESTS
from tests.boot.judge import Row, first_answers, table
from tests.boot.scenarios import Lab
from tests.boot.wire import Wire, wire

OURS = ("debian12", "debian13", "el9-iptables", "el9-nftables")


def full(network: Wire, folder: Path, names: Sequence[str], only: str) -> Iterator[Row]:
    """Everything, guest by guest."""
    for name in names:
        lab = Lab(network, GUESTS[name], disks.SEALED, folder)
        for label, rows in (
            ("tutorial", scenarios.tutorial(lab)),
            ("none", scenarios.without_stanza(lab)),
            ("refused", scenarios.refused(lab)),
            ("cut", scenarios.power_cut(lab, scenarios.CUTS[name])),
        ):
            if only in ("", label):
                yield from rows
    if "el9-iptables" in names:
        for label, rows in (("bare", scenarios.bare(network, folder)), ("cut-off", scenarios.cut_off(network, folder))):
            if only in ("", label):
                yield from rows
    if "debian12" in names:
        for label, rows in (
            ("compare", scenarios.comparisons(network, folder)),
            ("rivals", scenarios.rivals(network, folder)),
            ("unsealed", scenarios.unsealed(network, folder)),
            ("cycle", scenarios.cycle(network, folder)),
        ):
            if only in ("", label):
                yield from rows


def quick(network: Wire, folder: Path) -> Iterator[Row]:
    """First boot and reboot on Debian, first boot on EL, and one row that must leak."""
    yield from scenarios.tutorial(Lab(network, GUESTS["debian12"], disks.SEALED, folder), short=True)
    yield from scenarios.tutorial(Lab(network, GUESTS["el9-iptables"], disks.SEALED, folder), short=True)
    yield scenarios.runcmd(network, folder)


def main(arguments: Sequence[str] | None = None) -> int:
    about = "Boot guests and watch them from outside."
    parser = argparse.ArgumentParser(prog="python -m tests.boot", description=about)
    parser.add_argument("--quick", action="store_true", help="what CI runs")
    parser.add_argument("--build", action="store_true", help="make the guests' roots, boot none")
    parser.add_argument("--guest", choices=OURS, action="append", help="only this one; may be given again")
    parser.add_argument(
        "--only", default="", help="tutorial, none, refused, cut, bare, cut-off, compare, rivals, unsealed or cycle"
    )
    options = parser.parse_args(arguments)
    if os.geteuid() != 0:
        parser.error("network namespaces and disks take root: run this with sudo")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    cache = guests.cache_directory()
    cache.mkdir(parents=True, exist_ok=True)
    if options.build:
        for guest in GUESTS.values():
            guests.root_of(guest)
        return 0
    started, rows = time.monotonic(), []
    # One lab at a time: two emulated machines on two cores would only wait for each other.
    with guests.locked(cache / "lab.lock"):
        folder = cache / "boots"
        guests.remove(folder)
        with wire() as network:
            names = options.guest or OURS
            chosen = quick(network, folder) if options.quick else full(network, folder, names, options.only)
            for row in chosen:
                rows.append(row)
                print(_told(row), file=sys.stderr, flush=True)
        for overlay in folder.rglob("*.qcow2"):
            overlay.unlink()
    print(f"{first_answers(rows)}\n\n{table(rows)}\n")
    for row in rows:
        for line in row.leaked if not row.problems else ():
            print(f"seen: {row.guest} {row.scenario}: {line}")
        for problem in row.problems:
            print(f"PROBLEM: {row.guest} {row.scenario}: {problem}")
    bad = sum(bool(row.problems) for row in rows)
    minutes = (time.monotonic() - started) / 60
    print(f"{len(rows)} boots in {minutes:.0f} minutes, {bad} not as they have to be; consoles and reports: {folder}")
    return 1 if bad or not rows else 0


def _told(row: Row) -> str:
    return f"  {row.seconds:.0f} s, {row.leaks} leaks, {len(row.problems)} problems {'; '.join(row.problems[:2])}"


if __name__ == "__main__":
    sys.exit(main())

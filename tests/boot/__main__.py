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
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from tests.boot import disks, guests, scenarios
from tests.boot.guests import GUESTS
from tests.boot.judge import Row, first_answers, table
from tests.boot.scenarios import Lab
from tests.boot.wire import Wire, wire

OURS = ("debian12", "debian13", "el9-iptables", "el9-nftables")

Job = Callable[[Wire], Iterator[Row]]  # boots that have to come one after the other


def full(folder: Path, names: Sequence[str], only: str) -> list[Job]:
    """Everything: the guests with our module, then what else there is."""
    jobs: list[Job] = [partial(image, name=name, folder=folder, only=only) for name in names]
    debian, el = "debian12" in names, "el9-iptables" in names
    rest: list[tuple[str, bool, Job]] = [
        ("rivals", debian, partial(scenarios.rival, flavour=disks.BESIDE_UFW, folder=folder)),
        *(
            ("stock", name in names or (name == "el9-bare" and el), partial(scenarios.stock, name=name, folder=folder))
            for name in scenarios.STOCK_FORMS
        ),
        ("bare", el, partial(scenarios.bare, folder=folder)),
        ("cut-off", el, partial(scenarios.cut_off, folder=folder)),
        *(("compare", debian, partial(scenarios.compared, name=name, folder=folder)) for name in scenarios.TODAY),
        ("unsealed", debian, partial(scenarios.unsealed, folder=folder)),
        ("cycle", debian, partial(scenarios.cycle, folder=folder)),
    ]
    return jobs + [job for label, wanted, job in rest if wanted and only in ("", label)]


def image(network: Wire, *, name: str, folder: Path, only: str) -> Iterator[Row]:
    """An image of ours in every way that it may come up."""
    lab = Lab(network, GUESTS[name], disks.SEALED, folder)
    for label, rows in (
        ("tutorial", scenarios.tutorial(lab)),
        ("none", scenarios.without_stanza(lab)),
        ("refused", scenarios.refused(lab)),
        ("cut", scenarios.power_cut(lab, scenarios.CUTS[name])),
    ):
        if only in ("", label):
            yield from rows


def quick(folder: Path) -> list[Job]:
    """First boot and reboot on Debian and on EL, and one row that must leak."""

    def short(network: Wire, name: str) -> Iterator[Row]:
        return scenarios.tutorial(Lab(network, GUESTS[name], disks.SEALED, folder), short=True)

    return [
        partial(short, name="debian12"),
        partial(short, name="el9-iptables"),
        partial(scenarios.compared, name=disks.RUNCMD, folder=folder),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    about = "Boot guests and watch them from outside."
    parser = argparse.ArgumentParser(prog="python -m tests.boot", description=about)
    parser.add_argument("--quick", action="store_true", help="what CI runs")
    parser.add_argument("--build", action="store_true", help="make the guests' roots, boot none")
    parser.add_argument("--guest", choices=OURS, action="append", help="only this one; may be given again")
    labels = "tutorial, none, refused, cut, bare, cut-off, stock, compare, rivals, unsealed or cycle"
    parser.add_argument("--only", default="", help=labels)
    options = parser.parse_args(arguments)
    if os.geteuid() != 0:
        parser.error("network namespaces and disks take root: run this with sudo")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    cache = guests.cache_directory()
    cache.mkdir(parents=True, exist_ok=True)
    if options.build:
        for kind in GUESTS.values():
            guests.root_of(kind)
        return 0
    started = time.monotonic()
    rows: list[Row] = []
    # One machine at a time: on two cores two of them took twice as long each.
    with guests.locked(cache / "lab.lock"):
        folder = cache / "boots"
        guests.remove(folder)
        jobs = quick(folder) if options.quick else full(folder, options.guest or OURS, options.only)
        with wire() as network:
            for job in jobs:
                for row in job(network):
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
    said = "; ".join(row.problems[:2])
    return f"{row.guest}: {row.scenario}: {row.seconds:.0f} s, {row.leaks} leaks, {len(row.problems)} problems {said}"


if __name__ == "__main__":
    sys.exit(main())

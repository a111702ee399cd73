"""command line -> the boot lab's table, and exit code 1 when any boot was not as it has to be.

python -m tests.boot                   every guest, every scenario, and what people use today: two machines at a time
python -m tests.boot --quick           what CI runs
python -m tests.boot --guest debian13  one guest
python -m tests.boot --only sweep      the power cut at 14 moments of each guest's first boot
python -m tests.boot --image FILE      a vendor's own image, as it is, with a bundle
python -m tests.boot --count           what a boot costs in instructions, with our module and without
python -m tests.boot --build           make the guests, boot none
"""

from __future__ import annotations

import argparse
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from tests import records
from tests.boot import bootable, counts, disks, guests, machine, scenarios, vendor
from tests.boot.cloud import CLOUDS
from tests.boot.guests import GUESTS
from tests.boot.judge import Row, first_answers, table
from tests.boot.machine import reason
from tests.boot.scenarios import Lab
from tests.boot.wire import Wire, wire

OURS = ("debian12", "debian13", "el9-iptables", "el9-nftables")
# Nearer to what is not to be had, or odd: each with its first boots and a refused policy.
FURTHER = (
    "debian12-legacy",
    "debian12-no-ipv6",
    "el9-centos",
    "el9-no-ipv6",
    "el9-networkmanager",
    "el10-kernel",
    "el10-networkmanager",
)
# Each cloud once, and one of them on each order of units and with NetworkManager.
IN_CLOUDS = (
    *(("debian12", name) for name in CLOUDS),
    *((guest, "hetzner") for guest in ("el9-iptables", "el9-centos", "el9-networkmanager")),
)
SWEEP = "sweep"  # only for who asks for it

Job = Callable[[Wire], Iterator[Row]]  # boots that have to come one after the other


def full(folder: Path, names: Sequence[str], only: Sequence[str]) -> list[Job]:
    """Everything: the guests with our module, then what else there is. What takes longest comes first."""
    debian, el = "debian12" in names, "el9-iptables" in names
    ours = [name for name in names if name in OURS]
    jobs: list[tuple[str, bool, Job]] = [
        *(("tutorial", True, partial(image, scenario=scenarios.tutorial, name=name, folder=folder)) for name in names),
        ("newest", "debian13" in names, partial(image, scenario=first_and_reboot, name="sid", folder=folder)),
        *(
            ("cloud", name in names, partial(cloudy, name=name, where=where, folder=folder))
            for name, where in IN_CLOUDS
        ),
        ("rivals", debian, partial(scenarios.rival, flavour=disks.BESIDE_UFW, folder=folder)),
        ("rivals", el, partial(scenarios.rival, flavour=disks.BESIDE_FIREWALLD, folder=folder)),
        *(("cut", True, partial(image, scenario=scenarios.power_cut, name=name, folder=folder)) for name in ours),
        *(
            ("stock", name in names or (name == "el9-bare" and el), partial(scenarios.stock, name=name, folder=folder))
            for name in scenarios.STOCK_FORMS
        ),
        ("vendor", debian, partial(stand_in, name="debian12", folder=folder)),
        ("no-extensions", el, partial(scenarios.no_extensions, folder=folder)),
        ("bare", el, partial(scenarios.bare, folder=folder)),
        ("cut-off", el, partial(scenarios.cut_off, folder=folder)),
        *(("compare", debian, partial(scenarios.compared, name=name, folder=folder)) for name in scenarios.TODAY),
        ("unsealed", debian, partial(scenarios.unsealed, folder=folder)),
        ("cycle", debian, partial(scenarios.cycle, folder=folder)),
        *(("none", True, partial(image, scenario=scenarios.without_stanza, name=name, folder=folder)) for name in ours),
        *(
            ("twice", GUESTS[name].is_el, partial(image, scenario=scenarios.twice, name=name, folder=folder))
            for name in ours
        ),
        *(("refused", True, partial(image, scenario=scenarios.refused, name=name, folder=folder)) for name in names),
        *((SWEEP, True, partial(image, scenario=scenarios.sweep, name=name, folder=folder)) for name in ours),
    ]
    return [job for label, wanted, job in jobs if wanted and (label in only if only else label != SWEEP)]


def image(network: Wire, *, scenario: Callable[[Lab], Iterator[Row]], name: str, folder: Path) -> Iterator[Row]:
    """An image of ours in one of the ways that it may come up."""
    return scenario(Lab(network, GUESTS[name], disks.SEALED, folder))


def cloudy(network: Wire, *, name: str, where: str, folder: Path) -> Iterator[Row]:
    """An image of ours in a cloud."""
    return scenarios.in_a_cloud(Lab(network, GUESTS[name], disks.CLOUD, folder), where=where)


def stand_in(network: Wire, *, name: str, folder: Path) -> Iterator[Row]:
    """What `--image` does, with an image that is made here."""
    made = bootable.image(GUESTS[name], folder / "image")
    yield from vendor.boots(network, image=made, accelerator=machine.EMULATION, folder=folder)
    made.unlink()


first_and_reboot = partial(scenarios.tutorial, short=True)


def quick(folder: Path) -> list[Job]:
    """First boot and reboot on Debian and on EL, and one row that must leak."""
    return [
        *(partial(image, scenario=first_and_reboot, name=name, folder=folder) for name in ("debian12", "el9-iptables")),
        partial(scenarios.compared, name=disks.RUNCMD, folder=folder),
    ]


def run(jobs: Sequence[Job], machines: int) -> Iterator[Row | Exception]:
    """The rows of all jobs as they come, `machines` at a time, each with a wire of its own; and why a job came to none.

    Whatever a job raises ends that job alone. The threads are daemons, and their machines die with them: whoever ends
    this program ends them too.
    """
    todo: queue.SimpleQueue[Job] = queue.SimpleQueue()
    seen: queue.SimpleQueue[Row | Exception | None] = queue.SimpleQueue()

    def work() -> None:
        while True:
            try:
                job = todo.get_nowait()
            except queue.Empty:
                seen.put(None)
                return
            try:
                with wire() as network:
                    for row in job(network):
                        seen.put(row)
            except Exception as failure:
                seen.put(failure)

    for job in jobs:
        todo.put(job)
    for _ in range(machines):
        threading.Thread(target=work, daemon=True).start()
    working = machines
    while working:
        come = seen.get()
        if come is None:
            working -= 1
        else:
            yield come


def main(arguments: Sequence[str] | None = None) -> int:
    about = "Boot guests and watch them from outside."
    parser = argparse.ArgumentParser(prog="python -m tests.boot", description=about)
    parser.add_argument("--quick", action="store_true", help="what CI runs")
    parser.add_argument("--image", type=Path, metavar="FILE", help="a vendor's image and a bundle, instead of all that")
    parser.add_argument("--count", action="store_true", help="count instructions, with our module and without")
    parser.add_argument("--build", action="store_true", help="make the guests' roots, boot none")
    parser.add_argument("--guest", choices=(*OURS, *FURTHER), action="append", help="only this one; may be given again")
    labels = "tutorial, newest, cloud, none, twice, refused, cut, no-extensions, bare, cut-off, stock, vendor, compare"
    several = f"{labels}, rivals, unsealed, cycle, or sweep, which no other run does; may be given again"
    parser.add_argument("--only", action="append", default=[], metavar="LABEL", help=several)
    parser.add_argument("--record", action="store_true", help="write what was seen to tests/records/boot.json")
    parser.add_argument("--machines", type=int, default=2, metavar="N", help="how many at a time (2)")
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
    if options.count:
        with guests.locked(cache / "lab.lock"), wire() as network:
            counted = [
                pair for name in counts.COUNTED for pair in counts.pairs(network, name=name, folder=cache / "boots")
            ]
        print(counts.table(counted))
        return 0
    started = time.monotonic()
    rows: list[Row] = []
    failures: list[str] = []
    with guests.locked(cache / "lab.lock"):
        folder = cache / "boots"
        guests.remove(folder)
        jobs: list[Job]
        if options.image:
            chosen = vendor.accelerator_for(options.image, folder)
            print(f"by {chosen.partition(',')[0]}", file=sys.stderr)
            jobs = [partial(vendor.boots, image=options.image, accelerator=chosen, folder=folder)]
        else:
            jobs = quick(folder) if options.quick else full(folder, options.guest or (*OURS, *FURTHER), options.only)
        for come in run(jobs, options.machines):
            if isinstance(come, Row):
                rows.append(come)
                if options.record:  # each as it comes: a run that is interrupted has seen what it has seen
                    records.keep("boot", [_recorded(come)], ("guest", "scenario"))
                print(_told(come), file=sys.stderr, flush=True)
            else:
                failures.append(reason(come))
                print(f"FAILED: {failures[-1]}", file=sys.stderr, flush=True)
        for overlay in folder.rglob("*.qcow2"):
            overlay.unlink()
    rows.sort(key=lambda row: (row.guest, row.scenario))
    print(f"{first_answers(rows)}\n\n{table(rows)}\n")
    for row in rows:
        for line in row.leaked if not row.problems else ():
            print(f"seen: {row.guest} {row.scenario}: {line}")
        for problem in row.problems:
            print(f"PROBLEM: {row.guest} {row.scenario}: {problem}")
    for failure in failures:
        print(f"PROBLEM: {failure}")
    bad = sum(bool(row.problems) for row in rows) + len(failures)
    minutes = (time.monotonic() - started) / 60
    print(f"{len(rows)} boots in {minutes:.0f} minutes, {bad} not as they have to be; consoles and reports: {folder}")
    return 1 if bad or not rows else 0


def _recorded(row: Row) -> Mapping[str, object]:
    guest = GUESTS.get(row.guest, GUESTS["debian12"])  # the vendor's stand-in is made of that
    return {
        "guest": row.guest,
        "scenario": row.scenario,
        "stands for": f"EL {guest.version}" if guest.is_el else "",
        "backend": guest.firewall,
        **records.system(guests.root_of(guest)),
        "leaks": row.leaks,
        "unreachable": row.unreachable,
        "open for": row.open_for,
        "sealed": row.sealed,
        "policy": row.in_force,
        "sshd": row.sshd,
        "problems": len(row.problems),
    }


def _told(row: Row) -> str:
    said = "; ".join(row.problems[:2])
    return f"{row.guest}: {row.scenario}: {row.seconds:.0f} s, {row.leaks} leaks, {len(row.problems)} problems {said}"


if __name__ == "__main__":
    sys.exit(main())

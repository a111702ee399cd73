"""a guest -> what its boots cost in instructions, with our module and without it.

The emulator counts: with `-icount shift=0` one instruction takes one nanosecond of the guest's clock, so that what the
guest's kernel holds for processor time are instructions, however busy this computer is. Nobody knocks meanwhile: each
knock would be counted.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.boot import disks, machine
from tests.boot.guests import GUESTS
from tests.boot.machine import BootFailed
from tests.boot.scenarios import TUTORIAL
from tests.boot.wire import Wire

COUNTED = ("debian12", "el9-iptables")
COUNTING = ("-icount", "shift=0,sleep=off", "-rtc", "clock=vm")
ONE_THREAD = "tcg,thread=single,tb-size=512"  # which counting takes
STAGE = ("cloud-init.service", "cloud-init-network.service")  # cloud-init's network stage, by its names
HEAD = ("guest", "boot", "without ours", "with ours", "more", "its network stage, without", "with", "more")


@dataclass(frozen=True)
class Count:
    """Instructions of one boot, until cloud-init had come to its end: of all, and of cloud-init's network stage, in
    which our module runs."""

    whole: int
    stage: int


@dataclass(frozen=True)
class Pair:
    """The same boot of the same guest, without our module and with it."""

    guest: str
    boot: str
    without: Count
    ours: Count


def pairs(wire: Wire, *, name: str, folder: Path) -> Iterator[Pair]:
    """A first boot and a reboot of a guest. Raises BootFailed."""
    guest = GUESTS[name]
    found: dict[str, list[Count]] = {}
    for flavour in (disks.STOCK, disks.SEALED):
        disk = disks.disk_of(guest, flavour)
        place = folder / f"counted-{name}-{flavour}"
        place.mkdir(parents=True, exist_ok=True)
        overlay = disks.overlay(disk.file, place / "disk.qcow2")
        seed = machine.seed(place, TUTORIAL.encode(), "first")
        boots = partial(_report, wire, disk, overlay, seed)
        found[flavour] = [_count(boots(place / boot)) for boot in ("first", "second")]
    for boot, without, ours in zip(("first boot", "reboot"), found[disks.STOCK], found[disks.SEALED]):
        yield Pair(name, boot, without, ours)


def _report(wire: Wire, disk: disks.Disk, overlay: Path, seed: Path, folder: Path) -> Mapping[str, Any]:
    """What the guest tells of itself in the end."""
    folder.mkdir(exist_ok=True)
    told = " ".join((machine.command_line(masked=disk.masked), disk.command_line))
    command = machine.emulator(disk.kernel, disk.initrd, overlay, seed, cmdline=told, accelerator=ONE_THREAD)
    command += [*COUNTING, "-no-reboot", "-serial", f"file:{folder / 'console.log'}", "-serial", "stdio"]
    with (folder / "qemu.log").open("w") as said:
        running = subprocess.Popen(wire.inside(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said)
        try:
            end, lines = machine.follow(running)
        finally:
            running.kill()
            running.wait()
    report = machine.report_in(lines)
    if end != "off" or not report:
        raise BootFailed(f"the guest that was counted ended as {end}: {folder}")
    return report


def _count(report: Mapping[str, Any]) -> Count:
    used = report["processor"]
    return Count(used["whole"], max(used["units"].get(unit, 0) for unit in STAGE))


def table(counted: Sequence[Pair]) -> str:
    """In thousands of millions of instructions; `more` is what ours adds."""
    lines: list[tuple[str, ...]] = [HEAD]
    for pair in counted:
        cells = [pair.guest, pair.boot]
        for without, ours in ((pair.without.whole, pair.ours.whole), (pair.without.stage, pair.ours.stage)):
            cells += [f"{without / 1e9:.2f}", f"{ours / 1e9:.2f}", f"{(ours - without) / 1e9:.2f}"]
        lines.append(tuple(cells))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

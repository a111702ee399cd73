"""a vendor's image, as it is -> two boots of it with a bundle as user-data, watched as the lab's own guests are.

Nothing is put into the image. Its boot loader and its kernel start it, and the lab's witness comes with the user-data:
it is there from cloud-init's network stage on. So what is held against the bundle is what was answered after it was in
force, and in the second boot from the first packet on.
"""

from __future__ import annotations

import base64
import email
import email.mime.multipart
import email.mime.text
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tests.boot import disks, machine
from tests.boot.disks import HERE, LISTENING
from tests.boot.guests import run
from tests.boot.judge import Expected, Row, judge
from tests.boot.machine import Boot
from tests.boot.prober import KNOCKS
from tests.boot.scenarios import TUTORIAL, WEB
from tests.boot.wire import Wire
from tests.suites import REPOSITORY

GUEST = "vendor"
SILENT = (
    60  # seconds after which a machine that says nothing on its first serial port is taken for one that stands still
)

WITNESS = """\
#!/bin/sh
# Every boot: cloud-init runs it before the parts that it stands in front of have been put together.
mkdir -p /usr/local/lib/lab
{files}
run() {{ systemd-run --no-block --property=DefaultDependencies=no "$@"; }}
run --unit=lab-listen python3 /usr/local/lib/lab/listen
run --unit=lab-watch /usr/local/lib/lab/watch
"""


def user_data() -> bytes:
    """The bundle of the tutorial's stanza, behind the witness."""
    command = [sys.executable, "-m", "cc_vps_firewall", "bundle", "--format", "mime", "-"]
    told = subprocess.run(command, input=TUTORIAL.encode(), cwd=REPOSITORY, stdout=subprocess.PIPE, check=True)
    whole = email.mime.multipart.MIMEMultipart()
    whole.attach(email.mime.text.MIMEText(_witness(), "cloud-boothook"))
    for part in email.message_from_bytes(told.stdout).walk():
        if not part.is_multipart():
            whole.attach(part)
    return whole.as_bytes()


def _witness() -> str:
    texts = {
        "watch": (HERE / "inside/watch").read_text(),
        "report": (HERE / "inside/report.py").read_text(),
        "listen": LISTENING,
    }
    lines = []
    for name, text in texts.items():
        packed = base64.b64encode(text.encode()).decode()
        lines.append(f"echo {packed} | base64 -d >/usr/local/lib/lab/{name}; chmod 755 /usr/local/lib/lab/{name}")
    return WITNESS.format(files="\n".join(lines))


def boots(wire: Wire, *, image: Path, accelerator: str, folder: Path) -> Iterator[Row]:
    """A first boot of the image, which stays as it is, and a second one of the same machine."""
    place = folder / GUEST
    place.mkdir(parents=True, exist_ok=True)
    told = user_data()
    disk = _overlay(image, place / "machine.qcow2")
    everything = frozenset(map(str, KNOCKS))
    first = _boot(wire, disk, told, place / "first", accelerator)
    row = judge(GUEST, "bundle", first, Expected(WEB, before=everything, tools=False))
    unseen = () if row.in_force is not None else ("nobody saw when the policy came into force",)
    yield replace(row, problems=(*row.problems, *unseen))
    again = Expected(WEB, rules_as=first.report.get("rules", ""))
    yield judge(GUEST, "bundle, reboot", _boot(wire, disk, told, place / "reboot", accelerator), again)


def _overlay(image: Path, target: Path) -> Path:
    kind = json.loads(run(["qemu-img", "info", "--output=json", str(image)]))["format"]
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", kind, "-b", str(image.resolve()), str(target)])
    return target


def _boot(wire: Wire, disk: Path, told: bytes, folder: Path, accelerator: str) -> Boot:
    folder.mkdir(exist_ok=True)
    seed = machine.seed(folder, told, "first")
    itself = disks.Disk(disk, None, None, ())
    try:
        return machine.boot(wire, itself, disk, seed, folder, accelerator=accelerator)
    except Exception as failure:
        return machine.failed(machine.reason(failure))


def accelerator_for(image: Path, folder: Path) -> str:
    """kvm where this computer runs that image with it, else plain emulation: a /dev/kvm alone says little."""
    if not Path("/dev/kvm").exists():
        return machine.EMULATION
    folder.mkdir(parents=True, exist_ok=True)
    disk = _overlay(image, folder / "tried.qcow2")
    command = machine.emulator(None, None, disk, None, cmdline="", accelerator="kvm", wired=False)
    with subprocess.Popen(
        [*command, "-serial", "stdio"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as tried:
        said = machine.says_something(tried, SILENT)
        tried.kill()
    disk.unlink()
    return "kvm" if said else machine.EMULATION

"""a disk + a seed -> one power-on to power-off under qemu, and everything that was seen of it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.boot import disks, guests
from tests.boot.freezer import FreezeFailed, Freezer, Freezing
from tests.boot.wire import GATEWAY, GUEST, GUEST_MAC, TAP, Wire
from tests.signals import DEFAULT_SIGNALS

PROBER = Path(__file__).with_name("prober.py")
AGAIN = "lab.again"  # inside/report.py looks for it
LIMIT = 600  # seconds after which a guest counts as hung

# Drivers for what is not there, or for what nothing in the lab uses: udev would load each.
UNUSED_MODULES = (
    "aesni_intel",
    "ata_piix",
    "button",
    "crc32_pclmul",
    "crct10dif_pclmul",
    "evdev",
    "floppy",
    "ghash_clmulni_intel",
    "i2c_piix4",
    "kvm_amd",
    "kvm_intel",
    "pcspkr",
    "psmouse",
    "serio_raw",
    "sha1_ssse3",
    "sha256_ssse3",
    "sha512_ssse3",
)
# A processor that claims to move strings fast is believed, and qemu moves them byte by byte.
PROCESSOR = "max,erms=off,fsrm=off"
EMULATION = "tcg,thread=multi,tb-size=512"

# The usual ::/0 gets lost in cloud-init 22.4, and gateway6 is deprecated in 25.1. There is no router to ask: networkd
# would wait for one for 12 seconds, and be online after that.
NETWORK = f"""\
version: 2
ethernets:
  eth0:
    match: {{macaddress: "{GUEST_MAC}"}}
    set-name: eth0
    dhcp4: false
    dhcp6: false
    accept-ra: false
    addresses: ["{GUEST["4"]}/24", "{GUEST["6"]}/64"]
    routes:
      - {{to: 0.0.0.0/0, via: "{GATEWAY["4"]}"}}
      - {{to: "2000::/3", via: "{GATEWAY["6"]}"}}
"""
# As most clouds have it: an address by DHCP, another by DHCPv6, a third made of what the router advertises.
NETWORK_BY_DHCP = f"""\
version: 2
ethernets:
  eth0:
    match: {{macaddress: "{GUEST_MAC}"}}
    set-name: eth0
    dhcp4: true
    dhcp6: true
"""
NETWORK_OF_IPV4 = f"""\
version: 2
ethernets:
  eth0:
    match: {{macaddress: "{GUEST_MAC}"}}
    set-name: eth0
    dhcp4: false
    addresses: ["{GUEST["4"]}/24"]
    routes: [{{to: 0.0.0.0/0, via: "{GATEWAY["4"]}"}}]
"""


def network_of(guest: guests.Guest) -> str:
    """The network configuration that its cloud gives it: by DHCP where NetworkManager is, else its addresses, as far as
    it has the families."""
    if guest.manager == "NetworkManager":
        return NETWORK_BY_DHCP
    return NETWORK if "6" in guest.families else NETWORK_OF_IPV4


class BootFailed(Exception):
    """The emulator or the prober did not run; the message says what they said."""


def reason(failure: Exception) -> str:
    """What is told of a boot that failed; of what nobody foresaw, also where."""
    if isinstance(failure, (BootFailed, guests.BuildFailed)):
        return str(failure)
    return "".join(traceback.format_exception(type(failure), failure, failure.__traceback__)).strip()


@dataclass(frozen=True)
class Answer:
    """One answer of the guest, with the moment in seconds after its kernel's start."""

    at: float
    family: str
    knock: str
    answer: str


@dataclass(frozen=True)
class Boot:
    """What was seen from outside and told from inside between one power-on and power-off.

    All times are seconds after the kernel's start. `end` is `off`, `cut` (by the lab), `hung` or `failed`.
    """

    end: str
    seconds: float
    moments: Mapping[str, float]
    answers: tuple[Answer, ...]
    sent: Mapping[str, int]
    widest: float  # the longest time in which no round of knocks was made
    console: str
    report: Mapping[str, Any] = field(default_factory=dict)
    frozen: tuple[Path, ...] = ()  # the disk as it was again and again, oldest first
    failure: str = ""  # why there was nothing to see


def failed(why: str) -> Boot:
    """A boot of which nothing was seen."""
    return Boot("failed", 0.0, {}, (), {}, 0.0, "", failure=why)


def seed(folder: Path, user_data: bytes, instance: str, network: str = NETWORK) -> Path:
    """The disk that a cloud would attach: NoCloud. `network`: cloud-init's network configuration, version 2."""
    parts = {
        "user-data": user_data,
        "meta-data": f"instance-id: {instance}\nlocal-hostname: lab\n".encode(),
        "network-config": network.encode(),
    }
    content = folder / f"seed-{instance}"
    shutil.rmtree(content, ignore_errors=True)
    content.mkdir()
    for name, part in parts.items():
        (content / name).write_bytes(part)
    iso = folder / f"seed-{instance}.iso"
    guests.run(["genisoimage", "-quiet", "-volid", "cidata", "-joliet", "-rock", "-output", str(iso), str(content)])
    return iso


def boot(
    wire: Wire,
    disk: disks.Disk,
    overlay: Path,
    seed_disk: Path | None,
    folder: Path,
    *,
    board: Sequence[str] = (),
    cut_at: str = "",
    freezing: Freezing | None = None,
    again: bool = False,
    accelerator: str = EMULATION,
) -> Boot:
    """Switch a guest on and watch it until it is off. `board`: what that says of itself. `cut_at`: the moment of
    the guest at which its power is cut. `freezing`: when its disk is to be kept as it is. `again`: the guest applies
    its policy again in the end."""
    console, heard = folder / "console.log", folder / "answers.jsonl"
    with heard.open("w") as answers, (folder / "qemu.log").open("w") as said:
        prober = subprocess.Popen(
            [*DEFAULT_SIGNALS, *wire.inside([sys.executable, str(PROBER), TAP, GUEST_MAC])],
            stdin=subprocess.DEVNULL,
            stdout=answers,
        )
        try:
            _wait_for_prober(prober, heard)
            powered = time.monotonic()
            told = " ".join((command_line(masked=disk.masked), disk.command_line, AGAIN if again else ""))
            command = emulator(disk.kernel, disk.initrd, overlay, seed_disk, cmdline=told, accelerator=accelerator)
            command += ["-no-reboot", "-serial", f"file:{console}", "-serial", "stdio"]
            command += [word for told in board for word in ("-smbios", told)]
            freezer = None
            if freezing:
                freezer = Freezer(freezing, overlay, folder / "qmp")
                command += ["-qmp", f"unix:{folder / 'qmp'},server=on,wait=off"]
            running = subprocess.Popen(
                wire.inside(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
            )
            try:
                end, lines = follow(running, cut_at, freezer)
            except FreezeFailed as failure:
                raise BootFailed(str(failure)) from failure
            finally:
                running.kill()
                running.wait()
            ended = time.monotonic()
            prober.send_signal(signal.SIGTERM)
            if code := prober.wait(10):
                raise BootFailed(f"the prober ended with {code}: nobody watched the guest to its end")
        finally:
            prober.kill()
            prober.wait()
    text = console.read_text(errors="replace") if console.exists() else ""
    if not lines:
        hint = (folder / "qemu.log").read_text(errors="replace") + text[-1500:]
        raise BootFailed(f"the guest said nothing from its inside; {hint}")
    seen = _boot(end, ended - powered, lines, heard.read_text(), text)
    return replace(seen, frozen=tuple(freezer.frozen)) if freezer else seen


def command_line(*, masked: Sequence[str] = disks.SLOW_UNITS, unused: Sequence[str] = UNUSED_MODULES) -> str:
    """What the kernel is told: the units that it is not to start, the modules that it is not to load.

    Without random addresses a program that is started again finds the code that qemu has translated for it.
    """
    return " ".join(
        (
            f"root=/dev/vda rw rdinit={guests.RDINIT} console=ttyS0 net.ifnames=0 nokaslr norandmaps",
            "loglevel=5 systemd.show_status=1 panic=5 module_blacklist=" + ",".join(unused),
            *(f"systemd.mask={unit}" for unit in masked),
        )
    )


def emulator(
    kernel: Path | None,
    initrd: Path | None,
    overlay: Path,
    seed_disk: Path | None,
    *,
    cmdline: str,
    accelerator: str = EMULATION,
    wired: bool = True,
) -> list[str]:
    """The command of a machine; who calls it says what its serial ports lead to. Without a seed it has to ask a cloud,
    without a kernel it starts from its disk. Where it is not wired it has no network at all.

    Plain emulation needs no /dev/kvm. The NIC has no boot ROM: nothing answers before the guest's kernel.

    One processor: with two, qemu 7.2 sometimes leaves one of them for ever at a place where the kernel had just changed
    its own code (seen at netif_receive_skb_list_internal, when a static key was switched).
    """
    seed = ["-drive", f"file={seed_disk},if=virtio,format=raw,readonly=on"] if seed_disk else []
    started = ["-kernel", str(kernel), "-initrd", str(initrd), "-append", cmdline] if kernel else []
    card = (
        *("-netdev", f"tap,id=wire,ifname={TAP},script=no,downscript=no"),
        *("-device", f"virtio-net-pci,netdev=wire,mac={GUEST_MAC},romfile="),
    )
    return [
        *("nice", "-n", "10"),
        *(
            "qemu-system-x86_64",
            "-machine",
            "pc",
            "-accel",
            accelerator,
            "-cpu",
            PROCESSOR if accelerator != "kvm" else "host",
        ),
        *("-smp", "1", "-m", "1024"),
        *("-nodefaults", "-no-user-config", "-display", "none"),
        *started,
        *("-drive", f"file={overlay},if=virtio,format=qcow2"),
        *seed,
        *(card if wired else ()),
        *("-device", "virtio-rng-pci"),
    ]


def _wait_for_prober(prober: subprocess.Popen[bytes], heard: Path) -> None:
    deadline = time.monotonic() + 15
    while not heard.stat().st_size:
        if prober.poll() is not None or time.monotonic() > deadline:
            raise BootFailed("the prober did not start")
        time.sleep(0.05)


def follow(
    running: subprocess.Popen[bytes], cut_at: str = "", freezer: Freezer | None = None
) -> tuple[str, list[tuple[float, str]]]:
    """Read what the guest says from inside, until it is off. -> how it ended, the lines with the moment of each."""
    assert running.stdout is not None
    stream = running.stdout.fileno()
    lines: list[tuple[float, str]] = []
    deadline, rest = time.monotonic() + LIMIT, b""
    while True:
        until = min(deadline, freezer.due) if freezer else deadline
        readable, _, _ = select.select([stream], [], [], max(until - time.monotonic(), 0))
        now = time.monotonic()
        if now >= deadline:
            return "hung", lines
        if freezer and now >= freezer.due:
            freezer.freeze()
        if not readable:
            continue
        data = os.read(stream, 65536)
        if not data:
            return "off", lines
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            lines.append((now, line.decode(errors="replace").strip()))
            moment = lines[-1][1].split()[2:] if lines[-1][1].startswith("@moment ") else []
            if cut_at and moment == [cut_at]:
                running.kill()
                return "cut", lines
            if freezer and moment:
                freezer.hear(moment[0])


def says_something(running: subprocess.Popen[bytes], within: float) -> bool:
    """Whether a machine says anything within so many seconds."""
    assert running.stdout is not None
    readable, _, _ = select.select([running.stdout], [], [], within)
    return bool(readable and os.read(running.stdout.fileno(), 1))


def report_in(lines: Sequence[tuple[float, str]]) -> Mapping[str, Any]:
    """What the guest told of itself, or nothing."""
    report: Mapping[str, Any] = {}
    for _, line in lines:
        if line.startswith("@report "):
            with contextlib.suppress(ValueError):
                report = json.loads(line[8:])
    return report


def _boot(end: str, seconds: float, lines: list[tuple[float, str]], heard: str, console: str) -> Boot:
    moments: dict[str, float] = {}
    starts, report = [], report_in(lines)
    for at, line in lines:
        if line.startswith("@moment "):
            _, uptime, name = line.split()
            moments[name] = float(uptime)
            starts.append(at - float(uptime))
    kernel_start = min(starts)  # every line came later than it was said: the earliest is the nearest
    told = [json.loads(line) for line in heard.splitlines()]
    answers = [
        Answer(round(t["asked"] - kernel_start, 2), t["family"], t["knock"], t["answer"])
        for t in told
        if t["what"] == "answer"
    ]
    sums = told[-1]
    return Boot(end, seconds, moments, tuple(answers), sums["sent"], sums["widest"], console, report)

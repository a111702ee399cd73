"""a vendor's image, or what stands in for one -> a baked image, its machines booted, and each looked at with testinfra.

python -m tests.image                   all of it, on the stand-in for CentOS Stream 9: what `make image` does
python -m tests.image --only build      the image and its papers alone

It calls packer/build with the same templates that a real base image goes through. Two machines of the image are booted
from overlays at the same time: the first also once more, and the second is then broken in every way that the suite has
to find. It takes root: each machine is watched from a network namespace of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import hashlib
import os
import queue
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import records
from tests.boot import disks, guests, machine
from tests.boot.guests import GUESTS
from tests.boot.wire import GATEWAY, GUEST, Wire, wire
from tests.image.breaking import WAYS
from tests.suites import REPOSITORY

GUEST_KIND = GUESTS["el9-bare"]
RELEASE = "centos-stream-9"
DATE = "20261123.0"  # of the stand-in, named as its model is
NAME = f"CentOS-Stream-GenericCloud-9-{DATE}.stand-in"
# The lab's own witness switches its machines off: here nobody is to. And packer's seed is a CD on an IDE controller.
CMDLINE = machine.command_line(
    masked=(*disks.SLOW_UNITS, "lab-watch.service"),
    unused=[module for module in machine.UNUSED_MODULES if module != "ata_piix"],
)
PATIENCE = 420  # seconds that an emulated machine may take until it lets us in

# What machines have whose user-data says nothing of a firewall; the machines below say more.
DEFAULT = "#cloud-config\nvps_firewall: {ping: false}\n"
POLICY = f"""\
#cloud-config
vps_firewall:
  ssh: {{from: ["{GATEWAY["4"]}", "{GATEWAY["6"]}"]}}
  allow:
    - http
    - 8443/tcp
    - {{port: 5000/tcp, from: [203.0.113.0/24]}}
    - {{port: 60000-60010/udp, from: ["2001:db8:51::/64"]}}
"""
# Without its own name in /etc/hosts, each sudo waits twenty seconds for a name server that is not there.
USER = """\
manage_etc_hosts: localhost
users:
  - name: ops
    lock_passwd: true
    shell: /bin/bash
    sudo: "ALL=(ALL) NOPASSWD:ALL"
    ssh_authorized_keys: [{key}]
"""


class ImageFailed(Exception):
    """The image, or a machine of it, is not what it has to be."""


@dataclass(frozen=True)
class Place:
    """What the machines of a run have in common."""

    image: Path
    kernel: Path
    initrd: Path
    identities: Path
    identified: threading.Event  # the first machine's identity is written down


@dataclass(frozen=True)
class Machine:
    """A machine of the image: its own wire, and where its disk and all that belongs to it is kept."""

    network: Wire
    folder: Path
    key: Path
    ssh_config: Path


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.image", description="Bake an image and look at its machines."
    )
    parser.add_argument("--only", choices=("build", "boots"), help="boots: of the image that was built last")
    parser.add_argument("--record", action="store_true", help="write what was seen to tests/records/image.json")
    options = parser.parse_args(arguments)
    if os.geteuid() != 0:
        parser.error("network namespaces and disks take root: run this with sudo")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    cache = guests.cache_directory()
    cache.mkdir(parents=True, exist_ok=True)
    images = cache.parent / "image"
    image = images / f"{RELEASE}-vps-firewall"
    began = time.monotonic()
    try:
        with guests.locked(cache / "lab.lock"):
            if options.only != "boots":
                guests.remove(image)
                bake(images)
            if options.only != "build":
                look(image / f"{image.name}.qcow2", images / "machines")
                if options.record:
                    records.keep("image", [_recorded()], ("image",))
    except (ImageFailed, guests.BuildFailed, machine.BootFailed) as failure:
        print(f"tests.image: {failure}", file=sys.stderr)
        return 1
    print(f"{image}: done in {time.monotonic() - began:.0f} s")
    return 0


def _recorded() -> dict[str, object]:
    """Nothing was wrong, or this is not reached."""
    about = records.system(guests.root_of(GUEST_KIND))
    return {"image": RELEASE, "guest": GUEST_KIND.name, **about, "boots": 3, "ways of being wrong": len(WAYS)}


# --- baking -----------------------------------------------------------------------------------------------


def bake(images: Path) -> None:
    started = time.monotonic()
    _run([sys.executable, str(REPOSITORY / "packaging/build.py"), "rpm"], "the package")
    base, kernel, initrd = stand_in(images)
    variables = images / "stand-in.pkrvars.hcl"
    boots = {"-kernel": kernel, "-initrd": initrd, "-append": CMDLINE, "-cpu": machine.PROCESSOR}
    quoted = ", ".join(f'["{option}", "{value}"]' for option, value in boots.items())
    variables.write_text(
        f'# Made by `make image`.\nbase_image = "{base}"\nbase_image_checksum = "file:{base.parent}/SHA256SUMS"\n'
        f'accelerator = "tcg"\ndisk_size = "{disks.DISK_SIZE.replace("G", "")}G"\nssh_timeout = "10m"\n'
        f"qemuargs = [{quoted}]\n"
    )
    default = images / "default-policy.yaml"
    default.write_text(DEFAULT)
    command = [str(REPOSITORY / "packer/build"), RELEASE, "--var-file", str(variables), "--default", str(default)]
    command += ["--output", str(images), "--testinfra", sys.executable]
    _run(["nice", "-n", "10", *command], "the build")
    print(f"baked in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def stand_in(images: Path) -> tuple[Path, Path, Path]:
    """The base image as a vendor has it on a server: a dated name, and a list of checksums beside it."""
    disk = disks.disk_of(GUEST_KIND, disks.STOCK)
    folder = images / "vendor"
    file = folder / f"{NAME}.qcow2"
    mark = folder / "made-from"
    if not file.exists() or not mark.exists() or mark.read_text() != disk.file.name:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        guests.run(["nice", "-n", "10", "qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(disk.file), str(file)])
        with file.open("rb") as data:
            digest = hashlib.sha256()
            while block := data.read(1 << 20):
                digest.update(block)
        (folder / "SHA256SUMS").write_text(f"SHA256 ({file.name}) = {digest.hexdigest()}\n")
        mark.write_text(disk.file.name)
    assert disk.kernel
    assert disk.initrd
    return file, disk.kernel, disk.initrd


# --- machines of the image --------------------------------------------------------------------------------


def look(image: Path, folder: Path) -> None:
    """First boot and reboot of one machine; first boot of another, and what the suite finds when it is wrong. Both at a
    time: an emulated machine has one processor."""
    if not image.is_file():
        raise ImageFailed(f"there is no {image}")
    guests.remove(folder)
    folder.mkdir(parents=True)
    _, kernel, initrd = stand_in(image.parent.parent)
    place = Place(image, kernel, initrd, folder / "identities", threading.Event())
    ended: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def work(job: Callable[[Place, Machine], list[str]], name: str) -> None:
        try:
            with wire() as network:
                ended.put(job(place, _machine(network, folder / name)))
        except Exception as failure:
            ended.put(failure)

    # Daemons: their machines end with this program, however that ends.
    jobs = {"first": first_and_again, "second": another_and_wrong}
    for name, job in jobs.items():
        threading.Thread(target=work, args=(job, name), daemon=True).start()
    wrong = []
    for _ in jobs:
        end = ended.get()
        if isinstance(end, Exception):
            raise end
        wrong += end
    if wrong:
        raise ImageFailed("\n".join(["not as it has to be:", *wrong]))
    for overlay in folder.glob("*/*.qcow2"):
        overlay.unlink()


def first_and_again(place: Place, one: Machine) -> list[str]:
    with booted(place, one):
        wrong = told("first boot", suite(place, one, "first boot"))
        place.identified.set()
        before = ssh(one, "cat /proc/sys/kernel/random/boot_id")
        ssh(one, "sudo systemctl reboot", check=False)
        hang_up(one)
        until_up(one, before)
        return wrong + told("reboot", suite(place, one, "reboot"))


def another_and_wrong(place: Place, one: Machine) -> list[str]:
    with booted(place, one):
        place.identified.wait()
        wrong = told("another machine", suite(place, one, "another machine"))
        break_it(place, one)
        # It takes the first one's identity, which the other suite is not to hear of.
        apart = one.folder / "identities"
        shutil.copy(place.identities, apart)
        found = suite(dataclasses.replace(place, identities=apart), one, "a machine that is wrong")
    missed = [way for way in WAYS if not way.found_in(found)]
    say(one, f"it was wrong in {len(WAYS)} ways: {len(WAYS) - len(missed)} found")
    return wrong + [f"was not found: {way.name}: {way.test} did not say {way.says!r}" for way in missed]


def say(one: Machine, text: str) -> None:
    print(f"{one.folder.name} machine: {text}", file=sys.stderr, flush=True)


def _machine(network: Wire, folder: Path) -> Machine:
    folder.mkdir()
    key = folder / "key"
    _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ops", "-f", str(key)], "a key")
    config = folder / "ssh_config"
    lines = ["Host image", f"HostName {GUEST['4']}", "User ops", f"IdentityFile {key}", "IdentitiesOnly yes"]
    lines += ["StrictHostKeyChecking no", "UserKnownHostsFile /dev/null", "LogLevel ERROR", "ConnectTimeout 10"]
    # One connection for all commands: a new one costs an emulated machine seconds, and the usual exchange of keys more
    # than this one. The path has to be short.
    lines += ["ControlMaster auto", "ControlPersist 10m", "ServerAliveInterval 20", "ServerAliveCountMax 6"]
    lines += [f"ControlPath {tempfile.mkdtemp(prefix='vps-firewall-ssh-')}/%C", "GSSAPIAuthentication no"]
    lines += ["KexAlgorithms curve25519-sha256", "Ciphers aes128-gcm@openssh.com", "PreferredAuthentications publickey"]
    config.write_text("".join(f"{line}\n" for line in lines))
    (folder / "user-data.yaml").write_text(POLICY)
    return Machine(network, folder, key, config)


@contextlib.contextmanager
def booted(place: Place, one: Machine) -> Iterator[None]:
    """The machine, with a disk and a seed of its own, switched on until the end of the block."""
    overlay = disks.overlay(place.image, one.folder / "disk.qcow2")
    user = USER.format(key=one.key.with_suffix(".pub").read_text().strip())
    seed = machine.seed(one.folder, (POLICY + user).encode(), one.folder.name)
    command = machine.emulator(place.kernel, place.initrd, overlay, seed, cmdline=CMDLINE)
    command += ["-serial", f"file:{one.folder / 'console'}"]
    with (one.folder / "qemu").open("w") as said:
        emulator = subprocess.Popen(one.network.inside(command), stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            until_up(one, "")
            yield
        finally:
            emulator.kill()
            emulator.wait()
            hang_up(one)


def until_up(one: Machine, before: str) -> None:
    """Wait until the machine lets us in (into another boot than `before`) and cloud-init has come to its end."""
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE:
        now = ssh(one, "cat /proc/sys/kernel/random/boot_id", check=False)
        if now and now != before:
            ssh(one, "cloud-init status --wait", check=False)
            say(one, f"up after {time.monotonic() - began:.0f} s")
            return
        time.sleep(2)
    raise ImageFailed(f"the machine let nobody in for {PATIENCE} s: see {one.folder / 'console'}")


def ssh(one: Machine, command: str, *, options: Sequence[str] = (), check: bool = True) -> str:
    words = one.network.inside(["ssh", "-F", str(one.ssh_config), *options, "image", command])
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300)
    except subprocess.TimeoutExpired as failure:
        raise ImageFailed(f"{command[:60]}: no answer for {failure.timeout:.0f} s") from None
    if check and done.returncode:
        raise ImageFailed(f"{command[:60]}: exit {done.returncode}: {done.stderr[-500:]}")
    return done.stdout.strip()


def hang_up(one: Machine) -> None:
    ssh(one, "true", options=["-O", "exit"], check=False)


def told(when: str, failures: Mapping[str, str]) -> list[str]:
    return [f"{when}: {name}: {why[:1500]}" for name, why in failures.items()]


def suite(place: Place, one: Machine, name: str) -> dict[str, str]:
    """Run the fleet suite against the machine. -> test -> why it failed. Raises ImageFailed when no test was run."""
    report = one.folder / f"{name.replace(' ', '-')}.xml"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "fleet/vps_firewall_fleet"]
    command += ["--junitxml", str(report)]
    command += ["--hosts", "ssh://image", "--ssh-config", str(one.ssh_config), "--sudo"]
    command += ["--policy", str(one.folder / "user-data.yaml")]
    # Each machine has a name of its own among the identities, though all have one address.
    command += ["--identities", str(place.identities), "--called", one.folder.name]
    began = time.monotonic()
    done = subprocess.run(one.network.inside(command), cwd=REPOSITORY, capture_output=True, text=True, check=False)
    failures = {}
    cases = ElementTree.parse(report).getroot().iter("testcase") if report.exists() else []  # noqa: S314  our own file
    count = 0
    for case in cases:
        count += 1
        for failure in (*case.iter("failure"), *case.iter("error")):
            failures[str(case.get("name"))] = f"{failure.get('message')}\n{failure.text}"
    say(one, f"{name}: {count} tests, {len(failures)} failed, {time.monotonic() - began:.0f} s")
    if not count or done.returncode not in (0, 1):
        raise ImageFailed(f"{name}: pytest ended with {done.returncode}\n{done.stdout[-6000:]}{done.stderr[-2000:]}")
    return failures


def break_it(place: Place, one: Machine) -> None:
    """Every way in one command: the last ones may well cost the connection."""
    began = time.monotonic()
    first = next(line for line in place.identities.read_text().splitlines() if '"host": "first"' in line)
    lines = [
        f"sh -c {shlex.quote(way.command.replace('@FIRST@', first))} || {{ echo {shlex.quote(way.name)} >&2; exit 9; }}"
        for way in WAYS
    ]
    ssh(one, f"sudo sh -c {shlex.quote(chr(10).join(lines))}")
    say(one, f"made wrong in {time.monotonic() - began:.0f} s")


def _run(command: Sequence[str], what: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise ImageFailed(f"{what} failed: {command[0]} ended with {done.returncode}")


if __name__ == "__main__":
    sys.exit(main())

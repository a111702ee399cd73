"""a vendor's image, or what stands in for one -> a baked image, its machines booted, and each looked at with testinfra.

python -m tests.image                   all of it, on the stand-in for CentOS Stream 9: what `make image` does
python -m tests.image --only build      the image and its papers alone

It calls packer/build with the same templates that a real base image goes through. Two machines of the image are booted
from overlays, one after the other: the first also once more, and the second is then broken in every way that the suite
has to find. It takes root: the machines are watched from a network namespace of their own.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.boot import disks, guests, machine
from tests.boot.guests import GUESTS
from tests.boot.wire import GATEWAY, GUEST, GUEST_MAC, TAP, Wire, wire
from tests.image.breaking import WAYS
from tests.suites import REPOSITORY

GUEST_KIND = GUESTS["el9-bare"]
RELEASE = "centos-stream-9"
DATE = "20261123.0"  # of the stand-in, named as its model is
NAME = f"CentOS-Stream-GenericCloud-9-{DATE}.stand-in"
# The lab's own witness switches its machines off: here nobody is to.
CMDLINE = machine.CMDLINE + " systemd.mask=lab-watch.service"
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
    """Where this run keeps its files."""

    folder: Path
    key: Path
    ssh_config: Path
    policy: Path
    identities: Path


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.image", description="Bake an image and look at its machines."
    )
    parser.add_argument("--only", choices=("build", "boots"), help="boots: of the image that was built last")
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
    except (ImageFailed, guests.BuildFailed, machine.BootFailed) as failure:
        print(f"tests.image: {failure}", file=sys.stderr)
        return 1
    print(f"{image}: done in {time.monotonic() - began:.0f} s")
    return 0


# --- baking -----------------------------------------------------------------------------------------------


def bake(images: Path) -> None:
    started = time.monotonic()
    _run([sys.executable, str(REPOSITORY / "packaging/build.py"), "rpm"], "the package")
    base, kernel, initrd = stand_in(images)
    variables = images / "stand-in.pkrvars.hcl"
    boots = [["-kernel", str(kernel)], ["-initrd", str(initrd)], ["-append", CMDLINE], ["-cpu", "max"]]
    quoted = ", ".join("[" + ", ".join(f'"{word}"' for word in pair) + "]" for pair in boots)
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
    return file, disk.kernel, disk.initrd


# --- machines of the image --------------------------------------------------------------------------------


def look(image: Path, folder: Path) -> None:
    """First boot and reboot of one machine, first boot of another, and what the suite finds on one that is wrong."""
    if not image.is_file():
        raise ImageFailed(f"there is no {image}")
    guests.remove(folder)
    folder.mkdir(parents=True)
    place = _place(folder)
    wrong = []
    with wire() as network:
        with booted(network, image, "first", place):
            wrong += told("first boot", suite(network, place, "first boot"))
            before = ssh(network, place, "cat /proc/sys/kernel/random/boot_id")
            ssh(network, place, "sudo systemctl reboot", check=False)
            hang_up(network, place)
            until_up(network, place, before)
            wrong += told("reboot", suite(network, place, "reboot"))
        with booted(network, image, "second", place):
            wrong += told("another machine", suite(network, place, "another machine"))
            break_it(network, place)
            found = suite(network, place, "a machine that is wrong")
    missed = [way for way in WAYS if not way.found_in(found)]
    print(f"a machine that was wrong in {len(WAYS)} ways: {len(WAYS) - len(missed)} found", file=sys.stderr, flush=True)
    wrong += [f"was not found: {way.name}: {way.test} did not say {way.says!r}" for way in missed]
    if wrong:
        raise ImageFailed("\n".join(["not as it has to be:", *wrong]))
    for overlay in folder.glob("*.qcow2"):
        overlay.unlink()


def _place(folder: Path) -> Place:
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
    policy = folder / "user-data.yaml"
    policy.write_text(POLICY)
    return Place(folder, key, config, policy, folder / "identities")


@contextlib.contextmanager
def booted(network: Wire, image: Path, name: str, place: Place) -> Iterator[None]:
    """A machine of the image, with a disk and a seed of its own, switched on until the end of the block."""
    overlay = disks.overlay(image, place.folder / f"{name}.qcow2")
    user = USER.format(key=place.key.with_suffix(".pub").read_text().strip())
    seed = machine.seed(place.folder, (POLICY + user).encode(), name)
    _, kernel, initrd = stand_in(image.parent.parent)
    console = place.folder / f"{name}.console"
    command = [
        *("nice", "-n", "10"),
        *("qemu-system-x86_64", "-machine", "pc", "-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max"),
        *("-smp", "1", "-m", "1024", "-nodefaults", "-no-user-config", "-display", "none"),
        *("-kernel", str(kernel), "-initrd", str(initrd), "-append", CMDLINE),
        *("-drive", f"file={overlay},if=virtio,format=qcow2"),
        *("-drive", f"file={seed},if=virtio,format=raw,readonly=on"),
        *("-netdev", f"tap,id=wire,ifname={TAP},script=no,downscript=no"),
        *("-device", f"virtio-net-pci,netdev=wire,mac={GUEST_MAC},romfile="),
        *("-device", "virtio-rng-pci", "-serial", f"file:{console}"),
    ]
    with (place.folder / f"{name}.qemu").open("w") as said:
        emulator = subprocess.Popen(network.inside(command), stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            until_up(network, place, "")
            yield
        finally:
            emulator.kill()
            emulator.wait()
            # The next machine has the same addresses and other keys: no connection of the first is to be used.
            hang_up(network, place)


def until_up(network: Wire, place: Place, before: str) -> None:
    """Wait until the machine lets us in (into another boot than `before`) and cloud-init has come to its end."""
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE:
        now = ssh(network, place, "cat /proc/sys/kernel/random/boot_id", check=False)
        if now and now != before:
            ssh(network, place, "cloud-init status --wait", check=False)
            print(f"up after {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            return
        time.sleep(2)
    raise ImageFailed(f"the machine let nobody in for {PATIENCE} s: see the consoles in {place.folder}")


def ssh(network: Wire, place: Place, command: str, *, options: Sequence[str] = (), check: bool = True) -> str:
    words = ["ssh", "-F", str(place.ssh_config), *options, "image", command]
    done = subprocess.run(
        network.inside(words), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300
    )
    if check and done.returncode:
        raise ImageFailed(f"{command[:60]}: exit {done.returncode}: {done.stderr[-500:]}")
    return done.stdout.strip()


def hang_up(network: Wire, place: Place) -> None:
    ssh(network, place, "true", options=["-O", "exit"], check=False)


def told(when: str, failures: Mapping[str, str]) -> list[str]:
    return [f"{when}: {name}: {why[:1500]}" for name, why in failures.items()]


def suite(network: Wire, place: Place, name: str) -> dict[str, str]:
    """Run tests/image against the machine. -> test -> why it failed. Raises ImageFailed when no test was run."""
    called = {"first boot": "first", "reboot": "first"}.get(name, "second")
    report = place.folder / f"{name.replace(' ', '-')}.xml"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "tests/image", "--junitxml", str(report)]
    command += ["--hosts", "ssh://image", "--ssh-config", str(place.ssh_config), "--sudo"]
    command += ["--policy", str(place.policy), "--durations", "8"]
    # Each machine has a name of its own among the identities, though all have one address.
    command += ["--identities", str(place.identities), "--called", called]
    began = time.monotonic()
    done = subprocess.run(network.inside(command), cwd=REPOSITORY, capture_output=True, text=True, check=False)
    failures = {}
    cases = ElementTree.parse(report).getroot().iter("testcase") if report.exists() else []  # noqa: S314  our own file
    count = 0
    for case in cases:
        count += 1
        for failure in (*case.iter("failure"), *case.iter("error")):
            failures[str(case.get("name"))] = f"{failure.get('message')}\n{failure.text}"
    print(
        f"{name}: {count} tests, {len(failures)} failed, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True
    )
    if not count or done.returncode not in (0, 1):
        raise ImageFailed(f"{name}: pytest ended with {done.returncode}\n{done.stdout[-6000:]}{done.stderr[-2000:]}")
    return failures


def break_it(network: Wire, place: Place) -> None:
    """Every way in one command: the last ones may well cost the connection."""
    began = time.monotonic()
    first = next(line for line in place.identities.read_text().splitlines() if '"host": "first"' in line)
    lines = [
        f"sh -c {shlex.quote(way.command.replace('@FIRST@', first))} || {{ echo {shlex.quote(way.name)} >&2; exit 9; }}"
        for way in WAYS
    ]
    ssh(network, place, f"sudo sh -c {shlex.quote(chr(10).join(lines))}")
    print(f"broken in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def _run(command: Sequence[str], what: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise ImageFailed(f"{what} failed: {command[0]} ended with {done.returncode}")


if __name__ == "__main__":
    sys.exit(main())

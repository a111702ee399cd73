"""a suite's root -> a machine with its own network, and an internet that is wired to it; all gone at the end.

The machine is an overlay over the root, in namespaces of its own for mounts, network, processes, hostname and IPC: what
happens in it reaches neither the root nor the computer that runs this. The internet is a bare network namespace that
holds the addresses of everybody else.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import loaded
from .knock import PING, Knock
from .namespaces import await_addresses

KNOCK = Path(__file__).with_name("knock.py")

# Addresses of documentation (RFC 5737, RFC 3849). The machine's provider is the internet's end of the wire.
MACHINE = {4: "198.51.100.10", 6: "2001:db8:51::10"}
GATEWAY = {4: "198.51.100.1", 6: "2001:db8:51::1"}
OFFICE = {4: "203.0.113.7", 6: "2001:db8:203::7"}
ANYONE = {4: "192.0.2.66", 6: "2001:db8:192::66"}
PREFIX_LENGTH = {4: 24, 6: 64}

# What a program started by systemd would find: no HOME, no locale of whoever runs the tests.
ENVIRONMENT = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8")

# Runs in the new namespaces, with $1 the root, $2 an empty directory, $3 what another machine of that root has changed
# in it, or nothing, and $4 where this one's changes go, in `upper`, or nothing. The settings under /proc/sys that are
# not the network's belong to the whole computer: read-only. /dev holds no block device, and its console is a file.
MAKE_MACHINE = """
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=0755 scratch "$2"
cd "$2"
mkdir lower upper work root
mount --bind "$1" lower
below=lower
if [ -n "$3" ]; then
    mkdir changed
    mount --bind "$3" changed
    below=changed:lower
fi
above=${4:+$4/}
mount -t overlay -o "lowerdir=$below,upperdir=${above}upper,workdir=${above}work" overlay root
cd root
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t proc -o rw proc mnt
mount --bind mnt/sys/net proc/sys/net
umount -l mnt
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=0755 run run
mount -t tmpfs -o mode=0755 dev dev
mkdir dev/pts dev/shm run/lock
mknod -m 666 dev/null c 1 3
mknod -m 666 dev/zero c 1 5
mknod -m 666 dev/full c 1 7
mknod -m 666 dev/random c 1 8
mknod -m 666 dev/urandom c 1 9
mknod -m 666 dev/tty c 5 0
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
touch dev/console
hostname machine
pivot_root . mnt
umount -l mnt
echo ready
exec sleep infinity
"""

MAKE_INTERNET = """
echo ready
exec sleep infinity
"""


class WorldFailed(Exception):
    """A namespace could not be made or entered; the message says what the tool said."""


@dataclass(frozen=True)
class Place:
    """A network namespace, alive for as long as the process that holds it."""

    holder: int

    def with_our_tools(
        self, command: Sequence[str], *, given: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of this computer in the network of that place."""
        return _run([*_enter_network(self.holder), *command], given, check)


@dataclass(frozen=True)
class Machine(Place):
    """The place that is to be protected: a root of its own besides the network. `made_of`: the suite's root below."""

    made_of: Path

    @property
    def root(self) -> Path:
        """The machine's root directory, seen from outside. Absolute symlinks in it point outside: do not follow."""
        return Path(f"/proc/{self.holder}/root")

    def run(
        self, *command: str, given: str | None = None, check: bool = True, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of the machine, in all of its namespaces."""
        return _run([*self.entrance(environment), *command], given, check)

    def cloud_init(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of cloud-init, to its end, whatever that is."""
        return loaded.of(self.made_of, ENVIRONMENT).run(self.holder, ("/usr/bin/cloud-init", *arguments))

    def entrance(self, environment: Mapping[str, str] | None = None) -> list[str]:
        """What to put before a command for it to run in the machine."""
        extra = [f"{name}={value}" for name, value in (environment or {}).items()]
        target = f"--target={self.holder}"
        inside = ["nsenter", target, "--mount", "--net", "--uts", "--ipc", "--pid", "--root", "--wd"]
        return [*inside, "--", "env", "-i", *ENVIRONMENT, *extra]

    def read(self, path: str) -> str:
        """The text of a file of the machine; empty if there is none."""
        try:
            return (self.root / path.lstrip("/")).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def write(self, path: str, text: str | bytes) -> None:
        """Put a file into the machine, with the directories that lead to it."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode() if isinstance(text, str) else text)

    @contextlib.contextmanager
    def listening(self, ports: Sequence[int]) -> Iterator[None]:
        """Something answers on each of these TCP ports, on every address of the machine."""
        command = [*_enter_network(self.holder), sys.executable, str(KNOCK), "listen", *map(str, ports)]
        with _until_left(command) as listener:
            _wait_for_ready(listener, "the listeners")
            yield


@dataclass(frozen=True)
class Internet(Place):
    """Everybody else. `door` is the machine's process, whose eth0 tells what has arrived."""

    door: int

    def knock(self, knocks: Sequence[Knock]) -> dict[Knock, str]:
        """Each (source, target, port) with what came of it: open, refused, or silent."""
        command = [sys.executable, str(KNOCK), "knock", f"/proc/{self.door}/ns/net"]
        answered = self.with_our_tools(command, given=json.dumps(knocks))
        words: list[str] = json.loads(answered.stdout)
        return dict(zip(knocks, words))

    def ping(self, source: str, target: str) -> bool:
        """Whether an echo request from this address is answered."""
        knock = (source, target, PING)
        return self.knock([knock])[knock] == "open"


@contextlib.contextmanager
def world(root: Path, changed: Path | None = None) -> Iterator[tuple[Machine, Internet]]:
    """A machine made from this root, an internet, and the wire between them. `changed`: what was changed in that root
    by another one."""
    with _machine(root, changed) as machine, _internet(machine) as internet:
        _wire(machine, internet)
        yield machine, internet


@contextlib.contextmanager
def alone(root: Path) -> Iterator[Machine]:
    """A machine made from this root, with a loopback and no wire."""
    with _machine(root) as machine:
        _configure(machine, "link set lo up")
        yield machine


@contextlib.contextmanager
def pair(root: Path) -> Iterator[tuple[Machine, Machine]]:
    """Two machines made from this root, and a wire between them that is neither up nor has an address."""
    with _machine(root) as one, _machine(root) as other:
        for machine in (one, other):
            _configure(machine, "link set lo up")
        _configure(one, f"link add eth0 type veth peer name eth0 netns {other.holder}")
        yield one, other


@contextlib.contextmanager
def changes(root: Path, folder: Path) -> Iterator[Machine]:
    """A machine alone; at the end, all that was changed in it is in `folder`, for others of that root."""
    with tempfile.TemporaryDirectory(prefix="vps-firewall-") as kept:
        for name in ("upper", "work"):
            Path(kept, name).mkdir(mode=0o755)
        with _machine(root, above=Path(kept)) as machine:
            yield machine
            subprocess.run(["cp", "-a", f"{kept}/upper", str(folder)], check=True)


@contextlib.contextmanager
def _machine(root: Path, changed: Path | None = None, above: Path | None = None) -> Iterator[Machine]:
    scratch = tempfile.mkdtemp(prefix="vps-firewall-")
    try:
        kinds = ["--mount", "--net", "--uts", "--ipc", "--pid"]
        folders = [str(root.resolve()), scratch, *(str(each.resolve()) if each else "" for each in (changed, above))]
        with _held(kinds, MAKE_MACHINE, *folders) as holder:
            yield Machine(holder, root.resolve())
    finally:
        os.rmdir(scratch)  # the file systems were mounted in a namespace that is gone


@contextlib.contextmanager
def _internet(machine: Machine) -> Iterator[Internet]:
    with _held(["--net"], MAKE_INTERNET) as holder:
        yield Internet(holder, machine.holder)


@contextlib.contextmanager
def _held(kinds: Sequence[str], script: str, *arguments: str) -> Iterator[int]:
    """New namespaces of these kinds, kept by a process that ends with this block."""
    if os.geteuid() != 0:
        raise WorldFailed("making a network namespace takes root: run this with sudo")
    command = ["unshare", *kinds, "--fork", "--kill-child", "--", "sh", "-c", script, "sh", *arguments]
    with _until_left(command) as unshare:
        _wait_for_ready(unshare, "the namespaces")
        yield int(Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children").read_text().split()[0])


def _wire(machine: Machine, internet: Internet) -> None:
    both = machine, internet
    for place in both:
        _configure(place, "link set lo up")
    _configure(machine, f"link add eth0 type veth peer name eth0 netns {internet.holder}")
    for place, addresses in ((machine, MACHINE), (internet, GATEWAY)):
        # Duplicate address detection would keep the IPv6 addresses unusable for a second or two.
        _set(place, "ipv6/conf/eth0/accept_dad", "0")
        _configure(place, *(f"addr add {addresses[family]}/{PREFIX_LENGTH[family]} dev eth0" for family in (4, 6)))
        _configure(place, "link set eth0 up")
    for somebody in (OFFICE, ANYONE):
        _configure(internet, f"addr add {somebody[4]}/32 dev eth0", f"addr add {somebody[6]}/128 dev eth0 nodad")
    _configure(machine, *(f"-{family} route add default via {GATEWAY[family]}" for family in (4, 6)))
    for place in both:
        await_addresses(f"/proc/{place.holder}/net")
    _set(internet, "ipv4/ping_group_range", "0 0")  # lets root ping without raw sockets


def _configure(place: Place, *lines: str) -> None:
    for line in lines:
        place.with_our_tools(["ip", *line.split()])


def _set(place: Place, name: str, value: str) -> None:
    place.with_our_tools(["sh", "-c", 'echo "$2" > "/proc/sys/net/$1"', "sh", name, value])


def _enter_network(holder: int) -> list[str]:
    return ["nsenter", f"--net=/proc/{holder}/ns/net", "--"]


def _run(command: Sequence[str], given: str | None, check: bool) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command,
        input=given or "",  # never the terminal of whoever runs this
        capture_output=True,
        text=True,
        errors="replace",
    )
    if check and done.returncode != 0:
        raise WorldFailed(f"{' '.join(command)}\nexit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


@contextlib.contextmanager
def _until_left(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that is killed at the end of the block, or with this program if that is killed."""
    if shutil.which(command[0]) is None:
        raise WorldFailed(f"{command[0]} is not installed")
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _wait_for_ready(process: subprocess.Popen[str], what: str) -> None:
    assert process.stdout is not None
    assert process.stderr is not None
    if process.stdout.readline() != "ready\n":
        raise WorldFailed(f"{what} could not be made: {process.stderr.read().strip()}")

"""name of a Debian suite -> directory with that suite's root, made once and kept.

Each suite brings its own cloud-init, Python, nft and iptables: together they are the matrix of versions that the
module must live with, and no virtual machine is needed to meet them. A root is made by mmdebstrap from Debian's signed
archive and never changed afterwards: whoever uses one lays an overlay over it.

    python3 -m tests.suites             make all of them, print where they are
    python3 -m tests.suites bookworm    make this one
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

REPOSITORY = Path(__file__).resolve().parent.parent

# What a Debian cloud image has and the firewall touches. nftables and iptables-persistent are both here, so that either
# backend finds the service that loads its file at boot.
PACKAGES = (
    "cloud-init",
    "iproute2",
    "iptables",
    "iptables-persistent",
    "netbase",
    "nftables",
    "openssh-server",
    "procps",
    "python3-jsonschema",  # with it cloud-init validates user-data, as on every Debian image
    "python3-yaml",
    "sudo",
    "systemd",
)

# iptables-persistent offers to save the rules that it finds; in a chroot those are the rules of the building machine.
ANSWERS = "".join(f"iptables-persistent iptables-persistent/autosave_v{family} boolean false\n" for family in (4, 6))
PRESEED = f"printf '{ANSWERS}' | chroot \"$1\" debconf-set-selections".replace("\n", "\\n")

UNUSED_FILES = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*/LC_MESSAGES/*", "/usr/share/man/*")

# apt inside mmdebstrap does not read this machine's apt.conf. These settings say how the archive is reached and whether
# a mirror that was frozen at some date may be used; signatures are checked whatever they say.
INHERITED_APT_OPTIONS = (
    "Acquire::Check-Date",
    "Acquire::Check-Valid-Until",
    "Acquire::http::Proxy",
    "Acquire::https::Proxy",
)

BUILDS_AT_ONCE = 2


class BuildFailed(Exception):
    """A root could not be made; the message holds the end of what mmdebstrap said."""


@dataclass(frozen=True)
class Suite:
    """One column of the matrix: the archive's name for it, and the cloud-init and Python it is wanted for."""

    name: str
    cloud_init: str
    python: str
    moves: bool = False  # a suite that is not released: its versions are these or later ones
    instead: str = ""  # the suite to take when this one cannot be installed today


SUITES = {
    suite.name: suite
    for suite in (
        Suite("bullseye", cloud_init="20.4", python="3.9"),
        Suite("bookworm", cloud_init="22.4", python="3.11"),
        Suite("trixie", cloud_init="25.1", python="3.13"),
        Suite("sid", cloud_init="26.2", python="3.14", moves=True, instead="forky"),
    )
}


def cache_directory() -> Path:
    """Where roots are kept: `.cache/roots` in the repository, or `roots` under $VPS_FIREWALL_CACHE."""
    chosen = os.environ.get("VPS_FIREWALL_CACHE")
    return (Path(chosen).resolve() if chosen else REPOSITORY / ".cache") / "roots"


def root_of(name: str, more: Sequence[str] = ()) -> Path:
    """The root of this suite, from the cache or made now; several processes may ask at once. `more`: packages besides
    those that every root has, which make it another root."""
    suite = SUITES[name]
    try:
        return _cached(suite, name, (*PACKAGES, *more))
    except BuildFailed:
        if not suite.instead:
            raise
        return _cached(suite, suite.instead, (*PACKAGES, *more))


def root_with(name: str, packages: Sequence[str]) -> Path:
    """A root of this suite with these packages alone, without cloud-init: Debian's conflicts with firewalld."""
    return _cached(None, name, packages)


def cloud_init_version(root: Path) -> str:
    """`22.4.2-1+deb12u2` -> `22.4.2`: the upstream version of the cloud-init package in a root."""
    question = ["dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W", "-f=${Version}", "cloud-init"]
    answer = subprocess.run(question, check=True, stdout=subprocess.PIPE, text=True).stdout
    return answer.split(":")[-1].split("-")[0]


def _cached(suite: Suite | None, archive_name: str, packages: Sequence[str]) -> Path:
    command = _mmdebstrap(archive_name, packages)
    digest = hashlib.sha256("\0".join([_architecture(), *command]).encode()).hexdigest()[:12]
    cache = cache_directory()
    root = cache / f"{archive_name}-{digest}"
    if root.is_dir():
        return root
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / f"{archive_name}.lock"):
        if not root.is_dir():  # else another process made it while this one waited
            with _one_of_the_slots(cache):
                _build(suite, [*command[:-1], *_inherited(), command[-1]], root)
    return root


def _mmdebstrap(archive_name: str, packages: Sequence[str]) -> list[str]:
    """Everything that decides what will be in the root, so that its digest can name the root."""
    return [
        "mmdebstrap",
        "--quiet",
        "--mode=root",
        "--format=directory",
        "--variant=minbase",
        "--include=" + ",".join(packages),
        "--essential-hook=" + PRESEED,
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in UNUSED_FILES),
        archive_name,
    ]


def _inherited() -> list[str]:
    asked = subprocess.run(
        ["apt-config", "dump", "--no-empty", "--format", '%f "%v";%n', *INHERITED_APT_OPTIONS],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return [f"--aptopt={line}" for line in asked.stdout.splitlines()]


def _architecture() -> str:
    return subprocess.run(
        ["dpkg", "--print-architecture"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


def _build(suite: Suite | None, command: Sequence[str], root: Path) -> None:
    if os.geteuid() != 0:
        raise BuildFailed("making a suite's root takes root: run this with sudo")
    name, started = command[-1], time.monotonic()
    partial = root.with_name(root.name + ".partial")
    _remove(partial)
    print(f"making the root of {name}, about a minute ...", file=sys.stderr, flush=True)
    try:
        made = subprocess.run([*command, str(partial)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except FileNotFoundError:
        raise BuildFailed("mmdebstrap is not installed: apt-get install mmdebstrap") from None
    if made.returncode != 0:
        _remove(partial)
        raise BuildFailed(f"mmdebstrap could not make {name}:\n" + "\n".join(made.stdout.splitlines()[-25:]))
    version = cloud_init_version(partial) if suite else ""
    if suite and not _as_wanted(suite, version):
        _remove(partial)
        raise BuildFailed(f"{name} has cloud-init {version}, wanted was {suite.cloud_init}")
    partial.rename(root)
    print(f"made the root of {name} in {time.monotonic() - started:.0f} s: {root}", file=sys.stderr, flush=True)


def _as_wanted(suite: Suite, version: str) -> bool:
    found, wanted = ([int(part) for part in text.split(".")[:2]] for text in (version, suite.cloud_init))
    return found == wanted or (suite.moves and found > wanted)


def _remove(directory: Path) -> None:
    """Without crossing into anything that is mounted there, whatever an interrupted build left."""
    subprocess.run(["rm", "-rf", "--one-file-system", "--", str(directory)], check=True)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _one_of_the_slots(cache: Path) -> Iterator[None]:
    """Hold one of a few locks, so that no more roots than that are made at the same time."""
    with contextlib.ExitStack() as stack:
        slots: list[IO[str]] = [
            stack.enter_context((cache / f"slot-{number}.lock").open("w")) for number in range(BUILDS_AT_ONCE)
        ]
        while not any(_taken(slot) for slot in slots):
            time.sleep(0.5)
        yield


def _taken(slot: IO[str]) -> bool:
    try:
        fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.suites", description="Make and keep roots of Debian suites."
    )
    parser.add_argument("suite", nargs="*", help=f"of {', '.join(SUITES)}; default: all of them")
    wanted = parser.parse_args(arguments).suite or list(SUITES)
    if unknown := [name for name in wanted if name not in SUITES]:
        parser.error(f"not a suite: {', '.join(unknown)}")
    # One process a suite: the slots decide how many of them work at a time.
    if len(wanted) > 1:
        children = [subprocess.Popen([sys.executable, "-m", "tests.suites", name], cwd=REPOSITORY) for name in wanted]
        return max([child.wait() for child in children])
    try:
        root = root_of(wanted[0])
    except BuildFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    print(f"{wanted[0]}: cloud-init {cloud_init_version(root)} in {root}")
    return 0


if __name__ == "__main__":
    sys.exit(_main())

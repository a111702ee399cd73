"""a machine -> what another suite of Debian ships, to run on it: a newer dockerd, and WireGuard.

Its root is an overlay, so that the one in the cache stays as it was made; the network is the machine's, or that of the
neighbour.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.lab.apart import running
from tests.lab.machine import Machine
from tests.suites import root_of

SUITE = "trixie"
PACKAGES = ("docker-cli", "docker.io", "wireguard-go", "wireguard-tools")
ROOT = "/run/suite"

MOUNT = f"""
mkdir {ROOT} /run/over && mount -t tmpfs over /run/over && mkdir /run/over/upper /run/over/work
mount -t overlay suite -o lowerdir=LOWER,upperdir=/run/over/upper,workdir=/run/over/work {ROOT}
mount --rbind /dev {ROOT}/dev && mount --rbind /sys {ROOT}/sys && mount -t proc proc {ROOT}/proc
mount -t tmpfs run {ROOT}/run && mkdir -p {ROOT}/run/lock {ROOT}/run/wireguard
"""


# `make test` runs the first of these; `make test-neighbours` all of them.
ROWS = [
    (first, tool) for tool in ("nftables", "iptables-nft", "iptables-legacy") for first in ("neighbour", "firewall")
]
if os.environ.get("VPS_FIREWALL_NEIGHBOURS") != "all":
    ROWS = ROWS[:1]


class Suite:
    """Another suite's root on a machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        lower = root_of(SUITE, PACKAGES)
        machine.run(MOUNT.replace("LOWER", str(lower)))
        variant = "legacy" if machine.tool == "iptables-legacy" else "nft"
        for name in ("iptables", "ip6tables"):
            for suffix in ("", "-save", "-restore"):
                machine.run(f"ln -sf /usr/sbin/{name}-{variant}{suffix} {ROOT}/usr/sbin/{name}{suffix}")

    def run(self, script: str, text: str = "", check: bool = True) -> str:
        """A shell's output, in that root and the machine's network."""
        return self.machine.run(f"chroot {ROOT} /bin/sh -c {shlex.quote(script)}", text, check)

    @contextmanager
    def running(
        self, *argv: str, ready: Callable[[], bool], by_neighbour: bool = False
    ) -> Iterator[subprocess.Popen[str]]:
        """A program of that root, once it is ready, until the end of the block."""
        script = f"mount -t proc proc {ROOT}/proc; exec chroot {ROOT} {shlex.join(argv)}"
        network = ("nsenter", f"--net={self.machine.neighbour.path}") if by_neighbour else ()
        with running(self.machine, "sh", "-c", script, ready=ready, before=network) as program:
            yield program

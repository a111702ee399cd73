"""name of a guest -> directory with its root, made once from Debian's packages and kept.

Nothing of ours is in such a root: `disks.py` makes a copy, puts the module in, and makes a disk of it. The guests named
el9 and el10 are not CentOS: they are Debian underneath, made by `el.py` to look like CentOS Stream.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests import suites

# What a cloud image of Debian has, as far as booting and filtering go.
BASE = (
    "cloud-init",
    "dbus",
    "iproute2",
    "kmod",
    "libpam-systemd",
    "linux-image-cloud-amd64",
    "netbase",
    "openssh-server",
    "procps",
    "python3-jsonschema",  # with it cloud-init validates user-data, as on every Debian image
    "python3-yaml",
    "sudo",
    "systemd-sysv",
    "udev",
)

# An initrd that mounts a virtio disk and no more. The usual one settles every device first: eight emulated seconds.
MOUNT_ROOT = """\
#!/bin/sh
mkdir -p /dev /root /sys
mount -t devtmpfs dev /dev
mount -t sysfs sys /sys
modprobe -a virtio_pci virtio_blk
mount -t ext4 -o rw /dev/vda /root
mount -o move /dev /root/dev
mount -o move /sys /root/sys
exec run-init /root /sbin/init <dev/console >dev/console 2>&1
"""
INITRAMFS_HOOK = f"""\
#!/bin/sh
[ "$1" = prereqs ] && exit
printf %s {shlex.quote(MOUNT_ROOT)} >"$DESTDIR/mount-root"
chmod +x "$DESTDIR/mount-root"
"""
SMALL_INITRD = (
    'mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/etc/initramfs-tools/hooks"',
    'echo MODULES=list >"$1/etc/initramfs-tools/conf.d/small"',
    'printf "virtio_pci\\nvirtio_blk\\next4\\n" >"$1/etc/initramfs-tools/modules"',
    f'printf %s {shlex.quote(INITRAMFS_HOOK)} >"$1/etc/initramfs-tools/hooks/mount-root"',
    'chmod +x "$1/etc/initramfs-tools/hooks/mount-root"',
)
RDINIT = "/mount-root"  # what the kernel is told to start in that initrd


class BuildFailed(Exception):
    """A root or a disk could not be made; the message holds the end of what the tool said."""


# Kernel modules, as patterns of their file names: what EL 10's kernel has in a package that nothing installs, and what
# nft and iptables-nft need.
EXTENSIONS = ("xt_*", "ipt_*", "ip6t_*", "ip_tables.*", "ip6_tables.*", "iptable_*", "ip6table_*", "nft_compat.*")
NF_TABLES = ("nf_tables.*", "nft_*")
NO_IPV6 = "ipv6.disable=1"


@dataclass(frozen=True)
class Guest:
    """One kind of machine. `release` is what it says it is, `suite` what it is made of."""

    name: str
    suite: str
    firewall: str  # the backend that this image is made for
    release: str = "debian"
    packages: tuple[str, ...] = ()
    version: str = ""  # of the release, where it is EL's
    order: str = "rhel"  # of cloud-init's units on EL: the one that its templates give rhel, or centos
    manager: str = (
        "networkd"  # who brings the network up: networkd with addresses of its own, or NetworkManager by DHCP
    )
    lacks: tuple[str, ...] = ()  # patterns of modules that its kernel does not have
    legacy: bool = False  # iptables are the legacy tools
    kernel: str = ""  # what its kernel is told

    @property
    def is_el(self) -> bool:
        return self.release == "centos"

    @property
    def families(self) -> tuple[str, ...]:
        """Over what it can be reached: IPv4, IPv6, and from the link."""
        return ("4",) if NO_IPV6 in self.kernel.split() else ("4", "6", "link")


# SELinux with Debian's policy, for want of EL's. Permissive: in enforcing mode it does not let cloud-init start.
_EL = ("dnf", "iptables", "nftables", "policycoreutils", "rpm", "selinux-policy-default")
_EL_MANAGED = (*_EL, "network-manager")
_LEGACY = ("iptables", "iptables-persistent")

GUESTS = {
    guest.name: guest
    for guest in (
        Guest("debian12", "bookworm", "nftables", packages=("nftables",)),
        Guest("debian13", "trixie", "nftables", packages=("nftables",)),
        Guest("sid", "sid", "nftables", packages=("initramfs-tools", "nftables")),
        Guest("debian12-no-ipv6", "bookworm", "nftables", packages=("nftables",), kernel=NO_IPV6),
        Guest("debian12-legacy", "bookworm", "iptables", packages=_LEGACY, legacy=True, lacks=NF_TABLES),
        Guest("el9-iptables", "bookworm", "iptables", "centos", _EL, "9"),
        Guest("el9-nftables", "bookworm", "nftables", "centos", _EL, "9"),
        Guest("el9-bare", "bookworm", "none", "centos", _EL, "9"),
        Guest("el9-centos", "bookworm", "nftables", "centos", _EL, "9", order="centos"),
        Guest("el9-no-ipv6", "bookworm", "iptables", "centos", _EL, "9", kernel=NO_IPV6),
        Guest("el9-networkmanager", "bookworm", "iptables", "centos", _EL_MANAGED, "9", manager="NetworkManager"),
        Guest("el10-networkmanager", "trixie", "nftables", "centos", _EL_MANAGED, "10", manager="NetworkManager"),
        Guest("el10-kernel", "bookworm", "nftables", "centos", _EL, "10", lacks=EXTENSIONS),
        Guest("el9-firewalld", "bookworm", "nftables", "centos", (*_EL, "firewalld"), "9"),
        # What people use today, for the rows that ours are compared with.
        # The first of them is made from the same root as the EL stand-ins: CI builds one less.
        Guest("debian12-iptables", "bookworm", "none", packages=_EL),
        Guest("debian12-ufw", "bookworm", "none", packages=("iptables", "nftables", "ufw")),
    )
}


def cache_directory() -> Path:
    """Where roots and disks are kept: `.cache/boot` in the repository, or `boot` under $VPS_FIREWALL_CACHE."""
    return suites.cache_directory().parent / "boot"


def root_of(guest: Guest) -> Path:
    """The root of this guest, from the cache or made now."""
    command = _mmdebstrap(guest)
    digest = hashlib.sha256("\0".join(command).encode()).hexdigest()[:12]
    cache = cache_directory()
    root = cache / f"root-{guest.suite}-{digest}"
    if not root.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with locked(cache / f"root-{digest}.lock"):
            if not root.is_dir():  # else another process made it while this one waited
                _build(command, root)
    return root


def _mmdebstrap(guest: Guest) -> list[str]:
    """Everything that decides what will be in the root, so that its digest can name the root."""
    return [
        "mmdebstrap",
        "--quiet",
        "--mode=root",
        "--format=directory",
        "--variant=minbase",
        "--include=" + ",".join(sorted({*BASE, *guest.packages})),
        *(f"--essential-hook={line}" for line in SMALL_INITRD),
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in suites.UNUSED_FILES),
        "--dpkgopt=path-exclude=/usr/share/doc-base/*",
        guest.suite,
    ]


def _build(command: list[str], root: Path) -> None:
    started = time.monotonic()
    partial = root.with_name(root.name + ".partial")
    remove(partial)
    print(f"making {root.name}, two or three minutes ...", file=sys.stderr, flush=True)
    asked = ["apt-config", "dump", "--no-empty", "--format", '%f "%v";%n', *suites.INHERITED_APT_OPTIONS]
    inherited = subprocess.run(asked, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    options = [f"--aptopt={line}" for line in inherited]
    try:
        run(["nice", "-n", "10", *command[:-1], *options, command[-1], str(partial)])
    except BuildFailed:
        remove(partial)
        raise
    partial.rename(root)
    print(f"made {root.name} in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def run(command: list[str]) -> str:
    """A tool's output. Raises BuildFailed with the end of it."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    except FileNotFoundError:
        raise BuildFailed(f"{command[0]} is not installed: tests/boot/install-host installs it") from None
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-25:])
        raise BuildFailed(f"{' '.join(command[:4])} ... exit {done.returncode}\n{tail}")
    return done.stdout


def remove(directory: Path) -> None:
    """Without crossing into anything that is mounted there, whatever an interrupted build left."""
    subprocess.run(["rm", "-rf", "--one-file-system", "--", str(directory)], check=True)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time in the block; the lock goes with its process, however that ends."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

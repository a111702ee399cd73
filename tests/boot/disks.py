"""a guest's root + our module -> a disk that boots, made once for each state of the sources and kept."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.boot import el
from tests.boot.guests import EXTENSIONS, Guest, cache_directory, locked, remove, root_of, run
from tests.engine import place
from tests.suites import REPOSITORY

HERE = Path(__file__).resolve().parent
DISK_SIZE = "3G"  # sparse

# How an image is made: with the module and the seal, with the module alone, with nothing of ours, or as people have it
# today.
SEALED, UNSEALED, STOCK = "sealed", "unsealed", "stock"
RUNCMD, UFW, FIREWALLD, CYCLE = "runcmd", "ufw", "firewalld", "cycle"
# Ours on an image whose maker left another firewall switched on, and where no package can be had.
# firewalld is for EL: on Debian its unit makes an ordering cycle that takes cloud-init's network stage away.
BESIDE_UFW, BESIDE_FIREWALLD, CUT_OFF = "beside-ufw", "beside-firewalld", "cut-off"
# Ours, sealed with iptables by a kernel that could load it, and then with one that cannot, as EL 10's is.
NO_EXTENSIONS = "no-extensions"
# As a vendor makes it, without the lab's witness too.
VENDOR = "vendor"
# Ours on an image for a cloud, with a service that is slow to load the rules.
CLOUD = "cloud"
# Instead of the kernel's own choice, which is AppArmor.
SELINUX = "security=selinux selinux=1 enforcing=0"
FILE_CONTEXTS = "etc/selinux/default/contexts/files/file_contexts"
# All of the lab's: which of them it is the machine's board says. Google's images know the address of theirs by name.
CLOUD_SOURCES = "datasource_list: [Hetzner, Ec2, OpenStack, DigitalOcean, GCE, Azure, None]\n"
CLOUD_HOSTS = "127.0.0.1 localhost\n169.254.169.254 metadata.google.internal metadata\n"
RIVALS = {UFW: UFW, FIREWALLD: FIREWALLD, BESIDE_UFW: UFW, BESIDE_FIREWALLD: FIREWALLD}

# What costs an emulated machine time. Debian's disks stay as their packages made them, and the kernel is told to mask
# these. On EL's they are taken off: its first boot enables and disables all units as presets say, and systemd gives
# that up where one of them is masked.
SLOW_UNITS = (
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty@tty1.service",
    *(f"modprobe@{module}.service" for module in ("configfs", "dm_mod", "drm", "efi_pstore", "fuse", "loop")),
    "proc-sys-fs-binfmt_misc.automount",
    "serial-getty@ttyS0.service",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-binfmt.service",
    "systemd-logind.service",
    "systemd-update-utmp-runlevel.service",
    "systemd-update-utmp.service",
)
# What an emulated machine would lose minutes with, and what the lab has no use for.
CLOUD_CONFIG = """\
datasource_list: [NoCloud, None]
growpart: {mode: "off"}
resize_rootfs: false
ssh_genkeytypes: [ed25519]
ssh: {emit_keys_to_console: false}
no_ssh_fingerprints: true
grub_dpkg: {enabled: false}
locale: C.UTF-8
manage_etc_hosts: false
apt: {preserve_sources_list: true}
system_info: {network: {renderers: [networkd]}}
"""

RENDERER = "system_info: {network: {renderers: [network-manager]}}\n"

LISTENERS = """\
[Unit]
Description=Listen on ports that the policies of the lab open and close, from the first second to the last
DefaultDependencies=no

[Socket]
ListenStream=80
ListenStream=3306
ListenStream=8080
BindIPv6Only=both
Accept=yes

[Install]
WantedBy=sysinit.target
"""

LISTENER = """\
[Unit]
DefaultDependencies=no

[Service]
ExecStart=/bin/true
StandardInput=socket
"""

# The same without systemd's sockets, for an image that is not made here.
LISTENING = """\
import selectors, socket

select = selectors.DefaultSelector()
for port in (80, 3306, 8080):
    listening = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
    select.register(listening, selectors.EVENT_READ)
while True:
    for key, _ in select.select():
        key.fileobj.accept()[0].close()
"""

WATCH = """\
[Unit]
Description=Tell the lab what moment it is
DefaultDependencies=no

[Service]
ExecStart=/usr/local/lib/lab/watch

[Install]
WantedBy=sysinit.target
"""

# A machine whose disk is busy, say. Whoever is not ordered behind the rules is there first.
SLOW = """\
[Service]
ExecStartPre=/bin/sleep 10
"""

# A service as EL ships its own: with default dependencies. On Debian it makes an ordering cycle, since cloud-init's
# network stage there comes before sysinit.target, which every unit with default dependencies waits for
# (canonical/cloud-init#6502).
EL_STYLE_UNIT = """\
[Unit]
Description=A firewall service in the manner of EL
Before=network-pre.target
Wants=network-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class Disk:
    """A file system with the kernel that boots it. Never written to: who boots it lays an overlay over it."""

    file: Path
    kernel: Path | None  # none where the disk has a boot loader
    initrd: Path | None
    units: tuple[str, ...]  # what systemd-analyze says against its units that it did not say before we came
    command_line: str = ""  # what its kernel is told besides
    masked: tuple[str, ...] = SLOW_UNITS  # what its kernel is told to mask


def disk_of(guest: Guest, flavour: str) -> Disk:
    """The disk of this guest in this flavour, from the cache or made now."""
    root = root_of(guest)
    cache = cache_directory()
    name = f"disk-{guest.name}-{flavour}"
    file = cache / f"{name}-{_digest(guest, root)}.raw"
    with locked(cache / f"{name}.lock"):
        if not file.exists():
            for old in cache.glob(f"{name}-*"):
                old.unlink()
            _make(guest, flavour, root, file)
    kernel, initrd = (next((root / "boot").glob(f"{kind}-*")) for kind in ("vmlinuz", "initrd.img"))
    said = tuple(file.with_suffix(".units").read_text().splitlines())
    told = " ".join(filter(None, (SELINUX if guest.is_el else "", guest.kernel)))
    return Disk(file, kernel, initrd, said, told, () if guest.is_el else SLOW_UNITS)


def _digest(guest: Guest, root: Path) -> str:
    """Of everything that goes into a disk: the guest, the root's name, and every source of ours."""
    whole = hashlib.sha256(f"{guest} {root.name}".encode())
    sources = [*HERE.rglob("*"), *(REPOSITORY / "cc_vps_firewall").rglob("*.py"), *(REPOSITORY / "schemas").glob("*")]
    kept = {"disks.py", "el.py", "watch", "report.py"}
    for path in sorted(sources):
        if path.is_file() and (HERE not in path.parents or path.name in kept):
            whole.update(f"{path.relative_to(REPOSITORY)}\0".encode() + path.read_bytes())
    return whole.hexdigest()[:12]


def _make(guest: Guest, flavour: str, original: Path, file: Path) -> None:
    started = time.monotonic()
    root = file.with_suffix(".root")
    remove(root)
    try:
        run(["nice", "-n", "10", "cp", "-a", str(original), str(root)])
        _prepare(guest, root)
        _rival(flavour, root)
        before = _verified(root)
        _flavour(guest, flavour, root)
        if guest.is_el:
            el.preset_all(root)
        said = [line for line in _verified(root) if line not in before]
        file.with_suffix(".units").write_text("".join(f"{line}\n" for line in said))
        if guest.is_el:
            run(["setfiles", "-r", str(root), str(root / FILE_CONTEXTS), str(root)])
        partial = file.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        # 4 KiB blocks and no lazy initialisation: the guest would spend its first minute on it.
        extended = "lazy_itable_init=0,lazy_journal_init=0"
        run(
            ["nice", "-n", "10", "mke2fs", "-q", "-t", "ext4", "-E", extended, "-d", str(root), str(partial), DISK_SIZE]
        )
        partial.rename(file)
    finally:
        remove(root)
    print(f"made {file.name} in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def _prepare(guest: Guest, root: Path) -> None:
    """What makes a machine of a root, and lets the lab look into it."""
    write(root, "etc/hostname", "lab\n")
    write(root, "etc/fstab", "/dev/vda / ext4 rw,noatime 0 0\n")
    write(root, "etc/default/locale", "LANG=C.UTF-8\n")  # as it is to be: nothing for cloud-init to generate
    write(root, "etc/machine-id", "uninitialized\n" if guest.is_el else "")
    write(root, "etc/cloud/cloud.cfg.d/90_lab.cfg", CLOUD_CONFIG)
    write(root, "etc/systemd/system/lab-listen.socket", LISTENERS)
    write(root, "etc/systemd/system/lab-listen@.service", LISTENER)
    write(root, "etc/systemd/system/lab-watch.service", WATCH)
    write(root, "usr/local/lib/lab/watch", (HERE / "inside/watch").read_text(), 0o755)
    write(root, "usr/local/lib/lab/report", (HERE / "inside/report.py").read_text())
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    if guest.is_el:
        el.disguise(root, guest)
        _take_units(root, SLOW_UNITS)
    if guest.legacy:
        for tool in ("iptables", "ip6tables"):
            run(["chroot", str(root), "update-alternatives", "--set", tool, f"/usr/sbin/{tool}-legacy"])
    if guest.lacks:
        _take_modules(root, guest.lacks)
    if guest.manager == "NetworkManager":
        write(root, "etc/cloud/cloud.cfg.d/92_network.cfg", RENDERER)
        for unit in (root / "usr/lib/systemd/system").glob("systemd-networkd*"):  # EL does not ship it
            unit.unlink()
    enable(root, f"{el.MANAGERS[guest.manager]}.service", "lab-listen.socket", "lab-watch.service")


def _rival(flavour: str, root: Path) -> None:
    """What the makers of such an image would have switched on."""
    if flavour == BESIDE_UFW:  # by its own command, in a network of its own: without rules of its own it fails at boot
        run(["unshare", "--net", "--mount", "--", "sh", "-ec", _UFW_ENABLE, "sh", str(root)])
    if flavour in RIVALS:
        write(root, "etc/systemd/system-preset/80-rival.preset", f"enable {RIVALS[flavour]}.service\n")
        enable(root, f"{RIVALS[flavour]}.service")


_UFW_ENABLE = 'mount -t proc proc "$1/proc"; ip link set lo up; exec chroot "$1" ufw --force enable'


def _flavour(guest: Guest, flavour: str, root: Path) -> None:
    if flavour == NO_EXTENSIONS:
        el.add(root, "nftables")
    if flavour in (SEALED, CYCLE, CLOUD, NO_EXTENSIONS):
        _register(root, sealed=True)
    if flavour in (UNSEALED, BESIDE_UFW, BESIDE_FIREWALLD, CUT_OFF):
        _register(root, sealed=False)
    if flavour == CYCLE:
        write(root, "etc/systemd/system/el-style.service", EL_STYLE_UNIT)
        enable(root, "el-style.service")
    if flavour == CLOUD:
        write(root, "etc/cloud/cloud.cfg.d/92_cloud.cfg", CLOUD_SOURCES)
        write(root, "etc/hosts", CLOUD_HOSTS)
        for unit in place("redhat" if guest.is_el else "debian", guest.firewall).units:
            write(root, f"etc/systemd/system/{unit}.d/slow.conf", SLOW)
    if flavour == NO_EXTENSIONS:
        _take_modules(root, EXTENSIONS)
    if flavour == VENDOR:
        run(["systemctl", f"--root={root}", "disable", "lab-listen.socket", "lab-watch.service"])
        for path in (*(root / "etc/systemd/system").glob("lab-*"), *(root / "usr/local/lib/lab").iterdir()):
            path.unlink()
    if flavour == CUT_OFF:
        (root / "etc/yum.repos.d/lab.repo").unlink()


def _take_units(root: Path, units: Sequence[str]) -> None:
    """Units of packages, with every other name of theirs."""
    names = {re.sub(r"@\w+", "@", unit) for unit in units}
    for folder in ("usr/lib/systemd/system", "etc/systemd/system"):
        for path in sorted((root / folder).rglob("*")):
            if path.name in names or (path.is_symlink() and path.readlink().name in names):
                path.unlink()


def _take_modules(root: Path, patterns: tuple[str, ...]) -> None:
    """What an upgrade of the kernel does whose package has no longer all that the one before it had."""
    (folder,) = (root / "lib/modules").iterdir()
    gone = [path for pattern in patterns for path in folder.rglob(pattern)]
    assert len(gone) > len(patterns)
    for path in gone:
        path.unlink()
    run(["chroot", str(root), "depmod", folder.name])


def _verified(root: Path) -> list[str]:
    """What systemd says of the units that its boot would start, with the generators' work imitated: cloud-init's
    target is wanted by none of the files on the disk."""
    link = root / "etc/systemd/system/multi-user.target.wants/cloud-init.target"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to("/lib/systemd/system/cloud-init.target")
    try:
        command = ["chroot", str(root), "systemd-analyze", "verify", "--man=no", "default.target"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    finally:
        link.unlink()
    return [*done.stdout.splitlines(), *([f"systemd-analyze: exit {done.returncode}"] if done.returncode else [])]


def _register(root: Path, *, sealed: bool) -> None:
    """Put our module into the guest's cloud-init, as whoever builds an image does."""
    command = [sys.executable, "-m", "cc_vps_firewall", "install", "--root", str(root)]
    subprocess.run([*command, *(["--sealed"] if sealed else [])], check=True, cwd=REPOSITORY, stdout=subprocess.DEVNULL)


def write(root: Path, path: str, text: str, mode: int = 0o644) -> None:
    """Put a file into a root, with the directories that lead to it."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink():
        target.unlink()
    target.write_text(text, encoding="utf-8")
    target.chmod(mode)


def enable(root: Path, *units: str) -> None:
    run(["systemctl", f"--root={root}", "enable", *units])


def overlay(disk: Path, target: Path) -> Path:
    """A disk that holds what is written from now on, over one that stays as it is."""
    kind = "raw" if disk.suffix == ".raw" else "qcow2"
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", kind, "-b", str(disk), str(target)])
    return target


def copy(disk: Path, target: Path) -> Path:
    """The same overlay once more."""
    return Path(shutil.copy(disk, target))

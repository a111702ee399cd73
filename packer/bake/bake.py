#!/usr/bin/python3
"""a machine that runs a vendor's image -> the same with our firewall in it, and with nothing of its builder.

Two commands, both as root, both on the machine that becomes the image:

bake.py bake --package P --backend B [--sealed [--default FILE]]
                                  look whether this base image will do, install, register, seal, write facts.json
bake.py finish --builder USER [--power-off]
                                  take away what the builder left, and this program

Standard library alone, Python 3.9: it runs wherever cloud-init does. Running either again changes nothing.
"""

from __future__ import annotations

import argparse
import glob
import hashlib
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
FACTS = "facts.json"
ROOM = 150  # megabytes that packages, their index and a first boot take at the most
STATE = Path("/var/lib/vps-firewall")


class Backend(NamedTuple):
    """Of one distribution: the package, its services that load rules at boot, those that load a seal, the files."""

    package: str
    units: tuple[str, ...]
    seal_units: tuple[str, ...]
    files: tuple[str, ...]


class System(NamedTuple):
    """A family of distributions, its IDs in os-release(5), and what its packages are."""

    title: str
    ids: tuple[str, ...]
    packages: str
    backends: dict[str, Backend]


# This program runs on its own, before anything of ours is installed.
# Made of the table of distributions by `make generate`: changes here are lost.
SYSTEMS = (
    System(
        "CentOS, RHEL, Alma, Rocky, Fedora",
        ("centos", "fedora", "rhel"),
        "rpm",
        {
            "nftables": Backend(
                "nftables",
                ("nftables.service",),
                ("nftables.service",),
                ("/etc/nftables/vps-firewall.nft",),
            ),
            "iptables": Backend(
                "iptables-nft-services",
                ("iptables.service", "ip6tables.service"),
                ("iptables.service", "ip6tables.service"),
                ("/etc/sysconfig/iptables", "/etc/sysconfig/ip6tables"),
            ),
        },
    ),
    System(
        "Debian, Ubuntu",
        ("debian", "ubuntu"),
        "deb",
        {
            "nftables": Backend(
                "nftables",
                ("nftables.service",),
                ("vps-firewall.service",),
                ("/etc/nftables/vps-firewall.nft",),
            ),
            "iptables": Backend(
                "iptables-persistent",
                ("netfilter-persistent.service",),
                ("netfilter-persistent.service",),
                ("/etc/iptables/rules.v4", "/etc/iptables/rules.v6"),
            ),
        },
    ),
)
MANAGERS = (
    "firewalld.service",
    "ufw.service",
)
# End of what is made.

# Whole folders of what a machine writes while it runs, emptied and kept.
EMPTIED = (
    "/tmp",  # noqa: S108  everything in it goes
    "/var/tmp",  # noqa: S108
    "/var/log/journal",
    "/var/lib/dhcp",
    "/var/lib/dhclient",
    "/var/lib/NetworkManager",
    "/var/lib/systemd/timers",
    "/var/lib/systemd/coredump",
    "/var/lib/apt/lists",
    "/var/cache/apt/archives",
    "/var/cache/dnf",
    "/var/cache/libdnf5",
)
# Single files, by pattern.
REMOVED = (
    "/etc/ssh/ssh_host_*",
    "/etc/sudoers.d/90-cloud-init-users",
    "/root/.ssh/authorized_keys",
    "/root/.*_history",
    "/root/.lesshst",
    "/root/.python_history",
    # The second to last state of the users: the builder is in it.
    "/etc/passwd-",
    "/etc/shadow-",
    "/etc/group-",
    "/etc/gshadow-",
    "/etc/subuid-",
    "/etc/subgid-",
    # Secrets of this one machine.
    "/var/lib/systemd/random-seed",
    "/var/lib/systemd/credential.secret",
    "/loader/random-seed",
    "/boot/efi/loader/random-seed",
    # Who installed what when: the package manager's own account of the build.
    "/var/lib/dnf/history.sqlite*",
    "/var/lib/dnf/*.log",
    "/usr/lib/sysimage/libdnf5/transaction_history.sqlite*",
    "/var/cache/apt/*.bin",
    "/var/cache/ldconfig/aux-cache",
)
# What cloud-init wrote for the builder's network; `cloud-init clean` keeps it before 23.4.
RENDERED = (
    "/etc/netplan/50-cloud-init.yaml",
    "/etc/network/interfaces.d/50-cloud-init*",
    "/etc/systemd/network/10-cloud-init-*.network",
    "/etc/systemd/network/50-cloud-init-*.link",
    "/etc/NetworkManager/system-connections/cloud-init-*.nmconnection",
    "/etc/NetworkManager/conf.d/30-cloud-init-*.conf",
    "/etc/sysconfig/network-scripts/ifcfg-*",
    "/etc/udev/rules.d/70-persistent-net.rules",
    "/etc/ssh/sshd_config.d/50-cloud-init.conf",
)
WRITTEN_BY = ("ifcfg-",)  # of these names, only files that say they are cloud-init's


class CannotBake(Exception):
    """This base image will not do, or a step failed; the message says what to change."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bake.py", description="Bake vps-firewall into the image of this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    baking = commands.add_parser("bake")
    baking.add_argument("--package", required=True, help="an .rpm or .deb, or the name of a package")
    baking.add_argument("--backend", required=True, choices=("nftables", "iptables"))
    baking.add_argument("--sealed", action="store_true")
    baking.add_argument("--default", default="", metavar="FILE")
    finishing = commands.add_parser("finish")
    finishing.add_argument("--builder", required=True, metavar="USER")
    finishing.add_argument("--power-off", action="store_true")
    options = parser.parse_args(arguments)
    try:
        if os.geteuid() != 0:
            raise CannotBake("this takes root")
        if options.command == "bake":
            bake(options.package, options.backend, options.sealed, options.default)
        else:
            finish(options.builder)
    except (CannotBake, OSError) as failure:
        print(f"bake: {failure}", file=sys.stderr)
        return 1
    if options.command == "finish" and options.power_off:
        os.execvp("systemctl", ["systemctl", "poweroff"])  # noqa: S606
    return 0


# --- baking -----------------------------------------------------------------------------------------------


def bake(package: str, backend: str, sealed: bool, default: str) -> None:
    system = system_of(_head("/etc/os-release"))
    said = problems(package, system.packages if system else "", default if sealed else "")
    if said or not system:
        raise CannotBake("\nbake: ".join(said))
    kind, needed = system.packages, system.backends[backend]
    if os.path.isdir("/run/systemd/system"):
        # Its final stage may still be installing what the builder's user-data asked for.
        run("timeout", "900", "cloud-init", "status", "--wait", may_fail=True)
    switch_off_managers()
    install(kind, package, needed.package)
    command = ["vps-firewall", "install"]
    if sealed and any(
        is_unit(unit) for name, other in system.backends.items() if name != backend for unit in other.units
    ):
        default = pinned(default, backend)
    if sealed:
        command += ["--sealed", *(["--default", default] if default else [])]
    print(run(*command), end="")
    if sealed:
        enabled = {unit: run("systemctl", "is-enabled", unit, may_fail=True).strip() for unit in needed.seal_units}
        missing = [unit for unit, state in enabled.items() if state != "enabled"]
        if missing:
            raise CannotBake(f"sealed, but {' and '.join(missing)} would not load the seal at boot")
    facts = told(system, backend, sealed, default)
    (HERE / FACTS).write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
    (HERE / FACTS).chmod(0o644)  # the builder fetches it


def problems(package: str, kind: str, default: str) -> list[str]:
    """Everything that stands against this base image, before anything is changed."""
    said = []
    if not kind:
        titles = " and ".join(system.title for system in SYSTEMS)
        said.append(f"this base image is of no distribution that has a package of vps-firewall: {titles} have")
    if not shutil.which("cloud-init"):
        said.append("this base image has no cloud-init: its machines could not be told what to open")
    if not shutil.which("systemctl"):
        said.append("this base image has no systemd: nothing would load the rules at boot")
    for suffix in (".rpm", ".deb"):
        if package.endswith(suffix) and kind and suffix != f".{kind}":
            said.append(f"{os.path.basename(package)} is not for this system, which takes .{kind} packages")
    if package.endswith((".rpm", ".deb")) and not os.path.isfile(package):
        said.append(f"there is no {package}")
    room = shutil.disk_usage("/").free // 2**20
    if room < ROOM:
        said.append(f"the disk is too small: {room} MB are free, {ROOM} are needed; give a larger disk_size")
    if default and not os.path.isfile(default):
        said.append(f"there is no default policy {default}")
    return said


def system_of(release: str) -> System | None:
    """os-release(5) -> the distribution, by its ID or what it is like."""
    ids = {name for line in re.findall(r"(?m)^ID(?:_LIKE)?=(.*)$", release) for name in line.strip("\"' ").split()}
    return next((system for system in SYSTEMS if ids & {*system.ids}), None)


def switch_off_managers() -> None:
    """A firewall manager that is on would load its own rules over the seal."""
    for unit in MANAGERS:
        if run("systemctl", "is-enabled", unit, may_fail=True).strip() in ("enabled", "enabled-runtime"):
            run("systemctl", "disable", unit)
            run("systemctl", "mask", unit)
            print(f"{unit} was enabled in the base image: disabled and masked")
    conf = Path("/etc/ufw/ufw.conf")
    if conf.is_file() and re.search(r"(?m)^ENABLED=yes", text := conf.read_text()):
        conf.write_text(re.sub(r"(?m)^ENABLED=yes", "ENABLED=no", text))


def install(kind: str, package: str, service: str) -> None:
    """Both packages, from a file or from the repositories that the image knows; what is there is left alone."""
    if kind == "rpm":
        run("dnf", "-y", "install", package, service)
    else:
        # Asked about nothing, and starts nothing: the builder's own connection is not to be filtered yet.
        stay = Path("/usr/sbin/policy-rc.d")
        mine = not stay.exists()
        if mine:
            stay.write_text("#!/bin/sh\nexit 101\n")
            stay.chmod(0o755)
        try:
            command = ("apt-get", "-q", "-y", "--no-install-recommends", "install", package, service)
            try:
                run(*command)
            except CannotBake:
                # A vendor's image has no index of packages, or an old one.
                run("apt-get", "-q", "update", may_fail=True)
                run(*command)
        finally:
            if mine:
                stay.unlink()
    if package.endswith((".rpm", ".deb")):
        # A package manager takes a newer version that is there already for an answer.
        asked, held = version_of(kind, package), version_of(kind)
        if asked != held:
            raise CannotBake(f"this base image holds vps-firewall {held}, and not the {asked} of the package file")


def is_unit(name: str) -> bool:
    return any(os.path.exists(f"{folder}/{name}") for folder in ("/usr/lib/systemd/system", "/lib/systemd/system"))


def pinned(default: str, backend: str) -> str:
    """The default policy with the backend written into it: this image has the services of both, and what is written
    nowhere goes to iptables. A user's own stanza inherits it, unless it says otherwise. -> the file."""
    import yaml  # cloud-init brings it

    text = Path(default).read_text() if default else ""
    try:
        document = yaml.safe_load(text) or {}
        section = dict(document.get("vps_firewall") or {})
    except (yaml.YAMLError, AttributeError, ValueError, TypeError):
        raise CannotBake("both firewalls are in this image: write `backend:` into the default policy") from None
    if section.setdefault("backend", backend) != backend:
        raise CannotBake(f"the default policy says backend: {section['backend']}, and the image is to have {backend}")
    target = HERE / "pinned-policy.yaml"
    target.write_text("#cloud-config\n" + json.dumps({"vps_firewall": section}) + "\n")
    return str(target)


def version_of(kind: str, file: str = "") -> str:
    """Of a package file, or of what is installed."""
    if kind == "rpm":
        return run("rpm", "-q", "--qf", "%{VERSION}-%{RELEASE}", *(["-p", file] if file else ["vps-firewall"]))
    if file:
        return run("dpkg-deb", "-f", file, "Version").strip()
    return run("dpkg-query", "-W", "-f", "${Version}", "vps-firewall")


def told(system: System, backend: str, sealed: bool, default: str) -> dict[str, object]:
    """What this machine is made of, for the image's papers."""
    listing = {
        "rpm": ("rpm", "-qa", "--qf", "%{NAME} %{VERSION}-%{RELEASE} %{ARCH}\\n"),
        "deb": ("dpkg-query", "-W", "-f", "${Package} ${Version} ${Architecture}\\n"),
    }[system.packages]
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if line.count("=") == 1
    )
    policy = Path(default).read_bytes() if default else b""
    seal = [path for path in system.backends[backend].files if os.path.isfile(path)]
    return {
        "system": release.get("PRETTY_NAME", "").strip('"'),
        "kernels": sorted(os.listdir("/usr/lib/modules")) if os.path.isdir("/usr/lib/modules") else [],
        "cloud-init": run("cloud-init", "--version").split()[-1],
        "python": sys.version.split()[0],
        "backend": backend,
        "sealed": sealed,
        "default_policy_sha256": hashlib.sha256(policy).hexdigest() if default else "",
        "seal_sha256": {p: hashlib.sha256(Path(p).read_bytes()).hexdigest() for p in sorted(seal)} if sealed else {},
        "packages": sorted(run(*listing).splitlines()),
    }


# --- nothing of the builder -------------------------------------------------------------------------------


def finish(builder: str) -> None:
    """As the vendor's image was before its first boot, and our packages in it."""
    run("cloud-init", "clean", "--logs", may_fail=True)
    shutil.rmtree("/var/lib/cloud/instances", ignore_errors=True)
    # Newer cloud-inits have run it; it does nothing the second time.
    for hook in sorted(glob.glob("/etc/cloud/clean.d/*-vps-firewall")):
        print(run(hook), end="")
    if (STATE / "policy.json").exists() or (STATE / "instance").exists():
        raise CannotBake(f"{STATE} still knows this machine: its copies would not take their own first boot for one")
    home = remove_user(builder)
    for pattern in (*REMOVED, *RENDERED):
        for path in glob.glob(pattern):
            if not os.path.basename(path).startswith(WRITTEN_BY) or "cloud-init" in _head(path):
                os.unlink(path)
    if home:
        shutil.rmtree(home, ignore_errors=True)
    if shutil.which("dnf"):
        run("dnf", "clean", "all", may_fail=True)
    for folder in EMPTIED:
        empty(folder)
    logs("/var/log")
    # Empty, not "uninitialized": systemd then makes a new one, and takes this for no first boot that applies presets.
    identity = Path("/etc/machine-id")
    identity.write_text("")
    identity.chmod(0o444)
    bus = Path("/var/lib/dbus/machine-id")
    if bus.is_file() and not bus.is_symlink():
        bus.unlink()
    if Path("/etc/hostname").exists():
        Path("/etc/hostname").write_text("")
    run("fstrim", "-a", may_fail=True)
    run("sync")


def remove_user(name: str) -> str:
    """The user that cloud-init made for the builder. -> the home folder that was its own."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return ""
    if entry.pw_uid == 0:
        return ""  # of root the key alone was the builder's
    run("userdel", "--force", name)
    for line in ("/etc/subuid", "/etc/subgid"):
        path = Path(line)
        if path.exists():
            path.write_text("".join(x for x in path.read_text().splitlines(True) if not x.startswith(f"{name}:")))
    for mail in (f"/var/mail/{name}", f"/var/spool/mail/{name}", f"/var/spool/cron/{name}"):
        if os.path.isfile(mail):
            os.unlink(mail)
    for rule in glob.glob("/etc/sudoers.d/*"):
        if re.search(rf"(?m)^{re.escape(name)}\s", _head(rule)):
            os.unlink(rule)
    return entry.pw_dir if entry.pw_dir.startswith("/home/") else ""


def empty(folder: str) -> None:
    for entry in os.scandir(folder) if os.path.isdir(folder) else ():
        if entry.is_dir(follow_symlinks=False):
            # A service's private folder is in use until the end.
            shutil.rmtree(entry.path, ignore_errors=entry.name.startswith("systemd-private-"))
        else:
            os.unlink(entry.path)


def logs(folder: str) -> None:
    """A log that is there stays there, empty: some programs write only to one that exists. Rotated ones go."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            if re.search(r"\.(\d+|gz|xz|old)$|-\d{8}$", name) or name.startswith("cloud-init"):
                os.unlink(path)
            else:
                os.truncate(path, 0)


def _head(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read(4096)


def run(*command: str, may_fail: bool = False) -> str:
    """What a tool printed. Raises CannotBake with the end of it."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command,
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except FileNotFoundError:
        if may_fail:
            return ""
        raise CannotBake(f"{command[0]} is not installed") from None
    if done.returncode != 0 and not may_fail:
        tail = "\n".join(done.stdout.splitlines()[-20:])
        raise CannotBake(f"{' '.join(command[:3])}: exit {done.returncode}\n{tail}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())

"""policy + host -> which backend, its files, and the services that load them at boot."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from . import saved
from .saved import below

BACKENDS = ("nftables", "iptables")
AUTO = "auto"  # what a policy without a backend asks for; in a bundle that carries one of them, that one
BOTH = True  # not in such a bundle
_IPTABLES = ("iptables-restore", "iptables-save", "ip6tables-restore", "ip6tables-save", "flock")
TOOLS = {"nftables": ("nft",), "iptables": _IPTABLES}
FAMILIES = {"nftables": (0,), "iptables": (4, 6)}  # 0: one text for both
FALLBACK = "fallback"  # beside those: what a service loads when it cannot load iptables' file

OWN_UNIT = "vps-firewall.service"
UNIT_FOLDERS = ("etc/systemd/system", "run/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")
# Without these, which are iptables-persistent's, the service starts well and loads nothing.
PLUGINS = {
    "netfilter-persistent.service": tuple(
        f"usr/share/netfilter-persistent/plugins.d/{name}" for name in ("15-ip4tables", "25-ip6tables")
    )
}


@dataclass(frozen=True)
class Place:
    """Where one distribution keeps one backend's rules: a file per family, the services that load them, the
    file of theirs that must include ours, and what is loaded instead when a file fails (`fallback`).

    `if_enabled`: the services take everybody's rules out whenever they start, so they load ours only where the owner
    has enabled them already; elsewhere our own unit does."""

    files: Mapping[int, str]
    units: tuple[str, ...]
    include_in: str = ""
    fallback: str = ""
    package: str = ""
    if_enabled: bool = False


PLACES: Mapping[tuple[str, str], Place] = {
    ("redhat", "iptables"): Place(
        {4: "/etc/sysconfig/iptables", 6: "/etc/sysconfig/ip6tables"},
        ("iptables.service", "ip6tables.service"),
        fallback=".fallback",
        package="iptables-nft-services",
    ),
    ("redhat", "nftables"): Place(
        {0: "/etc/nftables/vps-firewall.nft"}, ("nftables.service",), "/etc/sysconfig/nftables.conf",
        package="nftables",
    ),
    ("debian", "iptables"): Place(
        {4: "/etc/iptables/rules.v4", 6: "/etc/iptables/rules.v6"}, ("netfilter-persistent.service",),
        package="iptables-persistent",
    ),
    ("debian", "nftables"): Place(
        {0: "/etc/nftables/vps-firewall.nft"}, ("nftables.service",), "/etc/nftables.conf", package="nftables",
        if_enabled=True,
    ),
    ("other", "iptables"): Place(
        {4: "/etc/vps-firewall/rules.v4", 6: "/etc/vps-firewall/rules.v6"}, (OWN_UNIT,), package="iptables"
    ),
    ("other", "nftables"): Place({0: "/etc/vps-firewall/rules.nft"}, (OWN_UNIT,), package="nftables"),
}  # fmt: skip


@dataclass(frozen=True)
class Host:
    """What decides between the backends. `units`: the firewall services installed; `owners`: those of them that the
    owner has enabled, and not we; `rivals`: firewall managers that are switched on and would fight ours."""

    family: str = "other"
    major: int = 0
    units: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    ssh_ports: tuple[int, ...] = (22,)
    rivals: tuple[str, ...] = ()
    ipv6: bool = True
    cloud_id: str = ""  # as cloud-init calls it; empty where it does not say
    uplinks: tuple[str, ...] = ()  # interfaces that hold a default route


@dataclass(frozen=True)
class Choice:
    """One backend on this host."""

    backend: str
    place: Place
    own_unit: bool = False  # no service of the distribution loads our file: ours does

    @property
    def units(self) -> tuple[str, ...]:
        return (OWN_UNIT,) if self.own_unit else self.place.units


def choices(wanted: str, host: Host) -> tuple[Choice, ...]:
    """`policy.backend` -> backends to try, best first. One that was named is the only one."""
    if wanted in BACKENDS:
        return (_choice(wanted, host),)
    if any(unit in host.units for unit in PLACES[host.family, "iptables"].units):
        first = "iptables"
    elif "nftables.service" in host.units:
        first = "nftables"
    else:
        first = distributions_own(host)
    return tuple(_choice(name, host) for name in sorted(BACKENDS, key=lambda name: name != first))


def distributions_own(host: Host) -> str:
    """What to install where nothing is: iptables on EL up to 9, nftables on everything newer or else."""
    return "iptables" if host.family == "redhat" and 0 < host.major <= 9 else "nftables"


def _choice(name: str, host: Host) -> Choice:
    place = PLACES[host.family, name]
    usable = host.units & host.owners if place.if_enabled else host.units
    return Choice(name, place, not usable.issuperset(place.units))


def unit_files(choice: Choice, tools: Mapping[str, str], root: str = "/") -> dict[str, str]:
    """Path -> text of what the systemd of the system at `root` has to know: our unit, or when the distribution's starts
    and what its stop does."""
    early = _EARLY
    if choice.own_unit:
        return {f"{UNITS}/{OWN_UNIT}": own_unit(choice, tools)}
    early = _straight(early, choice.units, root)
    return {drop_in(unit): early + _STOPS.get(unit, "") for unit in choice.units}


UNITS = "/etc/systemd/system"


def drop_in(unit: str) -> str:
    """Our drop-in for a service of the distribution's."""
    return f"{UNITS}/{unit}.d/vps-firewall.conf"


def _straight(early: str, units: Iterable[str], root: str) -> str:
    return early.partition("[Unit]")[0] if circular(units, root) else early


def circular(units: Iterable[str], root: str) -> bool:
    """Would one of these services, ordered before cloud-init's first stage, wait for itself? It would where that stage
    comes before sysinit.target, as Debian's does, and the service has default dependencies, as EL's have: systemd would
    take one of the two out of the boot."""
    if not re.search(r"(?m)^Before=.*\b(?:sysinit|basic)\.target", _unit_text(FIRST_STAGE, root)):
        return False
    return not all(re.search(r"(?mi)^DefaultDependencies=(?:no|false|off|0)$", _unit_text(u, root)) for u in units)


def _unit_text(unit: str, root: str) -> str:
    """A unit's file, the first that systemd finds, and its drop-ins."""
    paths = [f"{folder}/{unit}" for folder in UNIT_FOLDERS]
    file = next((path for path in paths if os.path.exists(below(root, path))), "")
    return _read(root, file) + "".join(_read_all(root, "", f"{path}.d", ".conf") for path in paths)


# Before network-pre.target, as they are, is not enough: so is cloud-init's first stage, and on most clouds it brings an
# interface up for itself, to ask for the user-data.
FIRST_STAGE = "cloud-init-local.service"
_EARLY = """\
# Made by vps-firewall: the rules come before cloud-init, and stay.
[Unit]
Before=cloud-init-local.service
"""
# Their stop takes every rule out: at a shutdown while programs still listen, and for as long as an update of the
# package takes to start them again.
_NO_FLUSH = "[Service]\nExecStop=\n"
_STOPS = {"nftables.service": _NO_FLUSH}


def _of_el() -> dict[str, str]:
    """EL's iptables.init starts nothing while its mark is there, which its stop removes: without this a restart, by
    which people load an edited file, would do nothing and say that all is well."""
    forget = "ExecStop=-/usr/bin/rm -f /var/lock/subsys/"
    return {f"{tool}.service": f"{_NO_FLUSH}{forget}{tool}\n" for tool in ("iptables", "ip6tables")}


_STOPS.update(_of_el())  # a statement of its own: a bundle for nftables leaves it out
FLUSHING = tuple(_STOPS)


def own_unit(choice: Choice, tools: Mapping[str, str]) -> str:
    """The text of our unit, for a host where no service of the distribution loads the saved files.

    DefaultDependencies=no: with them a unit before network-pre.target makes an ordering cycle wherever
    cloud-init runs before sysinit.target, and systemd breaks it by deleting a job (cloud-init#6502). Nor does it wait
    for local-fs.target, which may wait for a mount that waits for cloud-init (cloud-init#3000).
    """
    if choice.backend == "nftables":
        loads = [f"{tools['nft']} -f {choice.place.files[0]}"]
    else:
        loads = [f"{tools[t]} -w 60 {choice.place.files[f]}" for t, f in _RESTORES]
    # A service whose start takes everybody's rules out comes first, for its owner may enable it some day.
    after = "".join(f"After={unit}\n" for unit in choice.place.units if choice.place.if_enabled)
    return after.join(_OWN_UNIT.split("AFTER\n")).replace("LOADS", "\n".join(f"ExecStart={load}" for load in loads))


_OWN_UNIT = """\
[Unit]
Description=Load the firewall rules that vps-firewall saved
Documentation=man:nft(8) man:iptables-restore(8)
DefaultDependencies=no
RequiresMountsFor=/etc /usr
Wants=network-pre.target
AFTER
Before=cloud-init-local.service network-pre.target sysinit.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
LOADS

[Install]
WantedBy=sysinit.target
"""
_RESTORES = (("iptables-restore", 4), ("ip6tables-restore", 6))


# --- looking at the host ----------------------------------------------------------------------------------


def look(root: str = "/") -> Host:
    """Read the facts from the files of the system at `root`; runs nothing."""
    release = _os_release(root)
    likes = {release.get("ID", ""), *release.get("ID_LIKE", "").split()}
    family = "other"
    if likes & {"rhel", "fedora", "centos"}:
        family = "redhat"
    elif likes & {"debian", "ubuntu"}:
        family = "debian"
    known = {unit for place in PLACES.values() for unit in place.units}
    ours = enabled_by_us(root)
    return Host(
        family=family,
        major=int(re.match(r"\d{0,4}", release.get("VERSION_ID", ""))[0] or 0),  # type: ignore[index]
        units=frozenset(unit for unit in known if _loads(unit, root)),
        owners=frozenset(unit for unit in known if enabled(unit, root)) - ours,
        ssh_ports=ssh_ports(root),
        rivals=rivals(root),
        ipv6=os.path.exists(below(root, "proc/net/if_inet6")),
        cloud_id=_cloud_id(root),
        uplinks=with_default_route(root),
    )


def _cloud_id(root: str) -> str:
    """What cloud-id(1) would print; up to cloud-init 21.4 it has no file of its own, and says it among all it knows."""
    if told := _read(root, "run/cloud-init/cloud-id").strip():
        return told
    try:
        told = json.loads(_read(root, "run/cloud-init/instance-data.json"))["v1"]["cloud_name"]
    except (LookupError, TypeError, ValueError):
        told = ""
    return told if isinstance(told, str) else ""


def enabled_by_us(root: str = "/") -> frozenset[str]:
    """The services that a seal or an earlier policy of ours switched on in the system at `root`, by our records."""
    seal = saved.read_json(below(root, saved.RECORD)).get("seal")
    recorded = saved.read_json(below(root, saved.SERVICES))
    units = {*strings(seal, "units"), *strings(recorded, "enabled")}
    if not recorded and saved.read_json(below(root, saved.POLICY)):
        # Up to November 2026 nobody wrote it down. Where the service has nothing to load but ours, it is ours.
        conf = saved.read(below(root, PLACES["debian", "nftables"].include_in)) or ""
        units |= set() if _RULES.search(conf) else {*PLACES["debian", "nftables"].units}
    return frozenset(units)


# A line of nftables' language that is more than Debian's own file has: empty chains, and the file of ours.
_RULES = re.compile(
    r"(?m)^(?!\s*(?:#|$|}|flush ruleset|table \w+ \w+ {|chain \w+ {|type filter hook \w+ priority \w+;"
    r'|include "/etc/nftables/vps-firewall\.nft")).+'
)


def strings(record: object, key: str) -> list[str]:
    """The strings of a list in a record of ours, which somebody may have edited."""
    value = record.get(key) if isinstance(record, dict) else None
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _loads(unit: str, root: str) -> bool:
    """Is this service installed, and would it load our rules once it is enabled?"""
    there = any(unit in _entries(root, folder) for folder in UNIT_FOLDERS)
    if unit in PLUGINS:
        there = there and all(os.path.exists(below(root, path)) for path in PLUGINS[unit])
    return there and not masked(unit, root)


def masked(unit: str, root: str = "/") -> bool:
    """Has somebody said that this unit must never start (systemctl(1), mask)?"""
    null = os.path.realpath(below(root, os.devnull))  # the image's own, which may have no devices
    return any(os.path.realpath(below(root, f"{folder}/{unit}")) == null for folder in UNIT_FOLDERS)


def enabled(unit: str, root: str = "/") -> bool:
    """Is there a link that starts this unit at boot, and nothing that keeps it from starting?"""
    return not masked(unit, root) and any(
        unit in _entries(root, f"etc/systemd/system/{folder}")
        for folder in _entries(root, "etc/systemd/system")
        if folder.endswith(".wants")
    )


def interfaces() -> tuple[str, ...]:
    """The names of the network interfaces that are there now."""
    return tuple(name for _, name in socket.if_nameindex())


def with_default_route(root: str = "/") -> tuple[str, ...]:
    """The interfaces that have a default route now, of either family (proc(5))."""
    rows = [line.split() for line in _read(root, "proc/net/route").splitlines()]
    found = [row[0] for row in rows if len(row) > 7 and row[1] == row[7] == "00000000"]
    rows = [line.split() for line in _read(root, "proc/net/ipv6_route").splitlines()]
    found += [row[-1] for row in rows if len(row) > 9 and row[1] == "00" and not set(row[0]) - {"0"}]
    return tuple(dict.fromkeys(name for name in found if name != "lo"))


def rivals(root: str = "/") -> tuple[str, ...]:
    """The firewall managers that the system at `root` starts."""
    found = []
    if enabled("firewalld.service", root):
        found.append("firewalld")
    if re.search(r"(?m)^ENABLED=[\"']?yes", _read(root, "etc/ufw/ufw.conf")):
        found.append("ufw")
    return tuple(found)


def ssh_ports(root: str = "/") -> tuple[int, ...]:
    """Where this host's sshd listens: what its socket unit says, and the Port and ListenAddress lines of its
    configuration (sshd_config(5)), or 22.

    Both: on Ubuntu a generator makes the socket listen where the configuration says, on Debian none does, and a port
    too many that nobody listens on locks nobody out.
    """
    socket_unit = ""
    if enabled("ssh.socket", root) or enabled("sshd.socket", root):
        # The generator's drop-in is called addresses.conf, and most that people make sort after it.
        for folder in (*UNIT_FOLDERS[:0:-1], "run/systemd/generator", UNIT_FOLDERS[0]):
            for name in ("ssh.socket", "sshd.socket"):
                socket_unit += _read_all(root, f"{folder}/{name}", f"{folder}/{name}.d")
    ports: list[str] = []
    for value in re.findall(r"(?m)^ListenStream=(.*)$", socket_unit):
        if not value.strip():
            ports = []  # systemd.socket(5): an empty assignment takes back what stood before
        ports += re.findall(r"(?:^|:)(\d+)$", value.strip())
    text = _read_all(root, "etc/ssh/sshd_config", "etc/ssh/sshd_config.d", ".conf")
    ports += re.findall(r"(?mi)^\s*port[ \t=]+\"?(\d+)", text)
    ports += re.findall(r"(?mi)^\s*listenaddress[ \t=]+(?:\[[^\]\s]*\]|[^\s:\[]+):(\d+)\b", text)
    valid = sorted({int(p) for p in ports if 0 < int(p) < 65536})
    return tuple(valid) or (22,)


def _os_release(root: str) -> dict[str, str]:
    text = _read(root, "etc/os-release") or _read(root, "usr/lib/os-release")
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}


def _read_all(root: str, path: str, folder: str, ending: str = "") -> str:
    """The text of a file, and of those in the folder beside it."""
    beside = [f"{folder}/{name}" for name in _entries(root, folder) if name.endswith(ending)]
    return "".join(_read(root, each) + "\n" for each in [path, *beside])


def _entries(root: str, folder: str) -> list[str]:
    """The names in a folder: a link that leads nowhere has one too."""
    try:
        return sorted(os.listdir(below(root, folder)))
    except OSError:
        return []


def _read(root: str, path: str) -> str:
    try:
        with open(below(root, path), encoding="utf-8", errors="replace") as file:
            return file.read(1 << 20)
    except OSError:
        return ""

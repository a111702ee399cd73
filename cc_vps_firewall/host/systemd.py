"""systemd's units: which are enabled, what ours say, and systemctl."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ..root import HERE, Root
from ..rules.backend import Backend
from . import process
from .distributions import OWN_UNIT, Persistence
from .files import UNIT_FOLDERS, entries
from .ordering import FIRST_STAGE, circular

UNITS = "/etc/systemd/system"


# --- what is there ----------------------------------------------------------------------------------------


def masked(unit: str, root: Root = HERE) -> bool:
    """Has somebody said that this unit must never start (systemctl(1), mask)?"""
    null = os.path.realpath(root / os.devnull)  # the image's own, which may have no devices
    return any(os.path.realpath(root / f"{folder}/{unit}") == null for folder in UNIT_FOLDERS)


def enabled(unit: str, root: Root = HERE) -> bool:
    """Is there a link that starts this unit at boot, and nothing that keeps it from starting?"""
    return not masked(unit, root) and any(
        unit in entries(root, f"etc/systemd/system/{folder}")
        for folder in entries(root, "etc/systemd/system")
        if folder.endswith(".wants")
    )


# --- the texts of ours ------------------------------------------------------------------------------------


def unit_files(
    backend: Backend, place: Persistence, own: bool, tools: Mapping[str, str], root: Root = HERE
) -> dict[str, str]:
    """Path -> text of what the systemd of the system at `root` has to know: our unit, or when the distribution's starts
    and what its stop does."""
    if own:
        return {f"{UNITS}/{OWN_UNIT}": own_unit(backend, place, tools)}
    head = _HEAD + ("" if circular(place.units, root) else _EARLY)
    return {drop_in(unit): head + place.at_stop.replace("UNIT", unit.partition(".")[0]) for unit in place.units}


def drop_in(unit: str) -> str:
    """Our drop-in for a service of the distribution's."""
    return f"{UNITS}/{unit}.d/vps-firewall.conf"


_HEAD = "# Made by vps-firewall: the rules come before cloud-init, and stay.\n"
# Before network-pre.target, as they are, is not enough: so is cloud-init's first stage, and on most clouds it brings an
# interface up for itself, to ask for the user-data.
_EARLY = f"[Unit]\nBefore={FIRST_STAGE}\n"


def own_unit(backend: Backend, place: Persistence, tools: Mapping[str, str]) -> str:
    """The text of our unit, for a host where no service of the distribution loads the saved files.

    DefaultDependencies=no: with them a unit before network-pre.target makes an ordering cycle wherever
    cloud-init runs before sysinit.target, and systemd breaks it by deleting a job (cloud-init#6502). Nor does it wait
    for local-fs.target, which may wait for a mount that waits for cloud-init (cloud-init#3000).
    """
    loads = backend.boot_commands(place.files, tools)
    # A service whose start takes everybody's rules out comes first, for its owner may enable it some day.
    after = "".join(f"After={unit}\n" for unit in place.units if place.if_enabled)
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


# --- systemctl --------------------------------------------------------------------------------------------


def _options(root: Root) -> list[str]:
    """What has systemctl(1) work on the system at `root`."""
    return [f"--root={root}"] if root != HERE else []


def enable(unit: str, root: Root = HERE) -> None:
    """Start a service at every boot from the next on; it is not started now (its stop would flush our rules,
    and a start from one of cloud-init's stages can wait for that very stage)."""
    process.run("systemctl", *_options(root), "enable", unit)


def disable_for_good(unit: str) -> None:
    """Never start a service at boot again. systemd is not told to read its units again, which takes a small machine
    seconds: nothing starts the unit before the next boot."""
    process.run("systemctl", "disable", unit, "--no-reload")
    process.run("systemctl", "mask", unit, "--no-reload")


def stop(unit: str) -> None:
    """Stop a service where systemd runs. Returns when it has ended: firewalld flushes every table of iptables on its
    way out."""
    if os.path.isdir("/run/systemd/system"):
        process.run("systemctl", "stop", unit)


def disable(unit: str, root: Root = HERE) -> None:
    """Do not start a service at boot; what it loaded stays."""
    process.run("systemctl", *_options(root), "disable", unit)


def reload_units() -> None:
    """Tell a running systemd of a new unit file."""
    if os.path.isdir("/run/systemd/system"):
        process.run("systemctl", "daemon-reload")

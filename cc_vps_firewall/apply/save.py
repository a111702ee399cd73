"""Rules that are in force -> what the next boot loads: files, units, and which services are enabled."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from ..errors import ToolFailed
from ..host import files, managers, process, state, systemd
from ..host.facts import Host
from ..host.files import Files
from ..host.policy_record import PolicyRecord
from ..host.records import enabled_by_us
from ..plan.model import Plan, Texts
from ..plan.targets import Target
from ..root import HERE, Root, masked_file
from .copies import copies_of

LABEL_TIMEOUT = 3.0  # seconds that restorecon may take: no rule depends on a label


def save(target: Target, texts: Texts, plan: Plan, host: Host, undo: files.Undo, notes: list[str]) -> list[str]:
    """Write the rules and the records of a plan that is in force. -> the paths written. Raises OSError."""
    record: PolicyRecord = {
        **plan.source,
        "backend": target.backend.name,
        "instance": state.instance() if plan.good else "",
    }
    enabled = {*enabled_by_us(), *(unit for unit in target.units if not systemd.enabled(unit))}
    disabled = {
        *files.strings(files.read_json(state.SERVICES), "disabled"),
        *(managers.UNITS[name] for name in host.managers),
    }
    services = {"enabled": sorted(enabled), "disabled": sorted(disabled)}
    records: Files = {state.POLICY: (files.as_json(record), 0o600), state.SERVICES: (files.as_json(services), 0o600)}
    return save_rules(target, texts, plan.fallback, undo, notes, also=records)


def save_rules(
    target: Target,
    texts: Texts,
    fallback: Texts,
    undo: files.Undo,
    notes: list[str],
    root: Root = HERE,
    also: Files | None = None,
    copies: bool = True,
) -> list[str]:
    """Write what the next boot of the system at `root` loads, and other files with it. -> the paths written; `notes`
    gets what their owner should know. `copies`: what stands in the place of a file of ours, and is not ours, is kept
    beside it. Raises OSError."""
    place = target.place
    units = systemd.unit_files(target.backend, place, target.own_unit, target.tools(root), root)
    unit_files: Files = {path: (text, 0o644) for path, text in units.items() if not masked_file(root, path)}
    contents: dict[str, tuple[str, int | None]] = {path: (texts[family], 0o600) for family, path in place.files.items()}
    if not target.own_unit and place.fallback:
        contents.update({path + place.fallback: (fallback[family], 0o600) for family, path in place.files.items()})
    if not target.own_unit and place.include_in:
        shared = files.read(root / place.include_in, "surrogateescape")
        contents[place.include_in] = (files.with_include(shared, place.files[0]), None)
    kept = copies_of({**contents, **unit_files}, notes) if copies else {}
    every = {**kept, **contents, **unit_files, **(also or {})}
    written = files.save_all({root / path: file for path, file in every.items()}, undo)
    if root == HERE:
        notes += relabel(written)
        if any(path in written for path in unit_files):
            systemd.reload_units()
    return written


_OURS = r"# Made by vps-firewall|(?m:^:VPSFW-|^table inet vps_firewall\b)"


def holding_ours(target: Target) -> list[str]:
    """The files of this backend that hold rules of ours."""
    return [path for path in target.place.files.values() if re.search(_OURS, files.read(path) or "")]


def is_saved(target: Target) -> bool:
    """Do the files of this backend hold our rules, in whatever words? Who replaced them by others wants no others."""
    return len(holding_ours(target)) == len(target.place.files)


def conflicting_units(target: Target, host: Host) -> list[str]:
    """The enabled services that load another backend's rules at boot."""
    places = [place for place in host.distribution.persistence.values() if place.files != target.place.files]
    units = [unit for place in places for unit in place.units]
    return [unit for unit in units if unit not in target.units and systemd.enabled(unit)]


def enable(target: Target, newly_enabled: list[str]) -> None:
    """Have the services of this target start at boot; `newly_enabled` gets those that were not enabled."""
    for unit in target.units:
        if not systemd.enabled(unit):
            newly_enabled.append(unit)
            systemd.enable(unit)
    if newly_enabled:
        files.sync()  # the links are systemctl's, which does not


def relabel(paths: Sequence[str]) -> list[str]:
    """Give files the SELinux label of their place, where SELinux is on. -> what its owner should know: a label that
    cannot be set is no reason to go without rules."""
    try:
        # Without a path restorecon prints its usage and fails.
        if paths and os.path.exists("/sys/fs/selinux/enforce"):
            process.run("restorecon", *paths, limit=LABEL_TIMEOUT)
    except ToolFailed as failure:
        return [f"SELinux labels were not set: {failure}"]
    return []

"""What an earlier policy, or a seal, of ours has left on this host: which services it enabled, and rules elsewhere."""

from __future__ import annotations

import os
from collections.abc import Set

from ..errors import FirewallError, reason
from ..host import files, systemd
from ..host.distributions import KNOWN, OWN_UNIT
from ..host.facts import Host
from ..host.records import enabled_by_us
from ..plan.choice import AUTO, choose
from ..plan.targets import Target
from . import save


def retire(target: Target, host: Host, lock: int, backend: str = "") -> list[str]:
    """Two services that both load rules at boot undo each other: keep those of `target`, and take our old rules out of
    the other backends. `backend`: that of the run before, which may have been killed before it saved anything.
    -> notes"""
    notes = []
    try:
        for other in choose(AUTO, host):
            name = other.backend.name
            if name != target.backend.name and (save.holding_ours(other) or backend == name):
                remove_rules(other, lock, keep_bans=True)
                notes.append(f"the rules that {name} held for an earlier policy were taken out")
        for unit in save.conflicting_units(target, host):
            systemd.disable(unit)
            notes.append(f"{unit} no longer starts at boot: {target.backend.name} is what filters here")
        for unit in switch_off(former_units(target)):
            notes.append(f"{unit} no longer starts at boot: {' and '.join(target.units)} loads the rules")
    except (FirewallError, OSError) as failure:
        notes.append(f"what an earlier policy left could not be disabled: {reason(failure)}")
    return notes


def former_units(target: Target) -> Set[str]:
    """The services that we enabled before, where others load the rules now."""
    return ({OWN_UNIT} | enabled_by_us()) - {*target.units}


def switch_off(units: Set[str]) -> list[str]:
    """Have services load no rules of ours at boot. No rule in the kernel changes. -> those that were enabled"""
    gone = [unit for unit in sorted(units) if systemd.enabled(unit)]
    for unit in gone:
        # Where our drop-in is, its stop flushes nothing; and a service that is stopped no update of its package
        # restarts, which would.
        if os.path.exists(systemd.drop_in(unit)) and any(place.at_stop for place in KNOWN if unit in place.units):
            systemd.stop(unit)
        systemd.disable(unit)
    remove_unit_files(units)
    return gone


def remove_unit_files(units: Set[str]) -> list[str]:
    """Our unit, our drop-ins for these services, and our line in the files that they load. -> the paths changed"""
    undo = files.Undo()
    for place in {place.include_in: place for place in KNOWN if units & {*place.units}}.values():
        if place.include_in and (text := files.read(place.include_in, "surrogateescape")):
            files.save({place.include_in: files.without_include(text, place.files[0])}, undo, mode=None)
    included = len(undo.before)
    for unit in sorted(units):
        files.remove(f"{systemd.UNITS}/{unit}" if unit == OWN_UNIT else systemd.drop_in(unit), undo)
    if len(undo.before) > included:
        systemd.reload_units()
    return [*undo.before]


def remove_rules(target: Target, lock: int, keep_bans: bool = False) -> None:
    """Our rules -> out of the kernel, and out of the files of this backend. Raises FirewallError or OSError."""
    paths, place = save.holding_ours(target), target.place
    target.backend.remove([lock], keep_bans)  # before the files, which bring us here again after a kill
    if place.include_in and (text := files.read(place.include_in, "surrogateescape")):
        files.save({place.include_in: files.without_include(text, place.files[0])}, files.Undo(), mode=None)
    theirs = {path: target.backend.others_alone(files.read(path) or "") for path in paths}
    files.save({path: text for path, text in theirs.items() if text}, files.Undo())
    for path in {*paths, *(path + place.fallback for path in paths)}:
        if not theirs.get(path):
            files.remove(path, files.Undo())

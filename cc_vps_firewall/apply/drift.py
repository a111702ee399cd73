"""A host and a plan -> what differs, or what applying it would change. Nothing is changed here."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from ..errors import ToolFailed
from ..host import files, process, sysctl, systemd
from ..host.facts import Host
from ..plan.model import Plan, Texts
from ..plan.targets import target
from ..rules import bans, compare
from ..rules.backend import Backend
from . import previous, save, status
from .copies import copies_of
from .rehearse import dump_of, rehearse


def check(plan: Plan, saved_in: str, host: Host) -> list[str]:
    """kernel = saved file = plan? -> what differs. `saved_in`: the backend in which the plan was saved. Raises a
    FirewallError where that cannot be told."""
    chosen = target(saved_in, host)
    backend, candidates = chosen.backend, [each.texts for each in plan.candidates if each.backend == saved_in]
    skipped = status.read().get("skipped_families", ())
    out: list[str] = []
    with files.locked(), process.scratch() as empty:
        for texts in candidates:  # as the rehearsal of an apply: the first that this kernel takes
            loaded = {family: text for family, text in texts.items() if family not in skipped}
            try:
                empty.submit(backend.load, loaded).result()
                break
            except ToolFailed as failure:
                refused = failure
        else:
            raise refused
        expected = empty.submit(dump_of, backend, loaded).result()
        for family, path in chosen.place.files.items():
            out += _in_file(backend, family, path, texts[family], expected)
        missing = [unit for unit in chosen.units if not systemd.enabled(unit)]
        out += [f"+{unit} enabled: nothing loads the rules at boot" for unit in missing]
        out += _in_kernel(backend.differences(backend.dump(tuple(loaded)), expected))
    sysctl.differences(plan.source, host, out)
    return out


def preview(plan: Plan, host: Host) -> list[str]:
    """What converge() would change in kernel and files, as lines of a diff."""
    with contextlib.ExitStack() as stack:
        rehearsal = rehearse(plan, host, stack)
        chosen = rehearsal.target
        out = _in_kernel(chosen.backend.differences(rehearsal.before.result(), rehearsal.expected.result()))
    notes: list[str] = []
    paths = chosen.place.files
    texts, _ = chosen.backend.with_others(rehearsal.texts, paths, host.managers)
    for family, path in paths.items():
        on_disk = files.read(path)
        if on_disk != texts[family]:
            out.append(f"{'~' if on_disk is not None else '+'}file {path}")
    ours: files.Files = {path: (texts[family], 0o600) for family, path in paths.items()}
    out += [f"+file {path}" for path in copies_of(ours, notes)]
    sysctl.preview(plan.source, host, out)
    out += [f"+service {unit} enabled" for unit in chosen.units if not systemd.enabled(unit)]
    out += [f"-service {name} disabled and masked" for name in host.managers]
    former = [unit for unit in sorted(previous.former_units(chosen)) if systemd.enabled(unit)]
    out += [f"-service {unit} disabled" for unit in dict.fromkeys([*save.conflicting_units(chosen, host), *former])]
    return out


def _in_file(backend: Backend, family: int, path: str, text: str, rehearsed: Texts) -> list[str]:
    """What differs in a saved file, by what it loads: the distributions' own commands save equal rules in words of
    their own. A family that this kernel does not have is compared by its text."""
    on_disk = files.read(path)
    if on_disk is None:
        return [f"+{path} (there is no such file)"]
    if on_disk in (text, text + bans.TEXT):
        return []
    if family in rehearsed:
        try:
            with process.scratch() as empty:
                empty.submit(backend.load, {family: on_disk}).result()
                loaded = empty.submit(backend.dump, (family,)).result()
        except ToolFailed as failure:
            return [f"+{path} (does not load: {failure})"]
        differences = backend.differences(loaded, {family: rehearsed[family]})
    else:
        differences = compare.text_differences(text, on_disk)
    return [f"{line[0]}{path} {line[1:]}" for line in differences]


def _in_kernel(lines: Sequence[str]) -> list[str]:
    return [f"{line[0]}kernel {line[1:]}" for line in lines]

"""Plan -> a host that enforces it: the whole of it is converge(); read it first."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import Drift, FirewallError, ToolFailed, reason
from ..host import files, managers, sysctl, systemd
from ..host.facts import Host
from ..plan.model import Plan, Texts
from ..plan.targets import Target
from . import bans, previous, save
from .rehearse import Rehearsal, rehearse
from .status import Run, Status, in_force


@dataclass(frozen=True)
class Outcome:
    """How a run, or a first boot, ended. `status`: as it was written; empty where nothing could close the host.
    `problems`: why the policy is not in force. `notes`: what its owner should know of the way there. `done`: another
    boot would come to nothing better. `tool_failed`: a backend that is here could not do it, and another might."""

    status: Status
    problems: Sequence[str] = ()
    notes: Sequence[str] = ()
    done: bool = False
    tool_failed: bool = False

    @property
    def closed(self) -> bool:
        """Is every family closed but for what the status says?"""
        return bool(self.status) and not self.status.get("open_families")


def converge(plan: Plan, host: Host, run: Run | None = None, *, confirm: Callable[[], str] | None = None) -> Outcome:
    """Make this host enforce a plan, or leave it as it was.

    Other firewall managers that are enabled here (`host.managers`) are disabled. `confirm` is asked when new rules are
    in force and nothing is saved yet: it returns why they are to go again, or nothing to keep them. Raises a
    FirewallError, with the host in the state it was in.
    """
    run = run or Run()
    with files.locked() as lock, run.reported(), contextlib.ExitStack() as stack:
        with run.step("rehearse"):
            rehearsal = rehearse(plan, host, stack)
        with run.step("keep"):
            before = rehearsal.before.result()
        target, backend = rehearsal.target, rehearsal.target.backend
        # A run that is killed leaves this behind: work was under way.
        run.notes += rehearsal.notes
        run.status.update(in_force(target, plan, rehearsal.texts))
        run.status["skipped_families"] = list(rehearsal.skipped)
        run.write()

        undo = files.Undo(linked=True)
        newly_enabled: list[str] = []
        try:
            with run.step("load"):
                changed = _load(rehearsal, before, host, lock)
            with run.step("read back"):
                live = backend.dump(tuple(rehearsal.loaded))
                if differences := backend.differences(live, rehearsal.expected.result()):
                    raise Drift(f"the kernel holds something else than what was loaded: {'; '.join(differences[:5])}")
            if confirm and changed:
                with run.step("confirm"):
                    if refusal := confirm():
                        raise FirewallError(refusal)
            sysctl.adjust(plan.source, host, undo, run)
            with run.step("save"):
                texts, notes = backend.with_others(rehearsal.texts, target.place.files, host.managers)
                run.notes += notes
                written = save.save(target, texts, plan, host, undo, run.notes)
            with run.step("enable"):
                save.enable(target, newly_enabled)
        except BaseException as failure:
            with run.step("roll back"):
                not_restored = _roll_back(run, target, before, undo, newly_enabled, lock)
            raise run.failure(failure, not_restored) from failure.__cause__
        with run.step("disable others"):
            undo.forget()
            bans.make(backend, lock, run.notes)
            run.notes += backend.removed(before, host.managers) if changed else []
            conflicting = _disable_managers(rehearsal, host, run.notes, lock)
            run.notes += previous.retire(target, host, lock, run.previous.get("backend", ""))
        run.status["result"] = "applied" if changed or written or newly_enabled else "unchanged"
        return Outcome(run.status, done=not conflicting)


# --- the steps --------------------------------------------------------------------------------------------


def _load(rehearsal: Rehearsal, before: Texts, host: Host, lock: int) -> bool:
    """-> was there anything to load? Where it fails, nothing was changed, or one family of two."""
    backend, paths = rehearsal.target.backend, rehearsal.target.place.files
    # Rules that are saved already are probably loaded too: worth waiting for the rehearsal's dump to see.
    likely = all((files.read(paths[family]) or "").startswith(text) for family, text in rehearsal.loaded.items())
    todo, noflush = backend.delta(rehearsal.loaded, before, rehearsal.expected.result, likely, host.managers)
    backend.load(todo, noflush, [lock])
    return any(todo.values())


def _roll_back(
    run: Run, target: Target, before: Texts, undo: files.Undo, newly_enabled: Sequence[str], lock: int
) -> list[str]:
    """Undo what was done, as far as it goes. -> what could not be put back"""
    not_restored = []
    sysctl.restore(undo)
    for unit in newly_enabled:
        with contextlib.suppress(FirewallError):
            systemd.disable(unit)
    try:
        undo.undo()
        run.notes += save.relabel([path for path, old in undo.before.items() if old])
    except (FirewallError, OSError) as failure:
        not_restored.append(f"the files: {reason(failure)}")
    # Last: what was there before may be nothing, and a systemctl that hangs takes half a minute.
    try:
        if not _holds(target, before):
            target.backend.restore(before, [lock])
    except FirewallError as failure:
        if not _holds(target, before):
            not_restored.append(f"the rules: {failure}")
    return not_restored


def _holds(target: Target, rules: Texts) -> bool:
    """Does the kernel hold these rules? A tool that cannot say is as good as a no."""
    try:
        return target.backend.same(target.backend.dump(tuple(rules)), rules)
    except ToolFailed:
        return False


def _disable_managers(rehearsal: Rehearsal, host: Host, notes: list[str], lock: int) -> list[str]:
    """Disable firewall managers that would load rules of their own over ours. -> those that are still enabled"""
    conflicting = []
    for name in host.managers:
        if failures := managers.disable(name, rehearsal.target.backend):
            conflicting.append(name)
            notes.append(f"{name} could not be disabled: {'; '.join(failures)}")
        else:
            notes.append(f"{name} was disabled and masked: its rules would conflict with these")
    if host.managers:  # some flush everybody's rules on their way out, also when they then fail
        try:
            _load(rehearsal, rehearsal.target.backend.dump(tuple(rehearsal.loaded)), host, lock)
        except FirewallError as failure:
            names = " and ".join(host.managers)
            notes.append(f"what {names} did on the way out could not be mended: {failure}")
    return conflicting

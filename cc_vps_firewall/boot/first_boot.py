"""The first boot of an instance: closed first, never left open, and never wider than it must be (decision 0019)."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from ..apply import converge, previous, save
from ..apply.converge import Outcome
from ..apply.status import Run, Status, in_force, write
from ..backends.registry import BACKENDS
from ..errors import FirewallError, LoadRefused, NoBackend, PolicyRefused, StillOpen, ToolFailed, reason, reasons
from ..host import files, managers, state
from ..host.facts import Host
from ..plan.choice import AUTO, choose
from ..plan.model import Candidate, Decision, Plan
from ..plan.targets import Target, target

LOG = logging.getLogger("cloudinit.config.cc_vps_firewall")
UNREHEARSED = "loaded without a rehearsal: this host does not allow one, or its tools or disk are broken"

Runs = Callable[[str, Sequence[str]], Run]


def first_boot(decision: Decision, host: Host, notes: Sequence[str] = (), runs: Runs = Run) -> Outcome:
    """converge() with nobody at the keyboard. A kill or a failure at any moment after the first load leaves a closed
    host.

    Where something fails, the next of these is tried: the policy; then each stand-in, the narrowest first, in each
    backend after a rehearsal, and without one; then each of them for one family of two. Where all of that fails, the
    status is empty, and the host may be open.
    """
    run = runs("cloud-init", notes)
    try:
        files.sync()  # what cloud-init wrote of the network, else a power cut leaves it empty beside our files
        if not any(plan.good for plan in decision.stand_ins):
            closed = _stand_in(decision.stand_ins, host, runs)[1]
            if closed.get("result") in ("applied", "unchanged"):
                run.notes += closed["notes"]
            host = replace(host, managers=managers.enabled())  # to stop them once more takes as long as the first time
        with run.step("parse"):
            plan = decision.policy()
        return converge.converge(plan, host, run)
    except Exception as failure:
        try:
            status = fall_back(decision.stand_ins, host, failure, run, runs)
        except Exception as worse:
            return Outcome({}, [f"{reason(worse)}; and before it: {reason(failure)}"], run.notes)
        # The file of a list may be there at the next boot; whatever else is refused, its owner has to mend.
        refused = isinstance(failure, PolicyRefused) and not any(problem.passing for problem in failure.problems)
        done = refused and bool(status["services"]) and not managers.enabled()
        return Outcome(status, reasons(failure), run.notes, done, isinstance(failure, LoadRefused))


def fall_back(stand_ins: Sequence[Plan], host: Host, failure: BaseException, run: Run, runs: Runs = Run) -> Status:
    """After a boot that could not have its policy: put in force what stands in for it, and a status that says so.
    Raises StillOpen where nothing could be put in force."""
    name, stood_in = _stand_in(stand_ins, host, runs)
    run.notes += stood_in.get("notes", ())
    about: Status = {"in_force": name, "by": "cloud-init", "result": "failed", "problems": reasons(failure)}
    status: Status = {**stood_in, **about, "notes": [*dict.fromkeys(run.notes)]}
    if run.failed_in:
        status["failed_in"] = run.failed_in
    write(status)
    if "open" not in status:
        raise StillOpen("nothing could close this host")
    return status


def _stand_in(stand_ins: Sequence[Plan], host: Host, runs: Runs) -> tuple[str, Status]:
    """Put in force what stands in for a policy, on a host where anything may be broken. -> its name, and its status,
    which is empty where nothing worked"""
    for plan, attempt in _attempts(stand_ins, host, runs):
        with contextlib.suppress(Exception):
            return plan.name, attempt()
    return "nothing: this host may be open", {}


def _attempts(stand_ins: Sequence[Plan], host: Host, runs: Runs) -> Iterator[tuple[Plan, Callable[[], Status]]]:
    for plan in stand_ins:
        for less in range(len(plan.candidates)):  # one that rehearsed well may still fail
            rest = replace(plan, candidates=plan.candidates[less:])
            yield plan, partial(_rehearsed, rest, host, runs)
        yield plan, partial(_force, plan, host, runs, whole=True)
    # One family that is closed is better than none, and worse than both of them by a wider policy.
    for plan in stand_ins:
        yield plan, partial(_force, plan, host, runs, whole=False)


def _rehearsed(plan: Plan, host: Host, runs: Runs) -> Status:
    return converge.converge(plan, host, runs("first boot", ())).status


def _force(plan: Plan, host: Host, runs: Runs, whole: bool) -> Status:
    """Load a plan without a rehearsal. `whole`: both families or nothing. Raises ToolFailed where it was not."""
    # First what loads both families or none.
    for candidate in sorted(plan.candidates, key=lambda each: len(BACKENDS[each.backend].families)):
        with contextlib.suppress(ToolFailed):
            return _forced(plan, candidate, host, runs, whole)
    raise ToolFailed


def _forced(plan: Plan, candidate: Candidate, host: Host, runs: Runs, whole: bool) -> Status:
    """Of what comes after the load, do what works: an unsaved firewall is better than none."""
    chosen, texts = target(candidate.backend, host), candidate.texts
    failures: list[str] = []
    status = in_force(chosen, plan, texts)
    for family, text in texts.items():
        try:
            chosen.backend.load({family: text})
        except ToolFailed as failure:
            if whole and (family != 6 or host.ipv6):
                raise
            failures.append(f"IPv{family} may be open: {failure}")
            status["open_families"] = [] if whole else [family]
    if len(failures) == len(texts):
        raise ToolFailed("; ".join(failures))
    with contextlib.suppress(FirewallError, OSError), files.locked() as lock:
        failures += previous.retire(chosen, host, lock)  # a seal, say, would drop what these rules let in
    try:
        save.save_rules(chosen, texts, plan.fallback, files.Undo(), failures)
        save.enable(chosen, [])
    except (FirewallError, OSError) as failure:
        failures.append(f"the next boot may be open: {reason(failure)}")
        status["saved"] = status["services"] = []
    return {**runs("first boot", ()).status, **status, "notes": [UNREHEARSED, *failures]}


# --- in a process of its own ------------------------------------------------------------------------------


def enter(
    inspect: Callable[[], Host],
    decide: Callable[[Host], Decision],
    backend: str,
    cloud: Any,
    notes: Sequence[str] = (),
    mark_done: Callable[[], None] = lambda: None,
    runs: Runs = Run,
) -> list[str]:
    """Put what `decide` says of the host in force, as cloud-init's module. -> what went wrong, empty when all is well.

    `backend`: what the policy asks for. `mark_done` is called when another boot would come to nothing better: what is
    in force is what was asked for, or stands in for what was refused, the next boot loads it before the network, and no
    other firewall does so too.

    The work is done in a process of its own, and what kills that one, for want of memory say, does not kill
    cloud-init: what stands in for the policy is put in force then. Raises FirewallError when not even that could be
    done, and the host may be open.
    """

    def boot() -> Any:
        host = inspect()
        outcome = first_boot(decide(host), host, notes, runs)
        if not outcome.problems:
            for note in outcome.status["notes"]:
                LOG.info("%s", note)
            LOG.info("The firewall is loaded, verified and saved")
        return asdict(outcome)

    def attempt() -> Outcome:
        try:
            return Outcome(**in_child(boot))
        except Killed as failure:
            killed = failure

        def rescue() -> Any:
            host, run = inspect(), Run("cloud-init", notes)
            return asdict(Outcome(fall_back(decide(host).stand_ins, host, killed, run), [str(killed)], run.notes))

        return Outcome(**in_child(rescue))

    outcome, tried, host = attempt(), files.read(state.TOOLS), inspect()
    wanted = choose(backend, host)
    for chosen in (*wanted, *(each for each in choose(AUTO, host) if each not in wanted)):
        if _may_help(chosen, wanted, outcome):
            notes = [*outcome.notes, _install(chosen, cloud, outcome, tried)]
            outcome = attempt()
    if outcome.done:
        mark_done()
    if not outcome.status:
        raise FirewallError(outcome.problems[0])
    return [*outcome.problems]


class Killed(FirewallError):
    """The child was killed before it could answer."""


def in_child(work: Callable[[], Any]) -> Any:
    """Call `work` in a child of ours. -> what it returned, as JSON keeps it. Raises FirewallError where it raised,
    Killed where it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            try:
                answer = [True, work()]
            except BaseException as failure:
                answer = [False, reason(failure)]
            with open(writing, "w", encoding="utf-8") as parent:
                json.dump(answer, parent)
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        text = pipe.read()
    code = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(code) or not text:
        raise Killed(f"the engine was killed at its work (signal {os.WTERMSIG(code)})")
    well, value = json.loads(text)
    if not well:
        raise FirewallError(value)
    return value


def uptime() -> str:
    """Seconds since the kernel started (proc(5))."""
    with open("/proc/uptime", encoding="ascii") as file:
        return file.read().split(".")[0]


def _has_tools(chosen: Target) -> bool:
    with contextlib.suppress(NoBackend):
        return bool(chosen.tools())
    return False


def _may_help(chosen: Target, wanted: Sequence[Target], outcome: Outcome) -> bool:
    """Is this backend not here, and might it do what those that are here could not?"""
    if not outcome.problems or _has_tools(chosen):
        return False
    if outcome.closed:
        return chosen in wanted and (outcome.tool_failed or not any(map(_has_tools, wanted)))
    return True


def _install(chosen: Target, cloud: Any, outcome: Outcome, tried: str | None) -> str:
    """Let the distribution install a firewall: once for an instance, for where that comes to nothing it takes half a
    minute, at each boot. `tried`: the instance for which it was. -> what its owner should know"""
    package, now = chosen.place.package, state.instance()
    if tried != now:
        try:
            cloud.distro.install_packages([package])
        except Exception as error:
            # cloud-init raises what it likes here, by distribution and version, also for a package that is there now.
            LOG.info("%s could not be installed: %s", package, error)
        if _has_tools(chosen):
            until = f"unprotected for up to {uptime()} s, from power-on to here"
            return f"{package} had to be installed: {'closed but for SSH' if outcome.closed else until}"
        with contextlib.suppress(OSError):  # the worse for its boots
            files.save({state.TOOLS: now}, files.Undo(), 0o644)
    return f"{package} could not be installed, which is tried once: install it, and reboot"

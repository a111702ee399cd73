"""What a run says of itself, as it grows from step to step: for root, and for every user."""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypedDict

from ..errors import FirewallError, LoadRefused, RolledBack, reason, reasons
from ..host import files, state
from ..plan.model import Opened, Plan
from ..plan.targets import Target


class Status(TypedDict, total=False):
    """docs/reference/status.md says what each key means."""

    result: str  # applied, unchanged, disabled, failed, unfinished
    by: str
    when: str
    problems: Sequence[str]
    notes: Sequence[str]
    steps: Mapping[str, float]  # name -> seconds
    failed_in: str
    in_force: str
    backend: str
    digest: str
    open: Opened
    saved: Sequence[str]
    services: Sequence[str]
    skipped_families: Sequence[int]
    open_families: Sequence[int]
    warnings: Sequence[str]
    interfaces: Mapping[str, Sequence[str]]


# What a run that leaves the rules as they are repeats of the one before.
_IN_FORCE = ("in_force", "backend", "digest", "open", "saved", "services", "skipped_families", "warnings", "interfaces")


def read() -> Status:
    """Of the last run, as far as whoever asks may read it; empty where there is none."""
    return files.read_json(state.STATUS) or files.read_json(state.PUBLIC)  # type: ignore[return-value] # what we wrote


def write(status: Status) -> None:
    """For root and for everybody; a disk that is full must not undo a firewall that stands."""
    hidden = {key: public(status[key]) for key in ("problems", "notes")}
    text = re.sub('"from": "(?!any).*"', '"from": "hidden"', files.as_json({**status, **hidden}))
    with contextlib.suppress(OSError):
        files.save_all({state.STATUS: (files.as_json(status), 0o600), state.PUBLIC: (text, 0o644)}, files.Undo())


def public(lines: Iterable[str]) -> list[str]:
    """What every user may read: what it is about, and nothing that was written there. What looks like an address ends
    it too: not every message begins with a path."""
    return [re.split(r": |\[(?!\d+\])|\w{1,4}(\.\d|:\S)", line)[0] for line in lines]


def in_force(target: Target, plan: Plan, texts: Mapping[int, str]) -> Status:
    """What a plan that is in force says of the host."""
    status: Status = {
        "backend": target.backend.name,
        "digest": hashlib.sha256("".join(texts.values()).encode()).hexdigest(),
        "open": plan.open,
        "saved": list(target.place.files.values()),
        "services": list(target.units),
        "skipped_families": [],
        "warnings": list(plan.warnings),
    }
    if plan.interfaces:
        status["interfaces"] = plan.interfaces
    return status


class Run:
    """One run, from its first step to its status. `by`: who asked for it; `notes`: what its owner should know."""

    def __init__(self, by: str = "command", notes: Sequence[str] = ()) -> None:
        self.steps: dict[str, float] = {}
        self.notes = list(notes)
        self.failed_in = ""
        self.previous = read()
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.status: Status = {"result": "unfinished", "by": by, "when": when, "problems": []}

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step, and remember the first that failed."""
        began = time.monotonic()
        try:
            yield
        except BaseException:
            self.failed_in = self.failed_in or name
            raise
        finally:
            self.steps[name] = round(time.monotonic() - began, 4)

    @contextlib.contextmanager
    def deciding(self) -> Iterator[None]:
        """What is decided inside may be refused, which the status says. What is done is reported() by who does it."""
        with files.locked():
            try:
                with self.step("parse"):
                    yield
            except BaseException as failure:
                self.fail(failure)
                self.write()
                raise

    @contextlib.contextmanager
    def reported(self) -> Iterator[None]:
        """Whatever happens inside, the status says so in the end; after a failure, with what was in force before."""
        try:
            yield
        except BaseException as failure:
            self.fail(failure)
            raise
        finally:
            self.write()

    def leave_alone(self) -> None:
        """The policy says `enabled: false`."""
        with files.locked():
            self.notes.append("enabled: false: nothing was touched")
            self.status.update({**self.unchanged(), "result": "disabled"})
            self.write()

    def fail(self, failure: BaseException) -> None:
        """Nothing was changed, or all of it was put back."""
        about: Status = {"by": self.status["by"], "when": self.status["when"], "problems": reasons(failure)}
        self.status = {**self.unchanged(), **about, "result": "failed", "failed_in": self.failed_in}

    def unchanged(self) -> Status:
        """What the run before this one said of the rules in force."""
        was = self.previous
        known = f"what {was.get('by')} left at {was.get('when')}" if was else "nothing of ours"
        return {"in_force": known, **{key: was[key] for key in _IN_FORCE if key in was}}  # type: ignore[literal-required,typeddict-item]

    def write(self) -> None:
        """Write the status, with the steps and notes so far."""
        self.status["steps"], self.status["notes"] = self.steps, [*dict.fromkeys(self.notes)]
        write(self.status)

    def failure(self, failure: BaseException, not_restored: Sequence[str]) -> BaseException:
        """What to raise where the host was changed and put back, but for what is `not_restored`."""
        if not_restored:
            return FirewallError(f"{reason(failure)}; and this could not be put back: {'; '.join(not_restored)}")
        if isinstance(failure, LoadRefused) and self.failed_in == "load":
            return LoadRefused(f"{failure}; nothing was changed")
        if isinstance(failure, (FirewallError, OSError, KeyboardInterrupt)):
            return RolledBack(f"{reason(failure)}; what was there before is back")
        return failure

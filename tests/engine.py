"""The engine with checkpoints: before and after each step of a run, where a test looks in, or kills it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from cc_vps_firewall.apply import converge
from cc_vps_firewall.apply.converge import Outcome
from cc_vps_firewall.apply.status import Run, Status
from cc_vps_firewall.backends.registry import BACKENDS
from cc_vps_firewall.boot import first_boot
from cc_vps_firewall.boot.first_boot import Runs
from cc_vps_firewall.cli.apply import apply as apply_section
from cc_vps_firewall.host import facts, systemd
from cc_vps_firewall.host.distributions import DISTRIBUTIONS, Persistence
from cc_vps_firewall.host.facts import Host
from cc_vps_firewall.plan import decide
from cc_vps_firewall.plan.targets import Target
from cc_vps_firewall.root import Root

Checkpoint = Callable[[str], None]


class CheckedRun(Run):
    """A run that says where it is."""

    def __init__(self, checkpoint: Checkpoint, by: str = "command", notes: Sequence[str] = ()) -> None:
        super().__init__(by, notes)
        self.checkpoint = checkpoint

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        self.checkpoint(f"before {name}")
        with super().step(name):
            yield
        self.checkpoint(f"after {name}")

    def write(self) -> None:
        self.checkpoint("before status")
        super().write()
        self.checkpoint("after status")


def runs(checkpoint: Checkpoint) -> Runs:
    """What makes runs for a first boot."""
    return partial(CheckedRun, checkpoint)


def apply(
    section: object, checkpoint: Checkpoint = lambda moment: None, host: Host | None = None, **options: Any
) -> Status:
    """As the command does it."""
    return apply_section(section, host or facts.inspect(), CheckedRun(checkpoint), **options)


def apply_stand_in(section: object, checkpoint: Checkpoint) -> Status:
    """What only stands in for a policy: no later boot falls back on it."""
    host = facts.inspect()
    return converge.converge(decide.plan(section, host, good=False), host, CheckedRun(checkpoint)).status


def rendered(section: object, host: Host) -> tuple[str, dict[int, str]]:
    """What would be loaded here: the backend, and its text per family."""
    first = decide.plan(section, host).candidates[0]
    return first.backend, dict(first.texts.items())


def boot(section: object, checkpoint: Checkpoint, host: Host | None = None) -> Outcome:
    """A first boot, in this process."""
    host = host or facts.inspect()
    return first_boot.first_boot(decide.first_boot(section, host), host, (), runs(checkpoint))


def place(distribution: str, backend: str) -> Persistence:
    """Where a distribution keeps the rules of a backend."""
    return DISTRIBUTIONS[distribution].keeps(backend, BACKENDS[backend].families)


def unit_files(chosen: Target, tools: Mapping[str, str], root: str = "/") -> dict[str, str]:
    """What systemd has to know of a target."""
    return systemd.unit_files(chosen.backend, chosen.place, chosen.own_unit, tools, Root(root))

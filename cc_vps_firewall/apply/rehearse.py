"""Plan -> the first of its backends whose tools load it in an empty network namespace: decision 0004."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from ..errors import FirewallError, LoadRefused, NoBackend, ToolFailed
from ..host import process
from ..host.facts import Host
from ..plan.model import Plan, Texts
from ..plan.targets import Target, target
from ..rules.backend import Backend

IPV6_OFF = "IPv6 is off in this kernel: its rules are saved, and not loaded"


@dataclass(frozen=True)
class Rehearsal:
    """A backend that loaded its texts. `texts`: what is to be saved; `loaded`: without the families in `skipped`, which
    this kernel does not have. `expected`: the dump of what was loaded, to come: it is made while the kernel is already
    being loaded. `before`: what the kernel holds now."""

    target: Target
    texts: Texts
    loaded: Texts
    skipped: tuple[int, ...]
    expected: Future[dict[int, str]]
    before: Future[dict[int, str]]
    notes: tuple[str, ...]


def rehearse(plan: Plan, host: Host, stack: contextlib.ExitStack) -> Rehearsal:
    """The first candidate that works. Raises NoBackend where none has its tools here, LoadRefused where those that are
    here did not take their texts."""
    live = stack.enter_context(ThreadPoolExecutor(1, "keep"))
    reasons: list[FirewallError] = []
    notes: list[str] = []
    for name, texts, skipped in _attempts(plan, host):
        chosen = target(name, host)
        backend = chosen.backend
        try:
            chosen.tools()
            loaded = {family: text for family, text in texts.items() if family not in skipped}
            empty = stack.enter_context(process.scratch())
            before = live.submit(backend.dump, tuple(loaded))
            empty.submit(backend.load, loaded).result()
            expected = empty.submit(dump_of, backend, loaded)
            before.result()
            notes += [IPV6_OFF] if skipped else []
            return Rehearsal(chosen, texts, loaded, skipped, expected, before, tuple(notes))
        except FirewallError as failure:
            reasons.append(failure)
            notes.append(f"{name} was not used: {failure}")
    message = "; ".join(dict.fromkeys(map(str, reasons)))
    if all(isinstance(each, NoBackend) for each in reasons):
        raise NoBackend(message)
    raise LoadRefused(f"{message}; nothing was changed")


def _attempts(plan: Plan, host: Host) -> Iterator[tuple[str, Texts, tuple[int, ...]]]:
    for candidate in plan.candidates:
        yield candidate.backend, candidate.texts, ()
        if not host.ipv6 and 6 in candidate.texts:
            yield candidate.backend, candidate.texts, (6,)


def dump_of(backend: Backend, texts: Texts) -> dict[int, str]:
    """The dump of texts that were loaded here. Raises ToolFailed when a tool took rules and did not load them."""
    dumps = backend.dump(tuple(texts))
    if missing := sum(max(0, text.count(_COMMENT) - dumps[family].count(_COMMENT)) for family, text in texts.items()):
        raise ToolFailed(f"{backend.name}: {missing} of the rules are not there after they were loaded")
    return dumps


_COMMENT = 'comment "'  # of which each rule has one, and which every tool prints as it was

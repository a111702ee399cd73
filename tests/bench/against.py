"""ours and others -> rows of one run: what loading takes, what packets cost, and who is served through a flood.

Each part runs alone within ten minutes: `make bench ARGS="apply --size 1000"`. What took longer than a load may, or
would take hours, has no number, and the row says so.
"""

from __future__ import annotations

import contextlib
import fcntl
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing

from tests.attack import floods
from tests.bench import contenders, denied, wired
from tests.bench import reach as reaching
from tests.bench.contenders import ALL, NONE, Contender, Load
from tests.lab.namespaces import Namespace
from tests.lab.world import alone, world

Row = dict[str, object]
SIZES = {0: 5, 1_000: 3, 100_000: 1}  # sources (0: the tutorial's one) -> turns of `apply`, of which the least counts
FLOOD_RATE, FLOOD_TABLE, FLOOD_SECONDS = 50_000, 7_680, 8  # SYNs a second; the tracker's entries on a host of 1 GB
FLOOD_TRIES, ENOUGH = 3, 0.9  # again where a busy computer sent less than that part of the rate


def apply(size: int) -> Iterator[Row]:
    """The first load of the policy on a machine that has none. In turns, each on machines of its own."""
    policy = contenders.wanted(size)
    loads: dict[str, list[Load | None]] = {}
    kept: dict[str, int] = {}
    for _ in range(SIZES[size]):
        for one in random.sample(ALL, len(ALL)):
            if size > one.most or None in loads.get(one.name, ()):
                continue
            with world(contenders.root()) as (machine, _):
                contenders.prepare(one, machine, policy)
                loads.setdefault(one.name, []).append(contenders.load(one, machine, policy))
                kept[one.name] = contenders.resident(one, machine)
            print(f"{one.name}: {loads[one.name][-1]}", flush=True)
    for one in ALL:
        seen = [load for load in loads.get(one.name, ()) if load]
        if None in loads.get(one.name, (None,)) or not seen:
            yield {"who": one.name, "seconds": None}
            continue
        least = min(seen, key=lambda load: load.seconds)
        yield {
            "who": one.name,
            "seconds": round(least.seconds, 3),
            "peak KiB": max(least.kib, kept[one.name]),
            "resident KiB": kept[one.name],
        }


def connections(size: int) -> Iterator[Row]:
    """New ones a processor second, of a client in the middle of the list."""
    yield from _wired(size, {"connections": wired.Wire.connections})


def standing(size: int) -> Iterator[Row]:
    """Of one connection: MiB, and round trips of small packets, a processor second."""
    yield from _wired(size, {"MiB": wired.Wire.bulk, "round trips": wired.Wire.small})


def _wired(size: int, measures: Mapping[str, wired.Measure]) -> Iterator[Row]:
    policy = contenders.wanted(size)
    four = policy.of_family(4)
    client = four[len(four) // 2].partition("/")[0]
    who = [one for one in ALL if size <= one.most]
    with _lock():
        measured = wired.measured(who, policy, client, measures)
    for name, seen in measured.items():
        row: Row = {"who": name}
        for measure, (rate, part) in seen.items():
            row |= {measure: round(rate), f"{measure} of none": round(part, 3)}
        yield row


def flood(size: int) -> Iterator[Row]:
    """The share of honest clients that are served while SYNs come from random sources."""
    made = floods.frames()
    for one in (NONE, *ALL):
        seen: list[floods.Result] = []
        while len(seen) < FLOOD_TRIES and all(result.syns < ENOUGH * FLOOD_RATE for result in seen):
            seen.append(_flooded(one, made))
            print(f"{one.name}: {seen[-1]}", flush=True)
        hardest = max(seen, key=lambda result: result.syns)
        yield {
            "who": one.name,
            "clients": round(hardest.clients, 3),
            "own": round(hardest.own, 3),
            "SYNs": round(hardest.syns),
            "entries": hardest.entries,
            "asked": FLOOD_RATE,
            "table": FLOOD_TABLE,
        }


def _flooded(one: Contender, made: Sequence[str]) -> floods.Result:
    policy = contenders.wanted(0, (floods.PORT,))
    with alone(contenders.root()) as machine, closing(Namespace.of(machine.holder, "host")) as host:
        lab = floods.Lab(host)
        contenders.prepare(one, machine, policy)
        if contenders.load(one, machine, policy) is None:
            raise TimeoutError(one.name)
        with _table():
            return floods.flooded(lab, FLOOD_RATE, FLOOD_SECONDS, made)


def reach(size: int) -> Iterator[Row]:
    """What a stranger reaches that the policy does not name, and whether an owner is let in after a mistake."""
    for one in ALL:
        yield {"who": one.name, **reaching.reach(one)}


@contextlib.contextmanager
def _lock() -> Iterator[None]:
    """Nobody floods this computer meanwhile: its tracker's table is one for all namespaces."""
    with floods.LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _table() -> Iterator[None]:
    """As small as it is to be, once nobody else floods."""
    while True:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(floods.table_of(FLOOD_TABLE))
            except BlockingIOError:
                time.sleep(1)
                continue
            yield
            return


Part = Callable[[int], Iterator[Row]]
PARTS: dict[str, tuple[Part, tuple[int, ...]]] = {
    "apply": (apply, tuple(SIZES)),
    "connections": (connections, tuple(SIZES)),
    "standing": (standing, (0,)),
    "denied": (denied.rows, (denied.DENIED,)),
    "flood": (flood, (0,)),
    "reach": (reach, (0,)),
}


def rows(part: str, size: int) -> list[Row]:
    """Of one run, each with the command that makes it again."""
    command = f'make bench ARGS="{part} --size {size}"'
    about = contenders.versions()
    return [{"part": part, "size": size, **row, "command": command, **about} for row in PARTS[part][0](size)]

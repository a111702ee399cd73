"""a program of somebody else's -> run on a machine, and ended with the test."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from .machine import Machine

# In a mount namespace of its own, since the machine waits for what runs in its own to end; and nothing that the program
# started outlives it, nor that one us.
APART = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")


@contextmanager
def running(
    machine: Machine, *argv: str, ready: Callable[[], bool], before: Sequence[str] = ()
) -> Iterator[subprocess.Popen[str]]:
    """The program, once it is ready, until the end of the block; what it says is in /run/said.NAME. `before`: what
    comes before it leaves our namespaces."""
    said = f"/run/said.{argv[0].rpartition('/')[2]}"
    log = machine.do(partial(open, said, "w", encoding="utf-8"))
    program = machine.start(*before, *APART, *argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not ready():
            if program.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(machine.run(f"tail -20 {said}"))
            time.sleep(0.05)
        yield program
    finally:
        program.kill()
        program.wait(30)
        log.close()

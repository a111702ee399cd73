"""argv -> what it took, by the kernel's own account of a process that nobody shares."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.suites import REPOSITORY

# A child counts the memory of whoever forked it as its own until it runs its program, so a small one starts it.
_STARTER = """\
import json, os, subprocess, sys
child = subprocess.Popen(json.loads(sys.argv[1]), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
said = child.stdout.read()
_, ended, used = os.wait4(child.pid, 0)
code = os.WEXITSTATUS(ended) if os.WIFEXITED(ended) else -os.WTERMSIG(ended)
json.dump([code, used.ru_utime + used.ru_stime, used.ru_maxrss, said.decode("utf-8", "replace")], sys.stdout)
"""
PATIENCE = 600  # seconds of a busy machine


@dataclass(frozen=True)
class Cost:
    """How a process ended, its seconds of processor time, its largest resident size in MB, and what it said."""

    code: int
    seconds: float
    megabytes: float
    said: str


def of(*argv: str, environment: Mapping[str, str] | None = None) -> Cost:
    starter: Sequence[str] = (sys.executable, "-S", "-c", _STARTER, json.dumps(argv))
    done = subprocess.run(
        starter,
        cwd=REPOSITORY,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        timeout=PATIENCE,
        check=True,
    )
    code, seconds, kib, said = json.loads(done.stdout)
    return Cost(code, seconds, kib * 1024 / 1e6, said)

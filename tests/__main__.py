"""names of layers, or none for all -> every test of them that this computer lets run, and which it did not.

    python3 -m tests [LAYER...] [ARGUMENTS OF PYTEST]

A layer is a folder here: README.md has a table of them. What is missing is installed, once it is known that it can be
of use. The last line says what was not run.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from tests import ground

HERE = Path(__file__).resolve().parent
# Most layers wait more than they work: for grace periods of the kernel, for leases, for what must not happen. So twice
# as many processes as there are processors; who has nothing left to do takes from the longest list. Memory and the
# kernel's locks on its rules are shared: more than eight gain nothing.
PROCESSES = min(2 * (os.cpu_count() or 1), 8)
PYTEST = (".venv/bin/python", "-m", "pytest", "-n", str(PROCESSES), "--dist=worksteal")

# Layers that need no machine: values in, values out, and files in folders of their own.
PURE = ("unit",)


@functools.lru_cache
def layers() -> Sequence[str]:
    """Folders with tests, by name."""
    return sorted({path.parent.name for path in HERE.glob("*/test_*.py")})


def main(arguments: Sequence[str]) -> int:
    os.chdir(HERE.parent)
    asked = list(takewhile(layers().__contains__, arguments))
    others = arguments[len(asked) :]
    reason = ground.missing()
    if reason:
        return _pure(reason, asked or layers(), others)
    if not _installed("test"):
        return 1
    return _pytest(asked, others)  # pytest has the last word


def _pure(reason: str, asked: Sequence[str], others: Sequence[str]) -> int:
    """What can be done without a machine. It is no success to CI, which is there for all of it, nor to whoever asked
    for nothing else."""
    print(f"No machine can be made here: {reason}; the whole proof takes {ground.ELSEWHERE}.", flush=True)
    pure = [name for name in asked if name in PURE]
    if pure and not _installed("pure"):
        return 1
    code = _pytest(pure, others) if pure else 1
    left = [name for name in asked if name not in PURE]
    if not left:
        return code
    print(f"NOT RUN, for {reason}: {', '.join(left)}", flush=True)
    return code or (1 if os.environ.get("CI") else 0)


def _pytest(folders: Sequence[str], others: Sequence[str]) -> int:
    # A run starts a few thousand interpreters, and each would compile all modules anew.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [*PYTEST, *(f"tests/{name}" for name in folders), *others]
    return subprocess.run(command, env=environment, check=False).returncode


def _installed(purpose: str) -> bool:
    """What the tests are made of: Debian's packages, and those of Python in .venv."""
    for command in (["tests/install-host", purpose], ["make", "--no-print-directory", ".venv/.ready"]):
        if subprocess.run(command, check=False).returncode:
            return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""nothing -> every test that this computer lets run, and the last line says which it did not.

    python3 -m tests [ARGUMENTS OF PYTEST]

What is missing is installed, once it is known that it can be of use.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests import ground

HERE = Path(__file__).resolve().parent
PYTEST = (".venv/bin/python", "-m", "pytest", "-n", "2")

# Layers that need no machine: values in, values out, and files in folders of their own.
PURE = ("unit",)


def main(arguments: Sequence[str]) -> int:
    os.chdir(HERE.parent)
    reason = ground.missing()
    if reason:
        return _pure(reason, arguments)
    if not _installed("test"):
        return 1
    return subprocess.run([*PYTEST, *(arguments or ["tests"])], check=False).returncode  # pytest has the last word


def _pure(reason: str, arguments: Sequence[str]) -> int:
    """What can be done without a machine. It is no success to CI, which is there for all of it."""
    print(f"No machine can be made here: {reason}; the whole proof takes {ground.ELSEWHERE}.", flush=True)
    if not _installed("pure"):
        return 1
    folders = [f"tests/{name}" for name in PURE]
    code = subprocess.run([*PYTEST, *arguments, *folders], check=False).returncode
    left = sorted(path.parent.name for path in HERE.glob("*/test_*.py"))
    print(f"NOT RUN, for {reason}: {', '.join(dict.fromkeys(name for name in left if name not in PURE))}", flush=True)
    return code or (1 if os.environ.get("CI") else 0)


def _installed(purpose: str) -> bool:
    """What the tests are made of: Debian's packages, and those of Python in .venv."""
    for command in (["tests/install-host", purpose], ["make", "--no-print-directory", ".venv/.ready"]):
        if subprocess.run(command, check=False).returncode:
            return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

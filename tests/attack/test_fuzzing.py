"""Spoilt user-data is refused or read, within limits of memory and time that the kernel holds; `fuzzing.py` says how.

VPS_FIREWALL_ATTACK=all, which `make test-attack` sets, reads a hundred times as much.
"""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import sys

import pytest

from cc_vps_firewall.errors import PolicyRefused

from . import fuzzing
from .test_nmap import ALL

COUNT = 40_000 if ALL else 1_000
SEEDS = ("one", "two", "three", "four", "five") if ALL else ("one", "two")


@pytest.mark.parametrize("seed", SEEDS)
def test_spoilt_user_data_is_refused_or_read(seed: str) -> None:
    command = [sys.executable, "-m", "tests.attack.fuzzing", seed, str(COUNT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert done.stdout == f"{COUNT} read, 0 of them wrong\n"


def test_some_of_it_is_read_and_some_is_not() -> None:
    """Spoilt beyond recognition, nothing would get far enough to break anything."""
    chosen, some = random.Random("some"), fuzzing.seeds()
    taken = 0
    for _ in range(500):
        with contextlib.suppress(PolicyRefused):
            fuzzing.read(fuzzing.spoilt(chosen, some))
            taken += 1
    assert 25 < taken < 250


@pytest.mark.parametrize(
    ("fault", "told"),
    [("raise KeyError(data)", "KeyError"), ("while time.process_time() < began + 5: pass", "took 5")],
)
def test_what_is_no_refusal_is_found(fault: str, told: str) -> None:
    done = _with(f"began = time.process_time()\n    {fault}")
    assert done.returncode == 1
    assert told in done.stdout
    assert "1 of them wrong" in done.stdout


@pytest.mark.parametrize(("fault", "ends"), [("bytearray(1 << 30)", 1), ("while True: pass", -signal.SIGXCPU)])
def test_the_kernel_holds_the_limits(fault: str, ends: int) -> None:
    done = _with(fault, spare=3)
    assert done.returncode == ends
    assert ends < 0 or "MemoryError" in done.stdout


def _with(fault: str, spare: int = 30) -> subprocess.CompletedProcess[str]:
    """Fuzzing of one user-data by a reader with this fault."""
    program = f"""
import sys, time
from tests.attack import fuzzing
def read(data):
    {fault}
fuzzing.read, fuzzing.SPARE = read, {spare}
sys.exit(fuzzing.main("one", 1))
"""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

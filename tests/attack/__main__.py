"""python -m tests.attack [TABLE [RATE [SECONDS]]]: see floods.py. As root, on a machine that does nothing else."""

from __future__ import annotations

import sys

from .floods import main

arguments = [*map(int, sys.argv[1:]), *(7_680, 50_000, 8)[len(sys.argv) - 1 :]]
main(arguments[0], arguments[1], arguments[2])

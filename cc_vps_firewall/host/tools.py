"""Where a system has its tools."""

from __future__ import annotations

import os

from ..root import HERE, Root
from . import process


def find_tool(root: Root, tool: str) -> str:
    """Absolute path of a tool as the system at `root` has it, '' when there is none."""
    if root == HERE:
        return process.find(tool)
    return next((f"{folder}/{tool}" for folder in process.SBIN if os.path.exists(root / f"{folder}/{tool}")), "")

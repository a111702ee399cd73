"""vps-firewall status | verify -> what a host that a bundle has closed has to say; the whole command is cli.py."""

from __future__ import annotations

import sys

from . import backend, converge, saved
from .errors import FirewallError


def main() -> int:
    """Run one command. -> its exit code"""
    try:
        if sys.argv[1:2] == ["verify"]:
            differs, _ = converge.check_drift(backend.look())
            print("\n".join(differs) or "equal: kernel, saved file and policy")
            return 6 if differs else 0
        if sys.argv[1:2] == ["status"]:
            print(saved.as_json(saved.read_status()), end="")
            return 0
        failure: Exception = FirewallError("vps-firewall status | verify")
    except Exception as error:
        failure = error
    print(f"vps-firewall: {converge.reason(failure)}", file=sys.stderr)
    return getattr(failure, "exit_code", 1)

"""vps-firewall status | verify -> what a host that a bundle has closed has to say; the whole command is cli.py."""

from __future__ import annotations

import argparse

from .cli import guarded, status, verify


def main() -> int:
    parser = argparse.ArgumentParser(prog="vps-firewall", description="The firewall that came with the user-data.")
    parser.add_argument("command", choices=("status", "verify"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    return guarded(lambda: (verify if options.command == "verify" else status)(options))

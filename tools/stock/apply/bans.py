"""In the place of apply.bans: a bundle makes no table for the bans of other programs."""

from __future__ import annotations

from cc_vps_firewall.rules.backend import Backend


def make(backend: Backend, lock: int, notes: list[str]) -> None:
    pass

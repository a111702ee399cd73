"""The place for what other programs ban: made where it is missing, and never emptied."""

from __future__ import annotations

from ..errors import FirewallError
from ..rules.backend import Backend


def make(backend: Backend, lock: int, notes: list[str]) -> None:
    """Without it the policy is in force all the same: what fails here is a note."""
    try:
        backend.make_bans([lock])
    except FirewallError as failure:
        notes.append(f"there is no table for bans of other programs: {failure}")

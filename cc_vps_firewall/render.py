"""Policy -> text per family, for one backend: what the kernel is given, and what is saved."""

from __future__ import annotations

from . import iptables, nftables, ruleset
from .policy import Policy


def texts(name: str, wanted: Policy) -> dict[int, str]:
    """By family: 0 (both at once), 4, 6."""
    rules = ruleset.build(wanted)
    if name == nftables.NAME:
        return {0: nftables.render(rules)}
    return {family: iptables.render(rules, family) for family in (4, 6)}

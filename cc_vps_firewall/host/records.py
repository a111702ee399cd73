"""What we wrote down of what we enabled."""

from __future__ import annotations

import re

from ..root import HERE, Root
from . import files, state
from .distributions import DEBIAN


def enabled_by_us(root: Root = HERE) -> frozenset[str]:
    """The services that a seal or an earlier policy of ours switched on in the system at `root`, by our records."""
    seal = files.read_json(root / state.RECORD).get("seal")
    recorded = files.read_json(root / state.SERVICES)
    units = {*files.strings(seal, "units"), *files.strings(recorded, "enabled")}
    return frozenset(units if recorded else units | _guessed(root))


def _guessed(root: Root) -> set[str]:
    """Where there is a policy and no record: a service that has nothing to load but ours is ours."""
    place = DEBIAN.persistence["nftables"]
    applied = files.read_json(root / state.POLICY)
    return {*place.units} if applied and not _MORE.search(files.read(root / place.include_in) or "") else set()


# A line of nftables' language that is more than Debian's own file has: empty chains, and the file of ours.
_MORE = re.compile(
    r"(?m)^(?!\s*(?:#|$|}|flush ruleset|table \w+ \w+ {|chain \w+ {|type filter hook \w+ priority \w+;"
    rf'|include "{re.escape(DEBIAN.persistence["nftables"].files[0])}")).+'
)

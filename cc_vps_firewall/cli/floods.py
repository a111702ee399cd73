"""What the kernel does about a flood of SYNs, as its rules say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from ..backends.registry import BACKENDS
from ..errors import FirewallError
from ..host import process
from ..host.files import text_at
from ..root import HERE
from ..rules import iptables, nftables
from ..rules.ruleset import TRACKED_SYNS


@dataclass(frozen=True)
class Guard:
    """`untracked`: are SYNs beyond the rate kept from being tracked? `dnat_ports`: those for which they are
    not, for DNAT leads them elsewhere: numbers, or `all`."""

    untracked: bool
    dnat_ports: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        return {"untracked": self.untracked, "tracked_ports": list(self.dnat_ports)}

    def __str__(self) -> str:
        if not self.untracked:
            return "guard, by half: SYNs are tracked however many come"
        but = f", but for {', '.join(self.dnat_ports)}, which lead elsewhere" if self.dnat_ports else ""
        if self.dnat_ports == ("all",):
            return "guard, by half: SYNs are tracked however many come, for ports of this host lead elsewhere"
        return f"guard: SYNs beyond {TRACKED_SYNS} are not tracked{but}"


def guard(backend: str) -> Guard | None:
    """What is in force, asked of the kernel; None where it does not say."""
    try:
        return _of_nftables() if backend == nftables.NAME else _of_iptables()
    except (FirewallError, LookupError, TypeError, ValueError):
        return None


def _of_nftables() -> Guard:
    listing = json.loads(process.run("nft", "-j", "list", "table", *nftables.TABLE.split()))["nftables"]
    held: list[Mapping[str, object]] = [entry["set"] for entry in listing if "set" in entry]
    ports = [elements for one in held if one["name"] == nftables.DNAT_PORTS for elements in [one.get("elem", [])]]
    if not ports:
        return Guard(False)
    return Guard(True, tuple(map(str, sorted(cast("list[int]", ports[0])))))


def _of_iptables() -> Guard:
    dumps = BACKENDS[iptables.NAME].dump((4,))
    if "-j CT --notrack" not in dumps[4]:
        return Guard(False)
    return Guard(True, ("all",) if text_at(HERE, f"proc/net/xt_recent/{iptables.DNAT_SEEN}").strip() else ())

"""Whose rules filter what comes in: ours, other people's, nobody's."""

from __future__ import annotations

import contextlib

from ..backends.registry import BACKENDS
from ..errors import FirewallError, NoBackend
from ..host import process
from ..host.facts import Host
from ..plan.targets import Target, target
from ..rules import iptables, iptables_dumps, nftables


def holds_ours(chosen: Target) -> bool:
    """Does the kernel hold rules of ours in this backend? Raises ToolFailed where its tool cannot say."""
    try:
        chosen.tools()
    except NoBackend:
        return False
    dumps = chosen.backend.dump(chosen.backend.families).values()
    return any(map(chosen.backend.holds_ours, dumps))


def bans_in(chosen: Target) -> int | None:
    """How many bans of other programs are where this backend has a place for them; None where it has none."""
    try:
        chosen.tools()
    except NoBackend:
        return None
    return chosen.backend.bans()


def other_filters(host: Host) -> list[str]:
    """What else on this host may refuse packets that come in, in words; what no tool can show is left out."""
    found, hidden = [], []
    with contextlib.suppress(FirewallError):
        target(iptables.NAME, host).tools()
        hidden = ["ip filter", "ip6 filter"]  # iptables' own names, where it speaks to nf_tables
        backend = BACKENDS[iptables.NAME]
        dumps = backend.dump(backend.families)
        found += [f"iptables over IPv{family}" for family, text in dumps.items() if iptables_dumps.refuses(text)]
    with contextlib.suppress(FirewallError):
        tables = nftables.refusing(process.run("nft", "-s", "list", "ruleset"))
        found += [f"the table {table} of nftables" for table in tables if table not in hidden]
    return found

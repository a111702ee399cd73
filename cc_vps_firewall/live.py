"""the kernel -> whose rules filter what comes in: ours, other people's, nobody's."""

from __future__ import annotations

import contextlib

from . import backend, iptables, kernel, nftables
from .errors import FirewallError, NoBackend


def holds_ours(name: str) -> bool:
    """Does the kernel hold rules of ours in this backend? Raises ToolFailed where its tool cannot say."""
    try:
        kernel.tools(name)
    except NoBackend:
        return False
    dumps = kernel.dump(name, backend.FAMILIES[name]).values()
    return any(text if name == nftables.NAME else iptables.has_ours(text) for text in dumps)


def other_filters() -> list[str]:
    """What else on this host may refuse packets that come in, in words; what no tool can show is left out."""
    found, hidden = [], []
    with contextlib.suppress(FirewallError):
        kernel.tools(iptables.NAME)
        hidden = ["ip filter", "ip6 filter"]  # iptables' own names, where it speaks to nf_tables
        dumps = kernel.dump(iptables.NAME, backend.FAMILIES[iptables.NAME])
        found += [f"iptables over IPv{family}" for family, text in dumps.items() if iptables.refuses(text)]
    with contextlib.suppress(FirewallError):
        tables = nftables.refusing(kernel.list_ruleset())
        found += [f"the table {table} of nftables" for table in tables if table not in hidden]
    return found

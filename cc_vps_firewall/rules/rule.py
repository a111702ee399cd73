"""Rules that are neither backend's: one with its conditions and its verdict, chains of them, and all chains."""

from __future__ import annotations

from dataclasses import dataclass

from ..policy import ANYWHERE, Limit, Sources


@dataclass(frozen=True, order=True)
class Port:
    """first..last, and the line of the policy that it comes from."""

    first: int
    last: int
    label: str = ""


@dataclass(frozen=True)
class Rule:
    """All conditions must hold for the verdict; what is left at its default is not asked.

    `verdict`: accept, drop, reset (refuse with a TCP reset), log, return (to the chain before), dnat (`to` an address
    and a port, 0 for the same), masquerade, clamp (no larger segments than the path takes), notrack, add_dnat_port
    (DNAT leads the port elsewhere), add_flood (a flood of SYNs is under way), set_label (the connection gets
    `connlabel`), or the name of a chain to go on in. The four that note something end nothing.
    `ports` are destination ports. `original_dport` asks for a packet that was DNATed, and judges the port it
    was sent to first. `limit` counts each source for itself, `rate` all packets together. `connlabel` is a label that
    the connection bears in the tracker, of 1 to 127; 0 asks for none.
    """

    label: str
    verdict: str
    family: int = 0
    proto: str = ""
    ports: tuple[Port, ...] = ()
    not_dports: tuple[int, ...] = ()
    sport: int = 0
    sources: Sources = ANYWHERE
    destinations: Sources = ANYWHERE
    in_interface: str = ""
    out_interface: str = ""
    state: str = ""
    original: bool = False  # does it go the way of the packet that began its connection?
    icmp: tuple[int, ...] = ()
    hop_limit: int = 0
    flags: tuple[str, str] = ("", "")
    uid_root: bool | None = None
    original_dport: bool = False
    local: bool = False  # is the destination an address of this host?
    from_others: bool = False  # is the source none of this host's?
    dnat_port: bool = False  # is the port among those that DNAT has been seen to lead elsewhere?
    connlabel: int = 0
    flood: bool = False  # has there been a flood of SYNs of late?
    no_flood: bool = False  # or none? Of iptables alone
    by_client: bool = False  # does `limit` count who began the connection, whichever way the packet goes?
    to: tuple[int, int] = (0, 0)
    limit: Limit | None = None
    rate: Limit | None = None
    burst: int = 0  # of `rate`; 0 for as many as it counts


@dataclass(frozen=True)
class Chain:
    """Rules in order. `hook`: input, forward, output, prerouting, postrouting, or raw (prerouting, before connections
    are tracked) for a base chain, with the `policy` for what falls through."""

    name: str
    rules: tuple[Rule, ...]
    hook: str = ""
    policy: str = ""


@dataclass(frozen=True)
class Ruleset:
    """Chains, called ones before those that call them. Those at the hooks prerouting and postrouting translate
    addresses, one at raw may keep packets from being tracked."""

    chains: tuple[Chain, ...]

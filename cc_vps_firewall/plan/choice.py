"""policy and host -> the backends to try, best first."""

from __future__ import annotations

from dataclasses import replace

from ..backends.registry import BACKENDS
from ..host.facts import Host
from .model import Plan
from .targets import Target, target

AUTO = "auto"  # what a policy without a backend asks for


def choose(wanted: str, host: Host) -> tuple[Target, ...]:
    """`policy.backend` -> the backends to try, best first. One that was named is the only one."""
    if wanted in BACKENDS:
        return (target(wanted, host),)
    first = preferred(host)
    return tuple(target(name, host) for name in sorted(BACKENDS, key=lambda name: name != first))


def preferred(host: Host) -> str:
    """The backend whose service is installed, else the one that the distribution would install: iptables on EL up to
    9, nftables on everything newer or else. Our own unit says nothing of it: it loads the files of either."""
    places = host.distribution.persistence
    for name in ("iptables", "nftables"):
        if name in places and any(unit in host.units for unit in places[name].units):
            return name
    return "iptables" if 0 < host.major <= host.distribution.iptables_up_to else "nftables"


def in_order(plan: Plan, host: Host) -> Plan:
    """A plan that was made elsewhere, with the backend first that this host would take."""
    order = [target.backend.name for target in choose(AUTO, host)]
    return replace(plan, candidates=tuple(sorted(plan.candidates, key=lambda each: order.index(each.backend))))

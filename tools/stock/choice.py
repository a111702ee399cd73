"""In the place of cc_vps_firewall.choice where an engine carries one backend: there is no choice."""

from __future__ import annotations

from cc_vps_firewall.facts import Host
from cc_vps_firewall.plan import Plan
from cc_vps_firewall.registry import BACKENDS
from cc_vps_firewall.targets import Target, target

AUTO = "auto"


def choose(wanted: str, host: Host) -> tuple[Target, ...]:
    return tuple(target(name, host) for name in BACKENDS)


def in_order(plan: Plan, host: Host) -> Plan:
    return plan

"""In the place of plan.choice where an engine carries one backend: there is no choice."""

from __future__ import annotations

from cc_vps_firewall.backends.registry import BACKENDS
from cc_vps_firewall.host.facts import Host
from cc_vps_firewall.plan.model import Plan
from cc_vps_firewall.plan.targets import Target, target

AUTO = "auto"


def choose(wanted: str, host: Host) -> tuple[Target, ...]:
    return tuple(target(name, host) for name in BACKENDS)


def in_order(plan: Plan, host: Host) -> Plan:
    return plan

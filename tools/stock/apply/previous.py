"""In the place of apply.previous: what loads rules at boot is the image's own, and is disabled."""

from __future__ import annotations

from cc_vps_firewall.apply import save
from cc_vps_firewall.errors import FirewallError, reason
from cc_vps_firewall.host import systemd
from cc_vps_firewall.host.facts import Host
from cc_vps_firewall.plan.targets import Target


def retire(target: Target, host: Host, lock: int, backend: str = "") -> list[str]:
    notes = []
    try:
        for unit in save.conflicting_units(target, host):
            systemd.disable(unit)
            notes.append(f"{unit} no longer starts at boot: {target.backend.name} is what filters here")
    except (FirewallError, OSError) as failure:
        notes.append(f"not disabled: {reason(failure)}")
    return notes

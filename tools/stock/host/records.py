"""In the place of host.records: no seal is older than what a bundle wrote down itself."""

from __future__ import annotations

from cc_vps_firewall.host import files, state
from cc_vps_firewall.root import HERE, Root


def enabled_by_us(root: Root = HERE) -> frozenset[str]:
    return frozenset(files.strings(files.read_json(state.SERVICES), "enabled"))

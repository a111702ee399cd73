"""In the place of host.sysctl where a policy forwards nothing."""

from __future__ import annotations

from collections.abc import Mapping

from cc_vps_firewall.host import saved
from cc_vps_firewall.host.facts import Host


def adjust(source: Mapping[str, object], host: Host, undo: saved.Undo, notes: list[str]) -> None:
    pass


def restore(undo: saved.Undo) -> None:
    pass


def differences(source: Mapping[str, object], host: Host, out: list[str]) -> None:
    pass

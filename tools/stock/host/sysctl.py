"""In the place of host.sysctl where a policy forwards nothing."""

from __future__ import annotations

from collections.abc import Mapping

from cc_vps_firewall.host import files
from cc_vps_firewall.host.facts import Host


def adjust(source: Mapping[str, object], host: Host, undo: files.Undo, run: object) -> None:
    pass


def restore(undo: files.Undo) -> None:
    pass


def differences(source: Mapping[str, object], host: Host, out: list[str]) -> None:
    pass

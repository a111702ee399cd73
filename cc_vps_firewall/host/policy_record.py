"""The record of the policy that was applied last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from . import files, state


class Applied(TypedDict):
    """A plan's source; the backend that was used; the instance whose owner asked for it, '' where what is in force only
    stands in for that."""

    section: object
    ssh_ports: Sequence[int]
    cloud_id: str
    uplinks: Sequence[str]
    backend: str
    instance: str


class PolicyRecord(Applied, total=False):
    """policy.json."""

    trusted: Sequence[str]
    forward: Sequence[int]


def last_good() -> Mapping[str, object]:
    """The section that was applied last, where that was for this very instance; empty where there is none."""
    record, now = files.read_json(state.POLICY), state.instance()
    section = record.get("section")
    return section if now and record.get("instance") == now and isinstance(section, dict) else {}

"""What is to be enforced, when everything is decided: a value, without user-data, host or clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

Texts = Mapping[int, str]  # by family: 4, 6, or 0 where one text is for both


Opened = Mapping[str, Sequence[Mapping[str, str]]]  # "ipv4" and "ipv6" -> lines as status.json has them


class Known(TypedDict):
    """What a plan was made of, to make it once more: the section, and what was known of the host then."""

    section: Any
    ssh_ports: Sequence[int]
    cloud_id: str
    uplinks: Sequence[str]


class Source(Known, total=False):
    """`forward`: the families that its host is to forward; `trusted`: interfaces that must not have a default route.
    Where there are any."""

    trusted: Sequence[str]
    forward: Sequence[int]


@dataclass(frozen=True)
class Candidate:
    """A backend, by its name, and what it is to load."""

    backend: str
    texts: Texts


@dataclass(frozen=True)
class Plan:
    """One policy, ready to be loaded.

    `name`: what the status calls it. `candidates`: the backends that may enforce it, best first. `fallback`: what a
    service loads where it cannot load iptables' file, by family. `open`: what is open to whom. `good`: it is what the
    owner of this instance asked for, and later boots may fall back on it. `interfaces`: which were taken for uplinks
    and which for bridges.
    """

    name: str
    candidates: tuple[Candidate, ...]
    fallback: Texts
    open: Opened
    source: Source
    good: bool = True
    warnings: tuple[str, ...] = ()
    interfaces: Mapping[str, Sequence[str]] | None = None


@dataclass(frozen=True)
class Decision:
    """What a first boot is to do. `stand_ins`: what closes the host before anything else is asked, and is put in force
    where the policy cannot be, the narrowest first. `policy`: makes the policy's plan, or raises PolicyRefused; a long
    one takes its time, and may cost the process its life."""

    stand_ins: Sequence[Plan]
    policy: Callable[[], Plan]


def as_json(plan: Plan) -> dict[str, Any]:
    """A plan -> what JSON keeps; from_json() makes it a plan again."""
    candidates = [{"backend": each.backend, "texts": dict(each.texts.items())} for each in plan.candidates]
    return {**vars(plan), "candidates": candidates, "fallback": dict(plan.fallback.items())}


def from_json(value: Mapping[str, Any]) -> Plan:
    """The plan that as_json() wrote."""
    candidates = tuple(Candidate(each["backend"], _texts(each["texts"])) for each in value["candidates"])
    return Plan(
        value["name"],
        candidates,
        _texts(value["fallback"]),
        value["open"],
        value["source"],
        value["good"],
        tuple(value["warnings"]),
        value["interfaces"],
    )


def _texts(value: Mapping[str, str]) -> Texts:
    return {int(family): text for family, text in value.items()}

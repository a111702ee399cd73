"""section -> Policy whose rules are written already: what takes the place of the parser in a bundle.

Whoever makes a bundle has the parser and the renderers; the host is spared them. Here they are what a bundle needs
of them, under the names by which the engine calls them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import PolicyRefused, Problem

KEY = "vps_firewall"
BUILT_IN: Mapping[str, object] = {"ping": False}
CARRIED: Mapping[str, Any] = {}  # the bundle's own: see bundle.resolve()


@dataclass(frozen=True)
class Policy:
    """What the engine asks of a policy."""

    enabled: bool
    backend: str
    open: Mapping[str, Any]
    texts: Mapping[str, Mapping[str, str]]


def parse(section: object, *, ssh_ports: Sequence[int] = (22,), read_list: object = None) -> Policy:
    """A section that the bundle was made of, or one of those that a first boot falls back on. Raises
    PolicyRefused."""
    found = CARRIED.get(key(section))
    if not found:
        raise PolicyRefused([Problem(KEY, "is not what this bundle was made of; make it again")])
    if found["default_port"] and list(ssh_ports) != [22]:
        said = f"sshd listens on {', '.join(map(str, ssh_ports))} here, and not on 22; write port: and bundle again"
        raise PolicyRefused([Problem(f"{KEY}.ssh", said)])
    names = list(found["texts"])
    return Policy(True, "auto" if len(names) > 1 else names[0], found["open"], found["texts"])


def key(section: object) -> str:
    """Sections that differ in their backend alone have the same rules."""
    told = {**section, "backend": ""} if isinstance(section, Mapping) else section
    return json.dumps(told, sort_keys=True)


def open_to(wanted: Policy) -> Mapping[str, Any]:
    return wanted.open


def texts(name: str, wanted: Policy) -> dict[int, str]:
    return {int(family): text for family, text in wanted.texts[name].items()}


def read_list(path: str) -> str:
    """No list is read on the host."""
    raise AssertionError


def sections(data: bytes) -> Sequence[tuple[str, object, list[Problem]]]:
    """Keys that stand twice were refused when the bundle was made."""
    return ()


def notes(data: bytes, merged: object) -> list[str]:
    return []

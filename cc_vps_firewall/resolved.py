"""section -> Policy whose rules are written already: what takes the place of the parser in a bundle.

Whoever makes a bundle has the parser and the renderers; the host is spared them. Here they are what a bundle needs
of them, under the names by which the engine calls them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import PolicyRefused, Problem

KEY = "vps_firewall"
BUILT_IN: Mapping[str, object] = {"ping": False}
RULES = os.path.join(os.path.dirname(__file__), "rules")  # a bundle's own: see bundle.resolve()


@dataclass(frozen=True)
class Policy:
    """What the engine asks of a policy."""

    backend: str
    open: Mapping[str, Any]
    texts: Mapping[str, str]


def parse(section: object, *, ssh_ports: Sequence[int] = (22,)) -> Policy:
    """A section that the bundle was made of, or one of those that a first boot falls back on. Raises
    PolicyRefused."""
    with open(RULES, encoding="utf-8") as file:
        carried = [block.split("\v") for block in file.read().split("\v\v")]
    for head, *texts in carried:
        found = json.loads(head)
        if found["key"] == key(section):
            if found["default_port"] and list(ssh_ports) != [22]:
                ports = ", ".join(map(str, ssh_ports))
                said = f"sshd listens on {ports} here, and not on 22; write port: and bundle again"
                raise PolicyRefused([Problem(f"{KEY}.ssh", said)])
            backend = str(section.get("backend", "auto")) if isinstance(section, Mapping) else "auto"
            return Policy(backend, found["open"], dict(zip(found["texts"], texts)))
    raise PolicyRefused([Problem(KEY, "is not what this bundle was made of; make it again")])


def key(section: object) -> str:
    """Sections that differ in their backend alone have the same rules."""
    told = {**section, "backend": ""} if isinstance(section, Mapping) else section
    return json.dumps(told, sort_keys=True)


def own_ssh(section: object) -> dict[str, object]:
    """As the parser's, whose lists are good, or there would be no bundle."""
    told = section if isinstance(section, Mapping) else {}
    return {**BUILT_IN, **{name: told[name] for name in ("backend", "lists", "ssh") if name in told}}


def open_to(wanted: Policy) -> Mapping[str, Any]:
    return wanted.open


def texts(name: str, wanted: Policy) -> dict[int, str]:
    return {int(at[-1]): text for at, text in wanted.texts.items() if at.startswith(name)}

"""A value that a user wrote -> how a message names it, and where it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import PolicyRefused, Problem


def quoted(value: object) -> str:
    """The user's own words in a message: one line, printable, cut when long."""
    for kind, name in _UNPRINTED:
        if isinstance(value, kind):
            return name
    if value is None or isinstance(value, bool):
        text = str(value).lower().replace("none", "null")
    elif isinstance(value, str):
        text = value if re.fullmatch(r"(?!(?:true|false|null)$)[!-~]+", value) else ascii(value[:80])
    elif isinstance(value, int) and value.bit_length() > 256:
        return "a huge number"
    else:
        text = ascii(value) if isinstance(value, (int, float)) else f"the {type(value).__name__} {value}"
    return text if len(text) <= 60 else text[:57] + "..."


_UNPRINTED: tuple[tuple[Any, str], ...] = (
    (Mapping, "a mapping"),
    ((list, tuple), "a list"),
    ((set, frozenset), "a set"),
    (bytes, "binary data"),
)


def child_path(path: str, key: object) -> str:
    """The path of a key: plain where it is a plain word, quoted where it is not."""
    if isinstance(key, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,40}", key):
        return f"{path}.{key}"
    return f"{path}[{quoted(key)}]"


def refusal(where: str, message: str) -> PolicyRefused:
    """A refusal of one problem, to be raised."""
    return PolicyRefused([Problem(where, message)])

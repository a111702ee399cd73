"""What a bundle asks of its host: whether an interface that `service: all` trusts has the default route.

Where the policy is parsed on the host itself, policy/checks.py asks the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..policy.interfaces import same_interface
from . import facts


def uplink(source: Mapping[str, Any]) -> str:
    """The interface with a default route that a plan trusts, by what it was made of; "" where there is none."""
    for name in facts.with_default_route():
        if any(same_interface(pattern, name) for pattern in source.get("trusted", ())):
            return name
    return ""

"""What a bundle asks of its host: whether an interface that `service: all` trusts has the default route.

Where the policy is parsed on the host itself, policy/checks.py asks the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..policy.interfaces import same_interface
from . import facts


def uplink(section: Mapping[str, object]) -> str:
    """The interface with a default route that an entry of `service: all` names; "" where there is none."""
    allow = section.get("allow")
    for entry in allow if isinstance(allow, list) else ():
        if isinstance(entry, dict) and entry.get("service") == "all" and "interface" in entry:
            for name in facts.with_default_route():
                if same_interface(entry["interface"], name):
                    return name
    return ""

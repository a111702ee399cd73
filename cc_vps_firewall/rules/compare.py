"""Two texts of rules -> what differs between them."""

from __future__ import annotations

import difflib


def text_differences(expected: str, live: str) -> list[str]:
    """Lines of `expected` that `live` has not (+), and the other way round (-)."""
    if expected == live:
        return []
    old, new = live.splitlines(), expected.splitlines()
    if len(old) + len(new) > 20_000:  # difflib takes minutes there; what is missing and what is new says enough
        known, there = set(old), set(new)
        gone = [f"-{line}" for line in old if line not in there] + [f"+{line}" for line in new if line not in known]
        return gone or ["+(the same lines in another order)"]
    diff = list(difflib.unified_diff(old, new, lineterm="", n=0))[2:]
    return [line for line in diff if not line.startswith("@@")]

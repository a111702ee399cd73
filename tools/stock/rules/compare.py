"""In the place of rules.compare: what is missing and what is new, without the places of lines that moved."""

from __future__ import annotations

from collections import Counter


def text_differences(expected: str, live: str) -> list[str]:
    if expected == live:
        return []
    old, new = live.splitlines(), expected.splitlines()
    extra, missing = Counter(old) - Counter(new), Counter(new) - Counter(old)
    lines = [f"-{line}" for line in old if line in extra] + [f"+{line}" for line in new if line in missing]
    return list(dict.fromkeys(lines)) or ["+(the same lines in another order)"]

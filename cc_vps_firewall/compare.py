"""Two dumps of rules -> what differs between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping


def missing(texts: Mapping[int, str], dumps: Mapping[int, str]) -> int:
    """How many of a text's rules its own dump lacks, by the comments: every tool prints those as they were."""
    return sum(max(0, text.count(_COMMENT) - dumps[family].count(_COMMENT)) for family, text in texts.items())


_COMMENT = 'comment "'


def text_differences(expected: str, live: str) -> list[str]:
    """Lines of `live` that `expected` has not (-), and the other way round (+)."""
    if expected == live:
        return []
    old, new = live.splitlines(), expected.splitlines()
    extra, missing = Counter(old) - Counter(new), Counter(new) - Counter(old)
    lines = [f"-{line}" for line in old if line in extra] + [f"+{line}" for line in new if line in missing]
    return list(dict.fromkeys(lines)) or ["+(the same lines in another order)"]

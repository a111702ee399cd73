"""Text -> the same with what is made anew between two marks."""

from __future__ import annotations

import re
from functools import lru_cache

CLOSE = "End of what is made."


@lru_cache
def block(opening: str) -> re.Pattern[str]:
    """What stands between a comment that says `opening`, in any language of the repository, and the next that says
    CLOSE."""
    marks = (rf"^(?:#|<!--) {re.escape(mark)}(?: -->)?\n" for mark in (opening, CLOSE))
    return re.compile(rf"(?P<open>{next(marks)})(?P<made>.*?)(?={next(marks)})", re.MULTILINE | re.DOTALL)


def rewritten(name: str, text: str, opening: str, lines: str) -> str:
    """The text of a file with these lines between its marks. Raises LookupError where it has none."""
    if len(block(opening).findall(text)) != 1:
        raise LookupError(f"{name} has no place for what stands below: {opening}")
    return block(opening).sub(lambda match: match["open"] + lines, text)

"""One value of a policy -> what it stands for, or a problem with its path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ..errors import Problem
from . import suggest
from .bounds import MAX_PROBLEMS, MAX_SUGGESTIONS
from .keys import COMMENT, INTERFACE, UNSET, Key, Table, names
from .messages import child_path, quoted
from .model import MAX_RATE, PERIODS, Limit

_LIMIT = re.compile(r"([1-9][0-9]{0,8})/([a-z]+)")
Items = list[tuple[str, object]]  # (path, what stands there)


class Values:
    """Collects problems; every method returns a harmless value after one."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []  # the first MAX_PROBLEMS of those that were counted
        self.count = 0
        self.passing = False  # are any of them?
        self.suggestions = 0
        self.readers: Mapping[str, Callable[[str, Any, Key], Any]] = {}  # what reads a value, by a key's `reader`
        self.defaults: dict[Key, Any] = {}  # read once: many entries have the same one, and it is one object then

    def refuse(self, path: str, message: str, passing: bool = False) -> None:
        self.count += 1
        self.passing |= passing
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(path, message, passing))

    def mapping(self, path: str, value: Mapping[Any, Any], table: Table) -> dict[str, Any]:
        """Read every key of a table. -> name: value, by default where a key is not there and has one"""
        self.keys(path, value, names(table))
        return dict(self.each(path, value, table))

    def each(self, path: str, value: Mapping[Any, Any], table: Table) -> Iterator[tuple[str, Any]]:
        """The same one by one, without a word about other keys."""
        for key in table:
            if key.name in value:
                yield key.name, self.read(f"{path}.{key.name}", value[key.name], key)
            elif key.required:
                self.refuse(f"{path}.{key.name}", f"is missing; write {key.required}")
            elif key.default is not UNSET:
                if key not in self.defaults:
                    self.defaults[key] = self.read(f"{path}.{key.name}", key.default, key)
                yield key.name, self.defaults[key]

    def read(self, path: str, value: object, key: Key) -> Any:
        """One value -> what its key's reader makes of it."""
        return self.readers[key.reader](path, value, key)

    def keys(self, path: str, mapping: Mapping[Any, Any], known: tuple[str, ...]) -> None:
        for key in mapping:
            if key not in known:
                other = suggest.SYNONYMS.get(key) if isinstance(key, str) else None
                hint = f"did you mean {other}?" if other in known else self.suggest(key, known)
                hint = hint or "known: " + ", ".join(known)
                self.refuse(child_path(path, key), f"unknown key; {hint}")

    def suggest(self, word: object, known: Iterable[str]) -> str:
        if not isinstance(word, str) or len(word) > 40 or self.suggestions >= MAX_SUGGESTIONS:
            return ""
        self.suggestions += 1
        match = suggest.meant(word.lower(), known)
        return f"did you mean {match}?" if match else ""

    def flag(self, path: str, value: object) -> bool:
        if isinstance(value, bool):
            return value
        self.refuse(path, f"{quoted(value)} is not true or false")
        return True

    def choice(self, path: str, value: object, accepted: tuple[str, ...]) -> str:
        if isinstance(value, str) and value in accepted:
            return value
        hint = self.suggest(value, accepted)
        self.refuse(path, f"{quoted(value)} is not one of {', '.join(accepted)}" + (f"; {hint}" if hint else ""))
        return accepted[0]

    def items(self, path: str, value: object, what: str) -> Items:
        """A list, or a lone string in place of a list of one -> (path, item) pairs."""
        if isinstance(value, str):
            return [(path, value)]
        if isinstance(value, (list, tuple)):
            return [(f"{path}[{n}]", item) for n, item in enumerate(value)]
        self.refuse(path, f"{quoted(value)} is not a list of {what}")
        return []

    def limit(self, path: str, value: object) -> Limit | None:
        if value is False:
            return None
        match = _LIMIT.fullmatch(value) if isinstance(value, str) else None
        if match and match[2] in PERIODS and 1 <= int(match[1]) <= MAX_RATE:
            return Limit(int(match[1]), match[2])
        self.refuse(
            path,
            f"{quoted(value)} is not a rate; write NUMBER/PERIOD such as 30/minute "
            f"(1-{MAX_RATE} per second, minute, hour or day), or false for none",
        )
        return None

    def interface(self, path: str, value: object) -> str:
        return self.text(path, value, INTERFACE, "an interface name such as eth0 or wg*")

    def comment(self, path: str, value: object) -> str:
        return self.text(path, value, COMMENT, 'a comment of 1 to 64 printable ASCII characters without " and \\')

    def text(self, path: str, value: object, pattern: re.Pattern[str], what: str) -> str:
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        never_text = isinstance(value, (str, Mapping, list, tuple, set, frozenset))
        quotes = "" if never_text else "; text that looks so needs quotes"
        self.refuse(path, f"{quoted(value)} is not {what}{quotes}")
        return ""

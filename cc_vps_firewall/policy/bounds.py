"""How much a policy may be -> refused before it costs anything: the greatest numbers, and the weight of a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

MAX_VALUES = 200_000  # in one user-data, aliases expanded: a hundred thousand networks fit twice
LONG = 64  # characters; a text weighs a value for each so many, for aliases can put a long one anywhere
TOO_MANY = f"holds more than {MAX_VALUES:,} values once its aliases are expanded; put long lists in files"
MAX_NETWORKS = 500_000  # that names of lists stand for, where they are put together with others
MAX_ENTRIES = 20_000  # in one list of services and ports
MAX_PROBLEMS = 200  # that are told one by one
MAX_SUGGESTIONS = 50  # "did you mean" compares with every known name; ten thousand typos would take minutes


def expansion_error(root: object) -> str:
    """Aliases fold a huge or an endless value into a few lines of YAML: weigh it, expanded, before walking it.
    -> what is wrong, '' when nothing is."""
    weights: dict[int, int] = {}
    open_: set[int] = set()
    stack = [(root, False)]
    while stack:
        value, done = stack.pop()
        below = _children(value)
        if below is None or (id(value) in weights and not done):
            continue
        if done:
            open_.discard(id(value))
            weights[id(value)] = 1 + sum(weights.get(id(c)) or 1 + _length(c) // LONG for c in below)
            if weights[id(value)] > MAX_VALUES:
                return TOO_MANY
        elif id(value) in open_:
            return "contains itself through a YAML alias"
        else:
            open_.add(id(value))
            stack.append((value, True))
            stack.extend((c, False) for c in below if not isinstance(c, str))
    return ""


def _children(value: object) -> Iterable[object] | None:
    if isinstance(value, str):  # most are
        return None
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, (list, tuple)) else None


def _length(value: object) -> int:
    return len(value) if isinstance(value, str) else 0

"""services.py's source -> entries: each line of the table with what its comment says.

The comments of the table cost nothing on a host, because they are not there at run time. The tests and the
reference pages read them from the source: `"name second-name": "openings",  # description; not IANA: reason`.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass
from pathlib import Path

from cc_vps_firewall.policy import services

REASON = "; not IANA: "
COMMENT = re.compile(rf"#\ (?P<description>[^;]+)(?:{REASON}(?P<reason>[^;]+))?")


@dataclass(frozen=True)
class Entry:
    """One service: a line of the table."""

    name: str
    openings: tuple[str, ...]
    description: str
    reason: str | None  # why the openings are not those of the register; None where they are, or it has none
    aliases: tuple[str, ...]
    section: str  # the heading above the line: "Web"


@dataclass(frozen=True)
class Group:
    """One group of services."""

    name: str
    members: tuple[str, ...]
    description: str
    reason: str | None


@dataclass(frozen=True)
class _Line:
    key: str
    value: str
    description: str
    reason: str | None
    section: str


def entries(source: str | None = None) -> list[Entry]:
    """The services in the table's order, from the given text of services.py or from the file itself."""
    found = []
    for line in _lines("_SERVICES", source):
        name, *aliases = line.key.split()
        openings = tuple(line.value.split())
        found.append(Entry(name, openings, line.description, line.reason, tuple(aliases), line.section))
    return found


def groups(source: str | None = None) -> list[Group]:
    """The groups in the table's order, from the given text of services.py or from the file itself."""
    return [
        Group(line.key, tuple(line.value.split()), line.description, line.reason) for line in _lines("_GROUPS", source)
    ]


def _lines(table: str, source: str | None) -> list[_Line]:
    text = Path(services.__file__).read_text(encoding="utf-8") if source is None else source
    headings: dict[int, str] = {}
    trailing: dict[int, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            alone = token.line.lstrip().startswith("#")
            (headings if alone else trailing)[token.start[0]] = token.string
    literal = _dictionary(text, table)
    found = []
    for key, value in zip(literal.keys, literal.values):
        if key is None or value.end_lineno is None:
            raise ValueError(f"{table} is not a plain table")
        names = ast.literal_eval(key)
        above = [number for number in headings if literal.lineno < number < key.lineno]
        section = headings[max(above)].lstrip("# ") if above else ""
        comment = COMMENT.fullmatch(trailing.get(value.end_lineno, ""))
        if not comment:
            raise ValueError(f"line {key.lineno}: {names} wants a comment: # description{REASON}reason")
        content = ast.literal_eval(value)
        found.append(_Line(names, content, comment["description"], comment["reason"], section))
    return found


def _dictionary(text: str, name: str) -> ast.Dict:
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Dict):
            target = statement.targets[0]
            if isinstance(target, ast.Name) and target.id == name:
                return statement.value
    raise ValueError(f"no table {name}")

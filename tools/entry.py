"""What `__init__.py` has of other modules, because it must work where they are broken or gone.

Constants of last_resort.py, and a function of host/sshd.py as it is written there, less annotations: the file is in a
syntax that every Python of cloud-init's parses.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator

from cc_vps_firewall.host import sshd

from . import blocks, last_resort, pages

ENTRY = pages.HOME / "cc_vps_firewall" / "__init__.py"
TEXTS = "Made of the built-in policy by `make generate`, see tools/last_resort.py: changes here are lost."
READER = "Made of host/sshd.py by `make generate`: changes here are lost."


def made() -> pages.Files:
    text = ENTRY.read_text(encoding="utf-8")
    constants = last_resort.texts(last_resort.built_in()).items()
    lines = "".join(f'_{name.upper()} = """{rules}"""\n' for name, rules in constants)
    text = blocks.rewritten(ENTRY.name, text, TEXTS, lines)
    reader = without_annotations(inspect.getsource(sshd.listening)) + "\n\n"  # as ruff would have it
    yield ENTRY, blocks.rewritten(ENTRY.name, text, READER, reader)


def without_annotations(source: str) -> str:
    """A function as it is written, less what is said of its parameters and of what it returns."""
    lines = source.splitlines(keepends=True)
    for line, start, end in sorted(_annotations(source), reverse=True):
        encoded = lines[line].encode()
        lines[line] = (encoded[:start] + encoded[end:]).decode()
    return "".join(lines)


def _annotations(source: str) -> Iterator[tuple[int, int, int]]:
    """Line, and where on it the annotation begins and ends. Raises ValueError where one is longer than its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg) and node.annotation:
            yield node.lineno - 1, node.col_offset + len(node.arg.encode()), _end(node.annotation, node.lineno)
        if isinstance(node, ast.FunctionDef) and node.returns:
            start = source.splitlines()[node.returns.lineno - 1].encode().rindex(b" -> ", 0, node.returns.col_offset)
            yield node.returns.lineno - 1, start, _end(node.returns, node.returns.lineno)


def _end(node: ast.expr, line: int) -> int:
    if node.end_lineno != line or node.end_col_offset is None:
        raise ValueError(f"the annotation in line {line} is not on one line")
    return node.end_col_offset

"""What unpacks an engine: a part-handler, whose text anybody may read."""

from __future__ import annotations

import ast
import io
import tokenize

from .reach import reached
from .statements import PACKAGE, STOCK, bound, is_import, is_text

HANDLER = ("frequency", "list_types", "handle_part")  # what cloud-init asks of a part-handler


def text() -> str:
    """The text of a part-handler: of `__init__.py` and part_handler.py what cloud-init asks for, as it is written, less
    comments and documentation, and one space deep where they are four. Of two definitions of one name the last
    stays."""
    paths = (PACKAGE / "__init__.py", PACKAGE / "bundle" / "part_handler.py", STOCK / "entry.py")
    source = "".join(path.read_text(encoding="utf-8") for path in paths)
    tree = ast.parse(source)
    tree.body = [each for each in tree.body if not (isinstance(each, ast.ImportFrom) and each.level)]
    modules = sorted({alias.name for each in tree.body if isinstance(each, ast.Import) for alias in each.names})
    tree.body = [each for each in tree.body if not is_import(each)]
    last = {name: each for each in tree.body for name in bound(each)}
    tree.body = [each for each in tree.body if not set(bound(each)) or any(last[n] is each for n in bound(each))]
    kept = [each for each in reached(tree, HANDLER).body if not is_text(each)]
    used = {node.id for each in kept for node in ast.walk(each) if isinstance(node, ast.Name)}
    imports = f"import {', '.join(name for name in modules if name in used)}\n"
    return imports + "\n".join(_readable(source, each) for each in kept) + "\n"


def _readable(source: str, statement: ast.stmt) -> str:
    """A statement as it is written, without comments, documentation and empty lines; functions apart."""
    lines = source.splitlines()
    gone = {
        number
        for node in ast.walk(statement)
        if isinstance(node, ast.FunctionDef) and is_text(node.body[0])
        for number in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    }
    inside = {
        number
        for node in ast.walk(statement)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for number in range(node.lineno, node.end_lineno or node.lineno)
    }
    comments = {
        found.start
        for found in tokenize.generate_tokens(io.StringIO(source).readline)
        if found.type == tokenize.COMMENT and found.start[0] not in inside
    }
    kept = []
    for number in range(statement.lineno, (statement.end_lineno or 0) + 1):
        cut = next((column for row, column in comments if row == number), None)
        line = lines[number - 1][:cut].rstrip() if number not in inside else lines[number - 1]
        if number not in gone and (line or number in inside):
            kept.append(line if number - 1 in inside else _shallow(line))
    return ("\n" if isinstance(statement, ast.FunctionDef) else "") + "\n".join(kept)


def _shallow(line: str) -> str:
    deep = len(line) - len(line.lstrip(" "))
    return f"{' ' * (deep // 4)}{line.lstrip(' ')}"

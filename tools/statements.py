"""Modules of the package and their statements: where one is, what it imports of ours, what it binds."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import cc_vps_firewall

PACKAGE = Path(cc_vps_firewall.__file__).parent
STOCK = Path(__file__).parent / "stock"


def file_of(name: str) -> Path:
    """The file of a module, or of a folder of modules."""
    path = PACKAGE.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def own_module(node: ast.ImportFrom, name: str = "") -> str | None:
    """What of ours a statement of the module `name` imports from, "" for the package itself; None for others'."""
    if not node.level:
        package, _, module = (node.module or "").partition(".")
        return module if package == cc_vps_firewall.__name__ else None
    folder = name if name and file_of(name).name == "__init__.py" else name.rpartition(".")[0]
    start = folder if node.level == 1 else folder.rpartition(".")[0]
    return ".".join(part for part in (start, node.module) if part)


def is_import(node: ast.stmt) -> bool:
    return isinstance(node, (ast.Import, ast.ImportFrom))


def is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def bound(node: ast.AST) -> Iterator[str]:
    """The names that a statement binds where it stands."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, ast.Import):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (() if own_module(node) is not None else (alias.asname or alias.name for alias in node.names))
    else:
        yield from (n.id for n in _here(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))


def _here(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below one, less those that have a scope of their own."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _SCOPES):
            yield from _here(child)


_SCOPES = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def local_names(body: Iterable[ast.stmt]) -> set[str]:
    """The names that a function binds: also in its comprehensions by := (PEP 572), not in its inner functions."""
    found: set[str] = set()
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= set(bound(node))
        if isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
        if isinstance(node, ast.NamedExpr) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        if isinstance(node, ast.comprehension):
            todo += [node.iter, *node.ifs]
            continue
        todo += list(ast.iter_child_nodes(node))
    return found

"""One module -> the same without what its roots never reach."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from . import constants
from .statements import bound


def smaller(tree: ast.Module, roots: Collection[str]) -> ast.Module:
    """What is certain worked out, and what is then no longer reached left out."""
    text = ""
    while text != (text := ast.unparse(tree)):
        tree = inlined(reached(constants.settled(reached(tree, roots)), roots))
    return tree


def reached(tree: ast.Module, roots: Iterable[str]) -> ast.Module:
    """The statements that bind what `roots` reach, and of classes the methods whose name is asked for somewhere."""
    wanted, size = set(roots), -1
    while len(wanted) != size:
        size = len(wanted)
        asked = {name.partition(".")[2] for name in wanted if name.startswith(".")}
        for statement in tree.body:
            if wanted & set(bound(statement)) or not set(bound(statement)):
                for node in _kept(statement, asked):
                    if isinstance(node, ast.Name):
                        wanted.add(node.id)
                    elif isinstance(node, ast.Attribute):
                        wanted |= {f".{node.attr}"}
    asked = {name.partition(".")[2] for name in wanted if name.startswith(".")}
    body = []
    for statement in tree.body:
        names = set(bound(statement))
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            statement.names = [a for a in statement.names if (a.asname or a.name.partition(".")[0]) in wanted]
            if not statement.names:
                continue
        elif names and not names & wanted:
            continue
        if isinstance(statement, ast.ClassDef):
            statement.body = [each for each in statement.body if _is_kept(each, asked)] or [ast.Pass()]
        body.append(statement)
    return ast.fix_missing_locations(ast.Module(body, []))


def _is_kept(node: ast.stmt, asked: set[str]) -> bool:
    return not isinstance(node, ast.FunctionDef) or node.name in asked or node.name.startswith("__")


def _kept(statement: ast.stmt, asked: set[str]) -> Iterator[ast.AST]:
    if not isinstance(statement, ast.ClassDef):
        yield from ast.walk(statement)
        return
    for each in (*statement.bases, *statement.decorator_list, *statement.body):
        if not isinstance(each, ast.stmt) or _is_kept(each, asked):
            yield from ast.walk(each)


def inlined(tree: ast.Module) -> ast.Module:
    """Constants that are used once, and empty ones, stand where they are used."""
    used = Counter(node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
    constants = {
        each.targets[0].id: each.value
        for each in tree.body
        if isinstance(each, ast.Assign)
        and isinstance(each.targets[0], ast.Name)
        and isinstance(each.value, ast.Constant)
    }
    once = {name: value for name, value in constants.items() if used[name] == 1 or value.value == ""}

    class Inline(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            return once.get(node.id, node) if isinstance(node.ctx, ast.Load) else node

        def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
            return node  # a text within a text may need quotes of another kind than 3.9 has there

    within = {
        n.id
        for each in ast.walk(tree)
        if isinstance(each, ast.JoinedStr)
        for n in ast.walk(each)
        if isinstance(n, ast.Name)
    }
    for name in within:
        once.pop(name, None)
    tree.body = [each for each in tree.body if not set(bound(each)) or not set(bound(each)) <= set(once)]
    changed: ast.Module = Inline().visit(tree)
    return ast.fix_missing_locations(changed)

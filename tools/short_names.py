"""One module -> the same with short names, those that pack best."""

from __future__ import annotations

import ast
import builtins
import importlib
import keyword
import string
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from itertools import count, product

from .statements import bound, is_import, local_names


def renamed(tree: ast.Module, roots: Collection[str]) -> ast.Module:
    """Short names: A, B, C for what the file defines, by how often it is used; a, b, c for the variables of a function,
    in the order in which it names them, so that functions that are alike become the same text, which packs half a
    kilobyte better than python-minifier's names; a_, b_, c_ for fields and methods of ours."""
    often = Counter(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    own = {name for s in tree.body if not isinstance(s, (ast.Import, ast.ImportFrom)) for name in bound(s)}
    new = dict(zip(sorted(own - {*roots}, key=lambda name: (-often[name], name)), _short(string.ascii_uppercase)))
    fields = Counter(node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    free = sorted(_fields(tree) - _fixed(tree, own), key=lambda name: (-fields[name], name))
    members = {name: f"{short}_" for name, short in zip(free, _short(string.ascii_lowercase))}
    changed: ast.Module = _Rename(tree, new, members).visit(tree)
    return ast.fix_missing_locations(changed)


def _short(letters: str) -> Iterator[str]:
    for length in count(1):
        for parts in product(letters, repeat=length):
            if not keyword.iskeyword("".join(parts)):
                yield "".join(parts)


def _fields(tree: ast.Module) -> set[str]:
    """The fields and methods of the file's classes."""
    found = set()
    for node in (each for each in tree.body if isinstance(each, ast.ClassDef)):
        for each in ast.walk(node):
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                found.add(each.target.id)
            elif isinstance(each, ast.FunctionDef) and each in node.body and not each.name.startswith("__"):
                found.add(each.name)
            elif isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store):
                found.add(each.attr)
    return found


def _fixed(tree: ast.Module, own: set[str]) -> set[str]:
    """Names that others know too: of the library's values and modules, of its parameters, and in texts."""
    found = {name for kind in (str, list, dict, set, tuple, bytes, OSError, ast.Module) for name in dir(kind)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name for alias in node.names for name in dir(importlib.import_module(alias.name))}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, ast.Call):
            called = node.func.id if isinstance(node.func, ast.Name) else ""
            if isinstance(node.func, ast.Name) and called not in own and called != "replace":
                found |= {each.arg for each in node.keywords if each.arg}
    return found


class _Rename(ast.NodeTransformer):
    def __init__(self, tree: ast.Module, new: Mapping[str, str], members: Mapping[str, str]) -> None:
        self.new, self.members = new, members
        others = {*dir(builtins), *(name for s in tree.body if is_import(s) for name in bound(s))}
        methods = _fields(tree)
        calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
        self.by_keyword = {
            each.arg
            for call in calls
            if getattr(call.func, "attr", "") in methods or getattr(call.func, "id", "print") not in others
            for each in call.keywords
        }
        self.scopes: list[dict[str, str]] = []

    def _name(self, name: str) -> str:
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return self.new.get(name, name)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._name(node.id)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        node.attr = self.members.get(node.attr, node.attr)
        return self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        node.arg = self.members.get(node.arg, node.arg) if node.arg else None
        return self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        node.name = self._name(node.name) if node.name else None
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self._name(node.name)
        return self._function(node, node.body)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return self._function(node, [ast.Expr(node.body)])

    def _function(self, node: ast.FunctionDef | ast.Lambda, body: list[ast.stmt]) -> ast.AST:
        for each in getattr(node, "decorator_list", ()):
            self.visit(each)
        node.args.defaults = [self.visit(each) for each in node.args.defaults]
        node.args.kw_defaults = [each and self.visit(each) for each in node.args.kw_defaults]
        parameters = [each for each in ast.walk(node.args) if isinstance(each, ast.arg)]
        names = [each.arg for each in parameters]
        variables = {*names, *local_names(body)}
        variables -= {n for s in body for each in _in_order(s) if isinstance(each, ast.Import) for n in bound(each)}
        for each in (inner for statement in body for inner in ast.walk(statement)):
            if isinstance(each, ast.comprehension):
                variables |= {n.id for n in ast.walk(each.target) if isinstance(n, ast.Name)}
        stay = {name: self.members.get(name, name) for name in names if name in self.by_keyword}
        taken = {*stay.values(), *(name for scope in self.scopes for name in scope.values())}
        short = (name for name in _short(string.ascii_lowercase) if name not in taken)
        mentioned = (_mentioned(inner) for statement in body for inner in _in_order(statement))
        order = dict.fromkeys([*names, *(name for name in mentioned if name in variables)])
        self.scopes.append({**{name: next(short) for name in order if name not in stay}, **stay})
        for each in parameters:
            each.arg = self._name(each.arg)
        changed = [self.visit(each) for each in body]
        self.scopes.pop()
        if isinstance(node, ast.Lambda):
            node.body = changed[0].value
        else:
            node.body = changed
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = self._name(node.name)
        node.bases = [self.visit(each) for each in node.bases]
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        for each in node.body:
            if isinstance(each, ast.FunctionDef):
                name = self.members.get(each.name, each.name)
                self.visit(each)
                each.name = name
            elif isinstance(each, (ast.Assign, ast.AnnAssign)):
                each.value = each.value and self.visit(each.value)
                for target in each.targets if isinstance(each, ast.Assign) else [each.target]:
                    if isinstance(target, ast.Name):
                        target.id = self.members.get(target.id, target.id)
        return node


def _in_order(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _in_order(child)


def _mentioned(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    name = getattr(node, "name", None)
    return name if isinstance(name, str) else ""

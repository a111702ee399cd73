"""A program -> the same program, less what is certain in it: parameters that are the same in every call, branches that
are never taken, calls that come to nothing, fields that nobody reads.

It looks at one file, as tools/engine.py makes it: no name of a function is that of a variable, nobody reads names or
fields by their text, and what is called from outside is not called inside. Else nothing is known of the program.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from typing import Any


def settled(tree: ast.Module) -> ast.Module:
    """The program with all that is certain worked out."""
    text = ""
    while text != (text := ast.unparse(tree)):
        once = _bound_once(tree)
        _without_given(tree, once)
        _without_calls(tree)
        _without_fields(tree)
        tree = ast.parse(ast.unparse(ast.fix_missing_locations(_Fold(once).visit(tree))))
    return tree


def _bound_once(tree: ast.Module) -> frozenset[str]:
    """The names that the file binds to a value once and for all: as good as constants."""
    bound = Counter(
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ) + Counter(node.arg for node in ast.walk(tree) if isinstance(node, ast.arg))
    values = [each.targets for each in tree.body if isinstance(each, ast.Assign)]
    names = [targets[0].id for targets in values if len(targets) == 1 and isinstance(targets[0], ast.Name)]
    return frozenset(name for name in names if bound[name] == 1)


class _Unknown:
    """No constant."""


_UNKNOWN = _Unknown()


def _constant(node: ast.AST | None) -> Any:
    return node.value if isinstance(node, ast.Constant) else _UNKNOWN


def _is_harmless(node: ast.AST) -> bool:
    """Does it come to the same, apart from its value, whether this is worked out or not?"""
    return isinstance(node, (ast.Constant, ast.Name, ast.Attribute))


def _calls(tree: ast.Module) -> dict[str, list[ast.Call] | None]:
    """Function -> its calls; None where it is also used as a value, or called with what is in a sequence."""
    functions = {each.name for each in tree.body if isinstance(each, ast.FunctionDef) and not each.decorator_list}
    found: dict[str, list[ast.Call] | None] = {name: [] for name in functions}
    called: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions:
            called.add(id(node.func))
            spread = any(isinstance(each, ast.Starred) for each in node.args) or any(not k.arg for k in node.keywords)
            calls = found[node.func.id]
            found[node.func.id] = None if spread or calls is None else [*calls, node]
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in functions and id(node) not in called:
            found[node.id] = None
    return found


def _without_given(tree: ast.Module, once: frozenset[str]) -> None:
    """A parameter that is the same constant in every call, or the same of the names in `once`, is that, and one that is
    not read is nothing."""
    calls = _calls(tree)
    for function in (each for each in tree.body if isinstance(each, ast.FunctionDef)):
        its = calls.get(function.name)
        if not its or function.args.vararg or function.args.kwarg:
            continue
        for name, default in [*_parameters(function)]:
            stored, loaded = _uses(function, name)
            given = [_given(function, call, name, default) for call in its]
            same = not stored and all(_is_certain(g, once) and _text(g) == _text(given[0]) for g in given)
            harmless = all(each is None or _is_harmless(each) for each in given)
            if same or (not loaded and not stored and harmless):
                for node in loaded:
                    _become(node, copy.copy(given[0] or ast.Constant(None)))
                for call in its:
                    _drop_argument(function, call, name)
                _drop_parameter(function, name)
                return


def _is_certain(node: ast.AST | None, once: frozenset[str]) -> bool:
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id in once)


def _text(node: ast.AST | None) -> str:
    return ast.dump(node) if node else ""


def _parameters(function: ast.FunctionDef) -> Iterator[tuple[str, ast.AST | None]]:
    arguments = function.args
    padding: list[ast.expr | None] = [None] * (len(arguments.args) - len(arguments.defaults))
    for argument, default in zip(arguments.args, [*padding, *arguments.defaults]):
        yield argument.arg, default
    for argument, keyword in zip(arguments.kwonlyargs, arguments.kw_defaults):
        yield argument.arg, keyword


def _uses(function: ast.FunctionDef, name: str) -> tuple[bool, list[ast.Name]]:
    """Is it bound in the function, and where is it read?"""
    stored, loaded = False, []
    for node in (inner for statement in function.body for inner in ast.walk(statement)):
        if isinstance(node, ast.Name) and node.id == name:
            stored |= not isinstance(node.ctx, ast.Load)
            loaded += [node] if isinstance(node.ctx, ast.Load) else []
        elif isinstance(node, ast.arg):
            stored |= node.arg == name
        elif isinstance(node, (ast.ExceptHandler, ast.FunctionDef)):
            stored |= node.name == name
    return stored, loaded


def _given(function: ast.FunctionDef, call: ast.Call, name: str, default: ast.AST | None) -> ast.AST | None:
    names = [each.arg for each in function.args.args]
    if name in names and names.index(name) < len(call.args):
        return call.args[names.index(name)]
    return next((each.value for each in call.keywords if each.arg == name), default)


def _drop_argument(function: ast.FunctionDef, call: ast.Call, name: str) -> None:
    names = [each.arg for each in function.args.args]
    if name in names and names.index(name) < len(call.args):
        del call.args[names.index(name)]
    call.keywords = [each for each in call.keywords if each.arg != name]


def _drop_parameter(function: ast.FunctionDef, name: str) -> None:
    arguments = function.args
    for at, each in enumerate(arguments.args):
        if each.arg == name:
            back = at - len(arguments.args)
            if -back <= len(arguments.defaults):
                del arguments.defaults[back]
            del arguments.args[at]
            return
    at = [each.arg for each in arguments.kwonlyargs].index(name)
    del arguments.kwonlyargs[at], arguments.kw_defaults[at]


def _become(node: ast.AST, other: ast.AST) -> None:
    """Make a node another one, where it stands."""
    node.__class__ = other.__class__
    node.__dict__.clear()
    node.__dict__.update(other.__dict__)


def _without_calls(tree: ast.Module) -> None:
    """A function that does but return a constant, or its one argument: that stands in the place of its calls."""
    calls = _calls(tree)
    for function in (each for each in tree.body if isinstance(each, ast.FunctionDef)):
        its, body = calls.get(function.name), function.body
        if not its or len(body) != 1:
            continue
        value = body[0].value if isinstance(body[0], ast.Return) else None
        if isinstance(body[0], ast.Pass) or isinstance(value, ast.Constant):
            for call in its:
                if all(map(_is_harmless, (*call.args, *(each.value for each in call.keywords)))):
                    _become(call, ast.Constant(getattr(value, "value", None)))
        elif isinstance(value, ast.Name) and [each.arg for each in function.args.args] == [value.id]:
            for call in its:
                _become(call, call.args[0])


def _without_fields(tree: ast.Module) -> None:
    """A field with a default that nobody reads, of a class that is made with keywords, goes."""
    nodes = list(ast.walk(tree))
    read = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)}
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    named = Counter(node.id for node in nodes if isinstance(node, ast.Name))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    for kind in (each for each in tree.body if isinstance(each, ast.ClassDef) and each.decorator_list):
        names = [s.target.id for s in kind.body if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)]
        made = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == kind.name]
        most = max((len(call.args) for call in made), default=0)
        spread = any(isinstance(a, ast.Starred) for c in made for a in c.args) or any(
            not k.arg for c in made for k in c.keywords
        )
        if spread or named[kind.name] != len(made):
            continue
        ours = {id(keyword) for call in made for keyword in call.keywords}
        for at, name in enumerate(names):
            default = next(s for s in kind.body if isinstance(s, ast.AnnAssign) and getattr(s.target, "id", "") == name)
            given = [keyword for call in calls for keyword in call.keywords if keyword.arg == name]
            free = all(id(keyword) in ours and _is_harmless(keyword.value) for keyword in given)
            if at >= most and default.value is not None and free and name not in read | texts:
                kind.body = [s for s in kind.body if s is not default] or [ast.Pass()]
                for call in made:
                    call.keywords = [keyword for keyword in call.keywords if keyword.arg != name]


class _Fold(ast.NodeTransformer):
    """Works out what is made of constants, and of the names in `once`."""

    def __init__(self, once: frozenset[str]) -> None:
        self.once = once

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        left, right = _constant(node.left), _constant(node.comparators[0])
        if len(node.ops) == 1 and left is not _UNKNOWN and right is not _UNKNOWN:
            if isinstance(node.ops[0], (ast.Eq, ast.Is)):
                return ast.Constant(left == right)
            if isinstance(node.ops[0], (ast.NotEq, ast.IsNot)):
                return ast.Constant(left != right)
        if isinstance(node.left, ast.Name) and node.left.id in self.once and len(node.ops) == 1:
            same = _text(node.left) == _text(node.comparators[0])
            if same and isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
                return ast.Constant(isinstance(node.ops[0], ast.Eq))
        among = node.comparators[0]
        if isinstance(node.ops[0], ast.In) and isinstance(among, ast.Tuple) and len(set(map(_text, among.elts))) == 1:
            return ast.Compare(node.left, [ast.Eq()], [among.elts[0]])
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not) and _constant(node.operand) is not _UNKNOWN:
            return ast.Constant(not _constant(node.operand))
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        return node.left if isinstance(node.op, ast.Add) and _constant(node.right) == "" else node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        stops = isinstance(node.op, ast.Or)
        values: list[ast.expr] = []
        for each in node.values:
            value = _constant(each)
            if value is _UNKNOWN:
                values.append(each)
            elif bool(value) == stops:
                values.append(each)
                break
            elif each is node.values[-1]:
                values.append(each)
        if len(values) == 1:
            return values[0]
        node.values = values
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        test = _constant(node.test)
        return node if test is _UNKNOWN else node.body if test else node.orelse

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        test = _constant(node.test)
        if test is _UNKNOWN:
            return node
        return (node.body if test else node.orelse) or ast.Pass()

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        self.generic_visit(node)
        return ast.Pass() if isinstance(node.value, ast.Constant) else node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        self.generic_visit(node)
        node.ifs = [each for each in node.ifs if _constant(each) is not True]
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        self.generic_visit(node)
        values: list[ast.expr] = []
        for each in node.values:
            plain = isinstance(each, ast.FormattedValue) and each.conversion == -1 and each.format_spec is None
            text = _constant(each.value) if isinstance(each, ast.FormattedValue) and plain else _constant(each)
            last = _constant(values[-1]) if values else None
            if isinstance(text, str) and isinstance(last, str):
                values[-1] = ast.Constant(last + text)
            else:
                values.append(ast.Constant(text) if isinstance(text, str) else each)
        node.values = values
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and len(block) > 1:
                left = [each for each in block if not isinstance(each, ast.Pass)]
                setattr(node, name, left or [ast.Pass()])
            elif isinstance(block, list) and name != "body" and len(block) == 1 and isinstance(block[0], ast.Pass):
                setattr(node, name, [])
        return node

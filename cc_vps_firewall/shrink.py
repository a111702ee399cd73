"""modules' source -> the same program for a small place: what the roots never reach left out, comments too.

The text itself is cut, and not written anew from its syntax tree: every Python from 3.9 on makes the same bytes.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import io
import keyword
import string
import token
import tokenize
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import count, product
from typing import Any

# The text of a condition -> what it is here, None where nobody knows. Of a statement: False where it does nothing here,
# or the value that it has.
Known = Callable[[str], "bool | str | None"]

_Edit = tuple[int, int, str]  # from, to, what stands there instead
_DEFINITIONS = (ast.FunctionDef, ast.ClassDef)


def shrink(
    sources: Mapping[str, str],
    roots: Collection[str],
    known: Known = lambda condition: None,
    ungiven: Collection[str] = (),
) -> dict[str, str]:
    """Module -> source, less what `roots` (module.name) do not reach and what `known` conditions rule out.

    `ungiven`: names of parameters that nobody gives anything to; they go, here and where they are handed on.

    A method stays when its name is used anywhere. Names become short: those of variables inside functions in lower
    case, and those that modules give each other in upper case, the same in all of them. Those of `roots` stay.
    """
    parsed = {name: _Module(name, source, known, ungiven) for name, source in sources.items()}
    wanted, size = set(roots), -1
    while len(wanted) != size:
        size = len(wanted)
        for module in parsed.values():
            module.keep(wanted)
    keywords = {k.arg for m in parsed.values() for node in m.nodes() for k in _keywords(node)}
    stay = {name.partition(".")[2] for name in roots}
    asked = Counter(name for m in parsed.values() for name, _ in m.mentions() if name.partition(".")[2] not in stay)
    lasting = {f"{m.name}.{name}" for m in parsed.values() for name in m.given() - m.inside()}
    lasting -= {m.borrowed[name] for m in parsed.values() for name in m.inside() if name in m.borrowed}
    often = sorted(lasting & set(asked), key=lambda name: (-asked[name], name))
    new = dict(zip(often, _names(string.ascii_uppercase)))
    return {name: _compact(module.text(wanted, keywords, new)) for name, module in parsed.items()}


def readable(source: str, roots: Collection[str]) -> str:
    """One module as it is written, without comments, documentation, annotations, and what `roots` do not reach. Of
    two definitions of one name the last stays."""
    module = _Module("", source, lambda condition: None)
    wanted, size = {f".{name}" for name in roots}, -1
    while len(wanted) != size:
        size = len(wanted)
        module.keep(wanted)
    last = {name: number for number, statement in enumerate(module.tree.body) for name in _bound(statement)}
    module.kept -= {n for n in module.kept if (b := _bound(module.tree.body[n])) and all(last[name] > n for name in b)}
    edits = module.annotations(list(module.nodes()))
    for number, statement in enumerate(module.tree.body):
        if number not in module.kept and not isinstance(statement, (ast.Import, ast.ImportFrom)):
            edits.append((*module.span(statement), ""))
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef) and _is_text(node.body[0]):
            edits.append((*module.span(node.body[0]), ""))
    for found in tokenize.generate_tokens(io.StringIO(source).readline):
        if found.type == tokenize.COMMENT:
            edits.append((module.at(*found.start), module.at(*found.end), ""))
    return _closed_up(_cut(source, edits))


def _closed_up(source: str) -> str:
    """Without empty lines, but for those in texts, and one before each function."""
    lines = source.splitlines()
    inside = {
        number
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for number in range(node.lineno, node.end_lineno or node.lineno)
    }
    kept = [line if n in inside else line.rstrip() for n, line in enumerate(lines, 1) if n in inside or line.strip()]
    return "".join(("\n" if line.startswith("def ") else "") + line + "\n" for line in kept)


class _Module:
    """One module: its statements, and which of them are needed."""

    def __init__(self, name: str, source: str, known: Known, ungiven: Collection[str] = ()) -> None:
        self.name, self.source, self.tree = name, source, ast.parse(source)
        self.own = {n for statement in self.tree.body for n in _bound(statement)}
        self.modules: dict[str, str] = {}  # what `from . import x` calls a module here
        self.borrowed: dict[str, str] = {}  # what `from .x import y` calls x.y here
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                for alias in node.names:
                    if node.module:
                        self.borrowed[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                    else:
                        self.modules[alias.asname or alias.name] = alias.name
        self.starts = [0]
        for line in source.splitlines(True):
            self.starts.append(self.starts[-1] + len(line))
        self.edits: list[_Edit] = []
        self.dead: set[int] = set()
        self.kept: set[int] = set()
        for node in ast.walk(self.tree):
            said = [getattr(node, "annotation", None), getattr(node, "returns", None)]
            self.dead |= {n for annotation in said if annotation for n in _ids(annotation)}
        self.fold(known, ungiven)

    def at(self, line: int, column: int) -> int:
        return self.starts[line - 1] + column

    def span(self, node: Any) -> tuple[int, int]:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        column = node.col_offset if first == node.lineno else node.decorator_list[0].col_offset - 1
        return self.at(first, column), self.at(node.end_lineno, node.end_col_offset)

    def words(self, node: Any) -> str:
        start, end = self.span(node)
        return self.source[start:end]

    # -- what is ruled out

    def fold(self, known: Known, ungiven: Collection[str]) -> None:
        todo: list[ast.AST] = [self.tree]
        while todo:
            node = todo.pop()
            gone: list[ast.AST] = self.never(node, known) + self.ungiven(node, ungiven)
            if (
                isinstance(node, (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign))
                and (said := known(self.words(node))) is not None
            ):
                part = node if said is False or node.value is None else node.value
                self.edits.append((*self.span(part), str(said or "")))
                gone.append(part)
            if isinstance(node, (ast.If, ast.IfExp)) and (value := known(self.words(node.test))) is not None:
                gone += self.decided(node, bool(value))
            for branch in gone:
                self.dead |= _ids(branch)
            todo += [child for child in ast.iter_child_nodes(node) if id(child) not in self.dead]

    def never(self, node: ast.AST, known: Known) -> list[ast.AST]:
        """Leave out what follows an `if` that is always taken and ends in return or raise."""
        block = node.body if isinstance(node, ast.FunctionDef) else []
        for number, statement in enumerate(block[:-1]):
            if not isinstance(statement, ast.If) or known(self.words(statement.test)) is not True:
                continue
            if isinstance(statement.body[-1], (ast.Return, ast.Raise)):
                self.edits.append((self.span(statement)[1], self.span(block[-1])[1], ""))
                return list(block[number + 1 :])
        return []

    def decided(self, node: ast.If | ast.IfExp, value: bool) -> list[ast.AST]:
        """Leave out the branch that is never taken. -> its nodes"""
        if isinstance(node, ast.IfExp):
            taken = node.body if value else node.orelse
            (start, end), (first, last) = self.span(node), self.span(taken)
            self.edits += [(start, first, ""), (last, end, "")]
            return [node.test, node.orelse if value else node.body]
        start, end = self.span(node.test)
        if not value and node.orelse and self.source.startswith("if", self.span(node)[0]):
            return self.otherwise(node)
        self.edits.append((start, end, str(int(value))))
        if not value and not node.orelse:
            self.edits.append((*self.span(node), "pass"))
        if value and node.orelse:
            self.edits.append((self.span(node.body[-1])[1], self.span(node.orelse[-1])[1], ""))
        elif not value:
            self.edits.append((self.span(node.body[0])[0], self.span(node.body[-1])[1], "pass"))
        return [node.test, *(node.orelse if value else node.body)]

    def otherwise(self, node: ast.If) -> list[ast.AST]:
        """Leave out an `if` that is never taken, but for what is done else. -> its nodes"""
        start, follows = self.span(node)[0], self.span(node.orelse[0])[0]
        if self.source.startswith("elif", follows):
            self.edits.append((start, follows + len("el"), ""))
        else:
            self.edits.append((start, self.source.rindex("else", start, follows) + len("else"), "if 1"))
        return [node.test, *node.body]

    def ungiven(self, node: ast.AST, names: Collection[str]) -> list[ast.AST]:
        """Leave out parameters of these names, and arguments. -> their nodes"""
        parts: list[tuple[bool, tuple[int, int], list[ast.AST]]] = []  # to be cut? where, and what
        if isinstance(node, ast.Call):
            for value in (*node.args, *node.keywords):
                name = value.arg if isinstance(value, ast.keyword) else getattr(value, "id", None)
                parts.append((name in names, self.span(value), [value]))
        elif isinstance(node, (ast.FunctionDef, ast.Lambda)):
            given = node.args
            defaults = [None] * (len(given.args) - len(given.defaults)) + given.defaults
            parts += [self.parameter(one, default, names) for one, default in zip(given.args, defaults)]
            named = [self.parameter(one, default, names) for one, default in zip(given.kwonlyargs, given.kw_defaults)]
            if named and not given.vararg:
                star = self.source.rindex("*", 0, named[0][1][0])
                parts.append((all(cut for cut, _, _ in named), (star, star + 1), []))
            parts += named
        parts.sort(key=lambda part: part[1])
        kept = max((number for number, part in enumerate(parts) if not part[0]), default=-1)
        for number, (cut, (start, end), _) in enumerate(parts):
            if cut and number < kept:
                self.edits.append((start, parts[number + 1][1][0], ""))
            elif cut:
                self.edits.append((parts[number - 1][1][1] if number else start, end, ""))
        return [gone for cut, _, nodes in parts if cut for gone in nodes]

    def parameter(
        self, one: ast.arg, default: ast.expr | None, names: Collection[str]
    ) -> tuple[bool, tuple[int, int], list[ast.AST]]:
        start, end = self.span(one)
        return (
            one.arg in names,
            (start, self.span(default)[1] if default else end),
            [one, *([default] if default else [])],
        )

    # -- what is reached

    def nodes(self) -> Iterator[ast.AST]:
        for number, statement in enumerate(self.tree.body):
            if number in self.kept:
                yield from self.alive(statement)

    def alive(self, node: ast.AST) -> Iterator[ast.AST]:
        return (child for child in _walk(node) if id(child) not in self.dead)

    def keep(self, wanted: set[str]) -> None:
        for number, statement in enumerate(self.tree.body):
            if isinstance(statement, (ast.Import, ast.ImportFrom)) or _is_text(statement):
                continue
            bound = {f"{self.name}.{name}" for name in _bound(statement)}
            if bound and not bound & wanted:
                continue
            self.kept.add(number)
            for child in self.reached(statement, wanted):
                wanted |= self.used(child)

    def reached(self, statement: ast.stmt, wanted: Collection[str]) -> Iterator[ast.AST]:
        skipped = {n for part in self.unused(statement, wanted) for n in _ids(part)}
        return (child for child in self.alive(statement) if id(child) not in skipped)

    def used(self, node: ast.AST) -> set[str]:
        """The names that a node reaches: module.name, or .name for whatever object has it."""
        if isinstance(node, ast.Attribute):
            module = self.modules.get(node.value.id, "") if isinstance(node.value, ast.Name) else ""
            return {f"{module}.{node.attr}"}
        if not isinstance(node, ast.Name):
            return set()
        reached = {f"{self.name}.{node.id}"} if node.id in self.own else set()
        return reached | ({self.borrowed[node.id]} if node.id in self.borrowed else set())

    def unused(self, statement: ast.AST, wanted: Collection[str]) -> Iterator[ast.stmt]:
        """Methods that nobody calls."""
        for part in statement.body if isinstance(statement, ast.ClassDef) else ():
            if isinstance(part, ast.FunctionDef) and not part.name.startswith("__") and f".{part.name}" not in wanted:
                yield part

    # -- what modules call each other's

    def given(self) -> set[str]:
        """Names that this module binds for itself and others."""
        names = {name for number in self.kept for name in _bound(self.tree.body[number])}
        return {name for name in names if not name.startswith("__")}

    def inside(self) -> set[str]:
        """Names that are bound inside functions, too, and mean something else there."""
        names: set[str] = set()
        for statement in self.tree.body:
            for node in ast.walk(statement):
                if isinstance(node, ast.arg):
                    names.add(node.arg)
                elif isinstance(node, ast.ExceptHandler) and node.name:
                    names.add(node.name)
                elif node is not statement and isinstance(statement, _DEFINITIONS):
                    names |= _bound(node) if isinstance(node, (*_DEFINITIONS, ast.Import, ast.ImportFrom)) else set()
                    names |= {node.id} if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else set()
        return names

    def mentions(self) -> Iterator[tuple[str, int]]:
        """module.name of what modules bind for each other, wherever it is named, and where its last part begins."""
        unplaced: set[int] = set()
        for statement in (self.tree.body[number] for number in sorted(self.kept)):
            if isinstance(statement, _DEFINITIONS):
                start = self.at(statement.lineno, statement.col_offset)
                yield f"{self.name}.{statement.name}", self.source.index(statement.name, start)
        for node in list(self.nodes()):
            if isinstance(node, ast.JoinedStr):
                start, end = self.span(node)
                for found, at in _formatted(self.source[start:end]):
                    yield from ((name, start + at) for name in self.used(found))
                unplaced |= _ids(node)
            elif isinstance(node, ast.Name) and id(node) not in unplaced:
                yield from ((name, self.at(node.lineno, node.col_offset)) for name in self.used(node))
            elif isinstance(node, ast.Attribute) and id(node) not in unplaced:
                yield from ((name, self.span(node)[1] - len(node.attr)) for name in self.used(node))

    # -- what is left

    def text(self, wanted: Collection[str], keywords: Collection[str | None], new: Mapping[str, str]) -> str:
        edits = list(self.edits)
        edits += [(at, at + len(n.partition(".")[2]), new[n]) for n, at in self.mentions() if n in new]
        called = {n.id for k in self.kept for n in self.reached(self.tree.body[k], wanted) if isinstance(n, ast.Name)}
        for number, statement in enumerate(self.tree.body):
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                edits.append((*self.span(statement), self.imported(statement, called, new)))
            elif number not in self.kept:
                edits.append((*self.span(statement), ""))
            else:
                edits += [(*self.span(part), "") for part in self.unused(statement, wanted)]
                edits += self.renamed(statement, keywords)
        edits += self.annotations(list(self.nodes()))
        return _cut(self.source, edits)

    def imported(self, statement: ast.Import | ast.ImportFrom, called: Collection[str], new: Mapping[str, str]) -> str:
        # Without annotations nobody asks when they are read.
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            return ""
        names = [a for a in statement.names if (a.asname or a.name).partition(".")[0] in called]
        if not names:
            return ""
        source = f"{statement.module}." if isinstance(statement, ast.ImportFrom) and statement.level else ""
        said = ",".join(new.get(source + a.name, a.name) + (f" as {a.asname}" if a.asname else "") for a in names)
        if isinstance(statement, ast.Import):
            return f"import {said}"
        return f"from {'.' * statement.level}{statement.module or ''} import {said}"

    def annotations(self, nodes: Iterable[ast.AST]) -> list[_Edit]:
        edits: list[_Edit] = []
        fields = {id(part) for node in nodes if isinstance(node, ast.ClassDef) for part in node.body}
        for node in nodes:
            if isinstance(node, ast.arg) and node.annotation:
                end = self.at(node.lineno, node.col_offset) + len(node.arg)
                edits.append((end, self.span(node.annotation)[1], ""))
            elif isinstance(node, ast.FunctionDef) and node.returns:
                start, end = self.span(node.returns)
                arrow = self.source.rindex("->", 0, start)
                edits.append((len(self.source[:arrow].rstrip()), end, ""))
            elif isinstance(node, ast.AnnAssign):
                start, end = self.span(node.annotation)
                if id(node) in fields:
                    edits.append((start, end, "int"))  # a field needs one
                else:
                    edits.append((self.span(node.target)[1], end, "" if node.value else "=0"))
        return edits

    def renamed(self, statement: ast.AST, keywords: Collection[str | None]) -> list[_Edit]:
        edits: list[_Edit] = []
        functions = statement.body if isinstance(statement, ast.ClassDef) else [statement]
        taken = {name for s in self.tree.body for name in _bound(s)} | set(dir(builtins))
        for function in functions:
            if isinstance(function, ast.FunctionDef):
                edits += self.shorter(function, keywords, taken)
        return edits

    def shorter(
        self, function: ast.FunctionDef, keywords: Collection[str | None], taken: Collection[str]
    ) -> Iterator[_Edit]:
        """Short names for a function's variables, but for parameters that calls name (`keywords`)."""
        nodes = list(self.alive(function))
        places: dict[str, list[int]] = {}
        given = {node.arg for node in nodes if isinstance(node, ast.arg)}
        # A parameter of a function inside this one may have the name of something that is meant elsewhere in it.
        fixed = {name for name in given if name in keywords or name in taken}
        formatted: set[tuple[str, int]] = set()
        unplaced: set[int] = set()  # up to 3.11 nobody says where in the text the names in an f-string stand
        for node in nodes:
            if isinstance(node, ast.arg):
                places.setdefault(node.arg, []).append(self.at(node.lineno, node.col_offset))
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                fixed |= _bound(node)
            elif isinstance(node, ast.FunctionDef) and node is not function:
                fixed.add(node.name)
            elif isinstance(node, ast.ExceptHandler) and node.name:
                assert node.type is not None
                end = self.span(node.type)[1]
                places.setdefault(node.name, []).append(self.source.index(node.name, end))
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                places.setdefault(node.id, [])
            elif isinstance(node, ast.JoinedStr):
                start, end = self.span(node)
                found_in = _formatted(self.source[start:end])
                formatted |= {(n.id, start + at) for n, at in found_in if isinstance(n, ast.Name)}
                unplaced |= _ids(node)
        fixed |= {a.arg for a in function.args.kwonlyargs}
        names = [
            (node.id, self.at(node.lineno, node.col_offset))
            for node in nodes
            if isinstance(node, ast.Name) and id(node) not in unplaced
        ]
        for name, at in [*names, *formatted]:
            if name in places and name not in fixed:
                places[name].append(at)
            else:
                fixed.add(name)
        short = (name for name in _names() if name not in fixed | set(places) | set(taken))
        for name, found in places.items():
            if name not in fixed and len(name) > 1:
                new = next(short)
                yield from ((start, start + len(name), new) for start in sorted(set(found)))


def _formatted(text: str) -> Iterator[tuple[ast.Name | ast.Attribute, int]]:
    """The names in an f-string, or in several side by side, and where they stand in its text."""
    lines = text.splitlines(True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines))]
    for kind, string_, (line, column) in _placed(text):
        if kind != token.STRING or "f" not in string_[:2].lower():
            continue
        base, depth, opened = starts[line - 1] + column, 0, 0
        for at, letter in enumerate(string_):
            if letter == "{" and depth == 0 and (string_[at + 1] == "{" or string_[at - 1] == "{"):
                continue
            if letter in "{[(":
                opened = at + 1 if letter == "{" and not depth else opened
                depth += depth > 0 or letter == "{"
            elif letter in "}])" and depth:
                depth -= 1
                if not depth:
                    yield from ((node, base + opened + where) for node, where in _expression(string_[opened:at]))


def _expression(text: str) -> Iterator[tuple[ast.Name | ast.Attribute, int]]:
    """The names in one replacement field, which may end in a conversion or a format."""
    for end in (len(text), text.rfind("!"), text.rfind(":")):
        with contextlib.suppress(SyntaxError):
            tree = ast.parse(f"({text[:end]})", mode="eval")
            break
    inner = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    within = {n for node in inner for n in _ids(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and id(node) not in within:
            yield node, node.col_offset - 1
        elif isinstance(node, ast.Attribute) and id(node) not in within:
            yield node, (node.end_col_offset or 0) - len(node.attr) - 1
    for node in inner:
        start, stop = node.col_offset, node.end_col_offset
        yield from ((found, start - 1 + at) for found, at in _formatted(f"({text[:end]})"[start:stop]))


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """In the order of the text."""
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _walk(child)


def _ids(node: ast.AST) -> set[int]:
    return {id(child) for child in ast.walk(node)}


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _bound(statement: ast.AST) -> set[str]:
    if isinstance(statement, _DEFINITIONS):
        return {statement.name}
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return {(a.asname or a.name).partition(".")[0] for a in statement.names}
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return {name.id for t in targets if t for name in ast.walk(t) if isinstance(name, ast.Name)}


def _keywords(node: ast.AST) -> Iterable[ast.keyword]:
    return node.keywords if isinstance(node, ast.Call) else ()


def _names(alphabet: str = string.ascii_lowercase) -> Iterator[str]:
    for size in count(1):
        for letters in product(alphabet, repeat=size):
            if not keyword.iskeyword(name := "".join(letters)):
                yield name


def _cut(source: str, edits: Iterable[_Edit]) -> str:
    """Apply edits; one inside another that takes more away is lost with it."""
    pieces, done = [], 0
    for start, end, new in sorted(set(edits), key=lambda edit: (edit[0], -edit[1], edit[2])):
        if start >= done:
            pieces += [source[done:start], new]
            done = end
    return "".join([*pieces, source[done:]])


# --- white space ------------------------------------------------------------------------------------------

_QUIET = {token.NEWLINE, token.INDENT, token.DEDENT, token.ENDMARKER, tokenize.NL, tokenize.COMMENT}


def _compact(source: str) -> str:
    """No comments, no documentation, no more white space than it takes."""
    lines, line, deep = [], "", [0]
    always = False  # an `if 1:` went, and what is below it comes forward
    for kind, text in _tokens(source):
        if kind == token.INDENT:
            deep.append(deep[-1] + (not always))
            always = False
        elif kind == token.DEDENT:
            deep.pop()
        elif kind == token.NEWLINE:
            always = line.strip() == "if 1:"
            if line.strip() and not always:
                lines.append(line)
            line = ""
        elif kind not in _QUIET:
            if not line:
                line = " " * deep[-1]
            elif _apart(line[-1], text[0]):
                line += " "
            line += text
    return _undocumented("\n".join([*_busy(lines), ""]))


def _busy(lines: list[str]) -> list[str]:
    """Without each `pass` that is not alone."""
    kept: list[str] = []
    lines = [line for line, former in zip(lines, ["", *lines]) if line != former or line.strip() != "pass"]
    for line, following in zip(lines, [*lines[1:], ""]):
        if line.strip() != "pass" or _depth(line) not in map(_depth, [*kept[-1:], following]):
            kept.append(line)
    return kept


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _apart(before: str, after: str) -> bool:
    return (before.isalnum() or before == "_") and (after.isalnum() or after in "_\"'")


def _tokens(source: str) -> Iterator[tuple[int, str]]:
    return ((kind, text) for kind, text, _ in _placed(source))


def _placed(source: str) -> Iterator[tuple[int, str, tuple[int, int]]]:
    """What the tokenizer finds, and where, but an f-string is one token, as it was before 3.12."""
    begins, ends = getattr(token, "FSTRING_START", -1), getattr(token, "FSTRING_END", -1)
    lines = source.splitlines(True)
    depth, start = 0, (0, 0)
    for found in tokenize.generate_tokens(io.StringIO(source).readline):
        if found.type == begins:
            start = start if depth else found.start
            depth += 1
        elif found.type == ends:
            depth -= 1
            if not depth:
                yield token.STRING, _between(lines, start, found.end), start
        elif not depth:
            yield found.type, found.string, found.start


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    if start[0] == end[0]:
        return lines[start[0] - 1][start[1] : end[1]]
    between = lines[start[0] : end[0] - 1]
    return "".join([lines[start[0] - 1][start[1] :], *between, lines[end[0] - 1][: end[1]]])


def _undocumented(source: str) -> str:
    """Take documentation out, and put pass where nothing else was."""
    tree = ast.parse(source)
    lines = source.splitlines(True)
    gone: dict[int, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, (*_DEFINITIONS, ast.Module)) and node.body and _is_text(node.body[0]):
            text = node.body[0]
            for number in range(text.lineno, (text.end_lineno or text.lineno) + 1):
                gone[number] = ""
            if len(node.body) == 1 and not isinstance(node, ast.Module):
                gone[text.lineno] = " " * text.col_offset + "pass\n"
    return "".join(gone.get(number, line) for number, line in enumerate(lines, 1))

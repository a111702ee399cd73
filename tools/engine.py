"""The modules of the engine -> one file for a bundle: what its entry never reaches left out, and minified.

    python3 -m tools.generate engine     write them into cc_vps_firewall/engines/

A bundle has room for a few kilobytes. This makes one file of the modules that ENTRY imports, keeps what ROOTS reach,
shortens names, and leaves the rest to python-minifier. What is made is checked in, so that `vps-firewall bundle` needs
none of that. It is held fresh by a digest of all that it was made of: another Python, or another release of
python-minifier, may say the same in other words, so both are named here.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import importlib
import importlib.metadata
import io
import keyword
import string
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import count, product
from pathlib import Path

import cc_vps_firewall

from . import constants

PACKAGE = Path(cc_vps_firewall.__file__).parent
STOCK = Path(__file__).parent / "stock"
ENGINES = PACKAGE / "engines"
PYTHON = (3, 11)
MINIFIER = "3.4.0"
ENTRY = "bundle.host_command"
REGISTRY = "backends.registry"
ROOTS = ("enter", "main", "public")
HANDLER = ("frequency", "list_types", "handle_part")  # what cloud-init asks of a part-handler
# The backends that an engine carries: the registry of the package, with those alone.
CARRIED = {
    "nftables": ("Nftables",),
    "nftables_trusting": ("Nftables",),
    "nftables_router": ("Nftables",),
    "iptables": ("Iptables",),
    "auto": ("Nftables", "Iptables"),
}
# The modules of the package that an engine has as they are, although there is one in STOCK. What few policies need of
# the host is in all but the smallest, which most bundles carry, and the smallest limits are for.
_ROUTER = ("host.trusted", "host.sysctl")
STAND_INS = {("nftables_router", "host.sysctl"): "host.sysctl_once"}  # of two for one module
OWN = {
    "nftables": (),
    "nftables_trusting": ("host.trusted",),
    "nftables_router": ("host.trusted",),
    "iptables": (*_ROUTER, "apply.copies"),
    "auto": (*_ROUTER, "apply.copies", "plan.choice"),
}


def made() -> Iterator[tuple[Path, str]]:
    """Every engine, where the sources have changed since it was made; else as it is."""
    for name in CARRIED:
        path, digest = ENGINES / f"{name}.py", digest_of(name)
        fresh = path.exists() and f'SOURCES = "{digest}"\n' in path.read_text(encoding="utf-8")
        yield path, path.read_text(encoding="utf-8") if fresh else module_of(name)
    yield ENGINES / "stub.py", _module("What unpacks an engine", "", stub())


def module_of(name: str) -> str:
    """The module that holds an engine, made anew."""
    return _module(f"The engine called {name}", digest_of(name), engine(name))


def _module(what: str, digest: str, text: str) -> str:
    lines = "".join(f"    {line!r}\n" for line in text.splitlines(keepends=True))
    sources = f'SOURCES = "{digest}"\n' if digest else ""
    return f'"""{what} -> its text. Made by tools/engine.py: `make generate`."""\n\n{sources}TEXT = (\n{lines})\n'


def digest_of(name: str) -> str:
    """A digest of the sources of an engine, and of what makes it."""
    digest = hashlib.sha256(Path(__file__).read_bytes() + Path(constants.__file__).read_bytes())
    for module, source in sorted(_sources(name).items()):
        digest.update(f"\0{module}\0{source}".encode())
    return digest.hexdigest()


def engine(name: str) -> str:
    """The text of an engine that carries these backends."""
    version = importlib.metadata.version("python-minifier")
    if sys.version_info[:2] != PYTHON or version != MINIFIER:
        named = ".".join(map(str, PYTHON))
        raise SystemExit(f"engines are made by Python {named} and python-minifier {MINIFIER}; these are others")
    import python_minifier

    return python_minifier.minify(
        ast.unparse(renamed(_smaller(flattened(_sources(name))))),
        rename_locals=False,
        hoist_literals=False,
        remove_annotations=True,
        combine_imports=True,
    )


def stub() -> str:
    """The text of a part-handler: of `__init__.py` and part_handler.py what cloud-init asks for, as it is written, less
    comments and documentation, and one space deep where they are four. Of two definitions of one name the last
    stays."""
    paths = (PACKAGE / "__init__.py", PACKAGE / "bundle" / "part_handler.py", STOCK / "entry.py")
    source = "".join(path.read_text(encoding="utf-8") for path in paths)
    tree = ast.parse(source)
    tree.body = [each for each in tree.body if not (isinstance(each, ast.ImportFrom) and each.level)]
    modules = sorted({alias.name for each in tree.body if isinstance(each, ast.Import) for alias in each.names})
    tree.body = [each for each in tree.body if not _is_import(each)]
    last = {name: each for each in tree.body for name in _bound(each)}
    tree.body = [each for each in tree.body if not set(_bound(each)) or any(last[n] is each for n in _bound(each))]
    kept = [each for each in reached(tree, HANDLER).body if not _is_text(each)]
    used = {node.id for each in kept for node in ast.walk(each) if isinstance(node, ast.Name)}
    imports = f"import {', '.join(name for name in modules if name in used)}\n"
    return imports + "\n".join(_readable(source, each) for each in kept) + "\n"


def _readable(source: str, statement: ast.stmt) -> str:
    """A statement as it is written, without comments, documentation and empty lines; functions apart."""
    lines = source.splitlines()
    gone = {
        number
        for node in ast.walk(statement)
        if isinstance(node, ast.FunctionDef) and _is_text(node.body[0])
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
        cut = next((column for line, column in comments if line == number), None)
        text = lines[number - 1][:cut].rstrip() if number not in inside else lines[number - 1]
        if number not in gone and (text or number in inside):
            kept.append(text if number - 1 in inside else _shallow(text))
    return ("\n" if isinstance(statement, ast.FunctionDef) else "") + "\n".join(kept)


def _shallow(line: str) -> str:
    deep = len(line) - len(line.lstrip(" "))
    return f"{' ' * (deep // 4)}{line.lstrip(' ')}"


def _sources(carried: str) -> dict[str, str]:
    """The modules that ENTRY imports, those before it first."""
    classes = CARRIED[carried]
    registry = "".join(f"from .{name.lower()} import {name}\n" for name in classes)
    registry += f"BACKENDS = {{each.name: each for each in ({', '.join(f'{name}()' for name in classes)},)}}\n"
    found: dict[str, str] = {}

    def visit(name: str, importing: tuple[str, ...] = ()) -> None:
        if name in found or name in importing:
            return
        stock = STOCK.joinpath(*STAND_INS.get((carried, name), name).split(".")).with_suffix(".py")
        path = stock if stock.exists() and name not in OWN[carried] else _file(name)
        source = registry if name == REGISTRY else path.read_text(encoding="utf-8")
        for other in _imported(ast.parse(source), name):
            visit(other, (*importing, name))
        found[name] = source

    visit(ENTRY)
    return found


def _file(name: str) -> Path:
    """The file of a module, or of a folder of modules."""
    path = PACKAGE.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _imported(tree: ast.Module, name: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (package := _own(node, name)) is not None:
            inner = [f"{package}.{alias.name}".lstrip(".") for alias in node.names]
            yield from ([package] if package else [])
            yield from (each for each in inner if _file(each).exists() or each == REGISTRY)


def _own(node: ast.ImportFrom, name: str = "") -> str | None:
    """What of ours a statement of the module `name` imports from, "" for the package itself; None for others'."""
    if not node.level:
        package, _, module = (node.module or "").partition(".")
        return module if package == cc_vps_firewall.__name__ else None
    folder = name if name and _file(name).name == "__init__.py" else name.rpartition(".")[0]
    start = folder if node.level == 1 else folder.rpartition(".")[0]
    return ".".join(part for part in (start, node.module) if part)


# --- one module of several --------------------------------------------------------------------------------


def flattened(sources: Mapping[str, str]) -> ast.Module:
    """The statements of all modules, in one. Each name is called after its module, and so is no local variable's."""
    trees = {name: _bare(ast.parse(source)) for name, source in sources.items()}
    new = {
        (module, name): name if module == ENTRY and name in ROOTS else f"{module.replace('.', '_')}__{name}"
        for module, tree in trees.items()
        for statement in tree.body
        if not isinstance(statement, (ast.Import, ast.ImportFrom))
        for name in _bound(statement)
    }
    body: list[ast.stmt] = []
    for module, tree in trees.items():  # those before it first, so that what one hands on is known
        for node in (each for each in tree.body if isinstance(each, ast.ImportFrom)):
            package = _own(node, module)
            for alias in node.names if package is not None else ():
                if (package, alias.name) in new:
                    new.setdefault((module, alias.asname or alias.name), new[package or "", alias.name])
        renamed = _Flatten(module, tree, new, frozenset(trees)).visit(tree)
        body += [each for each in renamed.body if not (isinstance(each, ast.ImportFrom) and _own(each) is not None)]
    return ast.fix_missing_locations(ast.Module([*_imports(body), *(s for s in body if not _is_import(s))], []))


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, (ast.Import, ast.ImportFrom))


def _imports(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """What several modules import, once."""
    modules = sorted({alias.name for each in body if isinstance(each, ast.Import) for alias in each.names})
    yield ast.Import([ast.alias(name) for name in modules])
    names: dict[str, set[str]] = {}
    for each in body:
        if isinstance(each, ast.ImportFrom):
            names.setdefault(each.module or "", set()).update(alias.name for alias in each.names)
    for module, found in sorted(names.items()):
        yield ast.ImportFrom(module, [ast.alias(name) for name in sorted(found)], 0)


def _bound(node: ast.AST) -> Iterator[str]:
    """The names that a statement binds where it stands."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, ast.Import):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (() if _own(node) is not None else (alias.asname or alias.name for alias in node.names))
    else:
        yield from (n.id for n in _here(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))


def _here(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below one, less those that have a scope of their own."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _SCOPES):
            yield from _here(child)


_SCOPES = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def _bare(tree: ast.Module) -> ast.Module:
    """Without documentation, and without annotations but for the fields of a class."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)):
            node.body = [each for each in node.body if not _is_text(each)] or [ast.Pass()]
            node.body = [each for each in (_plain(each, node) for each in node.body) if each]
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
    tree.body = [s for s in tree.body if not (isinstance(s, ast.ImportFrom) and s.module == "__future__")]
    return tree


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _plain(node: ast.stmt, parent: ast.AST) -> ast.stmt | None:
    if not isinstance(node, ast.AnnAssign):
        return node
    if isinstance(parent, ast.ClassDef):
        node.annotation = ast.Constant(0)
        return node
    return ast.Assign([node.target], node.value, lineno=node.lineno) if node.value else None


class _Flatten(ast.NodeTransformer):
    """The names of one module, as they are in the file that all of them share."""

    def __init__(
        self, module: str, tree: ast.Module, new: Mapping[tuple[str, str], str], modules: frozenset[str]
    ) -> None:
        self.module, self.new, self.modules = module, new, modules
        self.own = {name for of, name in new if of == module}
        self.borrowed: dict[str, str] = {}  # name here -> name in the file
        self.aliases: dict[str, str] = {}  # name here -> module
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (package := _own(node, module)) is not None:
                for alias in node.names:
                    inner = f"{package}.{alias.name}".lstrip(".")
                    if inner in modules:
                        self.aliases[alias.asname or alias.name] = inner
                    else:
                        self.borrowed[alias.asname or alias.name] = self._of(package, alias.name)
        self.local: list[set[str]] = []

    def _of(self, module: str, name: str) -> str:
        return self.new.get((module, name), name)

    def _name(self, name: str) -> str:
        if any(name in scope for scope in self.local):
            return name
        if name in self.borrowed:
            return self.borrowed[name]
        return self._of(self.module, name) if name in self.own else name

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._name(node.id)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        base = node.value
        if isinstance(base, ast.Name) and base.id in self.aliases and not any(base.id in scope for scope in self.local):
            return ast.Name(self._of(self.aliases[base.id], node.attr), node.ctx)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        self._defaults(node.args)
        if not self.local:
            node.name = self._of(self.module, node.name)
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
        inner = {argument.arg for argument in arguments if argument} | _locals(node.body)
        self.local.append(inner)
        node.body = [self.visit(each) for each in node.body]
        self.local.pop()
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.bases = [self.visit(each) for each in node.bases]
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        if not self.local:
            node.name = self._of(self.module, node.name)
        fields = {name for statement in node.body for name in _bound(statement)}
        body = []
        for each in node.body:
            if isinstance(each, ast.FunctionDef):  # a class's own names are not seen in its methods
                self.local.append(set())
                body.append(self.visit(each))
                self.local.pop()
            else:
                self.local.append(fields)
                body.append(self.visit(each))
                self.local.pop()
        node.body = body
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self._defaults(node.args)
        self.local.append({argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)})
        node.body = self.visit(node.body)
        self.local.pop()
        return node

    def _defaults(self, arguments: ast.arguments) -> None:
        arguments.defaults = [self.visit(each) for each in arguments.defaults]
        arguments.kw_defaults = [each and self.visit(each) for each in arguments.kw_defaults]

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> ast.AST:
        self.local.append({n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)})
        self.generic_visit(node)
        self.local.pop()
        return node

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _comprehension


def _locals(body: Iterable[ast.stmt]) -> set[str]:
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
            found |= set(_bound(node))
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


# --- what is reached --------------------------------------------------------------------------------------


def reached(tree: ast.Module, roots: Iterable[str]) -> ast.Module:
    """The statements that bind what `roots` reach, and of classes the methods whose name is asked for somewhere."""
    wanted, size = set(roots), -1
    while len(wanted) != size:
        size = len(wanted)
        asked = {name.partition(".")[2] for name in wanted if name.startswith(".")}
        for statement in tree.body:
            if wanted & set(_bound(statement)) or not set(_bound(statement)):
                for node in _kept(statement, asked):
                    if isinstance(node, ast.Name):
                        wanted.add(node.id)
                    elif isinstance(node, ast.Attribute):
                        wanted |= {f".{node.attr}"}
    asked = {name.partition(".")[2] for name in wanted if name.startswith(".")}
    body = []
    for statement in tree.body:
        names = set(_bound(statement))
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


def _smaller(tree: ast.Module) -> ast.Module:
    """What is certain worked out, and what is then no longer reached left out."""
    text = ""
    while text != (text := ast.unparse(tree)):
        tree = inlined(reached(constants.settled(reached(tree, ROOTS)), ROOTS))
    return tree


def inlined(tree: ast.Module) -> ast.Module:
    """Constants that are used once stand where they are used."""
    used = Counter(node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
    constants = {
        each.targets[0].id: each.value
        for each in tree.body
        if isinstance(each, ast.Assign)
        and isinstance(each.targets[0], ast.Name)
        and isinstance(each.value, ast.Constant)
    }
    once = {name: value for name, value in constants.items() if used[name] == 1}

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
    tree.body = [each for each in tree.body if not set(_bound(each)) or not set(_bound(each)) <= set(once)]
    changed: ast.Module = Inline().visit(tree)
    return ast.fix_missing_locations(changed)


# --- short names ------------------------------------------------------------------------------------------


def renamed(tree: ast.Module) -> ast.Module:
    """Short names: A, B, C for what the file defines, by how often it is used; a, b, c for the variables of a function,
    in the order in which it names them, so that functions that are alike become the same text, which packs half a
    kilobyte better than python-minifier's names; a_, b_, c_ for fields and methods of ours."""
    often = Counter(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    own = {name for s in tree.body if not isinstance(s, (ast.Import, ast.ImportFrom)) for name in _bound(s)}
    new = dict(zip(sorted(own - {*ROOTS}, key=lambda name: (-often[name], name)), _short(string.ascii_uppercase)))
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
        others = {*dir(builtins), *(name for s in tree.body if _is_import(s) for name in _bound(s))}
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
        bound = {*names, *_locals(body)}
        bound -= {n for s in body for each in _in_order(s) if isinstance(each, ast.Import) for n in _bound(each)}
        for each in (inner for statement in body for inner in ast.walk(statement)):
            if isinstance(each, ast.comprehension):
                bound |= {n.id for n in ast.walk(each.target) if isinstance(n, ast.Name)}
        stay = {name: self.members.get(name, name) for name in names if name in self.by_keyword}
        taken = {*stay.values(), *(name for scope in self.scopes for name in scope.values())}
        short = (name for name in _short(string.ascii_lowercase) if name not in taken)
        mentioned = (_mentioned(inner) for statement in body for inner in _in_order(statement))
        order = dict.fromkeys([*names, *(name for name in mentioned if name in bound)])
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

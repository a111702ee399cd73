"""Several modules -> one, in which each name is called after its module."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping

from .statements import bound, is_import, is_text, local_names, own_module


def flattened(sources: Mapping[str, str], entry: str, roots: Collection[str]) -> ast.Module:
    """The statements of all modules, in one. Each name is called after its module, and so is no local variable's;
    `roots`, of the module `entry`, keep theirs."""
    trees = {name: _bare(ast.parse(source)) for name, source in sources.items()}
    new = {
        (module, name): name if module == entry and name in roots else f"{module.replace('.', '_')}__{name}"
        for module, tree in trees.items()
        for statement in tree.body
        if not isinstance(statement, (ast.Import, ast.ImportFrom))
        for name in bound(statement)
    }
    body: list[ast.stmt] = []
    for module, tree in trees.items():  # those before it first, so that what one hands on is known
        for node in (each for each in tree.body if isinstance(each, ast.ImportFrom)):
            package = own_module(node, module)
            for alias in node.names if package is not None else ():
                if (package, alias.name) in new:
                    new.setdefault((module, alias.asname or alias.name), new[package or "", alias.name])
        renamed = _Flatten(module, tree, new, frozenset(trees)).visit(tree)
        body += [
            each for each in renamed.body if not (isinstance(each, ast.ImportFrom) and own_module(each) is not None)
        ]
    return ast.fix_missing_locations(ast.Module([*_imports(body), *(s for s in body if not is_import(s))], []))


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


def _bare(tree: ast.Module) -> ast.Module:
    """Without documentation, and without annotations but for the fields of a class."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)):
            node.body = [each for each in node.body if not is_text(each)] or [ast.Pass()]
            node.body = [each for each in (_plain(each, node) for each in node.body) if each]
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
    tree.body = [s for s in tree.body if not (isinstance(s, ast.ImportFrom) and s.module == "__future__")]
    return tree


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
            if isinstance(node, ast.ImportFrom) and (package := own_module(node, module)) is not None:
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
        inner = {argument.arg for argument in arguments if argument} | local_names(node.body)
        self.local.append(inner)
        node.body = [self.visit(each) for each in node.body]
        self.local.pop()
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.bases = [self.visit(each) for each in node.bases]
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        if not self.local:
            node.name = self._of(self.module, node.name)
        fields = {name for statement in node.body for name in bound(statement)}
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

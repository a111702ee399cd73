"""The engines of a bundle: fresh, whole, for Python 3.9, and the same program as the modules they are made of."""

from __future__ import annotations

import ast
import builtins
import symtable
import sys
import types

import pytest

from tools import engine
from tools.flatten import flattened
from tools.reach import inlined, reached
from tools.short_names import renamed

SHOP = {
    "stock": '''"""Goods."""
from dataclasses import dataclass

LIMIT = 3
RARE: dict[str, int] = {}
MODE = "any"

@dataclass(frozen=True)
class Item:
    """One."""
    name: str
    price: int = 1

    def label(self) -> str:
        return f"{self.name}: {price_of(self):>3}{'!' if self.price > LIMIT else ''} {LIMIT!r}"

    def never_called(self) -> str:
        return "nobody"

def price_of(item: Item, hear=lambda what: None, *, twice: bool = False) -> int:
    hear("price")
    return item.price * (2 if twice else 1)

def unreached() -> None:
    raise AssertionError
''',
    "till": '''"""Sums."""
from . import stock
from .stock import Item, price_of

class TooDear(Exception):
    pass

def bill(*names: str, hear=lambda what: None) -> str:
    """What is to be paid."""
    items = [Item(name, price=number) for number, name in enumerate(names, 3)]
    LIMITS = {item.name: f"{stock.LIMIT + item.price}" for item in items}
    def total(price_of=price_of) -> int:
        return sum(price_of(one, hear, twice=True) for one in items)
    if DEBUG:
        raise TooDear
    if stock.MODE == "one":
        return f"{stock.price_of(items[0])} of {stock.LIMIT}"
    else:
        print("several")
    try:
        if total() > 20:
            raise TooDear(f"{len(items)} {'; '.join(i.label() for i in items)}")
    except TooDear as error:
        return f"{error} {stock.LIMIT} {LIMITS}"
    return "little"

DEBUG = False
''',
}


def made() -> dict[str, str]:
    from cc_vps_firewall.bundle import bundle

    return dict(bundle.ENGINES)


def test_they_are_fresh() -> None:
    """`make generate` makes them anew, under the Python and the python-minifier that tools/engine.py names."""
    for path, text in engine.made():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run make generate"


@pytest.mark.parametrize("name", engine.CARRIED)
def test_none_was_changed_by_hand(name: str) -> None:
    """The digest is of the sources. What they are made into is seen where the Python is at work that made it."""
    if sys.version_info[:2] == engine.PYTHON:
        text = (engine.ENGINES / f"{name}.py").read_text(encoding="utf-8")
        assert text == engine.module_of(name), f"{name}: run make generate"
    assert made()[name].count("\n") > 100


def test_they_are_made_of_what_they_are_made_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another source has another digest, in each engine that has it and in no other."""
    before = {name: engine.digest_of(name) for name in engine.CARRIED}
    sources = engine._sources

    def changed(carried: str) -> dict[str, str]:
        found = sources(carried)
        return {name: text + ("# changed" if name == "backends.iptables" else "") for name, text in found.items()}

    monkeypatch.setattr(engine, "_sources", changed)
    now = {name: engine.digest_of(name) for name in engine.CARRIED}
    assert {name for name in now if now[name] != before[name]} == {"iptables", "auto"}


@pytest.mark.parametrize("name", engine.CARRIED)
def test_no_name_is_unbound(name: str) -> None:
    text = made()[name]
    ast.parse(text, feature_version=(3, 9))
    table = symtable.symtable(text, name, "exec")
    bound = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace()}
    assert set(globals_of(table)) - bound - set(dir(builtins)) == {"__file__"}


@pytest.mark.parametrize("name", engine.CARRIED)
def test_it_calls_with_what_is_asked_for(name: str) -> None:
    tree = ast.parse(made()[name])
    asked = {f.name: f.args for f in tree.body if isinstance(f, ast.FunctionDef)}
    checked = 0
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        assert isinstance(call.func, ast.Name)
        called = asked.get(call.func.id)
        if called is None or any(isinstance(given, ast.Starred) for given in call.args):
            continue
        names = [argument.arg for argument in called.args]
        needed = set(names[len(call.args) : len(names) - len(called.defaults)])
        given = {keyword.arg for keyword in call.keywords}
        assert needed <= given, ast.unparse(call)
        assert given <= {*names, *(argument.arg for argument in called.kwonlyargs)}, ast.unparse(call)
        assert len(call.args) <= len(names) or called.vararg, ast.unparse(call)
        checked += 1
    assert checked > 100


def test_one_backend_alone() -> None:
    for name, text in made().items():
        backends = engine.CARRIED[name]
        assert ("ip6tables-save" in text) == ("Iptables" in backends)
        assert ("nft failed" in text or '"nft","-f"' in text.replace("'", '"')) == ("Nftables" in backends)


def globals_of(table: symtable.SymbolTable) -> list[str]:
    found = [s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()]
    return found + [name for child in table.get_children() for name in globals_of(child)]


def shop(*names: str) -> tuple[str, str]:
    """What the small program says, and its text."""
    tree = flattened(SHOP, "till", ["bill"])
    text = ast.unparse(renamed(inlined(reached(tree, ["bill"])), ["bill"]))
    space: dict[str, object] = {}
    exec(compile(text, "shop", "exec"), space)  # noqa: S102 - the text above
    bill = space["bill"]
    assert callable(bill)
    return str(bill(*names)), text


def original(*names: str) -> str:
    """What the modules say."""
    package = types.ModuleType("shop")
    package.__path__ = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(sys.modules, "shop", package)
        for name, text in SHOP.items():
            module = types.ModuleType(f"shop.{name}")
            module.__package__ = "shop"
            patched.setitem(sys.modules, f"shop.{name}", module)
            setattr(package, name, module)
            exec(compile(text, name, "exec"), module.__dict__)  # noqa: S102 - the text above
        return str(sys.modules["shop.till"].bill(*names))


def test_the_smaller_program_does_the_same() -> None:
    for names in ((), ("tea",), ("tea", "salt", "rice")):
        assert shop(*names)[0] == original(*names)
    said, text = shop("tea", "salt", "rice")
    assert "!" in said
    for gone in ("unreached", "never_called", "RARE", "DEBUG", "Item", "TooDear", '"""', "stock", "price_of"):
        assert gone not in text, gone
    assert "LIMITS" not in text, "a variable that looks like a constant is one all the same"
    assert len(text) < 0.7 * sum(map(len, SHOP.values()))

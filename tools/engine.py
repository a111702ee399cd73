"""The modules of the engine -> one file for a bundle: what its entry never reaches left out, and minified.

    python3 -m tools.generate engine     write them into cc_vps_firewall/engines/

A bundle has room for a few kilobytes. This makes one file of the modules that ENTRY imports, keeps what ROOTS reach,
shortens names, and leaves the rest to python-minifier. What is made is checked in, so that `vps-firewall bundle` needs
none of that. It is held fresh by a digest of all that it was made of: another Python, or another release of
python-minifier, may say the same in other words, so both are named here.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path

from . import stub
from .flatten import flattened
from .reach import smaller
from .short_names import renamed
from .statements import PACKAGE, STOCK, file_of, own_module

ENGINES = PACKAGE / "engines"
PYTHON = (3, 11)
MINIFIER = "3.4.0"
ENTRY = "bundle.host_command"
REGISTRY = "backends.registry"
ROOTS = ("enter", "main", "public")
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

MAKERS = ("engine", "constants", "flatten", "reach", "short_names", "statements")  # of an engine, beside its sources


def made() -> Iterator[tuple[Path, str]]:
    """Every engine, where the sources have changed since it was made; else as it is."""
    for name in CARRIED:
        path, digest = ENGINES / f"{name}.py", digest_of(name)
        fresh = path.exists() and f'SOURCES = "{digest}"\n' in path.read_text(encoding="utf-8")
        yield path, path.read_text(encoding="utf-8") if fresh else module_of(name)
    yield ENGINES / "stub.py", _module("What unpacks an engine", "", stub.text())


def module_of(name: str) -> str:
    """The module that holds an engine, made anew."""
    return _module(f"The engine called {name}", digest_of(name), engine(name))


def _module(what: str, digest: str, text: str) -> str:
    lines = "".join(f"    {line!r}\n" for line in text.splitlines(keepends=True))
    sources = f'SOURCES = "{digest}"\n' if digest else ""
    return f'"""{what} -> its text. Made by tools/engine.py: `make generate`."""\n\n{sources}TEXT = (\n{lines})\n'


def digest_of(name: str) -> str:
    """A digest of the sources of an engine, and of what makes it."""
    digest = hashlib.sha256(b"".join(Path(__file__).with_name(f"{each}.py").read_bytes() for each in MAKERS))
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
        ast.unparse(renamed(smaller(flattened(_sources(name), ENTRY, ROOTS), ROOTS), ROOTS)),
        rename_locals=False,
        hoist_literals=False,
        remove_annotations=True,
        combine_imports=True,
    )


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
        path = stock if stock.exists() and name not in OWN[carried] else file_of(name)
        source = registry if name == REGISTRY else path.read_text(encoding="utf-8")
        for other in _imported(ast.parse(source), name):
            visit(other, (*importing, name))
        found[name] = source

    visit(ENTRY)
    return found


def _imported(tree: ast.Module, name: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (package := own_module(node, name)) is not None:
            inner = [f"{package}.{alias.name}".lstrip(".") for alias in node.names]
            yield from ([package] if package else [])
            yield from (each for each in inner if file_of(each).exists() or each == REGISTRY)

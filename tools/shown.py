"""page -> the same page with each marked block as the code has it today.

A block is marked by a comment above its fence, and is about the page's first policy:

    <!-- shown: nftables incoming -->           a chain or a set of the nftables text
    <!-- shown: iptables 4 VPSFW-INCOMING -->   rules of a chain of filter, IPv4 (of another table: `mangle:FORWARD`)
    <!-- shown: policy ssh -->                  a field of the Policy
    <!-- shown: ruleset incoming -->            a chain of the Ruleset
    <!-- kernel: nftables incoming -->          the same from the kernel, which the text was loaded into

`with "TEXT"` at the end leaves the lines that hold TEXT, `without "TEXT"` the others. A mark that shows nothing is an
error. What is marked `kernel` takes root, and is left alone by `refreshed`; `from_kernel` writes it anew.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cc_vps_firewall.backends.registry import BACKENDS
from cc_vps_firewall.host import process
from cc_vps_firewall.policy import Policy
from cc_vps_firewall.rules import iptables, nftables, ruleset

from . import pages

_MARKED = re.compile(
    r"^<!-- (?P<kind>shown|kernel): (?P<what>[^\n]+) -->\n```(?P<info>[^\n]*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)

Texts = Callable[[str, int], str]  # (backend, family) -> a text of that backend


class NothingToShow(LookupError):
    """A mark names something that is not there."""


def refreshed(page: Path) -> str:
    """The page's text with all blocks marked `shown` written anew."""
    wanted = _first_policy(page)
    return _rewritten(page, "shown", partial(_shown, wanted) if wanted else None)


def from_kernel(page: Path) -> str:
    """The page's text with all blocks marked `kernel` written anew."""
    wanted = _first_policy(page)
    return _rewritten(page, "kernel", partial(_text_part, _loaded(wanted)) if wanted else None)


def marks(page: Path, kind: str) -> list[tuple[str, str]]:
    """(what is shown, the text that stands there) of each mark of a kind."""
    text = page.read_text(encoding="utf-8")
    return [(m["what"], m["text"]) for m in _MARKED.finditer(text) if m["kind"] == kind]


def shown(page: Path, what: str) -> str:
    """What one mark of kind `shown` would show of a page's policy."""
    return _shown(pages.first_policy(page), shlex.split(what))


def from_a_kernel(page: Path, what: str) -> str:
    """What one mark of kind `kernel` shows here and now."""
    return _text_part(_loaded(pages.first_policy(page)), shlex.split(what))


def _first_policy(page: Path) -> Policy | None:
    return pages.first_policy(page) if any(map(pages.is_policy, pages.blocks(page))) else None


def _rewritten(page: Path, kind: str, show: Callable[[list[str]], str] | None) -> str:
    def one(match: re.Match[str]) -> str:
        if match["kind"] != kind or show is None:
            return match[0]
        try:
            text = show(shlex.split(match["what"]))
        except NothingToShow as error:
            raise NothingToShow(f"{page.name}: {match['what']}: {error}") from None
        return f"<!-- {kind}: {match['what']} -->\n```{match['info']}\n{text}```"

    return _MARKED.sub(one, page.read_text(encoding="utf-8"))


# --- what a mark shows ------------------------------------------------------------------------------------


def _shown(wanted: Policy, words: list[str]) -> str:
    if words[0] == "policy":
        return "".join(f"{name} = {_value(getattr(wanted, name))}\n" for name in words[1:])
    if words[0] == "ruleset":
        return _rules(wanted, words[1:])
    rules = ruleset.build(wanted)

    def rendered(backend: str, family: int) -> str:
        return nftables.render(rules) if backend == nftables.NAME else iptables.render(rules, family)

    return _text_part(rendered, words)


def _rules(wanted: Policy, words: list[str]) -> str:
    names, shows = _filter(words)
    lines = [
        _value(rule)
        for chain in ruleset.build(wanted).chains
        if chain.name in names
        for rule in chain.rules
        if shows(rule.label)
    ]
    return _some(lines)


def _text_part(texts: Texts, words: list[str]) -> str:
    backend, *rest = words
    family = int(rest.pop(0)) if backend == iptables.NAME else 0
    names, shows = _filter(rest)
    text = texts(backend, family)
    lines = _blocks(text, names) if backend == nftables.NAME else _chains(text, names)
    return _some([line for line in lines if shows(line)])


def _filter(words: Sequence[str]) -> tuple[list[str], Callable[[str], bool]]:
    """names, `with TEXT`, `without TEXT` -> the names, and which lines to show."""
    names: list[str] = []
    shows: list[Callable[[str], bool]] = []
    left = iter(words)
    for word in left:
        if word in ("with", "without"):
            text = next(left)
            shows.append(lambda line, text=text, wanted=word == "with": (text in line) is wanted)  # type: ignore[misc]
        else:
            names.append(word)
    return names, lambda line: all(show(line) for show in shows)


def _some(lines: Sequence[str]) -> str:
    if not lines:
        raise NothingToShow("there is no such line")
    return "".join(f"{line}\n" for line in lines)


def _blocks(text: str, names: Sequence[str]) -> list[str]:
    """Chains and sets of an nftables text by name, one tab less; all of it where no name is given."""
    if not names:
        return text.splitlines()
    lines = []
    for name in names:
        found = re.search(rf"^\t\w+ {re.escape(name)} \{{\n.*?^\t\}}$", text, re.MULTILINE | re.DOTALL)
        if not found:
            raise NothingToShow(f"no chain or set {name}")
        lines += [line[1:].replace("\t", "    ") for line in found[0].splitlines()]
    return lines


def _chains(text: str, names: Sequence[str]) -> list[str]:
    """Rules of chains by name, of the filter table unless another is named; all of it where no name is given."""
    if not names:
        return text.splitlines()
    lines = []
    for name in names:
        table, _, chain = name.rpartition(":")
        found = re.search(rf"^\*{table or 'filter'}$(.*?)^COMMIT$", text, re.MULTILINE | re.DOTALL)
        opening = (f":{chain} ", f"-A {chain} ")
        lines += [line for line in (found[1] if found else "").splitlines() if line.startswith(opening)]
    return [re.sub(r"\[\d+:\d+\]$", "[0:0]", line) for line in lines]


def _value(value: Any, indent: str = "") -> str:
    """A value as code would write it, without the fields that are at their defaults."""
    if not is_dataclass(value):
        if isinstance(value, tuple) and any(map(is_dataclass, value)):
            return "(" + "".join(f"{_value(v, indent)}, " for v in value).strip() + ")"
        return repr(value)
    said = [
        f"{f.name}={_value(getattr(value, f.name))}"
        for f in fields(value)
        if f.default is MISSING or getattr(value, f.name) != f.default
    ]
    return f"{type(value).__name__}({', '.join(said)})"


# --- the kernel -------------------------------------------------------------------------------------------


def _loaded(wanted: Policy) -> Texts:
    """Loads the policy into an empty network namespace, as the rehearsal does, and dumps it."""
    rules = ruleset.build(wanted)
    dumps: dict[str, Mapping[int, str]] = {}

    def dumped(backend: str, family: int) -> str:
        if backend not in dumps:
            families = (0,) if backend == nftables.NAME else (4, 6)
            texts = {f: iptables.render(rules, f) if f else nftables.render(rules) for f in families}
            with process.scratch() as empty:
                empty.submit(BACKENDS[backend].load, texts).result()
                dumps[backend] = empty.submit(BACKENDS[backend].dump, families).result()
        return dumps[backend][family]

    return dumped

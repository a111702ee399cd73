"""Bytes of user-data -> the value of its `vps_firewall:` key, and what became of it on its way through cloud-init."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..errors import PolicyRefused, Problem
from . import document
from .bounds import MAX_PROBLEMS
from .compose import FAST, Room
from .document import ABSENT, Document, cut
from .list_files import MAX_USER_DATA, read, read_list
from .model import KEY
from .parser import parse
from .parts import (
    KINDS,
    MAX_PARTS,
    MAX_SLOW,
    Leaf,
    archive,
    cloud_configs,
    decoded,
    is_message,
    is_program,
    message,
    split,
    too_many_parts,
    unzip,
)

__all__ = ["archive", "cut", "is_message", "message", "read", "read_list", "unzip"]
MAX_NOTES = 20  # parts of which a note is made, each


@dataclass(frozen=True)
class Config:
    """A #cloud-config text, or what was to be one. `leaf`: where the part stands that it is in; `template`: what jinja
    makes of it is cloud-init's to say; `perhaps`: our key may be in it, whatever YAML says."""

    where: str
    leaf: str
    template: bool
    perhaps: bool
    document: Document

    @property
    def has_key(self) -> bool:
        return self.document.value is not ABSENT


@dataclass(frozen=True)
class UserData:
    """User-data, taken apart once: every question about it is answered from here."""

    unpacked: bytes
    leaves: tuple[Leaf, ...]
    configs: tuple[Config, ...]

    @property
    def plain(self) -> list[Config]:
        """The texts that say what they say before anything is rendered."""
        return [config for config in self.configs if not config.template]


def unpack(data: bytes | UserData) -> UserData:
    """The bytes as sent -> their parts, and what stands in those. Raises PolicyRefused where they cannot be taken
    apart, or are too much."""
    if isinstance(data, UserData):
        return data
    unpacked = unzip("user-data", data)
    leaves = tuple(split(unpacked))
    room = Room(2 * MAX_USER_DATA if FAST else MAX_SLOW)  # an archive, and what is in it
    configs: list[Config] = []
    for leaf in leaves:
        for where, text, template in cloud_configs(leaf.where, leaf.content, leaf.kind, room):
            if len(configs) == MAX_PARTS:
                raise too_many_parts()
            perhaps = isinstance(text, PolicyRefused) or bool(_PERHAPS.search(text))
            configs.append(Config(where, leaf.where, template, perhaps, _document(where, text, template, room)))
    return UserData(unpacked, leaves, tuple(configs))


def _document(where: str, text: bytes | PolicyRefused, template: bool, room: Room) -> Document:
    try:
        found = document.read(where, decoded(where, text), room)
    except PolicyRefused as refused:
        found = Document(problems=refused.problems)
    if template and found.value is ABSENT:
        hint = "; check what the jinja template renders to"
        return Document(problems=tuple(Problem(p.path, p.message + hint) for p in found.problems))
    return found


def section(data: bytes | UserData) -> object:
    """User-data -> the value of its `vps_firewall:` key. Of several parts that have one the last counts,
    as in cloud-init's own merge. Raises PolicyRefused with every problem that the YAML itself has, and when it
    has any, with those of the policy: nobody wants to be told twice."""
    given = unpack(data)
    values = [config.document.value for config in given.configs if config.has_key]
    problems = [p for config in given.configs for p in config.document.problems]
    if not given.configs:
        problems = [Problem("user-data", "is not #cloud-config, and no part of it is; a first line must say so")]
    elif not values and not problems:
        strays = _strays(given)[:MAX_NOTES]
        problems = [Problem("user-data", f"has no {KEY}: key"), *(Problem(where, _PASSED_BY) for where in strays)]
    if problems:
        paths = [path for config in given.configs for path in config.document.misread]
        misread = tuple(f"{path}{end}" for path in paths for end in "[.")
        refusals = [p for p in _refusals(values[-1] if values else {}) if not f"{p.path}.".startswith(misread)]
        raise PolicyRefused(first_of([*problems, *refusals]))
    return values[-1]


def first_of(problems: Sequence[Problem]) -> list[Problem]:
    """As many as anybody reads; of twenty thousand the rest is counted."""
    more = len(problems) - MAX_PROBLEMS
    first = problems[:MAX_PROBLEMS]
    return [*first, Problem("user-data", f"and {more:,} more problems")] if more > 1 else [*problems]


def _refusals(value: object) -> tuple[Problem, ...]:
    try:
        parse(value, read_list=read_list)
    except PolicyRefused as refused:
        return refused.problems
    return ()


def sections(data: bytes | UserData) -> Iterator[tuple[str, object, list[Problem]]]:
    """(where, value, keys that stand twice in it) for each #cloud-config part that has a `vps_firewall:` key.

    What else is wrong with a part is cloud-init's to say, and so is what a jinja template renders to.
    """
    for config in unpack(data).plain:
        if config.has_key:
            yield config.where, config.document.value, list(config.document.problems)


def carries(where: str, kind: str, content: bytes) -> bool:
    """Has a part of this type our key in a #cloud-config text?"""
    texts = list(cloud_configs(where, content, kind, Room(2 * MAX_USER_DATA)))
    return any(
        not template and _document(at, text, template, Room()).value is not ABSENT for at, text, template in texts
    )


@dataclass(frozen=True)
class Unread:
    """User-data whose policy cloud-init has not read, or not as it is written. `section`: that policy all the same, as
    far as it can be told, above what other layers say; null where nobody can tell."""

    problems: tuple[Problem, ...]
    section: object


def unread(data: bytes | UserData, merged: object, taken: bool) -> Unread | None:
    """What is wrong with user-data that cloud-init does not tell; None where nothing is. See lost()."""
    problems = lost(data, merged, taken)
    return Unread(tuple(problems), _as_meant(data, merged)) if problems else None


def _as_meant(data: bytes | UserData, merged: object) -> object:
    meant = dict(merged) if isinstance(merged, dict) else {}
    try:
        given = unpack(data)
        for leaf in given.leaves:
            if is_program(leaf) or not _PERHAPS.search(leaf.content):
                continue
            found = [c for c in given.configs if c.leaf == leaf.where]
            documents = [c.document for c in found if c.perhaps and not c.template]
            if not found:
                documents = [document.read(leaf.where, decoded(leaf.where, leaf.content), Room())]
            for each in documents:
                if each.meant is None:
                    return None
                meant.update(each.meant)
    except PolicyRefused:
        return None
    return meant


def lost(data: bytes | UserData, merged: object, taken: bool) -> list[Problem]:
    """What is wrong with user-data that was meant to carry a policy, as far as cloud-init does not tell: keys that
    stand twice, which its merge has lost, and a policy that it never saw. `merged`: what it has under our key; `taken`:
    it has one from somewhere."""
    try:
        given = unpack(data)
    except PolicyRefused as refused:  # it cannot even be unpacked
        return [] if taken else list(refused.problems)
    broken = [config for config in given.plain if not config.has_key and config.document.problems]
    if found := [config for config in given.plain if config.has_key]:
        problems = [p for config in found for p in config.document.problems]
        meant = [leaf.where for leaf in given.leaves if _PERHAPS.search(leaf.content)]
        problems += [p for config in broken if config.leaf in meant for p in config.document.problems]
        if problems or any(_off(config.document.value) for config in found):
            return first_of(problems)
        if not taken:
            return [_UNTAKEN]
        if _nothing_else_counts(given):
            if not any(_reflected(config.document.value, merged) for config in found):
                return [_UNTAKEN]
            if _off(merged):
                return [_SWITCHED_OFF]
        return []
    key = _PERHAPS if broken else _MEANT
    if not any(key.search(leaf.content) and not is_program(leaf) for leaf in given.leaves):
        return []
    if taken and any(_TEMPLATE.search(leaf.content) for leaf in given.leaves):
        return []  # it may be from there, and what a template renders to is cloud-init's to say
    try:
        section(given)
    except PolicyRefused as refused:
        return list(refused.problems)
    return [_UNTAKEN]


def _nothing_else_counts(given: UserData) -> bool:
    """Can nothing but the parts that are read here have made the policy what it is: no template, no file from
    elsewhere, no rule of the user's for merging?"""
    texts = [given.unpacked, *(leaf.content for leaf in given.leaves)]
    return all(leaf.kind in KINDS for leaf in given.leaves) and not any(_ELSEWHERE.search(text) for text in texts)


def _off(value: object) -> bool:
    return isinstance(value, dict) and value.get("enabled") is False


def _reflected(value: object, merged: object) -> bool:
    """Is this, of the user-data, part of what cloud-init has made of all layers? Lists may have been joined."""
    if isinstance(value, dict) and isinstance(merged, dict):
        return all(key in merged and _reflected(below, merged[key]) for key, below in value.items())
    if isinstance(value, list) and isinstance(merged, list):
        return value == merged or set(map(_canonical, value)) <= set(map(_canonical, merged))
    return value == merged


def _canonical(value: object) -> str:
    if isinstance(value, dict):
        return repr(sorted(map(repr, value.items())))
    return value if isinstance(value, str) else repr(value)


_MEANT = re.compile(rb"(?m)^vps[_-]?fire?wall?s?[ \t]*:")
# In what is no YAML, where a key may stand; as in __init__.py, which imports nothing of ours.
_PERHAPS = re.compile(rb"(?im)^[ \t{-]*[\"']?vps[_-]?fire?wall?s?[\"']?[ \t\xa0\xc2]*:")
_TEMPLATE = re.compile(rb"(?i)## *template: *jinja")
_ELSEWHERE = re.compile(
    rb"(?im)^[ \t|>-]*(?:## *template|#include|#cloud-config-jsonp|#part-handler)|merge[_-](?:how|type)"
)
_UNTAKEN = Problem(KEY, "is in the user-data, and cloud-init has not taken it; its log says why")
_SWITCHED_OFF = Problem(
    f"{KEY}.enabled", "is false in the image or in vendor-data; write `enabled: true` for the policy in your user-data"
)


def unheard(data: bytes | UserData) -> list[Problem]:
    """Lists of modules in the user-data, which replace the image's, without ours: the policy would never be read."""
    deaf = [config.where for config in unpack(data).plain if config.document.deaf]
    return first_of([Problem(f"{where}: {document.MODULES}", _UNHEARD) for where in deaf])


_UNHEARD = f"replaces the list of the image, and {KEY} is not in it: the policy would never be read; leave it out"


def notes(data: bytes | UserData, merged: object) -> list[str]:
    """What an owner should know of how their user-data became `merged`: parts that carry the key and do not count,
    by cloud-init's merge or because they are not #cloud-config."""
    given = unpack(data)
    out = [f"{where} {_PASSED_BY}" for where in _strays(given)[:MAX_NOTES]]
    found = [(where, value) for where, value, _ in sections(given)]
    if len(found) > 1:
        taken = next((where for where, value in reversed(found) if value == merged), "")
        how = f"what counts is {taken}" if taken else "cloud-init merged them"
        names = [where for where, _ in found]
        names[2:-2] = [f"{len(names) - 4} more"] if len(names) > 5 else names[2:-2]
        out.append(f"{' and '.join(names)} carry {KEY}:, and {how}")
    return out


_PASSED_BY = f"has a line {KEY}: and is not #cloud-config: cloud-init passes it by; its first line must say so"


def _strays(given: UserData) -> list[str]:
    """Where the key stands in a part that cloud-init does not read as configuration, nor runs."""
    key = re.compile(rb"(?m)^" + KEY.encode() + rb"[ \t]*:")
    known = {config.leaf for config in given.configs}
    leaves = [leaf for leaf in given.leaves if leaf.where not in known]
    return [leaf.where for leaf in leaves if key.search(leaf.content) and not is_program(leaf)]

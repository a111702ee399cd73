"""Text of a YAML document -> what stands in it for us, and what YAML reads in it that nobody meant."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import yaml

from ..errors import PolicyRefused, Problem
from .bounds import MAX_PROBLEMS
from .compose import TYPED, Composed, Link, Loader, Room, compose, construct, events, is_scalar, walk
from .messages import child_path, quoted, refusal
from .model import KEY
from .yaml_errors import refusing

MODULES = "cloud_init_modules"
ABSENT = object()  # the value of our key where it is not there


@dataclass(frozen=True)
class Document:
    """What one #cloud-config text has for us: the value of our key, and what is wrong with it.

    `deaf`: it has a list of modules, and ours is not in it. `misread`: where YAML reads a text as something else, which
    is among the problems. `meant`: what it says under our key, or one that is nearly ours, with null for what stands
    twice; None where nobody can tell.
    """

    value: object = ABSENT
    problems: tuple[Problem, ...] = ()
    deaf: bool = False
    misread: tuple[str, ...] = ()
    meant: Mapping[str, object] | None = None


def read(where: str, text: str, room: Room) -> Document:
    """The text of a part -> what it has for us. What is wrong with it is told there, and not raised."""
    try:
        with refusing(where, text):
            return _document(where, compose(where, text, room, lambda key: key == MODULES or _is_nearly(key)))
    except PolicyRefused as refused:
        return Document(problems=refused.problems)


def _is_nearly(key: str) -> bool:
    return len(key) < 2 * len(KEY) and bool(_NEARLY.fullmatch(key))


_NEARLY = re.compile(r"(?i)vps[_-]?fire?wall?s?")


def archive(where: str, text: str, room: Room) -> object:
    """#cloud-config-archive -> what it holds, a list if it is a good one. Raises PolicyRefused."""
    with refusing(where, text):
        made = compose(where, text, room, None)
        return construct(where, made.root, made.weights.get(id(made.root), 1))


def _document(where: str, made: Composed) -> Document:
    """Duplicate keys are looked for in the section alone; the rest of the user-data is not ours to judge."""
    if not isinstance(made.root, yaml.MappingNode):
        return Document()
    pairs = [(key.value, value) for key, value in made.root.value]
    deaf = any(KEY not in set(_words(value)) for key, value in pairs if key == MODULES)
    nearly = [(key, value) for key, value in pairs if key != MODULES]
    values = [value for key, value in nearly if key == KEY]
    node = values[-1] if values else nearly[0][1] if nearly else None
    value = construct(KEY, node, made.weights[id(node)]) if nearly else ABSENT
    duplicates, misread, ways = _surprises(node) if nearly else ([], [], set())
    meant = {} if not nearly else _meant(value, ways) if len(nearly) == 1 else None
    if not values:
        near = difflib.get_close_matches(KEY, [*(key for key, _ in nearly), *made.names], 1, 0.85)
        problems = [Problem(where, f"{quoted(near[0])} is not a key of ours; write {KEY}")] if near else []
        return Document(problems=tuple(problems), deaf=deaf, meant=meant)
    twice = [Problem(KEY, _DUPLICATE)] * (len(values) > 1)
    paths = tuple(problem.path for problem in misread)
    return Document(value, (*twice, *duplicates, *misread), deaf, paths, meant)


def _meant(value: object, ways: Iterable[tuple[Any, ...]]) -> Mapping[str, object] | None:
    """A section with null for what stands twice in it; None where it is no section."""
    if not isinstance(value, dict):
        return None
    meant = dict(value)
    for key, *inner in ways:
        named = meant.get(key)
        meant[key] = {**named, inner[0]: None} if key == "lists" and inner and isinstance(named, dict) else None
    return meant


def _way(link: Link) -> list[Any]:
    """The keys and numbers that lead to a node."""
    keys = []
    while link:
        link, key = link
        keys.append(key)
    return keys[::-1]


def _path(link: Link) -> str:
    path = KEY
    for key in _way(link):
        path = f"{path}[{key}]" if isinstance(key, int) else child_path(path, key)
    return path


_DUPLICATE = "is a duplicate key; write it once"


def _surprises(root: Any) -> tuple[list[Problem], list[Problem], set[tuple[Any, ...]]]:
    """What YAML reads as something that nobody means. -> keys that stand twice, of which the last counts; texts with
    colons that are no texts to it; the first two keys of the way to each that stands twice"""
    duplicates: list[Problem] = []
    misread: list[Problem] = []
    ways: set[tuple[Any, ...]] = set()
    more = 0
    for link, node in walk(root):
        twice: list[str] = []
        if isinstance(node, yaml.MappingNode):
            counted = Counter(key.value for key, _ in node.value if is_scalar(key))
            twice = [name for name, times in counted.items() if name and times > 1]
            above = _way(link) if twice else []
            ways.update((*above, name)[:2] for name in twice)
        text = _misread(node)
        room = MAX_PROBLEMS - len(duplicates) - len(misread)
        duplicates += [Problem(_path((link, name)), _DUPLICATE) for name in twice[:room]]
        misread += [Problem(_path(link), _read_as(node, text))] if text and room > len(twice) else []
        more += max(len(twice) + bool(text) - room, 0)
    if more:
        duplicates.append(Problem(KEY, f"and {more:,} more that stand twice, or are not what they look like"))
    return duplicates, misread, ways


_COLONS = re.compile(r"[0-9A-Fa-f:.]{1,60}")


def _misread(node: Any) -> str:
    """The text with colons that stands in a node's place, '' where YAML leaves it a text."""
    if is_scalar(node):
        return node.value if node.tag in TYPED[:2] and ":" in node.value and not node.style else ""
    if isinstance(node, yaml.MappingNode) and len(node.value) == 1:
        ((key, value),) = node.value
        text = f"{key.value}:" if is_scalar(key) and not key.style and is_scalar(value) and not value.value else ""
        return text if _COLONS.fullmatch(text) and text.count(":") > 1 else ""
    return ""


def _read_as(node: Any, text: str) -> str:
    if isinstance(node, yaml.MappingNode):
        return f"YAML reads {quoted(text)} as a mapping, for the colon at its end; quote it: '{text}'"
    try:
        number = f"the number {Loader('').construct_object(node)}"
    except ValueError:  # of a tag that it does not have by itself
        number = "a number"
    ports = re.fullmatch(r"(\d+):(\d+)", text)
    more = f"; a range of ports is written {ports[1]}-{ports[2]}/tcp" if ports else ""
    return f"YAML reads {text} as {number}, to the base of sixty; quote it: '{text}'{more}"


def _words(root: Any) -> Iterator[str]:
    for _, node in walk(root):
        if is_scalar(node):
            yield node.value.replace("-", "_")


def cut(where: str, text: str) -> tuple[str, str]:
    """#cloud-config with the key -> the text before and after it, which together are the same without it. Raises
    PolicyRefused where it cannot be cut out."""
    with refusing(where, text):
        nodes, flow, end = _beneath_the_root(text)
        keys, values = nodes[::2], nodes[1::2]
        at = next(n for n, (key, _, _) in enumerate(keys) if key == KEY)
        begin = keys[at][1]
        if at + 1 < len(keys):
            end = keys[at + 1][1]
        elif flow:  # the comma before it goes with it
            begin, end = values[at - 1][2] if at else begin, values[at][2]
        before, after = text[:begin], text[end:]
        pairs = zip_longest(_meanings(before + after), _meanings(text, KEY))
        if (len(keys) > 1 or flow) and any(left != whole for left, whole in pairs):
            raise refusal(where, f"{KEY}: cannot be cut out of it; put it into a part of its own")
    return before, after


def _index(mark: Any) -> int:
    return int(mark.index)


def _beneath_the_root(text: str) -> tuple[list[tuple[str, int, int]], bool, int]:
    """-> keys and values of the root in turns, each with its text and where it begins and ends; is the root written in
    braces; where it ends"""
    nodes: list[tuple[str, int, int]] = []
    depth, flow, end = 0, False, len(text)
    for event in events(text):
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
            if depth == 1:
                nodes[-1] = (*nodes[-1][:2], _index(event.end_mark))
            elif depth == 0:
                end = _index(event.end_mark)
        elif isinstance(event, yaml.NodeEvent):
            if depth == 1:
                nodes.append((getattr(event, "value", ""), _index(event.start_mark), _index(event.end_mark)))
            if isinstance(event, yaml.CollectionStartEvent):
                flow = flow or (depth == 0 and bool(event.flow_style))
                depth += 1
    return nodes, flow, end


def _meanings(text: str, without: str = "") -> Iterator[tuple[object, ...]]:
    """What each event says, but for how it is written and where; `without`: a key of the root that is left out."""
    depth, count, left_out = 0, 0, False
    anchors: set[object] = set()
    for event in events(text):
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth == 1 and isinstance(event, yaml.NodeEvent):
            count += 1
            if count % 2:
                left_out = bool(without) and getattr(event, "value", None) == without
        anchor = getattr(event, "anchor", None)
        known = anchor in anchors  # an alias may name what stands in the key that is left out
        anchors.add(anchor)
        if not (left_out and depth) and isinstance(event, (yaml.NodeEvent, yaml.CollectionEndEvent)):
            yield type(event), anchor, known, *(getattr(event, name, None) for name in ("tag", "value", "implicit"))
        depth += isinstance(event, yaml.CollectionStartEvent)

"""Text of a YAML document -> nodes of what is asked for, counted while they are composed.

User-data of 64 KiB may unpack to eight MiB of anything. So nodes are made of the value of our key alone, and of what
has an anchor, which that value may name; the rest is heard and forgotten. Everything is counted on the way, and the
first value too many ends it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from .bounds import LONG, MAX_SUGGESTIONS, MAX_VALUES, TOO_MANY
from .messages import quoted, refusal
from .model import KEY
from .yaml_errors import MAX_DEPTH, TOO_DEEP, marked

MAX_DIRECTIVES = 100  # lines that begin with %: libyaml compares each %TAG with every one before it
MAX_NUMBER = 200  # characters of a number or a date: Python's conversions take the square of their length
FAST = hasattr(yaml, "CSafeLoader")  # libyaml's: twenty times as fast, and not everywhere
Loader: Any = yaml.CSafeLoader if FAST else yaml.SafeLoader
ENDLESS = float("inf")


@dataclass
class Room:
    """What is left of the bytes that YAML is asked to read, and of the values that it may find there, for all parts of
    one user-data together."""

    bytes: int = 0
    values: int = MAX_VALUES


@dataclass
class Composed:
    """The root node; of a mapping, only the pairs that were asked for. `names`: other keys of it that look like ours;
    `weights`: by the id of a node, how many values it holds once its aliases are expanded."""

    root: Any = None
    names: list[str] = field(default_factory=list)
    weights: dict[int, float] = field(default_factory=dict)


@dataclass
class _Open:
    """A collection that has begun and not ended. `node`: None where nobody wants it, nor names it by an alias; `key`:
    of a mapping, the one that waits for its value."""

    node: Any
    wanted: bool
    anchor: str | None
    weight: float = 1
    key: Any = None


_UNWANTED = object()  # the key of a pair that nobody asked for
_STR = "tag:yaml.org,2002:str"
_NUMERIC = re.compile(r"[-+0-9][-+.:_0-9a-fA-FxTtZz \t]*")
TYPED = tuple(f"tag:yaml.org,2002:{name}" for name in ("int", "float", "timestamp"))


class _Composer:
    """Events -> nodes, without recursion. `wanted`: is the value of this key of the root? None for all of it."""

    def __init__(self, where: str, room: Room, wanted: Callable[[str], bool] | None) -> None:
        self.where = where
        self.room = room
        self.wanted = wanted
        self.resolve = Loader("").resolve
        self.made = Composed()
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Any, float]] = {}  # endless while the node itself is open
        self.documents = 0

    def hear(self, event: Any) -> None:
        if isinstance(event, yaml.CollectionEndEvent):
            self.end()
        elif isinstance(event, yaml.NodeEvent):
            self.room.values -= 1
            if self.room.values < 0:
                raise refusal(self.where, f"holds more than {MAX_VALUES:,} values; put long lists in files")
            if isinstance(event, yaml.AliasEvent):
                self.alias(event)
            elif event.anchor in self.anchors:
                raise marked(
                    f"{quoted(event.anchor)} is the anchor of another value already; give it another name", event
                )
            elif isinstance(event, yaml.ScalarEvent):
                self.scalar(event)
            else:
                self.begin(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise marked(_DOCUMENT, event)

    def is_wanted(self, text: str | None) -> bool:
        """Does a node that begins here, a scalar of this text, become part of what is asked for?"""
        if not self.stack:
            return True
        top = self.stack[-1]
        if self.wanted is None or len(self.stack) > 1:
            return top.node is not None
        if top.key is not None:
            return top.key is not _UNWANTED
        if text is None or self.wanted(text):
            return text is not None
        if len(text) < 2 * len(KEY) and len(self.made.names) < MAX_SUGGESTIONS and text[:1].lower() == KEY[0]:
            self.made.names.append(text)
        return False

    def alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            raise _unknown_alias(event)
        node, weight = self.anchors[event.anchor]
        self.put(node if self.is_wanted(getattr(node, "value", "") if is_scalar(node) else None) else None, weight)

    def scalar(self, event: Any) -> None:
        value, tag = event.value, event.tag
        wanted = self.is_wanted(value)
        if not (wanted or event.anchor):
            self.put(None, 0)
            return
        if len(value) > MAX_NUMBER and (tag in TYPED or (event.implicit[0] and _NUMERIC.fullmatch(value))):
            raise marked(_NUMBER, event)
        if tag is None or tag == "!":
            long = len(value) > MAX_NUMBER  # and no number: what YAML matches it with takes memory by its length
            tag = _STR if long else self.resolve(yaml.ScalarNode, value, event.implicit)
        mark = None if tag == _STR else event.start_mark  # the largest part of a node, and nothing is wrong with texts
        node = yaml.ScalarNode(tag, value, mark, None, style=event.style)
        weight = 1 if self.wanted is None else 1 + len(value) // LONG
        if event.anchor:
            self.anchors[event.anchor] = node, weight
        self.put(node if wanted else None, weight)

    def begin(self, event: Any) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise refusal(self.where, TOO_DEEP)
        mapping = isinstance(event, yaml.MappingStartEvent)
        wanted = self.is_wanted(None) and (mapping or bool(self.stack) or self.wanted is None)
        node = None
        if wanted or event.anchor:
            kind: Any = yaml.MappingNode if mapping else yaml.SequenceNode
            tag = event.tag if event.tag not in (None, "!") else self.resolve(kind, None, event.implicit)
            node = kind(tag, [], event.start_mark, None, flow_style=event.flow_style)
        if event.anchor:
            self.anchors[event.anchor] = node, ENDLESS
        self.stack.append(_Open(node, wanted, event.anchor))

    def end(self) -> None:
        ended = self.stack.pop()
        if ended.anchor:
            self.anchors[ended.anchor] = ended.node, ended.weight
        self.put(ended.node if ended.wanted else None, ended.weight)

    def put(self, node: Any, weight: float) -> None:
        """Give a whole node, or None for one that nobody wants, to the collection that it stands in."""
        if not self.stack:
            self.made.root, self.made.weights[id(node)] = node, weight
            return
        top = self.stack[-1]
        if top.node is None:
            return
        top.weight += weight
        if isinstance(top.node, yaml.SequenceNode):
            top.node.value.append(node)
        elif top.key is None:
            top.key = node or _UNWANTED
        else:
            if top.key is not _UNWANTED:
                top.node.value.append((top.key, node))
                if len(self.stack) == 1:
                    self.made.weights[id(node)] = weight
            top.key = None


def events(text: str) -> Iterator[Any]:
    return yaml.parse(text, Loader=Loader)


def compose(where: str, text: str, room: Room, wanted: Callable[[str], bool] | None) -> Composed:
    if len(re.findall(r"(?m)^%", text)) > MAX_DIRECTIVES:
        raise refusal(where, f"has more than {MAX_DIRECTIVES} lines that begin with %")
    composer = _Composer(where, room, wanted)
    for event in events(text):
        composer.hear(event)
    return composer.made


def construct(where: str, node: Any, weight: float) -> object:
    # Merge keys (<<) are expanded here, and can explode: nodes are weighed, not values.
    if weight == ENDLESS:
        raise refusal(where, "contains itself through a YAML alias")
    if weight > MAX_VALUES:
        raise refusal(where, TOO_MANY)
    try:
        return Loader("").construct_document(node) if node else None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        # Its constructors raise these for values that look like what they are not, such as a 30th of February.
        wrong = _culprit(node)
        kind = _KINDS.get(wrong.tag.rpartition(":")[2]) if is_scalar(wrong) else None
        what = (
            f"{quoted(wrong.value)} is not {kind}, which YAML takes it for"
            if kind
            else "a value is not what its tag says"
        )
        raise marked(f"{what}; quote it if it is a text", wrong) from None


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "timestamp": "a date",
    "bool": "true or false",
    "binary": "base64",
}


def _culprit(root: Any) -> Any:
    """The first node that cannot be made a value."""
    for _, node in walk(root):
        if is_scalar(node):
            try:
                Loader("").construct_document(node)
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
                return node
    return root


def _unknown_alias(event: Any) -> yaml.MarkedYAMLError:
    return marked(
        f"*{quoted(event.anchor)} stands for the value marked &{quoted(event.anchor)}, and none before it is", event
    )


_DOCUMENT = "a second document begins; user-data is one, so take the --- out"
_NUMBER = f"a number or a date of more than {MAX_NUMBER} characters; quote it if it is a text"


Link = Any  # the way to a node: (the link above it, its key or its number), None for the root


def is_scalar(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode)


def walk(root: Any) -> Iterator[tuple[Link, Any]]:
    """Every node once, in the order of the text, with the way to it. No path is put into words: a hundred levels of
    long keys above a long list would be gigabytes."""
    seen: set[int] = set()
    stack: list[Iterator[tuple[Link, Any]]] = [iter([(None, root)])]
    while stack:
        link, node = next(stack[-1], (None, None))
        if node is None:
            stack.pop()
        elif id(node) not in seen:
            seen.add(id(node))
            yield link, node
            if not is_scalar(node):
                stack.append(_children(link, node))


def _children(link: Link, node: Any) -> Iterator[tuple[Link, Any]]:
    if isinstance(node, yaml.SequenceNode):
        return (((link, number), child) for number, child in enumerate(node.value))
    return (((link, key.value if is_scalar(key) else ""), child) for key, child in node.value)

"""text of a YAML document -> what stands in it for us: composed once, and counted while it is composed.

User-data of 64 KiB may unpack to eight MiB of anything. So nodes are made of the value of our key alone, and of what
has an anchor, which that value may name; the rest is heard and forgotten. Everything is counted on the way, and the
first value too many ends it.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import yaml

from .errors import PolicyRefused, Problem
from .policy import KEY, LONG, MAX_PROBLEMS, MAX_SUGGESTIONS, MAX_VALUES, TOO_MANY, show, under

MAX_DEPTH = 100  # collections within collections
MAX_DIRECTIVES = 100  # lines that begin with %: libyaml compares each %TAG with every one before it
MAX_NUMBER = 200  # characters of a number or a date: Python's conversions take the square of their length
MODULES = "cloud_init_modules"

FAST = hasattr(yaml, "CSafeLoader")  # libyaml's: twenty times as fast, and not everywhere
Loader: Any = yaml.CSafeLoader if FAST else yaml.SafeLoader

ABSENT = object()  # the value of our key where it is not there
ENDLESS = float("inf")


@dataclass
class Room:
    """What is left of the bytes that YAML is asked to read, and of the values that it may find there, for all parts of
    one user-data together."""

    bytes: int = 0
    values: int = MAX_VALUES


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
            return _document(where, _compose(where, text, room, lambda key: key == MODULES or _is_nearly(key)))
    except PolicyRefused as refused:
        return Document(problems=refused.problems)


def _is_nearly(key: str) -> bool:
    return len(key) < 2 * len(KEY) and bool(_NEARLY.fullmatch(key))


_NEARLY = re.compile(r"(?i)vps[_-]?fire?wall?s?")


def archive(where: str, text: str, room: Room) -> object:
    """#cloud-config-archive -> what it holds, a list if it is a good one. Raises PolicyRefused."""
    with refusing(where, text):
        made = _compose(where, text, room, None)
        return _construct(where, made.root, made.weights.get(id(made.root), 1))


def _document(where: str, made: _Composed) -> Document:
    """Duplicate keys are looked for in the section alone; the rest of the user-data is not ours to judge."""
    if not isinstance(made.root, yaml.MappingNode):
        return Document()
    pairs = [(key.value, value) for key, value in made.root.value]
    deaf = any(KEY not in set(_words(value)) for key, value in pairs if key == MODULES)
    nearly = [(key, value) for key, value in pairs if key != MODULES]
    values = [value for key, value in nearly if key == KEY]
    node = values[-1] if values else nearly[0][1] if nearly else None
    value = _construct(KEY, node, made.weights[id(node)]) if nearly else ABSENT
    duplicates, misread, ways = _surprises(node) if nearly else ([], [], set())
    meant = {} if not nearly else _meant(value, ways) if len(nearly) == 1 else None
    if not values:
        near = difflib.get_close_matches(KEY, [*(key for key, _ in nearly), *made.names], 1, 0.85)
        told = [Problem(where, f"{show(near[0])} is not a key of ours; write {KEY}")] if near else []
        return Document(problems=tuple(told), deaf=deaf, meant=meant)
    twice = [Problem(KEY, _TWICE)] * (len(values) > 1)
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


# --- composing --------------------------------------------------------------------------------------------


@dataclass
class _Composed:
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
_TYPED = tuple(f"tag:yaml.org,2002:{name}" for name in ("int", "float", "timestamp"))


class _Composer:
    """Events -> nodes, without recursion. `wanted`: is the value of this key of the root? None for all of it."""

    def __init__(self, where: str, room: Room, wanted: Callable[[str], bool] | None) -> None:
        self.where = where
        self.room = room
        self.wanted = wanted
        self.resolve = Loader("").resolve
        self.made = _Composed()
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Any, float]] = {}  # endless while the node itself is open
        self.documents = 0

    def hear(self, event: Any) -> None:
        if isinstance(event, yaml.CollectionEndEvent):
            self.end()
        elif isinstance(event, yaml.NodeEvent):
            self.room.values -= 1
            if self.room.values < 0:
                raise _refused(self.where, f"holds more than {MAX_VALUES:,} values; put long lists in files")
            if isinstance(event, yaml.AliasEvent):
                self.alias(event)
            elif event.anchor in self.anchors:
                raise _marked(
                    f"{show(event.anchor)} is the anchor of another value already; give it another name", event
                )
            elif isinstance(event, yaml.ScalarEvent):
                self.scalar(event)
            else:
                self.begin(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise _marked(_DOCUMENT, event)

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
        self.put(node if self.is_wanted(getattr(node, "value", "") if _is_scalar(node) else None) else None, weight)

    def scalar(self, event: Any) -> None:
        value, tag = event.value, event.tag
        wanted = self.is_wanted(value)
        if not (wanted or event.anchor):
            self.put(None, 0)
            return
        if len(value) > MAX_NUMBER and (tag in _TYPED or (event.implicit[0] and _NUMERIC.fullmatch(value))):
            raise _marked(_NUMBER, event)
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
            raise _refused(self.where, _TOO_DEEP)
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


def _events(text: str) -> Iterator[Any]:
    return yaml.parse(text, Loader=Loader)


def _compose(where: str, text: str, room: Room, wanted: Callable[[str], bool] | None) -> _Composed:
    if len(re.findall(r"(?m)^%", text)) > MAX_DIRECTIVES:
        raise _refused(where, f"has more than {MAX_DIRECTIVES} lines that begin with %")
    composer = _Composer(where, room, wanted)
    for event in _events(text):
        composer.hear(event)
    return composer.made


def _construct(where: str, node: Any, weight: float) -> object:
    # Merge keys (<<) are expanded here, and can explode: nodes are weighed, not values.
    if weight == ENDLESS:
        raise _refused(where, "contains itself through a YAML alias")
    if weight > MAX_VALUES:
        raise _refused(where, TOO_MANY)
    try:
        return Loader("").construct_document(node) if node else None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        # Its constructors raise these for values that look like what they are not, such as a 30th of February.
        wrong = _culprit(node)
        kind = _KINDS.get(wrong.tag.rpartition(":")[2]) if _is_scalar(wrong) else None
        what = (
            f"{show(wrong.value)} is not {kind}, which YAML takes it for"
            if kind
            else "a value is not what its tag says"
        )
        raise _marked(f"{what}; quote it if it is a text", wrong) from None


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "timestamp": "a date",
    "bool": "true or false",
    "binary": "base64",
}


def _culprit(root: Any) -> Any:
    """The first node that cannot be made a value."""
    for _, node in _walk(root):
        if _is_scalar(node):
            try:
                Loader("").construct_document(node)
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
                return node
    return root


# --- looking at nodes -------------------------------------------------------------------------------------

_Link = Any  # the way to a node: (the link above it, its key or its number), None for the root


def _is_scalar(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode)


def _walk(root: Any) -> Iterator[tuple[_Link, Any]]:
    """Every node once, in the order of the text, with the way to it. No path is put into words: a hundred levels of
    long keys above a long list would be gigabytes."""
    seen: set[int] = set()
    stack: list[Iterator[tuple[_Link, Any]]] = [iter([(None, root)])]
    while stack:
        link, node = next(stack[-1], (None, None))
        if node is None:
            stack.pop()
        elif id(node) not in seen:
            seen.add(id(node))
            yield link, node
            if not _is_scalar(node):
                stack.append(_children(link, node))


def _children(link: _Link, node: Any) -> Iterator[tuple[_Link, Any]]:
    if isinstance(node, yaml.SequenceNode):
        return (((link, number), child) for number, child in enumerate(node.value))
    return (((link, key.value if _is_scalar(key) else ""), child) for key, child in node.value)


def _way(link: _Link) -> list[Any]:
    """The keys and numbers that lead to a node."""
    keys = []
    while link:
        link, key = link
        keys.append(key)
    return keys[::-1]


def _path(link: _Link) -> str:
    path = KEY
    for key in _way(link):
        path = f"{path}[{key}]" if isinstance(key, int) else under(path, key)
    return path


_TWICE = "stands twice in one mapping; write it once"


def _surprises(root: Any) -> tuple[list[Problem], list[Problem], set[tuple[Any, ...]]]:
    """What YAML reads as something that nobody means. -> keys that stand twice, of which the last counts; texts with
    colons that are no texts to it; the first two keys of the way to each that stands twice"""
    duplicates: list[Problem] = []
    misread: list[Problem] = []
    ways: set[tuple[Any, ...]] = set()
    more = 0
    for link, node in _walk(root):
        twice: list[str] = []
        if isinstance(node, yaml.MappingNode):
            counted = Counter(key.value for key, _ in node.value if _is_scalar(key))
            twice = [name for name, times in counted.items() if name and times > 1]
            above = _way(link) if twice else []
            ways.update((*above, name)[:2] for name in twice)
        text = _misread(node)
        room = MAX_PROBLEMS - len(duplicates) - len(misread)
        duplicates += [Problem(_path((link, name)), _TWICE) for name in twice[:room]]
        misread += [Problem(_path(link), _read_as(node, text))] if text and room > len(twice) else []
        more += max(len(twice) + bool(text) - room, 0)
    if more:
        duplicates.append(Problem(KEY, f"and {more:,} more that stand twice, or are not what they look like"))
    return duplicates, misread, ways


_COLONS = re.compile(r"[0-9A-Fa-f:.]{1,60}")


def _misread(node: Any) -> str:
    """The text with colons that stands in a node's place, '' where YAML leaves it a text."""
    if _is_scalar(node):
        return node.value if node.tag in _TYPED[:2] and ":" in node.value and not node.style else ""
    if isinstance(node, yaml.MappingNode) and len(node.value) == 1:
        ((key, value),) = node.value
        text = f"{key.value}:" if _is_scalar(key) and not key.style and _is_scalar(value) and not value.value else ""
        return text if _COLONS.fullmatch(text) and text.count(":") > 1 else ""
    return ""


def _read_as(node: Any, text: str) -> str:
    if isinstance(node, yaml.MappingNode):
        return f"YAML reads {show(text)} as a mapping, for the colon at its end; quote it: '{text}'"
    try:
        number = f"the number {Loader('').construct_object(node)}"
    except ValueError:  # of a tag that it does not have by itself
        number = "a number"
    ports = re.fullmatch(r"(\d+):(\d+)", text)
    more = f"; a range of ports is written {ports[1]}-{ports[2]}/tcp" if ports else ""
    return f"YAML reads {text} as {number}, to the base of sixty; quote it: '{text}'{more}"


def _words(root: Any) -> Iterator[str]:
    for _, node in _walk(root):
        if _is_scalar(node):
            yield node.value.replace("-", "_")


# --- what is wrong, in words ------------------------------------------------------------------------------


def _refused(where: str, message: str) -> PolicyRefused:
    return PolicyRefused([Problem(where, message)])


def _marked(message: str, at: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(None, None, message, at.start_mark)


def _unknown_alias(event: Any) -> yaml.MarkedYAMLError:
    return _marked(
        f"*{show(event.anchor)} stands for the value marked &{show(event.anchor)}, and none before it is", event
    )


_TOO_DEEP = f"is nested deeper than {MAX_DEPTH} levels"
_DOCUMENT = "a second document begins; user-data is one, so take the --- out"
_NUMBER = f"a number or a date of more than {MAX_NUMBER} characters; quote it if it is a text"
_NOT_ITS_TAG = "a value that is not what its tag says"
_NO_COLON = "a colon is missing after the key that began in line {began}"
_NOT_IN_LINE = "does not line up with what stands above it; look at the spaces that these lines begin with"

# What libyaml and PyYAML's own parser say of the same mistake -> what to do about it.
_SAID = (
    ("mapping values are not allowed", "a second `: ` in one line; begin a new line, or quote the text"),
    ("',' or ']'", "a comma or ] is missing in the list that began in line {began}"),
    ("',' or '}'", "a comma or } is missing in the mapping that began in line {began}"),
    ("expected key|<block end>|expected '-'|<document start>", _NOT_IN_LINE),
    ("end of stream|document separator", "the quotation mark of line {began} is not closed"),
    ("escape", "YAML knows no such escape; write two backslashes, or use single quotes"),
    ("expected ':'", _NO_COLON),
    ("unexpected ':'", "a colon that YAML does not expect; quote the text"),
    ("node content", "a value is missing here, or begins with a character of YAML's own; quote it"),
    ("sequence entries are not allowed", "a list cannot begin here; give its first `- ` a line of its own"),
    ("undefined tag handle", "a tag that nothing declares; take it out, or quote the text if it begins with !"),
    ("alphabetic or numeric", "an anchor or an alias without a name; quote the text if it begins with & or *"),
    ("unhashable", "a list or a mapping cannot be a key"),
    ("for merging", "<< takes a mapping, or a list of mappings"),
    ("expected whitespace or line break", "a tag that no space ends; quote the text if it begins with !"),
)


@contextmanager
def refusing(where: str, text: str) -> Iterator[None]:
    """Whatever PyYAML raises -> PolicyRefused, with line and column."""
    try:
        yield
    except yaml.reader.ReaderError:
        odd = yaml.reader.Reader.NON_PRINTABLE.search(text)
        before = text[: odd.start()] if odd else ""
        at = _place(before.count("\n"), len(before) - before.rfind("\n") - 1)
        what = f"{show(odd[0])} is not" if odd else "something here is not"
        raise _refused(where, f"{at}{what} a character that YAML takes") from None
    except yaml.MarkedYAMLError as error:
        if "nesting depth" in str(error.problem):  # libyaml from 0.2.6 on reads ahead, and has a limit of its own
            raise _refused(where, _TOO_DEEP) from None
        mark = error.problem_mark or error.context_mark
        at = _place(mark.line, mark.column) if mark else ""
        raise _refused(where, at + _in_words(error, text)) from None
    except (yaml.YAMLError, RecursionError):
        raise _refused(where, "is no YAML that could be read") from None


def _place(line: int, column: int) -> str:
    return f"line {line + 1}, column {column + 1}: "


def _in_words(error: yaml.MarkedYAMLError, text: str) -> str:
    said = str(error.problem)
    marks: list[Any] = [mark for mark in (error.problem_mark, error.context_mark) if mark]
    index = marks[0].index if marks else len(text)
    word, character = _word(text, index), text[index : index + 1]
    of_parser = isinstance(error, (yaml.scanner.ScannerError, yaml.parser.ParserError))
    if of_parser and re.fullmatch(r"[0-9A-Fa-f:.]+(/[0-9]+)?", word) and word.count(":") > 1:
        return f"{show(word)} has colons that YAML takes for its own; quote it: '{word}'"
    if tag := re.search("constructor for the tag '(.*)'", said):
        name = tag[1].replace("tag:yaml.org,2002:", "!!")
        return f"{show(name)} is a tag that YAML itself does not have; take it out, or quote the text"
    if "cannot start any token" in said and character == "\t":
        return "a tab, where YAML takes spaces alone"
    if "cannot start any token" in said:
        return f"a value cannot begin with {character}; quote it"
    words = next((words for pattern, words in _SAID if re.search(pattern, said)), "")
    if words is _NOT_IN_LINE:
        words = _misplaced(text, index)
    elif words is _NO_COLON and re.match("-[^ -]", text[marks[-1].index :]):
        words = "a space is missing after the dash of a list's item"
    elif not words:
        raised_by_constructor = isinstance(error, yaml.constructor.ConstructorError)
        words = _NOT_ITS_TAG if raised_by_constructor else ", ".join(filter(None, (error.context, error.problem)))
    return words.replace("{began}", str(marks[-1].line + 1) if marks else "?")


def _misplaced(text: str, index: int) -> str:
    """What stands where YAML expects a key: at the beginning of a line, or after a whole value."""
    before = text[text.rfind("\n", 0, index) + 1 : index]
    if not before.strip():
        return _NOT_IN_LINE
    if text[index : index + 1] in ("]", "}"):
        return "a bracket that nothing opens"
    if before[-1] in "'\"":
        return "a text goes on after its quotation mark; write a mark inside it twice, or use the other kind around it"
    return "stands after a value that is whole; begin a new line, or quote the text"


def _word(text: str, index: int) -> str:
    """What stands at a mark, up to the next space, bracket, comma or quotation mark on either side."""
    before = re.search(r"[^\s\[\]{},\"']{0,60}$", text[max(index - 60, 0) : index])
    after = re.match(r"[^\s\[\]{},\"']{0,60}", text[index : index + 60])
    return (before[0] if before else "") + (after[0] if after else "")


# --- taking our key out -----------------------------------------------------------------------------------


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
            raise _refused(where, f"{KEY}: cannot be cut out of it; put it into a part of its own")
    return before, after


def _index(mark: Any) -> int:
    return int(mark.index)


def _beneath_the_root(text: str) -> tuple[list[tuple[str, int, int]], bool, int]:
    """-> keys and values of the root in turns, each with its text and where it begins and ends; is the root written in
    braces; where it ends"""
    nodes: list[tuple[str, int, int]] = []
    depth, flow, end = 0, False, len(text)
    for event in _events(text):
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
    for event in _events(text):
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

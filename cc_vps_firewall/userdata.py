"""bytes of user-data -> the value of its `vps_firewall:` key; path of a list file -> its text."""

from __future__ import annotations

import difflib
import email
import gzip
import io
import os
import re
import stat
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import yaml

from .errors import PolicyRefused, Problem
from .policy import KEY, parse, show, too_big, under

MAX_USER_DATA = 8 << 20  # bytes, unpacked; the largest that any provider takes is 256 KiB
MAX_LIST = 16 << 20  # bytes; half a million networks
MAX_DEPTH = 100  # collections within collections; the C composer has no limit of its own but the stack

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is five times as fast, and not everywhere


def read(path: str) -> bytes:
    """A user-data file, or standard input for '-'. Raises PolicyRefused with the reason."""
    try:
        data = sys.stdin.buffer.read(MAX_USER_DATA + 1) if path == "-" else read_file(path, MAX_USER_DATA)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _refused("user-data", f"{show(path)}: {reason}") from None
    return data


def read_list(path: str) -> str:
    """A list file's text. Raises OSError or ValueError with a reason for people."""
    try:
        return read_file(path, MAX_LIST).decode("utf-8-sig")  # a BOM is what Windows' editors begin with
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start:,})") from None


def section(data: bytes) -> object:
    """User-data -> the value of its `vps_firewall:` key. Of several parts that have one the last counts,
    as in cloud-init's own merge. Raises PolicyRefused with every problem that the YAML itself has, and when it
    has any, with those of the policy: nobody wants to be told twice."""
    found = list(_sections(data))
    values = [value for _, value, _ in found if value is not _ABSENT]
    problems = [p for _, _, told in found for p in told]
    if not found:
        problems = [Problem("user-data", "is not #cloud-config, and no part of it is; a first line must say so")]
    elif not values and not problems:
        problems = [Problem("user-data", f"has no {KEY}: key"), *(Problem(w, _PASSED_BY) for w in _strays(data))]
    if problems:
        raise PolicyRefused([*problems, *_refusals(values[-1] if values else {})])
    return values[-1]


def _refusals(value: object) -> tuple[Problem, ...]:
    try:
        parse(value, read_list=read_list)
    except PolicyRefused as refused:
        return refused.problems
    return ()


def sections(data: bytes) -> Iterator[tuple[str, object, list[Problem]]]:
    """(where, value, keys that stand twice in it) for each #cloud-config part that has a `vps_firewall:` key.

    What else is wrong with a part is cloud-init's to say, and so is what a jinja template renders to.
    """
    return (found for found in _sections(data, jinja=False) if found[1] is not _ABSENT)


@dataclass(frozen=True)
class Unread:
    """User-data whose policy cloud-init has not read, or not as it is written. `section`: that policy all the same, as
    far as it can be told, above what other layers say; null where nobody can tell."""

    problems: tuple[Problem, ...]
    section: object


def unread(data: bytes, merged: object, taken: bool) -> Unread | None:
    """What is wrong with user-data that cloud-init does not tell; None where nothing is. See lost()."""
    problems = lost(data, merged, taken)
    return Unread(tuple(problems), _as_meant(data, merged)) if problems else None


def _as_meant(data: bytes, merged: object) -> object:
    meant = dict(_pairs(merged))
    try:
        for where, content, kind in _leaves(data):
            texts = [] if _is_program(content, kind) or not _PERHAPS.search(content) else [(where, content, False)]
            for at, text, template in texts and (list(_texts(where, content, kind)) or texts):
                if not template and _PERHAPS.search(text):
                    meant.update(_told_part(at, _text(at, text)))
    except PolicyRefused:
        return None
    return meant


def _told_part(where: str, text: str) -> dict[str, object]:
    """What one part says under our key, or one that is nearly ours, with null for what stands twice. Raises
    PolicyRefused where nobody can tell."""
    with _told(where):
        root = _compose(where, text)
        found = [value for key, value in root.value if isinstance(key.value, str) and _NEARLY.fullmatch(key.value)]
        if not found:
            return {}
        (node,) = found
        value = _construct(KEY, node)
        if not isinstance(value, dict):
            raise ValueError("is no mapping")
        for key, *inner in set(_twice(node)):
            if key == "lists" and inner and isinstance(value[key], dict):
                value[key] = {**value[key], inner[0]: None}
            else:
                value[key] = None
        return value


def lost(data: bytes, merged: object, taken: bool) -> list[Problem]:
    """What is wrong with user-data that was meant to carry a policy, as far as cloud-init does not tell: keys that
    stand twice, which its merge has lost, and a policy that it never saw. `merged`: what it has under our key; `taken`:
    it has one from somewhere."""
    try:
        leaves = list(_leaves(data))
    except PolicyRefused as refused:  # it cannot even be unpacked
        return [] if taken else list(refused.problems)
    try:
        every = list(_sections(data, jinja=False))
    except PolicyRefused as refused:  # an archive that is none
        every = [("", _ABSENT, list(refused.problems))]
    broken = [(where, told) for where, value, told in every if value is _ABSENT and told]
    if found := [(value, told) for _, value, told in every if value is not _ABSENT]:
        problems = [p for _, told in found for p in told]
        meant = [leaf for leaf, text, _ in leaves if _PERHAPS.search(text)]
        problems += [p for where, told in broken if where.partition(" item ")[0] in meant for p in told]
        if problems or any(_off(value) for value, _ in found):
            return problems
        if not taken:
            return [_UNTAKEN]
        if _all_told(data, leaves):
            if not any(_reflected(value, merged) for value, _ in found):
                return [_UNTAKEN]
            if _off(merged):
                return [_SWITCHED_OFF]
        return []
    key = _PERHAPS if broken else _MEANT
    if not any(key.search(text) and not _is_program(text, kind) for _, text, kind in leaves):
        return []
    if taken and any(_TEMPLATE.search(text) for _, text, _ in leaves):
        return []  # it may be from there, and what a template renders to is cloud-init's to say
    try:
        section(data)
    except PolicyRefused as refused:
        return list(refused.problems)
    return [_UNTAKEN]


def _all_told(data: bytes, leaves: Iterable[tuple[str, bytes, str]]) -> bool:
    """Can nothing but the parts that are read here have made the policy what it is: no template, no file from
    elsewhere, no rule of the user's for merging?"""
    texts = [unzip("user-data", data), *(text for _, text, _ in leaves)]
    return all(kind in _KINDS for _, _, kind in leaves) and not any(_ELSEWHERE.search(text) for text in texts)


def _off(value: object) -> bool:
    return isinstance(value, dict) and value.get("enabled") is False


def _reflected(value: object, merged: object) -> bool:
    """Is this, of the user-data, part of what cloud-init has made of all layers? Lists may have been joined."""
    if isinstance(value, dict) and isinstance(merged, dict):
        return all(key in merged and _reflected(below, merged[key]) for key, below in value.items())
    if isinstance(value, list) and isinstance(merged, list):
        return all(item in merged for item in value)
    return value == merged


_MEANT = re.compile(rb"(?m)^vps[_-]?fire?wall?s?[ \t]*:")
# In what is no YAML, where a key may stand; as in __init__.py, which imports nothing of ours.
_PERHAPS = re.compile(rb"(?im)^[ \t{-]*[\"']?vps[_-]?fire?wall?s?[\"']?[ \t\xa0\xc2]*:")
_NEARLY = re.compile(r"(?i)vps[_-]?fire?wall?s?")
_TEMPLATE = re.compile(rb"(?i)## *template: *jinja")
_ELSEWHERE = re.compile(
    rb"(?im)^[ \t|>-]*(?:## *template|#include|#cloud-config-jsonp|#part-handler)|merge[_-](?:how|type)"
)
_UNTAKEN = Problem(KEY, "is in the user-data, and cloud-init has not taken it; its log says why")
_SWITCHED_OFF = Problem(
    f"{KEY}.enabled", "is false in the image or in vendor-data; write `enabled: true` for the policy in your user-data"
)


def _is_program(content: bytes, kind: str) -> bool:
    """A part that cloud-init runs may well write such a line into some file."""
    if kind not in _KINDS or kind in _PROGRAMS:
        return True
    if content.lstrip().lower().startswith(b"## template: jinja"):
        content = content.lstrip().partition(b"\n")[2]
    return content.lstrip().startswith((b"#!", b"#cloud-boothook", b"#part-handler"))


def unheard(data: bytes) -> list[Problem]:
    """Lists of modules in the user-data, which replace the image's, without ours: the policy would never be read."""
    found = []
    for where, text, template in _parts(data):
        with suppress(PolicyRefused):
            root = None if template else _compose(where, _text(where, text))
            for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
                if key.value == _MODULES and KEY not in set(_words(value)):
                    found.append(Problem(f"{where}: {_MODULES}", _UNHEARD))
    return found


_MODULES = "cloud_init_modules"
_UNHEARD = f"replaces the list of the image, and {KEY} is not in it: the policy would never be read; leave it out"


def _words(node: Any) -> Iterator[str]:
    if isinstance(node, yaml.ScalarNode):
        yield node.value.replace("-", "_")
    for below in _below(node) or ():
        yield from _words(below)


def notes(data: bytes, merged: object) -> list[str]:
    """What an owner should know of how their user-data became `merged`: parts that carry the key and do not count,
    by cloud-init's merge or because they are not #cloud-config."""
    out = [f"{where} {_PASSED_BY}" for where in _strays(data)]
    found = [(where, value) for where, value, _ in sections(data)]
    if len(found) > 1:
        taken = next((where for where, value in reversed(found) if value == merged), "")
        how = f"what counts is {taken}" if taken else "cloud-init merged them"
        out.append(f"{' and '.join(where for where, _ in found)} carry {KEY}:, and {how}")
    return out


_ABSENT = object()
_PASSED_BY = f"has a line {KEY}: and is not #cloud-config: cloud-init passes it by; its first line must say so"


def _strays(data: bytes) -> list[str]:
    """Where the key stands in a part that cloud-init does not read as configuration, nor runs."""
    key = re.compile(rb"(?m)^" + KEY.encode() + rb"[ \t]*:")
    return [
        where
        for where, content, kind in _leaves(data)
        if key.search(content) and not _is_program(content, kind) and not list(_texts(where, content, kind))
    ]


def _sections(data: bytes, jinja: bool = True) -> Iterator[tuple[str, object, list[Problem]]]:
    """(where, value or _ABSENT, problems) for each #cloud-config part."""
    read = 0
    for where, text, template in _parts(data):
        read += len(text)
        if read > MAX_USER_DATA:
            raise _refused("user-data", f"is larger than {MAX_USER_DATA:,} bytes")
        if template and not jinja:
            continue
        try:
            yield (where, *_section(where, _text(where, text)))
        except PolicyRefused as refused:
            hint = "; check what the jinja template renders to" if template else ""
            yield where, _ABSENT, [Problem(p.path, p.message + hint) for p in refused.problems]


# --- parts ------------------------------------------------------------------------------------------------

_JINJA = "text/jinja2"
_CONFIG = "text/cloud-config"
_ARCHIVE = "text/cloud-config-archive"
_HEADS = {
    b"## template: jinja": _JINJA,
    b"#cloud-config-archive": _ARCHIVE,
    b"#cloud-config-jsonp": "",
    b"#cloud-config": _CONFIG,
}
_BY_CONTENT = ("text/plain", "text/x-not-multipart", "text/x-shellscript")
_PROGRAMS = ("text/x-shellscript", "text/cloud-boothook")
# What is read here, or has nothing to do with configuration.
_KINDS = (*_BY_CONTENT, *_PROGRAMS, _CONFIG, _ARCHIVE, _JINJA)

_Part = tuple[str, bytes, bool]  # where it stands, its bytes, is it a jinja template?


def _parts(data: bytes) -> Iterator[_Part]:
    """The #cloud-config texts of user-data, told from the rest as cloud-init tells them (user_data.py there)."""
    for where, content, kind in _leaves(data):
        yield from _texts(where, content, kind)


def _leaves(data: bytes) -> Iterator[tuple[str, bytes, str]]:
    """(where, content, MIME type) for each part of user-data, whatever it is."""
    data = unzip("user-data", data)
    if b"mime-version:" not in data[:4096].lower():
        yield "user-data", data, _BY_CONTENT[0]
        return
    leaves = (part for part in email.message_from_bytes(data).walk() if not part.is_multipart())
    for number, part in enumerate(leaves, 1):
        where, kind = f"user-data part {number}", part.get_content_type()
        payload = part.get_payload(decode=True)
        content = payload if isinstance(payload, bytes) else b""
        if re.search("gzip|gunzip|compress", kind):
            content, kind = unzip(where, content), _BY_CONTENT[0]
        yield where, content, kind


def _texts(where: str, data: bytes, kind: str = _BY_CONTENT[0]) -> Iterator[_Part]:
    if kind in _BY_CONTENT:
        head = data[:4096].lstrip().lower()
        kind = next((kind for start, kind in _HEADS.items() if head.startswith(start)), "")
    if kind == _JINJA:
        rest = data.lstrip().partition(b"\n")[2]
        yield from ((at, text, True) for at, text, _ in _texts(where, rest))
    elif kind == _CONFIG:
        yield where, data, False
    elif kind == _ARCHIVE:
        items = archive(where, data)
        for number, item in enumerate(items if isinstance(items, list) else (), 1):
            entry = item if isinstance(item, dict) else {"content": item}
            content = entry.get("content")
            if isinstance(content, str):
                kind = str(
                    entry.get("type") or (_BY_CONTENT[0] if re.match(r"\s*(#[!cip]|## t)", content) else _CONFIG)
                )
                yield from _texts(f"{where} item {number}", content.encode("utf-8", "replace"), kind)


def archive(where: str, data: bytes) -> object:
    """#cloud-config-archive -> what it holds, a list if it is a good one. Raises PolicyRefused."""
    with _told(where):
        return _construct(where, _compose(where, _text(where, data)))


def unzip(where: str, data: bytes) -> bytes:
    """gzip is undone, as cloud-init does, and never to more than the limit."""
    try:
        if data[:2] == b"\x1f\x8b":
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MAX_USER_DATA + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise _refused(where, f"is not whole gzip data: {error}") from None
    if len(data) > MAX_USER_DATA:
        raise _refused(where, f"is larger than {MAX_USER_DATA:,} bytes")
    return data


def _text(where: str, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused(where, f"is not UTF-8 (byte {error.start:,})") from None


# --- YAML -------------------------------------------------------------------------------------------------


def _section(where: str, text: str) -> tuple[object, list[Problem]]:
    """Duplicate keys are looked for in the section alone; the rest of the user-data is not ours to judge."""
    with _told(where):
        node = _compose(where, text)
        if not isinstance(node, yaml.MappingNode):
            return _ABSENT, []
        keys = [k.value for k, _ in node.value if isinstance(k, yaml.ScalarNode)]
        values = [v for k, v in node.value if isinstance(k, yaml.ScalarNode) and k.value == KEY]
        if not values:
            near = difflib.get_close_matches(KEY, keys, 1, 0.85)
            return _ABSENT, [Problem(where, f"{show(near[0])} is not a key of ours; write {KEY}")] if near else []
        twice = [Problem(KEY, "stands twice in one mapping; write it once")] * (len(values) > 1)
        return _construct(KEY, values[-1]), [*twice, *_duplicates(values[-1])]


def cut(where: str, text: str) -> tuple[str, str]:
    """#cloud-config with the key -> the text before and after it, which together are the same without it. Raises
    PolicyRefused where it cannot be cut out."""
    with _told(where):
        root = _compose(where, text)
        whole = _construct(where, root)
        keys = [(key.value, key.start_mark.index) for key, _ in root.value]
        ends = [*(start for _, start in keys[1:]), root.end_mark.index]
        before, after = next((text[:a], text[b:]) for (key, a), b in zip(keys, ends) if key == KEY)
        if root.flow_style:
            before, after = "#cloud-config\n", yaml.safe_dump({k: v for k, v in _pairs(whole) if k != KEY})
        left = _construct(where, _compose(where, before + after))
        if dict(_pairs(left)) != {key: value for key, value in _pairs(whole) if key != KEY}:
            raise ValueError(f"{KEY}: cannot be cut out of it; put it into a part of its own")
    return before, after


def _pairs(value: object) -> Iterable[tuple[object, object]]:
    return value.items() if isinstance(value, dict) else ()


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Whatever PyYAML raises -> PolicyRefused."""
    try:
        yield
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f"line {mark.line + 1}, column {mark.column + 1}" if mark else f"character {getattr(error, 'position', 0)}"
        what = (getattr(error, name, None) for name in ("context", "problem", "reason"))
        raise _refused(where, f"{at}: {', '.join(filter(None, what))}") from None
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        # Its constructors raise these for values that look like what they are not, such as a 30th of February.
        why = f": {error}" if isinstance(error, ValueError) else ""
        raise _refused(where, f"has a value that is not what its YAML type says{why}") from None


def _compose(where: str, text: str) -> Any:
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise _refused(where, f"is nested deeper than {MAX_DEPTH} levels")
    except yaml.MarkedYAMLError as error:
        if "nesting depth" in str(error.problem):  # libyaml from 0.2.6 on reads ahead, and has a limit of its own
            raise _refused(where, f"is nested deeper than {MAX_DEPTH} levels") from None
        raise
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def _construct(where: str, node: Any) -> object:
    # Merge keys (<<) are expanded here, and can explode: nodes are weighed, not values.
    if reason := too_big(node, _below):
        raise _refused(where, reason)
    return _Loader("").construct_document(node) if node else None


def _below(node: Any) -> Iterable[object] | None:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else None


def _duplicates(root: Any) -> list[Problem]:
    problems = []
    for keys in _twice(root):
        path = KEY
        for key in keys:
            path = f"{path}[{key}]" if isinstance(key, int) else under(path, key)
        problems.append(Problem(path, "stands twice in one mapping; write it once"))
    return problems


def _twice(root: Any) -> Iterator[tuple[Any, ...]]:
    """The way to each key that stands more than once in its mapping: keys, and the numbers of items."""
    seen: set[int] = set()
    todo: list[tuple[tuple[Any, ...], Any]] = [((), root)]
    while todo:
        way, node = todo.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            todo += [((*way, n), child) for n, child in enumerate(node.value)][::-1]
        elif isinstance(node, yaml.MappingNode):
            names = [(key.value if isinstance(key.value, str) else "", child) for key, child in node.value]
            count = Counter(name for name, _ in names)
            yield from ((*way, name) for name in count if name and count[name] > 1)
            todo += [((*way, name), child) for name, child in names][::-1]


# --- files ------------------------------------------------------------------------------------------------


def read_file(path: str, limit: int, pause: Callable[[], object] = lambda: None) -> bytes:
    """A regular file, whole: opened once, never blocking on a pipe or a device, and not while it changes.

    It is read twice: two writes within one tick of the clock leave one time behind. `pause` comes between.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        kind = os.fstat(handle).st_mode
        if not stat.S_ISREG(kind):
            raise ValueError("is a directory, not a file" if stat.S_ISDIR(kind) else "is not a regular file")
        first = _whole(handle, limit)
        pause()
        if first != _whole(handle, limit):
            raise ValueError("changed while it was read; try again")
    finally:
        os.close(handle)
    return first


def _whole(handle: int, limit: int) -> bytes:
    pieces, size = [], 0
    while size <= limit and (piece := os.pread(handle, limit + 1 - size, size)):
        pieces.append(piece)
        size += len(piece)
    if size > limit:
        raise ValueError(f"is larger than {limit:,} bytes")
    return b"".join(pieces)


def _refused(where: str, message: str) -> PolicyRefused:
    return PolicyRefused([Problem(where, message)])

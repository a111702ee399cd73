"""bytes of user-data -> the value of its `vps_firewall:` key; path of a list file -> its text."""

from __future__ import annotations

import email
import os
import re
import stat
import sys
import zlib
from collections.abc import Iterator
from typing import Any

import yaml

from .errors import PolicyRefused, Problem
from .policy import KEY, show

MAX_USER_DATA = 8 << 20  # bytes; the largest that any provider takes is 256 KiB
MAX_LIST = 16 << 20  # bytes; half a million networks
MAX_DEPTH = 100  # brackets within brackets; the C parser has no limit of its own but the stack

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is five times as fast, and not everywhere


def read(path: str) -> bytes:
    """A user-data file, or standard input for '-'. Raises PolicyRefused with the reason."""
    try:
        data = sys.stdin.buffer.read(MAX_USER_DATA + 1) if path == "-" else _read_file(path, MAX_USER_DATA)
        if len(data) > MAX_USER_DATA:
            raise ValueError(f"is larger than {MAX_USER_DATA:,} bytes")
    except (OSError, ValueError) as error:
        raise PolicyRefused([Problem("user-data", f"{show(path)}: {_reason(error)}")]) from None
    return data


def read_list(path: str) -> str:
    """A list file's text. Raises OSError or ValueError with a reason for people."""
    try:
        return _read_file(path, MAX_LIST).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start:,})") from None


def section(data: bytes) -> object:
    """User-data -> the value of its `vps_firewall:` key. Of several parts that have one the last counts,
    as in cloud-init's own merge. Raises PolicyRefused with every problem that the YAML itself has."""
    found = list(sections(data))
    problems = [p for _, problems in found for p in problems]
    if not found:
        problems = [Problem("user-data", f"has no {KEY}: key in a #cloud-config part")]
    if problems:
        raise PolicyRefused(problems)
    return found[-1][0]


def sections(data: bytes) -> Iterator[tuple[object, list[Problem]]]:
    """(value, problems of its YAML) for each #cloud-config part that has a `vps_firewall:` key."""
    for text in _parts(_unzip(data)):
        value, problems = _section(text)
        if value is not _ABSENT or problems:
            yield value, problems


_ABSENT = object()


def _parts(data: bytes) -> Iterator[str]:
    """The #cloud-config texts of user-data: all of it, or parts of a multi-part message or an archive."""
    if re.match(rb"(?i)(mime-version|content-type|from |return-path):?", data):
        message = email.message_from_bytes(data)
        for part in message.walk():
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                yield from _parts(_unzip(payload)) if _cloud_config(payload) or _zipped(payload) else ()
    elif data.startswith(b"#cloud-config-archive"):
        listed = _yaml(_text(data))
        for item in listed if isinstance(listed, list) else ():
            content = item.get("content") if isinstance(item, dict) else item
            if isinstance(content, str):
                typed = isinstance(item, dict) and item.get("type") == "text/cloud-config"
                yield from _parts(("#cloud-config\n" + content if typed else content).encode())
    elif _cloud_config(data):
        yield _text(data)


def _cloud_config(data: bytes) -> bool:
    first, _, rest = data.partition(b"\n")
    return (rest if first.startswith(b"## template:") else first).startswith(b"#cloud-config")


def _section(text: str) -> tuple[object, list[Problem]]:
    """Duplicate keys are looked for in the section alone; the rest of the user-data is not ours to judge."""
    loader: Any = None
    try:
        if _depth(text) > MAX_DEPTH:
            return _ABSENT, [Problem("user-data", f"has more than {MAX_DEPTH} brackets within brackets")]
        loader = _Loader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            return _ABSENT, []
        values = [v for k, v in node.value if isinstance(k, yaml.ScalarNode) and k.value == KEY]
        if not values:
            return _ABSENT, []
        problems = [Problem(KEY, "stands twice in one mapping; write it once")] * (len(values) > 1)
        problems += _duplicates(values[-1])
        return loader.construct_document(values[-1]), problems
    except yaml.YAMLError as error:
        return _ABSENT, [_yaml_problem(error)]
    except (RecursionError, ValueError, TypeError):
        return _ABSENT, [Problem("user-data", "is not YAML that can be read")]
    finally:
        if loader is not None:
            loader.dispose()


def _duplicates(root: Any) -> list[Problem]:
    problems: list[Problem] = []
    seen: set[int] = set()
    todo = [(KEY, root)]
    while todo:
        path, node = todo.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            todo += [(f"{path}[{n}]", child) for n, child in enumerate(node.value)]
        elif isinstance(node, yaml.MappingNode):
            keys: set[str] = set()
            for key, child in node.value:
                name = key.value if isinstance(key.value, str) else ""
                if name and name in keys:
                    problems.append(Problem(f"{path}.{show(name)}", "stands twice in one mapping; write it once"))
                keys.add(name)
                todo.append((f"{path}.{show(name)}", child))
    return sorted(problems)


def _depth(text: str) -> int:
    """How deep flow brackets go, quotes and comments not looked at: an upper bound is enough."""
    depth = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", text):
        depth += 1 if bracket in "[{" else -(depth > 0)
        deepest = max(deepest, depth)
    indents = re.findall(r"^(?:- *)+", text, re.MULTILINE)
    return max(deepest, max((i.count("-") for i in indents), default=0))


def _yaml(text: str) -> object:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - both choices are safe loaders
    except yaml.YAMLError as error:
        raise PolicyRefused([_yaml_problem(error)]) from None
    except (RecursionError, ValueError, TypeError):
        raise PolicyRefused([Problem("user-data", "is not YAML that can be read")]) from None


def _yaml_problem(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).partition("\n")[0]
    return Problem("user-data", f"{where}{what}")


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PolicyRefused([Problem("user-data", f"is not UTF-8 (byte {error.start:,})")]) from None


def _zipped(data: bytes) -> bool:
    return data[:2] == b"\x1f\x8b"


def _unzip(data: bytes) -> bytes:
    """gzip is undone, as cloud-init does, and never to more than the limit."""
    if not _zipped(data):
        return data
    try:
        unzip = zlib.decompressobj(wbits=31)
        out = unzip.decompress(data, MAX_USER_DATA + 1)
    except zlib.error as error:
        raise PolicyRefused([Problem("user-data", f"is not whole gzip data: {error}")]) from None
    if len(out) > MAX_USER_DATA:
        raise PolicyRefused([Problem("user-data", f"is larger than {MAX_USER_DATA:,} bytes")])
    return out


def _read_file(path: str, limit: int) -> bytes:
    """A regular file, whole: opened once, never blocking on a pipe or a device, and not while it changes."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    with open(handle, "rb") as file:
        before = os.fstat(handle)
        if stat.S_ISDIR(before.st_mode):
            raise ValueError("is a directory, not a file")
        if not stat.S_ISREG(before.st_mode):
            raise ValueError("is not a regular file")
        data = file.read(limit + 1)
        after = os.fstat(handle)
    if len(data) > limit:
        raise ValueError(f"is larger than {limit:,} bytes")
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size) or len(data) != after.st_size:
        raise ValueError("changed while it was read; try again")
    return data


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)

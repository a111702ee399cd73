"""bytes of user-data -> the value of its `vps_firewall:` key; path of a list file -> its text."""

from __future__ import annotations

import email
import errno
import gzip
import io
import os
import re
import stat
import sys
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from itertools import count
from typing import Any

from . import document
from .document import ABSENT, Document, Room, cut
from .errors import PolicyRefused, Problem
from .policy import KEY, MAX_PROBLEMS, parse, show

__all__ = ["cut"]

MAX_USER_DATA = 8 << 20  # bytes, unpacked; the largest that any provider takes is 256 KiB
MAX_SLOW = 3 << 20  # bytes, where PyYAML has no libyaml: a hundred thousand networks, in up to ten seconds
MAX_LIST = 16 << 20  # bytes; half a million networks
MAX_LINKS = 40  # as many as Linux follows (path_resolution(7))
MAX_PARTS = 1_000
MAX_NOTES = 20  # parts of which a note is made, each
MAX_NESTED = 5  # archives within archives
# Of a message in parts: its parser keeps lines and headers one by one, and asks of each line whether it ends one of the
# containers around it.
MAX_LINES = 250_000
MAX_HEADER = 2_000  # characters
MAX_HEADERS = 10_000
MAX_CONTAINERS = 16


def read(path: str) -> bytes:
    """A user-data file, or standard input for '-'. Raises PolicyRefused with the reason."""
    try:
        data = sys.stdin.buffer.read(MAX_USER_DATA + 1) if path == "-" else read_file(path, MAX_USER_DATA)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _refused("user-data", f"{show(path)}: {reason}") from None
    return data


def read_list(path: str, root: str = "/") -> str:
    """A list file's text, below the system at `root`. Raises OSError or ValueError with a reason for people, also
    where others than root, or than whoever asks, may have written it."""
    place, owners = _trusted(path, root)
    try:
        return read_file(place, MAX_LIST, check=lambda found: _refuse_others(found, "", owners)).decode(
            "utf-8-sig"
        )  # a BOM is what Windows' editors begin with
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start:,})") from None


@dataclass(frozen=True)
class Leaf:
    """A part of user-data, whatever it is: where it stands, its bytes, its MIME type."""

    where: str
    content: bytes
    kind: str


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
    leaves = tuple(_leaves(unpacked))
    room = Room(2 * MAX_USER_DATA if document.FAST else MAX_SLOW)  # an archive, and what is in it
    configs: list[Config] = []
    for leaf in leaves:
        for where, text, template in _texts(leaf.where, leaf.content, leaf.kind, room):
            if len(configs) == MAX_PARTS:
                raise _too_many_parts()
            perhaps = isinstance(text, PolicyRefused) or bool(_PERHAPS.search(text))
            configs.append(Config(where, leaf.where, template, perhaps, _document(where, text, template, room)))
    return UserData(unpacked, leaves, tuple(configs))


def _document(where: str, text: bytes | PolicyRefused, template: bool, room: Room) -> Document:
    try:
        found = document.read(where, _decoded(where, text), room)
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
    told = [*problems[:MAX_PROBLEMS]]
    return [*told, Problem("user-data", f"and {more:,} more problems")] if more > 1 else [*problems]


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
    texts = list(_texts(where, content, kind, Room(2 * MAX_USER_DATA)))
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
            if _is_program(leaf) or not _PERHAPS.search(leaf.content):
                continue
            found = [c for c in given.configs if c.leaf == leaf.where]
            documents = [c.document for c in found if c.perhaps and not c.template]
            if not found:
                documents = [document.read(leaf.where, _decoded(leaf.where, leaf.content), Room())]
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
        if _all_told(given):
            if not any(_reflected(config.document.value, merged) for config in found):
                return [_UNTAKEN]
            if _off(merged):
                return [_SWITCHED_OFF]
        return []
    key = _PERHAPS if broken else _MEANT
    if not any(key.search(leaf.content) and not _is_program(leaf) for leaf in given.leaves):
        return []
    if taken and any(_TEMPLATE.search(leaf.content) for leaf in given.leaves):
        return []  # it may be from there, and what a template renders to is cloud-init's to say
    try:
        section(given)
    except PolicyRefused as refused:
        return list(refused.problems)
    return [_UNTAKEN]


def _all_told(given: UserData) -> bool:
    """Can nothing but the parts that are read here have made the policy what it is: no template, no file from
    elsewhere, no rule of the user's for merging?"""
    texts = [given.unpacked, *(leaf.content for leaf in given.leaves)]
    return all(leaf.kind in _KINDS for leaf in given.leaves) and not any(_ELSEWHERE.search(text) for text in texts)


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


def _is_program(leaf: Leaf) -> bool:
    """A part that cloud-init runs may well write such a line into some file."""
    content = leaf.content
    if leaf.kind not in _KINDS or leaf.kind in _PROGRAMS:
        return True
    if content[:4096].lstrip().lower().startswith(b"## template: jinja"):
        content = content.lstrip().partition(b"\n")[2]
    return content[:4096].lstrip().startswith((b"#!", b"#cloud-boothook", b"#part-handler"))


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
    return [leaf.where for leaf in leaves if key.search(leaf.content) and not _is_program(leaf)]


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


def _leaves(data: bytes) -> Iterator[Leaf]:
    """Each part of user-data, whatever it is."""
    if not is_message(data):
        yield Leaf("user-data", data, _BY_CONTENT[0])
        return
    left = MAX_USER_DATA
    for number, part in enumerate(message(data), 1):
        where, kind = f"user-data part {number}", part.get_content_type()
        payload = part.get_payload(decode=True)
        content = payload if isinstance(payload, bytes) else b""
        if re.search("gzip|gunzip|compress", kind):
            content, kind = unzip(where, content), _BY_CONTENT[0]
        left -= len(content)
        if left < 0:
            raise _too_much()
        yield Leaf(where, content, kind)


def is_message(data: bytes) -> bool:
    return b"mime-version:" in data[:4096].lower()


def message(data: bytes) -> Iterator[Message]:
    """A message's parts that have no parts themselves. Raises PolicyRefused for one that costs too much to read."""
    if data.count(b"\n") + data.count(b"\r") > MAX_LINES:
        raise _refused("user-data", f"has parts, and more than {MAX_LINES:,} lines; put long lists in files")
    parts, headers, containers = count(), count(), count()

    class Counted(Message):
        """As the parser makes it, and no more of it than user-data may have."""

        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            if next(parts) > MAX_PARTS:
                raise _too_many_parts()

        def set_raw(self, name: str, value: str) -> None:
            """One header."""
            if next(headers) >= MAX_HEADERS or len(value) > MAX_HEADER:
                raise _refused("user-data", f"has more than {MAX_HEADERS:,} headers, or a very long one")
            super().set_raw(name, value)
            contains = name.lower() == "content-type" and self.get_content_maintype() in ("multipart", "message")
            if contains and next(containers) >= MAX_CONTAINERS:
                raise _refused("user-data", f"has more than {MAX_CONTAINERS} parts that have parts themselves")

    whole = email.message_from_bytes(data, _class=Counted)
    return (part for part in whole.walk() if not part.is_multipart())


# Where it stands, its bytes or what is wrong with them, is it a jinja template?
_Text = tuple[str, "bytes | PolicyRefused", bool]


def _texts(where: str, data: bytes, kind: str, room: Room, depth: int = 0) -> Iterator[_Text]:
    """The #cloud-config texts of a part, told from the rest as cloud-init tells them (user_data.py there)."""
    if depth > MAX_NESTED:
        yield where, _refused(where, f"is nested deeper than {MAX_NESTED} archives or templates"), False
        return
    if kind in _BY_CONTENT:
        head = data[:4096].lstrip().lower()
        kind = next((kind for start, kind in _HEADS.items() if head.startswith(start)), "")
    if kind == _JINJA:
        rest = data.lstrip().partition(b"\n")[2]
        yield from ((at, text, True) for at, text, _ in _texts(where, rest, _BY_CONTENT[0], room, depth + 1))
    elif kind in (_CONFIG, _ARCHIVE):
        room.bytes -= len(data)
        if room.bytes < 0:
            raise _too_much() if document.FAST else _refused("user-data", _SLOW)
        yield from [(where, data, False)] if kind == _CONFIG else _items(where, data, room, depth)


def _items(where: str, data: bytes, room: Room, depth: int) -> Iterator[_Text]:
    try:
        items = document.archive(where, _decoded(where, data), room)
    except PolicyRefused as refused:
        yield where, refused, False
    else:
        for number, item in enumerate(items if isinstance(items, list) else (), 1):
            entry = item if isinstance(item, dict) else {"content": item}
            content = entry.get("content")
            if isinstance(content, str):
                by_content = _BY_CONTENT[0] if re.match(r"\s*(#[!cip]|## t)", content) else _CONFIG
                kind = str(entry.get("type") or by_content)
                text = content.encode("utf-8", "replace")
                yield from _texts(f"{where} item {number}", text, kind, room, depth + 1)


def archive(where: str, data: bytes) -> object:
    """#cloud-config-archive -> what it holds, a list if it is a good one. Raises PolicyRefused."""
    return document.archive(where, _decoded(where, data), Room())


def unzip(where: str, data: bytes) -> bytes:
    """gzip is undone, as cloud-init does, and never to more than the limit."""
    try:
        if data[:2] == b"\x1f\x8b":
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MAX_USER_DATA + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise _refused(where, f"is not whole gzip data: {error}") from None
    if len(data) > MAX_USER_DATA:
        raise _too_much(where)
    return data


def _decoded(where: str, data: bytes | PolicyRefused) -> str:
    if isinstance(data, PolicyRefused):
        raise data
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused(where, f"is not UTF-8 (byte {error.start:,})") from None


def _too_much(where: str = "user-data") -> PolicyRefused:
    return _refused(where, f"is larger than {MAX_USER_DATA:,} bytes")


_SLOW = f"is larger than {MAX_SLOW:,} bytes, the most that PyYAML without libyaml can read in reasonable time"


def _too_many_parts() -> PolicyRefused:
    return _refused("user-data", f"has more than {MAX_PARTS:,} parts")


# --- files ------------------------------------------------------------------------------------------------


# Each where the system has it: Windows has the last one alone.
_FLAGS = sum(getattr(os, f"O_{name}", 0) for name in ("RDONLY", "NONBLOCK", "CLOEXEC", "NOCTTY", "BINARY"))


def _trusted(path: str, root: str) -> tuple[str, Collection[int]]:
    """Follow a path as the system at `root` would, and see that nobody else can put another file there: by writing it,
    or a folder or a link on the way. -> where it leads, and whose it may be. Raises OSError or ValueError."""
    if not hasattr(os, "geteuid"):  # Windows knows no such thing
        return path, ()
    parts, here, links = path.split("/")[::-1], "", 0
    found = os.stat(root)
    owners = {0, os.geteuid(), found.st_uid}
    _refuse_others(found, root, owners)
    while parts:
        part = parts.pop()
        if part in ("", ".", ".."):
            here = os.path.dirname(here) if part == ".." else here
            continue
        there = f"{here}/{part}"
        found = os.lstat(root.rstrip("/") + there)
        _refuse_others(found, there if parts else "", owners)
        if not stat.S_ISLNK(found.st_mode):
            here = there
            continue
        links += 1
        if links > MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target = os.readlink(root.rstrip("/") + there)
        parts += target.split("/")[::-1]
        here = "" if target.startswith("/") else here
    return root.rstrip("/") + here, owners


def _refuse_others(found: os.stat_result, folder: str, owners: Collection[int]) -> None:
    """Raise ValueError where others may write what was found on the way, or put another file in its place. Whoever
    asks trusts their own group, which most systems give to each user."""
    if not owners:
        return
    mode = found.st_mode
    on_the_way = bool(folder) and stat.S_ISDIR(mode)
    name = folder if re.fullmatch("[!-~]{1,200}", folder) else show(folder)
    what = f"lies in {name}, which " if on_the_way else "leads over a link that " if stat.S_ISLNK(mode) else ""
    if found.st_uid not in owners:
        raise ValueError(f"{what}belongs to user {found.st_uid}, and not to root")
    others = 0o002 if os.geteuid() and found.st_gid == os.getegid() else 0o022
    if mode & others and (stat.S_ISREG(mode) or (on_the_way and not mode & stat.S_ISVTX)):
        raise ValueError(f"{what or 'is a file that '}others than root may write; take that from them with chmod go-w")


def read_file(
    path: str,
    limit: int,
    pause: Callable[[], object] = lambda: None,
    check: Callable[[os.stat_result], object] = lambda found: None,
) -> bytes:
    """A regular file, whole: opened once, never blocking on a pipe or a device, and not while it changes.

    It is read twice: two writes within one tick of the clock leave one time behind. `pause` comes between. `check` may
    raise for what was opened.
    """
    handle = os.open(path, _FLAGS)
    try:
        kind = os.fstat(handle).st_mode
        check(os.fstat(handle))
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
    os.lseek(handle, 0, os.SEEK_SET)
    while size <= limit and (piece := os.read(handle, limit + 1 - size)):
        pieces.append(piece)
        size += len(piece)
    if size > limit:
        raise ValueError(f"is larger than {limit:,} bytes")
    return b"".join(pieces)


def _refused(where: str, message: str) -> PolicyRefused:
    return PolicyRefused([Problem(where, message)])

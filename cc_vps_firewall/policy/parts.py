"""Bytes of user-data -> its parts, told apart as cloud-init tells them."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from ..errors import PolicyRefused
from . import document
from .compose import FAST, Room
from .list_files import MAX_USER_DATA
from .messages import refusal

if TYPE_CHECKING:
    from email.message import Message

MAX_SLOW = 3 << 20  # bytes, where PyYAML has no libyaml: a hundred thousand networks, in up to ten seconds
MAX_PARTS = 1_000
MAX_NESTED = 5  # archives within archives
# Of a message in parts: its parser keeps lines and headers one by one, and asks of each line whether it ends one of the
# containers around it.
MAX_LINES = 250_000
MAX_HEADER = 2_000  # characters
MAX_HEADERS = 10_000
MAX_CONTAINERS = 16


@dataclass(frozen=True)
class Leaf:
    """A part of user-data, whatever it is: where it stands, its bytes, its MIME type."""

    where: str
    content: bytes
    kind: str


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
PROGRAMS = ("text/x-shellscript", "text/cloud-boothook")
# What is read here, or has nothing to do with configuration.
KINDS = (*_BY_CONTENT, *PROGRAMS, _CONFIG, _ARCHIVE, _JINJA)


def split(data: bytes) -> Iterator[Leaf]:
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
            raise too_much()
        yield Leaf(where, content, kind)


def is_message(data: bytes) -> bool:
    return b"mime-version:" in data[:4096].lower()


def message(data: bytes) -> Iterator[Message]:
    """A message's parts that have no parts themselves. Raises PolicyRefused for one that costs too much to read."""
    from email import message_from_bytes  # here: most user-data is none, and explain should answer at once
    from email.message import Message

    if data.count(b"\n") + data.count(b"\r") > MAX_LINES:
        raise refusal("user-data", f"has parts, and more than {MAX_LINES:,} lines; put long lists in files")
    parts, headers, containers = count(), count(), count()

    class Counted(Message):
        """As the parser makes it, and no more of it than user-data may have."""

        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            if next(parts) > MAX_PARTS:
                raise too_many_parts()

        def set_raw(self, name: str, value: str) -> None:
            """One header."""
            if next(headers) >= MAX_HEADERS or len(value) > MAX_HEADER:
                raise refusal("user-data", f"has more than {MAX_HEADERS:,} headers, or a very long one")
            super().set_raw(name, value)
            contains = name.lower() == "content-type" and self.get_content_maintype() in ("multipart", "message")
            if contains and next(containers) >= MAX_CONTAINERS:
                raise refusal("user-data", f"has more than {MAX_CONTAINERS} parts that have parts themselves")

    whole = message_from_bytes(data, _class=Counted)
    return (part for part in whole.walk() if not part.is_multipart())


# Where it stands, its bytes or what is wrong with them, is it a jinja template?
_Text = tuple[str, "bytes | PolicyRefused", bool]


def cloud_configs(where: str, data: bytes, kind: str, room: Room, depth: int = 0) -> Iterator[_Text]:
    """The #cloud-config texts of a part, told from the rest as cloud-init tells them (user_data.py there)."""
    if depth > MAX_NESTED:
        yield where, refusal(where, f"is nested deeper than {MAX_NESTED} archives or templates"), False
        return
    if kind in _BY_CONTENT:
        head = data[:4096].lstrip().lower()
        kind = next((kind for start, kind in _HEADS.items() if head.startswith(start)), "")
    if kind == _JINJA:
        rest = data.lstrip().partition(b"\n")[2]
        yield from ((at, text, True) for at, text, _ in cloud_configs(where, rest, _BY_CONTENT[0], room, depth + 1))
    elif kind in (_CONFIG, _ARCHIVE):
        room.bytes -= len(data)
        if room.bytes < 0:
            raise too_much() if FAST else refusal("user-data", _SLOW)
        yield from [(where, data, False)] if kind == _CONFIG else _items(where, data, room, depth)


def _items(where: str, data: bytes, room: Room, depth: int) -> Iterator[_Text]:
    try:
        items = document.archive(where, decoded(where, data), room)
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
                yield from cloud_configs(f"{where} item {number}", text, kind, room, depth + 1)


def archive(where: str, data: bytes) -> object:
    """#cloud-config-archive -> what it holds, a list if it is a good one. Raises PolicyRefused."""
    return document.archive(where, decoded(where, data), Room())


def unzip(where: str, data: bytes) -> bytes:
    """gzip is undone, as cloud-init does, and never to more than the limit."""
    try:
        if data[:2] == b"\x1f\x8b":
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MAX_USER_DATA + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise refusal(where, f"is truncated or corrupt gzip data: {error}") from None
    if len(data) > MAX_USER_DATA:
        raise too_much(where)
    return data


def decoded(where: str, data: bytes | PolicyRefused) -> str:
    if isinstance(data, PolicyRefused):
        raise data
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refusal(where, f"is not UTF-8 (byte {error.start:,})") from None


def too_much(where: str = "user-data") -> PolicyRefused:
    return refusal(where, f"is larger than {MAX_USER_DATA:,} bytes")


_SLOW = f"is larger than {MAX_SLOW:,} bytes, the most that PyYAML without libyaml can read in reasonable time"


def too_many_parts() -> PolicyRefused:
    return refusal("user-data", f"has more than {MAX_PARTS:,} parts")


def is_program(leaf: Leaf) -> bool:
    """A part that cloud-init runs may well write such a line into some file."""
    content = leaf.content
    if leaf.kind not in KINDS or leaf.kind in PROGRAMS:
        return True
    if content[:4096].lstrip().lower().startswith(b"## template: jinja"):
        content = content.lstrip().partition(b"\n")[2]
    return content[:4096].lstrip().startswith((b"#!", b"#cloud-boothook", b"#part-handler"))

"""names -> user-data of at most 64 KiB as sent, each made to cost whoever reads it as much as it can."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable, Iterator, Mapping
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

AS_SENT = 64 << 10  # bytes
UNPACKED = (8 << 20) - 1_000  # bytes: what may be read at all, and a little room

HEAD = b"#cloud-config\n"
SECTION = HEAD + b"vps_firewall:\n"
POLICY = HEAD + b"vps_firewall: {ping: false}\n"
TYPO = HEAD + b"vps_firewall: {allow: [htpp], ping: flase}\n"
MESSAGE = b'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="x"\n\n--x\n'
ARCHIVE = b"#cloud-config-archive\n"


def filled(before: bytes, unit: bytes, after: bytes = b"", size: int = UNPACKED) -> bytes:
    """As many units as there is room for."""
    return before + unit * ((size - len(before) - len(after)) // len(unit)) + after


def numbered(before: bytes, unit: bytes, times: int, after: bytes = b"") -> bytes:
    return before + b"".join(unit.replace(b"#", b"%d" % n) for n in range(times)) + after


def parts(content: bytes, times: int, packed: bool = False) -> bytes:
    message = MIMEMultipart(boundary="x")
    for _ in range(times):
        part: MIMEBase = MIMEText(content.decode(), "cloud-config") if not packed else MIMEBase("application", "gzip")
        if packed:
            part.set_payload(base64.b64encode(gzip.compress(content, mtime=0)).decode())
            part["Content-Transfer-Encoding"] = "base64"
        message.attach(part)
    return message.as_bytes()


def nested_parts(depth: int) -> bytes:
    unit = b'--x%d\nContent-Type: multipart/mixed; boundary="x%d"\n\n'
    head = b'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="x0"\n\n'
    return head + b"".join(unit % (n, n + 1) for n in range(depth)) + b"--x%d\n\n" % depth + POLICY


def bomb(levels: int = 20) -> bytes:
    """Anchors, each of ten aliases of the one before."""
    names = [f"a{n}".encode() for n in range(levels + 1)]
    lines = [b"%s: &%s [%s]\n" % (b, b, b",".join([b"*" + a] * 10)) for a, b in zip(names, names[1:])]
    return b"a0: &a0 [203.0.113.7]\n" + b"".join(lines)


def archive_in_archive(depth: int) -> bytes:
    text = POLICY
    for _ in range(depth):
        text = ARCHIVE + b"- |\n" + b"".join(b"  " + line + b"\n" for line in text.splitlines())
    return text


# What is made, before it is packed. The words say what is large.
MADE: Mapping[str, Callable[[], bytes]] = {
    # YAML itself
    "brackets": lambda: filled(POLICY + b"x: ", b"["),
    "braces": lambda: filled(POLICY + b"x: ", b"{a: "),
    "dashes": lambda: filled(POLICY + b"x: ", b"- "),
    "question marks": lambda: filled(POLICY, b"? "),
    "indented mappings": lambda: POLICY + b"x:\n" + b"".join(b" " * n + b"a:\n" for n in range(1, 4_000)),
    "lines of a list": lambda: filled(POLICY + b"x:\n", b"- 1.2.3.4\n"),
    "empty items": lambda: filled(POLICY + b"x:\n", b"-\n"),
    "scalars of a list in brackets": lambda: filled(POLICY + b"x: [", b"a,", b"]"),
    "empty lists": lambda: filled(POLICY + b"x: [", b"[],", b"]"),
    "empty mappings": lambda: filled(POLICY + b"x: [", b"{},", b"]"),
    "mappings of a list": lambda: filled(POLICY + b"x:\n", b"- a: b\n"),
    "keys": lambda: filled(POLICY, b"a:\n"),
    "keys like ours": lambda: numbered(POLICY, b"vps_firewal#:\n", 20_000),
    "comments": lambda: filled(HEAD, b"#\n", POLICY),
    "one comment": lambda: filled(POLICY + b"#", b"a", b"\n"),
    "empty lines": lambda: filled(POLICY, b"\n"),
    "spaces": lambda: filled(POLICY, b" "),
    "escapes": lambda: filled(POLICY + b'x: "', b"\\n", b'"'),
    "escaped characters": lambda: filled(POLICY + b'x: "', b"\\u263a", b'"'),
    "characters of four bytes": lambda: filled(POLICY + b'x: "', "\U0001f600".encode(), b'"'),
    "a plain scalar": lambda: filled(POLICY + b"x: ", b"a"),
    "a block scalar": lambda: filled(POLICY + b"x: |\n", b"  a\n"),
    "anchors": lambda: numbered(POLICY + b"x:\n", b"- &a# b\n", 20_000),
    "one anchor again and again": lambda: filled(POLICY + b"x:\n", b"- &a b\n"),
    "aliases": lambda: filled(POLICY + b"y: &a b\nx:\n", b"- *a\n"),
    "merge keys": lambda: filled(POLICY + b"y: &a {b: c}\nx:\n", b"- {<<: *a}\n"),
    "tags": lambda: filled(POLICY + b"x:\n", b"- !!str a\n"),
    "tags of nobody": lambda: filled(POLICY + b"x:\n", b"- !a b\n"),
    "directives of tags": lambda: numbered(HEAD, b"%TAG !a#! b\n", 20_000, b"---\n" + POLICY),
    "directives": lambda: filled(HEAD, b"%A B\n", b"---\n" + POLICY),
    "documents": lambda: filled(POLICY, b"---\n"),
    "NUL bytes": lambda: filled(POLICY, b"\0"),
    "no UTF-8": lambda: filled(POLICY, b"\xff"),
    "a bomb of aliases": lambda: POLICY + bomb(),
    "a bomb in a list of modules": lambda: POLICY + bomb() + b"cloud_init_modules: *a20\n",
    # the section
    "a bomb in the section": lambda: HEAD + bomb() + b"vps_firewall: {deny: *a20}\n",
    "a bomb of merge keys": lambda: (
        SECTION
        + b"  a0: &a0 {k: v}\n"
        + b"".join(b"  a%d: &a%d {<<: [%s]}\n" % (n + 1, n + 1, b",".join([b"*a%d" % n] * 10)) for n in range(9))
    ),
    "merge keys of many keys": lambda: (
        numbered(SECTION + b"  x: &a {", b"k#: 1, ", 5_000, b"}\n")
        + b"".join(b"  a%d: {<<: *a}\n" % n for n in range(60))
    ),
    "networks": lambda: filled(SECTION + b"  deny:\n", b"  - 1.2.3.4\n"),
    "as many networks as may be": lambda: SECTION + b"  deny:\n" + b"  - 1.2.3.4\n" * 199_000,
    "as many typos as may be": lambda: SECTION + b"  deny:\n" + b"  - 1.2.3.4/16\n" * 199_000,
    "as many numbers as may be": lambda: SECTION + b"  deny:\n" + b"  - 20:22\n" * 199_000,
    "as many sources of anywhere as may be": lambda: SECTION + b"  ssh: {from: [" + b"any," * 199_000 + b"]}\n",
    "as many unknown keys as may be": lambda: SECTION + b"  ? 1\n" * 99_000,
    "twenty thousand typos": lambda: numbered(SECTION + b"  allow:\n", b"  - a#\n", 20_000),
    "entries": lambda: SECTION + b"  allow:\n" + b"  - 80/tcp\n" * 199_000,
    "entries with sources": lambda: SECTION + b"  allow:\n" + b"  - {port: 80/tcp, from: [a, 1.2.3.4]}\n" * 19_000,
    "lists that name each other": lambda: numbered(SECTION + b"  lists:\n", b"    a#: [a0, a#]\n", 12_000),
    "a chain of lists": lambda: (
        SECTION + b"  lists:\n" + b"".join(b"    a%d: [a0, a%d]\n" % (n, n + 1) for n in range(12_000))
    ),
    "names of lists": lambda: (
        SECTION
        + b"  lists: {a: ["
        + b",".join(b"1.%d.%d.%d" % (n >> 12, n >> 4 & 255, n << 4 & 255) for n in range(10_000))
        + b"]}\n  allow:\n"
        + b"  - {port: 80/tcp, from: [a,a,a,a,a,a,a,a,a,a,a,a,a]}\n" * 10_000
    ),
    "keys above a list": lambda: (
        HEAD + b"vps_firewall: " + b"{%s: " % (b"k" * 60) * 95 + b"[" + b"{a: 1, a: 2}," * 60_000 + b"]" + b"}" * 95
    ),
    "a text that aliases put everywhere": lambda: (
        SECTION + b"  deny:\n  - &a " + b"a" * 4_000_000 + b"\n" + b"  - *a\n" * 100_000
    ),
    "digits": lambda: filled(SECTION + b"  deny:\n  - ", b"9", b"\n"),
    "a number to the base of sixty": lambda: filled(SECTION + b"  deny:\n  - 1", b":59", b"\n"),
    "a long key": lambda: filled(SECTION + b"  ? ", b"a", b"\n  : 1\n"),
    # parts
    "fifty parts": lambda: parts(POLICY, 50),
    "fifty parts with typos": lambda: parts(TYPO, 50),
    "fifty long parts": lambda: parts(
        filled(TYPO + b"x:\n", b"- abcdefghijklmnopqrstuvwxyz1234567890\n", size=160_000), 50
    ),
    "fifty packed parts": lambda: parts(filled(POLICY + b"x:\n", b"- a\n", size=8_000_000), 50, packed=True),
    "fifty packed parts that are read": lambda: parts(filled(TYPO, b"#\n", size=160_000), 50, packed=True),
    "parts": lambda: filled(MESSAGE, b"\n#cloud-config\n--x\n"),
    "headers": lambda: filled(MESSAGE, b"a: b\n"),
    "lines of a part": lambda: filled(MESSAGE + b"\n", b"\n"),
    "as many lines of a part as may be": lambda: (
        MESSAGE + b"\n" + POLICY + b"# a comment of thirty bytes..\n" * 249_000
    ),
    "parts within parts": lambda: nested_parts(10_000),
    "messages within messages": lambda: filled(MESSAGE, b"Content-Type: message/rfc822\n\n"),
    "parameters of a header": lambda: filled(b"MIME-Version: 1.0\nContent-Type: multipart/mixed", b";a", b"\n\n--x\n"),
    "an archive": lambda: filled(ARCHIVE, b"- |\n  #cloud-config\n  vps_firewall: {ping: flase}\n"),
    "an archive of aliases": lambda: (
        ARCHIVE + b"- &a |\n  #cloud-config\n  vps_firewall: {ping: flase}\n" + b"- *a\n" * 190_000
    ),
    "a long text in an archive, again and again": lambda: (
        ARCHIVE + b"- &a |\n  #cloud-config\n  vps_firewall: {}\n" + b"  # x\n" * 600_000 + b"- *a\n" * 1_000
    ),
    "an archive in an archive, again and again": lambda: (
        ARCHIVE + b"- &a |\n  #cloud-config-archive\n" + b"  # x\n" * 600_000 + b"- *a\n" * 1_000
    ),
    "archives in archives": lambda: archive_in_archive(500),
    "templates of templates": lambda: filled(b"", b"## template: jinja\n", POLICY),
    "packed twice": lambda: gzip.compress(filled(POLICY + b"x:\n", b"- a\n"), mtime=0),
    "nothing but zeros": lambda: filled(b"", b"\0", size=60 << 20),
}


def all_of_them() -> Iterator[tuple[str, bytes]]:
    for name in MADE:
        yield name, as_sent(name)


def as_sent(name: str) -> bytes:
    data = gzip.compress(MADE[name](), 9, mtime=0)
    assert len(data) <= AS_SENT, f"{name}: {len(data):,} bytes are more than anybody may send"
    return data

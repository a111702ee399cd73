"""A bundle -> which release made it, what it carries, and whether this one makes the same. Nothing of it runs."""

from __future__ import annotations

import base64
import hashlib
import json
import lzma
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..engines import stub
from ..errors import FirewallError
from ..version import VERSION
from . import bundle

LARGEST = 1_048_576  # of what is packed: an engine has a twentieth
_BASE64 = re.compile(rb"H4sI[A-Za-z0-9+/=\s]+")  # gzip, as Linode and Vultr take it
_PACKED = re.compile(rb'(?<=PACKED = """\n)[A-Za-z0-9+/=\n]+')


@dataclass(frozen=True)
class Verdict:
    """`same`: this release makes the same bytes of the policy. `lines`: for people."""

    same: bool
    lines: Sequence[str]


def verify(data: bytes) -> Verdict:
    """Raises FirewallError where it is no bundle, PolicyRefused where its policy is none."""
    if _BASE64.fullmatch(data):
        data = base64.b64decode(data)
    said = bundle.read(data)
    if said is None:
        raise FirewallError("this is no bundle of vps-firewall; nothing in it says that it is one")
    head, others = bundle.taken(data)
    section = said.section if isinstance(said.section, dict) else {}
    lines = [f"made by: vps-firewall {said.version}, as it says", *_engine(head)]
    lines.append(f"policy: {json.dumps({key: value for key, value in section.items() if key != 'backend'})}")
    lines += [f"beside it: {part.kind}, {len(part.content):,} bytes, sha256 {_digest(part.content)}" for part in others]
    if said.version != VERSION:
        return Verdict(False, [*lines, f"not compared: this is vps-firewall {VERSION}; ask that release's own command"])
    carried = str(section.get("backend"))
    for provider in dict.fromkeys(("", *(each.cloud_id for each in bundle.PROVIDERS.values()))):
        if bundle.carrier(section, carried, provider).strip() == head.strip():
            where = f" for {provider}" if provider else ""
            return Verdict(True, [*lines, f"equal: vps-firewall {VERSION} makes these bytes of this policy{where}"])
    return Verdict(
        False, [*lines, f"NOT EQUAL: vps-firewall {VERSION} makes other bytes of this policy; do not use it"]
    )


def _engine(head: bytes) -> Iterator[str]:
    """What is packed, by digest; and whether what unpacks it is ours."""
    text = _unpacked(head).partition("\nvps_firewall_engine.py\n")
    engine = re.split(r"\f", text[2] or text[0])[0]
    digest = _digest(engine.encode("latin-1", "replace"))
    known = [name for name, ours in bundle.ENGINES.items() if _digest(ours.encode()) == digest]
    yield f"engine: {known[0] if known else 'none of this release'}, sha256 {digest}"
    around = _PACKED.sub(b"", head).decode("utf-8", "replace")
    missing = [line for line in stub.TEXT.splitlines() if line != 'PACKED = ""' and line not in around]
    if missing:
        yield "what unpacks it: not this release's"


def _unpacked(head: bytes) -> str:
    """The files in it, as bundle.carrier() joined them; '' where nothing can be read."""
    found = _PACKED.search(head)
    try:
        data = lzma.LZMADecompressor(lzma.FORMAT_ALONE).decompress(
            base64.b64decode(found[0] if found else b""), LARGEST
        )
    except (ValueError, EOFError, lzma.LZMAError):
        return ""
    words, _, source = data.decode("latin-1").partition("\f")
    for number, word in enumerate(words.split("\v")):
        source = source.replace(chr(128 + number), word)
    return source.replace("\fvps_firewall_engine.py", "\nvps_firewall_engine.py")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

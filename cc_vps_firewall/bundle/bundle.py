"""user-data with a stanza -> user-data that works on a stock image: the engine comes with it.

What is to be done is decided here: the host gets plans, and the engine that rehearses, loads, saves and verifies them,
the same as everywhere, made into one file by tools/engine.py.
"""

from __future__ import annotations

import base64
import hashlib
import json
import lzma
import re
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import yaml

from .. import policy
from ..backends.registry import BACKENDS
from ..engines import auto, nftables_router, nftables_trusting, stub
from ..engines import iptables as iptables_engine
from ..engines import nftables as nftables_engine
from ..errors import PolicyRefused, Problem
from ..host import facts
from ..plan import decide
from ..plan.model import Source, Texts, as_json
from ..policy import userdata
from ..policy.messages import quoted
from ..rules import nftables
from ..version import VERSION

if TYPE_CHECKING:
    from email.message import Message

FORMS = ("mime", "gzip", "archive", "base64")
OURS = "text/x-vps-firewall"  # a type of its own: cloud-init judges it by no schema
HANDLER = "text/part-handler"
MARK = "# A bundle of vps-firewall"  # the first line of every carrier


@dataclass(frozen=True)
class Provider:
    """The form that a provider's interface takes, its limit in bytes, what cloud-init calls it, whether the bytes are
    counted in base64, and the backend of a policy that names none: Oracle's images come with iptables rules and the
    service that loads them."""

    form: str
    limit: int
    cloud_id: str = ""
    encoded: bool = False
    backend: str = nftables.NAME


ANY = Provider("mime", 0)
PROVIDERS: Mapping[str, Provider] = {
    "ec2": Provider("gzip", 16_384, "aws"),
    "digitalocean": Provider("archive", 65_536, "digitalocean"),
    "hetzner": Provider("archive", 32_768, "hetzner"),
    "linode": Provider("base64", 16_384, "akamai"),
    "vultr": Provider("base64", 16_384, "vultr"),  # it names no limit; this one is everybody's
    "gce": Provider("mime", 262_144, "gce"),
    "azure": Provider("mime", 65_535, "azure"),
    "openstack": Provider("mime", 65_535, "openstack", encoded=True),
    "oracle": Provider("gzip", 32_000, "oracle", encoded=True, backend="iptables"),
    "scaleway": Provider("mime", 127_998, "scaleway"),
    "ovh": Provider("mime", 65_535, "openstack", encoded=True),
}


@dataclass(frozen=True)
class Part:
    """One part of user-data: its MIME type, what it holds, and its other headers."""

    kind: str
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    name: str = ""  # for people


def make(data: bytes, form: str = "mime", *, chosen: str = "", provider: Provider = ANY) -> tuple[bytes, list[Part]]:
    """User-data -> (the bundle in one of FORMS, its parts). `chosen`: the backend to carry, or auto for both;
    without it the policy's, and the provider's for one that names none. Raises PolicyRefused."""
    section, rest = _taken_apart(data)
    told = section.get("backend", "auto")
    if not chosen:
        chosen = str(told) if told in BACKENDS else provider.backend
    section = {**section, "backend": chosen}
    if told not in ("auto", chosen):
        raise _refused(f"{policy.KEY}.backend", f"is {told}, and the bundle was asked for with {chosen}")
    stanza = json.dumps({policy.KEY: section}, indent=1) + "\n"
    parts = [
        Part(HANDLER, carrier(section, chosen, provider.cloud_id), name="the engine"),
        Part(OURS, stanza.encode(), name="the stanza"),
    ]
    parts += rest
    return _WRITERS[form](parts), parts


@dataclass(frozen=True)
class Made:
    """What a bundle says of itself: the release that made it, and the section of its policy."""

    version: str
    section: object


def read(data: bytes | userdata.UserData) -> Made | None:
    """User-data that is a bundle already -> what it says; None for any other. Raises PolicyRefused where it was
    spoilt."""
    unpacked = userdata.unpack(data).unpacked
    if OURS.encode() not in unpacked:
        return None
    parts = _parts(unpacked)
    head = next((p.content for p in parts if p.kind == HANDLER and MARK.encode() in p.content[:200]), None)
    stanza = next((part for part in parts if part.kind == OURS), None)
    if head is None or stanza is None:
        return None
    version = head[: head.find(b":")].rpartition(b" ")[2].decode("ascii", "replace")
    return Made(version, _stanza(stanza))


def taken(data: bytes) -> tuple[bytes, list[Part]]:
    """A bundle -> its part-handler, and the parts that are its maker's own."""
    parts = _parts(userdata.unpack(data).unpacked)
    head = next(p for p in parts if p.kind == HANDLER and MARK.encode() in p.content[:200])
    return head.content, [part for part in parts if part is not head and part.kind != OURS]


def section(parts: Sequence[Part]) -> object:
    """The section of a bundle's parts, as the host will have it."""
    return _stanza(next(part for part in parts if part.kind == OURS))


def _stanza(part: Part) -> object:
    try:
        return json.loads(part.content)[policy.KEY]
    except (LookupError, TypeError, ValueError):
        raise _refused(part.name, "is a bundle's own, and was changed; bundle the stanza itself") from None


def fit(bundle: bytes, parts: Sequence[Part], name: str, form: str) -> str:
    """How much of a provider's limit a bundle takes, in words. Raises PolicyRefused when it is too much."""
    provider = PROVIDERS[name]
    raw = base64.b64decode(bundle) if form == "base64" else bundle
    size = len(base64.b64encode(raw)) if provider.encoded else len(raw)
    told = f"{size:,} of {provider.limit:,} bytes{' in base64' if provider.encoded else ''}"
    if size <= provider.limit:
        return f"{name}: {told} ({100 * size // provider.limit} %), as {form}"
    weighed = sorted(((len(_packed(p.content)), p) for p in parts), key=lambda w: -w[0])[:3]
    largest = ", ".join(f"{part.name} {weight:,}" for weight, part in weighed)
    raise _refused("user-data", f"is too large for {name}: {told}; the largest parts, gzip'ed: {largest}")


# --- the engine -------------------------------------------------------------------------------------------

WORDS = 126  # all that one byte has room for
ENGINES = {
    "nftables": nftables_engine.TEXT,
    "nftables_trusting": nftables_trusting.TEXT,
    "nftables_router": nftables_router.TEXT,
    "iptables": iptables_engine.TEXT,
    "auto": auto.TEXT,
}


def carrier(section: Mapping[str, Any], carried: str, cloud_id: str = "") -> bytes:
    """The part-handler: a stub in plain text, and the engine packed below it. `carried`: a backend, or auto for
    both."""
    files = {  # in the order that packs best
        "plans": _unescaped(json.dumps(plans(section, carried, cloud_id), separators=(",", ":"))),
        "vps-firewall": _COMMAND,
        "vps_firewall_engine.py": ENGINES[smallest(section) if carried == nftables.NAME else carried],
    }
    source = _abbreviated("\f".join(f"{name}\n{text}" for name, text in files.items()))
    packed = lzma.compress(source.encode("latin-1"), lzma.FORMAT_ALONE, filters=[_FILTER])
    text = base64.b64encode(packed).decode()
    lines = "\n".join(text[at : at + 3840] for at in range(0, len(text), 3840))
    before, end, after = stub.TEXT.replace('PACKED = ""\n', "").partition('if __name__ == "__main__":')
    return f'{_HEAD.format(mark=MARK, version=VERSION)}{before}PACKED = """\n{lines}\n"""\n{end}{after}'.encode()


def smallest(section: Mapping[str, Any]) -> str:
    """The smallest engine with nftables that knows all that this policy asks of the host."""
    wanted = policy.parse(section, read_list=userdata.read_list)
    if wanted.forwards:
        return "nftables_router"
    return "nftables_trusting" if wanted.trusted else nftables.NAME


def _unescaped(text: str) -> str:
    """JSON with the ends of lines, and tabs, as they are, which packs better; json.load(strict=False) takes it."""
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[0]), text)


_FILTER = {
    "id": lzma.FILTER_LZMA1, "preset": 9, "lc": 3, "lp": 0, "pb": 0,
    "mf": lzma.MF_BT2, "nice_len": 128, "depth": 1000,
}  # fmt: skip
_HEAD = """\
#part-handler
{mark} {version}: cloud-init runs it; it closes this machine but for what the next part opens.
# PACKED: its source, shortened by tools/engine.py, and the rules. Look: python3 THIS-FILE FOLDER
# Check it without running it: that release's `vps-firewall bundle --verify FILE`.
"""


def _abbreviated(source: str) -> str:
    """Letters that the source does not use for the words that it uses most, behind a list of these."""
    count = Counter(re.findall(r"[A-Za-z_]{3,}|\n[ \t]+", source))
    gain = sorted(((times * (len(word) - 1) - len(word) - 1, word) for word, times in count.items()), reverse=True)
    words = [word for saved, word in gain[:WORDS] if saved > 0]
    for number, word in enumerate(words):
        source = source.replace(word, chr(128 + number))
    return "\v".join(words) + "\f" + source


_COMMAND = """\
#!/usr/bin/python3 -I
import os,sys
sys.path.insert(0,os.path.dirname(os.path.realpath(__file__)))
from vps_firewall_engine import main
sys.exit(main())
"""


def plans(section: Mapping[str, Any], carried: str, cloud_id: str = "") -> dict[str, Any]:
    """What host_command.py reads: the plans of a section, of its own SSH alone, and of the built-in policy; and whether
    they open the port on which sshd listens, which only the host knows, and which is taken to be 22."""
    own = section.get("ssh", {})
    # The built-in policy opens what the host's sshd listens on, which only the section may know.
    port = {"ssh": {"port": own["port"]}} if isinstance(own, Mapping) and "port" in own else {}
    alone = policy.own_ssh(section)
    made = []
    host = facts.Host(cloud_id=cloud_id)
    for name, one, meant, good in (
        ("the policy", section, section, True),
        ("the policy's own SSH alone", alone, alone, False),
        ("the built-in policy", policy.BUILT_IN, {**policy.BUILT_IN, **port}, False),
    ):
        if decide.is_off(meant):
            raise _refused(f"{policy.KEY}.enabled", "is false: a bundle of that would do nothing")
        plan = decide.plan({**meant, "backend": carried}, host, name, good=good)
        fallback: Texts = plan.fallback if carried != nftables.NAME else {}
        source: Source = {**plan.source, "section": one}
        made.append(as_json(replace(plan, fallback=fallback, source=source, warnings=(), interfaces=None)))
    return {"default_port": own is not False and not port, "plans": made}


# --- the user's parts -------------------------------------------------------------------------------------


def _taken_apart(data: bytes) -> tuple[dict[str, Any], list[Part]]:
    """-> (the section, all other parts in their order). A bundle's own parts are left out, and its section taken
    where no other part has one."""
    given = userdata.unpack(data)  # which says what is too much of it
    parts = _parts(given.unpacked)
    former = [part for part in parts if part.kind == OURS]
    rest = [p for p in parts if p.kind != OURS and not (p.kind == HANDLER and MARK.encode() in p.content[:200])]
    carrying = [userdata.carries(part.name, part.kind, part.content) for part in rest]
    section = _stanza(former[-1]) if former and not any(carrying) else userdata.section(given)
    wanted = decide.tested(policy.parse(section, read_list=userdata.read_list))
    assert isinstance(section, dict)
    left = [left for part, has in zip(rest, carrying) for left in (_without_stanza(part) if has else [part])]
    return _without_tests(section, wanted), left


def _without_tests(section: Mapping[str, Any], wanted: policy.Policy) -> dict[str, Any]:
    """What a host needs of a section: its tests, and lists that only these name, have been asked here."""
    carried = {key: value for key, value in section.items() if key != "tests"}
    if lists := {name: value for name, value in section.get("lists", {}).items() if name not in wanted.only_tested}:
        return {**carried, "lists": lists}
    return {key: value for key, value in carried.items() if key != "lists"}


def _parts(data: bytes) -> list[Part]:
    data = userdata.unzip("user-data", data)
    if not userdata.is_message(data):
        if data.lstrip().lower().startswith(b"#cloud-config-archive"):
            return _items(data)
        return [Part("text/plain", data, name="user-data")]
    parts = []
    for number, part in enumerate(userdata.message(data), 1):
        parts.append(_leaf(part, f"user-data part {number}"))
    return parts


_TOLD = ("content-type", "content-transfer-encoding", "mime-version", "content-length")


def _leaf(part: Message, name: str) -> Part:
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    kind = part.get_content_type()
    if content[:2] == b"\x1f\x8b":
        content, kind = userdata.unzip(name, content), "text/plain"
    charset = part.get_content_charset("utf-8")
    if charset not in ("utf-8", "us-ascii"):
        try:
            content = content.decode(charset).encode()
        except (LookupError, ValueError):
            raise _refused(name, f"is not the {quoted(charset)} that it says") from None
    headers = {key: str(value) for key, value in part.items() if key.lower() not in _TOLD}
    return Part(kind, content, headers, name)


def _items(data: bytes) -> list[Part]:
    """The parts of a #cloud-config-archive, told apart as cloud-init does."""
    parts: list[Part] = []
    items = userdata.archive("user-data", data)
    if not isinstance(items, list):
        raise _refused("user-data", "is not a list, which an archive has to be")
    for number, item in enumerate(items, 1):
        name = f"user-data item {number}"
        entry = item if isinstance(item, dict) else {"content": item}
        content = entry.get("content")
        try:
            text = content.encode() if isinstance(content, str) else content
        except UnicodeEncodeError:
            text = None
        if not isinstance(text, bytes):
            raise _refused(f"{name}.content", "is not text")
        starts = ((b"#!", "text/plain"), (b"#include", "text/plain"), (b"#part-handler", "text/plain"))
        kind = next((k for start, k in starts if text.lstrip().startswith(start)), "text/cloud-config")
        headers = {k: str(v) for k, v in entry.items() if k not in ("type", "content", "filename")}
        if "filename" in entry:
            headers["Content-Disposition"] = f'attachment; filename="{entry["filename"]}"'
        kind = str(entry.get("type") or kind)
        if not re.fullmatch(r"[\w.+-]+/[\w.+-]+", kind):
            raise _refused(f"{name}.type", "is not a MIME type, such as text/x-shellscript")
        for key, value in headers.items():
            if not (re.fullmatch(r"[\w-]+", key) and value.isprintable()):
                raise _refused(f"{name}.{quoted(key)}", "is not a header of one line")
        parts.append(Part(kind, text, headers, name))
    return parts


def _without_stanza(part: Part) -> list[Part]:
    """The part without its section, which has a part of its own now; nothing where nothing else is in it."""
    text = part.content.decode()
    before, after = userdata.cut(part.name, text)
    if not any(line.strip() and not line.lstrip().startswith("#") for line in (before + after).splitlines()):
        return []
    return [Part(part.kind, (before + after).encode(), part.headers, part.name)]


# --- forms ------------------------------------------------------------------------------------------------


def _mime(parts: Sequence[Part]) -> bytes:
    edge = "vps-firewall-" + hashlib.sha256(b"".join(p.content for p in parts)).hexdigest()[:16]
    lines = [f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="{edge}"\n\n']
    for part in parts:
        headers = "".join(f"{key}: {value}\n" for key, value in part.headers.items())
        plain = part.content.isascii() and b"\r" not in part.content
        charset = '; charset="utf-8"' if part.kind.startswith("text/") else ""
        lines.append(f"--{edge}\nContent-Type: {part.kind}{charset}\n{headers}")
        if plain:
            lines.append(f"\n{part.content.decode()}\n")
        else:
            lines.append(f"Content-Transfer-Encoding: base64\n\n{base64.encodebytes(part.content).decode()}")
    return "".join([*lines, f"--{edge}--\n"]).encode()


def _archive(parts: Sequence[Part]) -> bytes:
    items = []
    for part in parts:
        try:
            item = {"type": part.kind, "content": part.content.decode()}
        except UnicodeDecodeError:
            raise _refused(part.name, "is not text, which is all that an archive takes; use --format mime") from None
        for key, value in part.headers.items():
            if key.lower() == "content-disposition" and "filename=" in value:
                item["filename"] = value.partition("filename=")[2].strip('"')
            else:
                item[key] = value
        items.append(item)
    return b"#cloud-config-archive\n" + yaml.dump(items, Dumper=_Blocks, sort_keys=False, width=10_000).encode()


class _Blocks(yaml.SafeDumper):
    """Texts of several lines as blocks, to be read."""


def _block(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Blocks.add_representer(str, _block)


def _packed(data: bytes) -> bytes:
    """gzip without a date, with the header that every Python writes the same. What is packed already has a block of
    its own, where six bits a letter are enough."""
    pieces = re.split(rb'(?<=PACKED = """\n)([A-Za-z0-9+/=\n]+)', data)
    body = b""
    for number, piece in enumerate(pieces):
        strategy = zlib.Z_HUFFMAN_ONLY if number % 2 else zlib.Z_DEFAULT_STRATEGY
        before = b"".join(pieces[:number])  # whoever unpacks this still has it, and it need not be said again
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9, strategy, before[-32_768:])
        last = number == len(pieces) - 1
        body += deflate.compress(piece) + deflate.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)
    tail = zlib.crc32(data).to_bytes(4, "little") + (len(data) & 0xFFFFFFFF).to_bytes(4, "little")
    return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff" + body + tail


_WRITERS: Mapping[str, Callable[[Sequence[Part]], bytes]] = {
    "mime": _mime,
    "archive": _archive,
    "gzip": lambda parts: _packed(_mime(parts)),
    "base64": lambda parts: base64.b64encode(_packed(_mime(parts))) + b"\n",
}


def _refused(where: str, message: str) -> PolicyRefused:
    return PolicyRefused([Problem(where, message)])

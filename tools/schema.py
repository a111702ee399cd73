"""the parser's knowledge -> schemas/vps-firewall.schema.json.

What is said here a second time (names of services, keys, patterns) comes from the package itself; descriptions and
examples are this file's own. tests/unit/test_schema.py fails while the committed file is stale.

Draft-07, which editors and check-jsonschema know best. cloud-init's own schema is draft-04: `vps-firewall install`,
which puts this one into it as a definition, turns each `if` and `else` into a demand for the `if`. Nothing else here
needs more than draft-04. Nor is there a `not`: cloud-init 25.1 overrides the method that jsonschema calls for it in a
way that raises, which ends its stage before any module has run.

Checkers print what a value was held against: a list of all names, a pattern for IPv6. One typo is to be one line in
each of them, so what a text must be is asked by an `if`, which nobody prints, and `else` asks for the words that say
it, which no text has that gets there. And no `anyOf` stands where types can tell: a keyword asks values of its own type
alone (`pattern` texts, `items` lists, `properties` mappings), and an error names the item that is wrong, not the
hundred thousand around it. An enum of all names would be a page of an editor's hover, too: they are a pattern, and
snippets, which an editor offers with what each opens, and shows nowhere else.

Measured with check-jsonschema 0.39 and yaml-language-server 1.25. Other ways to say it: an enum (6,494 and 3,101
characters for one typo), an enum beside something that always passes, with a `not` (short, but 3,446 characters of
hover), `not` alone (short, but an editor says only that something is not allowed), examples (8,573 of hover).

Three things such a schema cannot do are the parser's alone: arithmetic (host bits, ranges that run backwards), looking
elsewhere (is this name a list? does deny refuse everybody?), and reading files.
"""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cc_vps_firewall import policy
from cc_vps_firewall.policy import keys, model, services
from cc_vps_firewall.policy.internal import INTERNAL

from . import service_comments

REPOSITORY = Path(__file__).resolve().parent.parent
HOME = REPOSITORY / "schemas" / "vps-firewall.schema.json"


def _home_page() -> str:
    setup = configparser.ConfigParser()
    setup.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    return setup["metadata"]["url"]


# A name, and no place that anybody asks: everything is inside. It is no URN, against which jsonschema before 4.18,
# EL 9's among them, cannot resolve "#/definitions/x".
ID = f"{_home_page()}schemas/{HOME.name}"
Schema = dict[str, Any]

PORT = "(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IPV4 = rf"{BYTE}(?:\.{BYTE}){{3}}"
GROUP = "[0-9A-Fa-f]{1,4}"
TAIL = f"(?:{GROUP}:{GROUP}|{IPV4})"
MAPPED = rf"(?:0{{0,4}}:){{2,6}}[Ff]{{4}}:{TAIL}(?:/|$)"  # an IPv4 address in disguise
# Where :: stands, by how many groups are before it (RFC 3986, appendix A).
SHORTENED = [
    *(f"(?:{GROUP}(?::{GROUP}){{0,{n}}})?::(?:{GROUP}:){{{4 - n}}}{TAIL}" for n in range(5)),
    f"(?:{GROUP}(?::{GROUP}){{0,5}})?::{GROUP}",
    f"(?:{GROUP}(?::{GROUP}){{0,6}})?::",
]
IPV6 = f"(?!{MAPPED})(?:(?:{GROUP}:){{6}}{TAIL}|::(?:{GROUP}:){{5}}{TAIL}|{'|'.join(SHORTENED)})"
PREFIX4 = "(?:/(?:3[0-2]|[12]?[0-9]))?"
PREFIX6 = "(?:/(?:12[0-8]|1[01][0-9]|[1-9]?[0-9]))?"
RATE = f"(?:{model.MAX_RATE}|[1-9][0-9]{{0,3}})/(?:{'|'.join(model.PERIODS)})"


def _pattern(pattern: str) -> str:
    """All of the text. Python's $ also matches before a last newline, which ECMA's does not: (?!\\n) makes them one."""
    return rf"^(?:{pattern})$(?!\n)"


def _never(words: str) -> Schema:
    """Words in the place of a pattern: what is held against them is told so. No text that gets here has them in it, for
    it is shorter."""
    return {"pattern": words, "maxLength": len(words) - 1, "patternErrorMessage": f"This is not {words}."}


# What a text may be: its pattern, or other names that stand for theirs, and the words for it.
TEXTS: dict[str, tuple[str | tuple[str, ...], str]] = {
    "opening": (("service", "port"), "a service or a group by name, or a port such as 8080/tcp"),
    "service": ("|".join(services.names()), "a service or a group by name, such as http or web"),
    "port": (f"{PORT}(?:-{PORT})?/(?:tcp|udp)", "a port with its protocol, such as 8080/tcp or 60000-61000/udp"),
    "source": (("listed", "any"), "an address, a network, the name of a list, or any"),
    "listed": (("ipv4", "ipv6", "list"), "an address, a network, or the name of a list"),
    "ipv4": (IPV4 + PREFIX4, "an IPv4 address or network"),
    "ipv6": (IPV6 + PREFIX6, "an IPv6 address or network"),
    "list": (f"(?!any$){keys.LIST_NAME.pattern}", "the name of a list"),
    "any": ("any", "the word any"),
    "limit": (RATE, "a rate such as 30/minute, or false for none"),
    "interface": (keys.INTERFACE.pattern, "an interface name such as eth0 or wg0"),
    "comment": (
        keys.COMMENT.pattern,
        "a comment of 1 to 64 printable ASCII characters without quotes and backslashes",
    ),
    "path": (keys.PATH.pattern.replace(r"\x", r"\u00"), "an absolute path of a file on the host"),
    "outgoing": ("accept", "accept, or a mapping whose policy is drop"),
}
OTHER_TYPES = ["array", "boolean", "integer", "null", "number", "object"]


def _text(name: str) -> Schema:
    """One of TEXTS; a value of another type is not asked."""
    allowed = TEXTS[name][0]
    if isinstance(allowed, tuple):
        return {"anyOf": [{"$ref": f"#/definitions/{other}-text"} for other in allowed]}
    return {"anyOf": [{"type": OTHER_TYPES}, {"pattern": _pattern(allowed)}]}


def _words(name: str) -> Schema:
    return {"if": {"$ref": f"#/definitions/{name}-text"}, "else": _never(TEXTS[name][1])}


# Of true and false the latter.
FALSE: Schema = {"anyOf": [{"type": [t for t in [*OTHER_TYPES, "string"] if t != "boolean"]}, {"enum": [False]}]}
NOT_TRUE: Schema = {"if": {"$ref": "#/definitions/false"}, "else": {"enum": [False]}}


def schema() -> Schema:
    """The whole document."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": ID,
        "title": "VPS firewall",
        "description": "The vps_firewall: key of cloud-init's user-data: a machine that is closed from its first "
        "packet, and open to exactly what is written here.",
        "type": "object",
        "properties": {policy.KEY: {"$ref": "#/definitions/policy"}},
        "definitions": {
            "policy": _policy(),
            "ssh": _ssh(),
            "openings": _some("opening"),
            "opening": _opening(),
            "outgoing": _outgoing(),
            "exits": _some("exit", words="opening"),
            "exit": _exit(),
            "lists": _lists(),
            "sources": _some("source", minItems=1),
            "source": _source(),
            "denied": _some("listed"),
            "listed": _listed(),
            "limit": _limit(),
            "port": _port(),
            "service": _service(),
            "interface": _interface(),
            "comment": _comment(),
            "names": _names(),
            "false": FALSE,
            **{f"{name}-text": _text(name) for name in TEXTS},
        },
    }


def made() -> Iterator[tuple[Path, str]]:
    yield HOME, text()


def text() -> str:
    """The document's text; a name that an editor offers takes one line of it."""
    snippet = r'\{\s+("label": .*)\s+("body": .*)\s+("description": .*)\s+\}'
    return re.sub(snippet, r"{\1 \2 \3}", json.dumps(schema(), indent=2)) + "\n"


def _key(title: str, description: str, examples: list[Any], **more: Any) -> Schema:
    return {"title": title, "description": description, **more, "examples": examples}


def _choice(key: str) -> Schema:
    accepted = list(keys.CHOICES[key])
    return {"examples": accepted, "enum": accepted, "default": accepted[0]}


def _object(keys: tuple[str, ...], properties: Schema, **more: Any) -> Schema:
    assert set(keys) == set(properties), set(keys) ^ set(properties)
    return {"type": "object", "additionalProperties": False, "properties": properties, **more}


def _ref(name: str, **more: Any) -> Schema:
    """A reference with words of its own beside it: in draft-04 what stands beside $ref is not seen."""
    return {**more, "allOf": [{"$ref": f"#/definitions/{name}"}]} if more else {"$ref": f"#/definitions/{name}"}


def _one_or_list(item: Schema, **more: Any) -> list[Schema]:
    return [{**item}, {"type": "array", "items": item, **more}]


def _policy() -> Schema:
    return _key(
        "Firewall policy",
        "Everything that is not opened here is closed, for IPv4 and IPv6 alike. {} is a full policy: SSH from "
        "anywhere, everything else closed. One mistake refuses the whole policy.",
        [{}, {"ssh": {"from": ["203.0.113.7"]}, "allow": ["web", "mail"]}],
        **_object(
            keys.KEYS,
            {
                "enabled": _key(
                    "Do anything at all",
                    "false: touch nothing, and say so.",
                    [True, False],
                    type="boolean",
                    default=True,
                ),
                "backend": _key(
                    "Firewall backend",
                    "auto follows the host: the firewall service that is installed, or the distribution's own choice.",
                    **_choice("backend"),
                ),
                "ssh": _ref(
                    "ssh",
                    **_key(
                        "SSH",
                        "Where SSH may come from. false closes it; nothing else may lead to a policy that lets nobody "
                        "in. While it is closed, or from or interface restricts it, an entry of allow that opens it to "
                        "anywhere is refused.",
                        [{}, {"from": ["203.0.113.0/24"]}, {"port": 2222}, {"interface": "wg0"}, False],
                        default={},
                    ),
                ),
                "allow": _ref(
                    "openings",
                    **_key(
                        "What else may come in",
                        "Services, groups, ports, or mappings that narrow them to sources, a rate or an interface. "
                        "Each entry opens; none closes what another one opens.",
                        [["http", "https"], ["web", "8080/tcp", {"service": "mysql", "from": ["10.0.0.0/8"]}]],
                        default=[],
                    ),
                ),
                "deny": _ref(
                    "denied",
                    **_key(
                        "Refused before anything is allowed",
                        "Sources whose packets are dropped whatever else the policy says.",
                        [["198.51.100.0/24", "scanners"]],
                        default=[],
                    ),
                ),
                "lists": _ref(
                    "lists",
                    **_key(
                        "Named sources",
                        "Names for sources, to be used in from, to, deny and other lists: written here, or in a file "
                        "on the host. Both families may be mixed.",
                        [{"office": ["203.0.113.0/24", "2001:db8:aa::/48"], "scanners": {"file": "/etc/scanners.txt"}}],
                        default={},
                    ),
                ),
                "ping": _key(
                    "Echo requests",
                    "Answer pings, at most 100 a second. false drops them; the ICMP that networks need always passes.",
                    [True, False],
                    type="boolean",
                    default=True,
                ),
                "malformed": _key(
                    "Malformed packets",
                    "drop: NULL, XMAS, SYN+FIN, SYN+RST, new but not SYN, invalid. accept leaves them to the others.",
                    **_choice("malformed"),
                ),
                "outgoing": _ref(
                    "outgoing",
                    **_key(
                        "What may leave",
                        "accept, or what alone may leave. What keeps the machine alive (DHCP, neighbour discovery, the "
                        "metadata service for root) stays.",
                        ["accept", {"policy": "drop", "allow": ["dns", "ntp", "http", "https"]}],
                        default="accept",
                    ),
                ),
                "metadata": _key(
                    "The cloud's metadata service",
                    "Who on the host may reach it: it hands out the instance's credentials. root: nobody else, and no "
                    "container. all: everybody.",
                    **_choice("metadata"),
                ),
                "containers": _key(
                    "Published container ports",
                    "guard: ports that Docker or Podman publish are filtered like any other. ignore leaves them alone.",
                    **_choice("containers"),
                ),
                "log": _ref(
                    "limit",
                    **_key(
                        "Log what is dropped",
                        "How often a dropped packet is logged. false for never.",
                        ["3/minute", False],
                        default="3/minute",
                    ),
                ),
            },
        ),
    )


def _ssh() -> Schema:
    port = {"type": "integer", "minimum": 1, "maximum": 65535}
    mapping = _object(
        keys.SSH_KEYS,
        {
            "port": _key(
                "Ports of sshd",
                "A port or a list of them, as numbers. Default: where this host's sshd is configured to listen, and "
                "its ssh.socket where that is on.",
                [22, [22, 2222]],
                **{**port, "type": ["integer", "array"], "items": port, "minItems": 1},
            ),
            "from": _ref(
                "sources",
                **_key("Who may log in", "Sources that SSH may come from.", [["203.0.113.7", "office"]], default="any"),
            ),
            "limit": _ref(
                "limit",
                **_key(
                    "New connections per source",
                    "Default: 30/minute while SSH is open to anywhere, none once from names sources.",
                    ["30/minute", False],
                ),
            ),
            "interface": _ref(
                "interface",
                **_key(
                    "Interface",
                    "The network interface that SSH is open on: a VPN's, say. A * at the end stands for anything.",
                    ["wg0", "eth1"],
                ),
            ),
        },
    )
    return {**mapping, "type": ["object", "boolean"], **NOT_TRUE}


def _opening() -> Schema:
    return _either(
        keys.ALLOW_KEYS,
        {
            "service": _ref("service"),
            "port": _ref("port"),
            "from": _ref(
                "sources",
                **_key(
                    "Who may come in", "Sources that this entry is for.", [["10.0.0.0/8"], ["office"]], default="any"
                ),
            ),
            "limit": _ref("limit", **_key("New connections per source", "Beyond it they are dropped.", ["20/minute"])),
            "interface": _ref("interface"),
            "comment": _ref("comment"),
        },
    )


def _either(keys: tuple[str, ...], properties: Schema) -> Schema:
    """A name, a port, or a mapping that has one of them."""
    return {
        **_object(keys, properties),
        "type": ["string", "object"],
        "anyOf": [{"required": ["service"]}, {"required": ["port"]}],
        "dependencies": {"service": {"properties": {"port": _never("an entry with one of service and port")}}},
        "allOf": [_ref("names")],
        **_words("opening"),
    }


def _outgoing() -> Schema:
    mapping = _object(
        keys.OUTGOING_KEYS,
        {
            "policy": _key("Everything else", "What becomes of the rest.", ["drop"], enum=["drop", "accept"]),
            "allow": _ref(
                "exits",
                **_key(
                    "What may leave",
                    "Services, groups, ports, or mappings that narrow them to destinations.",
                    [["dns", "ntp", "http", "https"], [{"port": "5432/tcp", "to": ["10.0.0.0/24"]}]],
                    default=[],
                ),
            ),
        },
        required=["policy"],
    )
    nothing = {"properties": {"allow": {"type": "array", "maxItems": 0}}}
    beside_accept = {
        "if": {"anyOf": [{"properties": {"policy": {"pattern": "^(?!accept$)"}}}, nothing]},
        "else": nothing,
    }
    return {**mapping, "type": ["string", "object"], "allOf": [beside_accept], **_words("outgoing")}


def _exit() -> Schema:
    return _either(
        keys.OUT_KEYS,
        {
            "service": _ref("service"),
            "port": _ref("port"),
            "to": _ref(
                "sources",
                **_key("Where to", "Destinations that this entry is for.", [["10.0.0.0/24"]], default="any"),
            ),
            "comment": _ref("comment"),
        },
    )


def _lists() -> Schema:
    # No patternProperties: jsonschema raises a TypeError for a key that is not text, inside cloud-init's stage.
    file = _key(
        "A list file",
        "Absolute path of a file on the host: one address or network a line, # begins a comment.",
        ["/etc/vps-firewall/scanners.txt"],
        type="string",
        **_words("path"),
    )
    mapping = _object(("file",), {"file": file}, required=["file"])
    some = {**mapping, **_some("listed"), "type": ["string", "array", "object"]}
    return {"type": "object", "additionalProperties": some}


def _some(item: str, *, words: str = "", **more: Any) -> Schema:
    """A list, or a lone text in place of a list of one."""
    named = {"allOf": [_ref("names")]} if "opening" in (item, words) else {}
    return {"type": ["string", "array"], "items": _ref(item), **more, **named, **_words(words or item)}


def _source() -> Schema:
    return _key(
        "Source",
        "An IPv4 or IPv6 address or network, the name of a list, or any. Host names are refused: names change, and no "
        "resolver answers before the firewall is up.",
        ["203.0.113.7", "203.0.113.0/24", "2001:db8::/32", "office", "any"],
        type="string",
        **_words("source"),
    )


def _listed() -> Schema:
    return _key(
        "Source",
        "An IPv4 or IPv6 address or network, or the name of a list.",
        ["203.0.113.7", "203.0.113.0/24", "2001:db8::/32", "office"],
        type="string",
        **_words("listed"),
    )


def _limit() -> Schema:
    return {"type": ["string", "boolean"], "allOf": [NOT_TRUE], **_words("limit")}


def _port() -> Schema:
    return _key(
        "Port and protocol",
        "A port or a range of ports with its protocol.",
        ["8080/tcp", "60000-61000/udp"],
        type="string",
        **_words("port"),
    )


def _service() -> Schema:
    return _key(
        "Service or group",
        "A name from the table of services, or a group of them.",
        ["http", "https", "web", "mail"],
        type="string",
        allOf=[_ref("names")],
        **_words("service"),
    )


def _names() -> Schema:
    """What an editor offers where a service is wanted, with what each name opens."""
    entries, groups = service_comments.entries(), service_comments.groups()
    about = {g.name: f"{', '.join(g.members)}: {g.description}" for g in groups}
    for entry in entries:
        kind = f" (not for anywhere: {INTERNAL[entry.name]})" if entry.name in INTERNAL else ""
        said = f"{', '.join(entry.openings)}: {entry.description}{kind}"
        about.update(dict.fromkeys((entry.name, *entry.aliases), said))
    return {"defaultSnippets": [{"label": name, "body": name, "description": about[name]} for name in services.names()]}


def _interface() -> Schema:
    return _key(
        "Interface",
        "The network interface that packets come in by. A * at the end stands for anything.",
        ["eth1", "wg*"],
        type="string",
        **_words("interface"),
    )


def _comment() -> Schema:
    return _key(
        "Comment",
        "Stands beside the rule in the kernel's own listing. Up to 64 printable ASCII characters without \" and \\.",
        ["application servers"],
        type="string",
        **_words("comment"),
    )

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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from cc_vps_firewall import policy
from cc_vps_firewall.policy import keys, model, services
from cc_vps_firewall.policy.model import EVERY_PROTOCOL
from cc_vps_firewall.policy.service_table import GROUP_TABLE

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

# What is sent to github.com/SchemaStore/schemastore: the schema, an entry of src/api/json/catalog.json, and what
# src/schema-validation.jsonc has to know of it. Strict mode forbids a value of two types, which a policy has many of.
STORE = REPOSITORY / "schemas" / "schemastore"
STORE_URL = "https://www.schemastore.org/vps-firewall.json"
CATALOG: dict[str, Any] = {
    "catalog.json": {
        "name": "vps-firewall",
        "description": "The vps_firewall: key of cloud-init's user-data",
        "fileMatch": ["vps-firewall.yml", "vps-firewall.yaml", "*.vps-firewall.yml", "*.vps-firewall.yaml"],
        "url": STORE_URL,
    },
    "schema-validation.json": {"ajvNotStrictMode": ["vps-firewall.json"]},
}

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
    "allowed": (("service", "every"), "a service or a group by name, such as http or web, or all"),
    "every": (EVERY_PROTOCOL.proto, "the word all"),
    "port": (f"{PORT}(?:-{PORT})?/(?:tcp|udp)", "a port with its protocol, such as 8080/tcp or 60000-61000/udp"),
    "source": (("listed", "any"), "an address, a network, the name of a list, or any"),
    "listed": (("ipv4", "ipv6", "list"), "an address, a network, or the name of a list"),
    "ipv4": (IPV4 + PREFIX4, "an IPv4 address or network"),
    "ipv6": (IPV6 + PREFIX6, "an IPv6 address or network"),
    "address": (f"{IPV4}|{IPV6}", "an IPv4 or IPv6 address"),
    "list": (f"(?!any$){keys.LIST_NAME.pattern}", "the name of a list"),
    "any": ("any", "the word any"),
    "limit": (RATE, "a rate such as 30/minute, or false for none"),
    "interface": (keys.INTERFACE.pattern, "an interface name such as eth0 or wg0"),
    "comment": (
        keys.COMMENT.pattern,
        "a comment of 1 to 64 printable ASCII characters without quotes and backslashes",
    ),
    "path": (keys.PATH.pattern.replace(r"\x", r"\u00"), "an absolute path of a file on the host"),
    "containers": ("guard|ignore", "guard, ignore, or a mapping with bridges"),
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
            "opening": _entry(),
            "outgoing": _outgoing(),
            "exits": _some("exit", words="opening"),
            "exit": _either(keys.EXIT),
            "lists": _lists(),
            "tests": _tests(),
            "tested": _tested(),
            "expected": {**_some("opening", minItems=1), "items": _kind_of_opening()},
            "sources": _some("source", minItems=1),
            "source": _kind("source"),
            "denied": _some("listed"),
            "listed": _kind("listed"),
            "limit": _limit(),
            "containers": _containers(),
            "bridges": {"type": ["string", "array"], "items": _ref("interface"), **_words("interface")},
            "publications": {"type": "array", "items": _object(keys.PUBLICATION, required=_required(keys.PUBLICATION))},
            "routes": {"type": "array", "items": _route()},
            "port": _kind("port"),
            "service": _kind("service", allOf=[_ref("names")]),
            "allowed": _kind("allowed", allOf=[_ref("names")]),
            "interface": _kind("interface"),
            "comment": _kind("comment"),
            "names": _names(),
            "false": FALSE,
            **{f"{name}-text": _text(name) for name in TEXTS},
        },
    }


def made() -> Iterator[tuple[Path, str]]:
    yield HOME, text()
    yield STORE / "vps-firewall.json", text(for_the_store())
    for name, added in CATALOG.items():
        yield STORE / name, json.dumps(added, indent=2) + "\n"


def for_the_store() -> Schema:
    """The same as SchemaStore takes it: under its address, and with no keyword that its Ajv does not know."""

    def known(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: known(inner) for key, inner in value.items() if key != "patternErrorMessage"}
        return [known(inner) for inner in value] if isinstance(value, list) else value

    return {**known(schema()), "$id": STORE_URL}


def text(document: Schema | None = None) -> str:
    """A document's text, by default ours; a name that an editor offers takes one line of it."""
    snippet = r'\{\s+("label": .*)\s+("body": .*)\s+("description": .*)\s+\}'
    return re.sub(snippet, r"{\1 \2 \3}", json.dumps(document or schema(), indent=2)) + "\n"


def _key(title: str, description: str, examples: Sequence[Any], **more: Any) -> Schema:
    return {"title": title, "description": description, **more, "examples": list(examples)}


def _value(key: keys.Key) -> Schema:
    """A row of the table of keys -> what the schema says of it."""
    default = {} if key.default is keys.UNSET else {"default": key.default}
    if key.reader not in INLINE:
        return _ref(key.reader, **(_key(key.title, key.text, key.examples, **default) if key.title else {}))
    return _key(key.title, key.text, key.examples, **INLINE[key.reader](key), **default)


def _object(table: keys.Table, **more: Any) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {key.name: _value(key) for key in table},
        **more,
    }


def _ref(name: str, **more: Any) -> Schema:
    """A reference with words of its own beside it: in draft-04 what stands beside $ref is not seen."""
    return {**more, "allOf": [{"$ref": f"#/definitions/{name}"}]} if more else {"$ref": f"#/definitions/{name}"}


# What a value is, by its reader, where no definition says it.
_SSH_PORT = {"type": "integer", "minimum": 1, "maximum": 65535}
INLINE: dict[str, Callable[[keys.Key], Schema]] = {
    "choice": lambda key: {"enum": list(key.choices)},
    "file": lambda key: {"type": "string", **_words("path")},
    "address": lambda key: {"type": "string", **_words("address")},
    "flag": lambda key: {"type": "boolean"},
    "masquerade": lambda key: {"enum": [True, False, 4, 6, [4], [6], [4, 6], [6, 4]]},
    "number": lambda key: _SSH_PORT,
    "ports": lambda key: {**_SSH_PORT, "type": ["integer", "array"], "items": _SSH_PORT, "minItems": 1},
}


def _policy() -> Schema:
    return _key(
        "Firewall policy",
        "Everything that is not opened here is closed, for IPv4 and IPv6 alike. {} is a full policy: SSH from "
        "anywhere, everything else closed. One mistake refuses the whole policy.",
        [{}, {"ssh": {"from": ["203.0.113.7"]}, "allow": ["web", "mail"]}],
        **_object(keys.POLICY),
    )


def _ssh() -> Schema:
    return {**_object(keys.SSH), "type": ["object", "boolean"], **NOT_TRUE}


def _either(table: keys.Table) -> Schema:
    """A name, a port, or a mapping that has one of them."""
    return {
        **_object(table),
        "type": ["string", "object"],
        "anyOf": [{"required": ["service"]}, {"required": ["port"]}],
        "dependencies": {"service": {"properties": {"port": _never("an entry with one of service and port")}}},
        "allOf": [_ref("names")],
        **_words("opening"),
    }


def _entry() -> Schema:
    """An entry of `allow`: `service: all` needs what narrows it."""
    either = _either(keys.ENTRY)
    named = {"properties": {"service": {"pattern": f"^(?!{EVERY_PROTOCOL.proto}$)"}}}
    narrowed = {
        "if": {"anyOf": [named, {"required": ["from"]}, {"required": ["interface"]}, {"type": "string"}]},
        "else": {"required": ["from"]},
    }
    return {**either, "allOf": [*either["allOf"], narrowed]}


def _route() -> Schema:
    """An entry of `route`: one key at least that narrows it, and no masquerade without an interface to leave by."""
    narrowed = [{"required": [name]} for name in ("in", "out", "from", "to")]
    one = {"properties": {"port": _never("a route with one of service and port")}}
    shown = {"required": ["out"]}
    hidden = {"if": {"anyOf": [{"properties": {"masquerade": {"enum": [False]}}}, shown]}, "else": shown}
    return {**_object(keys.ROUTE), "anyOf": narrowed, "dependencies": {"service": one}, "allOf": [hidden]}


def _outgoing() -> Schema:
    mapping = _object(keys.OUTGOING, required=_required(keys.OUTGOING))
    nothing = {"properties": {"allow": {"type": "array", "maxItems": 0}}}
    beside_accept = {
        "if": {"anyOf": [{"properties": {"policy": {"pattern": "^(?!accept$)"}}}, nothing]},
        "else": nothing,
    }
    return {**mapping, "type": ["string", "object"], "allOf": [beside_accept], **_words("outgoing")}


def _tests() -> Schema:
    """A list of tests, each of which expects something."""
    test = {**_object(keys.TEST), "anyOf": [{"required": ["allowed"]}, {"required": ["denied"]}]}
    return {"type": "array", "items": test}


def _kind_of_opening() -> Schema:
    """A service, a group or a port, without a mapping around it."""
    return {"type": "string", "allOf": [_ref("names")], **_words("opening")}


def _tested() -> Schema:
    """Sources as elsewhere, or a mapping that names those who are not meant."""
    others = _object(keys.OTHERS, required=_required(keys.OTHERS))
    return {**_some("source", minItems=1), **others, "type": ["string", "array", "object"]}


def _containers() -> Schema:
    return {**_object(keys.CONTAINERS), "type": ["string", "object"], **_words("containers")}


def _required(table: keys.Table) -> list[str]:
    return [key.name for key in table if key.required]


def _lists() -> Schema:
    # No patternProperties: jsonschema raises a TypeError for a key that is not text, inside cloud-init's stage.
    mapping = _object(keys.LIST_FILE, required=_required(keys.LIST_FILE))
    some = {**mapping, **_some("listed"), "type": ["string", "array", "object"]}
    return {"type": "object", "additionalProperties": some}


def _some(item: str, *, words: str = "", **more: Any) -> Schema:
    """A list, or a lone text in place of a list of one."""
    named = {"allOf": [_ref("names")]} if "opening" in (item, words) else {}
    return {"type": ["string", "array"], "items": _ref(item), **more, **named, **_words(words or item)}


def _kind(name: str, **more: Any) -> Schema:
    """A text that several keys take."""
    kind = keys.KINDS[name]
    return _key(kind.title, kind.text, kind.examples, type="string", **more, **_words(name))


def _limit() -> Schema:
    return {"type": ["string", "boolean"], "allOf": [NOT_TRUE], **_words("limit")}


def _names() -> Schema:
    """What an editor offers where a service is wanted, with what each name opens."""
    about = {group.name: f"{', '.join(group.members)}: {group.text}" for group in GROUP_TABLE}
    for service in services.ENTRIES:
        kind = f" (not for anywhere: {service.internal})" if service.internal else ""
        said = f"{', '.join(service.openings)}: {service.text}{kind}"
        about.update(dict.fromkeys((service.name, *service.aliases), said))
    return {"defaultSnippets": [{"label": name, "body": name, "description": about[name]} for name in services.names()]}

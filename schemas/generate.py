"""the parser's knowledge -> schemas/vps-firewall.schema.json: run as `python3 -m schemas.generate`.

Draft-04, as cloud-init's own schema, into which `vps-firewall install` puts this one as a definition. What is
said here a second time (names of services, keys, patterns) comes from the package itself; descriptions and
examples are this file's own. tests/unit/test_schema.py fails while the committed file is stale.

What may be very long, a list of sources, is judged item by item, and not under an anyOf: an error then names the wrong
item, and not, in cloud-init's log, the hundred thousand around it; and jsonschema, which cloud-init runs at boot,
looks at each once.

Three things a draft-04 schema cannot do are the parser's alone: arithmetic (host bits, ranges that run
backwards), looking elsewhere (is this name a list? does deny refuse everybody?), and reading files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cc_vps_firewall import policy, services

HOME = Path(__file__).parent / "vps-firewall.schema.json"
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
RATE = f"(?:{policy.MAX_RATE}|[1-9][0-9]{{0,3}})/(?:{'|'.join(policy.PERIODS)})"


def _pattern(pattern: str) -> str:
    """All of the text. Python's $ also matches before a last newline, which ECMA's does not: (?!\\n) makes them one."""
    return rf"^(?:{pattern})$(?!\n)"


LISTED: list[Schema] = [
    {"pattern": _pattern(IPV4 + PREFIX4)},
    {"pattern": _pattern(IPV6 + PREFIX6)},
    {"pattern": _pattern(f"(?!any$){policy.LIST_NAME.pattern}")},
]


def schema() -> Schema:
    """The whole document."""
    return {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "title": "VPS firewall",
        "description": "The vps_firewall: key of cloud-init's user-data: a machine that is closed from its first "
        "packet, and open to exactly what is written here.",
        "type": "object",
        "properties": {policy.KEY: {"$ref": "#/definitions/policy"}},
        "definitions": {
            "policy": _policy(),
            "ssh": _ssh(),
            "opening": _opening(),
            "outgoing": _outgoing(),
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
        },
    }


def text() -> str:
    return json.dumps(schema(), indent=2) + "\n"


def _key(title: str, description: str, examples: list[Any], **more: Any) -> Schema:
    return {"title": title, "description": description, **more, "examples": examples}


def _choice(key: str) -> Schema:
    accepted = list(policy.CHOICES[key])
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
            policy.KEYS,
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
                "allow": _key(
                    "What else may come in",
                    "Services, groups, ports, or mappings that narrow them to sources, a rate or an interface. Each "
                    "entry opens; none closes what another one opens.",
                    [["http", "https"], ["web", "8080/tcp", {"service": "mysql", "from": ["10.0.0.0/8"]}]],
                    default=[],
                    anyOf=_one_or_name("opening"),
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
                    "Who on the host may reach it: it hands out the instance's credentials.",
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
        policy.SSH_KEYS,
        {
            "port": _key(
                "Ports of sshd",
                "A port or a list of them, as numbers. Default: where this host's sshd is configured to listen, and "
                "its ssh.socket where that is on.",
                [22, [22, 2222]],
                anyOf=_one_or_list(port, minItems=1),
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
    return {"anyOf": [mapping, {"enum": [False]}]}


def _one_or_name(entry: str) -> list[Schema]:
    """A list of entries, or a lone name in place of a list of one."""
    return [{"type": "array", "items": _ref(entry)}, _ref("service"), _ref("port")]


def _opening() -> Schema:
    mapping = _object(
        policy.ALLOW_KEYS,
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
    return {"anyOf": [_ref("service"), _ref("port"), _either(mapping)]}


def _either(mapping: Schema) -> Schema:
    return {**mapping, "oneOf": [{"required": ["service"]}, {"required": ["port"]}]}


def _outgoing() -> Schema:
    allow = _key(
        "What may leave",
        "Services, groups, ports, or mappings that narrow them to destinations.",
        [["dns", "ntp", "http", "https"], [{"port": "5432/tcp", "to": ["10.0.0.0/24"]}]],
        default=[],
        anyOf=_one_or_name("exit"),
    )
    mapping = _object(
        policy.OUTGOING_KEYS,
        {
            "policy": _key("Everything else", "What becomes of the rest.", ["drop"], enum=["drop", "accept"]),
            "allow": allow,
        },
        required=["policy"],
        anyOf=[
            {"properties": {"policy": {"enum": ["drop"]}}},
            {"properties": {"policy": {"enum": ["accept"]}, "allow": {"type": "array", "maxItems": 0}}},
        ],
    )
    return {"anyOf": [{"enum": ["accept"]}, mapping]}


def _exit() -> Schema:
    mapping = _object(
        policy.OUT_KEYS,
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
    return {"anyOf": [_ref("service"), _ref("port"), _either(mapping)]}


def _lists() -> Schema:
    # No patternProperties: jsonschema raises a TypeError for a key that is not text, inside cloud-init's stage.
    file = _key(
        "A list file",
        "Absolute path of a file on the host: one address or network a line, # begins a comment.",
        ["/etc/vps-firewall/scanners.txt"],
        type="string",
        pattern=_pattern(policy.PATH.pattern.replace(r"\x", r"\u00")),
    )
    mapping = _object(("file",), {"file": file}, required=["file"])
    some = _some("listed", {"type": "object"})
    return {"type": "object", "additionalProperties": {**mapping, **some, "type": ["string", "array", "object"]}}


def _some(item: str, *others: Schema, **more: Any) -> Schema:
    """A list of sources, or a lone one in place of a list of one."""
    alternatives = [{"type": "array"}, *others, _ref(item)]
    return {"type": ["string", "array"], "items": _ref(item), "anyOf": alternatives, **more}


def _source() -> Schema:
    return _key(
        "Source",
        "An IPv4 or IPv6 address or network, the name of a list, or any. Host names are refused: names change, and no "
        "resolver answers before the firewall is up.",
        ["203.0.113.7", "203.0.113.0/24", "2001:db8::/32", "office", "any"],
        type="string",
        anyOf=[*LISTED, {"enum": ["any"]}],
    )


def _listed() -> Schema:
    return _key(
        "Source",
        "An IPv4 or IPv6 address or network, or the name of a list.",
        ["203.0.113.7", "203.0.113.0/24", "2001:db8::/32", "office"],
        type="string",
        anyOf=LISTED,
    )


def _limit() -> Schema:
    return {"anyOf": [{"type": "string", "pattern": _pattern(RATE)}, {"enum": [False]}]}


def _port() -> Schema:
    return _key(
        "Port and protocol",
        "A port or a range of ports with its protocol.",
        ["8080/tcp", "60000-61000/udp"],
        type="string",
        pattern=_pattern(f"{PORT}(?:-{PORT})?/(?:tcp|udp)"),
    )


def _service() -> Schema:
    return _key(
        "Service or group",
        "A name from the table of services, or a group of them.",
        ["http", "https", "web", "mail"],
        enum=list(services.names()),
    )


def _interface() -> Schema:
    return _key(
        "Interface",
        "The network interface that packets come in by. A * at the end stands for anything.",
        ["eth1", "wg*"],
        type="string",
        pattern=_pattern(policy.INTERFACE.pattern),
    )


def _comment() -> Schema:
    return _key(
        "Comment",
        "Stands beside the rule in the kernel's own listing. Up to 64 printable ASCII characters without \" and \\.",
        ["application servers"],
        type="string",
        pattern=_pattern(policy.COMMENT.pattern),
    )


if __name__ == "__main__":
    HOME.write_text(text(), encoding="utf-8")

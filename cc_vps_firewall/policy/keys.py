"""The table of keys: one row for each that a policy may have, and what the values under them may be.

Parser, schema (tools/schema.py), reference page (tools/reference.py) and the tests' strategies (tests/unit/any_yaml.py)
are made of these rows. A row names its reader: the parser's `readers` know what reads a value, the schema and the
strategies what it may be, all three by that name. A new key is a row here, a field of model.Policy, and the rule that
is made of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

UNSET: Any = object()  # the default of a key without which nothing is said

LIST_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
PATH = re.compile(r"/[^\x00-\x1f\x7f\ud800-\udfff]*")
INTERFACE = re.compile(r"(?!-)([A-Za-z0-9_.:@-]{1,15}|[A-Za-z0-9_.:@-]{1,14}\*)")
COMMENT = re.compile(r"[ !#-\[\]-~]{1,64}")


@dataclass(frozen=True, eq=False)
class Key:
    """One key of a mapping.

    `reader`: the kind of its value, see above. `title`, `text`, `examples`: what editors and the reference page show;
    without them what KINDS says of that kind. `default`: as an owner would write it. `choices`: the words that it may
    be, the first one its default unless it is `required`; which is what a message asks for where the key is missing.
    """

    name: str
    reader: str
    title: str = ""
    text: str = ""
    examples: tuple[Any, ...] = ()
    default: Any = UNSET
    choices: tuple[str, ...] = ()
    required: str = ""


Table = tuple[Key, ...]


@dataclass(frozen=True)
class Kind:
    """A value that several keys take. `words`: how the reference page names it; `heading`: its section there."""

    words: str
    heading: str = ""
    title: str = ""
    text: str = ""
    examples: tuple[str, ...] = ()


def _choice(name: str, title: str, text: str, *choices: str) -> Key:
    return Key(name, "choice", title, text, choices, choices[0], choices)


POLICY: Table = (
    Key("enabled", "flag", "Do anything at all", "false: touch nothing, and say so.", (True, False), True),
    _choice(
        "backend",
        "Firewall backend",
        "auto follows the host: the firewall service that is installed, or the distribution's own choice.",
        *("auto", "nftables", "iptables"),
    ),
    Key(
        "ssh",
        "ssh",
        "SSH",
        "Where SSH may come from. false closes it; nothing else may lead to a policy that lets nobody "
        "in. While it is closed, or from or interface restricts it, an entry of allow that opens it to "
        "anywhere is refused.",
        ({}, {"from": ["203.0.113.0/24"]}, {"port": 2222}, {"interface": "wg0"}, False),
        {},
    ),
    Key(
        "allow",
        "openings",
        "What else may come in",
        "Services, groups, ports, or mappings that narrow them to sources, a rate or an interface. "
        "Each entry opens; none closes what another one opens.",
        (["http", "https"], ["web", "8080/tcp", {"service": "mysql", "from": ["10.0.0.0/8"]}]),
        [],
    ),
    Key(
        "deny",
        "denied",
        "Refused before anything is allowed",
        "Sources whose packets are dropped whatever else the policy says.",
        (["198.51.100.0/24", "scanners"],),
        [],
    ),
    Key(
        "lists",
        "lists",
        "Named sources",
        "Names for sources, to be used in from, to, deny and other lists: written here, or in a file "
        "on the host. Both families may be mixed.",
        ({"office": ["203.0.113.0/24", "2001:db8:aa::/48"], "scanners": {"file": "/etc/scanners.txt"}},),
        {},
    ),
    Key(
        "ping",
        "flag",
        "Echo requests",
        "Answer pings, at most 100 a second. false drops them; the ICMP that networks need always passes.",
        (True, False),
        True,
    ),
    _choice(
        "malformed",
        "Malformed packets",
        "drop: NULL, XMAS, SYN+FIN, SYN+RST, new but not SYN, invalid. accept leaves them to the others.",
        *("drop", "accept"),
    ),
    _choice(
        "flood",
        "Floods",
        "guard: who is let in stays so while others flood the host with SYNs. ignore leaves that out.",
        *("guard", "ignore"),
    ),
    Key(
        "outgoing",
        "outgoing",
        "What may leave",
        "accept, or what alone may leave, of what containers send too. What keeps the machine alive (DHCP, neighbour "
        "discovery, the metadata service for root) stays.",
        ("accept", {"policy": "drop", "allow": ["dns", "ntp", "http", "https"]}),
        "accept",
    ),
    Key(
        "publish",
        "publications",
        "Ports that are served behind this host",
        "A port of this host that a machine behind it serves, in a tunnel or on a private network: for whom the entry "
        "names, who keep their own address. Switches forwarding on in the kernel.",
        ([{"port": "8443/tcp", "to": "10.8.0.2", "to_port": 443}],),
        [],
    ),
    Key(
        "route",
        "routes",
        "What is forwarded",
        "From interface to interface, from sources to destinations, every service or some; answers come back. Each "
        "entry opens, also where outgoing is dropped; deny, metadata and malformed hold for it. Switches forwarding on "
        "in the kernel.",
        ([{"in": "wg0", "out": "eth0", "masquerade": True}], [{"in": "eth1", "to": ["10.8.0.0/24"], "service": "ssh"}]),
        [],
    ),
    _choice(
        "metadata",
        "The cloud's metadata service",
        "Who on the host may reach it: it hands out the instance's credentials. root: nobody else, and no "
        "container. all: everybody.",
        *("root", "all"),
    ),
    Key(
        "containers",
        "containers",
        "Containers",
        "guard: ports that Docker or Podman publish are filtered like any other. ignore leaves them alone. A mapping "
        "also names bridges that no known program would.",
        ("guard", "ignore", {"policy": "guard", "bridges": ["mybr*", "flannel.1"]}),
        "guard",
    ),
    Key(
        "log",
        "limit",
        "Log what is dropped",
        "How often a dropped packet is logged. false for never.",
        ("3/minute", False),
        "3/minute",
    ),
    Key(
        "tests",
        "tests",
        "What must and must not get in",
        "Each holds for every address of its source, or the policy is refused, with a packet that shows why. They are "
        "about first packets to this host; a published port counts under the port of this host. A later boot only "
        "warns, and a bundle does not carry them.",
        (
            [
                {"from": "any", "denied": ["22/tcp", "mysql"]},
                {"from": ["office"], "allowed": ["ssh"]},
                {"from": {"not": ["office"]}, "denied": ["ssh"]},
            ],
        ),
        [],
    ),
)

SSH: Table = (
    Key(
        "port",
        "ports",
        "Ports of sshd",
        "A port or a list of them, as numbers. Default: where this host's sshd is configured to listen, and "
        "its ssh.socket where that is on.",
        (22, [22, 2222]),
    ),
    Key(
        "from",
        "sources",
        "Who may log in",
        "Sources that SSH may come from.",
        (["203.0.113.7", "office"],),
        "any",
    ),
    Key(
        "limit",
        "limit",
        "New connections per source",
        "Default: 30/minute while SSH is open to anywhere, none once from names sources.",
        ("30/minute", False),
    ),
    Key(
        "interface",
        "interface",
        "Interface",
        "The network interface that SSH is open on: a VPN's, say. A * at the end stands for anything.",
        ("wg0", "eth1"),
    ),
)

ENTRY: Table = (
    Key("service", "allowed"),
    Key("port", "port"),
    Key(
        "from",
        "sources",
        "Who may come in",
        "Sources that this entry is for.",
        (["10.0.0.0/8"], ["office"]),
        "any",
    ),
    Key(
        "limit",
        "limit",
        "New connections per source",
        "Beyond it they are refused. Of TCP those count whose handshake is finished.",
        ("20/minute",),
    ),
    Key("interface", "interface"),
    Key("comment", "comment"),
)

OUTGOING: Table = (
    Key(
        "policy",
        "choice",
        "Everything else",
        "What becomes of the rest.",
        ("drop",),
        choices=("drop", "accept"),
        required="drop or accept",
    ),
    Key(
        "allow",
        "exits",
        "What may leave",
        "Services, groups, ports, or mappings that narrow them to destinations.",
        (["dns", "ntp", "http", "https"], [{"port": "5432/tcp", "to": ["10.0.0.0/24"]}]),
        [],
    ),
    _choice(
        "containers",
        "What containers send",
        "guard: new connections of containers to other machines are judged by the same allow; those to other "
        "containers here are not. ignore: containers may send what they like.",
        *("guard", "ignore"),
    ),
)

EXIT: Table = (
    Key("service", "service"),
    Key("port", "port"),
    Key("to", "sources", "Where to", "Destinations that this entry is for.", (["10.0.0.0/24"],), "any"),
    Key("comment", "comment"),
)

CONTAINERS: Table = (
    _choice("policy", "Published container ports", "As above.", *("guard", "ignore")),
    Key(
        "bridges",
        "bridges",
        "More bridges",
        "Interfaces that containers are behind, beside those with names of Docker, Podman, CNI, LXD, Incus and "
        "libvirt: what comes in by them is forwarded. Never one with a default route.",
        (["mybr*", "flannel.1"],),
        [],
    ),
)

PUBLICATION: Table = (
    Key("port", "port", required="the port of this host, such as 8443/tcp"),
    Key(
        "to",
        "address",
        "Who serves it",
        "The address of the machine behind this host. Of one family: the port is published over that one.",
        ("10.8.0.2", "fd00:8::2"),
        required="the address of the machine that serves it, such as 10.8.0.2",
    ),
    Key("to_port", "number", "Port there", "Default: the same port. Not with a range.", (443,)),
    Key(
        "from",
        "sources",
        "Who may come in",
        "Sources that this entry is for.",
        (["203.0.113.0/24"], ["office"]),
        "any",
    ),
    Key("interface", "interface"),
    Key(
        "limit",
        "limit",
        "New connections per source",
        "Beyond it they are refused. Of TCP those count whose handshake is finished.",
        ("20/minute",),
    ),
    Key(
        "masquerade",
        "flag",
        "Hide the client's address",
        "true: the machine behind sees this host's address, for where its answers would go another way.",
        (True,),
        False,
    ),
    Key("comment", "comment"),
)

ROUTE: Table = (
    Key(
        "in",
        "interface",
        "Where it comes in",
        "The network interface that packets come in by. A * at the end stands for anything.",
        ("eth1", "wg*"),
    ),
    Key(
        "out",
        "interface",
        "Where it goes out",
        "The network interface that packets leave by. A * at the end stands for anything.",
        ("eth0", "wg*"),
    ),
    Key("from", "sources", "Who sends it", "Sources that this entry is for.", (["10.0.0.0/8"], ["office"]), "any"),
    Key("to", "sources", "Where to", "Destinations that this entry is for.", (["10.8.0.0/24"],), "any"),
    Key(
        "service",
        "allowed",
        "Service or group",
        "A name from the table of services, or a group of them. Without service and port: everything, every protocol.",
        ("https", "web", "all"),
    ),
    Key("port", "port"),
    Key(
        "masquerade",
        "masquerade",
        "Hide who sends it",
        "true: over IPv4 those who answer see the address of this host on the interface that the packets leave by. "
        "[4, 6]: over both families, [6]: over IPv6 alone. Goes with out.",
        (True, [4, 6]),
        False,
    ),
    Key("comment", "comment"),
)

LIST_FILE: Table = (
    Key(
        "file",
        "file",
        "A list file",
        "Absolute path of a file on the host: one address or network a line, # begins a comment.",
        ("/etc/vps-firewall/scanners.txt",),
        required="the absolute path of a file on the host",
    ),
)

TEST: Table = (
    Key(
        "from",
        "tested",
        "Who sends it",
        "Sources, or {not: SOURCES} for all others.",
        (["office"], {"not": ["office"]}),
        "any",
    ),
    Key("allowed", "expected", "What must get in", "Services, groups and ports.", (["ssh", "443/tcp"],)),
    Key("denied", "expected", "What must not get in", "Services, groups and ports.", (["mysql", "8000-8999/tcp"],)),
    Key(
        "interface",
        "interface",
        "By which interface",
        "A name, or a pattern with * at the end. Default: one that no entry and no bridge of containers is about.",
        ("eth1", "wg*"),
    ),
)

OTHERS: Table = (
    Key(
        "not",
        "sources",
        "All sources but these",
        "Sources that the test is not about.",
        (["office"],),
        required="the sources that the test is not about",
    ),
)

TABLES = (POLICY, SSH, ENTRY, OUTGOING, EXIT, CONTAINERS, PUBLICATION, ROUTE, LIST_FILE, TEST, OTHERS)

_ENTRIES = "a list of [services and groups](services.md), [ports](#port), and mappings with the keys below"

KINDS: Mapping[str, Kind] = {
    "sources": Kind("a list of [sources](#source)"),
    "denied": Kind("a list of [sources](#source), without `any`"),
    "openings": Kind(_ENTRIES),
    "exits": Kind(_ENTRIES),
    "bridges": Kind("a list of interfaces, by their names or with a `*` at the end"),
    "publications": Kind("a list of mappings with the keys below"),
    "routes": Kind("a list of mappings with the keys below, each with one at least of `in`, `out`, `from` and `to`"),
    "masquerade": Kind("`true`, `false`, or a list of `4` and `6`"),
    "address": Kind("an IPv4 or IPv6 address"),
    "number": Kind("a port by its number, 1 to 65535"),
    "source": Kind(
        "a [source](#source)",
        "Source",
        "Source",
        "An IPv4 or IPv6 address or network, the name of a list, or any. Host names are refused: names change, and no "
        "resolver answers before the firewall is up.",
        ("203.0.113.7", "203.0.113.0/24", "2001:db8::/32", "office", "any"),
    ),
    "listed": Kind(
        "a [source](#source) other than `any`",
        "",
        "Source",
        "An IPv4 or IPv6 address or network, or the name of a list.",
        ("203.0.113.7", "203.0.113.0/24", "2001:db8::/32", "office"),
    ),
    "limit": Kind("a [rate](#rate), or `false`", "Rate"),
    "service": Kind(
        "a [service or group](services.md)",
        "",
        "Service or group",
        "A name from the table of services, or a group of them.",
        ("http", "https", "web", "mail"),
    ),
    "allowed": Kind(
        "a [service or group](services.md), or `all`",
        "",
        "Service or group",
        "A name from the table of services, or a group of them. all: everything, every protocol, for networks and "
        "interfaces that are trusted; with from or interface alone.",
        ("http", "https", "web", "mail", "all"),
    ),
    "port": Kind(
        "a [port](#port)",
        "Port",
        "Port and protocol",
        "A port or a range of ports with its protocol.",
        ("8080/tcp", "60000-61000/udp"),
    ),
    "interface": Kind(
        "text",
        "",
        "Interface",
        "The network interface that packets come in by. A * at the end stands for anything.",
        ("eth1", "wg*"),
    ),
    "comment": Kind(
        "text",
        "",
        "Comment",
        "Stands beside the rule in the kernel's own listing. Up to 64 printable ASCII characters without \" and \\.",
        ("application servers",),
    ),
    "tests": Kind("a list of mappings with the keys below"),
    "tested": Kind("a list of [sources](#source), or `{not: SOURCES}`"),
    "expected": Kind("a list of [services and groups](services.md) and [ports](#port)"),
    "lists": Kind("a mapping of names to sources, or to files"),
}


@cache
def names(table: Table) -> tuple[str, ...]:
    """What its keys are called, in order."""
    return tuple(key.name for key in table)


BACKENDS = next(key.choices for key in POLICY if key.name == "backend")

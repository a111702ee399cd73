"""user-data -> Policy: one pass, every problem at once."""

from __future__ import annotations

import bisect
import re
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, TypeVar

from . import clouds, services, suggest
from .errors import PolicyRefused, Problem

KEY = "vps_firewall"
T = TypeVar("T")

# An address as a number with its prefix length: 203.0.113.0/24 is (0xCB007100, 24). A hundred thousand
# ipaddress objects cost more time than the kernel needs to load them; these do not.
Net = tuple[int, int]
EVERYTHING: tuple[Net, ...] = ((0, 0),)
WIDTH = {4: 32, 6: 128}
_AF = {4: socket.AF_INET, 6: socket.AF_INET6}

PERIODS = ("second", "minute", "hour", "day")
MAX_RATE = 10_000  # xt_limit counts in 1/10000 s (iptables-extensions(8): "Rate too fast" above it)
PORTLESS = ("esp", "ah", "gre", "vrrp")
MAX_VALUES = 200_000  # in one user-data, aliases expanded: a hundred thousand networks fit twice
LONG = 64  # characters; a text weighs a value for each so many, for aliases can put a long one anywhere
TOO_MANY = f"holds more than {MAX_VALUES:,} values once its aliases are expanded; put long lists in files"
MAX_NETWORKS = 500_000  # that names of lists stand for, where they are put together with others
MAX_ENTRIES = 20_000  # in one list of services and ports
MAX_PROBLEMS = 200  # that are told one by one
MAX_SUGGESTIONS = 50  # "did you mean" compares with every known name; ten thousand typos would take minutes


@dataclass(frozen=True)
class Sources:
    """Collapsed networks of both families; ((0, 0),) is all of a family, () is none of it."""

    v4: tuple[Net, ...] = EVERYTHING
    v6: tuple[Net, ...] = EVERYTHING

    def of(self, family: int) -> tuple[Net, ...]:
        return self.v4 if family == 4 else self.v6

    @property
    def anywhere(self) -> bool:
        return self.v4 == EVERYTHING == self.v6


ANYWHERE = Sources()
NOWHERE = Sources((), ())
# Nobody can connect from "this network", loopback, multicast or class E (RFC 6890), nor from ::, ::1 or multicast.
NOBODY = Sources(((0, 8), (0x7F000000, 8), (0xE0000000, 3)), ((0, 127), (0xFF << 120, 8)))
# What no packet from the internet has as its source: the above, and what is private, link-local, shared, or kept for
# tests and documentation (RFC 6890). Of IPv6 the internet has 2000::/3 alone. All the rest together is anywhere.
NOT_ROUTED = Sources(
    NOBODY.v4 + (
        (0x0A000000, 8), (0x64400000, 10), (0xA9FE0000, 16), (0xAC100000, 12), (0xC0000000, 24), (0xC0000200, 24),
        (0xC0A80000, 16), (0xC6120000, 15), (0xC6336400, 24), (0xCB007100, 24),
    ),
    ((0, 3), (0x4 << 124, 2), (0x8 << 124, 1), (0x20010DB8 << 96, 32)),
)  # fmt: skip


@dataclass(frozen=True)
class Limit:
    """`count` per `period`; as many at once are let through before the rate counts."""

    count: int
    period: str

    def __str__(self) -> str:
        return f"{self.count}/{self.period}"


@dataclass(frozen=True, order=True)
class Opening:
    """Ports first..last of tcp or udp; a protocol without ports has 0..0."""

    proto: str
    first: int = 0
    last: int = 0

    @property
    def ports(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    def __str__(self) -> str:
        return f"{self.ports}/{self.proto}" if self.first else self.proto


@dataclass(frozen=True)
class Entry:
    """One line of `allow` (or `ssh`, or `outgoing.allow`): what it opens, to whom, how fast.

    `peers` are sources for what comes in and destinations for what goes out.
    """

    path: str
    name: str
    openings: tuple[Opening, ...]
    peers: Sources = ANYWHERE
    limit: Limit | None = None
    interface: str = ""
    comment: str = ""

    @property
    def label(self) -> str:
        said = f"{self.path} {self.name}".rstrip()
        return f"{said}: {self.comment}" if self.comment else said


@dataclass(frozen=True)
class Policy:
    """What the owner wrote, resolved: no names left, both families sorted out."""

    enabled: bool = True
    backend: str = "auto"
    ssh: Entry | None = None
    allow: tuple[Entry, ...] = ()
    deny: Sources = NOWHERE
    ping: bool = True
    malformed: str = "drop"
    outgoing: tuple[Entry, ...] | None = None
    metadata: str = "root"
    metadata_services: Sources = NOWHERE  # what `metadata` is about, on the cloud that this is for
    containers: str = "guard"
    uplinks: tuple[str, ...] = ()  # the host's interfaces that hold a default route
    log: Limit | None = field(default=Limit(3, "minute"))
    unused: tuple[str, ...] = ()  # lists that nothing names

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Everything that lets something in: ssh first."""
        return ((self.ssh,) if self.ssh else ()) + self.allow

    def admits(self, source: str, proto: str, port: int, interface: str = "") -> bool:
        """Would a first, well-formed packet from `source` to `port` get in? Limits are left aside."""
        family, net, _ = parse_network(source)
        if covers(self.deny.of(family), (net, WIDTH[family]), family):
            return False
        return any(
            o.proto == proto and o.first <= port <= o.last
            for e in self.entries
            if same_interface(e.interface, interface) and covers(e.peers.of(family), (net, WIDTH[family]), family)
            for o in e.openings
        )


# What stands when nothing better can: SSH and what the network needs (DESIGN 5).
BUILT_IN: Mapping[str, object] = {"ping": False}


def parse(
    section: object,
    *,
    ssh_ports: Sequence[int] = (),
    cloud_id: str = "",
    uplinks: Sequence[str] = (),
    read_list: Callable[[str], str],
) -> Policy:
    """The value of the `vps_firewall:` key -> Policy.

    `ssh_ports`: where this host's sshd listens, for a policy that does not say; empty where there is no host to ask.
    `cloud_id`: where the host is, as cloud-init calls it; empty where that is unknown.
    `uplinks`: its interfaces that hold a default route.
    `read_list`: path -> text of a list file; raises OSError or ValueError with a reason for people.
    Raises PolicyRefused with every problem there is.
    """
    reader = _Reader(ssh_ports, cloud_id, read_list)
    policy = replace(reader.policy(section), uplinks=tuple(uplinks))
    if more := reader.told - len(reader.problems):
        reader.problems.append(Problem(KEY, f"and {more:,} more problems", reader.passing))
    if reader.problems:
        raise PolicyRefused(reader.problems)
    return policy


def own_ssh(section: object) -> dict[str, object]:
    """A section -> what it says of SSH and nothing else, with the lists that this needs: the built-in policy where it
    says nothing. Whether it is any good, parse() tells."""
    own: dict[str, object] = dict(BUILT_IN)
    if not isinstance(section, Mapping):
        return own
    if section.get("backend") in CHOICES["backend"]:
        own["backend"] = section["backend"]
    if "ssh" not in section:
        return own
    own["ssh"] = ssh = section["ssh"]
    lists, needed = section.get("lists"), {}
    if isinstance(lists, Mapping) and isinstance(ssh, Mapping):
        waiting = [ssh.get("from")]
        while waiting:
            value = waiting.pop()
            for item in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(item, str) and item in lists and item not in needed:
                    needed[item] = lists[item]
                    waiting.append(lists[item])
    return {**own, "lists": needed} if needed else own


# --- networks ---------------------------------------------------------------------------------------------


class NotANetwork(ValueError):
    """A text that is no address or network; `reason` quotes nothing of it."""

    def __init__(self, text: str, reason: str, advice: str = "") -> None:
        super().__init__(f"{show(text)} {reason}{advice}")
        self.reason = reason


def parse_network(text: str) -> tuple[int, int, int]:
    """'203.0.113.0/24' -> (family, address as a number, prefix length); raises NotANetwork."""
    address, slash, length = text.partition("/")
    family = 6 if ":" in address else 4
    try:
        number = int.from_bytes(socket.inet_pton(_AF[family], address), "big")
    except (OSError, ValueError):
        raise NotANetwork(text, _why_not_an_address(text, address)) from None
    width = WIDTH[family]
    if family == 6 and number >> 32 == 0xFFFF:
        v4 = socket.inet_ntop(socket.AF_INET, (number & 0xFFFFFFFF).to_bytes(4, "big"))
        length = f"/{_LENGTHS[length] - 96}" if _LENGTHS.get(length, 0) >= 96 else ""
        raise NotANetwork(text, "is an IPv4-mapped address", f"; write {v4}{length}")
    if not slash:
        return family, number, width
    prefix = _LENGTHS.get(length, 129)
    if prefix > width:
        raise NotANetwork(text, f"has no prefix length that fits; write /0 to /{width} after the address")
    rest = width - prefix
    if number >> rest << rest != number:
        right = network_text(family, (number >> rest << rest, prefix))
        raise NotANetwork(text, "has host bits set", f"; write {right} or {show(address)}")
    return family, number, prefix


_LENGTHS = {str(n): n for n in range(129)}


def _why_not_an_address(text: str, address: str) -> str:
    if "%" in text:
        return "has a zone; write the address without % and what follows"
    if re.fullmatch(r"[0-9.:a-f]+ *- *[0-9.:a-f]+", text) and re.search("[.:]", text):
        return "is a range; write networks such as 203.0.113.0/28"
    if re.fullmatch(r"[0-9./]+", text) or ":" in address:
        return "is not an IPv4 or IPv6 address or network"
    if "." in address and re.fullmatch(r"[A-Za-z0-9._-]+", address):
        return (
            "is a host name; names change, and no resolver answers before the firewall is up: "
            "write addresses, or a list file"
        )
    return "is not an address, a network or the name of a list"


def _addresses(texts: Iterable[str]) -> Sources:
    found: dict[int, list[Net]] = {4: [], 6: []}
    for family, number, prefix in map(parse_network, texts):
        found[family].append((number, prefix))
    return Sources(collapse(found[4], 4), collapse(found[6], 6))


def network_text(family: int, net: Net) -> str:
    """(0xCB007100, 24) -> '203.0.113.0/24'; a single address is written without its length."""
    number, prefix = net
    address = socket.inet_ntop(_AF[family], number.to_bytes(WIDTH[family] // 8, "big"))
    return address if prefix == WIDTH[family] else f"{address}/{prefix}"


def open_to(wanted: Policy) -> dict[str, list[dict[str, str]]]:
    """What is open to whom, per family, for people and programs."""
    return {f"ipv{family}": [line for entry in wanted.entries if (line := _line(entry, family))] for family in (4, 6)}


def _line(entry: Entry, family: int) -> dict[str, str]:
    nets = entry.peers.of(family)
    if not nets:
        return {}
    shown = [network_text(family, net) for net in nets[:3]]
    more = f" and {len(nets) - 3} more" if len(nets) > 3 else ""
    line = {
        "ports": ", ".join(map(str, entry.openings)),
        "from": "anywhere" if nets == EVERYTHING else ", ".join(shown) + more,
        "policy": entry.path,
    }
    if entry.name:
        line["name"] = entry.name
    if entry.limit:
        line["limit"] = str(entry.limit)
    if entry.interface:
        line["interface"] = entry.interface
    return line


def collapse(nets: Iterable[Net], family: int) -> tuple[Net, ...]:
    """Sorted networks, none inside another, no two that make one: what a kernel set accepts."""
    width = WIDTH[family]
    out: list[Net] = []
    end = -1
    for number, prefix in sorted(nets):
        if number <= end:
            continue
        size = 1 << (width - prefix)
        end = number + size - 1
        while number & size and out and out[-1] == (number - size, prefix):  # the upper half of two that make one
            out.pop()
            number, prefix, size = number - size, prefix - 1, size * 2
        out.append((number, prefix))
    return tuple(out)


def covers(nets: Sequence[Net], net: Net, family: int) -> bool:
    """Is `net` inside one of the collapsed `nets`?"""
    number, prefix = net
    at = bisect.bisect_right(nets, (number, 128)) - 1
    if at < 0:
        return False
    start, length = nets[at]
    rest = WIDTH[family] - length
    return length <= prefix and number >> rest == start >> rest


def _closed(nets: Sequence[Net], by: Sequence[Net], family: int) -> bool:
    """Is every address of `nets` in one of `by`? Sizes are compared first: long lists are seldom that long."""
    size, room = (sum(1 << (WIDTH[family] - prefix) for _, prefix in some) for some in (nets, by))
    if room < size:
        return False
    closed = collapse(by, family)
    return all(covers(closed, net, family) for net in nets)


def anywhere(sources: Sources, family: int) -> bool:
    """Does this come to everybody on the internet, whatever it leaves out besides?"""
    nets = sources.of(family)
    return nets == EVERYTHING or _closed(EVERYTHING, nets + NOT_ROUTED.of(family), family)


def _ssh_ports_of(entry: Entry, ports: Iterable[int]) -> list[int]:
    """Which of SSH's ports an entry opens; whatever it opens, where it calls itself ssh."""
    tcp = [(o.first, o.last) for o in entry.openings if o.proto == "tcp"]
    if services.ALIASES.get(entry.name, entry.name) == "ssh":
        return [first for first, _ in tcp]
    return [port for port in sorted(ports) if any(first <= port <= last for first, last in tcp)]


def _without(entry: Entry, ports: Sequence[int]) -> str:
    """What to write in place of an entry that has some ports in it."""
    if len(entry.openings) > 1 or len(ports) > 4 or entry.openings[0].first == entry.openings[0].last:
        return "remove it"
    (opening,) = entry.openings
    edges = [opening.first - 1, *ports, opening.last + 1]
    left = [Opening("tcp", a + 1, b - 1) for a, b in zip(edges, edges[1:]) if a + 1 < b]
    said = [str(o) for o in left]
    return "write " + " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said) if said else "remove it"


def same_interface(pattern: str, interface: str) -> bool:
    if pattern.endswith("*"):
        return interface.startswith(pattern[:-1])
    return pattern in ("", interface)


# --- reading ----------------------------------------------------------------------------------------------


def show(value: object) -> str:
    """The user's own words in a message: one line, printable, cut when long."""
    for kind, name in _UNPRINTED:
        if isinstance(value, kind):
            return name
    if value is None or isinstance(value, bool):
        text = str(value).lower().replace("none", "null")
    elif isinstance(value, str):
        text = value if re.fullmatch(r"(?!(?:true|false|null)$)[!-~]+", value) else ascii(value[:80])
    elif isinstance(value, int) and value.bit_length() > 256:
        return "a huge number"
    else:
        text = ascii(value) if isinstance(value, (int, float)) else f"the {type(value).__name__} {value}"
    return text if len(text) <= 60 else text[:57] + "..."


_UNPRINTED: tuple[tuple[Any, str], ...] = (
    (Mapping, "a mapping"),
    ((list, tuple), "a list"),
    ((set, frozenset), "a set"),
    (bytes, "binary data"),
)

KEYS = (
    "enabled", "backend", "ssh", "allow", "deny", "lists", "ping", "malformed", "outgoing", "metadata",
    "containers", "log",
)  # fmt: skip
SSH_KEYS = ("port", "from", "limit", "interface")
ALLOW_KEYS = ("service", "port", "from", "limit", "interface", "comment")
OUTGOING_KEYS = ("policy", "allow")
OUT_KEYS = ("service", "port", "to", "comment")
CHOICES = {  # the first is the default
    "backend": ("auto", "nftables", "iptables"),
    "malformed": ("drop", "accept"),
    "metadata": ("root", "all"),
    "containers": ("guard", "ignore"),
}
LIST_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
PATH = re.compile(r"/[^\x00-\x1f\x7f\ud800-\udfff]*")
INTERFACE = re.compile(r"(?!-)([A-Za-z0-9_.:@-]{1,15}|[A-Za-z0-9_.:@-]{1,14}\*)")
COMMENT = re.compile(r"[ !#-\[\]-~]{1,64}")
_PORT = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?(?:/(.*))?")
_LIMIT = re.compile(r"([1-9][0-9]{0,8})/([a-z]+)")

_Items = list[tuple[str, object]]  # (path, what stands there)


class _Reader:
    """Walks the section once and collects problems; every method returns a harmless value after one."""

    def __init__(self, ssh_ports: Sequence[int], cloud_id: str, read_list: Callable[[str], str]) -> None:
        self.problems: list[Problem] = []  # the first MAX_PROBLEMS of those that were `told`
        self.told = 0
        self.passing = False  # are any of them?
        self.ssh_ports = tuple(ssh_ports)
        self.cloud_id = cloud_id
        self.read_list = read_list
        self.lists: dict[str, tuple[str, _Items]] = {}  # with where the items stand, see collect()
        self.resolved: dict[str, Sources] = {}
        self.lists_are_good = True
        self.used: set[str] = set()
        self.suggestions = 0
        self.networks = 0

    def refuse(self, path: str, message: str, passing: bool = False) -> None:
        self.told += 1
        self.passing |= passing
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(path, message, passing))

    def policy(self, section: object) -> Policy:
        if not isinstance(section, Mapping):
            self.refuse(KEY, f"{show(section)} is not a mapping; write {{}} for SSH alone, or the keys you want")
            return Policy()
        if reason := too_big(section):
            self.refuse(KEY, reason)
            return Policy()
        self.keys(KEY, section, KEYS)
        get = section.get
        self.read_lists(get("lists", {}))
        ssh = self.ssh(get("ssh", {}))
        deny = self.sources(f"{KEY}.deny", get("deny", []), "deny")
        allow = self.entries(f"{KEY}.allow", get("allow", []), ALLOW_KEYS, "from")
        chosen = {key: self.choice(f"{KEY}.{key}", get(key, said[0]), said) for key, said in CHOICES.items()}
        policy = Policy(
            enabled=self.flag(f"{KEY}.enabled", get("enabled", True)),
            backend=chosen["backend"],
            ssh=ssh,
            allow=allow,
            deny=deny,
            ping=self.flag(f"{KEY}.ping", get("ping", True)),
            malformed=chosen["malformed"],
            outgoing=self.outgoing(get("outgoing", "accept")),
            metadata=chosen["metadata"],
            metadata_services=_addresses(clouds.metadata(self.cloud_id, containers="metadata" in section)),
            containers=chosen["containers"],
            log=self.limit(f"{KEY}.log", get("log", "3/minute")),
            unused=tuple(name for name in self.lists if name not in self.used),  # which is known once all is read
        )
        self.ssh_stays_restricted(policy, get("ssh"))
        self.somebody_gets_in(policy)
        return policy

    # -- whole-policy rules

    def ssh_stays_restricted(self, policy: Policy, written: object) -> None:
        """What `ssh` closes or narrows, no entry of `allow` opens to anywhere by the way."""
        ssh = policy.ssh
        families = [f for f in WIDTH if not (ssh and not ssh.interface and anywhere(ssh.peers, f))]
        keys = [f"ssh.{key}" for key in ("from", "interface") if isinstance(written, Mapping) and key in written]
        reason = f"{' and '.join(keys)} restrict{'' if len(keys) > 1 else 's'}" if ssh else "ssh: false closes"
        ports = {o.first for o in ssh.openings} if ssh else set()
        ports |= set(self.ssh_ports) or (ports or {22})
        wide: dict[int, list[int]] = {}  # by the id of sources: a long list that many entries name is weighed once
        for entry in policy.allow if families else ():
            if entry.interface or not (hit := _ssh_ports_of(entry, ports)):
                continue
            if id(entry.peers) not in wide:
                wide[id(entry.peers)] = [f for f in families if anywhere(entry.peers, f)]
            if found := wide[id(entry.peers)]:
                where = "" if len(found) == len(WIDTH) else f" over IPv{found[0]}"
                self.refuse(
                    f"{KEY}.{entry.path}",
                    f"opens SSH{self.listens(hit, ssh)}, which {reason}, to anywhere{where}; "
                    f"{_without(entry, hit)}, or name its sources in from",
                )

    def listens(self, hit: Iterable[int], ssh: Entry | None) -> str:
        """Why a port that `ssh` does not name is one of SSH's: only the host knows."""
        named = {o.first for o in ssh.openings} if ssh else set(self.ssh_ports)
        others = [str(port) for port in hit if port in self.ssh_ports and port not in named]
        return f" (sshd on this host listens on {', '.join(others)} too)" if others else ""

    def somebody_gets_in(self, policy: Policy) -> None:
        bad_ssh = any(p.path.startswith(f"{KEY}.ssh") for p in self.problems)
        if policy.ssh is None or bad_ssh or not self.lists_are_good:
            return
        for path, wrong, never in (
            (f"{KEY}.ssh.from", "names no source that anybody can connect from", NOBODY),
            (f"{KEY}.deny", "refuses every source that ssh lets in", policy.deny),
        ):
            if all(_closed(policy.ssh.peers.of(f), never.of(f) + NOBODY.of(f), f) for f in WIDTH):
                self.refuse(path, f"{wrong}: nobody could log in")
                return

    # -- small pieces

    def keys(self, path: str, mapping: Mapping[Any, Any], known: tuple[str, ...]) -> None:
        for key in mapping:
            if key not in known:
                other = suggest.SYNONYMS.get(key) if isinstance(key, str) else None
                hint = f"did you mean {other}?" if other in known else self.near(key, known)
                hint = hint or "known: " + ", ".join(known)
                self.refuse(under(path, key), f"unknown key; {hint}")

    def near(self, word: object, known: Iterable[str]) -> str:
        if not isinstance(word, str) or len(word) > 40 or self.suggestions >= MAX_SUGGESTIONS:
            return ""
        self.suggestions += 1
        match = suggest.meant(word.lower(), known)
        return f"did you mean {match}?" if match else ""

    def flag(self, path: str, value: object) -> bool:
        if isinstance(value, bool):
            return value
        self.refuse(path, f"{show(value)} is not true or false")
        return True

    def choice(self, path: str, value: object, accepted: tuple[str, ...]) -> str:
        if isinstance(value, str) and value in accepted:
            return value
        hint = self.near(value, accepted)
        self.refuse(path, f"{show(value)} is not one of {', '.join(accepted)}" + (f"; {hint}" if hint else ""))
        return accepted[0]

    def items(self, path: str, value: object, what: str) -> _Items:
        """A list, or a lone string in place of a list of one -> (path, item) pairs."""
        if isinstance(value, str):
            return [(path, value)]
        if isinstance(value, (list, tuple)):
            return [(f"{path}[{n}]", item) for n, item in enumerate(value)]
        self.refuse(path, f"{show(value)} is not a list of {what}")
        return []

    def limit(self, path: str, value: object) -> Limit | None:
        if value is False:
            return None
        match = _LIMIT.fullmatch(value) if isinstance(value, str) else None
        if match and match[2] in PERIODS and 1 <= int(match[1]) <= MAX_RATE:
            return Limit(int(match[1]), match[2])
        self.refuse(
            path,
            f"{show(value)} is not a rate; write NUMBER/PERIOD such as 30/minute "
            f"(1-{MAX_RATE} per second, minute, hour or day), or false for none",
        )
        return None

    # -- sources

    def read_lists(self, value: object) -> None:
        path = f"{KEY}.lists"
        if not isinstance(value, Mapping):
            self.refuse(path, f"{show(value)} is not a mapping of names to sources")
            return
        taken = set(services.names())
        for name in value:
            at = under(path, name)
            if not isinstance(name, str) or not LIST_NAME.fullmatch(name):
                self.refuse(at, "not a list name; write a-z, 0-9, _ and -, a letter first, at most 32 characters")
            elif name in taken or name == "any":
                kind = "a word with a meaning of its own" if name == "any" else "the name of a service"
                self.refuse(at, f"is also {kind}; give the list another name")
            if isinstance(name, str):
                # A list with a bad name is read too: those who name it need no problem of their own.
                if isinstance(value[name], Mapping):
                    self.lists[name] = "file", self.list_file(f"{at}.file", value[name])
                else:
                    self.lists[name] = "lists", self.items(at, value[name], "sources")
        for name in self.lists:
            self.resolve(name)
        self.lists_are_good = not any(p.path.startswith(path) for p in self.problems)

    def list_file(self, path: str, value: Mapping[Any, Any]) -> _Items:
        self.keys(path[: -len(".file")], value, ("file",))
        name = value.get("file")
        if "file" not in value:
            self.refuse(path, "is missing; write the absolute path of a file on the host")
        elif not isinstance(name, str) or not PATH.fullmatch(name):
            self.refuse(path, f"{show(name)} is not an absolute path of a file on the host")
        else:
            try:
                lines = self.read_list(name).split("\n")
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
                self.refuse(path, f"{show(name)}: {reason}", passing=True)
            else:
                numbered = ((n, line.partition("#")[0].strip()) for n, line in enumerate(lines, 1))
                return [(f"{path} line {n}", line) for n, line in numbered if line]
        return []

    def resolve(self, name: str) -> None:
        """A list and those that it names, without recursion: a chain of ten thousand is no deeper stack."""
        way: dict[str, Iterator[tuple[str, object]]] = {name: iter(self.named_by(name))}
        while way:
            name = next(reversed(way))
            for path, other in way[name]:
                if not isinstance(other, str) or other not in self.lists or other in self.resolved:
                    continue
                if other in way:
                    self.refuse(path, f"{show(other)} names itself: {self.circle(other, way)}")
                    continue
                way[other] = iter(self.named_by(other))
                break
            else:
                self.resolved[name] = self.collect(*self.lists[name])
                del way[name]

    def circle(self, name: str, way: Iterable[str]) -> str:
        """The lists that lead back to one; '' where nobody is told any more, for they may be many and long."""
        if self.told >= MAX_PROBLEMS:
            return ""
        loop = [*list(way)[list(way).index(name) :], name]
        loop[4:-2] = ["..."] if len(loop) > 7 else loop[4:-2]
        return " -> ".join(map(show, loop))

    def named_by(self, name: str) -> _Items:
        kind, items = self.lists[name]
        return items if kind == "lists" else []

    def collect(self, kind: str, items: _Items) -> Sources:
        """Sort sources by family. `kind` is where they stand: any is accepted in from alone, and a file
        names no lists."""
        found: dict[int, list[Net]] = {4: [], 6: []}
        for path, item in items:
            if not isinstance(item, str):
                self.refuse(path, f"{show(item)} is not a source; write an address, a network or the name of a list")
            elif item in self.lists and kind != "file":
                self.used.add(item)
                named = self.resolved.get(item, NOWHERE)  # not there: it goes round, which is said
                if len(items) == 1:
                    return named
                before, self.networks = self.networks, self.networks + len(named.v4) + len(named.v6)
                if self.networks > MAX_NETWORKS:
                    if before <= MAX_NETWORKS:
                        what = f"brings the networks that names of lists stand for to more than {MAX_NETWORKS:,}"
                        self.refuse(path, what)
                    self.lists_are_good = False
                    return NOWHERE
                found[4] += named.v4
                found[6] += named.v6
            elif item == "any":
                if kind == "from":
                    found[4] += EVERYTHING
                    found[6] += EVERYTHING
                else:
                    self.refuse(path, "any is accepted in from and to alone")
            else:
                try:
                    family, number, prefix = parse_network(item)
                except NotANetwork as error:
                    # A file may be another than was meant, /etc/shadow say: what is in it is not for every reader.
                    hint = self.near(item, islice(self.lists, 1000)) if kind != "file" else ""
                    said = error.reason if kind == "file" else str(error)
                    self.refuse(path, f"{said}; {hint}" if hint else said)
                else:
                    found[family].append((number, prefix))
        return Sources(collapse(found[4], 4), collapse(found[6], 6))

    def sources(self, path: str, value: object, kind: str = "from") -> Sources:
        before = self.told
        found = self.collect(kind, self.items(path, value, "sources"))
        if kind == "from" and found == NOWHERE and self.told == before and self.lists_are_good:
            self.refuse(path, "names no source at all; leave it out for anywhere")
        return found

    # -- what is opened

    def ssh(self, value: object) -> Entry | None:
        path = f"{KEY}.ssh"
        if value is False:
            return None
        if not isinstance(value, Mapping):
            self.refuse(
                path, f"{show(value)} is neither a mapping such as {{from: [203.0.113.7]}} nor false, which closes SSH"
            )
            value = {}
        self.keys(path, value, SSH_KEYS)
        ports = self.ssh_port(f"{path}.port", value["port"]) if "port" in value else self.ssh_ports or (22,)
        peers = self.sources(f"{path}.from", value["from"]) if "from" in value else ANYWHERE
        # With an interface too: which of them leads to the internet, only the host knows.
        default = "30/minute" if peers.v4 == EVERYTHING or peers.v6 == EVERYTHING else False
        limit = self.limit(f"{path}.limit", value.get("limit", default))
        interface = self.interface(f"{path}.interface", value["interface"]) if "interface" in value else ""
        return Entry("ssh", "", tuple(Opening("tcp", p, p) for p in ports), peers, limit, interface)

    def ssh_port(self, path: str, value: object) -> tuple[int, ...]:
        listed = isinstance(value, list)
        items = [(f"{path}[{n}]", v) for n, v in enumerate(value)] if isinstance(value, list) else [(path, value)]
        if listed and not items:
            self.refuse(path, "names no port at all; leave it out for the ports sshd listens on")
        ports = []
        for at, port in items:
            if isinstance(port, int) and not isinstance(port, bool) and 1 <= port <= 65535:
                ports.append(port)
            elif isinstance(port, str) and port.isascii() and port.isdigit() and 1 <= int(port[:9]) <= 65535:
                self.refuse(at, f"'{show(port)}' is text; write the number without quotes")
            else:
                self.refuse(at, f"{show(port)} is not a port (1-65535)")
        return tuple(dict.fromkeys(ports))

    def outgoing(self, value: object) -> tuple[Entry, ...] | None:
        path = f"{KEY}.outgoing"
        if value == "accept":
            return None
        if not isinstance(value, Mapping):
            self.refuse(path, f"{show(value)} is neither accept nor a mapping {{policy: drop, allow: [dns, ntp]}}")
            return None
        self.keys(path, value, OUTGOING_KEYS)
        policy = "drop"
        if "policy" in value:
            policy = self.choice(f"{path}.policy", value["policy"], ("drop", "accept"))
        else:
            self.refuse(f"{path}.policy", "is missing; write drop or accept")
        entries = self.entries(f"{path}.allow", value.get("allow", []), OUT_KEYS, "to")
        if policy == "accept" and entries:
            self.refuse(f"{path}.allow", "has no meaning while policy is accept; write policy: drop")
        return entries if policy == "drop" else None

    def entries(self, path: str, value: object, keys: tuple[str, ...], peers: str) -> tuple[Entry, ...]:
        items = self.items(path, value, "services and ports")
        if len(items) > MAX_ENTRIES:
            self.refuse(path, f"holds more than {MAX_ENTRIES:,} entries; write ranges of ports, and lists of sources")
        found = (self.entry(at, item, keys, peers) for at, item in items[:MAX_ENTRIES])
        return tuple(e for e in found if e)

    def entry(self, path: str, item: object, keys: tuple[str, ...], peers: str) -> Entry | None:
        where = path[len(KEY) + 1 :]
        if not isinstance(item, Mapping):
            bare = self.opening(path, item, anywhere=peers == "from")
            return Entry(where, str(item), bare) if bare else None
        self.keys(path, item, keys)
        named = [k for k in ("service", "port") if k in item]
        openings: tuple[Opening, ...] = ()
        if len(named) != 1:
            self.refuse(path, "needs service or port" if not named else "has both service and port; write one of them")
        else:
            at, value = f"{path}.{named[0]}", item[named[0]]
            narrowed = peers == "to" or "from" in item or "interface" in item
            openings = self.port(at, value) if named == ["port"] else self.service(at, value, not narrowed)

        def part(key: str, read: Callable[[str, object], T], default: T) -> T:
            return read(f"{path}.{key}", item[key]) if key in item and key in keys else default

        entry = Entry(
            where,
            str(item[named[0]]) if openings else "",
            openings,
            part(peers, self.sources, ANYWHERE),
            part("limit", self.limit, None),
            part("interface", self.interface, ""),
            part("comment", self.comment, ""),
        )
        return entry if openings else None

    def interface(self, path: str, value: object) -> str:
        return self.text(path, value, INTERFACE, "an interface name such as eth0 or wg*")

    def comment(self, path: str, value: object) -> str:
        return self.text(path, value, COMMENT, 'a comment of 1 to 64 printable ASCII characters without " and \\')

    def text(self, path: str, value: object, pattern: re.Pattern[str], what: str) -> str:
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        quotes = "" if isinstance(value, str) or show(value).startswith("a ") else "; text that looks so needs quotes"
        self.refuse(path, f"{show(value)} is not {what}{quotes}")
        return ""

    def opening(self, path: str, item: object, anywhere: bool) -> tuple[Opening, ...]:
        """A bare item of a list: a service, a group or PORT/PROTOCOL."""
        if isinstance(item, str) and not re.match(r"-?[0-9]", item):
            return self.service(path, item, anywhere)
        if isinstance(item, (str, int, float)) and not isinstance(item, bool):
            return self.port(path, item)
        self.refuse(path, f"{show(item)} is neither a service, a group nor a port; write http or 8080/tcp")
        return ()

    def service(self, path: str, name: object, anywhere: bool = True) -> tuple[Opening, ...]:
        found = services.lookup(name) if isinstance(name, str) else None
        if found:
            return tuple(read_opening(text) for text in found)
        if isinstance(name, str) and name in self.lists:
            self.refuse(path, f"{show(name)} is a list of sources, not a service; name it in from")
            return ()
        if isinstance(name, str) and _PORT.fullmatch(name):
            self.refuse(path, f"{show(name)} is a port, not a service; write port: {show(name)}")
            return ()
        hint = suggest.ANSWERS.get(name.lower()) if isinstance(name, str) else None
        if hint is None:
            hint = self.near(name, suggest.FOR_ANYWHERE if anywhere else suggest.NAMES)
        self.refuse(path, f"{show(name)} is not a service or a group; {hint or 'a port is written 8080/tcp'}")
        return ()

    def port(self, path: str, value: object) -> tuple[Opening, ...]:
        match = _PORT.fullmatch(value) if isinstance(value, str) else None
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535:
            self.refuse(path, f"{value} names no protocol; write {value}/tcp or {value}/udp")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            self.refuse(path, f"{show(value)} is not a port (1-65535)")
        elif not match:
            text = value if isinstance(value, str) else ""
            if re.fullmatch(r"-?[0-9.]+(/.*)?", text):
                self.refuse(path, f"{show(text.partition('/')[0])} is not a port (1-65535)")
            else:
                hint = "service: " + text if services.lookup(text) else "8080/tcp or 60000-61000/udp"
                self.refuse(path, f"{show(value)} is not a port; write {hint}")
        else:
            return self.checked_port(path, match)
        return ()

    def checked_port(self, path: str, match: re.Match[str]) -> tuple[Opening, ...]:
        first, last, proto = int(match[1]), int(match[2] or match[1]), match[3]
        told = [f"{port} is not a port (1-65535)" for port in dict.fromkeys((first, last)) if not 1 <= port <= 65535]
        ports, right = match[0].partition("/")[0], Opening("", min(first, last), max(first, last)).ports
        if not told and re.search(r"\b0[0-9]", ports):
            told.append(f"{ports} opens with a zero; write {right}")
        elif not told and last < first:
            told.append(f"{ports} runs backwards; write {right}")
        if not told and proto is None:
            told.append(f"{ports} names no protocol; write {right}/tcp or {right}/udp")
        elif proto not in ("tcp", "udp", None):
            told.append(f"{show(proto)} is not a protocol with ports; write {right}/tcp or {right}/udp")
        for message in told:
            self.refuse(path, message)
        return () if told else (Opening(proto, first, last),)


def read_opening(text: str) -> Opening:
    """A line of the service table: '80/tcp', '60000-61000/udp' or 'esp'."""
    ports, slash, proto = text.partition("/")
    if not slash:
        return Opening(text)
    first, _, last = ports.partition("-")
    return Opening(proto, int(first), int(last or first))


def under(path: str, key: object) -> str:
    """The path of a key: plain where it is a plain word, quoted where it is not."""
    if isinstance(key, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,40}", key):
        return f"{path}.{key}"
    return f"{path}[{show(key)}]"


def _children(value: object) -> Iterable[object] | None:
    if isinstance(value, str):  # most are
        return None
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, (list, tuple)) else None


def too_big(root: object) -> str:
    """Aliases fold a huge or an endless value into a few lines of YAML: weigh it, expanded, before walking it.
    -> what is wrong, '' when nothing is."""
    weights: dict[int, int] = {}
    open_: set[int] = set()
    stack = [(root, False)]
    while stack:
        value, done = stack.pop()
        below = _children(value)
        if below is None or (id(value) in weights and not done):
            continue
        if done:
            open_.discard(id(value))
            weights[id(value)] = 1 + sum(weights.get(id(c)) or 1 + _length(c) // LONG for c in below)
            if weights[id(value)] > MAX_VALUES:
                return TOO_MANY
        elif id(value) in open_:
            return "contains itself through a YAML alias"
        else:
            open_.add(id(value))
            stack.append((value, True))
            stack.extend((c, False) for c in below if not isinstance(c, str))
    return ""


def _length(value: object) -> int:
    return len(value) if isinstance(value, str) else 0

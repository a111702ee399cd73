"""hypothesis strategies: what YAML can make of user-data, and policies that are good, or almost."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

from cc_vps_firewall import policy
from cc_vps_firewall.errors import PolicyRefused
from cc_vps_firewall.policy import keys, services

TEXT = st.text(max_size=80)
WORDS = st.sampled_from(
    [
        *dict.fromkeys(word for table in keys.TABLES for key in table for word in (key.name, *key.choices)),
        "any", "http", "web", "esp", "80/tcp", "1-65535/udp", "0/tcp", "53", "30/minute", "0/day", "office", "eth0",
        "wg*", "/srv/list", "true", "false", "null", "example.com", "fe80::1%eth0", "::ffff:203.0.113.7",
        "203.0.113.7", "203.0.113.7/24", "2001:db8::/32", "::/0", "0.0.0.0/0",
    ]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, 1, 22, 80, 65535, 65536, -1, 10**300, -(10**30)]),
    st.floats(),
    TEXT,
    WORDS,
    st.binary(max_size=8),
    st.dates(),
    st.datetimes(timezones=st.sampled_from([None, datetime.timezone.utc])),
)
ODD_KEYS = st.one_of(
    WORDS, TEXT, st.integers(), st.booleans(), st.none(), st.floats(), st.dates(), st.binary(max_size=4)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(ODD_KEYS, inner, max_size=4),
        st.sets(st.one_of(TEXT, st.integers()), max_size=3),
        st.tuples(inner, inner),
    ),
    max_leaves=12,
)

# Every key is in it: by its first example, where nothing better is written here.
GOOD: dict[str, Any] = {
    **{key.name: key.examples[0] for key in keys.POLICY},
    "enabled": True,
    "backend": "auto",
    "lists": {
        "office": ["203.0.113.0/24", "2001:db8:aa::/48"],
        "home": ["office", "198.51.100.7"],
        "scanners": {"file": "/srv/list"},
        "one": "192.0.2.1",
    },
    "ssh": {"port": [22, 2222], "from": ["office", "192.0.2.7"], "limit": "5/minute", "interface": "eth*"},
    "allow": [
        "http",
        "web",
        "8080/tcp",
        "60000-61000/udp",
        {
            "service": "mysql",
            "from": ["home"],
            "limit": "5/hour",
            "interface": "eth1",
            "comment": "application servers",
        },
        {"port": "9000/tcp", "from": "any", "interface": "wg*", "limit": False},
        {"service": "all", "from": ["10.0.0.0/8"], "interface": "eth1"},
    ],
    "deny": ["scanners", "198.51.100.128/25"],
    "ping": False,
    "malformed": "drop",
    "flood": "ignore",
    "outgoing": {"policy": "drop", "allow": ["dns", "443/tcp", {"service": "ntp", "to": ["one"], "comment": "time"}],
                 "containers": "guard"},
    "publish": [
        {"port": "8443/tcp", "to": "10.8.0.2", "to_port": 443, "from": ["office"], "limit": "9/second",
         "interface": "eth0", "masquerade": True, "comment": "a tunnel's"},
        {"port": "9000-9010/udp", "to": "fd00:8::2"},
    ],
    "route": [
        {"in": "wg*", "out": "eth0", "masquerade": True},
        {"in": "eth1", "out": "eth*", "from": ["office"], "to": ["one"], "service": "ssh", "masquerade": [4],
         "comment": "a branch"},
        {"from": ["10.0.0.0/8", "2001:db8:aa::/48"], "port": "8000-8010/udp"},
        {"to": ["one"], "service": "all"},
    ],
    "metadata": "root",
    "containers": {"policy": "guard", "bridges": ["mybr*", "flannel.1"]},
    "log": "3/minute",
    "tests": [
        {"from": "any", "denied": ["5432/tcp"]},
        {"from": ["home", "192.0.2.7"], "allowed": ["ssh", "http"], "denied": "gre", "interface": "eth0"},
        {"from": {"not": ["office"]}, "denied": ["6379/tcp", "redis"], "interface": "wg*"},
    ],
}  # fmt: skip
LIST_FILE = "198.51.100.0/25\n2001:db8:bad::/48 # scanners\n"

Position = tuple[Any, ...]


def problems(section: object, text: str = LIST_FILE) -> list[str] | None:
    """What is wrong, None when nothing is."""
    try:
        policy.parse(section, read_list=lambda path: text)
    except PolicyRefused as refused:
        return [str(problem) for problem in refused.problems]
    return None


def positions(value: object, here: Position = ()) -> Iterator[Position]:
    """Every place in a policy where something stands: of its keys, and of what is below them."""
    yield here
    if isinstance(value, dict):
        for key, below in value.items():
            yield from positions(below, (*here, key))
    elif isinstance(value, list):
        for number, below in enumerate(value):
            yield from positions(below, (*here, number))


def put(value: object, where: Position, new: object) -> Any:
    """A copy with `new` in one place."""
    if not where:
        return new
    changed: Any = copy.deepcopy(value)
    inner = changed
    for step in where[:-1]:
        inner = inner[step]
    inner[where[-1]] = new
    return changed


def almost_good(values: st.SearchStrategy[Any] = VALUES) -> st.SearchStrategy[Any]:
    """The good policy with something else in one place, or in two."""
    anywhere = st.sampled_from(list(positions(GOOD)))
    once = st.builds(lambda where, new: put(GOOD, where, new), anywhere, values)
    return st.one_of(once, st.builds(_twice, once, anywhere, values))


def _twice(value: Any, where: Position, new: Any) -> Any:
    try:
        return put(value, where, new)
    except (AttributeError, IndexError, KeyError, TypeError):
        return value  # the first change took the second one's place away


V4 = st.integers(0, 2**32 - 1)
V6 = st.integers(0, 2**128 - 1)
SOURCES = st.one_of(
    st.builds(lambda n, p: policy.network_text(4, (n >> (32 - p) << (32 - p), p)), V4, st.integers(0, 32)),
    st.builds(lambda n, p: policy.network_text(6, (n >> (128 - p) << (128 - p), p)), V6, st.integers(0, 128)),
).filter(lambda text: not text.startswith("::ffff:"))
PORTS = st.integers(1, 65535)
OPENINGS = st.one_of(
    st.sampled_from(services.names()),
    st.builds(lambda a, b, p: f"{min(a, b)}-{max(a, b)}/{p}", PORTS, PORTS, st.sampled_from(["tcp", "udp"])),
    st.builds(lambda a, p: f"{a}/{p}", PORTS, st.sampled_from(["tcp", "udp"])),
)
PORT_TEXTS = OPENINGS.filter(lambda text: "/" in text)
SERVICES = st.sampled_from(services.names())


def mapping(table: keys.Table, *without: str, **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping that has `fixed` keys, and any others of a table, with good values."""
    left = [key for key in table if key.name not in (*without, *fixed)]
    return st.fixed_dictionaries(fixed, optional={key.name: READERS[key.reader](key) for key in left})


def _entries(table: keys.Table) -> st.SearchStrategy[Any]:
    by_name = mapping(table, "port", service=SERVICES)
    kinds = [OPENINGS, by_name, mapping(table, "service", port=PORT_TEXTS)]
    if table is keys.ENTRY:
        kinds.append(mapping(table, "port", "from", service=st.just("all"), interface=st.just("wg*")))
    return st.lists(st.one_of(kinds), max_size=6)


# What is good for each reader of the table of keys.
READERS: dict[str, Callable[[keys.Key], st.SearchStrategy[Any]]] = {
    "address": lambda key: st.sampled_from(["10.8.0.2", "10.8.0.3", "fd00:8::2"]),
    "number": lambda key: PORTS,
    # Two that publish one port would be refused, and so would sshd's.
    "publications": lambda key: st.lists(
        mapping(
            keys.PUBLICATION,
            "to_port",
            port=PORTS.map(lambda port: f"{port}/udp"),
            to=st.sampled_from(["10.8.0.2", "fd00:8::2"]),
        ),
        max_size=1,
    ),
    "allowed": lambda key: SERVICES,
    "choice": lambda key: st.sampled_from(key.choices),
    "comment": lambda key: st.sampled_from(["a comment", "another"]),
    "bridges": lambda key: st.lists(st.sampled_from(["mybr*", "flannel.1"]), max_size=2),
    "containers": lambda key: st.sampled_from(["guard", "ignore"]) | mapping(keys.CONTAINERS),
    "denied": lambda key: st.lists(SOURCES, max_size=4),
    "expected": lambda key: st.just(["http"] if key.name == "allowed" else ["mysql", "8000-8010/udp"]),
    "exits": lambda key: _entries(keys.EXIT),
    "file": lambda key: st.just("/srv/list"),
    "flag": lambda key: st.booleans(),
    "interface": lambda key: st.sampled_from(["eth0", "wg*"]),
    "limit": lambda key: st.sampled_from(["1/second", "10000/day", "1/hour", False]),
    "lists": lambda key: st.fixed_dictionaries(
        {},
        optional={
            "one-list": st.lists(SOURCES, max_size=4),
            "one-file": mapping(keys.LIST_FILE, file=st.just("/srv/list")),
        },
    ),
    "openings": lambda key: _entries(keys.ENTRY),
    "outgoing": lambda key: st.just("accept") | mapping(keys.OUTGOING, policy=st.just("drop")),
    "port": lambda key: PORT_TEXTS,
    "ports": lambda key: PORTS | st.lists(PORTS, min_size=1, max_size=3),
    "masquerade": lambda key: st.just(False),
    "routes": lambda key: st.lists(
        st.one_of(
            mapping(keys.ROUTE, "service", "port", "out", "from", "to", **{"in": st.just("wg0")}),
            mapping(
                keys.ROUTE,
                "port",
                "in",
                "from",
                "to",
                out=st.just("eth0"),
                masquerade=st.sampled_from([True, [4], [6], [4, 6], 6]),
            ),
            mapping(keys.ROUTE, "service", "in", "out", "masquerade", "from", to=st.lists(SOURCES, min_size=1)),
        ),
        max_size=4,
    ),
    "service": lambda key: SERVICES,
    "sources": lambda key: st.lists(SOURCES, min_size=1, max_size=4),
    "ssh": lambda key: st.just(False) | mapping(keys.SSH),
    "tested": lambda key: (
        READERS["sources"](key) | mapping(keys.OTHERS, **{"not": st.lists(SOURCES, min_size=1, max_size=2)})
    ),
    "tests": lambda key: st.lists(mapping(keys.TEST, denied=st.just(["mysql"])), max_size=3),
}
POLICIES = mapping(keys.POLICY)

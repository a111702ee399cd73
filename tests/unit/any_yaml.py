"""hypothesis strategies: what YAML can make of user-data, and policies that are good, or almost."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from cc_vps_firewall import policy
from cc_vps_firewall.errors import PolicyRefused
from cc_vps_firewall.policy import keys, services

TEXT = st.text(max_size=80)
WORDS = st.sampled_from(
    [
        *keys.KEYS, *keys.ALLOW_KEYS, *keys.OUT_KEYS,
        "file", "any", "drop", "accept", "http", "web", "esp", "80/tcp", "1-65535/udp", "0/tcp", "53",
        "30/minute", "0/day", "office", "all", "eth0", "wg*", "/srv/list", "true", "false", "null", "nftables",
        "iptables", "auto", "root", "guard", "ignore", "example.com", "fe80::1%eth0", "::ffff:203.0.113.7",
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
KEYS = st.one_of(WORDS, TEXT, st.integers(), st.booleans(), st.none(), st.floats(), st.dates(), st.binary(max_size=4))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(KEYS, inner, max_size=4),
        st.sets(st.one_of(TEXT, st.integers()), max_size=3),
        st.tuples(inner, inner),
    ),
    max_leaves=12,
)

GOOD: dict[str, Any] = {
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
    ],
    "deny": ["scanners", "198.51.100.128/25"],
    "ping": False,
    "malformed": "drop",
    "outgoing": {"policy": "drop", "allow": ["dns", "443/tcp", {"service": "ntp", "to": ["one"], "comment": "time"}]},
    "metadata": "root",
    "containers": "guard",
    "log": "3/minute",
}
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
ENTRIES = st.one_of(
    OPENINGS,
    st.fixed_dictionaries(
        {"service": st.sampled_from(services.names())},
        optional={
            "from": st.lists(SOURCES, min_size=1, max_size=4),
            "limit": st.sampled_from(["1/second", "10000/day", False]),
            "interface": st.sampled_from(["eth0", "wg*"]),
            "comment": st.sampled_from(["a comment", "another"]),
        },
    ),
)
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "ssh": st.one_of(
            st.just(False),
            st.fixed_dictionaries(
                {},
                optional={
                    "port": PORTS,
                    "from": st.lists(SOURCES, min_size=1, max_size=4),
                    "interface": st.sampled_from(["eth0", "wg*"]),
                },
            ),
        ),
        "allow": st.lists(ENTRIES, max_size=6),
        "deny": st.lists(SOURCES, max_size=4),
        "ping": st.booleans(),
        "malformed": st.sampled_from(["drop", "accept"]),
        "metadata": st.sampled_from(["root", "all"]),
        "containers": st.sampled_from(["guard", "ignore"]),
        "log": st.sampled_from([False, "1/hour"]),
        "outgoing": st.one_of(
            st.just("accept"),
            st.fixed_dictionaries({"policy": st.just("drop")}, optional={"allow": st.lists(OPENINGS)}),
        ),
    },
)

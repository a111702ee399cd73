"""a random number generator -> sections of the whole policy language, and sources at the edges of what they name.

Few networks, ports and interfaces: so that entries overlap, and packets hit their edges, where mistakes are.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterator, Sequence
from typing import Any

from cc_vps_firewall import policy
from cc_vps_firewall.errors import PolicyRefused
from cc_vps_firewall.policy import Policy
from tests.casefiles import CONTAINER, MACHINE

NETWORKS = [
    "203.0.113.0/24", "203.0.113.0/25", "203.0.113.128/26", "203.0.113.7", "203.0.113.8", "203.0.112.0/22",
    "16.0.0.0/4", "198.51.100.0/31", "198.51.100.254/32", "64.0.0.0/2", "16.32.0.0/11", "10.0.0.0/8",
    "2001:db8:aa::/48", "2001:db8:aa::/64", "2001:db8:aa::7", "2001:db8:aa:0:8000::/65", "2001:db8:a8::/45",
    "2600::/12", "2001:db8:f::/127", "2a00::/11",
]  # fmt: skip
ANY = ["0.0.0.0/0", "::/0"]
TRUSTED = ["203.0.113.128/26", "203.0.113.7", "10.0.0.0/8", "2001:db8:aa::/64"]
PORTS = [1, 22, 53, 67, 79, 80, 81, 123, 443, 1023, 1024, 8000, 8001, 8002, 8003, 65534, 65535]
BEHIND = [81, 8001, 8002]  # ports that a machine behind the host serves
NAMES = ["http", "dns", "web", "ntp", "mail", "wireguard", "ipsec", "gre", "smtp", "mysql"]
WAYS_OUT = ["eth0", "eth1", "eth*", "docker0", "wg*"]
INTERFACES = ["eth0", "eth1", "eth*", "e*", "wg0", "docker0", "br-lan"]


def section(chosen: random.Random) -> dict[str, Any]:
    """A policy, of all keys; one in some is refused."""

    def some(of: Sequence[str], most: int) -> list[str]:
        return chosen.sample(of, chosen.randint(1, most))

    def sources() -> list[str]:
        return some([*NETWORKS, "one", "all"], 5) if chosen.random() < 0.9 else some(ANY, 1)

    def opening() -> dict[str, Any]:
        if chosen.random() < 0.3:
            return {"service": chosen.choice(NAMES)}
        first, last = sorted(chosen.choices(PORTS, k=2))
        span = str(first) if chosen.random() < 0.6 else f"{first}-{last}"
        return {"port": f"{span}/{chosen.choice(['tcp', 'udp'])}"}

    def entry(narrow: str) -> Any:
        if narrow == "from" and chosen.random() < 0.1:
            whom = {"from": some(TRUSTED, 2)} if chosen.random() < 0.5 else {"interface": chosen.choice(INTERFACES[:3])}
            return {"service": "all", **whom}
        made = opening()
        if chosen.random() < 0.3:
            return next(iter(made.values()))
        if chosen.random() < 0.7:
            made[narrow] = sources()
        if narrow == "from" and chosen.random() < 0.35:
            made["interface"] = chosen.choice(INTERFACES)
        if narrow == "from" and chosen.random() < 0.15:
            made["limit"] = "1000/second"
        return made

    def published() -> list[dict[str, Any]]:
        """Each port over both families, to what is behind the host: a port is somewhere for both, or for neither."""
        made = []
        for port in chosen.sample(BEHIND, chosen.randint(1, 2)):
            one = {"port": f"{port}/{chosen.choice(['tcp', 'udp'])}", "to_port": 7000 + port}
            if chosen.random() < 0.7:
                one["from"] = sources()
            if chosen.random() < 0.2:
                one["limit"] = "1000/second"
            made += [{**one, "to": CONTAINER[family]} for family in (4, 6)]
        return made

    def route() -> dict[str, Any]:
        made = opening() if chosen.random() < 0.6 else {}
        ends = {"in": chosen.choice(INTERFACES), "out": chosen.choice(WAYS_OUT), "from": sources(), "to": sources()}
        return {**made, **{end: ends[end] for end in chosen.sample([*ends], chosen.randint(1, 3))}}

    made: dict[str, Any] = {
        "lists": {"one": some(NETWORKS, 6), "all": ["one", *some(NETWORKS, 3)]},
        "allow": [entry("from") for _ in range(chosen.randint(0, 7))],
        "ssh": chosen.choice([False, {}, {"limit": False}, {"from": sources(), "port": chosen.choice(PORTS)},
                              {"interface": chosen.choice(INTERFACES)}]),
    }  # fmt: skip
    for key, likely, value in (
        ("publish", 0.25, published()),
        ("deny", 0.5, some([*NETWORKS, "one"], 3)),
        ("ping", 0.3, False),
        ("malformed", 0.3, "accept"),
        ("flood", 0.2, "ignore"),
        ("containers", 0.3, "ignore"),
        ("metadata", 0.3, "all"),
        ("log", 0.8, False),
        ("route", 0.5, [route() for _ in range(chosen.randint(1, 3))]),
        (
            "outgoing",
            0.5,
            {
                "policy": "drop",
                "allow": [entry("to") for _ in range(chosen.randint(0, 4))],
                "containers": chosen.choice(["guard", "guard", "ignore"]),
            },
        ),
    ):
        if chosen.random() < likely:
            made[key] = value
    return made


def edges() -> dict[int, list[str]]:
    """Both ends of each network and what lies just outside, as far as the wire takes it for a source."""
    found: dict[int, set[str]] = {4: {"198.51.100.7"}, 6: {"2001:db8:f::7"}}
    for text in NETWORKS:
        net = ipaddress.ip_network(text)
        lowest, highest = (1 << 24, 0xDFFFFFFF) if net.version == 4 else (0x2000 << 112, (0x4000 << 112) - 1)
        for number in {int(end) + step for end in (net[0], net[-1]) for step in (-1, 0, 1)}:
            if lowest <= number <= highest and number >> 24 != 127:
                found[net.version].add(str(type(net[0])(number)))
    taken = {*MACHINE.values(), "10.0.0.10", *CONTAINER.values()}
    return {family: sorted(each - taken) for family, each in found.items()}


EDGES = edges()


def policies(chosen: random.Random) -> Iterator[tuple[dict[str, Any], Policy]]:
    """Sections and what is read in them, without an end: those that are not refused, for a `deny` that covers all of
    ssh.from or for SSH that is opened past it."""
    while True:
        made = section(chosen)
        try:
            yield made, policy.parse(made, ssh_ports=(22,), uplinks=("eth0",), read_list=str)
        except PolicyRefused:
            continue

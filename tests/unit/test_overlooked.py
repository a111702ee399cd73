"""A policy -> exactly these warnings; what is called superfluous opens nothing, and good policies are let alone."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_vps_firewall import policy
from cc_vps_firewall.host import facts
from cc_vps_firewall.plan import decide
from cc_vps_firewall.policy import Policy, networks, overlooked
from cc_vps_firewall.policy.services import INTERNAL
from tools import pages

from .any_yaml import POLICIES, problems
from .test_docs import said_below

LIST_FILE = "10.0.0.0/8\n"
NAME_THEM = "name the machines that need it in from"


def parse(section: object) -> Policy:
    return policy.parse(section, read_list=lambda path: LIST_FILE)


def told(section: object) -> list[str]:
    return [str(w).replace("vps_firewall.", "", 1) for w in overlooked.warnings(parse(section))]


WARNED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a database": ({"allow": ["mysql"]}, [f"allow[0]: opens mysql, a database, to anywhere; {NAME_THEM}"]),
    "by its second name": ({"allow": ["mariadb"]}, [f"allow[0]: opens mariadb, a database, to anywhere; {NAME_THEM}"]),
    "by its number": ({"allow": ["6379/tcp"]}, [f"allow[0]: opens redis, a database, to anywhere; {NAME_THEM}"]),
    "one port of several": (
        {"allow": ["5901/tcp"]},
        [f"allow[0]: opens vnc, a remote desktop, to anywhere; {NAME_THEM}"],
    ),
    "however slowly": (
        {"allow": [{"service": "redis", "from": "any", "limit": "5/minute"}]},
        [f"allow[0]: opens redis, a database, to anywhere; {NAME_THEM}"],
    ),
    "without a name of its own": (
        {"allow": ["2375/tcp"]},
        [f"allow[0]: opens Docker's API without TLS, a way to be root, to anywhere; {NAME_THEM}"],
    ),
    "in one family": (
        {"allow": [{"service": "nfs", "from": ["10.0.0.0/8", "::/0"]}]},
        [f"allow[0]: opens nfs, a file share, to anywhere over IPv6; {NAME_THEM}"],
    ),
    "in a group": (
        {"allow": ["samba"]},
        [
            "allow[0]: opens netbios-ns, netbios-dgm, netbios-ssn and 1 more to anywhere; name the machines that need "
            "them in from"
        ],
    ),
    "to what would be a bridge of containers": (
        {"allow": [{"service": "http", "interface": "br-app"}, {"service": "smtp", "interface": "br-lan"}]},
        [
            "allow[0].interface: makes br-app an uplink; if it is a bridge of containers, name their network in from "
            "instead"
        ],
    ),
    "in a range": (
        {"allow": ["5400-5500/tcp"]},
        [f"allow[0]: opens postgresql, a database, to anywhere; {NAME_THEM}"],
    ),
    "twice": (
        {"allow": ["http", "https", "http", "80/tcp", {"service": "https", "comment": "again"}]},
        [
            "allow[2]: opens nothing that allow[0] does not open; remove it",
            "allow[3]: opens nothing that allow[0] does not open; remove it",
            "allow[4]: opens nothing that allow[1] does not open; remove it",
        ],
    ),
    "in a group too": (
        {"allow": ["https", "web", "smtp"]},
        ["allow[0]: opens nothing that allow[1] does not open; remove it"],
    ),
    "by several": (
        {"allow": ["http", "https", "web"]},
        ["allow[2]: opens nothing that allow[0] and allow[1] do not open; remove it"],
    ),
    "for the sources of two": (
        {
            "allow": [
                {"service": "http", "from": ["10.0.0.0/9", "fd00::/9"]},
                {"service": "http", "from": ["192.168.0.0/16"]},
                {"service": "http", "from": ["10.64.0.0/10", "10.128.0.0/10", "fdff::/16"]},
                {"service": "http", "from": ["10.128.0.0/9", "172.16.0.0/12", "fd80::/9"]},
                {"service": "http", "from": ["10.64.0.0/10", "11.128.0.0/10"]},
            ]
        },
        ["allow[2]: opens nothing that allow[0] and allow[3] do not open; remove it"],
    ),
    "for some, and for all": (
        {"allow": [{"service": "http", "from": ["10.0.0.0/8"]}, {"service": "http", "interface": "eth0"}, "http"]},
        [
            "allow[0]: opens nothing that allow[2] does not open; remove it",
            "allow[1]: opens nothing that allow[2] does not open; remove it",
        ],
    ),
    "for some of those": (
        {
            "lists": {"office": ["10.0.0.0/8", "fd00::/8"]},
            "allow": [
                {"service": "http", "from": ["office"], "interface": "wg*"},
                {"service": "http", "from": ["10.1.0.0/16", "fd00::1"], "interface": "wg0"},
                {"service": "http", "from": ["10.1.0.0/16"], "interface": "wg1*"},
            ],
        },
        [
            "allow[1]: opens nothing that allow[0] does not open; remove it",
            "allow[2]: opens nothing that allow[0] does not open; remove it",
        ],
    ),
    "a limit beside none": (
        {"allow": ["http", {"service": "http", "limit": "5/minute"}]},
        ["allow[1].limit: has no effect: allow[0] opens the same without one"],
    ),
    "the limit of ssh": (
        {"allow": ["ssh"]},
        ["allow[0]: opens SSH without the limit of ssh, 30/minute, which has no effect so"],
    ),
    "ssh without a limit": (
        {"ssh": {"limit": False}, "allow": ["22/tcp"]},
        ["allow[0]: opens nothing that ssh does not open; remove it"],
    ),
    "one of those who have ssh": (
        {"ssh": {"from": ["10.0.0.0/8"]}, "allow": [{"service": "ssh", "from": ["10.1.2.3"]}]},
        ["allow[0]: opens nothing that ssh does not open; remove it"],
    ),
    "a list": (
        {"lists": {"a": ["10.0.0.0/8"], "b": {"file": "/srv/b"}, "c": ["a"]}},
        [
            "lists.b: nothing uses this list; name it, or remove it",
            "lists.c: nothing uses this list; name it, or remove it",
        ],
    ),
    "loopback": (
        {"ssh": {"from": ["10.0.0.0/8", "127.0.0.1"]}},
        ["ssh.from: has addresses in it that nobody can connect from (loopback, 127.0.0.0/8)"],
    ),
    "loopback of IPv6": (
        {"allow": [{"service": "http", "from": ["::1"]}]},
        ["allow[0].from: has addresses in it that nobody can connect from (loopback, ::1)"],
    ),
    "what is meant for anywhere": (
        {"allow": [{"service": "http", "from": ["0.0.0.0"]}]},
        ["allow[0].from: has addresses in it that nobody can connect from (0.0.0.0/8; anywhere is written any)"],
    ),
    "multicast": (
        {"allow": [{"service": "http", "from": ["224.0.0.0/4", "10.0.0.1"]}, {"service": "ntp", "from": ["ff02::1"]}]},
        [
            "allow[0].from: has addresses in it that nobody can connect from (multicast and reserved, 224.0.0.0/3)",
            "allow[1].from: has addresses in it that nobody can connect from (multicast, ff00::/8)",
        ],
    ),
    "refused before": (
        {"deny": ["192.168.0.0/16"], "allow": [{"service": "http", "from": ["192.168.7.0/24", "192.168.9.9"]}]},
        ["allow[0]: lets nobody in, for deny refuses all of its sources"],
    ),
    "no resolver": (
        {"outgoing": {"policy": "drop", "allow": ["http", "https", {"service": "ntp", "to": ["10.0.0.1"]}]}},
        [
            "outgoing.allow: has no dns, and names are not found but where the cloud's metadata address resolves them; "
            "add dns"
        ],
    ),
    "twice on the way out": (
        {"outgoing": {"policy": "drop", "allow": ["dns", "domain", {"service": "dns", "to": ["10.0.0.1"]}]}},
        [
            "outgoing.allow[1]: opens nothing that outgoing.allow[0] does not open; remove it",
            "outgoing.allow[2]: opens nothing that outgoing.allow[0] does not open; remove it",
        ],
    ),
}


@pytest.mark.parametrize("what", WARNED)
def test_warned_of(what: str) -> None:
    section, lines = WARNED[what]
    assert told(section) == lines


@pytest.mark.parametrize(
    "section",
    [
        {},
        {"enabled": False, "allow": ["mysql", "mysql"]},
        {"ssh": {"from": "any"}, "allow": ["web", "mail", "dns", "8080/tcp", "wireguard"]},
        {"ssh": {"from": ["203.0.113.7", "2001:db8::7"]}, "allow": [{"service": "mysql", "from": ["203.0.113.0/24"]}]},
        {"allow": [{"service": "redis", "interface": "wg0"}, {"port": "2375/tcp", "from": ["10.0.0.0/8"]}]},
        {"allow": ["9000/tcp", "3000/tcp", "9090/tcp", "7000/tcp", "8081-8085/tcp", "49152-65535/udp"]},
        {"allow": ["http", {"service": "https", "limit": "5/minute"}, {"service": "https", "from": ["10.0.0.0/8"]}]},
        {"allow": [{"service": "http", "limit": "5/minute"}, {"service": "http", "limit": "5/hour"}]},
        {"allow": [{"service": "http", "interface": "eth0"}, {"service": "http", "interface": "eth1"}]},
        {
            "allow": [
                {"service": "http", "interface": "eth*"},
                {"service": "http", "interface": "e*", "limit": "1/hour"},
            ]
        },
        {"allow": ["domain", "53/tcp"][1:] + ["domain-s", "dot"][1:]},
        {
            "lists": {"a": ["b"], "b": ["192.168.0.0/16"], "c": {"file": "/srv/c"}},
            "ssh": {"from": ["a"]},
            "deny": ["c"],
        },
        {"deny": ["127.0.0.0/8", "224.0.0.0/4", "0.0.0.0/8"]},
        {"deny": ["192.168.0.0/16"], "allow": [{"service": "http", "from": ["192.168.0.0/15"]}]},
        {"outgoing": {"policy": "drop"}},
        {"outgoing": {"policy": "drop", "allow": [{"service": "https", "to": ["10.0.0.0/8"]}]}},
        {"outgoing": {"policy": "drop", "allow": ["https", {"service": "dns", "to": ["10.0.0.1"]}]}},
        {"outgoing": {"policy": "drop", "allow": ["https", "dot"]}},
    ],
)
def test_not_warned_of(section: object) -> None:
    assert told(section) == []


DATABASES = {
    "mysql", "mariadb", "postgresql", "postgres", "redis", "valkey", "mongodb", "elasticsearch", "opensearch",
    "memcached", "etcd-client", "etcd-server", "ms-sql-s", "oracle", "cassandra", "clickhouse", "influxdb",
}  # fmt: skip
OTHERS = {"docker-tls", "kubelet", "rpcbind", "sunrpc", "nfs", "smb", "vnc", "telnet", "rdp", "squid", "snmp", "tftp"}


@pytest.mark.parametrize("name", sorted(DATABASES | OTHERS))
def test_what_everybody_knows_is_not_for_everybody(name: str) -> None:
    (line,) = told({"allow": [name]})
    assert line.startswith(f"allow[0]: opens {name}, ")
    assert told({"allow": [{"service": name, "from": ["10.0.0.0/8", "fd00::/8"]}]}) == []
    assert told({"allow": [{"service": name, "interface": "wg0"}]}) == []


@pytest.mark.parametrize("block", [b for p in pages.pages() for b in pages.blocks(p) if pages.is_policy(b)], ids=str)
def test_a_page_shows_no_policy_that_is_warned_of_or_says_so(block: pages.Block) -> None:
    """What people paste is what they would be warned of."""
    if block.info.startswith(pages.REFUSED):
        return
    found = policy.parse(pages.section(block), read_list=pages.list_files(block.page).__getitem__)
    lines = said_below(block).splitlines() if block.info.startswith(pages.WARNED) else []
    assert list(map(str, overlooked.warnings(found))) == lines


# --- the host -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "lines"),
    [
        (
            {"ssh": {"interface": "wg0"}},
            ["ssh.interface: there is no wg0 on this host now, and nobody can log in over it"],
        ),
        ({"ssh": {"interface": "eth*"}, "allow": [{"service": "http", "interface": "eth0"}]}, []),
        (
            {"allow": [{"service": "http", "interface": "wg*"}]},
            ["allow[0].interface: there is no wg* on this host now"],
        ),
        (
            {"ssh": {"from": ["10.0.0.1"]}, "allow": [{"service": "ssh", "interface": "eth0"}, "http"]},
            ["allow[0]: opens SSH to anywhere, for eth0 has the default route; add from"],
        ),
        (
            {"ssh": False, "allow": [{"port": "20-30/tcp", "interface": "e*"}]},
            ["allow[0]: opens SSH to anywhere, for eth0 has the default route; add from"],
        ),
        (
            {"allow": [{"service": "mysql", "interface": "eth0"}, {"service": "redis", "interface": "eth1"}]},
            ["allow[0]: opens mysql to anywhere, for eth0 has the default route; add from"],
        ),
        ({"allow": [{"service": "ssh", "interface": "eth0"}, {"service": "http", "interface": "eth0"}]}, []),
        ({"ssh": False, "allow": [{"service": "ssh", "interface": "eth0", "from": ["10.0.0.0/8"]}]}, []),
        ({"enabled": False, "ssh": {"interface": "wg0"}}, []),
        ({"ssh": False}, []),
    ],
)
def test_what_only_the_host_knows(section: object, lines: list[str]) -> None:
    found = overlooked.on_host(parse(section), ("lo", "eth0", "eth1"), ("eth0",))
    assert [str(w).replace("vps_firewall.", "", 1) for w in found] == lines


# --- anything -------------------------------------------------------------------------------------------------

SOURCES = ("8.8.8.8", "10.1.2.3", "192.168.1.1", "203.0.113.9", "2600::1", "fd00::1", "2001:db8::7")


@given(POLICIES, st.lists(st.sampled_from(["http", "web", "80/tcp", "1-65535/tcp", "mail"]), max_size=4), st.data())
def test_what_is_called_superfluous_opens_nothing(
    section: dict[str, Any], more: list[str], data: st.DataObject
) -> None:
    section = {**section, "allow": [*section.get("allow", []), *more]}
    if problems(section) is not None:
        return
    found = parse(section)
    superfluous = {str(w).partition(": ")[0] for w in overlooked.warnings(found) if "opens nothing that" in str(w)}
    kept = replace(found, allow=tuple(e for e in found.allow if f"vps_firewall.{e.path}" not in superfluous))
    openings = [o for e in found.allow for o in e.openings]
    if len(kept.allow) == len(found.allow) or not openings:
        return
    opening = data.draw(st.sampled_from(openings))
    for port in {opening.first, (opening.first + opening.last) // 2, opening.last}:
        for source in SOURCES:
            for interface in ("eth0", "wg0", "wg1", ""):
                asked = source, opening.proto, port, interface
                assert kept.admits(*asked) == found.admits(*asked)


@given(POLICIES)
def test_what_is_called_open_to_anywhere_is(section: dict[str, Any]) -> None:
    if problems(section) is not None:
        return
    found = replace(parse(section), deny=networks.NOWHERE)
    for warning in overlooked.warnings(found):
        if " to anywhere" in warning.message and "opens SSH" not in warning.message:
            entry = next(e for e in found.allow if warning.path == f"vps_firewall.{e.path}")
            strangers = [
                s for s in ("8.8.8.8", "2600::1") if found.admits(s, entry.openings[0].proto, entry.openings[0].first)
            ]
            assert strangers


@given(POLICIES)
def test_a_warning_is_a_line_that_says_where(section: dict[str, Any]) -> None:
    if problems(section) is None:
        for line in map(str, overlooked.warnings(parse(section))):
            assert line.startswith("vps_firewall.")
            assert line.isascii()
            assert line.isprintable()
            assert len(line) < 300


def test_what_nobody_can_have_is_called_by_its_name() -> None:
    names = [(family, net, name) for family, net, name in overlooked._NOBODY]
    assert len(names) == len(networks.UNROUTABLE.v4) + len(networks.UNROUTABLE.v6)
    for family, net, name in names:
        assert policy.network_text(family, net) in name or name == "loopback, ::1"


# --- cost -----------------------------------------------------------------------------------------------------

HUGE = [f"10.{n >> 8}.{n & 255}.0/25" for n in range(60_000) if n >> 8 < 256]
SLOWEST = 4  # seconds of processor time, several times what any takes


@pytest.mark.parametrize(
    "section",
    [
        {"allow": ["http"] * 20_000},
        {"allow": [f"{n}/tcp" for n in range(1, 20_000)]},
        {"allow": [f"{n}-{n + 40}/tcp" for n in range(1, 20_000)]},
        {"allow": [{"port": "80/tcp", "from": [f"10.{n >> 8}.{n & 255}.0/24"]} for n in range(20_000)]},
        {"lists": {"a": HUGE, "b": [*HUGE, "10.255.255.128/25"]}, "deny": ["a"],
         "allow": [{"service": s, "from": [x]} for s in ("http", "https", "smtp") for x in ("a", "b")] * 1000},
        {"allow": [{"service": "http", "from": HUGE[: 50 + n]} for n in range(550)]},
        {"lists": {f"l{n}": HUGE[:5] for n in range(20_000)}},
    ],
    ids=["alike", "ports", "ranges", "sources", "long lists", "many lists", "lists"],
)  # fmt: skip
def test_no_policy_takes_long(section: object) -> None:
    found = parse(section)
    began = time.process_time()
    warnings = overlooked.warnings(found)
    assert time.process_time() - began < SLOWEST
    assert len(warnings) <= overlooked.MOST + 1


def test_the_rest_is_counted() -> None:
    lines = told({"allow": ["http"] * 120})
    assert len(lines) == 101
    assert lines[-1] == "vps_firewall: and 19 warnings more".replace("vps_firewall.", "")


def test_every_kind_of_service_is_said() -> None:
    assert all(kind.startswith(("a ", "an ")) for kind in INTERNAL.values())


def test_what_goes_wrong_here_keeps_no_host_from_its_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> tuple[str, ...]:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(facts, "interfaces", broken)
    assert decide.warnings(parse({"allow": ["mysql"]})) == [
        "vps_firewall: could not be looked at for warnings: Cannot allocate memory"
    ]

"""The service table is whole, true to the register, and says why wherever it is not."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cc_vps_firewall.policy import services
from cc_vps_firewall.policy.service_table import GROUP_TABLE, INTERNAL_KINDS, SECTIONS, Group, Service
from cc_vps_firewall.policy.services import ENTRIES

REGISTER = Path("/etc/services")  # Debian's netbase
PORTLESS = {"esp", "ah", "gre", "vrrp"}
POOL = 100  # a range as wide as this is a pool that a server picks from: no register gives it to a name
OPENING = re.compile(r"([0-9]+)(?:-([0-9]+))?/(tcp|udp)")

Ports = frozenset[tuple[int, str]]


@dataclass(frozen=True)
class Register:
    """Which ports a name has, and which names a port has."""

    ports: Mapping[str, Ports]
    names: Mapping[tuple[int, str], set[str]]


def read_register(text: str) -> Register:
    """services(5): name, port/protocol, second names. AppleTalk's ddp is no protocol of ours."""
    ports: dict[str, set[tuple[int, str]]] = defaultdict(set)
    names: dict[tuple[int, str], set[str]] = defaultdict(set)
    for line in text.splitlines():
        name, *rest = line.partition("#")[0].split() or [""]
        if not name:
            continue
        number, protocol = rest[0].split("/")
        if protocol in {"tcp", "udp", "sctp", "dccp"}:
            for known in (name, *rest[1:]):
                ports[known].add((int(number), protocol))
                names[int(number), protocol].add(known)
    return Register({name: frozenset(found) for name, found in ports.items()}, names)


@pytest.fixture(scope="module")
def register() -> Register:
    assert REGISTER.exists(), f"{REGISTER} is missing: install netbase"
    return read_register(REGISTER.read_text(encoding="utf-8"))


def expand(opening: str) -> list[tuple[int, str]]:
    """The single ports of an opening; none of a protocol without ports."""
    if opening in PORTLESS:
        return []
    match = OPENING.fullmatch(opening)
    assert match, f"{opening} is not an opening"
    first, last = int(match[1]), int(match[2] or match[1])
    assert 1 <= first <= last <= 65535, f"{opening} is not a range of ports"
    assert first < last or not match[2], f"{opening} is one port"
    return [(port, match[3]) for port in range(first, last + 1)]


def deviations(table: Iterable[Service], known: Register) -> list[str]:
    """What is not as the register has it and does not say why; and each reason that explains nothing."""
    found = []
    for entry in table:
        own = {entry.name, *entry.aliases}
        problems = _differing(entry.name, own, entry.openings, known)
        problems += _taken(entry.name, own, entry.openings, known)
        found += _unexplained(entry.name, entry.not_iana, problems)
    return found


def group_deviations(table: Iterable[Group], known: Register) -> list[str]:
    """As deviations(), for the names of groups: their ports are judged with the services they belong to."""
    found = []
    for group in table:
        problems = _differing(group.name, {group.name}, services.lookup(group.name) or (), known)
        found += _unexplained(group.name, group.not_iana, problems)
    return found


def _differing(name: str, own: set[str], openings: Iterable[str], known: Register) -> list[str]:
    opened = {port for opening in openings for port in expand(opening)}
    return [
        f"{name}: the register has {registered} as {_text(known.ports[registered])}"
        for registered in sorted(own & known.ports.keys())
        if known.ports[registered] != opened
    ]


def _taken(name: str, own: set[str], openings: Iterable[str], known: Register) -> list[str]:
    chosen = [port for opening in openings if len(expand(opening)) < POOL for port in expand(opening)]
    return [
        f"{name}: the register gives {_text([port])} to {' '.join(sorted(known.names[port]))}"
        for port in chosen
        if port in known.names and not known.names[port] & own
    ]


def _unexplained(name: str, reason: str, problems: list[str]) -> list[str]:
    if not reason:
        return problems
    return [] if problems else [f"{name}: gives a reason, but is as the register has it"]


def _text(ports: Iterable[tuple[int, str]]) -> str:
    return " ".join(f"{number}/{protocol}" for number, protocol in sorted(ports))


# The register


def test_every_entry_is_as_the_register_has_it_or_says_why(register: Register) -> None:
    assert deviations(ENTRIES, register) == []
    assert group_deviations(GROUP_TABLE, register) == []


def test_a_wrong_entry_without_a_reason_is_found(register: Register) -> None:
    """Every entry that the register knows, made wrong in turn: other ports, other protocol, one port more."""
    held = [entry for entry in ENTRIES if not entry.not_iana and {entry.name, *entry.aliases} & register.ports.keys()]
    assert len(held) >= 60  # else the register has not been read
    other = {"tcp": "udp", "udp": "tcp"}
    for entry in held:
        wrong = [("4/tcp",), (*entry.openings, "4/tcp"), entry.openings[:-1]]
        swapped = [re.sub("tcp|udp", lambda match: other[match[0]], opening) for opening in entry.openings]
        if set(swapped) != set(entry.openings):
            wrong.append(tuple(swapped))
        for openings in wrong:
            found = deviations([replace(entry, opens=" ".join(openings))], register)
            assert found, f"{entry.name} as {openings} went unnoticed"
            assert all(problem.startswith(f"{entry.name}: ") for problem in found)


def test_a_wrong_row_is_found(register: Register) -> None:
    wrong = [replace(entry, opens="109/tcp") if entry.name == "pop3" else entry for entry in ENTRIES]
    assert deviations(wrong, register) == ["pop3: the register has pop3 as 110/tcp"]


def test_a_reason_that_is_taken_away_is_missed(register: Register) -> None:
    reasoned = [entry.name for entry in ENTRIES if entry.not_iana]
    bare = [replace(entry, not_iana="") for entry in ENTRIES]
    found = [problem.partition(":")[0] for problem in deviations(bare, register)]
    assert list(dict.fromkeys(found)) == reasoned
    groups = [replace(group, not_iana="") for group in GROUP_TABLE]
    assert group_deviations(groups, register) == ["mail: the register has mail as 25/tcp"]


def test_a_reason_without_a_deviation_is_refused(register: Register) -> None:
    smtp = next(entry for entry in ENTRIES if entry.name == "smtp")
    assert deviations([replace(smtp, not_iana="so it is")], register) == [
        "smtp: gives a reason, but is as the register has it"
    ]


def test_a_port_of_another_name_wants_a_reason(register: Register) -> None:
    squatter = Service("gitweb", "9418/tcp", "web pages of repositories")
    assert deviations([squatter], register) == ["gitweb: the register gives 9418/tcp to git"]
    assert deviations([replace(squatter, not_iana="its own choice")], register) == []


def test_a_register_is_read_as_services_5_says() -> None:
    known = read_register("# \n\nsnmp\t161/tcp\t# agent\nsnmp 161/udp\nhttp 80/tcp www # web\nrtmp 1/ddp\n")
    assert known.ports == {
        "snmp": {(161, "tcp"), (161, "udp")},
        "http": {(80, "tcp")},
        "www": {(80, "tcp")},
    }
    assert known.names[80, "tcp"] == {"http", "www"}


# The table


def test_what_is_asked_is_what_the_table_says() -> None:
    assert {entry.name: entry.openings for entry in ENTRIES} == services.SERVICES
    assert {alias: entry.name for entry in ENTRIES for alias in entry.aliases} == services.ALIASES
    assert {group.name: group.members for group in GROUP_TABLE} == services.GROUPS
    assert {entry.name: entry.internal for entry in ENTRIES if entry.internal} == services.INTERNAL
    assert {entry.internal for entry in ENTRIES} == {"", *INTERNAL_KINDS}


def test_there_are_services_enough() -> None:
    assert len(services.SERVICES) >= 150


def test_every_name_is_written_once() -> None:
    written = [name for entry in ENTRIES for name in (entry.name, *entry.aliases)]
    written += [group.name for group in GROUP_TABLE]
    assert len(written) == len(set(written)), sorted(name for name in written if written.count(name) > 1)
    assert services.names() == tuple(sorted(written))


def test_every_name_can_be_written_in_a_policy() -> None:
    assert [name for name in services.names() if not re.fullmatch(r"[a-z][a-z0-9-]*", name)] == []
    assert "any" not in services.names()


def test_every_name_opens_valid_ports_once() -> None:
    for name in services.names():
        openings = services.lookup(name)
        assert openings, name
        assert len(openings) == len(set(openings)), name
        for opening in openings:
            expand(opening)


@pytest.mark.parametrize("opening", ["0/tcp", "65536/tcp", "20-10/udp", "22-22/tcp", "80", "80/sctp", "icmp"])
def test_an_opening_that_is_none_is_found(opening: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(opening)):
        expand(opening)


def test_the_openings_of_a_service_do_not_overlap() -> None:
    for name, openings in services.SERVICES.items():
        opened = [port for opening in openings for port in expand(opening)]
        assert len(opened) == len(set(opened)), name


def test_protocols_without_ports_go_by_their_own_names() -> None:
    for name in PORTLESS:
        assert services.lookup(name) == (name,)


def test_every_row_says_what_it_is() -> None:
    rows: list[Service | Group] = [*ENTRIES, *GROUP_TABLE]
    for row in rows:
        assert row.text == row.text.strip() != "", row.name
        assert row.not_iana == row.not_iana.strip(), row.name
        assert not re.search("[;#]", row.text + row.not_iana), row.name
    assert all(heading == heading.strip() != "" and section for heading, section in SECTIONS.items())


# Lookups


@pytest.mark.parametrize(
    ("name", "openings"),
    [
        ("http", ("80/tcp",)),
        ("https", ("443/tcp",)),
        ("http3", ("443/udp",)),
        ("ssh", ("22/tcp",)),
        ("smtps", ("465/tcp",)),
        ("submissions", ("465/tcp",)),
        ("ntp", ("123/udp",)),
        ("domain", ("53/tcp", "53/udp")),
        ("mosh", ("60000-61000/udp",)),
        ("wg", ("51820/udp",)),
        ("postgres", ("5432/tcp",)),
        ("pptp", ("1723/tcp", "gre")),
        ("vrrp", ("vrrp",)),
        ("web", ("80/tcp", "443/tcp")),
        ("mail", ("25/tcp", "465/tcp", "110/tcp", "995/tcp", "143/tcp", "993/tcp", "587/tcp")),
        ("dns", ("53/tcp", "53/udp")),
        ("ipsec", ("500/udp", "4500/udp", "esp", "ah")),
    ],
)
def test_a_name_is_looked_up(name: str, openings: tuple[str, ...]) -> None:
    assert services.lookup(name) == openings


@pytest.mark.parametrize("name", ["", "HTTP", "http ", "80/tcp", "any", "no-such-service"])
def test_an_unknown_name_is_none(name: str) -> None:
    assert services.lookup(name) is None


def test_a_second_name_opens_what_the_first_opens() -> None:
    for alias, name in services.ALIASES.items():
        assert services.lookup(alias) == services.SERVICES[name]


def test_a_group_opens_what_its_members_open() -> None:
    for name, members in services.GROUPS.items():
        assert len(members) == len(set(members))
        wanted = {opening for member in members for opening in services.SERVICES[member]}
        assert set(services.lookup(name) or ()) == wanted


def test_a_group_names_each_opening_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "GROUPS", {"twice": ("openconnect", "https", "http3")})
    assert services.lookup("twice") == ("443/tcp", "443/udp")

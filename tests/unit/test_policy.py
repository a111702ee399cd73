"""Every stanza of the corpus gets its exact answer; anything else gets a policy or a list of problems, and no more."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cc_vps_firewall import policy
from cc_vps_firewall.errors import PolicyRefused
from cc_vps_firewall.policy import ANYWHERE, EVERYTHING, Entry, Limit, Opening, Policy, clouds, keys
from tests import corpus
from tests.casefiles import load_all

from .any_yaml import GOOD, LIST_FILE, POLICIES, VALUES, almost_good, positions, problems, put

REFUSED = corpus.refused()
ACCEPTED = corpus.accepted()
SLOWEST = 12  # seconds of processor time, several times what any stanza takes


def read_list(path: str) -> str:
    return LIST_FILE


def parse(section: object) -> Policy:
    return policy.parse(section, read_list=read_list)


@pytest.mark.parametrize("stanza", REFUSED, ids=lambda stanza: stanza.name)
def test_refused_with_exactly_these_lines(stanza: corpus.Stanza, tmp_path: Path) -> None:
    began = time.process_time()
    told = stanza.told(tmp_path)
    assert told == stanza.problems
    assert time.process_time() - began < SLOWEST


@pytest.mark.parametrize("stanza", ACCEPTED, ids=lambda stanza: stanza.name)
def test_accepted(stanza: corpus.Stanza, tmp_path: Path) -> None:
    assert stanza.told(tmp_path) == ()


def test_names_in_the_corpus_are_unique() -> None:
    names = [stanza.name for stanza in REFUSED + ACCEPTED]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", load_all(), ids=lambda case: case.name)
def test_every_case_with_packets_is_accepted(case: Any) -> None:
    case.policy()


def test_an_empty_mapping_is_a_full_policy() -> None:
    ssh = Entry("ssh", "", (Opening("tcp", 22, 22),), ANYWHERE, Limit(30, "minute"))
    assert parse({}) == Policy(ssh=ssh, metadata_services=parse({}).metadata_services)
    assert Policy().log == Limit(3, "minute")


def test_everything_written_out_is_the_same_as_nothing() -> None:
    spelled = {
        "enabled": True, "backend": "auto", "ssh": {}, "allow": [], "deny": [], "lists": {}, "ping": True,
        "malformed": "drop", "flood": "guard", "outgoing": "accept", "publish": [], "route": [],
        "metadata": "root", "containers": "guard", "log": "3/minute",
    }  # fmt: skip
    # Of Amazon's services those for containers are guarded where `metadata` is written out, and by no default.
    written, empty = (policy.parse(section, cloud_id="azure", read_list=read_list) for section in (spelled, {}))
    assert written == empty


def addresses(section: object, cloud_id: str) -> set[str]:
    services = policy.parse(section, cloud_id=cloud_id, read_list=read_list).metadata_services
    return {policy.network_text(family, net) for family in (4, 6) for net in services.of(family)}


def test_the_metadata_services_are_those_of_the_provider() -> None:
    assert addresses({}, "aws") == addresses({}, "aws-china") == {"169.254.169.254", "fd00:ec2::254"}
    assert addresses({}, "azure") == {"169.254.169.254", "168.63.129.16"}
    assert addresses({}, "vultr") == {"169.254.169.254"}
    everything = {address for services in clouds.SERVICES.values() for address in services}
    for unknown in ("", "nocloud", "configdrive", "none", "unknown", "no-ec2-metadata"):
        assert addresses({}, unknown) == everything


def test_what_is_there_for_containers_is_guarded_where_that_is_written_out() -> None:
    """And it is let out where `all` may reach it."""
    agents = set(clouds.FOR_CONTAINERS["aws"])
    for metadata in ("root", "all"):
        for cloud_id in ("aws", ""):
            assert addresses({"metadata": metadata}, cloud_id) == addresses({}, cloud_id) | agents
        assert addresses({"metadata": metadata}, "azure") == addresses({}, "azure")


def test_ssh_is_where_sshd_listens() -> None:
    found = policy.parse({}, ssh_ports=(2222, 22), read_list=read_list).ssh
    assert found is not None
    assert found.openings == (Opening("tcp", 2222, 2222), Opening("tcp", 22, 22))


@pytest.mark.parametrize(
    ("sources", "limit"),
    [
        ("any", Limit(30, "minute")),
        (["::/0", "203.0.113.7"], Limit(30, "minute")),  # open to anywhere in one family
        (["203.0.113.7"], None),
    ],
)
def test_ssh_is_limited_while_it_is_open_to_anywhere(sources: object, limit: Limit | None) -> None:
    found = parse({"ssh": {"from": sources}}).ssh
    assert found is not None
    assert found.limit == limit


def test_lists_are_sorted_out_by_family() -> None:
    lists = {"office": ["203.0.113.0/25", "home", "203.0.113.128/25"], "home": ["2001:db8::1", "203.0.113.7"]}
    found = parse({"lists": lists, "deny": ["office"]}).deny
    assert found == policy.Sources(((0xCB007100, 24),), ((0x20010DB8 << 96 | 1, 128),))


def test_a_source_of_one_family_leaves_nothing_of_the_other() -> None:
    (entry,) = parse({"allow": [{"service": "http", "from": ["2001:db8::/32"]}]}).allow
    assert entry.peers.v4 == ()
    assert parse({"allow": ["http"]}).allow[0].peers.v4 == EVERYTHING


def test_a_list_file_is_read_once() -> None:
    read = []

    def count(path: str) -> str:
        read.append(path)
        return LIST_FILE

    section = {"lists": {"a": {"file": "/srv/a"}}, "deny": ["a"], "allow": [{"service": "http", "from": ["a"]}] * 3}
    policy.parse(section, read_list=count)
    assert read == ["/srv/a"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionError(13, "Permission denied"), "/srv/a: Permission denied"),
        (OSError("without a number"), "/srv/a: without a number"),
        (ValueError("is not a regular file"), "/srv/a: is not a regular file"),
    ],
)
def test_why_a_list_file_cannot_be_read_is_told(error: Exception, told: str) -> None:
    def fail(path: str) -> str:
        raise error

    with pytest.raises(PolicyRefused) as refused:
        policy.parse({"lists": {"a": {"file": "/srv/a"}}}, read_list=fail)
    assert [p.message for p in refused.value.problems] == [told]


# --- anything at all ----------------------------------------------------------------------------------------


def assert_answered(section: object, text: str = LIST_FILE) -> None:
    """A policy, or problems: each one printable line of bearable length that says where."""
    told = problems(section, text)
    assert told != []
    for line in told or ():
        assert line.startswith("vps_firewall")
        assert line.isascii()
        assert line.isprintable()
        assert len(line) < 700


@settings(max_examples=300)
@given(VALUES)
@example({"lists": {"\ud800": {"file": "/\ud800"}}, "deny": ["\ud800", "\0", "::1%\0"]})
@example({1: {float("nan"): None}})
def test_any_value_is_answered(section: object) -> None:
    assert_answered(section)


@settings(max_examples=600)
@given(almost_good())
def test_any_value_in_any_place_is_answered(section: object) -> None:
    assert_answered(section)


@pytest.mark.parametrize(
    "odd", [10**5000, -(10**5000), "x" * 10**6, ["x"] * 1000, {"x" * 10**6: 1}], ids=lambda odd: type(odd).__name__
)
def test_huge_values_in_any_place_are_answered(odd: object) -> None:
    for where in positions(GOOD):
        assert_answered(put(GOOD, where, odd))


@given(st.dictionaries(st.sampled_from(keys.names(keys.POLICY)), VALUES, max_size=12))
def test_any_value_under_any_key_is_answered(section: object) -> None:
    assert_answered(section)


@given(st.text())
def test_any_text_in_a_list_file_is_answered(text: str) -> None:
    assert_answered({"lists": {"a": {"file": "/srv/a"}}, "deny": ["a"]}, text)


def test_the_good_policy_is_good() -> None:
    parse(GOOD)


@given(POLICIES)
def test_what_is_made_of_good_parts_is_refused_for_ssh_and_for_sources_of_nobody(section: dict[str, Any]) -> None:
    ends = ("nobody could log in", "or name its sources in from", "leaves nobody; name fewer sources")
    assert all(line.endswith(ends) for line in problems(section) or ())


STRANGERS = ("8.8.8.8", "198.18.0.1", "99.1.2.3", "223.5.5.5", "2600::1", "2a01:4f8::1", "3fff:ffff::1")


@given(POLICIES, st.sampled_from(["http", "22/tcp", "1-65535/tcp", "20-30/tcp", "sftp", "22/udp"]))
def test_an_entry_lets_in_to_ssh_whom_ssh_lets_in_or_whom_it_names(section: dict[str, Any], entry: str) -> None:
    section = {**section, "allow": [*section.get("allow", []), entry]}
    if problems(section) is not None:
        return
    found = parse(section)
    alone = parse({**{key: section[key] for key in ("ssh", "deny") if key in section}})
    bare = replace(found, allow=tuple(e for e in found.allow if e.peers == ANYWHERE and not e.interface))
    for port in [o.first for o in found.ssh.openings] if found.ssh else [22]:
        for stranger in STRANGERS:
            assert bare.admits(stranger, "tcp", port) == alone.admits(stranger, "tcp", port)


@pytest.mark.parametrize(
    ("ssh", "listens", "allow", "told"),
    [
        ({"from": ["203.0.113.7"]}, (2222,), "2222/tcp", "opens SSH, which ssh.from restricts, to anywhere; remove it"),
        ({"from": ["203.0.113.7"]}, (2222, 22), "20-23/tcp", "; write 20-21/tcp and 23/tcp, or"),
        ({"from": ["203.0.113.7"]}, (2222,), "22/tcp", ""),
        ({"interface": "wg0"}, (2222,), "2222/tcp", "opens SSH, which ssh.interface restricts, to anywhere;"),
        (False, (2222,), "2222/tcp", "opens SSH, which ssh: false closes, to anywhere;"),
        (False, (2222,), "22/tcp", ""),
        (False, (), "22/tcp", "opens SSH, which ssh: false closes, to anywhere;"),
        ({"port": 2222, "from": ["203.0.113.7"]}, (), "22/tcp", ""),
        (
            {"port": 2222, "from": ["203.0.113.7"]},
            (22,),
            "22/tcp",
            "opens SSH (sshd on this host listens on 22 too), which ssh.from restricts, to anywhere;",
        ),
        ({"port": 2222, "from": ["203.0.113.7"]}, (2222,), "22/tcp", ""),
        ({"port": 2222, "from": ["203.0.113.7"]}, (2222,), "ssh", "opens SSH, which ssh.from restricts, to anywhere;"),
        ({"port": 2222}, (22,), "22/tcp", ""),
        ({"from": "any"}, (22,), "22/tcp", ""),
    ],
)
def test_ports_of_ssh_are_those_of_the_policy_and_of_the_hosts_sshd(
    ssh: object, listens: tuple[int, ...], allow: str, told: str
) -> None:
    problems = []
    try:
        policy.parse({"ssh": ssh, "allow": [allow]}, ssh_ports=listens, read_list=read_list)
    except PolicyRefused as refused:
        problems = [str(problem) for problem in refused.problems]
    assert len(problems) == bool(told)
    assert all(line.startswith("vps_firewall.allow[0]: ") and told in line for line in problems)


def test_a_long_list_that_many_entries_name_is_weighed_once() -> None:
    many = [f"10.{n >> 8}.{n & 255}.0/25" for n in range(20_000)]
    section = {"lists": {"a": many}, "ssh": False, "allow": [{"port": "22/tcp", "from": ["a"]}] * 20_000}
    began = time.process_time()
    assert len(parse(section).allow) == 20_000
    assert time.process_time() - began < SLOWEST


@pytest.mark.parametrize(
    ("interface", "through", "inside"),
    [("wg0", "wg0", True), ("wg0", "wg1", False), ("wg0", "", False), ("wg*", "wg1", True), ("wg*", "eth0", False)],
)
def test_ssh_over_an_interface_is_entered_through_it_alone(interface: str, through: str, inside: bool) -> None:
    found = parse({"ssh": {"interface": interface}})
    assert found.admits("198.51.100.7", "tcp", 22, through) == inside
    assert policy.open_to(found)["ipv4"][0]["interface"] == interface
    assert found.ssh is not None
    assert found.ssh.limit == Limit(30, "minute")


# --- what it says of SSH alone ---

OFFICE: dict[object, object] = {"office": ["192.0.2.1", "more"], "more": {"file": "/etc/more"}}


@pytest.mark.parametrize(
    ("section", "own"),
    [
        (None, {}),
        ([], {}),
        ({}, {}),
        ({"alow": ["http"], "lists": OFFICE}, {}),
        ({"backend": "iptables"}, {"backend": "iptables"}),
        ({"backend": ["iptables"], "ssh": False}, {"ssh": False}),
        ({"ssh": None}, {"ssh": None}),
        ({"ssh": {"port": 2222, "limit": False}, "allow": 3}, {"ssh": {"port": 2222, "limit": False}}),
        ({"ssh": {"from": ["192.0.2.1"]}, "lists": []}, {"ssh": {"from": ["192.0.2.1"]}}),
        (
            {"ssh": {"from": "office"}, "lists": {**OFFICE, "home": 3, 7: []}},
            {"ssh": {"from": "office"}, "lists": OFFICE},
        ),
        (
            {"ssh": {"from": ["a", 3, None, ["b"]]}, "lists": {"a": ["b"], "b": "a", "c": []}},
            {"ssh": {"from": ["a", 3, None, ["b"]]}, "lists": {"a": ["b"], "b": "a"}},
        ),
    ],
)
def test_its_ssh_alone(section: object, own: dict[str, object]) -> None:
    assert policy.own_ssh(section) == {**policy.BUILT_IN, **own}


@settings(max_examples=200)
@given(POLICIES)
def test_its_ssh_alone_is_its_ssh_and_opens_nothing_else(section: dict[str, Any]) -> None:
    try:
        whole = parse(section)
    except PolicyRefused:
        return
    own = parse(policy.own_ssh(section))
    assert own.ssh == whole.ssh
    assert (own.allow, own.ping, own.backend) == ((), False, whole.backend)


@settings(max_examples=200)
@given(st.one_of(VALUES, almost_good()))
@example({"lists": {"office": None}, "ssh": {"from": []}})
@example({"lists": {"one": [], "other": None}, "ssh": {"from": ["one"]}})
def test_its_ssh_alone_is_refused_for_what_the_whole_is_refused(section: object) -> None:
    """It brings no mistake of its own, and what it is refused for stands in `ssh:` or in a list."""
    own = problems(policy.own_ssh(section)) or []
    assert set(own) <= set(problems(section) or [])
    assert all(line.startswith(("vps_firewall.ssh", "vps_firewall.lists")) for line in own)


def test_a_long_chain_of_lists_is_found_in_no_time() -> None:
    lists = {f"l{n}": [f"l{n + 1}"] for n in range(100_000)}
    own = policy.own_ssh({"ssh": {"from": "l0"}, "lists": lists})
    assert own["lists"] == lists


@pytest.mark.parametrize(
    ("interface", "uplinks", "refused"),
    [("eth0", ["eth0"], "eth0"), ("eth*", ["wlan0", "eth1"], "eth1"), ("eth*", ["br-ex"], ""), ("eth0", [], "")],
)
def test_everything_is_for_no_uplink(interface: str, uplinks: list[str], refused: str) -> None:
    section = {"allow": ["http", {"service": "all", "interface": interface, "from": ["10.0.0.0/8"]}]}
    try:
        policy.parse(section, uplinks=uplinks, read_list=lambda path: "")
        told = ""
    except PolicyRefused as found:
        told = str(found.problems[0])
    assert told.startswith(f"vps_firewall.allow[1].interface: {refused} has the default route") == bool(refused)
    assert bool(told) == bool(refused)


@pytest.mark.parametrize(("to", "refused"), [("192.0.2.10", True), ("2001:db8:1::10", True), ("10.8.0.2", False)])
def test_nothing_is_published_to_the_host_itself(to: str, refused: bool) -> None:
    own = ["192.0.2.10", "2001:db8:1::10", "127.0.0.1", "::1"]
    section = {"publish": [{"port": "8443/tcp", "to": to}]}
    try:
        policy.parse(section, own_addresses=own, read_list=lambda path: "")
        told = ""
    except PolicyRefused as found:
        told = str(found.problems[0])
    assert told == (
        f"vps_firewall.publish[0].to: {to} is this host's own; open its port under allow" if refused else ""
    )


def test_a_published_port_is_not_where_this_hosts_sshd_listens() -> None:
    with pytest.raises(PolicyRefused, match="sshd listens on 2222"):
        policy.parse({"publish": [{"port": "2222/tcp", "to": "10.8.0.2"}]}, ssh_ports=[2222], read_list=lambda path: "")


@pytest.mark.parametrize(("uplinks", "refused"), [(["mybr0"], "mybr0"), (["eth0"], ""), ([], "")])
def test_no_bridge_of_containers_has_the_default_route(uplinks: list[str], refused: str) -> None:
    section = {"containers": {"bridges": ["lan0", "mybr*"]}}
    try:
        policy.parse(section, uplinks=uplinks, read_list=lambda path: "")
        told = ""
    except PolicyRefused as found:
        told = str(found.problems[0])
    start = f"vps_firewall.containers.bridges: mybr* takes {refused}, which has the default route on this host"
    assert told.startswith(start) == bool(refused)
    assert bool(told) == bool(refused)

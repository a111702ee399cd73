"""What is told to every user: what it is about, and no address, name or value that somebody wrote."""

from __future__ import annotations

import time

import pytest

from cc_vps_firewall.apply import status
from cc_vps_firewall.errors import PolicyRefused
from cc_vps_firewall.policy import parse, userdata

SHOWN = {
    "vps_firewall.ssh.from[0]: 192.0.2.300 is not an IPv4 or IPv6 address": "vps_firewall.ssh.from[0]",
    "vps_firewall.lists.office_2[31]: home.example.org is a host name": "vps_firewall.lists.office_2[31]",
    "vps_firewall.ssh.from[3][192.0.2.8]: is a mapping": "vps_firewall.ssh.from[3]",
    "vps_firewall.lists[home.example.net]: not a list name": "vps_firewall.lists",
    "vps_firewall.lists.face.file line 3: is a range": "vps_firewall.lists.face.file line 3",
    "nft failed (1): Error: ip saddr 192.0.2.7 accept": "nft failed (1)",
    "/etc/iptables/rules.v4 was not ours: what stood there": "/etc/iptables/rules.v4 was not ours",
    "/etc/sysctl.d/60-ours.conf: Permission denied": "/etc/sysctl.d/60-ours.conf",
    "your own session, from 192.0.2.9 to port 22": "your own session, from ",
    "your own session, from 2001:db8::9 to port 22": "your own session, from ",
    "your own session, from fd::9 to port 22": "your own session, from ",
    "from ::ffff:192.0.2.9": "from ::",
    "192.0.2.9 is not one of them": "",
    "user-data part 1 has a line vps_firewall: and is not": "user-data part 1 has a line vps_firewall",
    "interrupted; what was there before is back": "interrupted; what was there before is back",
    "the default route is on eth0, and the rules could not be made again: x": (
        "the default route is on eth0, and the rules could not be made again"
    ),
}


def test_what_every_user_may_read() -> None:
    assert dict(zip(SHOWN, status.public(SHOWN))) == SHOWN


def test_a_long_word_costs_little() -> None:
    """Nobody limits what a tool says that failed."""
    long = "x" * 1_000_000
    began = time.process_time()
    assert status.public([long]) == [long]
    assert time.process_time() - began < 2


def test_every_key_of_a_policy_that_is_wrong_is_told_without_its_value() -> None:
    written = "198.51.100.77"
    wrong = {
        "ssh": {"from": [written], "port": written, "limit": written, written: 1},
        "allow": [written, {"service": written}, {"port": written, "from": written, written: [written]}],
        "deny": {written: written}, "lists": {written: written, "a": [f"{written}/8"], "b": {"file": written}},
        "outgoing": {"policy": written, "allow": [{"to": written}]}, "log": written, "ping": written, written: written,
    }  # fmt: skip
    with pytest.raises(PolicyRefused) as refused:
        parse(wrong, read_list=userdata.read_list)
    problems = [str(problem) for problem in refused.value.problems]
    assert any(written in problem for problem in problems)
    shown = status.public(problems)
    assert [line for line in shown if "198" in line or ".77" in line] == []
    assert all(line.startswith("vps_firewall") for line in shown)
    assert len({*shown}) > 12, "it is told which key is wrong"

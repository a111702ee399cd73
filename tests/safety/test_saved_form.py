"""Files of ours that somebody else's command has written anew: what counts is what they load."""

from __future__ import annotations

import re

import pytest

from cc_vps_firewall.boot import later_boot
from tests.engine import place
from tests.lab.machine import TOOLS, Machine

from .test_later_boot import FLUSH

POLICY = {
    "ssh": {"limit": "30/minute"},
    "allow": ["http", {"service": "https", "from": ["192.0.2.0/24", "198.51.100.0/24", "2001:db8:1::/64"]}],
    "outgoing": {"policy": "drop", "allow": ["https"]},
}
# What its owner, Docker and fail2ban have besides, when everything is saved.
BESIDE = """
for tool in iptables ip6tables; do
    $tool -t nat -N DOCKER; $tool -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
    $tool -t nat -A POSTROUTING -o eth9 -j MASQUERADE
    $tool -t raw -A PREROUTING -p udp --dport 9999 -j DROP
    $tool -N f2b-sshd; $tool -A f2b-sshd -j RETURN; $tool -I INPUT -p tcp --dport 22 -j f2b-sshd
done
"""
# As EL's iptables.init and netfilter-persistent's plugins do; and as people do by hand.
SAVES = {
    "iptables.init save": "iptables-save >$4.new && mv $4.new $4; ip6tables-save >$6.new && mv $6.new $6",
    "with its counters": "iptables-save -c >$4; ip6tables-save -c >$6",
    "our tables alone": "for t in mangle filter raw; do iptables-save -t $t; done >$4; "
    "for t in raw filter mangle; do ip6tables-save -t $t; done >$6",
}
LISTS = {
    "our table": "nft list table inet vps_firewall >$0",
    "with its handles": "nft -a list table inet vps_firewall >$0",
    "everything": "nft add table ip theirs; nft add chain ip theirs mine; nft list ruleset >$0",
    "a script": "{ echo 'flush ruleset'; nft -s list ruleset; } >$0",
}
CASES = [
    *(("nftables", release, how) for release in ("debian", "redhat") for how in LISTS),
    *((tool, release, how) for tool in TOOLS[1:] for release in ("debian", "redhat") for how in SAVES),
]


def places(machine: Machine) -> dict[int, str]:
    return dict(place(machine.release, machine.backend).files)


def save_anew(machine: Machine, how: str) -> None:
    if machine.backend == "iptables":
        machine.run(BESIDE)
    script = {**SAVES, **LISTS}[how]
    for family, path in places(machine).items():
        script = script.replace(f"${family}", path)
    before = {path: machine.files()[path] for path in places(machine).values()}
    machine.run(f"set -e\n{script}")
    assert all(machine.files()[path] != file for path, file in before.items())


@pytest.mark.parametrize("tool, release, how", CASES)
def test_equal_rules_in_another_form_are_equal(tool: str, release: str, how: str) -> None:
    with Machine(tool, release) as machine:
        assert not machine.apply(POLICY).raised
        machine.assert_closed()  # and the sources that SSH is limited for are counted
        save_anew(machine, how)
        verified = machine.command("verify")
        assert verified.value == 0, verified.out
        assert verified.out.startswith("equal: kernel, saved file and policy")


@pytest.mark.parametrize("tool", TOOLS)
def test_a_comment_is_no_rule(tool: str) -> None:
    with Machine(tool) as machine:
        assert not machine.apply(POLICY).raised
        for path in places(machine).values():
            machine.run(f"echo '# by hand' >>{path}; sed -i '1i # another head' {path}")
        assert machine.command("verify").value == 0


LOOPBACK = {"nftables": r'\t\tiif "lo" accept.*', "iptables": r"(\[\d+:\d+\] )?-A INPUT -i lo .*"}
ANOTHER = {"nftables": "tcp dport 8080 accept", "iptables": "-A INPUT -p tcp --dport 8080 -j ACCEPT"}


@pytest.mark.parametrize("tool, release, how", CASES)
def test_what_differs_is_told_and_nothing_else(tool: str, release: str, how: str) -> None:
    """A rule of ours is gone from one file, and in its place is another, that nobody asked for."""
    with Machine(tool, release) as machine:
        assert not machine.apply(POLICY).raised
        save_anew(machine, how)
        path = list(places(machine).values())[-1]
        text, times = re.subn(LOOPBACK[machine.backend], ANOTHER[machine.backend], machine.run(f"cat {path}"))
        assert times == 1
        machine.do(lambda: machine.write(path, text, 0o600))
        verified = machine.command("verify")
        assert verified.value == 6, verified
        less, more = sorted(line for line in verified.out.splitlines() if line[:1] in "+-")
        assert less.startswith(f"+{path} ")
        assert "base: loopback" in less
        assert more.startswith(f"-{path} ")
        assert "8080" in more


@pytest.mark.parametrize("text", ["", "# nothing\n"])
@pytest.mark.parametrize("tool", TOOLS)
def test_a_file_without_rules_lacks_all_of_them(tool: str, text: str) -> None:
    with Machine(tool) as machine:
        assert not machine.apply(POLICY).raised
        path = next(iter(places(machine).values()))
        machine.do(lambda: machine.write(path, text, 0o600))
        verified = machine.command("verify")
        assert verified.value == 6
        assert verified.out.count(f"+{path} ") > 40
        assert verified.out.count("+kernel") == 0


BROKEN = {
    "no rules at all": "\x1f\x8b\x08 garbage {\n",
    "cut in the middle": None,
    "a set that is gone": {
        "nftables": "table inet vps_firewall { chain input { ip saddr @gone drop\n }\n }\n",
        "iptables": "*filter\n-A INPUT -m set --match-set gone src -j DROP\nCOMMIT\n",
    },
}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("tool", TOOLS)
def test_a_file_that_does_not_load_says_so(tool: str, how: str) -> None:
    with Machine(tool) as machine:
        assert not machine.apply(POLICY).raised
        path = list(places(machine).values())[-1]
        whole, broken = machine.run(f"cat {path}"), BROKEN[how]
        text = broken[machine.backend] if isinstance(broken, dict) else broken or whole[: len(whole) // 2]
        machine.do(lambda: machine.write(path, text, 0o600))
        before = machine.rules()
        verified = machine.command("verify")
        assert verified.value == 6, verified
        assert re.findall(rf"(?m)^[+-]{path} (.{{40}})", verified.out), verified.out
        (told,) = (line for line in verified.out.splitlines() if line[:1] in "+-")
        assert told.startswith(f"+{path} (does not load: "), told
        assert machine.rules() == before


@pytest.mark.parametrize("tool, release, how", CASES)
def test_a_later_boot_does_not_take_it_for_its_owners_own(tool: str, release: str, how: str) -> None:
    with Machine(tool, release) as machine:
        machine.do(lambda: machine.install_services(machine.backend))
        assert not machine.apply(POLICY).raised
        save_anew(machine, how)
        machine.run(FLUSH)
        (told,) = machine.engine(lambda checkpoint: later_boot.reload_if_missing()).value
        assert told.endswith("did not load the rules at this boot; they were loaded after it")
        machine.assert_closed()
        assert machine.command("verify").value == 0

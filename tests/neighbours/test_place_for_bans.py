"""The place for bans of other programs: a table of nftables, a chain of iptables. Whatever becomes of our rules, who is
banned there stays out, and what a program leaves there breaks no apply."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.lab.ends import lab
from tests.lab.machine import ADDRESS, CLOSED, NEIGHBOUR, OPEN, Machine

from .crowdsec import NFTABLES, bouncer
from .fail2ban import fail2ban

IPTABLES = ("iptables-nft", "iptables-legacy")
TOOLS = ("nftables", *IPTABLES)
OLD = {"allow": ["http"]}
NEW = {"allow": ["https", "smtp"]}
WELCOME = {(4, OPEN), (6, OPEN)}
TABLE = "inet vps_firewall_bans"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ACTION = EXAMPLES / "fail2ban/vps-firewall.conf"
CROWDSEC = EXAMPLES / "crowdsec/vps-firewall.nft"


def by_hand(machine: Machine, addresses: dict[int, str] = NEIGHBOUR) -> None:
    """As the how-to says it."""
    for family, address in addresses.items():
        if machine.tool == "nftables":
            machine.run(f"nft add element {TABLE} banned{family} '{{ {address} timeout 1h }}'")
        else:
            prefix = "ip6tables" if family == 6 else "iptables"
            machine.run(f"{prefix} -w -A VPSFW-BANS -s {address} -j DROP")


@contextmanager
def by_fail2ban(machine: Machine) -> Iterator[Callable[[bool], None]]:
    if machine.tool == "nftables":
        machine.do(lambda: machine.write("/etc/fail2ban/action.d/vps-firewall.conf", ACTION.read_text()))
        more = "banaction = vps-firewall"
    else:
        more = "banaction = iptables-ipset-proto6-allports\nchain = VPSFW-BANS"
    with fail2ban(machine, more) as client:

        def ban(wanted: bool) -> None:
            for address in NEIGHBOUR.values():
                client("set", "sshd", "banip" if wanted else "unbanip", address)

        ban(True)
        yield ban


@contextmanager
def by_crowdsec(machine: Machine) -> Iterator[Callable[[bool], None]]:
    addresses = [NEIGHBOUR[4], NEIGHBOUR[6]]
    with bouncer(machine, addresses, chains="[VPSFW-BANS]"):

        def ban(wanted: bool) -> None:
            machine.run(f"echo {' '.join(addresses) if wanted else ''} >/run/banned")
            count = 2 if wanted else 0
            machine.run(f"until [ $(ipset list | grep -cE '^({'|'.join(addresses)}) ') = {count} ]; do sleep 0.1; done")

        yield ban


PROGRAMS = {"fail2ban": by_fail2ban, "crowdsec": by_crowdsec}
PLAYED = [("fail2ban", "nftables"), *((who, tool) for who in PROGRAMS for tool in IPTABLES)]


@pytest.mark.parametrize(("who", "tool"), PLAYED)
def test_a_program_bans_there(who: str, tool: str) -> None:
    """The real one: through another policy, the same again, and a restart of the program."""
    with Machine(tool, copied=("fail2ban",)) as machine:
        machine.apply(OLD)
        assert machine.reachable() == WELCOME
        for _ in range(2):
            with PROGRAMS[who](machine) as ban:
                assert machine.reachable() == set()
                for policy in (NEW, OLD):
                    assert machine.apply(policy).value["result"] == "applied"
                    assert machine.apply(policy).value["result"] == "unchanged"
                    assert machine.reachable() == set()
                    assert machine.command("verify").value == 0
                ban(False)
                assert machine.reachable() == WELCOME


@pytest.mark.parametrize("by_owner", [False, True])
def test_crowdsecs_tables_of_nftables(by_owner: bool) -> None:
    """Its own are asked of what comes in; those that the how-to makes hold for published ports, and end what stands."""
    section = {"publish": [{"port": "8301/tcp", "to": "10.9.0.2", "to_port": 8001}]}
    old, new = ({**policy, **section} for policy in (OLD, NEW))
    with lab("nftables") as here:
        machine, behind = here.machine, here.behind()
        assert not machine.apply(old).raised
        stands = here.through(behind, "10.9.0.2", machine.neighbour, ADDRESS[4], 8001, 8301)
        stands.talk()
        assert machine.reachable() == WELCOME
        mode = NFTABLES.replace("set-only: false", "set-only: true") if by_owner else NFTABLES
        if by_owner:
            machine.run("nft -f -", CROWDSEC.read_text())
        with bouncer(machine, [NEIGHBOUR[4], NEIGHBOUR[6]], nftables=mode):
            if by_owner:
                machine.run("nft -f -", CROWDSEC.read_text())  # as another start does
            for policy in (new, old):
                assert machine.apply(policy).value["result"] == "applied"
                assert machine.apply(policy).value["result"] == "unchanged"
                assert machine.reachable() == set()
                assert machine.command("verify").value == 0
            stands.there.sendall(b"still")
            stands.here.settimeout(0.3)
            if by_owner:
                with pytest.raises(TimeoutError):
                    stands.here.recv(10)
            else:
                assert stands.here.recv(10) == b"still"
            machine.run("echo >/run/banned; while nft list ruleset | grep -q 'timeout.*expires'; do sleep 0.1; done")
            assert machine.reachable() == WELCOME


def banned(machine: Machine) -> str:
    words = f"nft list table {TABLE}" if machine.tool == "nftables" else "iptables -S VPSFW-BANS"
    return machine.run(words)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_ban_ends_what_stands_and_not_what_we_began(tool: str) -> None:
    with Machine(tool) as machine, ExitStack() as stack:
        machine.apply(OLD)
        with machine.neighbour.entered():
            theirs = stack.enter_context(socket.create_connection((ADDRESS[4], OPEN), 2))
            server = stack.enter_context(socket.create_server((NEIGHBOUR[4], 0)))
        ours = machine.do(lambda: stack.enter_context(socket.create_connection(server.getsockname(), 2)))
        accepted = machine.do(lambda: stack.enter_context(machine.listeners[0].accept()[0]))
        other = stack.enter_context(server.accept()[0])
        for end in (ours, accepted):
            end.settimeout(1)
        theirs.sendall(b"before")
        assert accepted.recv(10) == b"before"
        by_hand(machine)
        theirs.sendall(b"after")
        with pytest.raises(TimeoutError):
            accepted.recv(10)
        other.sendall(b"answer")
        assert ours.recv(10) == b"answer"
        assert machine.reachable() == set()


@pytest.mark.parametrize("tool", TOOLS)
def test_a_ban_holds_for_published_ports_and_routes(tool: str) -> None:
    """Nobody who is banned gets in there, and what stands ends; what somebody behind this host began goes on."""
    policy = {
        "allow": ["http"],
        "publish": [{"port": "8301/tcp", "to": "10.9.0.2", "to_port": 8001}],
        "route": [{"in": "eth0", "out": "eth1", "port": "8100-8200/tcp"}, {"in": "eth1", "out": "eth0"}],
    }
    with lab(tool) as here:
        machine, behind = here.machine, here.behind()
        outside, near = machine.neighbour, NEIGHBOUR[4]
        assert not machine.apply(policy).raised
        ended = [here.through(behind, "10.9.0.2", outside, ADDRESS[4], 8001, 8301)]
        ended += [here.through(behind, inside, outside, inside, 8102, 8102) for inside in ("10.9.0.2", "fd00:9::2")]
        goes_on = here.through(outside, near, behind, near, 9001, 9001)
        for ends in (*ended, goes_on):
            ends.talk()
        by_hand(machine, {4: "192.0.2.0/29", 6: "2001:db8:1::/124"})
        goes_on.talk()
        for ends in ended:
            ends.there.sendall(b"still")
            ends.here.settimeout(0.3)
            with pytest.raises(TimeoutError):
                ends.here.recv(10)
        for to, dport in ((ADDRESS[4], 8301), ("10.9.0.2", 8102), ("fd00:9::2", 8102)):
            with outside.entered(), pytest.raises(TimeoutError):
                socket.create_connection((to, dport), 0.3)


@pytest.mark.parametrize("tool", TOOLS)
def test_nonsense_breaks_no_apply(tool: str) -> None:
    """Everybody is banned, this host itself, its neighbours and whoever gives it a lease: rules load as ever."""
    nonsense = {4: "0.0.0.0/0", 6: "::/0"}
    with Machine(tool) as machine:
        machine.apply(OLD)
        by_hand(machine, nonsense)
        assert machine.apply(NEW).value["result"] == "applied"
        assert machine.apply(OLD).value["result"] == "applied"
        assert machine.command("verify").value == 0
        assert banned(machine).count("0.0.0.0/0" if tool == "nftables" else "-j DROP") == 1
        assert machine.reachable() == set()
        here = machine.do(lambda: socket.create_connection(("127.0.0.1", OPEN), 2))
        here.close()
        machine.run(f"ping -c1 -W2 {NEIGHBOUR[4]}; ping -6 -c1 -W2 {NEIGHBOUR[6]}")  # what began here is answered


def test_a_table_of_another_form_breaks_no_apply() -> None:
    with Machine() as machine:
        chain = "chain input { type nat hook input priority 5; }"
        machine.run(f"nft 'table {TABLE} {{ set banned4 {{ type inet_service; }}; {chain}; }}'")
        held = machine.run(f"nft list table {TABLE}")
        for policy in (OLD, NEW):
            assert machine.apply(policy).value["result"] == "applied"
        assert machine.command("verify").value == 0
        assert machine.run(f"nft list table {TABLE}") == held


def test_what_is_missing_is_made_and_the_next_boot_loads_it() -> None:
    with Machine() as machine:
        machine.apply(OLD)
        machine.run(f"nft delete table {TABLE}")
        assert machine.command("verify").value == 0
        assert machine.apply(OLD).value["result"] == "unchanged"
        by_hand(machine)
        for _ in range(2):  # a unit that is started again
            machine.run("nft -f /etc/nftables/vps-firewall.nft")
            assert machine.run(f"nft list table {TABLE}").count("@banned4") == 1
            assert machine.reachable() == set()
        machine.run("nft flush ruleset; nft -f /etc/nftables/vps-firewall.nft")
        by_hand(machine)
        assert machine.reachable() == set()
        machine.run("echo 'add rule inet vps_firewall input accept' >>/etc/nftables/vps-firewall.nft")
        assert machine.command("verify").value == 6


@pytest.mark.parametrize("tool", TOOLS)
def test_bans_stay_when_the_backend_changes(tool: str) -> None:
    with Machine(tool) as machine:
        if tool == "nftables":
            machine.do(lambda: machine.install_services("iptables"))
        first, then = ("nftables", "iptables") if tool == "nftables" else ("iptables", "nftables")
        machine.apply({**OLD, "backend": first})
        by_hand(machine)
        assert machine.apply({**NEW, "backend": then}).value["backend"] == then
        assert machine.reachable() == set()
        assert machine.apply({**OLD, "backend": then}).value["result"] == "applied"
        assert machine.reachable() == set()
        assert machine.command("verify").value == 0
        assert machine.command("remove").value == 0
        assert machine.reachable() == {(4, OPEN), (4, CLOSED), (6, OPEN), (6, CLOSED)}
        assert TABLE not in machine.run("nft list tables")
        assert "VPSFW" not in machine.run("iptables-save; ip6tables-save")


@pytest.mark.parametrize("tool", TOOLS)
def test_the_status_counts_them(tool: str) -> None:
    with Machine(tool) as machine:
        machine.apply(OLD)
        assert "other programs" not in machine.command("status").out
        by_hand(machine)
        out = machine.command("status").out
        assert ("2 bans of other programs in the table" if tool == "nftables" else "1 rule of other programs") in out
        if tool == "nftables":
            assert "may refuse packets too" not in out
            return
        lines = "".join(f"-A VPSFW-BANS -s 203.0.113.{n}/32 -j DROP\n" for n in range(200))
        machine.run("iptables-restore -n", f"*filter\n{lines}COMMIT\n")
        out = machine.command("status").out
        assert "201 rules of other programs in the chain VPSFW-BANS" in out
        assert "warning: more than 200" in out
        assert machine.apply(NEW).value["result"] == "applied"
        assert machine.run("iptables -S VPSFW-BANS").count("203.0.113.") == 200


@pytest.mark.parametrize("tool", IPTABLES)
def test_what_accepts_is_no_ban(tool: str) -> None:
    with Machine(tool) as machine:
        machine.apply(OLD)
        by_hand(machine)
        machine.run(f"iptables -I VPSFW-BANS -p tcp --dport {CLOSED} -j ACCEPT")
        run = machine.command("verify")
        assert run.value == 6
        assert "VPSFW-BANS" in run.out
        assert "VPSFW-BANS" in machine.command("plan", "FILE", policy=OLD).out
        assert machine.apply(OLD).value["result"] == "applied"
        assert machine.command("verify").value == 0
        assert "ACCEPT" not in machine.run("iptables -S VPSFW-BANS")
        assert machine.reachable() == set()

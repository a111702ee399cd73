"""Bans of CrowdSec and fail2ban, by their real programs: they hold whatever becomes of our rules."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.engine import apply
from tests.lab.machine import ADDRESS, NEIGHBOUR, OPEN, Checkpoint, Machine

from .crowdsec import bouncer
from .fail2ban import fail2ban

IPTABLES = ("iptables-nft", "iptables-legacy")
TOOLS = ("nftables", *IPTABLES)
OLD = {"allow": ["http"]}
NEW = {"allow": ["https", "smtp"]}
WELCOME = {(4, OPEN), (6, OPEN)}


@contextmanager
def by_crowdsec(machine: Machine) -> Iterator[Callable[[bool], None]]:
    addresses = [NEIGHBOUR[4], NEIGHBOUR[6]]
    with bouncer(machine, addresses):

        def ban(wanted: bool) -> None:
            machine.run(f"echo {' '.join(addresses) if wanted else ''} >/run/banned")
            count = 2 if wanted else 0
            machine.run(f"until [ $(ipset list | grep -cE '^({'|'.join(addresses)}) ') = {count} ]; do sleep 0.1; done")

        yield ban


@contextmanager
def by_fail2ban(machine: Machine) -> Iterator[Callable[[bool], None]]:
    with fail2ban(machine) as client:

        def ban(wanted: bool) -> None:
            for address in NEIGHBOUR.values():
                client("set", "sshd", "banip" if wanted else "unbanip", address)

        ban(True)
        yield ban


BANS = {"crowdsec": by_crowdsec, "fail2ban": by_fail2ban}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("who", BANS)
def test_a_ban_holds(who: str, tool: str) -> None:
    """When the first policy is put in force, when another one is, when that is taken back; and it can be lifted."""
    with Machine(tool, copied=("fail2ban",)) as machine, BANS[who](machine) as ban:
        assert WELCOME.isdisjoint(machine.reachable())
        for policy in (OLD, NEW):
            assert machine.apply(policy).value["result"] == "applied"
            assert machine.reachable() == set()
            assert machine.apply(policy).value["result"] == "unchanged"
            assert machine.command("verify").value == 0
        before = machine.state()
        run = machine.engine(taken_back(OLD))
        assert run.raised.startswith("RolledBack: not confirmed in time"), run
        assert machine.state() == before
        assert machine.reachable() == set()
        ban(False)
        assert machine.reachable() == WELCOME
        ban(True)
        assert machine.reachable() == set()
        assert machine.command("verify").value == 0


def taken_back(section: object, meanwhile: Callable[[], object] = lambda: None) -> Callable[[Checkpoint], object]:
    """An apply that nobody confirms."""

    def confirm() -> str:
        meanwhile()
        return "not confirmed in time"

    def work(checkpoint: Checkpoint) -> object:
        return apply(section, checkpoint, confirm=confirm)

    return work


@pytest.mark.parametrize("tool", TOOLS)
def test_a_ban_holds_while_rules_are_loaded(tool: str) -> None:
    """Who is banned knocks without a pause, and never gets in."""
    with Machine(tool, copied=("fail2ban",)) as machine, by_fail2ban(machine) as ban:
        machine.apply(OLD)
        with knocking(machine) as got_in:
            for policy in (NEW, OLD, NEW):
                assert machine.apply(policy).value["result"] == "applied"
                machine.engine(taken_back(OLD))
            assert got_in() == 0
        ban(False)
        with knocking(machine) as got_in:
            assert got_in() > 0  # so that none means none


KNOCKS = f"""
import select, socket, sys
count = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    knock = socket.socket()
    knock.setblocking(False)
    knock.connect_ex(("{ADDRESS[4]}", {OPEN}))
    answered = select.select([], [knock], [], 0.02)[1]
    count += bool(answered and knock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0)
    knock.close()
print(count)
"""


@contextmanager
def knocking(machine: Machine) -> Iterator[Callable[[], int]]:
    """The neighbour connects again and again. -> ends that, and tells how often it got in"""

    with machine.neighbour.entered():
        process = subprocess.Popen([sys.executable, "-c", KNOCKS], stdin=-1, stdout=-1, text=True)
    machine.run("sleep 0.5")
    try:
        yield lambda: int(process.communicate("\n", 30)[0])
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("tool", IPTABLES)
def test_bans_that_are_gone_are_not_put_back(tool: str) -> None:
    """fail2ban ends while an apply waits for a yes: its rules name a set that is gone, and no tool would take them."""
    with Machine(tool, copied=("fail2ban",)) as machine, by_fail2ban(machine):
        machine.apply(OLD)
        before = machine.rules()
        stop = ["fail2ban-client", "-s", "/run/fail2ban.sock", "stop"]
        run = machine.engine(taken_back(NEW, lambda: subprocess.run(stop, check=True, stdout=subprocess.DEVNULL)))
        assert run.raised == "RolledBack: not confirmed in time; what was there before is back", run
        assert "match-set" not in machine.run("iptables-save; ip6tables-save")
        bans = [line for line in before.splitlines() if "match-set" in line]
        assert len(bans) == 2
        assert machine.rules().splitlines() == [line for line in before.splitlines() if line not in bans]
        assert machine.command("verify").value == 0


# Docker's, for VNI 4096 of an encrypted overlay (moby, libnetwork/drivers/overlay/encryption.go): up to 23.0.2 both
# are appended, since then the DROP is inserted and asks for --pol none.
VNI = '-m u32 --u32 "0>>22&0x3C@12&0xFFFFFF00=1048576"'
PAIRS = {
    "20.10": (f"-A INPUT -m policy --dir in --pol ipsec -p udp --dport 4789 {VNI} -j ACCEPT",
              f"-A INPUT -p udp --dport 4789 {VNI} -j DROP"),
    "23.0.3": (f"-A INPUT -m policy --dir in --pol ipsec -p udp --dport 4789 {VNI} -j ACCEPT",
               f"-I INPUT -m policy --dir in --pol none -p udp --dport 4789 {VNI} -j DROP"),
}  # fmt: skip


@pytest.mark.parametrize("tool", IPTABLES)
@pytest.mark.parametrize("version", PAIRS)
@pytest.mark.parametrize("first", ["docker", "firewall"])
def test_an_encrypted_overlay_takes_nothing_in_the_clear(first: str, version: str, tool: str) -> None:
    """Where 4789/udp is open, what comes unencrypted under that overlay's number is Docker's to drop."""
    open_to_vxlan = {"allow": ["4789/udp"]}
    with Machine(tool) as machine, ExitStack() as stack:
        server = machine.do(lambda: stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)))
        server.bind((ADDRESS[4], 4789))
        server.settimeout(3)
        if first == "firewall":
            machine.apply(open_to_vxlan)
        for rule in PAIRS[version]:
            machine.run(f"iptables {rule}")
        assert machine.apply({**open_to_vxlan, "ping": False}).value["result"] == "applied"
        with machine.neighbour.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            for number in (4096, 5):
                client.sendto(bytes([8, 0, 0, 0, *(number << 8).to_bytes(4, "big")]) + b"frame", (ADDRESS[4], 4789))
        assert server.recv(100)[4:8] == (5 << 8).to_bytes(4, "big")
        assert machine.command("verify").value == 0
        rules = machine.run("iptables -S INPUT").splitlines()
        assert [line for line in rules if "u32" in line] == [line for line in rules[1:] if "vps-firewall" not in line]
        assert "u32" not in rules[-1]


STRANGERS = (
    "-A INPUT -s 203.0.113.7/32 -p tcp -m tcp --dport 8080 -j ACCEPT",
    "-A INPUT -m set ! --match-set friends src -j DROP",
    '-A INPUT -p tcp -m comment --comment "-m set --match-set friends src -j DROP" -j ACCEPT',
    '-A INPUT -p tcp -m comment --comment "-j DOCKER -i docker0" -j ACCEPT',
    "-A INPUT -m set --match-set friends src -j ACCEPT",
    "-A INPUT -j REJECT --reject-with icmp-host-prohibited",
    "-A FORWARD -j REJECT --reject-with icmp-host-prohibited",
)


@pytest.mark.parametrize("tool", IPTABLES)
def test_what_else_others_wrote_goes_and_is_named(tool: str) -> None:
    """Among it the end of CentOS's own file, and what refuses everybody but a set."""
    with Machine(tool) as machine:
        machine.run("ipset create friends hash:ip")
        machine.run("iptables-restore", "\n".join(["*filter", ":DOCKER - [0:0]", *STRANGERS, "COMMIT", ""]))
        machine.run(
            "iptables -t mangle -A FORWARD -i eth0 -j ACCEPT; iptables -t mangle -A FORWARD -j MARK --set-mark 1"
        )
        plan = machine.command("plan", "FILE", policy=OLD).out
        for rule in STRANGERS:
            assert f"-kernel IPv4 filter {rule[3:]}\n" in plan
        assert "-kernel IPv4 mangle FORWARD -i eth0 -j ACCEPT\n" in plan
        assert "MARK" not in plan
        (note,) = (note for note in machine.apply(OLD).value["notes"] if "others" in note)
        assert note.startswith(
            "rules of others that were taken out: IPv4 mangle FORWARD -i eth0 -j ACCEPT; IPv4 filter"
        )
        assert "INPUT -s ... -p tcp -m tcp --dport 8080 -j ACCEPT" in note
        assert note.endswith("; and 2 more")
        assert "203.0.113.7" not in note
        assert "MARK" in machine.run("iptables -t mangle -S FORWARD")
        machine.assert_closed()
        assert not [note for note in machine.apply(NEW).value["notes"] if "others" in note]


@pytest.mark.parametrize("tool", IPTABLES)
def test_a_first_boot_names_them_too(tool: str) -> None:
    with Machine(tool) as machine:
        machine.run("iptables -A INPUT -p tcp --dport 8080 -j ACCEPT")
        status = machine.first_boot(OLD).value
        assert [note for note in status["notes"] if "8080" in note], status


@pytest.mark.parametrize("tool", IPTABLES)
@pytest.mark.parametrize("rule", ["INPUT -p tcp --dport 3306 -j ACCEPT", "FORWARD -t mangle -o docker0 -j ACCEPT"])
def test_what_others_let_in_before_us_is_drift(rule: str, tool: str) -> None:
    with Machine(tool) as machine:
        machine.apply(OLD)
        machine.run(f"iptables -I {rule}")
        run = machine.command("verify")
        assert run.value == 6
        assert "ACCEPT" in run.out
        assert machine.apply(OLD).value["result"] == "applied"
        assert machine.command("verify").value == 0

"""Other people's rules, and connections that stand: what is not ours outlives every apply and every way back."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Callable
from functools import partial

import pytest

from tests.engine import apply
from tests.lab.machine import ADDRESS, FAMILY, OPEN, TOOLS, Checkpoint, Machine

OLD = {"allow": ["http"]}
NEW = {"allow": ["https", "smtp"]}
IPTABLES = ("iptables-nft", "iptables-legacy")

# As Docker and fail2ban leave them: chains of their own, jumps at the top, accepting rules about a bridge.
DOCKER = """*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s NETWORK ! -o docker0 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
COMMIT
*filter
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
:f2b-sshd - [0:0]
-I INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
-I FORWARD -i docker0 ! -o docker0 -j ACCEPT
-I FORWARD -o docker0 -j DOCKER
-I FORWARD -j DOCKER-USER
-A DOCKER-USER -j RETURN
-A f2b-sshd -s BANNED -j REJECT
-A f2b-sshd -j RETURN
COMMIT
"""
NETWORKS = {"iptables": ("172.17.0.0/16", "203.0.113.66"), "ip6tables": ("fd00:17::/64", "2001:db8:bad::66")}

NATIVE = """table ip docker-bridges {
\tchain nat { type nat hook postrouting priority srcnat; ip saddr 172.17.0.0/16 oifname != "docker0" masquerade; }
}
table inet f2b-table {
\tset addr-set-sshd { type ipv4_addr; elements = { 203.0.113.66 }; }
\tchain f2b-chain { type filter hook input priority filter - 1; tcp dport 22 ip saddr @addr-set-sshd reject; }
}
"""


def others_arrive(machine: Machine) -> None:
    if machine.backend == "nftables":
        machine.run("nft -f -", NATIVE)
        return
    for prefix, (network, banned) in NETWORKS.items():
        text = DOCKER.replace("NETWORK", network).replace("BANNED", banned)
        machine.run(f"{prefix}-restore --noflush", text)


def theirs(machine: Machine) -> list[str]:
    """The rules that are not ours, in their order."""
    text = re.sub(r"(?ms)^table inet vps_firewall \{.*?^\}$", "", machine.rules())
    return [
        line
        for line in text.splitlines()
        if re.match(r"-|\t|table", line) and "VPSFW" not in line and "vps-fire" not in line
    ]


@pytest.mark.parametrize("tool", TOOLS)
def test_an_apply_leaves_them_where_they_are(tool: str) -> None:
    with Machine(tool) as machine:
        others_arrive(machine)
        alone = theirs(machine)
        assert len(alone) > 4
        for policy in (OLD, NEW, OLD):
            assert machine.apply(policy).value["result"] == "applied"
            assert theirs(machine) == alone
            assert machine.command("verify").value == 0
            assert machine.apply(policy).value["result"] == "unchanged"
        machine.run("rm -r /etc/vps-firewall 2>/dev/null", check=False)


@pytest.mark.parametrize("tool", IPTABLES)
def test_a_jump_stays_before_what_accepts(tool: str) -> None:
    with Machine(tool) as machine:
        machine.apply(OLD)
        others_arrive(machine)
        machine.apply(NEW)
        for table in machine.rules().split("COMMIT\n"):
            inputs = re.findall("(?m)^-A INPUT .*$", table)
            assert not inputs or "filter" not in table or "f2b-sshd" in inputs[0], inputs


@pytest.mark.parametrize("tool", TOOLS)
def test_what_is_put_back_is_what_was_there(tool: str) -> None:
    """Also rules that an apply takes out, such as those of somebody who followed a tutorial."""
    with Machine(tool) as machine:
        if machine.backend == "iptables":
            for prefix in NETWORKS:
                machine.run(f"{prefix} -A INPUT -p tcp --dport 8080 -j ACCEPT; {prefix} -A FORWARD -j DROP")
        others_arrive(machine)
        for policy in (None, OLD):
            if policy:
                machine.apply(policy)
            before = machine.state()
            machine.run("rm -rf /etc/systemd/system/*.wants")
            machine.fake(systemctl="exit 1")
            assert machine.command("apply", "FILE", policy=NEW).value == 5
            machine.mend()
            after = machine.state()
            assert after.rules == before.rules
            assert {p: f for p, f in before.files.items() if ".wants" not in p} == after.files


def with_an_event(event: Callable[[], None], section: object) -> Callable[[Checkpoint], object]:
    """An apply that nobody confirms, and in the meantime something happens."""

    def confirm() -> str:
        event()
        return "not confirmed in time"

    def work(checkpoint: Checkpoint) -> object:
        return apply(section, checkpoint, confirm=confirm)

    return work


@pytest.mark.parametrize("tool", TOOLS)
def test_what_others_did_in_the_meantime_outlives_the_way_back(tool: str) -> None:
    """Somebody is banned, and a container starts, while the command waits for a yes that does not come."""
    with Machine(tool) as machine:
        machine.apply(OLD)
        others_arrive(machine)
        old = machine.rules()
        if tool == "nftables":
            events = ["nft add element inet f2b-table addr-set-sshd '{ 198.51.100.1 }'"]
        else:
            events = ["iptables -I f2b-sshd -s 198.51.100.1 -j REJECT && iptables -N late && iptables -I INPUT -j late"]
            events += [f"{prefix} -A DOCKER ! -i docker0 -o docker0 -p tcp --dport 81 -j ACCEPT" for prefix in NETWORKS]
        run = machine.engine(with_an_event(lambda: _shell(events), NEW))
        assert run.raised.startswith("RolledBack: not confirmed in time"), run
        now = machine.rules()
        assert "198.51.100.1" in now
        if tool != "nftables":
            assert now.count("--dport 81 -j ACCEPT") == 2
            assert "-A INPUT -j late" in now
        lost = set(old.splitlines()) - set(now.splitlines())
        assert not {line for line in lost if "elements" not in line}, lost
        assert "https" not in now


def _shell(lines: list[str]) -> None:
    subprocess.run(["sh", "-ec", "\n".join(lines)], check=True)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_rule_that_comes_between_the_look_and_the_load_stays(tool: str) -> None:
    with Machine(tool) as machine:
        machine.apply(OLD)

        def work(checkpoint: Checkpoint) -> object:
            def moment(name: str) -> None:
                if name == "before load":
                    _shell(
                        ["nft add table ip late"]
                        if tool == "nftables"
                        else ["iptables -N late; iptables -I INPUT -j late"]
                    )

            return apply(NEW, moment)

        assert not machine.engine(work).raised
        assert "late" in machine.rules()


@pytest.mark.parametrize("tool", TOOLS)
def test_established_connections_survive(tool: str) -> None:
    """Also those that the new policy would not let in again, and also when it is taken back."""
    elsewhere = {"ssh": {"from": ["198.51.100.0/24", "2001:db8:e::/48"]}}
    with Machine(tool) as machine:
        machine.apply(OLD)

        def connect(family: int) -> tuple[socket.socket, socket.socket]:
            with machine.neighbour.entered():
                client = socket.create_connection((ADDRESS[family], OPEN), timeout=3)
            listener = next(s for s in machine.listeners if s.family == FAMILY[family] and s.getsockname()[1] == OPEN)
            listener.settimeout(3)
            return client, listener.accept()[0]

        pairs = [machine.do(partial(connect, family)) for family in (4, 6)]
        machine.apply(elsewhere)
        assert machine.reachable() == set()
        machine.engine(with_an_event(lambda: None, NEW))
        for client, server in pairs:
            server.settimeout(3)
            client.sendall(b"still there?")
            assert server.recv(100) == b"still there?"
            server.sendall(b"yes")
            assert client.recv(100) == b"yes"
            client.close()
            server.close()

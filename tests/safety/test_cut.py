"""apply --cut: what the new policy does not let through ends, at both ends and for good; everything else goes on, and
what the command is run from is never among it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from tests.lab.ends import Ends, Lab, lab
from tests.lab.machine import ADDRESS, CLOSED, NEIGHBOUR, OPEN, TOOLS, Machine
from tests.suites import REPOSITORY

BOTH = {"allow": ["mysql", "8000/udp"]}
LESS: dict[str, Any] = {"ssh": {}}


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


def command(machine: Machine, *arguments: str, policy: object = None) -> Done:
    """The real command, as a console starts it: nobody that it comes from has a socket; these tests have all."""
    if policy is not None:
        section = json.dumps({"vps_firewall": policy})
        machine.do(lambda: machine.write("/run/policy.yaml", f"#cloud-config\n{section}\n"))
    run = f"{sys.executable} -m cc_vps_firewall {' '.join(arguments)} /run/policy.yaml"
    run += " >/run/out 2>/run/err; echo $? >/run/code"
    machine.run(f"cd {REPOSITORY}; rm -f /run/code; ({run}) </dev/null >/dev/null 2>&1 &\n")
    machine.run("until [ -s /run/code ]; do sleep 0.05; done")
    out, err, code = (machine.run(f"cat /run/{name}") for name in ("out", "err", "code"))
    return Done(int(code), out, err)


def cut(machine: Machine, policy: object) -> str:
    done = command(machine, "apply", "--cut", policy=policy)
    assert done.code == 0, done
    return done.out


@pytest.mark.parametrize("tool", TOOLS)
def test_what_comes_in_ends_where_it_would_not_be_let_in(tool: str) -> None:
    with lab(tool, BOTH) as here:
        machine = here.machine
        ended = [made for f in (4, 6) for made in (here.begun_there(f, CLOSED), here.udp(f, 8000))]
        go_on = [made for f in (4, 6) for made in (here.begun_there(f, OPEN), here.begun_here(f, 9000))]
        for ends in (*ended, *go_on):
            ends.talk()
        shown = command(machine, "plan", "--cut", policy=LESS).out
        assert f"-connection tcp from {NEIGHBOUR[4]}:" in shown
        assert f"to [{ADDRESS[6]}]:8000" in shown
        for ends in (*ended, *go_on):
            ends.talk()
        told = cut(machine, LESS)
        assert "ended 4 connections that this policy does not let through:" in told
        for ends in ended:
            ends.assert_ended()
        for ends in go_on:
            ends.talk()
        assert machine.command("verify").value == 0
        assert "unknown" not in machine.command("explain", "ssh", "--live").out
        assert machine.apply(BOTH).value["result"] == "applied"
        for ends in ended:
            ends.assert_ended()
        for ends in go_on:
            ends.talk()
        assert machine.command("remove").value == 0
        assert "vpsc" not in machine.rules()
        assert "0x76707363" not in machine.run("nft list ruleset; iptables-save")


ROUTES: dict[str, Any] = {
    "ssh": {},
    "route": [{"in": "eth0", "out": "eth1", "port": "8100-8200/tcp"}, {"in": "eth1", "out": "eth0"}],
    "publish": [{"port": f"{port}/tcp", "to": "10.9.0.2", "to_port": port - 300} for port in (8301, 8302)],
}
FEWER: dict[str, Any] = {
    "ssh": {},
    "route": [{"in": "eth0", "out": "eth1", "port": "8101/tcp"}, {"in": "eth1", "out": "eth0", "port": "9002/tcp"}],
    "publish": [ROUTES["publish"][1]],
}


@pytest.mark.parametrize("tool", TOOLS)
def test_what_is_forwarded_ends_where_no_route_takes_it(tool: str) -> None:
    """Through, both ways, and to a published port. The server behind sends first: without its entry in the tracker that
    would begin a connection of its own, which a route from there may let through."""
    with lab(tool) as here:
        machine, behind = here.machine, here.behind()
        outside = machine.neighbour
        assert not machine.apply(ROUTES).raised
        ended, go_on = [], []
        for family, inside in ((4, "10.9.0.2"), (6, "fd00:9::2")):
            near = NEIGHBOUR[family]
            ended.append(here.through(behind, inside, outside, inside, 8102, 8102))
            ended.append(here.through(outside, near, behind, near, 9001, 9001))
            go_on.append(here.through(behind, inside, outside, inside, 8101, 8101))
            go_on.append(here.through(outside, near, behind, near, 9002, 9002))
        ended.append(here.through(behind, "10.9.0.2", outside, ADDRESS[4], 8001, 8301))
        go_on.append(here.through(behind, "10.9.0.2", outside, ADDRESS[4], 8002, 8302))
        for ends in (*ended, *go_on):
            ends.talk()
        assert "ended 5 connections" in cut(machine, FEWER)
        for _ in range(2):  # the second time that the routes are there again
            for ends in ended:
                ends.assert_ended()
            for ends in go_on:
                ends.talk()
            assert not machine.apply(ROUTES).raised
        assert "no connection stands" in cut(machine, FEWER)


@pytest.mark.parametrize("tool", TOOLS)
def test_what_this_host_began_ends_where_outgoing_does_not_let_it(tool: str) -> None:
    with lab(tool, {"allow": ["http"]}) as here:
        ended, goes_on = here.begun_here(4, 9001), here.begun_here(6, 9002)
        let_in = here.begun_there(4, OPEN)
        told = cut(here.machine, {"outgoing": {"policy": "drop", "allow": ["9002/tcp"]}})
        assert f"tcp from {ADDRESS[4]}:" in told
        assert f"to {NEIGHBOUR[4]}:9001" in told
        assert "ended 1 connection " in told
        ended.assert_ended()
        goes_on.talk()
        let_in.talk()


@pytest.mark.parametrize("tool", TOOLS)
def test_before_the_first_policy_nothing_is_tracked(tool: str) -> None:
    """Sockets are there all the same."""
    with lab(tool) as here:
        ended, goes_on, ours = here.begun_there(4, CLOSED), here.begun_there(6, OPEN), here.begun_here(4, 9000)
        assert "tcp" not in here.machine.run("cat /proc/net/nf_conntrack")
        assert "ended 1 connection " in cut(here.machine, LESS)
        ended.assert_ended()
        goes_on.talk()
        Ends(ours.there, ours.here).talk()  # with us first: that begins it, for the tracker


def test_where_all_is_let_through_nothing_ends() -> None:
    with lab("nftables", BOTH) as here:
        stands = here.begun_there(4, CLOSED)
        assert "no connection stands that this policy does not let through" in cut(here.machine, BOTH)
        assert "table inet vps_firewall_ended" not in here.machine.run("nft list tables")
        done = command(here.machine, "apply", "--cut", "--json", policy=LESS)
        assert json.loads(done.out)["ended"][0].startswith("ended 1 connection ")
        stands.assert_ended()


@pytest.mark.parametrize("tool", TOOLS)
def test_what_a_denied_source_began_ends_and_what_this_host_began_goes_on(tool: str) -> None:
    """By any apply: what came in, what is forwarded or published. Nobody is asked for --cut."""
    with lab(tool) as here:
        machine, behind = here.machine, here.behind()
        outside = machine.neighbour
        policy = {**ROUTES, "allow": ["8000/udp"]}
        assert not machine.apply(policy).raised
        ended = [here.through(behind, "10.9.0.2", outside, ADDRESS[4], 8001, 8301)]
        go_on = []
        for family, inside in ((4, "10.9.0.2"), (6, "fd00:9::2")):
            near = NEIGHBOUR[family]
            ended += [here.begun_there(family, OPEN), here.udp(family, 8000)]
            ended.append(here.through(behind, inside, outside, inside, 8102, 8102))
            go_on += [here.begun_here(family, 9000), here.through(outside, near, behind, near, 9001, 9001)]
        for ends in (*ended, *go_on):
            ends.talk()
        done = command(machine, "apply", policy={**policy, "deny": ["192.0.2.0/29", "2001:db8:1::/124", "fe80::/10"]})
        assert (done.code, done.err) == (0, "")
        assert "ended 7 connections of sources that this policy denies:" in done.out
        for ends in ended:
            ends.assert_ended()
        for ends in go_on:
            ends.talk()


# --- what the command is run from -------------------------------------------------------------------------


def refusal(here: Lab, policy: object, *fds: int, cut: bool = True, **environment: str) -> str:
    """The command by a process that has these sockets, as sshd's and mosh-server's children come from one that has."""
    machine = here.machine
    before = machine.state()
    section = json.dumps({"vps_firewall": policy})
    machine.do(lambda: machine.write("/run/policy.yaml", f"#cloud-config\n{section}\n"))
    inner = f"{sys.executable} -m cc_vps_firewall apply {'--cut' if cut else ''} /run/policy.yaml"
    alone = f"({inner} {' '.join(f'{fd}<&-' for fd in fds)} >/run/out 2>/run/err; echo $? >/run/code; true)"
    outer = ["bash", "-c", f"rm -f /run/code; {alone} </dev/null >/dev/null 2>&1 &"]
    process = machine.start(*outer, pass_fds=fds, env={**machine.environment, **environment})
    assert process.wait() == 0
    machine.run("until [ -s /run/code ]; do sleep 0.05; done")
    err, code = machine.run("cat /run/err"), int(machine.run("cat /run/code"))
    assert (code != 0) == (machine.state() == before), (err, code)
    return err


def test_the_session_that_it_is_run_from_is_refused_by_name() -> None:
    """Over SSH on a port that the new policy closes, and over UDP, as mosh is; with others' sockets, it is not."""
    with lab("nftables", BOTH) as here:
        ssh, udp, other = here.begun_there(4, CLOSED), here.udp(6, 8000), here.begun_there(6, CLOSED)
        for ends, named in ((ssh, f"tcp from {NEIGHBOUR[4]}:"), (udp, "udp from [2001:db8:1::")):
            err = refusal(here, LESS, ends.here.fileno())
            assert "--cut would end the session that you run this from, " + named in err
            assert "let it in, or run this from the console" in err
            ends.talk()
        denying = {"ssh": {}, "deny": ["2001:db8:1::/64"], "allow": ["8000/udp"]}
        err = refusal(here, denying, udp.here.fileno(), cut=False)
        assert "deny would end the session that you run this from, udp from [2001:db8:1::" in err
        udp.talk()
        assert refusal(here, LESS, other.there.fileno()) == ""
        for ends in (ssh, udp, other):
            ends.assert_ended()


def test_the_session_by_what_ssh_says_of_it() -> None:
    """Where nothing that the command comes from has the socket: as in a terminal that was begun in another session."""
    with lab("nftables", {"ssh": {"port": OPEN}, "allow": ["mysql"]}) as here:
        ends = here.begun_there(4, CLOSED)
        said = f"{NEIGHBOUR[4]} {ends.there.getsockname()[1]} {ADDRESS[4]} {CLOSED}"
        err = refusal(here, LESS, SSH_CONNECTION=said)
        assert "would cut off your own SSH session" in err
        ends.talk()


def test_what_carries_the_session_is_not_ended() -> None:
    """SSH over a tunnel is let in, and what carries the tunnel is not."""
    with lab("nftables", BOTH) as here:
        here.machine.run("ip tuntap add vpn0 mode tun && ip address add 10.8.0.1/24 dev vpn0 && ip link set vpn0 up")
        carries = here.udp(4, 8000)
        over = f"10.8.0.2 55555 10.8.0.1 {OPEN}"
        err = refusal(here, {"ssh": {"interface": "vpn*"}}, SSH_CONNECTION=over)
        assert f"--cut would end udp from {NEIGHBOUR[4]}:" in err
        assert "and your session comes over vpn0, which that may carry" in err
        carries.talk()
        assert refusal(here, {"ssh": {"interface": "vpn*"}, "allow": ["8000/udp"]}, SSH_CONNECTION=over) == ""
        carries.talk()

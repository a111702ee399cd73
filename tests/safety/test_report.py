"""`status`, `verify` and `plan` tell what is: rules flushed, changed by hand, or refused by somebody else's table."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from cc_vps_firewall.version import VERSION
from tests.lab.machine import TOOLS, Machine
from tests.suites import REPOSITORY

from .test_later_boot import FLUSH

POLICY: Mapping[str, Any] = {
    "ssh": {"from": ["192.0.2.1", "2001:db8:1::1"]},
    "allow": ["http", {"service": "smtp", "limit": "12/minute"}],
    "deny": ["198.51.100.0/24", "2001:db8:bad::/48"],
    "ping": False,
    "outgoing": {"policy": "drop", "allow": ["dns", "https"]},
    "containers": "ignore",
}
BY_HAND = {  # a rule that opens a port, put before ours, and where it stands
    "nftables": ("nft insert rule inet vps_firewall input tcp dport 3306 accept", "chain input: tcp dport 3306 accept"),
    "iptables": ("iptables -I INPUT -p tcp --dport 3306 -j ACCEPT", "IPv4 filter INPUT -p tcp -m tcp --dport 3306"),
}


def applied(machine: Machine) -> None:
    assert machine.command("apply", "FILE", policy=POLICY).value == 0


def found(machine: Machine) -> Mapping[str, Any]:
    told = json.loads(machine.command("status", "--json").out)["now"]
    assert isinstance(told, dict)
    return told


@pytest.mark.parametrize("tool", TOOLS)
def test_all_is_well(tool: str) -> None:
    with Machine(tool) as machine:
        applied(machine)
        out = machine.command("status").out
        assert "now: the rules are in the kernel, as the policy says\n" in out
        assert "deny: 2 networks, before anything is allowed\n" in out
        assert "ping: not answered\n" in out
        assert "outgoing: drop, but for dns, https\n" in out
        assert "containers: ignore; metadata: root; malformed: drop\n" in out
        assert "smtp (25/tcp) from anywhere, 12/minute each\n" in out
        assert "flood: guard: SYNs beyond 200/second are not tracked\n" in out
        assert found(machine) == {
            "rules": "equal",
            "reason": "",
            "differences": [],
            "other_filters": [],
            "bans": {machine.backend: 0},
            "hints": [],
            "flood": {"untracked": True, "tracked_ports": []},
        }
        settings = json.loads(machine.command("status", "--json").out)["settings"]
        assert settings["deny"] == {"ipv4": 1, "ipv6": 1}
        assert settings["outgoing"]["policy"] == "drop"


@pytest.mark.parametrize("tool", TOOLS)
def test_rules_that_were_flushed(tool: str) -> None:
    with Machine(tool) as machine:
        applied(machine)
        machine.run(FLUSH)
        assert "now: the kernel holds none of these rules: this host is open\n" in machine.command("status").out
        assert found(machine)["rules"] == "missing"
        verified = machine.command("verify")
        assert verified.value == 6
        first, *lines, advice = verified.out.splitlines()
        assert first == f"{len(lines)} differences: + is missing on this host, - is here and not in the policy"
        assert all(line.startswith("+kernel ") for line in lines if " policy " not in line)
        assert advice.startswith("to put the policy back in force: `vps-firewall apply FILE`")


@pytest.mark.parametrize("tool", TOOLS)
def test_a_rule_by_hand_is_named_with_its_chain_and_one_sign(tool: str) -> None:
    """What verify and plan call -, an apply takes out; what they call +, it adds."""
    with Machine(tool) as machine:
        applied(machine)
        command, where = BY_HAND[machine.backend]
        machine.run(command)
        assert "now: 1 difference between this host and the policy: `vps-firewall verify` tells\n" in (
            machine.command("status").out
        )
        assert found(machine)["rules"] == "changed"
        for run in (machine.command("verify"), machine.command("plan", "FILE")):
            (line,) = run.out.splitlines()[1:-1]
            assert line.startswith(f"-kernel {where}"), run.out
        run = machine.command("plan", "FILE")
        assert run.out.startswith("1 change: + is added, - is taken out, ~ is rewritten\n")
        assert run.out.endswith("nothing was changed; `vps-firewall apply /run/policy.yaml` does it\n")
        assert machine.command("apply", "FILE").value == 0
        assert found(machine)["rules"] == "equal"
        assert machine.command("plan", "FILE").out == "nothing would change\n"


@pytest.mark.parametrize("tool", TOOLS)
def test_a_rule_that_is_missing_is_named_with_its_chain(tool: str) -> None:
    with Machine(tool) as machine:
        applied(machine)
        lines = machine.command("plan", "FILE", policy={**POLICY, "log": "5/minute"}).out.splitlines()
        place = "chain incoming" if machine.backend == "nftables" else "IPv4 filter VPSFW-INCOMING"
        assert [line for line in lines if line.startswith(f"+kernel {place}") and "5/min" in line]
        assert [line for line in lines if line.startswith(f"-kernel {place}") and "3/min" in line]


@pytest.mark.parametrize("tool", TOOLS)
def test_another_table_that_drops_is_named(tool: str) -> None:
    with Machine(tool) as machine:
        applied(machine)
        machine.run(
            "nft -f -", "table inet site { chain in { type filter hook input priority 5; tcp dport 80 drop\n}\n}\n"
        )
        told = "the table inet site of nftables"
        assert f"now: {told} may refuse packets too, whatever the policy says\n" in machine.command("status").out
        assert found(machine)["other_filters"] == [told]
        machine.run(FLUSH.replace("nft flush ruleset", "nft delete table inet vps_firewall || true"))
        assert "now: the kernel holds none of these rules\n" in machine.command("status").out, "not open: the table"


@pytest.mark.parametrize("tool", TOOLS[1:])
def test_a_chain_of_iptables_that_drops_is_named(tool: str) -> None:
    with Machine(tool) as machine:
        applied(machine)
        assert found(machine)["other_filters"] == []
        machine.run("iptables -N f2b-web; iptables -A f2b-web -s 198.51.100.9 -j DROP; iptables -I INPUT -j f2b-web")
        assert found(machine)["other_filters"] == ["iptables over IPv4"]


def test_a_policy_that_cannot_be_read_any_more_is_unknown() -> None:
    with Machine("nftables") as machine:
        machine.do(lambda: machine.write("/etc/office.list", "192.0.2.0/24\n"))
        policy = {"lists": {"office": {"file": "/etc/office.list"}}, "ssh": {"from": ["office"]}}
        assert machine.command("apply", "FILE", policy=policy).value == 0
        machine.run("rm /etc/office.list")
        told = found(machine)
        assert told["rules"] == "unknown"
        assert "vps_firewall.lists.office" in told["reason"]


def test_nothing_was_ever_applied() -> None:
    with Machine("nftables") as machine:
        assert machine.command("status").out == "no policy was ever applied on this host\n"
        assert found(machine)["rules"] == "unknown"


# --- another user -------------------------------------------------------------------------------------------

NOBODY = 65534


def as_nobody(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a user who may read the program and nothing of root's. What it imports late is imported before:
    the interpreter, too, may be root's alone."""
    script = (
        "import ipaddress, os, sys; from cc_vps_firewall.cli import listening, main\n"
        f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY}); sys.exit(main(sys.argv[1:]))"
    )
    return subprocess.run([sys.executable, "-c", script, *arguments], cwd=REPOSITORY, capture_output=True, text=True)


def test_another_user_is_told_to_be_root_and_not_that_something_drifted() -> None:
    with Machine("nftables") as machine:
        applied(machine)
        for verb, what in (
            (("verify",), "compares the kernel's rules with the policy"),
            (("plan", "/run/policy.yaml"), "compares a policy with the kernel's rules"),
            (("remove",), "changes the kernel's rules"),
        ):
            run = machine.do(lambda verb=verb: as_nobody(*verb))  # type: ignore[misc]
            assert (run.returncode, run.stdout) == (1, ""), run
            assert run.stderr == f"vps-firewall: `vps-firewall {verb[0]}` {what}: run it as root\n"
        run = machine.do(lambda: as_nobody("status"))
        assert run.returncode == 0, run.stderr
        assert "now: unknown: only root may ask the kernel; what follows is what the last run wrote" in run.stdout


def test_the_version() -> None:
    with Machine("nftables") as machine:
        run = machine.do(lambda: as_nobody("--version"))
        assert (run.returncode, run.stdout) == (0, f"vps-firewall {VERSION}\n")

"""A policy that is warned of -> every command that reads one says so, and so does the status; --strict refuses it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.lab.machine import CLOSED, OPEN, TOOLS, Machine
from tests.suites import REPOSITORY

DATABASE = "opens mysql, a database, to anywhere; name the machines that need it in from"
POLICY: dict[str, Any] = {
    "lists": {"office": ["203.0.113.0/24"]},
    "ssh": {"interface": "wg0"},
    "allow": ["http", "mysql", {"service": "http", "limit": "5/minute"}, {"service": "smtp", "interface": "eth*"}],
}
OF_THE_POLICY = [
    f"vps_firewall.allow[1]: {DATABASE}",
    "vps_firewall.allow[2].limit: has no effect: allow[0] opens the same without one",
    "vps_firewall.lists.office: nothing uses this list; name it, or remove it",
]
OF_THE_HOST = ["vps_firewall.ssh.interface: there is no wg0 on this host now, and nobody can log in over it"]


def warned(text: str) -> list[str]:
    """All but those about what listens at that moment."""
    told = [line[len("warning: ") :] for line in text.splitlines() if line.startswith("warning: ")]
    return [warning for warning in told if "listen" not in warning]


def heard(text: str) -> list[str]:
    return [line[len("warning: ") :] for line in text.splitlines() if line.startswith("warning: ") and "listen" in line]


@pytest.mark.parametrize("tool", TOOLS)
def test_every_command_tells(tool: str) -> None:
    with Machine(tool) as machine:
        run = machine.command("check", "FILE", policy=POLICY)
        assert (run.value, run.out, warned(run.err)) == (0, "", OF_THE_POLICY)
        run = machine.command("plan", "FILE")
        assert (run.value, warned(run.err)) == (0, OF_THE_POLICY + OF_THE_HOST)
        assert "warning" not in run.out
        assert machine.rules() == ""

        run = machine.command("apply", "FILE")
        assert (run.value, warned(run.out)) == (0, OF_THE_POLICY + OF_THE_HOST)
        assert machine.status()["warnings"] == OF_THE_POLICY + OF_THE_HOST
        run = machine.command("status")
        assert (run.value, warned(run.out)) == (0, OF_THE_POLICY + OF_THE_HOST)
        run = machine.command("status", "--json")
        assert json.loads(run.out)["warnings"] == OF_THE_POLICY + OF_THE_HOST

        machine.run("ip link add wg0 type veth peer name far")
        run = machine.command("apply", "FILE")
        assert run.value == 0
        assert machine.status()["result"] == "unchanged"
        assert machine.status()["warnings"] == OF_THE_POLICY

        run = machine.command("apply", "FILE", policy={"allow": ["no-such-service"]})
        assert run.value == 2
        assert machine.status()["warnings"] == OF_THE_POLICY, "of what is in force, as before"


@pytest.mark.parametrize("route", ["default via 192.0.2.1", "-6 default via 2001:db8:1::1"])
def test_the_interface_with_the_default_route_is_no_private_one(route: str) -> None:
    policy = {"ssh": {"from": ["203.0.113.7"]}, "allow": [{"service": "ssh", "interface": "eth0"}]}
    told = ["vps_firewall.allow[0]: opens SSH to anywhere, for eth0 has the default route; add from"]
    with Machine("nftables") as machine:
        assert warned(machine.command("plan", "FILE", policy=policy).err) == []
        machine.run(f"ip {route.partition('default')[0]} route add default{route.partition('default')[2]} dev eth0")
        assert warned(machine.command("plan", "FILE", policy=policy).err) == told


def test_strict_refuses_what_is_warned_of() -> None:
    with Machine("nftables") as machine:
        run = machine.command("check", "FILE", "--strict", policy=POLICY)
        assert (run.value, run.out, run.err.splitlines()) == (2, "", OF_THE_POLICY)
        run = machine.command("check", "FILE", "--strict", policy={"allow": ["http", "htpp"]})
        assert run.value == 2
        assert run.err.count("\n") == 1, "a policy that is refused is not warned of"
        run = machine.command("check", "--strict", "FILE", policy={"ssh": {"from": ["203.0.113.7"]}, "allow": ["web"]})
        assert (run.value, run.out, run.err) == (0, "", "")


def test_a_first_boot_tells_the_status() -> None:
    with Machine("nftables") as machine:
        assert not machine.first_boot(POLICY).raised
        assert machine.status()["warnings"] == OF_THE_POLICY + OF_THE_HOST
        assert not machine.first_boot({"allow": ["http"]}).raised
        assert machine.status()["warnings"] == []


def test_whoever_makes_a_bundle_is_told() -> None:
    """The host that gets it has nobody to tell, and no parser."""
    stanza = f"#cloud-config\n{json.dumps({'vps_firewall': POLICY})}\n"
    command = [sys.executable, "-m", "cc_vps_firewall", "bundle", "-", "--provider", "hetzner"]
    made = subprocess.run(command, input=stanza, cwd=REPOSITORY, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("#cloud-config-archive")
    assert warned(made.stderr) == OF_THE_POLICY


def test_what_listens_is_held_against_what_is_open() -> None:
    """The machine's own servers: of two ports that are open one has none, and one that has one is closed."""
    policy = {"allow": ["8081/tcp", "mosh"]}
    idle = "vps_firewall.allow[0]: is open, and no program listens on 8081/tcp now"
    with Machine() as machine:
        told = heard(machine.command("plan", "FILE", policy=policy).err)
        assert idle in told
        assert not [warning for warning in told if "ssh" in warning or "allow[1]" in warning]
        (closed,) = (warning for warning in told if "no entry lets anybody in" in warning)
        assert f"{CLOSED}/tcp" in closed
        assert f"{OPEN}/tcp" not in closed
        assert heard(machine.command("check", "FILE").err) == []
        machine.command("apply", "FILE")
        assert set(heard(machine.command("status").out)) == set(told)
        assert set(json.loads(machine.command("status", "--json").out)["listening"]) == set(told)

"""What a run leaves for every user to read: nothing of who may log in, and root finds all of it."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest

import cc_vps_firewall
from cc_vps_firewall.host import state
from tests.engine import apply
from tests.lab.machine import TOOLS, Checkpoint, FakeCloud, Machine

from .test_command import COMMAND
from .test_report import as_nobody

ADDRESSES = ("192.0.2.77", "192.0.2.0/29", "2001:db8:77::7", "2001:db8:88::/48")
POLICY: dict[str, Any] = {
    "ssh": {"from": ["office", *ADDRESSES[:2]]},
    "lists": {"office": list(ADDRESSES[2:])},
    "allow": ["http", {"service": "imaps", "from": ["office"], "limit": "5/minute"}],
    "deny": ["192.0.2.99"],
}
WRONG: dict[str, Any] = {
    "ssh": {"from": ["192.0.2.300", "office.example.com", "2001:db8::/129", "192.0.2.7/24", {"192.0.2.8": None}]},
    "allow": ["192.0.2.9", "htpp", {"port": "80/tcp", "192.0.2.10": 1}],
    "lists": {"office": ["192.0.2.11-12"], "home.example.net": []},
    "deny": "home.example.org",
}
SECRETS = ("192.0.2", "2001:db8", "office.example.com", "home.example")


def leaks(machine: Machine) -> list[str]:
    """Files with an address in them that every user may read; not the one that the command was given."""
    find = "find /var/lib/vps-firewall /etc /run -xdev -type f -perm -o=r"
    words = " ".join(f"-e '{word}'" for word in SECRETS)
    found = machine.run(f"{find} -exec grep -laF {words} {{}} +", check=False).split()
    return sorted({*found} - {"/run/policy.yaml"})


@pytest.mark.parametrize("tool", TOOLS)
def test_who_may_log_in_is_for_root_alone(tool: str) -> None:
    with Machine(tool) as machine:
        assert leaks(machine) == []
        assert not machine.apply(POLICY).raised
        assert leaks(machine) == []
        assert machine.run(f"stat -c '%a %U' {state.STATUS} {state.PUBLIC}") == "600 root\n644 root\n"
        private, public = machine.status(), machine.public()
        assert private["open"]["ipv4"][0]["from"] == "192.0.2.0/29, 192.0.2.77"
        assert public["open"]["ipv4"][0]["from"] == "hidden"
        assert public["open"]["ipv4"][1] == {
            "from": "anywhere",
            "name": "http",
            "policy": "allow[0]",
            "ports": "80/tcp",
        }
        open_to = [[{**line, "from": ""} for line in told["open"]["ipv6"]] for told in (private, public)]
        assert open_to[0] == open_to[1]
        assert {**private, "open": {}} == {**public, "open": {}}


@pytest.mark.parametrize("tool", TOOLS)
def test_a_refused_policy_is_told_by_its_paths(tool: str) -> None:
    with Machine(tool) as machine:

        def work(checkpoint: Checkpoint) -> object:
            with pytest.raises(RuntimeError) as raised:
                cc_vps_firewall.put_in_force(WRONG, FakeCloud(b"", {}, machine.sh))  # type: ignore[no-untyped-call]
            return str(raised.value)

        run = machine.engine(work)
        machine.assert_closed()
        assert leaks(machine) == []
        private, public = machine.status()["problems"], machine.public()["problems"]
        assert len(private) == len(public) > 8
        # What the module raises cloud-init shows to every user.
        assert run.value == f"vps-firewall: {'; '.join(public)} (why: `vps-firewall status`, as root)"
        for secret in ("192.0.2.300", "office.example.com", "192.0.2.11-12", "home.example.org"):
            assert secret in " ".join(private)
            assert secret in run.err, "the console says why"
        assert public[0] == "vps_firewall.lists"
        assert {"vps_firewall.ssh.from[0]", "vps_firewall.allow[1]", "vps_firewall.allow[2]", "vps_firewall.deny"} <= {
            *public
        }
        assert "vps_firewall.allow[1]: htpp is not a service or a group; did you mean http?" in private


def test_what_an_earlier_version_left_is_written_anew() -> None:
    with Machine("nftables") as machine:
        old = json.dumps(
            {"result": "applied", "by": "command", "when": "then", "open": {"ipv4": [{"from": "192.0.2.77"}]}}
        )
        machine.run(f"mkdir -p {state.STATE}; cat >{state.PUBLIC}; chmod 644 {state.PUBLIC}", old)
        assert leaks(machine) != []
        assert machine.apply({"backend": "nosuch"}).raised
        assert machine.status()["in_force"] == "what command left at then"
        assert leaks(machine) == []


def test_a_run_that_is_killed_leaves_no_address_for_every_user() -> None:
    """Whenever: between the two files, too, and before any of them. Root is told of the newest run."""
    with Machine("nftables") as machine:
        last = len(machine.apply(POLICY).moments)
    for moment in range(last):
        with Machine("nftables") as machine:
            assert machine.apply(POLICY, kill=moment).killed
            assert leaks(machine) == []
    with Machine("nftables") as machine:
        assert not machine.apply({}).raised

        def work(checkpoint: Checkpoint) -> None:
            done: list[str] = []
            rename = os.rename

            def cut(old: str, new: str) -> None:
                if new == state.PUBLIC and done:
                    os.kill(os.getpid(), signal.SIGKILL)
                done.append(new)
                rename(old, new)

            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(os, "rename", cut)
                apply(POLICY)

        assert machine.engine(work).killed
        assert machine.status()["result"] == "unfinished"
        assert leaks(machine) == []
        assert not machine.apply({}).raised
        assert machine.public()["result"] == machine.status()["result"] == "unchanged"


def test_the_session_that_a_policy_would_cut_off_is_not_told_to_everybody() -> None:
    """A message that begins with no path, and has an address in it."""
    with Machine("nftables") as machine:
        machine.do(
            lambda: machine.write("/run/new.yaml", '#cloud-config\nvps_firewall: {ssh: {from: ["192.0.2.8"]}}\n')
        )
        for session in ("192.0.2.9 55555 192.0.2.10 22", "2001:db8::9 55555 2001:db8::10 22"):
            environment = {**machine.environment, "SSH_CONNECTION": session}
            run = machine.start(*COMMAND, env=environment)
            assert session.split()[0] in run.communicate()[1]
            assert session.split()[0] in machine.status()["problems"][0]
            assert machine.public()["problems"] == ["this policy would cut off your own SSH session, from "]
            assert leaks(machine) == ["/run/new.yaml"]


def test_a_note_about_rules_of_others_names_no_address_to_everybody() -> None:
    with Machine("iptables-nft") as machine:
        machine.run("iptables-nft -A INPUT -s 192.0.2.77/32 -p tcp --dport 22 -j ACCEPT")
        assert not machine.apply({"allow": ["http"]}).raised
        assert machine.status()["notes"][0].startswith("rules of others that were taken out: IPv4 filter INPUT ")
        assert machine.public()["notes"] == ["rules of others that were taken out"]
        assert leaks(machine) == []


def test_status_as_another_user_where_nothing_is_for_every_user() -> None:
    """What nobody but root may know is not told as if it were not there."""
    with Machine("nftables") as machine:
        run = machine.do(lambda: as_nobody("status"))
        assert (run.returncode, run.stdout) == (0, "no policy was ever applied on this host\n")
        assert not machine.apply(POLICY).raised
        machine.run(f"rm {state.PUBLIC}")
        run = machine.do(lambda: as_nobody("status"))
        assert (run.returncode, run.stdout) == (1, "")
        assert run.stderr == (
            "vps-firewall: `vps-firewall status` finds nothing here that every user may read: run it as root\n"
        )


def test_status_tells_another_user_what_is_for_every_user() -> None:
    with Machine("nftables") as machine:
        assert not machine.apply(POLICY).raised
        as_root = machine.command("status")
        assert "ssh (22/tcp) from 192.0.2.0/29, 192.0.2.77" in as_root.out
        for words, shown in ((["status"], "from hidden"), (["status", "--json"], '"from": "hidden"')):
            run = machine.do(lambda words=words: as_nobody(*words))  # type: ignore[misc]
            assert (run.returncode, run.stderr) == (0, "")
            assert not [secret for secret in SECRETS if secret in run.stdout], run.stdout
            assert shown in run.stdout
            assert "what the last run wrote, without addresses and reasons" in run.stdout


def test_an_engine_that_fails_tells_every_user_no_more_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong may quote a rule."""

    def fail(*given: object) -> list[str]:
        raise ValueError("ip saddr 192.0.2.77 accept")

    with Machine("nftables") as machine:
        assert not machine.apply(POLICY).raised
        monkeypatch.setattr(cc_vps_firewall, "_enter", fail)

        def work(checkpoint: Checkpoint) -> object:
            with pytest.raises(RuntimeError) as raised:
                cc_vps_firewall.put_in_force({}, None)  # type: ignore[no-untyped-call]
            return str(raised.value)

        run = machine.engine(work)
        assert (
            run.value
            == "the engine of vps-firewall failed (ValueError): the host is closed but for SSH until it is mended"
        )
        assert "192.0.2.77" in run.err
        assert leaks(machine) == []
        assert machine.public()["problems"] == [run.value]
        assert machine.status()["problems"] == [f"{run.value}; ValueError('ip saddr 192.0.2.77 accept')"]
        assert machine.run(f"stat -c %a {state.STATUS} {state.PUBLIC}") == "600\n644\n"

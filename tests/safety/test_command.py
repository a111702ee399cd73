"""apply --confirm and the SSH session's guard, by real processes: a yes, a no, silence, and a terminal that is gone."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lab.machine import TOOLS, Machine, State
from tests.signals import ignored
from tests.suites import REPOSITORY

OLD = {"allow": ["http"]}
NEW = "#cloud-config\nvps_firewall: {allow: [https, smtp]}\n"
COMMAND = (sys.executable, "-m", "cc_vps_firewall", "apply", "/run/new.yaml")


def begin(machine: Machine, seconds: int, *before: str, **options: object) -> tuple[subprocess.Popen[str], State]:
    """Start an apply, and come back when its rules are in force and it waits for a yes."""
    assert not machine.apply(OLD).raised
    old = machine.state()
    machine.do(lambda: machine.write("/run/new.yaml", NEW))
    with ignored():
        process = machine.start(*before, *COMMAND, "--confirm", str(seconds), **options)
    wait_for(lambda: machine.status()["result"] == "unfinished" and machine.rules() != old.rules)
    return process, old


def wait_for(happens: object, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not happens():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.02)


LATE, REFUSED, NOBODY = "not confirmed in time", "you answered no", "nobody was there to confirm"


def assert_taken_back(machine: Machine, old: State, why: str) -> None:
    wait_for(lambda: machine.status()["result"] == "failed")
    assert machine.state() == old
    status = machine.status()
    assert status["failed_in"] == "confirm", status
    assert status["problems"] == [f"{why}; what was there before is back"]
    assert machine.leftovers() == []
    assert machine.command("verify").value == 0


@pytest.mark.parametrize("tool", TOOLS)
def test_yes(tool: str) -> None:
    with Machine(tool) as machine:
        process, old = begin(machine, 30)
        assert machine.files() == old.files, "nothing is saved before the yes"
        out, err = process.communicate("what?\nyes\n")
        assert process.returncode == 0
        assert err.startswith("The new rules are loaded, and not saved yet. ")
        assert "type yes within 30 s to keep them, or no to put back what was there before\ntype yes or no\n" in err
        assert "https (443/tcp)" in out
        assert machine.status()["result"] == "applied"
        assert machine.command("verify").value == 0
        assert machine.rules() != old.rules


@pytest.mark.parametrize("tool", TOOLS)
def test_no_answer(tool: str) -> None:
    with Machine(tool) as machine:
        began = time.monotonic()
        process, old = begin(machine, 2)
        assert process.wait() == 5
        assert time.monotonic() - began >= 2
        assert "vps-firewall: not confirmed in time; what was there before is back\n" in process.communicate()[1]
        assert_taken_back(machine, old, LATE)


@pytest.mark.parametrize(("said", "why"), [("no\n", REFUSED), ("N\n", REFUSED), ("", NOBODY), ("yesterday\n", NOBODY)])
def test_anything_but_yes(said: str, why: str) -> None:
    with Machine("nftables") as machine:
        process, old = begin(machine, 30)
        process.communicate(said)
        assert process.returncode == 5
        assert_taken_back(machine, old, why)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_no_is_heard_at_once(tool: str) -> None:
    with Machine(tool) as machine:
        process, old = begin(machine, 60)
        assert process.stdin is not None
        process.stdin.write("no\n")
        process.stdin.flush()
        assert process.wait(20) == 5
        assert_taken_back(machine, old, REFUSED)


@pytest.mark.parametrize("tool", TOOLS)
def test_an_unchanged_policy_asks_nothing(tool: str) -> None:
    with Machine(tool) as machine:
        machine.do(lambda: machine.write("/run/new.yaml", NEW))
        assert machine.command("apply", "/run/new.yaml").value == 0
        run = machine.start(*COMMAND, "--confirm", "60")
        out, err = run.communicate(timeout=20)
        assert (run.returncode, err) == (0, "")
        assert out.startswith("unchanged by command ")


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("tool", TOOLS)
def test_the_one_who_would_say_yes_is_killed(tool: str, how: signal.Signals) -> None:
    with Machine(tool) as machine:
        process, old = begin(machine, 30)
        process.send_signal(how)
        process.communicate()
        assert process.returncode == -how
        assert_taken_back(machine, old, NOBODY)


def test_an_interrupt_is_a_no() -> None:
    with Machine("nftables") as machine:
        process, old = begin(machine, 30)
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode == 5
        assert_taken_back(machine, old, REFUSED)


@pytest.mark.parametrize("tool", TOOLS)
def test_the_terminal_dies(tool: str) -> None:
    """The connection is cut: the kernel hangs up on the session whose terminal it was."""
    ours, theirs = pty.openpty()
    with Machine(tool) as machine:
        process, old = begin(machine, 30, "setsid", "--ctty", "--wait", stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        os.close(ours)
        process.wait()
        assert_taken_back(machine, old, NOBODY)


def test_yes_on_a_terminal_while_the_policy_comes_from_standard_input() -> None:
    ours, theirs = pty.openpty()
    with Machine("nftables") as machine:
        machine.apply(OLD)
        machine.do(lambda: machine.write("/run/new.yaml", NEW))
        script = f"{sys.executable} -m cc_vps_firewall apply - --confirm 30 </run/new.yaml"
        process = machine.start(
            "setsid", "--ctty", "--wait", "sh", "-c", script, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        wait_for(lambda: machine.status()["result"] == "unfinished")
        os.write(ours, b"yes\n")
        assert process.wait() == 0
        os.close(ours)
        assert machine.status()["result"] == "applied"
        refused = machine.start("setsid", *COMMAND[:-1], "-", "--confirm", "5")
        assert "no terminal to hear your yes from" in refused.communicate(NEW)[1]
        assert refused.returncode == 1


def test_the_engine_is_killed_while_it_waits() -> None:
    """Nobody is left to take the rules back: the command says so, at once, and does not claim a thing."""
    with Machine("nftables") as machine:
        process, old = begin(machine, 30)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        err = process.communicate(timeout=10)[1]
        assert process.returncode == 1
        assert "was killed at its work (signal 9); run verify to see what is in force" in err
        assert machine.status()["result"] == "unfinished"
        assert machine.files() == old.files
        assert machine.command("verify").value == 6


def test_a_yes_that_comes_too_late_is_none() -> None:
    """The engine's time is over while the answer is on its way: it says so, and not that all went well."""
    with Machine("nftables") as machine:
        process, old = begin(machine, 2)
        process.send_signal(signal.SIGSTOP)
        time.sleep(2.5)
        assert process.stdin is not None
        process.stdin.write("yes\n")
        process.stdin.flush()
        process.send_signal(signal.SIGCONT)
        process.communicate()
        assert process.returncode == 5
        assert_taken_back(machine, old, LATE)


def test_a_refused_policy_asks_nobody() -> None:
    with Machine("nftables") as machine:
        run = machine.start(*COMMAND[:-1], "/run/none.yaml", "--confirm", "30")
        assert "/run/none.yaml" in run.communicate()[1]
        assert run.returncode == 2


# --- the session that the command is run from -------------------------------------------------------------

SESSIONS = {
    "203.0.113.9 55555 192.0.2.10 22": "from 203.0.113.9 to port 22",
    "2001:db8:bad::9 55555 2001:db8:1::10 22": "from 2001:db8:bad::9 to port 22",
    "fe80::1%eth0 55555 fe80::2%eth0 22": "from fe80::1 to port 22",
    "198.51.100.7 55555 192.0.2.10 2222": "from 198.51.100.7 to port 2222",
}


@pytest.mark.parametrize("session", SESSIONS)
def test_a_policy_that_would_cut_off_its_own_session(session: str) -> None:
    """sudo passes no SSH_CONNECTION on: that of a parent counts."""
    inner = f"env -u SSH_CONNECTION {' '.join(COMMAND)}; exit $?"
    with Machine("nftables") as machine:
        machine.apply(OLD)
        old, told = machine.state(), machine.status()
        only = "#cloud-config\nvps_firewall: {ssh: {port: 22, from: [198.51.100.0/24, '2001:db8:e::/48']}}\n"
        machine.do(lambda: machine.write("/run/new.yaml", only))
        environment = {**machine.environment, "SSH_CONNECTION": session}
        run = machine.start("sh", "-c", inner, env=environment)
        err = run.communicate()[1]
        assert run.returncode == 1, err
        assert f"this policy would cut off your own SSH session, {SESSIONS[session]}" in err
        assert machine.state() == old
        assert machine.status()["open"] == told["open"]
        environment["SSH_CONNECTION"] = "198.51.100.7 55555 192.0.2.10 22"
        run = machine.start("sh", "-c", inner, env=environment)
        assert (run.communicate()[1], run.returncode) == ("", 0)


@pytest.mark.parametrize(
    ("session", "refused"),
    [
        ("192.0.2.1 55555 192.0.2.10 22", "from 192.0.2.1 to port 22 over eth0"),
        ("2001:db8:1::1 55555 2001:db8:1::10 22", "from 2001:db8:1::1 to port 22 over eth0"),
        ("fe80::1%eth0 55555 fe80::2%eth0 22", "from fe80::1 to port 22 over eth0"),
        ("10.8.0.2 55555 10.8.0.1 22", ""),
        ("fd00:8::2 55555 fd00:8::1 22", ""),
        ("fe80::1%vpn0 55555 fe80::2%vpn0 22", ""),
    ],
)
def test_a_session_over_another_interface_than_sshs(session: str, refused: str) -> None:
    """SSH over the VPN alone, applied from the internet, would be a lockout; applied over the VPN it is none."""
    with Machine("nftables") as machine:
        machine.run(
            "ip link add vpn0 type veth peer name far && ip link set vpn0 up && ip link set far up"
            " && ip address add 10.8.0.1/24 dev vpn0 && ip address add fd00:8::1/64 dev vpn0 nodad"
        )
        machine.do(lambda: machine.write("/run/new.yaml", "#cloud-config\nvps_firewall: {ssh: {interface: 'vpn*'}}\n"))
        run = machine.start(*COMMAND, env={**machine.environment, "SSH_CONNECTION": session})
        err = run.communicate()[1]
        assert run.returncode == bool(refused), err
        assert ("would cut off your own SSH session, " + refused in err) == bool(refused), err


# --- exit codes and words ---------------------------------------------------------------------------------


# Imported as root: the folder of this repository may be closed to others.
AS_NOBODY = """
import os, sys
from cc_vps_firewall.cli import main
os.setgroups([])
os.setresuid(65534, 65534, 65534)
sys.exit(main(["apply", "/run/new.yaml"]))
"""


def test_without_root_nothing_is_done() -> None:
    with Machine("nftables") as machine:
        machine.do(lambda: machine.write("/run/new.yaml", NEW))
        run = machine.start(sys.executable, "-c", AS_NOBODY)
        out, err = run.communicate()
        assert (run.returncode, out) == (1, ""), err
        assert "run it as root" in err
        assert machine.rules() == ""


def test_no_traceback_reaches_anybody() -> None:
    with Machine("nftables") as machine:
        for arguments in (["verify"], ["status"], ["apply", "/run"], ["plan", "/dev/null"], ["check", "/none"]):
            run = machine.command(*arguments)
            assert "Traceback" not in run.err + run.raised, run
            assert run.value in (0, 1, 2, 6), run


def test_root_who_meets_an_immutable_file_is_told_so(tmp_path: Path) -> None:
    """`run it as root` helps nobody who is."""
    root = tmp_path / "root"
    for path, text in {
        "usr/bin/python3.9": "",
        "usr/bin/cloud-init": "#!/usr/bin/python3.9\n",
        "usr/lib/python3.9/site-packages/cloudinit/version.py": '__VERSION__ = "24.4"\n',
        "etc/cloud/cloud.cfg": "cloud_init_modules: [bootcmd, ssh]\n",
        "etc/cloud/cloud.cfg.d/99_vps_firewall.cfg": "",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    fixed = root / "etc/cloud/cloud.cfg.d/99_vps_firewall.cfg"
    subprocess.run(["chattr", "+i", str(fixed)], check=True)
    try:
        command = [sys.executable, "-m", "cc_vps_firewall", "install", "--root", str(root)]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    finally:
        subprocess.run(["chattr", "-i", str(fixed)], check=True)
    assert done.returncode == 1
    assert "Operation not permitted; is it immutable" in done.stderr
    assert not list((root / "usr/lib/python3.9/site-packages").glob("cc_vps_firewall/*")), "half an installation"

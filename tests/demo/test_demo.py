"""`make demo` -> exit 0 and a first impression that fits on a screen, or exit 1 and what is wrong."""

from __future__ import annotations

import re
import subprocess
import time

import pytest
import yaml

from cc_vps_firewall import policy
from tests.demo import __main__ as demo
from tests.suites import REPOSITORY

# What Docker's default leaves to root, and what an ordinary user has.
CONFINED = ["/usr/bin/setpriv", "--bounding-set", "-sys_admin,-net_admin"]
ORDINARY = ["/usr/bin/setpriv", "--reuid", "65534", "--clear-groups"]


def test_comes_out_as_the_stanza_says(capsys: pytest.CaptureFixture[str]) -> None:
    """Every row of the table answers as the stanza wants it, with both backends."""
    code = demo.main([])
    told = capsys.readouterr().out
    assert code == 0, told
    assert len(told.splitlines()) <= 60
    assert " 3306  MySQL                   open    open    closed  closed" in told
    assert "  443  https                   open    open    open    open" in told


def test_says_so_when_it_does_not(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A stanza that opens one port more than the table wants is noticed."""
    monkeypatch.setattr(demo, "STANZA", demo.STANZA.replace("[http,", "[3306/tcp, http,"))
    assert demo.main([]) == 1
    assert "MySQL (3306) over IPv4: open before, open after" in capsys.readouterr().out


def test_says_in_one_sentence_where_no_machine_can_be_made_and_shows_what_it_can() -> None:
    """Within seconds, with the system's Python, and without asking for a package."""
    for confined, reason in ((CONFINED, "nobody may make namespaces here"), (ORDINARY, "takes root")):
        began = time.monotonic()
        command = [*confined, "/usr/bin/python3", "-IBc", f"import sys; sys.path[0:0] = [{str(REPOSITORY)!r}]\n{RUN}"]
        done = subprocess.run(command, capture_output=True, text=True, env={"PATH": "/nonexistent"})
        assert (done.returncode, done.stderr) == (0, "")
        assert time.monotonic() - began < 10
        first = done.stdout.splitlines()[0]
        assert first.startswith("No machine can be made here: ")
        assert reason in first
        assert first.count(".") == 1
        assert 'ip saddr 203.0.113.7 tcp dport 22 accept comment "ssh"' in done.stdout
        assert "    443  https                   open    open    allow[1] https\n" in done.stdout
        assert "   3306  MySQL                   closed  closed  base: nothing else comes in\n" in done.stdout
        assert "     22  SSH from the office*    open    closed  ssh, base: nothing else comes in\n" in done.stdout


RUN = "import runpy; sys.argv[1:] = []; runpy.run_module('tests.demo', run_name='__main__')"


def test_what_it_says_without_a_machine_is_what_machines_answer() -> None:
    assert yaml.safe_load(demo.STANZA.format(backend="auto"))["vps_firewall"] == {"backend": "auto", **demo.SECTION}
    wanted = policy.parse(demo.SECTION, read_list=lambda path: "")
    for row in demo.rows():
        for family in (4, 6):
            assert (demo.meets(wanted, row.knock(family)) != demo.NOBODY) == row.wanted[family], row


def test_what_stands_below_a_command_is_all_that_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    shown = demo.show("bookworm", "iptables")
    assert shown.printed["vps-firewall status | head -4"].count("\n") == 4
    assert shown.printed["vps-firewall verify"].strip() == shown.verified


def test_installs_what_it_needs_and_nothing_else() -> None:
    """No emulator, no image builder, nothing of PyPI."""
    script = (REPOSITORY / "tests/install-host").read_text()
    found = re.search(r"(?m)^demo=\((.*)\)$", script)
    assert found
    assert found[1].split() == ["mmdebstrap", "iproute2"]
    makefile = (REPOSITORY / "Makefile").read_text()
    assert re.search(r"(?m)^demo: ## .*\n\t@python3 -m tests\.demo\n\n", makefile)

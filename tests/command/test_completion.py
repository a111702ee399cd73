"""What bash, zsh and fish complete, asked of the shells themselves."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cc_vps_firewall.bundle import bundle
from cc_vps_firewall.cli import command as cli
from cc_vps_firewall.cli import completion

VERBS = completion._verbs(cli._parser())
PACKAGED = Path(__file__).parents[2] / "packaging" / "completions"

# A line as it is typed so far -> some of what is offered, and what is not.
LINES = (
    ("vps-firewall ", {"check", "bundle", "completion"}, {"user-data.yaml"}),
    ("vps-firewall st", {"status"}, {"check"}),
    ("vps-firewall check ", {"user-data.yaml"}, {"bundle"}),
    ("vps-firewall check --", {"--strict"}, {"--json"}),
    ("vps-firewall bundle --provider ", set(bundle.PROVIDERS), {"user-data.yaml"}),
    ("vps-firewall bundle --provider he", {"hetzner"}, {"ec2"}),
    ("vps-firewall install --root ", {"image"}, {"user-data.yaml"}),
    ("vps-firewall who wireg", {"wireguard"}, {"ssh"}),
    ("vps-firewall completion ", {"bash", "zsh", "fish"}, {"user-data.yaml"}),
)

BASH = r"""
source "$1"
COMP_WORDS=($2) COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
case $2 in *' ') COMP_WORDS+=("") COMP_CWORD=$((COMP_CWORD + 1)) ;; esac
left=default
compopt() { case "$*" in *dirnames*) left=dirnames ;; '+o default') left= ;; esac; }
_vps_firewall
printf '%s\n' "${COMPREPLY[@]}"
cur=${COMP_WORDS[COMP_CWORD]}
if [ ${#COMPREPLY[@]} -eq 0 ]; then
    case $left in default) compgen -f -- "$cur" ;; dirnames) compgen -d -- "$cur" ;; esac
fi
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "user-data.yaml").write_text("")
    (tmp_path / "image").mkdir()
    return tmp_path


def script(shell: str, folder: Path) -> Path:
    path = folder.parent / f"completion.{shell}"
    path.write_text(completion.text(shell, cli._parser()))
    return path


def in_bash(line: str, folder: Path) -> set[str]:
    """What the function gives; and where it gives nothing and does not forbid it, what readline then completes."""
    words = ["bash", "--norc", "-c", BASH, "bash", str(script("bash", folder)), line]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert done.stderr == ""
    return set(done.stdout.split())


def in_fish(line: str, folder: Path) -> set[str]:
    asked = f"source {shlex.quote(str(script('fish', folder)))}; complete -C {shlex.quote(line)}"
    environment = {**os.environ, "HOME": str(folder.parent)}
    done = subprocess.run(
        ["fish", "--no-config", "-c", asked], cwd=folder, capture_output=True, text=True, env=environment
    )
    assert done.stderr == ""
    return {row.partition("\t")[0].rstrip("/") for row in done.stdout.splitlines()}


def in_zsh(line: str, folder: Path) -> set[str]:
    """Typed at a terminal, with what zsh then shows: nothing less asks its completion system."""
    (folder.parent / "functions").mkdir(exist_ok=True)
    script("zsh", folder).rename(folder.parent / "functions/_vps-firewall")
    shown = _typed(f"fpath=({folder.parent}/functions $fpath); autoload -Uz compinit; compinit -u -D\n", line, folder)
    return set(re.findall(r"[\w.-]+", shown))


def _typed(prepare: str, line: str, folder: Path) -> str:
    environment = {"PATH": os.environ["PATH"], "TERM": "dumb", "ZDOTDIR": str(folder.parent), "COLUMNS": "400"}
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execvpe("zsh", ["zsh", "-f", "-i"], environment)  # noqa: S606
    try:
        settings = (
            "unsetopt zle_bracketed_paste; setopt nolistbeep noautomenu listrowsfirst; LISTMAX=9999; PS1='READY>'\n"
        )
        os.write(terminal, (settings + prepare).encode())
        _until(terminal, "READY>READY>", 20)
        os.write(terminal, b"print -r -- BE''GIN\n")
        _until(terminal, "BEGIN", 20)
        os.write(terminal, (line + "\x04").encode())
        return _until_quiet(terminal)
    finally:
        os.close(terminal)
        os.kill(child, 9)
        os.waitpid(child, 0)


def _until(terminal: int, word: str, seconds: float) -> str:
    text, deadline = "", time.monotonic() + seconds
    while time.monotonic() < deadline and not (word and word in text.replace("\r", "").replace("\n", "")):
        if select.select([terminal], [], [], 0.2)[0]:
            text += os.read(terminal, 65536).decode(errors="replace")
    return text


def _until_quiet(terminal: int) -> str:
    """What is shown below a line: nothing says when that is all, but for a while in which no more comes."""
    text, began = "", time.monotonic()
    last = began
    while time.monotonic() - began < 60 and not ("\n" in text and time.monotonic() - last > 3):
        if select.select([terminal], [], [], 0.2)[0]:
            text, last = text + os.read(terminal, 65536).decode(errors="replace"), time.monotonic()
    return text


ASKED = {"bash": in_bash, "fish": in_fish, "zsh": in_zsh}


@pytest.mark.parametrize("shell", ASKED)
@pytest.mark.parametrize("line, offered, not_offered", LINES, ids=[line for line, _, _ in LINES])
def test_what_is_offered(shell: str, line: str, offered: set[str], not_offered: set[str], folder: Path) -> None:
    found = ASKED[shell](line, folder)
    assert offered <= found
    assert not_offered & found == set()


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_every_verb_and_option_is_in_it(shell: str) -> None:
    text = completion.text(shell, cli._parser())
    for verb, parser in VERBS.items():
        assert verb in text
        for name in completion._names(parser._actions):
            assert name in text or f"-l {name[2:]}" in text or f"-s {name[1:]}" in text


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_the_command_prints_what_packages_bring(shell: str) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "cc_vps_firewall", "completion", shell], capture_output=True, text=True, check=True
    )
    assert said.stdout == (PACKAGED / shell).read_text()

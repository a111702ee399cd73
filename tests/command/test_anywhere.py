"""check, render and bundle on systems without what Linux has: the command as a process in which that is gone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.suites import REPOSITORY

# What a Python of these systems does not have. The standard library has looked for it already, and has what it needs.
SYSTEMS = {
    "win32": {
        "modules": "fcntl pwd grp resource termios tty pty syslog crypt readline curses posix_ipc",
        "os": "fork forkpty geteuid getuid getegid getgid getgroups setsid killpg sync fdatasync memfd_create fchmod "
        "fchown chown lchown pread pwrite getxattr setxattr listxattr mkfifo mknod statvfs uname WIFSIGNALED WTERMSIG "
        "O_NOFOLLOW O_CLOEXEC O_NONBLOCK O_NOCTTY O_DIRECTORY O_SYNC O_PATH MFD_CLOEXEC",
        "signal": "SIGKILL SIGHUP SIGQUIT SIGALRM SIGPIPE SIGUSR1 pthread_sigmask setitimer",
        "select": "poll epoll",
        "socket": "AF_UNIX AF_NETLINK AF_PACKET",
    },
    "darwin": {
        "os": "memfd_create getxattr setxattr listxattr sched_setaffinity unshare O_PATH O_TMPFILE MFD_CLOEXEC",
        "select": "epoll",
        "socket": "AF_NETLINK AF_PACKET",
    },
}
ELSEWHERE = """\
import builtins, importlib, io, sys
import argparse, base64, concurrent.futures, ctypes, email, gzip, hashlib, lzma, py_compile, shutil, subprocess
import tempfile, threading, yaml, email.message, email.parser, email.feedparser
missing = {missing!r}
for name in missing.pop("modules", "").split():
    sys.modules[name] = None  # which `import` tells as a module that there is not
for module, names in missing.items():
    for name in names.split():
        vars(importlib.import_module(module)).pop(name, None)
sys.platform = {platform!r}
if sys.platform == "win32":
    sys.stdout = io.TextIOWrapper(sys.stdout.detach(), "cp1252", newline="\\r\\n")
really = builtins.open
def guarded(path, *given, **named):
    assert not str(path).startswith(("/etc/", "/run/", "/proc/", "/var/", "/sys/")), path
    return really(path, *given, **named)
builtins.open = guarded
from cc_vps_firewall.cli import main
sys.exit(main(sys.argv[1:]))
"""
HERE = "import sys; from cc_vps_firewall.cli import main; sys.exit(main(sys.argv[1:]))"

POLICY = "#cloud-config\nvps_firewall:\n  ssh: {from: [203.0.113.7, '2001:db8::']}\n  allow: [http, 8443/tcp]\n"
WRONG = "#cloud-config\nvps_firewall:\n  ssh: {from: [203.0.113.300]}\n  allow: [htpp]\n"


def run(program: str, *arguments: str, text: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", program, *arguments], cwd=REPOSITORY, capture_output=True, input=text)


@pytest.fixture(params=SYSTEMS)
def elsewhere(request: pytest.FixtureRequest) -> str:
    return ELSEWHERE.format(missing=SYSTEMS[request.param], platform=request.param)


@pytest.fixture
def policy(tmp_path: Path) -> str:
    path = tmp_path / "user-data.yaml"
    path.write_text(POLICY)
    return str(path)


def test_what_is_gone_is_gone(elsewhere: str) -> None:
    program = elsewhere.partition("from cc_vps_firewall")[0]
    missed = run(f"{program}\nimport os, sys\nprint(sys.platform, hasattr(os, 'memfd_create'))\nimport fcntl")
    assert missed.stdout.split()[1] == b"False"
    assert (b"ModuleNotFoundError" in missed.stderr) == (missed.stdout.split()[0] == b"win32")


@pytest.mark.parametrize(
    "arguments",
    [
        ("render", "--backend", "nftables"),
        ("render", "--backend", "iptables"),
        ("render", "--backend", "iptables", "--family", "6"),
        *(("bundle", "--provider", name) for name in ("ec2", "digitalocean", "linode", "oracle", "gce")),
    ],
)
def test_makes_the_same_bytes_as_on_linux(elsewhere: str, policy: str, arguments: tuple[str, ...]) -> None:
    made, here = run(elsewhere, *arguments, policy), run(HERE, *arguments, policy)
    assert made.returncode == here.returncode == 0, made.stderr
    assert len(made.stdout) > 1_000
    assert made.stdout == here.stdout
    assert made.stderr == here.stderr


def test_check(elsewhere: str, policy: str, tmp_path: Path) -> None:
    done = run(elsewhere, "check", policy)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    (tmp_path / "wrong.yaml").write_text(WRONG)
    wrong = run(elsewhere, "check", str(tmp_path / "wrong.yaml"))
    assert (wrong.returncode, wrong.stdout) == (2, b"")
    assert wrong.stderr.decode().splitlines() == [
        "vps_firewall.ssh.from[0]: 203.0.113.300 is not an IPv4 or IPv6 address or network",
        "vps_firewall.allow[0]: htpp is not a service or a group; did you mean http?",
    ]
    assert run(elsewhere, "check", str(tmp_path)).returncode == 2
    assert run(elsewhere, "check", "-", text=POLICY.encode()).returncode == 0


def test_a_host_that_is_not_linux_is_none_of_those_known(elsewhere: str, policy: str) -> None:
    made = run(elsewhere, "render", policy)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith(b"#!/usr/sbin/nft -f\n# Made by vps-firewall")


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "FILE"), ("apply", "FILE"), ("apply", "FILE", "--confirm", "60"), ("verify",), ("verify", "--json"),
        ("status",), ("status", "--json"), ("remove",), ("install", "--root", "/"), ("uninstall",),
    ],
)  # fmt: skip
def test_the_rest_says_where_it_runs(elsewhere: str, policy: str, arguments: tuple[str, ...]) -> None:
    done = run(elsewhere, *(policy if word == "FILE" else word for word in arguments))
    assert (done.returncode, done.stdout) == (1, b"")
    anywhere = "check, render, bundle, explain, who, diff, test and completion"
    assert done.stderr.decode() == f"vps-firewall: {arguments[0]} runs on Linux alone; {anywhere} run here too\n"


def test_a_file_is_asked_anywhere(elsewhere: str, policy: str) -> None:
    question = ("explain", "http", "--from", "203.0.113.9")
    asked, here = run(elsewhere, *question, policy), run(HERE, *question, policy)
    assert asked.returncode == here.returncode == 0, asked.stderr
    assert asked.stdout.replace(b"\r\n", b"\n") == here.stdout != b""
    without = run(elsewhere, *question)
    assert (without.returncode, without.stdout) == (1, b"")
    assert without.stderr.startswith(b"vps-firewall: no policy of this host can be read: name a FILE")


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("check", "--help")])
def test_help(elsewhere: str, arguments: tuple[str, ...]) -> None:
    done = run(elsewhere, *arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout


@pytest.mark.parametrize("arguments", [("check", "/dev/null"), ("status",), ("--help",)])
def test_without_pyyaml_it_says_so(arguments: tuple[str, ...]) -> None:
    """`-m` and the installed script come the same way."""
    program = f"import sys; sys.modules['yaml'] = None; {HERE.partition('; ')[2]}"
    module = "import runpy, sys; sys.modules['yaml'] = None; runpy.run_module('cc_vps_firewall', run_name='__main__')"
    for argv in (["-c", program], ["-c", module]):
        done = subprocess.run([sys.executable, *argv, *arguments], cwd=REPOSITORY, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith("vps-firewall: PyYAML is not installed for this Python; install ")

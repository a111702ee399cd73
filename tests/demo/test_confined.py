"""`make test` where no machine can be made -> what is pure is run, and the last line names what is not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import __main__ as runner
from tests import ground
from tests.demo.test_demo import CONFINED
from tests.suites import REPOSITORY


def confined(*arguments: str, ci: str = "") -> subprocess.CompletedProcess[str]:
    command = [*CONFINED, sys.executable, "-m", "tests", *arguments]
    environment = {**{name: value for name, value in os.environ.items() if name != "CI"}, **({"CI": ci} if ci else {})}
    return subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, env=environment)


@pytest.mark.parametrize("ci, code", [("", 0), ("true", 1)])
def test_the_last_line_names_what_was_not_run(ci: str, code: int) -> None:
    done = confined("-k", "test_imports", ci=ci)
    assert done.returncode == code, done.stdout + done.stderr
    first, last = done.stdout.splitlines()[0], done.stdout.splitlines()[-1]
    assert first.startswith("No machine can be made here: nobody may make namespaces here (operation not permitted); ")
    assert last.startswith("NOT RUN, for nobody may make namespaces here")
    layers = {path.parent.name for path in (REPOSITORY / "tests").glob("*/test_*.py")} - set(runner.PURE)
    assert set(last.rpartition(": ")[2].split(", ")) == layers
    assert {"kernel", "cloudinit", "safety"} < layers
    assert "unit" not in last.split(": ")[1].split(", ")
    assert "passed" in done.stdout or "100%" in done.stdout


def test_a_failure_of_what_is_pure_is_one() -> None:
    assert confined("-k", "nothing_is_called_so").returncode == 5


def test_it_is_said_within_seconds() -> None:
    began = time.monotonic()
    process = subprocess.Popen(
        [*CONFINED, sys.executable, "-m", "tests"], cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith(b"No machine can be made here: ")
        assert time.monotonic() - began < 10
    finally:
        process.kill()
        process.communicate()


def test_where_a_machine_can_be_made_nothing_is_missing() -> None:
    assert ground.missing() == ""


IN_A_CHROOT = """\
import os, subprocess, sys
MOUNT = "mount --make-rprivate /; mount -t tmpfs x /mnt"
os.chroot(sys.argv[1])
os.chdir("/tmp")
sys.path[0:0] = ["/srv"]
from tests import ground
assert subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL).returncode, "this is no chroot"
assert ground.missing() == "", ground.missing()
assert os.getcwd() == "/tmp"
subprocess.run(["unshare", "--mount", "--net", "sh", "-ec", MOUNT], check=True)
print(open("/etc/hostname").read(), end="")
"""


def test_a_chroot_is_as_good_as_a_root(tmp_path: Path) -> None:
    """Nothing is mounted on a chroot's root, so `unshare --mount` fails there, and whatever is private."""
    script = """set -e
        mount -t tmpfs scratch "$1"
        mkdir "$1/chroot"
        cd "$1/chroot"
        mkdir bin dev etc lib lib64 mnt proc srv tmp usr
        for folder in bin dev lib lib64 usr proc; do [ ! -e "/$folder" ] || mount --rbind "/$folder" $folder; done
        mkdir "$1/chroot/srv/tests"
        cp "$2"/tests/__init__.py "$2"/tests/ground.py "$1/chroot/srv/tests"
        echo chroot >"$1/chroot/etc/hostname"
        exec /usr/bin/python3 -IBc "$3" "$1/chroot"
    """
    command = ["unshare", "--mount", "--", "sh", "-c", script, "sh", str(tmp_path), str(REPOSITORY), IN_A_CHROOT]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "chroot\n"

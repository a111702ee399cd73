"""What `pip install ./fleet` brings: a command that looks at hosts, and a fixture for assertions of one's own."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.packages import made
from tests.suites import REPOSITORY

FLEET = REPOSITORY / "fleet"
OWN_TEST = """\
import pytest

def test_open(host_firewall):
    assert host_firewall.allows("tcp", 22)

def test_closed(host_firewall):
    with pytest.raises(AssertionError):
        assert host_firewall.refuses("tcp", 22)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("fleet")
    source = made.checkout(out / "source") / "fleet"
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip put it; what it depends on is lent by this environment, for no network is asked."""
    place = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(place)]
    subprocess.run([*pip, str(wheel)], check=True)
    return place


def run(site: Path, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Far from the checkout, in a network namespace without rules."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}
    environment = {**kept, "PYTHONPATH": f"{site}:{REPOSITORY}"}
    words = ["unshare", "--net", *command]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_wheel_holds_suite_and_plugin_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    package = FLEET / "vps_firewall_fleet"
    ours = {f"{package.name}/{path.name}" for path in (*package.glob("*.py"), package / "pytest.ini")}
    assert names == {"host_firewall.py", *ours}


def test_the_command_looks_at_a_host(site: Path, tmp_path: Path) -> None:
    """At this computer, where nothing of ours is installed; it says so, from where pip put it."""
    done = run(site, tmp_path, str(site / "bin/vps-firewall-fleet"), "--hosts=local://", "-p", "no:benchmark")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "test_inside.py::test_package[local]" in done.stdout, done.stdout
    assert "the package vps-firewall is not installed" in done.stdout
    assert list(tmp_path.iterdir()) == [], "it left files with its caller"


def test_without_hosts_it_says_what_it_takes(site: Path, tmp_path: Path) -> None:
    done = run(site, tmp_path, str(site / "bin/vps-firewall-fleet"))
    assert (done.returncode, done.stderr.strip()) == (
        pytest.ExitCode.USAGE_ERROR,
        "ERROR: which hosts? --hosts=ssh://web1,ssh://web2, or --hosts=ansible://web",
    )


def test_the_fixture_is_there_for_tests_of_ones_own(site: Path, tmp_path: Path) -> None:
    (tmp_path / "test_web.py").write_text(OWN_TEST)
    done = run(site, tmp_path, sys.executable, "-m", "pytest", "-q", "--hosts=local://", "test_web.py")
    assert (done.returncode, "2 passed" in done.stdout) == (0, True), done.stdout + done.stderr

"""packages -> what lintian and rpmlint have against them: nothing but what an override gives the reason for."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from cc_vps_firewall.version import VERSION
from tests.packages import made
from tests.suites import REPOSITORY

SPEC = REPOSITORY / "packaging/vps-firewall.spec"
RPMLINT = REPOSITORY / "packaging/rpmlintrc.toml"
LINTIAN = REPOSITORY / "packaging/deb/lintian-overrides"

# What Debian's rpmlint does not ask yet, and PyPI's does; and what it asked once.
BY_VERSION = ("no-%check-section", "symlink-to-binary-with-shebang", "no-manual-page-for-binary")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    folder = tmp_path_factory.mktemp("packages")
    return {kind: made.build(kind, folder) for kind in ("deb", "rpm", "srpm")}


def lintian(*more: str) -> subprocess.CompletedProcess[str]:
    command = ["lintian", "--allow-root", "--display-info", "--tag-display-limit", "0", *more]
    return subprocess.run(command, capture_output=True, text=True)


def rpmlint(*more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["rpmlint", *map(str, more)], capture_output=True, text=True)


def test_lintian_has_nothing_to_say(packages: dict[str, list[Path]]) -> None:
    said = lintian("--fail-on", "error,warning,info", str(packages["deb"][0]))
    assert (said.returncode, said.stdout) == (0, ""), said.stdout + said.stderr


def test_each_override_of_lintian_is_needed_and_has_its_reason(packages: dict[str, list[Path]]) -> None:
    said = lintian("--show-overrides", "--no-override", str(packages["deb"][0])).stdout
    tags = set(re.findall(r"(?m)^[EWI]: vps-firewall: (\S+)", said))
    assert {"maintainer-script-calls-systemctl"} < tags
    lines = LINTIAN.read_text().splitlines()
    assert tags == {line.split()[1] for line in lines if not line.startswith("#")}
    assert [line for before, line in zip(["", *lines], lines) if not line.startswith("#") and before[:1] != "#"] == []


def test_rpmlint_has_nothing_to_say(packages: dict[str, list[Path]]) -> None:
    said = rpmlint("-c", RPMLINT, *packages["rpm"], *packages["srpm"], SPEC)
    assert said.returncode == 0, said.stdout
    assert re.search(r"3 packages and 1 specfiles checked; 0 errors, 0 warnings", said.stdout), (
        said.stdout + said.stderr
    )
    assert re.findall(r"(?m)^\S+: [EW]: .*", said.stdout) == []


def test_each_filter_of_rpmlint_is_needed_and_has_its_reason(packages: dict[str, list[Path]]) -> None:
    said = rpmlint(*packages["rpm"], *packages["srpm"], SPEC).stdout
    lines = RPMLINT.read_text().splitlines()
    filters = [line.strip(" ,") for line in lines if line.startswith(("  '", '  "'))]
    assert len(filters) > 5
    unneeded = [f for f in filters if not re.search(f[1:-1], said, re.M) and not any(v in f for v in BY_VERSION)]
    assert unneeded == []
    assert [line for before, line in zip(["", *lines], lines) if line[:3] in ("  '", '  "') and "#" not in before] == []


def test_what_a_filter_would_hide(packages: dict[str, list[Path]]) -> None:
    """The version of the changelog, and the page that there is."""
    setup = (REPOSITORY / "setup.cfg").read_text()
    url = re.search(r"(?m)^url = (.+)$", setup)
    assert url is not None
    text = SPEC.read_text()
    assert f"\nVersion:        {VERSION}\n" in text
    assert f"\nURL:            {url[1]}\n" in text
    assert re.search(rf"(?m)^%changelog\n\* .* - {re.escape(VERSION)}-1$", text)
    for package in packages["rpm"]:
        listed = subprocess.run(["rpm", "-qpl", str(package)], capture_output=True, text=True, check=True).stdout
        assert "/usr/share/man/man8/vps-firewall.8.gz\n" in listed

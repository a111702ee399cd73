"""a commit -> the same bytes, whoever builds it, wherever and whenever, without a network."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cc_vps_firewall.version import VERSION
from tests.packages import made
from tests.suites import REPOSITORY


def digests(paths: list[Path]) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.fixture
def other_checkout(tmp_path: Path) -> Path:
    """The same sources elsewhere, made at another time by somebody with another umask."""
    copy = made.source(tmp_path / "a longer name", VERSION, {})
    for path in [copy, *copy.rglob("*")]:
        os.chmod(path, 0o700 if path.is_dir() or os.access(path, os.X_OK) else 0o600)
        os.utime(path, (1, 1))
    return copy


def test_names(tmp_path: Path) -> None:
    assert [path.name for path in made.build("rpm", tmp_path)] == [
        f"vps-firewall-{VERSION}-1.el10.noarch.rpm",
        f"vps-firewall-{VERSION}-1.el9.noarch.rpm",
    ]
    assert [path.name for path in made.build("deb", tmp_path)] == [f"vps-firewall_{VERSION}-1_all.deb"]


@pytest.mark.parametrize("kind", ["rpm", "deb"])
def test_two_builds_are_one(kind: str, tmp_path: Path, other_checkout: Path) -> None:
    first = digests(made.build(kind, tmp_path / "first", date=made.DATE))
    previous = os.umask(0o077)
    try:
        assert digests(made.build(kind, tmp_path / "second", other_checkout, date=made.DATE)) == first
    finally:
        os.umask(previous)
    # Another date or another byte is seen.
    later = digests(made.build(kind, tmp_path / "third", date=str(int(made.DATE) + 1)))
    assert all(later[name] != first[name] for name in first)
    (other_checkout / "cc_vps_firewall/errors.py").write_text("# another\n")
    changed = digests(made.build(kind, tmp_path / "fourth", other_checkout, date=made.DATE))
    assert all(changed[name] != first[name] for name in first)


@pytest.mark.parametrize("kind", ["rpm", "deb"])
def test_the_date_is_that_of_the_commit(kind: str, tmp_path: Path) -> None:
    said = subprocess.run(
        ["git", "-C", str(REPOSITORY), "log", "-1", "--format=%ct"], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert digests(made.build(kind, tmp_path / "one")) == digests(made.build(kind, tmp_path / "two", date=said))


def test_no_network_is_asked(tmp_path: Path) -> None:
    for kind in ("rpm", "deb"):
        command = [sys.executable, str(REPOSITORY / made.SCRIPT), kind, "--out", str(tmp_path)]
        subprocess.run(["unshare", "--net", "--", *command], check=True, capture_output=True)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_tool_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    command = [sys.executable, str(REPOSITORY / made.SCRIPT), "rpm", "--out", str(tmp_path)]
    environment = {"PATH": str(tmp_path / "bin"), "SOURCE_DATE_EPOCH": made.DATE}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "packaging/build.py: rpmbuild is not installed: apt-get install rpm\n"
    assert list(tmp_path.glob("*.rpm")) == []


def asked(package: Path, what: str) -> list[str]:
    done = subprocess.run(["rpm", "-qp", what, str(package)], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_each_el_has_its_python_and_its_firewall(tmp_path: Path) -> None:
    ten, nine = made.build("rpm", tmp_path)
    for package, python, firewall in ((nine, "3.9", "iptables-nft-services"), (ten, "3.12", "nftables")):
        requires = asked(package, "--requires")
        assert f"python(abi) = {python}" in requires
        assert "(nftables or iptables-nft-services)" in requires
        assert asked(package, "--suggests") == [firewall]
        files = [path for path in asked(package, "--list") if "cc_vps_firewall" in path]
        assert all(path.startswith(f"/usr/lib/python{python}/site-packages/cc_vps_firewall") for path in files)
        assert f"/usr/lib/python{python}/site-packages/cc_vps_firewall/apply/converge.py" in files


def test_shells_find_what_they_complete(tmp_path: Path) -> None:
    places = ("bash-completion/completions/vps-firewall", "fish/vendor_completions.d/vps-firewall.fish")
    (deb,) = made.build("deb", tmp_path)
    listed = subprocess.run(["dpkg-deb", "--contents", str(deb)], capture_output=True, text=True, check=True).stdout
    for place in (*places, "zsh/vendor-completions/_vps-firewall"):
        assert f" ./usr/share/{place}\n" in listed
    for rpm in made.build("rpm", tmp_path):
        assert {f"/usr/share/{place}" for place in (*places, "zsh/site-functions/_vps-firewall")} <= {
            *asked(rpm, "--list")
        }


def payload(package: Path) -> bytes:
    return subprocess.run(["rpm2cpio", str(package)], capture_output=True, check=True).stdout


def test_the_source_package_makes_the_same(tmp_path: Path) -> None:
    """What mock and COPR do, with the macros that they set."""
    (source_package,) = made.build("srpm", tmp_path / "out", date=made.DATE)
    # Of the source package itself that is true of the files in it: rpm also writes down where it worked.
    (again,) = made.build("srpm", tmp_path / "again", date=made.DATE)
    assert payload(again) == payload(source_package)
    assert source_package.name == f"vps-firewall-{VERSION}-1.src.rpm"
    ten = made.build("rpm", tmp_path / "out", date=made.DATE)[0]
    macros = ["--define", f"_topdir {tmp_path}/top", "--define", "rhel 10", "--define", "dist .el10"]
    command = ["rpmbuild", "--rebuild", "--nodeps", *macros, "--define", "__os_install_post %{nil}"]
    subprocess.run([*command, str(source_package)], check=True, capture_output=True)
    (rebuilt,) = (tmp_path / "top/RPMS/noarch").glob("*.rpm")
    assert rebuilt.name == ten.name
    for what in ("--list", "--requires", "--suggests", "--scripts", "--filetriggers"):
        assert asked(rebuilt, what) == asked(ten, what)

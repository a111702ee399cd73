"""A commit -> the files of a release: the same in two builds, complete, checked, and used as people will."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from cc_vps_firewall.bundle import bundle
from cc_vps_firewall.version import VERSION
from tests.boot.guests import locked
from tests.conftest import run_folder
from tests.suites import REPOSITORY
from tools import release, sbom

STANZA = b"#cloud-config\nvps_firewall: {allow: [http]}\n"


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of this checkout as it is; by the first process of this run that asks for it."""
    out = run_folder(tmp_path_factory) / "release"
    with locked(out.with_suffix(".lock")):
        if not out.exists():
            subprocess.run(["make", "--no-print-directory", "site/node_modules/.ready"], cwd=REPOSITORY, check=True)
            release.release(out, _commit())
    return out


def _commit() -> str:
    """The commit that is checked out, with what is changed since then."""
    asked = ["git", "-C", str(REPOSITORY), "-c", "user.name=test", "-c", "user.email=test@localhost", "stash", "create"]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip() or "HEAD"


def test_what_is_in_it(released: Path) -> None:
    """And so two builds were the same: else there would be nothing."""
    assert {path.name for path in released.iterdir()} == {
        "SHA256SUMS",
        f"vps-firewall-{VERSION}-1.el10.noarch.rpm",
        f"vps-firewall-{VERSION}-1.el9.noarch.rpm",
        f"vps-firewall-{VERSION}-engines.json",
        f"vps-firewall-{VERSION}-site.tar.gz",
        f"vps-firewall-{VERSION}.cdx.json",
        f"vps-firewall_{VERSION}-1_all.deb",
        f"vps_firewall-{VERSION}-py3-none-any.whl",
        f"vps_firewall-{VERSION}.tar.gz",
        f"vps_firewall_fleet-{VERSION}-py3-none-any.whl",
        f"vps_firewall_fleet-{VERSION}.tar.gz",
    }


def test_the_sums_are_those_that_sha256sum_wants(released: Path) -> None:
    said = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=released, capture_output=True, text=True
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout.count(": OK") == len(list(released.iterdir())) - 1


def test_the_bill_of_materials(released: Path) -> None:
    text = (released / f"vps-firewall-{VERSION}.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    said = json.loads(text)
    assert said["metadata"]["component"]["purl"] == f"pkg:pypi/vps-firewall@{VERSION}"
    hashes = {c["name"]: c["hashes"][0]["content"] for c in said["components"] if c["type"] == "file"}
    for path in released.iterdir():
        if path.name not in ("SHA256SUMS", f"vps-firewall-{VERSION}.cdx.json"):
            assert hashes[path.name] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert {c["name"]: c.get("scope") for c in said["components"] if c["type"] == "library"} == {
        "PyYAML": "required",
        "pyodide": None,
    }


def test_the_bill_is_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("1")
    first = sbom.text([tmp_path / "one"], 0)
    (tmp_path / "one").write_text("2")
    assert sbom.text([tmp_path / "one"], 0) != first


def test_the_engines_are_those_of_the_wheel(released: Path) -> None:
    said = json.loads((released / f"vps-firewall-{VERSION}-engines.json").read_text())
    assert said["version"] == VERSION
    assert set(said["sha256"]) == {*bundle.ENGINES, "stub"}
    with zipfile.ZipFile(released / f"vps_firewall-{VERSION}-py3-none-any.whl") as wheel:
        for name, digest in said["sha256"].items():
            held: dict[str, str] = {}
            exec(wheel.read(f"cc_vps_firewall/engines/{name}.py"), held)  # noqa: S102 - a constant, of ours
            assert hashlib.sha256(held["TEXT"].encode()).hexdigest() == digest


def test_it_runs_without_being_installed(released: Path, tmp_path: Path) -> None:
    """`pipx run vps-firewall bundle`: the wheel with what it needs, and nothing of this checkout."""
    wheel = released / f"vps_firewall-{VERSION}-py3-none-any.whl"
    pipx = [sys.executable, "-m", "pipx", "run", "--spec", str(wheel), "vps-firewall"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PIPX_HOME": str(tmp_path / "pipx")}
    done = subprocess.run([*pipx, "bundle", "-"], input=STANZA, capture_output=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == bundle.make(STANZA)[0]


def test_a_difference_is_named(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / "same").write_text("1")
        (folder / "changed").write_text(folder.name)
    (one / "only-here").write_text("")
    assert release.differences(one, other) == ["changed", "only-here"]


def test_what_differs_is_not_released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is what was there before taken away."""
    (tmp_path / "release").mkdir()
    (tmp_path / "release/former").write_text("")
    monkeypatch.setattr(release, "_build", lambda source, out, date: _written(out, str(source)))
    with pytest.raises(release.NotReleased, match="two builds of one commit differ in where"):
        release.release(tmp_path / "release")
    assert [path.name for path in (tmp_path / "release").iterdir()] == ["former"]


def _written(out: Path, text: str) -> None:
    out.mkdir()
    (out / "where").write_text(text)


def test_another_tag_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.release", "--tag", "v9.9.9", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"no release: the tag is v9.9.9, and the version {VERSION}\n" in done.stderr
    assert not (tmp_path / "out").exists()

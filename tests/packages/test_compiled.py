"""`install --root` -> an engine that the root's own Python does not have to compile at its first boot."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import suites
from tests.lab.world import Machine
from tests.packages.stand_in import stand_in
from tests.suites import REPOSITORY

ENGINE = "usr/lib/python3/dist-packages/cc_vps_firewall"


@pytest.fixture(params=["bookworm", "trixie", "el9"])
def image(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A root's folder that may be written to. Not a machine's: its path would go through /proc."""
    lower = stand_in() if request.param == "el9" else suites.root_of(request.param)
    for name in ("upper", "work", "root"):
        (tmp_path / name).mkdir()
    places = f"lowerdir={lower},upperdir={tmp_path}/upper,workdir={tmp_path}/work"
    root = tmp_path / "root"
    subprocess.run(["mount", "-t", "overlay", "-o", places, "overlay", str(root)], check=True)
    try:
        yield root
    finally:
        subprocess.run(["umount", str(root)], check=True)


def module(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cc_vps_firewall", *words]
    return subprocess.run(command, check=False, cwd=REPOSITORY, capture_output=True, text=True)


def inside(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["chroot", str(root), *command], check=True, capture_output=True, text=True)


def compiled(root: Path) -> list[str]:
    """The compiled files, as paths in the engine's folder."""
    return sorted(str(path.relative_to(root / ENGINE)) for path in (root / ENGINE).rglob("__pycache__/*"))


def test_by_the_roots_own_python_whichever_it_is(image: Path) -> None:
    assert module("install", "--root", str(image)).returncode == 0
    tag = inside(image, "python3", "-c", "import sys; print(sys.implementation.cache_tag)").stdout.strip()
    modules = [path.relative_to(image / ENGINE) for path in (image / ENGINE).rglob("*.py")]
    assert Path("apply/converge.py") in modules
    assert compiled(image) == sorted(f"{m.parent / '__pycache__' / m.stem}.{tag}.pyc" for m in modules)
    said = inside(image, "python3", "-B", "-v", "-c", "import cc_vps_firewall.cli").stderr
    read = [line for line in said.splitlines() if "cc_vps_firewall" in line and "code object from" in line]
    assert len(read) >= len(modules) // 2
    assert all(".pyc" in line for line in read), "nothing was compiled anew"
    assert module("install", "--root", str(image)).stdout == "already installed; nothing was changed\n"
    assert module("uninstall", "--root", str(image)).returncode == 0
    assert not (image / ENGINE).exists()


def test_a_root_of_another_computer_is_not_compiled_for(image: Path) -> None:
    """Its Python is a program of a processor that is not this one."""
    (image / "usr/bin/python3.12").write_bytes(b"\x7fELF?")
    (image / "usr/bin/python3.12").chmod(0o755)
    (image / "usr/bin/python3").unlink()
    (image / "usr/bin/python3").symlink_to("python3.12")
    done = module("install", "--root", str(image))
    assert done.returncode == 0, done.stderr
    assert compiled(image) == []
    assert (image / "etc/cloud/cloud.cfg.d/99_vps_firewall.cfg").is_file()


def test_a_root_that_is_named_through_proc_is_refused(debian: Machine) -> None:
    """Its name is a link, and what the link says is `/`: the files would be written on this computer."""
    for command in ("install", "uninstall"):
        done = module(command, "--root", str(debian.root))
        assert done.returncode == 1
        assert "leads elsewhere" in done.stderr
    assert debian.read("/etc/cloud/cloud.cfg.d/99_vps_firewall.cfg") == ""

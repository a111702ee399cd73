"""this checkout, with another version or other files -> its packages, made by the script that `make` calls."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.suites import REPOSITORY

SCRIPT = "packaging/build.py"
PARTS = ("cc_vps_firewall", "schemas", "packaging", "setup.cfg", "LICENSE", "README.md", "CHANGELOG.md")
DATE = "1790000000"  # a copy has no commit to take the date from


def source(target: Path, version: str, more: Mapping[str, str]) -> Path:
    """A copy of what packages are made of, with another version and `more` files, by path."""
    target.mkdir(parents=True)
    for part in PARTS:
        if (REPOSITORY / part).is_dir():
            shutil.copytree(REPOSITORY / part, target / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(REPOSITORY / part, target / part)
    module = target / "cc_vps_firewall/version.py"
    module.write_text(re.sub(r"(?m)^VERSION = .*", f'VERSION = "{version}"', module.read_text()))
    for path, text in more.items():
        (target / path).parent.mkdir(exist_ok=True)
        (target / path).write_text(text)
    return target


def checkout(target: Path) -> Path:
    """A copy of what git knows of this checkout, as it is now; tools that leave files beside the sources leave them
    there."""
    listed = ["git", "-C", str(REPOSITORY), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split("\0"):
        if name and (REPOSITORY / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, target / name, follow_symlinks=False)
    return target


def build(kind: str, out: Path, of: Path = REPOSITORY, date: str = "") -> list[Path]:
    """Make the packages of one kind. -> their files. Without `date` it is that of the last commit."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **({"SOURCE_DATE_EPOCH": date} if date else {})}
    command = [sys.executable, str(of / SCRIPT), kind, "--source", str(of), "--out", str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [Path(line) for line in done.stdout.splitlines()]


def el9(packages: list[Path]) -> Path:
    return next(path for path in packages if ".el9." in path.name)


# What an older version had and this one has not, and what a newer one will have: a module, and a folder of modules.
NOTHING = '"""nothing -> nothing."""\n'
OLDER = {f"cc_vps_firewall/{name}": NOTHING for name in ("gone.py", "gone_too/__init__.py", "gone_too/gone_in.py")}
NEWER = {f"cc_vps_firewall/{name}": NOTHING for name in ("coming.py", "coming_too/__init__.py", "coming_too/in_it.py")}


def three(kind: str, folder: Path) -> dict[str, Path]:
    """Packages of an older version, of this one, and of a newer one."""
    made = {"this": build(kind, folder / "this")}
    for name, version, more in (("older", "0.0.9", OLDER), ("newer", "99.0", NEWER)):
        made[name] = build(kind, folder / name, source(folder / f"source-{name}", version, more), DATE)
    return {name: el9(paths) if kind == "rpm" else paths[0] for name, paths in made.items()}

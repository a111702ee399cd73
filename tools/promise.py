"""Case folders -> tests/promise/MINOR.yaml: what this version accepts, for later ones to be held to.

    python3 -m tools.promise

It is written once more until the version is released, by `tools.release`; see tests/promise/README.md.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from cc_vps_firewall.version import VERSION
from tests import casefiles
from tests.casefiles import load_all

from .pages import HOME

FOLDER = HOME / "tests" / "promise"


def path(version: str = VERSION) -> Path:
    """0.2.1 -> the file of 0.2"""
    return FOLDER / f"{version.rpartition('.')[0]}.yaml"


def text() -> str:
    cases = []
    for case in load_all():
        said: dict[str, Any] = _read(case.folder / "case.yaml")
        cases.append({"name": case.name, "user-data": case.user_data, **said})
    stanzas = _read(casefiles.HOME / "accepted" / "accepted.yaml")["cases"]
    held = {"about": f"What {VERSION} accepts. Made by tools/promise.py.", "cases": cases, "stanzas": stanzas}
    return yaml.dump(held, Dumper=_Blocks, sort_keys=False, width=120, allow_unicode=True)


def _read(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


class _Blocks(yaml.SafeDumper):
    """Texts of several lines as blocks, and no aliases: it is read by people too."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _block(dumper: Any, value: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Blocks.add_representer(str, _block)


if __name__ == "__main__":
    path().write_text(text(), encoding="utf-8")
    print(path().relative_to(HOME))
    sys.exit(0)

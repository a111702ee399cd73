"""What the tests of this folder stand on."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.boot.guests import locked
from tests.conftest import run_folder
from tests.suites import REPOSITORY
from tools import site as making


@pytest.fixture(scope="session")
def npm(tmp_path_factory: pytest.TempPathFactory) -> None:
    """site/node_modules, as the lock file has it."""
    with locked(run_folder(tmp_path_factory) / "npm.lock"):
        subprocess.run(["make", "--no-print-directory", "site/node_modules/.ready"], cwd=REPOSITORY, check=True)


@pytest.fixture(scope="session")
def site(npm: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of this checkout, by the first process of this run that asks for it."""
    out = run_folder(tmp_path_factory) / "site"
    with locked(out.with_suffix(".lock")):
        if not out.exists():
            making.build(REPOSITORY, out)
    return out

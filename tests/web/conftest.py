"""What the tests of this folder stand on."""

from __future__ import annotations

import subprocess

import pytest

from tests.boot.guests import locked
from tests.conftest import run_folder
from tests.suites import REPOSITORY


@pytest.fixture(scope="session")
def npm(tmp_path_factory: pytest.TempPathFactory) -> None:
    """site/node_modules, as the lock file has it."""
    with locked(run_folder(tmp_path_factory) / "npm.lock"):
        subprocess.run(["make", "--no-print-directory", "site/node_modules/.ready"], cwd=REPOSITORY, check=True)

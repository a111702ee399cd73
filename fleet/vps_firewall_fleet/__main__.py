"""command line -> this suite, run by pytest: `vps-firewall-fleet --hosts=ssh://web1,ssh://web2 --sudo`.

All arguments are pytest's, testinfra's and those that conftest.py adds.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    # Where it was installed to is no place for caches, nor has a project of the caller's a say in what is run.
    own = ["-p", "no:cacheprovider", "-c", str(HERE / "pytest.ini"), str(HERE)]
    return int(pytest.main([*own, *given]))


if __name__ == "__main__":
    sys.exit(main())

"""case folders -> what the renderers make of them today is what is written beside them."""

from __future__ import annotations

import pytest

from tests.casefiles import HOME, Case, load_all
from tools.goldens import expected

CASES = load_all()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("suffix", ["nft", "ip4", "ip6"])
def test_text_is_the_expected_one(case: Case, suffix: str) -> None:
    golden = case.expected(suffix)
    assert golden.read_text(encoding="utf-8") == expected(case)[suffix], "run `make generate`"


def test_every_expected_text_belongs_to_a_case() -> None:
    wanted = {case.expected(suffix) for case in CASES for suffix in ("nft", "ip4", "ip6")}
    assert set(HOME.glob("*/expected.*")) - wanted == set()

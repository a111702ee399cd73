"""What pages show of a kernel is what it says today."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import pages, played, shown
from tools.pages import HOME

PAGES = pages.pages()


def name(page: Path) -> str:
    return str(page.relative_to(HOME))


@pytest.mark.parametrize("page", [p for p in PAGES if shown.marks(p, "kernel")], ids=name)
def test_what_the_kernel_holds(page: Path) -> None:
    for what, text in shown.marks(page, "kernel"):
        assert shown.from_a_kernel(page, what) == text, what


@pytest.mark.parametrize("page", [p for p in PAGES if played.has_packets(p)], ids=name)
def test_packets_meet_the_rules_that_the_page_shows(page: Path) -> None:
    for what, text, met in played.packets(page):
        assert played.agrees(met, text), f"{what}\n{met}"

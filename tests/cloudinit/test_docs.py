"""What pages show of a shell is what it says today, and every example is user-data to a real cloud-init."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import suites
from tests.lab import boot
from tests.lab.world import world
from tools import pages, played
from tools.pages import HOME

PAGES = pages.pages()
EXAMPLES = [
    block
    for page in PAGES
    for block in pages.blocks(page)
    if pages.is_policy(block) and not block.info.startswith(pages.REFUSED)
]


@pytest.mark.parametrize("page", [p for p in PAGES if played.has_session(p)], ids=lambda p: str(p.relative_to(HOME)))
def test_sessions_print_what_the_page_shows(page: Path) -> None:
    commands = played.played(page)
    assert commands
    for block, typed, printed in commands:
        assert played.agrees(printed, typed.printed), f"{block}: $ {typed.command}\n{printed}"


def test_every_example_is_user_data_as_it_stands() -> None:
    with world(suites.root_of("trixie")) as (machine, _):
        boot.install(machine)
        script = []
        for number, block in enumerate(EXAMPLES):
            machine.write(f"/root/{number}", block.text)
            script.append(f"cloud-init schema --config-file /root/{number} >/root/{number}.said 2>&1; echo $?")
        codes = machine.run("sh", "-c", "\n".join(script)).stdout.split()
        wrong = [number for number, code in enumerate(codes) if code != "0"]
        assert len(codes) == len(EXAMPLES)
        assert not wrong, [(str(EXAMPLES[number]), machine.read(f"/root/{number}.said")) for number in wrong]

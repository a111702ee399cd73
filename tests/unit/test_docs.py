"""Pages say what the code does: generated pages, shown text, every policy, every link."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import jsonschema
import pytest

from cc_vps_firewall import policy
from cc_vps_firewall.cli import command as cli
from cc_vps_firewall.errors import PolicyRefused
from cc_vps_firewall.plan import decide
from tools import pages, played, reference, shown
from tools.pages import HOME, Block

PAGES = pages.pages()
POLICIES = [block for page in PAGES for block in pages.blocks(page) if pages.is_policy(block)]
README = HOME / "README.md"
MADE = dict(reference.made())


def name(value: object) -> str:
    return str(value.relative_to(HOME)) if isinstance(value, Path) else str(value)


@pytest.mark.parametrize("page", MADE, ids=name)
def test_generated_pages_are_fresh(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == MADE[page], "run `make generate`"


@pytest.mark.parametrize("page", [p for p in PAGES if shown.marks(p, "shown")], ids=name)
def test_shown_text_is_what_the_code_gives(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == shown.refreshed(page), "run `make generate`"


@pytest.mark.parametrize("block", [b for b in POLICIES if not b.info.startswith(pages.REFUSED)], ids=name)
def test_policies_are_accepted(block: Block) -> None:
    """As they stand, without what else is on the page."""
    assert problems_with(block, pages.files_of(block)) == []
    schema = json.loads(reference.SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(schema).validate({"vps_firewall": pages.section(block)})


@pytest.mark.parametrize("block", [b for b in POLICIES if b.info.startswith(pages.REFUSED)], ids=name)
def test_policies_are_refused_with_what_stands_below(block: Block) -> None:
    assert problems_with(block, pages.list_files(block.page)) == said_below(block).splitlines()


@pytest.mark.parametrize("block", POLICIES, ids=name)
def test_policies_can_be_pasted_as_user_data(block: Block) -> None:
    assert block.text.startswith("#cloud-config\n")


def problems_with(block: Block, files: Mapping[str, str]) -> list[str]:
    def read_list(path: str) -> str:
        if path not in files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return files[path]

    try:
        decide.tested(policy.parse(pages.section(block), read_list=read_list))
    except PolicyRefused as refused:
        return [str(problem) for problem in refused.problems]
    return []


def said_below(block: Block) -> str:
    """The messages: the next text block, or what `check` prints in the next session."""
    after = [b for b in pages.blocks(block.page) if b.line > block.line]
    file = block.info.split()[-1]
    for below in after:
        if below.info == "console":
            commands = [t for t in played.typed(below) if t.command.endswith(f"check {file}")]
            if commands:
                return commands[0].printed
        elif below.info == "text":
            return below.text
    raise AssertionError(f"{block}: nothing says how it is refused")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_yaml_blocks_that_are_no_policy_are_few(page: Path) -> None:
    """A policy whose key is misspelt would not be checked."""
    others = [b for b in pages.blocks(page) if b.info.startswith("yaml") and not pages.is_policy(b)]
    assert others == []


COMMANDS = [
    (block, words)
    for page in PAGES
    for block in pages.blocks(page)
    if block.info in ("sh", "console")
    for words in pages.commands(block)
]


@pytest.mark.parametrize("block, words", COMMANDS, ids=name)
def test_our_command_takes_what_pages_give_it(block: Block, words: list[str]) -> None:
    """Also where it cannot be played: on a provider's command line, in an image's tree."""
    try:
        cli._parser().parse_args(words)
    except SystemExit:
        pytest.fail(f"{block}: vps-firewall {' '.join(words)}")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in pages.links(page):
        if re.match("https?://", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.is_file(), f"{target}: there is no such page"
        assert not anchor or anchor in pages.anchors(there), f"{target}: there is no such heading"


def test_every_page_is_linked_to() -> None:
    linked = {(page.parent / t.partition("#")[0]).resolve() for page in PAGES for t in pages.links(page)}
    assert [p for p in PAGES if p not in linked and p != README] == []


def test_readme_opens_with_what_make_knows() -> None:
    """What it is in two sentences, a picture, two commands, and the stanza."""
    targets = set(re.findall(r"^([a-z]+):", (HOME / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    lines = next(b.text.splitlines() for b in pages.blocks(README) if b.info == "sh")
    assert [line.split()[:2] for line in lines] == [["make", "demo"], ["make", "test"]]
    assert all(line.split()[1] in targets for line in lines)
    text = README.read_text(encoding="utf-8")
    assert text.index("A VPS") < text.index("![") < text.index("make demo") < text.index("```yaml") < text.index("## ")


def test_decisions_have_the_same_parts() -> None:
    decisions = sorted((HOME / "docs" / "decisions").glob("[0-9]*.md"))
    assert len({page.name[:4] for page in decisions}) == len(decisions) > 18
    for page in decisions:
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {page.name[:4]}: ")
        parts = re.findall(r"^(?:## )?(Status|Context|Decision|Consequences|Rejected)\b", text, re.MULTILINE)
        assert parts == ["Status", "Context", "Decision", "Consequences", "Rejected"], page.name


def test_a_mark_that_shows_nothing_is_an_error() -> None:
    page = HOME / "docs" / "explanation" / "how-a-policy-becomes-packets.md"
    with pytest.raises(shown.NothingToShow):
        shown.shown(page, 'nftables incoming with "tcp dport 3306"')
    assert "tcp dport 22" in shown.shown(page, "nftables incoming with ssh")


def test_sessions_are_compared_without_their_times() -> None:
    page = "applied by command at 2026-01-02T03:04:05Z in 0.10 s\n"
    assert not played.agrees(page + "more\n", page)
    assert played.agrees("applied by command at 2027-01-02T03:04:06Z in 12.34 s\n", page)
    assert not played.agrees("unchanged by command at 2027-01-02T03:04:06Z in 12.34 s\n", page)
    assert not played.agrees("first\nsecond\nthird\n", "first\n...\nthird\n")

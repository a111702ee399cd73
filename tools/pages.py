"""repository -> its pages, and the fenced blocks, links and marks in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cc_vps_firewall import policy
from cc_vps_firewall.policy import userdata

HOME = Path(__file__).resolve().parent.parent
POLICY = "yaml"
REFUSED = "yaml refused"
Files = Iterator[tuple[Path, str]]  # a file, and what it should hold
WARNED = "yaml warned"  # accepted, with the warnings in the text block below

_FENCE = re.compile(r"^```(?P<info>[^`\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block of a page. `info` is what stands behind the opening backticks."""

    page: Path
    line: int
    info: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(HOME)}:{self.line}"


def pages() -> list[Path]:
    """Every page: those in the repository's root, and those below docs/ and examples/."""
    return sorted(page for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md") for page in HOME.glob(pattern))


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, match.start()) + 1, match["info"].strip(), match["text"])
        for match in _FENCE.finditer(text)
    ]


def is_policy(block: Block) -> bool:
    return block.info.startswith(POLICY) and re.search(r"^vps_firewall:", block.text, re.MULTILINE) is not None


def section(block: Block) -> Any:
    """The value of a block's vps_firewall: key, read as user-data is, as it stands."""
    return userdata.section(block.text.encode())


def first_policy(page: Path) -> policy.Policy:
    """What a page that follows one policy is about: its first policy block."""
    block = next(b for b in blocks(page) if is_policy(b))
    return policy.parse(section(block), read_list=list_files(page).__getitem__)


def list_files(page: Path) -> Mapping[str, str]:
    """Files that a page shows: blocks that name an absolute path behind `text`, and write_files in its YAML."""
    found: dict[str, str] = {}
    for block in blocks(page):
        kind, _, path = block.info.partition(" ")
        if kind == "text" and path.startswith("/"):
            found[path] = block.text
        elif kind == POLICY:
            found.update(files_of(block))
    return found


def files_of(block: Block) -> dict[str, str]:
    """Files that a block brings itself."""
    value = yaml.safe_load(block.text)
    files = value.get("write_files", []) if isinstance(value, dict) else []
    return {file["path"]: file["content"] for file in files}


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """The lines of a table, its cells as they stand."""
    yield f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}\n"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n"


def commands(block: Block) -> Iterator[list[str]]:
    """The arguments of each `vps-firewall`, also called as a module, that a block of shell commands has."""
    words = shlex.shlex(block.text.replace("\\\n", " "), posix=True, punctuation_chars="|&;<>\n")
    words.whitespace = " \t"
    words.whitespace_split = True
    before: list[str] = []
    for word in [*words, "\n"]:
        if word.strip("|&;<>\n"):
            before.append(word)
            continue
        line = " ".join(before)
        if match := re.match(r"(?:\$ )?(?:sudo )?(?:\S*/vps-firewall|vps-firewall|python3 -m cc_vps_firewall) ", line):
            yield before[len(match[0].split()) :]
        before = []


def links(page: Path) -> Iterator[str]:
    """Targets of links, those inside fenced blocks left out."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return (match["target"] for match in _LINK.finditer(text))


def anchors(page: Path) -> set[str]:
    """What a link can name behind #, as GitHub makes it from a heading."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return {_anchor(match["title"]) for match in _HEADING.finditer(text)}


def _anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")

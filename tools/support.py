"""tests/records -> docs/reference/support.md: which claim was seen to hold, on what, of which commit, on which day.

A claim without a record is listed as such; the page has no row that nobody's lab has written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from . import blocks, measured, pages
from .measured import Row

PAGE = pages.HOME / "docs" / "reference" / "support.md"

# What the boot lab is asked, by the beginning of its scenarios' names: the longest that fits counts.
CLAIMS = {
    "first boot": "a first boot: nothing answers that the policy does not open",
    "first boot, once more": "a first boot that runs once more comes to the same rules",
    "in a cloud": "the same, with user-data that cloud-init asks the network for",
    "reboot": "a reboot: the same rules, loaded before the network",
    "second instance": "a copy of the disk under another instance-id gets that instance's policy",
    "no stanza": "user-data without a policy: SSH alone",
    "refused policy": "a policy with a mistake: its own SSH alone, and it is told",
    "after the cut": "after a power cut: nothing is open, and nobody is locked out",
    "bundle": "a bundle on a stock image: open until cloud-init's network stage, closed from then on",
    "bundle, reboot": "its next boot: closed from the first packet",
    "beside": "another firewall in the image goes, and is named",
    "no extensions": "a kernel that cannot load the seal: closed by its fallback, then by the other backend",
    "nothing installed": "an image without a firewall: one is installed, and closes it",
}
LAYERS = {
    "cloudinit": "user-data through cloud-init's own stages",
    "packages": "packages installed, upgraded, removed",
    "neighbours": "beside Docker, fail2ban, CrowdSec and others",
}
MARK = "Made of tests/records"


def made() -> pages.Files:
    text = PAGE.read_text(encoding="utf-8")
    parts = {"boots": _boots(measured.rows("boot")), "layers": _layers(), "image": _image(measured.rows("image"))}
    for part, lines in parts.items():
        text = blocks.rewritten(PAGE.name, text, f"{MARK}: {part}", "".join(lines))
    yield PAGE, text


def claim(scenario: str) -> str:
    """What a scenario of the boot lab asks; empty where it is there for comparison."""
    fits = [start for start in CLAIMS if scenario.startswith(start)]
    return max(fits, key=len, default="")


def _boots(rows: Sequence[Row]) -> Iterator[str]:
    lines = []
    for start, words in CLAIMS.items():
        for row in rows:
            if claim(row["scenario"]) == start:
                guest = f"`{row['guest']}`" + (f", for {row['stands for']}" if row["stands for"] else "")
                lines.append((words, guest, row["cloud-init"], row["backend"], _seen(row), _of(row)))
    yield from pages.table(("claim", "guest", "cloud-init", "made for", "seen", "of"), lines)
    if missing := [words for start, words in CLAIMS.items() if not any(claim(r["scenario"]) == start for r in rows)]:
        yield f"\nWithout a record: {'; '.join(missing)}.\n"


def _seen(row: Row) -> str:
    if row["problems"]:
        return f"{row['problems']} problem{'s' * (row['problems'] > 1)}"
    return "as it has to be" if not row["leaks"] else f"as it has to be, {row['leaks']} answers before that"


def _layers() -> Iterator[str]:
    lines = []
    for layer, words in LAYERS.items():
        for row in measured.rows(layer):
            on = row.get("system") or ("the stand-in for EL 9" if row["on"] == "el9" else "this computer")
            tests = f"{row['passed']} passed" + "".join(
                f", {row[bad]} {bad}" for bad in ("failed", "skipped") if row[bad]
            )
            versions = tuple(row.get(name, "") for name in ("cloud-init", "nftables", "iptables"))
            lines.append((words, on, *versions, tests, _of(row)))
    yield from pages.table(("tests", "on", "cloud-init", "nftables", "iptables", "seen", "of"), lines)
    if missing := [words for layer, words in LAYERS.items() if not measured.rows(layer)]:
        yield f"\nWithout a record: {'; '.join(missing)}.\n"


def _image(rows: Sequence[Row]) -> Iterator[str]:
    if not rows:
        yield "Without a record.\n"
        return
    lines = [
        (row["image"], f"`{row['guest']}`: {row['system']} underneath", str(row["boots"]),
         f"{row['ways of being wrong']} of {row['ways of being wrong']}", _of(row))
        for row in rows
    ]  # fmt: skip
    yield from pages.table(
        ("image of", "baked on", "boots without a finding", "ways of being wrong found", "of"), lines
    )


def _of(row: Row) -> str:
    return f"`{row['commit']}`, {row['day']}"

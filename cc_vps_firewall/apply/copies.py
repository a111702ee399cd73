"""What stands in the places of files of ours and is somebody else's."""

from __future__ import annotations

from ..host import files
from ..host.files import Files
from ..rules import iptables, iptables_dumps

ENDING = ".before-vps-firewall"


def copies_of(contents: Files, notes: list[str]) -> dict[str, tuple[str, int | None]]:
    """Files of ours -> copies of what stands in their places and is not ours, that nobody writes over; `notes` says
    where they are."""
    found: dict[str, tuple[str, int | None]] = {}
    for path, (_, mode) in contents.items():
        theirs = files.read(path, "surrogateescape")
        if mode is None or theirs is None or not is_foreign(theirs):
            continue
        copy = path + ENDING
        while files.read(copy, "surrogateescape") not in (None, theirs):
            copy += "~"
        found[copy] = (theirs, 0o600)
        notes.append(f"{path} was not ours: what stood there is in {copy}")
    return found


def is_foreign(text: str) -> bool:
    """Is a file in the place of one of ours somebody else's, and is there anything in it?"""
    return iptables.MARK not in text and not iptables_dumps.only_ours(text)

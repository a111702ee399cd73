"""Path of a file -> its bytes or text, read whole, and of list files only where nobody but root can have written it."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable, Collection

from ..root import HERE, Root
from .messages import quoted, refusal

MAX_USER_DATA = 8 << 20  # bytes, unpacked; the largest that any provider takes is 256 KiB
MAX_LIST = 16 << 20  # bytes; half a million networks


def read(path: str) -> bytes:
    """A user-data file, or standard input for '-'. Raises PolicyRefused with the reason."""
    try:
        data = sys.stdin.buffer.read(MAX_USER_DATA + 1) if path == "-" else read_file(path, MAX_USER_DATA)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise refusal("user-data", f"{quoted(path)}: {reason}") from None
    return data


def read_list(path: str, root: Root = HERE) -> str:
    """A list file's text, below the system at `root`. Raises OSError or ValueError with a reason for people, also
    where others than root, or than whoever asks, may have written it."""
    place, owners = _trusted(path, root)
    try:
        return read_file(place, MAX_LIST, check=lambda found: _refuse_others(found, "", owners)).decode(
            "utf-8-sig"
        )  # a BOM is what Windows' editors begin with
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start:,})") from None


# Each where the system has it: Windows has the last one alone.
_FLAGS = sum(getattr(os, f"O_{name}", 0) for name in ("RDONLY", "NONBLOCK", "CLOEXEC", "NOCTTY", "BINARY"))


def _trusted(path: str, root: Root) -> tuple[str, Collection[int]]:
    """Follow a path as the system at `root` would, and see that nobody else can put another file there: by writing it,
    or a folder or a link on the way. -> where it leads, and whose it may be. Raises OSError or ValueError."""
    if not hasattr(os, "geteuid"):  # Windows knows no such thing
        return path, ()
    found = os.stat(root)
    owners = {0, os.geteuid(), found.st_uid}
    _refuse_others(found, str(root), owners)

    def visit(place: str, last: bool) -> None:
        _refuse_others(os.lstat(place), "" if last else place, owners)

    return root.follow(path, visit), owners


def _refuse_others(found: os.stat_result, folder: str, owners: Collection[int]) -> None:
    """Raise ValueError where others may write what was found on the way, or put another file in its place. Whoever
    asks trusts their own group, which most systems give to each user."""
    if not owners:
        return
    mode = found.st_mode
    on_the_way = bool(folder) and stat.S_ISDIR(mode)
    name = folder if re.fullmatch("[!-~]{1,200}", folder) else quoted(folder)
    what = f"lies in {name}, which " if on_the_way else "leads over a link that " if stat.S_ISLNK(mode) else ""
    if found.st_uid not in owners:
        raise ValueError(f"{what}belongs to user {found.st_uid}, and not to root")
    others = 0o002 if os.geteuid() and found.st_gid == os.getegid() else 0o022
    if mode & others and (stat.S_ISREG(mode) or (on_the_way and not mode & stat.S_ISVTX)):
        raise ValueError(f"{what or 'is a file that '}others than root may write; take that from them with chmod go-w")


def read_file(
    path: str,
    limit: int,
    pause: Callable[[], object] = lambda: None,
    check: Callable[[os.stat_result], object] = lambda found: None,
) -> bytes:
    """A regular file, whole: opened once, never blocking on a pipe or a device, and not while it changes.

    It is read twice: two writes within one tick of the clock leave one time behind. `pause` comes between. `check` may
    raise for what was opened.
    """
    handle = os.open(path, _FLAGS)
    try:
        kind = os.fstat(handle).st_mode
        check(os.fstat(handle))
        if not stat.S_ISREG(kind):
            raise ValueError("is a directory, not a file" if stat.S_ISDIR(kind) else "is not a regular file")
        first = _whole(handle, limit)
        pause()
        if first != _whole(handle, limit):
            raise ValueError("changed while it was read; try again")
    finally:
        os.close(handle)
    return first


def _whole(handle: int, limit: int) -> bytes:
    pieces, size = [], 0
    os.lseek(handle, 0, os.SEEK_SET)
    while size <= limit and (piece := os.read(handle, limit + 1 - size)):
        pieces.append(piece)
        size += len(piece)
    if size > limit:
        raise ValueError(f"is larger than {limit:,} bytes")
    return b"".join(pieces)

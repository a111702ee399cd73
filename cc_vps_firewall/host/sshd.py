"""Where sshd listens: the one reader of that, for the engine and for `__init__`.

`__init__` must say it while every other file of the package is broken or gone, and a bundle's part-handler before the
engine is unpacked. So listening() needs nothing but what it is given, and tools/entry.py copies it into `__init__`.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable
from functools import partial

from ..root import HERE, Root
from .files import entries, text_at


def ports(root: Root = HERE) -> tuple[int, ...]:
    """Where sshd of the system at `root` listens."""
    return tuple(listening(partial(_matching, root), partial(text_at, root)))


def _matching(root: Root, pattern: str) -> list[str]:
    """What glob.glob() would find in the system at `root`. Links on the way lead where they would there."""
    found = [""]
    for part in pattern.strip("/").split("/"):
        found = [f"{folder}/{name}" for folder in found for name in _names(root, folder, part)]
    return found


def _names(root: Root, folder: str, part: str) -> list[str]:
    if part in (".", ".."):
        return [part]
    names = entries(root, folder)
    return [name for name in names if fnmatch.fnmatchcase(name, part) and (name[0] != "." or part[0] == ".")]


def listening(find: Callable[[str], list[str]], read: Callable[[str], str]) -> list[int]:
    """The ports that sshd's configuration names, and its socket unit where systemd listens in its place; or 22.

    Both: on Ubuntu a generator makes the socket listen where the configuration says, on Debian none does, and a port
    too many that nobody listens on locks nobody out. `find`: pattern -> paths. `read`: path -> text, or ''.
    """

    def systemd(pattern: str) -> list[str]:  # of the system and its generators, and not of users
        folders = [f"/{top}/systemd/[!u]*/" for top in ("lib", "usr/lib", "run", "etc")]
        names = [pattern.format(name) for name in ("ssh", "sshd")]
        return [path for folder in folders for name in names for path in find(folder + name)]

    files = ["/etc/ssh/sshd_config"] + find("/etc/ssh/sshd_config.d/*.conf")
    for path in files:  # and what they include, wherever that is (sshd_config(5))
        for words in re.findall(r"(?mi)^\s*include[ \t=]+(.+)", read(path)):
            for word in words.replace('"', " ").split():
                files += [more for more in find(os.path.join("/etc/ssh", word)) if more not in files]
    text = "\n".join(map(read, files))
    units = list(map(read, systemd("{}.socket")))
    if systemd("*.wants/{}.socket") and "" not in units:  # an empty unit is masked
        # Of drop-ins the name says which comes first, not the folder (systemd.unit(5)).
        units += map(read, sorted(systemd("{}.socket.d/*.conf"), key=os.path.basename))
        # An empty assignment takes back what stood before (systemd.socket(5)).
        text += "\n" + re.split(r"(?m)^ListenStream *= *$", "\n".join(units))[-1]
    # Behind a name or an address of IPv4, or one of IPv6 in brackets: without them it has no port.
    address = r"(?:(?:\[\S*\]|[^\s:\[]*):)?"
    port = r"(?mi)^\s*(?:port|listen(?:address|stream))[ \t=]+\"?" + address + r"(\d{1,5})\b(?![.:])"
    return sorted(set(map(int, re.findall(port, text))) & set(range(1, 65536))) or [22]

"""Root: the system that is worked on, this host or an image mounted somewhere, and the one way to a path below it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass

from .errors import CannotRegister

MAX_LINKS = 40  # as many as Linux follows (path_resolution(7))


@dataclass(frozen=True)
class Root:
    """The folder that a system has as its `/`. `root / "etc/os-release"` is that system's own file."""

    folder: str = "/"

    def __fspath__(self) -> str:
        return self.folder

    def __str__(self) -> str:
        return self.folder

    def __truediv__(self, path: str) -> str:
        """The path of that system's file, with the links on the way followed as that system would: an absolute one
        leads to its own file, not to this computer's. Raises OSError where they lead in a circle."""
        return f"/{path.lstrip('/')}" if self == HERE else self.follow(path)

    def follow(self, path: str, visit: Callable[[str, bool], object] = lambda place, last: None) -> str:
        """The same, one name after the other: `visit` is called with each, as this system sees it, and whether it is
        the last."""
        parts, at, links = path.split("/")[::-1], "", 0
        while parts:
            part = parts.pop()
            if part in ("", "."):
                continue
            if part == "..":
                at = os.path.dirname(at)
                continue
            here = f"{at}/{part}".lstrip("/")
            place = os.path.join(self.folder, here)
            visit(place, not parts)
            if os.path.islink(place):
                if links == MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                target, links = os.readlink(place), links + 1
                parts += target.split("/")[::-1]
                here = "" if target.startswith("/") else at
            at = here
        return os.path.join(self.folder, at)


HERE = Root()


def masked_file(root: Root, path: str) -> bool:
    """Has its owner put a link to /dev/null in this file's place, so that there is none (systemd.unit(5))?"""
    folder, name = os.path.split(path)
    place = os.path.join(root / folder, name)
    return os.path.islink(place) and os.readlink(place) == os.devnull


def check_root(root: Root) -> None:
    """/proc/PID/root is a name that the kernel follows and that, read as a link, says `/`: this computer. Raises
    CannotRegister."""
    real = os.path.realpath(root)
    if not (os.path.isdir(root) and os.path.isdir(real) and os.path.samefile(root, real)):
        raise CannotRegister(f"{root} is no folder, or a name for one that leads elsewhere")

"""The system at a root: this host, or an image that is mounted somewhere. Paths below it, as that system reads them."""

from __future__ import annotations

import contextlib
import errno
import os

from ..errors import CannotRegister
from . import process

MAX_LINKS = 40  # as many as Linux follows (path_resolution(7))


def below(root: str, path: str) -> str:
    """The path inside the system at `root`, with the links on the way followed as that system would: an absolute one
    leads to the root's own file, not to this computer's. Raises OSError where they lead in a circle."""
    if root == "/":
        return f"/{path.lstrip('/')}"
    parts, at, links = path.split("/")[::-1], "", 0
    while parts:
        part = parts.pop()
        if part in ("", "."):
            continue
        here = os.path.dirname(at) if part == ".." else f"{at}/{part}".lstrip("/")
        if part != ".." and os.path.islink(os.path.join(root, here)):
            if links == MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            target, links = os.readlink(os.path.join(root, here)), links + 1
            parts += target.split("/")[::-1]
            here = "" if target.startswith("/") else at
        at = here
    return os.path.join(root, at)


def masked_file(root: str, path: str) -> bool:
    """Has its owner put a link to /dev/null in this file's place, so that there is none (systemd.unit(5))?"""
    folder, name = os.path.split(path)
    place = os.path.join(below(root, folder), name)
    return os.path.islink(place) and os.readlink(place) == os.devnull


def check_root(root: str) -> None:
    """/proc/PID/root is a name that the kernel follows and that, read as a link, says `/`: this computer. Raises
    CannotRegister."""
    real = os.path.realpath(root)
    if not (os.path.isdir(root) and os.path.isdir(real) and os.path.samefile(root, real)):
        raise CannotRegister(f"{root} is no folder, or a name for one that leads elsewhere")


def adopt(made: int | str, folder: str, former: str) -> None:
    """Give what was made in a folder that folder's owner, and the SELinux label of what it replaces, or the folder's.
    An image may be mounted where nobody could restore them: its root may be another user, and SELinux be off."""
    about = os.stat(folder)
    with contextlib.suppress(OSError):
        os.chown(made, about.st_uid, about.st_gid)
    with contextlib.suppress(OSError):
        label = os.getxattr(former if os.path.exists(former) else folder, "security.selinux")
        os.setxattr(made, "security.selinux", label)


def find_tool(root: str, tool: str) -> str:
    """Absolute path of a tool as the system at `root` has it, '' when there is none."""
    if root == "/":
        return process.find(tool)
    return next((f"{folder}/{tool}" for folder in process.SBIN if os.path.exists(below(root, f"{folder}/{tool}"))), "")


def systemctl_options(root: str) -> list[str]:
    """What has systemctl(1) work on the system at `root`."""
    return [f"--root={root}"] if root != "/" else []

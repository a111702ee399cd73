"""a root of the boot lab -> one that is CentOS Stream 9 to dnf and rpm, made once and kept.

It is the lab's guest without a kernel. It cannot be made in an overlay whose path goes through /proc: rpm's database
is an SQLite file, and SQLite follows /proc/PID/root to this computer's own root.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from tests.boot import el
from tests.boot.guests import GUESTS, cache_directory, locked, remove, root_of

UNUSED = ("./boot", "./usr/lib/modules", "./usr/lib/firmware", "./var/cache/apt", "./var/lib/apt/lists")


def stand_in() -> Path:
    """The root, from the cache or made now. It has neither nft nor iptables, and a repository that has both."""
    guest = GUESTS["el9-bare"]
    original = root_of(guest)
    digest = hashlib.sha256(original.name.encode() + Path(el.__file__).read_bytes()).hexdigest()[:12]
    cache = cache_directory()
    root = cache / f"packages-el9-{digest}"
    with locked(cache / "packages-el9.lock"):
        if not root.is_dir():
            for old in cache.glob("packages-el9-*"):
                remove(old)
            partial = root.with_name(root.name + ".partial")
            partial.mkdir()
            leave_out = [f"--exclude={path}" for path in UNUSED]
            with subprocess.Popen(
                ["tar", "-C", str(original), *leave_out, "-cf", "-", "."], stdout=subprocess.PIPE
            ) as copy:
                subprocess.run(["tar", "-C", str(partial), "-xpf", "-"], stdin=copy.stdout, check=True)
            assert copy.returncode == 0
            el.disguise(partial, guest)
            partial.rename(root)
    return root

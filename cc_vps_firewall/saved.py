"""text -> files that the next boot loads: the only place that writes a file."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .errors import Busy

STATE = "/var/lib/vps-firewall"
STATUS = f"{STATE}/status.json"
POLICY = f"{STATE}/policy.json"
LOCK = "/run/vps-firewall.lock"
LOCK_WAIT = 60  # seconds for another run of ours to end


@dataclass
class Undo:
    """What stood in the files before: bytes and mode, or None where there was no file."""

    before: dict[str, tuple[bytes, int] | None] = field(default_factory=dict)

    def undo(self) -> None:
        """Put every file back; raises OSError for the first that cannot be."""
        for path, old in reversed(list(self.before.items())):
            if old is None:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
            else:
                write(path, old[0], old[1])


def save(files: Mapping[str, str], undo: Undo, mode: int | None = 0o600) -> list[str]:
    """Write each file that is not already so. -> the paths written. Raises OSError; `undo` knows what to put
    back after it. `mode` None keeps the mode of a file that is not ours alone."""
    written = []
    for path, text in files.items():
        data = text.encode()
        try:
            with open(path, "rb") as file:
                old, had = file.read(), os.fstat(file.fileno()).st_mode & 0o7777
        except FileNotFoundError:
            undo.before.setdefault(path, None)
            had = 0o644
        else:
            if old == data and had == (had if mode is None else mode):
                continue
            undo.before.setdefault(path, (old, had))
        write(path, data, had if mode is None else mode)
        written.append(path)
    return written


def write(path: str, data: bytes, mode: int) -> None:
    """All of it or nothing: a temporary file in the same folder, synced, renamed, the folder synced."""
    path = os.path.realpath(path)
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o755, exist_ok=True)
    temporary = os.path.join(folder, f".{os.path.basename(path)}.vps-firewall")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)  # left behind by a run that was killed
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.rename(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: str, undo: Undo) -> None:
    """Take a file away, if it is there."""
    try:
        with open(path, "rb") as file:
            undo.before.setdefault(path, (file.read(), os.fstat(file.fileno()).st_mode & 0o7777))
        os.unlink(path)
    except FileNotFoundError:
        return


def remove_folder(path: str) -> None:
    """Take a package's folder away, with what Python compiled in it; a folder that holds more stays."""
    compiled = os.path.join(path, "__pycache__")
    for name in os.listdir(compiled) if os.path.isdir(compiled) else ():
        os.unlink(os.path.join(compiled, name))
    for folder in (compiled, path):
        with contextlib.suppress(OSError):
            os.rmdir(folder)


def below(root: str, path: str) -> str:
    """The path inside the system at `root`."""
    return os.path.join(root, path.lstrip("/"))


def read(path: str) -> str | None:
    """A file's text, None where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return None


def with_include(text: str | None, include: str) -> str:
    """The distribution's nftables file with a line that includes ours, in its own words when there is none."""
    line = f'include "{include}"'
    if text is None:
        return f"#!/usr/sbin/nft -f\n\nflush ruleset\n\n{line}\n"
    if line in text.splitlines():
        return text
    return f"{text if text.endswith(chr(10)) or not text else text + chr(10)}{line}\n"


def without_include(text: str, include: str) -> str:
    """The same file without that line."""
    return "".join(line for line in text.splitlines(True) if line.strip() != f'include "{include}"')


def write_json(path: str, value: object, mode: int) -> None:
    write(path, (json.dumps(value, indent=1, sort_keys=True) + "\n").encode(), mode)


def read_json(path: str) -> dict[str, object]:
    """A JSON object; empty where there is none or it cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """One run of ours at a time. Raises Busy after LOCK_WAIT seconds."""
    os.makedirs(os.path.dirname(LOCK), exist_ok=True)
    handle = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        deadline = time.monotonic() + LOCK_WAIT
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    reason = f"another vps-firewall has been at work for {LOCK_WAIT} s; nothing was changed"
                    raise Busy(reason) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)

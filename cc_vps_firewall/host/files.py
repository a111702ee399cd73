"""Files: the only place that writes one, whole or not at all, and what undoes it."""

from __future__ import annotations

import contextlib
import json
import os
import py_compile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ..errors import Busy
from ..root import Root, check_root

LOCK = "/run/vps-firewall.lock"
UNIT_FOLDERS = ("etc/systemd/system", "run/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")
LOCK_WAIT = 60  # seconds for another run of ours to end


Files = Mapping[str, "tuple[str, int | None]"]  # path -> text, and mode or None for that of a file of others'


@dataclass
class Undo:
    """What stood in the files before: bytes and mode, or None where there was no file.

    `linked`: the old files themselves wait under other names until `forget`. To take their places again they need
    no room on the disk.
    """

    before: dict[str, tuple[bytes, int] | None] = field(default_factory=dict)
    linked: bool = False

    def undo(self) -> None:
        """Put every file back, as many as can be; raises OSError for the first that cannot."""
        failures = []
        for path, old in reversed(list(self.before.items())):
            try:
                if old is None:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(path)
                elif os.path.exists(_names(path).kept):
                    os.rename(_names(path).kept, _names(path).place)
                    discard(path)  # rename(2) does nothing where both names are one file
                else:
                    write(path, old[0], old[1])
            except OSError as failure:
                failures.append(failure)
        if failures:
            raise failures[0]

    def forget(self) -> None:
        """What was done stays."""
        for path in self.before:
            discard(path)


def save(files: Mapping[str, str], undo: Undo, mode: int | None = 0o600) -> list[str]:
    """Files of one mode; see `save_all`."""
    return save_all({path: (text, mode) for path, text in files.items()}, undo)


def save_all(files: Files, undo: Undo) -> list[str]:
    """Write each file that is not already so: path -> (text, mode), None for the mode that a file of somebody
    else's has. All are on the disk under other names before the first takes its place, so that a disk that is
    full leaves every one as it was. -> the paths written. Raises OSError; `undo` knows what to put back."""
    waiting: dict[str, tuple[bytes, int] | None] = {}
    try:
        for path, (text, mode) in files.items():
            discard(path)
            data, old = text.encode("utf-8", "surrogateescape"), _bytes(path)
            keeps = old[1] if old else 0o644
            if old != (data, keeps if mode is None else mode):
                waiting[path] = old
                _stage(path, data, keeps if mode is None else mode)
        for path, old in waiting.items():
            if old and undo.linked:
                with contextlib.suppress(OSError):  # a file system without links
                    os.link(_names(path).place, _names(path).kept)
        for path, old in waiting.items():
            os.rename(_names(path).temporary, _names(path).place)
            undo.before.setdefault(path, old)
        _sync_folders(waiting)
    except BaseException:
        for path in waiting:
            if path not in undo.before:
                discard(path)
        raise
    return list(waiting)


def write(path: str, data: bytes, mode: int) -> None:
    """All of it or nothing: a temporary file in the same folder, synced, renamed, the folder synced."""
    discard(path)
    _stage(path, data, mode)
    os.rename(_names(path).temporary, _names(path).place)
    _sync_folders([path])


def sync() -> None:
    """Send to the disk what anybody has written so far (sync(2)). A file system may give a new file its name first and
    its content half a minute later (ext4's delayed allocation), and what we sync hurries only the names along."""
    os.sync()


def set_date(path: str, date: float) -> None:
    """The date that a package's file came with, which its package manager compares."""
    os.utime(path, (date, date))


def set_kernel(path: str, value: str) -> None:
    """Write a value below /proc/sys (proc(5)), where no file can take another's place."""
    with open(path, "r+", encoding="ascii") as file:
        file.write(f"{value}\n")


def discard(path: str) -> None:
    """Take away what a run may have left beside a file when it was killed."""
    for name in (_names(path).temporary, _names(path).kept):
        if os.path.lexists(name):
            os.unlink(name)


@dataclass(frozen=True)
class _Names:
    place: str
    temporary: str
    kept: str


def _names(path: str) -> _Names:
    """A link is followed: the file that it names is the one replaced, and its folder the one used."""
    place = os.path.realpath(path)
    folder, name = os.path.split(place)
    return _Names(place, f"{folder}/.{name}.vps-firewall", f"{folder}/.{name}.vps-firewall-old")


def _stage(path: str, data: bytes, mode: int) -> None:
    """Data -> the disk, under the temporary name. Nobody else's file or link of that name is written to."""
    names = _names(path)
    folder = os.path.dirname(names.place)
    try:
        _make_folder(folder)
        if os.path.exists(names.place) and not os.path.isfile(names.place):
            raise OSError(0, "is no file")  # a link to /dev/null, say, which would be replaced for everybody
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(names.temporary, flags, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            _adopt(file.fileno(), folder, names.place)
            os.fsync(file.fileno())
    except OSError as error:
        discard(path)
        raise OSError(error.errno, error.strerror, path) from None


def _adopt(made: int | str, folder: str, former: str) -> None:
    """Give what was made in a folder that folder's owner, and the SELinux label of what it replaces, or the folder's.
    An image may be mounted where nobody could restore them: its root may be another user, and SELinux be off."""
    about = os.stat(folder)
    with contextlib.suppress(OSError):
        os.chown(made, about.st_uid, about.st_gid)
    with contextlib.suppress(OSError):
        label = os.getxattr(former if os.path.exists(former) else folder, "security.selinux")
        os.setxattr(made, "security.selinux", label)


def _make_folder(folder: str) -> None:
    if not os.path.isdir(folder):
        above = os.path.dirname(folder)
        _make_folder(above)
        os.mkdir(folder)
        os.chmod(folder, 0o755)  # noqa: S103 - whatever the umask, everybody may read the status
        _adopt(folder, above, above)


def _sync_folders(paths: Iterable[str]) -> None:
    for folder in {os.path.dirname(_names(path).place) for path in paths}:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _bytes(path: str) -> tuple[bytes, int] | None:
    """A file's content and mode, None where there is none."""
    try:
        with open(path, "rb") as file:
            return file.read(), os.fstat(file.fileno()).st_mode & 0o7777
    except FileNotFoundError:
        return None


def remove(path: str, undo: Undo) -> None:
    """Take a file away, if it is there."""
    discard(path)
    if (old := _bytes(path)) is not None:
        undo.before.setdefault(path, old)
        os.unlink(path)


def unlink(path: str) -> None:
    """Take a link away, wherever it leads."""
    os.unlink(path)


def remove_folder(path: str) -> None:
    """Take a package's folder away, with what Python compiled in it; a folder that holds more stays."""
    compiled = os.path.join(path, "__pycache__")
    for name in os.listdir(compiled) if os.path.isdir(compiled) else ():
        os.unlink(os.path.join(compiled, name))
    for folder in (compiled, path):
        with contextlib.suppress(OSError):
            os.rmdir(folder)


def modules(package: str) -> list[str]:
    """The Python files of a package and of the packages inside it, as paths within it, sorted."""
    found = [
        os.path.relpath(os.path.join(folder, name), package)
        for folder, _, names in os.walk(package)
        for name in names
        if name.endswith(".py")
    ]
    return sorted(found)


def remove_package(path: str) -> None:
    """remove_folder(), for a package whose modules are gone and for the folders inside it."""
    for folder, _, _ in os.walk(path, topdown=False):
        if os.path.basename(folder) != "__pycache__":
            remove_folder(folder)


def remove_folders(root: Root, folders: Iterable[str]) -> None:
    """The same for several below `root`, the inner ones first."""
    for folder in sorted(folders, key=len, reverse=True):
        remove_folder(root / folder)


def remove_all(root: Root, paths: Iterable[str], undo: Undo) -> list[str]:
    """Take files below `root` away, and what a run that was killed left beside them. -> what was done"""
    done = []
    for path in paths:
        if os.path.lexists(root / path):
            done.append(f"removed {path.lstrip('/')}")
        remove(root / path, undo)
    return done


def missing_folders(root: Root, paths: Iterable[str]) -> set[str]:
    """The folders that files below `root` need and that are not there."""
    missing = set()
    for folder in map(os.path.dirname, paths):
        while (folder := folder.lstrip("/")) and not os.path.isdir(root / folder):
            missing.add(folder)
            folder = os.path.dirname(folder)
    return missing


def is_compiled(folder: str, tag: str) -> bool:
    """Has every module of a package a compiled file of the Python that `tag` names, and not an older one?"""
    for module in modules(folder):
        source = os.path.join(folder, module)
        place, name = os.path.split(source)
        target = os.path.join(place, "__pycache__", f"{name[:-3]}.{tag}.pyc")
        if not os.path.exists(target) or os.stat(target).st_mtime < os.stat(source).st_mtime:
            return False
    return True


def compile_folder(folder: str, seen_as: str) -> None:
    """Compile the modules of a package for the Python that runs this; tracebacks name the files below `seen_as`.

    By the source's digest: image tools set dates as they like. Raises OSError.
    """
    for module in modules(folder):
        py_compile.compile(
            os.path.join(folder, module),
            dfile=os.path.join(seen_as, module),
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH,
        )


def read(path: str, errors: str = "replace") -> str | None:
    """A file's text, None where there is none. `errors` "surrogateescape": fit to be written back."""
    old = _bytes(path)
    return None if old is None else old[0].decode("utf-8", errors)


def text_at(root: Root, path: str) -> str:
    """The text of a file of the system at `root`, a megabyte at the most; empty where it cannot be read."""
    try:
        with open(root / path, encoding="utf-8", errors="replace") as file:
            return file.read(1 << 20)
    except OSError:
        return ""


def read_all(root: Root, path: str, folder: str, ending: str = "") -> str:
    """The text of a file, and of those in the folder beside it."""
    beside = [f"{folder}/{name}" for name in entries(root, folder) if name.endswith(ending)]
    return "".join(text_at(root, each) + "\n" for each in [path, *beside])


def entries(root: Root, folder: str) -> list[str]:
    """The names in a folder: a link that leads nowhere has one too."""
    try:
        return sorted(os.listdir(root / folder))
    except OSError:
        return []


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


def as_json(value: object) -> str:
    """The text of a file of ours, the same for the same value."""
    return json.dumps(value, indent=1, sort_keys=True) + "\n"


def strings(record: object, key: str) -> list[str]:
    """The strings of a list in a record of ours, which somebody may have edited."""
    value = record.get(key) if isinstance(record, dict) else None
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def read_json(path: str) -> dict[str, object]:
    """A JSON object; empty where there is none or it cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


@contextlib.contextmanager
def locked() -> Iterator[int]:
    """One run of ours at a time. -> the lock, for processes to hold that outlive us. Raises Busy after
    LOCK_WAIT seconds."""
    import fcntl  # here: Windows has none, and no rules of ours

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
        yield handle
    finally:
        os.close(handle)


@contextlib.contextmanager
def at_work(root: Root) -> Iterator[None]:
    """One install, uninstall or clean of the system at `root` at a time, by the folder itself: who comes second waits.
    Raises CannotRegister where there is no such folder."""
    import fcntl

    check_root(root)
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # a file system without locks, as some of NFS
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)

"""text -> the kernel, and back: the only place that runs a process."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from . import backend, iptables, nftables
from .errors import FirewallError, NoBackend

T = TypeVar("T")
Texts = Mapping[int, str]  # by family: 0 (both at once), 4, 6

TIMEOUT = 120  # seconds for one tool; a hundred thousand networks take three
LOCK_WAIT = 10  # seconds to wait for the xtables lock when somebody else holds it
CLONE_NEWNET = 0x40000000  # unshare(2)
SBIN = "/usr/sbin:/sbin:/usr/bin:/bin"


class ToolFailed(FirewallError):
    """A tool was there and said no, or did not answer; the message is its own first lines."""


def find(tool: str) -> str:
    """Absolute path of a tool, '' when there is none. cloud-init's PATH may lack the sbin folders."""
    return shutil.which(tool, path=f"{os.environ.get('PATH', '')}:{SBIN}") or ""


def tools(name: str, root: str = "/") -> dict[str, str]:
    """Paths of a backend's tools in the system at `root`; raises NoBackend when one is missing."""
    paths = {tool: find(tool) if root == "/" else _find_below(root, tool) for tool in backend.TOOLS[name]}
    if missing := [tool for tool, path in paths.items() if not path]:
        raise NoBackend(f"{name}: {', '.join(missing)} not installed")
    return paths


def _find_below(root: str, tool: str) -> str:
    folders = (folder for folder in SBIN.split(":"))
    return next((f"{f}/{tool}" for f in folders if os.path.lexists(os.path.join(root, f.lstrip("/"), tool))), "")


def run(*argv: str, text: str = "", accept: Sequence[int] = (0,)) -> str:
    """One process, its standard input a file in memory: it goes on although we are killed. -> what it printed.

    Raises ToolFailed for an exit code not in `accept`.
    """
    return finish(start(*argv, text=text), accept)


def start(*argv: str, text: str = "") -> subprocess.Popen[bytes]:
    """The first half of `run`. The process has a session of its own: a closed terminal does not end it."""
    path = argv[0] if os.path.isabs(argv[0]) else find(argv[0])
    if not path:
        raise ToolFailed(f"{argv[0]} is not installed")
    memory = os.memfd_create("vps-firewall", os.MFD_CLOEXEC)
    try:
        view = memoryview(text.encode())
        while view:
            view = view[os.write(memory, view) :]
        os.lseek(memory, 0, os.SEEK_SET)
        return subprocess.Popen(
            [path, *argv[1:]],
            stdin=memory,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": f"{os.environ.get('PATH', '')}:{SBIN}", "LC_ALL": "C"},
            start_new_session=True,
        )
    except OSError as error:
        raise ToolFailed(f"{argv[0]}: {error.strerror}") from None
    finally:
        os.close(memory)


def finish(process: subprocess.Popen[bytes], accept: Sequence[int] = (0,)) -> str:
    """The second half of `run`."""
    argv = [str(a) for a in process.args] if isinstance(process.args, (list, tuple)) else []
    name = os.path.basename(argv[0]) if argv else "tool"
    try:
        out, err = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise ToolFailed(f"{name} gave no answer in {TIMEOUT} s") from None
    if process.returncode not in accept:
        lines = [line for line in err.decode("utf-8", "replace").splitlines() if line.strip()][:4]
        raise ToolFailed(f"{name} failed ({process.returncode}): {' / '.join(lines) or 'it said nothing'}")
    return out.decode("utf-8", "replace")


# --- the ruleset ------------------------------------------------------------------------------------------


def load(name: str, texts: Texts, beside: Collection[int] = ()) -> None:
    """Texts -> the kernel of the calling thread's network namespace, one transaction a family.

    iptables: the families in `beside` leave what else is in the tables; it costs five times as much. Both
    families start at once, so that no kill of ours comes between them. Raises ToolFailed.
    """
    if name == nftables.NAME:
        run("nft", "-f", "-", text=texts[0])
        return
    processes = [
        start(_RESTORE[family], *(["--noflush"] if family in beside else []), "-w", str(LOCK_WAIT), text=text)
        for family, text in texts.items()
        if text
    ]
    failures = []
    for process in processes:
        try:
            finish(process)
        except ToolFailed as failure:
            failures.append(str(failure))
    if failures:
        raise ToolFailed("; ".join(failures))


def dump(name: str, families: Sequence[int]) -> dict[int, str]:
    """What the kernel of the calling thread's network namespace holds; '' where nothing of the backend is there.

    Raises ToolFailed also when what a tool prints is not a dump.
    """
    if name == nftables.NAME:
        there = run("nft", "list", "tables")
        if f"table {nftables.TABLE}" not in there.splitlines():
            return {0: ""}
        text = run("nft", "-s", "list", "table", *nftables.TABLE.split())
        if not text.startswith(f"table {nftables.TABLE} {{") or not text.rstrip().endswith("}"):
            raise ToolFailed("nft printed something that is not a table")
        return {0: text}
    processes = {family: start(_SAVE[family]) for family in families}
    texts = {family: finish(process) for family, process in processes.items()}
    for family, text in texts.items():
        if text.strip() and ("*" not in text or not all(line[:1] in "#*:-C[" for line in text.splitlines() if line)):
            raise ToolFailed(f"{_SAVE[family]} printed something that is not a dump")
    return texts


def put_back(name: str, before: Texts) -> None:
    """Make the kernel hold a former dump again, other people's rules included. Raises ToolFailed."""
    if name == nftables.NAME:
        kept = nftables.comparable(before[0])
        run("nft", "-f", "-", text=f"table {nftables.TABLE}\ndelete table {nftables.TABLE}\n{kept}")
        return
    for family, text in before.items():
        run(_RESTORE[family], "-w", str(LOCK_WAIT), text=iptables.whole(text))


def forget(name: str) -> None:
    """Take our rules out of the kernel and leave everybody else's. Raises ToolFailed."""
    if name == nftables.NAME:
        run("nft", "-f", "-", text=f"table {nftables.TABLE}\ndelete table {nftables.TABLE}\n")
        return
    load(name, {family: iptables.without_ours(text) for family, text in dump(name, (4, 6)).items()}, (4, 6))


_RESTORE = {4: "iptables-restore", 6: "ip6tables-restore"}
_SAVE = {4: "iptables-save", 6: "ip6tables-save"}


# --- an empty network namespace ---------------------------------------------------------------------------


class Scratch:
    """An empty network namespace: what is called in it starts its processes there, and it goes with them."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    def submit(self, call: Callable[..., T], *args: object) -> Future[T]:
        return self._pool.submit(call, *args)


@contextmanager
def scratch() -> Iterator[Scratch]:
    """A thread of its own, in a network namespace of its own (unshare(2) works on the calling thread).

    Raises NoBackend where that is not allowed, as in some containers.
    """
    with ThreadPoolExecutor(1, "scratch") as pool:
        pool.submit(_leave_network).result()
        yield Scratch(pool)


def _leave_network() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        reason = os.strerror(ctypes.get_errno())
        raise NoBackend(f"cannot make a network namespace to rehearse the rules in: {reason}")


# --- services ---------------------------------------------------------------------------------------------


def enable(unit: str, root: str = "/") -> None:
    """Start a service at every boot from the next on; it is not started now (its stop would flush our rules,
    and a start from one of cloud-init's stages can wait for that very stage)."""
    run("systemctl", *_below(root), "enable", unit)


def retire(unit: str) -> None:
    """Never start a service at boot again, and stop it without waiting where systemd runs."""
    run("systemctl", "disable", unit)
    run("systemctl", "mask", unit)
    if os.path.isdir("/run/systemd/system"):
        run("systemctl", "stop", "--no-block", unit)


def disable(unit: str, root: str = "/") -> None:
    """Do not start a service at boot; what it loaded stays."""
    run("systemctl", *_below(root), "disable", unit)


def _below(root: str) -> list[str]:
    return [f"--root={root}"] if root != "/" else []


def reload_units() -> None:
    """Tell a running systemd of a new unit file."""
    if os.path.isdir("/run/systemd/system"):
        run("systemctl", "daemon-reload")


def relabel(paths: Sequence[str]) -> None:
    """Give files the SELinux label of their place, where SELinux is on."""
    if os.path.exists("/sys/fs/selinux/enforce") and find("restorecon"):
        run("restorecon", *paths)

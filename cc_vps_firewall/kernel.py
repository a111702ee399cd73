"""text -> the kernel, and back: the only place that runs a process."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from . import backend, iptables, nftables
from .errors import LoadRefused, NoBackend
from .saved import below

Texts = Mapping[int, str]  # by family: 0 (both at once), 4, 6

TIMEOUT = 30.0  # seconds that a tool may take for nothing at all; a hung one must not keep a first boot open
BYTES_A_SECOND = 100_000  # of text, on top of that: a tenth of what the slowest tool does on a small machine
GATE_WAIT = 10  # seconds between the start of two tools that are to run together, at the very most
LABEL_TIMEOUT = 3.0  # seconds that restorecon may take: no rule depends on a label
LOCK_WAIT = 10  # seconds to wait for the xtables lock when somebody else holds it
CLONE_NEWNET = 0x40000000  # unshare(2)
F_SETPIPE_SZ = 1031  # fcntl(2); Python has it from 3.10 on
SBIN = ("/usr/sbin", "/sbin", "/usr/bin", "/bin")

_thread = threading.local()  # .alone: it has a network namespace to itself


class ToolFailed(LoadRefused):
    """A tool was there and said no, or did not answer; the message is its own first lines."""


def search_path() -> str:
    """The system's folders, which cloud-init's PATH may lack; then what PATH names besides. Somebody else may be able
    to write there, or in the current folder, which an entry that is not absolute means."""
    folders = [*SBIN, *os.environ.get("PATH", "").split(os.pathsep)]
    return os.pathsep.join(dict.fromkeys(folder for folder in folders if os.path.isabs(folder)))


def find(tool: str) -> str:
    """Absolute path of a tool, '' when there is none."""
    return shutil.which(tool, path=search_path()) or ""


def tools(name: str, root: str = "/") -> dict[str, str]:
    """Paths of a backend's tools in the system at `root`; raises NoBackend when one is missing."""
    paths = {tool: find(tool) if root == "/" else _find_below(root, tool) for tool in backend.TOOLS[name]}
    if missing := [tool for tool, path in paths.items() if not path]:
        raise NoBackend(f"{name}: {', '.join(missing)} not installed")
    return paths


def _find_below(root: str, tool: str) -> str:
    return next((f"{f}/{tool}" for f in SBIN if os.path.exists(below(root, f"{f}/{tool}"))), "")


def run(*argv: str, text: str = "", hold: Sequence[int] = (), limit: float = 0) -> str:
    """One process, which has its whole text from the start: it goes on although we are killed. -> what it printed.

    It keeps the files in `hold` open: a lock lasts until it has ended. `limit`: seconds, in the place of TIMEOUT.
    Raises ToolFailed.
    """
    return finish(start(*argv, text=text, hold=hold), argv[0], len(text), limit)


def start(*argv: str, text: str = "", hold: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    """The first half of `run`."""
    if not text:
        return _spawn(argv, subprocess.DEVNULL, hold)
    with _ready(text) as source:
        return _spawn(argv, source, hold)


def finish(process: subprocess.Popen[bytes], name: str, size: int = 0, limit: float = 0) -> str:
    """The second half of `run`; `size` of the text that the tool was given."""
    code, out, err = _answer(process, name, size, limit)
    if code:
        raise ToolFailed(_failure(name, code, err))
    return out


def _failure(name: str, code: int, said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()][:4]
    return f"{name} failed ({code}): {' / '.join(lines) or 'it said nothing'}"


def _answer(process: subprocess.Popen[bytes], name: str, size: int = 0, limit: float = 0) -> tuple[int, str, str]:
    seconds = limit or TIMEOUT + size / BYTES_A_SECOND
    try:
        out, err = process.communicate(timeout=seconds)
    except BaseException as failure:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # and what it started, which holds the pipes open
        process.communicate()
        if isinstance(failure, subprocess.TimeoutExpired):
            raise ToolFailed(f"{name} gave no answer in {seconds:.0f} s") from None
        raise
    return process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")


@contextmanager
def _ready(text: str) -> Iterator[int]:
    """A text to be read from a pipe that holds all of it already: who reads it needs nobody to go on writing.

    No file in memory: a tool that SELinux confines, as where it is called from a service, may not read one; it would
    read nothing and say that all is well.
    """
    import fcntl  # here: Windows has none, and no rules of ours

    data = text.encode()
    reading, writing = os.pipe()
    try:
        fcntl.fcntl(writing, F_SETPIPE_SZ, len(data) or 1)
    except (
        OSError
    ):  # above a megabyte root needs CAP_SYS_RESOURCE, which a container's lacks: nothing is confined there
        os.close(reading)
        os.close(writing)
        reading = os.memfd_create("vps-firewall", os.MFD_CLOEXEC)
        writing = os.dup(reading)
    try:
        with open(writing, "wb") as file:
            file.write(data)
        with contextlib.suppress(OSError):  # a pipe
            os.lseek(reading, 0, os.SEEK_SET)
        yield reading
    finally:
        os.close(reading)


def _spawn(argv: Sequence[str], stdin: int, hold: Sequence[int]) -> subprocess.Popen[bytes]:
    """A process with a session of its own: a closed terminal does not end it."""
    path = argv[0] if os.path.isabs(argv[0]) else find(argv[0])
    if not path:
        raise ToolFailed(f"{argv[0]} is not installed")
    environment = {"PATH": search_path(), "LC_ALL": "C"}
    if getattr(_thread, "alone", False):
        environment["XTABLES_LOCKFILE"] = "/proc/self/fd/0"  # the lock is one file for all namespaces
    try:
        return subprocess.Popen(
            [path, *argv[1:]],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
            pass_fds=hold,
        )
    except OSError as error:
        raise ToolFailed(f"{argv[0]}: {error.strerror}") from None


# --- the ruleset ------------------------------------------------------------------------------------------


def load(name: str, texts: Texts, beside: Collection[int] = (), hold: Sequence[int] = ()) -> None:
    """Texts -> the kernel of the calling thread's network namespace, one transaction a family.

    iptables: the families in `beside` leave what else is in the tables; on long texts that takes three times
    as long. Raises ToolFailed.
    """
    if name == nftables.NAME:
        run("nft", "-f", "-", text=texts[0], hold=hold)
        return
    commands = {
        family: [_RESTORE[family], *(["--noflush"] if family in beside else []), "-w", str(LOCK_WAIT)]
        for family, text in texts.items()
        if text
    }
    if len(commands) > 1:
        _at_once([(argv, texts[family]) for family, argv in commands.items()], hold)
    for family, argv in commands.items() if len(commands) == 1 else ():
        run(*argv, text=texts[family], hold=hold)


def _at_once(commands: Sequence[tuple[Sequence[str], str]], hold: Sequence[int]) -> None:
    """Several tools behind one gate: whoever kills us, all of them run or none. Raises ToolFailed.

    Each waits in flock(1) for a lock that our open file has; one system call of ours takes it off. The waiting
    hold that open file too: when we die before that call the lock stays, and they give up.
    """
    import fcntl

    with contextlib.ExitStack() as stack:
        gate = stack.enter_context(_ready(""))
        fcntl.flock(gate, fcntl.LOCK_EX)
        waiting = ("flock", "--shared", "--timeout", str(GATE_WAIT), f"/proc/self/fd/{gate}")
        processes = [
            _spawn([*waiting, find(argv[0]) or argv[0], *argv[1:]], stack.enter_context(_ready(text)), [gate, *hold])
            for argv, text in commands
        ]
        fcntl.flock(gate, fcntl.LOCK_UN)
    _finish_all((process, argv[0], len(text)) for process, (argv, text) in zip(processes, commands))


def _finish_all(processes: Iterable[tuple[subprocess.Popen[bytes], str, int]]) -> list[str]:
    """Wait for all of them, whatever becomes of one. -> what they printed. Raises ToolFailed with every reason."""
    outputs, failures = [], []
    for process, name, size in processes:
        try:
            outputs.append(finish(process, name, size))
        except ToolFailed as failure:
            failures.append(str(failure))
    if failures:
        raise ToolFailed("; ".join(failures))
    return outputs


def dump(name: str, families: Sequence[int]) -> dict[int, str]:
    """What the kernel of the calling thread's network namespace holds; '' where nothing of the backend is there.

    Raises ToolFailed also when what a tool prints is not a dump.
    """
    if name == nftables.NAME:
        code, text, said = _answer(start("nft", "-s", "list", "table", *nftables.TABLE.split()), "nft")
        if code == 1 and said.startswith("Error: No such file or directory"):
            return {0: ""}
        if code:
            raise ToolFailed(_failure("nft", code, said))
        if not text.startswith(f"table {nftables.TABLE} {{") or not text.rstrip().endswith("}"):
            raise ToolFailed("nft printed something that is not a table")
        return {0: text}
    texts = dict(zip(families, _finish_all([(start(_SAVE[family]), _SAVE[family], 0) for family in families])))
    for family, text in texts.items():
        if text.strip() and ("*" not in text or not all(line[:1] in "#*:-C[" for line in text.splitlines() if line)):
            raise ToolFailed(f"{_SAVE[family]} printed something that is not a dump")
    return texts


def list_ruleset() -> str:
    """Every table of nftables, other people's too. Raises ToolFailed."""
    return run("nft", "-s", "list", "ruleset")


def put_back(name: str, before: Texts, hold: Sequence[int] = ()) -> None:
    """Make the kernel hold a former dump again, other people's rules of then and of now included. Raises
    ToolFailed."""
    if name == nftables.NAME:
        kept = nftables.comparable(before[0])
        load(name, {0: f"table {nftables.TABLE}\ndelete table {nftables.TABLE}\n{kept}"}, hold=hold)
    else:
        now = {}
        with contextlib.suppress(ToolFailed):
            now = dump(name, tuple(before))
        load(name, {f: iptables.whole(text, now.get(f, "")) for f, text in before.items()}, hold=hold)


def forget(name: str, hold: Sequence[int] = ()) -> None:
    """Take our rules out of the kernel and leave everybody else's. Raises ToolFailed."""
    if name == nftables.NAME:
        load(name, {0: f"table {nftables.TABLE}\ndelete table {nftables.TABLE}\n"}, hold=hold)
    else:
        load(name, {f: iptables.without_ours(text) for f, text in dump(name, (4, 6)).items()}, beside=(4, 6), hold=hold)


_RESTORE = {4: "iptables-restore", 6: "ip6tables-restore"}
_SAVE = {4: "iptables-save", 6: "ip6tables-save"}


# --- an empty network namespace ---------------------------------------------------------------------------


@contextmanager
def scratch() -> Iterator[ThreadPoolExecutor]:
    """A thread of its own, in an empty network namespace of its own (unshare(2) works on the calling thread): what is
    called in it starts its processes there, and the namespace goes with them.

    Raises NoBackend where that is not allowed, as in some containers.
    """
    with ThreadPoolExecutor(1, "scratch") as pool:
        pool.submit(_leave_network).result()
        yield pool


def _leave_network() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        reason = os.strerror(ctypes.get_errno())
        raise NoBackend(f"cannot make a network namespace to rehearse the rules in: {reason}")
    _thread.alone = True


def route_interface(client: str, server: str) -> str:
    """The interface by which this host answers a client that reached it at `server`, '' where ip(8) cannot say."""
    try:
        words = run("ip", "-oneline", "route", "get", client, "from", server).split()
    except ToolFailed:
        return ""
    return words[words.index("dev") + 1] if "dev" in words[:-1] else ""


# --- services ---------------------------------------------------------------------------------------------


def enable(unit: str, root: str = "/") -> None:
    """Start a service at every boot from the next on; it is not started now (its stop would flush our rules,
    and a start from one of cloud-init's stages can wait for that very stage)."""
    run("systemctl", *_below(root), "enable", unit)


def retire(unit: str) -> None:
    """Never start a service at boot again. systemd is not told to read its units again, which takes a small machine
    seconds: nothing starts the unit before the next boot."""
    run("systemctl", "disable", unit, "--no-reload")
    run("systemctl", "mask", unit, "--no-reload")


def stop(unit: str) -> None:
    """Stop a service where systemd runs. Returns when it has ended: firewalld flushes every table of iptables on its
    way out."""
    if os.path.isdir("/run/systemd/system"):
        run("systemctl", "stop", unit)


def stop_ufw() -> None:
    """Take ufw's rules out, which leaves its policies open. Its service does not, once ufw.conf says it is off."""
    run("ufw", "--force", "disable")


def disable(unit: str, root: str = "/") -> None:
    """Do not start a service at boot; what it loaded stays."""
    run("systemctl", *_below(root), "disable", unit)


def _below(root: str) -> list[str]:
    return [f"--root={root}"] if root != "/" else []


def reload_units() -> None:
    """Tell a running systemd of a new unit file."""
    if os.path.isdir("/run/systemd/system"):
        run("systemctl", "daemon-reload")


def relabel(paths: Sequence[str]) -> list[str]:
    """Give files the SELinux label of their place, where SELinux is on. -> what its owner should know: a label that
    cannot be set is no reason to go without rules."""
    try:
        # Without a path restorecon prints its usage and fails.
        if paths and os.path.exists("/sys/fs/selinux/enforce"):
            run("restorecon", *paths, limit=LABEL_TIMEOUT)
    except ToolFailed as failure:
        return [f"SELinux labels were not set: {failure}"]
    return []

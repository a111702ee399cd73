"""argv and text -> a process and what it printed: the only place that starts one."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from ..errors import NoBackend, ToolFailed

TIMEOUT = 30.0  # seconds that a tool may take for nothing at all; a hung one must not keep a first boot open
BYTES_A_SECOND = 100_000  # of text, on top of that: a tenth of what the slowest tool does on a small machine
GATE_WAIT = 10  # seconds between the start of two tools that are to run together, at the very most
CLONE_NEWNET = 0x40000000  # unshare(2)
F_SETPIPE_SZ = 1031  # fcntl(2); Python has it from 3.10 on
SBIN = ("/usr/sbin", "/sbin", "/usr/bin", "/bin")

_thread = threading.local()  # .alone: it has a network namespace to itself


def search_path() -> str:
    """The system's folders, which cloud-init's PATH may lack; then what PATH names besides. Somebody else may be able
    to write there, or in the current folder, which an entry that is not absolute means."""
    folders = [*SBIN, *os.environ.get("PATH", "").split(os.pathsep)]
    return os.pathsep.join(dict.fromkeys(folder for folder in folders if os.path.isabs(folder)))


def find(tool: str) -> str:
    """Absolute path of a tool, '' when there is none."""
    return shutil.which(tool, path=search_path()) or ""


def run(*argv: str, text: str = "", pass_fds: Sequence[int] = (), limit: float = 0) -> str:
    """One process, which has its whole text from the start: it goes on although we are killed. -> what it printed.

    It keeps the files in `pass_fds` open: a lock lasts until it has ended. `limit`: seconds, in the place of TIMEOUT.
    Raises ToolFailed.
    """
    return finish(start(*argv, text=text, pass_fds=pass_fds), argv[0], len(text), limit)


def start(*argv: str, text: str = "", pass_fds: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    """The first half of `run`."""
    if not text:
        return _spawn(argv, subprocess.DEVNULL, pass_fds)
    with _ready(text) as source:
        return _spawn(argv, source, pass_fds)


def finish(process: subprocess.Popen[bytes], name: str, size: int = 0, limit: float = 0) -> str:
    """The second half of `run`; `size` of the text that the tool was given."""
    code, out, err = answer(process, name, size, limit)
    if code:
        raise ToolFailed(failure(name, code, err))
    return out


def failure(name: str, code: int, stderr: str) -> str:
    """Why a tool failed, for people."""
    lines = [line for line in stderr.splitlines() if line.strip()][:4]
    return f"{name} failed ({code}): {' / '.join(lines) or 'it said nothing'}"


def answer(process: subprocess.Popen[bytes], name: str, size: int = 0, limit: float = 0) -> tuple[int, str, str]:
    """-> exit code, standard output, standard error. Raises ToolFailed where the process gave no answer in time."""
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


def _spawn(argv: Sequence[str], stdin: int, pass_fds: Sequence[int]) -> subprocess.Popen[bytes]:
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
            pass_fds=pass_fds,
        )
    except OSError as error:
        raise ToolFailed(f"{argv[0]}: {error.strerror}") from None


def run_together(commands: Sequence[tuple[Sequence[str], str]], pass_fds: Sequence[int]) -> None:
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
            _spawn(
                [*waiting, find(argv[0]) or argv[0], *argv[1:]], stack.enter_context(_ready(text)), [gate, *pass_fds]
            )
            for argv, text in commands
        ]
        fcntl.flock(gate, fcntl.LOCK_UN)
    finish_all((process, argv[0], len(text)) for process, (argv, text) in zip(processes, commands))


def finish_all(processes: Iterable[tuple[subprocess.Popen[bytes], str, int]]) -> list[str]:
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

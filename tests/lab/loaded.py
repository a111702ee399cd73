"""a suite's root, a machine of it, a command of cloud-init -> that command in the machine, without its imports.

Half of a boot's work is Python's start and the imports of cloud-init, a few hundred modules for each of four stages. So
an interpreter of the suite imports them once; a command is a fork of it, which goes into the machine's namespaces and
runs the very script. Where a file that was imported is another one in the machine, it is started as ever.
"""

from __future__ import annotations

import atexit
import functools
import os
import select
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

SECONDS = 120
NAMESPACES = ("mnt", "net", "uts", "ipc", "pid")

# With the socket of requests as its argument. A request is a command, and file descriptors: the namespaces, where to
# write the exit code, and the three that every program has. The script runs at the top of this one, and ends with it.
LOADER = r"""
import contextlib, ctypes, gc, importlib, os, pkgutil, runpy, signal, socket, sys
sys.dont_write_bytecode = True
import cloudinit.cmd.main, cloudinit.config, cloudinit.distros.debian, cloudinit.sources.DataSourceNoCloud
for module in pkgutil.iter_modules(cloudinit.config.__path__, "cloudinit.config."):
    with contextlib.suppress(ImportError):
        importlib.import_module(module.name)
requests, libc = socket.socket(fileno=int(sys.argv[1])), ctypes.CDLL(None, use_errno=True)
environment = dict(os.environ)

def files():
    found = {}
    for path in {getattr(module, "__file__", None) for module in list(sys.modules.values())} - {None}:
        try:
            state = os.stat(path)
            found[path] = state.st_size, state.st_mtime_ns
        except OSError:
            found[path] = None
    return found

imported = files()
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
gc.freeze()  # what is there stays: no collection of a fork has to look at it
while True:
    said, given, _, _ = socket.recv_fds(requests, 65536, 16)
    if not said:
        os._exit(0)
    if os.fork():
        for number in given:
            os.close(number)
        continue
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    requests.close()
    *places, answer, new_input, output, errors = given
    for place in places:
        if libc.setns(place, 0):
            raise OSError(ctypes.get_errno(), "setns")
    started = os.fork()
    if started:
        status = os.waitpid(started, 0)[1]
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
        os.write(answer, b"%d %f" % (code, sum(os.times()[:4])))
        os._exit(0)
    break
for number, standard in ((new_input, 0), (output, 1), (errors, 2)):
    os.dup2(number, standard)
os.closerange(3, max(given) + 1)
os.chdir("/")
sys.dont_write_bytecode = False
sys.argv = said.decode().split("\0")
if files() != imported:
    os.execve("/usr/bin/python3", ["/usr/bin/python3", *sys.argv], environment)
sys.path[0] = os.path.dirname(sys.argv[0])
importlib.invalidate_caches()
runpy.run_path(sys.argv[0], run_name="__main__")
"""


_worked: list[float] = []


def worked() -> float:
    """Seconds that processors have worked for all commands that ended: they are no children of this process."""
    return sum(_worked)


class Running:
    """A command that was started; asked as subprocess.Popen is."""

    def __init__(self, answer: int) -> None:
        """`answer`: a pipe that its exit code comes through, and how many seconds it worked."""
        self.answer, self.returncode = answer, -1

    def poll(self) -> int | None:
        """Its exit code, where it has ended."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float) -> int:
        """Its exit code, within so many seconds."""
        if self.answer >= 0:
            if not select.select([self.answer], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("cloud-init", timeout)
            with os.fdopen(self.answer, "rb") as told:
                code, seconds = (told.read() or b"255 0").split()
            self.returncode, self.answer = int(code), -1
            _worked.append(float(seconds))
        return self.returncode


class Interpreter:
    """Ends with this process, which holds the other end of its socket: not with the thread that first asked for it, as
    what is told to die with its parent would."""

    def __init__(self, root: Path, environment: Sequence[str]) -> None:
        self.requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(
                ["chroot", str(root), "env", "-i", *environment,
                 "/usr/bin/python3", "-c", LOADER, str(theirs.fileno())],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno()],
            )  # fmt: skip
        atexit.register(process.wait)
        atexit.register(self.requests.close)

    def start(self, holder: int, command: Sequence[str], stdin: int, stdout: int, stderr: int) -> Running:
        """A script with its arguments, in the namespaces of that process."""
        places = [os.open(f"/proc/{holder}/ns/{kind}", os.O_RDONLY) for kind in NAMESPACES]
        answer, say = os.pipe()
        try:
            socket.send_fds(self.requests, ["\0".join(command).encode()], [*places, say, stdin, stdout, stderr])
        finally:
            for number in (*places, say):
                os.close(number)
        return Running(answer)

    def run(self, holder: int, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """The same to its end, with what it printed."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err, open(os.devnull) as nothing:
            code = self.start(holder, command, nothing.fileno(), out.fileno(), err.fileno()).wait(SECONDS)
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(command, code, out.read(), err.read())


@functools.cache
def of(root: Path, environment: Sequence[str]) -> Interpreter:
    """The one of this root; each process has its own."""
    return Interpreter(root, environment)

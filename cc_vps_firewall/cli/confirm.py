"""Rules that are taken back unless somebody says yes in time."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from collections.abc import Callable

from ..errors import FirewallError
from .messages import guarded, tell


def with_confirmation(go: Callable[[Callable[[], str] | None], int], seconds: int, tty: int) -> int:
    """Run `go` in a process that outlives this terminal; it takes the rules back unless this one says yes.

    A cut connection kills this process: its end of the pipe closes, which is a no.
    """
    answer, say = os.pipe()
    question, ask = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(say)
        os.close(question)
        code = 1
        try:
            os.setsid()  # neither an interrupt nor a hangup of the terminal comes here

            def refusal() -> str:
                with contextlib.suppress(BrokenPipeError):  # nobody is left to ask; that is a no
                    os.write(ask, b"?")
                heard = bool(select.select([answer], [], [], seconds)[0])
                return _REFUSALS[os.read(answer, 1) if heard else _LATE]

            code = guarded(lambda: go(refusal))
        finally:
            os._exit(code)
    os.close(answer)
    os.close(ask)
    with contextlib.suppress(BrokenPipeError):  # too late an answer
        try:
            said = b""
            if os.read(question, 1):
                tell(
                    "The new rules are loaded, and not saved yet. Log in from another terminal to see that you can; "
                    f"then type yes within {seconds} s to keep them, or no to put back what was there before"
                )
                said = _typed(seconds, tty, question)
        except KeyboardInterrupt:
            said = b"n"
        os.write(say, said)
    os.close(say)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0:
        raise FirewallError(f"was killed at its work (signal {-code}); run verify to see what is in force")
    return code


_LATE = b"t"
# What the answer is told by, and why it keeps nothing.
_REFUSALS = {b"y": "", b"n": "you answered no", _LATE: "not confirmed in time", b"": "nobody was there to confirm"}


def _typed(seconds: int, tty: int, question: int) -> bytes:
    """Wait for a yes or a no. -> b"y", b"n", _LATE where none came in time, or nothing where the input ended or whoever
    asks has gone."""
    deadline, said = time.monotonic() + seconds, b""
    while (left := deadline - time.monotonic()) > 0:
        ready = select.select([tty, question], [], [], left)[0]
        if question in ready:
            return b""
        if not ready:
            break
        try:
            heard = os.read(tty, 1000)
        except OSError:
            heard = b""  # EIO: the terminal is gone
        if not heard:
            return b""
        *lines, said = (said + heard).split(b"\n")
        for line in lines:
            if (word := line.strip().lower()) in (b"y", b"yes", b"n", b"no"):
                return word[:1]
            tell("type yes or no")
    return _LATE


def terminal() -> int:
    """Where the answer comes from when the policy came from standard input."""
    try:
        return os.open("/dev/tty", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        reason = "--confirm has no terminal to hear your yes from while the policy comes from standard input"
        raise FirewallError(reason) from None

"""What starts a test may ignore signals, as nohup and a shell's background do, and every child inherits that."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)

# Before the command of any process that a test sends a signal to. `restore_signals` of subprocess resets none of these.
DEFAULT_SIGNALS = ("env", "--default-signal=HUP,INT,TERM")


@contextmanager
def ignored() -> Iterator[None]:
    """As if the runner had been started by such a shell: what a test starts in here has to be reset."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

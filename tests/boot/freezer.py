"""a running emulator -> its disk as a power cut would leave it, again and again, without cutting the power.

The emulator is told to write to another file from now on: what stays behind is what the guest had sent to its disk by
then. What it still held in its memory is not there, as after a real cut.
"""

from __future__ import annotations

import json
import math
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

DISK = "virtio0"  # what qemu calls the first drive with if=virtio


class FreezeFailed(Exception):
    """The emulator did not do it; the message says what it said."""


@dataclass(frozen=True)
class Freezing:
    """A moment that the guest tells of, and when to freeze its disk: seconds after it, ascending."""

    moment: str
    after: tuple[float, ...]


class Freezer:
    """Freezes the disk of one machine. `frozen`: the files, oldest first, each laid over the one before it."""

    def __init__(self, wanted: Freezing, overlay: Path, control: Path) -> None:
        self.frozen: list[Path] = []
        self.due = math.inf  # when the next one is to be made, by the monotonic clock
        self._wanted, self._overlay, self._control = wanted, overlay, control
        self._top, self._heard = overlay, 0.0
        self._channel: TextIO | None = None

    def hear(self, moment: str) -> None:
        """The guest says what moment it is: to begin, or to end since it goes down."""
        if moment == self._wanted.moment:
            self._heard = time.monotonic()
            self._next()
        elif moment == "leaving":
            self.due = math.inf

    def freeze(self) -> None:
        """Leave one more file behind. Raises FreezeFailed."""
        following = self._overlay.with_name(f"{self._overlay.stem}-{len(self.frozen) + 1}.qcow2")
        try:
            if self._channel is None:
                self._channel = _connected(self._control)
            _ask(self._channel, "blockdev-snapshot-sync", {"device": DISK, "snapshot-file": str(following)})
        except (OSError, ValueError) as error:
            raise FreezeFailed(f"{self._control}: {error}") from error
        self.frozen.append(self._top)
        self._top = following
        self._next()

    def _next(self) -> None:
        left = self._wanted.after[len(self.frozen) :]
        self.due = self._heard + left[0] if left else math.inf


def _connected(control: Path) -> TextIO:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(str(control))
    channel = connection.makefile("rw")
    connection.close()  # the file keeps it open
    channel.readline()  # the greeting
    _ask(channel, "qmp_capabilities", {})
    return channel


def _ask(channel: TextIO, command: str, arguments: dict[str, str]) -> None:
    """One command of the QEMU Machine Protocol (qemu's docs/interop/qmp-spec). Raises ValueError with qemu's reason."""
    channel.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
    channel.flush()
    for line in channel:
        told = json.loads(line)
        if "error" in told:
            raise ValueError(told["error"]["desc"])
        if "return" in told:
            return
    raise ValueError("the emulator went away")

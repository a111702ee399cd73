"""a machine, user-data -> that machine after its own cloud-init has gone through its own stages.

The stages are started by what the suite's own systemd units say: up to cloud-init 24.2 that is a command for each, from
24.3 one process for all that is told over a socket to go on. The data source is NoCloud with a seed directory.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import loaded
from .loaded import Running
from .world import ENVIRONMENT, Machine, WorldFailed

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SOURCES = ("cc_vps_firewall", "schemas")
UNPACKED = "/root/vps-firewall"

SITE = "/usr/lib/python3/dist-packages"
LOG = "/var/log/cloud-init.log"
CONSOLE = "/var/log/console"  # what cloud-init's units print; systemd would send it to the console and the journal
STATUS = "/var/lib/vps-firewall/status-private.json"
SEED = "/var/lib/cloud/seed/nocloud"

UNIT_FOLDERS = ("/lib/systemd/system", "/etc/systemd/system")
ALL_STAGES = "cloud-init-main.service"  # the one process, where there is one
STAGES = ("cloud-init-local.service", "cloud-init-network.service", "cloud-config.service", "cloud-final.service")
FORMER_NAMES = {"cloud-init-network.service": "cloud-init.service"}  # up to 24.2

# The world has wired the machine already; nothing else may be asked for a data source; and a locale and RSA keys take
# longer to generate than all the rest.
SITE_CONFIGURATION = """\
datasource_list: [NoCloud, None]
network: {config: disabled}
locale: C.UTF-8
ssh_genkeytypes: [ed25519]
"""

CLOUD_INIT = "/usr/bin/cloud-init "
STAGE_SECONDS = 120


def install(machine: Machine) -> None:
    """Put the module into the machine's cloud-init as its owner would, from sources that go away again."""
    for part in SOURCES:
        shutil.copytree(
            REPOSITORY / part, machine.root / UNPACKED.lstrip("/") / part, ignore=shutil.ignore_patterns("__pycache__")
        )
    machine.run("python3", "-m", "cc_vps_firewall", "install", environment={"PYTHONPATH": UNPACKED})
    machine.run("rm", "-r", UNPACKED)
    machine.write("/etc/cloud/cloud.cfg.d/90_seed.cfg", SITE_CONFIGURATION)


def seed(
    machine: Machine, user_data: str | bytes, *, vendor_data: str = "", instance: str = "first", cloud: str = ""
) -> None:
    """What the provider hands to the machine: the owner's user-data, the provider's own, which instance it is, and what
    cloud-init shall call the provider."""
    named = f"cloud-name: {cloud}\n" if cloud else ""
    machine.write(f"{SEED}/user-data", user_data)
    machine.write(f"{SEED}/vendor-data", vendor_data)
    machine.write(f"{SEED}/meta-data", f"instance-id: {instance}\nlocal-hostname: machine\n{named}")


def boot(machine: Machine, fresh: bool = False) -> None:
    """All stages, in order, as at a boot. A stage that fails is no error here: cloud-init records it. `fresh`: with a
    Python of their own, as units start them, and not with one that has cloud-init imported."""
    # What a reboot empties, except for the directories that the namespaces stand on.
    machine.run("sh", "-c", "find /run -mindepth 1 -xdev -delete; mkdir -p /run/lock")
    start = _started if fresh else _forked
    with contextlib.ExitStack() as stack:
        if everything := _commands(machine.made_of, ALL_STAGES):
            process = stack.enter_context(start(machine, *everything))
            _wait_for_sockets(machine, process)
        for stage in STAGES:
            for command in _commands(machine.made_of, stage) or _commands(machine.made_of, FORMER_NAMES[stage]):
                with start(machine, command) as running:
                    running.wait(STAGE_SECONDS)
        if everything:
            process.wait(STAGE_SECONDS)


@functools.cache
def _commands(root: Path, unit: str) -> Sequence[str]:
    """The command lines of a unit as the suite's package brings it."""
    path = root / UNIT_FOLDERS[0].lstrip("/") / unit
    return _exec_start(path.read_text(encoding="utf-8")) if path.exists() else ()


def exec_start(machine: Machine, unit: str) -> str:
    """The command lines of a unit, simple enough to mean the same to a shell. Empty if there is no such unit."""
    text = machine.run("cat", *(f"{folder}/{unit}" for folder in UNIT_FOLDERS), check=False).stdout
    return "\n".join(_exec_start(text))


def _exec_start(text: str) -> list[str]:
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith("ExecStart=")]


Process = subprocess.Popen[bytes] | Running


@contextlib.contextmanager
def _started(machine: Machine, command: str) -> Iterator[Process]:
    process = subprocess.Popen(
        [*machine.entrance(), "sh", "-c", f"exec >>{CONSOLE} 2>&1\n{command}"],
        stdin=subprocess.DEVNULL,  # a terminal here would make it ignore its sockets
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def _forked(machine: Machine, command: str) -> Iterator[Process]:
    if not command.startswith(CLOUD_INIT):
        with _started(machine, command) as process:
            yield process
        return
    with open(os.devnull, "rb") as nothing, (machine.root / CONSOLE.lstrip("/")).open("ab") as console:
        interpreter = loaded.of(machine.made_of, ENVIRONMENT)
        yield interpreter.start(machine.holder, command.split(), nothing.fileno(), console.fileno(), console.fileno())


def _wait_for_sockets(machine: Machine, process: Process) -> None:
    """Until it is ready to be told to start: it makes the socket of the last stage last."""
    last, deadline = machine.root / "run/cloud-init/share/final.sock", time.monotonic() + STAGE_SECONDS
    while not last.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise WorldFailed("cloud-init ended before its first stage, or never began")
        time.sleep(0.02)
    time.sleep(0.1)  # between bind and listen


def zipped(user_data: str) -> bytes:
    """As for a provider with a small limit on user-data."""
    return gzip.compress(user_data.encode())


def multipart(*parts: tuple[str, str]) -> str:
    """(content type without text/, text) each -> one MIME archive."""
    edge = "===============part=="
    archive = [f'Content-Type: multipart/mixed; boundary="{edge}"\nMIME-Version: 1.0\n']
    for kind, text in parts:
        archive.append(f'--{edge}\nContent-Type: text/{kind}; charset="utf-8"\nMIME-Version: 1.0\n\n{text}')
    return "\n".join([*archive, f"--{edge}--\n"])


@dataclass(frozen=True)
class Record:
    """What cloud-init and the module say about a boot."""

    log: str
    errors: tuple[str, ...]  # of all stages, as cloud-init itself keeps them
    recoverable: Mapping[str, Sequence[str]]  # empty where this cloud-init does not record them
    status: Mapping[str, Any]  # ours, as root has it

    def lines(self, word: str) -> list[str]:
        """The lines of cloud-init's log with this word."""
        return [line for line in self.log.splitlines() if word in line]


def record(machine: Machine) -> Record:
    """Read it from where each program leaves it."""
    stages: dict[str, Any] = json.loads(machine.read("/run/cloud-init/status.json") or "{}").get("v1", {})
    errors: list[str] = []
    recoverable: dict[str, list[str]] = {}
    for stage in stages.values():
        if isinstance(stage, dict):
            errors += stage.get("errors", [])
            for level, messages in stage.get("recoverable_errors", {}).items():
                recoverable.setdefault(level, []).extend(messages)
    ours = machine.read(STATUS)
    return Record(machine.read(LOG), tuple(errors), recoverable, json.loads(ours) if ours else {})

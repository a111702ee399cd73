"""this computer -> the host's addresses: each port of the policy answers, each other one does not, in both families.

An answer of any kind counts: a connection, or a refusal, which a host sends where the packet came in and nothing
listens.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from .conftest import Account, Wanted
from .test_policy import ports

PATIENCE = 4.0  # seconds; the kernel repeats an unanswered knock after one and after three
AT_ONCE = 256
UDP_PATIENCE = 2.0  # seconds for an answer that nobody repeats


def test_tcp(host: Any, account: Account, wanted: Wanted, request: pytest.FixtureRequest) -> None:
    """Each port of the policy answers this computer, and no other one does."""
    doors = {
        Door(address, port): wanted.policy.admits(us, "tcp", port)
        for address, us in ways(host, account, request.config)
        for port in sorted(ports(account, wanted, "tcp"))
    }
    answers = asyncio.run(_knock(list(doors)))
    wrong = [
        f"{door.address} {door.port}/tcp: {answers[door]}; the policy {'lets' if admitted else 'does not let'} us in"
        for door, admitted in doors.items()
        if admitted != (answers[door] in ("connected", "refused"))
    ]
    assert not wrong, "\n".join(wrong)


def test_udp(host: Any, account: Account, wanted: Wanted, request: pytest.FixtureRequest) -> None:
    """No closed port answers: not even with the message that nothing listens. An open one may well be silent."""
    closed = [
        Door(address, port)
        for address, us in ways(host, account, request.config)
        for port in sorted(ports(account, wanted, "udp"))
        if not wanted.policy.admits(us, "udp", port)
    ]
    wrong = [f"{door.address} {door.port}/udp: closed, and answered" for door in _answering(closed)]
    assert not wrong, "\n".join(wrong)


class Door(NamedTuple):
    address: str
    port: int


def ways(host: Any, account: Account, config: pytest.Config) -> list[tuple[str, str]]:
    """One for each family."""
    return [way(host, account, config, int(family)) for family in config.getoption("families").split(",")]


def way(host: Any, account: Account, config: pytest.Config, family: int) -> tuple[str, str]:
    """(the host's address, ours as it sees it)."""
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    candidates = [*_by_name(host, config, kind), *_by_itself(account, family)]
    for address in candidates:
        with socket.socket(kind, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
            probe.connect((address, 9))
            mine = probe.getsockname()[0]
            told = [one for one in config.getoption("seen_as") if (":" in one) == (family == 6)]
            return address, told[0] if told else mine
    found = " and ".join(candidates) or "none that it has"
    pytest.fail(f"no way from here to an IPv{family} address of this host ({found}); say so by --families")


def _by_name(host: Any, config: pytest.Config, kind: int) -> list[str]:
    """What ssh takes the host's name for."""
    backend = host.backend
    if backend.NAME == "ansible":  # an inventory has its own name for a host
        named = {"ssh_config": backend.ssh_config, "ssh_identity_file": backend.ssh_identity_file}
        reached = backend.ansible_runner.get_host(backend.host, **named)
        backend = reached.backend if reached else backend
    name = getattr(getattr(backend, "host", None), "name", "")
    if not name:
        return []
    options = ["-F", config.getoption("ssh_config")] if config.getoption("ssh_config") else []
    told = subprocess.run(["ssh", "-G", *options, name], capture_output=True, text=True, check=False).stdout
    real = next((line.split()[1] for line in told.splitlines() if line.startswith("hostname ")), name)
    with contextlib.suppress(OSError):
        return sorted({str(info[4][0]) for info in socket.getaddrinfo(real, None, kind)})
    return []


def _by_itself(account: Account, family: int) -> list[str]:
    """By the lines of `ip -o addr`: number, interface, family, address/length."""
    wanted = "inet" if family == 4 else "inet6"
    lines = [line.split() for line in account.addresses if "deprecated" not in line]
    return [words[3].partition("/")[0] for words in lines if words[2] == wanted]


async def _knock(doors: Sequence[Door]) -> dict[Door, str]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def knock(door: Door) -> str:
        async with gate:
            try:
                _, writer = await asyncio.wait_for(asyncio.open_connection(*door), PATIENCE)
            except ConnectionRefusedError:
                return "refused"
            except (asyncio.TimeoutError, TimeoutError):
                return "silent"
            except OSError as error:
                return f"unreachable ({error.strerror})"
            writer.transport.abort()  # a closed connection would linger on the host
            return "connected"

    return dict(zip(doors, await asyncio.gather(*map(knock, doors))))


def _answering(doors: Sequence[Door]) -> list[Door]:
    """Which of these UDP ports answer, be it with a refusal. All are asked before the first answer is waited for."""
    with contextlib.ExitStack() as stack:
        sockets = {}
        for door in doors:
            kind = socket.AF_INET6 if ":" in door.address else socket.AF_INET
            sockets[door] = stack.enter_context(socket.socket(kind, socket.SOCK_DGRAM))
            sockets[door].settimeout(0)
            sockets[door].connect(door)
            with contextlib.suppress(OSError):
                sockets[door].send(b"\0")
        time.sleep(UDP_PATIENCE)
        return [door for door, sock in sockets.items() if _heard(sock)]


def _heard(sock: socket.socket) -> bool:
    try:
        sock.recv(512)
    except ConnectionRefusedError:
        return True
    except OSError:  # nothing came, or a router on the way said something
        return False
    return True

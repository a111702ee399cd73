"""this computer -> the host's addresses: each port of the policy answers, each other one does not, in both families.

An answer of any kind counts: a connection, or a refusal, which a host sends where the packet came in and nothing
listens.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
from typing import Any

import pytest

from .conftest import Wanted
from .test_policy import ports

PATIENCE = 4.0  # seconds; the kernel repeats an unanswered knock after one and after three
AT_ONCE = 64


@pytest.mark.parametrize("family", [4, 6])
def test_tcp(host: Any, wanted: Wanted, request: pytest.FixtureRequest, family: int) -> None:
    """Each port of the policy answers this computer, and no other one does."""
    if str(family) not in request.config.getoption("families").split(","):
        return  # said on the command line: there is no way there
    address, us = way(host, request.config, family)
    knocked = sorted(ports(host, wanted, "tcp"))
    answers = asyncio.run(_knock_all(address, knocked, family))
    wrong = []
    for port, answer in zip(knocked, answers):
        admitted = wanted.policy.admits(us, "tcp", port)
        if admitted != (answer in ("connected", "refused")):
            wrong.append(f"{address} {port}/tcp: {answer}; the policy {'lets' if admitted else 'does not let'} {us} in")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("family", [4, 6])
def test_udp(host: Any, wanted: Wanted, request: pytest.FixtureRequest, family: int) -> None:
    """No closed port answers: not even with the message that nothing listens. An open one may well be silent."""
    if str(family) not in request.config.getoption("families").split(","):
        return
    address, us = way(host, request.config, family)
    closed = [port for port in sorted(ports(host, wanted, "udp")) if not wanted.policy.admits(us, "udp", port)]
    answered = [port for port in closed if _answers_udp(address, port, family)]
    assert not answered, f"closed, and answered: {answered}"


def way(host: Any, config: pytest.Config, family: int) -> tuple[str, str]:
    """(the host's address, ours as it sees it)."""
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    candidates = [*_by_name(host, config, kind), *_by_itself(host, family)]
    for address in candidates:
        with socket.socket(kind, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
            probe.connect((address, 9))
            mine = probe.getsockname()[0]
            told = [one for one in config.getoption("seen_as") if (":" in one) == (family == 6)]
            return address, told[0] if told else mine
    found = " and ".join(candidates) or "none that it has"
    pytest.fail(f"no way from here to an IPv{family} address of this host ({found}); say so by --families")


def _by_name(host: Any, config: pytest.Config, kind: int) -> list[str]:
    name = getattr(getattr(host.backend, "host", None), "name", "")
    if not name:
        return []
    options = ["-F", config.getoption("ssh_config")] if config.getoption("ssh_config") else []
    told = subprocess.run(["ssh", "-G", *options, name], capture_output=True, text=True, check=False).stdout
    real = next((line.split()[1] for line in told.splitlines() if line.startswith("hostname ")), name)
    with contextlib.suppress(OSError):
        return sorted({str(info[4][0]) for info in socket.getaddrinfo(real, None, kind)})
    return []


def _by_itself(host: Any, family: int) -> list[str]:
    told = host.run(f"PATH=$PATH:/usr/sbin:/sbin ip -o -{family} addr show scope global").stdout
    return [line.split()[3].partition("/")[0] for line in told.splitlines() if "deprecated" not in line]


async def _knock_all(address: str, knocked: list[int], family: int) -> list[str]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def knock(port: int) -> str:
        async with gate:
            try:
                _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), PATIENCE)
            except ConnectionRefusedError:
                return "refused"
            except (asyncio.TimeoutError, TimeoutError):
                return "silent"
            except OSError as error:
                return f"unreachable ({error.strerror})"
            writer.transport.abort()  # a closed connection would linger on the host
            return "connected"

    return list(await asyncio.gather(*map(knock, knocked)))


def _answers_udp(address: str, port: int, family: int) -> bool:
    with socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.3)
        try:
            sock.connect((address, port))
            sock.send(b"\0")
            sock.recv(512)
        except TimeoutError:
            return False
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return True

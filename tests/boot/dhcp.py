"""a guest's wire -> the servers on it that give addresses: DHCP, DHCPv6, and a router that advertises itself."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.boot.machine import BootFailed
from tests.boot.wire import GATEWAY, GUEST, GUEST_MAC, TAP, Wire

SERVED_WITHIN = 10  # seconds

_DNSMASQ = (
    *("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--user=root", "--pid-file=", "--leasefile-ro"),
    *(f"--interface={TAP}", "--bind-interfaces", "--port=0"),
)
IPV4 = (
    *(f"--dhcp-range={GUEST['4']},{GUEST['4']},255.255.255.0,1h", f"--dhcp-host={GUEST_MAC},{GUEST['4']}"),
    f"--dhcp-option=option:router,{GATEWAY['4']}",
)
# The advertisement says both: ask for an address (DHCPv6), and make one of the prefix (SLAAC).
IPV6 = (
    *("--enable-ra", f"--dhcp-range={GUEST['6']},{GUEST['6']},slaac,64,1h"),
    f"--dhcp-host={GUEST_MAC},[{GUEST['6']}]",
)


@contextlib.contextmanager
def addresses(network: Wire, folder: Path, *, ipv6: bool = False) -> Iterator[None]:
    """Give the guest of this wire its addresses until the block ends. Raises BootFailed."""
    command = [*_DNSMASQ, *IPV4, *(IPV6 if ipv6 else ())]
    ports = (":67 ", ":547 ") if ipv6 else (":67 ",)
    with serving(network, command, folder / "dhcp.log", ports):
        yield


@contextlib.contextmanager
def serving(network: Wire, command: Sequence[str], log: Path, ports: Sequence[str]) -> Iterator[None]:
    """Run a server in the wire's namespace until the block ends, which begins when it holds its ports: as `ss` prints
    the ends of local addresses. Raises BootFailed."""
    with log.open("w") as said:
        server = subprocess.Popen(
            network.inside(command), stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            _wait(network, server, log, ports)
            yield
        finally:
            server.kill()
            server.wait()


def _wait(network: Wire, server: subprocess.Popen[bytes], log: Path, ports: Sequence[str]) -> None:
    deadline = time.monotonic() + SERVED_WITHIN
    while time.monotonic() < deadline and server.poll() is None:
        held = subprocess.run(network.inside(["ss", "-Hlntu"]), stdout=subprocess.PIPE, text=True, check=True).stdout
        if all(port in held for port in ports):
            return
        time.sleep(0.1)
    raise BootFailed(f"a server of the wire does not serve: {log.read_text()}")

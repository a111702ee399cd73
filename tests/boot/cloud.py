"""user-data -> a cloud's network: a DHCP server and a metadata service, in the namespace of a guest's wire.

cloud-init's first stage brings an interface up by DHCP there, asks for what it is to do, and takes the interface down
again, all before the network: as on Hetzner, whose data source it is, and in much the same way on EC2, OpenStack,
Azure and most others.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.boot.machine import NETWORK, BootFailed
from tests.boot.wire import GATEWAY, GUEST, GUEST_MAC, TAP, Wire

SERIAL = "4711"  # of the machine; the data source takes it for the instance's
SMBIOS = f"type=1,manufacturer=Hetzner,serial={SERIAL}"
SERVICE = "169.254.169.254"
SERVED_WITHIN = 10  # seconds

DHCP = (
    *("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--user=root", "--pid-file=", "--port=0", "--leasefile-ro"),
    *(f"--interface={TAP}", "--bind-interfaces", f"--dhcp-range={GUEST['4']},{GUEST['4']},255.255.255.0,1h"),
    *(f"--dhcp-host={GUEST_MAC},{GUEST['4']}", f"--dhcp-option=option:router,{GATEWAY['4']}"),
)


@contextlib.contextmanager
def metadata_service(network: Wire, folder: Path, user_data: bytes) -> Iterator[None]:
    """Serve one guest's user-data below `folder` until the block ends. Raises BootFailed."""
    indented = "".join(f"  {line}\n" for line in NETWORK.splitlines())
    meta = f'instance-id: "{SERIAL}"\nhostname: lab\npublic-keys: []\nnetwork-config:\n{indented}'
    pages = {"metadata": meta.encode(), "metadata/instance-id": SERIAL.encode(), "userdata": user_data}
    root = folder / "served"
    shutil.rmtree(root, ignore_errors=True)
    for name, page in pages.items():
        place = root / "hetzner/v1" / (f"{name}.txt" if name == "metadata" else name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(page)
    http = [sys.executable, "-c", _SERVE, SERVICE, str(root)]
    subprocess.run(network.inside(["ip", "addr", "replace", f"{SERVICE}/32", "dev", TAP]), check=True)
    with (folder / "cloud.log").open("w") as said, contextlib.ExitStack() as stack:
        for command in (DHCP, http):
            server = subprocess.Popen(
                network.inside(command), stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
            )
            stack.callback(server.wait)
            stack.callback(server.kill)
        _wait(network, folder)
        yield
    subprocess.run(network.inside(["ip", "addr", "del", f"{SERVICE}/32", "dev", TAP]), check=True)


# `metadata` is a page and a folder of other pages.
_SERVE = """
import functools, http.server, sys

class Pages(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path):
        return super().translate_path(path + ".txt" if path.endswith("/v1/metadata") else path)

pages = functools.partial(Pages, directory=sys.argv[2])
http.server.ThreadingHTTPServer((sys.argv[1], 80), pages).serve_forever()
"""


def _wait(network: Wire, folder: Path) -> None:
    """Until both servers hold their ports."""
    deadline = time.monotonic() + SERVED_WITHIN
    while time.monotonic() < deadline:
        held = subprocess.run(network.inside(["ss", "-Hlntu"]), stdout=subprocess.PIPE, text=True, check=True).stdout
        if f"{SERVICE}:80" in held and ":67 " in held:
            return
        time.sleep(0.1)
    raise BootFailed(f"no metadata service: {(folder / 'cloud.log').read_text()}")

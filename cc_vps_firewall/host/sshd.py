"""Where this host's sshd listens."""

from __future__ import annotations

import re

from . import saved, systemd
from .saved import read_all


def ports(root: str = "/") -> tuple[int, ...]:
    """Where this host's sshd listens: what its socket unit says, and the Port and ListenAddress lines of its
    configuration (sshd_config(5)), or 22.

    Both: on Ubuntu a generator makes the socket listen where the configuration says, on Debian none does, and a port
    too many that nobody listens on locks nobody out.
    """
    socket_unit = ""
    if systemd.enabled("ssh.socket", root) or systemd.enabled("sshd.socket", root):
        # The generator's drop-in is called addresses.conf, and most that people make sort after it.
        for folder in (*saved.UNIT_FOLDERS[:0:-1], "run/systemd/generator", saved.UNIT_FOLDERS[0]):
            for name in ("ssh.socket", "sshd.socket"):
                socket_unit += read_all(root, f"{folder}/{name}", f"{folder}/{name}.d")
    ports: list[str] = []
    for value in re.findall(r"(?m)^ListenStream=(.*)$", socket_unit):
        if not value.strip():
            ports = []  # systemd.socket(5): an empty assignment takes back what stood before
        ports += re.findall(r"(?:^|:)(\d+)$", value.strip())
    text = read_all(root, "etc/ssh/sshd_config", "etc/ssh/sshd_config.d", ".conf")
    ports += re.findall(r"(?mi)^\s*port[ \t=]+\"?(\d+)", text)
    ports += re.findall(r"(?mi)^\s*listenaddress[ \t=]+(?:\[[^\]\s]*\]|[^\s:\[]+):(\d+)\b", text)
    valid = sorted({int(p) for p in ports if 0 < int(p) < 65536})
    return tuple(valid) or (22,)

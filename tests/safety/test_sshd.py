"""sshd of several releases is asked where it would listen, and its ports are those that are opened."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from cc_vps_firewall.host import sshd
from cc_vps_firewall.root import Root
from tests import suites

# Its own folder takes the place of the image's.
ASK = """\
set -e
mount --make-rprivate /
mount --bind "$1" "$2/etc/ssh"
mount -t tmpfs run "$2/run"
mkdir "$2/run/sshd"
exec chroot "$2" /usr/sbin/sshd -T -f /etc/ssh/sshd_config -h /etc/ssh/key
"""
INCLUDE = "Include /etc/ssh/sshd_config.d/*.conf\n"
CONFIGURATIONS: tuple[tuple[Mapping[str, str], set[int]], ...] = (
    ({"sshd_config": ""}, {22}),
    ({"sshd_config": "#Port 2222\nport=2223\n"}, {2223}),
    ({"sshd_config": '  PORT\t"2222"\nPort 22\nMatch User git\n  X11Forwarding no\n'}, {22, 2222}),
    ({"sshd_config": "ListenAddress 0.0.0.0:2222\nListenAddress [::]:2223\n"}, {2222, 2223}),
    ({"sshd_config": "Port 2222\nListenAddress 192.0.2.1\nListenAddress 2001:5::7\n"}, {2222}),
    ({"sshd_config": INCLUDE, "sshd_config.d/a.conf": "Port 2222\n", "sshd_config.d/.b.conf": "Port 7\n"}, {2222}),
    ({"sshd_config": "Include ports/[ab]\n", "ports/a": "Port 2221\n", "ports/b": "Port 2222\n"}, {2221, 2222}),
    ({"sshd_config": 'Include "one" two\n', "one": "Port 2221\n", "two": "Include three\n", "three": "Port 2223\n"},
     {2221, 2223}),
)  # fmt: skip


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
@pytest.mark.parametrize(("files", "ports"), CONFIGURATIONS)
def test_sshd_listens_where_we_open(suite: str, files: Mapping[str, str], ports: set[int], tmp_path: Path) -> None:
    folder = tmp_path / "etc/ssh"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key")], check=True)
    words = ["unshare", "--mount", "sh", "-c", ASK, "sh", str(folder), str(suites.root_of(suite))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    listens = {int(line.rpartition(":")[2]) for line in done.stdout.splitlines() if line.startswith("listenaddress ")}
    assert listens == ports == set(sshd.ports(Root(str(tmp_path))))

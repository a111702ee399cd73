"""a machine -> the real dockerd on it, with real containers, as Debian ships them."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from tests.safety.machine import Machine

# In a mount namespace of its own, since the machine waits for what runs in its own to end; and nothing that dockerd
# started outlives it, nor that one us.
APART = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")

CLIENT = "/usr/bin/docker -H unix:///run/docker.sock"

# In a plain chroot nobody has mounted what dockerd asks for.
CGROUPS = """
if ! mountpoint -q /sys/fs/cgroup; then
    mount -t tmpfs -o mode=755 cgroups /sys/fs/cgroup
    for one in $(awk '!/^#/ && $4 { print $1 }' /proc/cgroups); do
        mkdir /sys/fs/cgroup/$one
        mount -t cgroup -o $one $one /sys/fs/cgroup/$one
    done
fi
mkdir -p /run/image/bin /var/lib/docker
cp /bin/busybox /run/image/bin/busybox
"""


class Docker:
    """A dockerd that runs on a machine."""

    def __init__(self, machine: Machine, daemon: subprocess.Popen[str]) -> None:
        self.machine, self.daemon = machine, daemon

    def __call__(self, *words: str) -> str:
        """docker(1)'s output."""
        return self.machine.run(" ".join([CLIENT, *words])).strip()

    def container(self, name: str, *options: str) -> str:
        """A web server that answers on port 80. -> its address"""
        self("run", "-d", "--name", name, *options, "box", "/bin/busybox", "httpd", "-f", "-p", "80")
        return self("inspect", "-f", "'{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'", name)

    def connects(self, name: str, address: str, port: int) -> bool:
        """Does a container reach that port?"""
        words = ("nc", "-w", "2", address, str(port), "-e", "/bin/busybox", "true")
        return self("exec", name, "/bin/busybox", *words, "2>&1 && echo yes || echo no").endswith("yes")


@contextmanager
def docker(machine: Machine, *options: str) -> Iterator[Docker]:
    """dockerd from its start to its end, with its containers; `options` are its own."""
    machine.run(CGROUPS)
    words = [*APART, "dockerd", "--storage-driver=vfs", "-H", "unix:///run/docker.sock", *options]
    log = machine.do(partial(open, "/run/dockerd.log", "w", encoding="utf-8"))
    daemon = machine.start(*words, stdout=log, stderr=log)
    running = Docker(machine, daemon)
    try:
        _wait(running)
        machine.run("tar -C /run/image -c . | /usr/bin/docker -H unix:///run/docker.sock import - box")
        yield running
        machine.run(
            "/usr/bin/docker -H unix:///run/docker.sock ps -aq | xargs -r docker -H unix:///run/docker.sock rm -f"
        )
    finally:
        daemon.kill()
        daemon.wait(30)
        log.close()


def _wait(running: Docker) -> None:
    deadline = time.monotonic() + 60
    while not running.machine.do(lambda: os.path.exists("/run/docker.sock")) or "Server Version" not in running("info"):
        assert time.monotonic() < deadline, running.machine.run("tail -20 /run/dockerd.log")
        assert running.daemon.poll() is None, running.machine.run("tail -20 /run/dockerd.log")
        time.sleep(0.05)

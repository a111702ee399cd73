"""a machine -> the real dockerd on it, with real containers, as Debian ships them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.apart import running
from tests.lab.machine import Machine

CLIENT = "/usr/bin/docker -H unix:///run/docker.sock"

# In a plain chroot nobody has mounted what dockerd asks for.
CGROUPS = """
if ! mountpoint -q /sys; then mount -t sysfs sysfs /sys; fi
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

    def __init__(self, machine: Machine, client: str = CLIENT) -> None:
        self.machine, self.client = machine, client

    def __call__(self, *words: str) -> str:
        """docker(1)'s output."""
        return self.machine.run(" ".join([self.client, *words])).strip()

    def ready(self) -> bool:
        return self.machine.run(f"{self.client} info >/dev/null 2>&1 && echo yes", check=False) == "yes\n"

    def make_image(self) -> None:
        """One that holds busybox."""
        self.machine.run(f"tar -C /run/image -c . | {self.client} import - box")

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
    words = ["dockerd", "--storage-driver=vfs", "-H", "unix:///run/docker.sock", *options]
    client = Docker(machine)
    with running(machine, *words, ready=client.ready):
        client.make_image()
        yield client

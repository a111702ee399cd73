"""addresses -> banned by the real fail2ban, with an action that keeps them in a set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.apart import running
from tests.lab.machine import Machine

SOCKET = "/run/fail2ban.sock"
JAIL = """
[DEFAULT]
backend = polling
[sshd]
enabled = true
port = 22
logpath = /run/auth.log
"""
OWN = "banaction = iptables-ipset-proto6"


class Fail2ban:
    """A fail2ban that runs on a machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def __call__(self, *words: str) -> str:
        """fail2ban-client(1)'s output."""
        return self.machine.run(" ".join(["fail2ban-client", "-s", SOCKET, *words])).strip()

    def ready(self) -> bool:
        return "pong" in self.machine.run(f"fail2ban-client -s {SOCKET} ping 2>&1", check=False)


@contextmanager
def fail2ban(machine: Machine, more: str = OWN) -> Iterator[Fail2ban]:
    """fail2ban from its start to its end. The machine needs /etc/fail2ban. `more`: lines of its jail."""
    machine.run(">/run/auth.log")
    machine.do(lambda: machine.write("/etc/fail2ban/jail.d/sshd.local", f"{JAIL}{more}\n"))
    machine.do(lambda: machine.write("/etc/fail2ban/fail2ban.local", "[DEFAULT]\ndbfile = None\nlogtarget = STDOUT\n"))
    client = Fail2ban(machine)
    server = ("fail2ban-server", "-f", "-x", "-s", SOCKET, "-p", "/run/fail2ban.pid", "start")
    with running(machine, *server, ready=client.ready):
        yield client

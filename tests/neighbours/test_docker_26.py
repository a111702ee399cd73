"""Docker as Debian 13 has it, 26.1: what it publishes obeys the policy, over IPv4 and IPv6, TCP and UDP."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack

import pytest

from tests.lab.machine import ADDRESS, FAMILY, Machine

from .docker import CGROUPS, Docker
from .suite import ROOT, ROWS, Suite

CLOSED = {"allow": ["http"]}
OPEN = {"allow": ["8080/tcp", "8053/udp"]}
OPTIONS = ("--ipv6", "--fixed-cidr-v6=fd00:d0c::/64", "--ip6tables", "--experimental")


def answers(machine: Machine, family: int, port: int) -> bool:
    """Does a published port answer the neighbour?"""
    with machine.neighbour.entered(), socket.socket(FAMILY[family]) as end:
        end.settimeout(1)
        return end.connect_ex((ADDRESS[family], port)) == 0


def arrives(machine: Machine, port: int) -> bool:
    """Does a datagram come to a container in which nobody listens? It says so, by ICMP."""
    with machine.neighbour.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.settimeout(1)
        end.connect((ADDRESS[4], port))
        end.send(b"ask")
        try:
            end.recv(10)
        except ConnectionRefusedError:
            return True
        except TimeoutError:
            return False
        raise AssertionError("nobody can have answered")


def published(machine: Machine) -> dict[str, bool]:
    return {
        "IPv4": answers(machine, 4, 8080),
        "IPv6": answers(machine, 6, 8080),
        "UDP": arrives(machine, 8053),
        "loopback alone": answers(machine, 4, 8081),
    }


NOTHING = {"IPv4": False, "IPv6": False, "UDP": False, "loopback alone": False}
ALL = {"IPv4": True, "IPv6": True, "UDP": True, "loopback alone": False}


def dockerd(suite: Suite, stack: ExitStack) -> Docker:
    client = Docker(suite.machine, f"chroot {ROOT} /usr/bin/docker -H unix:///run/docker.sock")
    suite.run("rm -rf /run/docker /run/docker.pid")  # of one that was killed
    argv = ("dockerd", "--storage-driver=vfs", "-H", "unix:///run/docker.sock", *OPTIONS)
    stack.enter_context(suite.running(*argv, ready=client.ready))
    client.make_image()
    return client


def serve(client: Docker) -> None:
    """A container whose ports are published."""
    client.container("web", "-p", "8080:80", "-p", "127.0.0.1:8081:80", "-p", "8053:53/udp")
    while not client.connects("web", "127.0.0.1", 80):
        time.sleep(0.1)


@pytest.mark.parametrize(("first", "tool"), ROWS)
def test_what_is_published_obeys_the_policy(first: str, tool: str) -> None:
    with Machine(tool) as machine, ExitStack() as stack:
        machine.run(CGROUPS)
        suite = Suite(machine)
        if first == "firewall":
            assert machine.apply(CLOSED).value["result"] == "applied"
        held = stack.enter_context(ExitStack())
        client = dockerd(suite, held)
        serve(client)
        if first == "neighbour":
            assert published(machine) == ALL
            assert machine.apply(CLOSED).value["result"] == "applied"
        assert published(machine) == NOTHING
        assert machine.apply(CLOSED).value["result"] == "unchanged"
        assert machine.apply(OPEN).value["result"] == "applied"
        assert published(machine) == ALL
        held.close()
        client = dockerd(suite, held)
        client("rm", "-f", "web")
        serve(client)
        assert published(machine) == ALL
        assert machine.apply(CLOSED).value["result"] == "applied"
        assert published(machine) == NOTHING
        assert machine.command("verify").value == 0

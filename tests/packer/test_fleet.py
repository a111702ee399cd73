"""several machines, some of them wrong -> one call of the fleet suite tells everything that is wrong with each.

The machines are baked roots with a network and an sshd of their own, and without systemd; the call is made from another
network namespace that is wired to all of them.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import suites
from tests.image.breaking import WAYS
from tests.lab.world import Internet, Machine, world
from tests.packages.stand_in import stand_in
from tests.packer.test_bake import bake, finish, prepare
from tests.packer.test_suite import ASK_SYSTEMD
from tests.suites import REPOSITORY

# Networks for tests of networks (RFC 2544), and documentation's (RFC 3849); one for each machine.
POLICY = """\
#cloud-config
vps_firewall:
  ssh: {from: [198.18.0.0/15, "2001:db8:18::/48"]}
  allow:
    - http
    - 8443/tcp
    - {port: 5000/tcp, from: [203.0.113.0/24]}
    - {port: 60000-60010/udp, from: ["2001:db8:51::/64"]}
"""
SSHD = ("/usr/sbin/sshd", "-D", "-e", "-o", "UsePAM=no", "-o", "PermitRootLogin=yes", "-o", "StrictModes=no")
KINDS = {"web": "rpm", "mail": "rpm", "db": "deb"}
SSH_OPTIONS = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR")


@dataclass(frozen=True)
class Fleet:
    """Machines by name, and the place that has a wire to each."""

    machines: Mapping[str, Machine]
    outside: Internet
    folder: Path


@pytest.fixture
def fleet(rpms: dict[str, Path], debs: dict[str, Path], tmp_path: Path) -> Iterator[Fleet]:
    packages = {"rpm": rpms["this"], "deb": debs["this"]}
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ops", "-f", str(tmp_path / "key")], check=True
    )
    (tmp_path / "policy.yaml").write_text(POLICY)
    with contextlib.ExitStack() as stack:
        machines, places = {}, []
        for number, (name, kind) in enumerate(KINDS.items(), 1):
            root = stand_in() if kind == "rpm" else suites.root_of("bookworm")
            machine, place = stack.enter_context(world(root))
            machines[name] = machine
            places.append(place)
            plug(machine, places[0], number)
            first_boot(machine, packages[kind], name)
            stack.enter_context(sshd(machine, (tmp_path / "key.pub").read_text()))
        write_names(tmp_path)
        yield Fleet(machines, places[0], tmp_path)


def plug(machine: Machine, outside: Internet, number: int) -> None:
    """Take the machine from the internet of its own, and give it a wire to the one of all."""
    inner = (
        "link del eth0",
        f"link add eth0 type veth peer name wire{number} netns {outside.holder}",
        f"addr add {address(number, 4)}/24 dev eth0",
        f"addr add {address(number, 6)}/64 dev eth0 nodad",
        "link set eth0 up",
    )
    outer = (
        f"addr add 198.18.{number}.1/24 dev wire{number}",
        f"addr add 2001:db8:18:{number}::1/64 dev wire{number} nodad",
        f"link set wire{number} up",
    )
    for place, lines in ((machine, inner), (outside, outer)):
        for line in lines:
            place.with_our_tools(["ip", *line.split()])


def address(number: int, family: int) -> str:
    return f"198.18.{number}.10" if family == 4 else f"2001:db8:18:{number}::10"


def first_boot(machine: Machine, package: Path, name: str) -> None:
    """A machine of a baked image, and what its first boot would have made."""
    machine.write("/etc/hosts", f"127.0.0.1 localhost {name} machine\n")
    machine.write("/etc/resolv.conf", "")
    # The roots leave documentation out, which dpkg would report as missing; and there is no archive to wait for.
    machine.run("sh", "-c", "rm -rf /etc/dpkg/dpkg.cfg.d/*mmdebstrap* /etc/apt/sources.list*")
    machine.write("/var/lib/cloud/instance/boot-finished", "")
    backend = "iptables" if package.suffix == ".rpm" else "nftables"
    bake(machine, prepare(machine, package), backend, "--sealed")
    finish(machine)
    # cloud-init would merge it with the image's default policy, which says so where a system has both services.
    machine.write("/root/policy.yaml", f"{POLICY}  backend: {backend}\n")
    machine.run("vps-firewall", "apply", "/root/policy.yaml")
    machine.write("/etc/machine-id", f"{name.encode().hex():0>32}\n")
    machine.write(f"/var/lib/cloud/instances/{name}/boot-finished", "")
    machine.run("ln", "-sfn", f"/var/lib/cloud/instances/{name}", "/var/lib/cloud/instance")
    machine.write("/run/cloud-init/result.json", '{"v1": {"errors": []}}')


@contextlib.contextmanager
def sshd(machine: Machine, key: str) -> Iterator[None]:
    machine.run("ssh-keygen", "-A")
    machine.run("usermod", "-p", "*", "root")
    machine.run("mkdir", "-p", "/run/sshd")
    machine.write("/root/.ssh/authorized_keys", key)
    process = subprocess.Popen(
        [*machine.entrance(), *SSHD], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        deadline = time.monotonic() + 20
        while ":22 " not in machine.with_our_tools(["ss", "-Hlnt"]).stdout:
            assert process.poll() is None, process.stdout and process.stdout.read()
            assert time.monotonic() < deadline, "sshd does not listen"
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


def write_names(folder: Path) -> None:
    """The machines as ssh and as Ansible know them; and one in each that is not there."""
    hosts = {**{name: address(number, 4) for number, name in enumerate(KINDS, 1)}, "gone": "198.18.1.99"}
    config, inventory = [], ["[fleet]"]
    for name, place in hosts.items():
        config += [f"Host {name}", f"  HostName {place}", "  User root", f"  IdentityFile {folder}/key"]
        config += [f"  {option.replace('=', ' ')}" for option in SSH_OPTIONS]
        inventory.append(f"{name} ansible_host={place} ansible_user=root ansible_ssh_private_key_file={folder}/key")
    options = " ".join(f"-o {option}" for option in SSH_OPTIONS)
    inventory += ["[fleet:vars]", f"ansible_ssh_common_args={options}"]
    (folder / "ssh_config").write_text("\n".join([*config, "Host *", "  ConnectTimeout 3", ""]))
    (folder / "inventory").write_text("\n".join([*inventory, ""]))


def look(fleet: Fleet, hosts: str, *more: str) -> dict[str, dict[str, str]]:
    """One call of the suite. -> host -> test -> why it failed, but for what has to ask systemd."""
    report = fleet.folder / "report.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "fleet/vps_firewall_fleet"]
    command += ["--junitxml", str(report)]
    command += ["--hosts", hosts, "--policy", str(fleet.folder / "policy.yaml"), *more]
    enter = ["nsenter", f"--net=/proc/{fleet.outside.holder}/ns/net", "--"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [*enter, *command], cwd=REPOSITORY, capture_output=True, text=True, check=False, env=environment
    )
    assert report.exists(), done.stdout + done.stderr
    found: dict[str, dict[str, str]] = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):  # noqa: S314  our own file
        test, _, host = str(case.get("name")).rstrip("]").partition("[")
        of_host = found.setdefault(host.partition("://")[2], {})
        for failure in (*case.iter("failure"), *case.iter("error")):
            if not test.startswith(ASK_SYSTEMD):
                of_host[f"{test}["] = f"{failure.get('message')}\n{failure.text}"
    return found


def break_machine(machine: Machine, commands: Sequence[str]) -> None:
    for command in commands:
        machine.run("sh", "-c", command)


def test_each_wrong_machine_is_named(fleet: Fleet) -> None:
    known = fleet.folder / "known"
    over_ssh = ("--ssh-config", str(fleet.folder / "ssh_config"), "--identities", str(known))
    healthy = look(fleet, "ssh://web,ssh://mail,ssh://db", *over_ssh, "-n", "2")
    assert healthy == {"web": {}, "mail": {}, "db": {}}

    (first,) = (line for line in known.read_text().splitlines() if "ssh://web" in line)
    asked = [way for way in WAYS if not way.test.startswith(ASK_SYSTEMD)]
    assert len(asked) >= 18
    break_machine(fleet.machines["mail"], [way.command.replace("@FIRST@", first) for way in asked])
    break_machine(
        fleet.machines["db"],
        ["nft insert rule inet vps_firewall input tcp dport 3306 accept", "nft add table inet other"],
    )

    # Two processes for three machines, by names that ssh knows; and more of them than machines, by Ansible's.
    found = look(fleet, "ssh://web,ssh://mail,ssh://db", *over_ssh, "-n", "2")
    assert [way.name for way in asked if not way.found_in(found["mail"])] == []
    assert sorted(found["db"]) == [
        "test_kernel_holds_what_is_saved[",
        "test_kernel_judges_as_the_policy_says[",
        "test_tcp[",
    ]
    assert set(found["web"]) <= {"test_no_identity_is_shared["}, "its twin is the one that is wrong"

    inventory = ("--ansible-inventory", str(fleet.folder / "inventory"))
    again = look(fleet, "ansible://fleet", *inventory, "-n", "6")
    assert [way.name for way in asked if not way.found_in(again["mail"])] == []
    assert again["db"].keys() == found["db"].keys()
    assert set(again["web"]) <= {"test_no_identity_is_shared["}
    assert "no way in: ssh: connect to host 198.18.1.99" in again["gone"]["test_package["]

"""a bundle on each suite's stock image -> what an installed module would do, by cloud-init's own part-handlers.

Nothing of ours is on these machines but what the user-data brings.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from cc_vps_firewall.bundle import bundle
from tests import suites
from tests.cloudinit.test_matrix import (
    EVERYTHING,
    TUTORIAL,
    TUTORIAL_PORTS,
    answering,
    assert_no_complaint,
    assert_saved,
    both_backends,
    forget_rules,
    pings,
    tables,
)
from tests.lab import boot
from tests.lab.world import ANYONE, OFFICE, Internet, Machine, world

COMMAND = "/usr/local/sbin/vps-firewall"
ENGINE = "/var/lib/vps-firewall/engine/vps_firewall_engine.py"
FORMS = {"mime": bundle.FORMS[0], "gzip": "gzip", "archive": "archive"}  # base64 is undone by the provider


@pytest.fixture
def made(suite: suites.Suite) -> Iterator[tuple[Machine, Internet]]:
    """A machine as the suite's packages leave it."""
    with world(suites.root_of(suite.name)) as both:
        both[0].write("/etc/cloud/cloud.cfg.d/90_seed.cfg", boot.SITE_CONFIGURATION)
        yield both


def bundled(user_data: str, form: str = "mime") -> bytes:
    return bundle.make(user_data.encode(), form)[0]


def assert_applied(machine: Machine, backend: str) -> None:
    record = boot.record(machine)
    assert record.status["result"] == "applied", record.status
    assert record.status["backend"] == backend
    verified = machine.run(COMMAND, "verify", check=False)
    assert (verified.returncode, verified.stderr) == (0, ""), verified.stdout + verified.stderr
    assert json.loads(machine.run(COMMAND, "status").stdout) == record.status
    assert_saved(machine, backend)
    assert_no_complaint(machine)


@both_backends
@pytest.mark.parametrize("form", FORMS)
def test_each_form(form: str, backend: str, machine: Machine, internet: Internet) -> None:
    """The tutorial's stanza: open before, closed by the part-handler, saved for the next boot, and no complaint."""
    boot.seed(machine, bundled(TUTORIAL.format(backend=backend), form))
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: set(EVERYTHING), 6: set(EVERYTHING)}
        boot.boot(machine, fresh=form == "mime")
        assert answering(internet, ANYONE) == {4: set(TUTORIAL_PORTS), 6: set(TUTORIAL_PORTS)}
        assert answering(internet, OFFICE) == {4: {22, *TUTORIAL_PORTS}, 6: set(TUTORIAL_PORTS)}
    assert pings(internet) == {4: True, 6: True}
    assert_applied(machine, backend)


@both_backends
def test_a_host_that_publishes_forwards(backend: str, machine: Machine, internet: Internet) -> None:
    """The engine switches it on, saves it, and looks at it when it verifies."""
    policy = "publish: [{port: 8443/tcp, to: 10.8.0.2, to_port: 443}]"
    boot.seed(machine, bundled(f"#cloud-config\nvps_firewall: {{backend: {backend}, {policy}}}\n"))
    boot.boot(machine)
    assert_applied(machine, backend)
    assert machine.run("cat", "/proc/sys/net/ipv4/ip_forward").stdout == "1\n"
    assert "net/ipv4/ip_forward = 1\n" in machine.run("cat", "/etc/sysctl.d/99-vps-firewall.conf").stdout
    assert json.loads(machine.run("cat", "/var/lib/vps-firewall/forwarding.json").stdout) == {
        "net/ipv4/ip_forward": "0"
    }
    machine.run("sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward")
    verified = machine.run(COMMAND, "verify", check=False)
    assert verified.returncode == 6
    assert "ip_forward = 1" in verified.stdout


@both_backends
def test_an_interface_that_is_trusted_is_no_uplink(backend: str, machine: Machine, internet: Internet) -> None:
    """The machine's own eth0 has its default route: the policy's SSH alone is left of such a bundle."""
    policy = 'ssh: {from: [203.0.113.7]}, allow: [http, {service: all, interface: "eth*"}]'
    boot.seed(machine, bundled(f"#cloud-config\nvps_firewall: {{backend: {backend}, {policy}}}\n"))
    boot.boot(machine)
    status = boot.record(machine).status
    assert status["in_force"] == "the policy's own SSH alone"
    assert any("has the default route here" in problem for problem in status["problems"])


def test_second_boot_does_nothing(machine: Machine, internet: Internet) -> None:
    """Neither the rules nor the files are touched again, and reading the part-handler costs under 20 ms."""
    boot.seed(machine, bundled("#cloud-config\nvps_firewall: {allow: [http]}\n"))
    boot.boot(machine)
    first = boot.record(machine).status
    forget_rules(machine)
    boot.boot(machine)
    assert tables(machine) == "", "the engine ran again"
    assert boot.record(machine).status == first
    assert boot.record(machine).lines("Calling handler <module 'part-handler"), "cloud-init did not come to it"
    handler = machine.run("sh", "-c", "cd /var/lib/cloud/instance/handlers && ls *.py").stdout.split(".")[0]
    load = f"import importlib; it = importlib.import_module({handler!r}); it.list_types()"
    warm = "import glob, json, logging, os, re, subprocess, sys, time, importlib"  # cloud-init has these already
    ask = f"{warm}\nsys.path.insert(0, '/var/lib/cloud/instance/handlers')\nbegan = time.perf_counter()\n{load}\n"
    ask += "print(time.perf_counter() - began)"
    assert min(float(machine.run("python3", "-c", ask).stdout) for _ in range(3)) < 0.02


# --- what goes wrong: closed but for SSH, told by cloud-init's own status, and the rest of the user-data still runs ---


@pytest.mark.parametrize("damage", ["engine", "stanza", "no stanza"])
def test_a_spoilt_bundle(damage: str, machine: Machine, internet: Internet) -> None:
    made = bundled(
        "#cloud-config\nvps_firewall: {backend: nftables, allow: [http]}\nwrite_files: [{path: /root/mine}]\n"
    )
    if damage == "engine":
        head, mark, packed = made.partition(b'PACKED = """\n')
        made = head + mark + packed[:2000] + b"AAAA" * 500 + packed[4000:]
    elif damage == "stanza":
        made = made.replace(b'"http"', b'"https"')
    else:
        made = made.replace(b"Content-Type: text/x-vps-firewall", b"Content-Type: text/x-lost")
    boot.seed(machine, made)
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {22}, 6: {22}}
    assert_failed(machine)


def assert_failed(machine: Machine) -> None:
    record = boot.record(machine)
    assert record.status["result"] == "failed", record.status
    assert record.status["problems"], record.status
    assert [problem for problem in record.status["problems"] if problem not in machine.read(boot.CONSOLE)] == []
    shown = machine.cloud_init("status")
    assert (shown.returncode, shown.stdout.splitlines()[0]) == (1, "status: error")
    assert (machine.root / "root/mine").exists(), "the rest of the user-data was not done"
    assert "debian:" in machine.read("/etc/passwd")


def test_a_host_without_tools_or_a_repository(machine: Machine, internet: Internet) -> None:
    """Nothing can close it: that is said where an owner looks."""
    for tool in ("nft", "iptables-restore", "ip6tables-restore"):
        machine.run("sh", "-c", f"rm -f $(command -v {tool})")
    machine.run("sh", "-c", "rm -rf /etc/apt/sources.list*")
    boot.seed(machine, bundled("#cloud-config\nvps_firewall: {allow: [http]}\nwrite_files: [{path: /root/mine}]\n"))
    boot.boot(machine)
    assert_failed(machine)
    assert "OPEN over IPv4 and IPv6" in boot.record(machine).status["problems"][0]


# --- hosts of other kinds ---


def test_usr_that_cannot_be_written(machine: Machine, internet: Internet) -> None:
    machine.run("mount", "--bind", "/usr", "/usr")
    machine.run("mount", "-o", "remount,bind,ro", "/usr")
    boot.seed(machine, bundled("#cloud-config\nvps_firewall: {backend: nftables, allow: [http]}\n"))
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {22, 80}, 6: {22, 80}}
    verified = machine.run("/var/lib/vps-firewall/engine/vps-firewall", "verify", check=False)
    assert (verified.returncode, verified.stderr) == (0, ""), verified.stdout + verified.stderr
    assert boot.record(machine).status["result"] == "applied"


def test_yaml_without_its_c_loader(machine: Machine, internet: Internet) -> None:
    machine.run(
        "sh", "-c", "rm -rf /usr/lib/python3/dist-packages/yaml/_yaml*.so /usr/lib/python3/dist-packages/_yaml*"
    )
    boot.seed(machine, bundled("#cloud-config\nvps_firewall: {backend: nftables, allow: [http]}\n"))
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {22, 80}, 6: {22, 80}}
    assert_applied(machine, "nftables")


def test_an_older_bundle_is_there(machine: Machine, internet: Internet) -> None:
    """An image made of a machine that had one: the new instance gets the engine and the policy of its own."""
    boot.seed(machine, bundled("#cloud-config\nvps_firewall: {backend: nftables, allow: [http]}\n"))
    boot.boot(machine)
    machine.write(ENGINE, "raise RuntimeError('old')\n")
    boot.seed(machine, bundled("#cloud-config\nvps_firewall: {backend: nftables, allow: [https]}\n"), instance="second")
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {22, 443}, 6: {22, 443}}
    assert_applied(machine, "nftables")


def test_sshd_elsewhere_than_the_bundle_thinks(machine: Machine, internet: Internet) -> None:
    """The port was not known where the bundle was made: closed but for where sshd is, and said."""
    machine.write("/etc/ssh/sshd_config.d/port.conf", "Port 8080\n")
    boot.seed(machine, bundled("#cloud-config\nvps_firewall: {allow: [http]}\nwrite_files: [{path: /root/mine}]\n"))
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {8080}, 6: {8080}}
    assert_failed(machine)
    assert "sshd listens on 8080" in boot.record(machine).status["problems"][0]


def test_sshd_elsewhere_and_a_policy_that_is_refused(machine: Machine, internet: Internet) -> None:
    """Its own SSH is carried beside it, and is saved."""
    machine.write("/etc/ssh/sshd_config.d/port.conf", "Port 8080\n")
    asked = "{ssh: {port: 8080, from: [203.0.113.7]}, allow: [http]}"
    made = bundled(f"#cloud-config\nvps_firewall: {asked}\nwrite_files: [{{path: /root/mine}}]\n")
    boot.seed(machine, made.replace(b'"http"', b'"https"'))
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, OFFICE) == {4: {8080}, 6: set()}
        assert answering(internet, ANYONE) == {4: set(), 6: set()}
    assert_failed(machine)
    assert boot.record(machine).status["in_force"] == "the policy's own SSH alone"
    assert machine.run(COMMAND, "verify", check=False).returncode == 0


@both_backends
def test_provisioned_anew_with_a_bundle_that_is_refused(backend: str, machine: Machine, internet: Internet) -> None:
    """Somebody has edited the stanza: what the instance before had opened is closed, and SSH is this owner's own."""
    boot.seed(machine, bundled(f"#cloud-config\nvps_firewall: {{backend: {backend}, allow: [3306/tcp]}}\n"))
    boot.boot(machine)
    asked = f"{{backend: {backend}, ssh: {{from: [203.0.113.7]}}, allow: [http]}}"
    made = bundled(f"#cloud-config\nvps_firewall: {asked}\nwrite_files: [{{path: /root/mine}}]\n")
    boot.seed(machine, made.replace(b'"http"', b'"https"'), instance="second")
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, OFFICE) == {4: {22}, 6: set()}
        assert answering(internet, ANYONE) == {4: set(), 6: set()}
    assert_failed(machine)
    assert boot.record(machine).status["in_force"] == "the policy's own SSH alone"
    assert machine.run(COMMAND, "verify", check=False).returncode == 0


def test_a_bundle_of_both_takes_the_other_backend(machine: Machine, internet: Internet) -> None:
    """nft is there and takes nothing: the owner's own SSH is loaded by iptables, and saved."""
    machine.write("/usr/sbin/nft", "#!/bin/sh\ncat >/dev/null\nexit 1\n")
    machine.run("chmod", "755", "/usr/sbin/nft")
    machine.run("rm", "-rf", "/usr/share/netfilter-persistent")  # so that nft would come first
    asked = "{backend: auto, ssh: {from: [203.0.113.7]}, allow: [http]}"
    made = bundle.make(f"#cloud-config\nvps_firewall: {asked}\n".encode(), chosen="auto")[0]
    boot.seed(machine, made.replace(b'"http"', b'"https"'))
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, OFFICE) == {4: {22}, 6: set()}
        assert answering(internet, ANYONE) == {4: set(), 6: set()}
    assert boot.record(machine).status["backend"] == "iptables"


def test_the_same_bytes_by_every_python(machine: Machine) -> None:
    """And whatever order its sets have."""
    for part in boot.SOURCES:
        for file in (boot.REPOSITORY / part).rglob("*"):
            if file.is_file() and file.suffix != ".pyc":
                machine.write(f"{boot.UNPACKED}/{file.relative_to(boot.REPOSITORY)}", file.read_bytes())
    user_data = TUTORIAL.format(backend="auto")
    for seed, form in enumerate(FORMS):
        command = ["python3", "-m", "cc_vps_firewall", "bundle", "--format", form, "-"]
        made = machine.run("sh", "-c", f"{' '.join(command)} | base64 -w0", given=user_data,
                           environment={"PYTHONPATH": boot.UNPACKED, "PYTHONHASHSEED": str(seed)}).stdout  # fmt: skip
        assert base64.b64decode(made) == bundled(user_data, form), form

"""a baked machine that works -> the fleet suite is content; the same, wrong in many ways -> it finds each of them.

The machine is a root with a network of its own, and has no systemd: what asks systemd, and what knocks from outside, is
tested by `make image`, on a machine that was booted.
"""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from tests.image.breaking import WAYS
from tests.lab.world import GATEWAY, Machine
from tests.packer.test_bake import bake, finish, prepare
from tests.suites import REPOSITORY

# These ask a running systemd or cloud-init, or look through /proc of a PID namespace that chroot(8) does not enter.
ASK_SYSTEMD = (
    "test_services_did",
    "test_services_come",
    "test_stop_of",
    "test_cloud_init_comes",
    "test_the_seal_or",
    "test_cloud_init_is_done",
    "test_its_own_check",
)
FILES = [f"fleet/vps_firewall_fleet/test_{name}.py" for name in ("inside", "left_behind", "policy")]
POLICY = f"""\
#cloud-config
vps_firewall:
  ssh: {{from: ["{GATEWAY[4]}", "{GATEWAY[6]}"]}}
  allow:
    - http
    - 8443/tcp
    - {{port: 5000/tcp, from: [203.0.113.0/24]}}
    - {{port: 60000-60010/udp, from: ["2001:db8:51::/64"]}}
"""


def suite(machine: Machine, folder: Path, called: str) -> dict[str, str]:
    """Run it against the machine. -> test -> why it failed."""
    report = folder / "report.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *FILES]
    command += ["--connection", "chroot", "--hosts", f"/proc/{machine.holder}/root", "--junitxml", str(report)]
    command += ["--policy", str(folder / "policy.yaml"), "--identities", str(folder / "known"), "--called", called]
    enter = ["nsenter", f"--target={machine.holder}", "--net", "--"]
    done = subprocess.run([*enter, *command], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert report.exists(), done.stdout + done.stderr
    found = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):  # noqa: S314  our own file
        for failure in (*case.iter("failure"), *case.iter("error")):
            found[str(case.get("name"))] = f"{failure.get('message')}\n{failure.text}"
    return found


def test_what_is_wrong_is_found(el: Machine, rpms: dict[str, Path], tmp_path: Path) -> None:
    bake(el, prepare(el, rpms["this"]), "iptables", "--sealed")
    finish(el)
    (tmp_path / "policy.yaml").write_text(POLICY)
    el.write("/root/policy.yaml", POLICY)
    el.run("vps-firewall", "apply", "/root/policy.yaml")
    # What a first boot would have made.
    el.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    el.write("/etc/ssh/ssh_host_ed25519_key.pub", "ssh-ed25519 AAAAfirst root\n")
    el.write("/var/lib/cloud/instances/first/boot-finished", "")
    el.run("ln", "-sfn", "/var/lib/cloud/instances/first", "/var/lib/cloud/instance")
    el.write("/run/cloud-init/result.json", '{"v1": {"errors": []}}')

    healthy = {name: why for name, why in suite(el, tmp_path, "first").items() if not name.startswith(ASK_SYSTEMD)}
    assert healthy == {}

    first = (tmp_path / "known").read_text().splitlines()[0]
    asked = [way for way in WAYS if not way.test.startswith((*ASK_SYSTEMD, "test_tcp", "test_udp"))]
    assert len(asked) >= 15
    for way in asked:
        el.run("sh", "-c", way.command.replace("@FIRST@", first))
    found = suite(el, tmp_path, "second")
    assert [way.name for way in asked if not way.found_in(found)] == []

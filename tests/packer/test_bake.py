"""a machine of a vendor's image, the builder in it -> baked, and with nothing of the builder; told what will not do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from packer.bake import bake as program
from tests.lab.world import Machine

BAKE = Path(program.__file__)
INSIDE = "/var/tmp/vps-firewall-bake"
DEFAULT = "#cloud-config\nvps_firewall: {ping: false}\n"


def prepare(machine: Machine, package: Path) -> str:
    """What packer puts there, and what a boot with the builder's seed left. -> the package's path."""
    machine.write(f"{INSIDE}/bake.py", BAKE.read_text())
    machine.write(f"{INSIDE}/default-policy.yaml", DEFAULT)
    machine.write(f"{INSIDE}/{package.name}", package.read_bytes())
    machine.run("useradd", "-m", "packer")
    for path, text in {
        "/home/packer/.ssh/authorized_keys": "ssh-rsa AAAA packer\n",
        "/root/.ssh/authorized_keys": "ssh-rsa AAAA packer\n",
        "/etc/sudoers.d/90-cloud-init-users": "packer ALL=(ALL) NOPASSWD:ALL\n",
        "/etc/ssh/ssh_host_ed25519_key": "secret\n",
        "/etc/ssh/ssh_host_ed25519_key.pub": "ssh-ed25519 AAAA\n",
        "/etc/machine-id": "0123456789abcdef0123456789abcdef\n",
        "/etc/hostname": "builder\n",
        "/var/log/cloud-init.log": "bake\n",
        "/var/log/messages": "bake\n",
        "/var/log/messages-20261101": "bake\n",
        "/var/lib/cloud/instances/bake/user-data.txt": "bake\n",
        "/etc/systemd/network/10-cloud-init-eth0.network": "[Match]\n",
        "/var/lib/systemd/random-seed": "seed\n",
        "/tmp/packer-shell": "bake\n",
        "/root/.bash_history": "bake\n",
    }.items():
        machine.write(path, text)
    machine.run("sh", "-c", "cd /var/lib/cloud && ln -sfn instances/bake instance; touch instance/boot-finished")
    return f"{INSIDE}/{package.name}"


def bake(machine: Machine, package: str, backend: str, *more: str, check: bool = True) -> tuple[int, str]:
    done = machine.run(
        "python3", "-B", f"{INSIDE}/bake.py", "bake", "--package", package, "--backend", backend, *more, check=check
    )
    return done.returncode, done.stdout + done.stderr


def finish(machine: Machine) -> None:
    machine.run("python3", "-B", f"{INSIDE}/bake.py", "finish", "--builder", "packer")


def on_disk(machine: Machine) -> dict[str, str]:
    """Every file with its mode, owner and sum, but for the package managers' own accounts."""
    skipped = ("/proc", "/sys", "/dev", "/run", "/var/lib/rpm", "/var/lib/dpkg", "/var/lib/dnf", "/var/lib/apt")
    prune = [word for path in skipped for word in ("-path", path, "-prune", "-o")]
    listed = machine.run("find", "/", *prune, "-printf", "%p\t%M %u:%g %l\n").stdout
    found = dict(line.split("\t", 1) for line in listed.splitlines())
    summed = machine.run("find", "/", *prune, "-type", "f", "-exec", "md5sum", "{}", "+").stdout
    for line in summed.splitlines():
        digest, _, path = line.partition("  ")
        found[path] = f"{found.get(path)} {digest}"
    return found


def test_el(el: Machine, rpms: dict[str, Path]) -> None:
    package = prepare(el, rpms["this"])
    bake(el, package, "iptables", "--sealed", "--default", f"{INSIDE}/default-policy.yaml")
    facts = json.loads(el.read(f"{INSIDE}/facts.json"))
    assert any(line.startswith("iptables-nft-services ") for line in facts["packages"])
    assert sorted(facts["seal_sha256"]) == ["/etc/sysconfig/ip6tables", "/etc/sysconfig/iptables"]
    for unit in ("iptables.service", "ip6tables.service"):
        assert el.run("systemctl", "is-enabled", unit).stdout.strip() == "enabled"
    assert "ping: false" in el.read("/etc/cloud/cloud.cfg.d/98_vps_firewall_default.cfg")
    finish(el)
    check_clean(el)
    assert "*filter" in el.read("/etc/sysconfig/iptables"), "still sealed"
    again(el, rpms["this"], "iptables")


def test_debian(debian: Machine, debs: dict[str, Path]) -> None:
    package = prepare(debian, debs["this"])
    bake(debian, package, "nftables", "--sealed")
    assert debian.run("systemctl", "is-enabled", "vps-firewall.service").stdout.strip() == "enabled"
    finish(debian)
    check_clean(debian)
    assert debian.read("/etc/nftables/vps-firewall.nft")
    assert not (debian.root / "usr/sbin/policy-rc.d").exists()


def check_clean(machine: Machine) -> None:
    """As the fleet suite's test_left_behind.py sees it, and what only the image itself shows."""
    assert machine.run("getent", "passwd", "packer", check=False).returncode != 0
    gone = (
        *("/home/packer", "/root/.ssh/authorized_keys", "/etc/sudoers.d/90-cloud-init-users", INSIDE, "/etc/passwd-"),
        *("/etc/ssh/ssh_host_ed25519_key", "/var/log/cloud-init.log", "/var/log/messages-20261101"),
        *("/var/lib/cloud/instances", "/var/lib/systemd/random-seed", "/tmp/packer-shell", "/root/.bash_history"),
        *("/etc/systemd/network/10-cloud-init-eth0.network", "/etc/shadow-"),
    )
    left = [path for path in gone if machine.run("test", "-e", path, check=False).returncode == 0]
    assert left == []
    assert machine.read("/etc/machine-id") == machine.read("/etc/hostname") == machine.read("/var/log/messages") == ""
    found = machine.run("sh", "-c", "grep -rlsE '^packer:|packer ALL|AAAA packer' /etc /root /home /var; true").stdout
    assert found == ""
    for name in ("policy.json", "instance", "status.json", "status-private.json"):
        assert machine.run("test", "-e", f"/var/lib/vps-firewall/{name}", check=False).returncode != 0


def again(machine: Machine, package: Path, backend: str) -> None:
    """Baking twice changes nothing."""
    before = on_disk(machine)
    path = prepare(machine, package)
    bake(machine, path, backend, "--sealed", "--default", f"{INSIDE}/default-policy.yaml")
    finish(machine)
    after = on_disk(machine)
    differs = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    # Opened again: the copy of the machine that this is compared with has another inode, not another content.
    assert sorted(differs - ALLOWED) == []


ALLOWED = {"/etc/.pwd.lock"}


def test_an_old_version_of_ours_is_upgraded(el: Machine, rpms: dict[str, Path]) -> None:
    package = prepare(el, rpms["older"])
    bake(el, package, "iptables", "--sealed")
    bake(el, prepare_package(el, rpms["this"]), "iptables", "--sealed")
    assert el.run("rpm", "-q", "vps-firewall").stdout.strip() == rpms["this"].name[: -len(".rpm")]
    assert el.run("rpm", "-V", "vps-firewall", check=False).stdout == ""


def test_the_version_that_was_asked_for_is_in_the_image(
    el: Machine, debian: Machine, rpms: dict[str, Path], debs: dict[str, Path]
) -> None:
    """dnf goes back to the older version of the file, apt refuses to; neither passes over the difference."""
    bake(el, prepare(el, rpms["newer"]), "iptables", "--sealed")
    bake(el, prepare_package(el, rpms["this"]), "iptables", "--sealed")
    assert el.run("rpm", "-q", "vps-firewall").stdout.strip() == rpms["this"].name[: -len(".rpm")]
    # There is no network to wait for.
    debian.run("sh", "-c", "rm -rf /etc/apt/sources.list /etc/apt/sources.list.d")
    bake(debian, prepare(debian, debs["newer"]), "nftables", "--sealed")
    code, said = bake(debian, prepare_package(debian, debs["this"]), "nftables", "--sealed", check=False)
    assert code == 1
    assert "bake: " in said


def prepare_package(machine: Machine, package: Path) -> str:
    machine.write(f"{INSIDE}/{package.name}", package.read_bytes())
    return f"{INSIDE}/{package.name}"


def test_a_rival_is_switched_off(el: Machine, rpms: dict[str, Path]) -> None:
    unit = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
    el.write("/usr/lib/systemd/system/firewalld.service", unit)
    el.run("systemctl", "enable", "firewalld.service")
    _, said = bake(el, prepare(el, rpms["this"]), "iptables", "--sealed")
    assert "firewalld.service was enabled in the base image: disabled and masked" in said
    assert el.run("systemctl", "is-enabled", "firewalld.service", check=False).stdout.strip() == "masked"


@pytest.mark.parametrize(
    "harm, message",
    [
        ("mv /usr/bin/cloud-init /root/", "this base image has no cloud-init"),
        ("rm {package}", "there is no {package}"),
        ("mv {package} {package}.deb; touch {package}", "is empty"),
    ],
    ids=["no cloud-init", "no package", "no rpm"],
)
def test_what_will_not_do(el: Machine, rpms: dict[str, Path], harm: str, message: str) -> None:
    package = prepare(el, rpms["this"])
    el.run("sh", "-c", harm.format(package=package))
    code, said = bake(el, package, "iptables", "--sealed", check=False)
    assert code == 1
    assert "bake: " in said
    if message != "is empty":
        assert message.format(package=package) in said
    assert "Traceback" not in said


def test_a_package_of_another_kind(debian: Machine, rpms: dict[str, Path]) -> None:
    code, said = bake(debian, prepare(debian, rpms["this"]), "nftables", "--sealed", check=False)
    assert code == 1
    assert "is not for this system, which takes .deb packages" in said


def test_a_disk_that_is_full(el: Machine, rpms: dict[str, Path]) -> None:
    package = prepare(el, rpms["this"])
    el.run("sh", "-c", f"sed -i 's/^ROOM = .*/ROOM = 10**9/' {INSIDE}/bake.py")
    code, said = bake(el, package, "iptables", "--sealed", check=False)
    assert code == 1
    assert "the disk is too small" in said
    assert el.run("rpm", "-q", "vps-firewall", check=False).returncode != 0, "nothing was installed"

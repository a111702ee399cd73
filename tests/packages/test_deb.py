"""our .deb and dpkg -> a system that has it, a newer one of it, and none of it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from cc_vps_firewall.bundle import bundle
from tests.lab import boot
from tests.lab.world import Machine
from tests.packages import made
from tests.packages.files import compiled, modules, on_disk, ours

SITE = "/usr/lib/python3/dist-packages"
ENGINE = f"{SITE}/cc_vps_firewall"
SCHEMA = f"{SITE}/cloudinit/config/schemas/schema-cloud-config-v1.json"
HOOK = "/etc/cloud/clean.d/50-vps-firewall"
DROP_IN = "/etc/cloud/cloud.cfg.d/99_vps_firewall.cfg"
POLICY = "#cloud-config\nvps_firewall: {allow: [http]}\n"


def put(machine: Machine, package: Path, *options: str) -> None:
    machine.write(f"/srv/{package.name}", package.read_bytes())
    machine.run("dpkg", *options, "--install", f"/srv/{package.name}")


def verified(machine: Machine, package: str = "vps-firewall") -> str:
    """What dpkg finds changed in a package's files; empty when all is as it came."""
    return machine.run("dpkg", "--verify", package, check=False).stdout


def test_a_life_from_an_older_version_to_its_removal(any_debian: Machine, debs: dict[str, Path]) -> None:
    debian = any_debian
    before = on_disk(debian)
    put(debian, debs["older"])
    added = on_disk(debian) - before
    assert verified(debian) == ""
    assert not [line for line in added if "cloud.cfg.d" in line], "an installation alone changes no boot"
    debian.run("vps-firewall", "install")
    assert verified(debian) == ""
    assert "vps_firewall" in debian.read(DROP_IN)
    assert {"gone", "gone_too/__init__", "gone_too/gone_in"} <= set(compiled(debian, ENGINE))

    put(debian, debs["this"])
    assert verified(debian) == ""
    assert debian.run("find", ENGINE, "-name", "gone*").stdout == "", "what the older version had is gone"
    assert "vps_firewall" in debian.read(DROP_IN)
    assert compiled(debian, ENGINE) == modules(debian, ENGINE)

    put(debian, debs["newer"])
    assert verified(debian) == ""
    assert {"coming", "coming_too/__init__", "coming_too/in_it"} <= set(compiled(debian, ENGINE))
    assert "vps_firewall" in debian.read(DROP_IN)

    debian.run("dpkg", "--remove", "vps-firewall")
    assert on_disk(debian) == before
    assert ours(debian) == []
    assert debian.run("dpkg-query", "--show", "vps-firewall", check=False).stdout == "", "dpkg has forgotten it"


def test_a_machine_that_a_bundle_closed_gets_another_policy(debian: Machine, debs: dict[str, Path]) -> None:
    """As docs/how-to/stock-images.md says: the package over it, and an apply. The bundle's own command, which is first
    on PATH, makes room, and no later boot brings the bundle's policy back."""
    debian.run("rm", "-r", "/var/lib/cloud/instance")  # a link, where cloud-init makes it
    debian.write("/etc/cloud/cloud.cfg.d/90_seed.cfg", boot.SITE_CONFIGURATION)
    made = bundle.make(b"#cloud-config\nvps_firewall: {backend: nftables, allow: [https]}\n", "mime")[0]
    boot.seed(debian, made)
    boot.boot(debian)
    link = "/usr/local/sbin/vps-firewall"
    assert debian.run("which", "vps-firewall").stdout == f"{link}\n"
    put(debian, debs["this"])
    assert debian.run("which", "vps-firewall").stdout == "/usr/bin/vps-firewall\n"
    assert debian.run("vps-firewall", "verify", check=False).returncode in (0, 6)
    debian.run("vps-firewall", "apply", "-", given=POLICY.replace("{allow", "{backend: nftables, allow"))
    for _ in range(2):
        rules = debian.run("nft", "list", "table", "inet", "vps_firewall").stdout
        assert 'allow[0] http"' in rules
        assert "https" not in rules
        assert debian.run("vps-firewall", "verify").stdout.startswith("equal: ")
        boot.boot(debian)
    assert debian.run("which", "vps-firewall").stdout == "/usr/bin/vps-firewall\n"


def test_what_verification_checks(debian: Machine, debs: dict[str, Path]) -> None:
    """dpkg --verify is no check unless it sees a change."""
    put(debian, debs["this"])
    debian.run("sh", "-c", f"echo '# changed' >>{ENGINE}/apply/converge.py")
    assert f"{ENGINE}/apply/converge.py" in verified(debian)


def test_another_cloud_init_is_taken_up_at_once(debian: Machine, debs: dict[str, Path], tmp_path: Path) -> None:
    put(debian, debs["this"])
    debian.run("vps-firewall", "install")
    put(debian, cloud_init(debian, tmp_path), "--force-confnew")
    schema = json.loads(debian.read(SCHEMA))
    assert "brand_new" in schema["$defs"], "the upgrade brought its own"
    assert "cc_vps_firewall" in schema["$defs"], "and it was extended again"
    assert "brand_new" in debian.read(DROP_IN)
    assert verified(debian) == ""
    debian.run("dpkg", "--purge", "vps-firewall")
    assert verified(debian, "cloud-init") == "", "what the newer package holds, byte for byte"
    assert ours(debian) == []


def test_without_the_trigger_an_upgrade_of_cloud_init_takes_us_out(
    debian: Machine, debs: dict[str, Path], tmp_path: Path
) -> None:
    """What the test above sees fail."""
    put(debian, debs["this"])
    debian.run("vps-firewall", "install")
    put(debian, cloud_init(debian, tmp_path), "--force-confnew", "--no-triggers")
    assert "cc_vps_firewall" not in debian.read(SCHEMA)
    assert "brand_new" not in debian.read(DROP_IN)


def test_a_module_that_is_not_registered_stays_so(debian: Machine, debs: dict[str, Path], tmp_path: Path) -> None:
    put(debian, debs["this"])
    put(debian, cloud_init(debian, tmp_path), "--force-confnew")
    assert "cc_vps_firewall" not in debian.read(SCHEMA)
    assert debian.read(DROP_IN) == ""


def cloud_init(machine: Machine, folder: Path) -> Path:
    """The machine's own package of that name, as a later version that has one more module, `brand_new`."""
    root = folder / "cloud-init"
    for path in machine.run("dpkg", "--listfiles", "cloud-init").stdout.splitlines():
        there = machine.root / path.lstrip("/")
        if there.is_file() and not there.is_symlink():
            target = root / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(there.read_bytes())
            target.chmod(there.stat().st_mode & 0o777)
    schema = json.loads(original(machine))
    schema["$defs"]["brand_new"] = {}
    (root / SCHEMA.lstrip("/")).write_text(json.dumps(schema))
    config = root / "etc/cloud/cloud.cfg"
    listed = re.sub(r"(?m)^cloud_init_modules:\n( *)", r"cloud_init_modules:\n\1- brand_new\n\1", config.read_text())
    assert "brand_new" in listed
    config.write_text(listed)
    fields = machine.run(
        "dpkg-query",
        "-W",
        "-f",
        "Package: ${Package}\nVersion: 99.0-1\nArchitecture: all\n"
        "Maintainer: ${Maintainer}\nDescription: ${binary:Summary}\n",
        "cloud-init",
    ).stdout
    (root / "DEBIAN").mkdir()
    (root / "DEBIAN/control").write_text(fields)
    etc = sorted(path for path in (root / "etc").rglob("*") if path.is_file())
    (root / "DEBIAN/conffiles").write_text("".join(f"/{path.relative_to(root)}\n" for path in etc))
    built = folder / "cloud-init_99.0-1_all.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(root), str(built)], check=True, capture_output=True
    )
    return built


def original(machine: Machine) -> str:
    """cloud-init's schema as its package has it, also where ours was put into it."""
    return machine.read("/var/lib/vps-firewall/registered-schema.json") or machine.read(SCHEMA)


def test_an_engine_that_was_copied_here_before_makes_room(
    debian: Machine, debs: dict[str, Path], tmp_path: Path
) -> None:
    copy(debian, tmp_path, "0.0.9", made.OLDER)
    before = on_disk(debian)
    by_hand(debian)
    assert debian.read(f"{ENGINE}/gone.py")
    assert debian.run("sh", "-c", f"test ! -L {HOOK} && echo a file of its own").stdout
    put(debian, debs["this"])
    assert verified(debian) == ""
    assert debian.run("readlink", HOOK).stdout == "/usr/libexec/vps-firewall/clean\n"
    assert debian.read(f"{ENGINE}/gone.py") == ""
    assert debian.run("sh", "-c", "command -v vps-firewall").stdout == "/usr/bin/vps-firewall\n"
    debian.run("vps-firewall", "uninstall")
    assert verified(debian) == "", "the package's own stays"
    debian.run("dpkg", "--remove", "vps-firewall")
    assert on_disk(debian) == before


def copy(machine: Machine, folder: Path, version: str = "99.0", more: Mapping[str, str] = MappingProxyType({})) -> None:
    """A clone of our repository, where no package of ours is needed."""
    copied = made.source(folder / "copied", version, more)
    for path in copied.rglob("*"):
        if path.is_file():
            machine.write(f"/srv/copied/{path.relative_to(copied)}", path.read_bytes())


def by_hand(machine: Machine, *more: str) -> None:
    machine.run("sh", "-c", f"cd /srv/copied && python3 -m cc_vps_firewall install {' '.join(more)}")


def test_an_engine_that_is_copied_here_later_finds_it_there(
    debian: Machine, debs: dict[str, Path], tmp_path: Path
) -> None:
    copy(debian, tmp_path)
    before = on_disk(debian)
    put(debian, debs["this"])
    by_hand(debian)
    assert verified(debian) == ""
    assert debian.run("readlink", HOOK).stdout == "/usr/libexec/vps-firewall/clean\n"
    debian.run("dpkg", "--remove", "vps-firewall")
    assert on_disk(debian) == before


def test_cloud_init_clean_forgets_without_a_package_too(debian: Machine, tmp_path: Path) -> None:
    """What the tutorial tells to do. The oldest suite has a cloud-init that calls nothing."""
    copy(debian, tmp_path)
    debian.run("cloud-init", "clean")
    debian.write("/var/lib/cloud/instance/boot-finished", "")
    before = on_disk(debian)
    by_hand(debian, "--sealed")
    sealed = debian.read("/etc/iptables/rules.v4")
    debian.run("vps-firewall", "apply", "-", given=POLICY)
    debian.write("/var/lib/vps-firewall/instance", "i-1")
    by_hand(debian, "--sealed")
    assert debian.read("/etc/iptables/rules.v4") != sealed, "a machine that was sealed keeps its policy"
    debian.run("cloud-init", "clean")
    assert debian.read("/etc/iptables/rules.v4") == sealed
    assert sorted(debian.run("ls", "/var/lib/vps-firewall").stdout.split()) == [
        "registered-schema.json", "registered.json",
    ]  # fmt: skip
    debian.run("vps-firewall", "uninstall")
    debian.write("/var/lib/cloud/instance/boot-finished", "")
    assert on_disk(debian) == before


def test_the_hook_can_be_run_by_hand(any_debian: Machine, tmp_path: Path) -> None:
    """As it must be where cloud-init calls nothing."""
    copy(any_debian, tmp_path)
    by_hand(any_debian)
    assert any_debian.run(HOOK).stdout == "vps-firewall: there was nothing to forget\n"
    any_debian.write("/var/lib/vps-firewall/policy.json", "{}")
    assert any_debian.run(HOOK).stdout == "removed var/lib/vps-firewall/policy.json\n"
    assert any_debian.read("/var/lib/vps-firewall/policy.json") == ""


def test_a_machine_with_a_policy_is_not_sealed(debian: Machine, debs: dict[str, Path]) -> None:
    """The seal would be loaded at its next boot, and the module has done its work for this instance."""
    put(debian, debs["this"])
    debian.run("vps-firewall", "install")
    debian.run("vps-firewall", "apply", "-", given=POLICY)
    before = on_disk(debian)
    done = debian.run("vps-firewall", "install", "--sealed", check=False)
    assert done.returncode == 1
    assert "/ has a policy in force, and the seal would lock its owner out" in done.stderr
    assert on_disk(debian) == before
    debian.run("cloud-init", "clean")
    debian.run("vps-firewall", "install", "--sealed")


def test_a_seal_that_is_killed_at_any_step_comes_out(debian: Machine, debs: dict[str, Path]) -> None:
    """kill -9 by the clock, where unit tests do it by the step: with systemctl's own work between."""
    put(debian, debs["this"])
    debian.run("vps-firewall", "install", "--sealed")
    debian.run("vps-firewall", "uninstall")
    before = on_disk(debian)
    ended = set()
    for tenths in range(1, 16):
        kill = ("timeout", "-s", "KILL", str(tenths / 10))
        ended.add(debian.run(*kill, "vps-firewall", "install", "--sealed", check=False).returncode)
        debian.run("vps-firewall", "uninstall")
        assert on_disk(debian) == before, f"killed after {tenths / 10} s"
    assert 137 in ended or -9 in ended


def test_the_rules_of_a_policy_outlive_the_package(debian: Machine, debs: dict[str, Path]) -> None:
    put(debian, debs["this"])
    debian.run("vps-firewall", "install", "--sealed")
    debian.run("vps-firewall", "apply", "-", given=POLICY)
    rules, saved = debian.run("iptables-save").stdout, debian.read("/etc/iptables/rules.v4")
    assert "VPSFW-" in rules
    assert "VPSFW-" in saved
    debian.run("dpkg", "--purge", "vps-firewall")
    kept = [line for line in debian.run("iptables-save").stdout.splitlines() if line[:1] not in "#:"]
    assert kept == [line for line in rules.splitlines() if line[:1] not in "#:"]
    assert debian.read("/etc/iptables/rules.v4") == saved
    assert "netfilter-persistent.service" in debian.run("ls", "/etc/systemd/system/multi-user.target.wants").stdout
    assert ours(debian) == ["/etc/systemd/system/netfilter-persistent.service.d/vps-firewall.conf"]


def test_what_cannot_be_taken_out_stays_with_the_package(debian: Machine, debs: dict[str, Path]) -> None:
    """A sealed image without the module would let nobody in."""
    put(debian, debs["this"])
    debian.run("vps-firewall", "install", "--sealed")
    patched = debian.read(SCHEMA)
    debian.write(SCHEMA, patched + "\n")
    done = debian.run("dpkg", "--remove", "vps-firewall", check=False)
    assert done.returncode != 0
    assert f"{SCHEMA[1:]} was changed by somebody else too" in done.stderr
    debian.write(SCHEMA, patched)
    debian.run("dpkg", "--remove", "vps-firewall")
    assert ours(debian) == []


def test_a_loader_that_was_removed_meanwhile_keeps_nobody_shut(debian: Machine, debs: dict[str, Path]) -> None:
    """apt leaves a link that starts it behind; the seal had switched it off."""
    debian.run("systemctl", "enable", "nftables.service")
    put(debian, debs["this"])
    debian.run("vps-firewall", "install", "--sealed")
    debian.run("rm", "/usr/lib/systemd/system/nftables.service")
    debian.run("dpkg", "--remove", "vps-firewall")
    assert ours(debian) == []
    assert debian.read("/etc/iptables/rules.v4") == ""


def test_an_owner_who_wants_no_firewall_of_ours_keeps_their_own(debian: Machine, debs: dict[str, Path]) -> None:
    put(debian, debs["this"])
    debian.run("vps-firewall", "install", "--sealed")
    debian.write("/etc/iptables/rules.v4", "*filter\n-A INPUT -s 203.0.113.7 -j ACCEPT\nCOMMIT\n")
    debian.write("/var/lib/vps-firewall/instance", "i-1")
    debian.run("dpkg", "--remove", "vps-firewall")
    assert "203.0.113.7" in debian.read("/etc/iptables/rules.v4")
    assert "netfilter-persistent.service" in debian.run("ls", "/etc/systemd/system/multi-user.target.wants").stdout


def test_cloud_init_clean_seals_a_sealed_image_again(debian: Machine, debs: dict[str, Path]) -> None:
    put(debian, debs["this"])
    debian.run("vps-firewall", "install", "--sealed")
    sealed = debian.read("/etc/iptables/rules.v4")
    debian.run("vps-firewall", "apply", "-", given=POLICY)
    debian.write("/var/lib/vps-firewall/instance", "i-1")
    assert debian.read("/etc/iptables/rules.v4") != sealed
    debian.run("cloud-init", "clean")
    assert debian.read("/etc/iptables/rules.v4") == sealed
    assert sorted(debian.run("ls", "/var/lib/vps-firewall").stdout.split()) == [
        "registered-schema.json", "registered.json",
    ]  # fmt: skip
    assert verified(debian) == ""


def test_apt_keeps_the_package_that_loads_the_rules(debian: Machine, debs: dict[str, Path]) -> None:
    debian.run("apt-mark", "auto", "nftables", "iptables-persistent")
    put(debian, debs["this"])
    assert debian.run("apt-mark", "showmanual", "nftables", "iptables-persistent").stdout == ""
    debian.run("vps-firewall", "install")
    assert debian.run("apt-mark", "showmanual", "nftables", "iptables-persistent").stdout.split() == [
        "iptables-persistent", "nftables",
    ]  # fmt: skip


def test_cloud_init_clean_seals_over_a_policy_of_the_other_backend(debian: Machine, debs: dict[str, Path]) -> None:
    """Else its rules would be loaded beside the seal, and open what they opened."""
    debian.run("cloud-init", "clean")
    debian.write("/var/lib/cloud/seed/there", "")
    before = on_disk(debian)
    put(debian, debs["this"])
    debian.run("vps-firewall", "install", "--sealed")
    assert debian.read("/etc/iptables/rules.v4")
    debian.run("vps-firewall", "apply", "-", given="#cloud-config\nvps_firewall: {backend: nftables, allow: [http]}\n")
    assert "allow[0]" in debian.read("/etc/nftables/vps-firewall.nft")
    debian.run("cloud-init", "clean")
    sealed = debian.read("/etc/nftables/vps-firewall.nft")
    assert "vps_firewall" in sealed
    assert "allow[0]" not in sealed
    assert debian.read("/etc/iptables/rules.v4") == ""
    enabled = debian.run("find", "/etc/systemd/system", "-name", "*.service", "-type", "l").stdout
    assert "vps-firewall.service" in enabled
    assert "netfilter-persistent.service" not in enabled
    debian.run("dpkg", "--remove", "vps-firewall")
    left = {line for line in on_disk(debian) ^ before if "netfilter-persistent" not in line}
    assert {line.split()[1] for line in left} <= {"/etc/systemd/system/sysinit.target.wants/vps-firewall.service"}


def test_a_file_in_another_encoding_comes_back_byte_for_byte(debian: Machine, debs: dict[str, Path]) -> None:
    debian.run("dpkg", "--purge", "--force-depends", "iptables-persistent", "netfilter-persistent")
    theirs = b"# r\xe8gles de la maison\nflush ruleset\n"
    debian.write("/etc/nftables.conf", theirs)
    debian.run("systemctl", "enable", "nftables.service")
    put(debian, debs["this"])
    debian.run("vps-firewall", "install", "--sealed")
    assert b'include "/etc/nftables/vps-firewall.nft"' in (debian.root / "etc/nftables.conf").read_bytes()
    debian.run("vps-firewall", "uninstall")
    assert (debian.root / "etc/nftables.conf").read_bytes() == theirs

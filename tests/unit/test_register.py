"""A system's files -> with our module -> the same files again, byte for byte."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

import cc_vps_firewall
from cc_vps_firewall import cli, kernel, register, saved, seal
from cc_vps_firewall.errors import CannotRegister, NoBackend, PolicyRefused
from tests.suites import REPOSITORY

SCHEMA = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "$defs": {"all_modules": {"enum": ["ntp"]}, "cc_ntp": {"type": "object"}},
    "allOf": [{"$ref": "#/$defs/cc_ntp"}],
    "properties": {"ntp": {}},
    "additionalProperties": False,
}
PACKAGES = "usr/lib/python3.9/site-packages"
MODULES = ["migrator", "bootcmd", "write-files", ["mounts", "always"], "users-groups", "ssh"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A system as EL 9 lays it out, as far as registration looks at it."""
    put(tmp_path, "usr/bin/cloud-init", "#!/usr/bin/python3 -s\n# EASY-INSTALL\n", 0o755)
    put(tmp_path, "usr/bin/python3.9", "", 0o755)
    os.symlink("python3.9", tmp_path / "usr/bin/python3")
    package = "usr/lib/python3.9/site-packages/cloudinit"
    put(tmp_path, f"{package}/version.py", '__VERSION__ = "24.4"\n')
    put(tmp_path, f"{package}/config/schemas/schema-cloud-config-v1.json", json.dumps(SCHEMA, indent=4))
    config = {"users": ["default"], "cloud_init_modules": MODULES, "cloud_config_modules": ["runcmd"]}
    put(tmp_path, "etc/cloud/cloud.cfg", yaml.safe_dump(config))
    put(tmp_path, "etc/cloud/cloud.cfg.d/05_logging.cfg", "reporting: {}\n")
    return tmp_path


def put(root: Path, name: str, text: str, mode: int = 0o644) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def tree(root: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(root)): (path.lstat().st_mode, path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def schema_of(root: Path) -> dict[str, object]:
    path = next(root.glob("usr/lib/python3*/*/cloudinit/config/schemas/*.json"))
    loaded: dict[str, object] = json.loads(path.read_text())
    return loaded


def test_install_adds_the_module_and_changes_nothing_else(root: Path) -> None:
    before = tree(root)
    register.install(str(root))
    after = tree(root)
    assert {name for name in before if before[name] != after[name]} == {
        "usr/lib/python3.9/site-packages/cloudinit/config/schemas/schema-cloud-config-v1.json"
    }
    drop_in = yaml.safe_load((root / register.DROP_IN).read_text())
    assert drop_in == {
        "cloud_init_modules": ["migrator", "bootcmd", "write-files", "vps_firewall", ["mounts", "always"]]
        + ["users-groups", "ssh"]
    }
    assert (root / "usr/lib/python3.9/site-packages/cc_vps_firewall/converge.py").is_file()
    assert (root / register.COMMAND).stat().st_mode & 0o777 == 0o755
    assert (root / register.COMMAND).read_text().startswith("#!/usr/bin/python3\n")


def test_the_schema_knows_the_key_and_still_what_it_knew(root: Path) -> None:
    register.install(str(root))
    schema = schema_of(root)
    assert set(schema["properties"]) == {"ntp", "vps_firewall"}  # type: ignore[call-overload]
    assert schema["allOf"] == [{"$ref": "#/$defs/cc_ntp"}, {"$ref": "#/$defs/cc_vps_firewall"}]
    assert "vps_firewall" in schema["$defs"]["all_modules"]["enum"]  # type: ignore[index]


def test_a_schema_without_a_list_of_keys_gets_none(root: Path) -> None:
    name = "usr/lib/python3.9/site-packages/cloudinit/config/schemas/schema-cloud-config-v1.json"
    put(root, name, json.dumps({key: value for key, value in SCHEMA.items() if key in ("$schema", "$defs", "allOf")}))
    register.install(str(root))
    assert "properties" not in schema_of(root)
    assert {"$ref": "#/$defs/cc_vps_firewall"} in schema_of(root)["allOf"]  # type: ignore[operator]


def test_uninstall_restores_every_byte(root: Path) -> None:
    before, schema = tree(root), root / PACKAGES / register.SCHEMA
    os.utime(schema, (1_600_000_000, 1_600_000_000.25))
    register.install(str(root))
    register.install(str(root))
    assert tree(root) != before
    register.uninstall(str(root))
    assert tree(root) == before
    assert schema.stat().st_mtime == 1_600_000_000.25, "rpm -V compares it"
    assert not (root / "usr/lib/python3.9/site-packages/cc_vps_firewall").exists()


def test_a_second_install_changes_nothing(root: Path) -> None:
    register.install(str(root))
    once = tree(root)
    assert register.install(str(root)) == []
    assert tree(root) == once


def test_a_second_uninstall_changes_nothing(root: Path) -> None:
    before = tree(root)
    assert register.uninstall(str(root)) == []
    assert tree(root) == before


def test_install_after_an_upgrade_of_cloud_init_takes_up_what_is_new(root: Path) -> None:
    register.install(str(root))
    newer = json.dumps({**SCHEMA, "properties": {"ntp": {}, "new": {}}})
    put(root, "usr/lib/python3.9/site-packages/cloudinit/config/schemas/schema-cloud-config-v1.json", newer)
    put(root, "etc/cloud/cloud.cfg", yaml.safe_dump({"cloud_init_modules": ["bootcmd", "new", "ssh"]}))
    register.install(str(root))
    assert set(schema_of(root)["properties"]) == {"ntp", "new", "vps_firewall"}  # type: ignore[call-overload]
    listed = yaml.safe_load((root / register.DROP_IN).read_text())["cloud_init_modules"]
    assert listed == ["bootcmd", "vps_firewall", "new", "ssh"]
    register.uninstall(str(root))
    assert schema_of(root) == json.loads(newer)


@pytest.mark.parametrize("lost", ["drop-in", "engine", "schema"])
def test_a_half_finished_install_is_finished_by_the_next(root: Path, lost: str) -> None:
    before, date = tree(root), (root / PACKAGES / register.SCHEMA).stat().st_mtime
    register.install(str(root))
    whole = tree(root)
    (root / register.DROP_IN).unlink()
    if lost != "drop-in":
        for path in (root / "usr/lib/python3.9/site-packages/cc_vps_firewall").iterdir():
            path.unlink()
    if lost == "schema":
        name = f"{PACKAGES}/{register.SCHEMA}"
        (root / name).write_bytes(before[name][1])
        os.utime(root / name, (date, date))
    register.install(str(root))
    assert tree(root) == whole
    register.uninstall(str(root))
    assert tree(root) == before


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond 4 KiB: the write in the middle of an install fails as on a full disk."""
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    signal.signal(signal.SIGXFSZ, ignored)


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_in_the_middle_leaves_the_system_as_it_was(root: Path) -> None:
    before = tree(root)
    with pytest.raises(OSError, match="File too large"):
        register.install(str(root))
    assert tree(root) == before


def refused(root: Path) -> str:
    before = tree(root)
    with pytest.raises(CannotRegister) as caught:
        register.install(str(root))
    assert tree(root) == before
    return str(caught.value)


def test_no_cloud_init(root: Path) -> None:
    (root / "usr/bin/cloud-init").unlink()
    assert refused(root) == f"there is no cloud-init below {root}"


def test_an_interpreter_that_is_not_there(root: Path) -> None:
    (root / "usr/bin/python3.9").unlink()
    assert refused(root) == "usr/bin/cloud-init runs with /usr/bin/python3, which is not there"


def test_a_python_that_is_too_old(root: Path) -> None:
    put(root, "usr/bin/cloud-init", "#!/usr/libexec/platform-python -s\n")
    put(root, "usr/libexec/platform-python3.6", "")
    (root / "usr/libexec/platform-python").symlink_to("platform-python3.6")
    assert refused(root) == "cloud-init runs with Python 3.6 here; it takes 3.9 or later"


def test_a_cloud_init_that_is_too_old(root: Path) -> None:
    put(root, "usr/lib/python3.9/site-packages/cloudinit/version.py", '__VERSION__ = "19.4"\n')
    assert refused(root) == "cloud-init 19.4 is older than 20.4, the oldest supported"


def test_a_version_that_the_build_wrote(root: Path) -> None:
    package = "usr/lib/python3.9/site-packages/cloudinit"
    put(root, f"{package}/version.py", '__VERSION__ = meson_versions.UPSTREAM_VERSION\n__VERSION__ = "@NOT@"\n')
    put(root, f"{package}/meson_versions.py", 'UPSTREAM_VERSION = "26.2"  # Required\n')
    assert register.find(str(root)).version == (26, 2)


def test_a_cloud_init_that_is_newer_than_any_is_tried_and_said(root: Path) -> None:
    put(root, "usr/lib/python3.9/site-packages/cloudinit/version.py", '__VERSION__ = "99.1"\n')
    assert register.install(str(root))[-1] == "cloud-init 99.1 is newer than any that this was tried with"


def test_a_cloud_cfg_that_is_not_yaml(root: Path) -> None:
    put(root, "etc/cloud/cloud.cfg", "cloud_init_modules: [\n")
    assert refused(root).startswith("etc/cloud/cloud.cfg is not YAML: ")


def test_a_cloud_cfg_without_module_lists(root: Path) -> None:
    put(root, "etc/cloud/cloud.cfg", "users: [default]\n")
    assert refused(root) == "etc/cloud/cloud.cfg has no list of cloud_init_modules"


def test_a_cloud_cfg_that_is_a_link_stays_one(root: Path) -> None:
    (root / "etc/cloud/cloud.cfg").rename(root / "etc/cloud/real.yaml")
    os.symlink("real.yaml", root / "etc/cloud/cloud.cfg")
    register.install(str(root))
    assert (root / "etc/cloud/cloud.cfg").is_symlink()


def test_a_list_that_another_drop_in_replaced_is_the_one_extended(root: Path) -> None:
    put(root, "etc/cloud/cloud.cfg.d/50_site.cfg", "cloud_init_modules: [bootcmd, site]\n")
    register.install(str(root))
    listed = yaml.safe_load((root / register.DROP_IN).read_text())["cloud_init_modules"]
    assert listed == ["bootcmd", "vps_firewall", "site"]


def test_a_schema_that_is_not_as_we_know_it(root: Path) -> None:
    put(root, "usr/lib/python3.9/site-packages/cloudinit/config/schemas/schema-cloud-config-v1.json", "{}")
    assert refused(root) == "cloud-init's schema file is not as any version we know has it"


def test_a_cloud_init_without_a_schema_file_needs_none(root: Path) -> None:
    (root / "usr/lib/python3.9/site-packages/cloudinit/config/schemas/schema-cloud-config-v1.json").unlink()
    before = tree(root)
    register.install(str(root))
    register.uninstall(str(root))
    assert tree(root) == before


def test_what_cannot_be_sealed_is_left_as_it_was(root: Path) -> None:
    before = tree(root)
    with pytest.raises(NoBackend) as caught:
        seal.close(str(root), {})
    assert str(caught.value).startswith(f"cannot seal {root}: ")
    assert tree(root) == before


def test_an_install_that_cannot_seal_installs_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(root)
    assert cli.main(["install", "--sealed", "--root", str(root)]) == NoBackend.exit_code
    assert capsys.readouterr().err.startswith(f"vps-firewall: cannot seal {root}: ")
    assert tree(root) == before


def test_an_image_with_another_firewall_is_not_sealed(root: Path) -> None:
    """At its first boot it would be too late: firewalld keeps the seal's service from starting."""
    wants = root / "etc/systemd/system/multi-user.target.wants/firewalld.service"
    wants.parent.mkdir(parents=True)
    wants.symlink_to("/usr/lib/systemd/system/firewalld.service")
    before = tree(root)
    with pytest.raises(CannotRegister, match=r"firewalld is switched on at .* mask it there"):
        seal.close(str(root), {})
    assert tree(root) == before


def test_an_image_with_a_refused_default_is_not_sealed(root: Path) -> None:
    before = tree(root)
    with pytest.raises(PolicyRefused, match=r"vps_firewall\.alow: unknown key"):
        seal.close(str(root), {"alow": ["http"]})
    assert tree(root) == before


@pytest.mark.usefixtures("systemctl")
def test_a_default_that_would_leave_machines_shut_is_refused(image: Path) -> None:
    before = tree(image)
    with pytest.raises(CannotRegister, match=r"the default policy says `enabled: false`: every machine .* stay shut"):
        seal.check(str(image), {"enabled": False})
    assert tree(image) == before


@pytest.fixture
def packaged(root: Path) -> Path:
    """The same system with a package of ours, of another version."""
    put(root, f"{PACKAGES}/cc_vps_firewall/__init__.py", "# the package's\n")
    put(root, f"{PACKAGES}/cc_vps_firewall/INSTALLER", "rpm\n")
    schema = json.loads(register._own_schema())
    schema["properties"]["vps_firewall"]["description"] = "the package's"
    put(root, f"{PACKAGES}/cc_vps_firewall/vps-firewall.schema.json", json.dumps(schema))
    put(root, "usr/bin/vps-firewall", "# the package's\n", 0o755)
    return root


def test_a_packages_engine_is_left_to_it(packaged: Path) -> None:
    before = tree(packaged)
    register.install(str(packaged))
    after = tree(packaged)
    assert {name for name in after if before.get(name) != after[name]} == {
        register.DROP_IN,
        register.KEPT_SCHEMA,
        seal.RECORD,
        f"{PACKAGES}/{register.SCHEMA}",
    }
    assert "the package's" in (packaged / PACKAGES / register.SCHEMA).read_text(), "the schema of its version"
    assert json.loads((packaged / seal.RECORD).read_text())["files"] == []
    assert register.install(str(packaged)) == []
    register.uninstall(str(packaged))
    assert tree(packaged) == before


def test_a_packages_command_stays_where_sbin_is_bin(packaged: Path) -> None:
    (packaged / "usr/sbin").symlink_to("bin")
    before = tree(packaged)
    register.install(str(packaged))
    register.uninstall(str(packaged))
    register.uninstall(str(packaged))
    assert tree(packaged) == before


def test_what_an_older_version_had_goes_with_the_next(root: Path) -> None:
    before = tree(root)
    register.install(str(root))
    record = json.loads((root / seal.RECORD).read_text())
    put(root, f"{PACKAGES}/cc_vps_firewall/older.py", "")
    record["files"].append(f"{PACKAGES}/cc_vps_firewall/older.py")
    put(root, seal.RECORD, json.dumps(record))
    register.install(str(root))
    assert not (root / PACKAGES / "cc_vps_firewall/older.py").exists()
    register.uninstall(str(root))
    assert tree(root) == before


@pytest.fixture
def same_python(root: Path) -> Path:
    """The same system with the Python that runs this."""
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    (root / "usr/bin/python3").unlink()
    put(root, f"usr/bin/{name}", "", 0o755)
    os.symlink(name, root / "usr/bin/python3")
    (root / "usr/lib/python3.9").rename(root / f"usr/lib/{name}")
    return root


def compiled(root: Path) -> list[Path]:
    return sorted(root.glob("usr/lib/python3*/*/cc_vps_firewall/__pycache__/*"))


def test_the_engine_is_compiled_where_this_python_is_the_targets(same_python: Path) -> None:
    before = tree(same_python)
    register.install(str(same_python))
    made = compiled(same_python)
    assert [path.name for path in made] == [
        f"{name[:-3]}.{sys.implementation.cache_tag}.pyc" for name, _ in register._engine() if name.endswith(".py")
    ]
    whole = tree(same_python)
    assert register.install(str(same_python)) == []
    assert tree(same_python) == whole
    # By digest: a date that an image tool sets does not make them stale.
    assert all(path.read_bytes()[4:8] == b"\x03\x00\x00\x00" for path in made)
    assert str(same_python).encode() not in made[0].read_bytes(), "no path of the computer that made the image"
    register.uninstall(str(same_python))
    assert tree(same_python) == before


def test_an_engine_that_cannot_be_compiled_is_installed_all_the_same(same_python: Path) -> None:
    folder = next(same_python.glob("usr/lib/python3*/*-packages"))
    put(same_python, f"{folder.relative_to(same_python)}/cc_vps_firewall/__pycache__", "in the way\n")
    register.install(str(same_python))
    assert (same_python / register.DROP_IN).is_file()


def test_a_python_that_cannot_be_run_compiles_nothing(root: Path) -> None:
    register.install(str(root))
    assert compiled(root) == []


def test_forgetting_the_instance(root: Path) -> None:
    register.install(str(root))
    before = tree(root)
    for path in (saved.STATUS, saved.POLICY, saved.DONE):
        put(root, path.lstrip("/"), "{}")
    assert seal.forget(str(root)) == [f"removed {p.lstrip('/')}" for p in (saved.DONE, saved.STATUS, saved.POLICY)]
    assert tree(root) == before
    assert seal.forget(str(root)) == []


def test_the_mark_of_an_instance_is_the_modules() -> None:
    assert cc_vps_firewall.DONE == saved.DONE
    assert cc_vps_firewall.STATUS == saved.STATUS


def test_links_of_an_image_lead_into_the_image(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Else an image's file would be written on the computer that makes the image."""
    outside = tmp_path_factory.mktemp("outside")
    (root / "etc/cloud/cloud.cfg.d").rename(root / "etc/drop-ins")
    (root / "etc/cloud/cloud.cfg.d").symlink_to(f"{outside}/drop-ins")
    (root / str(outside).lstrip("/")).mkdir(parents=True)
    (root / str(outside).lstrip("/") / "drop-ins").symlink_to("/../etc/../../etc/drop-ins")
    before = tree(root)
    register.install(str(root))
    assert list(outside.iterdir()) == []
    assert (root / "etc/drop-ins/99_vps_firewall.cfg").is_file()
    register.uninstall(str(root))
    assert tree(root) == before


def test_a_link_that_leads_to_itself(root: Path) -> None:
    (root / "etc/cloud/cloud.cfg").unlink()
    (root / "etc/cloud/cloud.cfg").symlink_to("cloud.cfg")
    with pytest.raises((CannotRegister, OSError)):
        register.install(str(root))


def test_a_root_that_is_not_where_its_name_says(root: Path) -> None:
    for call in (register.install, register.uninstall, seal.forget):
        with pytest.raises(CannotRegister, match="is no folder, or a name for one that leads elsewhere"):
            call(str(root / "nowhere"))


# --- the seal ---------------------------------------------------------------------------------------------

NFT_CONF = "#!/usr/sbin/nft -f\n\nflush ruleset\n\n# caf\udce9\ntable inet filter {\n}\n"
RULES = "etc/nftables/vps-firewall.nft"
UNITS = "etc/systemd/system"


@pytest.fixture
def systemctl(monkeypatch: pytest.MonkeyPatch) -> None:
    """What systemctl does to an image's files. It is a process of its own, and goes on where we are killed."""

    def enable(unit: str, root: str = "/") -> None:
        wants = Path(root, UNITS, "sysinit.target.wants")
        with not_counted():
            wants.mkdir(parents=True, exist_ok=True)
            (wants / unit).symlink_to(f"/usr/lib/systemd/system/{unit}")

    def disable(unit: str, root: str = "/") -> None:
        with not_counted():
            for link in Path(root, UNITS).glob("*.wants/*"):
                if link.name == unit:
                    link.unlink()
            for wants in Path(root, UNITS).glob("*.wants"):
                if not list(wants.iterdir()):
                    wants.rmdir()

    monkeypatch.setattr(kernel, "enable", enable)
    monkeypatch.setattr(kernel, "disable", disable)
    monkeypatch.setattr(kernel, "find", lambda tool: f"/usr/bin/{tool}")


def wanted(root: Path) -> list[str]:
    return sorted(link.name for link in root.glob(f"{UNITS}/*.wants/*"))


@pytest.fixture
def image(same_python: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Debian with nftables and somebody's table, as far as a seal looks at it."""
    debian(same_python)
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # what is killed here is the process, not the machine
    monkeypatch.setattr(register, "_engine", lambda: iter([("__init__.py", "1\n"), ("render.py", "2\n")]))
    return same_python


def debian(root: Path, *services: str) -> None:
    put(root, "etc/os-release", "ID=debian\n")
    put(root, "usr/sbin/nft", "", 0o755)
    put(root, "usr/lib/systemd/system/nftables.service", "[Unit]\n")
    put(root, "usr/lib/systemd/systemd", "", 0o755)
    put(root, "etc/nftables.conf", "", 0o755)
    (root / "etc/nftables.conf").write_bytes(NFT_CONF.encode("utf-8", "surrogateescape"))
    (root / UNITS).mkdir(parents=True, exist_ok=True)
    (root / "var/lib").mkdir(parents=True, exist_ok=True)


def both(root: Path) -> None:
    """iptables-persistent too, and the service of nftables enabled."""
    debian(root)
    for tool in ("iptables-restore", "iptables-save", "ip6tables-restore", "ip6tables-save", "flock"):
        put(root, f"usr/sbin/{tool}", "", 0o755)
    put(root, "usr/lib/systemd/system/netfilter-persistent.service", "[Unit]\n")
    for plugin in ("15-ip4tables", "25-ip6tables"):
        put(root, f"usr/share/netfilter-persistent/plugins.d/{plugin}", "", 0o755)
    kernel.enable("nftables.service", str(root))


def el(root: Path) -> None:
    put(root, "etc/os-release", 'ID="centos"\nVERSION_ID="9"\n')
    for tool in ("iptables-restore", "iptables-save", "ip6tables-restore", "ip6tables-save", "flock"):
        put(root, f"usr/sbin/{tool}", "", 0o755)
    for unit in ("iptables.service", "ip6tables.service"):
        put(root, f"usr/lib/systemd/system/{unit}", "[Unit]\n")
    for path in ("etc/nftables.conf", "usr/sbin/nft", "usr/lib/systemd/system/nftables.service"):
        (root / path).unlink()
    put(root, "etc/sysconfig/iptables", "# sample configuration\n", 0o600)


def without_service(root: Path) -> None:
    (root / "usr/lib/systemd/system/nftables.service").unlink()


SYSTEMS = {"debian": debian, "both": both, "el": el, "without a service": without_service}


def sealed(root: Path, *more: str) -> int:
    return cli.main(["install", "--sealed", "--root", str(root), *more])


def everything(root: Path) -> dict[str, object]:
    """Files, folders and links."""
    found: dict[str, object] = {str(path.relative_to(root)): "folder" for path in root.rglob("*") if path.is_dir()}
    links = {str(path.relative_to(root)): os.readlink(path) for path in root.rglob("*") if path.is_symlink()}
    return {**found, **tree(root), **links}


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize("kind", SYSTEMS)
def test_a_seal_comes_out_byte_for_byte(image: Path, kind: str) -> None:
    SYSTEMS[kind](image)
    before = everything(image)
    assert sealed(image) == 0
    once = everything(image)
    assert any("Made by vps-firewall" in str(held) for held in once.values())
    assert sealed(image) == 0
    assert everything(image) == once, "a second run changes nothing"
    register.uninstall(str(image))
    assert everything(image) == before


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize("kind", SYSTEMS)
def test_every_file_that_a_seal_touches_is_in_its_record(image: Path, kind: str) -> None:
    SYSTEMS[kind](image)
    register.install(str(image))
    before = tree(image)
    assert sealed(image) == 0
    after = tree(image)
    touched = {name for name in after if after[name] != before.get(name)} - {seal.RECORD}
    told = json.loads((image / seal.RECORD).read_text())["seal"]["before"]
    links = {name for name in touched if ".wants/" in name}
    assert touched - links == set(told)


class Killed(BaseException):
    """SIGKILL: nothing that the process would do from here on is done."""


_left: list[int] = []
_CHANGES = {"os.rename", "os.remove", "os.link", "os.mkdir", "os.rmdir", "os.chmod", "os.symlink", "os.utime"}


@contextlib.contextmanager
def not_counted() -> Iterator[None]:
    left = list(_left)
    _left.clear()
    yield
    _left.extend(left)


def _count(event: str, arguments: tuple[object, ...]) -> None:
    if not _left:
        return
    flags = arguments[2] if event == "open" else 0
    if event in _CHANGES or (isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
        _left[0] -= 1
        if _left[0] < 0:
            raise Killed


sys.addaudithook(_count)


def killed(call: Callable[[], object], at: int) -> bool:
    """Run `call`, and end it at its change number `at` to the disk. -> did it get that far?"""
    _left.append(at)
    try:
        call()
    except Killed:
        return True
    finally:
        _left.clear()
    return False


def kills(call: Callable[[], object]) -> Iterator[int]:
    """Once for each change that `call` makes to the disk, killed there."""
    at = 0
    while killed(call, at):
        yield at
        at += 1
    assert at > 5, "there is nothing to be killed in"


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize("kind", SYSTEMS)
def test_an_install_that_is_killed_comes_out_whole(image: Path, kind: str) -> None:
    SYSTEMS[kind](image)
    before = everything(image)
    for at in kills(lambda: sealed(image)):
        register.uninstall(str(image))
        assert everything(image) == before, f"killed at {at}"


def steady(held: dict[str, object]) -> dict[str, object]:
    """Without what Python compiled: its names for files half-written are its own."""
    return {name: what for name, what in held.items() if "__pycache__/" not in name}


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize("kind", SYSTEMS)
def test_an_install_that_is_killed_is_finished_by_the_next(image: Path, kind: str) -> None:
    SYSTEMS[kind](image)
    before = everything(image)
    sealed(image)
    whole = everything(image)
    register.uninstall(str(image))
    for at in kills(lambda: sealed(image)):
        assert sealed(image) == 0
        assert steady(everything(image)) == steady(whole), f"killed at {at}"
        register.uninstall(str(image))
        assert everything(image) == before, f"killed at {at}"


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize("kind", SYSTEMS)
def test_an_uninstall_that_is_killed_is_finished_by_the_next(image: Path, kind: str) -> None:
    SYSTEMS[kind](image)
    before = everything(image)
    sealed(image)

    def once() -> None:
        register.uninstall(str(image))

    for at in kills(once):
        once()
        assert everything(image) == before, f"killed at {at}"
        sealed(image)


@pytest.mark.usefixtures("systemctl")
def test_an_upgrade_that_is_killed_comes_out_whole(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an older version of ours, with another schema and a module that is gone."""
    before, newer, schema = everything(image), register._engine, register._own_schema()
    changed = json.loads(schema)
    changed["properties"]["vps_firewall"]["description"] = "of the older version"

    def version(engine: object, own: str) -> None:
        monkeypatch.setattr(register, "_engine", engine)
        monkeypatch.setattr(register, "_own_schema", lambda: own)

    def older() -> None:
        version(lambda: iter([("__init__.py", "0\n"), ("gone.py", "0\n")]), json.dumps(changed))
        sealed(image)
        version(newer, schema)

    older()
    for at in kills(lambda: sealed(image)):
        register.uninstall(str(image))
        assert everything(image) == before, f"killed at {at}"
        older()


@pytest.mark.usefixtures("systemctl")
def test_cleaning_that_is_killed_leaves_no_mark_beside_the_seal(image: Path) -> None:
    """With both, the module has done its work and nothing opens the host."""
    sealed(image)
    shut = (image / RULES).read_text()

    def applied() -> None:
        put(image, RULES, "# Made by vps-firewall\n", 0o600)
        for path in (saved.STATUS, saved.POLICY, saved.DONE):
            put(image, path.lstrip("/"), "{}")

    applied()
    for at in kills(lambda: seal.forget(str(image))):
        mark = (image / saved.DONE.lstrip("/")).exists()
        assert not (mark and (image / RULES).read_text() == shut), f"killed at {at}"
        applied()
    assert (image / RULES).read_text() == shut
    assert not any((image / path.lstrip("/")).exists() for path in (saved.STATUS, saved.POLICY, saved.DONE))


@pytest.mark.usefixtures("systemctl")
def test_what_cannot_be_sealed_again_keeps_the_mark_too(image: Path) -> None:
    sealed(image)
    put(image, saved.POLICY.lstrip("/"), "{}")
    put(image, saved.DONE.lstrip("/"), "i-1")
    (image / "usr/sbin/nft").unlink()
    before = tree(image)
    with pytest.raises(NoBackend, match="cannot seal"):
        seal.forget(str(image))
    assert tree(image) == before


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize("path, has", [(saved.POLICY, "a policy in force"), (saved.DONE, "a first boot behind it")])
def test_a_machine_in_use_is_not_sealed(image: Path, path: str, has: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It would be shut at its next boot, and the module has done its work for this instance."""
    for installed in (False, True):
        if installed:
            register.install(str(image))
        put(image, path.lstrip("/"), "{}")
        before = everything(image)
        assert sealed(image) == 1
        assert f"{image} has {has}, and the seal would lock its owner out" in capsys.readouterr().err
        assert everything(image) == before


@pytest.mark.usefixtures("systemctl")
def test_a_machine_that_was_sealed_keeps_its_policy(image: Path) -> None:
    sealed(image)
    put(image, RULES, "# Made by vps-firewall for its owner\n", 0o600)
    put(image, saved.POLICY.lstrip("/"), "{}")
    (image / register.DROP_IN).unlink()
    assert sealed(image) == 0
    assert (image / RULES).read_text() == "# Made by vps-firewall for its owner\n"
    assert (image / register.DROP_IN).is_file(), "the rest of the install goes on"


@pytest.mark.usefixtures("systemctl")
def test_one_service_loads_the_seal(image: Path) -> None:
    both(image)
    before = everything(image)
    assert wanted(image) == ["nftables.service"]
    sealed(image)
    assert wanted(image) == ["netfilter-persistent.service"], "nftables.service begins with a flush"
    presets = (image / seal.PRESET).read_text().splitlines()
    assert "enable netfilter-persistent.service" in presets
    assert {"disable nftables.service", "disable firewalld.service"} <= set(presets)
    register.uninstall(str(image))
    assert everything(image) == before


@pytest.mark.usefixtures("systemctl")
def test_the_preset_comes_before_those_of_vendors(image: Path) -> None:
    assert os.path.basename(seal.PRESET) < "10-vendor.preset"
    put(image, seal.FORMER_PRESET, "enable nftables.service\n")
    register.install(str(image))
    assert not (image / seal.FORMER_PRESET).exists()
    assert (image / seal.PRESET).read_text() == "enable nftables.service\n"
    put(image, seal.FORMER_PRESET, "enable nftables.service\n")
    register.uninstall(str(image))
    assert not (image / seal.FORMER_PRESET).exists()
    assert not (image / seal.PRESET).exists()


def test_a_seal_that_fails_takes_the_module_out_again(
    image: Path, systemctl: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    el(image)
    before = everything(image)
    enable = kernel.enable

    def fails(unit: str, root: str = "/") -> None:
        if unit == "ip6tables.service":
            raise kernel.ToolFailed("systemctl failed (1): no room")
        enable(unit, root)

    monkeypatch.setattr(kernel, "enable", fails)
    assert sealed(image) != 0
    assert everything(image) == before, "also the service that had been enabled"
    register.install(str(image))
    registered = everything(image)
    assert sealed(image) != 0
    assert everything(image) == registered, "what was installed before stays"


@pytest.mark.usefixtures("systemctl")
def test_a_seal_without_systemctl_is_refused_before_anything_is_done(
    image: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything(image)
    monkeypatch.setattr(kernel, "find", lambda tool: "")
    assert sealed(image) == 1
    assert (
        "systemctl, which enables the service that loads the seal, is not on this computer" in capsys.readouterr().err
    )
    assert everything(image) == before


@pytest.mark.usefixtures("systemctl")
def test_what_its_owner_added_to_the_shared_file_stays(image: Path) -> None:
    before = (image / "etc/nftables.conf").read_bytes()
    sealed(image)
    with (image / "etc/nftables.conf").open("ab") as file:
        file.write(b'include "/etc/site.nft"\n')
    register.uninstall(str(image))
    assert (image / "etc/nftables.conf").read_bytes() == before + b'include "/etc/site.nft"\n'
    assert (image / "etc/nftables.conf").stat().st_mode & 0o777 == 0o755


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize("kind", SYSTEMS)
def test_a_seal_whose_record_is_lost_comes_out_all_the_same(image: Path, kind: str) -> None:
    SYSTEMS[kind](image)
    put(image, "etc/sysconfig/iptables", "") if kind == "el" else None
    before = tree(image)
    register.install(str(image))
    registered = json.loads((image / seal.RECORD).read_text())
    sealed(image)
    put(image, seal.RECORD, json.dumps(registered))
    register.uninstall(str(image))
    after = tree(image)
    # What stood there before nobody knows any more.
    for lost in ("etc/sysconfig/iptables",):
        before.pop(lost, None)
    assert {name: held for name, held in after.items() if ".wants/" not in name} == {
        name: held for name, held in before.items() if ".wants/" not in name
    }
    # One that has a file of its owner's to load stays as it is.
    assert wanted(image) == (["nftables.service"] if kind == "debian" else [])


@pytest.mark.usefixtures("systemctl")
def test_an_uninstall_without_a_record_that_is_killed_is_finished_by_the_next(image: Path) -> None:
    register.install(str(image))
    registered = (image / seal.RECORD).read_text()
    register.uninstall(str(image))
    before = tree(image)

    def lost() -> None:
        sealed(image)
        put(image, seal.RECORD, registered)

    lost()
    for at in kills(lambda: register.uninstall(str(image))):
        register.uninstall(str(image))
        after = {name: held for name, held in tree(image).items() if ".wants/" not in name}
        assert after == before, f"killed at {at}"
        lost()


@pytest.mark.usefixtures("systemctl")
def test_rules_that_no_seal_left_stay(image: Path) -> None:
    """A package that is removed leaves the rules in force; installed and removed again, it must not take them out."""
    sealed(image)
    put(image, saved.POLICY.lstrip("/"), "{}")
    register.uninstall(str(image))
    (image / saved.POLICY.lstrip("/")).unlink()
    register.install(str(image))
    register.uninstall(str(image))
    assert (image / RULES).is_file()
    assert wanted(image) == ["nftables.service"]


# --- lists that are not ours ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["99_zz.cfg", "zz.cfg", "link.cfg"])
def test_a_list_that_would_replace_ours_is_refused(root: Path, name: str) -> None:
    put(root, "etc/lists/site", "cloud_init_modules: [bootcmd, site]\n")
    name = {"link.cfg": "99_vps_firewall_.cfg"}.get(name, name)
    os.symlink("/etc/lists/site", root / "etc/cloud/cloud.cfg.d" / name)
    assert refused(root) == (
        f"etc/cloud/cloud.cfg.d/{name} has a list of cloud_init_modules that replaces ours; "
        "rename it so that it sorts before 99_vps_firewall.cfg"
    )


def test_a_drop_in_behind_ours_without_a_list_is_no_reason(root: Path) -> None:
    put(root, "etc/cloud/cloud.cfg.d/99_zz.cfg", "users: []\n")
    register.install(str(root))


def test_a_hidden_drop_in_counts(root: Path) -> None:
    put(root, "etc/cloud/cloud.cfg.d/.site.cfg", "cloud_init_modules: [bootcmd, site]\n")
    register.install(str(root))
    listed = yaml.safe_load((root / register.DROP_IN).read_text())["cloud_init_modules"]
    assert listed == ["bootcmd", "vps_firewall", "site"]


def test_what_cloud_init_passes_by_is_passed_by(root: Path) -> None:
    os.symlink("nowhere", root / "etc/cloud/cloud.cfg.d/20_dangling.cfg")
    (root / "etc/cloud/cloud.cfg.d/30_folder.cfg").mkdir()
    put(root, "etc/cloud/cloud.cfg.d/40_template.cfg", "## template: jinja\n{% if x %}\nusers: []\n{% endif %}\n")
    register.install(str(root))
    assert "users-groups" in (root / register.DROP_IN).read_text()


def test_a_list_in_a_template_is_refused(root: Path) -> None:
    put(root, "etc/cloud/cloud.cfg.d/4.cfg", "## template: jinja\n{% if x %}\ncloud_init_modules: []\n{% endif %}\n")
    assert refused(root) == (
        "etc/cloud/cloud.cfg.d/4.cfg is a template with a list of cloud_init_modules, which cloud-init alone can read"
    )


def test_another_folder_of_drop_ins_is_refused(root: Path) -> None:
    for conf_d in ("/etc/cloud/cloud.cfg.d/", "/etc/elsewhere"):
        put(root, "etc/cloud/cloud.cfg", yaml.safe_dump({"cloud_init_modules": MODULES, "conf_d": conf_d}))
        if conf_d == "/etc/elsewhere":
            register.uninstall(str(root))
            assert "names another folder than /etc/cloud/cloud.cfg.d in conf_d" in refused(root)
        else:
            register.install(str(root))


# --- interpreters -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["#!/bin/sh", "#!/opt/venv/bin/python3", "#!/usr/bin/env bash"])
def test_a_cloud_init_that_no_python_of_the_system_runs(root: Path, line: str) -> None:
    put(root, "bin/sh", "", 0o755)
    put(root, "usr/bin/bash", "", 0o755)
    (root / "opt/venv/bin").mkdir(parents=True)
    (root / "opt/venv/bin/python3").symlink_to("/usr/bin/python3")
    put(root, "usr/bin/cloud-init", f"{line}\n", 0o755)
    with_path = line.replace("#!", "").replace("/usr/bin/env ", "/usr/bin/")
    assert refused(root) == (
        f"usr/bin/cloud-init runs with {with_path}; it takes a python3 below /usr, neither a wrapper nor an environment"
    )


def test_a_package_for_another_python(root: Path) -> None:
    (root / "usr/lib/python3.9").rename(root / "usr/lib/python3.10")
    assert refused(root) == "usr/bin/cloud-init is there, its package for python3.9 is not"


def test_a_root_whose_name_is_a_pattern(root: Path) -> None:
    named = root.rename(root.with_name("a [python3] *"))
    register.install(str(named))
    assert (named / PACKAGES / "cc_vps_firewall/converge.py").is_file()


# --- who else was at work ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("systemctl")
def test_what_was_half_written_goes_although_the_file_is_gone(image: Path) -> None:
    sealed(image)
    record = json.loads((image / seal.RECORD).read_text())
    paths = [register.DROP_IN, register.COMMAND, register.CLEAN_HOOK, register.KEPT_SCHEMA, record["schema"]]
    for path in map(image.joinpath, [*paths, *record["files"], *record["seal"]["before"]]):
        path.with_name(f".{path.name}.vps-firewall").write_text("half")
        if path.name != "registered-schema.json":
            path.unlink()
    register.uninstall(str(image))
    assert [str(path) for path in image.rglob("*.vps-firewall")] == []


@pytest.mark.usefixtures("systemctl")
def test_a_schema_of_somebody_elses_too_is_refused_before_anything_is_changed(image: Path) -> None:
    sealed(image)
    path = next(image.glob("usr/lib/python3*/*/cloudinit/config/schemas/*.json"))
    path.write_text(path.read_text() + "\n")
    before = everything(image)
    with pytest.raises(CannotRegister, match="was changed by somebody else too"):
        register.uninstall(str(image))
    assert everything(image) == before


def test_cleaning_calls_us_without_a_package(root: Path) -> None:
    register.install(str(root))
    hook = root / register.CLEAN_HOOK
    assert hook.stat().st_mode & 0o777 == 0o755
    assert hook.read_text().startswith("#!/usr/bin/python3 -IB\n")
    assert hook.read_text() == (REPOSITORY / "packaging/clean").read_text()


def test_the_packages_hook_is_left_to_it(packaged: Path) -> None:
    (packaged / register.CLEAN_HOOK).parent.mkdir(parents=True)
    (packaged / register.CLEAN_HOOK).symlink_to("/usr/libexec/vps-firewall/clean")
    register.install(str(packaged))
    register.uninstall(str(packaged))
    assert (packaged / register.CLEAN_HOOK).is_symlink()
    assert not (packaged / "usr/libexec").exists()


# --- what an owner did meanwhile --------------------------------------------------------------------------


def booted(root: Path) -> None:
    """The first boot found `enabled: false`: the engine took the seal out, and marked the instance."""
    for path in ("etc/sysconfig/iptables", "etc/sysconfig/ip6tables", RULES):
        (root / path).unlink(missing_ok=True)
    put(root, saved.DONE.lstrip("/"), "i-1")


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize("off", [False, True], ids=["never booted", "enabled: false"])
def test_rules_that_their_owner_wrote_over_the_seal_stay(image: Path, off: bool) -> None:
    el(image)
    sealed(image)
    if off:
        booted(image)
    put(image, "etc/sysconfig/iptables", "*filter\n-A INPUT -s 203.0.113.7 -j ACCEPT\nCOMMIT\n", 0o600)
    told = register.uninstall(str(image))
    assert "203.0.113.7" in (image / "etc/sysconfig/iptables").read_text()
    assert "left etc/sysconfig/iptables, which was changed since" in told
    assert wanted(image) == ["ip6tables.service", "iptables.service"], "and what loads them"


@pytest.mark.usefixtures("systemctl")
def test_services_of_who_wanted_no_firewall_are_their_owners(image: Path) -> None:
    sealed(image)
    booted(image)
    register.uninstall(str(image))
    assert wanted(image) == ["nftables.service"]


@pytest.mark.usefixtures("systemctl")
def test_rules_that_their_owner_wrote_are_kept_when_the_image_is_sealed_again(image: Path) -> None:
    el(image)
    sealed(image)
    booted(image)
    put(image, "etc/sysconfig/iptables", "# mine\n", 0o640)
    seal.forget(str(image))
    assert "Made by vps-firewall" in (image / "etc/sysconfig/iptables").read_text()
    register.uninstall(str(image))
    assert (image / "etc/sysconfig/iptables").read_text() == "# mine\n"
    assert (image / "etc/sysconfig/iptables").stat().st_mode & 0o777 == 0o640


@pytest.mark.usefixtures("systemctl")
def test_a_service_that_is_gone_is_no_reason_to_stay_shut(image: Path) -> None:
    both(image)
    sealed(image)
    (image / "usr/lib/systemd/system/nftables.service").unlink()
    told = register.uninstall(str(image))
    assert "nftables.service is not installed any more, and was not enabled again" in told
    assert wanted(image) == []
    assert not (image / seal.RECORD).exists()


@pytest.mark.usefixtures("systemctl")
def test_a_link_that_outlived_its_package_is_no_service(image: Path) -> None:
    both(image)
    (image / "usr/lib/systemd/system/nftables.service").unlink()
    sealed(image)
    assert json.loads((image / seal.RECORD).read_text())["seal"]["disabled"] == []


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize("path", [f"{UNITS}/nftables.service.d/vps-firewall.conf", seal.PRESET])
def test_what_its_owner_masked_is_left_out(image: Path, path: str) -> None:
    (image / path).parent.mkdir(parents=True)
    (image / path).symlink_to("/dev/null")
    before = everything(image)
    assert sealed(image) == 0
    assert (image / path).readlink() == Path("/dev/null")
    assert not (image / "dev").exists()
    register.uninstall(str(image))
    assert everything(image) == before


def test_a_device_is_never_replaced(tmp_path: Path) -> None:
    """Root that writes through a link to /dev/null would make a file of it for everybody."""
    (tmp_path / "file").symlink_to("/dev/null")
    with pytest.raises(OSError, match="is no file"):
        saved.save({str(tmp_path / "file"): "text\n"}, saved.Undo())
    assert not Path("/dev/null").is_file()


@pytest.mark.usefixtures("systemctl")
def test_the_lists_of_a_default_policy_are_the_images(image: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    there = tmp_path_factory.mktemp("builder") / "office.txt"
    default = {"lists": {"office": {"file": str(there)}}, "ssh": {"from": ["office"]}}
    there.write_text("203.0.113.7\n")
    with pytest.raises(PolicyRefused, match=r"lists\.office\.file"):
        seal.check(str(image), default)
    there.unlink()
    put(image, str(there).lstrip("/"), "203.0.113.7\n")
    seal.check(str(image), default)


def switched_off(root: Path) -> None:
    put(root, "etc/cloud/cloud-init.disabled", "")


def without_systemd(root: Path) -> None:
    (root / "usr/lib/systemd/systemd").unlink()


def stage_masked(root: Path) -> None:
    put(root, "usr/lib/systemd/system/cloud-init.service", "[Unit]\n")
    (root / UNITS / "cloud-init.service").symlink_to("/dev/null")


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize(
    "change, why",
    [
        (switched_off, "cloud-init is switched off by /etc/cloud/cloud-init.disabled"),
        (without_systemd, "there is no systemd"),
        (stage_masked, "cloud-init.service, in which the module runs, is masked"),
    ],
)
def test_an_image_that_nothing_would_open_is_not_sealed(image: Path, change: Callable[[Path], None], why: str) -> None:
    change(image)
    before = everything(image)
    with pytest.raises(CannotRegister, match=why):
        register.install_sealed(str(image), {})
    assert everything(image) == before


@pytest.mark.usefixtures("small_disk")
def test_what_cannot_be_installed_leaves_no_folder(root: Path) -> None:
    before = everything(root)
    with pytest.raises(OSError, match="File too large"):
        register.install(str(root))
    assert everything(root) == before


@pytest.mark.usefixtures("systemctl")
def test_a_folder_that_was_there_stays(image: Path) -> None:
    (image / "etc/nftables").mkdir()
    before = everything(image)
    sealed(image)
    sealed(image)
    register.uninstall(str(image))
    assert everything(image) == before


def test_the_command_goes_last(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails can be tried again by it."""
    register.install(str(root))
    monkeypatch.setattr(saved, "set_date", lambda path, date: (_ for _ in ()).throw(PermissionError(1, "no", path)))
    with pytest.raises(PermissionError):
        register.uninstall(str(root))
    assert (root / register.COMMAND).exists()
    monkeypatch.undo()
    register.uninstall(str(root))
    assert not (root / register.COMMAND).exists()


def test_a_record_that_cannot_be_read_is_told_from_the_system(root: Path) -> None:
    before = tree(root)
    register.install(str(root))
    put(root, seal.RECORD, "{")
    register.uninstall(str(root))
    assert tree(root) == before


def test_the_engine_of_another_python_goes(root: Path) -> None:
    register.install(str(root))
    old = root / PACKAGES / "cc_vps_firewall"
    put(root, f"{PACKAGES}/cc_vps_firewall/__pycache__/cli.cpython-39.pyc", "")
    os.rename(root / "usr/bin/python3.9", root / "usr/bin/python3.12")
    (root / "usr/bin/python3").unlink()
    (root / "usr/bin/python3").symlink_to("python3.12")
    package = "usr/lib/python3.12/site-packages/cloudinit"
    put(root, f"{package}/version.py", '__VERSION__ = "24.4"\n')
    put(root, f"{package}/config/schemas/schema-cloud-config-v1.json", json.dumps(SCHEMA, indent=4))
    register.install(str(root))
    assert not old.exists()
    assert (root / "usr/lib/python3.12/site-packages/cc_vps_firewall/cli.py").is_file()


def test_modules_may_be_mappings(root: Path) -> None:
    modules = ["bootcmd", {"name": "write-files", "frequency": "always"}, {"name": "vps_firewall"}, "ssh"]
    put(root, "etc/cloud/cloud.cfg", yaml.safe_dump({"cloud_init_modules": modules}))
    register.install(str(root))
    listed = yaml.safe_load((root / register.DROP_IN).read_text())["cloud_init_modules"]
    assert listed == [*modules[:2], "vps_firewall", "ssh"]


def test_a_list_that_is_to_be_merged_is_refused(root: Path) -> None:
    put(root, "etc/cloud/cloud.cfg.d/50.cfg", "merge_how: list(append)\ncloud_init_modules: [site]\n")
    assert refused(root) == (
        "etc/cloud/cloud.cfg.d/50.cfg says how cloud-init is to merge its list of cloud_init_modules; "
        "write the whole list"
    )


def test_files_have_the_owner_and_the_label_of_what_is_around_them(root: Path) -> None:
    """An image may be made where its root is another user and SELinux is off."""
    schema = root / PACKAGES / register.SCHEMA
    for path in [root, *root.rglob("*")]:
        os.chown(path, 4711, 4711, follow_symlinks=False)
        if path.is_dir():
            os.setxattr(path, "security.selinux", b"system_u:object_r:etc_t:s0\0")
    os.setxattr(schema, "security.selinux", b"system_u:object_r:lib_t:s0\0")
    register.install(str(root))
    made = [path for path in root.rglob("*") if "vps" in str(path.relative_to(root)) and "pycache" not in str(path)]
    assert len(made) > 10
    assert {path.stat().st_uid for path in made} == {4711}
    assert {os.getxattr(path, "security.selinux") for path in made} == {b"system_u:object_r:etc_t:s0\0"}
    register.uninstall(str(root))
    assert os.getxattr(schema, "security.selinux") == b"system_u:object_r:lib_t:s0\0"
    assert schema.stat().st_uid == 4711


def test_who_comes_second_waits(root: Path) -> None:
    order = []

    def second() -> None:
        with saved.at_work(str(root)):
            order.append("second")

    thread = threading.Thread(target=second)
    with saved.at_work(str(root)):
        thread.start()
        time.sleep(0.3)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]

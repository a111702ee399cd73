"""A system's files -> with our module -> the same files again, byte for byte."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import cc_vps_firewall
from cc_vps_firewall import cli, register, saved
from cc_vps_firewall.errors import NoBackend, PolicyRefused
from cc_vps_firewall.register import CannotRegister

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
        register.seal(str(root), {})
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
    with pytest.raises(CannotRegister, match=r"firewalld is switched on at .* disable it there"):
        register.seal(str(root), {})
    assert tree(root) == before


def test_an_image_with_a_refused_default_is_not_sealed(root: Path) -> None:
    before = tree(root)
    with pytest.raises(PolicyRefused, match=r"vps_firewall\.alow: unknown key"):
        register.seal(str(root), {"alow": ["http"]})
    assert tree(root) == before


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
        register.RECORD,
        f"{PACKAGES}/{register.SCHEMA}",
    }
    assert "the package's" in (packaged / PACKAGES / register.SCHEMA).read_text(), "the schema of its version"
    assert json.loads((packaged / register.RECORD).read_text())["files"] == []
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
    record = json.loads((root / register.RECORD).read_text())
    put(root, f"{PACKAGES}/cc_vps_firewall/older.py", "")
    record["files"].append(f"{PACKAGES}/cc_vps_firewall/older.py")
    put(root, register.RECORD, json.dumps(record))
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
    for path in (saved.STATUS, saved.POLICY, register.DONE):
        put(root, path.lstrip("/"), "{}")
    assert register.forget(str(root)) == [
        f"removed {p.lstrip('/')}" for p in (register.DONE, saved.STATUS, saved.POLICY)
    ]
    assert tree(root) == before
    assert register.forget(str(root)) == []


def test_the_mark_of_an_instance_is_the_modules() -> None:
    assert cc_vps_firewall.DONE == register.DONE
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
    for call in (register.install, register.uninstall, register.forget):
        with pytest.raises(CannotRegister, match="is no folder, or a name for one that leads elsewhere"):
            call(str(root / "nowhere"))

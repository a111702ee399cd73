"""A system's files -> with our module -> the same files again, byte for byte."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

from cc_vps_firewall.bundle import part_handler
from cc_vps_firewall.errors import CannotRegister
from cc_vps_firewall.host import files, state
from cc_vps_firewall.image import installed, register, seal
from cc_vps_firewall.image import record as records
from cc_vps_firewall.root import Root
from tests.suites import REPOSITORY

from .systems import PACKAGES, SCHEMA, everything, kills, put, sealed, tree


def schema_of(root: Path) -> dict[str, object]:
    path = next(root.glob("usr/lib/python3*/*/cloudinit/config/schemas/*.json"))
    loaded: dict[str, object] = json.loads(path.read_text())
    return loaded


def test_install_adds_the_module_and_changes_nothing_else(root: Path) -> None:
    before = tree(root)
    register.install(Root(str(root)))
    after = tree(root)
    assert {name for name in before if before[name] != after[name]} == {
        "usr/lib/python3.9/site-packages/cloudinit/config/schemas/schema-cloud-config-v1.json"
    }
    drop_in = yaml.safe_load((root / installed.DROP_IN).read_text())
    assert drop_in == {
        "cloud_init_modules": ["migrator", "bootcmd", "write-files", "vps_firewall", ["mounts", "always"]]
        + ["users-groups", "ssh"]
    }
    assert (root / "usr/lib/python3.9/site-packages/cc_vps_firewall/apply/converge.py").is_file()
    assert (root / register.COMMAND).stat().st_mode & 0o777 == 0o755
    assert (root / register.COMMAND).read_text().startswith("#!/usr/bin/python3\n")


def test_a_bundles_command_makes_room_for_the_whole(root: Path) -> None:
    assert f"/{register.BUNDLES_COMMAND}" == part_handler.COMMAND
    assert all(f"{home}/vps-firewall".endswith(register.BUNDLES_ENGINE) for home in part_handler.HOMES)
    place = root / register.BUNDLES_COMMAND
    place.parent.mkdir(parents=True)
    place.symlink_to(f"{part_handler.HOMES[0]}/vps-firewall")
    assert f"removed {register.BUNDLES_COMMAND}, a bundle's" in register.install(Root(str(root)))
    assert not place.is_symlink()
    place.symlink_to("/opt/mine")
    register.install(Root(str(root)))
    assert place.is_symlink(), "somebody else's stays"


def test_the_schema_knows_the_key_and_still_what_it_knew(root: Path) -> None:
    register.install(Root(str(root)))
    schema = schema_of(root)
    assert set(schema["properties"]) == {"ntp", "vps_firewall"}  # type: ignore[call-overload]
    assert schema["allOf"] == [{"$ref": "#/$defs/cc_ntp"}, {"$ref": "#/$defs/cc_vps_firewall"}]
    assert "vps_firewall" in schema["$defs"]["all_modules"]["enum"]  # type: ignore[index]


def test_a_schema_without_a_list_of_keys_gets_none(root: Path) -> None:
    name = "usr/lib/python3.9/site-packages/cloudinit/config/schemas/schema-cloud-config-v1.json"
    put(root, name, json.dumps({key: value for key, value in SCHEMA.items() if key in ("$schema", "$defs", "allOf")}))
    register.install(Root(str(root)))
    assert "properties" not in schema_of(root)
    assert {"$ref": "#/$defs/cc_vps_firewall"} in schema_of(root)["allOf"]  # type: ignore[operator]


def test_uninstall_restores_every_byte(root: Path) -> None:
    before, schema = tree(root), root / PACKAGES / register.SCHEMA
    os.utime(schema, (1_600_000_000, 1_600_000_000.25))
    register.install(Root(str(root)))
    register.install(Root(str(root)))
    assert tree(root) != before
    register.uninstall(Root(str(root)))
    assert tree(root) == before
    assert schema.stat().st_mtime == 1_600_000_000.25, "rpm -V compares it"
    assert not (root / "usr/lib/python3.9/site-packages/cc_vps_firewall").exists()


def test_a_second_install_changes_nothing(root: Path) -> None:
    register.install(Root(str(root)))
    once = tree(root)
    assert register.install(Root(str(root))) == []
    assert tree(root) == once


def test_a_second_uninstall_changes_nothing(root: Path) -> None:
    before = tree(root)
    assert register.uninstall(Root(str(root))) == []
    assert tree(root) == before


def test_install_after_an_upgrade_of_cloud_init_takes_up_what_is_new(root: Path) -> None:
    register.install(Root(str(root)))
    newer = json.dumps({**SCHEMA, "properties": {"ntp": {}, "new": {}}})
    put(root, "usr/lib/python3.9/site-packages/cloudinit/config/schemas/schema-cloud-config-v1.json", newer)
    put(root, "etc/cloud/cloud.cfg", yaml.safe_dump({"cloud_init_modules": ["bootcmd", "new", "ssh"]}))
    register.install(Root(str(root)))
    assert set(schema_of(root)["properties"]) == {"ntp", "new", "vps_firewall"}  # type: ignore[call-overload]
    listed = yaml.safe_load((root / installed.DROP_IN).read_text())["cloud_init_modules"]
    assert listed == ["bootcmd", "vps_firewall", "new", "ssh"]
    register.uninstall(Root(str(root)))
    assert schema_of(root) == json.loads(newer)


@pytest.mark.parametrize("lost", ["drop-in", "engine", "schema"])
def test_a_half_finished_install_is_finished_by_the_next(root: Path, lost: str) -> None:
    before, date = tree(root), (root / PACKAGES / register.SCHEMA).stat().st_mtime
    register.install(Root(str(root)))
    whole = tree(root)
    (root / installed.DROP_IN).unlink()
    if lost != "drop-in":
        shutil.rmtree(root / "usr/lib/python3.9/site-packages/cc_vps_firewall")
    if lost == "schema":
        name = f"{PACKAGES}/{register.SCHEMA}"
        (root / name).write_bytes(before[name][1])
        os.utime(root / name, (date, date))
    register.install(Root(str(root)))
    assert tree(root) == whole
    register.uninstall(Root(str(root)))
    assert tree(root) == before


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_in_the_middle_leaves_the_system_as_it_was(root: Path) -> None:
    before = tree(root)
    with pytest.raises(OSError, match="File too large"):
        register.install(Root(str(root)))
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
    register.install(Root(str(packaged)))
    after = tree(packaged)
    assert {name for name in after if before.get(name) != after[name]} == {
        installed.DROP_IN,
        register.KEPT_SCHEMA,
        records.PATH,
        f"{PACKAGES}/{register.SCHEMA}",
    }
    assert "the package's" in (packaged / PACKAGES / register.SCHEMA).read_text(), "the schema of its version"
    assert json.loads((packaged / records.PATH).read_text())["files"] == []
    assert register.install(Root(str(packaged))) == []
    register.uninstall(Root(str(packaged)))
    assert tree(packaged) == before


def test_a_packages_command_stays_where_sbin_is_bin(packaged: Path) -> None:
    (packaged / "usr/sbin").symlink_to("bin")
    before = tree(packaged)
    register.install(Root(str(packaged)))
    register.uninstall(Root(str(packaged)))
    register.uninstall(Root(str(packaged)))
    assert tree(packaged) == before


def test_what_an_older_version_had_goes_with_the_next(root: Path) -> None:
    before = tree(root)
    register.install(Root(str(root)))
    record = json.loads((root / records.PATH).read_text())
    for name in ("older.py", "older/__init__.py", "older/still.py"):
        put(root, f"{PACKAGES}/cc_vps_firewall/{name}", "")
        record["files"].append(f"{PACKAGES}/cc_vps_firewall/{name}")
    put(root, f"{PACKAGES}/cc_vps_firewall/older/__pycache__/still.cpython-39.pyc", "")
    put(root, records.PATH, json.dumps(record))
    register.install(Root(str(root)))
    assert not (root / PACKAGES / "cc_vps_firewall/older.py").exists()
    assert not (root / PACKAGES / "cc_vps_firewall/older").exists(), "a folder that it alone had"
    register.uninstall(Root(str(root)))
    assert tree(root) == before


def test_a_status_that_every_user_may_read_becomes_roots(root: Path) -> None:
    """An earlier version told every user who may log in; there may be no run of ours for months."""
    told = {
        "result": "applied", "when": "then", "digest": "d", "services": ["nftables.service"],
        "open": {"ipv4": [{"from": "192.0.2.7", "ports": "22/tcp"}]}, "notes": ["192.0.2.7"], "problems": ["192.0.2.8"],
    }  # fmt: skip
    put(root, state.PUBLIC.lstrip("/"), json.dumps(told), 0o644)
    private, public = root / state.STATUS.lstrip("/"), root / state.PUBLIC.lstrip("/")
    made = register.install(Root(str(root)))
    assert [f"wrote {path.lstrip('/')}" for path in (state.STATUS, state.PUBLIC)] == made[:2]
    assert (json.loads(private.read_text()), stat.S_IMODE(private.stat().st_mode)) == (told, 0o600)
    assert stat.S_IMODE(public.stat().st_mode) == 0o644
    assert json.loads(public.read_text()) == {
        "result": "applied", "when": "then", "digest": "d", "services": ["nftables.service"],
    }  # fmt: skip
    private.write_text('{"result": "newer"}')
    assert register.install(Root(str(root))) == []
    assert private.read_text() == '{"result": "newer"}', "what is there is newer"


def test_the_record_is_roots(root: Path) -> None:
    """It holds the text of files that a seal has replaced, rules of their owner's too."""
    register.install(Root(str(root)))
    (root / records.PATH).chmod(0o644)  # as an earlier version made it
    register.install(Root(str(root)))
    assert stat.S_IMODE((root / records.PATH).stat().st_mode) == 0o600


def compiled(root: Path) -> list[Path]:
    return sorted(root.glob("usr/lib/python3*/*/cc_vps_firewall/**/__pycache__/*"))


def test_the_engine_is_compiled_where_this_python_is_the_targets(same_python: Path) -> None:
    before = tree(same_python)
    register.install(Root(str(same_python)))
    made = compiled(same_python)
    engine = next(same_python.glob("usr/lib/python3*/*/cc_vps_firewall"))
    modules = [Path(name) for name, _ in register._engine() if name.endswith(".py")]
    assert {str(path.relative_to(engine)) for path in made} == {
        f"{module.parent / '__pycache__' / module.stem}.{sys.implementation.cache_tag}.pyc" for module in modules
    }
    whole = tree(same_python)
    assert register.install(Root(str(same_python))) == []
    assert tree(same_python) == whole
    # By digest: a date that an image tool sets does not make them stale.
    assert all(path.read_bytes()[4:8] == b"\x03\x00\x00\x00" for path in made)
    assert str(same_python).encode() not in made[0].read_bytes(), "no path of the computer that made the image"
    register.uninstall(Root(str(same_python)))
    assert tree(same_python) == before


def test_an_engine_that_cannot_be_compiled_is_installed_all_the_same(same_python: Path) -> None:
    folder = next(same_python.glob("usr/lib/python3*/*-packages"))
    put(same_python, f"{folder.relative_to(same_python)}/cc_vps_firewall/__pycache__", "in the way\n")
    register.install(Root(str(same_python)))
    assert (same_python / installed.DROP_IN).is_file()


def test_a_python_that_cannot_be_run_compiles_nothing(root: Path) -> None:
    register.install(Root(str(root)))
    assert compiled(root) == []


def test_links_of_an_image_lead_into_the_image(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Else an image's file would be written on the computer that makes the image."""
    outside = tmp_path_factory.mktemp("outside")
    (root / "etc/cloud/cloud.cfg.d").rename(root / "etc/drop-ins")
    (root / "etc/cloud/cloud.cfg.d").symlink_to(f"{outside}/drop-ins")
    (root / str(outside).lstrip("/")).mkdir(parents=True)
    (root / str(outside).lstrip("/") / "drop-ins").symlink_to("/../etc/../../etc/drop-ins")
    before = tree(root)
    register.install(Root(str(root)))
    assert list(outside.iterdir()) == []
    assert (root / "etc/drop-ins/99_vps_firewall.cfg").is_file()
    register.uninstall(Root(str(root)))
    assert tree(root) == before


def test_a_link_that_leads_to_itself(root: Path) -> None:
    (root / "etc/cloud/cloud.cfg").unlink()
    (root / "etc/cloud/cloud.cfg").symlink_to("cloud.cfg")
    with pytest.raises((CannotRegister, OSError)):
        register.install(Root(str(root)))


def test_a_root_that_is_not_where_its_name_says(root: Path) -> None:
    for call in (register.install, register.uninstall, seal.forget):
        with pytest.raises(CannotRegister, match="is no folder, or a name for one that leads elsewhere"):
            call(Root(str(root / "nowhere")))


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
        register.uninstall(Root(str(image)))
        assert everything(image) == before, f"killed at {at}"
        older()


@pytest.mark.usefixtures("systemctl")
def test_the_preset_comes_before_those_of_vendors(image: Path) -> None:
    assert os.path.basename(seal.PRESET) < "10-vendor.preset"
    put(image, seal.FORMER_PRESET, "enable nftables.service\n")
    register.install(Root(str(image)))
    assert not (image / seal.FORMER_PRESET).exists()
    assert (image / seal.PRESET).read_text() == "enable nftables.service\n"
    put(image, seal.FORMER_PRESET, "enable nftables.service\n")
    register.uninstall(Root(str(image)))
    assert not (image / seal.FORMER_PRESET).exists()
    assert not (image / seal.PRESET).exists()


def test_a_root_whose_name_is_a_pattern(root: Path) -> None:
    named = root.rename(root.with_name("a [python3] *"))
    register.install(Root(str(named)))
    assert (named / PACKAGES / "cc_vps_firewall/apply/converge.py").is_file()


@pytest.mark.usefixtures("systemctl")
def test_what_was_half_written_goes_although_the_file_is_gone(image: Path) -> None:
    sealed(image)
    record = json.loads((image / records.PATH).read_text())
    paths = [installed.DROP_IN, register.COMMAND, register.CLEAN_HOOK, register.KEPT_SCHEMA, record["schema"]]
    for path in map(image.joinpath, [*paths, *record["files"], *record["seal"]["before"]]):
        path.with_name(f".{path.name}.vps-firewall").write_text("half")
        if path.name != "registered-schema.json":
            path.unlink()
    register.uninstall(Root(str(image)))
    assert [str(path) for path in image.rglob("*.vps-firewall")] == []


def test_cleaning_calls_us_without_a_package(root: Path) -> None:
    register.install(Root(str(root)))
    hook = root / register.CLEAN_HOOK
    assert hook.stat().st_mode & 0o777 == 0o755
    assert hook.read_text().startswith("#!/usr/bin/python3 -IB\n")
    assert hook.read_text() == (REPOSITORY / "packaging/clean").read_text()


def test_the_packages_hook_is_left_to_it(packaged: Path) -> None:
    (packaged / register.CLEAN_HOOK).parent.mkdir(parents=True)
    (packaged / register.CLEAN_HOOK).symlink_to("/usr/libexec/vps-firewall/clean")
    register.install(Root(str(packaged)))
    register.uninstall(Root(str(packaged)))
    assert (packaged / register.CLEAN_HOOK).is_symlink()
    assert not (packaged / "usr/libexec").exists()


def test_a_device_is_never_replaced(tmp_path: Path) -> None:
    """Root that writes through a link to /dev/null would make a file of it for everybody."""
    os.mknod(tmp_path / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    (tmp_path / "file").symlink_to(tmp_path / "null")
    with pytest.raises(OSError, match="is no file"):
        files.save({str(tmp_path / "file"): "text\n"}, files.Undo())
    assert stat.S_ISCHR((tmp_path / "null").stat().st_mode)


@pytest.mark.usefixtures("small_disk")
def test_what_cannot_be_installed_leaves_no_folder(root: Path) -> None:
    before = everything(root)
    with pytest.raises(OSError, match="File too large"):
        register.install(Root(str(root)))
    assert everything(root) == before


def test_the_command_goes_last(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails can be tried again by it."""
    register.install(Root(str(root)))
    monkeypatch.setattr(files, "set_date", lambda path, date: (_ for _ in ()).throw(PermissionError(1, "no", path)))
    with pytest.raises(PermissionError):
        register.uninstall(Root(str(root)))
    assert (root / register.COMMAND).exists()
    monkeypatch.undo()
    register.uninstall(Root(str(root)))
    assert not (root / register.COMMAND).exists()


def test_a_record_that_cannot_be_read_is_told_from_the_system(root: Path) -> None:
    before = tree(root)
    register.install(Root(str(root)))
    put(root, records.PATH, "{")
    register.uninstall(Root(str(root)))
    assert tree(root) == before


def test_the_engine_of_another_python_goes(root: Path) -> None:
    register.install(Root(str(root)))
    old = root / PACKAGES / "cc_vps_firewall"
    put(root, f"{PACKAGES}/cc_vps_firewall/__pycache__/cli.cpython-39.pyc", "")
    put(root, f"{PACKAGES}/cc_vps_firewall/inner/__pycache__/of.cpython-39.pyc", "")
    os.rename(root / "usr/bin/python3.9", root / "usr/bin/python3.12")
    (root / "usr/bin/python3").unlink()
    (root / "usr/bin/python3").symlink_to("python3.12")
    package = "usr/lib/python3.12/site-packages/cloudinit"
    put(root, f"{package}/version.py", '__VERSION__ = "24.4"\n')
    put(root, f"{package}/config/schemas/schema-cloud-config-v1.json", json.dumps(SCHEMA, indent=4))
    register.install(Root(str(root)))
    assert not old.exists()
    assert (root / "usr/lib/python3.12/site-packages/cc_vps_firewall/cli/command.py").is_file()


def test_files_have_the_owner_and_the_label_of_what_is_around_them(root: Path) -> None:
    """An image may be made where its root is another user and SELinux is off."""
    schema = root / PACKAGES / register.SCHEMA
    for path in [root, *root.rglob("*")]:
        os.chown(path, 4711, 4711, follow_symlinks=False)
        if path.is_dir():
            os.setxattr(path, "security.selinux", b"system_u:object_r:etc_t:s0\0")
    os.setxattr(schema, "security.selinux", b"system_u:object_r:lib_t:s0\0")
    register.install(Root(str(root)))
    made = [path for path in root.rglob("*") if "vps" in str(path.relative_to(root)) and "pycache" not in str(path)]
    assert len(made) > 10
    assert {path.stat().st_uid for path in made} == {4711}
    assert {os.getxattr(path, "security.selinux") for path in made} == {b"system_u:object_r:etc_t:s0\0"}
    register.uninstall(Root(str(root)))
    assert os.getxattr(schema, "security.selinux") == b"system_u:object_r:lib_t:s0\0"
    assert schema.stat().st_uid == 4711


def test_who_comes_second_waits(root: Path) -> None:
    order = []

    def second() -> None:
        with files.at_work(Root(str(root))):
            order.append("second")

    thread = threading.Thread(target=second)
    with files.at_work(Root(str(root))):
        thread.start()
        time.sleep(0.3)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]

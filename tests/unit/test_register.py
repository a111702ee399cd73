"""A system's files -> with our module -> the same files again, byte for byte."""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cc_vps_firewall import register
from cc_vps_firewall.errors import NoBackend, PolicyRefused
from cc_vps_firewall.register import CannotRegister

SCHEMA = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "$defs": {"all_modules": {"enum": ["ntp"]}, "cc_ntp": {"type": "object"}},
    "allOf": [{"$ref": "#/$defs/cc_ntp"}],
    "properties": {"ntp": {}},
    "additionalProperties": False,
}
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
    before = tree(root)
    register.install(str(root))
    assert tree(root) != before
    register.uninstall(str(root))
    assert tree(root) == before
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
    before = tree(root)
    register.install(str(root))
    whole = tree(root)
    (root / register.DROP_IN).unlink()
    if lost != "drop-in":
        for path in (root / "usr/lib/python3.9/site-packages/cc_vps_firewall").iterdir():
            path.unlink()
    if lost == "schema":
        name = "usr/lib/python3.9/site-packages/cloudinit/config/schemas/schema-cloud-config-v1.json"
        (root / name).write_bytes(before[name][1])
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


def test_an_image_with_a_refused_default_is_not_sealed(root: Path) -> None:
    before = tree(root)
    with pytest.raises(PolicyRefused, match=r"vps_firewall\.alow: unknown key"):
        register.seal(str(root), {"alow": ["http"]})
    assert tree(root) == before

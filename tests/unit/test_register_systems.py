"""Systems as they come: where the module is registered, and what is refused before anything is changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from cc_vps_firewall.errors import CannotRegister
from cc_vps_firewall.image import installed, register
from cc_vps_firewall.root import Root

from .systems import MODULES, everything, put, sealed, tree


def refused(root: Path) -> str:
    before = tree(root)
    with pytest.raises(CannotRegister) as caught:
        register.install(Root(str(root)))
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
    assert installed.find(Root(str(root))).version == (26, 2)


def test_a_cloud_init_that_is_newer_than_any_is_tried_and_said(root: Path) -> None:
    put(root, "usr/lib/python3.9/site-packages/cloudinit/version.py", '__VERSION__ = "99.1"\n')
    assert register.install(Root(str(root)))[-1] == "cloud-init 99.1 is newer than any that this was tried with"


def test_a_cloud_cfg_that_is_not_yaml(root: Path) -> None:
    put(root, "etc/cloud/cloud.cfg", "cloud_init_modules: [\n")
    assert refused(root).startswith("etc/cloud/cloud.cfg is not YAML: ")


def test_a_cloud_cfg_without_module_lists(root: Path) -> None:
    put(root, "etc/cloud/cloud.cfg", "users: [default]\n")
    assert refused(root) == "etc/cloud/cloud.cfg has no list of cloud_init_modules"


def test_a_cloud_cfg_that_is_a_link_stays_one(root: Path) -> None:
    (root / "etc/cloud/cloud.cfg").rename(root / "etc/cloud/real.yaml")
    os.symlink("real.yaml", root / "etc/cloud/cloud.cfg")
    register.install(Root(str(root)))
    assert (root / "etc/cloud/cloud.cfg").is_symlink()


def test_a_list_that_another_drop_in_replaced_is_the_one_extended(root: Path) -> None:
    put(root, "etc/cloud/cloud.cfg.d/50_site.cfg", "cloud_init_modules: [bootcmd, site]\n")
    register.install(Root(str(root)))
    listed = yaml.safe_load((root / installed.DROP_IN).read_text())["cloud_init_modules"]
    assert listed == ["bootcmd", "vps_firewall", "site"]


def test_a_schema_that_is_not_as_we_know_it(root: Path) -> None:
    put(root, "usr/lib/python3.9/site-packages/cloudinit/config/schemas/schema-cloud-config-v1.json", "{}")
    assert refused(root) == "cloud-init's schema file is not as any version we know has it"


def test_a_cloud_init_without_a_schema_file_needs_none(root: Path) -> None:
    (root / "usr/lib/python3.9/site-packages/cloudinit/config/schemas/schema-cloud-config-v1.json").unlink()
    before = tree(root)
    register.install(Root(str(root)))
    register.uninstall(Root(str(root)))
    assert tree(root) == before


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
    register.install(Root(str(root)))


def test_a_hidden_drop_in_counts(root: Path) -> None:
    put(root, "etc/cloud/cloud.cfg.d/.site.cfg", "cloud_init_modules: [bootcmd, site]\n")
    register.install(Root(str(root)))
    listed = yaml.safe_load((root / installed.DROP_IN).read_text())["cloud_init_modules"]
    assert listed == ["bootcmd", "vps_firewall", "site"]


def test_what_cloud_init_passes_by_is_passed_by(root: Path) -> None:
    os.symlink("nowhere", root / "etc/cloud/cloud.cfg.d/20_dangling.cfg")
    (root / "etc/cloud/cloud.cfg.d/30_folder.cfg").mkdir()
    put(root, "etc/cloud/cloud.cfg.d/40_template.cfg", "## template: jinja\n{% if x %}\nusers: []\n{% endif %}\n")
    register.install(Root(str(root)))
    assert "users-groups" in (root / installed.DROP_IN).read_text()


def test_a_list_in_a_template_is_refused(root: Path) -> None:
    put(root, "etc/cloud/cloud.cfg.d/4.cfg", "## template: jinja\n{% if x %}\ncloud_init_modules: []\n{% endif %}\n")
    assert refused(root) == (
        "etc/cloud/cloud.cfg.d/4.cfg is a template with a list of cloud_init_modules, which cloud-init alone can read"
    )


def test_another_folder_of_drop_ins_is_refused(root: Path) -> None:
    for conf_d in ("/etc/cloud/cloud.cfg.d/", "/etc/elsewhere"):
        put(root, "etc/cloud/cloud.cfg", yaml.safe_dump({"cloud_init_modules": MODULES, "conf_d": conf_d}))
        if conf_d == "/etc/elsewhere":
            register.uninstall(Root(str(root)))
            assert "names another folder than /etc/cloud/cloud.cfg.d in conf_d" in refused(root)
        else:
            register.install(Root(str(root)))


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


@pytest.mark.usefixtures("systemctl")
def test_a_schema_of_somebody_elses_too_is_refused_before_anything_is_changed(image: Path) -> None:
    sealed(image)
    path = next(image.glob("usr/lib/python3*/*/cloudinit/config/schemas/*.json"))
    path.write_text(path.read_text() + "\n")
    before = everything(image)
    with pytest.raises(CannotRegister, match="was changed by somebody else too"):
        register.uninstall(Root(str(image)))
    assert everything(image) == before


def test_modules_may_be_mappings(root: Path) -> None:
    modules = ["bootcmd", {"name": "write-files", "frequency": "always"}, {"name": "vps_firewall"}, "ssh"]
    put(root, "etc/cloud/cloud.cfg", yaml.safe_dump({"cloud_init_modules": modules}))
    register.install(Root(str(root)))
    listed = yaml.safe_load((root / installed.DROP_IN).read_text())["cloud_init_modules"]
    assert listed == [*modules[:2], "vps_firewall", "ssh"]


def test_a_list_that_is_to_be_merged_is_refused(root: Path) -> None:
    put(root, "etc/cloud/cloud.cfg.d/50.cfg", "merge_how: list(append)\ncloud_init_modules: [site]\n")
    assert refused(root) == (
        "etc/cloud/cloud.cfg.d/50.cfg says how cloud-init is to merge its list of cloud_init_modules; "
        "write the whole list"
    )

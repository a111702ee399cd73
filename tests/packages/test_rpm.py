"""our RPM, dnf and rpm -> a system that has it, a newer one of it, and none of it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.lab.world import Machine
from tests.packages import made
from tests.packages.conftest import offer
from tests.packages.files import compiled, modules, on_disk, ours

SITE = "/usr/lib/python3.9/site-packages"
ENGINE = f"{SITE}/cc_vps_firewall"
SCHEMA = f"{SITE}/cloudinit/config/schemas/schema-cloud-config-v1.json"
DROP_IN = "/etc/cloud/cloud.cfg.d/99_vps_firewall.cfg"
HOOK = "/etc/cloud/clean.d/50-vps-firewall"
RECORD = "/var/lib/vps-firewall/registered.json"
FIREWALL = ("/usr/share/lab-repository/iptables-nft-services.rpm",)
POLICY = "vps_firewall: {allow: [http]}\n"


def dnf(machine: Machine, *words: str) -> str:
    return machine.run("dnf", "-y", *words).stdout


def verified(machine: Machine, package: str = "vps-firewall") -> str:
    """What rpm finds changed in a package's files; empty when all is as it came."""
    return machine.run("rpm", "-V", package, check=False).stdout


def test_a_life_from_an_older_version_to_its_removal(el: Machine, rpms: dict[str, Path], tmp_path: Path) -> None:
    offer(el, "older", [rpms["older"]], tmp_path)
    # Folders that belong to other packages on EL, and that those of the stand-in do not list.
    el.run("mkdir", "-p", "/usr/share/licenses", "/usr/libexec/iptables", "/usr/share/man/man8")
    before = on_disk(el)
    dnf(el, "install", "vps-firewall")
    added = on_disk(el) - before
    assert verified(el) == ""
    assert not [line for line in added if "cloud.cfg.d" in line], "an installation alone changes no boot"
    assert el.read(SCHEMA).count("cc_vps_firewall") == 0
    el.run("vps-firewall", "install")
    assert verified(el) == ""
    assert "vps_firewall" in el.read(DROP_IN)
    assert json.loads(el.read(RECORD))["files"] == []
    assert el.read(f"{ENGINE}/gone.py")
    assert el.read(f"{ENGINE}/__pycache__/gone.cpython-311.pyc")
    assert el.read(f"{ENGINE}/gone_too/__pycache__/gone_in.cpython-311.pyc")

    offer(el, "this", [rpms["this"]], tmp_path)
    dnf(el, "upgrade", "vps-firewall")
    assert el.run("rpm", "-q", "vps-firewall").stdout.strip() == rpms["this"].name[: -len(".rpm")]
    assert verified(el) == ""
    left = el.run("find", ENGINE, "-name", "gone*").stdout
    assert left == "", "what the older version had is gone, compiled or not"
    assert "vps_firewall" in el.read(DROP_IN)

    offer(el, "newer", [rpms["newer"]], tmp_path)
    dnf(el, "upgrade", "vps-firewall")
    assert verified(el) == ""
    assert el.read(f"{ENGINE}/__pycache__/coming.cpython-311.pyc")
    assert el.read(f"{ENGINE}/coming_too/__pycache__/in_it.cpython-311.pyc")
    assert "vps_firewall" in el.read(DROP_IN)

    dnf(el, "remove", "vps-firewall")
    el.run("rm", "/etc/yum.repos.d/this.repo", "/etc/yum.repos.d/newer.repo")
    # The firewall's package stays: it was told that it is wanted.
    dnf(el, "remove", "iptables-nft-services")
    assert on_disk(el) == before
    assert ours(el) == []


def test_every_module_is_compiled_by_the_package_and_by_nobody_else(el: Machine, rpms: dict[str, Path]) -> None:
    put(el, rpms["this"])
    assert compiled(el, ENGINE) == modules(el, ENGINE)
    # Python takes them as they are: it would say what it compiles.
    said = el.run("python3", "-v", "-c", "import cc_vps_firewall.cli, cc_vps_firewall.apply.converge").stderr
    assert f"{ENGINE}/apply/__pycache__/converge" in said.replace("/usr/lib/python3/dist-packages", SITE)
    assert "wrote" not in "".join(line for line in said.splitlines() if "cc_vps_firewall" in line)


def put(machine: Machine, *packages: Path) -> None:
    """By rpm itself, where dnf is not what is asked."""
    for package in packages:
        machine.write(f"/srv/{package.name}", package.read_bytes())
    machine.run("rpm", "-U", "--replacepkgs", *(f"/srv/{package.name}" for package in packages), *FIREWALL)


def test_what_verification_checks(el: Machine, rpms: dict[str, Path]) -> None:
    """rpm -V is no check unless it sees a change."""
    put(el, rpms["this"])
    assert verified(el) == ""
    el.run("sh", "-c", f"echo '# changed' >>{ENGINE}/apply/converge.py; rm /etc/cloud/clean.d/50-vps-firewall")
    said = verified(el)
    assert "converge.py" in said
    assert "50-vps-firewall" in said


def test_another_cloud_init_is_taken_up_at_once(el: Machine, rpms: dict[str, Path], tmp_path: Path) -> None:
    put(el, rpms["this"], cloud_init(el, "23.4", tmp_path))
    el.run("vps-firewall", "install")
    assert verified(el) == ""
    put(el, cloud_init(el, "24.4", tmp_path, "brand_new"))
    schema = json.loads(el.read(SCHEMA))
    assert "brand_new" in schema["properties"], "the upgrade brought its own"
    assert "vps_firewall" in schema["properties"], "and it was extended again"
    assert "brand_new" in el.read(DROP_IN)
    assert verified(el) == ""
    # And back to what the newer package holds, byte for byte.
    el.run("rpm", "-e", "vps-firewall")
    assert verified(el, "cloud-init") == ""
    assert ours(el) == []


def test_without_the_trigger_an_upgrade_of_cloud_init_takes_us_out(
    el: Machine, rpms: dict[str, Path], tmp_path: Path
) -> None:
    """What the test above sees fail."""
    put(el, rpms["this"], cloud_init(el, "23.4", tmp_path))
    el.run("vps-firewall", "install")
    newer = cloud_init(el, "24.4", tmp_path, "brand_new")
    el.write("/srv/newer.rpm", newer.read_bytes())
    el.run("rpm", "-U", "--notriggers", "/srv/newer.rpm")
    assert "vps_firewall" not in json.loads(el.read(SCHEMA))["properties"]
    assert "brand_new" not in el.read(DROP_IN)


def test_a_module_that_is_not_registered_stays_so(el: Machine, rpms: dict[str, Path], tmp_path: Path) -> None:
    put(el, rpms["this"], cloud_init(el, "23.4", tmp_path))
    put(el, cloud_init(el, "24.4", tmp_path, "brand_new"))
    assert "vps_firewall" not in el.read(SCHEMA)
    assert el.read(DROP_IN) == ""


CLOUD_INIT = """\
Name: cloud-init
Version: {version}
Release: 1.el9
Summary: What of cloud-init our registration touches
License: none
BuildArch: noarch
AutoReqProv: no
%description
Made by a test.
%install
mkdir -p %{{buildroot}}
cp -a {content}/. %{{buildroot}}/
%files
{files}
"""


def cloud_init(machine: Machine, version: str, folder: Path, key: str = "") -> Path:
    """A package of that name with the files of the stand-in's own cloud-init that upgrades bring anew, and with one
    more module, `key`, in its schema and its list."""
    content = folder / f"cloud-init-{version}"
    files = {
        SCHEMA: machine.read(SCHEMA.replace(SITE, "/usr/lib/python3/dist-packages")),
        f"{SITE}/cloudinit/version.py": f'__VERSION__ = "{version}"\n',
        "/etc/cloud/cloud.cfg": machine.read("/etc/cloud/cloud.cfg"),
    }
    if key:
        schema = json.loads((folder / f"cloud-init-23.4{SCHEMA}").read_text())
        schema["properties"][key] = {}
        files[SCHEMA] = json.dumps(schema)
        lists = files["/etc/cloud/cloud.cfg"]
        files["/etc/cloud/cloud.cfg"] = lists.replace("cloud_init_modules:\n", f"cloud_init_modules:\n - {key}\n")
    else:
        schema = json.loads(files[SCHEMA])
        schema.setdefault("properties", {})
        files[SCHEMA] = json.dumps(schema)
    for path, text in files.items():
        (content / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (content / path.lstrip("/")).write_text(text)
        os.utime(content / path.lstrip("/"), (1_700_000_000, 1_700_000_000))
    spec = folder / "cloud-init.spec"
    spec.write_text(CLOUD_INIT.format(version=version, content=content, files="\n".join(files)))
    macros = ["--define", f"_topdir {folder}/rpm", "--define", "__os_install_post %{nil}"]
    subprocess.run(["rpmbuild", "-bb", "--quiet", *macros, str(spec)], check=True, capture_output=True)
    return folder / f"rpm/RPMS/noarch/cloud-init-{version}-1.el9.noarch.rpm"


def test_an_engine_that_was_copied_here_before_makes_room(el: Machine, rpms: dict[str, Path], tmp_path: Path) -> None:
    copied = tmp_path / "copied"
    made.source(copied, "0.0.9", made.OLDER)
    for path in copied.rglob("*"):
        if path.is_file():
            el.write(f"/srv/copied/{path.relative_to(copied)}", path.read_bytes())
    before = on_disk(el)
    el.run("sh", "-c", "cd /srv/copied && python3 -m cc_vps_firewall install")
    assert el.read(f"{ENGINE}/gone.py")
    assert el.run("sh", "-c", f"test ! -L {HOOK} && echo a file of its own").stdout
    put(el, rpms["this"])
    assert verified(el) == ""
    assert el.run("readlink", HOOK).stdout == "../../../usr/libexec/vps-firewall/clean\n"
    assert el.run("readlink", "-e", HOOK).stdout == "/usr/libexec/vps-firewall/clean\n"
    assert el.read(f"{ENGINE}/gone.py") == ""
    assert (
        el.run("sh", "-c", "command -v vps-firewall; ls /usr/sbin/vps-firewall 2>&1", check=False).stdout.split("\n")[0]
        == "/usr/bin/vps-firewall"
    )
    el.run("vps-firewall", "uninstall")
    assert el.run("vps-firewall", "--help").stdout, "the package's own stays"
    assert verified(el) == ""
    el.run("rpm", "-e", "vps-firewall", "iptables-nft-services")
    left = on_disk(el) - before
    assert {line.split()[1] for line in left} <= {"/usr/share/licenses", "/usr/libexec/iptables", "/usr/share/man/man8"}


def test_the_rules_of_a_policy_outlive_the_package(el: Machine, rpms: dict[str, Path], tmp_path: Path) -> None:
    offer(el, "this", [rpms["this"]], tmp_path)
    dnf(el, "install", "vps-firewall")
    el.run("vps-firewall", "install", "--sealed")
    el.run("vps-firewall", "apply", "-", given=f"#cloud-config\n{POLICY}")
    rules, saved = el.run("iptables-save").stdout, el.read("/etc/sysconfig/iptables")
    assert "--dports" in saved or "--dport" in saved
    dnf(el, "remove", "vps-firewall")
    strip = [line for line in el.run("iptables-save").stdout.splitlines() if line[:1] not in "#:"]
    assert strip == [line for line in rules.splitlines() if line[:1] not in "#:"]
    assert el.read("/etc/sysconfig/iptables") == saved
    wants = el.run("ls", "/etc/systemd/system/multi-user.target.wants").stdout
    assert "iptables.service" in wants.split()
    assert el.run("rpm", "-q", "iptables-nft-services").returncode == 0
    kept = ["/etc/systemd/system/ip6tables.service.d", "/etc/systemd/system/iptables.service.d"]
    assert ours(el) == [f"{folder}/vps-firewall.conf" for folder in kept]


def test_a_package_that_nobody_asked_for_goes_with_ours(el: Machine, rpms: dict[str, Path], tmp_path: Path) -> None:
    """What the test above would see if dnf had not been told."""
    offer(el, "this", [rpms["this"]], tmp_path)
    dnf(el, "install", "vps-firewall")
    dnf(el, "remove", "vps-firewall")
    assert el.run("rpm", "-q", "iptables-nft-services", check=False).returncode == 1


def test_cloud_init_clean_seals_a_sealed_image_again(el: Machine, rpms: dict[str, Path]) -> None:
    put(el, rpms["this"])
    el.run("vps-firewall", "install", "--sealed")
    sealed = {path: el.read(path) for path in ("/etc/sysconfig/iptables", "/etc/sysconfig/ip6tables")}
    el.run("vps-firewall", "apply", "-", given=f"#cloud-config\n{POLICY}")
    el.write("/var/lib/vps-firewall/instance", "i-1")
    assert {path: el.read(path) for path in sealed} != sealed
    before = el.run("iptables", "-S").stdout
    el.run("cloud-init", "clean")
    assert {path: el.read(path) for path in sealed} == sealed
    assert el.run("ls", "/var/lib/vps-firewall").stdout.split() == ["registered-schema.json", "registered.json"]
    assert el.run("iptables", "-S").stdout == before, "what runs goes on as it was"
    assert verified(el) == ""


def test_cloud_init_clean_leaves_no_image_open(el: Machine, rpms: dict[str, Path]) -> None:
    """Not sealed: the rules that are there stay until user-data has spoken."""
    put(el, rpms["this"])
    el.run("vps-firewall", "install")
    el.run("vps-firewall", "apply", "-", given=f"#cloud-config\n{POLICY}")
    saved = el.read("/etc/sysconfig/iptables")
    el.run("cloud-init", "clean")
    assert el.read("/etc/sysconfig/iptables") == saved
    assert el.read("/var/lib/vps-firewall/policy.json") == ""


def test_cloud_init_clean_that_cannot_seal_says_so_and_forgets_nothing(el: Machine, rpms: dict[str, Path]) -> None:
    put(el, rpms["this"])
    el.run("vps-firewall", "install", "--sealed")
    el.run("vps-firewall", "apply", "-", given=f"#cloud-config\n{POLICY}")
    el.write("/var/lib/vps-firewall/instance", "i-1")
    el.run("sh", "-c", "rm /usr/sbin/*tables*")
    done = el.run("cloud-init", "clean", check=False)
    assert done.returncode == 1
    assert "cannot seal /" in done.stdout + done.stderr
    assert el.read("/var/lib/vps-firewall/policy.json")
    assert el.read("/var/lib/vps-firewall/instance") == "i-1"


def test_presets_keep_what_the_seal_enabled(el: Machine, rpms: dict[str, Path]) -> None:
    put(el, rpms["this"])
    el.run("vps-firewall", "install", "--sealed")
    # A vendor's comes before one that begins with 80, and the first that names a unit is the one that counts.
    el.write("/usr/lib/systemd/system-preset/50-vendor.preset", "disable iptables.service\nenable firewalld.service\n")
    wants = "/etc/systemd/system/multi-user.target.wants"
    for again in (True, False):
        el.run("systemctl", "preset-all", check=False)
        there = el.run("ls", wants).stdout.split()
        assert ("iptables.service" in there) is again
        assert "vps-firewall-guard.service" in there
        el.run("rm", "-f", "/etc/systemd/system-preset/00-vps-firewall-seal.preset")  # and now without


def test_el_10_gets_nftables_where_there_is_nothing(el: Machine, tmp_path: Path) -> None:
    """Its package alone: this stand-in is one for EL 9, and has another Python."""
    ten = next(path for path in made.build("rpm", tmp_path / "built") if ".el10." in path.name)
    spec = tmp_path / "python.spec"
    spec.write_text(
        "Name: python-of-el10\nVersion: 3.12\nRelease: 1\nSummary: A name\nLicense: none\nBuildArch: noarch\n"
        "Provides: python(abi) = 3.12\n%description\nMade by a test.\n%files\n"
    )
    command = ["rpmbuild", "-bb", "--quiet", "--define", f"_topdir {tmp_path}/rpm", str(spec)]
    subprocess.run(command, check=True, capture_output=True)
    offer(el, "ten", [ten, *(tmp_path / "rpm/RPMS/noarch").glob("*.rpm")], tmp_path)
    dnf(el, "install", "vps-firewall")
    assert el.run("rpm", "-q", "nftables").returncode == 0
    assert el.run("rpm", "-q", "iptables-nft-services", check=False).returncode == 1
    assert verified(el) == ""


def test_compiled_files_as_el_has_them_are_the_packages(el: Machine, rpms: dict[str, Path]) -> None:
    """This stand-in's Python is another one, and gives them other names."""
    put(el, rpms["this"])
    rename = f"cd {ENGINE} && for file in $(find . -name '*.pyc'); do mv $file ${{file%.*.*}}.cpython-39.pyc; done"
    el.run("sh", "-c", rename)
    assert verified(el) == ""
    owned = el.run("rpm", "-qf", f"{ENGINE}/apply/__pycache__/converge.cpython-39.pyc").stdout.strip()
    assert owned == rpms["this"].name[: -len(".rpm")]
    el.run("rpm", "-e", "--noscripts", "vps-firewall")
    assert el.run("ls", ENGINE, check=False).returncode != 0, "rpm took them by itself"


def test_a_trigger_that_fails_stops_no_upgrade(el: Machine, rpms: dict[str, Path], tmp_path: Path) -> None:
    put(el, rpms["this"], cloud_init(el, "23.4", tmp_path))
    el.run("vps-firewall", "install")
    newer = cloud_init(el, "24.4", tmp_path, "brand_new")
    el.write("/etc/cloud/cloud.cfg.d/50_broken.cfg", "cloud_init_modules: [\n")
    el.write("/srv/newer.rpm", newer.read_bytes())
    said = el.run("rpm", "-U", "/srv/newer.rpm")
    assert "50_broken.cfg is not YAML" in said.stdout + said.stderr
    assert el.run("rpm", "-q", "cloud-init").stdout.startswith("cloud-init-24.4")
    # Mended, the next transaction that touches cloud-init finishes it.
    el.run("rm", "/etc/cloud/cloud.cfg.d/50_broken.cfg")
    el.run("rpm", "-U", "--replacepkgs", "/srv/newer.rpm")
    assert "brand_new" in el.read(DROP_IN)


def test_cloud_init_and_the_package_removed_together(el: Machine, rpms: dict[str, Path], tmp_path: Path) -> None:
    put(el, rpms["this"], cloud_init(el, "23.4", tmp_path))
    el.run("vps-firewall", "install", "--sealed")
    done = el.run("rpm", "-e", "cloud-init", "vps-firewall")
    assert "rror" not in done.stdout + done.stderr
    assert ours(el) == []


def test_what_cannot_be_taken_out_stays_with_the_package(el: Machine, rpms: dict[str, Path]) -> None:
    put(el, rpms["this"])
    el.run("vps-firewall", "install", "--sealed")
    patched = el.read(SCHEMA)
    el.write(SCHEMA, patched + "\n")
    done = el.run("rpm", "-e", "vps-firewall", check=False)
    assert done.returncode != 0
    assert "was changed by somebody else too" in done.stdout + done.stderr
    assert el.run("rpm", "-q", "vps-firewall").returncode == 0
    el.write(SCHEMA, patched)
    el.run("rpm", "-e", "vps-firewall")
    assert ours(el) == []

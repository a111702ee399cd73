"""a folder -> a system as EL or Debian lay it out, as far as install and seal look at it; and a kill -9 at any change.

The fixtures are conftest.py's to give.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from cc_vps_firewall.cli import command as cli
from cc_vps_firewall.host import process, systemd
from cc_vps_firewall.image import register
from cc_vps_firewall.root import HERE, Root

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


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond 4 KiB: the write in the middle of an install fails as on a full disk."""
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    signal.signal(signal.SIGXFSZ, ignored)


@pytest.fixture
def same_python(root: Path) -> Path:
    """The same system with the Python that runs this."""
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    (root / "usr/bin/python3").unlink()
    put(root, f"usr/bin/{name}", "", 0o755)
    os.symlink(name, root / "usr/bin/python3")
    (root / "usr/lib/python3.9").rename(root / f"usr/lib/{name}")
    return root


NFT_CONF = "#!/usr/sbin/nft -f\n\nflush ruleset\n\n# caf\udce9\ntable inet filter {\n}\n"


RULES = "etc/nftables/vps-firewall.nft"


UNITS = "etc/systemd/system"


@pytest.fixture
def systemctl(monkeypatch: pytest.MonkeyPatch) -> None:
    """What systemctl does to an image's files. It is a process of its own, and goes on where we are killed."""

    def enable(unit: str, root: Root = HERE) -> None:
        wants = Path(root, UNITS, "sysinit.target.wants")
        with not_counted():
            wants.mkdir(parents=True, exist_ok=True)
            (wants / unit).symlink_to(f"/usr/lib/systemd/system/{unit}")

    def disable(unit: str, root: Root = HERE) -> None:
        with not_counted():
            for link in Path(root, UNITS).glob("*.wants/*"):
                if link.name == unit:
                    link.unlink()
            for wants in Path(root, UNITS).glob("*.wants"):
                if not list(wants.iterdir()):
                    wants.rmdir()

    monkeypatch.setattr(systemd, "enable", enable)
    monkeypatch.setattr(systemd, "disable", disable)
    monkeypatch.setattr(process, "find", lambda tool: f"/usr/bin/{tool}")


KERNEL = Path(__file__).with_name("kernel-6.12")  # Debian's, as far as it is about netfilter


def kernel_in(
    root: Path,
    version: str,
    *,
    without: str = "",
    builtin: str = "",
    ending: str = ".xz",
    aliases: bool = True,
    told: bool = True,
) -> None:
    """The folder of a kernel's modules, as depmod leaves it. `without`, `builtin`: the names that match are not there,
    or are no modules; `told`: what those answer to is in a file too, as it is from Linux 5.2 on."""
    dep = [line.partition(":")[0] for line in (KERNEL / "modules.dep").read_text().splitlines()]
    names = {path.rpartition("/")[2].partition(".")[0]: path.replace(".xz", ending) for path in dep}
    there = {name: path for name, path in names.items() if not (without and re.fullmatch(without, name))}
    inside = {name for name in there if builtin and re.fullmatch(builtin, name)}
    answers = [line.split()[1:] for line in (KERNEL / "modules.alias").read_text().splitlines()]
    files = {
        "dep": "".join(f"{path}: \n" for name, path in there.items() if name not in inside),
        "builtin": "".join(f"{there[name].partition('.ko')[0]}.ko\n" for name in sorted(inside)),
        "builtin.modinfo": "".join(f"{name}.alias={alias}\0" for alias, name in answers if told and name in inside),
        "alias": "# Aliases extracted from modules themselves.\n"
        + "".join(
            f"alias {alias} {name}\n" for alias, name in answers if aliases and name in there and name not in inside
        ),
    }
    for name, text in files.items():
        put(root, f"lib/modules/{version}/modules.{name}", text)


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


def enabled(root: Path) -> None:
    """A Debian whose owner has the service of nftables load rules at boot."""
    debian(root)
    systemd.enable("nftables.service", Root(str(root)))


def both(root: Path) -> None:
    """iptables-persistent too, and the service of nftables enabled."""
    enabled(root)
    for tool in ("iptables-restore", "iptables-save", "ip6tables-restore", "ip6tables-save", "flock"):
        put(root, f"usr/sbin/{tool}", "", 0o755)
    put(root, "usr/lib/systemd/system/netfilter-persistent.service", "[Unit]\n")
    for plugin in ("15-ip4tables", "25-ip6tables"):
        put(root, f"usr/share/netfilter-persistent/plugins.d/{plugin}", "", 0o755)


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


SYSTEMS = {"debian": debian, "enabled": enabled, "both": both, "el": el, "without a service": without_service}


def sealed(root: Path, *more: str) -> int:
    return cli.main(["install", "--sealed", "--root", str(root), *more])


def everything(root: Path) -> dict[str, object]:
    """Files, folders and links."""
    found: dict[str, object] = {str(path.relative_to(root)): "folder" for path in root.rglob("*") if path.is_dir()}
    links = {str(path.relative_to(root)): os.readlink(path) for path in root.rglob("*") if path.is_symlink()}
    return {**found, **tree(root), **links}


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

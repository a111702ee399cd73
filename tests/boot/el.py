"""a Debian root -> one that is CentOS Stream to cloud-init, dnf, systemd's presets and our engine.

What is imitated is what decides about a first boot: what the system says it is, the distro class of cloud-init,
packages from a repository through dnf, the order of cloud-init's units, and firewall services with default
dependencies that load their file before the network, flush at their stop, and fall back to a second file. SELinux is
there, with Debian's policy, and permissive. What is not there: EL's policy, grub, EL's kernels.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from tests.boot.guests import Guest, run

RELEASE = "CentOS Stream release {version}\n"
OS_RELEASE = """\
NAME="CentOS Stream"
VERSION="{version}"
ID="centos"
ID_LIKE="rhel fedora"
VERSION_ID="{version}"
PLATFORM_ID="platform:el{version}"
PRETTY_NAME="CentOS Stream {version}"
"""

# Debian's default is a database per user, which dnf does not look at.
RPM_MACROS = """\
%_dbpath /var/lib/rpm
%dist .el{version}
%rhel {version}
"""
REPOSITORY = "usr/share/lab-repository"
REPO_FILE = """\
[lab]
name=what this stand-in can install
baseurl=file:///usr/share/lab-repository
gpgcheck=0
"""

SELINUX = "SELINUX=permissive\nSELINUXTYPE=default\n"
CLOUD_CONFIG = """\
system_info:
  distro: centos
  default_user: {name: cloud-user, lock_passwd: true, gecos: Cloud User, groups: [adm], shell: /bin/bash}
"""
DEBIAN_MODULES = re.compile(r"(?m)^ - (?:apt-|byobu|fan|grub|landscape|lxd|snap|ubuntu-).*\n")

# unit of cloud-init -> its [Unit] section on EL: no stage before sysinit.target. There are two orders: on rhel what
# runs before the network has no default dependencies and the network stage has them, on centos it is the other way
# round (cloud-init, systemd/*.tmpl). What a unit starts is left as its package has it.
EARLY = {
    "rhel": "DefaultDependencies=no\nRequires=dbus.socket\nAfter=dbus.socket\nBefore=network.service\n",
    "centos": "",
}
LATE = {"rhel": "", "centos": "DefaultDependencies=no\n"}
BEFORE_THE_NETWORK = """\
[Unit]
Description={unit}, before the network (in the order of {order})
{dependencies}Wants=network-pre.target
After=systemd-remount-fs.service
Before=NetworkManager.service systemd-networkd.service network-pre.target firewalld.target shutdown.target
Conflicts=shutdown.target
RequiresMountsFor=/var/lib/cloud

"""
WHEN_THE_NETWORK_IS_UP = """\
[Unit]
Description={unit}, when the network is up (in the order of {order})
{dependencies}Wants=cloud-init-local.service sshd-keygen.service
After=cloud-init-local.service NetworkManager.service NetworkManager-wait-online.service
After=systemd-networkd-wait-online.service
Before=network-online.target sshd-keygen.service sshd.service systemd-user-sessions.service

"""
STAGES = {
    "cloud-init-main.service": (BEFORE_THE_NETWORK, EARLY),  # all stages in one process, from 24.3 on
    "cloud-init-local.service": (BEFORE_THE_NETWORK, EARLY),
    "cloud-init-network.service": (WHEN_THE_NETWORK_IS_UP, LATE),  # its name from 24.3 on
    "cloud-init.service": (WHEN_THE_NETWORK_IS_UP, LATE),
}

# As EL has it: what the presets do not name is off. cloud-init's own file is of its package.
PRESETS = {
    "90-default.preset": "enable ssh.service\nenable sshd.service\nenable {manager}*\nenable cloud-*\n"
    "enable dbus*\nenable lab-*\n",
    "99-default-disable.preset": "disable *\n",
}

IPTABLES_SERVICE = """\
[Unit]
Description=Load the {family} packet filter that was saved
AssertPathExists=/etc/sysconfig/{tool}
Wants=network-pre.target
Before=network-pre.target{more}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/libexec/iptables/saved-rules start {tool}
ExecReload=/usr/libexec/iptables/saved-rules reload {tool}
ExecStop=/usr/libexec/iptables/saved-rules stop {tool}

[Install]
WantedBy=multi-user.target
"""

# As EL's script does, it starts once: while its mark is there nothing is loaded.
SAVED_RULES = """\
#!/bin/bash
# start: load the saved file, or the fallback where it does not load. stop: accept everything, hold no rule.
tool=$2
file=/etc/sysconfig/$tool
mark=/var/lock/subsys/$tool
load() {
    "$tool-restore" --wait 600 "$file" && return
    [ -f "$file.fallback" ] && "$tool-restore" --wait 600 "$file.fallback"
}
case $1 in
start)
    [ -f "$mark" ] && exit 0
    load || exit 1
    mkdir -p "${mark%/*}" && touch "$mark"
    ;;
reload) load ;;
stop)
    for chain in INPUT FORWARD OUTPUT; do "$tool" -w -P "$chain" ACCEPT; done
    "$tool" -w -F
    "$tool" -w -X
    rm -f "$mark"
    ;;
esac
"""

NFTABLES_SERVICE = """\
[Unit]
Description=Load the nftables rules that were saved
Wants=network-pre.target
Before=network-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
ProtectSystem=full
ProtectHome=true
ExecStart=/sbin/nft -f /etc/sysconfig/nftables.conf
ExecReload=/sbin/nft 'flush ruleset; include "/etc/sysconfig/nftables.conf";'
ExecStop=/sbin/nft flush ruleset

[Install]
WantedBy=multi-user.target
"""

# package -> what it holds: path -> text and mode. Tools are copied from the Debian root itself.
PACKAGES: dict[str, dict[str, tuple[str, int]]] = {
    "iptables-nft-services": {
        "usr/lib/systemd/system/iptables.service": (
            IPTABLES_SERVICE.format(family="IPv4", tool="iptables", more=" ip6tables.service"),
            0o644,
        ),
        "usr/lib/systemd/system/ip6tables.service": (
            IPTABLES_SERVICE.format(family="IPv6", tool="ip6tables", more=""),
            0o644,
        ),
        "usr/libexec/iptables/saved-rules": (SAVED_RULES, 0o755),
    },
    "nftables": {
        "usr/lib/systemd/system/nftables.service": (NFTABLES_SERVICE, 0o644),
        "etc/sysconfig/nftables.conf": ("# Files of rules are included here.\n", 0o600),
    },
}
TOOLS = {
    "iptables-nft-services": ("xtables-nft-multi", "iptables*", "ip6tables*"),
    "nftables": ("nft",),
}

SPEC = """\
Name: {name}
Version: 9
Release: 1.el9
Summary: A part of a stand-in for CentOS
License: none
BuildArch: noarch
AutoReqProv: no
{provides}
%description
{name}, made for the boot lab.
%files
{files}
"""
BASE_PROVIDES = (
    "/bin/sh",
    "systemd",
    "system-release = 9",
    "system-release(releasever) = 9",
    # What our own package asks for. The Python is Debian's, and EL's folder of packages is a name for Debian's.
    "python(abi) = 3.9",
    "python3-pyyaml = 6.0",
    "cloud-init = 22.4.2",
)
SITE = {"9": "usr/lib/python3.9/site-packages", "10": "usr/lib/python3.12/site-packages"}
MANAGERS = {"networkd": "systemd-networkd", "NetworkManager": "NetworkManager"}


def disguise(root: Path, guest: Guest) -> None:
    """Make `root` an EL stand-in. Where the guest's firewall is `none` it has neither service nor tools, as the
    vendors' own images, on which a first boot has to install them."""
    version, site = guest.version, root / SITE[guest.version]
    for path, text in {
        "etc/os-release": OS_RELEASE.format(version=version),
        "usr/lib/os-release": OS_RELEASE.format(version=version),
        "etc/centos-release": RELEASE.format(version=version),
        "etc/redhat-release": RELEASE.format(version=version),
        "etc/rpm/macros": RPM_MACROS.format(version=version),
        "etc/yum.repos.d/lab.repo": REPO_FILE,
        "etc/selinux/config": SELINUX,
        "etc/cloud/cloud.cfg.d/91_el.cfg": CLOUD_CONFIG,
        **{
            f"etc/systemd/system-preset/{name}": text.format(manager=MANAGERS[guest.manager])
            for name, text in PRESETS.items()
        },
        # Above Debian's own units of the same names.
        **{f"etc/systemd/system/{unit}": text for unit, text in _stages(root, guest.order).items()},
    }.items():
        _write(root, path, text)
    _write(root, "etc/locale.conf", "LANG=C.UTF-8\n")
    config = root / "etc/cloud/cloud.cfg"
    config.write_text(DEBIAN_MODULES.sub("", config.read_text()))
    (root / "etc/sysconfig").mkdir(exist_ok=True)
    site.parent.mkdir(parents=True)
    site.symlink_to("../python3/dist-packages")
    (root / "usr/libexec/cloud-init").symlink_to("/usr/lib/cloud-init")
    # Debian's own service and its configuration are not EL's.
    for path in ("etc/nftables.conf", "usr/lib/systemd/system/nftables.service", "lib/systemd/system/nftables.service"):
        (root / path).unlink(missing_ok=True)
    rpms = _repository(root)
    run(["rpm", "--root", str(root), "--dbpath", "/var/lib/rpm", "--initdb"])
    chosen = {"iptables": ["iptables-nft-services"], "nftables": ["nftables"], "none": []}[guest.firewall]
    install = [str(rpms[name]) for name in ("lab-base", *chosen)]
    for package in PACKAGES:
        for pattern in TOOLS[package] if package not in chosen else ():
            for tool in (root / "usr/sbin").glob(pattern):
                tool.unlink()
    run(["rpm", "--root", str(root), "--dbpath", "/var/lib/rpm", "--replacefiles", "-i", *install])


def preset_all(root: Path) -> None:
    """Enable and disable every unit of the finished root as the presets say, as an EL image's first boot does."""
    run(["systemctl", f"--root={root}", "preset-all"])


def _stages(root: Path, order: str) -> dict[str, str]:
    """Unit of cloud-init -> its text, in one of EL's orders, for those that this root's cloud-init has."""
    texts = {}
    for unit, (section, dependencies) in STAGES.items():
        own = root / "usr/lib/systemd/system" / unit
        if own.is_file() and not own.is_symlink():
            service = own.read_text().partition("[Service]")[2]
            texts[unit] = (
                section.format(unit=unit, order=order, dependencies=dependencies[order]) + "[Service]" + service
            )
    return texts


def add(root: Path, name: str) -> None:
    """One more of the packages that this stand-in can install."""
    rpm = root / REPOSITORY / f"{name}.rpm"
    run(["rpm", "--root", str(root), "--dbpath", "/var/lib/rpm", "--replacefiles", "-i", str(rpm)])


def _repository(root: Path) -> dict[str, Path]:
    """The packages that this stand-in can install, as dnf finds them. -> package -> its RPM."""
    target = root / REPOSITORY
    target.mkdir(parents=True)
    rpms = {}
    with tempfile.TemporaryDirectory(prefix="vps-firewall-rpm-") as scratch:
        for name in ("lab-base", *PACKAGES):
            rpms[name] = _rpm(root, name, Path(scratch) / name, target)
    run(["createrepo_c", "--quiet", "--no-database", str(target)])
    return rpms


def _rpm(root: Path, name: str, scratch: Path, target: Path) -> Path:
    content = scratch / "content"
    content.mkdir(parents=True)
    for path, (text, mode) in PACKAGES.get(name, {}).items():
        _write(content, path, text, mode)
    for pattern in TOOLS.get(name, ()):
        for tool in (root / "usr/sbin").glob(pattern):
            (content / "usr/sbin").mkdir(parents=True, exist_ok=True)
            if tool.is_symlink() and not tool.name.startswith("x"):
                # Debian's go through /etc/alternatives; EL's name the tool itself.
                (content / "usr/sbin" / tool.name).symlink_to("xtables-nft-multi")
            else:
                shutil.copy2(tool, content / "usr/sbin" / tool.name)
    files = "\n".join(f"/{path.relative_to(content)}" for path in sorted(content.rglob("*")) if not path.is_dir())
    provides = "".join(f"Provides: {what}\n" for what in BASE_PROVIDES if name == "lab-base")
    spec = scratch / "package.spec"
    spec.write_text(SPEC.format(name=name, provides=provides, files=files))
    macros = {"_topdir": scratch / "build", "_rpmdir": target, "_build_name_fmt": "%%{NAME}.rpm"}
    defined = [word for key, value in macros.items() for word in ("--define", f"{key} {value}")]
    checks = ["--define", "__os_install_post %{nil}", "--define", "_binaries_in_noarch_packages_terminate_build 0"]
    install = f"%install\nmkdir -p %{{buildroot}}\ncp -a {content}/. %{{buildroot}}/\n"
    spec.write_text(spec.read_text().replace("%files\n", f"{install}%files\n"))
    run(["rpmbuild", "-bb", "--quiet", *defined, *checks, str(spec)])
    return target / f"{name}.rpm"


def _write(root: Path, path: str, text: str, mode: int = 0o644) -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink():
        target.unlink()
    target.write_text(text, encoding="utf-8")
    target.chmod(mode)

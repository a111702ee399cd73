"""a host -> an account of it as JSON: what the tests beside it look at, gathered in one go.

The tests send this file to the host and run it there, as root, with the builder's name for an argument: one command,
where a look at each thing would be a hundred. Standard library alone, Python 3.9; it changes nothing.
"""

from __future__ import annotations

import glob
import grp
import json
import os
import pwd
import re
import stat
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

PACKAGE = "vps-firewall"
STATE = "/var/lib/vps-firewall"
# Where rules are saved, what loads them at boot, and who would load others. This file is sent to a host alone.
# Made of the table of distributions by `make generate`: changes here are lost.
RULES = (
    "/etc/nftables/vps-firewall.nft",
    "/etc/sysconfig/iptables",
    "/etc/sysconfig/ip6tables",
    "/etc/iptables/rules.v4",
    "/etc/iptables/rules.v6",
    "/etc/vps-firewall/rules.nft",
    "/etc/vps-firewall/rules.v4",
    "/etc/vps-firewall/rules.v6",
)
LOADERS = (
    "nftables.service",
    "iptables.service",
    "ip6tables.service",
    "netfilter-persistent.service",
    "vps-firewall.service",
)
MANAGERS = (
    "firewalld.service",
    "ufw.service",
)
# End of what is made.
# With their text. None of them holds a secret.
FILES = (
    *RULES,
    *(f"{STATE}/{name}.json" for name in ("status-private", "status", "policy", "registered")),
    f"{STATE}/instance",
    *("/etc/cloud/cloud.cfg.d/*.cfg", "/run/cloud-init/result.json"),
    *("/etc/machine-id", "/etc/ssh/ssh_host_*_key.pub"),
)
UNITS = (
    *LOADERS,
    *MANAGERS,
    *("cloud-init.service", "cloud-init-network.service", "network-pre.target", "network.target"),
)
PROPERTIES = (
    "Id",  # never empty: every unit has a block of lines
    *("UnitFileState", "ActiveState", "Before", "ExecStop", "ActiveEnterTimestampMonotonic"),
)
# What root runs or believes.
TRUSTED = (
    *("/usr/bin/vps-firewall", "/usr/sbin/vps-firewall", "/usr/libexec/vps-firewall", "/etc/cloud/cloud.cfg.d"),
    "/usr/lib/python3*/*-packages/cc_vps_firewall",
)
OF_BAKES = ("/var/tmp/vps-firewall-bake", "/tmp/packer-*", "/tmp/script_*.sh", "/usr/sbin/policy-rc.d")
# Of this boot, and from systemd alone: sudo writes whole commands there, this program among them.
FROM_SYSTEMD = ("journalctl", "-b", "-t", "systemd", "--no-pager", "-o", "cat")
CYCLES = re.compile("ordering cycle|deleted to break", re.IGNORECASE)


def main(builder: str) -> None:
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    account = {
        "files": {path: file(path) for path in found(FILES) if os.path.isfile(path)},
        "units": units(),
        **package(),
        "open_to_others": [path for path in found(TRUSTED) for path in writable(path)],
        "instance": os.path.realpath("/var/lib/cloud/instance"),
        "instances": found(["/var/lib/cloud/instances/*"]),
        "cycles": [line for line in said(*FROM_SYSTEMD).splitlines() if CYCLES.search(line)],
        "listening": said("ss", "-Hlntu").splitlines(),
        "addresses": said("ip", "-o", "addr", "show", "scope", "global").splitlines(),
        **left_by(builder),
    }
    json.dump(account, sys.stdout)


def found(patterns: Sequence[str]) -> list[str]:
    return sorted(path for pattern in patterns for path in glob.glob(pattern))


def file(path: str) -> dict[str, Any]:
    """As `stat` and `cat` show it."""
    seen = os.stat(path)
    try:
        owner = f"{pwd.getpwuid(seen.st_uid).pw_name}:{grp.getgrgid(seen.st_gid).gr_name}"
    except KeyError:
        owner = f"{seen.st_uid}:{seen.st_gid}"
    return {"mode": stat.S_IMODE(seen.st_mode), "owner": owner, "text": text(path)}


def text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as opened:
            return opened.read()
    except OSError:
        return ""


def units() -> dict[str, dict[str, str]]:
    """Unit -> its properties, empty where systemd does not run: then the folders alone say what is enabled."""
    if not os.path.isdir("/run/systemd/system"):
        return {unit: {"UnitFileState": said("systemctl", "is-enabled", unit).strip()} for unit in UNITS}
    wanted = [word for name in PROPERTIES for word in ("-p", name)]
    blocks = said("systemctl", "show", *wanted, *UNITS).strip().split("\n\n")
    told: dict[str, dict[str, str]] = {}
    for unit, block in zip(UNITS, blocks):
        # Several commands are several lines.
        told[unit] = {}
        for line in block.splitlines():
            name, _, value = line.partition("=")
            told[unit][name] = " ".join([told[unit][name], value]) if name in told[unit] else value
    return told


def package() -> dict[str, Any]:
    """Its name and version, and the files that are not as it brought them; by whichever package manager knows it."""
    for query, check in (
        (("rpm", "-q", PACKAGE), ("rpm", "-V", PACKAGE)),
        (("dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Package} ${Version}", PACKAGE), ("dpkg", "-V", PACKAGE)),
    ):
        code, answer = ran(*query)
        if code == 0 and (query[0] == "rpm" or answer.startswith("ii ")):
            return {"package": answer.strip(), "changed": said(*check).splitlines()}
    return {"package": "", "changed": []}


def writable(top: str) -> list[str]:
    """What is there that another than root may change."""
    inside = [os.path.join(folder, name) for folder, under, names in os.walk(top) for name in under + names]
    wrong = []
    for path in [top, *inside]:
        seen = os.stat(path)
        if seen.st_uid != 0 or stat.S_IMODE(seen.st_mode) & 0o022:
            wrong.append(path)
    return wrong


def left_by(builder: str) -> dict[str, list[str]]:
    """What whoever built the image may have left. Nobody else's keys or users leave the host."""
    name = re.escape(builder)
    keys = [
        line
        for path in found(["/root/.ssh/authorized_keys", "/home/*/.ssh/authorized_keys"])
        for line in text(path).splitlines()
    ]
    accounts = found(["/etc/passwd", "/etc/passwd-", "/etc/shadow-", "/etc/subuid", "/etc/subgid", "/etc/sub?id-"])
    return {
        "builders_accounts": [path for path in accounts if re.search(rf"(?m)^{name}:", text(path))]
        + found([f"/home/{builder}"]),
        # Keys that packer makes bear its name.
        "builders_keys": [line for line in keys if re.search(rf" ({name}|packer_?)", line)],
        "builders_rights": [
            path for path in found(["/etc/sudoers", "/etc/sudoers.d/*"]) if re.search(rf"(?m)^{name}\s", text(path))
        ],
        "builders_files": found(OF_BAKES),
    }


def said(*command: str) -> str:
    return ran(*command)[1]


def ran(*command: str) -> tuple[int, str]:
    """(exit code, what it printed); 127 where there is no such program."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
        )
    except OSError:
        return 127, ""
    return done.returncode, done.stdout.decode("utf-8", "replace")


if __name__ == "__main__":
    main(sys.argv[1])

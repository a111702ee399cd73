"""one policy -> the same by ours and by others, each as its users write it, on machines of one Debian suite.

The policy is the tutorial's: some ports for everybody, SSH for an office or for a list of networks. What a firewall
needs before it is told to load is prepared first and not timed: files that somebody has written, D-Bus.
"""

from __future__ import annotations

import functools
import ipaddress
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import records, suites
from tests.bench.networks import networks
from tests.lab.boot import REPOSITORY, SOURCES, UNPACKED
from tests.lab.world import Machine

SUITE = "trixie"
PACKAGES = (
    "dbus", "firewalld", "foomuuri", "iproute2", "iptables", "netbase", "nftables", "procps", "python3-yaml", "systemd",
    "ufw",
)  # fmt: skip
OFFICE = "203.0.113.7"
TUTORIAL = (80, 443, 25, 465, 110, 995, 143, 993)
PATIENCE = 240  # seconds that a load may take
INTERFACES = "eth0 host0 host1"

# In the machine: a process starts with the peak of who started it, so that has to be a small one (10 MiB).
TIMED = """
import json, resource, subprocess, sys, time
began = time.monotonic()
try:
    code = subprocess.run(["sh", "-e", "/root/load"], stdout=2, timeout=float(sys.argv[1])).returncode
except subprocess.TimeoutExpired:
    code = None
took = time.monotonic() - began
print(json.dumps([code, took, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]))
"""


@dataclass(frozen=True)
class Wanted:
    """The policy: who may use SSH, and what is open to everybody."""

    sources: tuple[str, ...] = (OFFICE,)
    ports: tuple[int, ...] = TUTORIAL

    def of_family(self, family: int) -> list[str]:
        return [source for source in self.sources if (":" in source) == (family == 6)]


@dataclass(frozen=True)
class Contender:
    """`files`: what it reads, by path. `prepare`: a script that is not timed; `load`: the one that is. `most`: of how
    many sources. `daemons`: what stays in memory."""

    name: str
    load: Callable[[Wanted], str]
    files: Callable[[Wanted], dict[str, str]] = lambda wanted: {}
    prepare: str = ""
    most: int = 100_000
    daemons: tuple[str, ...] = ()
    ours: bool = False


@dataclass(frozen=True)
class Load:
    """Seconds, and the most memory that one process of it had, in KiB."""

    seconds: float
    kib: int


def root() -> Path:
    """Where all of them are installed."""
    return suites.root_with(SUITE, PACKAGES)


def versions() -> dict[str, str]:
    about = records.system(root())
    return {name: about[name] for name in ("system", "nftables", "iptables", "ufw", "firewalld")} | {
        "kernel": os.uname().release
    }


@functools.lru_cache
def wanted(size: int, more: tuple[int, ...] = ()) -> Wanted:
    """Of so many networks, less those that lie inside others: not all of them take such. 0: the tutorial's office."""
    if not size:
        return Wanted(ports=(*TUTORIAL, *more))
    kept: list[str] = []
    for family in (4, 6):
        of_family = [net for net in map(ipaddress.ip_network, networks(size)) if net.version == family]
        kept += [net.compressed for net in ipaddress.collapse_addresses(of_family)]  # type: ignore[type-var]
    return Wanted(tuple(kept), (*TUTORIAL, *more))


def prepare(contender: Contender, machine: Machine, policy: Wanted) -> None:
    if contender.ours:
        for part in SOURCES:
            there = machine.root / UNPACKED.lstrip("/") / part
            shutil.copytree(REPOSITORY / part, there, ignore=shutil.ignore_patterns("__pycache__"))
        machine.run("python3", "-m", "compileall", "-q", UNPACKED)
    for path, text in contender.files(policy).items():
        machine.write(path, text)
    if contender.prepare:
        machine.run("sh", "-ec", contender.prepare)


def load(contender: Contender, machine: Machine, policy: Wanted) -> Load | None:
    """None: it took longer than PATIENCE. Raises AssertionError with what it said when it failed."""
    machine.write("/root/load", contender.load(policy))
    ended = machine.run("python3", "-c", TIMED, str(PATIENCE), environment={"PYTHONPATH": UNPACKED}, check=False)
    code, seconds, kib = json.loads(ended.stdout or "[1, 0, 0]")
    assert code in (0, None), f"{contender.name}: {ended.stderr[-2000:]}"
    return None if code is None else Load(seconds, kib)


def refused(contender: Contender, machine: Machine, policy: Wanted, environment: Mapping[str, str]) -> bool:
    """Load it as somebody does who has these variables. Did it decline?"""
    machine.write("/root/load", contender.load(policy))
    variables = {"PYTHONPATH": UNPACKED, **environment}
    return machine.run("sh", "-e", "/root/load", environment=variables, check=False).returncode != 0


def resident(contender: Contender, machine: Machine) -> int:
    """KiB that its daemons keep; of shared pages each has its part (smaps_rollup's Pss)."""
    script = "for p in $(pgrep -x '%s'); do awk '/^Pss:/ {print $2}' /proc/$p/smaps_rollup; done; true"
    said = [machine.run("sh", "-c", script % name).stdout.split() for name in contender.daemons]
    return sum(int(kib) for each in said for kib in each)


# --- as their users write them ----------------------------------------------------------------------------


def _ports(ports: Sequence[int], between: str = ",") -> str:
    return between.join(map(str, ports))


def _sixteen_calls(variant: str, policy: Wanted) -> str:
    """The commands of the tutorial, in its order, with its typing slips put right; the seventeenth would save. A list
    of sources is what it says for one, again and again."""
    four, six = f"iptables-{variant}", f"ip6tables-{variant}"
    accept = "-A INPUT -p tcp {} -m tcp --dport {} -j ACCEPT"
    lines = [
        f"{four} -F",
        f"{four} -A INPUT -p tcp --tcp-flags ALL NONE -j DROP",
        f"{four} -A INPUT -p tcp ! --syn -m state --state NEW -j DROP",
        f"{four} -A INPUT -p tcp --tcp-flags ALL ALL -j DROP",
        f"{four} -A INPUT -i lo -j ACCEPT",
        *(f"{four} {accept.format('', port)}" for port in policy.ports),
        *(f"{four} {accept.format(f'-s {source}', 22)}" for source in policy.of_family(4)),
        *(f"{six} {accept.format(f'-s {source}', 22)}" for source in policy.of_family(6)),
        f"{four} -I INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT",
        f"{four} -P INPUT DROP",
    ]
    return "\n".join([*lines, ""])


def _raw(policy: Wanted) -> dict[str, str]:
    sets = "".join(
        f"    set office{family} {{ type ipv{family}_addr; flags interval; elements = {{ {', '.join(nets)} }}; }}\n"
        for family in (4, 6)
        if (nets := policy.of_family(family))
    )
    accepts = "".join(
        f"        {name} saddr @office{family} tcp dport 22 accept\n"
        for family, name in ((4, "ip"), (6, "ip6"))
        if policy.of_family(family)
    )
    text = f"""table inet filter {{
{sets}    chain input {{
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        iif lo accept
        meta l4proto {{ icmp, ipv6-icmp }} accept
        tcp dport {{ {_ports(policy.ports)} }} accept
{accepts}    }}
}}
"""
    return {"/root/rules.nft": text}


def _ufw(policy: Wanted) -> str:
    everybody = f"ufw allow proto tcp to any port {_ports(policy.ports)}\n"
    if len(policy.sources) > 1:  # its file has them: one `ufw allow` for each would take hours
        return "ufw --force enable\n"
    return "".join(f"ufw allow proto tcp from {source} to any port 22\n" for source in policy.sources) + (
        everybody + "ufw --force enable\n"
    )


def _ufw_files(policy: Wanted) -> dict[str, str]:
    """Its own files of rules, as it would write them itself."""
    if len(policy.sources) == 1:
        return {}
    shipped = root() / "usr/share/ufw/iptables"
    made = {}
    for family, name, everybody in ((4, "user.rules", "0.0.0.0/0"), (6, "user6.rules", "::/0")):
        chain = "ufw-user-input" if family == 4 else "ufw6-user-input"
        ports = _ports(policy.ports)
        rules = [
            f"### tuple ### allow tcp {ports} {everybody} any {everybody} in\n"
            f"-A {chain} -p tcp -m multiport --dports {ports} -j ACCEPT\n",
            *(
                f"### tuple ### allow tcp 22 {everybody} any {source} in\n"
                f"-A {chain} -p tcp --dport 22 -s {source} -j ACCEPT\n"
                for source in policy.of_family(family)
            ),
        ]
        text = (shipped / name).read_text(encoding="utf-8")
        made[f"/etc/ufw/{name}"] = text.replace("### RULES ###\n", "### RULES ###\n\n" + "\n".join(rules))
    return made


def _firewalld_files(policy: Wanted) -> dict[str, str]:
    made, rules = {}, ""
    for family in (4, 6):
        nets = policy.of_family(family)
        if not nets:
            continue
        if len(policy.sources) == 1:
            source = f'family="ipv{family}"><source address="{nets[0]}"/>'
        else:
            entries = "".join(f"<entry>{net}</entry>\n" for net in nets)
            options = f'<option name="family" value="inet{6 if family == 6 else ""}"/>'
            options += '<option name="maxelem" value="200000"/>'
            made[f"/etc/firewalld/ipsets/office{family}.xml"] = (
                f'<?xml version="1.0" encoding="utf-8"?>\n<ipset type="hash:net">{options}\n{entries}</ipset>\n'
            )
            source = f'family="ipv{family}"><source ipset="office{family}"/>'
        rules += f'<rule {source}<port port="22" protocol="tcp"/><accept/></rule>\n'
    ports = "".join(f'<port port="{port}" protocol="tcp"/>\n' for port in policy.ports)
    made["/etc/firewalld/zones/public.xml"] = (
        f'<?xml version="1.0" encoding="utf-8"?>\n<zone><short>Public</short>\n{ports}{rules}</zone>\n'
    )
    return made


# Until the daemon says that it runs, which it does once its rules are loaded.
_FIREWALLD = """\
firewalld --nofork --nopid >/root/firewalld.log 2>&1 </dev/null &
until dbus-send --system --print-reply --dest=org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1 \\
    org.freedesktop.DBus.Properties.Get string:org.fedoraproject.FirewallD1 string:state 2>/dev/null | grep -q RUNNING
do sleep 0.02; done
"""


def _foomuuri_files(policy: Wanted) -> dict[str, str]:
    if len(policy.sources) == 1:
        named, listed = policy.sources[0], ""
    else:
        named, listed = "@office", "iplist {\n  @office " + " ".join(policy.sources) + "\n}\n"
    text = f"""zone {{
  localhost
  public {INTERFACES}
}}
{listed}public-localhost {{
  tcp 22 saddr {named}
  tcp {_ports(policy.ports, " ")}
  drop
}}
localhost-public {{
  accept
}}
"""
    return {"/etc/foomuuri/foomuuri.conf": text}


def _our_files(backend: str, policy: Wanted) -> dict[str, str]:
    section = {
        "backend": backend,
        "ssh": {"from": ["office"]},
        "lists": {"office": {"file": "/root/office"}},
        "allow": [f"{port}/tcp" for port in policy.ports],
    }
    if len(policy.sources) == 1:
        section.update(ssh={"from": list(policy.sources)}, lists={})
    data = f"#cloud-config\n{json.dumps({'vps_firewall': section})}\n"
    return {"/root/policy.yaml": data, "/root/office": "\n".join(policy.sources) + "\n"}


# Ours does not load beside another that the next boot would start.
DISABLED = ["SYSTEMD_OFFLINE=1 systemctl --quiet disable firewalld ufw foomuuri"]


def _ours(tool: str) -> Contender:
    backend, _, variant = tool.partition("-")
    chosen = [
        f"update-alternatives --quiet --set {name} /usr/sbin/{name}-{variant}" for name in ("iptables", "ip6tables")
    ]
    return Contender(
        f"vps-firewall, {tool}",
        lambda policy: "python3 -m cc_vps_firewall apply /root/policy.yaml\n",
        functools.partial(_our_files, backend),
        "\n".join([*DISABLED, *(chosen if variant else ())]),
        ours=True,
    )


NONE = Contender("no firewall", lambda policy: "true\n")
RAW = Contender("nft, by hand", lambda policy: "nft -f /root/rules.nft\n", _raw)
OTHERS = (
    RAW,
    Contender("tutorial, iptables-nft", functools.partial(_sixteen_calls, "nft"), most=1_000),
    Contender("tutorial, iptables-legacy", functools.partial(_sixteen_calls, "legacy"), most=1_000),
    Contender("ufw", _ufw, _ufw_files),
    Contender(
        "firewalld", lambda policy: _FIREWALLD, _firewalld_files, "mkdir -p /run/dbus\ndbus-daemon --system --fork",
        daemons=("firewalld",),
    ),
    Contender("foomuuri", lambda policy: "foomuuri reload\n", _foomuuri_files, daemons=("foomuuri",)),
)  # fmt: skip
OURS = tuple(map(_ours, ("nftables", "iptables-nft", "iptables-legacy")))
ALL = (*OTHERS, *OURS)

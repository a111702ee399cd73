"""cloud-init's config module `vps_firewall`: user-data -> the engine, at the first boot of an instance.

A module that cannot be imported aborts cloud-init's whole stage: no users, no SSH keys, a machine that nobody
reaches. So this file needs the standard library alone, in a syntax that every Python of cloud-init's parses,
and imports the engine inside handle(), where cloud-init contains what goes wrong.
"""

import glob
import json
import logging
import os
import re
import subprocess
import sys

KEY = "vps_firewall"
STATUS = "/var/lib/vps-firewall/status.json"
DONE = "/var/lib/vps-firewall/instance"  # the instance whose user-data was put in force, or refused

# cloud-init disables loggers outside its own tree when it configures logging again between stages.
LOG = logging.getLogger("cloudinit.config.cc_vps_firewall")

# At every boot, and once per instance by a mark of our own: cloud-init marks a module as done before it runs, and
# a machine that lost its power in the middle would never be finished.
frequency = "always"  # cloud-init up to 22.1 reads these two, later ones `meta`
distros = ["all"]
meta = {
    "id": "cc_vps_firewall",
    "name": "VPS firewall",
    "title": "Close the host, but for what its owner opens",
    "description": "Installs, verifies and saves the firewall described under `vps_firewall:`.",
    "distros": distros,
    "frequency": frequency,
    "examples": [],
    "activate_by_schema_keys": [KEY],
}


def handle(*positional, **keyword):
    """cloud-init's entry: handle(name, cfg, cloud, log, args), by position up to 23.1, by keyword from 23.2.

    Raises when the policy was refused or could not be put in force, so that cloud-init reports the module as
    failed; the built-in policy, or the last good one, is in force then.
    """
    named = dict(zip(("name", "cfg", "cloud"), positional), **keyword)
    cfg, cloud = named["cfg"], named.get("cloud")
    if KEY not in cfg:
        LOG.debug("No %s section, nothing to do", KEY)
        return
    instance = _instance(cloud)
    if instance and _read(DONE) == instance:
        LOG.debug("Already done for instance %s", instance)
        return
    try:
        problems = _engine().handle(cfg[KEY], cloud)
    except Exception as error:
        told = "the engine of vps-firewall failed (%r): the host is %s" % (error, _emergency())
        _tell(told)
        raise RuntimeError(told) from error
    _write(DONE, instance)
    if problems:
        for problem in problems:
            sys.stderr.write("vps-firewall: %s\n" % problem)
        raise RuntimeError("vps-firewall: " + "; ".join(problems[:20]))
    LOG.info("The firewall is loaded, verified and saved")


def _engine():
    from . import entrance

    return entrance


def _instance(cloud):
    try:
        return str(cloud.datasource.get_instance_id())
    except Exception:
        return ""  # nobody to ask; whatever it is, it must not keep the host open


def _read(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _write(path, text):
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
    except OSError as error:
        LOG.debug("%s: %s", path, error)


# --- when the engine itself is broken -----------------------------------------------------------------------

_NFT = """table inet vps_firewall
delete table inet vps_firewall
table inet vps_firewall {
  chain input {
    type filter hook input priority filter; policy drop;
    iif "lo" accept
    ct state established,related accept
    meta l4proto { 1, 58 } accept
    udp sport 67 udp dport 68 accept
    udp sport 547 udp dport 546 accept
    tcp dport { PORTS } accept
    drop
  }
  chain forward {
    type filter hook forward priority filter - 5; policy drop;
    drop
  }
}
"""
_IPTABLES = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A INPUT -p ICMP -j ACCEPT
-A INPUT -p udp -m udp --sport CLIENT -j ACCEPT
-A INPUT -p tcp -m multiport --dports PORTS -j ACCEPT
-A INPUT -j DROP
-A FORWARD -j DROP
COMMIT
"""


def _emergency():
    """Close the host with what this file alone can say: SSH, replies, ICMP and DHCP come in. -> how it is now."""
    chosen = ",".join(_ssh_ports())
    v4 = _IPTABLES.replace("ICMP", "icmp").replace("CLIENT", "67 --dport 68")
    v6 = _IPTABLES.replace("ICMP", "ipv6-icmp").replace("CLIENT", "547 --dport 546")
    if _load(("nft", "-f", "-"), _NFT.replace("PORTS", chosen)):
        return "closed but for SSH until it is mended"
    # One after the other, and both whatever becomes of the first: one family closed is better than none.
    closed = {
        "IPv4": _load(("iptables-restore", "-w", "10"), v4.replace("PORTS", chosen)),
        "IPv6": _load(("ip6tables-restore", "-w", "10"), v6.replace("PORTS", chosen))
        or not os.path.exists("/proc/net/if_inet6"),
    }
    if all(closed.values()):
        return "closed but for SSH until it is mended"
    return "OPEN over %s: no tool could close it" % " and ".join(sorted(f for f in closed if not closed[f]))


def _tell(problem):
    """The console, and the status that `vps-firewall status` would show."""
    sys.stderr.write("vps-firewall: %s\n" % problem)
    _write(STATUS, json.dumps({"result": "failed", "by": "cloud-init", "problems": [problem]}))


def _ssh_ports():
    """The ports that sshd's configuration names, as many as one multiport match takes; 22 where it names none."""
    ports = set()
    for path in ["/etc/ssh/sshd_config"] + sorted(glob.glob("/etc/ssh/sshd_config.d/*.conf")):
        try:
            with open(path, errors="replace") as config:
                text = config.read()
        except OSError:
            continue
        ports.update(re.findall(r"(?mi)^\s*port[ \t=]+\"?(\d{1,5})\b", text))
        ports.update(re.findall(r"(?mi)^\s*listenaddress[ \t=]+(?:\[[^\]\s]*\]|[^\s:\[]+):(\d{1,5})\b", text))
    return sorted(port for port in ports if 0 < int(port) < 65536)[:15] or ["22"]


def _load(argv, text):
    path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    try:
        subprocess.run(argv, input=text.encode(), env=path, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        LOG.debug("%s: %s", argv[0], error)
        return False
    return True

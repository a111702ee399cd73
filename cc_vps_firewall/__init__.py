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
STATUS = "/var/lib/vps-firewall/status.json"  # every user may read it
PRIVATE = "/var/lib/vps-firewall/status-private.json"
POLICY = "/var/lib/vps-firewall/policy.json"
DONE = "/var/lib/vps-firewall/instance"  # the instance whose user-data was put in force, or refused
# Our key as people write it, also where it is not quite ours: at the start of a line, or where a mapping begins.
MEANT = rb"(?im)^[ \t{-]*[\"']?vps[_-]?fire?wall?s?[\"']?[ \t\xa0\xc2]*:"
NO_DATASOURCE = "iid-datasource-none"  # a boot in which cloud-init found no data source: what was asked for stays

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
    "activate_by_schema_keys": [],  # none: a policy that cloud-init could not read has left no key, and is to be told
}


def handle(*positional, **keyword):
    """cloud-init's entry: handle(name, cfg, cloud, log, args), by position up to 23.1, by keyword from 23.2.

    Raises when the policy was refused or could not be put in force, so that cloud-init reports the module as
    failed; what stands in for it is in force then: the last good one of this instance, or its own SSH.
    """
    named = dict(zip(("name", "cfg", "cloud"), positional), **keyword)
    cfg, cloud = named["cfg"], named.get("cloud")
    if KEY in cfg or _meant(cloud):
        put_in_force(cfg.get(KEY, {}), cloud, KEY in cfg)
    else:
        LOG.debug("No %s section, nothing to do", KEY)
    if not _rules_loaded():
        _run_or_close(lambda: _later_boot().reload_if_missing())
    elif _uplinks() - _known_uplinks():
        _run_or_close(lambda: _later_boot().follow_uplinks())


def put_in_force(section, cloud, configured=True):
    """The section of this instance -> in force, unless that was done at an earlier boot. Raises as handle() does.

    `configured`: it is from cloud-init's configuration; else only the user-data may have one.
    """
    instance, done = _instance(cloud), _read(DONE)
    if done and instance in (done, NO_DATASOURCE):
        LOG.debug("Already done for instance %s", done)
        return
    _run_or_close(lambda: _enter(section, cloud, lambda: _write(DONE, instance), configured))


def _run_or_close(work):
    """Let the engine do it, or the emergency. Raises what went wrong."""
    try:
        problems = work()
    except Exception as error:
        told = "the engine of vps-firewall failed (%s): the host is %s" % (type(error).__name__, _emergency())
        _tell(told, error)
        raise RuntimeError(told) from error
    if problems:
        for problem in problems:
            sys.stderr.write("vps-firewall: %s\n" % problem)
        # Which cloud-init shows to every user.
        shown = "; ".join(_public(problems)[:20])
        raise RuntimeError("vps-firewall: %s (why: `vps-firewall status`, as root)" % shown)


def _rules_loaded():
    """Does the kernel hold rules of ours, where a policy was saved? One question to a tool, at every boot: a service
    that loads nothing, for a line of somebody else's, would leave the host open and nobody told."""
    tools = ("iptables", "ip6tables") if os.path.exists("/proc/net/if_inet6") else ("iptables",)
    # The second name is that of 0.1: a host that was upgraded holds it until its next apply.
    chains = ("VPSFW-INCOMING", "VPSFW-ARRIVING")
    questions = {
        "nftables": [[("nft", "list", "chain", "inet", "vps_firewall", "input")]],
        "iptables": [[(tool, "-w", "10", "-n", "-L", chain) for chain in chains] for tool in tools],
    }
    try:
        saved = json.loads(_read(POLICY))["backend"]
    except (LookupError, TypeError, ValueError):
        return True  # no policy was saved
    path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    try:
        return all(
            any(
                not subprocess.run(
                    argv, env=path, timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                ).returncode
                for argv in either
            )
            for either in questions.get(saved, ())
        )
    except (OSError, subprocess.SubprocessError):
        return False


def _uplinks():
    """The interfaces that hold a default route, now that the network is up (proc(5))."""
    v4 = [line.split() for line in _read("/proc/net/route").splitlines()]
    v6 = [line.split() for line in _read("/proc/net/ipv6_route").splitlines()]
    found = {row[0] for row in v4 if row[1:2] == ["00000000"]}
    return found | {row[-1] for row in v6 if row[:2] == ["0" * 32, "00"] and row[-1] != "lo"}


def _known_uplinks():
    """Those that the rules were made for; a name among them is no bridge of containers, whatever it is called."""
    try:
        return set(json.loads(_read(POLICY)).get("uplinks", ()))
    except (AttributeError, TypeError, ValueError):
        return _uplinks()  # no policy was saved


def _enter(section, cloud, mark_done, configured):
    from .boot import cloudinit

    return cloudinit.enter(section, cloud, mark_done, configured)


def _public(problems):
    from .apply import status

    return status.public(problems)


def _later_boot():
    from .boot import later_boot

    return later_boot


def _instance(cloud):
    try:
        return str(cloud.datasource.get_instance_id())
    except Exception:
        return ""  # nobody to ask; whatever it is, it must not keep the host open


def _meant(cloud):
    """May the user-data have our key where cloud-init has found none? A first look that costs little, whatever it
    unpacks to; the engine's is the second one."""
    try:
        raw = cloud.datasource.get_userdata_raw() or b""
        return any(re.search(MEANT, text) for text in _texts(raw.encode() if isinstance(raw, str) else raw))
    except Exception:
        return False


_MOST = 8 << 20  # bytes, unpacked; more than any user-data that the engine reads
_ENCODED = rb"(?im)^content-transfer-encoding:[ \t]*base64[ \t]*\r?\n(?:[^\n]{1,999}\n){0,20}?\r?\n([a-z0-9+/=\r\n]+)"


def _texts(raw):
    """The user-data, and one after the other the parts of it that are encoded."""
    import binascii
    import contextlib
    import zlib

    raw = _unzipped(raw, _MOST)
    yield raw
    left = _MOST
    for part in re.finditer(_ENCODED, raw):
        text = b""  # what cannot be decoded is nobody's policy
        with contextlib.suppress(ValueError, zlib.error):
            text = _unzipped(binascii.a2b_base64(part.group(1)), left)
        yield text
        left -= len(text)
        if left <= 0:
            return


def _unzipped(data, most):
    import zlib

    # 47: gzip, with its head (zlib's manual)
    return zlib.decompressobj(47).decompress(data, most) if data[:2] == b"\x1f\x8b" else data


def _read(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _write(path, text, mode=0o644):
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_file(path, text, mode)
    except OSError as error:
        LOG.debug("%s: %s", path, error)


def write_file(path, text, mode):
    with open(path, "w", opener=lambda path, flags: os.open(path, flags, mode)) as file:
        file.write(text)


# --- when the engine itself is broken -----------------------------------------------------------------------
# Made of the built-in policy by `make generate`, see tools/last_resort.py: changes here are lost.
_NFT = """table inet vps_firewall
delete table inet vps_firewall
table inet vps_firewall {
	chain input {
		type filter hook input priority filter; policy drop;
		iif "lo" accept
		ct state established,related accept
		ct state untracked icmp type 3 accept
		ct state untracked meta l4proto 58 accept
		ip daddr 255.255.255.255 udp sport 67 udp dport 68 accept
		ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept
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
-A INPUT -p icmp -m icmp --icmp-type 3 -m conntrack --ctstate UNTRACKED -j ACCEPT
-A INPUT -d 255.255.255.255 -p udp -m udp --sport 67 --dport 68 -j ACCEPT
-A INPUT -p tcp -m multiport --dports PORTS -j ACCEPT
-A INPUT -j DROP
-A FORWARD -j DROP
COMMIT
"""
_IP6TABLES = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A INPUT -p ipv6-icmp -m conntrack --ctstate UNTRACKED -j ACCEPT
-A INPUT -s fe80::/10 -p udp -m udp --sport 547 --dport 546 -j ACCEPT
-A INPUT -p tcp -m multiport --dports PORTS -j ACCEPT
-A INPUT -j DROP
-A FORWARD -j DROP
COMMIT
"""
# End of what is made.


def _emergency():
    """Close the host with what this file alone can say: SSH, replies, neighbours and DHCP come in. -> how it is now."""
    chosen = ",".join(ssh_ports())
    nft = _load(("nft", "-f", "-"), _NFT.replace("PORTS", chosen))
    failed = []
    # One after the other, and both whatever becomes of the first: one family closed is better than none.
    for family, tool, text in ("IPv4", "iptables", _IPTABLES), ("IPv6", "ip6tables", _IP6TABLES):
        # Beside nft only in the place of rules of ours, a seal say, that would go on to drop what is let in here.
        if not nft or _load((tool, "-nL", "VPSFW-INCOMING"), ""):
            done = _load((tool + "-restore", "-w", "10"), text.replace("PORTS", chosen))
            if not (done or nft or (family == "IPv6" and not os.path.exists("/proc/net/if_inet6"))):
                failed.append(family)
    if failed:
        return "OPEN over %s: no tool could close it" % " and ".join(failed)
    return "closed but for SSH until it is mended"


def _tell(problem, error):
    """The console, and the status that `vps-firewall status` would show: for root with what the error quotes."""
    whole = "%s; %r" % (problem, error)
    sys.stderr.write("vps-firewall: %s\n" % whole)
    for path, mode, line in (PRIVATE, 0o600, whole), (STATUS, 0o644, problem):
        _write(path, json.dumps({"result": "failed", "by": "cloud-init", "problems": [line]}), mode)


def ssh_ports():
    """The ports on which sshd listens, as many as one multiport match takes."""
    return list(map(str, listening(glob.glob, _read)))[:15]


# Made of host/sshd.py by `make generate`: changes here are lost.
def listening(find, read):
    """The ports that sshd's configuration names, and its socket unit where systemd listens in its place; or 22.

    Both: on Ubuntu a generator makes the socket listen where the configuration says, on Debian none does, and a port
    too many that nobody listens on locks nobody out. `find`: pattern -> paths. `read`: path -> text, or ''.
    """

    def systemd(pattern):  # of the system and its generators, and not of users
        folders = [f"/{top}/systemd/[!u]*/" for top in ("lib", "usr/lib", "run", "etc")]
        names = [pattern.format(name) for name in ("ssh", "sshd")]
        return [path for folder in folders for name in names for path in find(folder + name)]

    files = ["/etc/ssh/sshd_config"] + find("/etc/ssh/sshd_config.d/*.conf")
    for path in files:  # and what they include, wherever that is (sshd_config(5))
        for words in re.findall(r"(?mi)^\s*include[ \t=]+(.+)", read(path)):
            for word in words.replace('"', " ").split():
                files += [more for more in find(os.path.join("/etc/ssh", word)) if more not in files]
    text = "\n".join(map(read, files))
    units = list(map(read, systemd("{}.socket")))
    if systemd("*.wants/{}.socket") and "" not in units:  # an empty unit is masked
        # Of drop-ins the name says which comes first, not the folder (systemd.unit(5)).
        units += map(read, sorted(systemd("{}.socket.d/*.conf"), key=os.path.basename))
        # An empty assignment takes back what stood before (systemd.socket(5)).
        text += "\n" + re.split(r"(?m)^ListenStream *= *$", "\n".join(units))[-1]
    # Behind a name or an address of IPv4, or one of IPv6 in brackets: without them it has no port.
    address = r"(?:(?:\[\S*\]|[^\s:\[]*):)?"
    port = r"(?mi)^\s*(?:port|listen(?:address|stream))[ \t=]+\"?" + address + r"(\d{1,5})\b(?![.:])"
    return sorted(set(map(int, re.findall(port, text))) & set(range(1, 65536))) or [22]


# End of what is made.


def _load(argv, text):
    path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    try:
        subprocess.run(argv, input=text.encode(), env=path, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        LOG.debug("%s: %s", argv[0], error)
        return False
    return True

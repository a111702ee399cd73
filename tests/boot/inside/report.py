"""a guest that has booted -> one line of JSON: what cloud-init, systemd, the kernel and our command say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time

UNITS = (
    "NetworkManager.service",
    "cloud-final.service",
    "cloud-init-local.service",
    "cloud-init-network.service",
    "cloud-init.service",
    "firewalld.service",
    "ip6tables.service",
    "iptables.service",
    "multi-user.target",
    "network-online.target",
    "network-pre.target",
    "nftables.service",
    "ssh.service",
    "sshd.service",
    "sysinit.target",
    "systemd-networkd.service",
    "ufw.service",
    "vps-firewall.service",
    "vps-firewall-seal.service",
)
CYCLE = re.compile(r"ordering cycle|deleted to break", re.IGNORECASE)
AGAIN = "lab.again"  # told to the kernel of a boot whose disk is not used any more
METADATA = "169.254.169.254"
CONFINED = re.compile(r"scontext=\w+:\w+:(?:iptables|setfiles)_t\b")
STATUS = "/var/lib/vps-firewall/status-private.json"  # the whole of it


def run(*command: str) -> tuple[int, str]:
    """An exit code and what was printed."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    except (OSError, subprocess.TimeoutExpired) as error:
        return 127, str(error)
    return done.returncode, done.stdout


def parsed(text: str) -> object:
    """JSON if it is, else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def read(path: str) -> str:
    """A file's text, or nothing."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def module(log: str) -> dict[str, float]:
    """Seconds after the kernel's start at which our module began and ended, if it ran in this boot."""
    kernel_start = time.time() - float(read("/proc/uptime").split()[0])
    pattern = r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d+) .*?(start|finish): \S*/config-vps[_-]firewall"
    found = {}
    for stamp, fraction, what in re.findall(pattern, log):
        at = time.mktime(time.strptime(stamp, "%Y-%m-%d %H:%M:%S")) + float(f"0.{fraction}")
        found["began" if what == "start" else "ended"] = round(at - kernel_start, 2)
    if "ended" not in found:  # brought by a part-handler, which cloud-init does not time
        said = re.search(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d+) .*The firewall is loaded, verified and saved", log)
        if said:
            at = time.mktime(time.strptime(said[1], "%Y-%m-%d %H:%M:%S")) + float(f"0.{said[2]}")
            found["ended"] = round(at - kernel_start, 2)
    return found


def units(*moments: str) -> dict[str, float]:
    """Unit -> seconds after the kernel's start at which it came to the first of these moments that it came to."""
    _, text = run("systemctl", "show", "-p", ",".join(["Id", *(f"{m}TimestampMonotonic" for m in moments)]), *UNITS)
    came = {}
    for block in text.split("\n\n"):
        fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if at := [n for m in moments if (n := int(fields.get(f"{m}TimestampMonotonic") or 0))]:
            came[fields["Id"]] = at[0] / 1e6
    return came


def rules() -> str:
    """What the kernel holds of ours, without counters, dates and the sources that a limit has seen, so that two boots
    can be compared. Other people's tables come and go: Debian's own nftables.conf has one that the first boot of a
    stock image never loads."""
    code, table = run("nft", "-s", "list", "table", "inet", "vps_firewall")
    table = re.sub(r"(set \w+ \{[^{}]*dynamic[^{}]*?)(?:\n\s*elements = \{[^{}]*\})", r"\1", table)
    table = re.sub(r"\t# count \d+", "", table)
    out = table.splitlines() if code == 0 else []
    for tool in ("iptables-save", "ip6tables-save"):
        _, text = run(tool)
        if "VPSFW-" in text:
            kept = re.compile(r"^[*]|^:(?:INPUT|FORWARD|OUTPUT|VPSFW)|vps-firewall")
            out += [re.sub(r" ?\[\d+:\d+\]", "", line) for line in text.splitlines() if kept.search(line)]
    return "\n".join(out)


def restarted(services: list[str]) -> bool:
    """Does a restart of the services that load the rules, the last line of the tutorial, load what is saved? Before it
    a rule is added that is not: it has to be gone."""
    before, comment = rules(), ("-m", "comment", "--comment", "vps-firewall", "-j", "DROP")
    if "VPSFW-" in before:
        for tool in ("iptables", "ip6tables"):
            run(tool, "-A", "INPUT", "-p", "tcp", "--dport", "1", *comment)
    else:
        run("nft", "add", "rule", "inet", "vps_firewall", "input", "tcp", "dport", "1", "drop")
    changed = rules()
    return run("systemctl", "restart", *services)[0] == 0 and changed != before and rules() == before


def applied_again() -> list[dict[str, object]] | None:
    """What comes of applying the policy that is in force, another that opens the same, and the first again, where the
    lab asks for it. Where SELinux is on it is enforced meanwhile: the tools run in domains of their own."""
    if AGAIN not in read("/proc/cmdline").split():
        return None
    user_data, other = "/var/lib/cloud/instance/user-data.txt", "/run/other.yaml"
    text = read(user_data).replace("\nvps_firewall:\n", "\nvps_firewall:\n  log: 2/minute\n")
    with open(other, "w", encoding="utf-8") as file:
        file.write(text)
    out: list[dict[str, object]] = []
    enforced = run("setenforce", "1")[0] == 0
    for path in (user_data, other, user_data):
        code, said = run("vps-firewall", "apply", path)
        status = parsed(read(STATUS))
        told = {key: status.get(key) for key in ("result", "notes")} if isinstance(status, dict) else {}
        out.append({"exit": code, "said": said, "enforced": enforced, **told})
    run("setenforce", "0")
    return out


def processor() -> dict[str, object]:
    """Nanoseconds that a processor worked in this boot: for all, and for each unit that has run."""
    whole = re.search(r"usage_usec (\d+)", read("/sys/fs/cgroup/cpu.stat"))
    _, text = run("systemctl", "show", "-p", "Id,CPUUsageNSec", *UNITS)
    units = {}
    for block in text.split("\n\n"):
        fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if (used := fields.get("CPUUsageNSec", "")).isdigit():
            units[fields["Id"]] = int(used)
    return {"whole": int(whole[1]) * 1000 if whole else 0, "units": units}


def addresses() -> list[str]:
    """All that this machine has but its own loopback's."""
    interfaces = parsed(run("ip", "-j", "address")[1])
    found = (
        [each for interface in interfaces for each in interface["addr_info"]] if isinstance(interfaces, list) else []
    )
    return [address["local"] for address in found if address["scope"] != "host"]


def metadata() -> dict[str, bool]:
    """Who on this machine reaches the metadata service: root, and a user who is nobody in particular."""
    connect = f"import socket; socket.create_connection(({METADATA!r}, 80), 3).close()"
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    asking = {"root": (), "nobody": nobody}
    return {who: run(*changed, "python3", "-c", connect)[0] == 0 for who, changed in asking.items()}


def selinux(saved: list[str]) -> dict[str, object] | None:
    """Where it is on: whether the files of rules have the labels of their places, and what was denied to the tools that
    have a domain of their own: nothing but the lock that we let them hold, which they neither read nor write."""
    if not os.path.exists("/sys/fs/selinux/enforce"):
        return None
    code, said = run("matchpathcon", "-V", *saved) if saved else (0, "")
    _, journal = run("journalctl", "-b", "--no-pager", "-o", "short-monotonic")
    denied = [line for line in journal.splitlines() if "avc:  denied" in line and CONFINED.search(line)]
    denied = [line for line in denied if 'path="/run/vps-firewall.lock"' not in line]
    return {"labels": "" if code == 0 else said, "denied": denied}


def main() -> None:
    used = processor()  # before this program has used much itself
    log = read("/var/log/cloud-init.log")
    # A second boot appends to the log: what is told here is this boot's.
    log = log[max(log.rfind("running 'init-local'"), 0) :]
    _, journal = run("journalctl", "-b", "--no-pager", "-o", "short-monotonic")
    cloud_init_exit, cloud_init = run("cloud-init", "status", "--format", "json")
    verify_exit, verify = run("vps-firewall", "verify")
    status = parsed(read(STATUS))
    services = status.get("services") if isinstance(status, dict) else None
    saved = status.get("saved") if isinstance(status, dict) else None
    told = {
        "processor": used,
        "cloud_init": {"exit": cloud_init_exit, "status": parsed(cloud_init)},
        "result": parsed(read("/run/cloud-init/result.json")),
        "warnings": [line for line in log.splitlines() if re.search(r"\[(WARNING|ERROR|CRITICAL)\]", line)][:20],
        "verify": {"exit": verify_exit, "said": verify},
        "status": status,
        "rules": rules(),
        "units": units("ActiveEnter", "ExecMainExit"),  # up, or failed
        "began": units("InactiveExit"),
        "failed": run("systemctl", "--failed", "--plain", "--no-legend")[1].split("\n"),
        "cycles": [line for line in journal.splitlines() if CYCLE.search(line)],
        "module": module(log),
        "module_log": [line for line in log.splitlines() if "vps_firewall" in line or "vps-firewall" in line][-40:],
        "userspace": read("/proc/uptime").split()[0],
        "restarted": restarted(services) if services else None,
        "again": applied_again(),  # after all that asks what this boot has done
        "selinux": selinux(saved or []),
        "metadata": metadata(),
        "addresses": addresses(),
        "presets": [line for line in journal.splitlines() if "preset" in line],
        "instance": os.path.basename(os.path.realpath("/var/lib/cloud/instance")),
    }
    print("@report " + json.dumps(told), flush=True)


main()

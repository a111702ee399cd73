"""console blocks and packets of a page -> what a shell and a kernel say to them, on a throw-away host.

A page's `console` blocks are one session, from top to bottom: a line `$ COMMAND` is typed, `yes` alone is typed when
--confirm asks, all else was printed; a line `...` stands for anything. The YAML blocks that name a file
(```yaml web.yaml) and the `text` blocks that name a path lie there when the session begins.

`<!-- packet: nftables from ADDRESS -->` and `<!-- packet: iptables from ADDRESS -->` show which rules a SYN to port 22
meets under the page's first policy: as traced by the kernel, or as counted by it.

The host is this one, with a network of its own and overlays over /etc, /usr and /var/lib: it takes root, and changes
nothing here. Its services are a script that keeps the links that `systemctl enable` would make.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from cc_vps_firewall import iptables, nftables, ruleset

from . import pages
from .pages import HOME, Block

SECONDS = 120
_CUT = "@@ next @@"
_PACKET = re.compile(r"^<!-- packet: (?P<what>[^\n]+) -->\n```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.M | re.S)

# $1: an empty directory, where the overlays live. $2: the folder of PyYAML.
_HOST = r"""
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=0755 played "$1"
for folder in etc usr var/lib; do
    mkdir -p "$1/$folder/upper" "$1/$folder/work"
    mount -t overlay -o "lowerdir=/$folder,upperdir=$1/$folder/upper,workdir=$1/$folder/work" overlay "/$folder"
done
mount -t tmpfs -o mode=0755 run /run
ip link set lo up
rm -rf /etc/ufw /etc/ssh/sshd_config /etc/ssh/sshd_config.d /etc/iptables /var/lib/vps-firewall
rm -f /etc/systemd/system/*.wants/{nftables,netfilter-persistent,firewalld,ssh}.*
rm -f /usr/lib/systemd/system/netfilter-persistent.service /usr/bin/systemctl /usr/sbin/ufw
rm -f /etc/os-release
echo ID=debian >/etc/os-release
printf '#!/usr/sbin/nft -f\n\nflush ruleset\n' >/etc/nftables.conf
mkdir -p /run/bin /etc/vps-firewall
cat >/run/bin/systemctl <<'EOF'
#!/bin/sh
wants=/etc/systemd/system/sysinit.target.wants
mkdir -p "$wants"
case "$1" in
enable) ln -sf "/lib/systemd/system/$2" "$wants/$2" ;;
disable) rm -f "$wants/$2" ;;
esac
EOF
printf '#!/bin/sh\nexec python3 -m cc_vps_firewall "$@"\n' >/run/bin/vps-firewall
chmod +x /run/bin/systemctl /run/bin/vps-firewall

# A cloud-init to install into, as far as it goes; and PyYAML, for a Python of this host that may have none.
packages=/usr/lib/python3/dist-packages
rm -rf $packages/cloudinit $packages/cc_vps_firewall /etc/cloud /usr/local/sbin/vps-firewall /usr/sbin/vps-firewall
mkdir -p $packages/cloudinit/config/schemas /etc/cloud/cloud.cfg.d /run/python
echo '__VERSION__ = "25.1.4"' >$packages/cloudinit/version.py
echo '{"$defs": {}, "allOf": [], "properties": {}}' >$packages/cloudinit/config/schemas/schema-cloud-config-v1.json
printf '#!/usr/bin/python3\n' >/usr/bin/cloud-init
printf 'cloud_init_modules:\n  - bootcmd\n  - write_files\n  - users_groups\n  - ssh\n' >/etc/cloud/cloud.cfg
ln -s "$2" /run/python/yaml
export PYTHONPATH=/run/python PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8
export PATH=/usr/local/sbin:/usr/sbin:/run/bin:/usr/bin:/sbin:/bin
unset SSH_CONNECTION
"""

# Two ends of a wire: the host is 192.0.2.10, the far end is everybody else.
_WIRE = r"""
ip netns add internet
ip link add eth0 type veth peer name wire netns internet
ip addr add 192.0.2.10/24 dev eth0
ip link set eth0 up
ip -n internet addr add 192.0.2.1/24 dev wire
ip -n internet addr add "$SOURCE/32" dev wire
ip -n internet link set wire up
ip route add default via 192.0.2.1
knock() {
    ip netns exec internet python3 - <<EOF
import socket
knock = socket.socket()
knock.settimeout(0.5)
knock.bind(("$SOURCE", 0))
try:
    knock.connect(("192.0.2.10", 22))
except OSError:
    pass
EOF
}
"""

_TRACED = r"""
nft -f rules
nft -f - <<'EOF'
table inet watch {
    chain arriving {
        type filter hook prerouting priority -350
        tcp flags & (syn|ack) == syn meta nftrace set 1
    }
}
EOF
nft monitor trace >trace &
sleep 0.5
knock
sleep 0.5
kill %1
cat trace
"""

_COUNTED = r"""
iptables-restore <rules
knock
iptables-save -c -t filter
"""


class CouldNotPlay(Exception):
    """The throw-away host could not be made; the message holds what was said."""


@dataclass(frozen=True)
class Typed:
    """One command of a session, and what stands below it on the page."""

    command: str
    printed: str
    yes: int = 0  # after this many lines


def has_session(page: Path) -> bool:
    return any(b.info == "console" for b in pages.blocks(page))


def has_packets(page: Path) -> bool:
    return _PACKET.search(page.read_text(encoding="utf-8")) is not None


def typed(block: Block) -> list[Typed]:
    """The commands of one console block."""
    found = []
    for piece in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
        command, *lines = piece.splitlines(True)
        at = lines.index("yes\n") if "yes\n" in lines else 0
        found.append(Typed(command.rstrip("\n"), "".join(line for line in lines if line != "yes\n"), at))
    return found


def played(page: Path) -> list[tuple[Block, Typed, str]]:
    """(block, command, what it printed) for every command of a page."""
    commands = [(block, t) for block in pages.blocks(page) if block.info == "console" for t in typed(block)]
    script = ["code=0"]
    for _, one in commands:
        script.append(f"echo {shlex.quote(_CUT)}")
        answer = "< <(sleep 1; echo yes)" if one.yes else "</dev/null"
        script.append(f"(exit $code); {{ {one.command}\n}} 2>&1 {answer}; code=$?")
    files = dict(pages.list_files(page))
    for block in pages.blocks(page):
        kind, *words = block.info.split()
        files.update({name: block.text for name in words if kind == "yaml" and "." in name})
    said = _on_a_host("\n".join(script), files)
    printed = said.split(f"{_CUT}\n")[1:]
    return [(block, one, text) for (block, one), text in zip(commands, printed)]


def agrees(printed: str, page: str) -> bool:
    """Is this what the page shows? Times differ, and `...` stands for anything."""
    pieces = [re.escape(_timeless(piece)) for piece in re.split(r"^\.\.\.\n", page, flags=re.M)]
    return re.fullmatch(r"(?:.*\n)*?".join(pieces), _timeless(printed)) is not None


def packets(page: Path) -> list[tuple[str, str, str]]:
    """(what, the page's text, what the kernel says today) for each packet mark."""
    text = page.read_text(encoding="utf-8")
    return [(m["what"], m["text"], _packet(page, m["what"])) for m in _PACKET.finditer(text)]


def rewritten(page: Path) -> str:
    """The page with what is printed and counted today, where that is not what it shows."""
    text = page.read_text(encoding="utf-8")
    said = iter(played(page) if has_session(page) else ())
    for block in pages.blocks(page):
        if block.info == "console":
            lines = [_as_shown(one, next(said)[2]) for one in typed(block)]
            text = text.replace(f"```console\n{block.text}```", f"```console\n{''.join(lines)}```", 1)
    for what, old, new in packets(page):
        if not agrees(new, old):
            text = text.replace(f"<!-- packet: {what} -->\n```text\n{old}", f"<!-- packet: {what} -->\n```text\n{new}")
    return text


def _as_shown(one: Typed, printed: str) -> str:
    lines = (one.printed if agrees(printed, one.printed) else printed).splitlines(True)
    if one.yes:
        lines.insert(one.yes, "yes\n")
    return f"$ {one.command}\n{''.join(lines)}"


def _timeless(text: str) -> str:
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "WHEN", text)
    text = re.sub(r"\b\d+\.\d+ s\b", "SECONDS s", text)
    text = re.sub(r'("[a-z ]+": )\d\.\d+(?:e-\d+)?\b', r"\1SECONDS", text)
    text = re.sub(r"\b[A-Z][a-z]{2} +\d+ \d\d:\d\d\b", "WHEN", text)
    text = re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", text)
    return re.sub(r"^\[(\d+):\d+\]", r"[\1:BYTES]", text, flags=re.M)


def _packet(page: Path, what: str) -> str:
    backend, _, source = what.split()
    rules = ruleset.build(pages.first_policy(page))
    opening = f"SOURCE={shlex.quote(source)}\n{_WIRE}"
    if backend == nftables.NAME:
        said = _on_a_host(opening + _TRACED, {"rules": nftables.render(rules)})
        lines = re.findall(rf"^trace id \w+ {nftables.TABLE} (?!\w+ packet:)(.*?) *$", said, re.M)
    else:
        said = _on_a_host(opening + _COUNTED, {"rules": iptables.render(rules, 4)})
        counted = [line for line in said.splitlines() if re.search(r"\[[1-9]\d*:\d+\]", line)]
        lines = [line for line in counted if "OUTPUT" not in line and "VPSFW-LEAVING" not in line]
    if not lines:
        raise CouldNotPlay(f"{page.name}: {what}: {said}")
    return "".join(f"{line}\n" for line in lines)


def _on_a_host(script: str, files: dict[str, str]) -> str:
    """What a bash script prints there. Relative files lie in its working directory, beside a copy of the package."""
    with tempfile.TemporaryDirectory(prefix="vps-firewall-played-") as scratch:
        overlays, work = Path(scratch, "overlays"), Path(scratch, "work")
        overlays.mkdir()
        for folder in ("cc_vps_firewall", "schemas"):
            shutil.copytree(HOME / folder, work / folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        absolute = []
        for number, (name, text) in enumerate(files.items()):
            if name.startswith("/"):
                Path(work, f".file{number}").write_text(text, encoding="utf-8")
                absolute.append(f"mkdir -p {shlex.quote(str(Path(name).parent))}; mv .file{number} {shlex.quote(name)}")
            else:
                Path(work, name).write_text(text, encoding="utf-8")
        whole = "\n".join([_HOST, f"cd {shlex.quote(str(work))}", *absolute, "set +e", script])
        yaml_folder = str(Path(yaml.__file__).parent)
        return _run(["unshare", "--net", "--mount", "bash", "-c", whole, "bash", str(overlays), yaml_folder])


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.stderr:
        raise CouldNotPlay(done.stderr)
    return done.stdout

"""console blocks and packets of a page -> what a shell and a kernel say to them, on a throw-away machine.

A page's `console` blocks are one session, from top to bottom: a line `$ COMMAND` is typed, `yes` alone is typed when
--confirm asks, all else was printed, and all of it. `$ reboot` is a boot, by the machine's own cloud-init. The YAML
blocks that name a file (```yaml web.yaml) and the `text` blocks that name a path lie there when the session begins.
The machine is Debian 13, in namespaces of its own, with a checkout of ours in the folder where the session is typed.

`<!-- packet: nftables from ADDRESS -->` and `<!-- packet: iptables from ADDRESS -->` show which rules a SYN to port 22
meets under the page's first policy: as traced by the kernel, or as counted by it.

The host of these is this one, with a network of its own: it takes root, and changes nothing here.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cc_vps_firewall.host.distributions import DEBIAN, OWN_UNIT
from cc_vps_firewall.rules import iptables, nftables, ruleset
from tests import suites
from tests.lab import boot
from tests.lab.world import Machine, world

from . import pages
from .pages import HOME, Block

SECONDS = 120
_CUT = "@@ next @@"
_PACKET = re.compile(r"^<!-- packet: (?P<what>[^\n]+) -->\n```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.M | re.S)

SUITE = "trixie"
WORK = "/root/vps-firewall"  # what the reader has cloned
_IPTABLES, _NFTABLES = DEBIAN.persistence["iptables"], DEBIAN.persistence["nftables"]
_GONE = (
    *_IPTABLES.files.values(),
    *(f"/usr/lib/systemd/system/{unit}" for unit in _IPTABLES.units),
    *(f"/etc/systemd/system/*.wants/{unit}" for unit in (*_IPTABLES.units, *_NFTABLES.units)),
)

# On a page that does not install it, the command is there.
_COMMAND = f"""\
#!/bin/sh
export PYTHONPATH={WORK} PYTHONDONTWRITEBYTECODE=1
exec python3 -m cc_vps_firewall "$@"
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
    chain incoming {
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
    files = dict(pages.list_files(page))
    for block in pages.blocks(page):
        kind, *words = block.info.split()
        files.update({name: block.text for name in words if kind == "yaml" and "." in name})
    printed: list[str] = []
    with world(suites.root_of(SUITE)) as (machine, _):
        _prepare(machine, files)
        while len(printed) < len(commands):
            until = len(printed)
            while until < len(commands) and commands[until][1].command != "reboot":
                until += 1
            printed += _session(machine, [one for _, one in commands[len(printed) : until]])
            if until < len(commands):
                _reboot(machine)
                printed.append("")
    return [(block, one, text) for (block, one), text in zip(commands, printed)]


def _prepare(machine: Machine, files: Mapping[str, str]) -> None:
    machine.run("sh", "-c", f"rm -f {' '.join(_GONE)}")
    for part in boot.SOURCES:
        target = machine.root / WORK.lstrip("/") / part
        shutil.copytree(HOME / part, target, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name, text in files.items():
        machine.write(name if name.startswith("/") else f"{WORK}/{name}", text)
    machine.write("/usr/local/bin/vps-firewall", _COMMAND)
    machine.run("chmod", "755", "/usr/local/bin/vps-firewall")
    machine.write("/etc/cloud/cloud.cfg.d/90_seed.cfg", boot.SITE_CONFIGURATION)
    boot.seed(machine, "#cloud-config\n{}\n")
    boot.boot(machine)  # a machine that somebody has, and that cloud-init is done with


def _session(machine: Machine, commands: Sequence[Typed]) -> list[str]:
    """What each of them prints."""
    script = [f"cd {WORK}", "code=0"]
    for one in commands:
        script.append(f"echo {shlex.quote(_CUT)}")
        answer = "< <(sleep 1; echo yes)" if one.yes else "</dev/null"
        script.append(f"(exit $code); {{ {one.command}\n}} 2>&1 {answer}; code=$?")
    environment = {"PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    said = _run([*machine.entrance(environment), "bash", "-c", "\n".join(script)])
    return said.split(f"{_CUT}\n")[1:]


def _reboot(machine: Machine) -> None:
    """The kernel forgets its rules, the unit that is enabled loads what is saved, and cloud-init goes through its
    stages."""
    machine.run("nft", "flush", "ruleset")
    for unit in (OWN_UNIT, *_NFTABLES.units):
        if machine.run("systemctl", "is-enabled", unit, check=False).stdout.strip() == "enabled":
            machine.run("sh", "-c", boot.exec_start(machine, unit))
    boot.boot(machine)


def agrees(printed: str, page: str) -> bool:
    """Is this what the page shows, all of it? Times differ."""
    return _timeless(printed) == _timeless(page)


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
        said = _on_a_host(opening + _TRACED, nftables.render(rules))
        lines = re.findall(rf"^trace id \w+ {nftables.TABLE} (?!\w+ packet:)(.*?) *$", said, re.M)
    else:
        said = _on_a_host(opening + _COUNTED, iptables.render(rules, 4))
        counted = [line for line in said.splitlines() if re.search(r"\[[1-9]\d*:\d+\]", line)]
        lines = [line for line in counted if "OUTPUT" not in line and "VPSFW-OUTGOING" not in line]
    if not lines:
        raise CouldNotPlay(f"{page.name}: {what}: {said}")
    return "".join(f"{line}\n" for line in lines)


def _on_a_host(script: str, rules: str) -> str:
    """What a bash script prints there, beside a file `rules`."""
    with tempfile.TemporaryDirectory(prefix="vps-firewall-played-") as work:
        Path(work, "rules").write_text(rules, encoding="utf-8")
        whole = (
            f"set -e\nmount --make-rprivate /\nmount -t tmpfs run /run\nip link set lo up\ncd {work}\nset +e\n{script}"
        )
        return _run(["unshare", "--net", "--mount", "bash", "-c", whole])


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.stderr:
        raise CouldNotPlay(done.stderr)
    return done.stdout

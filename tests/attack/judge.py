"""rules in a kernel, a policy -> where nmap, which knows neither, says something else than the policy means.

nmap runs in a namespace that has the sources' addresses. Scans of one source are one after another: an answer to one
must not be taken for an answer to the next; sources are side by side, for nearly all of the time is waiting.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from xml.etree import ElementTree

from cc_vps_firewall import policy
from cc_vps_firewall.algebra.model import model
from cc_vps_firewall.rules import ruleset
from tests.casefiles import MACHINE, Host
from tests.lab.backends import load
from tests.lab.namespaces import Namespace
from tests.lab.topology import GATEWAY, MAC, Topology

from .scans import SCANS, SERVED, SOURCES, Scan, expected

# Seconds of nothing that nmap takes for silence are few: what it says wrong so, it is asked again, with patience.
HASTY = ("--initial-rtt-timeout", "100ms", "--max-rtt-timeout", "150ms", "--max-retries", "1")
PATIENT = ("--initial-rtt-timeout", "1s", "--max-rtt-timeout", "2s", "--max-retries", "3")
ALWAYS = ("-n", "-oX", "-", "--disable-arp-ping", "--min-parallelism", "16")
SECONDS = 120
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
# The kernel would say that a port is closed a few times a second only.
TALKATIVE = {
    "ipv4/icmp_ratelimit": 0, "ipv4/icmp_ratemask": 0, "ipv6/icmp/ratelimit": 0,
}  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What nmap says of a port."""

    scan: str
    family: int
    who: str
    port: int
    said: str
    should: str

    def __str__(self) -> str:
        what = f" {self.port}" if self.port else ""
        return f"nmap {self.scan} from {self.who} over IPv{self.family}:{what} is {self.said}, should be {self.should}"


@contextlib.contextmanager
def lab() -> Iterator[Topology]:
    """A machine that serves a few ports, and an internet that has everybody's addresses."""
    with Topology(Host()) as topology, contextlib.ExitStack() as stack:
        topology.machine.sysctl(TALKATIVE)
        topology.internet.ip(
            *(f"address add {GATEWAY[4]}/24 dev wire0", f"address add {GATEWAY[6]}/64 dev wire0 nodad"),
            *(f"address add {who[4]}/32 dev wire0" for who in SOURCES.values()),
            *(f"address add {who[6]}/128 dev wire0 nodad" for who in SOURCES.values()),
            *(f"neighbour add {a} lladdr {MAC['eth0']} dev wire0 nud permanent" for a in MACHINE.values()),
        )
        topology.internet.await_addresses()
        for family in FAMILY:
            for port in SERVED["tcp"]:
                stack.enter_context(_listener(topology.machine, family, port))
            for port in SERVED["udp"]:
                stack.enter_context(_echo(topology.machine, family, port))
        yield topology


def _listener(machine: Namespace, family: int, port: int) -> socket.socket:
    with machine.entered():
        made = socket.socket(FAMILY[family], socket.SOCK_STREAM)
    if family == 6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.bind((MACHINE[family], port))
    made.listen(1024)
    return made


@contextlib.contextmanager
def _echo(machine: Namespace, family: int, port: int) -> Iterator[None]:
    """Whatever is sent to it comes back, so that nmap sees who is served."""
    with machine.entered():
        made = socket.socket(FAMILY[family], socket.SOCK_DGRAM)
    made.bind((MACHINE[family], port))

    def serve() -> None:
        with made:
            while True:
                data, sender = made.recvfrom(2048)
                if data == _ENOUGH and sender[0] == MACHINE[family]:
                    return
                with contextlib.suppress(OSError):
                    made.sendto(data or b"?", sender)

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    try:
        yield
    finally:
        with machine.entered(), socket.socket(FAMILY[family], socket.SOCK_DGRAM) as last:
            last.bind((MACHINE[family], 0))
            last.sendto(_ENOUGH, (MACHINE[family], port))
        server.join()


_ENOUGH = b"enough"


def misjudged(
    tool: str,
    loaded: object,
    meant: object,
    scans: Sequence[Scan] = SCANS,
    sources: Sequence[str] = tuple(SOURCES),
    by_hand: Sequence[Sequence[str]] = (),
) -> list[Verdict]:
    """Load one policy's rules, with what somebody adds to them by hand, and hold nmap to another's meaning: empty where
    they agree. `loaded`, `meant`: what is below `vps_firewall:`; no rules at all where `loaded` is None."""
    with lab() as topology:
        if loaded is not None:
            load(topology.machine, tool, ruleset.build(_read(loaded)))
        for command in by_hand:
            topology.machine.run(command)
        lanes = [(family, who) for family in FAMILY for who in sources]
        with ThreadPoolExecutor(len(lanes)) as side_by_side:
            found = side_by_side.map(lambda lane: list(_lane(topology.internet, meant, scans, *lane)), lanes)
            return [verdict for lane in found for verdict in lane]


def _lane(internet: Namespace, meant: object, scans: Sequence[Scan], family: int, who: str) -> Iterator[Verdict]:
    read = _read(meant)
    made = model(read)
    for scan in scans:
        if family not in scan.families:
            continue
        should = expected(made, read.flood == "guard", scan, family, who)
        said = run(internet, scan, family, who, HASTY)
        if said != should:
            said = run(internet, scan, family, who, PATIENT)
        for port in should:
            if said.get(port, "nothing") != should[port]:
                yield Verdict(scan.options, family, who, port, said.get(port, "nothing"), should[port])


def _read(section: object) -> policy.Policy:
    return policy.parse(section, read_list=lambda path: "")


def run(internet: Namespace, scan: Scan, family: int, who: str, patience: Sequence[str]) -> dict[int, str]:
    """What nmap says: a state for each port; for a ping, of the host."""
    asleep = [] if scan.ping else ["-Pn"]
    command = ["nmap", *ALWAYS, *asleep, *patience, *scan.command(family, SOURCES[who][family])]
    with internet.entered():
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    told = ElementTree.fromstring(done.stdout)  # noqa: S314 -- nmap's own
    if scan.ping:
        hosts = told.findall("host/status")
        return {scan.at: hosts[0].attrib["state"] if hosts else "down"}
    found = {int(port.attrib["portid"]): port.find("state") for port in told.findall("host/ports/port")}
    return {port: state.attrib["state"] for port, state in found.items() if state is not None} | _alike(told)


def _alike(told: ElementTree.Element) -> dict[int, str]:
    """Ports of which there are many alike, which nmap does not list one by one."""
    found: dict[int, str] = {}
    for group in told.findall("host/ports/extraports"):
        for reasons in group.findall("extrareasons"):
            for part in reasons.attrib.get("ports", "").split(","):
                first, _, last = part.partition("-")
                if first:
                    found |= dict.fromkeys(range(int(first), int(last or first) + 1), group.attrib["state"])
    return found

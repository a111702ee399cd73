"""a policy, a scan of nmap's, a source -> what nmap must say of each port: derived from the policy, by the algebra.

A port's fate is accepted or dropped, and something listens there or not. What nmap makes of that (nmap(1), PORT
SCANNING TECHNIQUES) depends on what it sends: a `Meaning` for each kind. An accepted port that is not served answers
for the kernel: with a reset, or with an ICMP error.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cc_vps_firewall.algebra.model import ACCEPT, ECHO, ICMP, IN, Model
from cc_vps_firewall.algebra.questions import Packet, judge
from tests.casefiles import MACHINE, STRANGER

# Who scans. `named` and `denied` are the sources that policies name, `other` is named by none.
SOURCES: Mapping[str, Mapping[int, str]] = {
    "named": {4: "203.0.113.7", 6: "2001:db8:203::7"},
    "other": STRANGER,
    "denied": {4: "203.0.113.66", 6: "2001:db8:66::66"},
}
DECOYS = {4: "203.0.113.8,198.51.100.8,ME", 6: "2001:db8:203::8,2001:db8:f::8,ME"}

SERVED = {"tcp": (22, 80, 3306), "udp": (53, 161)}
PORTS = {"tcp": (22, 80, 443, 3306, 3999, 8080), "udp": (53, 123, 161, 443, 3999)}
# For -sO: what nmap sends of these goes to a port, so the fate is that port's (payload.cc of nmap has the numbers).
PROTOCOLS = {4: (1, 6, 17, 99), 6: (58, 6, 17, 99)}
CLOSED_UDP = 40125  # nmap's own choice, which nobody serves
NOBODYS = 99  # any private encryption scheme: no kernel has it

# Six policies, so that every kind of line decides something.
NAMED = [*SOURCES["named"].values()]
POLICIES: Mapping[str, Mapping[str, object]] = {
    "ssh alone": {},
    "tutorial": {"ssh": {"from": NAMED}, "allow": ["http", "https", "smtp"]},
    "deny": {"allow": ["http", "http3", "dns", "3306/tcp"], "deny": ["203.0.113.64/28", "2001:db8:66::/48"]},
    "everything for one": {
        "lists": {"office": NAMED}, "allow": [{"service": "all", "from": ["office"]}, "http"], "ping": False,
        "log": False, "ssh": {"from": ["office"]},
    },
    "interfaces and ranges": {
        "flood": "ignore",
        "allow": [
            {"port": "3000-4000/tcp", "interface": "eth0"}, {"port": "8080/tcp", "interface": "eth1"},
            {"service": "ntp", "limit": "600/minute"}, {"port": "161/udp", "interface": "eth*"},
        ],
    },
    "closed": {
        "ssh": False, "outgoing": {"policy": "drop", "allow": ["dns"]}, "containers": "ignore",
        "allow": [{"service": "mysql", "from": NAMED}, "53/udp"], "deny": [*SOURCES["denied"].values()],
    },
}  # fmt: skip


@dataclass(frozen=True)
class Meaning:
    """What nmap says of a port that is open to the scanner and served; open to it and not served; not open to it."""

    served: str
    unserved: str
    dropped: str


SYN = Meaning("open", "closed", "filtered")
ACK = Meaning("unfiltered", "unfiltered", "filtered")
WINDOW = Meaning("closed", "closed", "filtered")  # the window of Linux's resets is zero
DATAGRAM = Meaning("open", "closed", "open|filtered")
SILENT = Meaning("filtered", "filtered", "filtered")  # whatever the policy opens
SILENT_TO_ODD = Meaning("open|filtered", "open|filtered", "open|filtered")
UP = Meaning("up", "up", "down")
PROTOCOL = Meaning("open", "closed", "open|filtered")


@dataclass(frozen=True)
class Scan:
    """One run of nmap. `proto`: of the ports that it asks of; `at`: the one that a ping goes to."""

    options: str
    meaning: Meaning
    proto: str = "tcp"
    at: int = 0
    families: Sequence[int] = (4, 6)

    def command(self, family: int, source: str) -> list[str]:
        """What to call, but for nmap's patience."""
        ports = [] if self.ping else ["-p", ",".join(map(str, self.ports(family)))]
        spoofed = [] if self.options == "-sT" else ["-e", "wire0"]
        return [
            *(["-6"] if family == 6 else []), *self.options.replace("DECOYS", DECOYS[family]).split(), *spoofed,
            "-S", source, *ports, MACHINE[family],
        ]  # fmt: skip

    @property
    def ping(self) -> bool:
        return self.options.startswith("-sn")

    def ports(self, family: int) -> Sequence[int]:
        """What it asks of: ports, protocols for -sO, the host itself for a ping."""
        if self.proto == "ip":
            return PROTOCOLS[family]
        return (self.at,) if self.ping else PORTS[self.proto]


def _tcp(options: str, meaning: Meaning = SYN, families: Sequence[int] = (4, 6)) -> Scan:
    return Scan(options, meaning, families=families)


V4 = (4,)  # nmap fragments IPv4 alone, and has IPv4's options alone
SCANS: Sequence[Scan] = (
    _tcp("-sS"),
    _tcp("-sT"),
    _tcp("-sA", ACK),
    _tcp("-sW", WINDOW),
    _tcp("-sF", SILENT_TO_ODD),
    _tcp("-sN", SILENT_TO_ODD),
    _tcp("-sX", SILENT_TO_ODD),
    _tcp("-sM", SILENT_TO_ODD),
    *(
        _tcp(f"-sS --scanflags {flags}", SILENT)
        for flags in ("SYNFIN", "SYNRST", "SYNACK", "RST", "RSTACK", "PSHURG", "URGACKPSHRSTSYNFIN")
    ),
    *(_tcp(f"-sS --scanflags {flags}") for flags in ("SYNPSH", "SYNURG", "SYNECECWR")),
    *(_tcp(f"-sA --scanflags {flags}", ACK) for flags in ("ACKPSH", "ACKURG")),
    *(_tcp(f"-sS -g {port}") for port in (20, 53, 67, 88)),
    _tcp("-sA -g 80", ACK),
    _tcp("-sN -g 443", SILENT_TO_ODD),
    _tcp("-sS -D DECOYS"),
    _tcp("-sS --data-length 64"),
    _tcp("-sS --ttl 3"),
    _tcp("-sS --spoof-mac 02:00:00:00:00:77"),
    _tcp("-sS --badsum", SILENT),
    _tcp("-sS -f", families=V4),
    _tcp("-sS -ff", families=V4),
    _tcp("-sS --mtu 24", families=V4),
    _tcp("-sA -f", ACK, V4),
    _tcp("-sF -f", SILENT_TO_ODD, V4),
    _tcp("-sS --ip-options R", families=V4),
    _tcp("-sS --ip-options T", families=V4),
    Scan("-sU", DATAGRAM, "udp"),
    Scan("-sU -g 53", DATAGRAM, "udp"),
    Scan("-sU -g 67", DATAGRAM, "udp"),
    Scan("-sU --data-length 64", DATAGRAM, "udp"),
    Scan("-sU --badsum", SILENT_TO_ODD, "udp"),
    Scan("-sO", PROTOCOL, "ip"),
    Scan("-sn -PE", UP, "icmp"),
    Scan("-sn -PP", UP, "icmp", 13, V4),
    Scan("-sn -PM", Meaning("down", "down", "down"), "icmp", 17, V4),  # Linux answers none
    Scan("-sn -PS80", UP, at=80),
    Scan("-sn -PS8080", UP, at=8080),
    Scan("-sn -PA443", Meaning("up", "up", "down"), "ack", 443),
    Scan(f"-sn -PU{CLOSED_UDP}", UP, "udp", CLOSED_UDP),
    Scan(f"-sn -PO{NOBODYS}", UP, "other", families=V4),
)


def expected(made: Model, guarded: bool, scan: Scan, family: int, who: str) -> dict[int, str]:
    """Port, or protocol, -> what nmap must say of it. `guarded`: an ACK meets what a SYN would, with `flood: guard`;
    without it, it is dropped as malformed."""
    return {port: _says(made, guarded, scan, family, who, port) for port in scan.ports(family)}


def _says(made: Model, guarded: bool, scan: Scan, family: int, who: str, port: int) -> str:
    accepted, served = _fate(made, family, who, scan.proto, port)
    if (scan.meaning in (ACK, WINDOW) or scan.proto == "ack" or (scan.proto == "ip" and port == 6)) and not guarded:
        accepted = False
    if not accepted:
        return scan.meaning.dropped
    return scan.meaning.served if served else scan.meaning.unserved


def _fate(made: Model, family: int, who: str, proto: str, port: int) -> tuple[bool, bool]:
    """Accepted; and served, or answered by the kernel itself."""
    source = int(ipaddress.ip_address(SOURCES[who][family]))

    def accepted(proto: str, port: int) -> bool:
        return judge(made, Packet(IN, family, proto, port, source, interface="eth0")).verdict == ACCEPT

    if proto == "ip":
        kinds = {
            1: (ICMP[4], ECHO[4], True), 58: (ICMP[6], ECHO[6], True), 6: ("tcp", 80, True),
            17: ("udp", CLOSED_UDP, True), NOBODYS: ("other", 0, False),
        }  # fmt: skip
        name, at, answers = kinds[port]
        return accepted(name, at), answers
    if proto == "icmp":
        return accepted(ICMP[family], port or ECHO[family]), True
    name = "tcp" if proto == "ack" else proto
    return accepted(name, port if name in PORTS else 0), port in SERVED.get(name, ())

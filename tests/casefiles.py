"""tests/cases/<behaviour>/ -> Case: a policy, the host it meets, and what must become of packets.

Every layer of tests reads the case folders through this module; tests/cases/README.md is the format's reference.
An entry of `packets:` without a source stands for two packets, one a family, and lists of ports, sources or flags
for one packet each, so that a case can say "everybody, to these four ports, over both families" in one line.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cc_vps_firewall.policy import Policy, parse, userdata

HOME = Path(__file__).parent / "cases"

# The machine's own addresses, and a stranger's: what an entry means that names neither `from` nor `to`.
# All are documentation addresses (RFC 5737, RFC 3849), which nobody's policy has a reason to name.
MACHINE = {4: "192.0.2.10", 6: "2001:db8:1::10"}
STRANGER = {4: "198.51.100.7", 6: "2001:db8:f::7"}
CONTAINER = {4: "172.17.0.2", 6: "fd00:17::2"}
LOOPBACK = {4: "127.0.0.1", 6: "::1"}

TRANSPORTS = ("tcp", "udp")
MESSAGES = {"icmp": 4, "icmpv6": 6}
PORTLESS = ("esp", "ah", "gre", "vrrp", "sctp", "ospf")
STATES = ("new", "reply", "established", "related")
WAYS = ("eth0", "eth1", "lo", "bridge")  # where a packet starts from; `as:` starts it on the machine itself
USERS = ("root", "nobody")
FRAGMENTS = ("in-order", "reversed")
HEADERS = ("hop-by-hop", "destination-options")  # IPv6 extension headers in front of the transport
PROTOCOL_KEYS = (*TRANSPORTS, *MESSAGES, "protocol")
KEYS = {
    *PROTOCOL_KEYS, "from", "to", "via", "as", "flags", "state", "sport", "hops", "fragments", "header", "checksum",
    "times", "passes", "slack", "expect", "why",
}  # fmt: skip


class BadCase(ValueError):
    """A case folder that says something this module does not understand."""


@dataclass(frozen=True)
class Packet:
    """One packet (or `times` alike, of which `passes` arrive, or up to `slack` more) and where it comes from."""

    protocol: str
    family: int
    source: str
    destination: str
    port: int = 0
    message: str = ""
    via: str = "eth0"
    user: str = ""
    flags: str = ""
    state: str = "new"
    sport: int = 0
    hops: int = 0
    fragments: str = ""
    header: str = ""
    checksum: str = "good"
    times: int = 1
    passes: int = 1
    slack: int = 0
    why: str = ""

    def __str__(self) -> str:
        what = self.message or (str(self.port) if self.port else "")
        extras = [
            f"{name} {value}"
            for name, value in (
                ("flags", self.flags), ("state", self.state if self.state != "new" else ""), ("sport", self.sport),
                ("hops", self.hops), ("fragments", self.fragments), ("behind", self.header), ("as", self.user),
                ("via", self.via), ("checksum", self.checksum if self.checksum != "good" else ""),
            )
            if value
        ]  # fmt: skip
        count = f"{self.times} x " if self.times > 1 else ""
        return f"{count}{self.protocol} {what} {self.source} -> {self.destination} ({', '.join(extras)})"


@dataclass(frozen=True)
class Published:
    """A container's port that the host forwards to it, as `docker run -p PORT:TARGET` does."""

    protocol: str
    port: int
    target: int


@dataclass(frozen=True)
class Host:
    """Facts of the machine that a policy meets."""

    ssh_ports: tuple[int, ...] = (22,)
    cloud: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    bridge: str = ""
    uplinks: tuple[str, ...] = ()
    second: str = "eth1"
    published: tuple[Published, ...] = ()
    behind: tuple[Published, ...] = ()
    forwarding: bool = False


@dataclass(frozen=True)
class Case:
    """One folder."""

    name: str
    folder: Path
    about: str
    user_data: str
    host: Host
    packets: tuple[Packet, ...]

    def policy(self) -> Policy:
        """What the engine reads in this case's user-data, on this case's host."""
        section = userdata.section(self.user_data.encode())
        host = self.host
        return parse(
            section, ssh_ports=host.ssh_ports, cloud_id=host.cloud, uplinks=host.uplinks, read_list=self.read_list
        )

    def read_list(self, path: str) -> str:
        """What the policy's `{file: PATH}` finds on this case's host."""
        if path not in self.host.files:
            raise FileNotFoundError(path)
        return self.host.files[path]

    def expected(self, suffix: str) -> Path:
        """The golden text: suffix is nft, ip4 or ip6."""
        return self.folder / f"expected.{suffix}"


def load_all(home: Path = HOME) -> list[Case]:
    """Every folder with packets, by name; those of refused input have none and are not read here."""
    return [*_all(home)]


@functools.cache
def _all(home: Path) -> tuple[Case, ...]:
    """Read once by each process."""
    folders = sorted(p.parent for p in home.glob("*/case.yaml") if not p.parent.name.startswith("refused-"))
    return tuple(load(folder) for folder in folders)


def load(folder: Path) -> Case:
    said = yaml.safe_load((folder / "case.yaml").read_text(encoding="utf-8"))
    return read(folder.name, folder, (folder / "user-data.yaml").read_text(encoding="utf-8"), said)


def read(name: str, folder: Path, user_data: str, said: Mapping[str, Any]) -> Case:
    """The case that a user-data and the values of a case.yaml are."""
    try:
        _known(said, {"about", "host", "packets"})
        if not user_data.startswith("#cloud-config\n"):
            raise BadCase("user-data.yaml does not open with #cloud-config")
        host = _host(said.get("host") or {})
        packets = tuple(p for entry in said["packets"] for p in _packets(entry, host))
    except (BadCase, KeyError, TypeError, ValueError) as error:
        raise BadCase(f"{name}: {type(error).__name__}: {error}") from error
    return Case(
        name=name,
        folder=folder,
        about=str(said["about"]),
        user_data=user_data,
        host=host,
        packets=packets,
    )


def _known(said: Mapping[str, Any], keys: set[str]) -> None:
    unknown = sorted(set(said) - keys)
    if unknown:
        raise BadCase(f"unknown key {', '.join(unknown)} in {said}")


def _host(said: Mapping[str, Any]) -> Host:
    _known(said, {"ssh_ports", "cloud", "files", "bridge", "uplinks", "second", "published", "behind", "forwarding"})
    published = tuple(_published(entry) for entry in said.get("published", []))
    bridge = said.get("bridge", "docker0" if published else "")
    return Host(
        ssh_ports=tuple(said.get("ssh_ports", (22,))),
        cloud=str(said.get("cloud", "")),
        files=dict(said.get("files", {})),
        bridge=bridge,
        uplinks=tuple(said.get("uplinks", ())),
        second=str(said.get("second", "eth1")),
        published=published,
        behind=tuple(_published(entry) for entry in said.get("behind", [])),
        forwarding=said.get("forwarding", bool(bridge)),
    )


def _published(said: Mapping[str, Any]) -> Published:
    _known(said, {*TRANSPORTS, "to"})
    (protocol,) = set(said) - {"to"}
    return Published(protocol, said[protocol], said["to"])


def _packets(said: Mapping[str, Any], host: Host) -> Iterator[Packet]:
    _known(said, KEYS)
    for protocol, port, message in _protocols(said):
        for flags in _many(said.get("flags", "")):
            for family, source in _sources(said, protocol):
                yield Packet(
                    protocol=protocol,
                    family=family,
                    source=source,
                    destination=_destination(said, family, host),
                    port=port,
                    message=message,
                    flags=flags,
                    hops=int(said.get("hops", 0)),
                    fragments=_one_of(said.get("fragments", ""), ("", *FRAGMENTS)),
                    header=_one_of(said.get("header", ""), ("", *HEADERS)),
                    sport=int(said.get("sport", 0)),
                    why=str(said.get("why", "")),
                    checksum=_one_of(said.get("checksum", "good"), ("good", "bad")),
                    via=_one_of(said.get("via", "" if "as" in said else "eth0"), ("", *WAYS)),
                    user=_one_of(said.get("as", ""), ("", *USERS)),
                    state=_one_of(said.get("state", "new"), STATES),
                    times=said.get("times", 1),
                    passes=_passes(said),
                    # A limit's bucket may gain one more while the packets are on their way.
                    slack=int(said.get("slack", "passes" in said)),
                )


def _protocols(said: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    """What is sent: a transport to ports, ICMP messages, or protocols without ports."""
    (key,) = set(said) & set(PROTOCOL_KEYS)
    for one in _many(said[key]):
        if key in TRANSPORTS:
            yield key, int(one), ""
        elif key in MESSAGES:
            yield key, 0, str(one)
        else:
            yield _one_of(one, PORTLESS), 0, ""


def _passes(said: Mapping[str, Any]) -> int:
    """How many of the `times` arrive: all, none, or the number that `passes` gives."""
    if ("expect" in said) == ("passes" in said):
        raise BadCase(f"one of expect and passes, in {said}")
    if "passes" in said:
        return int(said["passes"])
    return int(said.get("times", 1)) if _one_of(said["expect"], ("pass", "drop")) == "pass" else 0


def _sources(said: Mapping[str, Any], protocol: str) -> Iterator[tuple[int, str]]:
    if "from" in said:
        for source in _many(said["from"]):
            yield ipaddress.ip_address(source).version, source
        return
    if "to" in said and said["to"] not in ("container", "neighbour"):
        families: list[int] = [ipaddress.ip_address(said["to"]).version]
    else:
        families = [MESSAGES[protocol]] if protocol in MESSAGES else list(MACHINE)
    for family in families:
        if "as" in said:
            yield family, MACHINE[family]
        elif said.get("via") == "lo":
            yield family, LOOPBACK[family]
        else:
            yield family, CONTAINER[family] if said.get("via") == "bridge" else STRANGER[family]


def _destination(said: Mapping[str, Any], family: int, host: Host) -> str:
    if "to" in said:
        named = {"container": CONTAINER[family], "neighbour": _next(CONTAINER[family])}
        return named.get(said["to"], str(said["to"]))
    if said.get("via") == "lo":
        return LOOPBACK[family]
    return MACHINE[family]


def _next(address: str) -> str:
    return str(ipaddress.ip_address(address) + 1)


def _many(said: Any) -> list[Any]:
    return said if isinstance(said, list) else [said]


def _one_of(said: Any, names: tuple[str, ...]) -> str:
    if said not in names:
        raise BadCase(f"{said!r} is none of {', '.join(n for n in names if n)}")
    return str(said)

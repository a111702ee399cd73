"""The one table of distributions: how each is told, where it keeps saved rules, and what loads them at boot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

OWN_UNIT = "vps-firewall.service"
OWN_FOLDER = "/etc/vps-firewall"
ENDINGS = {0: "nft", 4: "v4", 6: "v6"}  # of files of our own, by family
# Their stop takes every rule out: at a shutdown while programs still listen, and for as long as an update of the
# package takes to start them again.
_NO_FLUSH = "[Service]\nExecStop=\n"
# EL's iptables.init starts nothing while its mark is there, which its stop removes: without this a restart, by which
# people load an edited file, would do nothing and say that all is well.
_FORGET_MARK = "ExecStop=-/usr/bin/rm -f /var/lock/subsys/UNIT\n"


@dataclass(frozen=True)
class Persistence:
    """Where one distribution keeps one backend's rules.

    `files`: by family. `units`: the services that load them at boot, and `plugins` the files without which such a
    service starts well and loads nothing. `package`: what brings backend and services. `include_in`: the file of theirs
    that must include ours. `fallback`: the ending of a file beside each that is loaded instead when it fails.
    `at_stop`: what their stop is to do (systemd.service(5)); UNIT is its name. `if_enabled`: they take everybody's
    rules out whenever they start, so they load ours only where the owner has enabled them already; elsewhere our own
    unit does.
    """

    files: Mapping[int, str]
    units: tuple[str, ...] = (OWN_UNIT,)
    package: str = ""
    include_in: str = ""
    fallback: str = ""
    at_stop: str = ""
    if_enabled: bool = False
    plugins: tuple[str, ...] = ()

    def loaders(self) -> dict[str, tuple[str, ...]]:
        """File -> the services that load it: each its own, or all of them every file."""
        if len(self.units) == len(self.files):
            return {path: (unit,) for path, unit in zip(self.files.values(), self.units)}
        return dict.fromkeys(self.files.values(), self.units)


@dataclass(frozen=True)
class Distribution:
    """A family of distributions. `ids`: of os-release(5), its ID or ID_LIKE. `iptables_up_to`: the release that is the
    last to come with iptables. `title`: what people call them. `packages`: rpm or deb."""

    name: str
    ids: frozenset[str] = frozenset()
    iptables_up_to: int = 0
    persistence: Mapping[str, Persistence] = field(default_factory=dict)
    title: str = ""
    packages: str = ""

    def keeps(self, backend: str, families: tuple[int, ...]) -> Persistence:
        """Where it keeps the rules of a backend; in files of our own where it has no place for them."""
        own = {family: f"{OWN_FOLDER}/rules.{ENDINGS[family]}" for family in families}
        return self.persistence.get(backend) or Persistence(own, package=backend)


_NFTABLES = "/etc/nftables/vps-firewall.nft"
OTHER = Distribution("other", title="others")
REDHAT = Distribution(
    "redhat",
    frozenset({"rhel", "fedora", "centos"}),
    title="CentOS, RHEL, Alma, Rocky, Fedora",
    packages="rpm",
    iptables_up_to=9,
    persistence={
        "iptables": Persistence(
            {4: "/etc/sysconfig/iptables", 6: "/etc/sysconfig/ip6tables"},
            ("iptables.service", "ip6tables.service"),
            "iptables-nft-services",
            fallback=".fallback",
            at_stop=_NO_FLUSH + _FORGET_MARK,
        ),
        "nftables": Persistence(
            {0: _NFTABLES}, ("nftables.service",), "nftables", "/etc/sysconfig/nftables.conf", at_stop=_NO_FLUSH
        ),
    },
)
DEBIAN = Distribution(
    "debian",
    frozenset({"debian", "ubuntu"}),
    title="Debian, Ubuntu",
    packages="deb",
    persistence={
        "iptables": Persistence(
            {4: "/etc/iptables/rules.v4", 6: "/etc/iptables/rules.v6"},
            ("netfilter-persistent.service",),
            "iptables-persistent",
            plugins=tuple(
                f"usr/share/netfilter-persistent/plugins.d/{name}" for name in ("15-ip4tables", "25-ip6tables")
            ),
        ),
        "nftables": Persistence(
            {0: _NFTABLES},
            ("nftables.service",),
            "nftables",
            "/etc/nftables.conf",
            at_stop=_NO_FLUSH,
            if_enabled=True,
        ),
    },
)
DISTRIBUTIONS = {each.name: each for each in (REDHAT, DEBIAN, OTHER)}
KNOWN = tuple(place for each in DISTRIBUTIONS.values() for place in each.persistence.values())  # places of theirs
UNITS = frozenset(unit for place in KNOWN for unit in place.units) | {OWN_UNIT}

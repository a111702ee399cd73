"""What is known of a host before anything is decided, read from its files."""

from __future__ import annotations

import json
import os
import re
import socket
from dataclasses import dataclass, replace

from ..root import HERE, Root
from . import managers, sshd, systemd
from .distributions import DISTRIBUTIONS, KNOWN, OTHER, UNITS, Distribution
from .files import UNIT_FOLDERS, entries, text_at
from .records import enabled_by_us


@dataclass(frozen=True)
class Host:
    """`units`: the firewall services installed; `owners`: those of them that the owner has enabled, and not we;
    `managers`: other firewall managers that are enabled, whose rules would conflict with ours; `cloud_id`: the platform
    as cloud-init calls it, empty where it does not say; `uplinks`: the interfaces that hold a default route;
    `own_addresses`: those of any interface."""

    distribution: Distribution = OTHER
    major: int = 0
    units: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    ssh_ports: tuple[int, ...] = (22,)
    managers: tuple[str, ...] = ()
    ipv6: bool = True
    cloud_id: str = ""
    uplinks: tuple[str, ...] = ()
    own_addresses: tuple[str, ...] = ()


def inspect(root: Root = HERE) -> Host:
    """Read the facts from the files of the system at `root`; runs nothing."""
    firewall = inspect_firewall(root, enabled_by_us(root))
    ports = sshd.ports(root)
    return replace(
        firewall,
        ssh_ports=ports,
        cloud_id=_cloud_id(root),
        uplinks=with_default_route(root),
        own_addresses=_own_addresses(root),
    )


def inspect_firewall(root: Root, ours: frozenset[str]) -> Host:
    """The same without what only a policy needs to be read. `ours`: the services that we have enabled."""
    release = _os_release(root)
    ids = {release.get("ID", ""), *release.get("ID_LIKE", "").split()}
    return Host(
        distribution=next((each for each in DISTRIBUTIONS.values() if each.ids & ids), OTHER),
        major=int(re.match(r"\d{0,4}", release.get("VERSION_ID", ""))[0] or 0),  # type: ignore[index]
        units=frozenset(unit for unit in UNITS if _loads(unit, root)),
        owners=frozenset(unit for unit in UNITS if systemd.enabled(unit, root)) - ours,
        managers=managers.enabled(root),
        ipv6=os.path.exists(root / "proc/net/if_inet6"),
    )


def _cloud_id(root: Root) -> str:
    """What cloud-id(1) would print; up to cloud-init 21.4 it has no file of its own, and says it among all it knows."""
    if cloud_id := text_at(root, "run/cloud-init/cloud-id").strip():
        return cloud_id
    try:
        cloud_id = json.loads(text_at(root, "run/cloud-init/instance-data.json"))["v1"]["cloud_name"]
    except (LookupError, TypeError, ValueError):
        cloud_id = ""
    return cloud_id if isinstance(cloud_id, str) else ""


def _loads(unit: str, root: Root) -> bool:
    """Is this service installed, and would it load our rules once it is enabled?"""
    there = any(unit in entries(root, folder) for folder in UNIT_FOLDERS)
    plugins = [path for place in KNOWN if unit in place.units for path in place.plugins]
    return there and all(os.path.exists(root / path) for path in plugins) and not systemd.masked(unit, root)


def interfaces() -> tuple[str, ...]:
    """The names of the network interfaces that are there now."""
    return tuple(name for _, name in socket.if_nameindex())


def with_default_route(root: Root = HERE) -> tuple[str, ...]:
    """The interfaces that have a default route now, of either family."""
    return tuple(dict.fromkeys(name for _, name in default_routes(root)))


def default_routes(root: Root = HERE) -> tuple[tuple[int, str], ...]:
    """Families and interfaces of the default routes (proc(5))."""
    rows = [line.split() for line in text_at(root, "proc/net/route").splitlines()]
    found = [(4, row[0]) for row in rows if len(row) > 7 and row[1] == row[7] == "00000000"]
    rows = [line.split() for line in text_at(root, "proc/net/ipv6_route").splitlines()]
    found += [(6, row[-1]) for row in rows if len(row) > 9 and row[1] == "00" and not set(row[0]) - {"0"}]
    return tuple(dict.fromkeys(route for route in found if route[1] != "lo"))


def _own_addresses(root: Root) -> tuple[str, ...]:
    """The addresses of this host's own interfaces (proc(5))."""
    leaf, found = "", []
    for line in text_at(root, "proc/net/fib_trie").splitlines():
        words = line.split()
        if words[:1] == ["|--"]:
            leaf = words[1]
        elif "/32 host LOCAL" in line:
            found.append(leaf)
    for line in text_at(root, "proc/net/if_inet6").splitlines():
        found.append(socket.inet_ntop(socket.AF_INET6, bytes.fromhex(line.split()[0])))
    return tuple(dict.fromkeys(found))


def _os_release(root: Root) -> dict[str, str]:
    text = text_at(root, "etc/os-release") or text_at(root, "usr/lib/os-release")
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}

"""Names of interfaces: which one a pattern takes, which are bridges of containers, and which uplinks."""

from __future__ import annotations

import re

# Bridges that Docker, Podman, CNI, LXD, Incus, LXC and libvirt make. A trailing * is a wildcard.
BRIDGES = ("docker*", "br-*", "podman*", "cni*", "lxdbr*", "incusbr*", "lxcbr*", "virbr*")
# OpenStack's, OpenWrt's and everybody's names of uplinks that look like Docker's of a network: that is br- and twelve
# hexadecimal digits, which neither nftables nor iptables can ask for.
UPLINKS = ("br-ex", "br-lan", "br-wan")
_DOCKERS = re.compile(r"(?!br-)\S*|br-([0-9a-f]{12}|[0-9a-f]{0,12}\*)")


def same_interface(pattern: str, interface: str) -> bool:
    """Does a pattern of a policy, `wg*` or a whole name or none, take this interface?"""
    if pattern.endswith("*"):
        return interface.startswith(pattern[:-1])
    return pattern in ("", interface)


def like_bridge(name: str) -> bool:
    """Would this be taken for a bridge of containers, by its name alone?"""
    return name.startswith(tuple(bridge.rstrip("*") for bridge in BRIDGES))


def names_uplink(interface: str) -> bool:
    """Does a policy that names this interface say that it is no bridge of containers, although it is named like one?"""
    return like_bridge(interface) and not _DOCKERS.fullmatch(interface)

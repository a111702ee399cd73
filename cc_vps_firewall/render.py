"""Policy -> text per family, for one backend: what the kernel is given, and what is saved."""

from __future__ import annotations

from collections.abc import Iterator

from . import iptables, nftables, ruleset
from .backend import FALLBACK
from .policy import EVERYTHING, Policy, covers, network_text


def texts(name: str, wanted: Policy) -> dict[int, str]:
    """By family: 0 (both at once), 4, 6. FALLBACK: what a service loads when it cannot load the file."""
    if name == FALLBACK:
        return {family: _fallback(wanted, family) for family in (4, 6)}
    rules = ruleset.build(wanted)
    if name == nftables.NAME:
        return {0: nftables.render(rules)}
    return {family: iptables.render(rules, family) for family in (4, 6)}


def _fallback(wanted: Policy, family: int) -> str:
    """What needs no extension of the kernel's: no match, no target of a module's, no comment. So a reply cannot be told
    from a new connection, nor a port from another. In come the sources of `ssh.from`, and the metadata services,
    without which cloud-init learns nothing. Where SSH is open to anywhere nobody does, until the module has loaded
    better."""
    rules = [f"-A {iptables.FALLBACK} {match} -j {target}\n" for match, target in _without_extensions(wanted, family)]
    return (
        f"# Made by {iptables.MARK}, for a kernel that cannot load the file beside it. Changes here are lost.\n"
        "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"
        # Rules without comments are known by the chain that they are in.
        f":{iptables.FALLBACK} - [0:0]\n-A INPUT -j {iptables.FALLBACK}\n{''.join(rules)}COMMIT\n"
    )


def _without_extensions(wanted: Policy, family: int) -> Iterator[tuple[str, str]]:
    yield "-i lo", "ACCEPT"
    if family == 6:
        # Neighbour discovery, without which there is no IPv6; the kernel itself takes it from the link alone.
        yield "-p ipv6-icmp", "ACCEPT"
    ssh = wanted.ssh.peers.of(family) if wanted.ssh else ()
    deny = wanted.deny.of(family)
    if ssh == EVERYTHING:
        ssh = ()
    for net in deny:
        if covers(ssh, net, family):
            yield f"-s {network_text(family, net)}", "DROP"
    where = f"-i {iptables.interface(wanted.ssh.interface)} " if wanted.ssh and wanted.ssh.interface else ""
    for match, nets in (("", wanted.metadata_services.of(family)), (where, ssh)):
        for net in nets:
            if not covers(deny, net, family):
                yield f"{match}-p tcp -s {network_text(family, net)}", "ACCEPT"

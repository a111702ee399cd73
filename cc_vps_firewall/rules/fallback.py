"""Policy -> what a service loads where the kernel lacks the modules that iptables' file needs."""

from __future__ import annotations

from collections.abc import Iterator

from ..policy import EVERYTHING, Policy, covers, network_text
from . import iptables


def texts(policy: Policy) -> dict[int, str]:
    """By family, for iptables-restore(8).

    They need no extension of the kernel's: no match, no target of a module's, no comment. So a reply cannot be told
    from a new connection, nor a port from another. In come the sources of `ssh.from`, and the metadata services,
    without which cloud-init learns nothing. Where SSH is open to anywhere nobody does, until the module has loaded
    better.
    """
    return {family: _text(policy, family) for family in (4, 6)}


def _text(policy: Policy, family: int) -> str:
    rules = [f"-A {iptables.FALLBACK} {match} -j {target}\n" for match, target in _without_extensions(policy, family)]
    return (
        f"# Made by {iptables.MARK}, for a kernel that cannot load the file beside it. Changes here are lost.\n"
        "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"
        # Rules without comments are known by the chain that they are in.
        f":{iptables.FALLBACK} - [0:0]\n-A INPUT -j {iptables.FALLBACK}\n{''.join(rules)}COMMIT\n"
    )


def _without_extensions(policy: Policy, family: int) -> Iterator[tuple[str, str]]:
    yield "-i lo", "ACCEPT"
    if family == 6:
        # Neighbour discovery, without which there is no IPv6; the kernel itself takes it from the link alone.
        yield "-p ipv6-icmp", "ACCEPT"
    ssh = policy.ssh.peers.of(family) if policy.ssh else ()
    deny = policy.deny.of(family)
    if ssh == EVERYTHING:
        ssh = ()
    for net in deny:
        if covers(ssh, net, family):
            yield f"-s {network_text(family, net)}", "DROP"
    where = f"-i {iptables.interface(policy.ssh.interface)} " if policy.ssh and policy.ssh.interface else ""
    for match, nets in (("", policy.metadata_services.of(family)), (where, ssh)):
        for net in nets:
            if not covers(deny, net, family):
                yield f"{match}-p tcp -s {network_text(family, net)}", "ACCEPT"

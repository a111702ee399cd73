"""a ruleset -> loaded into a machine by the tools that hosts load theirs with."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from cc_vps_firewall.rules import iptables, nftables
from cc_vps_firewall.rules.rule import Ruleset
from tests.casefiles import Published

from .namespaces import Namespace
from .topology import Topology

TOOLS = ("nftables", "iptables-nft", "iptables-legacy")

NOTHING_ARRIVES = """
table inet witness {
    chain input { type filter hook input priority -500; policy drop; }
    chain forward { type filter hook forward priority -500; policy drop; }
    chain output { type filter hook output priority -500; policy drop; }
}
"""

PREFIX = {4: "iptables", 6: "ip6tables"}
CONTAINER_NETWORK = {4: ("172.17.0.0/16", "172.17.0.2"), 6: ("fd00:17::/64", "[fd00:17::2]")}


def load(machine: Namespace, tool: str, rules: Ruleset) -> None:
    """Both families' rules, by the tool itself; what it will not take fails the test."""
    if tool == "nftables":
        machine.run(["nft", "-f", "-"], nftables.render(rules))
        return
    for family in (4, 6):
        restore(machine, tool, family, iptables.render(rules, family))


def restore(machine: Namespace, tool: str, family: int, text: str, *options: str) -> None:
    """iptables-nft -> iptables-nft-restore, or ip6tables-nft-restore."""
    variant = tool.partition("-")[2]
    machine.run([f"{PREFIX[family]}-{variant}-restore", "-w", *options], text, lock())


def listing(machine: Namespace, tool: str) -> str:
    """What the kernel holds, as the tool tells it."""
    if tool in ("nftables", "none"):
        return machine.run(["nft", "list", "ruleset"])
    variant = tool.partition("-")[2]
    return "".join(machine.run([f"{PREFIX[family]}-{variant}-save"], env=lock()) for family in (4, 6))


def lock() -> dict[str, str]:
    """The lock of iptables-legacy is one file for all namespaces; each process of the tests has its own."""
    return {"XTABLES_LOCKFILE": str(Path(tempfile.gettempdir(), f"xtables-{os.getpid()}.lock"))}


def publish(topology: Topology, tool: str, more: tuple[Published, ...] = ()) -> None:
    """Docker's rules, as it adds them when it starts after the firewall: DNAT, and its own accepts on top. `more`:
    ports that it publishes besides those of the case."""
    for family in (4, 6):
        nat, accepts = _docker(topology.host.bridge, family, topology.host.published + more)
        variant = "iptables-nft" if tool in ("nftables", "none") else tool
        restore(topology.machine, variant, family, nat, "--noflush")
        restore(topology.machine, variant, family, accepts, "--noflush")


def _docker(bridge: str, family: int, published: tuple[Published, ...]) -> tuple[str, str]:
    network, container = CONTAINER_NETWORK[family]
    nat = [
        "*nat", ":DOCKER - [0:0]",
        "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER",
        f"-A POSTROUTING -s {network} ! -o {bridge} -j MASQUERADE",
        f"-A DOCKER -i {bridge} -j RETURN",
    ]  # fmt: skip
    accepts = [
        "*filter", ":DOCKER - [0:0]", ":DOCKER-USER - [0:0]", "-A DOCKER-USER -j RETURN",
        f"-I FORWARD -i {bridge} -o {bridge} -j ACCEPT",
        f"-I FORWARD -i {bridge} ! -o {bridge} -j ACCEPT",
        f"-I FORWARD -o {bridge} -j DOCKER",
        f"-I FORWARD -o {bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-I FORWARD -j DOCKER-USER",
    ]  # fmt: skip
    for p in published:
        nat.append(
            f"-A DOCKER ! -i {bridge} -p {p.protocol} --dport {p.port} -j DNAT --to-destination {container}:{p.target}"
        )
        inward = f"-d {container.strip('[]')} ! -i {bridge} -o {bridge}"
        accepts.append(f"-A DOCKER {inward} -p {p.protocol} --dport {p.target} -j ACCEPT")
    return "\n".join([*nat, "COMMIT", ""]), "\n".join([*accepts, "COMMIT", ""])

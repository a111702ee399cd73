"""a running host + the policy that it should have -> its files and its kernel say the same."""

from __future__ import annotations

import base64
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address

from host_firewall import ACCEPT, DROP, STRANGERS, HostFirewall, Packet

from .conftest import Account, Wanted

# What people leave listening, beside what this host itself listens on.
COMMON = (
    *(21, 22, 23, 25, 53, 80, 110, 111, 143, 389, 443, 445, 631, 873, 993, 1433, 2049, 2375, 3000, 3306, 3389, 5000),
    *(5432, 5900, 6379, 6443, 8000, 8080, 8443, 9000, 9090, 9200, 10250, 11211, 27017),
)


def test_saved_rules_are_the_policys(
    wanted: Wanted, saved: Mapping[str, str], backend: str, say: Callable[[str], str]
) -> None:
    """The policy, rendered by the host's own engine, against the files."""
    document = base64.b64encode(wanted.document.encode()).decode()
    rendered = say(f"echo {document} | base64 -d | vps-firewall render - --backend {backend}")
    # iptables: both families, each below a line that says which.
    _, *parts = re.split(r"(?m)^# ---- IPv([46]) ----\n", rendered)
    texts = dict(zip(parts[0::2], parts[1::2]))
    for path, text in saved.items():
        family = "6" if "6" in path.rpartition("/")[2] else "4"
        assert text == texts.get(family, rendered), f"{path} is not what the policy gives"


def test_kernel_judges_as_the_policy_says(account: Account, host_firewall: HostFirewall, wanted: Wanted) -> None:
    """Every chain that an incoming packet meets, other people's too: the policy's ports and sources, the neighbours of
    both, what the host listens on, and what is often left open."""
    wrong = []
    for family, protocol in itertools.product((4, 6), ("tcp", "udp")):
        for source, port in itertools.product(
            sorted(sources(wanted, family)), sorted(ports(account, wanted, protocol))
        ):
            expected = ACCEPT if wanted.policy.admits(source, protocol, port) else DROP
            fate = host_firewall.judge(Packet(protocol, port, source))
            if fate != expected:
                wrong.append(f"{port}/{protocol} from {source}: {fate}, the policy says {expected}")
    assert not wrong, "\n".join(wrong)


def sources(wanted: Wanted, family: int) -> set[str]:
    """A stranger, and the first addresses of the first networks that the policy names."""
    found = {STRANGERS[family]}
    for entry in wanted.policy.entries:
        for net in [*entry.peers.of(family)][:3]:
            if net[1] > 0:
                found.add(str(ip_address(net[0].to_bytes(4 if family == 4 else 16, "big"))))
    return found


def ports(account: Account, wanted: Wanted, protocol: str) -> set[int]:
    named = set(_named(wanted, protocol))
    near = {port + step for port in named for step in (-1, 1)}
    found = {*named, *near, *_listening(account, protocol), *COMMON}
    return {port for port in found if 0 < port < 65536} - DHCP.get(protocol, set())


DHCP = {"udp": {68, 546}}  # replies to the host's own requests come in by their own rule


def _named(wanted: Wanted, protocol: str) -> Iterator[int]:
    for entry in wanted.policy.entries:
        for opening in entry.openings:
            if opening.proto == protocol:
                yield from (opening.first, opening.last)


def _listening(account: Account, protocol: str) -> Iterator[int]:
    """By the lines of ss: protocol, state, two queues, address:port."""
    for line in account.listening:
        words = line.split()
        if len(words) > 4 and words[0] == protocol and (port := words[4].rpartition(":")[2]).isdigit():
            yield int(port)

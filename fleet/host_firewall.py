"""the rules that a host's kernel holds + a packet -> would it come in? A pytest plugin on top of testinfra.

    def test_web(host_firewall):
        assert host_firewall.allows("tcp", 443, source="203.0.113.9")
        assert not host_firewall.allows("tcp", 3306)

It asks the host for its rules, nftables and both kinds of iptables alike, and walks a new packet through every chain
that such a packet meets on its way in. It sends nothing and changes nothing. Where the answer hangs on something that
it does not know (a mark, an ipset, a match that it has not heard of), it raises CannotTell rather than guess.

What reads the rules is vps-firewall's own, `algebra/live`, as `vps-firewall explain --live` has it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from cc_vps_firewall.algebra import live_iptables, live_nftables
from cc_vps_firewall.algebra.live import Packet, Table
from cc_vps_firewall.algebra.live_walk import judge
from cc_vps_firewall.algebra.model import ACCEPT, DROP, UNKNOWN

__all__ = ["ACCEPT", "DROP", "STRANGERS", "CannotTell", "HostFirewall", "Packet", "host_firewall"]

# Strangers to everybody's policy: addresses of documentation (RFC 5737, RFC 3849).
STRANGERS = {4: "198.51.100.99", 6: "2001:db8:ffff::99"}

# What shows rules, and the line of shell that asks each. What a tool shows comes below a line with its name.
MARK = "==== shown by"
TOOLS = ("nft", *(f"{prefix}tables{kind}-save" for prefix in ("ip", "ip6") for kind in ("", "-legacy", "-nft")))
QUESTION = f"""\
PATH=$PATH:/usr/sbin:/sbin
for tool in {" ".join(TOOLS)}; do
    command -v $tool >/dev/null || continue
    echo '{MARK}' $tool
    case $tool in nft) nft -j list ruleset;; *) $tool;; esac || echo '{MARK}' $tool-failed
done
"""


class CannotTell(AssertionError):
    """The rules hang on something that this plugin does not know; the message names it."""


class HostFirewall:
    """What one host lets in."""

    def __init__(self, host: Any) -> None:
        self._host = host
        self._tables: list[Table] | None = None

    @property
    def tables(self) -> list[Table]:
        """Everything that judges incoming packets, as the kernel holds it now; asked for once."""
        if self._tables is None:
            self._tables = list(self._read())
        return self._tables

    def forget(self) -> None:
        """Ask the host anew next time."""
        self._tables = None

    def allows(self, protocol: str, port: int, source: str = "", interface: str = "") -> bool:
        """Would the first packet of a connection to `port` come in? Without a source: from anywhere, over IPv4 and
        IPv6 alike. A limit counts as not reached. Raises CannotTell."""
        if protocol not in ("tcp", "udp"):
            raise ValueError(f"{protocol}: tcp or udp")
        sources = [source] if source else list(STRANGERS.values())
        return all(self.judge(Packet(protocol, port, one, interface)) == ACCEPT for one in sources)

    def refuses(self, protocol: str, port: int, source: str = "", interface: str = "") -> bool:
        """Would it be dropped or rejected? Without a source: a stranger's, over IPv4 and over IPv6."""
        sources = [source] if source else list(STRANGERS.values())
        return all(self.judge(Packet(protocol, port, one, interface)) == DROP for one in sources)

    def judge(self, packet: Packet) -> str:
        """`accept` or `drop`: a packet comes in when no table of those that it meets drops it. What DNAT would send on
        is judged as if it stayed. Raises CannotTell."""
        fate = judge(self.tables, packet, follow_dnat=False)
        if fate.verdict == UNKNOWN:
            raise CannotTell(f"{packet}: it hangs on {'; '.join(fate.assumptions[:3])}")
        return ACCEPT if fate.verdict == ACCEPT else DROP

    def _read(self) -> Iterator[Table]:
        answers = self._ask()
        if not answers:
            raise CannotTell("this host shows neither nft's rules nor iptables': nothing is installed, or not root")
        for tool, text in answers.items():
            if tool == "nft":
                dump = json.loads(text or '{"nftables": []}')
                yield from live_nftables.tables(dump, beside_iptables=len(answers) > 1)
            else:
                # `iptables-save` is one of the other two; asked again, the same rules change nothing.
                yield from live_iptables.tables(text, 6 if tool.startswith("ip6") else 4, tool)

    def _ask(self) -> dict[str, str]:
        """Tool -> what it showed, of those that are there and did not fail; in one command for all."""
        done = self._host.run(QUESTION)
        parts = re.split(rf"(?m)^{MARK} (\S+)\n", done.stdout)[1:]
        answers = dict(zip(parts[0::2], parts[1::2]))
        return {tool: text for tool, text in answers.items() if f"{tool}-failed" not in answers}


@pytest.fixture(scope="module")
def host_firewall(host: Any) -> HostFirewall:
    """What testinfra's `host` lets in."""
    return HostFirewall(host)

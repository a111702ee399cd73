"""Connections that --cut ended: the mark that they bear, and the rules that drop what bears it.

To take a connection out of the tracker does not end it: the next segment that this side sends is picked up as the first
of a new one (nf_conntrack_tcp_loose), whose answers are replies. So it stays there, marked, until nobody sends.
"""

from __future__ import annotations

MARK = 0x76707363  # "vpsc"
TABLE = "inet vps_firewall_ended"
SAYS = "connections that vps-firewall ended"  # is no comment of a policy's rules, which an apply makes anew

# Before every other rule, NAT's and the policy's; it is in no file, since no connection outlives a boot.
NFTABLES = f"""\
table {TABLE} {{
	chain incoming {{
		type filter hook prerouting priority mangle - 1; policy accept;
	}}
	chain outgoing {{
		type filter hook output priority mangle - 1; policy accept;
	}}
}}
flush table {TABLE}
table {TABLE} {{
	chain incoming {{
		ct mark {MARK:#x} drop comment "{SAYS}"
	}}
	chain outgoing {{
		ct mark {MARK:#x} drop comment "{SAYS}"
	}}
}}
"""
DELETE = f"table {TABLE}\ndelete table {TABLE}\n"

HOOKS = ("PREROUTING", "OUTPUT")  # of iptables' table mangle
RULE = f'-m connmark --mark {MARK:#x} -m comment --comment "{SAYS}" -j DROP'


def iptables(dump: str, wanted: bool) -> str:
    """A dump -> text for `restore --noflush` that puts the rules in, or takes them out; '' where that is so."""
    lines = [f"-{'A' if wanted else 'D'} {hook} {RULE}\n" for hook in HOOKS if (f"-A {hook} {RULE}" in dump) != wanted]
    return f"*mangle\n{''.join(lines)}COMMIT\n" if lines else ""

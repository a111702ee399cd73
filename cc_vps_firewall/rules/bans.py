"""What other programs ban: the table of nftables that their addresses go into. Of iptables it is the chain BANS."""

from __future__ import annotations

TABLE = "inet vps_firewall_bans"

# Loaded where the table is missing, and by every boot. Loading it again keeps what is in the sets. A ban ends what its
# source began, and not what this host began itself; neighbours and multicast listeners have no direction.
TEXT = f"""\
table {TABLE} {{
	set banned4 {{
		type ipv4_addr
		flags interval,timeout
	}}
	set banned6 {{
		type ipv6_addr
		flags interval,timeout
	}}
	chain bans {{
	}}
	chain input {{
		type filter hook input priority filter - 10; policy accept;
	}}
	chain forward {{
		type filter hook forward priority filter - 10; policy accept;
	}}
}}
flush chain {TABLE} bans
flush chain {TABLE} input
flush chain {TABLE} forward
table {TABLE} {{
	chain bans {{
		ct direction original ip saddr @banned4 drop comment "bans: of other programs"
		ct direction original ip6 saddr @banned6 drop comment "bans: of other programs"
	}}
	chain input {{
		iif "lo" return comment "base: loopback"
		udp sport 67 udp dport 68 ip daddr 255.255.255.255 accept comment "base: DHCP replies"
		udp sport 547 udp dport 546 ip6 saddr fe80::/10 accept comment "base: DHCPv6 replies"
		jump bans comment "bans: of other programs"
	}}
	chain forward {{
		jump bans comment "bans: of other programs"
	}}
}}
"""

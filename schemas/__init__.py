"""the published contract of `vps_firewall:`, made by generate.py from what the parser knows."""

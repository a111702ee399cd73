"""In the place of host.tools: there is no other root than this host's."""

from __future__ import annotations

from cc_vps_firewall.host import process
from cc_vps_firewall.root import Root


def find_tool(root: Root, tool: str) -> str:
    return process.find(tool)

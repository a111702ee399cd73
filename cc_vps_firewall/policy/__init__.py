"""What an owner writes under `vps_firewall:` -> Policy. The names that the rest of the package works with are here."""

from __future__ import annotations

from .model import BUILT_IN, EVERY_PROTOCOL, KEY, Entry, Limit, Opening, Policy, Publication, Route, open_to
from .networks import ANYWHERE, EVERYTHING, WIDTH, Net, Sources, covers, network_text, parse_network
from .parser import own_ssh, parse

__all__ = [
    "ANYWHERE", "BUILT_IN", "EVERYTHING", "EVERY_PROTOCOL", "KEY", "WIDTH", "Entry", "Limit", "Net", "Opening",
    "Policy", "Publication", "Route", "Sources", "covers", "network_text", "open_to", "own_ssh", "parse",
    "parse_network",
]  # fmt: skip

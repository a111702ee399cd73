"""The keys of a policy, and what the texts under them may be."""

from __future__ import annotations

import re

KEYS = (
    "enabled", "backend", "ssh", "allow", "deny", "lists", "ping", "malformed", "outgoing", "metadata",
    "containers", "log",
)  # fmt: skip
SSH_KEYS = ("port", "from", "limit", "interface")
ALLOW_KEYS = ("service", "port", "from", "limit", "interface", "comment")
OUTGOING_KEYS = ("policy", "allow")
OUT_KEYS = ("service", "port", "to", "comment")
CHOICES = {  # the first is the default
    "backend": ("auto", "nftables", "iptables"),
    "malformed": ("drop", "accept"),
    "metadata": ("root", "all"),
    "containers": ("guard", "ignore"),
}
LIST_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
PATH = re.compile(r"/[^\x00-\x1f\x7f\ud800-\udfff]*")
INTERFACE = re.compile(r"(?!-)([A-Za-z0-9_.:@-]{1,15}|[A-Za-z0-9_.:@-]{1,14}\*)")
COMMENT = re.compile(r"[ !#-\[\]-~]{1,64}")

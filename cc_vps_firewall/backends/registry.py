"""The backends that there are, by the names that a policy gives them."""

from __future__ import annotations

from ..rules.backend import Backend
from .iptables import Iptables
from .nftables import Nftables

_ALL: tuple[Backend, ...] = (Nftables(), Iptables())
BACKENDS: dict[str, Backend] = {backend.name: backend for backend in _ALL}

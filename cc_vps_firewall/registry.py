"""The backends that there are, by the names that a policy gives them."""

from __future__ import annotations

from .backends import Backend
from .iptables_backend import Iptables
from .nftables_backend import Nftables

_ALL: tuple[Backend, ...] = (Nftables(), Iptables())
BACKENDS: dict[str, Backend] = {backend.name: backend for backend in _ALL}

"""In the place of host.ordering: the services are those of the image's own distribution."""

from __future__ import annotations

from collections.abc import Iterable

from cc_vps_firewall.root import Root

FIRST_STAGE = "cloud-init-local.service"


def circular(units: Iterable[str], root: Root) -> bool:
    return False

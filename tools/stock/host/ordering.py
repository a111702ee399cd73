"""In the place of host.ordering: the services are those of the image's own distribution."""

from __future__ import annotations

from collections.abc import Iterable

FIRST_STAGE = "cloud-init-local.service"


def circular(units: Iterable[str], root: str) -> bool:
    return False

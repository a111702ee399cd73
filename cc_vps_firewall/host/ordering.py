"""Which services can come before cloud-init's first stage."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from ..root import Root
from .files import UNIT_FOLDERS, read_all, text_at

FIRST_STAGE = "cloud-init-local.service"


def circular(units: Iterable[str], root: Root) -> bool:
    """Would one of these services, ordered before cloud-init's first stage, wait for itself? It would where that stage
    comes before sysinit.target, as Debian's does, and the service has default dependencies, as EL's have: systemd would
    take one of the two out of the boot."""
    if not re.search(r"(?m)^Before=.*\b(?:sysinit|basic)\.target", _unit_text(FIRST_STAGE, root)):
        return False
    return not all(re.search(r"(?mi)^DefaultDependencies=(?:no|false|off|0)$", _unit_text(u, root)) for u in units)


def _unit_text(unit: str, root: Root) -> str:
    """A unit's file, the first that systemd finds, and its drop-ins."""
    paths = [f"{folder}/{unit}" for folder in UNIT_FOLDERS]
    file = next((path for path in paths if os.path.exists(root / path)), "")
    return text_at(root, file) + "".join(read_all(root, "", f"{path}.d", ".conf") for path in paths)

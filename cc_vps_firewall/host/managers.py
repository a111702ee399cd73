"""Other firewall managers, whose rules would conflict with ours: how each is told, and how it is disabled."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from ..errors import FirewallError, reason
from ..root import HERE, Root
from ..rules.backend import Backend
from . import files, process, systemd
from .files import text_at

UFW_CONF = "/etc/ufw/ufw.conf"


UNITS = {"firewalld": "firewalld.service", "ufw": "ufw.service"}
CHAINS = {"firewalld": "FWD", "ufw": "ufw"}  # what the names of their chains of iptables begin with
IN_IMAGE = {"firewalld": "mask it there", "ufw": f"write ENABLED=no into {UFW_CONF} there"}  # how to disable it
ENABLE_AGAIN = {"ufw": "ufw enable"}  # where enabling its unit is not enough


def enabled(root: Root = HERE) -> tuple[str, ...]:
    """The names of those that the system at `root` starts."""
    return tuple(name for name in UNITS if _is_enabled(name, root))


def _is_enabled(name: str, root: Root) -> bool:
    if name == "ufw":  # its service may be enabled and load nothing
        return bool(re.search(r"(?m)^ENABLED=[\"']?yes", text_at(root, UFW_CONF)))
    return systemd.enabled(UNITS[name], root)


def chains(names: Iterable[str]) -> tuple[str, ...]:
    """What the names of their chains of iptables begin with."""
    return tuple(CHAINS[name] for name in names)


def disable(name: str, backend: Backend) -> list[str]:
    """Disable one for good. -> the reasons why it is still enabled; every step is tried, whatever becomes of others."""
    unit = UNITS[name]
    steps: list[Callable[[], object]] = [lambda: systemd.disable_for_good(unit), lambda: systemd.stop(unit)]
    if name == "ufw":
        steps.insert(0, lambda: _disable_ufw(backend))
    failures = []
    for step in steps:
        try:
            step()
        except (FirewallError, OSError) as failure:
            failures.append(reason(failure))
    return [*dict.fromkeys(failures)]


def _disable_ufw(backend: Backend) -> None:
    """In its own file, else its stop opens every policy; and its rules, where they are in other tables than ours: its
    service takes none out once ufw.conf says that it is off."""
    text = files.read(UFW_CONF, "surrogateescape") or ""
    files.save({UFW_CONF: re.sub(r"(?m)^ENABLED=.*", "ENABLED=no", text)}, files.Undo(), mode=None)
    if not backend.shares_tables:
        process.run("ufw", "--force", "disable")

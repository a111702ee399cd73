"""Name of a service or group -> what it opens, and whether that is for an owner's own machines alone."""

from __future__ import annotations

from collections.abc import Mapping

from .service_table import GROUP_TABLE, INTERNAL_KINDS, SECTIONS, Service

ENTRIES: tuple[Service, ...] = tuple(service for section in SECTIONS.values() for service in section)
SERVICES: Mapping[str, tuple[str, ...]] = {service.name: service.openings for service in ENTRIES}
ALIASES: Mapping[str, str] = {alias: service.name for service in ENTRIES for alias in service.aliases}
GROUPS: Mapping[str, tuple[str, ...]] = {group.name: group.members for group in GROUP_TABLE}
INTERNAL: Mapping[str, str] = {
    service.name: kind for kind in INTERNAL_KINDS for service in ENTRIES if service.internal == kind
}
# The same, of ports that have no name here, since nobody should open them by accident.
NAMELESS: Mapping[str, tuple[str, str]] = {
    "2375/tcp": ("Docker's API without TLS", "a way to be root"),
    "6000-6009/tcp": ("X11", "a remote desktop"),
}


def names() -> tuple[str, ...]:
    """Every name that `allow` takes, sorted."""
    return tuple(sorted([*SERVICES, *ALIASES, *GROUPS]))


def lookup(name: str) -> tuple[str, ...] | None:
    """The openings of a service, second name or group, each once, in the table's order; None if unknown."""
    if name in GROUPS:
        return tuple(dict.fromkeys(o for member in GROUPS[name] for o in SERVICES[member]))
    return SERVICES.get(ALIASES.get(name, name))


def internal(name: str) -> bool:
    """Is this service, second name or group, or a member of it, for an owner's own machines alone?"""
    return any(ALIASES.get(member, member) in INTERNAL for member in GROUPS.get(name, (name,)))

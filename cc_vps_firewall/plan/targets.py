"""A backend on a host: where its rules are saved, what loads them at boot, and its tools."""

from __future__ import annotations

from dataclasses import dataclass

from ..backends.registry import BACKENDS
from ..errors import NoBackend
from ..host.distributions import OWN_UNIT, Persistence
from ..host.facts import Host
from ..host.tools import find_tool
from ..root import HERE, Root
from ..rules.backend import Backend


@dataclass(frozen=True)
class Target:
    """One backend on one host. `own_unit`: no service of the distribution's loads its files, ours does."""

    backend: Backend
    place: Persistence
    own_unit: bool = False

    @property
    def units(self) -> tuple[str, ...]:
        """What loads the saved files at boot."""
        return (OWN_UNIT,) if self.own_unit else self.place.units

    def tools(self, root: Root = HERE) -> dict[str, str]:
        """Name -> path of its tools in the system at `root`. Raises NoBackend when one is missing."""
        paths = {tool: find_tool(root, tool) for tool in self.backend.tools}
        if missing := [tool for tool, path in paths.items() if not path]:
            raise NoBackend(f"{self.backend.name}: {', '.join(missing)} not installed")
        return paths


def target(name: str, host: Host) -> Target:
    """A backend on this host."""
    backend = BACKENDS[name]
    place = host.distribution.keeps(name, backend.families)
    usable = host.units & host.owners if place.if_enabled else host.units
    return Target(backend, place, OWN_UNIT in place.units or not usable.issuperset(place.units))

"""The policy that was saved -> what differs from it on this host."""

from __future__ import annotations

import fnmatch
import os
import re
from dataclasses import replace

from ..apply import drift
from ..backends.registry import BACKENDS
from ..errors import Drift
from ..host import files, modules, state
from ..host.facts import Host
from ..plan import decide
from ..plan.targets import Target, target
from ..policy.checks import trusted_uplinks
from ..root import HERE
from ..rules import ruleset


def differences(host: Host) -> list[str]:
    """kernel = saved file = policy? -> what differs. Raises Drift where no policy was ever applied, and another
    FirewallError where it cannot be told."""
    record = files.read_json(state.POLICY)
    if not record:
        raise Drift("no policy was ever applied on this host")
    then = decide.as_saved(record, host)
    wanted = decide.parse(record.get("section"), then)
    plan = decide.plan_of(wanted, record.get("section"), then, anything=True)
    backend = str(record.get("backend"))
    if backend not in BACKENDS:
        raise Drift(f"{state.POLICY} names no backend of ours")
    uplinks = [
        f"+{name} an uplink: it holds a default route, and the rules take it for a bridge of containers"
        for name in ruleset.roles(wanted, host.uplinks)["bridges"]
    ]
    trusted = [f"+{problem}" for problem in trusted_uplinks(replace(wanted, uplinks=host.uplinks))]
    return [*uplinks, *trusted, *drift.check(plan, backend, host), *_not_included(target(backend, host))]


def _not_included(chosen: Target) -> list[str]:
    """Does the file that its service loads include ours, by its name or by a pattern?"""
    if not chosen.place.include_in or chosen.own_unit:
        return []
    text, ours = files.read(chosen.place.include_in) or "", chosen.place.files[0]
    named = re.findall(r'(?m)^\s*include\s+"([^"]+)"', text)
    if any(fnmatch.fnmatch(ours, name) for name in named):
        return []
    return [f'+{chosen.place.include_in} include "{ours}"']


def lacking(backend: str, host: Host) -> list[str]:
    """What is missing in kernels that may boot next, and could not load what is saved. This one has loaded it."""
    paths = target(backend, host).place.files
    texts = {family: files.read(path) or "" for family, path in paths.items()}
    those = modules.lacking(HERE, backend, [texts], skip=os.uname().release)
    cannot = f"without which it cannot load {' and '.join(paths.values())}"
    return [f"+kernel {version}: {', '.join(missing)}, {cannot}" for version, missing in those.items()]

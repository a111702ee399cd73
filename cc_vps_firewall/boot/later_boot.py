"""Later boots: what was saved is put in force again where nothing loaded it, or where the host has changed."""

from __future__ import annotations

import logging
from dataclasses import replace

from ..apply import converge, save, status
from ..apply.status import Run
from ..backends.registry import BACKENDS
from ..errors import FirewallError, PolicyRefused, reason
from ..host import facts, files, state, systemd
from ..host.facts import Host
from ..plan import decide
from ..plan.targets import Target, target
from ..policy.checks import trusted_uplinks
from ..rules import ruleset
from . import first_boot
from .first_boot import in_child

LOG = logging.getLogger("cloudinit.config.cc_vps_firewall")


def reload_if_missing() -> list[str]:
    """Where the kernel holds nothing of ours: if a service should have loaded the rules that are saved, put the last
    good policy in force, and save it anew. -> what went wrong, empty where nothing did or where it is its owner's
    decision. Raises FirewallError when the host may still be open.

    Its owner's decision it is where the rules are gone from their files, or replaced by others, where their service is
    disabled, where another firewall is enabled, and where the last policy said `enabled: false`.
    """
    host = facts.inspect()
    saved_in = _saved_in(host)
    if saved_in is None:
        return []
    missed = f"{' and '.join(saved_in.units)} did not load the rules at this boot"
    loaded = f"{missed}; they were loaded after it"

    def again() -> list[str]:
        record, run = files.read_json(state.POLICY), Run("cloud-init", [loaded])
        try:
            plan = decide.plan(record.get("section"), host, good=bool(record.get("instance")))
            outcome = converge.converge(plan, host, run)
        except Exception as failure:
            run.notes = [missed]
            stand_ins = decide.stand_ins(record.get("section"), host)
            in_force = first_boot.fall_back(stand_ins, host, failure, run).get("in_force")
            return [f"{missed}, and could not be loaded after it: {reason(failure)}; in force: {in_force}"]
        # Unchanged: they were there, and a tool that was asked had no answer in time.
        return [] if outcome.status["result"] == "unchanged" else [loaded]

    return list(in_child(again))


def follow_uplinks() -> list[str]:
    """Where an interface holds a default route that held none when the rules were made: if these take it for a bridge
    of containers, make them again, of the policy that was saved; if an entry of `service: all` trusts it, put in force
    what stands in for a policy that is refused. -> what went wrong. Raises nothing: what is in force stays, and is
    better than what else there is.

    What is its owner's decision to reload_if_missing() is so here.
    """
    host = facts.inspect()

    def again() -> list[str]:
        record = files.read_json(state.POLICY)
        section = record.get("section")
        wanted = decide.parse(section, decide.as_saved(record, host))
        if trusted := [*trusted_uplinks(replace(wanted, uplinks=host.uplinks))]:
            run = Run("cloud-init", ["the default route has moved"])
            status = first_boot.fall_back(decide.stand_ins(section, host), host, PolicyRefused(trusted), run)
            return [f"{problem}; in force: {status.get('in_force')}" for problem in trusted]
        if new := ruleset.roles(wanted, host.uplinks)["bridges"]:
            note = f"{' and '.join(new)} holds a default route: it is an uplink now, and no bridge of containers"
            plan = decide.plan(section, host, good=bool(record.get("instance")))
            converge.converge(plan, host, Run("cloud-init", [note]))
            LOG.info("%s", note)
        return []

    if _saved_in(host) is None:
        return []
    try:
        return list(in_child(again))
    except FirewallError as failure:
        uplinks = " and ".join(host.uplinks)
        return [f"the default route is on {uplinks}, and the rules could not be made again: {failure}"]


def _saved_in(host: Host) -> Target | None:
    """The backend in whose files our rules are saved, where its services are to load them; None where they are not."""
    backend = str(files.read_json(state.POLICY).get("backend"))
    if backend not in BACKENDS:
        return None
    chosen = target(backend, host)
    disabled = status.read().get("result") == "disabled" or host.managers
    wanted = not disabled and all(map(systemd.enabled, chosen.units)) and save.is_saved(chosen)
    return chosen if wanted else None

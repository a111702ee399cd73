"""Our rules, files and units -> out of a host again, and nothing of anybody else's."""

from __future__ import annotations

from dataclasses import dataclass

from ..apply import filtering, save
from ..apply.previous import remove_rules, remove_unit_files, switch_off
from ..host import files, state, sysctl, systemd
from ..host.distributions import OWN_UNIT, UNITS
from ..host.facts import Host
from ..host.managers import ENABLE_AGAIN
from ..host.records import enabled_by_us
from ..plan.choice import AUTO, choose
from ..root import HERE


@dataclass(frozen=True)
class Removal:
    """What was done, empty where there was nothing of ours; and what the host is now."""

    done: tuple[str, ...]
    left: tuple[str, ...]


def remove(host: Host) -> Removal:
    """Take out of kernel and files what a policy of ours put there, and nothing of anybody else's.

    The services go first and the record of the policy last: whenever this is killed, no later boot puts the policy in
    force again, and the next run goes on. Raises FirewallError or OSError.
    """
    done: list[str] = []
    with files.locked() as lock:
        record = files.read_json(state.SERVICES)
        done += [f"disabled {unit}" for unit in switch_off(enabled_by_us() | {OWN_UNIT})]
        done += [f"removed our part of {path}" for path in remove_unit_files(UNITS)]
        for chosen in choose(AUTO, host):
            paths = save.holding_ours(chosen)
            if filtering.holds_ours(chosen) or filtering.bans_in(chosen) is not None or paths:
                remove_rules(chosen, lock)
                chosen.backend.drop_ended(False, [lock])
                done += [f"removed the rules from {chosen.backend.name}", *(f"removed {path}" for path in paths)]
        done += sysctl.remove()
        known = [state.POLICY, state.SERVICES, state.STATUS, state.PUBLIC, state.TOOLS]
        done += files.remove_all(HERE, known, files.Undo())
    disabled = [unit for unit in files.strings(record, "disabled") if systemd.masked(unit)]
    return Removal(
        tuple(done), (_filtered_by(filtering.other_filters(host)), *(_still_masked(unit) for unit in disabled))
    )


def _filtered_by(others: list[str]) -> str:
    if others:
        return f"what comes in is filtered by {' and '.join(others)} alone"
    return "nothing filters what comes in: every port that something listens on is open to whoever reaches this host"


def _still_masked(unit: str) -> str:
    name = unit.partition(".")[0]
    again = ENABLE_AGAIN.get(name, f"systemctl enable --now {unit}")
    return f"{name} is still disabled, as vps-firewall left it; to have it back: systemctl unmask {unit} && {again}"

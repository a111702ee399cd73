"""a host that enforces a policy -> the same host without a rule, file or unit of ours."""

from __future__ import annotations

from dataclasses import dataclass

from . import backend, converge, live, saved
from .backend import Host


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
    with saved.locked() as lock:
        record = saved.read_json(saved.SERVICES)
        done += [f"disabled {unit}" for unit in converge.switch_off(backend.enabled_by_us() | {backend.OWN_UNIT})]
        units = frozenset(unit for place in backend.PLACES.values() for unit in place.units)
        done += [f"removed our part of {path}" for path in converge.remove_unit_files(units)]
        for name in backend.BACKENDS:
            choice = backend.choices(name, host)[0]
            files = converge.mine(choice)
            if live.holds_ours(name) or files:
                converge.remove_rules(choice, lock)
                done += [f"removed the rules from {name}", *(f"removed {path}" for path in files)]
        done += saved.remove_all(
            "/", [saved.POLICY, saved.SERVICES, saved.STATUS, saved.PUBLIC, saved.TOOLS], saved.Undo()
        )
    disabled = [unit for unit in backend.strings(record, "disabled") if backend.masked(unit)]
    return Removal(tuple(done), (_filtered_by(live.other_filters()), *(_still_masked(unit) for unit in disabled)))


def _filtered_by(others: list[str]) -> str:
    if others:
        return f"what comes in is filtered by {' and '.join(others)} alone"
    return "nothing filters what comes in: every port that something listens on is open to whoever reaches this host"


def _still_masked(unit: str) -> str:
    name = unit.partition(".")[0]
    again = "ufw enable" if name == "ufw" else f"systemctl enable --now {unit}"
    return f"{name} is still disabled, as vps-firewall left it; to have it back: systemctl unmask {unit} && {again}"

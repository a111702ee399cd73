"""A bundle's engine on the host that it closes: its plans are made already, and its command knows status and verify.

Neither parser nor renderer is here. tools/engine.py makes one file of this module and of what it imports.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..apply import drift, status
from ..boot import first_boot
from ..errors import FirewallError, PolicyRefused, Problem, reason
from ..host import facts, files, policy_record, state, trusted
from ..host.facts import Host
from ..plan.choice import AUTO, in_order
from ..plan.model import Decision, Plan, from_json
from ..root import HERE

PLANS = os.path.join(os.path.dirname(__file__), "plans")  # a bundle's own, see bundle.plans()
KEY = "vps_firewall"
public = status.public


def enter(
    section: object,
    cloud: Any,
    mark_done: Callable[[], None],
    ssh_ports: Sequence[str],
) -> list[str]:
    """See cloudinit.enter(), in whose place this stands. `ssh_ports`: where sshd listens, as the part-handler has
    read."""
    stanza = section if isinstance(section, dict) else {}
    backend = str(stanza.get("backend", AUTO))
    return first_boot.enter(_inspect, lambda host: _decision(stanza, ssh_ports, host), backend, cloud, (), mark_done)


def _inspect() -> Host:
    """This host. Nothing of ours was on it before."""
    return facts.inspect_firewall(HERE, frozenset())


def _decision(stanza: Mapping[str, object], ssh_ports: Sequence[str], host: Host) -> Decision:
    """What a first boot is to do, of what the bundle carries: the policy, its own SSH alone, and the built-in one."""
    carried = _carried()
    wanted, alone, built_in = (in_order(plan, host) for plan in map(from_json, carried["plans"]))
    section = wanted.source["section"]
    stand_ins = [replace(wanted, name="the last good policy")] if policy_record.last_good() == section else []
    # A stanza that was changed since may still have the SSH that the bundle carries.
    stand_ins += [alone] if all(stanza.get(key) == section.get(key) for key in ("ssh", "lists")) else []
    elsewhere = carried["default_port"] and [*ssh_ports] != ["22"]

    def policy() -> Plan:
        if elsewhere:
            message = f"sshd listens on {', '.join(ssh_ports)} here, not on 22; write port: and bundle again"
            raise PolicyRefused([Problem(f"{KEY}.ssh", message)])
        if stanza != section:
            raise PolicyRefused([Problem(KEY, "is not what this bundle was made of; make it again")])
        if trusted.uplink(wanted.source):
            message = f"{trusted.uplink(wanted.source)} has the default route here, and is trusted; name networks"
            raise PolicyRefused([Problem(f"{KEY}.allow", message)])
        return wanted

    return Decision([] if elsewhere else [*stand_ins, built_in], policy)


def _carried() -> Any:
    with open(PLANS, encoding="utf-8") as file:
        return json.load(file, strict=False)


def main() -> int:
    """vps-firewall status | verify. -> its exit code"""
    try:
        if sys.argv[1:] == ["status"]:
            print(files.as_json(status.read()), end="")
            return 0
        if sys.argv[1:] != ["verify"]:
            raise FirewallError("vps-firewall status | verify")
        record = files.read_json(state.POLICY)
        for plan in map(from_json, _carried()["plans"]):
            if plan.source["section"] == record.get("section"):
                differences = drift.check(plan, str(record.get("backend")), _inspect())
                print("\n".join(differences) or "equal: kernel, saved file and policy")
                return 6 if differences else 0
        raise FirewallError("no policy of this bundle is in force")
    except Exception as error:
        print(f"vps-firewall: {reason(error)}", file=sys.stderr)
        return getattr(error, "exit_code", 1)

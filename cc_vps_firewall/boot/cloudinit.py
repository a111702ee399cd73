"""What the engine needs from cloud-init, and nothing more: its configuration, and the user-data itself."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Any

from ..apply.status import Run
from ..errors import PolicyRefused
from ..host import facts, files, state
from ..image import seal
from ..plan import decide
from ..plan.choice import AUTO
from ..plan.model import Decision
from ..policy import userdata
from ..policy.userdata import Unread
from . import first_boot
from .first_boot import Runs

LOG = logging.getLogger("cloudinit.config.cc_vps_firewall")


def enter(
    section: object,
    cloud: Any,
    mark_done: Callable[[], None] = lambda: None,
    configured: bool = True,
    *,
    runs: Runs = Run,
) -> list[str]:
    """Put `section` in force on this first boot. -> what went wrong, empty when all is well. Raises as
    first_boot.enter() does.

    `configured`: it is from cloud-init's configuration; else the user-data has our key in a way that cloud-init could
    not read, which is refused.
    """
    notes = seal.not_loaded(facts.inspect(), first_boot.uptime())
    unread, more = _raw(cloud, section, configured)
    if not configured and not unread:
        return []
    if (
        decide.is_off(section)
        and not unread
        and first_boot.in_child(lambda: _left_alone(section, runs("cloud-init", [*notes, *more])))
    ):
        mark_done()
        return []

    def decision(host: facts.Host) -> Decision:
        return decide.first_boot(section, host, unread)

    backend = str(section.get("backend", AUTO)) if isinstance(section, dict) else AUTO
    return first_boot.enter(facts.inspect, decision, backend, cloud, [*notes, *more], mark_done, runs)


def _left_alone(section: object, run: Run) -> bool:
    """Where the owner wants no firewall, and says so in a policy that is sound: -> True, and a seal is out."""
    host = facts.inspect()
    if decide.problems(section, host):
        return False
    if not files.read_json(state.POLICY):
        run.notes += seal.unseal(host)
    run.leave_alone()
    for note in run.notes:
        LOG.info("%s", note)
    return True


def _raw(cloud: Any, section: object, configured: bool) -> tuple[Unread | None, list[str]]:
    """What only the user-data itself shows: what is wrong with it that cloud-init's merged configuration has lost, and
    parts that carry the key and do not count."""
    unread = None
    try:
        raw = cloud.datasource.get_userdata_raw()
        data = raw.encode() if isinstance(raw, str) else bytes(raw or b"")
        given: bytes | userdata.UserData = data
        with contextlib.suppress(PolicyRefused):  # which is told below
            given = userdata.unpack(data)
        unread = userdata.unread(given, section, configured)
        return unread, userdata.notes(given, section)
    except Exception as error:
        # Another part is broken, which is cloud-init's to say; or there is no datasource to ask, as under
        # `cloud-init single`. Whatever it is, it must not keep the host open.
        LOG.debug("The user-data itself could not be looked at: %s", error)
        return unread, []

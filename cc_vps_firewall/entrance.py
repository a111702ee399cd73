"""cloud-init's handle() -> converge(): what the engine needs from cloud-init, and nothing more."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Callable
from typing import Any

from . import backend, converge, kernel, saved, seal, userdata
from .backend import Host
from .errors import FirewallError, NoBackend, PolicyRefused, Problem

LOG = logging.getLogger("cloudinit.config.cc_vps_firewall")


def enter(
    section: object,
    cloud: Any,
    settled: Callable[[], None] = lambda: None,
    taken: bool = True,
    *,
    checkpoint: Callable[[str], None] = lambda moment: None,
) -> list[str]:
    """Put `section` in force on this first boot. -> what went wrong, empty when all is well.

    `taken`: it is from cloud-init's configuration; else the user-data has our key in a way that cloud-init could not
    read, which is refused. `settled` is called when another boot would come to nothing better: what is in force is what
    was asked for, or stands in for what was refused, the next boot loads it before the network, and no other firewall
    does so too.

    The work is done in a process of its own, and what kills that one, for want of memory say, does not kill
    cloud-init: the last good policy or the built-in one is put in force then. Raises FirewallError when not even
    that could be done, and the host may be open.
    """
    host, notes = backend.look(), []
    notes += seal.not_loaded(host, _uptime())
    unread, told = _raw(cloud, section, taken)
    notes += told
    if not taken and not unread:
        return []
    if not _ready(section, host):
        covered = _ready({}, host)
        if covered:
            with contextlib.suppress(FirewallError):
                told = _apart(lambda: list(converge.close(section, host, unread, checkpoint).get("notes", ())))
                notes += [note for note in told if note.startswith(host.rivals)]
            covered = bool(saved.read_json(saved.POLICY))
        notes += _install_tools(section, cloud, host, covered)
        host = backend.look()

    def boot() -> list[str]:
        try:
            status = converge.first_boot(section, host, unread=unread, notes=notes, checkpoint=checkpoint)
        except PolicyRefused as failure:
            if failure.settled:
                settled()
            return [str(problem) for problem in failure.problems]
        except converge.StillOpen:
            raise
        except Exception as failure:
            return [converge.reason(failure)]
        told = status.get("notes", [])
        if not any(converge.STILL_ON in note for note in told):
            settled()
        for note in told:
            LOG.info("%s", note)
        if status["result"] != "disabled":
            LOG.info("The firewall is loaded, verified and saved")
        return []

    def rescue() -> list[str]:
        converge.fall_back(host, killed, notes)
        return [str(killed)]

    try:
        return _apart(boot)
    except _Killed as failure:
        killed = failure
    return _apart(rescue)


class _Killed(FirewallError):
    """The child was killed before it could answer."""


def _apart(work: Callable[[], list[str]]) -> list[str]:
    """Call `work` in a child of ours. -> what it returned. Raises FirewallError where it raised, _Killed where it
    was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            try:
                answer = [True, work()]
            except BaseException as failure:
                answer = [False, [converge.reason(failure)]]
            with open(writing, "w", encoding="utf-8") as parent:
                json.dump(answer, parent)
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as told:
        said = told.read()
    ended = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(ended) or not said:
        raise _Killed(f"the engine was killed at its work (signal {os.WTERMSIG(ended)})")
    well, lines = json.loads(said)
    if not well:
        raise FirewallError(lines[0])
    return [str(line) for line in lines]


def _uptime() -> str:
    """Seconds since the kernel started (proc(5))."""
    with open("/proc/uptime", encoding="ascii") as file:
        return file.read().split(".")[0]


def _choices(section: object, host: Host) -> tuple[backend.Choice, ...]:
    wanted = section.get("backend", backend.AUTO) if isinstance(section, dict) else backend.AUTO
    return backend.choices(wanted, host)


def _ready(section: object, host: Host) -> bool:
    """Has the host the tools of one of the backends that the policy may take, or does its owner want none?"""
    if converge.is_off(section):
        return True
    for choice in _choices(section, host):
        with contextlib.suppress(NoBackend):
            return bool(kernel.tools(choice.backend))
    return False


def _install_tools(section: object, cloud: Any, host: Host, covered: bool) -> list[str]:
    """Let the distribution install a firewall. `covered`: another one closes the host meanwhile. -> what its owner
    should know."""
    for choice in _choices(section, host):
        package = choice.place.package
        try:
            cloud.distro.install_packages([package])
        except Exception as error:
            # cloud-init raises what it likes here, by distribution and version, also for a package that is there now.
            # What is missing is told by converge(), which finds no tool.
            LOG.info("%s could not be installed: %s", package, error)
        if _ready(section, backend.look()):
            told = "closed but for SSH" if covered else f"unprotected for up to {_uptime()} s, from power-on to here"
            return [f"{package} had to be installed: {told}"]
    return []


def _raw(cloud: Any, section: object, taken: bool) -> tuple[list[Problem], list[str]]:
    """What only the user-data itself shows: what is wrong with it that cloud-init's merged configuration has lost, and
    parts that carry the key and do not count."""
    problems: list[Problem] = []
    try:
        raw = cloud.datasource.get_userdata_raw()
        data = raw.encode() if isinstance(raw, str) else bytes(raw or b"")
        problems = userdata.lost(data, section, taken)
        return problems, userdata.notes(data, section)
    except Exception as error:
        # Another part is broken, which is cloud-init's to say; or there is no datasource to ask, as under
        # `cloud-init single`. Whatever it is, it must not keep the host open.
        LOG.debug("The user-data itself could not be looked at: %s", error)
        return problems, []


def stand_guard() -> list[str]:
    """At a later boot, where the kernel holds nothing of ours: if a service should have loaded the rules that are
    saved, put the last good policy in force, and save it anew. -> what went wrong, empty where nothing did or where it
    is its owner's decision. Raises FirewallError when the host may still be open.

    Its owner's decision it is where the rules are gone from their files, or replaced by others, where their service is
    disabled, where another firewall is switched on, and where the last policy said `enabled: false`.
    """
    kept, host = saved.read_json(saved.POLICY), backend.look()
    choice = backend.choices(str(kept.get("backend")), host)[0]
    disabled = saved.read_json(saved.STATUS).get("result") == "disabled"
    wanted = not disabled and not host.rivals and all(map(backend.enabled, choice.units))
    if not (wanted and converge.hold_ours(choice)):
        return []
    told = f"{' and '.join(choice.units)} did not load the rules at this boot"
    loaded = f"{told}; they were loaded after it"

    def again() -> list[str]:
        try:
            done = converge.converge(kept.get("section"), host, by="cloud-init", notes=[loaded])
        except Exception as failure:
            instead = converge.fall_back(host, failure, [told]).get("in_force")
            return [f"{told}, and could not be loaded after it: {converge.reason(failure)}; in force: {instead}"]
        # Unchanged: they were there, and a tool that was asked had no answer in time.
        return [] if done["result"] == "unchanged" else [loaded]

    return _apart(again)

"""cloud-init's handle() -> converge(): what the engine needs from cloud-init, and nothing more."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Callable, Sequence
from typing import Any

from . import backend, converge, kernel, ruleset, saved, seal
from .backend import Choice, Host
from .converge import Outcome
from .errors import FirewallError, NoBackend, PolicyRefused
from .policy import userdata
from .policy.userdata import Unread

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
    cloud-init: what stands in for the policy is put in force then. Raises FirewallError when not even that could be
    done, and the host may be open.
    """
    notes = seal.not_loaded(backend.look(), _uptime())
    unread, told = _raw(cloud, section, taken)
    notes += told
    meant = unread.section if unread else section
    if not taken and not unread:
        return []

    def boot() -> Any:
        ended = converge.first_boot(section, backend.look(), unread=unread, notes=notes, checkpoint=checkpoint)
        if not ended.problems:
            for note in ended.status["notes"]:
                LOG.info("%s", note)
            if ended.status["result"] != "disabled":
                LOG.info("The firewall is loaded, verified and saved")
        return vars(ended)

    def attempt() -> Outcome:
        try:
            return Outcome(**_apart(boot))
        except _Killed as failure:
            killed = failure

        def rescue() -> Any:
            return vars(Outcome(converge.fall_back(backend.look(), killed, meant, notes), notes, [str(killed)]))

        return Outcome(**_apart(rescue))

    outcome, tried, host = attempt(), saved.read(saved.TOOLS), backend.look()
    wanted = _wanted(section, host)
    others = [c for c in backend.choices(backend.AUTO, host) if c not in wanted] if backend.BOTH else []
    for choice in (*wanted, *others):
        if _may_help(choice, wanted, outcome):
            notes = [*outcome.notes, _install(choice, cloud, outcome, tried)]
            outcome = attempt()
    if outcome.done:
        settled()
    if not outcome.status:
        raise FirewallError(outcome.problems[0])
    return [*outcome.problems]


class _Killed(FirewallError):
    """The child was killed before it could answer."""


def _apart(work: Callable[[], Any]) -> Any:
    """Call `work` in a child of ours. -> what it returned, as JSON keeps it. Raises FirewallError where it raised,
    _Killed where it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            try:
                answer = [True, work()]
            except BaseException as failure:
                answer = [False, converge.reason(failure)]
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
    well, value = json.loads(said)
    if not well:
        raise FirewallError(value)
    return value


def _uptime() -> str:
    """Seconds since the kernel started (proc(5))."""
    with open("/proc/uptime", encoding="ascii") as file:
        return file.read().split(".")[0]


def _wanted(section: object, host: Host) -> tuple[Choice, ...]:
    """The backends that the policy may take."""
    name = section.get("backend", backend.AUTO) if isinstance(section, dict) else backend.AUTO
    return backend.choices(name, host)


def _has_tools(choice: Choice) -> bool:
    with contextlib.suppress(NoBackend):
        return bool(kernel.tools(choice.backend))
    return False


def _may_help(choice: Choice, wanted: Sequence[Choice], outcome: Outcome) -> bool:
    """Is this backend not here, and might it do what those that are here could not?"""
    if not outcome.problems or _has_tools(choice):
        return False
    if backend.BOTH and outcome.closed:
        return choice in wanted and (outcome.tool_failed or not any(map(_has_tools, wanted)))
    return True


def _install(choice: Choice, cloud: Any, outcome: Outcome, tried: str | None) -> str:
    """Let the distribution install a firewall: once for an instance, for where that comes to nothing it takes half a
    minute, at each boot. `tried`: the instance for which it was. -> what its owner should know"""
    package, now = choice.place.package, saved.instance()
    if tried != now:
        try:
            cloud.distro.install_packages([package])
        except Exception as error:
            # cloud-init raises what it likes here, by distribution and version, also for a package that is there now.
            LOG.info("%s could not be installed: %s", package, error)
        if _has_tools(choice):
            until = f"unprotected for up to {_uptime()} s, from power-on to here"
            return f"{package} had to be installed: {'closed but for SSH' if outcome.closed else until}"
        with contextlib.suppress(OSError):  # the worse for its boots
            saved.save({saved.TOOLS: now}, saved.Undo(), 0o644)
    return f"{package} could not be installed, which is tried once: install it, and reboot"


def _raw(cloud: Any, section: object, taken: bool) -> tuple[Unread | None, list[str]]:
    """What only the user-data itself shows: what is wrong with it that cloud-init's merged configuration has lost, and
    parts that carry the key and do not count."""
    unread = None
    try:
        raw = cloud.datasource.get_userdata_raw()
        data = raw.encode() if isinstance(raw, str) else bytes(raw or b"")
        given: bytes | userdata.UserData = data
        with contextlib.suppress(PolicyRefused):  # which is told below
            given = userdata.unpack(data)
        unread = userdata.unread(given, section, taken)
        return unread, userdata.notes(given, section)
    except Exception as error:
        # Another part is broken, which is cloud-init's to say; or there is no datasource to ask, as under
        # `cloud-init single`. Whatever it is, it must not keep the host open.
        LOG.debug("The user-data itself could not be looked at: %s", error)
        return unread, []


def stand_guard() -> list[str]:
    """At a later boot, where the kernel holds nothing of ours: if a service should have loaded the rules that are
    saved, put the last good policy in force, and save it anew. -> what went wrong, empty where nothing did or where it
    is its owner's decision. Raises FirewallError when the host may still be open.

    Its owner's decision it is where the rules are gone from their files, or replaced by others, where their service is
    disabled, where another firewall is switched on, and where the last policy said `enabled: false`.
    """
    kept, host = saved.read_json(saved.POLICY), backend.look()
    section = kept.get("section")
    choice = backend.choices(str(kept.get("backend")), host)[0]
    if not _ours_to_mend(choice, host):
        return []
    told = f"{' and '.join(choice.units)} did not load the rules at this boot"
    loaded = f"{told}; they were loaded after it"

    def again() -> list[str]:
        try:
            done = converge.converge(section, host, by="cloud-init", good=bool(kept.get("instance")), notes=[loaded])
        except Exception as failure:
            instead = converge.fall_back(host, failure, section, [told]).get("in_force")
            return [f"{told}, and could not be loaded after it: {converge.reason(failure)}; in force: {instead}"]
        # Unchanged: they were there, and a tool that was asked had no answer in time.
        return [] if done["result"] == "unchanged" else [loaded]

    return list(_apart(again))


def follow_uplinks() -> list[str]:
    """At a later boot, where an interface holds a default route that held none when the rules were made: if these take
    it for a bridge of containers, make them again, of the policy that was saved. -> what went wrong. Raises nothing:
    what is in force stays, and is better than what else there is.

    What is its owner's decision to stand_guard() is so here.
    """
    kept, host = saved.read_json(saved.POLICY), backend.look()

    def again() -> list[str]:
        section = kept.get("section")
        new = ruleset.roles(converge.parse(section, converge.as_saved(kept, host)), host.uplinks)["bridges"]
        if new:
            told = f"{' and '.join(new)} holds a default route: it is an uplink now, and no bridge of containers"
            converge.converge(section, host, by="cloud-init", good=bool(kept.get("instance")), notes=[told])
            LOG.info("%s", told)
        return []

    if not _ours_to_mend(backend.choices(str(kept.get("backend")), host)[0], host):
        return []
    try:
        return list(_apart(again))
    except FirewallError as failure:
        uplinks = " and ".join(host.uplinks)
        return [f"the default route is on {uplinks}, and the rules could not be made again: {failure}"]


def _ours_to_mend(choice: Choice, host: Host) -> bool:
    disabled = saved.read_status().get("result") == "disabled"
    wanted = not disabled and not host.rivals and all(map(backend.enabled, choice.units))
    return wanted and converge.hold_ours(choice)

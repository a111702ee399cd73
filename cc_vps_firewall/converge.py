"""vps_firewall section -> a host that enforces it: the whole story in one function."""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from . import backend, iptables, kernel, nftables, policy, render, ruleset, saved, verify
from .backend import Choice, Host
from .errors import Drift, FirewallError, LoadRefused, NoBackend, PolicyRefused, Problem, RolledBack
from .kernel import ToolFailed
from .policy import KEY, Policy, overlooked, userdata
from .policy.userdata import Unread

Status = dict[str, Any]  # what status-private.json holds; docs/reference/status.md says what is in it
Texts = Mapping[int, str]
STILL_ON = "could not be switched off"  # of another firewall, which may come over our rules
IPV6_OFF = "IPv6 is off in this kernel: its rules are saved, and not loaded"
MAX_TAKEN_OUT = 6  # rules of others that a note names; `plan` shows them all
SMALL = 200_000  # bytes of iptables rules that are changed one by one in no time, so that no moment is other people's


class StillOpen(FirewallError):
    """A first boot could not put any rules in force."""


def converge(
    section: object,
    host: Host,
    *,
    by: str = "command",
    replace: bool = False,
    good: bool = True,
    guard: Callable[[Policy], None] = lambda wanted: None,
    confirm: Callable[[], str] | None = None,
    notes: Sequence[str] = (),
    checkpoint: Callable[[str], None] = lambda moment: None,
) -> Status:
    """Make this host enforce the policy in `section`, or leave it as it was.

    `by` and `notes` go into the status. `good`: it is what the owner of this instance wants, to be fallen back on.
    `replace`: switch off firewall managers that would fight ours. `guard` may refuse a policy by raising. `confirm` is
    asked when new rules are in force and nothing is saved yet: it returns why they are to go again, or nothing to keep
    them.
    `checkpoint` hears of the start and the end of every step.
    Returns the status that was written. Raises a FirewallError, with the host in the state it was in.
    """
    story = _Story(by, notes, checkpoint)
    with saved.locked() as lock, story.told(), contextlib.ExitStack() as stack:
        with story.step("parse"):
            wanted = parse(section, host)
            guard(wanted)
        if not wanted.enabled:
            story.notes.append("enabled: false: nothing was touched")
            story.status.update(story.kept(), result="disabled")
            return story.status
        if host.rivals and not replace:
            are = "are" if len(host.rivals) > 1 else "is"
            rivals = " and ".join(host.rivals)
            raise FirewallError(f"{rivals} {are} active and would overwrite these rules; --replace disables it")

        with story.step("render"):
            choices = backend.choices(wanted.backend, host)
            renders = {choices[0].backend: render.texts(choices[0].backend, wanted)}
        with story.step("rehearse"):
            play = _rehearse(choices, wanted, renders, host, stack)
        with story.step("keep"):
            before = play.before.result()
        story.begin(play, renders[play.choice.backend], wanted)
        story.status["warnings"] = warnings(wanted)
        story.status["interfaces"] = ruleset.roles(wanted, backend.interfaces())

        undo = saved.Undo(linked=True)
        fresh: list[str] = []
        try:
            with story.step("load"):
                changed = _load(play, before, host.rivals, lock)
            with story.step("read back"):
                live = kernel.dump(play.choice.backend, tuple(play.texts))
                if differs := verify.differences(play.choice.backend, live, play.shown.result()):
                    raise Drift("the kernel holds something else than what was loaded: " + "; ".join(differs[:5]))
            if confirm is not None and changed:
                with story.step("confirm"):
                    if refusal := confirm():
                        raise FirewallError(refusal)
            with story.step("save"):
                texts: Texts = renders[play.choice.backend]
                texts = _with_others(play.choice, texts, host.rivals, story.notes)
                written = _save(play.choice, texts, wanted, section, good, host, undo, story.notes)
            with story.step("enable"):
                _enable(play.choice, fresh)
        except BaseException as failure:
            lost = _put_back(story, play.choice, before, undo, fresh, lock)
            raise story.verdict(failure, lost) from failure.__cause__
        with story.step("retire"):
            undo.forget()
            story.notes += _taken_out(play.choice.backend, before, host.rivals) if changed else []
            former = str(story.former.get("backend"))
            story.notes += _retire_rivals(play, host, lock) + _retire_other(play.choice, host, lock, former)
            story.notes += _retire_units(play.choice)
        story.status["result"] = "applied" if changed or written or fresh else "unchanged"
        return story.status


@dataclass(frozen=True)
class Outcome:
    """How a first boot ended: `status` is empty where nothing could close the host, `problems` where its policy is in
    force. `notes`: what its owner should know of the way there. `done`: another boot would come to nothing better.
    `tool_failed`: one that is there could not do it, and another might."""

    status: Status
    notes: Sequence[str] = ()
    problems: Sequence[str] = ()
    done: bool = False
    tool_failed: bool = False

    @property
    def closed(self) -> bool:
        return bool(self.status) and not self.status.get("open_families")


def first_boot(
    section: object,
    host: Host,
    *,
    unread: Unread | None = None,
    notes: Sequence[str] = (),
    checkpoint: Callable[[str], None] = lambda moment: None,
) -> Outcome:
    """converge() with nobody at the keyboard: closed first, never left open, and never wider than it must.

    `unread`: what is wrong with the user-data that `section`, merged by cloud-init, no longer shows.

    A kill or a failure at any moment after the first load leaves a closed host.
    """
    own = unread.section if unread else section
    off = is_off(section)
    try:
        saved.sync()  # what cloud-init wrote of the network, else a power cut leaves it empty beside our files
        if not (off or _last_good()):
            closed = _stand_in(own, host, checkpoint)[1]
            if closed.get("result") in ("applied", "unchanged"):
                notes = [*notes, *closed["notes"]]
            host = replace(host, rivals=backend.rivals())  # to stop them once more takes as long as the first time
        if unread:
            raise PolicyRefused([*unread.problems, *_refusals(section, host)])
        if off and not saved.read_json(saved.POLICY):
            notes = [*notes, *_unseal(host)]
        status = converge(section, host, by="cloud-init", replace=True, notes=notes, checkpoint=checkpoint)
        return Outcome(status, notes, done=off or not backend.rivals())
    except Exception as failure:
        try:
            status = fall_back(host, failure, own, notes, checkpoint)
        except Exception as worse:
            return Outcome({}, notes, [f"{reason(worse)}; and before it: {reason(failure)}"])
        refused = failure.problems if isinstance(failure, PolicyRefused) else ()
        # The file of a list may be there at the next boot; whatever else is refused, its owner has to mend.
        passing = any(problem.passing for problem in refused)
        done = bool(refused and status["services"]) and not (passing or backend.rivals())
        return Outcome(status, notes, every_reason(failure), done, isinstance(failure, LoadRefused))


def is_off(section: object) -> bool:
    """Does its owner want no firewall of ours at all?"""
    return isinstance(section, Mapping) and section.get("enabled") is False


def fall_back(
    host: Host,
    failure: BaseException,
    section: object,
    notes: Sequence[str] = (),
    checkpoint: Callable[[str], None] = lambda moment: None,
) -> Status:
    """After a boot that could not have `section`: put in force what stands in for it, and a status that says so.
    Raises StillOpen where nothing could be put in force."""
    told = saved.read_status()
    name, status = _stand_in(section, host, checkpoint)
    notes = [*notes, *status.get("notes", ())]
    status = {**status, "in_force": name, "by": "cloud-init", "result": "failed", "notes": notes}
    status["problems"] = every_reason(failure)
    if told.get("result") == "failed":
        status["failed_in"] = told.get("failed_in")
    _tell(status)
    if "open" not in status:
        raise StillOpen("nothing could close this host")
    return status


def _stand_in(section: object, host: Host, checkpoint: Callable[[str], None]) -> tuple[str, Status]:
    """Put in force what stands in for a policy, on a host where anything may be broken: the last good one of this very
    instance, or its own SSH, or the built-in one where that is no good either. -> which of them it is, and its status,
    which is empty where nothing worked."""
    own = policy.own_ssh(section)
    every = [
        ("the last good policy", _last_good(), True),
        ("the policy's own SSH alone", own if "ssh" in own else {}, False),
        ("the built-in policy", {**policy.BUILT_IN, "backend": own.get("backend", backend.AUTO)}, False),
    ]
    candidates = [one for one in every if one[1]]
    for name, wanted, good in candidates:
        for choice in (wanted, _elsewhere(wanted, host)) if backend.BOTH else (wanted,):
            with contextlib.suppress(Exception):
                return name, converge(choice, host, by="first boot", replace=True, good=good, checkpoint=checkpoint)
        with contextlib.suppress(Exception):
            return name, _force(wanted, host, False)
    # One family that is closed is better than none, and worse than both of them by a wider policy.
    for name, wanted, _ in candidates:
        with contextlib.suppress(Exception):
            return name, _force(wanted, host, True)
    return "nothing: this host may be open", {}


def _elsewhere(section: Mapping[str, object], host: Host) -> Mapping[str, object]:
    """The same in the backend that it would not take, or not take first."""
    first = backend.choices(str(section.get("backend")), host)[0].backend
    return {**section, "backend": next(name for name in backend.BACKENDS if name != first)}


def _last_good() -> Mapping[str, object]:
    """The whole policy that was applied last, where that was for this very instance; empty where there is none."""
    kept, now = saved.read_json(saved.POLICY), saved.instance()
    section = kept.get("section")
    return section if now and kept.get("instance") == now and isinstance(section, dict) else {}


def _refusals(section: object, host: Host) -> tuple[Problem, ...]:
    try:
        parse(section, host)
    except PolicyRefused as refused:
        return refused.problems
    return ()


def _force(section: object, host: Host, some: bool) -> Status:
    """Load a policy without a rehearsal. `some`: one family of two will do. Raises ToolFailed where it was not."""
    choices = backend.choices(backend.AUTO, host)
    # nft first: it loads both families or none.
    for choice in sorted(choices, key=lambda choice: choice.backend != nftables.NAME) if backend.BOTH else choices:
        with contextlib.suppress(ToolFailed):
            return _forced(choice, host, parse(section, host), some)
    raise ToolFailed


def _forced(choice: Choice, host: Host, wanted: Policy, some: bool) -> Status:
    """Of what comes after the load, do what works: an unsaved firewall is better than none."""
    texts = render.texts(choice.backend, wanted)
    failures: list[str] = []
    more: Status = {}
    for family, text in texts.items():
        try:
            kernel.load(choice.backend, {family: text})
        except ToolFailed as failure:
            if some or (family == 6 and not host.ipv6):
                failures.append(f"IPv{family} may be open: {failure}")
                more["open_families"] = [family] if some else []
            else:
                raise
    if len(failures) == len(texts):
        raise ToolFailed("; ".join(failures))
    with contextlib.suppress(FirewallError, OSError), saved.locked() as lock:
        failures += _retire_other(choice, host, lock)  # a seal, say, would go on to drop what these rules let in
    try:
        save_rules(choice, texts, wanted, saved.Undo(), failures)
        _enable(choice, [])
    except (FirewallError, OSError) as failure:
        failures.append(f"the next boot may be open: {reason(failure)}")
        more.update(saved=[], services=[])
    notes = ["loaded without a rehearsal: this host does not allow one, or its tools or disk are broken", *failures]
    return {**_Story("first boot", notes).status, **_in_force(choice, texts, wanted), **more, "notes": notes}


def check_drift(host: Host) -> tuple[list[str], Status]:
    """kernel = saved file = policy? -> (what differs, the status as it was written); nothing is changed."""
    status: Status = saved.read_status()
    stored = saved.read_json(saved.POLICY)
    if not stored:
        raise Drift("no policy was ever applied on this host")
    wanted = parse(stored.get("section"), as_saved(stored, host))
    name = str(stored.get("backend"))
    choice = backend.choices(name, host)[0]
    texts = render.texts(name, wanted)
    skipped: list[int] = status.get("skipped_families", [])
    out = _new_uplinks(wanted, host)
    with saved.locked(), kernel.scratch() as empty:
        families = {f: t for f, t in texts.items() if f not in skipped}
        empty.submit(kernel.load, name, families).result()
        rehearsed = empty.submit(_shown, name, families).result()
        for family, path in choice.place.files.items():
            out += _in_file(name, family, path, texts[family], rehearsed)
        out += _not_included(choice)
        missing = [unit for unit in choice.units if not backend.enabled(unit)]
        out += [f"+{unit} enabled: nothing loads the rules at boot" for unit in missing]
        out += _in_kernel(verify.differences(name, kernel.dump(name, tuple(families)), rehearsed))
    return out, status


def _new_uplinks(wanted: Policy, host: Host) -> list[str]:
    return [
        f"+{name} an uplink: it holds a default route, and the rules take it for a bridge of containers"
        for name in ruleset.roles(wanted, host.uplinks)["bridges"]
    ]


def _in_file(name: str, family: int, path: str, text: str, rehearsed: Texts) -> list[str]:
    """What differs in a saved file, by what it loads: the distributions' own commands save equal rules in words of
    their own. A family that this kernel does not have is compared by its text."""
    on_disk = saved.read(path)
    if on_disk is None:
        return [f"+{path} (there is no such file)"]
    if on_disk == text:
        return []
    if family in rehearsed:
        try:
            with kernel.scratch() as empty:
                empty.submit(kernel.load, name, {family: on_disk}).result()
                loaded = empty.submit(kernel.dump, name, (family,)).result()
        except ToolFailed as failure:
            return [f"+{path} (does not load: {failure})"]
        differs = verify.differences(name, loaded, {family: rehearsed[family]})
    else:
        differs = verify.text_differences(text, on_disk)
    return [f"{line[0]}{path} {line[1:]}" for line in differs]


def _in_kernel(lines: Sequence[str]) -> list[str]:
    return [f"{line[0]}kernel {line[1:]}" for line in lines]


def _not_included(choice: Choice) -> list[str]:
    """Does the file that its service loads include ours, by its name or by a pattern?"""
    if not choice.place.include_in or choice.own_unit:
        return []
    shared, ours = saved.read(choice.place.include_in) or "", choice.place.files[0]
    named = re.findall(r'(?m)^\s*include\s+"([^"]+)"', shared)
    return (
        [] if any(fnmatch.fnmatch(ours, name) for name in named) else [f'+{choice.place.include_in} include "{ours}"']
    )


def warnings(wanted: Policy) -> list[str]:
    """What is accepted and was probably not meant, also of what only this host knows. Nothing that goes wrong here may
    keep a host from its rules."""
    try:
        here = overlooked.on_host(wanted, backend.interfaces(), wanted.uplinks)
        return [str(warning) for warning in (*overlooked.warnings(wanted), *here)]
    except Exception as failure:
        return [f"{KEY}: could not be looked at for warnings: {reason(failure)}"]


def preview(section: object, host: Host, guard: Callable[[Policy], None] = lambda wanted: None) -> list[str]:
    """What converge() would change in kernel and files, as lines of a diff; nothing is changed."""
    wanted = parse(section, host)
    guard(wanted)
    if not wanted.enabled:
        return []
    renders: dict[str, dict[int, str]] = {}
    with contextlib.ExitStack() as stack:
        play = _rehearse(backend.choices(wanted.backend, host), wanted, renders, host, stack)
        choice = play.choice
        out = _in_kernel(verify.differences(choice.backend, play.before.result(), play.shown.result()))
    notes: list[str] = []
    texts = _with_others(choice, renders[choice.backend], host.rivals, notes)
    for family, path in choice.place.files.items():
        on_disk = saved.read(path)
        if on_disk != texts[family]:
            out.append(f"{'~' if on_disk is not None else '+'}file {path}")
    files = {path: (text, 0o600) for path, text in zip(choice.place.files.values(), texts.values())}
    out += [f"+file {path}" for path in _copied(files, notes)]
    out += [f"+service {unit} enabled" for unit in choice.units if not backend.enabled(unit)]
    out += [f"-service {rival} disabled and masked" for rival in host.rivals]
    former = [unit for unit in _former_units(choice) if backend.enabled(unit)]
    out += [f"-service {unit} disabled" for unit in dict.fromkeys([*_disabled(choice, host), *sorted(former)])]
    return out


def parse(section: object, host: Host) -> Policy:
    """A section, on this host. Raises PolicyRefused."""
    return policy.parse(
        section,
        ssh_ports=host.ssh_ports,
        cloud_id=host.cloud_id,
        uplinks=host.uplinks,
        read_list=userdata.read_list,
    )


# --- the steps --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Rehearsal:
    """A backend whose tools loaded its texts in an empty network namespace."""

    choice: Choice
    texts: Texts  # without the families in `skipped`, which this kernel does not have
    skipped: tuple[int, ...]
    shown: Future[dict[int, str]]  # the dump to come: it is made while the kernel is already being loaded
    before: Future[dict[int, str]]  # what the kernel holds now
    notes: tuple[str, ...]


def rendered(section: object, host: Host, name: str = "") -> tuple[str, dict[int, str]]:
    """What would be loaded: (backend, text per family)."""
    wanted = parse(section, host)
    name = name or backend.choices(wanted.backend, host)[0].backend
    return name, render.texts(name, wanted)


def _rehearse(
    choices: Sequence[Choice],
    wanted: Policy,
    renders: dict[str, dict[int, str]],
    host: Host,
    stack: contextlib.ExitStack,
) -> _Rehearsal:
    """The first backend that works. `renders` holds the texts that were made, and those that were made here."""
    live = stack.enter_context(ThreadPoolExecutor(1, "keep"))
    reasons: list[FirewallError] = []
    notes: list[str] = []
    for choice, skipped in _attempts(choices, host):
        name = choice.backend
        try:
            kernel.tools(name)
            if name not in renders:
                renders[name] = render.texts(name, wanted)
            texts = {family: text for family, text in renders[name].items() if family not in skipped}
            empty = stack.enter_context(kernel.scratch())
            before = live.submit(kernel.dump, name, tuple(texts))
            empty.submit(kernel.load, name, texts).result()
            shown = empty.submit(_shown, name, texts)
            before.result()
            notes += [IPV6_OFF] if skipped else []
            return _Rehearsal(choice, texts, skipped, shown, before, tuple(notes))
        except FirewallError as failure:
            reasons.append(failure)
            notes.append(f"{name} was not used: {failure}")
    said = "; ".join(str(r) for r in reasons)
    if all(isinstance(r, NoBackend) for r in reasons):
        raise NoBackend(said)
    raise LoadRefused(f"{said}; nothing was changed")


def _attempts(choices: Sequence[Choice], host: Host) -> Iterator[tuple[Choice, tuple[int, ...]]]:
    for choice in choices:
        yield choice, ()
        if choice.backend == iptables.NAME and not host.ipv6:
            yield choice, (6,)


def _shown(name: str, texts: Texts) -> dict[int, str]:
    """The dump of what was rehearsed; raises ToolFailed when a tool took rules and did not load them."""
    dumps = kernel.dump(name, tuple(texts))
    if missing := verify.missing(texts, dumps):
        raise ToolFailed(f"{name}: {missing} of the rules are not there after they were loaded")
    return dumps


def _load(play: _Rehearsal, before: Texts, rivals: Sequence[str], lock: int) -> bool:
    """-> was there anything to load? Where it fails, nothing was changed, or one family of two."""
    name, place = play.choice.backend, play.choice.place
    # Rules that are saved already are probably loaded too: worth waiting for the rehearsal's dump to see.
    known = all((saved.read(place.files[family]) or "").startswith(text) for family, text in play.texts.items())
    todo, beside = dict(play.texts), []
    if name == nftables.NAME:
        if before[0] and known and not verify.differences(name, before, play.shown.result()):
            return False
    else:
        play.shown.result()  # a tool that cannot show what it loaded cannot tell what is there to be put back
        prefixes = _prefixes(rivals)
        for family, dump in before.items():
            careful = len(dump) + len(todo[family]) < SMALL or iptables.shared(dump)
            if "-A " in dump and (careful or known):
                change = iptables.transition(dump, play.shown.result()[family], prefixes)
                if careful or not change:
                    todo[family] = change
            if careful:
                beside.append(family)
    kernel.load(name, todo, beside, [lock])
    return any(todo.values())


def _prefixes(rivals: Sequence[str]) -> tuple[str, ...]:
    """What the names of a firewall manager's chains begin with."""
    return tuple({"ufw": "ufw", "firewalld": "FWD"}[rival] for rival in rivals)


def _taken_out(name: str, before: Texts, rivals: Sequence[str]) -> list[str]:
    """Which rules of others an apply took out of iptables; without addresses, since everybody may read the status."""
    if name == nftables.NAME:
        return []
    lines = [f"IPv{f} {line}" for f, dump in before.items() for line in iptables.taken_out(dump, _prefixes(rivals))]
    shown = [re.sub(r"( -[sd]|-range) \S+", r"\1 ...", line) for line in lines[:MAX_TAKEN_OUT]]
    more = [f"and {len(lines) - len(shown)} more"] if len(lines) > len(shown) else []
    return [f"rules of others that were taken out: {'; '.join(shown + more)}"] if lines else []


def _with_others(choice: Choice, texts: Texts, rivals: Sequence[str], notes: list[str]) -> Texts:
    """Texts -> what is saved: what others have in the files that these replace comes along, as the tool reads it, less
    what names a set, which is not there yet when the next boot loads the file."""
    name, out = choice.backend, dict(texts)
    if name == nftables.NAME:
        return texts
    for family, path in choice.place.files.items():
        lines = (saved.read(path) or "").split("\n")
        kept = "\n".join(line for line in lines if not iptables.names_set(line))
        if iptables.only_ours(kept):
            continue
        try:
            with kernel.scratch() as empty:
                empty.submit(kernel.load, name, {family: kept}).result()
                dump = empty.submit(kernel.dump, name, (family,)).result()[family]
                text = iptables.with_others(texts[family], dump, _prefixes(rivals))
                empty.submit(kernel.load, name, {family: text}).result()
            out[family] = text
            if len(kept) < len("\n".join(lines)):
                notes.append(f"{path}: rules that name a set were left out: at boot it is not there")
        except FirewallError as failure:
            notes.append(f"{path} could not be loaded, and nothing in it was kept: {failure}")
    return out


def _save(
    choice: Choice,
    texts: Texts,
    wanted: Policy,
    section: object,
    good: bool,
    host: Host,
    undo: saved.Undo,
    notes: list[str],
) -> list[str]:
    kept = {
        "section": section,
        "instance": saved.instance() if good else "",
        "ssh_ports": list(host.ssh_ports),
        "backend": choice.backend,
    }
    kept.update(cloud_id=host.cloud_id, uplinks=list(host.uplinks))
    ours = backend.enabled_by_us()
    gone = backend.strings(saved.read_json(saved.SERVICES), "disabled")
    services = {
        "enabled": sorted({*ours, *(unit for unit in choice.units if not backend.enabled(unit))}),
        "disabled": sorted({*gone, *(f"{rival}.service" for rival in host.rivals)}),
    }
    files = {saved.POLICY: (saved.as_json(kept), 0o600), saved.SERVICES: (saved.as_json(services), 0o600)}
    return save_rules(choice, texts, wanted, undo, notes, also=files)


def save_rules(
    choice: Choice,
    texts: Texts,
    wanted: Policy,
    undo: saved.Undo,
    notes: list[str],
    root: str = "/",
    also: Mapping[str, tuple[str, int | None]] = MappingProxyType({}),
    copies: bool = True,
) -> list[str]:
    """Write what the next boot of the system at `root` loads, and other files with it. -> the paths written; `notes`
    gets what their owner should know. `copies`: what stands in the place of a file of ours, and is not ours, is kept
    beside it."""
    place = choice.place
    tools = kernel.tools(choice.backend, root)
    units = {path: (text, 0o644) for path, text in backend.unit_files(choice, tools, root).items()}
    units = {path: file for path, file in units.items() if not saved.masked(root, path)}
    files: dict[str, tuple[str, int | None]] = {path: (texts[family], 0o600) for family, path in place.files.items()}
    if place.fallback and not choice.own_unit:
        safe = render.texts(backend.FALLBACK, wanted)
        files.update({path + place.fallback: (safe[family], 0o600) for family, path in place.files.items()})
    if place.include_in and not choice.own_unit:
        shared = saved.read(saved.below(root, place.include_in), "surrogateescape")
        files[place.include_in] = (saved.with_include(shared, place.files[0]), None)
    all_files = {**(_copied({**files, **units}, notes) if copies else {}), **files, **units, **also}
    written = saved.save_all({saved.below(root, path): file for path, file in all_files.items()}, undo)
    if root == "/":
        notes += kernel.relabel(written)
        if any(path in written for path in units):
            kernel.reload_units()
    return written


def _copied(files: Mapping[str, tuple[str, int | None]], notes: list[str]) -> dict[str, tuple[str, int | None]]:
    """What stands in the places of files of ours and is somebody else's -> copies of it, that nobody writes over."""
    found: dict[str, tuple[str, int | None]] = {}
    for path, (_, mode) in files.items():
        theirs = saved.read(path, "surrogateescape")
        if mode is None or theirs is None or not foreign_file(theirs):
            continue
        copy = path + COPY
        while saved.read(copy, "surrogateescape") not in (None, theirs):
            copy += "~"
        found[copy] = (theirs, 0o600)
        notes.append(f"{path} was not ours: what stood there is in {copy}")
    return found


def foreign_file(text: str) -> bool:
    """Is a file in the place of one of ours somebody else's, and is there anything in it?"""
    return iptables.MARK not in text and not iptables.only_ours(text)


COPY = ".before-vps-firewall"


def _enable(choice: Choice, fresh: list[str]) -> None:
    for unit in choice.units:
        if not backend.enabled(unit):
            fresh.append(unit)
            kernel.enable(unit)
    if fresh:
        saved.sync()  # the links are systemctl's, which does not


def _put_back(
    story: _Story, choice: Choice, before: Texts, undo: saved.Undo, fresh: Sequence[str], lock: int
) -> list[str]:
    """Undo what was done, as far as it goes. -> what could not be put back."""
    lost = []
    with story.step("put back"):
        for unit in fresh:
            with contextlib.suppress(FirewallError):
                kernel.disable(unit)
        try:
            undo.undo()
            story.notes += kernel.relabel([path for path, old in undo.before.items() if old])
        except (FirewallError, OSError) as failure:
            lost.append(f"the files: {reason(failure)}")
        # Last: what was there before may be nothing, and a systemctl that hangs takes half a minute.
        try:
            if not _holds(choice.backend, before):
                kernel.put_back(choice.backend, before, [lock])
        except FirewallError as failure:
            lost += [] if _holds(choice.backend, before) else [f"the rules: {failure}"]
    return lost


def _holds(name: str, rules: Texts) -> bool:
    """Does the kernel hold these rules? A tool that cannot say is as good as a no."""
    try:
        return verify.same(name, kernel.dump(name, tuple(rules)), rules)
    except ToolFailed:
        return False


def _retire_rivals(play: _Rehearsal, host: Host, lock: int) -> list[str]:
    """Switch off firewall managers that would load rules of their own over ours."""
    notes = []
    for rival in host.rivals:
        failures = []
        for step in _STEPS[rival]:  # each of them, whatever becomes of the others
            try:
                step(play.choice.backend)
            except (FirewallError, OSError) as failure:
                failures.append(reason(failure))
        if failures:
            notes.append(f"{rival} {STILL_ON}: {'; '.join(dict.fromkeys(failures))}")
        else:
            notes.append(f"{rival} was switched off and masked: its rules would fight these")
    if host.rivals:  # some flush everybody's rules on their way out, also when they then fail
        try:
            _load(play, kernel.dump(play.choice.backend, tuple(play.texts)), host.rivals, lock)
        except FirewallError as failure:
            notes.append(f"what {' and '.join(host.rivals)} did on the way out could not be mended: {failure}")
    return notes


def _switch_ufw_off(name: str) -> None:
    """In its own file, else its stop opens every policy; and its rules, where they are in other tables than ours."""
    conf = "/etc/ufw/ufw.conf"
    text = saved.read(conf, "surrogateescape") or ""
    saved.save({conf: re.sub(r"(?m)^ENABLED=.*", "ENABLED=no", text)}, saved.Undo(), mode=None)
    if name == nftables.NAME:
        kernel.stop_ufw()


_STEPS: Mapping[str, tuple[Callable[[str], None], ...]] = {
    "ufw": (_switch_ufw_off, lambda name: kernel.retire("ufw.service"), lambda name: kernel.stop("ufw.service")),
    "firewalld": (lambda name: kernel.retire("firewalld.service"), lambda name: kernel.stop("firewalld.service")),
}


def _retire_other(choice: Choice, host: Host, lock: int, former: str = "") -> list[str]:
    """Two services that both load rules at boot undo each other: keep one, and take our old rules out of the other.
    `former`: the backend of the run before, which may have been killed before it saved anything."""
    other, notes = _other(choice, host), []
    try:
        if backend.BOTH and (mine(other) or former == other.backend):
            remove_rules(other, lock)
            notes.append(f"the rules that {other.backend} held for an earlier policy were taken out")
        for unit in _disabled(choice, host):
            kernel.disable(unit)
            notes.append(f"{unit} no longer starts at boot: {choice.backend} is what filters here")
        for path in other.place.files.values():
            saved.discard(path)
    except (FirewallError, OSError) as failure:
        notes.append(f"{other.backend} could not be retired: {reason(failure)}")
    return notes


def _disabled(choice: Choice, host: Host) -> list[str]:
    """The services that load another backend's rules at boot."""
    return [unit for unit in _other(choice, host).units if unit not in choice.units and backend.enabled(unit)]


def _former_units(choice: Choice) -> Set[str]:
    return ({backend.OWN_UNIT} | backend.enabled_by_us()) - {*choice.units}


def _retire_units(choice: Choice) -> list[str]:
    """Our own unit, or a service that we enabled, where another one loads the rules now. -> what was done"""
    former = _former_units(choice)
    try:
        gone = switch_off(former)
    except (FirewallError, OSError) as failure:
        return [f"{' and '.join(sorted(former))} could not be disabled: {reason(failure)}"]
    return [f"{unit} no longer starts at boot: {' and '.join(choice.units)} loads the rules" for unit in gone]


def switch_off(units: Set[str]) -> list[str]:
    """Have services load no rules of ours at boot. No rule in the kernel changes. -> those that were enabled"""
    gone = [unit for unit in sorted(units) if backend.enabled(unit)]
    for unit in gone:
        # Where our drop-in is, its stop flushes nothing; and a service that is stopped no update of its package
        # restarts, which would.
        if unit in backend.FLUSHING and os.path.exists(backend.drop_in(unit)):
            kernel.stop(unit)
        kernel.disable(unit)
    remove_unit_files(units)
    return gone


def remove_unit_files(units: Set[str]) -> list[str]:
    """Our unit, our drop-ins for these services, and our line in the files that they load. -> the paths changed"""
    undo = saved.Undo()
    for place in {place.include_in: place for place in backend.PLACES.values() if units & {*place.units}}.values():
        if place.include_in and (text := saved.read(place.include_in, "surrogateescape")):
            saved.save({place.include_in: saved.without_include(text, place.files[0])}, undo, mode=None)
    included = len(undo.before)
    for unit in sorted(units):
        saved.remove(f"{backend.UNITS}/{unit}" if unit == backend.OWN_UNIT else backend.drop_in(unit), undo)
    if len(undo.before) > included:
        kernel.reload_units()
    return [*undo.before]


def _other(choice: Choice, host: Host) -> Choice:
    return next(c for name in backend.BACKENDS if name != choice.backend for c in backend.choices(name, host))


def hold_ours(choice: Choice) -> bool:
    """Do the files of this backend hold our rules, in whatever words? Who replaced them by others wants no others."""
    return len(mine(choice)) == len(choice.place.files)


_OURS = r"# Made by vps-firewall|(?m:^:VPSFW-|^table inet vps_firewall\b)"


def mine(choice: Choice) -> list[str]:
    """The files of this backend that hold rules of ours."""
    return [path for path in choice.place.files.values() if re.search(_OURS, saved.read(path) or "")]


def remove_rules(choice: Choice, lock: int) -> None:
    """Our rules -> out of the kernel, and out of the files of this backend. Raises FirewallError or OSError."""
    ours, shared = mine(choice), choice.place.include_in
    kernel.forget(choice.backend, [lock])  # before the files, which bring us here again after a kill
    if shared and (text := saved.read(shared, "surrogateescape")):
        saved.save({shared: saved.without_include(text, choice.place.files[0])}, saved.Undo(), mode=None)
    theirs = {path: iptables.others_alone(saved.read(path) or "") for path in ours if choice.backend == iptables.NAME}
    saved.save({path: text for path, text in theirs.items() if text}, saved.Undo())
    for path in {*ours, *(path + choice.place.fallback for path in ours)}:
        if not theirs.get(path):
            saved.remove(path, saved.Undo())


def _unseal(host: Host) -> list[str]:
    """Nothing of ours is saved here but the seal of an image whose owner wants no firewall. -> what was done"""
    notes = []
    with saved.locked() as lock:
        for choice in backend.choices(backend.AUTO, host):
            if mine(choice):
                remove_rules(choice, lock)
                for unit in choice.units if choice.own_unit else ():
                    kernel.disable(unit)
                notes.append("the seal of this image was taken out")
    return notes


# --- telling ----------------------------------------------------------------------------------------------


class _Story:
    """The status as it grows: steps and their seconds, and how it ended."""

    def __init__(
        self, by: str, notes: Sequence[str] = (), checkpoint: Callable[[str], None] = lambda moment: None
    ) -> None:
        self.checkpoint = checkpoint
        self.steps: dict[str, float] = {}
        self.notes = list(notes)
        self.failed_in = ""
        self.former = saved.read_status()
        self.status: Status = {
            "result": "unfinished",
            "by": by,
            "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "problems": [],
        }

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        self.checkpoint(f"before {name}")
        began = time.monotonic()
        try:
            yield
        except BaseException:
            self.failed_in = self.failed_in or name
            raise
        finally:
            self.steps[name] = round(time.monotonic() - began, 4)
        self.checkpoint(f"after {name}")

    def begin(self, play: _Rehearsal, texts: Texts, wanted: Policy) -> None:
        """Say that work is under way before the first change: a run that is killed leaves this behind."""
        self.notes += play.notes
        self.status.update(_in_force(play.choice, texts, wanted), skipped_families=list(play.skipped))
        _tell({**self.status, "steps": self.steps, "notes": self.notes})

    def verdict(self, failure: BaseException, lost: Sequence[str]) -> BaseException:
        """What to raise when the host was changed, and put back but for what is `lost`."""
        if lost:
            return FirewallError(f"{reason(failure)}; and this could not be put back: {'; '.join(lost)}")
        if isinstance(failure, LoadRefused) and self.failed_in == "load":
            return LoadRefused(f"{failure}; nothing was changed")
        if isinstance(failure, (FirewallError, OSError, KeyboardInterrupt)):
            return RolledBack(f"{reason(failure)}; what was there before is back")
        return failure

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Whatever happens inside, the status says so in the end; after a failure, with what was in force before."""
        try:
            yield
        except BaseException as failure:
            told = {"by": self.status["by"], "when": self.status["when"], "problems": every_reason(failure)}
            self.status = {**self.kept(), **told, "result": "failed", "failed_in": self.failed_in}
            raise
        finally:
            self.status.update(steps=self.steps, notes=[*dict.fromkeys(self.notes)])
            self.checkpoint("before status")
            _tell(self.status)
            self.checkpoint("after status")

    def kept(self) -> Status:
        """What the run before this one said about the rules in force, for a run that leaves them so."""
        known = f"what {self.former.get('by')} left at {self.former.get('when')}" if self.former else "nothing of ours"
        return {"in_force": known, **{key: self.former[key] for key in _IN_FORCE if key in self.former}}


_IN_FORCE = ("in_force", "backend", "digest", "open", "saved", "services", "skipped_families", "warnings", "interfaces")


def _in_force(choice: Choice, texts: Texts, wanted: Policy) -> Status:
    return {
        "backend": choice.backend,
        "digest": hashlib.sha256("".join(texts.values()).encode()).hexdigest(),
        "open": policy.open_to(wanted),
        "saved": list(choice.place.files.values()),
        "services": list(choice.units),
        "skipped_families": [],
    }


def _tell(status: Status) -> None:
    """Write the status, for root and for everybody; a disk that is full must not undo a firewall that stands."""
    hidden = {key: public(status[key]) for key in ("problems", "notes")}
    text = re.sub('"from": "(?!any).*"', '"from": "hidden"', saved.as_json({**status, **hidden}))
    with contextlib.suppress(OSError):
        saved.save_all({saved.STATUS: (saved.as_json(status), 0o600), saved.PUBLIC: (text, 0o644)}, saved.Undo())


def public(lines: Iterable[str]) -> list[str]:
    """What every user may read: what it is about, and nothing that was written there. What looks like an address ends
    it too: not every message begins with a path."""
    return [re.split(r": |\[(?!\d+\])|\w{1,4}(\.\d|:\S)", line)[0] for line in lines]


def every_reason(failure: BaseException) -> list[str]:
    """For people, a line each."""
    return [str(p) for p in failure.problems] if isinstance(failure, PolicyRefused) else [reason(failure)]


def as_saved(stored: Mapping[str, Any], host: Host) -> Host:
    """The host, with what a policy depended on when it was applied and saved."""
    ports = stored.get("ssh_ports")
    return replace(
        host,
        ssh_ports=tuple(p for p in ports if isinstance(p, int)) if isinstance(ports, list) else host.ssh_ports,
        cloud_id=str(stored.get("cloud_id", host.cloud_id)),
        uplinks=tuple(backend.strings(stored, "uplinks")),
    )


def reason(failure: BaseException) -> str:
    """For people, in one line."""
    if isinstance(failure, OSError) and failure.strerror:
        return f"{failure.filename}: {failure.strerror}" if failure.filename else failure.strerror
    if isinstance(failure, KeyboardInterrupt):
        return "interrupted"
    return str(failure) if isinstance(failure, FirewallError) else f"{type(failure).__name__}: {failure}"

"""vps_firewall section -> a host that enforces it: the whole story in one function."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from . import backend, iptables, kernel, nftables, policy, ruleset, saved, userdata, verify
from .backend import Choice, Host
from .errors import Drift, FirewallError, LoadRefused, NoBackend, PolicyRefused, Problem, RolledBack
from .kernel import ToolFailed
from .policy import KEY, Entry, Policy

Status = dict[str, Any]  # what status.json holds; docs/reference/status.md says what is in it
Texts = Mapping[int, str]
MAX_TOLD = 200  # problems and differences in status.json; `check` and `verify` print them all


def converge(
    section: object,
    host: Host,
    *,
    by: str = "command",
    replace: bool = False,
    guard: Callable[[Policy], None] = lambda wanted: None,
    confirm: Callable[[], bool] | None = None,
    checkpoint: Callable[[str], None] = lambda moment: None,
) -> Status:
    """Make this host enforce the policy in `section`, or leave it as it was.

    `by` goes into the status. `replace`: switch off firewall managers that would fight ours. `guard` may
    refuse a policy by raising. `confirm` is asked when the rules are in force and nothing is saved yet.
    `checkpoint` hears of the start and the end of every step.
    Returns the status that was written. Raises a FirewallError, with the host in the state it was in.
    """
    story = _Story(by, checkpoint)
    with story.told(), saved.locked(), contextlib.ExitStack() as stack:
        with story.step("parse"):
            wanted = policy.parse(section, ssh_ports=host.ssh_ports, read_list=userdata.read_list)
            guard(wanted)
        if not wanted.enabled:
            story.status.update(result="disabled", notes=["enabled: false: nothing was touched"])
            return story.status
        if host.rivals and not replace:
            raise FirewallError(f"{' and '.join(host.rivals)} is switched on here and would fight these rules")

        with story.step("render"):
            rules = ruleset.build(wanted)
            choices = backend.choices(wanted.backend, host)
            renders = {choices[0].backend: _render(choices[0].backend, rules)}
        with story.step("rehearse"):
            choice, rehearsal, skipped = _rehearse(choices, rules, renders, host, stack)
        texts = renders[choice.backend]
        live_texts = {f: t for f, t in texts.items() if f not in skipped}
        with story.step("keep"):
            before = kernel.dump(choice.backend, tuple(live_texts))
        story.begin(choice, texts, wanted, skipped)

        undo = saved.Undo()
        fresh: list[str] = []
        try:
            with story.step("load"):
                changed = _load(choice.backend, live_texts, before, rehearsal, host.rivals)
            with story.step("read back"):
                live = kernel.dump(choice.backend, tuple(live_texts))
                if differs := verify.differences(choice.backend, live, rehearsal.result()):
                    raise Drift("the kernel holds something else than what was loaded: " + "; ".join(differs[:5]))
            if confirm is not None:
                with story.step("confirm"):
                    if not confirm():
                        raise FirewallError("not confirmed in time")
            with story.step("save"):
                written = _save(choice, texts, section, host, undo)
                kernel.relabel(written)
            with story.step("enable"):
                _enable(choice, fresh)
        except BaseException as failure:
            _put_back(story, choice, before, undo, fresh)
            if isinstance(failure, _Refused):
                raise LoadRefused(f"{failure}; nothing was changed") from None
            if isinstance(failure, (FirewallError, OSError)):
                raise RolledBack(f"{_reason(failure)}; what was there before is back") from None
            raise
        with story.step("retire"):
            story.notes += _retire_rivals(host) + _retire_other(choice, host)
        story.status["result"] = "applied" if changed or written or fresh else "unchanged"
        return story.status


def first_boot(
    section: object,
    host: Host,
    *,
    duplicates: Sequence[Problem] = (),
    checkpoint: Callable[[str], None] = lambda moment: None,
) -> Status:
    """converge() with nobody at the keyboard: closed first, and never left open.

    `duplicates`: keys that stand twice in the user-data, which `section`, merged by cloud-init, no longer shows.

    Where no good policy was saved before, the built-in one (SSH and the network's essentials) is put in force
    before the user's is even read, so that a kill or a refusal at any later moment leaves a closed host.
    Raises what converge() raised, with the last good policy or the built-in one in force.
    """
    if not saved.read_json(saved.POLICY):
        _whatever_works(policy.BUILT_IN, host, checkpoint)
    try:
        if duplicates:
            raise PolicyRefused([*duplicates, *_refusals(section, host)])
        return converge(section, host, by="cloud-init", replace=True, checkpoint=checkpoint)
    except FirewallError as failure:
        told = saved.read_json(saved.STATUS)
        in_force = _fall_back(host, checkpoint)
        _tell({**told, **in_force, "result": "failed", "problems": _problems(failure), "by": "cloud-init"})
        raise


def _refusals(section: object, host: Host) -> tuple[Problem, ...]:
    try:
        policy.parse(section, ssh_ports=host.ssh_ports, read_list=userdata.read_list)
    except PolicyRefused as refused:
        return refused.problems
    return ()


def _whatever_works(section: Mapping[str, object], host: Host, checkpoint: Callable[[str], None]) -> Status:
    """The built-in policy through either backend, on a host where the first choice may be broken."""
    try:
        return converge(section, host, by="first boot", replace=True, checkpoint=checkpoint)
    except FirewallError:
        other = {**section, "backend": backend.choices("auto", host)[-1].backend}
        with contextlib.suppress(FirewallError):
            return converge(other, host, by="first boot", replace=True, checkpoint=checkpoint)
    return {}


def _fall_back(host: Host, checkpoint: Callable[[str], None]) -> Status:
    """After a failure: the last good policy, which a re-provisioned host may have saved but not loaded, or the
    built-in one. -> the parts of its status that say what is in force."""
    stored = saved.read_json(saved.POLICY)
    status: Status = {}
    if stored:
        with contextlib.suppress(FirewallError, OSError):
            status = converge(stored.get("section"), host, by="last good policy", replace=True, checkpoint=checkpoint)
    if not status:
        status = _whatever_works(policy.BUILT_IN, host, checkpoint)
    built_in = stored.get("section", policy.BUILT_IN) == policy.BUILT_IN
    kept = "the built-in policy" if built_in else "the last good policy"
    if not status:
        return {"in_force": "nothing: this host may be open", "open": {}}
    return {**status, "in_force": kept}


def check_drift(host: Host) -> tuple[list[str], Status]:
    """kernel = saved file = policy? -> (what differs, the status as it was written); nothing is changed."""
    status: Status = saved.read_json(saved.STATUS)
    stored = saved.read_json(saved.POLICY)
    if not stored:
        raise Drift("no policy was ever applied on this host")
    wanted = policy.parse(stored.get("section"), ssh_ports=_ports(stored, host), read_list=userdata.read_list)
    name = str(stored.get("backend"))
    choice = backend.choices(name, host)[0]
    texts = _render(name, ruleset.build(wanted))
    skipped: list[int] = status.get("skipped_families", [])
    out = []
    for family, path in choice.place.files.items():
        on_disk = saved.read(path)
        if on_disk is None:
            out.append(f"-{path} (there is no such file)")
        elif on_disk != texts[family]:
            out += [f"{line[0]}{path} {line[1:]}" for line in verify.text_differences(texts[family], on_disk)]
    missing = [unit for unit in choice.units if not backend.enabled(unit)]
    out += [f"-{unit} is not enabled: nothing loads the rules at boot" for unit in missing]
    with kernel.scratch() as empty:
        families = {f: t for f, t in texts.items() if f not in skipped}
        empty.submit(kernel.load, name, families).result()
        rehearsed = empty.submit(kernel.dump, name, tuple(families)).result()
        out += verify.differences(name, kernel.dump(name, tuple(families)), rehearsed)
    return out, status


def preview(section: object, host: Host) -> list[str]:
    """What converge() would change in kernel and files, as lines of a diff; nothing is changed."""
    wanted = policy.parse(section, ssh_ports=host.ssh_ports, read_list=userdata.read_list)
    if not wanted.enabled:
        return []
    renders: dict[str, dict[int, str]] = {}
    with contextlib.ExitStack() as stack:
        choices = backend.choices(wanted.backend, host)
        choice, rehearsal, skipped = _rehearse(choices, ruleset.build(wanted), renders, host, stack)
        families = tuple(f for f in renders[choice.backend] if f not in skipped)
        live = kernel.dump(choice.backend, families)
        # Seen from the live side: what is wanted and missing is added, what is there and unwanted goes.
        turned = verify.differences(choice.backend, live, rehearsal.result())
        out = [{"+": "-", "-": "+"}[line[0]] + f"kernel {line[1:]}" for line in turned]
    for family, path in choice.place.files.items():
        on_disk = saved.read(path)
        if on_disk != renders[choice.backend][family]:
            out.append(f"{'~' if on_disk is not None else '+'}file {path}")
    out += [f"+service {unit} enabled" for unit in choice.units if not backend.enabled(unit)]
    out += [f"-service {rival} disabled and masked" for rival in host.rivals]
    return out


# --- the steps --------------------------------------------------------------------------------------------


class _Refused(ToolFailed):
    """The load itself was refused."""


def _render(name: str, rules: ruleset.Ruleset) -> dict[int, str]:
    if name == nftables.NAME:
        return {0: nftables.render(rules)}
    return {family: iptables.render(rules, family) for family in (4, 6)}


def texts(name: str, wanted: Policy) -> dict[int, str]:
    """Policy -> the text per family for one backend."""
    return _render(name, ruleset.build(wanted))


def render(section: object, host: Host, name: str = "") -> tuple[str, dict[int, str]]:
    """What would be loaded: (backend, text per family)."""
    wanted = policy.parse(section, ssh_ports=host.ssh_ports, read_list=userdata.read_list)
    name = name or backend.choices(wanted.backend, host)[0].backend
    return name, _render(name, ruleset.build(wanted))


def _rehearse(
    choices: Sequence[Choice],
    rules: ruleset.Ruleset,
    renders: dict[str, dict[int, str]],
    host: Host,
    stack: contextlib.ExitStack,
) -> tuple[Choice, Future[dict[int, str]], list[int]]:
    """The first backend whose tools load its text in an empty network namespace, with the dump to come (it is
    read while the kernel is already being loaded), and families that this kernel does not have.

    `renders` holds the texts that were made, and those that were made here.
    """
    reasons: list[FirewallError] = []
    for choice in choices:
        try:
            kernel.tools(choice.backend)
            if choice.backend not in renders:
                renders[choice.backend] = _render(choice.backend, rules)
            texts = dict(renders[choice.backend])
            empty = stack.enter_context(kernel.scratch())
            skipped = []
            if choice.backend == iptables.NAME and not host.ipv6:
                try:
                    empty.submit(kernel.load, choice.backend, {6: texts[6]}).result()
                except ToolFailed:
                    skipped.append(6)
                    del texts[6]
            empty.submit(kernel.load, choice.backend, texts).result()
            return choice, empty.submit(kernel.dump, choice.backend, tuple(texts)), skipped
        except FirewallError as failure:
            reasons.append(failure)
    said = "; ".join(str(r) for r in reasons)
    if all(isinstance(r, NoBackend) for r in reasons):
        raise NoBackend(said)
    raise LoadRefused(f"{said}; nothing was changed")


def _load(name: str, texts: Texts, before: Texts, rehearsal: Future[dict[int, str]], rivals: Sequence[str]) -> bool:
    """-> was there anything to load? A live load that fails has changed nothing, or one family of two."""
    beside: list[int] = []
    todo = dict(texts)
    if name == nftables.NAME:
        if before[0] and not verify.differences(name, before, rehearsal.result()):
            return False
    else:
        prefixes = tuple({"ufw": "ufw", "firewalld": "FWD"}[r] for r in rivals)
        for family, dump in before.items():
            if "-A " not in dump:
                continue
            change = iptables.transition(dump, rehearsal.result()[family], prefixes)
            if not change or iptables.shared(dump):
                todo[family] = change
                beside.append(family)
    try:
        kernel.load(name, todo, beside)
    except ToolFailed as failure:
        raise _Refused(str(failure)) from None
    return any(todo.values())


def _save(choice: Choice, texts: Texts, section: object, host: Host, undo: saved.Undo) -> list[str]:
    written = save_rules(choice, texts, host, undo)
    kept = {"section": section, "ssh_ports": list(host.ssh_ports), "backend": choice.backend}
    saved.save({saved.POLICY: json.dumps(kept, indent=1, sort_keys=True) + "\n"}, undo)
    return written


def save_rules(choice: Choice, texts: Texts, host: Host, undo: saved.Undo, root: str = "/") -> list[str]:
    """Write what the next boot of the system at `root` loads. -> the paths written."""
    place = choice.place
    files = {path: texts[family] for family, path in place.files.items()}
    if place.fallback and not choice.own_unit:
        # What the service loads when it cannot load the file: closed, and SSH lets its owner in.
        closed = policy.parse(policy.BUILT_IN, ssh_ports=host.ssh_ports, read_list=userdata.read_list)
        safe = _render(choice.backend, ruleset.build(closed))
        files.update({path + place.fallback: safe[family] for family, path in place.files.items()})
    written = saved.save({saved.below(root, path): text for path, text in files.items()}, undo)
    if place.include_in and not choice.own_unit:
        shared = saved.below(root, place.include_in)
        written += saved.save({shared: saved.with_include(saved.read(shared), place.files[0])}, undo, mode=None)
    if choice.own_unit:
        unit = saved.below(root, f"/etc/systemd/system/{backend.OWN_UNIT}")
        text = backend.own_unit(choice, kernel.tools(choice.backend, root))
        if new := saved.save({unit: text}, undo):
            written += new
            if root == "/":
                kernel.reload_units()
    return written


def _enable(choice: Choice, fresh: list[str]) -> None:
    for unit in choice.units:
        if not backend.enabled(unit):
            fresh.append(unit)
            kernel.enable(unit)


def _put_back(story: _Story, choice: Choice, before: Texts, undo: saved.Undo, fresh: Sequence[str]) -> None:
    """Undo what was done, as far as it goes: what cannot be put back is said, and hides nothing else."""
    with story.step("put back"):
        for unit in fresh:
            with contextlib.suppress(FirewallError):
                kernel.disable(unit)
        try:
            undo.undo()
        except OSError as error:
            story.notes.append(f"a file could not be put back: {error}")
        try:
            kernel.put_back(choice.backend, before)
        except FirewallError as failure:
            story.notes.append(f"the rules could not be put back: {failure}")


def _retire_rivals(host: Host) -> list[str]:
    """Switch off firewall managers that would load rules of their own over ours."""
    notes = []
    for rival in host.rivals:
        try:
            if rival == "ufw":
                conf = "/etc/ufw/ufw.conf"
                text = (saved.read(conf) or "").replace("ENABLED=yes", "ENABLED=no")
                saved.save({conf: text}, saved.Undo(), mode=None)
            kernel.retire(f"{rival}.service")
            notes.append(f"{rival} was switched off and masked: its rules would fight these")
        except (FirewallError, OSError) as failure:
            notes.append(f"{rival} could not be switched off: {_reason(failure)}")
    return notes


def _retire_other(choice: Choice, host: Host) -> list[str]:
    """Two services that both load rules at boot undo each other: keep one, and take our old rules out of the other."""
    other = next(c for name in backend.BACKENDS if name != choice.backend for c in backend.choices(name, host))
    notes = []
    try:
        for unit in other.units:
            if unit not in choice.units and backend.enabled(unit):
                kernel.disable(unit)
                notes.append(f"{unit} no longer starts at boot: {choice.backend} is what filters here")
        mine = [path for path in other.place.files.values() if "vps-firewall" in (saved.read(path) or "")[:200]]
        if mine:
            undo = saved.Undo()
            for path in mine:
                saved.remove(path, undo)
                saved.remove(path + other.place.fallback, undo)
            if other.place.include_in and (text := saved.read(other.place.include_in)):
                saved.save({other.place.include_in: saved.without_include(text, other.place.files[0])}, undo, mode=None)
            kernel.forget(other.backend)
            notes.append(f"the rules that {other.backend} held for an earlier policy were taken out")
    except (FirewallError, OSError) as failure:
        notes.append(f"{other.backend} could not be retired: {_reason(failure)}")
    return notes


# --- telling ----------------------------------------------------------------------------------------------


class _Story:
    """The status as it grows: steps and their seconds, and how it ended."""

    def __init__(self, by: str, checkpoint: Callable[[str], None]) -> None:
        self.checkpoint = checkpoint
        self.steps: dict[str, float] = {}
        self.notes: list[str] = []
        self.last = ""
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
        self.last = name
        yield
        self.steps[name] = round(time.monotonic() - began, 4)
        self.checkpoint(f"after {name}")

    def begin(self, choice: Choice, texts: Texts, wanted: Policy, skipped: Sequence[int]) -> None:
        """Say that work is under way before the first change: a run that is killed leaves this behind."""
        self.status.update(
            backend=choice.backend,
            digest=hashlib.sha256("".join(texts.values()).encode()).hexdigest(),
            open=_open(wanted),
            saved=list(choice.place.files.values()),
            services=list(choice.units),
            skipped_families=list(skipped),
        )
        if skipped:
            self.notes.append("IPv6 is off in this kernel: its rules are saved, and not loaded")
        _tell({**self.status, "steps": self.steps, "notes": self.notes})

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Whatever happens inside, the status says so in the end."""
        try:
            yield
        except FirewallError as failure:
            self.status.update(result="failed", problems=_problems(failure), failed_in=self.last)
            raise
        finally:
            self.status.update(steps=self.steps, notes=self.notes)
            if self.status["result"] != "unfinished":
                self.checkpoint("before status")
                _tell(self.status)
                self.checkpoint("after status")


def _tell(status: Status) -> None:
    """Write the status; a disk that is full must not undo a firewall that stands."""
    with contextlib.suppress(OSError):
        saved.write_json(saved.STATUS, status, 0o644)


def _problems(failure: FirewallError) -> list[str]:
    if isinstance(failure, PolicyRefused):
        told = [str(p) for p in failure.problems]
        more = len(told) - MAX_TOLD
        return told[:MAX_TOLD] + ([f"{KEY}: and {more} more"] if more > 0 else [])
    return [str(failure)]


def _open(wanted: Policy) -> dict[str, list[dict[str, str]]]:
    """What is open to whom, per family, for people and programs."""
    return {f"ipv{family}": [line for entry in wanted.entries if (line := _line(entry, family))] for family in (4, 6)}


def _line(entry: Entry, family: int) -> dict[str, str]:
    nets = entry.peers.of(family)
    if not nets:
        return {}
    shown = [policy.network_text(family, net) for net in nets[:3]]
    more = f" and {len(nets) - 3} more" if len(nets) > 3 else ""
    line = {
        "ports": ", ".join(map(str, entry.openings)),
        "from": "anywhere" if nets == policy.EVERYTHING else ", ".join(shown) + more,
        "policy": entry.path,
    }
    if entry.name:
        line["name"] = entry.name
    if entry.limit:
        line["limit"] = str(entry.limit)
    if entry.interface:
        line["interface"] = entry.interface
    return line


def _ports(stored: Mapping[str, object], host: Host) -> tuple[int, ...]:
    ports = stored.get("ssh_ports")
    return tuple(p for p in ports if isinstance(p, int)) if isinstance(ports, list) else host.ssh_ports


def _reason(failure: BaseException) -> str:
    if isinstance(failure, OSError) and failure.strerror:
        return f"{failure.filename}: {failure.strerror}" if failure.filename else failure.strerror
    return str(failure)

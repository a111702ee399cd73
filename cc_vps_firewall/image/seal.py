"""an image -> the same, closed from its first packet until user-data has spoken; and open again.

Rules that let nothing in are saved where the image's boot loads them before the network. What stood there before is in
the record of `register.py`, under "seal", before anything is changed: a seal that was killed half-way has to come out
too.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import yaml

from .. import policy
from ..apply import save
from ..apply.previous import remove_rules
from ..backends.registry import BACKENDS
from ..errors import CannotRegister, FirewallError, NoBackend
from ..host import facts, files, modules, process, state, systemd
from ..host.distributions import KNOWN, OTHER, OWN_UNIT, UNITS, Persistence
from ..host.managers import IN_IMAGE
from ..host.records import enabled_by_us
from ..plan import decide
from ..plan.choice import AUTO, choose
from ..plan.targets import Target
from ..policy import userdata
from ..root import HERE, Root, check_root, masked_file
from ..rules import fallback, iptables, iptables_dumps
from ..rules.backend import Backend
from . import record as records
from .installed import DROP_INS
from .record import Former, Record, Seal

DEFAULT = f"{DROP_INS}/98_vps_firewall_default.cfg"
PRESET = "etc/systemd/system-preset/00-vps-firewall-seal.preset"  # the first that names a unit is the one that counts
FORMER_PRESET = "etc/systemd/system-preset/80-vps-firewall-seal.preset"  # up to November 2026

_PRESET_HEADER = "# By `vps-firewall install --sealed`: a first boot applies presets, and those EL say `disable *`.\n"
_DEFAULT_HEADER = "# The image's policy, by `vps-firewall install`; vendor-data and user-data come before it.\n"
_STAGES = ("cloud-init-network.service", "cloud-init.service")  # in which the module runs: from 24.3 on, and before


def close(root: Root, default: object, prefer: str = "", over_policy: bool = False) -> list[str]:
    """Close the system at `root` from its first packet on: rules that let nothing in are saved where its boot
    loads them before the network, until user-data has spoken. `default`: the policy of a machine whose
    user-data has none; `prefer`: another backend than it would take; `over_policy`: also where a policy is in force.
    -> what was done. Raises PolicyRefused, NoBackend, CannotRegister or OSError, with everything put back."""
    if not over_policy and _has_spoken(root):
        return []
    choice, nothing, notes = _sealable(root, default, prefer)
    fresh = [unit for unit in choice.units if not systemd.enabled(unit, root)]
    # Two services that load rules undo each other: one of them flushes the seal.
    others = sorted(
        unit for unit in UNITS.difference(choice.units) if systemd.enabled(unit, root) and _installed(unit, root)
    )
    folders = files.missing_folders(root, _sealing(choice, root))
    undo = files.Undo()
    try:
        ours = enabled_by_us(root)  # for the record of a policy goes with the policy
        _remember(root, undo, choice, {*fresh, *ours}, {*others} - ours, folders)
        text = _DEFAULT_HEADER + yaml.safe_dump({policy.KEY: default}, default_flow_style=False, sort_keys=False)
        contents = {DEFAULT: text, PRESET: _presets(choice)}
        there = {root / path: text for path, text in contents.items() if not masked_file(root, path)}
        written = files.save(there, undo, 0o644)
        texts = _with_tables(decide.texts(choice.backend.name, nothing), choice, root)
        written += save.save_rules(choice, texts, fallback.texts(nothing), undo, notes, root, copies=False)
        for unit in others:
            systemd.disable(unit, root)
        for unit in fresh:
            systemd.enable(unit, root)
    except BaseException:
        with contextlib.suppress(FirewallError):
            _switch(root, on=others, off=fresh)
        undo.undo()
        files.remove_folders(root, folders)
        raise
    return [
        *(f"wrote {os.path.relpath(path, root)}" for path in written),
        *(f"disabled {unit}" for unit in others),
        *(f"enabled {unit}" for unit in fresh),
        *notes,
    ]


def _with_tables(texts: Mapping[int, str], choice: Target, root: Root) -> dict[int, str]:
    """The texts, and the image's own tables that let nothing in, nat say, if its kernels can load them: no policy would
    bring them back. They come last, so that one which does not load leaves the seal as it is."""
    out = dict(texts)
    for family, path in choice.place.files.items() if choice.backend.name == iptables.NAME else ():
        former = files.read(root / path) or ""
        tables = re.findall(r"(?ms)^\*(?:nat|raw|security)\n.*?^COMMIT$", former)
        for table in tables:
            lines = [line for line in table.splitlines() if not (iptables_dumps.names_set(line) or _of_ours(line))]
            if not _of_ours(table) or any(line.startswith("-A ") for line in lines):
                out[family] += "".join(f"{line}\n" for line in lines)
    return dict(texts) if out != texts and modules.lacking(root, choice.backend.name, [out]) else out


def _of_ours(text: str) -> bool:
    """Is there a chain or a rule of a policy of ours?"""
    return iptables_dumps.has_ours(f"\n{text}") or f"-A {iptables.OURS}" in text


def check(root: Root, default: object) -> None:
    """Raise what close() would find wrong with the image or the policy; change nothing."""
    if not _has_spoken(root):
        _sealable(root, default, "")


def _has_spoken(root: Root) -> bool:
    """Did user-data replace the seal of this system? Raises CannotRegister where there was none: it would be loaded
    at the next boot, and the module has done its work for this instance."""
    there = [path for path in (state.POLICY, state.DONE) if os.path.exists(root / path)]
    if there and "seal" not in records.read(root):
        has = "a policy in force" if state.POLICY in there else "a first boot behind it"
        raise CannotRegister(
            f"{root} has {has}, and the seal would lock its owner out; for an image, run `cloud-init clean` first"
        )
    return bool(there)


def _sealable(root: Root, default: object, prefer: str) -> tuple[Target, policy.Policy, list[str]]:
    """-> the backend, the policy that opens nothing, and what its owner should know"""
    check_root(root)
    host = replace(facts.inspect(root), cloud_id="", uplinks=(), own_addresses=())  # what boots from it may be anywhere
    if host.managers:
        # firewalld's unit conflicts with the services that load the seal, and on Debian it makes an ordering cycle,
        # which systemd breaks by leaving out cloud-init's network stage: seen in the boot lab, with every port open.
        named, off = " and ".join(host.managers), " and ".join(IN_IMAGE[name] for name in host.managers)
        raise CannotRegister(f"{named} is switched on at {root} and would keep the seal from being loaded; {off}")
    read = policy.parse(default, ssh_ports=host.ssh_ports, read_list=lambda path: userdata.read_list(path, root))
    wanted = decide.tested(read)
    if not wanted.enabled:
        raise CannotRegister(
            "the default policy says `enabled: false`: every machine whose user-data has no policy would stay shut"
        )
    nothing = policy.parse({"ssh": False, "ping": False}, ssh_ports=host.ssh_ports, read_list=userdata.read_list)
    choice = _usable(root, prefer or wanted.backend, host, (nothing, wanted))
    if why := _never_opens(root):
        raise CannotRegister(f"{why}: nothing would load the seal of {root}, or nothing would ever open it")
    if not process.find("systemctl"):
        raise CannotRegister("systemctl, which enables the service that loads the seal, is not on this computer")
    unknown = modules.unknown(root)
    return choice, nothing, [f"nobody knows whether its kernel can load the seal: {unknown}"] if unknown else []


def _never_opens(root: Root) -> str:
    """Why neither systemd would load a seal there nor cloud-init put a policy in its place, as far as can be seen."""
    if not any(os.path.lexists(root / f"{folder}/systemd/systemd") for folder in ("usr/lib", "lib")):
        return "there is no systemd"
    if os.path.exists(root / "etc/cloud/cloud-init.disabled"):
        return "cloud-init is switched off by /etc/cloud/cloud-init.disabled"
    stages = [unit for unit in _STAGES if _installed(unit, root)]
    if stages and all(systemd.masked(unit, root) for unit in stages):
        return f"{' and '.join(stages)}, in which the module runs, is masked"
    return ""


def _installed(unit: str, root: Root) -> bool:
    """Has systemd a file for this unit? A link that would start it may outlive its package."""
    return any(os.path.lexists(root / f"{folder}/{unit}") for folder in files.UNIT_FOLDERS)


def _presets(choice: Target) -> str:
    others = sorted(UNITS - {*choice.units, OWN_UNIT})
    lines = [f"enable {unit}\n" for unit in choice.units] + [f"disable {unit}\n" for unit in others]
    return "".join([_PRESET_HEADER, *lines, "disable firewalld.service\n"])


def forget(root: Root = HERE) -> list[str]:
    """Make the next boot of the system at `root` a first boot, as `cloud-init clean` does for cloud-init. -> what
    was done. A sealed image is sealed again; another keeps the rules that it has, until user-data has spoken.
    Raises FirewallError or OSError, with the policy kept."""
    with files.at_work(root):
        done: list[str] = []
        if sealed := "seal" in records.read(root):
            default = (yaml.safe_load(files.read(root / DEFAULT) or "") or {}).get(policy.KEY, {})
            # Over the rules that are there: those of another backend would stay beside the seal, and open their ports.
            there = str(files.read_json(root / state.POLICY).get("backend") or "")
            _sealable(root, default, there)
        # The mark before the seal: a host that has both is shut, and nothing would ever open it. It does not come back
        # when the seal fails: without it the next boot puts the policy in force once more.
        done += files.remove_all(root, [state.DONE], files.Undo())
        if sealed:
            done += close(root, default, there, over_policy=True)
            done += files.remove_all(root, [state.SERVICES], files.Undo())  # the seal's record knows them now
        return done + files.remove_all(root, [state.STATUS, state.PUBLIC, state.POLICY], files.Undo())


# --- the record -------------------------------------------------------------------------------------------


def _remember(
    root: Root,
    undo: files.Undo,
    choice: Target,
    enabled_now: Collection[str],
    disabled_now: Collection[str],
    missing: Collection[str],
) -> None:
    """Write down what stood there before the first seal, or what its owner has put there since, so that uninstall can
    open the image again."""
    record = records.read(root)
    seal = record.setdefault("seal", {})
    before, folders = seal.setdefault("before", {}), {*seal.get("folders", ()), *missing}
    for path in _sealing(choice, root):
        place = root / path
        known = os.path.relpath(place, root)
        text = files.read(place, "surrogateescape")
        include = choice.place.files[0] if path == choice.place.include_in else ""
        if known in before and not _is_owners(known, text, before[known], include):
            continue
        # What a policy of ours left there is not what stood there before us.
        if text is not None and _is_ours(text) and "vps-firewall" in os.path.basename(path):
            folders.add(os.path.dirname(path).lstrip("/"))
        if include:
            text = _without_ours(text, include)
        mine = text is None or _is_ours(text) or re.search("vps.firewall", path)
        before[known] = None if text is None or mine else (text, stat.S_IMODE(os.stat(place).st_mode))
    enabled, disabled = set(seal.get("units", ())), set(seal.get("disabled", ()))
    seal["units"] = sorted(enabled | set(enabled_now) - disabled)
    seal["disabled"] = sorted(disabled | set(disabled_now) - enabled)
    seal["folders"] = sorted(folders)
    records.write(root, record, undo)


def _sealing(choice: Target, root: Root) -> list[str]:
    """Every file that a seal writes."""
    place, files = choice.place, list(choice.place.files.values())
    if not choice.own_unit:
        files += [path + place.fallback for path in place.files.values() if place.fallback]
        files += [place.include_in] if place.include_in else []
    files += [DEFAULT, PRESET, *systemd.unit_files(choice.backend, place, choice.own_unit, choice.tools(root), root)]
    return [path for path in files if not masked_file(root, path)]


def _is_ours(text: str) -> bool:
    return "Made by vps-firewall" in text[:200]


def _is_owners(path: str, now: str | None, before: Former, include: str) -> bool:
    """Was this file of a seal changed since, by its owner? `before`: what stood there; `include`: the rules of ours
    that it includes."""
    was = before[0] if before else None
    if now is None or now == was or (include and now == files.with_include(was, include)):
        return False
    return bool(include) or not (_is_ours(now) or re.search("vps.firewall", path))


def _without_ours(text: str | None, include: str) -> str | None:
    """A file that includes ours, without that line; None where we made the whole of it."""
    return None if text is None or text == files.with_include(None, include) else files.without_include(text, include)


# --- out again --------------------------------------------------------------------------------------------


def sealed(root: Root, record: Record) -> Seal:
    """What the record says of the seal; where it is lost and the seal's own files are there, what it would say."""
    there = any(os.path.exists(root / path) for path in (DEFAULT, PRESET, FORMER_PRESET))
    return record["seal"] if "seal" in record else _guessed(root) if there else {}


def open_again(root: Root, seal: Seal) -> list[str]:
    """Open an image that never booted; a system that has a policy of its own by now keeps it. -> what was done

    A file that its owner has changed since stays, and so does the service that loads it. Where user-data wanted no
    firewall, the services are its owner's.
    """
    if os.path.exists(root / state.POLICY):
        return []
    includes = {os.path.relpath(root / place.include_in, root): place.files[0] for place in KNOWN if place.include_in}
    changed = {
        path
        for path, old in seal.get("before", {}).items()
        if _is_owners(path, files.read(root / path, "surrogateescape"), old, includes.get(path, ""))
    }
    kept = {unit for place in KNOWN if changed & _loaded(root, place) for unit in place.units}
    spoken = os.path.exists(root / state.DONE)
    off = set() if spoken else {*seal.get("units", ())} - kept
    done = _switch(root, on=seal.get("disabled", ()), off=sorted(off))
    undo = files.Undo()
    for path, old in seal.get("before", {}).items():
        place = root / path
        files.discard(place)
        now = files.read(place, "surrogateescape")
        if path in changed and path not in includes:
            done.append(f"left {path}, which was changed since")
            continue
        if path in changed:
            old = (files.without_include(now or "", includes[path]), None)
        if old is None:
            files.remove(place, undo)
        elif now is not None or path not in includes:
            files.save_all({place: old}, undo)
        done.append(f"put back {path}")
    if done and root == HERE and not spoken and os.path.isdir("/run/systemd/system"):
        done.append("the rules that are in force now stay until the next boot")
    return done


def _loaded(root: Root, place: Persistence) -> set[str]:
    """What the services of this place read their rules from, below `root`."""
    paths = [place.include_in] if place.include_in else list(place.files.values())
    return {os.path.relpath(root / path, root) for path in paths}


def _guessed(root: Root) -> Seal:
    """What the record of a seal would say, where it is lost: our files were not there before. A service that has
    nothing else to load is switched off; one that has a file of its owner's stays as it is."""
    before: dict[str, Former] = {}
    units, folders = set(), set()
    distributions = (facts.inspect(root).distribution, OTHER)
    for place in (each.keeps(name, BACKENDS[name].families) for each in distributions for name in BACKENDS):
        rules = [path + ending for path in place.files.values() for ending in {"", place.fallback}]
        ours = [path for path in rules if _is_ours(files.read(root / path) or "")]
        if not ours:
            continue
        theirs = None
        if place.include_in:
            shared = files.read(root / place.include_in, "surrogateescape")
            theirs = _without_ours(shared, place.files[0])
            before[place.include_in.lstrip("/")] = None if theirs is None else (theirs, None)
        folder = "etc/systemd/system"
        made = [f"{folder}/{OWN_UNIT}", *(f"{folder}/{unit}.d/vps-firewall.conf" for unit in place.units)]
        before.update({path.lstrip("/"): None for path in [*made, *ours]})  # the rules last: by them it is known
        units |= {OWN_UNIT, *(place.units if theirs is None else ())}
        folders |= {os.path.dirname(path).lstrip("/") for path in [*ours, *made[1:]] if "vps-firewall" in path}
    return {"before": before, "units": sorted(units), "folders": sorted(folders)}


def _switch(root: Root, on: Iterable[str], off: Iterable[str]) -> list[str]:
    """Enable and disable services that are not so already, as far as they are still there. -> what was done"""
    done = []
    for unit in off:
        if systemd.enabled(unit, root):
            with contextlib.nullcontext() if _installed(unit, root) else contextlib.suppress(FirewallError):
                systemd.disable(unit, root)
                done.append(f"disabled {unit}")
    for unit in on:
        if not _installed(unit, root):
            done.append(f"{unit} is not installed any more, and was not enabled again")
        elif not systemd.enabled(unit, root):
            systemd.enable(unit, root)
            done.append(f"enabled {unit}")
    return done


def _usable(root: Root, wanted: str, host: facts.Host, policies: Sequence[policy.Policy]) -> Target:
    """The first backend whose tools are there, and whose texts every kernel of the image can load. Raises NoBackend."""
    reasons = []
    for choice in choose(wanted, host):
        name = choice.backend.name
        try:
            choice.tools(root)
        except NoBackend as missing:
            reasons.append(str(missing))
            continue
        lacking = modules.lacking(root, name, [decide.texts(name, decide.unguarded(one)) for one in policies])
        if not lacking:
            return choice
        reasons.append(f"{name}: {modules.summary(lacking)}")
    raise NoBackend(f"cannot seal {root}: {'; '.join(reasons)}")


# --- at the first boot ------------------------------------------------------------------------------------


def not_loaded(host: facts.Host, seconds: str) -> list[str]:
    """At a first boot of a sealed image: was the host open for the `seconds` since power-on, because the seal was not
    loaded? -> what its owner should know"""
    sealed_by = [choice for choice in choose(AUTO, host) if save.holding_ours(choice)]
    # Where it is gone since an earlier instance, that one's owner wanted no firewall.
    done = state.POLICY if sealed_by else state.DONE
    if "seal" not in records.read(HERE) or os.path.exists(done) or os.path.exists(state.POLICY):
        return []
    why = ""
    for choice in sealed_by:
        texts = {family: files.read(path) or "" for family, path in choice.place.files.items()}
        lacking = modules.lacking(HERE, choice.backend.name, [texts]).get(os.uname().release)
        why = f" (the kernel lacks {', '.join(lacking)})" if lacking else ""
    held, fallen_back = _held([choice.backend for choice in sealed_by] or [*BACKENDS.values()])
    missing = [f"IPv{family}" for family in ((4, 6) if host.ipv6 else (4,)) if family not in held]
    if missing:
        open_to = f"open over {' and '.join(missing)} for up to {seconds} s, from power-on to here"
        return [f"the seal of this image was not loaded{why}: {open_to}"]
    if fallen_back:
        return [f"the seal of this image could not be loaded{why}; its fallback was, which let nobody in"]
    return []


def _held(backends: Iterable[Backend]) -> tuple[set[int], bool]:
    """-> the families for which the kernel holds rules of ours, and whether some are those of a fallback"""
    held: set[int] = set()
    fallen_back = False
    for backend in backends:
        with contextlib.suppress(FirewallError):
            for family, text in backend.dump(backend.families).items():
                if backend.holds_ours(text):
                    held |= {family} if family else {4, 6}
                    fallen_back = fallen_back or iptables.FALLBACK in text
    return held, fallen_back


# --- where user-data wants no firewall ---------------------------------------------------------------------


def unseal(host: facts.Host) -> list[str]:
    """Nothing of ours is saved here but the seal of an image whose owner wants no firewall. -> what was done"""
    notes = []
    with files.locked() as lock:
        for sealed_by in choose(AUTO, host):
            if save.holding_ours(sealed_by):
                remove_rules(sealed_by, lock)
                for unit in sealed_by.units if sealed_by.own_unit else ():
                    systemd.disable(unit)
                notes.append("the seal of this image was taken out")
    return notes

"""a system's cloud-init -> the same with our module in it, and back byte for byte.

Five things make a module part of a system, and each is here: the engine among the packages of the Python that
cloud-init runs with; the command; what `cloud-init clean` calls; our definition in cloud-init's own schema, without
which every boot that has our stanza is "degraded" (23.4 and later); and last, because it is what makes cloud-init
import us, the module list. cloud-init does not merge lists and cloud.cfg belongs to the package, so the list is a
drop-in that holds the whole effective one: `install` makes it anew whenever cloud-init has been upgraded.

Where a package holds the engine, the command and the hook, they are its own, and what is done here is the rest.

What uninstall needs to know is on the disk before what it would have to put back is changed: see RECORD.
"""

from __future__ import annotations

import contextlib
import copy
import glob
import hashlib
import json
import os
import re
import stat
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from . import backend, converge, kernel, policy, render, saved, userdata
from .errors import FirewallError, NoBackend

MODULE = "vps_firewall"
DEFINITION = "cc_vps_firewall"
LIST = "cloud_init_modules"
CONFIG = "etc/cloud/cloud.cfg"
DROP_INS = "etc/cloud/cloud.cfg.d"
DEFAULT = f"{DROP_INS}/98_vps_firewall_default.cfg"
DROP_IN = f"{DROP_INS}/99_vps_firewall.cfg"
CLEAN_HOOK = "etc/cloud/clean.d/50-vps-firewall"
COMMAND = "usr/sbin/vps-firewall"
RECORD = "var/lib/vps-firewall/registered.json"
KEPT_SCHEMA = "var/lib/vps-firewall/registered-schema.json"
PRESET = "etc/systemd/system-preset/00-vps-firewall-seal.preset"  # the first that names a unit is the one that counts
FORMER_PRESET = "etc/systemd/system-preset/80-vps-firewall-seal.preset"  # up to November 2026
INSTALLER = "INSTALLER"  # beside the engine that a package holds: the name of the package manager, as PEP 376 has it
DONE = f"{saved.STATE}/instance"  # as in __init__.py, which imports nothing of ours
SCHEMA = "cloudinit/config/schemas/schema-cloud-config-v1.json"
OLDEST = (20, 4)
OLDEST_PYTHON = (3, 9)
NEWEST_TRIED = (26, 2)

_PRESET_HEADER = "# By `vps-firewall install --sealed`: a first boot applies presets, and those EL say `disable *`.\n"
_UNITS = frozenset(unit for place in backend.PLACES.values() for unit in place.units)
_DEFAULT_HEADER = "# The image's policy, by `vps-firewall install`; vendor-data and user-data come before it.\n"

# After the files that user-data may write (a list file of sources), before users and keys open the host.
AFTER = ("write_files", "bootcmd", "seed_random", "migrator")


class CannotRegister(FirewallError):
    """This system's cloud-init is not what we know how to extend; nothing was changed."""


@dataclass(frozen=True)
class CloudInit:
    """A cloud-init as installed below a root: all paths are relative to that root."""

    version: tuple[int, ...]
    interpreter: str
    packages: str  # the folder that holds the package `cloudinit`, and will hold ours


def install(root: str = "/") -> list[str]:
    """Put the module into the cloud-init of the system at `root`. -> what was done, empty when nothing was left
    to do. Raises CannotRegister, or OSError with everything put back."""
    found = find(root)
    notes = []
    if found.version[:2] > NEWEST_TRIED:
        notes.append(f"cloud-init {'.'.join(map(str, found.version))} is newer than any that this was tried with")
    listed = _drop_in(root)
    first = not os.path.exists(saved.below(root, RECORD))
    undo = saved.Undo()
    try:
        written = list(_install(root, found, listed, undo))
    except BaseException:
        undo.undo()
        raise
    if not packaged(root):
        _compile(root, found)
    elif root == "/" and first:
        _keep_the_service()
    return [*(f"wrote {path}" for path in written), *notes]


def install_sealed(root: str, default: object) -> list[str]:
    """install() and seal(), both or none of them. -> what was done. Raises as they do."""
    check_seal(root, default)
    first = not os.path.exists(saved.below(root, RECORD))
    done = install(root)
    try:
        return done + seal(root, default)
    except BaseException:
        if first:
            uninstall(root)
        raise


def seal(root: str, default: object, prefer: str = "", over_policy: bool = False) -> list[str]:
    """Close the system at `root` from its first packet on: rules that let nothing in are saved where its boot
    loads them before the network, until user-data has spoken. `default`: the policy of a machine whose
    user-data has none; `prefer`: another backend than it would take; `over_policy`: also where a policy is in force.
    -> what was done. Raises PolicyRefused, NoBackend, CannotRegister or OSError, with everything put back."""
    if not over_policy and _has_spoken(root):
        return []
    host, choice, nothing = _sealable(root, default, prefer)
    fresh = [unit for unit in choice.units if not backend.enabled(unit, root)]
    # Two services that load rules undo each other: one of them flushes the seal.
    others = sorted(unit for unit in _UNITS.difference(choice.units) if backend.enabled(unit, root))
    folders = _missing(root, _sealing(choice, root))
    undo = saved.Undo()
    try:
        _remember_seal(root, undo, choice, fresh, others, folders)
        text = _DEFAULT_HEADER + yaml.safe_dump({MODULE: default}, default_flow_style=False, sort_keys=False)
        files = {DEFAULT: text, PRESET: _presets(choice)}
        written = saved.save({saved.below(root, path): text for path, text in files.items()}, undo, 0o644)
        written += converge.save_rules(choice, render.texts(choice.backend, nothing), host, undo, root)
        for unit in others:
            kernel.disable(unit, root)
        for unit in fresh:
            kernel.enable(unit, root)
    except BaseException:
        with contextlib.suppress(FirewallError):
            _switch(root, on=others, off=fresh)
        undo.undo()
        _remove_folders(root, folders)
        raise
    return [
        *(f"wrote {os.path.relpath(path, root)}" for path in written),
        *(f"disabled {unit}" for unit in others),
        *(f"enabled {unit}" for unit in fresh),
    ]


def check_seal(root: str, default: object) -> None:
    """Raise what install() or seal() would find wrong with the image or the policy; change nothing."""
    find(root)
    if not _has_spoken(root):
        _sealable(root, default, "")


def _has_spoken(root: str) -> bool:
    """Did user-data replace the seal of this system? Raises CannotRegister where there was none: it would be loaded
    at the next boot, and the module has done its work for this instance."""
    there = [path for path in (saved.POLICY, DONE) if os.path.exists(saved.below(root, path))]
    if there and "seal" not in saved.read_json(saved.below(root, RECORD)):
        has = "a policy in force" if saved.POLICY in there else "a first boot behind it"
        raise CannotRegister(
            f"{root} has {has}, and the seal would lock its owner out; for an image, run `cloud-init clean` first"
        )
    return bool(there)


def _sealable(root: str, default: object, prefer: str) -> tuple[backend.Host, backend.Choice, policy.Policy]:
    """-> the host, its backend, and the policy that opens nothing"""
    _check(root)
    host = backend.look(root)
    if host.rivals:
        # firewalld's unit conflicts with the services that load the seal, and on Debian it makes an ordering cycle,
        # which systemd breaks by leaving out cloud-init's network stage: seen in the boot lab, with every port open.
        named, off = " and ".join(host.rivals), " and ".join(_SWITCH_OFF[rival] for rival in host.rivals)
        raise CannotRegister(f"{named} is switched on at {root} and would keep the seal from being loaded; {off}")
    wanted = policy.parse(default, ssh_ports=host.ssh_ports, read_list=userdata.read_list)
    if not wanted.enabled:
        raise CannotRegister(
            "the default policy says `enabled: false`: every machine whose user-data has no policy would stay shut"
        )
    choice = _usable(root, prefer or wanted.backend, host)
    if not kernel.find("systemctl"):
        raise CannotRegister("systemctl, which enables the service that loads the seal, is not on this computer")
    nothing = policy.parse({"ssh": False, "ping": False}, ssh_ports=host.ssh_ports, read_list=userdata.read_list)
    return host, choice, nothing


_SWITCH_OFF = {"firewalld": "mask it there", "ufw": "write ENABLED=no into /etc/ufw/ufw.conf there"}


def _presets(choice: backend.Choice) -> str:
    others = sorted(_UNITS - {*choice.units, backend.OWN_UNIT})
    lines = [f"enable {unit}\n" for unit in choice.units] + [f"disable {unit}\n" for unit in others]
    return "".join([_PRESET_HEADER, *lines, "disable firewalld.service\n"])


def forget(root: str = "/") -> list[str]:
    """Make the next boot of the system at `root` a first boot, as `cloud-init clean` does for cloud-init. -> what
    was done. A sealed image is sealed again; another keeps the rules that it has, until user-data has spoken.
    Raises FirewallError or OSError, with the policy kept."""
    _check(root)
    done: list[str] = []
    if sealed := "seal" in saved.read_json(saved.below(root, RECORD)):
        default = (yaml.safe_load(saved.read(saved.below(root, DEFAULT)) or "") or {}).get(MODULE, {})
        # Over the rules that are there: those of another backend would stay beside the seal, and open their ports.
        there = str(saved.read_json(saved.below(root, saved.POLICY)).get("backend") or "")
        _sealable(root, default, there)
    # The mark before the seal: a host that has both is shut, and nothing would ever open it. It does not come back
    # when the seal fails: without it the next boot puts the policy in force once more.
    done += _remove(root, [DONE], saved.Undo())
    if sealed:
        done += seal(root, default, there, over_policy=True)
    return done + _remove(root, [saved.STATUS, saved.POLICY], saved.Undo())


def _remember_seal(
    root: str,
    undo: saved.Undo,
    choice: backend.Choice,
    fresh: Sequence[str],
    others: Sequence[str],
    missing: Collection[str],
) -> None:
    """Write down what stood there before the first seal, so that uninstall can open the image again. Before anything is
    changed: a seal that was killed half-way has to come out too."""
    record = saved.read_json(saved.below(root, RECORD))
    seal: Any = record.setdefault("seal", {})
    before, folders = seal.setdefault("before", {}), {*seal.get("folders", ()), *missing}
    for path in _sealing(choice, root):
        place = saved.below(root, path)
        text = saved.read(place, "surrogateescape")
        # What a policy of ours left there is not what stood there before us.
        if text is not None and _is_ours(text) and "vps-firewall" in os.path.basename(path):
            folders.add(os.path.dirname(path).lstrip("/"))
        if path == choice.place.include_in:
            text = _without_ours(text, choice.place.files[0])
        mine = text is None or _is_ours(text) or re.search("vps.firewall", path)
        kept = None if mine else [text, _mode_of(place)]
        before.setdefault(os.path.relpath(place, root), kept)
    enabled, disabled = set(seal.get("units", ())), set(seal.get("disabled", ()))
    seal["units"] = sorted(enabled | set(fresh) - disabled)
    seal["disabled"] = sorted(disabled | set(others) - enabled)
    seal["folders"] = sorted(folders)
    saved.save({saved.below(root, RECORD): saved.as_json(record)}, undo, 0o644)


def _sealing(choice: backend.Choice, root: str) -> list[str]:
    """Every file that a seal writes."""
    place, files = choice.place, list(choice.place.files.values())
    if not choice.own_unit:
        files += [path + place.fallback for path in place.files.values() if place.fallback]
        files += [place.include_in] if place.include_in else []
    return [DEFAULT, PRESET, *files, *backend.unit_files(choice, kernel.tools(choice.backend, root))]


def _is_ours(text: str) -> bool:
    return "Made by vps-firewall" in text[:200]


def _without_ours(text: str | None, include: str) -> str | None:
    """A file that includes ours, without that line; None where we made the whole of it."""
    return None if text is None or text == saved.with_include(None, include) else saved.without_include(text, include)


def _seal_of(root: str, record: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the record says of the seal; where it is lost and the seal's own files are there, what it would say."""
    if isinstance(seal := record.get("seal"), dict):
        return seal
    sealed = any(os.path.exists(saved.below(root, path)) for path in (DEFAULT, PRESET, FORMER_PRESET))
    return _guessed(root) if sealed else {}


def _unseal(root: str, seal: Mapping[str, Any]) -> list[str]:
    """Open an image that never booted; a system that has a policy of its own by now keeps it."""
    if os.path.exists(saved.below(root, saved.POLICY)):
        return []
    done = _switch(root, on=seal.get("disabled", ()), off=seal.get("units", ()))
    includes = {
        os.path.relpath(saved.below(root, place.include_in), root): place.files[0]
        for place in backend.PLACES.values()
        if place.include_in
    }
    undo = saved.Undo()
    for path, old in seal.get("before", {}).items():
        place = saved.below(root, path)
        saved.discard(place)
        now = saved.read(place, "surrogateescape")
        if path in includes and now is not None and now != saved.with_include(old and old[0], includes[path]):
            old = [saved.without_include(now, includes[path]), None]  # it was edited since
        if old is None:
            saved.remove(place, undo)
        elif now is not None or path not in includes:
            saved.save_all({place: (old[0], old[1])}, undo)
        done.append(f"put back {path}")
    for shared, rules in includes.items():
        text = saved.read(saved.below(root, shared), "surrogateescape")
        if text is not None and not os.path.exists(saved.below(root, rules)):
            saved.save({saved.below(root, shared): saved.without_include(text, rules)}, undo, None)
    return done


def _guessed(root: str) -> dict[str, Any]:
    """What the record of a seal would say, where it is lost: our files were not there before. A service that has
    nothing else to load is switched off; one that has a file of its owner's stays as it is."""
    before: dict[str, object] = {}
    units, folders = set(), set()
    families = {backend.look(root).family, "other"}
    for place in (backend.PLACES[family, name] for family in families for name in backend.BACKENDS):
        rules = [path + ending for path in place.files.values() for ending in {"", place.fallback}]
        ours = [path for path in rules if _is_ours(saved.read(saved.below(root, path)) or "")]
        if not ours:
            continue
        theirs = None
        if place.include_in:
            shared = saved.read(saved.below(root, place.include_in), "surrogateescape")
            theirs = _without_ours(shared, place.files[0])
            before[place.include_in.lstrip("/")] = None if theirs is None else [theirs, None]
        folder = "etc/systemd/system"
        made = [f"{folder}/{backend.OWN_UNIT}", *(f"{folder}/{unit}.d/vps-firewall.conf" for unit in place.units)]
        before.update({path.lstrip("/"): None for path in [*made, *ours]})  # the rules last: by them it is known
        units |= {backend.OWN_UNIT, *(place.units if theirs is None else ())}
        folders |= {os.path.dirname(path).lstrip("/") for path in [*ours, *made[1:]] if "vps-firewall" in path}
    return {"before": before, "units": sorted(units), "folders": sorted(folders)}


def _switch(root: str, on: Iterable[str], off: Iterable[str]) -> list[str]:
    """Enable and disable services that are not so already. -> what was done"""
    done = []
    for unit in off:
        if backend.enabled(unit, root):
            kernel.disable(unit, root)
            done.append(f"disabled {unit}")
    for unit in on:
        if not backend.enabled(unit, root):
            kernel.enable(unit, root)
            done.append(f"enabled {unit}")
    return done


def _usable(root: str, wanted: str, host: backend.Host) -> backend.Choice:
    reasons = []
    for choice in backend.choices(wanted, host):
        try:
            kernel.tools(choice.backend, root)
            return choice
        except NoBackend as missing:
            reasons.append(str(missing))
    raise NoBackend(f"cannot seal {root}: {'; '.join(reasons)}")


def uninstall(root: str = "/") -> list[str]:
    """Take the module out of the system at `root` again. -> what was done. The firewall itself stays as it is.
    Raises CannotRegister with nothing changed, or FirewallError or OSError, where the next run goes on."""
    _check(root)
    record = saved.read_json(saved.below(root, RECORD))
    schema = _kept_schema(root, record)
    seal = _seal_of(root, record)
    done = _unseal(root, seal)
    undo = saved.Undo()
    # /usr/sbin may be a link to /usr/bin, and the command there a package's.
    own = [CLEAN_HOOK, COMMAND, *_words(record.get("files")), *_leftovers(root, record.get("folder"))]
    own = [] if packaged(root) else list(dict.fromkeys(own))
    done += _remove(root, [DROP_IN, DEFAULT, PRESET, FORMER_PRESET, *own], undo)
    for path, original in schema.items():
        done += [f"restored {path}" for _ in saved.save({saved.below(root, path): original}, undo, _mode(record))]
        if isinstance(date := record.get("date"), float):  # of which `rpm -V` keeps a record
            saved.set_date(saved.below(root, path), date)
    _remove_folders(root, _words([record.get("folder")]) + _words(record.get("folders")) + _words(seal.get("folders")))
    _remove(root, [KEPT_SCHEMA, RECORD], undo)  # last: a run that is killed before this knows what is left to do
    if not packaged(root):
        saved.remove_folder(saved.below(root, saved.STATE))
    return done


def _leftovers(root: str, folder: object) -> list[str]:
    """What an upgrade that was killed left in the engine's folder, of an older version or half-written."""
    place = saved.below(root, folder) if isinstance(folder, str) else ""
    names = os.listdir(place) if os.path.isdir(place) else []
    return [f"{folder}/{name}" for name in names if name.endswith((".py", ".vps-firewall"))]


def _kept_schema(root: str, record: Mapping[str, object]) -> dict[str, str]:
    """path -> text: cloud-init's schema as it was before us, where what is there is ours. Raises CannotRegister where
    it is ours and somebody else's."""
    schema, original = record.get("schema"), saved.read(saved.below(root, KEPT_SCHEMA))
    if not isinstance(schema, str):
        return {}
    saved.discard(saved.below(root, schema))
    now = saved.read(saved.below(root, schema))
    if original is None or now is None:
        return {}
    if now == original or _digest(now) in (record.get("patched"), record.get("formerly")):
        return {schema: original}
    if DEFINITION in now:
        raise CannotRegister(f"{schema} was changed by somebody else too; take {DEFINITION} out by hand")
    return {}


# --- looking ----------------------------------------------------------------------------------------------


def find(root: str) -> CloudInit:
    """The cloud-init of the system at `root`. Raises CannotRegister with what is missing."""
    _check(root)
    script = next((p for p in ("usr/bin/cloud-init", "usr/local/bin/cloud-init") if _is_file(root, p)), "")
    if not script:
        raise CannotRegister(f"there is no cloud-init below {root}")
    first = (saved.read(saved.below(root, script)) or "").partition("\n")[0]
    match = re.match(r"#!\s*(?:/usr/bin/env\s+(?:-S\s+)?)?(\S+)", first)
    interpreter = match[1] if match else ""
    if not interpreter.startswith("/"):
        interpreter = f"/usr/bin/{interpreter}"
    if not match or not os.path.exists(_resolve(root, interpreter)):
        raise CannotRegister(f"{script} runs with {interpreter if match else 'no interpreter'}, which is not there")
    # The folder, not the file: the Python of a virtual environment is a link to the system's.
    folder = os.path.relpath(_resolve(root, os.path.dirname(interpreter)), root)
    if not (_PYTHON.fullmatch(os.path.basename(interpreter)) and folder.startswith("usr/")):
        raise CannotRegister(
            f"{script} runs with {interpreter}; it takes a python3 below /usr, neither a wrapper nor an environment"
        )
    real = os.path.basename(_resolve(root, interpreter))
    python = re.search(r"(\d+)\.(\d+)", real)
    if python and (int(python[1]), int(python[2])) < OLDEST_PYTHON:
        raise CannotRegister(
            f"cloud-init runs with Python {python[0]} here; it takes {'.'.join(map(str, OLDEST_PYTHON))} or later"
        )
    there = [os.path.dirname(os.path.relpath(path, root)) for path in _in_packages(root, "cloudinit")]
    its = [f"python{python[0]}" if python else "", "python3"]  # the latter, Debian's, is for every Python 3
    packages = next((path for name in its for path in there if name in path.split("/")), "")
    if not packages:
        raise CannotRegister(f"{script} is there, its package for {real} is not")
    # From 26.1 on version.py takes it from a file that the build makes.
    said = "".join(
        saved.read(saved.below(root, f"{packages}/cloudinit/{name}")) or ""
        for name in ("version.py", "meson_versions.py")
    )
    told = re.search(r'(?:__|UPSTREAM_)VERSION(?:__)? = "([0-9.]+)', said)
    if not told:
        raise CannotRegister(f"{packages}/cloudinit does not say its version")
    version = tuple(int(n) for n in told[1].split(".") if n)
    if version[:2] < OLDEST:
        raise CannotRegister(f"cloud-init {told[1]} is older than {'.'.join(map(str, OLDEST))}, the oldest supported")
    return CloudInit(version, interpreter, packages)


_PYTHON = re.compile(r"python3(\.\d+)?|platform-python[\d.]*")


def packaged(root: str) -> bool:
    """Is the engine at `root` a package's?"""
    return bool(_in_packages(root, f"{DEFINITION}/{INSTALLER}"))


def _in_packages(root: str, name: str) -> list[str]:
    """Where that is among the packages of a Python of the system at `root`."""
    folders = [glob.escape(saved.below(root, folder)) for folder in ("usr/lib", "usr/local/lib")]
    return sorted(path for folder in folders for path in glob.glob(f"{folder}/python3*/*-packages/{name}"))


def module_list(root: str) -> list[Any]:
    """The effective module list of the network stage, ours left out: cloud.cfg, then the drop-ins by name."""
    found: object = None
    for name in [CONFIG, *_drop_ins(root)]:
        text = saved.read(saved.below(root, name))
        if text is None:
            raise CannotRegister(f"there is no {name}")
        if re.match(r"##\s*template:\s*jinja", text, re.IGNORECASE):
            if LIST in text:
                raise CannotRegister(f"{name} is a template with a list of {LIST}, which cloud-init alone can read")
            continue
        try:
            config = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise CannotRegister(f"{name} is not YAML: {str(error).splitlines()[0]}") from None
        if config is not None and not isinstance(config, dict):
            raise CannotRegister(f"{name} is not a mapping")
        if name == CONFIG and config and str(config.get("conf_d", DROP_INS)).strip(" /") != DROP_INS:
            raise CannotRegister(f"{name} names another folder than /{DROP_INS} in conf_d; ours would not be read")
        if config and LIST in config:
            if name > DROP_IN:
                raise CannotRegister(
                    f"{name} has a list of {LIST} that replaces ours; rename it so that it sorts before "
                    f"{os.path.basename(DROP_IN)}"
                )
            found = config[LIST]
    if not isinstance(found, list) or not found:
        raise CannotRegister(f"{CONFIG} has no list of {LIST}")
    return [item for item in found if _name(item) != MODULE]


def _drop_ins(root: str) -> list[str]:
    """The drop-ins that cloud-init reads (its util.read_conf_d), but for ours: a hidden file too, no folder, and no
    link that leads nowhere."""
    folder = saved.below(root, DROP_INS)
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    paths = (f"{DROP_INS}/{name}" for name in names if name.endswith(".cfg"))
    return [path for path in paths if path != DROP_IN and os.path.isfile(saved.below(root, path))]


# --- the parts --------------------------------------------------------------------------------------------


def _install(root: str, found: CloudInit, drop_in: str, undo: saved.Undo) -> Iterator[str]:
    engine = f"{found.packages}/{DEFINITION}"
    held = os.path.exists(saved.below(root, f"{engine}/{INSTALLER}"))
    # A package's engine may be another version than this one, and its schema is the one that counts there.
    files = {} if held else {f"{engine}/{name}": data for name, data in _engine()}
    own = saved.read(saved.below(root, f"{engine}/{SCHEMA_NAME}")) if held else None
    schema = f"{found.packages}/{SCHEMA}"
    command = f"#!{found.interpreter}\nimport sys\n\nfrom {DEFINITION}.cli import main\n\nsys.exit(main())\n"
    programs = {} if held else {CLEAN_HOOK: clean_hook(found.interpreter), COMMAND: command}
    former = saved.read_json(saved.below(root, RECORD))
    made = _missing(root, (*programs, DROP_IN))
    record: dict[str, object] = {"files": sorted(files), "folder": None if held else engine}
    record["folders"] = sorted(made.union(_words(former.get("folders"))))
    if "seal" in former:
        record["seal"] = former["seal"]
    if (text := saved.read(saved.below(root, schema))) is not None:
        original, about = text, os.stat(saved.below(root, schema))
        mode, date = stat.S_IMODE(about.st_mode), about.st_mtime
        if DEFINITION in text:
            original = saved.read(saved.below(root, KEPT_SCHEMA)) or text
            date = known if isinstance(known := former.get("date"), float) else date
        patched = patch_schema(original, own)
        record.update(schema=schema, patched=_digest(patched), mode=mode, date=date)
        record["formerly"] = _formerly(former, _digest(text), _digest(patched))
        # What uninstall needs is there before anything it has to put back is changed.
        yield from _put(root, {KEPT_SCHEMA: original}, undo, 0o644)
        yield from _put(root, {RECORD: saved.as_json(record)}, undo, 0o644)
        yield from _put(root, {schema: patched}, undo, mode)
    else:
        yield from _put(root, {RECORD: saved.as_json(record)}, undo, 0o644)
    if not held:
        older = former.get("files")
        for path in older if isinstance(older, list) else ():
            if path not in files:
                saved.remove(saved.below(root, path), undo)
        yield from _put(root, files, undo, 0o644)
    yield from _put(root, programs, undo, 0o755)
    if (presets := saved.read(saved.below(root, FORMER_PRESET))) is not None:
        yield from _put(root, {PRESET: presets}, undo, 0o644)
        saved.remove(saved.below(root, FORMER_PRESET), undo)
    yield from _put(root, {DROP_IN: drop_in}, undo, 0o644)


def _formerly(former: Mapping[str, object], now: str, patched: str) -> object:
    """The digest of the schema that an older version of ours left, until this one's has taken its place: a run that is
    killed between the record and the schema leaves that one."""
    known = (former.get("patched"), former.get("formerly"))
    if now != patched and now in known:
        return now
    return known[1] if known[0] == patched else None


def clean_hook(interpreter: str) -> str:
    """What `cloud-init clean` runs: packaging/clean, with another first line."""
    return f"#!{interpreter} -IB\n{_CLEAN}"


_CLEAN = '''\
"""`cloud-init clean` -> a system whose next boot is a first boot to the firewall too, and no more open for it."""

import sys

from cc_vps_firewall import register
from cc_vps_firewall.converge import reason

try:
    print("\\n".join(register.forget()) or "vps-firewall: there was nothing to forget")
except Exception as failure:
    sys.exit("vps-firewall: %s; the policy was kept" % reason(failure))
'''


def _compile(root: str, found: CloudInit) -> None:
    """Compile the engine for the Python that will import it: without this a first boot does, in its most precious
    seconds, and again at every boot where /usr is read-only. Whatever goes wrong here is no harm."""
    folder = f"{found.packages}/{DEFINITION}"
    program = _resolve(root, found.interpreter)
    version = re.search(r"python(\d+)\.(\d+)", os.path.basename(program))
    if not version:
        return
    tag = f"cpython-{version[1]}{version[2]}"
    with contextlib.suppress(FirewallError, OSError):
        if saved.is_compiled(saved.below(root, folder), tag):
            return
        if tag == sys.implementation.cache_tag:
            saved.compile_folder(saved.below(root, folder), f"/{folder}")
        elif _is_program(program):
            inside = ["chroot", root] if root != "/" else []
            digest = ("--invalidation-mode", "checked-hash")
            kernel.run(*inside, found.interpreter, "-I", "-m", "compileall", "-q", *digest, f"/{folder}")


def _keep_the_service() -> None:
    """Tell the package manager that its owner wants the package that loads the rules. It came because ours needs it,
    and `dnf remove` of ours would take it along, which opens the host. Once only: the later calls come from within
    a transaction, where nobody can be told."""
    host = backend.look()
    tell = {"redhat": ("dnf", "mark", "install"), "debian": ("apt-mark", "manual")}.get(host.family)
    for name in backend.BACKENDS if tell else ():
        place = backend.PLACES[host.family, name]
        if tell and all(unit in host.units for unit in place.units):
            with contextlib.suppress(FirewallError):
                kernel.run(*tell, place.package)


def _is_program(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def _drop_in(root: str) -> str:
    modules = module_list(root)
    names = [_name(item) for item in modules]
    at = next((names.index(name) + 1 for name in AFTER if name in names), 0)
    whole = [*modules[:at], MODULE, *modules[at:]]
    return (
        "# Made by `vps-firewall install`: the module list of cloud.cfg with vps_firewall in it. cloud-init does\n"
        "# not merge lists, so this is the whole list; after an upgrade of cloud-init run `vps-firewall install`.\n"
        + yaml.safe_dump({LIST: whole}, default_flow_style=False)
    )


def patch_schema(text: str, own: str | None = None) -> str:
    """cloud-init's own schema -> the same with our key. `own`: the schema of another version of ours. Raises
    CannotRegister where it is not as we know it."""
    try:
        schema = json.loads(text)
        ours = json.loads(own or _own_schema())
        definitions = "$defs" if "$defs" in schema else "definitions"
        known = schema.get("properties", {})  # absent up to 22.4, which lets any key pass
        schema[definitions], schema["allOf"], known.keys()
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CannotRegister("cloud-init's schema file is not as any version we know has it") from None
    nested = {k: v for k, v in ours.items() if k not in ("$schema", "id", "title")}
    inner = nested.pop("definitions", {})
    prefix = f"#/{definitions}/{DEFINITION}/definitions/"
    nested = _relocate(nested, prefix)
    nested["definitions"] = _relocate(inner, prefix)
    schema[definitions][DEFINITION] = nested
    reference = {"$ref": f"#/{definitions}/{DEFINITION}"}
    if reference not in schema["allOf"]:
        schema["allOf"].append(reference)
    if "properties" in schema:
        known.setdefault(MODULE, {})
    modules = schema[definitions].get("all_modules", {}).get("enum")
    if isinstance(modules, list):
        modules.extend(name for name in (MODULE.replace("_", "-"), MODULE) if name not in modules)
    return json.dumps(schema, indent=2) + "\n"


def _relocate(value: Any, prefix: str) -> Any:
    """Our `#/definitions/x` are one level deeper inside cloud-init's file."""
    if isinstance(value, Mapping):
        return {
            k: v.replace("#/definitions/", prefix) if k == "$ref" and isinstance(v, str) else _relocate(v, prefix)
            for k, v in value.items()
        }
    if isinstance(value, list):
        return [_relocate(v, prefix) for v in value]
    return copy.copy(value)


def _engine() -> Iterator[tuple[str, str]]:
    """Our own files, as text: the package, and the schema beside it."""
    here = os.path.dirname(os.path.abspath(__file__))
    for name in sorted(os.listdir(here)):
        if name.endswith(".py"):
            yield name, saved.read(os.path.join(here, name)) or ""
    yield SCHEMA_NAME, _own_schema()


SCHEMA_NAME = "vps-firewall.schema.json"


def _own_schema() -> str:
    here = os.path.dirname(os.path.abspath(__file__))
    for folder in (here, os.path.join(os.path.dirname(here), "schemas")):
        text = saved.read(os.path.join(folder, SCHEMA_NAME))
        if text is not None:
            return text
    raise CannotRegister(f"this installation has no {SCHEMA_NAME}")


def _put(root: str, files: Mapping[str, str], undo: saved.Undo, mode: int) -> Iterator[str]:
    for path in saved.save({saved.below(root, path): text for path, text in files.items()}, undo, mode):
        yield os.path.relpath(path, root)


def _remove(root: str, paths: Iterable[str], undo: saved.Undo) -> list[str]:
    """Take files away, and what a run that was killed left beside them. -> what was done"""
    done = []
    for path in paths:
        if os.path.lexists(saved.below(root, path)):
            done.append(f"removed {path.lstrip('/')}")
        saved.remove(saved.below(root, path), undo)
    return done


def _remove_folders(root: str, folders: Iterable[str]) -> None:
    for folder in sorted(folders, key=len, reverse=True):
        saved.remove_folder(saved.below(root, folder))


# --- paths ------------------------------------------------------------------------------------------------


def _resolve(root: str, path: str) -> str:
    """The file itself, which a link may name otherwise."""
    return os.path.realpath(path) if root == "/" else saved.below(root, path)


def _check(root: str) -> None:
    """/proc/PID/root is a name that the kernel follows and that, read as a link, says `/`: this computer."""
    real = os.path.realpath(root)
    if not (os.path.isdir(root) and os.path.isdir(real) and os.path.samefile(root, real)):
        raise CannotRegister(f"{root} is no folder, or a name for one that leads elsewhere")


def _missing(root: str, paths: Iterable[str]) -> set[str]:
    """The folders that files need and that are not there."""
    missing = set()
    for folder in map(os.path.dirname, paths):
        while (folder := folder.lstrip("/")) and not os.path.isdir(saved.below(root, folder)):
            missing.add(folder)
            folder = os.path.dirname(folder)
    return missing


def _is_file(root: str, path: str) -> bool:
    return os.path.isfile(_resolve(root, f"/{path}"))


def _name(item: object) -> str:
    name = item[0] if isinstance(item, list) and item else item
    return name.replace("-", "_") if isinstance(name, str) else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _mode(record: Mapping[str, object]) -> int:
    mode = record.get("mode")
    return mode if isinstance(mode, int) else 0o644


def _mode_of(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def _words(value: object) -> list[str]:
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []

"""a system's cloud-init -> the same with our module in it, and back byte for byte.

Four things make a module part of a system, and each is here: the engine among the packages of the Python that
cloud-init runs with; the command; our definition in cloud-init's own schema, without which every boot that has
our stanza is "degraded" (23.4 and later); and last, because it is what makes cloud-init import us, the module
list. cloud-init does not merge lists and cloud.cfg belongs to the package, so the list is a drop-in that holds
the whole effective one: `install` makes it anew whenever cloud-init has been upgraded.

Where a package holds the engine and the command, both are its own, and what is done here is the rest.
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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from . import backend, converge, kernel, policy, render, saved, userdata
from .errors import FirewallError, NoBackend

MODULE = "vps_firewall"
DEFINITION = "cc_vps_firewall"
LIST = "cloud_init_modules"
DEFAULT = "etc/cloud/cloud.cfg.d/98_vps_firewall_default.cfg"
DROP_IN = "etc/cloud/cloud.cfg.d/99_vps_firewall.cfg"
COMMAND = "usr/sbin/vps-firewall"
RECORD = "var/lib/vps-firewall/registered.json"
KEPT_SCHEMA = "var/lib/vps-firewall/registered-schema.json"
PRESET = "etc/systemd/system-preset/80-vps-firewall-seal.preset"
INSTALLER = "INSTALLER"  # beside the engine that a package holds: the name of the package manager, as PEP 376 has it
DONE = f"{saved.STATE}/instance"  # as in __init__.py, which imports nothing of ours
SCHEMA = "cloudinit/config/schemas/schema-cloud-config-v1.json"
OLDEST = (20, 4)
OLDEST_PYTHON = (3, 9)
NEWEST_TRIED = (26, 2)

_PRESET_HEADER = "# By `vps-firewall install --sealed`: a first boot applies presets, and those EL say `disable *`.\n"
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


def seal(root: str, default: object, prefer: str = "") -> list[str]:
    """Close the system at `root` from its first packet on: rules that let nothing in are saved where its boot
    loads them before the network, until user-data has spoken. `default`: the policy of a machine whose
    user-data has none; `prefer`: another backend than it would take. -> what was done. Raises PolicyRefused,
    NoBackend, CannotRegister or OSError, with everything put back."""
    host, choice, nothing = _sealable(root, default, prefer)
    made = [DEFAULT, PRESET, *choice.place.files.values()]
    made += backend.unit_files(choice, kernel.tools(choice.backend, root))
    folders = {os.path.dirname(path).lstrip("/") for path in made}
    fresh_folders = [folder for folder in folders if not os.path.isdir(saved.below(root, folder))]
    undo = saved.Undo()
    try:
        text = _DEFAULT_HEADER + yaml.safe_dump({MODULE: default}, default_flow_style=False, sort_keys=False)
        presets = _PRESET_HEADER + "".join(f"enable {unit}\n" for unit in choice.units)
        files = {DEFAULT: text, PRESET: presets}
        written = saved.save({saved.below(root, path): text for path, text in files.items()}, undo, 0o644)
        written += converge.save_rules(choice, render.texts(choice.backend, nothing), host, undo, root)
        fresh = [unit for unit in choice.units if not backend.enabled(unit, root)]
        for unit in fresh:
            kernel.enable(unit, root)
        if written or fresh:
            _remember_seal(root, undo, fresh, fresh_folders, made)
    except BaseException:
        undo.undo()
        raise
    return [*(f"wrote {os.path.relpath(path, root)}" for path in written), *(f"enabled {unit}" for unit in fresh)]


def check_seal(root: str, default: object) -> None:
    """Raise what install() or seal() would find wrong with the image or the policy; change nothing."""
    find(root)
    _sealable(root, default, "")


def _sealable(root: str, default: object, prefer: str) -> tuple[backend.Host, backend.Choice, policy.Policy]:
    """-> the host, its backend, and the policy that opens nothing"""
    _check(root)
    host = backend.look(root)
    if host.rivals:
        # firewalld's unit conflicts with the services that load the seal, and on Debian it makes an ordering cycle,
        # which systemd breaks by leaving out cloud-init's network stage: seen in the boot lab, with every port open.
        named = " and ".join(host.rivals)
        raise CannotRegister(
            f"{named} is switched on at {root} and would keep the seal from being loaded; disable it there"
        )
    wanted = policy.parse(default, ssh_ports=host.ssh_ports, read_list=userdata.read_list)
    choice = _usable(root, prefer or wanted.backend, host)
    nothing = policy.parse({"ssh": False, "ping": False}, ssh_ports=host.ssh_ports, read_list=userdata.read_list)
    return host, choice, nothing


def forget(root: str = "/") -> list[str]:
    """Make the next boot of the system at `root` a first boot, as `cloud-init clean` does for cloud-init. -> what
    was done. A sealed image is sealed again; another keeps the rules that it has, until user-data has spoken.
    Raises FirewallError or OSError, with nothing forgotten."""
    _check(root)
    done = []
    if "seal" in saved.read_json(saved.below(root, RECORD)):
        default = yaml.safe_load(saved.read(saved.below(root, DEFAULT)) or "") or {}
        # Over the rules that are there: those of another backend would stay beside the seal, and open their ports.
        there = saved.read_json(saved.below(root, saved.POLICY)).get("backend")
        done += seal(root, default.get(MODULE, {}), str(there or ""))
    undo = saved.Undo()
    for path in (DONE, saved.STATUS, saved.POLICY):  # the mark first: a half of this makes the module run again
        if os.path.lexists(saved.below(root, path)):
            saved.remove(saved.below(root, path), undo)
            done.append(f"removed {path.lstrip('/')}")
    return done


def _remember_seal(root: str, undo: saved.Undo, units: list[str], folders: list[str], made: list[str]) -> None:
    """What stood in the files before the first seal, so that uninstall can open the image again."""
    record = saved.read_json(saved.below(root, RECORD))
    seal: Any = record.setdefault("seal", {"before": {}, "units": []})
    for path, old in undo.before.items():
        text = old[0].decode("utf-8", "surrogateescape") if old else ""
        kept = None if old is None or _is_ours(text) else [text, old[1]]
        seal["before"].setdefault(os.path.relpath(path, root), kept)
    # What a policy of ours left there is not what stood there before us.
    for path in made:
        if _is_ours(saved.read(saved.below(root, path)) or ""):
            seal["before"].setdefault(os.path.relpath(saved.below(root, path), root), None)
            if "vps-firewall" in os.path.basename(path):
                folders = [*folders, os.path.dirname(path).lstrip("/")]
    seal["units"] = sorted({*seal["units"], *units})
    seal["folders"] = sorted({*seal.get("folders", ()), *folders})
    saved.write_json(saved.below(root, RECORD), record, 0o644)


def _is_ours(text: str) -> bool:
    return "Made by vps-firewall" in text[:200]


def _unseal(root: str, seal: Mapping[str, Any]) -> list[str]:
    """Open an image that never booted; a system that has a policy of its own by now keeps it."""
    if os.path.exists(saved.below(root, saved.POLICY)):
        return []
    for unit in seal.get("units", ()):
        kernel.disable(unit, root)
    before = {}
    for path, old in seal["before"].items():
        before[saved.below(root, path)] = (old[0].encode("utf-8", "surrogateescape"), old[1]) if old else None
    saved.Undo(before).undo()
    for place in backend.PLACES.values():
        shared = saved.below(root, place.include_in)
        text = saved.read(shared, "surrogateescape") if place.include_in else None
        if text is not None and not os.path.exists(saved.below(root, place.files[0])):
            saved.save({shared: saved.without_include(text, place.files[0])}, saved.Undo(), None)
    return [f"put back {path}" for path in seal["before"]] + [f"disabled {unit}" for unit in seal.get("units", ())]


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
    """Take the module out of the system at `root` again. -> what was done. The firewall itself stays as it is."""
    _check(root)
    done = []
    record = saved.read_json(saved.below(root, RECORD))
    files = record.get("files")
    if isinstance(seal := record.get("seal"), dict):
        done += _unseal(root, seal)
    undo = saved.Undo()
    # /usr/sbin may be a link to /usr/bin, and the command there a package's.
    own = [] if packaged(root) else [COMMAND]
    for path in [DROP_IN, DEFAULT, PRESET, *own, *(files if isinstance(files, list) else ())]:
        if os.path.lexists(saved.below(root, path)):
            saved.remove(saved.below(root, path), undo)
            done.append(f"removed {path}")
    schema = record.get("schema")
    if isinstance(schema, str) and (original := saved.read(saved.below(root, KEPT_SCHEMA))) is not None:
        now = saved.read(saved.below(root, schema))
        if now is not None and _digest(now) == record.get("patched"):
            date = record.get("date")  # of which `rpm -V` keeps a record
            saved.write(saved.below(root, schema), original.encode(), _mode(record))
            if isinstance(date, float):
                saved.set_date(saved.below(root, schema), date)
            done.append(f"restored {schema}")
        elif now is not None and DEFINITION in now:
            raise CannotRegister(f"{schema} was changed by somebody else too; take {DEFINITION} out by hand")
    for path in (KEPT_SCHEMA, RECORD):
        saved.remove(saved.below(root, path), undo)
    folders = [record.get("folder"), *(seal.get("folders", ()) if isinstance(seal, dict) else ())]
    if not packaged(root):
        folders.append(saved.STATE)
    for folder in folders:
        if isinstance(folder, str):
            saved.remove_folder(saved.below(root, folder))
    return done


# --- looking ----------------------------------------------------------------------------------------------


def find(root: str) -> CloudInit:
    """The cloud-init of the system at `root`. Raises CannotRegister with what is missing."""
    _check(root)
    script = next((p for p in ("usr/bin/cloud-init", "usr/local/bin/cloud-init") if _is_file(root, p)), "")
    if not script:
        raise CannotRegister(f"there is no cloud-init below {root}")
    first = (saved.read(saved.below(root, script)) or "").partition("\n")[0]
    match = re.match(r"#!\s*(?:/usr/bin/env\s+)?(\S+)", first)
    interpreter = match[1] if match else ""
    if not interpreter.startswith("/"):
        interpreter = f"/usr/bin/{interpreter}"
    if not match or not os.path.exists(_resolve(root, interpreter)):
        raise CannotRegister(f"{script} runs with {interpreter or 'no interpreter'}, which is not there")
    real = os.path.basename(_resolve(root, interpreter))
    if (python := re.search(r"(\d+)\.(\d+)", real)) and (int(python[1]), int(python[2])) < OLDEST_PYTHON:
        raise CannotRegister(
            f"cloud-init runs with Python {python[0]} here; it takes {'.'.join(map(str, OLDEST_PYTHON))} or later"
        )
    candidates = sorted(
        glob.glob(saved.below(root, "usr/lib/python3*/*-packages/cloudinit"))
        + glob.glob(saved.below(root, "usr/local/lib/python3*/*-packages/cloudinit"))
    )
    if not candidates:
        raise CannotRegister(f"{script} is there, its Python package is not")
    fitting = [c for c in candidates if f"/{real}/" in c] or [c for c in candidates if "/python3/" in c] or candidates
    packages = os.path.relpath(os.path.dirname(fitting[0]), root)
    # From 26.1 on version.py takes it from a file that the build makes.
    said = "".join(saved.read(os.path.join(fitting[0], name)) or "" for name in ("version.py", "meson_versions.py"))
    told = re.search(r'(?:__|UPSTREAM_)VERSION(?:__)? = "([0-9.]+)', said)
    if not told:
        raise CannotRegister(f"{packages}/cloudinit does not say its version")
    version = tuple(int(n) for n in told[1].split(".") if n)
    if version[:2] < OLDEST:
        raise CannotRegister(f"cloud-init {told[1]} is older than {'.'.join(map(str, OLDEST))}, the oldest supported")
    return CloudInit(version, interpreter, packages)


def packaged(root: str) -> bool:
    """Is the engine at `root` a package's?"""
    return bool(glob.glob(saved.below(root, f"usr/lib/python3*/*-packages/{DEFINITION}/{INSTALLER}")))


def module_list(root: str) -> list[Any]:
    """The effective module list of the network stage, ours left out: cloud.cfg, then the drop-ins by name."""
    found: object = None
    drop_ins = sorted(glob.glob(saved.below(root, "etc/cloud/cloud.cfg.d/*.cfg")))
    for path in [saved.below(root, "etc/cloud/cloud.cfg"), *drop_ins]:
        name = os.path.relpath(path, root)
        if name == DROP_IN:
            continue
        text = saved.read(path)
        if text is None:
            raise CannotRegister(f"there is no {name}")
        try:
            config = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise CannotRegister(f"{name} is not YAML: {str(error).splitlines()[0]}") from None
        if config is not None and not isinstance(config, dict):
            raise CannotRegister(f"{name} is not a mapping")
        if config and LIST in config:
            found = config[LIST]
    if not isinstance(found, list) or not found:
        raise CannotRegister(f"etc/cloud/cloud.cfg has no list of {LIST}")
    return [item for item in found if _name(item) != MODULE]


# --- the parts --------------------------------------------------------------------------------------------


def _install(root: str, found: CloudInit, drop_in: str, undo: saved.Undo) -> Iterator[str]:
    engine = f"{found.packages}/{DEFINITION}"
    held = os.path.exists(saved.below(root, f"{engine}/{INSTALLER}"))
    # A package's engine may be another version than this one, and its schema is the one that counts there.
    files = {} if held else {f"{engine}/{name}": data for name, data in _engine()}
    own = saved.read(saved.below(root, f"{engine}/{SCHEMA_NAME}")) if held else None
    schema = f"{found.packages}/{SCHEMA}"
    record: dict[str, object] = {"files": sorted(files), "folder": None if held else engine}
    if "seal" in (former := saved.read_json(saved.below(root, RECORD))):
        record["seal"] = former["seal"]
    if (text := saved.read(saved.below(root, schema))) is not None:
        original, about = text, os.stat(saved.below(root, schema))
        mode, date = stat.S_IMODE(about.st_mode), about.st_mtime
        if DEFINITION in text:
            original = saved.read(saved.below(root, KEPT_SCHEMA)) or text
            date = known if isinstance(known := former.get("date"), float) else date
        patched = patch_schema(original, own)
        record.update(schema=schema, patched=_digest(patched), mode=mode, date=date)
        # What uninstall needs is there before anything it has to put back is changed.
        yield from _put(root, {KEPT_SCHEMA: original}, undo, 0o644)
        yield from _put(root, {RECORD: json.dumps(record, indent=1, sort_keys=True) + "\n"}, undo, 0o644)
        yield from _put(root, {schema: patched}, undo, mode)
    else:
        yield from _put(root, {RECORD: json.dumps(record, indent=1, sort_keys=True) + "\n"}, undo, 0o644)
    if not held:
        older = former.get("files")
        for path in older if isinstance(older, list) else ():
            if path not in files:
                saved.remove(saved.below(root, path), undo)
        yield from _put(root, files, undo, 0o644)
        command = f"#!{found.interpreter}\nimport sys\n\nfrom {DEFINITION}.cli import main\n\nsys.exit(main())\n"
        yield from _put(root, {COMMAND: command}, undo, 0o755)
    yield from _put(root, {DROP_IN: drop_in}, undo, 0o644)


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


# --- paths ------------------------------------------------------------------------------------------------


def _resolve(root: str, path: str) -> str:
    """The file itself, which a link may name otherwise."""
    return os.path.realpath(path) if root == "/" else saved.below(root, path)


def _check(root: str) -> None:
    """/proc/PID/root is a name that the kernel follows and that, read as a link, says `/`: this computer."""
    real = os.path.realpath(root)
    if not (os.path.isdir(root) and os.path.isdir(real) and os.path.samefile(root, real)):
        raise CannotRegister(f"{root} is no folder, or a name for one that leads elsewhere")


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

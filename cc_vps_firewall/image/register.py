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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from ..errors import CannotRegister, FirewallError
from ..host import facts, process, saved
from ..root import HERE, Root, check_root
from . import seal
from .seal import DEFAULT, DROP_INS, FORMER_PRESET, PRESET, RECORD

MODULE = "vps_firewall"
DEFINITION = "cc_vps_firewall"
LIST = "cloud_init_modules"
CONFIG = "etc/cloud/cloud.cfg"
DROP_IN = f"{DROP_INS}/99_vps_firewall.cfg"
CLEAN_HOOK = "etc/cloud/clean.d/50-vps-firewall"
COMMAND = "usr/sbin/vps-firewall"
BUNDLES_COMMAND = "usr/local/sbin/vps-firewall"  # as in carrier.py, which cloud-init alone imports
BUNDLES_ENGINE = "/vps-firewall/engine/vps-firewall"
KEPT_SCHEMA = "var/lib/vps-firewall/registered-schema.json"
INSTALLER = "INSTALLER"  # beside the engine that a package holds: the name of the package manager, as PEP 376 has it
SCHEMA = "cloudinit/config/schemas/schema-cloud-config-v1.json"
OLDEST = (20, 4)
OLDEST_PYTHON = (3, 9)
NEWEST_TRIED = (26, 2)

# After the files that user-data may write (a list file of sources), before users and keys open the host.
AFTER = ("write_files", "bootcmd", "seed_random", "migrator")


@dataclass(frozen=True)
class CloudInit:
    """A cloud-init as installed below a root: all paths are relative to that root."""

    version: tuple[int, ...]
    interpreter: str
    packages: str  # the folder that holds the package `cloudinit`, and will hold ours


def install(root: Root = HERE) -> list[str]:
    """Put the module into the cloud-init of the system at `root`. -> what was done, empty when nothing was left
    to do. Raises CannotRegister, or OSError with everything put back."""
    found = find(root)
    notes = []
    if found.version[:2] > NEWEST_TRIED:
        notes.append(f"cloud-init {'.'.join(map(str, found.version))} is newer than any that this was tried with")
    listed = _drop_in(root)
    first = not os.path.exists(root / RECORD)
    undo = saved.Undo()
    engine = [f"{found.packages}/{DEFINITION}/{name}" for name in saved.modules(_here())]
    made = saved.missing_folders(root, (*engine, RECORD, CLEAN_HOOK, COMMAND, DROP_IN))
    try:
        written = [*_hide_status(root, undo), *_install(root, found, listed, undo)]
        notes += _remove_bundles_command(root)
    except BaseException:
        undo.undo()
        saved.remove_folders(root, made)
        raise
    if not packaged(root):
        _compile(root, found)
    elif root == HERE and first:
        notes += _keep_the_service()
    return [*(f"wrote {path}" for path in written), *notes]


def install_sealed(root: Root, default: object) -> list[str]:
    """install(), and the seal; both or none of them. -> what was done. Raises as they do."""
    find(root)
    seal.check(root, default)
    first = not os.path.exists(root / RECORD)
    done = install(root)
    try:
        return done + seal.close(root, default)
    except BaseException:
        if first:
            uninstall(root)
        raise


def uninstall(root: Root = HERE) -> list[str]:
    """Take the module out of the system at `root` again. -> what was done. The firewall itself stays as it is.
    Raises CannotRegister with nothing changed, or FirewallError or OSError, where the next run goes on."""
    check_root(root)
    record = _recorded(root)
    schema = _kept_schema(root, record)
    sealed = seal.told_of(root, record)
    done = seal.open_again(root, sealed)
    undo = saved.Undo()
    done += saved.remove_all(root, [DROP_IN, DEFAULT, PRESET, FORMER_PRESET], undo)
    for path, original in schema.items():
        done += [f"restored {path}" for _ in saved.save({root / path: original}, undo, _mode(record))]
        if isinstance(date := record.get("date"), float):  # of which `rpm -V` keeps a record
            saved.set_date(root / path, date)
    # The engine and the command behind what may fail, for the next run to go on with. /usr/sbin may be a link to
    # /usr/bin, and the command there a package's.
    own = [CLEAN_HOOK, COMMAND, *_words(record.get("files")), *_leftovers(root, record.get("folder"))]
    done += saved.remove_all(root, [] if packaged(root) else list(dict.fromkeys(own)), undo)
    if isinstance(engine := record.get("folder"), str):
        saved.remove_package(root / engine)
    saved.remove_folders(root, [*_words(record.get("folders")), *_words(sealed.get("folders"))])
    saved.remove_all(root, [KEPT_SCHEMA, RECORD], undo)  # last: a run that is killed before this knows what is left
    if not packaged(root):
        saved.remove_folder(root / saved.STATE)
    return done


def _recorded(root: Root) -> Mapping[str, Any]:
    """What install() wrote down; where that cannot be read, what it would say of the system as it is."""
    record = saved.read_json(root / RECORD)
    if record or not os.path.exists(root / RECORD):
        return record
    packages = find(root).packages
    engine, now = f"{packages}/{DEFINITION}", saved.read(root / f"{packages}/{SCHEMA}") or ""
    told = {"folder": engine, "files": [f"{engine}/{SCHEMA_NAME}"], "schema": f"{packages}/{SCHEMA}"}
    return {**told, "patched": _digest(now)} if not packaged(root) else {**told, "files": [], "folder": None}


def _leftovers(root: Root, folder: object) -> list[str]:
    """What an upgrade that was killed left in the engine's folder, of an older version or half-written."""
    place = root / folder if isinstance(folder, str) else ""
    return [
        f"{folder}/{os.path.relpath(os.path.join(inner, name), place)}"
        for inner, _, names in (os.walk(place) if place else ())
        for name in names
        if name.endswith((".py", ".vps-firewall"))
    ]


def _kept_schema(root: Root, record: Mapping[str, object]) -> dict[str, str]:
    """path -> text: cloud-init's schema as it was before us, where what is there is ours. Raises CannotRegister where
    it is ours and somebody else's."""
    schema, original = record.get("schema"), saved.read(root / KEPT_SCHEMA)
    if not isinstance(schema, str):
        return {}
    saved.discard(root / schema)
    now = saved.read(root / schema)
    if original is None or now is None:
        return {}
    if now == original or _digest(now) in (record.get("patched"), record.get("formerly")):
        return {schema: original}
    if DEFINITION in now:
        raise CannotRegister(f"{schema} was changed by somebody else too; take {DEFINITION} out by hand")
    return {}


# --- looking ----------------------------------------------------------------------------------------------


def find(root: Root) -> CloudInit:
    """The cloud-init of the system at `root`. Raises CannotRegister with what is missing."""
    check_root(root)
    script = next((p for p in ("usr/bin/cloud-init", "usr/local/bin/cloud-init") if _is_file(root, p)), "")
    if not script:
        raise CannotRegister(f"there is no cloud-init below {root}")
    first = (saved.read(root / script) or "").partition("\n")[0]
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
        saved.read(root / f"{packages}/cloudinit/{name}") or "" for name in ("version.py", "meson_versions.py")
    )
    told = re.search(r'(?:__|UPSTREAM_)VERSION(?:__)? = "([0-9.]+)', said)
    if not told:
        raise CannotRegister(f"{packages}/cloudinit does not say its version")
    version = tuple(int(n) for n in told[1].split(".") if n)
    if version[:2] < OLDEST:
        raise CannotRegister(f"cloud-init {told[1]} is older than {'.'.join(map(str, OLDEST))}, the oldest supported")
    return CloudInit(version, interpreter, packages)


_PYTHON = re.compile(r"python3(\.\d+)?|platform-python[\d.]*")


def packaged(root: Root) -> bool:
    """Is the engine at `root` a package's?"""
    return bool(_in_packages(root, f"{DEFINITION}/{INSTALLER}"))


def _in_packages(root: Root, name: str) -> list[str]:
    """Where that is among the packages of a Python of the system at `root`."""
    folders = [glob.escape(root / folder) for folder in ("usr/lib", "usr/local/lib")]
    return sorted(path for folder in folders for path in glob.glob(f"{folder}/python3*/*-packages/{name}"))


def module_list(root: Root) -> list[Any]:
    """The effective module list of the network stage, ours left out: cloud.cfg, then the drop-ins by name."""
    found: object = None
    for name in [CONFIG, *_drop_ins(root)]:
        text = saved.read(root / name)
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
            if name != CONFIG and {"merge_how", "merge_type"} & config.keys():
                raise CannotRegister(f"{name} says how cloud-init is to merge its list of {LIST}; write the whole list")
            if name > DROP_IN:
                raise CannotRegister(
                    f"{name} has a list of {LIST} that replaces ours; rename it so that it sorts before "
                    f"{os.path.basename(DROP_IN)}"
                )
            found = config[LIST]
    if not isinstance(found, list) or not found:
        raise CannotRegister(f"{CONFIG} has no list of {LIST}")
    return [item for item in found if _name(item) != MODULE]


def _drop_ins(root: Root) -> list[str]:
    """The drop-ins that cloud-init reads (its util.read_conf_d), but for ours: a hidden file too, no folder, and no
    link that leads nowhere."""
    folder = root / DROP_INS
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    paths = (f"{DROP_INS}/{name}" for name in names if name.endswith(".cfg"))
    return [path for path in paths if path != DROP_IN and os.path.isfile(root / path)]


# --- the parts --------------------------------------------------------------------------------------------


def _install(root: Root, found: CloudInit, drop_in: str, undo: saved.Undo) -> Iterator[str]:
    engine = f"{found.packages}/{DEFINITION}"
    held = os.path.exists(root / f"{engine}/{INSTALLER}")
    # A package's engine may be another version than this one, and its schema is the one that counts there.
    files = {} if held else {f"{engine}/{name}": data for name, data in _engine()}
    own = saved.read(root / f"{engine}/{SCHEMA_NAME}") if held else None
    schema = f"{found.packages}/{SCHEMA}"
    command = f"#!{found.interpreter}\nimport sys\n\nfrom {DEFINITION}.cli import main\n\nsys.exit(main())\n"
    programs = {} if held else {CLEAN_HOOK: clean_hook(found.interpreter), COMMAND: command}
    former = saved.read_json(root / RECORD)
    made = saved.missing_folders(root, (*programs, DROP_IN))
    record: dict[str, object] = {"files": sorted(files), "folder": None if held else engine}
    record["folders"] = sorted(made.union(_words(former.get("folders"))))
    if "seal" in former:
        record["seal"] = former["seal"]
    if (text := saved.read(root / schema)) is not None:
        original, about = text, os.stat(root / schema)
        mode, date = stat.S_IMODE(about.st_mode), about.st_mtime
        if DEFINITION in text:
            original = saved.read(root / KEPT_SCHEMA) or text
            date = known if isinstance(known := former.get("date"), float) else date
        patched = patch_schema(original, own)
        record.update(schema=schema, patched=_digest(patched), mode=mode, date=date)
        record["formerly"] = _formerly(former, _digest(text), _digest(patched))
        # What uninstall needs is there before anything it has to put back is changed.
        yield from _put(root, {KEPT_SCHEMA: original}, undo, 0o644)
        yield from _put(root, {RECORD: saved.as_json(record)}, undo, 0o600)
        yield from _put(root, {schema: patched}, undo, mode)
    else:
        yield from _put(root, {RECORD: saved.as_json(record)}, undo, 0o600)
    if not held:
        older = former.get("files")
        gone = [path for path in _words(older) if path not in files]
        for path in gone:
            saved.remove(root / path, undo)
        yield from _put(root, files, undo, 0o644)
        saved.remove_folders(root, {os.path.dirname(path) for path in gone}.difference(map(os.path.dirname, files)))
        if isinstance(other := former.get("folder"), str) and other != engine:  # another Python's
            saved.remove_package(root / other)
    yield from _put(root, programs, undo, 0o755)
    if (presets := saved.read(root / FORMER_PRESET)) is not None:
        yield from _put(root, {PRESET: presets}, undo, 0o644)
        saved.remove(root / FORMER_PRESET, undo)
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

from cc_vps_firewall.errors import reason
from cc_vps_firewall.image import seal

try:
    print("\\n".join(seal.forget()) or "vps-firewall: there was nothing to forget")
except Exception as failure:
    sys.exit("vps-firewall: %s; the policy was kept" % reason(failure))
'''


def _compile(root: Root, found: CloudInit) -> None:
    """Compile the engine for the Python that will import it: without this a first boot does, in its most precious
    seconds, and again at every boot where /usr is read-only. Whatever goes wrong here is no harm."""
    folder = f"{found.packages}/{DEFINITION}"
    program = _resolve(root, found.interpreter)
    version = re.search(r"python(\d+)\.(\d+)", os.path.basename(program))
    if not version:
        return
    tag = f"cpython-{version[1]}{version[2]}"
    with contextlib.suppress(FirewallError, OSError):
        if saved.is_compiled(root / folder, tag):
            return
        if tag == sys.implementation.cache_tag:
            saved.compile_folder(root / folder, f"/{folder}")
        elif _is_program(program):
            inside = ["chroot", str(root)] if root != HERE else []
            digest = ("--invalidation-mode", "checked-hash")
            process.run(*inside, found.interpreter, "-I", "-m", "compileall", "-q", *digest, f"/{folder}")


def _keep_the_service() -> list[str]:
    """Tell the package manager that its owner wants the package that loads the rules. It came because ours needs it,
    and `dnf remove` of ours would take it along, which opens the host. Once only: the later calls come from within
    a transaction, where nobody can be told. -> what could not be done"""
    host = facts.inspect()
    keep = _KEEP.get(host.distribution.name, ())
    notes = []
    for place in host.distribution.persistence.values() if keep else ():
        if all(unit in host.units for unit in place.units):
            failures = []
            for tell in keep:
                try:
                    process.run(*tell, place.package)
                    break
                except FirewallError as failure:
                    failures.append(str(failure))
            else:
                notes.append(f"{place.package} may go when vps-firewall is removed: {'; '.join(failures)}")
    return notes


# dnf 5 calls it `user`.
_KEEP = {"redhat": (("dnf", "mark", "install"), ("dnf", "mark", "user")), "debian": (("apt-mark", "manual"),)}


def _is_program(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def _drop_in(root: Root) -> str:
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
    nested = {k: v for k, v in ours.items() if k not in ("$schema", "$id", "title")}
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


FOR_EDITORS = ("defaultSnippets", "patternErrorMessage")  # which cloud-init would read at every boot


def _relocate(value: Any, prefix: str) -> Any:
    """Our `#/definitions/x` are one level deeper inside cloud-init's file, which is draft-04. That knows no `if`: what
    `else` asks no value can have, so that all must be as the `if` says."""
    if isinstance(value, Mapping):
        here = {k: v for k, v in value.items() if k not in ("if", "else", *FOR_EDITORS)}
        if isinstance(value.get("if"), Mapping):
            here["allOf"] = [*here.get("allOf", ()), value["if"]]
        return {
            k: v.replace("#/definitions/", prefix) if k == "$ref" and isinstance(v, str) else _relocate(v, prefix)
            for k, v in here.items()
        }
    if isinstance(value, list):
        return [_relocate(v, prefix) for v in value]
    return copy.copy(value)


def _engine() -> Iterator[tuple[str, str]]:
    """Our own files, as text: the package, and the schema beside it."""
    for name in saved.modules(_here()):
        yield name, saved.read(os.path.join(_here(), name)) or ""
    yield SCHEMA_NAME, _own_schema()


def _here() -> str:
    """The folder of the package."""
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


SCHEMA_NAME = "vps-firewall.schema.json"


def _own_schema() -> str:
    for folder in (_here(), os.path.join(os.path.dirname(_here()), "schemas")):
        text = saved.read(os.path.join(folder, SCHEMA_NAME))
        if text is not None:
            return text
    raise CannotRegister(f"this installation has no {SCHEMA_NAME}")


def _put(root: Root, files: Mapping[str, str], undo: saved.Undo, mode: int) -> Iterator[str]:
    for path in saved.save({root / path: text for path, text in files.items()}, undo, mode):
        yield os.path.relpath(path, root)


def _hide_status(root: Root, undo: saved.Undo) -> Iterator[str]:
    """What an earlier version has left for every user to read, who may log in among it, becomes root's."""
    told = saved.read_json(root / saved.PUBLIC)
    if told and not os.path.exists(root / saved.STATUS):
        yield from _put(root, {saved.STATUS: saved.as_json(told)}, undo, 0o600)
        shown = {key: value for key, value in told.items() if key not in ("open", "problems", "notes")}
        yield from _put(root, {saved.PUBLIC: saved.as_json(shown)}, undo, 0o644)


def _remove_bundles_command(root: Root) -> list[str]:
    """A machine that a bundle closed has its short command in a folder that comes before ours on PATH. -> what was
    done"""
    folder, name = os.path.split(BUNDLES_COMMAND)
    link = os.path.join(root / folder, name)
    if not (os.path.islink(link) and os.readlink(link).endswith(BUNDLES_ENGINE)):
        return []
    saved.unlink(link)
    return [f"removed {BUNDLES_COMMAND}, a bundle's"]


# --- paths ------------------------------------------------------------------------------------------------


def _resolve(root: Root, path: str) -> str:
    """The file itself, which a link may name otherwise."""
    return os.path.realpath(path) if root == HERE else root / path


def _is_file(root: Root, path: str) -> bool:
    return os.path.isfile(_resolve(root, f"/{path}"))


def _name(item: object) -> str:
    name = item[0] if isinstance(item, list) and item else item.get("name") if isinstance(item, dict) else item
    return name.replace("-", "_") if isinstance(name, str) else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _mode(record: Mapping[str, object]) -> int:
    mode = record.get("mode")
    return mode if isinstance(mode, int) else 0o644


def _words(value: object) -> list[str]:
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []

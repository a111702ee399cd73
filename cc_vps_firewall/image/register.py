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
import hashlib
import json
import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from ..errors import CannotRegister, FirewallError
from ..host import facts, files, process, state
from ..root import HERE, Root, check_root
from . import record as records
from . import seal
from .installed import (
    DEFINITION,
    DROP_IN,
    INSTALLER,
    LIST,
    MODULE,
    NEWEST_TRIED,
    CloudInit,
    find,
    module_list,
    module_name,
    packaged,
    resolve,
)
from .record import PATH as RECORD
from .record import Record
from .seal import DEFAULT, FORMER_PRESET, PRESET

CLEAN_HOOK = "etc/cloud/clean.d/50-vps-firewall"
COMMAND = "usr/sbin/vps-firewall"
BUNDLES_COMMAND = "usr/local/sbin/vps-firewall"  # as in part_handler.py, which cloud-init alone imports
BUNDLES_ENGINE = "/vps-firewall/engine/vps-firewall"
KEPT_SCHEMA = "var/lib/vps-firewall/registered-schema.json"
SCHEMA = "cloudinit/config/schemas/schema-cloud-config-v1.json"
# After the files that user-data may write (a list file of sources), before users and keys open the host.
AFTER = ("write_files", "bootcmd", "seed_random", "migrator")


def install(root: Root = HERE) -> list[str]:
    """Put the module into the cloud-init of the system at `root`. -> what was done, empty when nothing was left
    to do. Raises CannotRegister, or OSError with everything put back."""
    found = find(root)
    notes = []
    if found.version[:2] > NEWEST_TRIED:
        notes.append(f"cloud-init {'.'.join(map(str, found.version))} is newer than any that this was tried with")
    listed = _drop_in(root)
    first = not os.path.exists(root / RECORD)
    undo = files.Undo()
    engine = [f"{found.packages}/{DEFINITION}/{name}" for name in files.modules(_here())]
    made = files.missing_folders(root, (*engine, RECORD, CLEAN_HOOK, COMMAND, DROP_IN))
    try:
        written = [*_hide_status(root, undo), *_install(root, found, listed, undo)]
        notes += _remove_bundles_command(root)
    except BaseException:
        undo.undo()
        files.remove_folders(root, made)
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
    sealed = seal.sealed(root, record)
    done = seal.open_again(root, sealed)
    undo = files.Undo()
    done += files.remove_all(root, [DROP_IN, DEFAULT, PRESET, FORMER_PRESET], undo)
    for path, original in schema.items():
        done += [f"restored {path}" for _ in files.save({root / path: original}, undo, record.get("mode", 0o644))]
        if "date" in record:
            files.set_date(root / path, record["date"])
    # The engine and the command behind what may fail, for the next run to go on with. /usr/sbin may be a link to
    # /usr/bin, and the command there a package's.
    own = [CLEAN_HOOK, COMMAND, *record.get("files", ()), *_leftovers(root, record.get("folder"))]
    done += files.remove_all(root, [] if packaged(root) else list(dict.fromkeys(own)), undo)
    if "folder" in record:
        files.remove_package(root / record["folder"])
    files.remove_folders(root, [*record.get("folders", ()), *sealed.get("folders", ())])
    files.remove_all(root, [KEPT_SCHEMA, RECORD], undo)  # last: a run that is killed before this knows what is left
    if not packaged(root):
        files.remove_folder(root / state.STATE)
    return done


def _recorded(root: Root) -> Record:
    """What install() wrote down; where that cannot be read, what it would say of the system as it is."""
    record = records.read(root)
    if record or not os.path.exists(root / RECORD):
        return record
    packages = find(root).packages
    engine, now = f"{packages}/{DEFINITION}", files.read(root / f"{packages}/{SCHEMA}") or ""
    guessed: Record = {"files": [], "schema": f"{packages}/{SCHEMA}"}
    if not packaged(root):
        guessed.update({"folder": engine, "files": [f"{engine}/{SCHEMA_NAME}"], "patched": _digest(now)})
    return guessed


def _leftovers(root: Root, folder: str | None) -> list[str]:
    """What an upgrade that was killed left in the engine's folder, of an older version or half-written."""
    place = root / folder if folder else ""
    return [
        f"{folder}/{os.path.relpath(os.path.join(inner, name), place)}"
        for inner, _, names in (os.walk(place) if place else ())
        for name in names
        if name.endswith((".py", ".vps-firewall"))
    ]


def _kept_schema(root: Root, record: Record) -> dict[str, str]:
    """path -> text: cloud-init's schema as it was before us, where what is there is ours. Raises CannotRegister where
    it is ours and somebody else's."""
    schema, original = record.get("schema"), files.read(root / KEPT_SCHEMA)
    if schema is None:
        return {}
    files.discard(root / schema)
    now = files.read(root / schema)
    if original is None or now is None:
        return {}
    if now == original or _digest(now) in (record.get("patched"), record.get("formerly")):
        return {schema: original}
    if DEFINITION in now:
        raise CannotRegister(f"{schema} was changed by somebody else too; take {DEFINITION} out by hand")
    return {}


# --- the parts --------------------------------------------------------------------------------------------


def _install(root: Root, found: CloudInit, drop_in: str, undo: files.Undo) -> Iterator[str]:
    engine = f"{found.packages}/{DEFINITION}"
    held = os.path.exists(root / f"{engine}/{INSTALLER}")
    # A package's engine may be another version than this one, and its schema is the one that counts there.
    contents = {} if held else {f"{engine}/{name}": data for name, data in _engine()}
    own = files.read(root / f"{engine}/{SCHEMA_NAME}") if held else None
    schema = f"{found.packages}/{SCHEMA}"
    command = f"#!{found.interpreter}\nimport sys\n\nfrom {DEFINITION}.cli import main\n\nsys.exit(main())\n"
    programs = {} if held else {CLEAN_HOOK: clean_hook(found.interpreter), COMMAND: command}
    former = records.read(root)
    made = files.missing_folders(root, (*programs, DROP_IN))
    record: Record = {"files": sorted(contents), "folders": sorted(made.union(former.get("folders", ())))}
    if not held:
        record["folder"] = engine
    if "seal" in former:
        record["seal"] = former["seal"]
    if (text := files.read(root / schema)) is not None:
        original, about = text, os.stat(root / schema)
        mode, date = stat.S_IMODE(about.st_mode), about.st_mtime
        if DEFINITION in text:
            original = files.read(root / KEPT_SCHEMA) or text
            date = former.get("date", date)
        patched = patch_schema(original, own)
        record.update({"schema": schema, "patched": _digest(patched), "mode": mode, "date": date})
        if formerly := _formerly(former, _digest(text), _digest(patched)):
            record["formerly"] = formerly
        # What uninstall needs is there before anything it has to put back is changed.
        yield from _put(root, {KEPT_SCHEMA: original}, undo, 0o644)
        yield from _put(root, {RECORD: files.as_json(record)}, undo, 0o600)
        yield from _put(root, {schema: patched}, undo, mode)
    else:
        yield from _put(root, {RECORD: files.as_json(record)}, undo, 0o600)
    if not held:
        gone = [path for path in former.get("files", ()) if path not in contents]
        for path in gone:
            files.remove(root / path, undo)
        yield from _put(root, contents, undo, 0o644)
        files.remove_folders(root, {os.path.dirname(path) for path in gone}.difference(map(os.path.dirname, contents)))
        if (other := former.get("folder", engine)) != engine:  # another Python's
            files.remove_package(root / other)
    yield from _put(root, programs, undo, 0o755)
    if (presets := files.read(root / FORMER_PRESET)) is not None:
        yield from _put(root, {PRESET: presets}, undo, 0o644)
        files.remove(root / FORMER_PRESET, undo)
    yield from _put(root, {DROP_IN: drop_in}, undo, 0o644)


def _formerly(former: Record, now: str, patched: str) -> str | None:
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
    program = resolve(root, found.interpreter)
    version = re.search(r"python(\d+)\.(\d+)", os.path.basename(program))
    if not version:
        return
    tag = f"cpython-{version[1]}{version[2]}"
    with contextlib.suppress(FirewallError, OSError):
        if files.is_compiled(root / folder, tag):
            return
        if tag == sys.implementation.cache_tag:
            files.compile_folder(root / folder, f"/{folder}")
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
    names = [module_name(item) for item in modules]
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
    for name in files.modules(_here()):
        yield name, files.read(os.path.join(_here(), name)) or ""
    yield SCHEMA_NAME, _own_schema()


def _here() -> str:
    """The folder of the package."""
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


SCHEMA_NAME = "vps-firewall.schema.json"


def _own_schema() -> str:
    for folder in (_here(), os.path.join(os.path.dirname(_here()), "schemas")):
        text = files.read(os.path.join(folder, SCHEMA_NAME))
        if text is not None:
            return text
    raise CannotRegister(f"this installation has no {SCHEMA_NAME}")


def _put(root: Root, contents: Mapping[str, str], undo: files.Undo, mode: int) -> Iterator[str]:
    for path in files.save({root / path: text for path, text in contents.items()}, undo, mode):
        yield os.path.relpath(path, root)


def _hide_status(root: Root, undo: files.Undo) -> Iterator[str]:
    """What an earlier version has left for every user to read, who may log in among it, becomes root's."""
    told = files.read_json(root / state.PUBLIC)
    if told and not os.path.exists(root / state.STATUS):
        yield from _put(root, {state.STATUS: files.as_json(told)}, undo, 0o600)
        shown = {key: value for key, value in told.items() if key not in ("open", "problems", "notes")}
        yield from _put(root, {state.PUBLIC: files.as_json(shown)}, undo, 0o644)


def _remove_bundles_command(root: Root) -> list[str]:
    """A machine that a bundle closed has its short command in a folder that comes before ours on PATH. -> what was
    done"""
    folder, name = os.path.split(BUNDLES_COMMAND)
    link = os.path.join(root / folder, name)
    if not (os.path.islink(link) and os.readlink(link).endswith(BUNDLES_ENGINE)):
        return []
    files.unlink(link)
    return [f"removed {BUNDLES_COMMAND}, a bundle's"]


# --- paths ------------------------------------------------------------------------------------------------


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

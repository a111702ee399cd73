"""What an install and a seal wrote down of a system, so that it can be put back as it was."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from typing import Optional, TypedDict, cast

from ..host import files, state
from ..root import Root

PATH = state.RECORD.lstrip("/")

Former = Optional[tuple[str, Optional[int]]]  # text and mode of a file; None where there was none


class Seal(TypedDict, total=False):
    """`before`: path below the root -> what stood there before the first seal. `units`, `disabled`: the services that
    sealing enabled and disabled; `folders`: those that it made."""

    before: dict[str, Former]
    units: list[str]
    disabled: list[str]
    folders: list[str]


class Record(TypedDict, total=False):
    """registered.json, written before what it tells of is changed. Paths are relative to the root.

    `files`, `folders`: what an install made; `folder`: that of the engine, unless a package holds it. `schema`:
    cloud-init's own, with the digests of it as `patched` and, while one version follows another, as `formerly`; its
    `mode`, and its `date`, of which `rpm -V` keeps a record.
    """

    files: list[str]
    folders: list[str]
    folder: str
    schema: str
    patched: str
    formerly: str
    mode: int
    date: float
    seal: Seal


_TYPES = {"folder": str, "schema": str, "patched": str, "formerly": str, "mode": int, "date": float}


def read(root: Root) -> Record:
    """The record of the system at `root`, as far as it can be read; empty where there is none."""
    found = files.read_json(root / PATH)
    kept: dict[str, object] = {name: found[name] for name, kind in _TYPES.items() if isinstance(found.get(name), kind)}
    kept.update({name: files.strings(found, name) for name in ("files", "folders") if name in found})
    if isinstance(sealed := found.get("seal"), dict):
        kept["seal"] = _seal(sealed)
    return cast(Record, kept)


def _seal(found: Mapping[str, object]) -> Seal:
    before = found.get("before")
    named = {name: files.strings(found, name) for name in ("units", "disabled", "folders") if name in found}
    previous = {str(path): _former(file) for path, file in before.items()} if isinstance(before, dict) else {}
    return cast(Seal, {**named, **({"before": previous} if "before" in found else {})})


def _former(file: object) -> Former:
    if not (isinstance(file, list) and len(file) == 2 and isinstance(file[0], str)):
        return None
    return file[0], stat.S_IMODE(file[1]) if isinstance(file[1], int) else None


def write(root: Root, record: Record, undo: files.Undo) -> list[str]:
    """Write it down. -> the paths written. Raises OSError."""
    return files.save({root / PATH: files.as_json(record)}, undo)

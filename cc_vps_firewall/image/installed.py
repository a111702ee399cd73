"""The cloud-init that a system has: which, where, run by which Python, and its list of modules."""

from __future__ import annotations

import glob
import os
import re
from dataclasses import dataclass
from typing import Any

import yaml

from ..errors import CannotRegister
from ..host import files
from ..root import HERE, Root, check_root

DROP_INS = "etc/cloud/cloud.cfg.d"
MODULE = "vps_firewall"
DEFINITION = "cc_vps_firewall"
LIST = "cloud_init_modules"
CONFIG = "etc/cloud/cloud.cfg"
DROP_IN = f"{DROP_INS}/99_vps_firewall.cfg"
INSTALLER = "INSTALLER"  # beside the engine that a package holds: the name of the package manager, as PEP 376 has it
OLDEST = (20, 4)
OLDEST_PYTHON = (3, 9)
NEWEST_TRIED = (26, 2)


@dataclass(frozen=True)
class CloudInit:
    """A cloud-init as installed below a root: all paths are relative to that root."""

    version: tuple[int, ...]
    interpreter: str
    packages: str  # the folder that holds the package `cloudinit`, and will hold ours


def find(root: Root) -> CloudInit:
    """The cloud-init of the system at `root`. Raises CannotRegister with what is missing."""
    check_root(root)
    script = next((p for p in ("usr/bin/cloud-init", "usr/local/bin/cloud-init") if _is_file(root, p)), "")
    if not script:
        raise CannotRegister(f"there is no cloud-init below {root}")
    first = (files.read(root / script) or "").partition("\n")[0]
    match = re.match(r"#!\s*(?:/usr/bin/env\s+(?:-S\s+)?)?(\S+)", first)
    interpreter = match[1] if match else ""
    if not interpreter.startswith("/"):
        interpreter = f"/usr/bin/{interpreter}"
    if not match or not os.path.exists(resolve(root, interpreter)):
        raise CannotRegister(f"{script} runs with {interpreter if match else 'no interpreter'}, which is not there")
    # The folder, not the file: the Python of a virtual environment is a link to the system's.
    folder = os.path.relpath(resolve(root, os.path.dirname(interpreter)), root)
    if not (_PYTHON.fullmatch(os.path.basename(interpreter)) and folder.startswith("usr/")):
        raise CannotRegister(
            f"{script} runs with {interpreter}; it takes a python3 below /usr, neither a wrapper nor an environment"
        )
    real = os.path.basename(resolve(root, interpreter))
    python = re.search(r"(\d+)\.(\d+)", real)
    if python and (int(python[1]), int(python[2])) < OLDEST_PYTHON:
        raise CannotRegister(
            f"cloud-init runs with Python {python[0]} here; it takes {'.'.join(map(str, OLDEST_PYTHON))} or later"
        )
    there = [os.path.dirname(os.path.relpath(path, root)) for path in in_packages(root, "cloudinit")]
    its = [f"python{python[0]}" if python else "", "python3"]  # the latter, Debian's, is for every Python 3
    packages = next((path for name in its for path in there if name in path.split("/")), "")
    if not packages:
        raise CannotRegister(f"{script} is there, its package for {real} is not")
    # From 26.1 on version.py takes it from a file that the build makes.
    said = "".join(
        files.read(root / f"{packages}/cloudinit/{name}") or "" for name in ("version.py", "meson_versions.py")
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
    return bool(in_packages(root, f"{DEFINITION}/{INSTALLER}"))


def in_packages(root: Root, name: str) -> list[str]:
    """Where that is among the packages of a Python of the system at `root`."""
    folders = [glob.escape(root / folder) for folder in ("usr/lib", "usr/local/lib")]
    return sorted(path for folder in folders for path in glob.glob(f"{folder}/python3*/*-packages/{name}"))


def module_list(root: Root) -> list[Any]:
    """The effective module list of the network stage, ours left out: cloud.cfg, then the drop-ins by name."""
    found: object = None
    for name in [CONFIG, *_drop_ins(root)]:
        text = files.read(root / name)
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
    return [item for item in found if module_name(item) != MODULE]


def _drop_ins(root: Root) -> list[str]:
    """The drop-ins that cloud-init reads (its util.read_conf_d), but for ours: a hidden file too, no folder, and no
    link that leads nowhere."""
    folder = root / DROP_INS
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    paths = (f"{DROP_INS}/{name}" for name in names if name.endswith(".cfg"))
    return [path for path in paths if path != DROP_IN and os.path.isfile(root / path)]


def resolve(root: Root, path: str) -> str:
    """The file itself, which a link may name otherwise."""
    return os.path.realpath(path) if root == HERE else root / path


def _is_file(root: Root, path: str) -> bool:
    return os.path.isfile(resolve(root, f"/{path}"))


def module_name(item: object) -> str:
    name = item[0] if isinstance(item, list) and item else item.get("name") if isinstance(item, dict) else item
    return name.replace("-", "_") if isinstance(name, str) else ""

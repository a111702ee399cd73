"""Imports point one way, what is pure stays pure, and processes and files have one door each."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

import cc_vps_firewall

PACKAGE = Path(cc_vps_firewall.__file__).parent

# A module imports those before it alone. One in a folder has the folder's name before its own, as an import has it;
# the folder's name alone is its `__init__`. The package's own `__init__` comes late because it imports the engine
# inside handle(), and may import nothing when it is itself imported: see test_the_entry_is_stdlib_only.
ORDER = (
    "version", "errors", "root",
    "policy.interfaces", "policy.bounds", "policy.messages", "policy.networks", "policy.model", "policy.clouds",
    "policy.service_table", "policy.services", "policy.suggest", "policy.keys", "policy.values", "policy.sources",
    "policy.openings", "policy.expectations", "policy.checks", "policy.parser", "policy", "policy.overlooked",
    "policy.yaml_errors", "policy.compose", "policy.document", "policy.list_files", "policy.parts", "policy.userdata",
    "rules", "rules.rule", "rules.openings", "rules.ruleset",
    "rules.backend", "rules.compare", "rules.bans", "rules.ended", "rules.nftables",
    "rules.iptables", "rules.iptables_dumps", "rules.iptables_changes", "rules.fallback",
    "algebra", "algebra.ranges", "algebra.zones", "algebra.model", "algebra.words", "algebra.questions",
    "algebra.explain", "algebra.who", "algebra.diff", "algebra.expectations", "algebra.standing",
    "algebra.live", "algebra.live_walk", "algebra.live_values", "algebra.live_nftables", "algebra.live_ipset",
    "algebra.live_iptables", "algebra.live_who",
    "host", "host.process", "host.tools", "host.files", "host.state", "host.distributions", "host.policy_record",
    "host.records", "host.ordering", "host.systemd", "host.managers", "host.sshd", "host.modules", "host.facts",
    "host.trusted", "host.sysctl", "host.tracker",
    "backends", "backends.nftables", "backends.iptables", "backends.registry",
    "plan", "plan.model", "plan.targets", "plan.choice", "plan.decide",
    "apply", "apply.copies", "apply.filtering", "apply.save", "apply.previous", "apply.status", "apply.rehearse",
    "apply.bans", "apply.drift", "apply.converge",
    "image", "image.installed", "image.record", "image.seal", "image.register",
    "boot", "boot.first_boot", "boot.cloudinit", "boot.later_boot",
    "__init__",
    "engines", "engines.auto", "engines.iptables", "engines.nftables", "engines.nftables_router",
    "engines.nftables_trusting", "engines.stub",
    "bundle", "bundle.host_command", "bundle.bundle", "bundle.part_handler", "bundle.verify", "cli.verify",
    "cli.apply", "cli.removal", "cli.floods", "cli.report", "cli.live", "cli.listening", "cli.completion",
    "cli.answers", "cli.messages",
    "cli.ssh_session", "cli.cut", "cli.confirm", "cli.command", "cli",
    "__main__",
)  # fmt: skip
# All of policy/ but what hears YAML, reads files, or takes messages and gzip apart in memory.
PURE = (
    "version", "errors", "policy.interfaces", "policy.bounds", "policy.messages", "policy.networks", "policy.model",
    "policy.clouds", "policy.service_table", "policy.services", "policy.suggest", "policy.keys", "policy.values",
    "policy.sources", "policy.openings", "policy.expectations", "policy.checks", "policy.parser", "policy",
    "policy.overlooked",
    "rules", "rules.rule", "rules.openings", "rules.ruleset",
    "rules.backend", "rules.compare", "rules.bans", "rules.ended", "rules.nftables", "rules.iptables",
    "rules.iptables_dumps", "rules.iptables_changes", "rules.fallback",
    "algebra", "algebra.ranges", "algebra.zones", "algebra.model", "algebra.words", "algebra.questions",
    "algebra.explain", "algebra.who", "algebra.diff", "algebra.expectations", "algebra.standing",
    "algebra.live", "algebra.live_walk", "algebra.live_values", "algebra.live_nftables", "algebra.live_ipset",
    "algebra.live_iptables", "algebra.live_who",
    "host.distributions", "plan", "plan.model",
)  # fmt: skip
IMPURE = {
    "asyncio", "ctypes", "datetime", "fcntl", "glob", "io", "logging", "multiprocessing", "os", "pathlib", "random",
    "select", "shutil", "signal", "subprocess", "sys", "tempfile", "threading", "time", "urllib", "yaml",
}  # fmt: skip
STARTS = {"system", "popen", "fork", "forkpty", "posix_spawn", "posix_spawnp", "startfile"}
WRITES = {
    "rename", "replace", "unlink", "remove", "rmdir", "removedirs", "mkdir", "makedirs", "symlink", "link", "mknod",
    "mkfifo", "truncate", "ftruncate", "chmod", "fchmod", "chown", "fchown", "lchown", "utime", "setxattr",
}  # fmt: skip
FLAGS = {"O_CREAT", "O_TRUNC", "O_APPEND"}
# What open() gets there is the end of a pipe, or a file in memory, not a path.
PIPES = {("boot.first_boot", "writing"), ("host.process", "writing")}

FOLDERS = {path.parent.name for path in PACKAGE.glob("*/*.py")}
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).replace(".__init__", ""): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def source(name: str) -> str:
    return MODULES[name].read_text(encoding="utf-8")


def tree(name: str) -> ast.Module:
    return ast.parse(source(name))


def named_by(name: str, node: ast.ImportFrom) -> set[str]:
    """Our own modules that a relative import of the module `name` names, and the `__init__`s that run on the way."""
    folder = name if name in FOLDERS else name.rpartition(".")[0]
    assert node.level <= (2 if folder else 1), f"{name} imports from outside the package"
    start = folder if node.level == 1 else ""
    place = ".".join(part for part in (start, node.module) if part)
    found = set()
    for alias in node.names:
        inner = f"{place}.{alias.name}".lstrip(".")
        found.add(inner if inner in MODULES else place or "__init__")
    return found | {each.partition(".")[0] for each in found if each.partition(".")[0] != folder} - {name}


def imports(name: str) -> tuple[set[str], set[str]]:
    """(top-level names of others' modules, names of our own), wherever in the file they are imported."""
    foreign, own = set(), set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            foreign |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            foreign.add(str(node.module).partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            own |= named_by(name, node)
    return foreign, own


def calls_on_os(name: str) -> Iterator[str]:
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            yield node.attr


def opened_for_writing(name: str) -> Iterator[str]:
    """What the calls of open() with a mode that writes are given."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
            mode = [*node.args[1:2], *(k.value for k in node.keywords if k.arg == "mode")]
            if mode and (not isinstance(mode[0], ast.Constant) or set(str(mode[0].value)) & set("wax+")):
                yield ast.unparse(node.args[0])


def test_every_module_has_its_place() -> None:
    assert set(MODULES) == set(ORDER)
    assert len(set(ORDER)) == len(ORDER)
    assert set(PURE) <= set(ORDER)


def test_a_room_is_imported_by_those_behind_it_alone() -> None:
    """Modules of one room stand together, so arrows between rooms point one way as well."""
    rooms = [name.partition(".")[0] for name in ORDER]
    assert len([room for room, _ in groupby(rooms)]) == len(set(rooms))


def test_folders_are_packages_and_one_deep() -> None:
    """The packages' scripts look no deeper, and a folder without an `__init__` is in no wheel."""
    assert not FOLDERS - set(MODULES)
    assert {path.relative_to(PACKAGE).parts[:-1] for path in MODULES.values()} == {(), *((name,) for name in FOLDERS)}


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_one_way(name: str) -> None:
    before = ORDER[: ORDER.index(name)]
    assert imports(name)[1] <= set(before)


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_touch_nothing(name: str) -> None:
    foreign, own = imports(name)
    assert not foreign & IMPURE
    assert own <= set(PURE)
    assert "print" not in {node.id for node in ast.walk(tree(name)) if isinstance(node, ast.Name)}


@pytest.mark.parametrize("name", [m for m in MODULES if m != "host.process"])
def test_one_door_to_processes(name: str) -> None:
    if name == "__init__":  # its emergency, for when the engine cannot be imported
        return
    assert "subprocess" not in imports(name)[0]
    # They fork themselves, to go on when their parent is gone; they start no program.
    forks = {"fork"} if name in ("cli.confirm", "boot.first_boot") else set()
    used = {call for call in calls_on_os(name) if call in STARTS or call.startswith(("exec", "spawn"))}
    assert used <= forks


# The entry says why the engine failed when the engine, and its door to files with it, is what is broken; the
# part-handler brings that door along.
DOORS = ("host.files", "__init__", "bundle.part_handler")


@pytest.mark.parametrize("name", [m for m in MODULES if m not in DOORS])
def test_one_door_to_files(name: str) -> None:
    assert not set(calls_on_os(name)) & (WRITES | FLAGS)
    assert {(name, given) for given in opened_for_writing(name)} <= PIPES
    called = {node.attr for node in ast.walk(tree(name)) if isinstance(node, ast.Attribute)}
    assert not called & {"write_text", "write_bytes", "copyfile", "copytree", "rmtree", "NamedTemporaryFile", "touch"}


def test_the_entry_is_stdlib_only() -> None:
    """cloud-init imports it with whatever Python it has; what fails to import aborts its stage."""
    foreign, _ = imports("__init__")
    assert foreign <= set(sys.stdlib_module_names)
    top = [node for node in tree("__init__").body if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert all(isinstance(node, ast.Import) for node in top), "the engine is imported inside handle()"
    ast.parse(source("__init__"), feature_version=(3, 6))


@pytest.mark.parametrize("name", [m for m in MODULES if m not in ("__init__", "__main__", "bundle.part_handler")])
def test_the_rest_is_the_standard_library_and_yaml(name: str) -> None:
    assert imports(name)[0] <= {*sys.stdlib_module_names, "yaml"}
    ast.parse(source(name), feature_version=(3, 9))


@pytest.mark.parametrize("name", MODULES)
def test_docstrings_open_with_a_purpose_and_names_say_something(name: str) -> None:
    importlib.import_module(f"cc_vps_firewall.{name}" if name != "__init__" else "cc_vps_firewall")
    purpose = (ast.get_docstring(tree(name)) or "").partition("\n\n")[0]
    assert len(purpose.split()) >= 4
    assert purpose.endswith((".", ":"))
    assert not {"utils", "common", "helpers", "manager", "core"} & set(name.split("."))


def test_a_test_here_that_starts_a_process_fails() -> None:
    with pytest.raises(AssertionError, match="starts a process"):
        subprocess.run(["true"], check=True)
    from . import conftest

    conftest._started.clear()  # this one was meant

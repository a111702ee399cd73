"""a machine -> what is on its disk, in lines that can be compared."""

from __future__ import annotations

from tests.lab.world import Machine

# What every use of a package manager or of Python changes.
UNSTEADY = (
    "/proc", "/sys", "/dev", "/run", "/tmp", "/var/cache", "/var/log", "/var/lib/rpm", "/var/lib/dnf", "/var/lib/dpkg",
    "/var/lib/apt", "/srv", "/root/.cache",
)  # fmt: skip
BYTE_FOR_BYTE = ("/etc", "/usr/lib/python3/dist-packages/cloudinit/config", "/usr/lib/systemd")


def on_disk(machine: Machine) -> set[str]:
    """Each file, folder and link with its mode; and the digest of those that the registration could touch."""
    prune = [word for path in UNSTEADY for word in ("-path", path, "-prune", "-o")]
    listed = machine.run("find", "/", *prune, "-printf", "%M %p %l\n").stdout
    found = {line for line in listed.splitlines() if not line.endswith(".pyc ") or "vps_firewall" in line}
    summed = machine.run(
        "find", *BYTE_FOR_BYTE, "-type", "f", "-not", "-name", "*.pyc", "-exec", "sha256sum", "{}", "+"
    ).stdout
    return found | set(summed.splitlines())


def modules(machine: Machine, engine: str) -> list[str]:
    """The engine's modules, as paths in its folder and without the ending."""
    return sorted(path[2:-3] for path in _inside(machine, engine, "*.py"))


def compiled(machine: Machine, engine: str) -> list[str]:
    """And those that have a compiled file, which may be more."""
    found = (path[2:].partition(".")[0] for path in _inside(machine, engine, "*.pyc"))
    return sorted(path.replace("__pycache__/", "") for path in found)


def _inside(machine: Machine, engine: str, pattern: str) -> list[str]:
    return machine.run("sh", "-c", f"cd {engine} && find . -name '{pattern}'").stdout.split()


def ours(machine: Machine) -> list[str]:
    """Whatever bears our name."""
    prune = [word for path in UNSTEADY for word in ("-path", path, "-prune", "-o")]
    named = [word for part in ("*vps?firewall*", "*cc_vps*") for word in ("-o", "-name", part)][1:]
    return sorted(machine.run("find", "/", *prune, "(", *named, ")", "-print").stdout.splitlines())

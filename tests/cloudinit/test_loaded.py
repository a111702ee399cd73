"""A command that is a fork says what one with a Python of its own says, and never what the machine has not."""

from __future__ import annotations

from tests.lab import boot
from tests.lab.world import Machine

MAIN = f"{boot.SITE}/cloudinit/cmd/main.py"
YAML = f"{boot.SITE}/yaml/__init__.py"


def test_it_is_the_same_command(machine: Machine) -> None:
    for arguments in (("--version",), ("status",), ("schema", "--help"), ("none",)):
        began = machine.run("cloud-init", *arguments, check=False)
        forked = machine.cloud_init(*arguments)
        assert (forked.returncode, forked.stdout, forked.stderr) == (began.returncode, began.stdout, began.stderr)


def test_it_runs_what_is_on_the_machine(machine: Machine) -> None:
    """Another file in the place of one that was imported, and one that is gone."""
    for path in (YAML, MAIN):
        text = machine.read(path)
        for word in ("another", "the third"):  # of other lengths: Python takes what is as old and as long for the same
            machine.write(path, f"{text}\nprint('{word}')\n")
            assert machine.cloud_init("--version").stdout.splitlines()[0] == word
        machine.write(path, text)
    machine.run("rm", YAML)
    assert "Traceback" in machine.cloud_init("--version").stderr

"""a bundle on each suite's stock image -> what an installed module would do, by cloud-init's own part-handlers.

Nothing of ours is on these machines but what the user-data brings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from cc_vps_firewall import bundle
from tests import suites
from tests.cloudinit import boot
from tests.cloudinit.test_matrix import (
    EVERYTHING,
    TUTORIAL,
    TUTORIAL_PORTS,
    answering,
    assert_no_complaint,
    assert_saved,
    both_backends,
    forget_rules,
    pings,
    tables,
)
from tests.cloudinit.world import ANYONE, OFFICE, Internet, Machine, world

COMMAND = "/usr/local/sbin/vps-firewall"
ENGINE = "/var/lib/vps-firewall/engine/vps_firewall_engine"
FORMS = {"mime": bundle.FORMS[0], "gzip": "gzip", "archive": "archive"}  # base64 is undone by the provider


@pytest.fixture
def made(suite: suites.Suite) -> Iterator[tuple[Machine, Internet]]:
    """A machine as the suite's packages leave it."""
    with world(suites.root_of(suite.name)) as both:
        both[0].write("/etc/cloud/cloud.cfg.d/90_seed.cfg", boot.SITE_CONFIGURATION)
        yield both


def bundled(user_data: str, form: str = "mime") -> bytes:
    return bundle.make(user_data.encode(), form)[0]


def assert_applied(machine: Machine, backend: str) -> None:
    record = boot.record(machine)
    assert record.status["result"] == "applied", record.status
    assert record.status["backend"] == backend
    verified = machine.run(COMMAND, "verify", check=False)
    assert (verified.returncode, verified.stderr) == (0, ""), verified.stdout + verified.stderr
    assert json.loads(machine.run(COMMAND, "status").stdout) == record.status
    assert_saved(machine, backend)
    assert_no_complaint(machine)


@both_backends
@pytest.mark.parametrize("form", FORMS)
def test_each_form(form: str, backend: str, machine: Machine, internet: Internet) -> None:
    """The tutorial's stanza: open before, closed by the part-handler, saved for the next boot, and no complaint."""
    boot.seed(machine, bundled(TUTORIAL.format(backend=backend), form))
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: set(EVERYTHING), 6: set(EVERYTHING)}
        boot.boot(machine)
        assert answering(internet, ANYONE) == {4: set(TUTORIAL_PORTS), 6: set(TUTORIAL_PORTS)}
        assert answering(internet, OFFICE) == {4: {22, *TUTORIAL_PORTS}, 6: set(TUTORIAL_PORTS)}
    assert pings(internet) == {4: True, 6: True}
    assert_applied(machine, backend)


def test_second_boot_does_nothing(machine: Machine, internet: Internet) -> None:
    """Neither the rules nor the files are touched again, and reading the part-handler costs under 20 ms."""
    boot.seed(machine, bundled("#cloud-config\nvps_firewall: {allow: [http]}\n"))
    boot.boot(machine)
    first = boot.record(machine).status
    forget_rules(machine)
    boot.boot(machine)
    assert tables(machine) == "", "the engine ran again"
    assert boot.record(machine).status == first
    assert boot.record(machine).lines("Calling handler <module 'part-handler"), "cloud-init did not come to it"
    handler = machine.run("sh", "-c", "cd /var/lib/cloud/instance/handlers && ls *.py").stdout.split(".")[0]
    load = f"import importlib; it = importlib.import_module({handler!r}); it.list_types()"
    warm = "import glob, json, logging, os, re, subprocess, sys, time, importlib"  # cloud-init has these already
    ask = f"{warm}\nsys.path.insert(0, '/var/lib/cloud/instance/handlers')\nbegan = time.perf_counter()\n{load}\n"
    ask += "print(time.perf_counter() - began)"
    assert min(float(machine.run("python3", "-c", ask).stdout) for _ in range(3)) < 0.02

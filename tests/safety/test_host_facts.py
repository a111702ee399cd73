"""what a policy depends on of the host -> kept with it: verify compares with the host as it was, apply looks anew."""

from __future__ import annotations

import json

import pytest

from .machine import TOOLS, Machine


def is_on(machine: Machine, cloud_id: str) -> None:
    machine.do(lambda: machine.write("/run/cloud-init/cloud-id", f"{cloud_id}\n"))


def kept(machine: Machine) -> dict[str, object]:
    found = json.loads(machine.run("cat /var/lib/vps-firewall/policy.json"))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("tool", TOOLS)
def test_the_provider(tool: str) -> None:
    with Machine(tool) as machine:
        is_on(machine, "aws")
        assert not machine.apply({}).raised
        assert "169.254.169.254" in machine.rules()
        assert "100.100.100.200" not in machine.rules()
        assert kept(machine)["cloud_id"] == "aws"
        machine.run("rm -r /run/cloud-init")  # as before cloud-init has run
        assert machine.command("verify").value == 0
        report = machine.command("status", "--json")
        assert json.loads(report.out)["now"]["rules"] == "equal", report
        is_on(machine, "aliyun")
        assert machine.command("verify").value == 0
        assert not machine.apply({}).raised
        assert "100.100.100.200" in machine.rules()
        assert machine.command("verify").value == 0

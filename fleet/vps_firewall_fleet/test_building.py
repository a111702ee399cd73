"""a machine that is being baked -> everything is in place for the first boot of its copies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cc_vps_firewall.backends.registry import BACKENDS
from cc_vps_firewall.host.distributions import DISTRIBUTIONS, OWN_UNIT

from .account import MANAGERS, STATE
from .conftest import Account

# File -> the services of which one loads it.
SERVICES = {
    path: tuple(dict.fromkeys((*units, OWN_UNIT)))
    for each in DISTRIBUTIONS.values()
    for name, backend in BACKENDS.items()
    for path, units in each.keeps(name, backend.families).loaders().items()
}


def test_package(account: Account) -> None:
    assert account.package, "the package vps-firewall is not installed"


def test_seal_is_saved(account: Account, saved: Mapping[str, str]) -> None:
    for path, text in saved.items():
        assert account.files[path].mode == 0o600
        assert account.files[path].owner == "root:root"
        assert "ssh" not in text.lower(), f"{path} lets SSH in: that is a policy, and no seal"


def test_seal_is_loaded_at_boot(account: Account, saved: Mapping[str, str]) -> None:
    for path in saved:
        enabled = [unit for unit in SERVICES[path] if account.property(unit, "UnitFileState") == "enabled"]
        assert enabled, f"none of {', '.join(SERVICES[path])} is enabled"


def test_module_is_registered(account: Account) -> None:
    assert f"{STATE}/registered.json" in account.files
    assert "vps_firewall" in account.text("/etc/cloud/cloud.cfg.d/99_vps_firewall.cfg")
    default = "/etc/cloud/cloud.cfg.d/98_vps_firewall_default.cfg"
    assert default in account.files, "a machine whose user-data has no policy would stay closed"


def test_cloud_init_can_import_the_module(host: Any) -> None:
    script = "import importlib.util; from cloudinit import importer; "
    script += "print(importer.find_module('cc_vps_firewall', [''], ['handle'])[0])"
    done = host.run("$(sed -n '1s/^#! *//p' /usr/bin/cloud-init) -c %s", script)
    assert "cc_vps_firewall" in done.stdout


def test_stanza_is_in_cloud_inits_schema(host: Any) -> None:
    places = "/usr/lib/python3*/*-packages/cloudinit/config/schemas/schema-cloud-config-v1.json"
    found = host.run(f"cat $(ls {places} 2>/dev/null | tail -n 1) </dev/null").stdout
    if found:  # a cloud-init without a schema validates nothing
        schema = json.loads(found)
        assert "cc_vps_firewall" in schema.get("$defs", schema.get("definitions", {}))


def test_no_policy_yet(account: Account) -> None:
    """A policy here would be every copy's last good one."""
    assert [path for path in account.files if path in (f"{STATE}/policy.json", f"{STATE}/instance")] == []


def test_no_rival(account: Account) -> None:
    for unit in MANAGERS:
        state = account.property(unit, "UnitFileState")
        assert state not in ("enabled", "enabled-runtime"), f"{unit} is enabled and would fight our rules"

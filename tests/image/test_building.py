"""a machine that is being baked -> everything is in place for the first boot of its copies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from .conftest import STATE
from .test_inside import RIVALS

SERVICES = {
    "/etc/sysconfig/iptables": "iptables.service",
    "/etc/sysconfig/ip6tables": "ip6tables.service",
    "/etc/iptables/rules.v4": "netfilter-persistent.service",
    "/etc/iptables/rules.v6": "netfilter-persistent.service",
    "/etc/nftables/vps-firewall.nft": "nftables.service",
    "/etc/vps-firewall/rules.v4": "vps-firewall.service",
    "/etc/vps-firewall/rules.v6": "vps-firewall.service",
    "/etc/vps-firewall/rules.nft": "vps-firewall.service",
}


def test_package(host: Any) -> None:
    done = host.run("rpm -q vps-firewall || dpkg-query -W -f '${db:Status-Abbrev}' vps-firewall | grep -q ^ii")
    assert done.rc == 0, "the package vps-firewall is not installed"


def test_seal_is_saved(host: Any, saved: Mapping[str, str]) -> None:
    for path, text in saved.items():
        assert host.file(path).mode == 0o600
        assert (host.file(path).user, host.file(path).group) == ("root", "root")
        assert "ssh" not in text.lower(), f"{path} lets SSH in: that is a policy, and no seal"


def test_seal_is_loaded_at_boot(host: Any, saved: Mapping[str, str]) -> None:
    for path in saved:
        assert host.run(f"systemctl is-enabled {SERVICES[path]}").stdout.strip() == "enabled"


def test_module_is_registered(host: Any) -> None:
    assert host.file(f"{STATE}/registered.json").exists
    assert "vps_firewall" in host.file("/etc/cloud/cloud.cfg.d/99_vps_firewall.cfg").content_string
    default = host.file("/etc/cloud/cloud.cfg.d/98_vps_firewall_default.cfg")
    assert default.exists, "a machine whose user-data has no policy would stay closed"


def test_cloud_init_can_import_the_module(host: Any) -> None:
    script = "import importlib.util; from cloudinit import importer; "
    script += "print(importer.find_module('cc_vps_firewall', [''], ['handle'])[0])"
    interpreter = host.run("sed -n '1s/^#! *//p' /usr/bin/cloud-init").stdout.strip()
    assert "cc_vps_firewall" in host.run(f'{interpreter} -c "{script}"').stdout


def test_stanza_is_in_cloud_inits_schema(host: Any) -> None:
    places = "/usr/lib/python3*/*-packages/cloudinit/config/schemas/schema-cloud-config-v1.json"
    found = host.run(f"cat $(ls {places} 2>/dev/null | tail -n 1) </dev/null").stdout
    if found:  # a cloud-init without a schema validates nothing
        schema = json.loads(found)
        assert "cc_vps_firewall" in schema.get("$defs", schema.get("definitions", {}))


def test_no_policy_yet(host: Any) -> None:
    """A policy here would be every copy's last good one."""
    for name in ("policy.json", "instance"):
        assert not host.file(f"{STATE}/{name}").exists


@pytest.mark.parametrize("unit", RIVALS)
def test_no_rival(host: Any, unit: str) -> None:
    assert host.run(f"systemctl is-enabled {unit}").stdout.strip() not in ("enabled", "enabled-runtime")

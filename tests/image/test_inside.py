"""a running host -> package, units, files, rules, status: what one sees as root on it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from cc_vps_firewall import verify

from .conftest import STATE

Say = Callable[..., str]
RIVALS = ("firewalld.service", "ufw.service")


def test_package(host: Any) -> None:
    done = host.run("rpm -q vps-firewall || dpkg-query -W -f '${db:Status-Abbrev}' vps-firewall | grep -q ^ii")
    assert done.rc == 0, "the package vps-firewall is not installed"


def test_package_is_as_it_was_made(host: Any) -> None:
    """Every file of ours, by the package manager's sums."""
    done = host.run("if rpm -q vps-firewall >/dev/null 2>&1; then rpm -V vps-firewall; else dpkg -V vps-firewall; fi")
    assert done.stdout == "", "files of the package were changed"


def test_services_load_the_rules_at_boot(host: Any, status: Mapping[str, Any], saved: Mapping[str, str]) -> None:
    assert saved
    units = status.get("services") or []
    assert units, "the status names no service"
    for unit in units:
        assert host.run(f"systemctl is-enabled {unit}").stdout.strip() == "enabled", f"{unit} is not enabled"


@pytest.mark.parametrize("what", ["ActiveState", "Before", "ExecStop"])
def test_units(host: Any, status: Mapping[str, Any], what: str) -> None:
    """The service did its work, before the network, and its stop flushes nothing."""
    for unit in status.get("services") or ["(the status names no service)"]:
        told = host.run(f"systemctl show --value -p {what} '{unit}'").stdout.strip()
        if what == "ActiveState":
            assert told == "active", f"{unit} is {told or 'not there'}"
        elif what == "Before":
            assert "network-pre.target" in told.split(), f"{unit} is not ordered before the network"
        else:
            assert not re.search(r"flush|stop|-F|ACCEPT", told), f"the stop of {unit} takes the rules out: {told}"


def test_cloud_init_comes_before_sshd(host: Any) -> None:
    """The stage in which our module runs."""
    stages = ("cloud-init.service", "cloud-init-network.service")
    told = [host.run(f"systemctl show --value -p Before {unit}").stdout.split() for unit in stages]
    assert any({"sshd.service", "ssh.service", "sshd-keygen.service"} & set(names) for names in told)


def test_the_seal_or_the_rules_were_first(host: Any, status: Mapping[str, Any]) -> None:
    """By the clock of this boot: the rules were loaded before the network was up."""

    def came(unit: str) -> int:
        told = host.run(f"systemctl show --value -p ActiveEnterTimestampMonotonic '{unit}'").stdout.strip()
        return int(told or 0)

    network = came("network-pre.target") or came("network.target")
    for unit in status.get("services") or ["(the status names no service)"]:
        assert 0 < came(unit) <= network, f"{unit} came after the network"


@pytest.mark.parametrize("what", ["mode", "owner"])
def test_saved_rules_are_roots_alone(host: Any, saved: Mapping[str, str], what: str) -> None:
    for path in [*saved, f"{STATE}/policy.json"]:
        file = host.file(path)
        assert file.exists, f"{path} is not there"
        if what == "mode":
            assert file.mode == 0o600, f"{path} has mode {file.mode:o}"
        else:
            assert (file.user, file.group) == ("root", "root"), f"{path} belongs to {file.user}:{file.group}"


def test_nobody_else_may_write_what_root_runs(host: Any) -> None:
    places = "/usr/bin/vps-firewall /usr/sbin/vps-firewall /usr/libexec/vps-firewall /etc/cloud/cloud.cfg.d"
    places += " /usr/lib/python3*/*-packages/cc_vps_firewall"
    found = host.run(rf"find -L {places} \( -perm /022 -o ! -user root \) 2>/dev/null").stdout.split()
    assert found == []


def test_module_is_in_cloud_inits_list(host: Any) -> None:
    drop_in = host.file("/etc/cloud/cloud.cfg.d/99_vps_firewall.cfg")
    assert drop_in.exists, "cloud-init was not told of the module"
    assert re.search(r"(?m)^- vps_firewall$", drop_in.content_string)
    later = host.run("cd /etc/cloud/cloud.cfg.d && grep -l '^cloud_init_modules' *.cfg").stdout.split()
    assert max(later) == "99_vps_firewall.cfg", f"{max(later)} comes later and replaces the list"


def test_kernel_holds_what_is_saved(host: Any, saved: Mapping[str, str], backend: str, say: Say) -> None:
    """The saved text, loaded in an empty network namespace of the host, against what its kernel holds."""
    if backend == "nftables":
        (path,) = saved
        listing = "nft -s list table inet vps_firewall"
        wanted = {0: say("unshare", "-n", "sh", "-c", f"nft -f {path} && {listing}")}
        live = {0: host.run(f"PATH=$PATH:/usr/sbin:/sbin {listing}").stdout}
    else:
        wanted, live = {}, {}
        for path in saved:
            family, tool = (6, "ip6tables") if "6" in path.rpartition("/")[2] else (4, "iptables")
            own_lock = "XTABLES_LOCKFILE=/proc/self/fd/0"
            load = f"{own_lock} {tool}-restore {path} </dev/null && {tool}-save"
            wanted[family], live[family] = say("unshare", "-n", "sh", "-c", load), say(f"{tool}-save")
        assert sorted(wanted) == [4, 6], f"rules are saved for {sorted(wanted)} alone"
    differs = verify.differences(backend, live, wanted)
    assert not differs, "\n".join(differs)


def test_its_own_check_agrees(host: Any) -> None:
    done = host.run("vps-firewall verify")
    assert done.rc == 0, done.stdout + done.stderr


def test_status(status: Mapping[str, Any]) -> None:
    assert status, "there is no status: nothing of ours ever ran"
    assert status["result"] in ("applied", "unchanged"), f"{status['result']}: {status.get('problems')}"
    assert status["problems"] == []


def test_status_is_about_these_rules(status: Mapping[str, Any], saved: Mapping[str, str]) -> None:
    texts = [text for _, text in sorted(saved.items(), key=lambda item: "6" in item[0].rpartition("/")[2])]
    assert status.get("digest") == hashlib.sha256("".join(texts).encode()).hexdigest(), "the status is stale"


def test_cloud_init_is_done_and_clean(host: Any) -> None:
    told = json.loads(host.run("cloud-init status --format json").stdout)
    assert told["status"] == "done"
    assert told.get("errors", []) == []
    assert told.get("recoverable_errors", {}) == {}
    result = json.loads(host.file("/run/cloud-init/result.json").content_string)
    assert result["v1"]["errors"] == []


@pytest.mark.parametrize("unit", RIVALS)
def test_no_rival(host: Any, unit: str) -> None:
    enabled = host.run(f"systemctl is-enabled {unit}").stdout.strip()
    active = host.run(f"systemctl is-active {unit}").stdout.strip()
    assert enabled not in ("enabled", "enabled-runtime"), f"{unit} is enabled and would fight our rules"
    assert active != "active", f"{unit} is running"


def test_no_unit_was_deleted_from_the_boot(host: Any) -> None:
    told = host.run("journalctl -b --no-pager -g 'ordering cycle|deleted to break' -o cat")
    lines = [line for line in told.stdout.splitlines() if not line.startswith("-- ")]
    assert lines == []

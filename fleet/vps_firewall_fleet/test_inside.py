"""a running host -> package, units, files, rules, status: what one sees as root on it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cc_vps_firewall.backends.registry import BACKENDS

from .account import MANAGERS, STATE
from .conftest import Account

MARK = "---- the other half ----"


def test_package(account: Account) -> None:
    assert account.package, "the package vps-firewall is not installed"


def test_package_is_as_it_was_made(account: Account) -> None:
    """Every file of ours, by the package manager's sums."""
    assert account.changed == [], "files of the package were changed"


def test_services_load_the_rules_at_boot(account: Account, services: Sequence[str], saved: Mapping[str, str]) -> None:
    assert saved
    for unit in services:
        assert account.property(unit, "UnitFileState") == "enabled", f"{unit} is not enabled"


def test_services_did_their_work(account: Account, services: Sequence[str]) -> None:
    for unit in services:
        state = account.property(unit, "ActiveState")
        assert state == "active", f"{unit} is {state or 'not there'}"


def test_services_come_before_the_network(account: Account, services: Sequence[str]) -> None:
    for unit in services:
        order = account.property(unit, "Before").split()
        assert "network-pre.target" in order, f"{unit} is not ordered before the network"
        assert "cloud-init-local.service" in order, f"{unit} is not ordered before cloud-init, which may bring it up"


def test_stop_of_a_service_opens_nothing(account: Account, services: Sequence[str]) -> None:
    for unit in services:
        stop = " ".join(re.findall(r"argv\[\]=([^;]*)", account.property(unit, "ExecStop")))
        assert not re.search(r"flush|stop|-F|ACCEPT", stop), f"the stop of {unit} takes the rules out: {stop}"


def test_cloud_init_comes_before_sshd(account: Account) -> None:
    """The stage in which our module runs."""
    stages = ("cloud-init.service", "cloud-init-network.service")
    order = {name for unit in stages for name in account.property(unit, "Before").split()}
    assert {"sshd.service", "ssh.service", "sshd-keygen.service"} & order


def test_the_seal_or_the_rules_were_first(account: Account, services: Sequence[str]) -> None:
    """By the clock of this boot: the rules were loaded before the network was up."""

    def came(unit: str) -> int:
        return int(account.property(unit, "ActiveEnterTimestampMonotonic") or 0)

    network = came("network-pre.target") or came("network.target")
    for unit in services:
        assert 0 < came(unit) <= network, f"{unit} came after the network"


def test_saved_rules_are_read_by_root_alone(account: Account, saved: Mapping[str, str]) -> None:
    for path in [*saved, f"{STATE}/policy.json"]:
        assert path in account.files, f"{path} is not there"
        mode = account.files[path].mode
        assert mode == 0o600, f"{path} has mode {mode:o}"


def test_saved_rules_belong_to_root(account: Account, saved: Mapping[str, str]) -> None:
    for path in [*saved, f"{STATE}/policy.json"]:
        assert path in account.files, f"{path} is not there"
        owner = account.files[path].owner
        assert owner == "root:root", f"{path} belongs to {owner}"


def test_nobody_else_may_write_what_root_runs(account: Account) -> None:
    assert account.open_to_others == []


def test_module_is_in_cloud_inits_list(account: Account) -> None:
    folder, name = "/etc/cloud/cloud.cfg.d/", "99_vps_firewall.cfg"
    assert folder + name in account.files, "cloud-init was not told of the module"
    assert re.search(r"(?m)^- vps_firewall$", account.text(folder + name))
    lists = {path for path in account.files if path.startswith(folder)}
    last = max(path for path in lists if re.search(r"(?m)^cloud_init_modules", account.text(path)))
    assert last == folder + name, f"{last} comes later and replaces the list"


def test_kernel_holds_what_is_saved(saved: Mapping[str, str], backend: str, say: Callable[[str], str]) -> None:
    """The saved text, loaded in an empty network namespace of the host, against what its kernel holds."""
    commands = {}
    for path in saved:
        family, tool = (6, "ip6tables") if "6" in path.rpartition("/")[2] else (4, "iptables")
        if backend == "nftables":
            family, load, listing = 0, f"nft -f {path}", "nft -s list table inet vps_firewall"
        else:
            # A lock of its own: whoever else is loading rules has nothing to do with an empty namespace.
            load, listing = f"XTABLES_LOCKFILE=/proc/self/fd/0 {tool}-restore {path} </dev/null", f"{tool}-save"
        commands[family] = f"unshare -n sh -c '{load} && {listing}' && echo '{MARK}' && {{ {listing}; true; }}"
    assert sorted(commands) in ([0], [4, 6]), f"rules are saved for {sorted(commands)} alone"
    parts = say(f" && echo '{MARK}' && ".join(commands.values())).split(f"{MARK}\n")
    wanted, live = dict(zip(commands, parts[0::2])), dict(zip(commands, parts[1::2]))
    differs = BACKENDS[backend].differences(live, wanted)
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


def test_cloud_init_is_done_and_clean(host: Any, account: Account) -> None:
    told = json.loads(host.run("cloud-init status --format json").stdout)
    assert told["status"] == "done"
    assert told.get("errors", []) == []
    assert told.get("recoverable_errors", {}) == {}
    result = json.loads(account.text("/run/cloud-init/result.json"))
    assert result["v1"]["errors"] == []


def test_no_rival(account: Account) -> None:
    for unit in MANAGERS:
        state = account.property(unit, "UnitFileState")
        assert state not in ("enabled", "enabled-runtime"), f"{unit} is enabled and would fight our rules"
        assert account.property(unit, "ActiveState") != "active", f"{unit} is running"


def test_no_unit_was_deleted_from_the_boot(account: Account) -> None:
    assert account.cycles == []

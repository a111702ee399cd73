"""command line -> which hosts, what policy they should have, and which of these tests are about them.

    pytest tests/image --hosts=ssh://a,ssh://b --sudo --policy user-data.yaml [-n 16]
    pytest tests/image --hosts=ansible://web --ansible-inventory=hosts.yaml --policy user-data.yaml
    pytest tests/image --hosts=ssh://build --sudo --building

Without --hosts there is nothing here to collect. testinfra reads --hosts, --sudo, --ssh-config and the inventory.
"""

from __future__ import annotations

import functools
import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from cc_vps_firewall import policy, userdata
from tests.image import host_firewall as plugin
from tests.image.host_firewall import host_firewall

__all__ = ["host_firewall"]  # the plugin's fixture; whoever installs the plugin has it anyway

STATE = "/var/lib/vps-firewall"
# Which file of rules is whose: backend -> the files that one of the distributions keeps them in.
RULES = {
    "nftables": ("/etc/nftables/vps-firewall.nft", "/etc/vps-firewall/rules.nft"),
    "iptables": (
        *("/etc/sysconfig/iptables", "/etc/sysconfig/ip6tables"),
        *("/etc/iptables/rules.v4", "/etc/iptables/rules.v6"),
        *("/etc/vps-firewall/rules.v4", "/etc/vps-firewall/rules.v6"),
    ),
}
NEEDS_POLICY = ("test_outside.py", "test_policy.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("vps-firewall")
    group.addoption("--policy", metavar="FILE", help="user-data with the vps_firewall: section that the hosts have")
    group.addoption("--building", action="store_true", help="the host is a machine that is being baked")
    group.addoption("--builder", default="packer", metavar="USER", help="the user that must be gone (packer)")
    group.addoption("--identities", metavar="FILE", help="remember the hosts' identities here, from run to run")
    group.addoption(
        "--called", metavar="NAME", help="what the host is called among the identities, if not by its address"
    )
    group.addoption("--families", default="4,6", metavar="4,6", help="knock from outside over these (both)")
    group.addoption("--seen-as", action="append", default=[], metavar="ADDRESS", help="what the hosts see of us")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if not collection_path.name.startswith("test_"):
        return None
    if not config.getoption("hosts", None):
        return True
    if collection_path.name == "test_building.py" or config.getoption("building"):
        return collection_path.name != "test_building.py" or not config.getoption("building")
    return collection_path.name in NEEDS_POLICY and not config.getoption("policy")


@dataclass(frozen=True)
class Wanted:
    """The policy that a host should have, and where it came from."""

    section: Mapping[str, Any]
    policy: policy.Policy

    @property
    def document(self) -> str:
        return "#cloud-config\n" + json.dumps({policy.KEY: self.section})


@pytest.fixture(scope="module")
def status(host: Any) -> Mapping[str, Any]:
    """What the host says of its last run; empty where it says nothing."""
    file = host.file(f"{STATE}/status.json")
    if not file.exists:
        return {}
    told = json.loads(file.content_string)
    return told if isinstance(told, dict) else {}


@pytest.fixture(scope="module")
def backend(host: Any, status: Mapping[str, Any]) -> str:
    """nftables or iptables: by the files that are there, and not by what the status says."""
    held = [name for name, paths in RULES.items() if ours(host, paths)]
    assert held, "no file of ours holds rules on this host"
    return str(status["backend"]) if status.get("backend") in held else held[0]


@pytest.fixture(scope="module")
def saved(host: Any, backend: str) -> Mapping[str, str]:
    """Path -> text of the rules that the next boot loads."""
    return ours(host, RULES[backend])


def ours(host: Any, paths: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for path in paths:
        file = host.file(path)
        if file.exists and "vps-firewall" in (text := file.content_string)[:400]:
            found[path] = text
    return found


@pytest.fixture(scope="module")
def wanted(host: Any, request: pytest.FixtureRequest) -> Wanted:
    """The policy of --policy, on top of the image's default as cloud-init merges them, for this host's SSH port."""
    section = userdata.section(userdata.read(request.config.getoption("policy")))
    default = host.file("/etc/cloud/cloud.cfg.d/98_vps_firewall_default.cfg")
    beneath = (yaml.safe_load(default.content_string) or {}).get(policy.KEY) if default.exists else {}
    merged = merge(section or {}, beneath or {})
    kept = host.file(f"{STATE}/policy.json")
    ports = json.loads(kept.content_string).get("ssh_ports", [22]) if kept.exists else [22]

    @functools.lru_cache
    def read_list(path: str) -> str:
        file = host.file(path)
        if not file.exists:
            raise FileNotFoundError(2, "No such file or directory", path)
        return str(file.content_string)

    return Wanted(merged, policy.parse(merged, ssh_ports=ports, read_list=read_list))


def merge(above: Any, beneath: Any) -> Any:
    """cloud-init's merge of two layers: mappings key by key, everything else from above."""
    if not (isinstance(above, Mapping) and isinstance(beneath, Mapping)):
        return above
    return {**beneath, **{key: merge(value, beneath.get(key)) for key, value in above.items()}}


@pytest.fixture(scope="module")
def say(host: Any) -> Callable[..., str]:
    """A command on the host -> what it printed; it has to succeed."""

    def run(*command: str) -> str:
        done = host.run(f"PATH=$PATH:/usr/sbin:/sbin {' '.join(map(shlex.quote, command))}")
        assert done.rc == 0, f"{' '.join(command)}: exit {done.rc}: {done.stderr or done.stdout}"
        return str(done.stdout)

    return run


def pytest_report_header(config: pytest.Config) -> str:
    return f"host_firewall: {Path(plugin.__file__).name}; policy: {config.getoption('policy', None) or 'none given'}"

"""command line -> which hosts, what policy they should have, and which of these tests are about them.

    vps-firewall-fleet --hosts=ssh://a,ssh://b --sudo --policy user-data.yaml [-n 16]
    vps-firewall-fleet --hosts=ansible://web --ansible-inventory=hosts.yaml --policy user-data.yaml
    vps-firewall-fleet --hosts=ssh://build --sudo --building

testinfra reads --hosts (without it there is nobody to ask), --sudo, --ssh-config and the inventory. Each host is asked
for one account of itself (account.py), and for the few things that take a command of their own.
"""

from __future__ import annotations

import base64
import functools
import json
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

import host_firewall as plugin
import pytest
import yaml
from host_firewall import host_firewall

from cc_vps_firewall import policy
from cc_vps_firewall.backends.registry import BACKENDS
from cc_vps_firewall.host.distributions import DISTRIBUTIONS
from cc_vps_firewall.policy import userdata
from cc_vps_firewall.rules import bans

from . import account as program
from .account import STATE

__all__ = ["host_firewall"]  # the plugin's fixture; whoever installs the plugin has it anyway

# Which file of rules is whose: backend -> the files that one of the distributions keeps them in.
RULES = {
    name: {path for each in DISTRIBUTIONS.values() for path in each.keeps(name, backend.families).files.values()}
    for name, backend in BACKENDS.items()
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


def pytest_sessionstart(session: pytest.Session) -> None:
    if not session.config.getoption("hosts", None):
        raise pytest.UsageError("which hosts? --hosts=ssh://web1,ssh://web2, or --hosts=ansible://web")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if not collection_path.name.startswith("test_"):
        return None
    if collection_path.name == "test_building.py" or config.getoption("building"):
        return collection_path.name != "test_building.py" or not config.getoption("building")
    return collection_path.name in NEEDS_POLICY and not config.getoption("policy")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With -n: one process looks at one host, from beginning to end and over one connection; or as --dist says."""
    if config.getoption("dist") != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    class OneHostEach(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return nodeid.rpartition("[")[2]  # no test here has another parameter than the host

    return OneHostEach(config, log)


@dataclass(frozen=True)
class File:
    """A file of a host."""

    mode: int
    owner: str  # user:group
    text: str


@dataclass(frozen=True, repr=False)  # a failure would be told with all of it
class Account:
    """What account.py saw on a host."""

    files: Mapping[str, File]
    units: Mapping[str, Mapping[str, str]]
    package: str  # name and version; '' when it is not installed
    changed: Sequence[str]  # files of the package, as the package manager reports them
    open_to_others: Sequence[str]
    instance: str
    instances: Sequence[str]
    cycles: Sequence[str]
    listening: Sequence[str]
    addresses: Sequence[str]
    builders_accounts: Sequence[str]
    builders_keys: Sequence[str]
    builders_rights: Sequence[str]
    builders_files: Sequence[str]

    def text(self, path: str) -> str:
        """Of a file; '' when it is not there."""
        return self.files[path].text if path in self.files else ""

    def property(self, unit: str, name: str) -> str:
        return self.units.get(unit, {}).get(name, "")


ACCOUNTS = pytest.StashKey[dict[str, Union[Account, str]]]()


@pytest.fixture(scope="module")
def account(host: Any, request: pytest.FixtureRequest) -> Account:
    """Asked for once in a run, whichever test comes first."""
    accounts = request.config.stash.setdefault(ACCOUNTS, {})
    name = host.backend.get_pytest_id()
    if name not in accounts:
        accounts[name] = ask(host, request.config.getoption("builder"))
    answer = accounts[name]
    if isinstance(answer, str):
        pytest.fail(f"{name}: {answer}", pytrace=False)
    return answer


def ask(host: Any, builder: str) -> Account | str:
    """The account, or why there is none."""
    # In one short line: sudo writes every word of a command into the host's log.
    packed = base64.b85encode(zlib.compress(Path(program.__file__).read_bytes(), 9)).decode()
    line = f"import base64, zlib; exec(zlib.decompress(base64.b85decode({packed!r})))"
    try:
        done = host.run("python3 -c %s %s", line, builder)
    except RuntimeError as failure:  # what testinfra raises when ssh itself fails
        (result,) = failure.args
        return f"no way in: {getattr(result, 'stderr', result).strip()}"
    if done.rc != 0:
        return f"it gave no account of itself: {done.stderr.strip()[-1000:] or f'exit {done.rc}'}"
    told = json.loads(done.stdout)
    told["files"] = {path: File(**file) for path, file in told["files"].items()}
    return Account(**told)


@pytest.fixture(scope="module")
def status(account: Account) -> Mapping[str, Any]:
    """What the host says of its last run; empty where it says nothing."""
    former = account.text(f"{STATE}/status.json")  # of a version that had one file, for every user
    told = json.loads(account.text(f"{STATE}/status-private.json") or former or "{}")
    return told if isinstance(told, dict) else {}


@pytest.fixture(scope="module")
def services(status: Mapping[str, Any]) -> Sequence[str]:
    """The units that load the rules at boot."""
    assert status.get("services"), "the status names no service"
    return [str(unit) for unit in status["services"]]


@pytest.fixture(scope="module")
def backend(account: Account, status: Mapping[str, Any]) -> str:
    """nftables or iptables: by the files that are there, and not by what the status says."""
    held = [name for name, paths in RULES.items() if ours(account, paths)]
    assert held, "no file of ours holds rules on this host"
    return str(status["backend"]) if status.get("backend") in held else held[0]


@pytest.fixture(scope="module")
def saved(account: Account, backend: str) -> Mapping[str, str]:
    """Path -> text of the rules that the next boot loads, without the table for bans that nftables' file ends in."""
    return {path: text.removesuffix(bans.TEXT) for path, text in ours(account, RULES[backend]).items()}


def ours(account: Account, paths: Collection[str]) -> dict[str, str]:
    return {path: text for path in sorted(paths) if "vps-firewall" in (text := account.text(path))[:400]}


@dataclass(frozen=True)
class Wanted:
    """The policy that a host should have, and where it came from."""

    section: Mapping[str, Any]
    policy: policy.Policy

    @property
    def document(self) -> str:
        return "#cloud-config\n" + json.dumps({policy.KEY: self.section})


@pytest.fixture(scope="module")
def wanted(host: Any, account: Account, request: pytest.FixtureRequest) -> Wanted:
    """The policy of --policy, on top of the image's default as cloud-init merges them, for this host's SSH port."""
    section = userdata.section(userdata.read(request.config.getoption("policy")))
    default = account.text("/etc/cloud/cloud.cfg.d/98_vps_firewall_default.cfg")
    beneath = (yaml.safe_load(default) or {}).get(policy.KEY)
    merged = merge(section or {}, beneath or {})
    ports = json.loads(account.text(f"{STATE}/policy.json") or "{}").get("ssh_ports", [22])

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
def say(host: Any) -> Callable[[str], str]:
    """A line of shell on the host -> what it printed; it has to succeed."""

    def run(line: str) -> str:
        done = host.run(f"PATH=$PATH:/usr/sbin:/sbin; {line}")
        assert done.rc == 0, f"{line}: exit {done.rc}: {done.stderr or done.stdout}"
        return str(done.stdout)

    return run


def pytest_report_header(config: pytest.Config) -> str:
    return f"host_firewall: {Path(plugin.__file__).name}; policy: {config.getoption('policy', None) or 'none given'}"

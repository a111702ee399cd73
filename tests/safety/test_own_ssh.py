"""A first boot that cannot have its policy ends with the owner's own SSH: never wider than it must, never open."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from cc_vps_firewall import policy
from cc_vps_firewall.host import files, state
from cc_vps_firewall.plan import decide
from tests.lab.machine import ADDRESS, CLOSED, OPEN, STRANGER, TOOLS, Machine

from .test_hosts import hidden, in_cloud_init
from .test_tools import QUICK

OWN = {"from": ["192.0.2.1", "2001:db8:1::1"]}  # the neighbour, under one address of two in each family
GOOD = {"ssh": OWN, "allow": ["http"]}
NAMED: dict[str, Any] = {
    "lists": {"office": ["192.0.2.1", "ours"], "ours": "2001:db8:1::1"},
    "ssh": {"from": ["office"]},
}
SSH = {(4, OPEN), (6, OPEN)}
LOADS = {"nftables": ("nft",), "iptables": ("iptables_restore", "ip6tables_restore")}
OTHER = {"nftables": "iptables", "iptables": "nftables"}

# What is wrong elsewhere than in `ssh:`, whatever of it is left.
ELSEWHERE: Mapping[str, dict[str, Any]] = {
    "an unknown key": {"ssh": OWN, "alow": ["http"]},
    "a service that is none": {"ssh": OWN, "allow": ["htpp"]},
    "a source of an entry": {"ssh": OWN, "allow": [{"service": "http", "from": ["192.0.2.1/24"]}]},
    "a backend that is none": {"ssh": OWN, "backend": "nftabels"},
    "deny": {"ssh": OWN, "deny": ["office"]},
    "deny, which refuses everybody": {"ssh": OWN, "deny": ["192.0.0.0/8", "2001:db8::/32"]},
    "lists that are none": {"ssh": OWN, "lists": ["office"]},
    "a list that ssh does not need": {**NAMED, "lists": {**NAMED["lists"], "home": ["nowhere"]}},
    "the file of a list that ssh does not need": {**NAMED, "lists": {**NAMED["lists"], "home": {"file": "/etc/home"}}},
    "lists that name each other": {**NAMED, "lists": {**NAMED["lists"], "a": ["b"], "b": ["a"]}},
    "all else": {"ssh": OWN, "ping": 3, "malformed": [], "outgoing": "drop", "metadata": {}, "log": 1, "enabled": None},
}
# What is wrong with `ssh:` itself, or with the lists that it names.
THERE: Mapping[str, dict[str, Any]] = {
    "null": {"ssh": None},
    "an unknown key": {"ssh": {**OWN, "prot": 22}},
    "a source": {"ssh": {"from": ["192.0.2.1/24"]}},
    "a limit": {"ssh": {**OWN, "limit": "much"}},
    "a port": {"ssh": {**OWN, "port": "22"}},
    "nobody can come from there": {"ssh": {"from": ["127.0.0.0/8"]}},
    "a list that there is not": {"ssh": {"from": ["office"]}},
    "a list of a list": {**NAMED, "lists": {"office": ["ours"], "ours": ["nowhere"]}},
    "the file of a list": {"lists": {"office": {"file": "/etc/office"}}, "ssh": {"from": "office"}},
    "a list with the name of a service": {"lists": {"http": ["192.0.2.1"]}, "ssh": {"from": ["http"]}},
}


def assert_own(machine: Machine, verify: bool = True) -> None:
    """Whom `ssh.from` names gets in, by SSH; nobody else gets anywhere."""
    assert machine.reachable_by_both() == (SSH, set()), machine.rules()
    status = machine.status()
    assert (status["result"], status["in_force"]) == ("failed", "the policy's own SSH alone"), status
    for family in (4, 6):
        assert [line["from"] for line in status["open"][f"ipv{family}"]] == [OWN["from"][family == 6]], status["open"]
    if verify:
        run = machine.command("verify")
        assert run.value == 0, f"loaded, saved and enabled: {run}"


def assert_built_in(machine: Machine) -> None:
    assert machine.reachable_by_both() == (SSH, SSH), machine.rules()
    assert machine.status()["in_force"] == "the built-in policy"


# --- refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mistake", "tool"),
    [
        *((mistake, "nftables") for mistake in ELSEWHERE),
        *((mistake, tool) for mistake in ("an unknown key", "a list that ssh does not need") for tool in TOOLS[1:]),
    ],
)
def test_a_mistake_elsewhere(mistake: str, tool: str) -> None:
    with Machine(tool) as machine:
        run = machine.handle(ELSEWHERE[mistake])
        assert run.value, run
        assert run.value == machine.status()["problems"]
        assert_own(machine)
        assert machine.settled() == ("file of" not in mistake), "only that file may be there at the next boot"


@pytest.mark.parametrize("mistake", THERE)
def test_a_mistake_in_ssh_itself(mistake: str) -> None:
    """Then nobody can tell who is to get in, and an owner without a console must."""
    with Machine("nftables") as machine:
        assert machine.handle({**THERE[mistake], "allow": ["http"]}).value
        assert_built_in(machine)
        assert machine.settled() == ("the file" not in mistake)


@pytest.mark.parametrize("tool", TOOLS)
def test_its_port_and_its_limit(tool: str) -> None:
    with Machine(tool) as machine:
        run = machine.handle({"ssh": {**OWN, "port": CLOSED, "limit": "2/hour"}, "alow": []})
        assert run.value, run
        there = {(4, CLOSED), (6, CLOSED)}
        assert machine.reachable_by_both() == (there, set())
        assert [machine.reachable() for _ in range(2)] == [there, set()], "two an hour"


@pytest.mark.parametrize("tool", TOOLS)
def test_ssh_that_its_owner_closed_stays_closed(tool: str) -> None:
    """They have chosen the console; a mistake elsewhere opens nothing."""
    with Machine(tool) as machine:
        run = machine.handle({"ssh": False, "allow": ["htpp"]})
        assert run.value, run
        assert machine.reachable_by_both() == (set(), set())
        assert machine.status()["in_force"] == "the policy's own SSH alone"
        assert machine.status()["open"] == {"ipv4": [], "ipv6": []}
        assert machine.command("verify").value == 0


# --- what cloud-init has not read ---------------------------------------------------------------------------

LINES = "ssh: {from: [192.0.2.1, '2001:db8:1::1']}"
UNREAD = {
    "allow stands twice": f"#cloud-config\nvps_firewall:\n  {LINES}\n  allow: [http]\n  allow: [https]\n",
    "a list stands twice": f"#cloud-config\nvps_firewall:\n  {LINES}\n  lists: {{a: [192.0.2.7], a: [192.0.2.8]}}\n",
    "no first line": f"vps_firewall:\n  {LINES}\n  allow: [http]\n",
    "a first line that is none": f"# cloud-config\nvps_firewall:\n  {LINES}\n",
    "a hyphen": f"#cloud-config\nvps-firewall:\n  {LINES}\n",
    "a letter less": f"#cloud-config\nvps_firewal:\n  {LINES}\n",
}
UNTOLD = {
    "ssh stands twice": f"#cloud-config\nvps_firewall:\n  {LINES}\n  ssh: {{from: [192.0.2.1]}}\n",
    "from stands twice": "#cloud-config\nvps_firewall: {ssh: {from: [192.0.2.1], from: [192.0.2.9]}}\n",
    "its list stands twice": "#cloud-config\nvps_firewall:\n  ssh: {from: a}\n  lists: {a: 192.0.2.1, a: 192.0.2.9}\n",
    "the whole stands twice": f"#cloud-config\nvps_firewall: {{{LINES}}}\nvps_firewall: {{{LINES}}}\n",
    "broken": f"#cloud-config\nvps_firewall: {{{LINES}}}\npackages: [a, b\n",
    "no UTF-8": f"#cloud-config\n# caf\xe9\nvps_firewall: {{{LINES}}}\n",
    "an archive that is none": f"#cloud-config-archive\n- vps_firewall: {{{LINES}}}\n- [\n",
    "no mapping": "#cloud-config\nvps-firewall: ssh\n",
}


def merged(text: str) -> tuple[Any, bool]:
    """What cloud-init would have under our key, whose YAML takes the last of two, and whether it has it at all."""
    import yaml

    if not text.startswith("#cloud-config\n") or "\nvps_firewall:" not in text:
        return {}, False
    try:
        return yaml.safe_load(text.encode("latin-1"))["vps_firewall"], True
    except (yaml.YAMLError, UnicodeDecodeError):
        return {}, False


@pytest.mark.parametrize("form", UNREAD)
def test_ssh_is_told_although_cloud_init_has_not_read_the_whole(form: str) -> None:
    section, taken = merged(UNREAD[form])
    with Machine("nftables") as machine:
        run = machine.handle(section, user_data=UNREAD[form].encode(), taken=taken)
        assert run.value, run
        assert_own(machine)
        assert machine.settled()


@pytest.mark.parametrize("form", UNTOLD)
def test_ssh_that_nobody_can_tell(form: str) -> None:
    section, taken = merged(UNTOLD[form])
    with Machine("nftables") as machine:
        run = machine.handle(section, user_data=UNTOLD[form].encode("latin-1"), taken=taken)
        assert run.value, run
        assert_built_in(machine)


def test_the_ssh_of_the_user_data_goes_before_that_of_the_image() -> None:
    """cloud-init dropped the user's whole policy, and has the image's, which lets others in."""
    user_data = f"#cloud-config\nvps_firewall:\n  {LINES}\n".encode()
    with Machine("nftables") as machine:
        run = machine.handle({"ssh": {"from": ["192.0.2.9"]}, "ping": False}, user_data=user_data)
        assert run.value == ["vps_firewall: is in the user-data, and cloud-init has not taken it; its log says why"]
        assert_own(machine)


def test_the_ssh_of_the_image_counts_where_the_user_data_has_none() -> None:
    user_data = b"#cloud-config\nvps_firewall:\n  allow: [http]\n  allow: [https]\n"
    with Machine("nftables") as machine:
        run = machine.handle({"ssh": OWN, "allow": ["https"]}, user_data=user_data)
        assert run.value, run
        assert_own(machine)


# --- a tool that fails --------------------------------------------------------------------------------------

BROKEN = {
    "fails": "echo Error: no buffer >&2; exit 1",
    "hangs": "sleep 60",
    "says yes and does nothing": "cat >/dev/null; exit 0",
}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("tool", TOOLS)
def test_the_other_backend_takes_it(tool: str, how: str) -> None:
    with Machine(tool) as machine:
        body = f'case "$*" in -f* | -w* | --noflush*) {BROKEN[how]} ;; *) exec $real "$@" ;; esac'
        machine.fake(**dict.fromkeys(LOADS[machine.backend], body))
        run = machine.handle({**GOOD, "backend": machine.backend}, settings=QUICK)
        machine.mend()
        assert run.value, run
        assert_own(machine)
        assert machine.status()["backend"] == OTHER[machine.backend]
        assert not machine.settled()


@pytest.mark.parametrize("section", [GOOD, {**GOOD, "alow": []}, {**GOOD, "ssh": False}], ids=["good", "bad", "shut"])
@pytest.mark.parametrize("tool", TOOLS)
def test_no_rehearsal_is_possible(tool: str, section: dict[str, Any]) -> None:
    """As in some containers: it is loaded without one, and is the owner's own all the same."""
    with Machine(tool) as machine:
        assert in_cloud_init(machine, section, wrap="exec setpriv --bounding-set -sys_admin --inh-caps -sys_admin")
        if section["ssh"]:
            assert_own(machine, verify=False)
        else:
            assert machine.reachable_by_both() == (set(), set())
        assert machine.status()["notes"][0].startswith("loaded without a rehearsal")
        assert machine.status()["saved"][0] in machine.files(), "and at the next boot"


@pytest.mark.parametrize("tool", TOOLS)
def test_nothing_can_be_saved(tool: str) -> None:
    with Machine(tool) as machine:
        machine.run("mount -o remount,bind,ro /etc; mount -o remount,ro /var/lib")
        assert machine.handle(GOOD).value
        assert machine.reachable_by_both() == (SSH, set())


def test_both_families_closed_goes_before_one_that_is_the_owners_own() -> None:
    """What is loaded of it in IPv4 alone leaves IPv6 open to everybody: wider than the built-in policy in both."""
    fussy = 'text=$(cat); case "$text" in *2001:db8:1::1*) exit 1;; *) printf "%s\\n" "$text" | exec $real "$@";; esac'
    with Machine("iptables-nft") as machine:
        machine.fake(nft="exit 1", ip6tables_restore=fussy)
        assert machine.handle(GOOD).value
        machine.mend()
        assert_built_in(machine)


# --- killed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", TOOLS)
def test_killed_at_any_moment(tool: str) -> None:
    with Machine(tool) as machine:
        moments = machine.handle(GOOD).moments
    for moment in range(0, len(moments), 4):
        with Machine(tool) as machine:
            assert machine.handle(GOOD, kill=moment).value == ["the engine was killed at its work (signal 9)"]
            at = f"killed at {moments[moment]}, moment {moment}"
            assert machine.reachable_by_both() == (SSH, set()), at


@pytest.mark.parametrize("how", ["killed", "failing"])
def test_the_host_is_closed_before_its_policy_is_read(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long policy takes its time and its memory: what reading it costs, it costs a closed host."""
    answers = {"killed": "the engine was killed at its work (signal 9)", "failing": "MemoryError: "}

    def tested(wanted: policy.Policy) -> policy.Policy:
        if how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        raise MemoryError

    monkeypatch.setattr(decide, "tested", tested)
    with Machine("nftables") as machine:
        assert machine.handle(GOOD).value == [answers[how]]
        assert machine.reachable_by_both() == (SSH, set())


# --- the last good policy -----------------------------------------------------------------------------------

WIDE = {"allow": ["3306/tcp"]}
EVERYTHING = {*SSH, (4, CLOSED), (6, CLOSED)}
BAD = {**GOOD, "alow": []}
FLUSH = """nft flush ruleset
for tool in iptables ip6tables; do
    $tool -P INPUT ACCEPT; $tool -P FORWARD ACCEPT
    for table in filter mangle raw; do $tool -t $table -F; $tool -t $table -X; done
done
"""


def instance_of(machine: Machine) -> object:
    return machine.do(lambda: files.read_json(state.POLICY)).get("instance")


@pytest.mark.parametrize("loaded", [True, False])
@pytest.mark.parametrize("tool", TOOLS)
def test_of_this_instance_it_comes_first(tool: str, loaded: bool) -> None:
    """Its boot may have loaded what was saved, or not."""
    with Machine(tool) as machine:
        assert machine.handle(WIDE).value == []
        good = machine.state()
        machine.run("" if loaded else FLUSH)
        assert machine.handle(BAD).value
        assert machine.status()["in_force"] == "the last good policy"
        assert machine.reachable_by_both() == (EVERYTHING, EVERYTHING)
        assert machine.state() == good
        assert instance_of(machine) == "i-1", "and it is that at the boot after this one, too"


@pytest.mark.parametrize("loaded", [True, False])
@pytest.mark.parametrize("tool", TOOLS)
def test_of_another_instance_it_is_nobodys(tool: str, loaded: bool) -> None:
    """A machine that was provisioned anew: what its owner of then had opened is closed."""
    with Machine(tool) as machine:
        assert machine.handle(WIDE).value == []
        machine.run("" if loaded else FLUSH)
        assert machine.handle(BAD, instance="i-2").value
        assert_own(machine)


def test_of_another_instance_it_is_not_there_after_a_kill_either() -> None:
    with Machine("nftables") as machine:
        assert machine.handle(WIDE).value == []
        moments = machine.handle(GOOD, instance="i-2").moments
    for moment in range(0, len(moments), 3):
        with Machine("nftables") as machine:
            assert machine.handle(WIDE).value == []
            assert machine.handle(GOOD, kill=moment, instance="i-2").value
            assert machine.reachable_by_both() == (SSH, set()), moments[moment]


@pytest.mark.parametrize("instance", ["", "iid-datasource-none"])
def test_an_instance_that_nobody_can_name_is_not_the_same(instance: str) -> None:
    with Machine("nftables") as machine:
        assert machine.handle(WIDE, instance=instance).value == []
        assert machine.handle(BAD, instance=instance).value
        assert_own(machine)


def test_a_policy_of_an_older_version_says_nothing_of_its_instance() -> None:
    with Machine("nftables") as machine:
        assert machine.handle(WIDE).value == []
        machine.run(f"sed -i '/\"instance\"/d' {state.POLICY}")
        assert machine.handle(BAD).value
        assert_own(machine)


def test_what_stood_in_for_a_policy_is_no_good_one() -> None:
    """The next boot has other user-data, which is refused as well: the SSH of then is not that of now."""
    with Machine("nftables") as machine:
        assert machine.handle({"ssh": {"from": ["192.0.2.0/24", "2001:db8:1::/64"]}, "alow": []}).value
        assert machine.reachable(STRANGER) == SSH
        assert machine.handle(BAD).value
        assert_own(machine)


@pytest.mark.parametrize("tool", TOOLS)
def test_the_command_applies_for_the_instance_that_this_is(tool: str) -> None:
    with Machine(tool) as machine:
        assert machine.command("apply", "FILE", policy=WIDE).value == 0
        assert instance_of(machine) == "i-1"
        assert machine.handle(BAD).value
        assert machine.reachable(STRANGER) == EVERYTHING
        assert machine.handle(BAD, instance="i-2").value
        assert_own(machine)


def test_a_good_policy_of_another_instance_is_put_in_force() -> None:
    """Closed first: between the old policy and the new one nothing is open that both of them had not opened."""
    with Machine("nftables") as machine:
        assert machine.handle(WIDE).value == []
        run = machine.handle(GOOD, instance="i-2")
        assert run.value == [], run
        assert run.moments.count("after load") == 2
        assert machine.reachable_by_both() == (SSH, set())
        assert instance_of(machine) == "i-2"
        assert machine.status()["result"] == "applied"
        assert machine.handle(GOOD, instance="i-3").value == []
        assert machine.command("verify").value == 0


def test_what_this_file_takes_for_granted() -> None:
    assert policy.BUILT_IN == {"ping": False, "flood": "ignore"}
    assert ADDRESS[4] == "192.0.2.10"
    assert sys.version_info >= (3, 9)
    with Machine("nftables") as machine, hidden(machine, "ip6tables-restore"):
        assert machine.handle(GOOD).value == []
        assert machine.reachable_by_both() == (SSH, set()), "two addresses of one neighbour are told apart"

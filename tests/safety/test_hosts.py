"""Hosts that lack something: a tool, a family, a lock, a privilege, a service manager, half of the engine."""

from __future__ import annotations

import ctypes
import dataclasses
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from cc_vps_firewall.boot import cloudinit
from cc_vps_firewall.host import facts, files
from tests import engine
from tests.lab.machine import CLOSED, OPEN, REPOSITORY, TOOLS, Checkpoint, FakeCloud, Machine, Work, lock_held

OLD = {"allow": ["http"]}
NEW = {"allow": ["https", "smtp"]}
IPTABLES = ("iptables-nft", "iptables-legacy")
EVERY_TOOL = ("nft", *(f"ip{six}tables{suffix}" for six in ("", "6") for suffix in ("", "-save", "-restore")))

TOO_OLD = """case "$*" in
-f* | -w* | --noflush*)
    text=$(cat)
    case "$text" in
    *burst*) echo "Error: syntax error, unexpected burst" >&2; exit 1 ;;
    *) printf %s "$text" | exec $real "$@" ;;
    esac ;;
*) exec $real "$@" ;;
esac"""


@contextmanager
def hidden(machine: Machine, *names: str) -> Iterator[None]:
    """Programs that are not there: not in /usr/sbin, and at their paths elsewhere is nothing that could be run."""
    machine.run("mkdir -p /run/hidden; " + "; ".join(f"mv /usr/sbin/{n} /run/hidden/" for n in names))
    machine.run("; ".join(f"mount --bind /dev/null {path}" for path in _paths(names)))
    yield
    machine.run(there_again(*names), check=False)


def there_again(*names: str) -> str:
    """The command that undoes it, as a package manager would."""
    return "; ".join((*(f"umount {path}" for path in _paths(names)), "mv /run/hidden/* /usr/sbin/ 2>/dev/null; true"))


def _paths(names: Sequence[str]) -> list[str]:
    found = (shutil.which(name, path="/usr/bin:/usr/local/sbin:/usr/local/bin") for name in names)
    return sorted(path for path in found if path)


def in_cloud_init(
    machine: Machine, section: object, packages: Path = REPOSITORY, wrap: str = "exec", instance: str = ""
) -> str:
    """The module as cloud-init calls it, in a process of its own. -> what it raised, or nothing. Without an `instance`
    it is one that has no datasource to ask."""
    return machine.run(
        f"{wrap} {sys.executable} -",
        f"""import logging, sys
sys.path.insert(0, {str(packages)!r})
import cc_vps_firewall
class Cloud:
    def __getattr__(self, name):
        if {instance!r} and name == "datasource": return self
        if {instance!r} and name == "get_instance_id": return lambda: {instance!r}
        raise RuntimeError("this cloud has no " + name)
try:
    cc_vps_firewall.handle("vps_firewall", {{"vps_firewall": {section!r}}}, Cloud(), logging.getLogger(), [])
except Exception as failure:
    print(type(failure).__name__ + ": " + str(failure))
""",
    )


# --- tools ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", TOOLS)
def test_a_missing_tool(tool: str) -> None:
    """One of a backend's tools is enough to make it unusable; `auto` takes the other backend, and says why."""
    with Machine(tool) as machine:
        machine.apply({**OLD, "backend": machine.backend})
        old = machine.state()
        missing = "nft" if machine.backend == "nftables" else "ip6tables-restore"
        with hidden(machine, missing):
            run = machine.command("apply", "FILE", policy={**NEW, "backend": machine.backend})
        assert run.value == 3, run
        assert missing in run.err
        assert run.err.endswith(" not installed\n")
        assert machine.state() == old
        assert (machine.status()["result"], machine.status()["failed_in"]) == ("failed", "rehearse")
    with Machine(tool) as machine, hidden(machine, missing):
        assert machine.handle(NEW).value == []
        status = machine.status()
        assert status["backend"] != machine.backend
        assert status["notes"][0].startswith(f"{machine.backend} was not used: {machine.backend}: ")
        machine.assert_closed()


def test_the_other_tool_closes_the_host_while_the_one_asked_for_is_installed() -> None:
    with Machine("nftables") as machine, hidden(machine, "ip6tables-restore"):
        machine.run("mkdir -p /etc/systemd/system/x.wants; touch /etc/systemd/system/x.wants/firewalld.service")
        install = "nft list ruleset >/run/meanwhile; " + there_again("ip6tables-restore")
        run = machine.handle({**NEW, "backend": "iptables"}, packages={"iptables-persistent": install})
        assert run.value == [], run
        assert "tcp dport" in machine.run("cat /run/meanwhile")
        assert "iptables-persistent had to be installed: closed but for SSH" in machine.status()["notes"]
        assert "firewalld was disabled and masked: its rules would conflict with these" in machine.status()["notes"]
        assert machine.status()["backend"] == "iptables"
        machine.assert_closed()


def test_the_second_package_is_tried_where_there_is_no_first() -> None:
    with Machine("nftables") as machine, hidden(machine, "nft", "ip6tables-restore"):
        run = machine.handle(NEW, packages={"iptables-persistent": there_again("ip6tables-restore")})
        assert run.value == [], run
        assert any("iptables-persistent had to be installed: unprotected for" in n for n in machine.status()["notes"])
        machine.assert_closed()


# What iptables-nft says, and does, on a kernel without nft_compat and xt_*: CentOS 10 without kernel-modules-extra.
NO_MODULES = """text=$(cat)
case "$text" in
*" -m "*)
    echo "Warning: Extension conntrack revision 0 not supported, missing kernel module?" >&2
    echo "iptables-restore v1.8.11 (nf_tables): " >&2
    echo "line 5: RULE_APPEND failed (No such file or directory): rule in chain INPUT" >&2
    exit 4 ;;
esac
printf '%s\\n' "$text" | exec $real "$@"
"""
OFFICE = {"from": ["192.0.2.1", "2001:db8:1::1"]}
SSH = {(4, OPEN), (6, OPEN)}


def without_modules(machine: Machine) -> None:
    machine.fake(iptables_restore=NO_MODULES, ip6tables_restore=NO_MODULES)


def test_a_kernel_that_has_no_modules_for_the_only_tool_gets_the_other_tool() -> None:
    with Machine("iptables-nft") as machine, hidden(machine, "nft"):
        without_modules(machine)
        run = machine.handle({**NEW, "ssh": OFFICE}, packages={"nftables": there_again("nft")})
        assert run.value == [], run
        assert machine.installs() == ["nftables"]
        status = machine.status()
        assert (status["result"], status["backend"]) == ("applied", "nftables")
        assert any("nftables had to be installed: unprotected for up to" in note for note in status["notes"])
        assert machine.reachable_by_both() == (SSH, set())
        assert machine.settled()


def test_a_kernel_that_has_no_modules_for_the_tool_that_was_asked_for() -> None:
    """The policy cannot be had; its own SSH can, once there is something to load it."""
    with Machine("iptables-nft") as machine, hidden(machine, "nft"):
        without_modules(machine)
        asked = {**NEW, "backend": "iptables", "ssh": OFFICE}
        run = machine.handle(asked, packages={"nftables": there_again("nft")})
        assert "missing kernel module?" in run.value[0], run
        assert machine.installs() == ["nftables"]
        assert machine.status()["in_force"] == "the policy's own SSH alone"
        assert machine.status()["backend"] == "nftables"
        assert machine.reachable_by_both() == (SSH, set())
        machine.handle(asked)
        assert machine.installs() == ["nftables"], "nothing is missing any more"


@pytest.mark.parametrize("wrong", [{}, {"alow": []}], ids=["good", "refused"])
def test_where_nothing_can_be_installed_it_is_tried_once(wrong: dict[str, object]) -> None:
    """Without a repository a package manager takes half a minute, and every later boot would."""
    policy = {**NEW, "ssh": OFFICE, **wrong}
    with Machine("nftables") as machine:
        with hidden(machine, *EVERY_TOOL):
            for _ in range(3):
                run = machine.handle(policy)
                assert "nothing could close this host" in run.raised, run
                assert machine.installs() == ["nftables", "iptables-persistent"]
                told = "nftables could not be installed, which is tried once: install it, and reboot"
                assert told in machine.status()["notes"], machine.status()
                assert not machine.settled()
            machine.handle(policy, instance="i-2")
            assert machine.installs() == ["nftables", "iptables-persistent"] * 2, "another instance may have one"
        run = machine.handle(policy, instance="i-2")
        assert bool(run.value) == bool(wrong), run
        assert machine.reachable_by_both() == (SSH, set()), "its owner has installed it: closed by the next boot"
        assert machine.settled()
        assert len(machine.installs()) == 4


def test_where_one_family_of_two_is_closed_the_host_is_open() -> None:
    """iptables-restore is there, and neither nft nor ip6tables-restore: what is missing is installed all the same."""
    with Machine("iptables-nft") as machine, hidden(machine, "nft", "ip6tables-restore"):
        asked = {"ssh": OFFICE, "allow": ["3306/tcp"]}
        run = machine.handle(asked)
        assert run.value == ["iptables: ip6tables-restore not installed; nftables: nft not installed"], run
        assert machine.reachable_by_both() == ({(4, OPEN), (6, OPEN), (6, CLOSED)}, {(6, OPEN), (6, CLOSED)})
        status = machine.status()
        assert (status["in_force"], status["open_families"]) == ("the policy's own SSH alone", [6])
        assert machine.installs() == ["iptables-persistent", "nftables"]
        assert not machine.settled()
        run = machine.handle(asked, packages={"nftables": there_again("nft")}, instance="i-2")
        assert run.value == [], run
        assert any("nftables had to be installed: unprotected for up to" in note for note in machine.status()["notes"])
        assert "open_families" not in machine.status()
        database = {(4, CLOSED), (6, CLOSED)}
        assert machine.reachable_by_both() == (SSH | database, database), "nothing of iptables is left"


def test_a_host_that_is_closed_by_other_means_tries_once_as_well() -> None:
    with Machine("nftables") as machine, hidden(machine, "ip6tables-restore"):
        for _ in range(3):
            run = machine.handle({**NEW, "backend": "iptables", "ssh": OFFICE})
            assert run.value[0].startswith("iptables: "), run
            assert "ip6tables-restore" in run.value[0], run
            assert machine.status()["in_force"] == "the policy's own SSH alone"
            assert machine.reachable_by_both() == (SSH, set())
        assert machine.installs() == ["iptables-persistent"]


@pytest.mark.parametrize("why", ["a mistake", "no namespaces", "no room"])
def test_nothing_is_installed_where_no_tool_would_help(why: str) -> None:
    """The other backend's is missing, and neither it nor its modules are what is wrong."""
    with Machine("nftables") as machine, hidden(machine, "ip6tables-restore"):
        if why == "no namespaces":
            machine.engine(in_a_container)
        else:
            machine.run("mount -o remount,bind,ro /etc" if why == "no room" else "")
            assert machine.handle({**NEW, **({"alow": []} if why == "a mistake" else {})}).value
        machine.assert_closed()
        assert machine.status()["result"] == "failed"
        assert machine.installs() == []


def in_a_container(checkpoint: Checkpoint) -> object:
    """Without CAP_SYS_ADMIN, as in a container: unshare(2) is refused."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(24, 21) == 0, "PR_CAPBSET_DROP, CAP_SYS_ADMIN"  # for what is executed
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, sets) == 0
    for part in (0, 1, 2):  # effective, permitted, inheritable, of the first 32
        sets[part] &= ~(1 << 21)
    assert libc.capset(header, sets) == 0

    def shell(script: str) -> str:
        return subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True).stdout

    return cloudinit.enter(NEW, FakeCloud(b"", {}, shell))


def test_nothing_is_installed_for_who_wants_no_firewall() -> None:
    with Machine("nftables") as machine, hidden(machine, "nft", "ip6tables-restore"):
        run = machine.handle({"enabled": False}, packages={"nftables": "touch /run/installed"})
        assert run.value == [], run
        assert not machine.run("ls /run/installed", check=False)
        assert machine.status()["notes"] == ["enabled: false: nothing was touched"]


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_that_is_too_old(tool: str) -> None:
    """It does not know a word that the rules need: the rehearsal finds out, and nothing live was touched."""
    names = ("nft",) if tool == "nftables" else ("iptables_restore", "ip6tables_restore")
    with Machine(tool) as machine:
        machine.apply({**OLD, "backend": machine.backend})
        old = machine.state()
        machine.fake(**dict.fromkeys(names, TOO_OLD))
        run = machine.command("apply", "FILE", policy={**NEW, "backend": machine.backend})
        machine.mend()
        assert run.value == 4, run
        assert "syntax error, unexpected burst" in run.err
        assert machine.state() == old
    with Machine(tool) as machine:
        machine.fake(**dict.fromkeys(names, TOO_OLD))
        assert machine.handle(NEW).value == [], "the other backend knows the word"
        machine.mend()
        assert machine.status()["backend"] != machine.backend
        machine.assert_closed()


@pytest.mark.parametrize("broken", ["iptables_restore", "ip6tables_restore"])
@pytest.mark.parametrize("tool", IPTABLES)
def test_one_family_of_two_fails(tool: str, broken: str) -> None:
    """The rehearsal went well, and then one live load is refused while the other family's is done."""
    fails = '[ $calls = 2 ] || exec $real "$@"; sleep 0.2; echo not today >&2; exit 1'
    with Machine(tool) as machine:
        machine.apply(OLD)
        old = machine.state()
        machine.fake(**{broken: fails})
        run = machine.command("apply", "FILE", policy={**NEW, "backend": "iptables"})
        machine.mend()
        assert run.value == 4, run
        assert "not today; nothing was changed" in run.err
        assert machine.state() == old, "both families are old again"
    with Machine(tool) as machine:
        machine.fake(**{broken: fails.replace("= 2", "-ge 2")})
        run = machine.handle({**NEW, "backend": "iptables"})
        machine.mend()
        assert "not today" in run.value[0], run
        machine.assert_closed()
        assert machine.status()["in_force"] == "the built-in policy"


def test_one_family_that_fails_for_good_leaves_the_other_closed() -> None:
    """There is no nft, and no ip6tables that works: IPv4 at least is closed, and the status says what is not."""
    with Machine("iptables-nft") as machine:
        machine.fake(nft="exit 1", ip6tables_restore="echo broken >&2; exit 1")
        run = machine.handle(NEW)
        machine.mend()
        assert "broken" in run.value[0], run
        assert (4, OPEN) in machine.reachable()
        assert {port for family, port in machine.reachable() if family == 4} == {OPEN}
        assert "IPv6 may be open: ip6tables-restore failed (1): broken" in machine.status()["notes"]


def test_no_tool_at_all() -> None:
    with Machine("nftables") as machine, hidden(machine, *EVERY_TOOL):
        said = in_cloud_init(machine, NEW)
        assert said.startswith("RuntimeError: ")
        assert said.endswith("the host is OPEN over IPv4 and IPv6: no tool could close it\n")
        status = machine.status()
        assert status["result"] == "failed"
        assert "not installed" in status["problems"][0]
        assert "OPEN over IPv4 and IPv6" in status["problems"][0]


# --- locks ------------------------------------------------------------------------------------------------


def test_the_xtables_lock_is_held_by_somebody_else() -> None:
    quick = {"iptables_backend.LOCK_WAIT": 1}
    with Machine("iptables-legacy") as machine, ExitStack() as held:
        machine.apply(OLD)
        old = machine.state()
        machine.do(lambda: held.enter_context(lock_held("/run/xtables.lock")))
        run = machine.command("apply", "FILE", policy=NEW, settings=quick)
        assert run.value == 4, run
        assert "xtables lock" in run.err
        assert "nothing was changed" in run.err
        assert machine.state() == old, "and auto has not gone over to the other backend"
        assert (machine.status()["result"], machine.status()["failed_in"]) == ("failed", "load")
    with Machine("iptables-legacy") as machine, ExitStack() as held:
        machine.do(lambda: held.enter_context(lock_held("/run/xtables.lock")))
        run = machine.handle(NEW, settings=quick)
        assert "xtables lock" in run.value[0], run
        machine.assert_closed()
        assert machine.status()["backend"] == "nftables", "the built-in policy needs no lock there"


def test_a_lock_that_is_free_in_time_is_waited_for() -> None:
    with Machine("iptables-legacy") as machine:
        machine.apply(OLD)
        machine.run("flock /run/xtables.lock sleep 1 >/dev/null 2>&1 &")
        assert machine.command("apply", "FILE", policy=NEW).value == 0


def test_another_run_of_ours() -> None:
    with Machine("nftables") as machine, ExitStack() as held:
        machine.apply(OLD)
        old, told = machine.state(), machine.status()
        machine.do(lambda: held.enter_context(lock_held(files.LOCK)))
        run = machine.command("apply", "FILE", policy=NEW, settings={"files.LOCK_WAIT": 0.3})
        assert run.value == 1, run
        assert "another vps-firewall has been at work" in run.err
        assert machine.state() == old
        assert machine.status() == told, "the status is that of the run that is at work"


@pytest.mark.parametrize("tool", TOOLS)
def test_two_at_once_come_one_after_the_other(tool: str) -> None:
    with Machine(tool) as machine:
        machine.apply(OLD)
        command = (sys.executable, "-m", "cc_vps_firewall", "apply")
        machine.do(lambda: machine.write("/run/a.yaml", "#cloud-config\nvps_firewall: {allow: [https]}\n"))
        machine.do(lambda: machine.write("/run/b.yaml", "#cloud-config\nvps_firewall: {allow: [smtp, imaps]}\n"))
        both = [machine.start(*command, f"/run/{name}.yaml") for name in "ab"]
        ended = [(process.communicate()[1], process.returncode) for process in both]
        assert ended == [("", 0), ("", 0)]
        assert machine.command("verify").value == 0
        assert machine.status()["result"] == "applied"
        assert machine.leftovers() == []


HIJACKED = """#!/bin/sh
echo "$0 $*" >>/run/hijacked
exit 1
"""


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_of_the_same_name_in_somebodys_own_folder_is_not_run(tool: str) -> None:
    """A folder that stands first on root's PATH, and one named from wherever root happens to be."""
    with Machine(tool) as machine:
        for name in (*EVERY_TOOL, "flock", "systemctl", "restorecon"):
            machine.do(lambda name=name: machine.write(f"/run/somebody/bin/{name}", HIJACKED, 0o777))  # type: ignore[misc]
        path = f"/run/somebody/bin:somebody/bin:{machine.environment['PATH']}"
        machine.do(lambda: machine.write("/run/new.yaml", f"#cloud-config\nvps_firewall: {NEW}\n"))
        apply = f"cd /run; PATH={path} PYTHONPATH={REPOSITORY} {sys.executable} -m cc_vps_firewall apply /run/new.yaml"
        machine.run(apply)
        machine.assert_closed()
        assert machine.status()["backend"] == machine.backend
        assert machine.asked_of_systemctl(), "the one in sbin was"
        assert machine.run("cat /run/hijacked 2>/dev/null", check=False) == ""


def test_a_tool_that_only_the_current_folder_has_is_none() -> None:
    with Machine("nftables") as machine, hidden(machine, *EVERY_TOOL):
        for name in EVERY_TOOL:
            machine.do(lambda name=name: machine.write(f"/run/somebody/{name}", HIJACKED, 0o777))  # type: ignore[misc]
        machine.do(lambda: machine.write("/run/new.yaml", f"#cloud-config\nvps_firewall: {NEW}\n"))
        apply = f"PATH=.:somebody:$PATH PYTHONPATH={REPOSITORY} {sys.executable} -m cc_vps_firewall apply /run/new.yaml"
        said = machine.run(f"cd /run; {apply} 2>&1; cd somebody; {apply} 2>&1", check=False)
        assert said.count("nft not installed") == 2, said
        assert machine.run("cat /run/hijacked 2>/dev/null", check=False) == ""


# --- privileges and services ------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", TOOLS)
def test_a_host_that_allows_no_network_namespace(tool: str) -> None:
    """As in some containers: the process lacks CAP_SYS_ADMIN, without which unshare(2) is refused."""
    less = "setpriv --bounding-set -sys_admin --inh-caps -sys_admin"
    with Machine(tool) as machine:
        machine.apply(OLD)
        old = machine.state()
        machine.do(lambda: machine.write("/run/new.yaml", "#cloud-config\nvps_firewall: {allow: [https]}\n"))
        run = machine.start(*less.split(), sys.executable, "-m", "cc_vps_firewall", "apply", "/run/new.yaml")
        err = run.communicate()[1]
        assert run.returncode == 3, err
        assert "cannot make a network namespace to rehearse the rules in: Operation not permitted" in err
        assert machine.state() == old
    with Machine(tool) as machine:
        said = in_cloud_init(machine, NEW, wrap=f"exec {less}")
        assert "cannot make a network namespace" in said
        machine.assert_closed()
        status = machine.status()
        assert any("Operation not permitted" in problem for problem in status["problems"]), status
        assert (status["result"], status["in_force"]) == ("failed", "the built-in policy")
        assert status["notes"][0].startswith("loaded without a rehearsal")
        assert status["saved"][0] in machine.files(), "the next boot is closed too"


@pytest.mark.parametrize("how", ["missing", "failing"])
@pytest.mark.parametrize("tool", TOOLS)
def test_a_service_that_cannot_be_enabled(tool: str, how: str) -> None:
    with Machine(tool) as machine, ExitStack() as stack:
        machine.apply(OLD)
        machine.run("rm -r /etc/systemd/system/*.wants")
        old = machine.state()
        if how == "missing":
            stack.enter_context(hidden(machine, "systemctl"))
        else:
            machine.fake(systemctl="echo Failed to connect to bus >&2; exit 1")
        run = machine.command("apply", "FILE", policy=NEW)
        assert run.value == 5, run
        assert ("systemctl is not installed" if how == "missing" else "Failed to connect to bus") in run.err
        assert machine.state() == old
        assert (machine.status()["result"], machine.status()["failed_in"]) == ("failed", "enable")
    with Machine(tool) as machine, ExitStack() as stack:
        if how == "missing":
            stack.enter_context(hidden(machine, "systemctl"))
        else:
            machine.fake(systemctl="echo Failed to connect to bus >&2; exit 1")
        run = machine.handle(NEW)
        assert "systemctl" in run.value[0], run
        machine.assert_closed()
        status = machine.status()
        assert status["in_force"] == "the built-in policy"
        assert any(note.startswith("the next boot may be open: systemctl") for note in status["notes"])


# --- IPv6 -------------------------------------------------------------------------------------------------


def without_ipv6(section: object, first_boot: bool) -> Work:
    """The engine on a kernel that shows no /proc/net/if_inet6; that is imitated by saying so."""

    def work(checkpoint: Checkpoint) -> object:
        host = dataclasses.replace(facts.inspect(), ipv6=False)
        if first_boot:
            return engine.boot(section, checkpoint, host).status
        return engine.apply(section, checkpoint, host)

    return work


@pytest.mark.parametrize("first_boot", [True, False])
@pytest.mark.parametrize("tool", IPTABLES)
def test_a_kernel_without_ipv6(tool: str, first_boot: bool) -> None:
    """ipv6.disable=1, imitated: no /proc/net/if_inet6, and ip6tables that say what they say then."""
    refuses = "echo can\\'t initialize ip6tables table: Address family not supported by protocol >&2; exit 3"
    with Machine(tool) as machine:
        machine.fake(ip6tables_restore=refuses, ip6tables_save=refuses)
        run = machine.engine(without_ipv6(NEW, first_boot))
        machine.mend()
        assert run.value["result"] == "applied", run
        assert run.value["skipped_families"] == [6]
        assert "IPv6 is off in this kernel: its rules are saved, and not loaded" in run.value["notes"]
        assert {port for family, port in machine.reachable() if family == 4} == {OPEN}
        mode, text = machine.files()["/etc/iptables/rules.v6"]
        assert mode == "0o600"
        assert text.endswith("COMMIT\n")


ROUTES = [
    {"in": "eth0", "out": "eth1"},
    {"in": "eth0", "out": "eth1", "to": ["fd00:9::/64"]},
    {"in": "eth1", "out": "eth0", "masquerade": [4, 6]},
    {"in": "eth1", "out": "eth0", "masquerade": True, "from": ["10.9.0.0/24"]},
]
NEEDS_IPV6 = [f"vps_firewall.route[{n}]: needs IPv6, which is off on this host" for n in (1, 2)]
NEEDS_IPV6.append("vps_firewall.publish[0]: needs IPv6, which is off on this host")


@pytest.mark.parametrize("how", ["kernel", "sysctl", "on"])
def test_what_is_forwarded_over_ipv6_is_warned_of_where_that_is_off(how: str) -> None:
    section = {"ssh": {}, "route": ROUTES, "publish": [{"port": "8443/tcp", "to": "fd00:9::2"}]}
    with Machine("nftables") as machine:
        if how == "sysctl":
            machine.run("echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6")
        run = machine.engine(without_ipv6(section, False)) if how == "kernel" else machine.apply(section)
        assert run.value["result"] == "applied", run
        assert [said for said in run.value["warnings"] if "IPv6, which is off" in said] == (
            [] if how == "on" else NEEDS_IPV6
        )


@pytest.mark.parametrize("tool", TOOLS)
def test_ipv6_that_is_only_not_there_yet_is_filtered(tool: str) -> None:
    """No /proc/net/if_inet6, but the tools work: the module may be loaded any time, and then must be closed."""
    with Machine(tool) as machine:
        run = machine.engine(without_ipv6(NEW, False))
        assert run.value["skipped_families"] == [], run
        machine.assert_closed()


@pytest.mark.parametrize("tool", TOOLS)
def test_ipv6_switched_off_by_sysctl(tool: str) -> None:
    """net.ipv6.conf.all.disable_ipv6=1 takes the addresses away and leaves the filter: it can come back."""
    with Machine(tool) as machine:
        machine.run("echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6")
        assert machine.handle(NEW).value == []
        assert machine.status()["skipped_families"] == []
        machine.run("echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6; ip address add 2001:db8:1::10/64 dev eth0 nodad")
        machine.assert_closed()


# --- the engine itself ------------------------------------------------------------------------------------

ENGINE = REPOSITORY / "cc_vps_firewall"
MODULES = sorted({str(path.relative_to(ENGINE)) for path in ENGINE.rglob("*.py")} - {"__init__.py"})


@pytest.mark.parametrize("how", ["gone", "cut", "empty"])
def test_half_an_engine(how: str, tmp_path: Path) -> None:
    """Each file in turn is missing, cut in the middle, or empty, as after an upgrade that lost power."""
    failed = []
    with Machine("nftables") as machine:
        for name in MODULES:
            shutil.copytree(ENGINE, tmp_path / name / "cc_vps_firewall")
            victim = tmp_path / name / "cc_vps_firewall" / name
            text = victim.read_text()
            victim.unlink()
            if how != "gone":
                victim.write_text(text[: len(text) // 2] + "\n(" if how == "cut" else "")
            said = in_cloud_init(machine, NEW, tmp_path / name)
            machine.assert_closed()
            result = machine.status()["result"]
            assert (result == "applied") if said == "" else (result == "failed"), f"{name}: {said}"
            failed += [name] if said.startswith("RuntimeError: ") else []
            machine.run("nft flush ruleset; rm -rf /var/lib/vps-firewall /etc/nftables")
    needed = {"apply/converge.py", "backends/nftables.py", "boot/cloudinit.py", "boot/first_boot.py", "plan/decide.py"}
    needed |= {"host/process.py", "host/files.py", "plan/model.py", "root.py", "rules/nftables.py"}
    needed |= {f"policy/{name}.py" for name in ("__init__", "keys", "model", "networks", "parser", "userdata")}
    if how != "empty":
        needed.add("rules/compare.py")  # imported at each first boot, used where the kernel holds other rules
    assert needed <= set(failed), needed - set(failed)


def test_only_folders_of_systemd_say_where_ssh_listens() -> None:
    """The engine is broken, and what stands in /tmp anybody may have written."""
    theirs = ("tmp", "var", "home", "run/user", "tmp/usr/lib")
    folders = {"etc": 2201, "run": 2202, "usr/lib": 2203}
    with Machine("nftables") as machine:
        machine.run("for folder in /tmp /home /var /usr/lib/systemd; do mount -t tmpfs tmp $folder; done")
        engine = "/run/engine/cc_vps_firewall"
        machine.do(lambda: shutil.copytree(REPOSITORY / "cc_vps_firewall", engine))
        machine.run(f"rm {engine}/host/process.py")
        for port, folder in enumerate(theirs, 4444):
            dropin = f"/{folder}/systemd/system/ssh.socket.d/mine.conf"
            machine.do(lambda: machine.write(dropin, f"[Socket]\nListenStream={port}\n"))  # noqa: B023
        for folder, port in folders.items():
            dropin = f"/{folder}/systemd/system/sshd.socket.d/port.conf"
            machine.do(lambda: machine.write(dropin, f"[Socket]\nListenStream=0.0.0.0:{port}\n"))  # noqa: B023
        machine.do(lambda: machine.write("/etc/ssh/sshd_config", "Port 22\n"))
        machine.run(
            "cd /etc/systemd/system; mkdir sockets.target.wants; ln -s /dev/null sockets.target.wants/ssh.socket"
        )
        assert "closed but for SSH" in in_cloud_init(machine, NEW, Path("/run/engine"))
        opened = machine.run("nft -y list chain inet vps_firewall input | grep 'tcp dport'")
        assert opened.split("dport ")[1].strip() == "{ 22, 2201, 2202, 2203 } accept"
        machine.assert_closed()


def test_half_an_engine_in_a_sealed_image(tmp_path: Path) -> None:
    """nft, which comes first where the engine is broken, is there: the seal of iptables would go on to drop."""
    shutil.copytree(REPOSITORY / "cc_vps_firewall", tmp_path / "cc_vps_firewall")
    (tmp_path / "cc_vps_firewall/host/process.py").unlink()
    with Machine("iptables-nft") as machine:
        machine.seal({"backend": "iptables"})
        assert "closed but for SSH" in in_cloud_init(machine, NEW, tmp_path)
        machine.assert_closed()

"""ufw, firewalld, and our own other backend: one firewall loads rules at boot, and the one that goes leaves no hole."""

from __future__ import annotations

import re

import pytest

from cc_vps_firewall.host import state
from cc_vps_firewall.host.distributions import OWN_UNIT
from tests.lab.machine import NFTABLES_CONF, TOOLS, Machine, State

OLD = {"allow": ["http"]}
NEW = {"allow": ["https", "smtp"]}
OTHER = {"nftables": "iptables", "iptables": "nftables"}
SERVICES = {"nftables": OWN_UNIT, "iptables": "netfilter-persistent.service"}

# What `systemctl stop` does to everybody's rules: ufw's stop opens the policies unless ufw.conf says that it is off
# already; firewalld flushes every table of iptables, whatever its own backend.
STOPS = {
    "ufw": """. /etc/ufw/ufw.conf; [ "$1" != stop ] || [ "$ENABLED" = yes ] && for t in iptables ip6tables; do
        $t -F; $t -X; $t -P INPUT ACCEPT; $t -P FORWARD ACCEPT; done; true""",  # and `ufw disable` does the same
    "firewalld": """for t in iptables ip6tables; do for table in mangle filter; do
        $t -t $table -F; $t -t $table -X; done; $t -P INPUT ACCEPT; done; nft delete table inet firewalld""",
}


def switch_on(machine: Machine, rival: str, enabled: str = "ENABLED=yes") -> None:
    """The files and rules of a rival that runs. systemd's part is a stand-in that does what a stop does."""
    machine.run("mkdir -p /run/systemd/system /etc/ufw /etc/systemd/system/multi-user.target.wants")
    if rival == "ufw":
        machine.run(f"printf '# ufw\\n{enabled}\\nLOGLEVEL=low\\n' >/etc/ufw/ufw.conf")
        rules = "*filter\n:INPUT DROP [0:0]\n:ufw-before-input - [0:0]\n-A INPUT -j ufw-before-input\n"
        for prefix in ("iptables", "ip6tables"):
            machine.run(f"{prefix}-restore", f"{rules}-A ufw-before-input -p tcp --dport 22 -j ACCEPT\nCOMMIT\n")
    else:
        wants = "/etc/systemd/system/multi-user.target.wants/firewalld.service"
        machine.run(f"ln -s /usr/lib/systemd/system/firewalld.service {wants}")
        machine.run(
            "nft -f -", "table inet firewalld { chain filter_INPUT { type filter hook input priority 10\n}\n}\n"
        )
    if rival == "ufw":
        machine.fake(ufw=f"{STOPS[rival]}; sed -i s/ENABLED=.*/ENABLED=no/ /etc/ufw/ufw.conf")
    machine.fake(systemctl=f'$real "$@"; [ $1 != stop ] || [ -e /run/stopped ] || {{ >/run/stopped; {STOPS[rival]}; }}')


@pytest.mark.parametrize("rival", STOPS)
@pytest.mark.parametrize("tool", TOOLS)
def test_the_command_refuses_beside_a_rival_and_replaces_it_when_told(tool: str, rival: str) -> None:
    with Machine(tool) as machine:
        switch_on(machine, rival)
        before = machine.state()
        run = machine.command("apply", "FILE", policy=NEW)
        assert (run.value, run.err) == (
            1,
            f"vps-firewall: {rival} is active and would overwrite these rules; --replace disables it\n",
        )
        assert machine.state() == before
        assert machine.asked_of_systemctl() == []
        assert f"-service {rival} disabled and masked" in machine.command("plan", "FILE").out
        run = machine.command("apply", "FILE", "--replace", policy=NEW)
        assert run.value == 0, run
        assert f"note: {rival} was disabled and masked: its rules would conflict with these\n" in run.out
        asked = machine.asked_of_systemctl()
        wanted = ("disable {}.service --no-reload", "mask {}.service --no-reload", "stop {}.service")
        assert [line.format(rival) for line in wanted] == [a for a in asked if rival in a]
        machine.assert_closed()
        assert machine.command("verify").value == 0
        assert not re.search(r"-j ufw|table inet firewalld", machine.rules())
        machine.mend()
        assert machine.command("apply", "FILE", policy=OLD).value == 0, "from now on there is no rival"


@pytest.mark.parametrize("rival", STOPS)
@pytest.mark.parametrize("tool", TOOLS)
def test_a_first_boot_switches_rivals_off(tool: str, rival: str) -> None:
    with Machine(tool) as machine:
        switch_on(machine, rival)
        assert machine.handle(NEW).value == []
        machine.assert_closed()
        assert machine.command("verify").value == 0
        assert machine.asked_of_systemctl().count(f"stop {rival}.service") == 1
        assert f"mask {rival}.service --no-reload" in machine.asked_of_systemctl()
        assert f"{rival} was disabled and masked: its rules would conflict with these" in machine.status()["notes"]


def test_a_first_boot_with_a_mistake_says_what_it_switched_off() -> None:
    with Machine("nftables") as machine:
        switch_on(machine, "firewalld")
        assert machine.handle({"allow": ["htpps"]}).value
        machine.assert_closed()
        assert machine.status()["notes"] == ["firewalld was disabled and masked: its rules would conflict with these"]


def test_a_rival_that_will_not_go_is_met_again_at_the_next_boot() -> None:
    with Machine("nftables") as machine:
        switch_on(machine, "firewalld")
        machine.fake(systemctl='case "$*" in *firewalld*) exit 1;; esac; exec $real "$@"')
        assert machine.handle(NEW).value == []
        assert not machine.settled()
        machine.mend()
        assert machine.handle(NEW).value == []
        assert machine.settled()


@pytest.mark.parametrize("enabled", ["ENABLED=yes", 'ENABLED="yes"', "ENABLED='yes'"])
def test_ufw_is_off_before_it_is_stopped(enabled: str) -> None:
    with Machine("iptables-nft") as machine:
        switch_on(machine, "ufw", enabled)
        assert machine.command("apply", "FILE", "--replace", policy=NEW).value == 0
        assert machine.run("cat /etc/ufw/ufw.conf") == "# ufw\nENABLED=no\nLOGLEVEL=low\n"
        machine.assert_closed()


def test_a_rival_that_takes_everything_with_it_and_fails() -> None:
    with Machine("iptables-nft") as machine:
        switch_on(machine, "firewalld")
        machine.fake(systemctl=f'$real "$@"; [ $1 != stop ] || {{ {STOPS["firewalld"]}; exit 1; }}')
        run = machine.command("apply", "FILE", "--replace", policy=NEW)
        assert "note: firewalld could not be disabled: systemctl failed (1): it said nothing\n" in run.out
        machine.assert_closed()
        assert machine.command("verify").value == 0


def test_a_rival_that_cannot_be_masked_is_stopped_all_the_same() -> None:
    """Its owner has edited the unit: the file stands where the mask would."""
    with Machine("nftables") as machine:
        switch_on(machine, "firewalld")
        machine.fake(systemctl='[ $1 != mask ] || { echo the file exists >&2; exit 1; }; exec $real "$@"')
        run = machine.command("apply", "FILE", "--replace", policy=NEW)
        assert "note: firewalld could not be disabled: systemctl failed (1): the file exists\n" in run.out
        assert "stop firewalld.service" in machine.asked_of_systemctl()


def test_a_rival_that_will_not_go_is_told_and_nothing_is_undone() -> None:
    with Machine("nftables") as machine:
        switch_on(machine, "firewalld")
        machine.fake(systemctl='case "$*" in *firewalld*) echo no bus >&2; exit 1;; esac; exec $real "$@"')
        run = machine.command("apply", "FILE", "--replace", policy=NEW)
        assert run.value == 0
        assert "note: firewalld could not be disabled: systemctl failed (1): no bus\n" in run.out
        machine.assert_closed()


# --- from one backend to the other ------------------------------------------------------------------------


def assert_only(machine: Machine, name: str) -> None:
    """One backend filters, is saved, and is loaded at boot; of the other nothing is left."""
    rules, files = machine.rules(), machine.files()
    assert ("table inet vps_firewall" in rules) == (name == "nftables")
    assert ("VPSFW-" in rules) == (name == "iptables")
    assert ("/etc/nftables/vps-firewall.nft" in files) == (name == "nftables")
    assert "vps-firewall.nft" not in files["/etc/nftables.conf"][1]
    for family in (4, 6):
        assert (f"/etc/iptables/rules.v{family}" in files) == (name == "iptables")
    assert [path.rpartition("/")[2] for path in files if ".wants/" in path] == [SERVICES[name]]
    assert machine.leftovers() == []
    assert machine.command("verify").value == 0
    machine.assert_closed()


@pytest.mark.parametrize("tool", TOOLS[1:])
def test_there_and_back(tool: str) -> None:
    """Somebody else's rules are there before and after, in either."""
    with Machine(tool) as machine:
        machine.run("iptables -t nat -A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE; nft add table inet somebody")
        machine.run("iptables -N f2b-sshd; iptables -I INPUT -p tcp -j f2b-sshd")
        for name in ("iptables", "nftables", "iptables", "nftables"):
            run = machine.command("apply", "FILE", policy={**NEW, "backend": name})
            assert run.value == 0, run
            assert_only(machine, name)
            assert machine.status()["backend"] == name
            rules = machine.rules()
            for theirs in ("-j MASQUERADE", "table inet somebody", "-A INPUT -p tcp -j f2b-sshd"):
                assert theirs in rules
            assert machine.apply({**NEW, "backend": name}).value["result"] == "unchanged"


@pytest.mark.parametrize("tool, first", [("iptables-nft", "iptables"), ("iptables-legacy", "nftables")])
def test_killed_on_the_way(tool: str, first: str) -> None:
    """Whenever it is killed, the host is closed: both filter for a while. The next run ends what was begun."""
    then = {**NEW, "backend": OTHER[first]}
    with Machine(tool) as machine:
        machine.apply({**OLD, "backend": first})
        moments = machine.apply(then).moments
        after = machine.state()
    for moment in range(moments.index("before load"), len(moments)):
        with Machine(tool) as machine:
            machine.apply({**OLD, "backend": first})
            assert machine.apply(then, kill=moment).killed
            machine.assert_closed()
            assert machine.apply(then).value["backend"] == OTHER[first]
            assert machine.state() == after, f"killed at {moments[moment]}"
            assert_only(machine, OTHER[first])


@pytest.mark.parametrize("first", ["iptables", "nftables"])
def test_killed_before_anything_was_saved_and_another_backend_is_chosen(first: str) -> None:
    """What only the kernel knows of is taken out as well."""
    with Machine("iptables-nft") as machine:
        moments = machine.apply({**OLD, "backend": first}).moments
    with Machine("iptables-nft") as machine:
        assert machine.apply({**OLD, "backend": first}, kill=moments.index("before save")).killed
        assert not machine.apply({**NEW, "backend": OTHER[first]}).raised
        assert_only(machine, OTHER[first])


def test_a_way_that_fails_leads_back() -> None:
    with Machine("iptables-nft") as machine:
        machine.apply({**OLD, "backend": "iptables"})
        before: State = machine.state()
        machine.fake(systemctl="echo no bus >&2; exit 1")
        assert machine.command("apply", "FILE", policy={**NEW, "backend": "nftables"}).value == 5
        assert machine.state() == before
        assert_only(machine, "iptables")


@pytest.mark.parametrize("tool", TOOLS)
def test_ufws_rules_go_also_where_systemd_gives_no_answer(tool: str) -> None:
    """Seen in the boot lab: they went on dropping what the policy opens."""
    with Machine(tool) as machine:
        switch_on(machine, "ufw")
        machine.fake(systemctl='case "$*" in *ufw*) exit 1 ;; esac; $real "$@"')
        run = machine.command("apply", "FILE", "--replace", policy=NEW)
        assert "note: ufw could not be disabled: systemctl failed (1): it said nothing\n" in run.out
        machine.assert_closed()
        assert "-j ufw" not in machine.rules()


# --- Debian's nftables.service, whose start takes every table out ----------------------------------------------

LINK = "/etc/systemd/system/sysinit.target.wants/nftables.service"
DROP_IN = "/etc/systemd/system/nftables.service.d/vps-firewall.conf"
INCLUDE = 'include "/etc/nftables/vps-firewall.nft"'
THEIRS = "table inet docker { chain c { }\n}\ntable inet f2b { chain c { }\n}\n"


def started(machine: Machine, unit: str) -> None:
    """What systemd would run at a start of our unit, which is what a restart is: it has nothing to stop."""
    text = machine.files()[f"/etc/systemd/system/{unit}"][1]
    assert "ExecStop" not in text
    machine.run("\n".join(re.findall(r"(?m)^ExecStart=(.*)$", text)))


def test_a_start_of_our_unit_takes_nobodys_tables_out() -> None:
    with Machine("nftables") as machine:
        machine.do(lambda: machine.install_services("nftables"))
        assert machine.command("apply", "FILE", policy=NEW).value == 0
        assert machine.files()["/etc/nftables.conf"] == ("0o644", NFTABLES_CONF)
        machine.run("nft -f -", THEIRS)
        before = machine.rules()
        started(machine, OWN_UNIT)
        assert machine.rules() == before
        machine.run("nft flush ruleset")
        started(machine, OWN_UNIT)
        machine.assert_closed()
        assert machine.command("verify").value == 0


def test_an_owner_who_has_debians_service_keeps_it() -> None:
    with Machine("nftables") as machine:
        machine.do(lambda: machine.install_services("nftables", enabled=True))
        for _ in range(2):
            assert machine.command("apply", "FILE", policy=NEW).value == 0
            files = machine.files()
            assert files["/etc/nftables.conf"][1].endswith(f"{INCLUDE}\n")
            assert "ExecStop=\n" in files[DROP_IN][1]
            assert f"/etc/systemd/system/{OWN_UNIT}" not in files
            assert LINK in files
        machine.run("nft -f /etc/nftables.conf")
        machine.assert_closed()


@pytest.mark.parametrize("record", ["registered", "services", "none"])
def test_a_service_that_we_had_enabled_gives_way_to_our_unit(record: str) -> None:
    """By the seal's record, by the last policy's, and where an earlier version kept none."""
    with Machine("nftables") as machine:
        machine.do(lambda: machine.install_services("nftables", enabled=True))
        assert machine.command("apply", "FILE", policy=OLD).value == 0
        machine.run(f"rm {state.SERVICES}; mkdir -p /run/systemd/system")
        if record != "none":
            told = {
                "registered": '{"seal":{"units":["nftables.service"]}}',
                "services": '{"enabled":["nftables.service"]}',
            }
            machine.run(f"cat >/var/lib/vps-firewall/{record}.json", told[record])
        machine.run("nft -f -; : >/run/systemctl.log", THEIRS)
        run = machine.command("apply", "FILE", policy=NEW)
        assert run.value == 0, run
        assert "note: nftables.service no longer starts at boot: vps-firewall.service loads the rules\n" in run.out
        asked = [line for line in machine.asked_of_systemctl() if "nftables" in line]
        assert asked == ["stop nftables.service", "disable nftables.service"]
        files = machine.files()
        assert not {LINK, DROP_IN} & set(files)
        assert files["/etc/nftables.conf"][1] == NFTABLES_CONF
        assert "table inet docker" in machine.rules()
        started(machine, OWN_UNIT)
        machine.assert_closed()
        assert machine.command("verify").value == 0
        assert machine.apply(NEW).value["result"] == "unchanged"


def test_an_owner_who_enables_debians_service_later_gets_it_at_the_next_apply() -> None:
    with Machine("nftables") as machine:
        machine.do(lambda: machine.install_services("nftables"))
        assert machine.command("apply", "FILE", policy=NEW).value == 0
        machine.run(f"ln -s /lib/systemd/system/nftables.service {LINK}")
        assert machine.command("apply", "FILE", policy=NEW).value == 0
        files = machine.files()
        assert LINK in files
        assert f"/etc/systemd/system/{OWN_UNIT}" not in files
        assert f"/etc/systemd/system/sysinit.target.wants/{OWN_UNIT}" not in files
        assert files["/etc/nftables.conf"][1].endswith(f"{INCLUDE}\n")
        assert machine.command("verify").value == 0


@pytest.mark.parametrize("again", [OLD, NEW])
def test_a_distribution_that_nobody_knows_keeps_its_backend(again: dict[str, list[str]]) -> None:
    """Our own unit loads its rules, whichever backend they are of; both are installed."""
    with Machine("nftables", "other") as machine:
        assert machine.command("apply", "FILE", policy=OLD).value == 0
        first = machine.status()
        assert (first["backend"], first["services"]) == ("nftables", [OWN_UNIT])
        assert machine.command("apply", "FILE", policy=again).value == 0
        second = machine.status()
        assert (second["backend"], second["saved"]) == (first["backend"], first["saved"])
        assert second["result"] == ("unchanged" if again == OLD else "applied")
        assert machine.command("verify").value == 0

"""Files of an owner's in the places of ours: what is theirs is carried over, copied, and told."""

from __future__ import annotations

import re

import pytest

from tests.engine import place
from tests.lab.machine import TOOLS, Machine
from tests.lab.namespaces import Namespace

OLD = {"allow": ["http"]}
NEW = {"allow": ["https", "smtp"]}
IPTABLES = ("iptables-nft", "iptables-legacy")
COPY = ".before-vps-firewall"

# As people write it by hand: counters, an insertion, comments, a chain, what a policy of ours will not have.
OWNERS = """# of the office
*raw
:PREROUTING ACCEPT [5:600]
-A PREROUTING -p udp --dport 5060 -j CT --notrack
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
[3:180] -A POSTROUTING -o eth0 -j MASQUERADE
-I PREROUTING -p tcp --dport 8443 -j REDIRECT --to-ports 443
COMMIT
*mangle
-A POSTROUTING -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
-A FORWARD -i eth0 -j ACCEPT
COMMIT
*security
-A OUTPUT -p tcp -m tcp --dport 79 -j DROP
COMMIT
*filter
:INPUT DROP [0:0]
:office - [0:0]
-A INPUT -p tcp --dport 3306 -j ACCEPT
-A INPUT -p udp -j office
-A office -p udp --dport 161 -j RETURN
-A INPUT -j REJECT
COMMIT
"""
KEPT = ("dport 5060 -j CT --notrack", "MASQUERADE", "REDIRECT --to-ports 443", "TCPMSS --clamp-mss-to-pmtu",
        "dport 79 -j DROP", "-j office", "dport 161 -j RETURN")  # fmt: skip
GONE = ("dport 3306 -j ACCEPT", "FORWARD -i eth0 -j ACCEPT", "-A INPUT -j REJECT")


def files(machine: Machine) -> dict[int, str]:
    return dict(place(machine.release, machine.backend).files)


def write(machine: Machine, text: str) -> None:
    for path in files(machine).values():
        machine.do(lambda path=path: machine.write(path, text, 0o640))  # type: ignore[misc]


def after_a_boot(machine: Machine, family: int) -> str:
    """What a new kernel holds that was given the saved file."""
    prefix = {4: "iptables", 6: "ip6tables"}[family]
    variant = machine.tool.partition("-")[2]
    boot = Namespace("boot")
    text = machine.run(f"cat {files(machine)[family]}")
    boot.run([f"{prefix}-{variant}-restore"], text, env={"XTABLES_LOCKFILE": "/proc/self/fd/0"})
    dump = boot.run([f"{prefix}-{variant}-save"])
    boot.close()
    return dump


def assert_whole(machine: Machine, mine: str) -> None:
    """The files hold what is the owner's and what is ours, and theirs stands before ours."""
    for family, path in files(machine).items():
        dump = after_a_boot(machine, family)
        assert not [rule for rule in KEPT if dump.count(rule) != 1], dump
        assert not [rule for rule in GONE if rule in dump], dump
        assert f"{mine}" in dump
        inputs = re.findall(r"(?m)^-A INPUT .*$", dump.partition("*filter")[2].partition("COMMIT")[0])
        assert inputs[0] == "-A INPUT -p udp -j office"
        assert "vps-firewall" in inputs[1]
        assert machine.files()[path][0] == "0o600"


@pytest.mark.parametrize("tool", IPTABLES)
@pytest.mark.parametrize("release", ["debian", "redhat", "other"])
def test_an_owners_tables_are_carried_over(release: str, tool: str) -> None:
    # Named: of two tools on a distribution that nobody knows, nft is taken.
    old, new = ({**policy, "backend": "iptables"} for policy in (OLD, NEW))
    with Machine(tool, release) as machine:
        write(machine, OWNERS)
        plan = machine.command("plan", "FILE", policy=old).out
        for path in files(machine).values():
            assert f"~file {path}\n" in plan
            assert f"+file {path}{COPY}\n" in plan
        status = machine.apply(old).value
        for path in files(machine).values():
            assert f"{path} was not ours: what stood there is in {path}{COPY}" in status["notes"]
            assert machine.files()[path + COPY] == ("0o600", OWNERS)
        assert_whole(machine, "--dport 80 ")
        assert machine.command("verify").value == 0
        assert "nothing would change" in machine.command("plan", "FILE", policy=old).out
        assert machine.apply(old).value["result"] == "unchanged"
        status = machine.apply(new).value
        assert status["result"] == "applied"
        assert not [note for note in status["notes"] if "/etc" in note]
        assert_whole(machine, "--dports 25,443 ")
        assert machine.files()[path + COPY] == ("0o600", OWNERS)
        assert machine.command("verify").value == 0
        assert machine.leftovers() == []


@pytest.mark.parametrize("tool", IPTABLES)
def test_what_the_services_own_command_saved_is_carried_over(tool: str) -> None:
    """netfilter-persistent save writes what the kernel holds: ours in other words, and the live nat of others."""
    with Machine(tool) as machine:
        machine.apply(OLD)
        machine.run("ipset create banned hash:ip")
        for six in ("", "6"):
            machine.run(f"ip{six}tables -t nat -A POSTROUTING -o eth0 -j MASQUERADE")
        machine.run("iptables -I INPUT -m set --match-set banned src -j DROP")
        machine.run("iptables-save >/etc/iptables/rules.v4; ip6tables-save >/etc/iptables/rules.v6")
        assert machine.apply(NEW).value["result"] == "applied"
        for family, path in files(machine).items():
            assert after_a_boot(machine, family).count("MASQUERADE") == 1
            assert path + COPY not in machine.files()
            assert machine.files()[path][1].startswith("# Made by vps-firewall")
        assert "banned" in machine.rules()
        assert machine.command("verify").value == 0


@pytest.mark.parametrize("tool", IPTABLES)
@pytest.mark.parametrize("text", ["*filter\n-A INPUT --no-such-option\nCOMMIT\n", "\0\xff not rules at all"])
def test_a_file_that_does_not_load_is_copied_and_replaced(text: str, tool: str) -> None:
    with Machine(tool) as machine:
        machine.do(lambda: machine.write("/etc/iptables/rules.v4", text))
        status = machine.apply(OLD).value
        assert status["result"] == "applied"
        assert [note for note in status["notes"] if note.startswith("/etc/iptables/rules.v4 could not be loaded")]
        assert machine.files()["/etc/iptables/rules.v4" + COPY][1] == text
        assert "dport 80 " in after_a_boot(machine, 4)
        assert machine.command("verify").value == 0


@pytest.mark.parametrize("tool", IPTABLES)
def test_a_rule_whose_set_is_gone_is_left_out(tool: str) -> None:
    with Machine(tool) as machine:
        ban = "-A PREROUTING -m set --match-set gone src -j DROP\n"
        write(machine, OWNERS.replace(":PREROUTING ACCEPT [5:600]\n", f":PREROUTING ACCEPT [5:600]\n{ban}"))
        status = machine.apply(OLD).value
        for path in files(machine).values():
            assert f"{path}: rules that name a set were left out: at boot it is not there" in status["notes"]
        assert_whole(machine, "--dport 80 ")


@pytest.mark.parametrize("tool", IPTABLES)
def test_a_ban_that_was_saved_would_keep_the_file_from_loading(tool: str) -> None:
    """Its set is not there at boot: verify tells, and the next apply writes a file that loads."""
    with Machine(tool) as machine:
        machine.apply(OLD)
        machine.run("ipset create banned hash:ip; iptables -I INPUT -m set --match-set banned src -j DROP")
        machine.run("iptables-save >/etc/iptables/rules.v4")
        machine.run("iptables -D INPUT -m set --match-set banned src -j DROP; ipset destroy banned")
        run = machine.command("verify")
        assert run.value == 6
        assert "/etc/iptables/rules.v4 (does not load: " in run.out
        assert machine.apply(OLD).value["result"] == "applied"
        assert "dport 80 " in after_a_boot(machine, 4)
        assert machine.command("verify").value == 0


@pytest.mark.parametrize("tool", IPTABLES)
def test_a_copy_is_never_written_over(tool: str) -> None:
    with Machine(tool) as machine:
        path = "/etc/iptables/rules.v4"
        machine.do(lambda: machine.write(path + COPY, "what somebody kept"))
        write(machine, OWNERS)
        machine.apply(OLD)
        assert machine.files()[path + COPY][1] == "what somebody kept"
        assert machine.files()[f"{path}{COPY}~"][1] == OWNERS


@pytest.mark.parametrize("tool", IPTABLES)
def test_a_way_back_leaves_the_owners_files(tool: str) -> None:
    with Machine(tool) as machine:
        write(machine, OWNERS)
        before = machine.state()
        machine.fake(systemctl="exit 1")
        assert machine.command("apply", "FILE", policy=NEW).value == 5
        assert machine.state() == before


@pytest.mark.parametrize("tool", IPTABLES)
@pytest.mark.parametrize("way", ["remove", "nftables"])
def test_what_is_theirs_stays_when_ours_goes(way: str, tool: str) -> None:
    with Machine(tool) as machine:
        write(machine, OWNERS)
        machine.apply(OLD)
        if way == "remove":
            assert machine.command("remove").value == 0
        else:
            assert "-service netfilter-persistent.service disabled\n" in (
                machine.command("plan", "FILE", policy={**NEW, "backend": "nftables"}).out
            )
            assert machine.apply({**NEW, "backend": "nftables"}).value["result"] == "applied"
        for family in (4, 6):
            dump = after_a_boot(machine, family)
            assert not [rule for rule in KEPT if dump.count(rule) != 1], dump
            assert "VPSFW" not in dump
            assert "vps-firewall" not in dump
            assert ":INPUT ACCEPT" in dump


@pytest.mark.parametrize("tool", IPTABLES)
def test_ours_goes_from_what_the_services_own_command_saved(tool: str) -> None:
    with Machine(tool) as machine:
        machine.apply(OLD)
        machine.run("iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE")
        machine.run("iptables-save >/etc/iptables/rules.v4; ip6tables-save >/etc/iptables/rules.v6")
        assert machine.command("remove").value == 0
        rules = after_a_boot(machine, 4)
        assert "MASQUERADE" in rules
        assert "vps-firewall" not in rules
        assert "/etc/iptables/rules.v6" not in machine.files()


@pytest.mark.parametrize("tool", IPTABLES)
def test_the_end_of_centos_own_file(tool: str) -> None:
    """It is the distribution's, but nobody can tell; and it must neither stay nor be lost."""
    sample = """*filter
:INPUT ACCEPT [0:0]
-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p icmp -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT
-A INPUT -j REJECT --reject-with icmp-host-prohibited
-A FORWARD -j REJECT --reject-with icmp-host-prohibited
COMMIT
"""
    with Machine(tool, "redhat") as machine:
        path = "/etc/sysconfig/iptables"
        machine.do(lambda: machine.write(path, sample))
        machine.run(f"iptables-restore {path}")
        status = machine.first_boot(OLD).value
        assert status["result"] == "applied"
        assert "icmp-host-prohibited" not in after_a_boot(machine, 4)
        assert machine.files()[path + COPY] == ("0o600", sample)
        assert f"{path} was not ours: what stood there is in {path}{COPY}" in status["notes"]
        assert [note for note in status["notes"] if "REJECT --reject-with icmp-host-prohibited" in note]
        machine.assert_closed()


@pytest.mark.parametrize("tool", IPTABLES)
def test_a_seal_keeps_the_images_tables(tool: str) -> None:
    """Those that let nothing in: a first boot has them in the kernel and in the file."""
    tables = ("dport 5060 -j CT --notrack", "MASQUERADE", "REDIRECT --to-ports 443", "dport 79 -j DROP")
    with Machine(tool) as machine:
        write(
            machine, OWNERS.replace(":PREROUTING ACCEPT [5:600]\n", "-A PREROUTING -m set --match-set a src -j DROP\n")
        )
        machine.seal()
        assert not [rule for rule in tables if rule not in machine.rules()]
        assert "office" not in machine.rules()
        assert not [path for path in machine.files() if path.endswith(COPY)]
        assert machine.handle(NEW).value == []
        for family in (4, 6):
            dump = after_a_boot(machine, family)
            assert not [rule for rule in tables if dump.count(rule) != 1], dump
            assert "--dports 25,443 " in dump
        machine.assert_closed()
        assert machine.command("verify").value == 0


@pytest.mark.parametrize("tool", TOOLS)
def test_whatever_stands_at_our_own_path_is_copied(tool: str) -> None:
    text = "table inet mine {\n}\n" if tool == "nftables" else OWNERS
    with Machine(tool, "redhat") as machine:
        paths = [*files(machine).values()]
        paths += [f"{path}.fallback" for path in paths if tool != "nftables"]
        for path in paths:
            machine.do(lambda path=path: machine.write(path, text))  # type: ignore[misc]
        machine.apply(OLD)
        for path in paths:
            assert machine.files()[path + COPY] == ("0o600", text)


def test_an_owners_nftables_conf_only_gains_a_line() -> None:
    conf = "#!/usr/sbin/nft -f\nflush ruleset\ntable ip nat {\n}\n"
    with Machine("nftables") as machine:
        machine.do(lambda: machine.write("/etc/nftables.conf", conf, 0o755))
        machine.do(lambda: machine.install_services("nftables"))
        machine.run("mkdir -p /etc/systemd/system/sysinit.target.wants")
        machine.run("ln -s /lib/systemd/system/nftables.service /etc/systemd/system/sysinit.target.wants/")
        machine.apply(OLD)
        assert machine.files()["/etc/nftables.conf"] == (
            "0o755", conf + 'include "/etc/nftables/vps-firewall.nft"\n'
        )  # fmt: skip
        assert not [path for path in machine.files() if path.endswith(COPY)]

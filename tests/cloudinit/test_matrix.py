"""each suite's cloud-init, with each backend -> the user's policy in the kernel, on disk and in the status.

Every test is one machine that boots with its own cloud-init. What is asserted is what an owner would see: which ports
answer to whom over which family, what the next boot would load, and what cloud-init and the module say about it.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Sequence

import pytest

from tests.lab import boot
from tests.lab.world import ANYONE, MACHINE, OFFICE, Internet, Machine
from tests.suites import Suite, cloud_init_version

TUTORIAL = """\
#cloud-config
vps_firewall:
  backend: {backend}
  ssh: {{from: [203.0.113.7]}}
  allow: [http, https, smtp, smtps, pop3, pop3s, imap, imaps]
"""
TUTORIAL_PORTS = (80, 443, 25, 465, 110, 995, 143, 993)
EVERYTHING = (22, *TUTORIAL_PORTS, 3306, 8080)  # what listens on the machine, wanted by the policy or not

REFUSED = """\
#cloud-config
vps_firewall:
  ssh: {from: [203.0.113.7/24]}
  allow: [htpp, 70000/tcp]
  allwo: [http]
"""
REFUSED_PATHS = ("vps_firewall.ssh.from[0]", "vps_firewall.allow[0]", "vps_firewall.allow[1]", "vps_firewall.allwo")

LOADERS = {"nftables": "vps-firewall.service", "iptables": "netfilter-persistent.service"}
SAVED = {
    "nftables": ("/etc/nftables/vps-firewall.nft",),
    "iptables": ("/etc/iptables/rules.v4", "/etc/iptables/rules.v6"),
}
DUMP = {"nftables": "nft -s list table inet vps_firewall", "iptables": "iptables-save && ip6tables-save"}

both_backends = pytest.mark.parametrize("backend", ["nftables", "iptables"])


# --- the stanzas of the tutorial and of the shortest policy ---


@both_backends
def test_tutorial(suite: Suite, backend: str, machine: Machine, internet: Internet) -> None:
    """The stanza of the README: eight services for everybody, SSH for the office."""
    boot.seed(machine, TUTORIAL.format(backend=backend))
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: set(EVERYTHING), 6: set(EVERYTHING)}, (
            "open before, or nothing is shown"
        )
        boot.boot(machine, fresh=True)
        assert answering(internet, ANYONE) == {4: set(TUTORIAL_PORTS), 6: set(TUTORIAL_PORTS)}
        assert answering(internet, OFFICE) == {4: {22, *TUTORIAL_PORTS}, 6: set(TUTORIAL_PORTS)}
    assert pings(internet) == {4: True, 6: True}
    assert_applied(machine, backend)
    assert_ran_with_what_the_suite_brings(machine, suite)


@both_backends
def test_shortest_policy(backend: str, machine: Machine, internet: Internet) -> None:
    """`vps_firewall: {}`, but for the backend: SSH from anywhere, nothing else."""
    boot.seed(machine, f"#cloud-config\nvps_firewall: {{backend: {backend}}}\n")
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {22}, 6: {22}}
    assert_applied(machine, backend)


@both_backends
def test_cloud_init_knows_the_provider(backend: str, machine: Machine) -> None:
    """Of the metadata services those of the provider are guarded; of a seed on a disk nobody knows where it is."""
    stanza = f"#cloud-config\nvps_firewall: {{backend: {backend}}}\n"
    for cloud, others in (("aws", False), ("", True)):
        boot.seed(machine, stanza, instance=f"on-{cloud}", cloud=cloud)
        boot.boot(machine)
        rules = machine.run("sh", "-c", DUMP[backend]).stdout
        assert "169.254.169.254" in rules
        assert ("100.100.100.200" in rules) == others, machine.read("/run/cloud-init/cloud-id")
    assert_applied(machine, backend)


@both_backends
def test_an_uplink_that_comes_later(backend: str, machine: Machine) -> None:
    """A default route on what looks like a network of Docker's: the boot that finds it makes the rules again, once."""
    boot.seed(machine, f"#cloud-config\nvps_firewall: {{backend: {backend}}}\n")
    boot.boot(machine)
    assert boot.record(machine).status["interfaces"] == {"uplinks": ["eth0"], "bridges": []}
    name = "br-0123456789ab"
    for line in (f"link add {name} type bridge", f"link set {name} up", f"route add default dev {name} metric 50"):
        machine.run("ip", *line.split())
    boot.boot(machine)
    rules = machine.run("sh", "-c", DUMP[backend]).stdout
    assert re.search(r"br-0123456789ab.*(?i:return)", rules)
    status = boot.record(machine).status
    assert status["interfaces"] == {"uplinks": ["eth0", "br-0123456789ab"], "bridges": []}
    assert_no_complaint(machine)
    boot.boot(machine)
    assert boot.record(machine).status == status
    assert_applied(machine, backend)


@pytest.mark.parametrize("persistent", [True, False], ids=["iptables-persistent", "stock"])
def test_auto_follows_the_host(persistent: bool, machine: Machine, internet: Internet) -> None:
    """`vps_firewall: {}` takes the backend whose loader is installed; a stock Debian has nftables' alone."""
    if not persistent:
        remove_iptables_persistent(machine)
    boot.seed(machine, "#cloud-config\nvps_firewall: {}\n")
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {22}, 6: {22}}
    assert_applied(machine, "iptables" if persistent else "nftables")


def test_iptables_without_its_loader(machine: Machine, internet: Internet) -> None:
    """Asked for by name where no service of the distribution loads its files: a unit of ours does."""
    remove_iptables_persistent(machine)
    boot.seed(machine, TUTORIAL.format(backend="iptables"))
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, OFFICE) == {4: {22, *TUTORIAL_PORTS}, 6: set(TUTORIAL_PORTS)}
    assert_applied(machine, "iptables", loader="vps-firewall.service")


# --- what leaves the machine alone ---


@pytest.mark.parametrize("stanza", ["{}", "vps_firewall: {enabled: false}"], ids=["no stanza", "disabled"])
def test_nothing_is_touched(stanza: str, machine: Machine, internet: Internet) -> None:
    """Without the key, or with `enabled: false`: no rule, no file of rules, no service, and no complaint."""
    files_before = saved_files(machine)
    links_before = machine.run("find", "/etc/systemd/system", "-type", "l").stdout
    boot.seed(machine, f"#cloud-config\n{stanza}\n")
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: set(EVERYTHING), 6: set(EVERYTHING)}
    assert tables(machine) == ""
    assert saved_files(machine) == files_before
    assert machine.run("find", "/etc/systemd/system", "-type", "l").stdout == links_before
    assert_no_complaint(machine)
    assert boot.record(machine).status.get("result") == ("disabled" if "enabled" in stanza else None)


# --- what goes wrong ---


@pytest.mark.parametrize("persistent", [True, False], ids=["iptables-persistent", "stock"])
def test_refused_policy(persistent: bool, machine: Machine, internet: Internet) -> None:
    """The module fails visibly, each problem is told by its path; closed but for SSH, now and after a reboot."""
    if not persistent:
        remove_iptables_persistent(machine)
    boot.seed(machine, REFUSED)
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {22}, 6: {22}}
    record = boot.record(machine)
    assert_failed_alone(machine, record)
    assert record.status["result"] == "failed"
    problems = record.status["problems"]
    assert sorted(problem.split(": ")[0] for problem in problems) == sorted(REFUSED_PATHS), problems
    console = machine.read(boot.CONSOLE)
    assert [problem for problem in problems if problem not in console] == [], console
    assert_saved(machine, "iptables" if persistent else "nftables")


# The policy of an office, with a mistake in another line than `ssh:`.
OF_AN_OFFICE = """\
#cloud-config
vps_firewall:
  backend: {backend}
  ssh: {{from: [203.0.113.7, "2001:db8:203::7"]}}
  allow: [{allow}]
"""


@both_backends
def test_a_mistake_that_is_not_in_ssh(backend: str, machine: Machine, internet: Internet) -> None:
    """SSH stays the owner's own, sources included, and nothing else is open: now, and after a reboot."""
    boot.seed(machine, OF_AN_OFFICE.format(backend=backend, allow="htpp"))
    boot.boot(machine)
    assert_only_the_office(machine, internet)
    record = boot.record(machine)
    assert_failed_alone(machine, record)
    assert (record.status["result"], record.status["backend"]) == ("failed", backend)
    assert [problem.split(": ")[0] for problem in record.status["problems"]] == ["vps_firewall.allow[0]"]
    assert_saved(machine, backend)
    boot.boot(machine)
    assert boot.record(machine).lines("Already done for instance first")
    assert_only_the_office(machine, internet)


@both_backends
def test_provisioned_anew_with_a_mistake(backend: str, machine: Machine, internet: Internet) -> None:
    """What the owner of the instance before had opened is not what this one falls back on."""
    boot.seed(machine, f"#cloud-config\nvps_firewall: {{backend: {backend}, allow: [http, 3306/tcp]}}\n")
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {22, 80, 3306}, 6: {22, 80, 3306}}
    boot.seed(machine, OF_AN_OFFICE.format(backend=backend, allow="htpp"), instance="second")
    boot.boot(machine)
    assert_only_the_office(machine, internet)
    assert_saved(machine, backend)


def test_a_mistake_where_the_same_instance_had_a_good_policy(machine: Machine, internet: Internet) -> None:
    """Applied by hand for this instance, and the mark of what was done is lost: what its owner wanted last stays."""
    boot.seed(machine, OF_AN_OFFICE.format(backend="nftables", allow="htpp"))
    boot.boot(machine)
    machine.run("vps-firewall", "apply", "-", given="#cloud-config\nvps_firewall: {backend: nftables, allow: [http]}\n")
    machine.run("rm", "/var/lib/vps-firewall/instance")
    boot.boot(machine)
    assert boot.record(machine).status["in_force"] == "the last good policy"
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {22, 80}, 6: {22, 80}}


ASKED = "/var/log/asked-of-apt"
WRAPPER = f'#!/bin/sh\necho "$*" >>{ASKED}\nexec /usr/bin/apt-get "$@"\n'


def test_a_package_that_cannot_be_had_is_asked_for_once(machine: Machine, internet: Internet) -> None:
    """Nothing installs nft here. The other backend closes the host, and a later boot does not wait for apt again."""
    machine.run("sh", "-c", "rm -f $(command -v nft); rm -rf /etc/apt/sources.list*")
    machine.write("/usr/local/sbin/apt-get", WRAPPER)
    machine.run("chmod", "755", "/usr/local/sbin/apt-get")
    boot.seed(machine, OF_AN_OFFICE.format(backend="nftables", allow="http"))
    boot.boot(machine)
    assert "nftables" in machine.read(ASKED)
    machine.write(ASKED, "")
    for _ in range(2):
        boot.boot(machine)
        assert machine.read(ASKED) == ""
        assert_only_the_office(machine, internet)
        status = boot.record(machine).status
        assert (status["in_force"], status["backend"]) == ("the policy's own SSH alone", "iptables")
        assert "nftables could not be installed, which is tried once: install it, and reboot" in status["notes"]


def assert_only_the_office(machine: Machine, internet: Internet) -> None:
    with machine.listening(EVERYTHING):
        assert answering(internet, OFFICE) == {4: {22}, 6: {22}}
        assert answering(internet, ANYONE) == {4: set(), 6: set()}


LOST: dict[str, tuple[str | bytes, str]] = {
    "a mistake elsewhere": ("#cloud-config\nvps_firewall: {allow: [http]}\npackages: [a, b\n", "user-data: line"),
    "no first line": ("vps_firewall: {allow: [http]}\n", "is not #cloud-config"),
    "a first line that is none": ("# cloud-config\nvps_firewall: {allow: [http]}\n", "is not #cloud-config"),
    "a byte of Latin-1": (b"#cloud-config\n# caf\xe9\nvps_firewall: {allow: [http]}\n", "is not UTF-8"),
    "an archive that is none": ("#cloud-config-archive\n- vps_firewall: {allow: [http]}\n- [\n", "user-data: line"),
    "a letter less": ("#cloud-config\nvps_firewal: {allow: [http]}\n", "is not a key of ours; write vps_firewall"),
    "a hyphen": ("#cloud-config\nvps-firewall: {allow: [http]}\n", "is not a key of ours; write vps_firewall"),
}


@pytest.mark.parametrize("form", LOST)
def test_a_policy_that_cloud_init_could_not_read(form: str, machine: Machine, internet: Internet) -> None:
    """There is no key in its configuration then, and the host must not be open for that."""
    user_data, problem = LOST[form]
    boot.seed(machine, user_data)
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {22}, 6: {22}}
    status = boot.record(machine).status
    assert status["result"] == "failed"
    assert any(problem in line for line in status["problems"]), status
    assert problem in machine.read(boot.CONSOLE)


def test_a_boot_without_a_data_source(machine: Machine, internet: Internet) -> None:
    """The seed was taken away, as some hosts do: what the owner asked for stays, default policy or not."""
    machine.run("vps-firewall", "install", "--sealed")
    boot.seed(machine, "#cloud-config\nvps_firewall: {ssh: false, allow: [http]}\n")
    boot.boot(machine)
    machine.run("rm", "-r", boot.SEED)
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {80}, 6: {80}}


@pytest.mark.parametrize(
    ("file", "content"),
    [("policy/parser.py", "def (\n"), ("host/process.py", None)],
    ids=["syntax error", "missing file"],
)
def test_engine_that_cannot_be_imported(file: str, content: str | None, machine: Machine, internet: Internet) -> None:
    """cloud-init goes on to users and SSH keys, the failure is told, and the host does not stay open."""
    path = f"{boot.SITE}/cc_vps_firewall/{file}"
    if content is None:
        (machine.root / path.lstrip("/")).unlink()
    else:
        machine.write(path, content)
    boot.seed(machine, TUTORIAL.format(backend="nftables"))
    boot.boot(machine)
    record = boot.record(machine)
    assert_failed_alone(machine, record)
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {22}, 6: {22}}
    assert "the host is closed but for SSH" in record.errors[0]
    assert record.status["result"] == "failed"
    assert [problem for problem in record.status["problems"] if problem not in machine.read(boot.CONSOLE)] == []


# --- the ways in which user-data comes ---


def test_owner_goes_before_provider(machine: Machine, internet: Internet) -> None:
    """vendor-data sets what the owner says nothing about, and no more than that."""
    boot.seed(
        machine,
        "#cloud-config\nvps_firewall: {allow: [https]}\n",
        vendor_data="#cloud-config\nvps_firewall: {allow: [http], ping: false}\n",
    )
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {22, 443}, 6: {22, 443}}
    assert pings(internet) == {4: False, 6: False}
    assert_no_complaint(machine)


def test_multipart(machine: Machine, internet: Internet) -> None:
    """The stanza in one part of a MIME archive, something else in another."""
    stanza = "#cloud-config\nvps_firewall: {allow: [http]}\n"
    boot.seed(
        machine, boot.multipart(("cloud-config", stanza), ("x-shellscript", "#!/bin/sh\ntouch /root/script-ran\n"))
    )
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {22, 80}, 6: {22, 80}}
    assert (machine.root / "root/script-ran").exists()
    assert_no_complaint(machine)


def test_two_parts_with_the_key(machine: Machine, internet: Internet) -> None:
    """cloud-init's merge takes the last one whole, and the status says which that was."""
    first, last = (
        ("cloud-config", f"#cloud-config\nvps_firewall: {{allow: [{name}]}}\n") for name in ("http", "https")
    )
    boot.seed(machine, boot.multipart(first, last))
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {22, 443}, 6: {22, 443}}
    notes = boot.record(machine).status["notes"]
    assert "user-data part 1 and user-data part 2 carry vps_firewall:, and what counts is user-data part 2" in notes
    assert_no_complaint(machine)


def test_gzip(machine: Machine, internet: Internet) -> None:
    """The whole user-data compressed."""
    boot.seed(machine, boot.zipped("#cloud-config\nvps_firewall: {allow: [http]}\n"))
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {22, 80}, 6: {22, 80}}
    assert_no_complaint(machine)


# --- the boots after the first ---


def test_second_boot_and_new_instance(machine: Machine, internet: Internet) -> None:
    """The same instance is not done again (its boot service loads the rules); a new instance gets its own policy."""
    boot.seed(machine, "#cloud-config\nvps_firewall: {allow: [http]}\n")
    boot.boot(machine)
    assert tables(machine) != ""
    first = boot.record(machine).status

    start_loader(machine, LOADERS["iptables"])
    before = stripped(machine.run("sh", "-c", DUMP["iptables"]).stdout)
    boot.boot(machine)
    assert stripped(machine.run("sh", "-c", DUMP["iptables"]).stdout) == before, "the module ran again"
    assert boot.record(machine).lines("Already done for instance first"), "cloud-init did not come to the module"
    assert boot.record(machine).status == first

    boot.seed(machine, "#cloud-config\nvps_firewall: {allow: [https]}\n", instance="second")
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {22, 443}, 6: {22, 443}}
    assert_applied(machine, "iptables")


@both_backends
def test_a_next_boot_whose_service_loads_nothing(machine: Machine, internet: Internet, backend: str) -> None:
    """Somebody's tool has written the file anew that includes ours, say: neither open nor untold."""
    loader = LOADERS[backend]
    if backend == "nftables":
        loader = "nftables.service"
        machine.run("systemctl", "enable", loader)
    boot.seed(machine, f"#cloud-config\nvps_firewall: {{backend: {backend}, allow: [http]}}\n")
    boot.boot(machine)
    forget_rules(machine)
    if backend == "nftables":
        machine.write("/etc/nftables.conf", "flush ruleset\n")
        verified = machine.run("vps-firewall", "verify", check=False)
        assert verified.returncode == 6
        assert '+/etc/nftables.conf include "/etc/nftables/vps-firewall.nft"' in verified.stdout
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {22, 80}, 6: {22, 80}}
    record = boot.record(machine)
    assert_failed_alone(machine, record)
    assert f"{loader} did not load the rules at this boot; they were loaded after it" in record.errors[0]
    assert_saved(machine, backend, loader)
    machine.write(boot.LOG, "")
    boot.boot(machine)
    assert_no_complaint(machine)


def test_a_service_that_its_owner_switched_off_is_left_alone(machine: Machine) -> None:
    boot.seed(machine, "#cloud-config\nvps_firewall: {allow: [http]}\n")
    boot.boot(machine)
    forget_rules(machine)
    machine.run("systemctl", "disable", LOADERS["iptables"])
    boot.boot(machine)
    assert tables(machine) == ""
    assert_no_complaint(machine)


def test_a_policy_that_was_applied_by_hand_stays(machine: Machine, internet: Internet) -> None:
    """The first boot was refused, its owner has mended it, and the user-data still says what it said."""
    boot.seed(machine, "#cloud-config\nvps_firewall: {allow: [htpp]}\n")
    boot.boot(machine)
    boot.boot(machine)
    machine.run("vps-firewall", "apply", "-", given="#cloud-config\nvps_firewall: {allow: [https]}\n")
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {22, 443}, 6: {22, 443}}
    assert boot.record(machine).errors == ()


def test_a_list_that_is_there_later(machine: Machine, internet: Internet) -> None:
    """Written by cloud-init itself, behind us: refused at the first boot, in force at the next."""
    stanza = "vps_firewall: {lists: {office: {file: /etc/office}}, allow: [{service: http, from: [office]}]}"
    files = "write_files: [{path: /etc/office, content: '203.0.113.7', defer: true}]"
    boot.seed(machine, f"#cloud-config\n{stanza}\n{files}\n")
    boot.boot(machine)
    if not (machine.root / "etc/office").exists():  # cloud-init 20.4 does not know `defer`
        return
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, OFFICE)[4] == {22, 80}


def test_a_lower_layer_that_switches_it_off(machine: Machine, internet: Internet) -> None:
    boot.seed(
        machine,
        "#cloud-config\nvps_firewall: {allow: [https]}\n",
        vendor_data="#cloud-config\nvps_firewall: {enabled: false}\n",
    )
    boot.boot(machine)
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {22}, 6: {22}}
    record = boot.record(machine)
    assert "vps_firewall.enabled" in record.errors[0]
    assert "vps_firewall.enabled: is false in the image or in vendor-data" in record.status["problems"][0]


@both_backends
def test_rules_that_were_saved_in_the_tools_own_words(machine: Machine, internet: Internet, backend: str) -> None:
    """By netfilter-persistent's own plugins, or with nft's list: equal rules, and none of their owner's at a boot whose
    service loads nothing."""
    save = "netfilter-persistent save"
    if backend == "nftables":
        save = f"nft list ruleset >/run/saved; cat /run/saved >{SAVED[backend][0]}"
    boot.seed(machine, f"#cloud-config\nvps_firewall: {{backend: {backend}, allow: [http]}}\n")
    boot.boot(machine)
    before = [machine.read(path) for path in SAVED[backend]]
    machine.run("sh", "-c", save)
    assert all(machine.read(path) not in ("", text) for path, text in zip(SAVED[backend], before))
    verified = machine.run("vps-firewall", "verify", check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    forget_rules(machine)
    boot.boot(machine)
    assert f"{LOADERS[backend]} did not load the rules at this boot" in boot.record(machine).errors[0]
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {22, 80}, 6: {22, 80}}
    assert [machine.read(path) for path in SAVED[backend]] == before


def test_an_owners_nat_is_there_after_the_next_boot(machine: Machine, internet: Internet) -> None:
    """In the file that netfilter-persistent loads, also once its own command has saved what the kernel holds."""
    nat = "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -o eth9 -j MASQUERADE\nCOMMIT\n"
    for path in SAVED["iptables"]:
        machine.write(path, nat)
    boot.seed(machine, "#cloud-config\nvps_firewall: {backend: iptables, allow: [http]}\n")
    boot.boot(machine)
    for path in SAVED["iptables"]:
        assert machine.read(f"{path}.before-vps-firewall") == nat
    for save in ("true", "netfilter-persistent save"):
        forget_rules(machine)
        start_loader(machine, LOADERS["iptables"])
        assert machine.run("sh", "-c", DUMP["iptables"]).stdout.count("-A POSTROUTING -o eth9 -j MASQUERADE") == 2
        machine.run("sh", "-c", save)
        machine.write("/run/policy.yaml", "#cloud-config\nvps_firewall: {backend: iptables, allow: [https]}\n")
        machine.run("vps-firewall", "apply", "/run/policy.yaml")
        verified = machine.run("vps-firewall", "verify", check=False)
        assert verified.returncode == 0, verified.stdout + verified.stderr
    forget_rules(machine)
    start_loader(machine, LOADERS["iptables"])
    assert machine.run("sh", "-c", DUMP["iptables"]).stdout.count("-A POSTROUTING -o eth9 -j MASQUERADE") == 2
    with machine.listening(EVERYTHING):
        assert answering(internet, ANYONE) == {4: {22, 443}, 6: {22, 443}}


# --- what is asserted ---


def answering(internet: Internet, who: dict[int, str]) -> dict[int, set[int]]:
    """Per family the ports that answer to this source; those that do not must be silent, not refuse."""
    knocks = [(who[family], MACHINE[family], port) for family in (4, 6) for port in EVERYTHING]
    answers = internet.knock(knocks)
    assert set(answers.values()) <= {"open", "silent"}, answers
    return {
        family: {port for (_, target, port), word in answers.items() if target == MACHINE[family] and word == "open"}
        for family in (4, 6)
    }


def assert_applied(machine: Machine, backend: str, loader: str = "") -> None:
    """The policy is in force, equal in kernel, file and policy, and everybody says so."""
    record = boot.record(machine)
    assert record.status["result"] == "applied", record.status
    assert record.status["backend"] == backend
    assert record.status["problems"] == []
    verified = machine.run("python3", "-m", "cc_vps_firewall", "verify", check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert_saved(machine, backend, loader)
    assert_no_complaint(machine)


def assert_saved(machine: Machine, backend: str, loader: str = "") -> None:
    """The files are private; their loader starts at boot, the other does not; it loads what the kernel holds now."""
    loader = loader or LOADERS[backend]
    other = LOADERS["iptables" if backend == "nftables" else "nftables"]
    for path in SAVED[backend]:
        found = (machine.root / path.lstrip("/")).stat()
        assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o600, 0, 0), path
    assert machine.run("systemctl", "is-enabled", loader, check=False).stdout.strip() == "enabled"
    if other != loader:  # our own unit loads either, where no service of the distribution does
        assert machine.run("systemctl", "is-enabled", other, check=False).stdout.strip() != "enabled"
    live = stripped(machine.run("sh", "-c", DUMP[backend]).stdout)
    loaded = machine.run(
        "unshare", "--net", "sh", "-ec", f"{boot.exec_start(machine, loader)} >&2; {DUMP[backend]}"
    ).stdout
    assert live
    assert live == stripped(loaded)


def assert_no_complaint(machine: Machine) -> None:
    """Nobody warns of us, of our key in the user-data, or of anything we use."""
    record = boot.record(machine)
    assert complaints(record.log) == []
    assert record.errors == ()
    assert record.recoverable == {}
    shown = machine.cloud_init("status", "--format", "json")
    if "unrecognized arguments" in shown.stderr:  # 20.4 has no such option
        shown = machine.cloud_init("status")
        assert shown.stdout.splitlines()[0] == "status: done"
    else:
        told = json.loads(shown.stdout)
        assert (told["status"], told["errors"], told.get("recoverable_errors", {})) == ("done", [], {})
    assert shown.returncode == 0


def complaints(log: str) -> list[str]:
    """Lines of cloud-init's log that are about us or about the user-data, and are not good news."""
    about_us = [line for line in log.splitlines() if re.search(r"vps[_-]firewall", line)]
    bad = [line for line in about_us if re.search(r"WARN|ERROR|CRITICAL|Traceback|deprecat|FAIL", line, re.IGNORECASE)]
    return bad + [
        line for line in log.splitlines() if re.search(r"Invalid cloud-config|schema (errors|validation)", line)
    ]


def assert_failed_alone(machine: Machine, record: boot.Record) -> None:
    """cloud-init says that the module failed, and went through everything else."""
    assert [error.split(",")[0] for error in record.errors] == ["('vps_firewall'"]
    status = machine.cloud_init("status")
    assert (status.returncode, status.stdout.splitlines()[0]) == (1, "status: error")
    for module in ("users-groups", "ssh"):
        assert any("SUCCESS" in line for line in record.lines(f"config-{module}")), f"{module} did not run"
    assert "debian:" in machine.read("/etc/passwd")
    assert (machine.root / "etc/ssh/ssh_host_ed25519_key").exists()
    assert record.lines("finish: modules-final: SUCCESS")


def assert_ran_with_what_the_suite_brings(machine: Machine, suite: Suite) -> None:
    """The version that the suite is in the matrix for, and its own Python, compiled the module."""
    major, minor, *_ = (int(part) for part in cloud_init_version(machine.root).split("."))
    wanted = tuple(int(part) for part in suite.cloud_init.split("."))
    assert (major, minor) == wanted or (suite.moves and (major, minor) > wanted)
    compiled = machine.root / boot.SITE.lstrip("/") / "cc_vps_firewall/__pycache__"
    tag = machine.run("python3", "-c", "import sys; print(sys.implementation.cache_tag)").stdout.strip()
    assert tag == f"cpython-3{suite.python.split('.')[1]}" or suite.moves
    assert (compiled / f"__init__.{tag}.pyc").exists()


def pings(internet: Internet) -> dict[int, bool]:
    """Per family whether anyone's echo request is answered."""
    return {family: internet.ping(ANYONE[family], MACHINE[family]) for family in (4, 6)}


# --- what is done to a machine ---


def tables(machine: Machine) -> str:
    """What the kernel has to filter with, of either backend: iptables here is the variant on nftables' side.

    Only the names: nft 0.9.8 dies of a floating point exception on listing what iptables loaded with hashlimit.
    """
    return machine.run("nft", "list", "tables").stdout


def stripped(dump: str) -> str:
    """Without what traffic changes (counters, sources that a limit has seen), the times of iptables-save, and tables
    shared with others in which nothing is left."""
    lines = (line for line in dump.splitlines() if not line.startswith("#"))
    text = "\n".join(re.sub(r"\[\d+:\d+\]", "", line) for line in lines)
    text = re.sub(r"\*(?:nat|raw)\n(?::\w+ ACCEPT *\n)+COMMIT\n?", "", text).rstrip("\n")
    seen = r"(set \w+ \{[^{}]*?size \d+)(?:\t# count \d+)?([^{}]*flags dynamic[^{}]*?)\n\s*elements = \{[^{}]*\}"
    return re.sub(r"\t# count \d+", "", re.sub(seen, r"\1\2", text))


def saved_files(machine: Machine) -> Sequence[str]:
    """Files that could hold rules or load some."""
    command = "find /etc/nftables* /etc/iptables* /etc/vps-firewall /etc/systemd -type f -exec md5sum {} +"
    return sorted(machine.run("sh", "-c", command, check=False).stdout.splitlines())


def forget_rules(machine: Machine) -> None:
    """As a reboot does."""
    machine.run("nft", "flush", "ruleset")
    assert tables(machine) == ""


def start_loader(machine: Machine, unit: str) -> None:
    """What systemd would start at boot."""
    machine.run("sh", "-ec", boot.exec_start(machine, unit))
    assert tables(machine) != ""


def remove_iptables_persistent(machine: Machine) -> None:
    """Debian's own cloud images do not have it."""
    machine.run("dpkg", "--purge", "iptables-persistent", "netfilter-persistent")

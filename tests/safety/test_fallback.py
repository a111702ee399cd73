"""What a service loads when it cannot load the rules: closed, in words that every kernel knows, and not for long."""

from __future__ import annotations

import os
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from cc_vps_firewall.boot import later_boot
from cc_vps_firewall.host import state
from cc_vps_firewall.image import seal
from cc_vps_firewall.root import HERE
from tests.lab.machine import CLOSED, FAMILY, NEIGHBOUR, OPEN, TOOLS, Machine
from tests.unit.systems import kernel_in

from .test_later_boot import FLUSH

IPTABLES = ("iptables-nft", "iptables-legacy")
NEIGHBOURS = ["192.0.2.0/24", "2001:db8:1::/64"]
EVERYTHING = {(family, port) for family in (4, 6) for port in (OPEN, CLOSED)}

# As EL's iptables.init starts.
LOAD = """for tool in iptables ip6tables; do
    file=/etc/sysconfig/$tool
    $tool-restore --wait 600 $file 2>/dev/null || $tool-restore --wait 600 $file.fallback || exit 1
done
"""
# A kernel without nft_compat and xt_*, which this one is not: as iptables 1.8.9 ended in a guest whose kernel was.
NO_EXTENSIONS = """case $3 in /*) text=$(cat "$3") ;; *) text=$(cat) ;; esac
case "$text" in
*" -m "*)
    echo "Warning: Extension conntrack revision 0 not supported, missing kernel module?" >&2
    case $(readlink -f $real) in
    *legacy*) echo "iptables-restore: line 26 failed" >&2; exit 1 ;;
    esac
    echo "iptables-restore v1.8.9 (nf_tables): " >&2
    echo "line 6: RULE_APPEND failed (No such file or directory): rule in chain FORWARD" >&2
    exit 4 ;;
esac
case $3 in /*) exec $real "$@" ;; *) printf '%s\n' "$text" | exec $real "$@" ;; esac"""


def in_force(machine: Machine, section: object) -> None:
    """A policy is saved, and a boot has loaded the fallback in its place."""
    run = machine.apply(section)
    assert not run.raised, run
    machine.run(FLUSH)
    for tool in ("iptables", "ip6tables"):
        machine.run(f"{tool}-restore --wait 600 /etc/sysconfig/{tool}.fallback")


@pytest.mark.parametrize(
    ("section", "reachable"),
    [
        ({"ssh": {"from": NEIGHBOURS}}, EVERYTHING),  # no port can be named either
        ({"ssh": {"from": NEIGHBOURS[:1]}}, {(4, OPEN), (4, CLOSED)}),
        ({"ssh": {"from": NEIGHBOURS}, "deny": [NEIGHBOUR[4]]}, {(6, OPEN), (6, CLOSED)}),
        ({"ssh": {"from": NEIGHBOURS}, "deny": NEIGHBOURS[1:]}, {(4, OPEN), (4, CLOSED)}),
        ({"ssh": {"from": ["198.51.100.9", "2001:db8:9::9"]}}, set()),
        ({"ssh": {"from": NEIGHBOURS, "interface": "wg0"}}, set()),
        ({"ssh": {"from": NEIGHBOURS, "interface": "eth*"}}, EVERYTHING),
        ({"ssh": {"interface": "eth0"}}, set()),
        ({"ssh": False, "allow": [{"service": "ssh", "from": NEIGHBOURS}]}, set()),
        ({}, set()),  # open to anywhere: shut, until the module has loaded something better
        ({"allow": ["3306/tcp"]}, set()),
    ],
)
@pytest.mark.parametrize("tool", IPTABLES)
def test_a_fallback_lets_in_who_may_log_in_and_nobody_else(
    tool: str, section: dict[str, object], reachable: set[tuple[int, int]]
) -> None:
    with Machine(tool, "redhat") as machine:
        in_force(machine, {"backend": "iptables", **section})
        assert machine.reachable() == reachable
        held = machine.run("cat /etc/sysconfig/iptables.fallback /etc/sysconfig/ip6tables.fallback")
        assert not re.search(r" -m |REJECT|LOG|\"|--", held)
        if tool == "iptables-nft":
            said = machine.run("nft --debug=netlink list ruleset")
            assert "[ " in said
            assert "[ match " not in said
            assert "[ target " not in said


@pytest.mark.parametrize("tool", IPTABLES)
def test_the_fallback_of_a_seal_opens_nothing(tool: str) -> None:
    with Machine(tool, "redhat") as machine:
        run = machine.engine(lambda checkpoint: seal.close(HERE, {"backend": "iptables", "ssh": {"from": NEIGHBOURS}}))
        assert not run.raised, run
        for prefix in ("iptables", "ip6tables"):
            machine.run(f"{prefix}-restore --wait 600 /etc/sysconfig/{prefix}.fallback")
        assert machine.reachable() == set()


@pytest.mark.parametrize("tool", IPTABLES)
def test_cloud_init_can_ask_its_metadata_service_through_the_fallback(tool: str) -> None:
    """No reply can be told from a new connection: what answers from that address gets in."""
    with Machine(tool, "redhat") as machine:
        in_force(machine, {"backend": "iptables"})
        machine.neighbour.ip("address add 169.254.169.254/32 dev wire", "address add fd00:ec2::254/128 dev wire nodad")
        machine.run("ip route add 169.254.169.254 dev eth0; ip -6 route add fd00:ec2::254 dev eth0")
        for family, address in ((4, "169.254.169.254"), (6, "fd00:ec2::254")):
            with machine.neighbour.entered(), socket.create_server((address, 80), family=FAMILY[family]) as listener:
                listener.settimeout(5)
                asked = f"timeout 5 bash -c 'exec 3<>/dev/tcp/{address}/80; read line <&3; echo $line'"
                with ThreadPoolExecutor(1) as pool:
                    answer = pool.submit(machine.run, asked)
                    connection, _ = listener.accept()
                    connection.sendall(b"instance-id\n")
                    assert answer.result() == "instance-id\n"
                    connection.close()


@pytest.mark.parametrize("there", ["iptables", "nftables"])
@pytest.mark.parametrize("tool", IPTABLES)
def test_a_policy_takes_the_place_of_the_fallback(tool: str, there: str) -> None:
    """Its chain is how it is known, for its rules cannot have comments: left behind it would go on to drop."""
    with Machine(tool, "redhat") as machine:
        assert not machine.apply({"backend": there}).raised
        machine.assert_closed()
        alone = machine.state()
    with Machine(tool, "redhat") as machine:
        in_force(machine, {"backend": "iptables", "ssh": {"from": NEIGHBOURS}})
        run = machine.apply({"backend": there})
        assert not run.raised, run
        machine.assert_closed()
        assert machine.state().rules == alone.rules
        assert machine.command("verify").value == 0


@pytest.mark.parametrize("tool", IPTABLES)
def test_remove_takes_the_fallback_out(tool: str) -> None:
    with Machine(tool, "redhat") as machine:
        in_force(machine, {"backend": "iptables"})
        assert machine.command("remove").value == 0
        assert machine.reachable() == EVERYTHING
        assert "VPSFW" not in machine.rules()


@pytest.mark.parametrize("tool", IPTABLES)
def test_a_later_boot_on_a_kernel_without_extensions(tool: str) -> None:
    """EL 10's, since its packages were split: shut from the first packet on, and the other backend in the network
    stage."""
    with Machine(tool, "redhat") as machine:
        machine.do(lambda: machine.install_services("iptables"))
        assert not machine.apply({"allow": ["http"]}).raised
        machine.run(FLUSH)
        machine.fake(iptables_restore=NO_EXTENSIONS, ip6tables_restore=NO_EXTENSIONS)
        machine.run(LOAD)
        assert machine.reachable() == set()
        told = machine.engine(lambda checkpoint: later_boot.reload_if_missing()).value
        assert told == ["iptables.service and ip6tables.service did not load the rules at this boot; "
                        "they were loaded after it"]  # fmt: skip
        assert machine.status()["backend"] == "nftables"
        machine.assert_closed()
        assert machine.command("verify").value == 0


# --- a seal that was not loaded -----------------------------------------------------------------------------

OPEN_FOR = r" for up to \d+ s, from power-on to here"


def sealed(machine: Machine, default: object) -> None:
    run = machine.engine(lambda checkpoint: seal.close(HERE, default))
    assert not run.raised, run


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("section", [{"allow": ["http"]}, {"alow": ["http"]}, {"enabled": False}])
def test_a_first_boot_tells_that_the_seal_was_not_loaded(tool: str, section: dict[str, object]) -> None:
    with Machine(tool, "redhat") as machine:
        sealed(machine, {"backend": machine.backend})
        run = machine.handle(section)
        assert bool(run.value) == ("alow" in section), run
        note = f"the seal of this image was not loaded: open over IPv4 and IPv6{OPEN_FOR}"
        assert [told for told in machine.status()["notes"] if re.fullmatch(note, told)], machine.status()
        machine.run(f"echo i-1 >{state.DONE}")  # cloud-init's side does so
        again = machine.handle({"allow": ["https"]})
        assert not again.value
        assert "seal" not in str(machine.status()["notes"]), "that was another boot"


@pytest.mark.parametrize("tool", TOOLS)
def test_a_first_boot_says_nothing_of_a_seal_that_held(tool: str) -> None:
    with Machine(tool, "redhat" if tool == "nftables" else "debian") as machine:
        machine.seal({"backend": machine.backend})
        assert machine.handle({"allow": ["http"]}).value == []
        assert "seal" not in str(machine.status()["notes"])


@pytest.mark.parametrize("tool", TOOLS)
def test_a_first_boot_without_a_seal_says_nothing_of_one(tool: str) -> None:
    with Machine(tool) as machine:
        machine.run("mkdir -p /var/lib/vps-firewall; echo '{\"files\": []}' >/var/lib/vps-firewall/registered.json")
        assert machine.handle({"allow": ["http"]}).value == []
        assert "seal" not in str(machine.status()["notes"])


def test_half_a_seal_is_told_by_its_family() -> None:
    with Machine("iptables-nft", "redhat") as machine:
        sealed(machine, {"backend": "iptables"})
        machine.run("iptables-restore /etc/sysconfig/iptables")
        assert machine.handle({"allow": ["http"]}).value == []
        note = f"the seal of this image was not loaded: open over IPv6{OPEN_FOR}"
        assert [told for told in machine.status()["notes"] if re.fullmatch(note, told)], machine.status()


@pytest.mark.parametrize("tool", IPTABLES)
def test_a_seal_whose_fallback_held_is_told_too(tool: str) -> None:
    """The kernel that boots is another one than the image had: its modules say why."""
    with Machine(tool, "redhat") as machine:
        sealed(machine, {"backend": "iptables"})
        kernels(machine, (os.uname().release, r"xt_\w+|nft_compat"))
        machine.fake(iptables_restore=NO_EXTENSIONS, ip6tables_restore=NO_EXTENSIONS)
        machine.run(LOAD)
        assert machine.reachable() == set()
        assert machine.handle({"allow": ["http"]}).value == []
        lacks = r"the kernel lacks [^)]*\bxt_conntrack\b[^)]*"
        note = rf"the seal of this image could not be loaded \({lacks}\); its fallback was, which let nobody in"
        assert [told for told in machine.status()["notes"] if re.fullmatch(note, told)], machine.status()
        machine.assert_closed()


# --- the kernel that boots next -----------------------------------------------------------------------------


def kernels(machine: Machine, *those: tuple[str, str]) -> None:
    """(version, the modules that it has not) of every kernel in the machine's /lib/modules."""
    machine.run(
        "mkdir -p /run/lib /run/libwork\n"
        "mount -t overlay lib -o lowerdir=/usr/lib,upperdir=/run/lib,workdir=/run/libwork /usr/lib\n"
        "mkdir -p /usr/lib/modules; mount -t tmpfs modules /usr/lib/modules"
    )
    for version, without in those:
        machine.do(partial(kernel_in, Path("/usr"), version, without=without))


@pytest.mark.parametrize("tool", TOOLS)
def test_verify_tells_that_the_next_kernel_cannot_load_what_is_saved(tool: str) -> None:
    with Machine(tool, "redhat") as machine:
        assert not machine.apply({"backend": machine.backend}).raised
        kernels(machine, (os.uname().release, "x_tables|nf_tables"), ("6.12.0-9.el10", ""))
        assert machine.command("verify").value == 0, "the one that runs has loaded them, whatever its files say"
        machine.do(partial(kernel_in, Path("/usr"), "6.12.0-10.el10", without="xt_conntrack|nft_ct"))
        run = machine.command("verify")
        gone = "nft_ct" if tool == "nftables" else "xt_conntrack"
        files = "/etc/sysconfig/iptables and /etc/sysconfig/ip6tables"
        if tool == "nftables":
            files = "/etc/nftables/vps-firewall.nft"
        assert run.out.splitlines() == [
            "1 difference: + is missing on this host, - is here and not in the policy",
            f"+kernel 6.12.0-10.el10: {gone}, without which it cannot load {files}",
            "a kernel's modules come in packages, kernel-modules-extra on EL; or apply it with another backend",
        ]
        assert run.value == 6
        assert machine.command("verify", "--json").value == 6
        machine.run("rm /usr/lib/modules/6.12.0-10.el10/modules.dep")
        assert machine.command("verify").value == 0, "of which nothing is known"

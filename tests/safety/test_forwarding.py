"""`publish` -> the kernel forwards, now and at the next boot, and no longer than the policy asks for it."""

from __future__ import annotations

import json
import time

import pytest
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6NDOptPrefixInfo, IPv6
from scapy.layers.l2 import Ether

from tests.lab.machine import TOOLS, Machine
from tests.lab.namespaces import packet_socket

BOTH = {"publish": [{"port": "8443/tcp", "to": "10.8.0.2"}, {"port": "8443/tcp", "to": "fd00:8::2"}]}
ROUTED = {"route": [{"in": "wg0", "out": "eth0", "masquerade": True}]}
FOUR = {"publish": [{"port": "8443/tcp", "to": "10.8.0.2"}]}
SYSCTL = "/etc/sysctl.d/99-vps-firewall.conf"


def value(machine: Machine, name: str) -> str:
    return machine.run(f"cat /proc/sys/net/{name}").strip()


def forwards(machine: Machine) -> tuple[str, str]:
    return value(machine, "ipv4/ip_forward"), value(machine, "ipv6/conf/all/forwarding")


def advertise(machine: Machine) -> None:
    """A router on the wire says that it is one, and the machine believes it."""
    machine.run("echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_ra")
    prefix = ICMPv6NDOptPrefixInfo(prefixlen=64, prefix="2001:db8:5::", validlifetime=3600, preferredlifetime=3600)
    router = IPv6(src="fe80::5", dst="ff02::1", hlim=255) / ICMPv6ND_RA(routerlifetime=1800) / prefix
    frame = bytes(Ether(src="02:00:00:00:00:05", dst="33:33:00:00:00:01") / router)
    with machine.neighbour.entered():
        wire = packet_socket("wire")
    wire.send(frame)
    deadline = time.monotonic() + 5
    while "via fe80::5" not in machine.run("ip -6 route show default"):
        assert time.monotonic() < deadline, "the advertisement was not heard"
        time.sleep(0.02)
    wire.close()


@pytest.mark.parametrize("tool", TOOLS)
def test_it_is_on_for_the_families_in_use_and_off_again(tool: str) -> None:
    with Machine(tool) as machine:
        assert forwards(machine) == ("0", "0")
        machine.do(lambda: machine.write("/etc/policy.yaml", f"#cloud-config\nvps_firewall: {json.dumps(FOUR)}\n"))
        plan = machine.command("plan", "/etc/policy.yaml")
        assert "+sysctl net.ipv4.ip_forward = 1" in plan.out
        assert forwards(machine) == ("0", "0"), "a plan changes nothing"
        assert not machine.apply(FOUR).raised
        assert forwards(machine) == ("1", "0")
        assert machine.run(f"cat {SYSCTL}").splitlines()[1:] == ["net/ipv4/ip_forward = 1"]
        assert machine.command("verify").value == 0
        assert not machine.apply(BOTH).raised
        assert forwards(machine) == ("1", "1")
        assert value(machine, "ipv6/conf/eth0/accept_ra") == "2"
        assert machine.command("verify").value == 0
        machine.run("echo 0 >/proc/sys/net/ipv6/conf/all/forwarding")
        found = machine.command("verify")
        assert found.value == 6
        assert "+kernel net.ipv6.conf.all.forwarding = 1" in found.out
        assert not machine.apply(BOTH).raised
        assert machine.command("verify").value == 0
        assert not machine.apply({}).raised
        assert forwards(machine) == ("0", "0")
        assert value(machine, "ipv6/conf/eth0/accept_ra") == "1"
        assert machine.run(f"ls {SYSCTL}", check=False) == ""
        assert machine.command("verify").value == 0


@pytest.mark.parametrize("tool", TOOLS)
def test_what_others_switched_on_stays_on(tool: str) -> None:
    with Machine(tool) as machine:
        machine.run("echo 1 >/proc/sys/net/ipv4/ip_forward")
        assert not machine.apply(BOTH).raised
        assert not machine.apply({}).raised
        assert forwards(machine) == ("1", "0")


def test_a_bridge_of_containers_keeps_it_on() -> None:
    with Machine("nftables") as machine:
        assert not machine.apply(FOUR).raised
        machine.run("ip link add docker0 type bridge; ip link set docker0 up")
        assert not machine.apply({}).raised
        assert forwards(machine) == ("1", "0")
        assert any("forwarding stays on" in note for note in machine.status()["notes"])
        machine.run("ip link del docker0")
        assert not machine.apply({"ping": False}).raised
        assert forwards(machine) == ("0", "0")


def test_removal_takes_it_back() -> None:
    with Machine("nftables") as machine:
        assert not machine.apply(BOTH).raised
        assert machine.command("remove").value == 0
        assert forwards(machine) == ("0", "0")
        assert machine.run(f"ls {SYSCTL} /var/lib/vps-firewall/forwarding.json", check=False) == ""


def test_an_advertised_default_route_stays() -> None:
    with Machine("nftables") as machine:
        advertise(machine)
        run = machine.apply(BOTH)
        assert not run.raised, run
        assert run.seconds > 5, "it has looked again"
        assert forwards(machine) == ("1", "1")
        assert "via fe80::5" in machine.run("ip -6 route show default")


def test_a_default_route_that_goes_takes_forwarding_along() -> None:
    """As where a manager of networks has set accept_ra to 0 behind a route that the kernel had learned."""
    with Machine("nftables") as machine:
        assert not machine.apply({"allow": ["http"]}).raised
        advertise(machine)
        machine.run("echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_ra")
        rules = machine.rules()
        run = machine.apply({**BOTH, "allow": ["https"]})
        assert "the default route by eth0 was gone 5 s after forwarding was switched on" in run.raised
        assert forwards(machine) == ("0", "0")
        assert machine.rules() == rules
        assert machine.run(f"ls {SYSCTL}", check=False) == ""
        assert machine.status()["result"] == "failed"


def test_a_kernel_that_does_not_let_itself_be_told() -> None:
    with Machine("nftables") as machine:
        machine.run("mount --bind /proc/sys/net/ipv4 /proc/sys/net/ipv4 && mount -o remount,bind,ro /proc/sys/net/ipv4")
        run = machine.apply(FOUR)
        assert (
            "/proc/sys/net/ipv4/ip_forward cannot be written (Read-only file system), as in a container" in run.raised
        )
        assert machine.run(f"ls {SYSCTL}", check=False) == ""


def test_a_networkd_is_told() -> None:
    with Machine("nftables") as machine:
        advertise(machine)
        index = machine.run("cat /proc/net/if_inet6 | grep eth0 | head -n1").split()[1]
        link = f"/run/systemd/netif/links/{int(index, 16)}"
        machine.do(lambda: machine.write(link, "NETWORK_FILE=/run/systemd/network/10-netplan-eth0.network\n"))
        assert not machine.apply(BOTH).raised
        dropin = "/etc/systemd/network/10-netplan-eth0.network.d/vps-firewall-forwarding.conf"
        assert "IPv6AcceptRA=yes" in machine.run(f"cat {dropin}")
        assert not machine.apply({}).raised
        assert machine.run(f"ls {dropin}", check=False) == ""


def test_the_record_is_kept_with_the_policy() -> None:
    with Machine("nftables") as machine:
        assert not machine.apply(FOUR).raised
        record = json.loads(machine.run("cat /var/lib/vps-firewall/policy.json"))
        assert record["forward"] == [4]


OTHERS_NAT = """*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
COMMIT
"""


def nat(machine: Machine) -> list[str]:
    return [line for line in machine.run("iptables-save -t nat").splitlines() if line.startswith(("-A", ":VPSFW"))]


@pytest.mark.parametrize("tool", ["iptables-nft", "iptables-legacy"])
def test_the_nat_of_others_stays(tool: str) -> None:
    with Machine(tool) as machine:
        machine.run("iptables-restore", OTHERS_NAT)
        others = nat(machine)
        assert not machine.apply(FOUR).raised
        assert [line for line in nat(machine) if "VPSFW" not in line and "vps-firewall" not in line] == others
        assert any("DNAT --to-destination 10.8.0.2" in line for line in nat(machine))
        assert machine.command("verify").value == 0
        machine.run("iptables -t nat -A POSTROUTING -o eth9 -j MASQUERADE")
        assert machine.command("verify").value == 0, "others' rules are no drift"
        assert not machine.apply({"publish": [{"port": "8443/tcp", "to": "10.8.0.3", "masquerade": True}]}).raised
        assert not any("10.8.0.2" in line for line in nat(machine))
        assert any("-j MASQUERADE" in line and "publish[0]" in line for line in nat(machine))
        assert machine.command("verify").value == 0
        machine.run("iptables -t nat -F VPSFW-PUBLISH")
        assert machine.command("verify").value == 6
        assert not machine.apply({}).raised
        assert nat(machine) == [*others[:-1], "-A POSTROUTING -o eth9 -j MASQUERADE", others[-1]]
        assert machine.command("verify").value == 0
        assert not machine.apply(FOUR).raised
        assert machine.command("remove").value == 0
        assert nat(machine) == [*others[:-1], "-A POSTROUTING -o eth9 -j MASQUERADE", others[-1]]


@pytest.mark.parametrize("tool", TOOLS)
def test_what_failed_later_leaves_no_translation_behind(tool: str) -> None:
    with Machine(tool) as machine:
        assert not machine.apply({"allow": ["http"]}).raised
        rules = machine.rules()
        run = machine.apply(BOTH, confirm=lambda: "the owner said no")
        assert "the owner said no" in run.raised
        assert machine.rules() == rules
        assert "10.8.0.2" not in machine.run("nft list ruleset; iptables-save; ip6tables-save")
        assert forwards(machine) == ("0", "0")


@pytest.mark.parametrize("tool", TOOLS)
def test_a_route_is_forwarded_and_verified(tool: str) -> None:
    with Machine(tool) as machine:
        assert not machine.apply(ROUTED).raised
        assert forwards(machine) == ("1", "1")
        assert "forward" in machine.status()["steps"]
        assert machine.command("verify").value == 0
        assert not machine.apply({"publish": FOUR["publish"]}).raised, (
            "from masquerade to DNAT, in a table that is shared"
        )
        assert forwards(machine) == ("1", "0")
        assert value(machine, "ipv6/conf/eth0/accept_ra") == "1"
        assert machine.command("verify").value == 0
        assert not machine.apply(ROUTED).raised
        assert machine.command("verify").value == 0
        assert not machine.apply({}).raised
        assert forwards(machine) == ("0", "0")
        assert "forward" in machine.status()["steps"], "it was taken back"
        assert not machine.apply({"ping": False}).raised
        assert "forward" not in machine.status()["steps"], "there was nothing to do"


def test_killed_at_the_switch() -> None:
    """What was switched on is on record, whatever the moment; the next boot forwards only where all went well."""
    with Machine("nftables") as machine:
        moments = machine.apply(BOTH).moments
    for at in [number for number, name in enumerate(moments) if name in ("before forward", "after forward")]:
        with Machine("nftables") as machine:
            assert not machine.apply({"allow": ["http"]}).raised
            assert machine.apply(BOTH, kill=at).killed
            assert_mended(machine)


def test_killed_while_the_default_route_is_awaited() -> None:
    with Machine("nftables") as machine:
        assert not machine.apply({"allow": ["http"]}).raised
        advertise(machine)
        run = machine.apply(BOTH, kill=3.5)
        assert run.killed
        assert forwards(machine) == ("1", "1"), "it was killed in the middle of the switch"
        assert set(json.loads(machine.run("cat /var/lib/vps-firewall/forwarding.json"))) >= {"net/ipv4/ip_forward"}
        assert machine.run(f"ls {SYSCTL}", check=False) == "", "the next boot would not forward"
        assert machine.status()["result"] == "unfinished"
        assert_mended(machine)


def assert_mended(machine: Machine) -> None:
    """The next run goes on from there, forth and back."""
    assert not machine.apply(BOTH).raised
    assert forwards(machine) == ("1", "1")
    assert machine.command("verify").value == 0
    assert not machine.apply({"allow": ["http"]}).raised
    assert forwards(machine) == ("0", "0")
    assert value(machine, "ipv6/conf/eth0/accept_ra") == "1"
    assert machine.run(f"ls {SYSCTL} /var/lib/vps-firewall/forwarding.json", check=False) == ""


def test_killed_while_it_is_taken_back() -> None:
    with Machine("nftables") as machine:
        assert not machine.apply(BOTH).raised
        moments = machine.apply({"allow": ["http"]}).moments
    for at in [number for number, name in enumerate(moments) if name in ("before forward", "after forward")]:
        with Machine("nftables") as machine:
            assert not machine.apply(BOTH).raised
            assert machine.apply({"allow": ["http"]}, kill=at).killed
            assert_mended(machine)


def test_a_failure_names_the_step() -> None:
    with Machine("nftables") as machine:
        machine.run("mount --bind /proc/sys/net/ipv4 /proc/sys/net/ipv4 && mount -o remount,bind,ro /proc/sys/net/ipv4")
        assert "cannot be written" in machine.apply(ROUTED).raised
        assert machine.status()["failed_in"] == "forward"


def test_ifupdown_is_looked_at() -> None:
    interfaces = "auto eth0\niface eth0 inet dhcp\niface eth0 inet6 dhcp\n"
    with Machine("nftables") as machine:
        machine.do(lambda: machine.write("/etc/network/interfaces", interfaces))
        machine.do(lambda: machine.write("/etc/network/interfaces.d/eth1", "iface eth1 inet6 auto\n    accept_ra 1\n"))
        machine.do(lambda: machine.write("/etc/network/interfaces.d/eth2", "iface eth2 inet6 auto\n"))
        assert not machine.apply(BOTH).raised
        said = [note for note in machine.status()["notes"] if "ifupdown" in note]
        assert [note.partition(" at each boot")[0] for note in said] == [
            "/etc/network/interfaces has ifupdown set accept_ra = 1 on eth0",
            "/etc/network/interfaces.d/eth1 has ifupdown set accept_ra = 1 on eth1",
        ]
        assert not machine.apply(FOUR).raised
        assert not any("ifupdown" in note for note in machine.status()["notes"])


def test_the_status_tells_of_forwarding_that_nobody_asked_for() -> None:
    with Machine("nftables") as machine:
        assert not machine.apply({"allow": ["http"]}).raised
        assert "forwards" not in machine.command("status").out
        machine.run("echo 1 >/proc/sys/net/ipv4/ip_forward")
        machine.run("ip link add mybr0 type bridge; ip link set mybr0 up")
        out = machine.command("status").out
        assert "now: the kernel forwards IPv4, and the policy forwards nothing: nobody may need that\n" in out
        assert "now: mybr0 is up, and no line of the policy names it: what comes in there meets what anybody" in out
        assert not machine.apply({"route": [{"in": "mybr0", "out": "eth0", "from": ["10.0.0.0/8"]}]}).raised
        out = machine.command("status").out
        assert "mybr0 is up" not in out
        assert "policy forwards nothing" not in out
        assert "route: all by mybr0 from 10.0.0.0/8 out by eth0\n" in out

"""what a policy depends on of the host -> kept with it: verify compares with the host as it was, apply looks anew, and
a boot whose default route is on what the rules take for a bridge of containers makes them again."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from functools import partial

import pytest

import cc_vps_firewall
from tests.lab.machine import ADDRESS, FAMILY, NEIGHBOUR, TOOLS, Ended, Machine, _listener

DOCKERS = "br-0123456789ab"  # as Docker names the bridge of a network
OTHER = "br-ba9876543210"


def is_on(machine: Machine, cloud_id: str) -> None:
    machine.do(lambda: machine.write("/run/cloud-init/cloud-id", f"{cloud_id}\n"))


def kept(machine: Machine) -> dict[str, object]:
    found = json.loads(machine.run("cat /var/lib/vps-firewall/policy.json"))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("tool", TOOLS)
def test_the_provider(tool: str) -> None:
    with Machine(tool) as machine:
        is_on(machine, "aws")
        assert not machine.apply({}).raised
        assert "169.254.169.254" in machine.rules()
        assert "100.100.100.200" not in machine.rules()
        assert kept(machine)["cloud_id"] == "aws"
        machine.run("rm -r /run/cloud-init")  # as before cloud-init has run
        assert machine.command("verify").value == 0
        report = machine.command("status", "--json")
        assert json.loads(report.out)["now"]["rules"] == "equal", report
        is_on(machine, "aliyun")
        assert machine.command("verify").value == 0
        assert not machine.apply({}).raised
        assert "100.100.100.200" in machine.rules()
        assert machine.command("verify").value == 0


# --- uplinks ---


@contextlib.contextmanager
def behind_a_bridge(machine: Machine, name: str = DOCKERS) -> Iterator[None]:
    """The machine's wire ends in a bridge of that name, and a resolver answers there."""
    addresses = "".join(
        f"address add {address}/{length} dev {name}{' nodad' * (length == 64)}\n"
        for address, length in ((ADDRESS[4], 24), (ADDRESS[6], 64))
    )
    lines = f"address flush dev eth0\nlink add {name} type bridge\nlink set eth0 master {name}\nlink set {name} up\n"
    machine.run("ip -batch -", lines + addresses)
    with contextlib.ExitStack() as stack:
        for family in (4, 6):
            stack.enter_context(machine.do(partial(_listener, family, 53)))
        yield


def route(machine: Machine, *families: int, name: str = DOCKERS) -> None:
    for family in families:
        machine.run(f"ip -{family} route replace default via {NEIGHBOUR[family]} dev {name}")


def resolves_for_the_neighbour(machine: Machine) -> set[int]:
    """Over which families a stranger on the wire is answered on port 53, by real connections."""
    answered = set()
    for family in (4, 6):
        with machine.neighbour.entered():
            connection = socket.socket(FAMILY[family])
        with connection:
            connection.settimeout(0.3)
            with contextlib.suppress(OSError):
                connection.connect((ADDRESS[family], 53))
                answered.add(family)
    return answered


def later_boot(machine: Machine) -> Ended:
    """cloud-init calls the module at every boot, also where there is nothing to do for it."""
    return machine.engine(lambda checkpoint: cc_vps_firewall.handle("vps_firewall", {}, None))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("families", [(4,), (6,), (4, 6)], ids=["IPv4", "IPv6", "both"])
@pytest.mark.parametrize("tool", TOOLS)
def test_what_holds_a_default_route_is_an_uplink(tool: str, families: tuple[int, ...]) -> None:
    with Machine(tool) as machine, behind_a_bridge(machine):
        assert not machine.apply({}).raised
        assert resolves_for_the_neighbour(machine) == {4, 6}, "the witness: this is what a bridge of containers may"
        route(machine, *families)
        machine.run(f"ip link add {OTHER} type bridge")
        assert not machine.apply({}).raised
        assert resolves_for_the_neighbour(machine) == set()
        machine.assert_closed()
        assert machine.status()["interfaces"] == {"uplinks": [DOCKERS], "bridges": [OTHER]}
        assert kept(machine)["uplinks"] == [DOCKERS]
        machine.run("ip -4 route del default; ip -6 route del default", check=False)
        assert machine.command("verify").value == 0


@pytest.mark.parametrize("tool", TOOLS)
def test_a_boot_with_a_new_uplink_makes_the_rules_again(tool: str) -> None:
    """They were made when nobody knew: by hand before the network was up, say."""
    with Machine(tool) as machine, behind_a_bridge(machine):
        assert not machine.apply({"allow": ["http"]}).raised
        assert resolves_for_the_neighbour(machine) == {4, 6}
        route(machine, 4)
        found = machine.command("verify")
        assert found.value == 6
        assert f"+{DOCKERS} an uplink: it holds a default route" in found.out
        run = later_boot(machine)
        assert not run.raised, run
        assert resolves_for_the_neighbour(machine) == set()
        machine.assert_closed()
        status = machine.status()
        assert status["interfaces"]["uplinks"] == [DOCKERS]
        assert status["open"]["ipv4"][-1]["name"] == "http"
        assert f"{DOCKERS} holds a default route: it is an uplink now, and no bridge of containers" in status["notes"]
        assert machine.command("verify").value == 0
        assert not later_boot(machine).raised
        assert machine.status()["when"] == status["when"], "once is enough"


def test_a_boot_with_another_uplink_changes_nothing() -> None:
    """eth1 in the place of eth0 is no bridge of containers, and no matter for the rules."""
    with Machine("nftables") as machine:
        route(machine, 4, name="eth0")
        assert not machine.apply({}).raised
        before, when = machine.state(), machine.status()["when"]
        machine.run("ip link add eth1 type veth peer name far; ip link set eth1 up; ip route replace default dev eth1")
        assert not later_boot(machine).raised
        assert machine.state() == before
        assert machine.status()["when"] == when


def test_what_its_owner_took_away_stays_away() -> None:
    with Machine("nftables") as machine, behind_a_bridge(machine):
        assert not machine.apply({}).raised
        machine.run("rm /etc/nftables/vps-firewall.nft")
        route(machine, 4)
        before = machine.state()
        assert not later_boot(machine).raised
        assert machine.state() == before


def test_rules_that_cannot_be_made_again_stay_as_they_are() -> None:
    with Machine("nftables") as machine, behind_a_bridge(machine):
        machine.do(lambda: machine.write("/etc/office.list", "192.0.2.0/24\n"))
        office = {"office": {"file": "/etc/office.list"}}
        assert not machine.apply({"lists": office, "allow": [{"service": "http", "from": ["office"]}]}).raised
        machine.run("rm /etc/office.list")
        route(machine, 4)
        rules = machine.rules()
        run = later_boot(machine)
        assert "and the rules could not be made again" in run.raised
        assert "and the rules could not be made again: vps_firewall.lists.office" in run.err
        assert machine.rules() == rules


# --- an interface that the policy trusts --------------------------------------------------------------------

TRUSTS = {"allow": [{"service": "all", "interface": "br-*"}]}


@pytest.mark.parametrize("families", [(4,), (6,)], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("tool", TOOLS)
def test_everything_is_not_opened_on_an_uplink(tool: str, families: tuple[int, ...]) -> None:
    with Machine(tool) as machine, behind_a_bridge(machine):
        assert not machine.apply(TRUSTS).raised
        assert resolves_for_the_neighbour(machine) == {4, 6}, "the witness: it is open without a default route"
        assert not machine.apply({}).raised
        before = machine.rules()
        route(machine, *families)
        run = machine.apply(TRUSTS)
        assert f"vps_firewall.allow[0].interface: {DOCKERS} has the default route on this host" in run.raised
        assert machine.rules() == before


@pytest.mark.parametrize("tool", TOOLS)
def test_an_interface_that_is_an_uplink_now_is_trusted_no_more(tool: str) -> None:
    with Machine(tool) as machine, behind_a_bridge(machine):
        assert not machine.apply({**TRUSTS, "ssh": {"port": [22, 2222]}}).raised
        assert resolves_for_the_neighbour(machine) == {4, 6}
        route(machine, 4)
        found = machine.command("verify")
        assert found.value == 6
        assert f"+vps_firewall.allow[0].interface: {DOCKERS} has the default route on this host" in found.out
        run = later_boot(machine)
        assert f"{DOCKERS} has the default route on this host" in run.err
        assert resolves_for_the_neighbour(machine) == set()
        machine.assert_closed()
        assert machine.status()["in_force"] == "the policy's own SSH alone"
        assert [line["ports"] for line in machine.status()["open"]["ipv4"]] == ["22/tcp, 2222/tcp"]


@pytest.mark.parametrize("tool", TOOLS)
def test_a_bridge_that_the_policy_names_is_none_with_the_default_route(tool: str) -> None:
    named = {"containers": {"bridges": ["mybr*"]}}
    with Machine(tool) as machine, behind_a_bridge(machine, "mybr0"):
        assert not machine.apply({}).raised
        assert resolves_for_the_neighbour(machine) == set()
        assert not machine.apply(named).raised
        assert resolves_for_the_neighbour(machine) == {4, 6}
        assert machine.status()["interfaces"] == {"uplinks": [], "bridges": ["mybr0"]}
        route(machine, 4, name="mybr0")
        assert machine.command("verify").value == 6
        run = later_boot(machine)
        assert "mybr* takes mybr0, which has the default route on this host" in run.err
        assert resolves_for_the_neighbour(machine) == set()
        refused = machine.apply(named)
        assert "mybr* takes mybr0, which has the default route on this host" in refused.raised

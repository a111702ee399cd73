"""Which backend a host gets, where its files go, and where its sshd listens: by the host's files alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

import cc_vps_firewall
from cc_vps_firewall.backends.registry import BACKENDS
from cc_vps_firewall.errors import NoBackend
from cc_vps_firewall.host import facts, ordering, systemd
from cc_vps_firewall.host.distributions import DISTRIBUTIONS, OWN_UNIT
from cc_vps_firewall.host.facts import Host
from cc_vps_firewall.plan import choice
from cc_vps_firewall.plan.targets import target
from cc_vps_firewall.root import Root
from tests.engine import place, unit_files

PACKAGE = Path(cc_vps_firewall.__file__).parent

OS_RELEASE = {
    "centos9": 'NAME="CentOS Stream"\nVERSION="9"\nID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="9"\n',
    "centos10": 'NAME="CentOS Stream"\nVERSION="10 (Coughlan)"\nID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="10"\n',
    "alma8": 'NAME="AlmaLinux"\nID="almalinux"\nID_LIKE="rhel centos fedora"\nVERSION_ID="8.10"\n',
    "alma9": 'NAME="AlmaLinux"\nID="almalinux"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.7"\n',
    "rocky9": 'NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.6"\n',
    "rocky10": 'NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="10.1"\n',
    "rhel9": 'NAME="Red Hat Enterprise Linux"\nID="rhel"\nID_LIKE="fedora"\nVERSION_ID="9.6"\n',
    "fedora43": 'NAME="Fedora Linux"\nID=fedora\nVERSION_ID=43\n',
    "debian11": 'NAME="Debian GNU/Linux"\nVERSION_ID="11"\nID=debian\n',
    "debian13": 'NAME="Debian GNU/Linux"\nVERSION_ID="13"\nID=debian\n',
    "sid": 'NAME="Debian GNU/Linux"\nVERSION_CODENAME=forky\nID=debian\n',
    "ubuntu24": 'NAME="Ubuntu"\nVERSION_ID="24.04"\nID=ubuntu\nID_LIKE=debian\n',
    "mint": "NAME='Linux Mint'\nID=linuxmint\nID_LIKE='ubuntu debian'\nVERSION_ID=\"22\"\n",
    "alpine": 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.22.1\n',
    "nothing": "",
}
UNITS = "usr/lib/systemd/system"
IPTABLES = {f"{UNITS}/iptables.service": "", f"{UNITS}/ip6tables.service": ""}
LOADER = "netfilter-persistent.service"
PLUGINS = place("debian", "iptables").plugins
OWN = {f"etc/systemd/system/{OWN_UNIT}": ""}
PERSISTENT = {f"{UNITS}/netfilter-persistent.service": "", **dict.fromkeys(PLUGINS, "")}
NFTABLES = {f"{UNITS}/nftables.service": ""}


def host(root: Path, name: str = "", files: Mapping[str, str] | None = None) -> Host:
    for path, text in {"etc/os-release": OS_RELEASE.get(name, ""), **(files or {})}.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            target.symlink_to(text[3:])
        else:
            target.write_text(text)
    return facts.inspect(Root(str(root)))


@pytest.mark.parametrize(
    ("name", "family", "major"),
    [
        ("centos9", "redhat", 9), ("centos10", "redhat", 10), ("alma8", "redhat", 8), ("alma9", "redhat", 9),
        ("rocky9", "redhat", 9), ("rocky10", "redhat", 10), ("rhel9", "redhat", 9), ("fedora43", "redhat", 43),
        ("debian11", "debian", 11), ("debian13", "debian", 13), ("sid", "debian", 0), ("ubuntu24", "debian", 24),
        ("mint", "debian", 22), ("alpine", "other", 3), ("nothing", "other", 0),
    ],
)  # fmt: skip
def test_the_family_is_that_of_os_release(name: str, family: str, major: int, tmp_path: Path) -> None:
    found = host(tmp_path, name)
    assert (found.distribution.name, found.major) == (family, major)


def test_os_release_may_be_in_usr_lib(tmp_path: Path) -> None:
    found = host(tmp_path, "", {"usr/lib/os-release": OS_RELEASE["alma9"]})
    assert (found.distribution.name, found.major) == ("redhat", 9)


@pytest.mark.parametrize(
    ("name", "files", "order"),
    [
        # Nothing installed: the distribution's own choice, then the other one.
        ("centos9", {}, ["iptables", "nftables"]),
        ("alma8", {}, ["iptables", "nftables"]),
        ("rocky9", {}, ["iptables", "nftables"]),
        ("centos10", {}, ["nftables", "iptables"]),
        ("rocky10", {}, ["nftables", "iptables"]),
        ("fedora43", {}, ["nftables", "iptables"]),
        ("debian13", {}, ["nftables", "iptables"]),
        ("ubuntu24", {}, ["nftables", "iptables"]),
        ("alpine", {}, ["nftables", "iptables"]),
        ("nothing", {}, ["nftables", "iptables"]),
        # A service that can load our file: that one. iptables counts more, it is never there by default.
        ("centos9", NFTABLES, ["nftables", "iptables"]),
        ("centos9", IPTABLES | NFTABLES, ["iptables", "nftables"]),
        ("centos10", IPTABLES, ["iptables", "nftables"]),
        ("debian13", NFTABLES, ["nftables", "iptables"]),
        ("debian13", PERSISTENT | NFTABLES, ["iptables", "nftables"]),
        ("ubuntu24", PERSISTENT, ["iptables", "nftables"]),
        # A service of another distribution's does not load our file.
        ("debian13", IPTABLES, ["nftables", "iptables"]),
        ("centos9", PERSISTENT | NFTABLES, ["nftables", "iptables"]),
        # Our own unit says nothing: it loads either's files, and is there from the first policy on.
        ("alpine", OWN, ["nftables", "iptables"]),
        ("nothing", OWN, ["nftables", "iptables"]),
        ("debian13", OWN, ["nftables", "iptables"]),
        ("centos9", OWN, ["iptables", "nftables"]),
        # Tools alone say nothing: Debian and Ubuntu have iptables wherever Docker is.
        ("debian13", {"usr/sbin/iptables-restore": ""}, ["nftables", "iptables"]),
    ],
)
def test_auto_follows_the_host(name: str, files: dict[str, str], order: list[str], tmp_path: Path) -> None:
    assert [c.backend.name for c in choice.choose("auto", host(tmp_path, name, files))] == order


@pytest.mark.parametrize("wanted", BACKENDS)
def test_one_that_is_named_is_the_only_one(wanted: str, tmp_path: Path) -> None:
    for name, files in (("centos9", IPTABLES), ("debian13", NFTABLES), ("alpine", {})):
        (chosen,) = choice.choose(wanted, host(tmp_path / name, name, files))
        assert chosen.backend.name == wanted


@pytest.mark.parametrize(
    ("name", "wanted", "files", "units"),
    [
        ("centos9", "iptables", ["/etc/sysconfig/iptables", "/etc/sysconfig/ip6tables"],
         ["iptables.service", "ip6tables.service"]),
        ("fedora43", "nftables", ["/etc/nftables/vps-firewall.nft"], ["nftables.service"]),
        ("debian13", "iptables", ["/etc/iptables/rules.v4", "/etc/iptables/rules.v6"],
         ["netfilter-persistent.service"]),
        ("ubuntu24", "nftables", ["/etc/nftables/vps-firewall.nft"], ["vps-firewall.service"]),
        ("alpine", "iptables", ["/etc/vps-firewall/rules.v4", "/etc/vps-firewall/rules.v6"], ["vps-firewall.service"]),
        ("alpine", "nftables", ["/etc/vps-firewall/rules.nft"], ["vps-firewall.service"]),
    ],
)  # fmt: skip
def test_files_and_services_by_distribution(
    name: str, wanted: str, files: list[str], units: list[str], tmp_path: Path
) -> None:
    there = {**PERSISTENT, **{f"{UNITS}/{unit}": "" for unit in units}}
    (chosen,) = choice.choose(wanted, host(tmp_path, name, there))
    assert list(chosen.place.files.values()) == files
    assert chosen.units == tuple(units)
    assert set(chosen.place.files) == set(BACKENDS[wanted].families)


LINK = {"etc/systemd/system/sysinit.target.wants/nftables.service": f"-> /{UNITS}/nftables.service"}
STOCK = (
    "#!/usr/sbin/nft -f\n\nflush ruleset\n\ntable inet filter {\n\tchain input {\n"
    '\t\ttype filter hook input priority filter;\n\t}\n}\ninclude "/etc/nftables/vps-firewall.nft"\n'
)
STATE = "var/lib/vps-firewall"
APPLIED = {f"{STATE}/policy.json": '{"backend": "nftables"}', "etc/nftables.conf": STOCK}
THEIRS = STOCK.replace("}\n}", "\ttcp dport 22 accept\n}\n}")


@pytest.mark.parametrize(
    ("files", "unit"),
    [
        # Its start takes Docker's and fail2ban's tables out, at every upgrade of its package: nobody gets it from us.
        ({}, OWN_UNIT),
        # Whoever has it already keeps it.
        (LINK, "nftables.service"),
        ({**LINK, "etc/nftables.conf": STOCK}, "nftables.service"),
        # What our records say that we enabled is ours: an image's seal, an earlier policy.
        ({**LINK, f"{STATE}/registered.json": '{"seal": {"units": ["nftables.service"]}}'}, OWN_UNIT),
        ({**LINK, f"{STATE}/registered.json": '{"seal": {"units": []}}'}, "nftables.service"),
        ({**LINK, f"{STATE}/services.json": '{"enabled": ["nftables.service"]}'}, OWN_UNIT),
        ({**LINK, **APPLIED, f"{STATE}/services.json": '{"enabled": []}'}, "nftables.service"),
        ({**LINK, f"{STATE}/services.json": "[1]", f"{STATE}/registered.json": '{"seal": [1]}'}, "nftables.service"),
        # Before these records there were policies that had enabled it.
        ({**LINK, **APPLIED}, OWN_UNIT),
        ({**LINK, **APPLIED, "etc/nftables.conf": THEIRS}, "nftables.service"),
        ({**LINK, **APPLIED, "etc/nftables.conf": STOCK + 'include "/etc/site.nft"\n'}, "nftables.service"),
    ],
)
def test_debians_service_loads_our_table_where_its_owner_has_it_enabled(
    files: dict[str, str], unit: str, tmp_path: Path
) -> None:
    (chosen,) = choice.choose("nftables", host(tmp_path, "debian13", {**NFTABLES, **files}))
    assert chosen.units == (unit,)


def test_our_unit_loads_its_table_behind_a_service_that_takes_every_table_out(tmp_path: Path) -> None:
    """Its owner may enable that some day."""
    (chosen,) = choice.choose("nftables", host(tmp_path, "debian13", NFTABLES))
    assert "\nAfter=nftables.service\n" in systemd.own_unit(chosen.backend, chosen.place, {"nft": "/usr/sbin/nft"})
    for name, wanted in (("alpine", "nftables"), ("debian13", "iptables"), ("centos9", "iptables")):
        (chosen,) = choice.choose(wanted, host(tmp_path, name))
        tools = {tool: f"/usr/sbin/{tool}" for tool in BACKENDS[wanted].tools}
        text = systemd.own_unit(chosen.backend, chosen.place, tools)
        assert "\nAfter=" not in text
        assert "AFTER" not in text


@pytest.mark.parametrize(("wanted", "files"), [("iptables", {}), ("iptables", {f"{UNITS}/iptables.service": ""})])
def test_our_own_unit_loads_what_no_service_would(wanted: str, files: dict[str, str], tmp_path: Path) -> None:
    """iptables.service without ip6tables.service would leave IPv6 open at every boot."""
    (chosen,) = choice.choose(wanted, host(tmp_path, "centos9", files))
    assert chosen.units == (OWN_UNIT,)


@pytest.mark.parametrize("wanted", BACKENDS)
def test_our_own_unit_orders_itself_before_the_network_and_in_no_circle(wanted: str, tmp_path: Path) -> None:
    (chosen,) = choice.choose(wanted, host(tmp_path, "alpine"))
    tools = {tool: f"/usr/sbin/{tool}" for tool in BACKENDS[wanted].tools}
    text = systemd.own_unit(chosen.backend, chosen.place, tools)
    assert "DefaultDependencies=no\n" in text  # cloud-init#6502
    assert "local-fs.target" not in text  # cloud-init#3000
    assert "\nBefore=cloud-init-local.service network-pre.target" in text
    starts = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    assert len(starts) == len(chosen.place.files)
    for file, start in zip(chosen.place.files.values(), starts):
        assert start.startswith("ExecStart=/usr/sbin/")
        assert start.endswith(f" {file}")


@pytest.mark.parametrize(
    ("files", "rivals"),
    [
        ({}, ()),
        ({f"{UNITS}/firewalld.service": ""}, ()),  # installed is not switched on
        ({"etc/systemd/system/multi-user.target.wants/firewalld.service": "-> /dev/null"}, ("firewalld",)),
        ({"etc/ufw/ufw.conf": "# comment\nENABLED=no\n"}, ()),
        ({"etc/ufw/ufw.conf": "ENABLED=yes\n"}, ("ufw",)),
        ({"etc/ufw/ufw.conf": 'ENABLED="yes"\n'}, ("ufw",)),
        ({"etc/ufw/ufw.conf": "#ENABLED=yes\n"}, ()),
    ],
)
def test_rivals_are_those_that_are_switched_on(files: dict[str, str], rivals: tuple[str, ...], tmp_path: Path) -> None:
    assert host(tmp_path, "debian13", files).managers == rivals


def test_ipv6_is_there_when_the_kernel_says_so(tmp_path: Path) -> None:
    assert not host(tmp_path).ipv6
    assert host(tmp_path, "", {"proc/net/if_inet6": ""}).ipv6


# --- where sshd listens -------------------------------------------------------------------------------------

SOCKET = {"etc/systemd/system/sockets.target.wants/ssh.socket": "-> /dev/null"}
CONFIG = "etc/ssh/sshd_config"


@pytest.mark.parametrize(
    ("files", "ports"),
    [
        ({}, (22,)),
        ({CONFIG: ""}, (22,)),
        ({CONFIG: "#Port 2222\nPermitRootLogin no\n"}, (22,)),
        ({CONFIG: "Port 2222\n"}, (2222,)),
        ({CONFIG: "port=2222\n"}, (2222,)),
        ({CONFIG: '  PORT\t"2222"\n'}, (2222,)),
        ({CONFIG: "Port 2222 # why not\n"}, (2222,)),
        ({CONFIG: "Port 22\nPort 2222\nPort 22\n"}, (22, 2222)),
        ({CONFIG: "Port 0\nPort 65536\nPort 99999999999\nPort http\n"}, (22,)),
        ({CONFIG: "PortForwarding 2222\nGatewayPorts 2222\n"}, (22,)),
        ({CONFIG: "ListenAddress 0.0.0.0:2222\nListenAddress [::]:2223\nListenAddress 203.0.113.7\n"}, (2222, 2223)),
        ({CONFIG: "ListenAddress ::\nListenAddress 2001:db8::1\n"}, (22,)),
        ({CONFIG: "Include /etc/ssh/sshd_config.d/*.conf\n", CONFIG + ".d/10-port.conf": "Port 2222\n"}, (2222,)),
        ({CONFIG + ".d/10-port.conf": "Port 2222\n", CONFIG + ".d/readme": "Port 3333\n"}, (2222,)),
        # systemd listens in sshd's place: its unit counts, drop-ins included, and so does sshd's configuration, which a
        # generator of Ubuntu's makes a drop-in of.
        ({f"{UNITS}/ssh.socket": "[Socket]\nListenStream=2222\n", CONFIG: "Port 3333\n"}, (3333,)),  # not switched on
        ({**SOCKET, f"{UNITS}/ssh.socket": "[Socket]\nListenStream=2222\n", CONFIG: "Port 3333\n"}, (2222, 3333)),
        ({**SOCKET, f"{UNITS}/ssh.socket": "[Socket]\nListenStream=22\n",
          "run/systemd/generator/ssh.socket.d/addresses.conf": "ListenStream=\nListenStream=2222\n"}, (2222,)),
        ({**SOCKET, f"{UNITS}/ssh.socket": "[Socket]\nListenStream=22\n",
          "run/systemd/generator/ssh.socket.d/addresses.conf": "ListenStream=\nListenStream=2222\n",
          "etc/systemd/system/ssh.socket.d/override.conf": "ListenStream=\nListenStream=3333\n"}, (3333,)),
        ({**SOCKET, f"{UNITS}/ssh.socket": "ListenStream=0.0.0.0:22\nListenStream=[::]:22\n"}, (22,)),
        ({**SOCKET, f"{UNITS}/ssh.socket": "ListenStream=22\n",
          "etc/systemd/system/ssh.socket.d/port.conf": "[Socket]\nListenStream=\nListenStream=2222\n"}, (2222,)),
        ({**SOCKET, f"{UNITS}/ssh.socket": "ListenStream=22\n",
          "etc/systemd/system/ssh.socket.d/port.conf": "[Socket]\nListenStream=2222\n"}, (22, 2222)),
        ({**SOCKET, f"{UNITS}/ssh.socket": "ListenStream=/run/ssh\n"}, (22,)),
    ],
)  # fmt: skip
def test_ports_of_sshd(files: dict[str, str], ports: tuple[int, ...], tmp_path: Path) -> None:
    assert host(tmp_path, "debian13", files).ssh_ports == ports


def test_files_that_cannot_be_read_are_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / CONFIG).mkdir(parents=True)
    (tmp_path / "etc/os-release").mkdir()
    (tmp_path / "etc/ssh/sshd_config.d").write_bytes(b"\xff\xfe")
    assert facts.inspect(Root(str(tmp_path))) == Host(ipv6=False)


# As Linux 6.18 shows them: a default route, one of a network, and in IPv6 those that every host has on lo besides.
ROUTE = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
br-ex\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth1\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0
"""
NONE, NET = "0" * 32, "20010db8000100000000000000000000"
IPV6_ROUTE = f"""\
{NET} 40 {NONE} 00 {NONE} 00000100 00000001 00000000 00000001     eth2
{NONE} 00 {NONE} 00 {NET} 00000400 00000001 00000000 00000003   br-lan
{NONE} 00 {NONE} 00 {NONE} ffffffff 00000001 00000000 00200200       lo
"""


@pytest.mark.parametrize(
    ("v4", "v6", "uplinks"),
    [
        (ROUTE, IPV6_ROUTE, ("br-ex", "br-lan")),
        (ROUTE.replace("br-ex", "br-lan"), IPV6_ROUTE, ("br-lan",)),
        (ROUTE.partition("br-ex")[0], IPV6_ROUTE, ("br-lan",)),
        (ROUTE, "", ("br-ex",)),
        ("", "", ()),
        ("br-ex\n\n", "br-lan\n", ()),
    ],
)
def test_what_holds_a_default_route_is_an_uplink(tmp_path: Path, v4: str, v6: str, uplinks: tuple[str, ...]) -> None:
    (tmp_path / "proc/net").mkdir(parents=True)
    (tmp_path / "proc/net/route").write_text(v4)
    (tmp_path / "proc/net/ipv6_route").write_text(v6)
    assert facts.inspect(Root(str(tmp_path))).uplinks == uplinks


@pytest.mark.parametrize(
    ("files", "cloud"),
    [
        ({}, ""),
        ({"cloud-id": "aws-gov\n"}, "aws-gov"),
        ({"instance-data.json": '{"v1": {"cloud_name": "gce"}}'}, "gce"),  # up to cloud-init 21.4 that alone
        ({"cloud-id": "azure\n", "instance-data.json": '{"v1": {"cloud_name": "gce"}}'}, "azure"),
        ({"instance-data.json": "{"}, ""),
        ({"instance-data.json": "[1]"}, ""),
        ({"instance-data.json": '{"v1": 7}'}, ""),
        ({"instance-data.json": '{"v1": {"cloud_name": ["gce"]}}'}, ""),
    ],
)
def test_cloud_init_says_where_the_host_is(tmp_path: Path, files: dict[str, str], cloud: str) -> None:
    (tmp_path / "run/cloud-init").mkdir(parents=True)
    for name, text in files.items():
        (tmp_path / "run/cloud-init" / name).write_text(text)
    assert facts.inspect(Root(str(tmp_path))).cloud_id == cloud


def drop_ins(family: str, name: str) -> dict[str, str]:
    """Service -> what we tell systemd of it, where the distribution's own load the rules."""
    units = frozenset(place(family, name).units)
    host = Host(distribution=DISTRIBUTIONS[family], units=units, owners=units)
    files = unit_files(choice.choose(name, host)[0], {})
    return {path.split("/")[4]: text for path, text in files.items()}


@pytest.mark.parametrize(
    ("family", "name"), [(each.name, name) for each in DISTRIBUTIONS.values() for name in each.persistence]
)
def test_a_service_comes_before_the_stage_that_brings_the_network_up(family: str, name: str) -> None:
    told = drop_ins(family, name)
    assert list(told) == [f"{unit}.d" for unit in place(family, name).units]
    assert all("\n[Unit]\nBefore=cloud-init-local.service\n" in text for text in told.values())


STAGE = f"{UNITS}/cloud-init-local.service"
EARLY_STAGE = "[Unit]\nBefore=network-pre.target sysinit.target\n"


@pytest.mark.parametrize(
    ("stage", "service", "ordered"),
    [
        (EARLY_STAGE, "[Unit]\nDefaultDependencies=no\n", True),  # Debian's own
        (EARLY_STAGE, "[Unit]\n", False),  # EL's service on a system with Debian's order
        ("[Unit]\nBefore=network-pre.target\n", "[Unit]\n", True),  # EL's own
        ("", "[Unit]\n", True),
    ],
)
def test_a_service_is_not_ordered_in_a_circle(stage: str, service: str, ordered: bool, tmp_path: Path) -> None:
    found = host(tmp_path, "centos9", {STAGE: stage, f"{UNITS}/nftables.service": service})
    (chosen,) = choice.choose("nftables", found)
    (text,) = unit_files(chosen, {}, str(tmp_path)).values()
    assert ("Before=cloud-init-local.service" in text) == ordered
    assert "ExecStop=\n" in text


def test_a_drop_in_may_take_the_default_dependencies_away(tmp_path: Path) -> None:
    files = {STAGE: EARLY_STAGE, f"{UNITS}/nftables.service": "[Unit]\n"}
    found = host(tmp_path, "centos9", {**files, f"{UNITS}/nftables.service.d/early.conf": "DefaultDependencies=no\n"})
    (chosen,) = choice.choose("nftables", found)
    assert not ordering.circular(chosen.units, Root(str(tmp_path)))


@pytest.mark.parametrize(("family", "name"), [("redhat", "iptables"), ("redhat", "nftables"), ("debian", "nftables")])
def test_a_service_that_flushes_when_it_stops_is_kept_from_it(family: str, name: str) -> None:
    assert all("\n[Service]\nExecStop=\n" in text for text in drop_ins(family, name).values())


def test_a_service_that_does_not_flush_stops_as_it_did() -> None:
    assert "[Service]" not in drop_ins("debian", "iptables")["netfilter-persistent.service.d"]


def test_a_restart_of_els_services_loads_the_file() -> None:
    """Their script starts nothing while its own mark is there, which its stop removes."""
    for tool, told in zip(("iptables", "ip6tables"), drop_ins("redhat", "iptables").values()):
        assert told.endswith(f"\nExecStop=\nExecStop=-/usr/bin/rm -f /var/lock/subsys/{tool}\n")


# --- what would load the rules ------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", PLUGINS)
def test_a_loader_without_its_plugins_loads_nothing(lost: str, tmp_path: Path) -> None:
    """ipset-persistent brings netfilter-persistent along, and not iptables-persistent."""
    there = {**NFTABLES, **{path: text for path, text in PERSISTENT.items() if path != lost}}
    found = host(tmp_path, "debian13", there)
    assert [each.backend.name for each in choice.choose("auto", found)] == ["nftables", "iptables"]
    (chosen,) = choice.choose("iptables", found)
    assert chosen.units == (OWN_UNIT,)


@pytest.mark.parametrize("folder", ["etc/systemd/system", "run/systemd/system"])
def test_a_masked_service_starts_never(folder: str, tmp_path: Path) -> None:
    """Also where a link of before the mask is still there."""
    wanted = {"etc/systemd/system/sysinit.target.wants/nftables.service": f"-> /{UNITS}/nftables.service"}
    found = host(tmp_path, "debian13", {**NFTABLES, **wanted})
    assert systemd.enabled("nftables.service", Root(str(tmp_path)))
    assert choice.choose("nftables", found)[0].units == ("nftables.service",)
    found = host(tmp_path / "masked", "debian13", {**NFTABLES, **wanted, f"{folder}/nftables.service": "-> /dev/null"})
    assert not systemd.enabled("nftables.service", Root(str(tmp_path / "masked")))
    assert choice.choose("nftables", found)[0].units == (OWN_UNIT,)


# --- the links of an image ----------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(tmp_path: Path) -> tuple[Path, Path]:
    """An image, and a folder of the computer that builds it: what the image's links say, read from there, is wrong."""
    image, outside = tmp_path / "image", tmp_path / "outside"
    for folder in (image, outside):
        folder.mkdir()
    return image, outside


def linked(image: Path, outside: Path, path: str, there: str, here: str, own: str) -> None:
    """`path` in the image is an absolute link; what it names is `there` in the image and `here` on the builder."""
    target = outside / own
    for where, text in ((image / str(target).lstrip("/"), there), (target, here)):
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(text)
    (image / path).parent.mkdir(parents=True, exist_ok=True)
    (image / path).symlink_to(target)


def test_a_link_in_an_image_names_the_images_file(elsewhere: tuple[Path, Path]) -> None:
    """A tree of CentOS 9, whose os-release was an absolute link, was called Debian 12."""
    image, outside = elsewhere
    linked(image, outside, "etc/os-release", OS_RELEASE["centos9"], OS_RELEASE["debian13"], "os-release")
    linked(image, outside, CONFIG, "Port 2222\n", "Port 3333\n", "sshd_config")
    linked(image, outside, "etc/ufw/ufw.conf", "ENABLED=no\n", "ENABLED=yes\n", "ufw.conf")
    found = facts.inspect(Root(str(image)))
    assert (found.distribution.name, found.major, found.ssh_ports, found.managers) == ("redhat", 9, (2222,), ())


def test_a_linked_folder_in_an_image_is_the_images(elsewhere: tuple[Path, Path]) -> None:
    image, outside = elsewhere
    own = {"units": "lib/systemd/system", "wants": "etc/systemd/system/sysinit.target.wants", "ssh": CONFIG + ".d"}
    for name, path in own.items():
        (image / path).parent.mkdir(parents=True, exist_ok=True)
        (image / path).symlink_to(outside / name)
        (image / str(outside / name).lstrip("/")).mkdir(parents=True)
        (outside / name).mkdir()
    inside = image / str(outside).lstrip("/")
    (inside / "units/nftables.service").write_text("[Unit]\nDefaultDependencies=no\n")
    (inside / "units/cloud-init-local.service").write_text(EARLY_STAGE)
    (inside / "wants/nftables.service").symlink_to("/usr/lib/systemd/system/nftables.service")
    (inside / "ssh/port.conf").write_text("Port 2222\n")
    for name in ("units/iptables.service", "units/ip6tables.service", "wants/firewalld.service", "ssh/port.conf"):
        (outside / name).write_text("Port 3333\n")
    found = facts.inspect(Root(str(image)))
    assert found.units == {"nftables.service"}
    assert (found.ssh_ports, found.managers) == ((2222,), ())
    assert systemd.enabled("nftables.service", Root(str(image)))
    assert not systemd.enabled("iptables.service", Root(str(image)))
    assert not ordering.circular(["nftables.service"], Root(str(image)))


def test_a_mask_in_an_image_is_one_by_whatever_way(elsewhere: tuple[Path, Path]) -> None:
    """Relative, through another link, and in an image without devices; not what is null on the builder alone."""
    image, outside = elsewhere
    system = image / "etc/systemd/system"
    system.mkdir(parents=True)
    (system / "nftables.service").symlink_to("../../../dev/null")
    (image / "etc/none").symlink_to("/dev/null")
    (system / "iptables.service").symlink_to("/etc/none")
    (outside / "null").symlink_to("/dev/null")
    (system / "ip6tables.service").symlink_to(outside / "null")
    for unit, masked in (("nftables.service", True), ("iptables.service", True), ("ip6tables.service", False)):
        assert systemd.masked(unit, Root(str(image))) == masked, unit


def test_a_link_that_leads_out_of_an_image_ends_at_its_root(elsewhere: tuple[Path, Path]) -> None:
    image, outside = elsewhere
    linked(image, outside, "etc/os-release", OS_RELEASE["centos9"], OS_RELEASE["debian13"], "os-release")
    (image / "etc/os-release").unlink()
    (image / "etc/os-release").symlink_to("../" * 40 + str(outside / "os-release").lstrip("/"))
    assert facts.inspect(Root(str(image))).distribution.name == "redhat"


def test_links_of_an_image_in_a_circle_lead_nowhere(elsewhere: tuple[Path, Path]) -> None:
    """This computer would find its own file at the end of the same link."""
    image, _ = elsewhere
    (image / "etc").mkdir()
    (image / "etc/os-release").symlink_to("../" * 40 + "etc/os-release")
    assert facts.inspect(Root(str(image))).distribution.name == "other"
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        Root(str(image)) / "etc/os-release"


def test_a_tool_in_an_image_is_the_images(elsewhere: tuple[Path, Path]) -> None:
    """Debian's iptables is a link through /etc/alternatives: one that leads nowhere in the image is no tool."""
    image, outside = elsewhere
    (image / "usr/sbin").mkdir(parents=True)
    (image / "sbin").symlink_to("/usr/sbin")
    (outside / "nft").write_text("")
    (image / "usr/sbin/nft").symlink_to(outside / "nft")
    with pytest.raises(NoBackend, match="nft not installed"):
        target("nftables", Host()).tools(Root(str(image)))
    (image / str(outside).lstrip("/")).mkdir(parents=True)
    (image / str(outside / "nft").lstrip("/")).write_text("")
    assert target("nftables", Host()).tools(Root(str(image))) == {"nft": "/usr/sbin/nft"}


def test_there_is_one_way_below_a_root() -> None:
    """Whatever joins a root and a path by hand follows the links of the computer that runs this."""
    joined, ways = [], ("root", "str(root)", "root.folder", "self.folder")
    for source in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("os.path.join", "Path"):
                joined += [source.stem for given in node.args if ast.unparse(given) in ways]
            elif isinstance(node, ast.JoinedStr) and re.match(r"f.\{root(\.folder)?\}/", ast.unparse(node)):
                joined.append(source.stem)
    assert joined == ["root"] * 2, "twice in Root.follow(), which is that way"

"""Which backend a host gets, where its files go, and where its sshd listens: by the host's files alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

import cc_vps_firewall
from cc_vps_firewall.backends.registry import BACKENDS
from cc_vps_firewall.host import facts, ordering, systemd
from cc_vps_firewall.host.distributions import DISTRIBUTIONS, OWN_UNIT
from cc_vps_firewall.host.facts import Host
from cc_vps_firewall.plan import choice
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

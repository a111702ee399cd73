"""What is read of a host: the ports of its sshd, its uplinks, its cloud."""

from __future__ import annotations

from pathlib import Path

import pytest

from cc_vps_firewall.host import facts
from cc_vps_firewall.host.facts import Host
from cc_vps_firewall.root import Root

from .test_backend import UNITS, host

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

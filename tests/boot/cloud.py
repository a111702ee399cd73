"""user-data -> a cloud's network: a DHCP server and a metadata service, in the namespace of a guest's wire.

cloud-init's first stage brings an interface up there, by DHCP or with an address of the link, asks for what it is to
do, and takes the interface down again, all before the network. Each cloud here is as much of one as its data source
in cloud-init asks for (cloudinit/sources/DataSource*.py): what its board says, the pages, the headers that it wants.
"""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.boot import metadata
from tests.boot.dhcp import addresses, serving
from tests.boot.machine import NETWORK
from tests.boot.metadata import Page
from tests.boot.wire import GATEWAY, GUEST, GUEST_MAC, TAP, Wire

SERVICE = "169.254.169.254"
ON_LINK = {SERVICE: 16}  # length of its network: a guest may ask from an address of the link
AZURE_WIRE_SERVER = "168.63.129.16"
SERIAL = "4711"  # of the machine; most data sources take it for the instance's
UUID = "ec2e1916-9099-4caf-8d21-012345abcdef"  # one of EC2 begins so
INSTANCE = "i-0123456789abcdef0"
SERVER = Path(metadata.__file__)

Pages = Mapping[str, Page]


@dataclass(frozen=True)
class Cloud:
    """A cloud as a guest sees it. `board`: what qemu's -smbios is told. `pages`: of user-data, address -> its pages.
    `asked`: the request by which its user-data goes, with the code 200."""

    source: str  # as cloud-init's datasource_list names it
    board: tuple[str, ...]
    pages: Callable[[bytes], Mapping[str, Pages]]
    asked: str
    routed: bool = False  # its network configuration asks for DHCPv6 and for a router that advertises itself


def _hetzner(user_data: bytes) -> Mapping[str, Pages]:
    indented = "".join(f"  {line}\n" for line in NETWORK.splitlines())
    told = f'instance-id: "{SERIAL}"\nhostname: lab\npublic-keys: []\nnetwork-config:\n{indented}'
    root = "GET /hetzner/v1"
    return {
        SERVICE: {
            f"{root}/metadata": Page(told.encode()),
            f"{root}/metadata/instance-id": Page(SERIAL.encode()),
            f"{root}/userdata": Page(user_data),
        }
    }


def _ec2(user_data: bytes) -> Mapping[str, Pages]:
    """IMDSv2: nothing without a token, which a PUT gives."""
    token = "lab"  # noqa: S105
    root = "/2021-03-23"
    subnet = f"{GATEWAY['4'].rpartition('.')[0]}.0/24"
    card = {
        "device-number": "0",
        "ipv6s": GUEST["6"],
        "local-ipv4s": GUEST["4"],
        "mac": GUEST_MAC,
        "subnet-ipv4-cidr-block": subnet,
        "vpc-id": "vpc-1",
    }
    told = {
        "ami-id": "ami-1",
        "ami-launch-index": "0",
        "hostname": "lab",
        "instance-id": INSTANCE,
        "instance-type": "t3.micro",
        "local-hostname": "lab",
        "local-ipv4": GUEST["4"],
        "mac": GUEST_MAC,
        "network": {"interfaces": {"macs": {GUEST_MAC: card}}},
        "placement": {"availability-zone": "lab-1a", "region": "lab-1"},
    }
    identity = {"instance-identity": {"document": json.dumps({"instanceId": INSTANCE, "region": "lab-1"})}}
    pages = {
        **_tree(f"{root}/meta-data", told),
        **_tree(f"{root}/dynamic", identity),
        f"GET {root}/user-data": user_data,
    }
    known = {"X-aws-ec2-metadata-token": token}
    asking = {"X-aws-ec2-metadata-token-ttl-seconds": None}
    return {
        SERVICE: {
            "PUT /latest/api/token": Page(token.encode(), asking),
            **{asked: Page(body, known) for asked, body in pages.items()},
        }
    }


def _tree(root: str, told: Mapping[str, object]) -> dict[str, bytes]:
    """What EC2 answers for a folder is the names in it, with a slash where one is a folder."""
    names = "\n".join(f"{name}/" if isinstance(value, Mapping) else name for name, value in told.items())
    pages = {f"GET {root}": names.encode()}
    for name, value in told.items():
        if isinstance(value, Mapping):
            pages.update(_tree(f"{root}/{name}", value))
        else:
            pages[f"GET {root}/{name}"] = str(value).encode()
    return pages


def _openstack(user_data: bytes) -> Mapping[str, Pages]:
    link = {"id": "tap1", "type": "phy", "ethernet_mac_address": GUEST_MAC, "name": "eth0"}
    every4 = {"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": GATEWAY["4"]}
    every6 = {"network": "2000::", "netmask": "e000::", "gateway": GATEWAY["6"]}
    n4 = {"id": "n4", "type": "ipv4", "link": "tap1", "ip_address": GUEST["4"], "netmask": "255.255.255.0"}
    n6 = {"id": "n6", "type": "ipv6", "link": "tap1", "ip_address": GUEST["6"], "netmask": "ffff:ffff:ffff:ffff::"}
    networks = [{**n4, "routes": [every4]}, {**n6, "routes": [every6]}]
    network = {"links": [link], "networks": networks, "services": []}
    told = {"uuid": UUID, "hostname": "lab", "name": "lab", "availability_zone": "nova"}
    root = "GET /openstack/latest"
    return {
        SERVICE: {
            "GET /openstack": Page(b"latest\n"),
            f"{root}/meta_data.json": Page(json.dumps(told).encode()),
            f"{root}/network_data.json": Page(json.dumps(network).encode()),
            f"{root}/user_data": Page(user_data),
            # What EC2 has, in an older form.
            **{asked: Page(body) for asked, body in _tree("/latest/meta-data", {"instance-id": INSTANCE}).items()},
        }
    }


def _digitalocean(user_data: bytes) -> Mapping[str, Pages]:
    """One page. There is no DHCP: the first stage takes an address of the link for itself."""
    public = {
        "mac": GUEST_MAC,
        "type": "public",
        "ipv4": {"ip_address": GUEST["4"], "netmask": "255.255.255.0", "gateway": GATEWAY["4"]},
        "ipv6": {"ip_address": GUEST["6"], "cidr": 64, "gateway": GATEWAY["6"]},
    }
    told = {
        "droplet_id": int(SERIAL),
        "hostname": "lab",
        "user_data": user_data.decode(),
        "public_keys": [],
        "region": "lab1",
        "interfaces": {"public": [public]},
        "dns": {"nameservers": [GATEWAY["4"]]},
    }
    return {SERVICE: {"GET /metadata/v1.json": Page(json.dumps(told).encode())}}


def _gce(user_data: bytes) -> Mapping[str, Pages]:
    """Nothing without its header. It says nothing of the network: DHCP does."""
    header = {"Metadata-Flavor": "Google"}
    root = "GET /computeMetadata/v1"
    told = {
        f"{root}/instance/id": SERIAL,
        f"{root}/instance/zone": "projects/1/zones/lab-a",
        f"{root}/instance/hostname": "lab.internal",
        f"{root}/instance/attributes": json.dumps({"user-data": user_data.decode()}),
        f"{root}/project/attributes": "{}",
    }
    return {SERVICE: {asked: Page(body.encode(), header) for asked, body in told.items()}}


def _azure(user_data: bytes) -> Mapping[str, Pages]:
    """The metadata service, and as much of the wire server as a machine needs to say that it is ready. There is no disc
    with an ovf-env.xml."""
    network = {
        "interface": [
            {
                "macAddress": GUEST_MAC.replace(":", "").upper(),
                "ipv4": {
                    "ipAddress": [{"privateIpAddress": GUEST["4"], "publicIpAddress": ""}],
                    "subnet": [{"address": f"{GATEWAY['4'].rpartition('.')[0]}.0", "prefix": "24"}],
                },
                "ipv6": {"ipAddress": [{"privateIpAddress": GUEST["6"]}]},
            }
        ]
    }
    compute = {
        "location": "lab",
        "name": "lab",
        "osProfile": {"adminUsername": "lab", "computerName": "lab", "disablePasswordAuthentication": "true"},
        "publicKeys": [],
        "userData": base64.b64encode(user_data).decode(),
        "vmId": UUID,
    }
    told = {"compute": compute, "network": network, "extended": {"compute": {"ppsType": "None"}}}
    role = "<RoleInstance><InstanceId>lab</InstanceId></RoleInstance>"
    goal = (
        "<GoalState><Version>2012-11-30</Version><Incarnation>1</Incarnation><Container><ContainerId>c</ContainerId>"
        f"<RoleInstanceList>{role}</RoleInstanceList></Container></GoalState>"
    )
    agent = {"x-ms-version": None}
    return {
        SERVICE: {"GET /metadata/instance": Page(json.dumps(told).encode(), {"Metadata": "true"})},
        AZURE_WIRE_SERVER: {
            "GET /machine": Page(goal.encode(), agent),
            "POST /machine": Page(b"", agent),
        },
    }


CLOUDS = {
    "hetzner": Cloud("Hetzner", (f"type=1,manufacturer=Hetzner,serial={SERIAL}",), _hetzner, "/hetzner/v1/userdata"),
    "ec2": Cloud(
        "Ec2",
        (f"type=1,manufacturer=Amazon EC2,product=t3.micro,uuid={UUID},serial={UUID}",),
        _ec2,
        "/2021-03-23/user-data",
        routed=True,
    ),
    "openstack": Cloud(
        "OpenStack", (f"type=1,product=OpenStack Nova,uuid={UUID}",), _openstack, "/openstack/latest/user_data"
    ),
    "digitalocean": Cloud(
        "DigitalOcean", (f"type=1,manufacturer=DigitalOcean,serial={SERIAL}",), _digitalocean, "/metadata/v1.json"
    ),
    "gce": Cloud(
        "GCE",
        (f"type=1,product=Google Compute Engine,serial=GoogleCloud-{SERIAL}",),
        _gce,
        "/computeMetadata/v1/instance/attributes/?recursive=True",
        routed=True,
    ),
    "azure": Cloud(
        "Azure",
        (f"type=1,manufacturer=Microsoft Corporation,uuid={UUID}", "type=3,asset=7783-7084-3265-9085-8269-3286-77"),
        _azure,
        "/metadata/instance",
        routed=True,
    ),
}


@contextlib.contextmanager
def metadata_service(network: Wire, folder: Path, cloud: Cloud, user_data: bytes) -> Iterator[Path]:
    """Serve one guest's user-data until the block ends. -> the file with what was asked for. Raises BootFailed."""
    log = folder / "cloud.log"
    with contextlib.ExitStack() as stack:
        stack.enter_context(addresses(network, folder, ipv6=cloud.routed))
        for turn, (address, pages) in enumerate(cloud.pages(user_data).items()):
            file = folder / f"pages-{turn}.json"
            metadata.write(pages, file)
            subprocess.run(
                network.inside(["ip", "addr", "replace", f"{address}/{ON_LINK.get(address, 32)}", "dev", TAP]),
                check=True,
            )
            command = [sys.executable, str(SERVER), address, str(file)]
            said = log if not turn else folder / f"cloud-{turn}.log"
            stack.enter_context(serving(network, command, said, (f"{address}:{metadata.PORT} ",)))
        yield log
    for address in cloud.pages(b""):
        subprocess.run(
            network.inside(["ip", "addr", "del", f"{address}/{ON_LINK.get(address, 32)}", "dev", TAP]), check=True
        )


def asked(log: Path) -> list[tuple[str, int]]:
    """What was asked for, `METHOD PATH`, and the code of each answer, in order."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [(line["asked"], line["code"]) for line in lines]

"""the stand-ins for clouds, asked as a guest asks them: nothing without what the real one wants."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.boot import cloud
from tests.boot.cloud import CLOUDS, SERVICE
from tests.boot.dhcp import serving
from tests.boot.machine import BootFailed
from tests.boot.wire import Wire, wire

USER_DATA = b"#cloud-config\n{}\n"
ASK = """
import json, sys, urllib.error, urllib.request
method, url, headers = json.loads(sys.argv[1])
try:
    with urllib.request.urlopen(urllib.request.Request(url, method=method, headers=headers), timeout=10) as answer:
        print(json.dumps([answer.status, answer.read().decode()]))
except urllib.error.HTTPError as error:
    print(json.dumps([error.code, ""]))
"""


@pytest.fixture(scope="module")
def network() -> Iterator[Wire]:
    with wire() as made:
        yield made


def ask(network: Wire, asked: str, headers: Mapping[str, str], address: str = SERVICE) -> tuple[int, str]:
    """`METHOD PATH` -> the code and the body."""
    method, _, path = asked.partition(" ")
    request = json.dumps([method, f"http://{address}{path}", dict(headers)])
    command = network.inside([sys.executable, "-c", ASK, request])
    code, body = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    return code, body


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("hetzner", {}),
        ("ec2", {"X-aws-ec2-metadata-token": "lab"}),
        ("openstack", {}),
        ("digitalocean", {}),
        ("gce", {"Metadata-Flavor": "Google"}),
        ("azure", {"Metadata": "true"}),
    ],
)
def test_user_data_goes_to_who_asks_as_the_cloud_wants(
    name: str, headers: Mapping[str, str], network: Wire, tmp_path: Path
) -> None:
    where = CLOUDS[name]
    with cloud.metadata_service(network, tmp_path, where, USER_DATA) as log:
        code, body = ask(network, f"GET {where.asked}", headers)
        assert code == 200
        assert "cloud-config" in body or "I2Nsb3VkLWNvbmZpZw" in body  # Azure's is base64
        if headers:
            assert ask(network, f"GET {where.asked}", {})[0] == 401
        assert ask(network, "GET /somewhere/else", headers)[0] == 404
    said = cloud.asked(log)
    assert said[0] == (f"GET {where.asked}", 200)
    assert said[-1] == ("GET /somewhere/else", 404)


def test_ec2_gives_a_token_to_who_says_for_how_long(network: Wire, tmp_path: Path) -> None:
    with cloud.metadata_service(network, tmp_path, CLOUDS["ec2"], USER_DATA):
        assert ask(network, "PUT /latest/api/token", {})[0] == 401
        asking = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
        code, token = ask(network, "PUT /latest/api/token", asking)
        assert code == 200
        known = {"X-aws-ec2-metadata-token": token}
        names = ask(network, "GET /2021-03-23/meta-data/", known)[1].split()
        assert "instance-id" in names
        assert "network/" in names


def test_azures_wire_server_has_an_address_of_its_own(network: Wire, tmp_path: Path) -> None:
    with cloud.metadata_service(network, tmp_path, CLOUDS["azure"], USER_DATA):
        agent = {"x-ms-version": "2012-11-30"}
        code, goal = ask(network, "GET /machine/?comp=goalstate", agent, cloud.AZURE_WIRE_SERVER)
        assert code == 200
        assert "<ContainerId>" in goal
        assert ask(network, "POST /machine?comp=health", agent, cloud.AZURE_WIRE_SERVER)[0] == 200


def test_a_server_that_does_not_start_is_told(network: Wire, tmp_path: Path) -> None:
    with (
        pytest.raises(BootFailed, match="no such thing"),
        serving(
            network, [sys.executable, "-c", "raise SystemExit('no such thing')"], tmp_path / "log", ("192.0.2.1:80 ",)
        ),
    ):
        pass

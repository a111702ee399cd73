"""the templates + what a user may set -> what packer says of it. Nothing is asked of any network."""

from __future__ import annotations

import http.server
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.suites import REPOSITORY

PACKER = REPOSITORY / "packer"
RELEASES = sorted(path.name.partition(".")[0] for path in (PACKER / "releases").glob("*.pkrvars.hcl"))
CLOUDS = ("amazon-ebs", "googlecompute", "azure-arm", "digitalocean", "hcloud", "openstack")
# No vendor's image is called by these names: for such a release there is no such builder.
NO_IMAGE = {("azure-arm", "centos-stream-9"), ("azure-arm", "centos-stream-10")}
NO_ARM = {"digitalocean"}  # no machines of that architecture
SOME_ID = "00000000-0000-0000-0000-000000000000"
DUMMIES = {
    "google_project": "dummy-project",
    "azure_subscription_id": SOME_ID,
    "azure_tenant_id": SOME_ID,
    "azure_client_id": "dummy-client",
    "azure_client_secret": "dummy-secret",
    "digitalocean_token": "dummy-token",
    "hcloud_token": "dummy-token",
}
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "dummy-access",
    "AWS_SECRET_ACCESS_KEY": "dummy-secret",
    "OS_USERNAME": "dummy-user",
    "OS_PASSWORD": "dummy-secret",
    "OS_PROJECT_NAME": "dummy-project",
    "OS_USER_DOMAIN_NAME": "dummy-domain",
    "OS_PROJECT_DOMAIN_NAME": "dummy-domain",
}


class Keystone(http.server.BaseHTTPRequestHandler):
    """As much of an OpenStack as packer asks before it validates: a token, and where the services are."""

    def do_POST(self) -> None:
        place = f"http://{self.headers['Host']}"
        catalog = [
            {"type": kind, "name": kind, "id": kind, "endpoints": [
                {"id": kind, "interface": "public", "region": "dummy", "region_id": "dummy", "url": f"{place}/{kind}/"}
            ]}
            for kind in ("compute", "image", "network", "volumev3")
        ]  # fmt: skip
        body = json.dumps({"token": {"catalog": catalog, "expires_at": "2099-01-01T00:00:00.000000Z"}}).encode()
        self.send_response(201)
        self.send_header("X-Subject-Token", "dummy-token")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture(scope="module", autouse=True)
def keystone() -> Iterator[None]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keystone) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        CREDENTIALS["OS_AUTH_URL"] = f"http://127.0.0.1:{server.server_port}/v3"
        yield
        server.shutdown()


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    folder = tmp_path / "seed"
    folder.mkdir()
    for name in ("user-data", "meta-data"):
        (folder / name).write_text("")
    return folder


def validate(release: str, builder: str, seed: Path, *more: str, architecture: str = "") -> tuple[int, str]:
    """packer validate -> its exit code, and what it said in one line: it wraps where it likes. `architecture`: another
    than the release's file has."""
    variables = {**DUMMIES, "base_image_checksum": f"sha256:{'0' * 64}", "seed": str(seed)}
    command = ["packer", "validate", f"-only={builder}.image", f"-var-file={PACKER}/releases/{release}.pkrvars.hcl"]
    command += [f"-var-file={PACKER}/releases/{architecture}/{release}.pkrvars.hcl"] if architecture else []
    command += [word for name, value in variables.items() for word in ("-var", f"{name}={value}")]
    return packer([*command, *(word for pair in more for word in ("-var", pair)), str(PACKER)])


def packer(command: Sequence[str]) -> tuple[int, str]:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "CHECKPOINT_DISABLE": "1", **CREDENTIALS}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize("release", RELEASES)
def test_qemu_validates(release: str, seed: Path) -> None:
    assert validate(release, "qemu", seed) == (0, "")


@pytest.mark.parametrize("builder", CLOUDS)
@pytest.mark.parametrize("release", RELEASES)
def test_clouds_validate(release: str, builder: str, seed: Path) -> None:
    code, said = validate(release, builder, seed)
    if (builder, release) in NO_IMAGE:
        assert code == 1
        assert "image_publisher" in said or "must be specified" in said
    else:
        assert (code, said) == (0, "")


@pytest.mark.parametrize("builder", ["qemu", *CLOUDS])
@pytest.mark.parametrize("release", RELEASES)
def test_aarch64_validates(release: str, builder: str, seed: Path) -> None:
    code, said = validate(release, builder, seed, architecture="aarch64")
    if (builder, release) in NO_IMAGE or builder in NO_ARM:
        assert code == 1
        assert "image" in said
    else:
        assert (code, said) == (0, "")


def test_aarch64_differs_from_the_release_in_what_it_says() -> None:
    """Every release has both, of the same day, and nothing of one is left in the other."""
    files = sorted((PACKER / "releases/aarch64").glob("*.pkrvars.hcl"))
    assert [path.name.partition(".")[0] for path in files] == RELEASES
    for path in files:
        first, second = (value(file) for file in (PACKER / "releases" / path.name, path))
        assert second["architecture"] == "aarch64"
        assert not re.search("x86|amd64", path.read_text())
        for name in ("base_image", "base_image_checksum", "openstack"):
            plain = first[name].replace("x86_64", "aarch64").replace("amd64", "arm64")
            assert second[name] == plain
        assert second["base_image"] != first["base_image"]


def value(file: Path) -> dict[str, str]:
    """The variables of a file that are text, and the names in its map."""
    return dict(re.findall(r'(?m)^\s*(\w+)\s*=\s*"(.*)"$', file.read_text()))


@pytest.mark.parametrize(
    "pair, message",
    [
        ("release=centos-8", "The release is one of centos-stream-9"),
        ("backend=ufw", "The backend is nftables or iptables"),
        ("name=a/b", "The name is a single word"),
        ("base_image_checksum=none", "The checksum of the base image is sha256:DIGITS"),
        ("base_image=https://example.com/centos-latest.qcow2", "The base image is pinned"),
        ("package_file=dist/vps-firewall.tar.gz", "The package file is an .rpm or a .deb"),
        ("package_name=-y", "The package name is that of a package"),
        ("architecture=arm64", "The architecture is x86_64 or aarch64"),
        ("disk_size=10", "The disk size is a number and M or G"),
        ("accelerator=hardware", "The accelerator is kvm, tcg"),
        ("aws_region=eu-central", "An AWS region has two dashes"),
        ("google_zone=europe-west1", "A Google Cloud zone has two dashes"),
        ("azure_location=West Europe", "An Azure location is one word"),
    ],
)
def test_refused_with_a_reason(pair: str, message: str, seed: Path) -> None:
    code, said = validate("almalinux-9", "qemu", seed, pair)
    assert code == 1
    assert message in said


def test_a_release_has_to_be_chosen(seed: Path) -> None:
    code, said = packer(["packer", "validate", "-only=qemu.image", str(PACKER)])
    assert code == 1
    assert "release" in said


def test_without_a_seed_nothing_is_built() -> None:
    code, said = validate("almalinux-9", "qemu", Path("/nonexistent"))
    assert code == 1
    assert "/nonexistent/user-data" in said


def test_an_unchecked_default_policy_stops_plain_packer(seed: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("#cloud-config\nvps_firewall: {allow: [htpp]}\n")
    code, said = validate("almalinux-9", "qemu", seed, f"default_policy={policy}")
    assert code == 1
    assert "the default policy was not checked" in said
    code, said = validate("almalinux-9", "qemu", seed, f"default_policy={policy}", "sealed=false")
    assert code == 1


def test_every_builder_has_its_plugin() -> None:
    """Newer packers fetch them; 1.6 must not read the file, which reads every one in the folder it builds from."""
    used = set(re.findall(r'(?m)^source "([a-z-]+)"', (PACKER / "sources.pkr.hcl").read_text()))
    assert used == {"qemu", *CLOUDS}
    asked = set(
        re.findall(r'source\s+= "github.com/[a-z]+/([a-z]+)"', (PACKER / "plugins/plugins.pkr.hcl").read_text())
    )
    assert asked == {builder.partition("-")[0] for builder in used}
    assert not [path for path in PACKER.glob("*.pkr.hcl") if "required_plugins" in path.read_text()]


def test_every_field_was_looked_up() -> None:
    """packer/plugins/fields.json holds what was found both in packer 1.6.6, which validates here, and in the plugin of
    that version, which never ran here. A field that is new in the templates has to be looked up first."""
    known = json.loads((PACKER / "plugins/fields.json").read_text())
    text = (PACKER / "sources.pkr.hcl").read_text()
    for builder, body in re.findall(r'(?ms)^source "([a-z-]+)" "image" \{\n(.*?)^\}', text):
        used = set(re.findall(r"(?m)^  (\w+)\s*(?:=|\{)", body))
        assert used == set(known.pop(builder)["fields"]), builder
    assert known == {}


def test_format() -> None:
    for folder in (PACKER, PACKER / "plugins", PACKER / "releases", PACKER / "releases/aarch64"):
        assert packer(["packer", "fmt", "-check", str(folder)]) == (0, "")


@pytest.mark.parametrize("release", RELEASES)
def test_releases_say_what_they_are(release: str) -> None:
    values = value(PACKER / f"releases/{release}.pkrvars.hcl")
    assert values["release"] == release
    old = release.endswith("-9")
    assert values["backend"] == ("iptables" if old else "nftables")
    assert re.search(r"20\d{6}", values["base_image"]), "a name with a date can be pinned"
    assert values["base_image_checksum"].startswith("file:https://")
    folder = values["base_image"].rpartition("/")[0]
    assert values["base_image_checksum"].startswith(f"file:{folder}/"), "the vendor's own list, beside the image"

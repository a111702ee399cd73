"""Links of an image lead into the image."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from cc_vps_firewall.errors import NoBackend
from cc_vps_firewall.host import facts, ordering, systemd
from cc_vps_firewall.host.facts import Host
from cc_vps_firewall.plan.targets import target
from cc_vps_firewall.root import Root

from .test_backend import EARLY_STAGE, OS_RELEASE, PACKAGE
from .test_facts import CONFIG

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

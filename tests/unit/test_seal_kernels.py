"""An image is sealed with what its own kernels can load."""

from __future__ import annotations

from pathlib import Path

import pytest

from cc_vps_firewall.errors import NoBackend
from cc_vps_firewall.host import state
from cc_vps_firewall.image import register, seal
from cc_vps_firewall.root import Root

from .systems import RULES, el, everything, kernel_in, put, sealed, tree, wanted

# --- what the image's own kernel can load -------------------------------------------------------------------

EXTENSIONS = r"xt_\w+|nft_compat|ip6?_tables|ip6?t_\w+|ip6?table_\w+"


def two_tools(root: Path) -> None:
    """EL with both: iptables' services are what it would take."""
    el(root)
    put(root, "usr/sbin/nft", "", 0o755)
    put(root, "usr/lib/systemd/system/nftables.service", "[Unit]\n")


@pytest.mark.usefixtures("systemctl")
def test_an_image_is_sealed_with_what_its_kernel_can_load(image: Path) -> None:
    """EL 10's kernel without kernel-modules-extra: sealed with iptables it was open, and nobody was told."""
    two_tools(image)
    kernel_in(image, "6.12.0-100.el10.x86_64", without=EXTENSIONS)
    before = everything(image)
    assert sealed(image) == 0
    assert wanted(image) == ["nftables.service"]
    assert (image / RULES).is_file()
    register.uninstall(Root(str(image)))
    assert everything(image) == before


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize("without", ["", EXTENSIONS])
def test_another_kernel_of_the_image_counts_too(image: Path, without: str) -> None:
    two_tools(image)
    kernel_in(image, "6.12.0-100.el10.x86_64")
    kernel_in(image, "6.12.0-99.el10.x86_64", without=without)
    assert sealed(image) == 0
    assert wanted(image) == (["nftables.service"] if without else ["ip6tables.service", "iptables.service"])


@pytest.mark.usefixtures("systemctl")
def test_a_backend_that_was_named_and_that_the_kernel_cannot_load_is_refused(
    image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two_tools(image)
    kernel_in(image, "6.12.0-100.el10.x86_64", without=EXTENSIONS)
    put(image, "default.yaml", "#cloud-config\nvps_firewall: {backend: iptables}\n")
    before = everything(image)
    assert sealed(image, "--default", str(image / "default.yaml")) == NoBackend.exit_code
    said = capsys.readouterr().err
    assert said.startswith(
        f"vps-firewall: cannot seal {image}: iptables: kernel 6.12.0-100.el10.x86_64 lacks nft_compat, "
    )
    assert "xt_conntrack" in said
    assert everything(image) == before


@pytest.mark.usefixtures("systemctl")
def test_an_image_whose_kernel_can_load_neither_is_not_sealed(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two_tools(image)
    kernel_in(image, "6.12.0-9", without=EXTENSIONS + "|nft_ct")
    kernel_in(image, "6.12.0-10")
    before = everything(image)
    assert sealed(image) == NoBackend.exit_code
    said = capsys.readouterr().err
    assert "iptables: kernel 6.12.0-9 lacks " in said
    assert said.endswith("; nftables: kernel 6.12.0-9 lacks nft_ct\n")
    assert everything(image) == before


@pytest.mark.usefixtures("systemctl")
def test_the_default_policy_has_to_load_there_too(image: Path) -> None:
    """The seal limits nothing; SSH from anywhere is limited, by xt_hashlimit."""
    two_tools(image)
    kernel_in(image, "6.12.0-9", without="xt_hashlimit")
    put(image, "office.yaml", "#cloud-config\nvps_firewall: {ssh: {from: [203.0.113.7]}}\n")
    assert sealed(image, "--default", str(image / "office.yaml")) == 0
    assert wanted(image) == ["ip6tables.service", "iptables.service"]
    register.uninstall(Root(str(image)))
    assert sealed(image) == 0
    assert wanted(image) == ["nftables.service"]


@pytest.mark.usefixtures("systemctl")
def test_a_kernel_that_says_nothing_is_told_and_no_reason_to_refuse(
    image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A container's image, or one that gets its kernel later."""
    said = "nobody knows whether its kernel can load the seal: there is no kernel in /lib/modules"
    for _ in range(2):
        assert sealed(image) == 0
        assert said in capsys.readouterr().out.splitlines()
    put(image, "lib/modules/6.12.0-9/modules.dep", "garbage\n")
    assert sealed(image) == 0
    assert "seal: /lib/modules/6.12.0-9/modules.dep names none of its modules" in capsys.readouterr().out
    kernel_in(image, "6.12.0-9")
    assert sealed(image) == 0
    assert "nobody knows" not in capsys.readouterr().out


@pytest.mark.usefixtures("systemctl")
def test_cleaning_asks_the_kernels_again(image: Path) -> None:
    """One that came since cannot load the backend of the policy in force: the mark of the instance stays too."""
    two_tools(image)
    sealed(image)
    put(image, state.POLICY.lstrip("/"), '{"backend": "iptables"}')
    put(image, state.DONE.lstrip("/"), "i-1")
    kernel_in(image, "6.12.0-100.el10.x86_64", without=EXTENSIONS)
    before = tree(image)
    with pytest.raises(NoBackend, match=r"iptables: kernel 6\.12\.0-100\.el10\.x86_64 lacks "):
        seal.forget(Root(str(image)))
    assert tree(image) == before

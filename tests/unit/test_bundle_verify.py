"""bundle --verify says what made a bundle and what is in it, and sees whatever was changed. Nothing of it runs."""

from __future__ import annotations

import base64
import lzma
import re
from pathlib import Path

import pytest

from cc_vps_firewall.bundle import bundle, verify
from cc_vps_firewall.cli import command as cli
from cc_vps_firewall.errors import FirewallError
from cc_vps_firewall.version import VERSION

STANZA = b"#cloud-config\nvps_firewall: {ssh: {from: [203.0.113.7]}, allow: [http]}\nhostname: web\n"
MIME = bundle.make(STANZA)[0]
PACKED = re.compile(rb'(?<=PACKED = """\n)[A-Za-z0-9+/=\n]+')


@pytest.mark.parametrize("provider", bundle.PROVIDERS)
def test_a_bundle_for_each_provider_is_equal(provider: str) -> None:
    chosen = bundle.PROVIDERS[provider]
    verdict = verify.verify(bundle.make(STANZA, chosen.form, provider=chosen)[0])
    assert verdict.same
    assert verdict.lines[0] == f"made by: vps-firewall {VERSION}, as it says"
    assert 'policy: {"ssh": {"from": ["203.0.113.7"]}, "allow": ["http"]}' in verdict.lines
    assert any(line.startswith("beside it: text/plain, ") for line in verdict.lines)
    assert verdict.lines[-1].startswith("equal: ")


@pytest.mark.parametrize("backend", ["nftables", "iptables", "auto"])
@pytest.mark.parametrize("form", bundle.FORMS)
def test_in_every_form_and_with_every_engine(backend: str, form: str) -> None:
    verdict = verify.verify(bundle.make(STANZA, form, chosen=backend)[0])
    assert verdict.same
    assert any(line.startswith(f"engine: {backend}, sha256 ") for line in verdict.lines)


def repacked(old: bytes, new: bytes) -> bytes:
    """The bundle with another text in what is packed."""
    data = lzma.decompress(base64.b64decode(PACKED.findall(MIME)[0]))
    assert old in data
    packed = lzma.compress(data.replace(old, new), lzma.FORMAT_ALONE)
    return PACKED.sub(base64.b64encode(packed) + b"\n", MIME)


SPOILT = {
    "the stanza": MIME.replace(b'"http"', b'"smtp"'),
    "who may log in": MIME.replace(b"203.0.113.7", b"203.0.113.8"),
    "what unpacks it": MIME.replace(b"import glob", b"import glob, telnetlib"),
    "a line more": MIME.replace(b"def list_types", b"x = 1\ndef list_types"),
    "what is packed": repacked(b"203.0.113.7", b"203.0.113.9"),
    "nothing is packed": PACKED.sub(b"\n", MIME),
    "what is packed is none": PACKED.sub(b"AAAA\n", MIME),
}


@pytest.mark.parametrize("data", SPOILT.values(), ids=SPOILT)
def test_whatever_was_changed_is_seen(data: bytes) -> None:
    assert data != MIME
    verdict = verify.verify(data)
    assert not verdict.same
    assert verdict.lines[-1].startswith("NOT EQUAL: ")


def test_another_engine_has_no_name() -> None:
    verdict = verify.verify(repacked(b"import", b"Import"))
    assert any(line.startswith("engine: none of this release, sha256 ") for line in verdict.lines)
    assert "what unpacks it: not this release's" in verify.verify(SPOILT["what unpacks it"]).lines


def test_one_of_another_release_is_not_compared() -> None:
    verdict = verify.verify(MIME.replace(f"vps-firewall {VERSION}:".encode(), b"vps-firewall 9.9.9:"))
    assert not verdict.same
    assert verdict.lines[0] == "made by: vps-firewall 9.9.9, as it says"
    assert verdict.lines[-1].startswith("not compared: ")


def test_what_unpacks_to_a_gigabyte_is_not_unpacked() -> None:
    bomb = lzma.compress(b"\0" * (16 * verify.LARGEST), lzma.FORMAT_ALONE)
    verdict = verify.verify(PACKED.sub(base64.b64encode(bomb) + b"\n", MIME))
    assert not verdict.same
    assert len(verify._unpacked(PACKED.sub(base64.b64encode(bomb) + b"\n", MIME))) <= verify.LARGEST


def test_what_is_no_bundle_is_refused() -> None:
    with pytest.raises(FirewallError, match="no bundle of vps-firewall"):
        verify.verify(STANZA)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "good").write_bytes(MIME)
    (tmp_path / "spoilt").write_bytes(SPOILT["the stanza"])
    assert cli.main(["bundle", "--verify", str(tmp_path / "good")]) == 0
    assert capsys.readouterr().out.endswith("makes these bytes of this policy\n")
    assert cli.main(["bundle", "--verify", str(tmp_path / "spoilt")]) == 6
    assert cli.main(["bundle", "--verify", __file__]) in (1, 2)


def test_a_bundle_says_how_it_is_checked() -> None:
    assert b"# Check it without running it: that release's `vps-firewall bundle --verify FILE`.\n" in MIME

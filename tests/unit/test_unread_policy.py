"""What is left of a policy that was not read: SSH, where it can be told, and never by a guess."""

from __future__ import annotations

import gzip

import pytest

from cc_vps_firewall.policy import userdata

from .test_userdata import parts

# --- what is left of a policy that was not read ---

SSH = "ssh: {from: [192.0.2.1]}"
TOLD: dict[bytes, object] = {
    f"#cloud-config\nvps_firewall:\n  {SSH}\n  allow: [http]\n  allow: [https]\n".encode(): {"allow": None},
    f"#cloud-config\nvps_firewall:\n  {SSH}\n  deny: [{{a: 1, a: 2}}]\n".encode(): {"deny": None},
    f"#cloud-config\nvps_firewall:\n  {SSH}\n  lists: {{a: b, a: c, d: e}}\n".encode(): {
        "lists": {"a": None, "d": "e"}
    },
    f"#cloud-config\nvps_firewall:\n  {SSH}\n  lists: {{a: b}}\n  lists: {{a: c, a: d}}\n".encode(): {"lists": None},
    f"#cloud-config\nvps-firewall:\n  {SSH}\n".encode(): {},
    f"vps_firewall:\n  {SSH}\n".encode(): {},
    f"#cloud-config-archive\n- |\n  #cloud-config\n  vps_firewal:\n    {SSH}\n".encode(): {},
    gzip.compress(f"vps_firewall:\n  {SSH}\n".encode(), mtime=0): {},
    parts(("x-shellscript", "vps_firewall: [\n"), ("cloud-config", f"vps_firewal:\n  {SSH}\n")): {},
    parts(("plain", "no vps_firewall: here"), ("plain", f"vps_firewall:\n  {SSH}\n")): {},
}
UNTOLD: dict[bytes, object] = {
    f"#cloud-config\nvps_firewall:\n  {SSH}\n  {SSH}\n".encode(): {"ssh": None},
    b"#cloud-config\nvps_firewall: {ssh: {from: a, from: b}}\n": {"ssh": None},
    b"#cloud-config\nvps_firewall: {ssh: {from: [{a: 1, a: 2}]}}\n": {"ssh": None},
    f"#cloud-config\nvps_firewall: {{{SSH}}}\nvps_firewall: {{{SSH}}}\n".encode(): None,
    f"#cloud-config\nvps_firewall: {{{SSH}}}\nvps-firewall: {{{SSH}}}\nvps_firewall: {{{SSH}}}\n".encode(): None,
    f"#cloud-config\nvps_firewall: {{<<: {{{SSH}, {SSH}}}}}\n".encode(): {"ssh": None},
    f"#cloud-config\nvps_firewall: {{{SSH}}}\nx: [\n".encode(): None,
    f"#cloud-config\n# caf\xe9\nvps_firewall: {{{SSH}}}\n".encode("latin-1"): None,
    f"#cloud-config-archive\n- vps_firewall: {{{SSH}}}\n- [\n".encode(): None,
    b"#cloud-config\nvps-firewall: ssh\n": None,
    f"- vps_firewall: {{{SSH}}}\n- 3\nvps_firewall:\n".encode(): None,
    parts(("cloud-config", f"vps_firewal:\n  {SSH}\n"), ("cloud-config", "vps_firewall: [\n")): None,
}


@pytest.mark.parametrize("data", TOLD)
def test_ssh_is_told_of_a_policy_that_was_not_read(data: bytes) -> None:
    unread = userdata.unread(data, {}, taken=False)
    assert unread is not None
    assert unread.problems
    assert unread.section == {"ssh": {"from": ["192.0.2.1"]}, **dict(TOLD[data])}  # type: ignore[call-overload]


@pytest.mark.parametrize("data", UNTOLD)
def test_ssh_that_nobody_can_tell_is_not_guessed(data: bytes) -> None:
    unread = userdata.unread(data, {"ssh": False}, taken=False)
    assert unread is not None
    assert unread.section == UNTOLD[data]


def test_what_the_user_data_says_goes_before_what_other_layers_say() -> None:
    merged = {"ssh": {"from": ["192.0.2.9"]}, "ping": False}
    for data, ssh in (
        (b"#cloud-config\nvps_firewall: {allow: [http], allow: [https]}\n", merged["ssh"]),
        (f"#cloud-config\nvps_firewall: {{{SSH}, allow: [smtp]}}\n".encode(), {"from": ["192.0.2.1"]}),
    ):
        unread = userdata.unread(data, merged, taken=True)
        assert unread is not None
        assert isinstance(unread.section, dict)
        assert (unread.section["ssh"], unread.section["ping"]) == (ssh, False)
    assert userdata.unread(b"#cloud-config\nvps_firewall: {}\n", merged, taken=True) is None


@pytest.mark.parametrize("text", ["", "{", "- a\n", "vps_firewall: \n", "a: b\nvps_firewall: [\n", "&a [*a]\n"])
def test_whatever_is_there_is_answered(text: str) -> None:
    for head in ("", "#cloud-config\n", "#cloud-config-archive\n", "## template: jinja\n#cloud-config\n"):
        for taken in (True, False):
            userdata.unread((head + text).encode(), {}, taken)

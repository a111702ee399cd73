"""A bundle: small, the same everywhere, whole, with all that the user had; and what is refused before it is made."""

from __future__ import annotations

import ast
import base64
import email
import gzip
import io
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from cc_vps_firewall import policy
from cc_vps_firewall.backends.registry import BACKENDS
from cc_vps_firewall.bundle import bundle, host_command
from cc_vps_firewall.cli import command as cli
from cc_vps_firewall.errors import PolicyRefused
from cc_vps_firewall.host import policy_record
from cc_vps_firewall.host.facts import Host
from cc_vps_firewall.plan.model import Decision, Plan
from cc_vps_firewall.policy import clouds, userdata
from cc_vps_firewall.version import VERSION

README = Path(__file__).parents[2] / "README.md"
TUTORIAL = re.search(r"(?s)#cloud-config\nvps_firewall:\n.*?(?=```)", README.read_text(encoding="utf-8"))
STANZA = b"#cloud-config\nvps_firewall: {allow: [http]}\n"
MANY = b"""\
Content-Type: multipart/mixed; boundary="edge"
MIME-Version: 1.0

--edge
Content-Type: text/x-shellscript; charset="utf-8"
Content-Disposition: attachment; filename="first.sh"

#!/bin/sh
echo first
--edge
Content-Type: text/cloud-config; charset="utf-8"
Merge-Type: list(append)+dict(recurse_array)+str()

#cloud-config
# mine
packages: [htop]
vps_firewall:
  allow: [http]  # the site
runcmd: [[date]]
--edge
Content-Type: text/x-include-url

https://192.0.2.1/more
--edge
Content-Type: text/x-shellscript; charset="utf-8"
Content-Transfer-Encoding: base64

IyEvYmluL3NoCmVjaG8gw6kK
--edge--
"""


def refusals(data: bytes, form: str = "mime") -> list[str]:
    with pytest.raises(PolicyRefused) as refused:
        bundle.make(data, form)
    return [str(problem) for problem in refused.value.problems]


def parts_of(mime: bytes) -> list[tuple[str, bytes]]:
    leaves = [part for part in email.message_from_bytes(mime).walk() if not part.is_multipart()]
    return [(part.get_content_type(), part.get_payload(decode=True)) for part in leaves]  # type: ignore[misc]


def unpacked(made: bytes) -> dict[str, str]:
    """What the carrier writes to the host, told by its own code."""
    carrier = next(content for kind, content in parts_of(made) if kind == bundle.HANDLER).decode()
    packed = re.search(r'(?s)PACKED = """\n(.*?)"""', carrier)
    assert packed is not None
    import lzma

    words, _, source = lzma.decompress(base64.b64decode(packed[1])).decode("latin-1").partition("\f")
    for number, word in enumerate(words.split("\v")):
        source = source.replace(chr(128 + number), word)
    return {name: text for name, _, text in (one.partition("\n") for one in source.split("\f"))}


# --- size, and sameness ---


def test_the_stanza_of_the_readme_leaves_room() -> None:
    assert TUTORIAL is not None
    made, _ = bundle.make(TUTORIAL[0].encode(), "gzip", provider=bundle.PROVIDERS["ec2"])
    assert len(made) <= 15_360


@pytest.mark.parametrize("form", bundle.FORMS)
def test_the_same_bytes_each_time(form: str) -> None:
    assert bundle.make(MANY, form)[0] == bundle.make(MANY, form)[0]


# --- forms ---


def test_forms_hold_the_same() -> None:
    mime = bundle.make(MANY, "mime")[0]
    zipped = bundle.make(MANY, "gzip")[0]
    assert gzip.decompress(zipped) == mime
    assert base64.b64decode(bundle.make(MANY, "base64")[0], validate=False) == zipped
    archive = bundle.make(MANY, "archive")[0]
    assert archive.isascii() or archive.decode("utf-8")
    items = [(item["type"], item["content"].encode()) for item in yaml.safe_load(archive)]
    assert items == [(kind, content.rstrip(b"\n") + content[len(content.rstrip(b"\n")) :]) for kind, content in
                     ((part.kind, part.content) for part in bundle.make(MANY, "mime")[1])]  # fmt: skip


def test_all_that_the_user_had_is_there_in_order() -> None:
    parts = parts_of(bundle.make(MANY, "mime")[0])
    kinds = ["text/x-shellscript", "text/cloud-config", "text/x-include-url", "text/x-shellscript"]
    assert [kind for kind, _ in parts] == [bundle.HANDLER, bundle.OURS, *kinds]
    config = parts[3][1].decode()
    assert yaml.safe_load(config) == {"packages": ["htop"], "runcmd": [["date"]]}
    assert "# mine" in config
    assert parts[5][1].decode() == "#!/bin/sh\necho é\n"
    text = bundle.make(MANY, "mime")[0].decode()
    assert 'filename="first.sh"' in text
    assert "Merge-Type: list(append)+dict(recurse_array)+str()" in text


def test_a_part_with_nothing_but_the_stanza_goes() -> None:
    assert [kind for kind, _ in parts_of(bundle.make(STANZA)[0])] == [bundle.HANDLER, bundle.OURS]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("#cloud-config\nvps_firewall: {}\nusers: [a]\n", {"users": ["a"]}),
        ("#cloud-config\nusers: [a]\nvps_firewall:\n  allow:\n  - http\n", {"users": ["a"]}),
        ("#cloud-config\n{users: [a], vps_firewall: {allow: [http]}}\n", {"users": ["a"]}),
    ],
    ids=["first", "last", "flow"],
)
def test_the_stanza_is_cut_out(text: str, left: object) -> None:
    kind, content = parts_of(bundle.make(text.encode())[0])[2]
    assert kind == "text/plain"
    assert content.startswith(b"#cloud-config")
    assert yaml.safe_load(content) == left


def test_an_archive_is_taken_apart() -> None:
    archive = (
        b"#cloud-config-archive\n- |\n  #!/bin/sh\n  date\n- content: |\n    #cloud-config\n    vps_firewall: {}\n"
    )
    parts = parts_of(bundle.make(archive)[0])
    assert [kind for kind, _ in parts] == [bundle.HANDLER, bundle.OURS, "text/plain"]
    assert parts[2][1].startswith(b"#!/bin/sh")


# --- what comes to the host ---


def test_the_stanza_is_what_was_written() -> None:
    told = json.loads(parts_of(bundle.make(MANY)[0])[1][1])
    assert told == {"vps_firewall": {"allow": ["http"], "backend": "nftables"}}


def test_the_stub_is_python_for_every_cloud_init() -> None:
    carrier = parts_of(bundle.make(STANZA)[0])[0][1].decode()
    ast.parse(carrier, feature_version=(3, 6))
    assert "annotations" not in carrier
    assert carrier.startswith("#part-handler\n")
    assert "python3 THIS-FILE FOLDER" in carrier


def test_one_backend_or_both() -> None:
    assert "ip6tables-save" not in unpacked(bundle.make(STANZA)[0])["vps_firewall_engine.py"]
    both = unpacked(bundle.make(STANZA, chosen="auto")[0])["plans"]
    assert "table inet" in both
    assert "*filter" in both


def test_a_bundle_is_replaced() -> None:
    made = bundle.make(MANY)[0]
    assert bundle.make(made)[0] == made
    assert bundle.make(gzip.compress(made))[0] == made
    assert bundle.make(bundle.make(STANZA, "archive")[0], "archive")[0] == bundle.make(STANZA, "archive")[0]


# --- what is refused ---


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"#!/bin/sh\ndate\n", "user-data: is not #cloud-config"),
        (b"", "user-data: is not #cloud-config"),
        (b"#cloud-config\nusers: []\n", "user-data: has no vps_firewall: key"),
        (b"#cloud-config\nvps_firewall: {enabled: false}\n", "vps_firewall.enabled: is false"),
        (b"\x1f\x8b\x08broken", "user-data: is truncated or corrupt gzip data"),
        (
            b"#cloud-config\nvps_firewall: {allow: [&a http]}\nrest: *a\n",
            "user-data: ",
        ),
    ],
    ids=["script", "empty", "no stanza", "switched off", "broken gzip", "anchor used elsewhere"],
)
def test_refused(data: bytes, said: str) -> None:
    assert any(problem.startswith(said) for problem in refusals(data))


def test_a_refused_policy_is_refused_with_every_path() -> None:
    told = refusals(b"#cloud-config\nvps_firewall: {allow: [htpp, 70000/tcp], allwo: []}\n")
    assert [line.split(": ")[0] for line in told] == [
        "vps_firewall.allwo", "vps_firewall.allow[0]", "vps_firewall.allow[1]",
    ] or sorted(line.split(": ")[0] for line in told) == [
        "vps_firewall.allow[0]", "vps_firewall.allow[1]", "vps_firewall.allwo",
    ]  # fmt: skip


# Eight times eight times eight ... of what stands in the first item.
BOMB = b"".join(
    b"- &a%d [%s]\n" % (number, b", ".join([b"*a%d" % (number - 1) if number else b"x"] * 8)) for number in range(9)
)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"- [", "user-data: line "),
        (b"3", "user-data: is not a list, which an archive has to be"),
        (b"- content: 3", "user-data item 1.content: is not text"),
        (b"- content: 99999999999", "user-data item 1.content: is not text"),
        (b"- content: [1, 2]", "user-data item 1.content: is not text"),
        (b'- "\\ud800"', "user-data"),  # by the loader in C, or by us
        (b"- 2026-01-01", "user-data item 1.content: is not text"),
        (b'- {content: "#!/bin/sh", type: "text/plain\\nX: y"}', "user-data item 1.type: is not a MIME type"),
        (b'- {content: "#!/bin/sh", X-A: "b\\n\\nc"}', "user-data item 1.X-A: is not a header of one line"),
        (b'- {content: "#!/bin/sh", filename: "b\\n\\nc"}', "is not a header of one line"),
        (BOMB, "user-data: "),
    ],
)
def test_archives_that_are_refused(data: bytes, said: str) -> None:
    told = refusals(b"#cloud-config-archive\n" + data + b"\n")
    assert len(told) == 1
    assert said in told[0]


def test_what_other_parts_say_of_themselves_is_not_believed() -> None:
    head = b'Content-Type: multipart/mixed; boundary="edge"\nMIME-Version: 1.0\n\n--edge\n'
    for charset in (b"undefined", b"punycode", b"idna"):
        part = b"Content-Type: text/plain; charset=" + charset + b"\n\n\xff#!\n--edge--\n"
        assert "is not the" in refusals(head + part)[0]
    for content in (b"{}", b"no", b"[1]"):
        part = b"Content-Type: text/x-vps-firewall\n\n" + content + b"\n--edge--\n"
        assert refusals(head + part) == [
            "user-data part 1: is a bundle's own, and was changed; bundle the stanza itself"
        ]


def decided(
    section: Mapping[str, object], chosen: str, monkeypatch: pytest.MonkeyPatch, folder: Path,
    *, ssh_ports: Sequence[str] = ("22",), stanza: dict[str, object] | None = None,
) -> Decision:  # fmt: skip
    """What a host does of the bundle of a section."""
    section = {**section, "backend": chosen}
    (folder / "plans").write_text(json.dumps(bundle.plans(section, chosen)))
    monkeypatch.setattr(host_command, "PLANS", str(folder / "plans"))
    monkeypatch.setattr(policy_record, "last_good", dict)
    return host_command._decision(section if stanza is None else stanza, ssh_ports, Host())


def text_of(plan: Plan, backend: str = "nftables") -> str:
    return "".join("".join(each.texts.values()) for each in plan.candidates if each.backend == backend)


def test_every_policy_that_a_host_may_fall_back_on_knows_its_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where sshd is not on 22, and the section says so."""
    section = {"ssh": {"port": 2222, "from": ["192.0.2.1"]}, "allow": ["http"]}
    made = decided(section, "nftables", monkeypatch, tmp_path, ssh_ports=["2222"])
    assert len(made.stand_ins) == 2
    for plan in (made.policy(), *made.stand_ins):
        rules = text_of(plan)
        assert re.findall(r"tcp dport \D*(\d*22)\b", rules) == ["2222"] * rules.count("2222")
        assert "2222" in rules
    made = decided({"allow": ["http"]}, "nftables", monkeypatch, tmp_path, ssh_ports=["2222"])
    assert [*made.stand_ins] == []
    with pytest.raises(PolicyRefused, match="sshd listens on 2222 here"):
        made.policy()


def test_ssh_over_an_interface_is_closed_elsewhere_from_the_first_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = decided({"ssh": {"interface": "wg0"}, "allow": ["http"]}, "nftables", monkeypatch, tmp_path)
    for plan in (made.policy(), made.stand_ins[0]):
        assert set(re.findall(r"\n\t\t(.*)tcp dport 22\b(?! notrack)", text_of(plan))) == {'iifname "wg0" '}


def test_a_bundle_of_both_has_its_ssh_for_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one backend fails, the other is tried."""
    section = {"ssh": {"from": ["192.0.2.1"]}, "allow": ["http"]}
    alone, built_in = decided(section, "auto", monkeypatch, tmp_path).stand_ins
    for plan in (alone, built_in):
        assert {each.backend for each in plan.candidates} == {*BACKENDS}
    assert all("192.0.2.1" in text_of(alone, name) for name in BACKENDS)
    assert not any("192.0.2.1" in text_of(built_in, name) for name in BACKENDS)


def test_a_stanza_that_was_changed_since_keeps_its_own_ssh_if_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section: dict[str, object] = {"ssh": {"from": ["192.0.2.1"]}, "allow": ["http"]}
    for stanza, left in (
        ({**section, "allow": ["https"]}, ["the policy's own SSH alone", "the built-in policy"]),
        ({**section, "ssh": {"from": ["198.51.100.1"]}}, ["the built-in policy"]),
        ({}, ["the built-in policy"]),
    ):
        made = decided(section, "nftables", monkeypatch, tmp_path, stanza=stanza)
        with pytest.raises(PolicyRefused, match=r"^vps_firewall: is not what this bundle was made of; make it again$"):
            made.policy()
        assert [plan.name for plan in made.stand_ins] == left


def test_what_was_applied_before_stands_in_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section: dict[str, object] = {"allow": ["http"]}
    decided(section, "nftables", monkeypatch, tmp_path)
    monkeypatch.setattr(policy_record, "last_good", lambda: {**section, "backend": "nftables"})
    made = host_command._decision({"allow": ["https"]}, ["22"], Host())
    assert made.stand_ins[0].name == "the last good policy"
    assert "http" in text_of(made.stand_ins[0])


def test_too_large_names_the_largest_parts() -> None:
    import random

    noise = base64.b64encode(random.Random(1).randbytes(12_000))
    data = b"#cloud-config\nvps_firewall: {}\nwrite_files: [{path: /a, content: " + noise + b"}]\n"
    made, parts = bundle.make(data, "gzip")
    with pytest.raises(
        PolicyRefused, match=r"is too large for ec2: .* of 16,384 bytes; the largest parts, gzip'ed: the"
    ):
        bundle.fit(made, parts, "ec2", "gzip")
    assert "of 65,536 bytes" in bundle.fit(*bundle.make(data, "archive"), "digitalocean", "archive")


def test_an_archive_takes_text_alone() -> None:
    data = MANY.replace(
        b"Content-Type: text/x-include-url\n", b"Content-Type: image/png\nContent-Transfer-Encoding: base64\n"
    )
    data = data.replace(b"https://192.0.2.1/more", base64.b64encode(b"\x89PNG\xff"))
    assert refusals(data, "archive") == [
        "user-data part 3: is not text, which is all that an archive takes; use --format mime"
    ]


@pytest.mark.parametrize("name", [*bundle.PROVIDERS, ""])
def test_the_metadata_services_are_those_of_the_provider(name: str) -> None:
    provider = bundle.PROVIDERS.get(name, bundle.ANY)
    rules = unpacked(bundle.make(STANZA, provider=provider)[0])["plans"]
    wanted = set(clouds.metadata(provider.cloud_id, containers=False))
    assert (provider.cloud_id in clouds.SERVICES) == bool(name)
    assert {a for services in clouds.SERVICES.values() for a in services if re.search(rf"{a}\b", rules)} == wanted


def test_the_command(capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> None:
    file = tmp_path / "user-data"
    file.write_bytes(STANZA)
    for name, provider in bundle.PROVIDERS.items():
        assert cli.main(["bundle", "--provider", name, str(file)]) == 0
        out, err = capfdbinary.readouterr()
        assert out == bundle.make(STANZA, provider.form, provider=provider)[0]
        assert re.fullmatch(
            rf"{name}: [\d,]+ of {provider.limit:,} bytes.* \(\d+ %\), as {provider.form}\n", err.decode()
        )
    file.write_bytes(b"#cloud-config\nvps_firewall: {allow: [htpp]}\n")
    assert cli.main(["bundle", str(file)]) == 2
    out, err = capfdbinary.readouterr()
    assert out == b""
    assert err.startswith(b"vps_firewall.allow[0]: htpp")


@pytest.mark.parametrize("form", bundle.FORMS)
def test_a_bundle_is_known_for_one_and_its_policy_is_read(
    form: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "made"
    made = bundle.make(STANZA, form)[0]
    file.write_bytes(base64.b64decode(made) if form == "base64" else made)
    told = f"vps-firewall: this is a bundle of vps-firewall {VERSION}; its policy is read\n"
    assert cli.main(["check", str(file)]) == 0
    assert capsys.readouterr().err == told
    assert cli.main(["render", "--backend", "nftables", str(file)]) == 0
    assert "allow[0] http" in capsys.readouterr().out
    assert bundle.read(STANZA) is None


def test_a_bundle_whose_stanza_was_spoilt_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "made"
    file.write_bytes(bundle.make(STANZA, "mime")[0].replace(b'"vps_firewall"', b'"vps_firewal"'))
    assert cli.main(["check", str(file)]) == 2
    assert capsys.readouterr().err.endswith("is a bundle's own, and was changed; bundle the stanza itself\n")


@pytest.mark.parametrize(("form", "code"), [("gzip", 1), ("mime", 0)])
def test_gzip_is_not_written_to_a_terminal(
    form: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "user-data"
    file.write_bytes(STANZA)
    written = io.BytesIO()
    terminal = io.TextIOWrapper(written)
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdout", terminal)
    assert cli.main(["bundle", "--format", form, str(file)]) == code
    assert bool(written.getvalue()) == (not code)
    assert ("a bundle as gzip is not written to a terminal" in capsys.readouterr().err) == bool(code)


def test_cut_is_exact() -> None:
    before, after = userdata.cut("user-data", "#cloud-config\na: 1\nvps_firewall: {}\nb: 2\n")
    assert (before, after) == ("#cloud-config\na: 1\n", "b: 2\n")
    assert policy.KEY == "vps_firewall"


def test_the_rules_of_a_bundle_are_roots(tmp_path: Path) -> None:
    """They say who may log in, and lie beside an engine that every user may run to see the status."""
    carrier = parts_of(bundle.make(STANZA)[0])[0][1]
    names: dict[str, Any] = {"__name__": "carrier"}
    exec(compile(carrier, "carrier", "exec"), names)  # noqa: S102 - our own
    home, umask = tmp_path / "engine", os.umask(0o022)
    try:
        names["_unpack"](str(home))
    finally:
        os.umask(umask)
    modes = {str(path.relative_to(home)): path.stat().st_mode & 0o777 for path in home.rglob("*") if path.is_file()}
    assert modes.pop("plans") == 0o600
    assert modes.pop("vps-firewall") == 0o755
    assert {*modes.values()} == {0o644}

"""User-data is told apart as cloud-init does it, and files are read whole, once, and never blocking."""

from __future__ import annotations

import base64
import gzip
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_vps_firewall import MEANT
from cc_vps_firewall.errors import PolicyRefused
from cc_vps_firewall.policy import userdata

CONFIG = b"#cloud-config\nvps_firewall: {ping: false}\n"


def told(data: bytes) -> list[str]:
    with pytest.raises(PolicyRefused) as refused:
        userdata.section(data)
    return [str(problem) for problem in refused.value.problems]


def parts(*texts: tuple[str, str]) -> bytes:
    """A message with these (subtype, text)."""
    message = MIMEMultipart()
    for subtype, text in texts:
        message.attach(MIMEText(text, subtype, "utf-8"))
    return message.as_bytes()


# --- which part counts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        CONFIG,
        b"\n  \n" + CONFIG,
        CONFIG.upper().replace(b"VPS_FIREWALL", b"vps_firewall").replace(b"PING: FALSE", b"ping: false"),
        gzip.compress(CONFIG),
        gzip.compress(CONFIG[:20]) + gzip.compress(CONFIG[20:]),
        b"#cloud-config\n" + b"# a comment\n" * 5000 + b"vps_firewall: {ping: false}\n",
        parts(("cloud-config", CONFIG.decode())),
        parts(("cloud-config", "vps_firewall: {ping: false}\n")),
        parts(("plain", CONFIG.decode())),
        parts(("x-shellscript", CONFIG.decode())),  # mislabelled: what it opens with counts
        parts(("cloud-config", "vps_firewall: {ping: true}"), ("cloud-config", CONFIG.decode())),
        parts(("cloud-config", CONFIG.decode()), ("x-shellscript", "#!/bin/sh\nvps_firewall: {")),
        parts(("cloud-config", CONFIG.decode()), ("cloud-boothook", "#cloud-boothook\n#!/bin/sh")),
        parts(("cloud-config-archive", "#cloud-config-archive\n- 'vps_firewall: {ping: false}'")),
        gzip.compress(parts(("cloud-config", CONFIG.decode()))),
        b"#cloud-config-archive\n- 'vps_firewall: {ping: false}'\n",
        b"#cloud-config-archive\n- {content: 'vps_firewall: {ping: false}'}\n- 'hostname: web'\n- 7\n- [a]\n",
        b'#cloud-config-archive\n- {type: text/plain, content: "#cloud-config\\nvps_firewall: {ping: false}"}\n',
        b"## template: jinja\n#cloud-config\nvps_firewall: {ping: false}\nhostname: '{{ v1.region }}'\n",
    ],
    ids=lambda data: "user-data",  # gzip holds the time, and messages a random boundary
)
def test_the_section_is_found(data: bytes) -> None:
    assert userdata.section(data) == {"ping": False}


def test_a_part_in_gzip_is_unpacked_where_its_type_says_so() -> None:
    message = MIMEMultipart()
    part = MIMEBase("application", "gzip")
    part.set_payload(base64.b64encode(gzip.compress(CONFIG)))
    part["Content-Transfer-Encoding"] = "base64"
    message.attach(part)
    assert userdata.section(message.as_bytes()) == {"ping": False}


@pytest.mark.parametrize(
    "data",
    [
        b"", b"#", b"#!/bin/sh\n", b"#cloud-boothook\n", b"#include\nhttps://example.com\n", b"#part-handler\n",
        b"vps_firewall: {}\n", b"\x00\x01\x02", b"\xff\xfe#\x00", b"#cloud-config-jsonp\n[]", b"#cloud-conf",
        b"#cloud-config-archive\n- {type: text/x-shellscript, content: 'vps_firewall: {}'}\n",
        b"#cloud-config-archive\n7",
        parts(("x-shellscript", "#!/bin/sh")), parts(), b"MIME-Version: 1.0\n\n",
    ],
    ids=lambda data: "user-data",
)  # fmt: skip
def test_what_cloud_init_would_not_read_is_said_so(data: bytes) -> None:
    assert told(data) == ["user-data: is not #cloud-config, and no part of it is; a first line must say so"]


@pytest.mark.parametrize("data", [b"#cloud-config\n", b"#cloud-config\n[]", b"#cloud-config\nhostname: web\n"])
def test_no_section(data: bytes) -> None:
    assert told(data) == ["user-data: has no vps_firewall: key"]


def test_the_problems_of_every_part_are_told() -> None:
    data = parts(
        ("cloud-config", "vps_firewall: {ping: [}"),
        ("cloud-config", "vps_firewall: {ping: 1, ping: 2}"),
        ("cloud-config", "vps-firewall: {}"),
    )
    assert [line.partition(":")[0] for line in told(data)] == [
        "user-data part 1", "vps_firewall.ping", "user-data part 3", "vps_firewall.ping",
    ]  # fmt: skip


def test_what_is_unpacked_has_a_limit_all_together() -> None:
    big = "#cloud-config\n" + "# nothing\n" * 300_000
    archive = "#cloud-config-archive\n- &big |\n" + "".join(f"  {line}\n" for line in big.splitlines())
    assert told((archive + "- *big\n" * 50).encode()) == ["user-data: is larger than 8,388,608 bytes"]


# --- for cloud-init, which has read it already --------------------------------------------------------------


def test_sections_are_those_that_can_be_read_with_what_stands_twice() -> None:
    data = parts(
        ("cloud-config", "vps_firewall: {ping: ["),
        ("cloud-config", "hostname: web\nhostname: www"),
        ("cloud-config", "vps_firewall: {ping: true, ping: false}"),
    )
    ((_, value, problems),) = userdata.sections(data)
    assert value == {"ping": False}
    assert [str(p) for p in problems] == ["vps_firewall.ping: is a duplicate key; write it once"]


def test_parts_that_carry_the_key_and_do_not_count_are_told() -> None:
    one, other = ("cloud-config", "vps_firewall: {ping: true}"), ("cloud-config", "vps_firewall: {ping: false}")
    both = "user-data part 1 and user-data part 2 carry vps_firewall:, and "
    passed_by = "has a line vps_firewall: and is not #cloud-config: cloud-init passes it by; its first line must say so"
    assert userdata.notes(parts(one), {"ping": True}) == []
    assert userdata.notes(parts(one, other), {"ping": False}) == [both + "what counts is user-data part 2"]
    assert userdata.notes(parts(other, one), {"ping": False}) == [both + "what counts is user-data part 1"]
    assert userdata.notes(parts(one, other), {"ping": False, "log": False}) == [both + "cloud-init merged them"]
    assert userdata.notes(parts(("plain", "vps_firewall: {}")), {}) == [f"user-data part 1 {passed_by}"]
    script = ("x-shellscript", "#!/bin/sh\ncat >/etc/cloud/cloud.cfg.d/50.cfg <<END\nvps_firewall: {}\nEND\n")
    assert userdata.notes(parts(script, one), {"ping": True}) == []


def test_a_section_in_a_part_that_is_no_configuration_is_pointed_at() -> None:
    data = parts(("cloud-config", "hostname: web"), ("plain", "vps_firewall: {ping: false}"))
    assert told(data)[0] == "user-data: has no vps_firewall: key"
    assert told(data)[1].startswith("user-data part 2: has a line vps_firewall: and is not #cloud-config")


@pytest.mark.parametrize(
    ("modules", "heard"),
    [
        ("[bootcmd, ssh]", False),
        ("[]", False),
        ("[bootcmd, vps_firewall, ssh]", True),
        ("[bootcmd, vps-firewall]", True),
        ("[[vps_firewall, always]]", True),
        ("[{name: vps-firewall}]", True),
    ],
)
def test_a_list_of_modules_without_ours_would_leave_the_policy_unread(modules: str, heard: bool) -> None:
    data = parts(("cloud-config", f"cloud_init_modules: {modules}"), ("cloud-config", "vps_firewall: {}"))
    assert [str(p).partition(": replaces")[0] for p in userdata.unheard(data)] == (
        [] if heard else ["user-data part 1: cloud_init_modules"]
    )


LOST = {
    b"#cloud-config\nvps_firewall: {}\npackages: [a, b\n": "user-data: line 4",
    b"vps_firewall: {}\n": "user-data: is not #cloud-config",
    b"#cloud-config\nvps-firewall: {}\n": "user-data: vps-firewall is not a key of ours",
    b"#cloud-config\nhostname: {{ v1.name }}\nvps_firewall: {}\n": "vps_firewall: is in the user-data",
    b"#cloud-config\nvps_firewall: {}\npassword: !vault x\n": "vps_firewall: is in the user-data",
    b"#cloud-config-archive\n- |\n  #cloud-config\n  vps_firewall: {}\n- [\n": "user-data: line",
    b'#cloud-config\n{\n  "vps_firewall": {},\n  "packages": [\n}\n': "user-data: line",
    b"#cloud-config\n# caf\xe9\nvps_firewall: {}\n": "user-data: is not UTF-8",
    b"#cloud-config-archive\n- vps_firewall: {}\n- [\n": "user-data: line",
    gzip.compress(b"#cloud-config\nvps_firewall: {}\n", mtime=0)[:-9]: "user-data: is truncated or corrupt gzip data",
    b"#cloud-config\nvps_firewal: {}\n": "user-data: vps_firewal is not a key of ours; write vps_firewall",
    b"#cloud-config\nvpsfirewall: {}\n": "user-data: vpsfirewall is not a key of ours",
    b"#cloud-config\nvps_firewalls: {}\n": "user-data: vps_firewalls is not a key of ours",
    "#cloud-config\nvps_firewall\xa0: {}\n".encode(): "user-data: ",
}
NOT_MEANT = [
    b"",
    b"#cloud-config\npackages: [git]\n",
    b"#cloud-config\n# vps_firewall: {}\n",
    b"#cloud-config\npackages: [git\n",
    b"#cloud-config\nwrite_files:\n- path: /x\n  content: |\n    vps_firewall: {}\n",
    b"#cloud-config\nvps_firewall: {enabled: false}\n",
    b"#!/bin/sh\ncat >x <<E\nvps_firewall: {}\nE\n",
    b"## template: jinja\n#!/bin/sh\ncat >x <<E\nvps_firewall: {}\nE\n",
    b"#cloud-boothook\n#!/bin/sh\ncat >x <<E\nvps_firewall: {}\nE\n",
    b'#part-handler\nTEXT = """\nvps_firewall: {}\n"""\n',
    parts(("plain", "VPS firewall: see the wiki")),
    parts(("x-shellscript", "cat >x <<E\nvps_firewall: {}\nE\n")),
]


@pytest.mark.parametrize("data", LOST)
def test_a_policy_that_cloud_init_did_not_get_is_missed(data: bytes) -> None:
    (first, *_) = userdata.lost(data, {}, taken=False)
    assert str(first).startswith(LOST[data])


def test_an_archive_that_is_none_is_missed_although_another_layer_has_a_policy() -> None:
    (first, *_) = userdata.lost(b"#cloud-config-archive\n- vps_firewall: {}\n- [\n", {"allow": ["smtp"]}, taken=True)
    assert str(first).startswith("user-data: line")


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("data", NOT_MEANT)
def test_what_was_not_meant_as_a_policy_is_not_missed(data: bytes, taken: bool) -> None:
    assert userdata.lost(data, {}, taken) == []


TEMPLATE = "## template: jinja\n#cloud-config\n{% if x %}\nvps_firewall: {}\n{% endif %}\n"
WEB, MAIL = ("cloud-config", "vps_firewall: {allow: [http]}"), ("cloud-config", "vps_firewall: {allow: [smtp]}")


@pytest.mark.parametrize(
    ("data", "merged"),
    [
        (b"#cloud-config\nvps_firewall: {}\n", {}),
        (b"#cloud-config\nvps_firewall: {}\n", {"allow": ["http"]}),  # the image's own say
        (TEMPLATE.encode(), {}),
        (parts(WEB), {"allow": ["http"], "ping": False}),
        (parts(WEB, MAIL), {"allow": ["smtp"]}),
        (parts(WEB, MAIL), {"allow": ["http"]}),
        # What these come to is cloud-init's to say.
        (parts(WEB, ("jinja2", TEMPLATE)), {}),
        (parts(WEB, ("x-include-url", "#include\nfile:///x\n")), {"allow": ["smtp"]}),
        (parts(WEB, ("x-include-url", "file:///x\n")), {"allow": ["smtp"]}),
        (parts(WEB, ("cloud-config-jsonp", "[]")), {"allow": ["smtp"]}),
        (
            b"#cloud-config-archive\n- vps_firewall: {allow: [http]}\n- |\n  #include\n  file:///x\n",
            {"allow": ["smtp"]},
        ),
        (
            parts(WEB, MAIL).replace(b"MIME-Version: 1.0", b"MIME-Version: 1.0\nX-Merge-Type: list(append)"),
            {"allow": []},
        ),
        # A layer below that wants its lists kept, and the user's own last word.
        (parts(WEB), {"allow": ["smtp", "http"]}),
        (parts(WEB, ("cloud-config", "vps_firewall: {enabled: false}")), {"enabled": False}),
        (b"#cloud-config\nmerge_how: no_replace\nvps_firewall: {allow: [http]}\n", {"allow": ["smtp"]}),
    ],
)
def test_a_policy_that_cloud_init_has_is_not_missed(data: bytes, merged: object) -> None:
    assert userdata.lost(data, merged, taken=True) == []


def test_a_policy_of_which_another_layers_took_the_place_is_missed() -> None:
    """The image or vendor-data has one, so that there is a key, and cloud-init has dropped the user's."""
    for merged in ({}, {"allow": ["smtp"]}, {"allow": {"http": 1}}, None):
        (problem,) = userdata.lost(parts(WEB), merged, taken=True)
        assert str(problem) == "vps_firewall: is in the user-data, and cloud-init has not taken it; its log says why"
    archive = b"#cloud-config-archive\n- vps_firewall: {allow: [smtp]}\n- |\n  #cloud-config\n  vps_firewall: [\n"
    (problem,) = userdata.lost(archive, {"allow": ["smtp"]}, taken=True)
    assert str(problem).startswith("user-data item 2: line")
    broken = ("cloud-config", "vps_firewall: {allow: [http]}\npackages: [a")
    (problem,) = userdata.lost(parts(MAIL, broken), {"allow": ["smtp"]}, taken=True)
    assert str(problem).startswith("user-data part 2: line 3")


def test_a_policy_that_a_lower_layer_switches_off_is_told() -> None:
    (problem,) = userdata.lost(parts(WEB), {"allow": ["http"], "enabled": False}, taken=True)
    assert str(problem).startswith("vps_firewall.enabled: is false in the image or in vendor-data; write")
    assert userdata.lost(parts(WEB), {"allow": ["http"], "enabled": True}, taken=True) == []


def test_keys_that_stand_twice_are_seen_beside_a_part_that_cannot_be_read() -> None:
    twice = b"#cloud-config\nvps_firewall: {ping: true, ping: false}\n"
    data = b'Content-Type: multipart/mixed; boundary="x"\nMIME-Version: 1.0\n\n'
    for one in (twice, b"#cloud-config\n# caf\xe9\n"):
        data += b"--x\nContent-Type: text/cloud-config\n\n" + one
    assert [str(p) for p in userdata.lost(data + b"--x--\n", {"ping": False}, taken=True)] == [
        "vps_firewall.ping: is a duplicate key; write it once"
    ]


def test_the_first_look_is_the_second_ones() -> None:
    assert userdata._PERHAPS.pattern == MEANT


@pytest.mark.parametrize("head", ["## template: jinja\n", "## template:jinja\n## template: jinja\n"])
def test_templates_are_not_judged_before_they_are_rendered(head: str) -> None:
    text = head + "#cloud-config\nvps_firewall:\n{% if a %}\n  ping: true\n{% else %}\n  ping: false\n{% endif %}\n"
    assert list(userdata.sections(text.encode())) == []


# --- anything -----------------------------------------------------------------------------------------------


def answer(data: bytes) -> list[str]:
    try:
        userdata.section(data)
    except PolicyRefused as refused:
        return [str(problem) for problem in refused.problems]
    return []


@given(
    st.sampled_from(
        [b"", b"#cloud-config\n", b"#cloud-config\nvps_firewall: ", b"#cloud-config-archive\n", b"\x1f\x8b"]
    ),
    st.one_of(st.binary(), st.text().map(str.encode)),
)
def test_any_bytes_are_answered(head: bytes, data: bytes) -> None:
    for line in answer(head + data):
        assert line.isprintable()


YAML = st.text(alphabet="abk:-?!&*<>|[]{}, \n'\"#%@`~0189.=+\\\t", max_size=120)


@given(YAML)
def test_any_yaml_is_answered(text: str) -> None:
    for head in ("#cloud-config\nvps_firewall: ", "#cloud-config\nvps_firewall:\n  ", "#cloud-config\n"):
        for line in answer((head + text).encode()):
            assert line.isprintable()


@pytest.mark.parametrize(
    "tag", ["int", "float", "bool", "null", "timestamp", "binary", "set", "omap", "pairs", "merge", "seq", "map", "str"]
)
@pytest.mark.parametrize(
    "text", ["''", "x", "[x]", "{x: y}", "[{a: b, c: d}]", "9999-99-99", "1:99", "0x", "____", "_"]
)
def test_any_tag_on_anything_is_answered(tag: str, text: str) -> None:
    answer(f"#cloud-config\nvps_firewall: {{allow: !!{tag} {text}, !!{tag} {text}: 1}}\n".encode())

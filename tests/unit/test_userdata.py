"""User-data is told apart as cloud-init does it, and files are read whole, once, and never blocking."""

from __future__ import annotations

import base64
import gzip
import io
import itertools
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Callable
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_vps_firewall import MEANT
from cc_vps_firewall.errors import PolicyRefused
from cc_vps_firewall.policy import list_files, userdata
from cc_vps_firewall.root import Root

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


# --- files --------------------------------------------------------------------------------------------------


def why(path: Path) -> str:
    with pytest.raises((OSError, ValueError)) as error:
        userdata.read_list(str(path))
    return str(error.value)


def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    began = time.monotonic()
    assert why(pipe) == "is not a regular file"
    assert time.monotonic() - began < 5


def test_devices_and_sockets_are_no_files(tmp_path: Path) -> None:
    assert why(Path("/dev/zero")) == "is not a regular file"
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(tmp_path)  # a socket's path has at most 107 bytes
        server.bind("socket")
        assert "No such device or address" in why(tmp_path / "socket")


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_text("203.0.113.8\n"),  # same size, and perhaps the same tick of the clock
        lambda path: path.write_text("203.0.113.7\n203.0.113.8\n"),
        lambda path: path.write_text(""),
    ],
)
def test_a_file_that_changes_while_it_is_read_is_refused(change: Callable[[Path], object], tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("203.0.113.7\n")
    with pytest.raises(ValueError, match="changed while it was read; try again"):
        list_files.read_file(str(path), 1000, pause=lambda: change(path))


def test_a_file_that_another_takes_the_place_of_is_read_as_it_was(tmp_path: Path) -> None:
    """Renaming is how a list is kept up to date: whoever has the old file open has a whole one."""
    path, new = tmp_path / "list", tmp_path / "new"
    path.write_text("203.0.113.7\n")
    new.write_text("203.0.113.8\n")
    assert list_files.read_file(str(path), 1000, pause=lambda: new.rename(path)) == b"203.0.113.7\n"


def test_a_race_with_one_who_renames_gives_one_list_or_the_other(tmp_path: Path) -> None:
    path = tmp_path / "list"
    whole = [f"203.0.113.{n}\n" * 4000 for n in (7, 8)]
    path.write_text(whole[0])

    def replace(turn: int) -> None:
        (tmp_path / "new").write_text(whole[turn % 2])
        (tmp_path / "new").rename(path)

    assert read_while(replace, path) <= set(whole)


def test_a_race_with_one_who_appends_gives_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("203.0.113.7\n")

    def append(turn: int) -> None:
        with open(path, "ab", buffering=0) as file:
            file.write(b"203.0.113.7\n" * (turn % 50))

    for text in read_while(append, path):
        assert set(text.split("\n")) <= {"203.0.113.7", "", "changed while it was read; try again"}


def read_while(change: Callable[[int], None], path: Path) -> set[str]:
    """What reading gives, or says, while another thread goes on changing."""
    stop = threading.Event()

    def go_on() -> None:
        for turn in itertools.count():
            if stop.is_set():
                return
            change(turn)
            time.sleep(0.001)

    writer = threading.Thread(target=go_on)
    writer.start()
    try:
        return {answer_of_file(path) for _ in range(300)}
    finally:
        stop.set()
        writer.join()


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for path in (tmp_path, tmp_path / "missing", Path("/dev/zero"), Path(__file__)):
        answer_of_file(path)
    assert len(os.listdir("/proc/self/fd")) == before


def answer_of_file(path: Path) -> str:
    try:
        return userdata.read_list(str(path))
    except (OSError, ValueError) as error:
        return str(error)


def test_a_file_at_the_limit_is_read_and_one_byte_more_is_not(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(b"#" * 1000)
    assert len(list_files.read_file(str(path), 1000)) == 1000
    with pytest.raises(ValueError, match="is larger than 999 bytes"):
        list_files.read_file(str(path), 999)


def test_user_data_of_a_file_and_of_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "user-data"
    path.write_bytes(CONFIG)
    assert userdata.read(str(path)) == CONFIG
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CONFIG)))
    assert userdata.read("-") == CONFIG


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/dev/zero", "is not a regular file"), ("/", "is a directory, not a file"), ("/\0", "embedded")],
)
def test_user_data_that_cannot_be_read(path: str, reason: str) -> None:
    with pytest.raises(PolicyRefused) as refused:
        userdata.read(path)
    (problem,) = refused.value.problems
    assert problem.path == "user-data"
    assert reason in problem.message


# --- who may have written a list file ---

NOBODY = 65_534


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A list in a folder in a folder, which nobody but root may write, and a link to it."""
    inner = tmp_path / "lists" / "inner"
    inner.mkdir(parents=True)
    (inner / "list").write_text("203.0.113.7\n")
    (tmp_path / "link").symlink_to("lists/inner/list")
    (tmp_path / "far").symlink_to("lists/inner")
    return tmp_path


WAYS = ("lists/inner/list", "link", "far/list", "lists/inner/../inner/list", "far/../inner/./list")


@pytest.mark.parametrize("way", WAYS)
def test_a_list_that_root_alone_may_write_is_read(folder: Path, way: str) -> None:
    assert userdata.read_list(str(folder / way)) == "203.0.113.7\n"
    assert userdata.read_list(f"/{way}", Root(str(folder))) == "203.0.113.7\n"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", [0o646, 0o662, 0o666, 0o620])
def test_a_list_that_others_may_write_is_refused(folder: Path, way: str, mode: int) -> None:
    (folder / "lists/inner/list").chmod(mode)
    with pytest.raises(ValueError, match="is a file that others than root may write; take that from them with chmod"):
        userdata.read_list(str(folder / way))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("which", ["lists", "lists/inner"])
@pytest.mark.parametrize("mode", [0o777, 0o757, 0o775])
def test_a_list_in_a_folder_that_others_may_write_is_refused(folder: Path, way: str, which: str, mode: int) -> None:
    """Who may write a folder may put another file in its place."""
    (folder / which).chmod(mode)
    with pytest.raises(ValueError, match=f"lies in {re.escape(str(folder / which))}, which others than"):
        userdata.read_list(str(folder / way))
    (folder / which).chmod(0o1777)  # but not where only an owner may take files away
    assert userdata.read_list(str(folder / way)) == "203.0.113.7\n"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("which", "why"),
    [
        ("lists/inner/list", "belongs to user 65534, and not to root"),
        ("lists/inner", "lies in .*lists/inner, which belongs to user 65534, and not to root"),
        ("lists", "lies in .*lists, which belongs to user 65534, and not to root"),
    ],
)
def test_a_list_of_somebody_else_is_refused(folder: Path, way: str, which: str, why: str) -> None:
    os.chown(folder / which, NOBODY, -1)
    with pytest.raises(ValueError, match=why):
        userdata.read_list(str(folder / way))


def test_a_link_of_somebody_else_is_refused(folder: Path) -> None:
    os.chown(folder / "link", NOBODY, -1, follow_symlinks=False)
    with pytest.raises(ValueError, match="leads over a link that belongs to user 65534, and not to root"):
        userdata.read_list(str(folder / "link"))
    loose = folder / "loose"
    loose.mkdir()
    (loose / "link").symlink_to("../lists/inner/list")
    loose.chmod(0o777)
    with pytest.raises(ValueError, match=r"lies in .*loose, which others than root may write"):
        userdata.read_list(str(loose / "link"))


def test_a_user_who_asks_may_have_written_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """check and render, by anybody: their own files, and those of the group that is theirs alone."""
    for path in (folder, folder / "lists", folder / "lists/inner", folder / "lists/inner/list"):
        os.chown(path, NOBODY, NOBODY)
        path.chmod(0o775 if path.is_dir() else 0o664)
    asked = str(folder / "lists/inner/list")
    with pytest.raises(ValueError, match="which belongs to user 65534, and not to root"):
        userdata.read_list(asked)
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    monkeypatch.setattr(os, "getegid", lambda: NOBODY)
    assert userdata.read_list(asked) == "203.0.113.7\n"
    monkeypatch.setattr(os, "getegid", lambda: 100)
    with pytest.raises(ValueError, match="which others than root may write"):
        userdata.read_list(asked)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ValueError, match="which belongs to user 65534, and not to root"):
        userdata.read_list(asked)


def test_what_takes_the_place_of_a_list_is_asked_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def replaced(path: str, flags: int) -> int:
        os.rename(folder / "other", path)
        return int(really(path, flags))

    really: Callable[..., int] = os.open
    monkeypatch.setattr(os, "open", replaced)
    (folder / "other").write_text("203.0.113.8\n")  # which is how root keeps a list up to date
    assert userdata.read_list(str(folder / "lists/inner/list")) == "203.0.113.8\n"
    for owner, mode, why in ((NOBODY, 0o644, "belongs to user 65534"), (0, 0o646, "others than root may write")):
        (folder / "lists/inner/list").unlink()
        (folder / "lists/inner/list").write_text("203.0.113.7\n")
        (folder / "other").write_text("0.0.0.0/0\n")
        os.chown(folder / "other", owner, -1)
        (folder / "other").chmod(mode)
        with pytest.raises(ValueError, match=why):
            userdata.read_list(str(folder / "lists/inner/list"))


def test_an_image_has_owners_of_its_own(folder: Path) -> None:
    """It may be made by a user, for whom its root is that user."""
    for path in (folder, folder / "lists", folder / "lists/inner", folder / "lists/inner/list"):
        os.chown(path, NOBODY, NOBODY)
    (folder / "absolute").symlink_to("/lists/inner/list")
    os.chown(folder / "absolute", NOBODY, NOBODY, follow_symlinks=False)
    for way in ("lists/inner/list", "absolute"):
        assert userdata.read_list(f"/{way}", Root(str(folder))) == "203.0.113.7\n"
    os.chown(folder / "lists/inner/list", 1000, 1000)
    with pytest.raises(ValueError, match="belongs to user 1000, and not to root"):
        userdata.read_list("/absolute", Root(str(folder)))


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

"""A file is read whole, once, never blocking, and a list only where nobody but root may have written it."""

from __future__ import annotations

import io
import itertools
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cc_vps_firewall.errors import PolicyRefused
from cc_vps_firewall.policy import list_files, userdata
from cc_vps_firewall.root import Root

from .test_userdata import CONFIG

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

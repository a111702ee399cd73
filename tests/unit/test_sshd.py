"""Where sshd listens: the engine's reader, its copy in `__init__`, and what stands in for it in a bundle."""

from __future__ import annotations

import ast
import glob
import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import cc_vps_firewall
from cc_vps_firewall.engines import stub
from cc_vps_firewall.host import sshd
from cc_vps_firewall.root import Root
from tools import entry

from .systems import put

CONFIG, MORE = "etc/ssh/sshd_config", "etc/ssh/sshd_config.d/"
LIB, ETC, RUN = "usr/lib/systemd/system/", "etc/systemd/system/", "run/systemd/generator/"
STOCK = {LIB + "ssh.socket": "[Socket]\nListenStream=0.0.0.0:22\nListenStream=[::]:22\nAccept=no\n"}
ON = {**STOCK, ETC + "sockets.target.wants/ssh.socket": "-> /usr/lib/systemd/system/ssh.socket"}
GENERATED = {RUN + "ssh.socket.d/addresses.conf": "[Socket]\nListenStream=\nListenStream=0.0.0.0:2222\n"}

# Files, and the ports. Where the configuration alone says it, a bundle's stand-in says the same.
CONFIGURED: tuple[tuple[Mapping[str, str], tuple[int, ...]], ...] = (
    ({}, (22,)),
    ({CONFIG: ""}, (22,)),
    ({CONFIG: "#Port 2222\n # Port 2223\nPermitRootLogin no\n"}, (22,)),
    ({CONFIG: "Port 2222\n"}, (2222,)),
    ({CONFIG: "port=2222"}, (2222,)),
    ({CONFIG: '  PORT\t = "2222"\n'}, (2222,)),
    ({CONFIG: "Port 2222 # why not\r\n"}, (2222,)),
    ({CONFIG: "Port 10022\nPort 22\nPort 2222\nPort 22\n"}, (22, 2222, 10022)),
    ({CONFIG: "Port 0\nPort 65536\nPort 99999999999\nPort http\nPort -22\nPort 22x\n"}, (22,)),
    ({CONFIG: "Port 65535\nPort 1\n"}, (1, 65535)),
    ({CONFIG: "PortForwarding 2222\nGatewayPorts 2222\nPermitListen 2222\n"}, (22,)),
    ({CONFIG: "ListenAddress 0.0.0.0:2222\nListenAddress [::]:2223\nListenAddress 203.0.113.7\n"}, (2222, 2223)),
    ({CONFIG: "ListenAddress ::\nListenAddress 2001:db8::1\nListenAddress 2001:5::7\n"}, (22,)),
    ({CONFIG: "ListenAddress example.org:2222\nListenAddress [fe80::1%eth0]:2223\n"}, (2222, 2223)),
    ({CONFIG: "ListenAddress 192.0.2.1:2222 rdomain blue\n"}, (2222,)),
    ({CONFIG: "Match User git\n  PermitOpen host:2223\nMatch LocalPort 2224\n  X11Forwarding no\n"},
     (22,)),
    ({CONFIG: "Port 2222\nMatch Address 203.0.113.0/24\n  PasswordAuthentication yes\n"}, (2222,)),
    ({CONFIG: f"Include /{MORE}*.conf\n", MORE + "10-port.conf": "Port 2222\n"}, (2222,)),
    ({MORE + "10-port.conf": "Port 2222\n", MORE + "readme": "Port 3333\n", MORE + ".a.conf": "Port 4444\n"}, (2222,)),
    ({CONFIG: "Port 22\n", MORE + "a.conf": "Port 2222", MORE + "b.conf": "Port 2223"}, (22, 2222, 2223)),
    (STOCK, (22,)),
    ({**STOCK, CONFIG: "Port 2222\n"}, (2222,)),
)  # fmt: skip
# Includes of other files, and sockets; what a bundle's stand-in says of them.
OTHERS: tuple[tuple[Mapping[str, str], tuple[int, ...], tuple[int, ...]], ...] = (
    ({CONFIG: "Include ports\n", "etc/ssh/ports": "Port 2222\n"}, (2222,), (22,)),
    ({CONFIG: "include=/opt/ssh/*.conf\nPort 22\n", "opt/ssh/a.conf": "Port 2222\n"}, (22, 2222), (22,)),
    ({CONFIG: 'Include "one" two\n', "etc/ssh/one": "Port 2221\n", "etc/ssh/two": "Port 2222\n"}, (2221, 2222), (22,)),
    ({CONFIG: "Include a/[ab].conf\n", "etc/ssh/a/b.conf": "Port 2222", "etc/ssh/a/c.conf": "Port 7"}, (2222,), (22,)),
    ({CONFIG: "Include a\n", "etc/ssh/a": "Include b\n", "etc/ssh/b": "Port 2222\nInclude a\n"}, (2222,), (22,)),
    ({CONFIG: "#Include ports\nInclude nothing\n", "etc/ssh/ports": "Port 2222\n"}, (22,), (22,)),
    (ON, (22,), (22,)),
    ({**ON, CONFIG: "Port 3333\n"}, (22, 3333), (3333,)),  # of Debian's two, the one that is asked is the socket
    ({**ON, **GENERATED, CONFIG: "Port 2222\n"}, (2222,), (2222,)),  # as Ubuntu's generator makes it
    ({**ON, **GENERATED, ETC + "ssh.socket.d/override.conf": "[Socket]\nListenStream=\nListenStream=3333\n"},
     (3333,), (2222, 3333)),
    # systemd takes the drop-ins of all folders by their names: the generator's comes last.
    ({**ON, **GENERATED, ETC + "ssh.socket.d/10-port.conf": "[Socket]\nListenStream=\nListenStream=3333\n"},
     (2222,), (2222, 3333)),
    ({**ON, ETC + "ssh.socket.d/port.conf": "[Socket]\nListenStream=2222\n"}, (22, 2222), (2222,)),
    ({**ON, ETC + "ssh.socket.d/port.conf": "[Socket]\nListenStream = \nListenStream = 2222 \n"}, (2222,), (2222,)),
    ({**ON, ETC + "ssh.socket.d/port.conf": "#ListenStream=\nListenStream=2222\n"}, (22, 2222), (2222,)),
    ({**ON, ETC + "ssh.socket.d/port.conf": "ListenStream=\nListenStream=192.0.2.1:2222\nListenStream=[::1]:2223\n"},
     (2222, 2223), (2222, 2223)),
    ({**ON, ETC + "ssh.socket.d/path.conf": "ListenStream=/run/ssh/22\nListenStream=vsock::2222\nListenDatagram=7\n"},
     (22,), (22,)),
    ({**ON, ETC + "ssh.socket.d/port.txt": "ListenStream=2222\n"}, (22,), (22,)),
    ({**ON, ETC + "ssh.socket": "[Socket]\nListenStream=2222\n"}, (22, 2222), (22,)),
    ({**ON, ETC + "ssh.socket": "-> /dev/null", ETC + "ssh.socket.d/port.conf": "ListenStream=2222\n"},
     (22,), (2222,)),  # masked
    ({**STOCK, ETC + "ssh.socket.d/port.conf": "ListenStream=2222\n"}, (22,), (2222,)),  # not enabled
    ({LIB + "sshd.socket": "ListenStream=22\n", ETC + "sockets.target.wants/sshd.socket": "-> /dev/null",
      RUN + "sshd.socket.d/port.conf": "ListenStream=\nListenStream=2222\n"}, (2222,), (2222,)),
    # What systemd 256 makes of its own, and what belongs to users.
    ({**STOCK, RUN + "sshd-unix-local.socket": "ListenStream=7\n",
      RUN + "sockets.target.wants/sshd-unix-local.socket": "-> ../sshd-unix-local.socket"}, (22,), (22,)),
    ({**STOCK, "etc/systemd/user/sockets.target.wants/ssh.socket": "-> /dev/null",
      "etc/systemd/user/ssh.socket.d/port.conf": "ListenStream=7\n"}, (22,), (7,)),
)  # fmt: skip

Listening = Callable[[Callable[[str], list[str]], Callable[[str], str]], list[int]]


def laid_out(root: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        if text.startswith("-> "):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).symlink_to(text[3:])
        else:
            put(root, path, text)


def read_by(listening: Listening, root: Path) -> tuple[int, ...]:
    """What a function without a root says of one."""

    def find(pattern: str) -> list[str]:
        return [path[len(str(root)) :] for path in glob.glob(f"{root}{pattern}")]

    def read(path: str) -> str:
        return str(cc_vps_firewall._read(f"{root}{path}"))  # type: ignore[no-untyped-call]

    return tuple(listening(find, read))


def stand_in() -> Listening:
    names: dict[str, Any] = {"__name__": "stub"}
    exec(compile(stub.TEXT, "stub", "exec"), names)  # noqa: S102  what a bundle carries
    found: Listening = names["listening"]
    return found


@pytest.mark.parametrize(("files", "ports"), [*CONFIGURED, *(case[:2] for case in OTHERS)])
def test_both_readers_say_the_same(files: Mapping[str, str], ports: tuple[int, ...], tmp_path: Path) -> None:
    laid_out(tmp_path, files)
    assert sshd.ports(Root(str(tmp_path))) == ports
    assert read_by(cc_vps_firewall.listening, tmp_path) == ports


@pytest.mark.parametrize(("files", "ports"), [*CONFIGURED, *(case[::2] for case in OTHERS)])
def test_what_a_bundle_says(files: Mapping[str, str], ports: tuple[int, ...], tmp_path: Path) -> None:
    laid_out(tmp_path, files)
    assert read_by(stand_in(), tmp_path) == ports


def test_the_copy_is_what_the_engine_has() -> None:
    ours, theirs = (ast.parse(inspect.getsource(each)) for each in (sshd.listening, cc_vps_firewall.listening))
    for node in ast.walk(ours):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
    assert ast.dump(ours) == ast.dump(theirs)
    ((path, text),) = entry.made()
    assert path.read_text(encoding="utf-8") == text, "run `make generate`"


def test_an_annotation_that_cannot_be_taken_out_is_an_error() -> None:
    assert entry.without_annotations("def f(ä: int, b: list[str] = ()) -> int:\n    pass\n") == (
        "def f(ä, b = ()):\n    pass\n"
    )
    with pytest.raises(ValueError, match="not on one line"):
        entry.without_annotations("def f(a: dict[\n        str, str]):\n    pass\n")


def test_an_image_is_read_through_its_own_links(tmp_path: Path) -> None:
    """Absolute ones lead to its own files, and not to this computer's."""
    laid_out(tmp_path, {"opt/ssh/sshd_config.d/p.conf": "Port 2222\n", "etc/ssh": "-> /opt/ssh"})
    laid_out(tmp_path, {"usr/lib/systemd/system/ssh.socket": "ListenStream=2223\n", "lib": "-> /usr/lib"})
    laid_out(tmp_path, {"etc/systemd/system/a.wants/ssh.socket": f"-> {os.devnull}"})
    assert sshd.ports(Root(str(tmp_path))) == (2222, 2223)


def test_what_the_kernel_is_asked_for_is_as_much_as_one_match_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(f"Port {port}\n" for port in range(2001, 2030))
    monkeypatch.setattr(cc_vps_firewall, "_read", lambda path: text)
    monkeypatch.setattr(glob, "glob", lambda pattern: [])
    found = cc_vps_firewall.ssh_ports()  # type: ignore[no-untyped-call]
    assert found == [str(port) for port in range(2001, 2016)]

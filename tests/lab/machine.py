"""nothing -> a machine on this kernel to break: its own network, /etc, /var/lib and /run, and a neighbour who looks.

A thread has namespaces of its own; what it runs, opens and forks is inside them, and they go with it. The engine runs
in a fork of that thread, so that a test can kill it wherever it likes. Programs are replaced in the machine's own
/usr/sbin, which the engine searches first, never by patched functions. `systemctl` is always such a stand-in: it makes
and removes the links that the real one makes, and writes down what it was asked. /etc and /var/lib are small file
systems made for the test.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, TypeVar

from cc_vps_firewall.backends import iptables as iptables_backend
from cc_vps_firewall.backends.registry import BACKENDS
from cc_vps_firewall.boot import cloudinit
from cc_vps_firewall.cli import command as cli
from cc_vps_firewall.host import files, process, state
from cc_vps_firewall.image import seal
from cc_vps_firewall.root import HERE
from cc_vps_firewall.rules import bans
from tests import engine
from tests.engine import place
from tests.signals import DEFAULT_SIGNALS

from .knock import sender, senders
from .namespaces import CLONE_NEWNET, CLOSING, Namespace, await_addresses, packet_socket

T = TypeVar("T")
Checkpoint = Callable[[str], None]
Work = Callable[[Checkpoint], Any]
Settings = Mapping[str, Any]  # constants, such as process.TIMEOUT
AS_THEY_ARE: Settings = MappingProxyType({})
REPOSITORY = Path(__file__).resolve().parent.parent.parent
CLONE_NEWNS = 0x00020000
SETTLED = "/run/settled"

TOOLS = ("nftables", "iptables-nft", "iptables-legacy")
PREFIXES = ("iptables", "ip6tables")
OPEN, CLOSED = 22, 3306  # two ports with listeners: SSH, and a database that nobody opened
ADDRESS = {4: "192.0.2.10", 6: "2001:db8:1::10"}
NEIGHBOUR = {4: "192.0.2.1", 6: "2001:db8:1::1"}
STRANGER = {4: "192.0.2.9", 6: "2001:db8:1::9"}  # the same neighbour under addresses that no policy here names
INSTANCE = "i-1"  # what cloud-init calls this machine
INSTANCE_ID = "/var/lib/cloud/data/instance-id"  # where it keeps that
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
# Seconds that an answer may take: after the last one has come; after all have arrived that ask for one; before that.
ANSWERED, DROPPED, NEVER_ARRIVED = 0.03, 0.2, 2.0

# What the tools, the dynamic linker and Python look up; all else that /etc holds is the test's to say.
COPIED = ("alternatives", "group", "ld.so.cache", "ld.so.conf", "nsswitch.conf", "passwd", "protocols", "services")

SYSTEMCTL = """#!/bin/sh
echo "$*" >>/run/systemctl.log
links=/etc/systemd/system/sysinit.target.wants
case $1 in
    enable) mkdir -p $links && ln -sf /lib/systemd/system/$2 $links/$2 ;;
    disable) rm -f /etc/systemd/system/*.wants/$2 ;;
    mask) ln -sf /dev/null /etc/systemd/system/$2 ;;
esac
"""

NFTABLES_CONF = """#!/usr/sbin/nft -f

flush ruleset

table inet filter {
\tchain input {
\t\ttype filter hook input priority filter;
\t}
}
"""

# EL's targeted policy, as far as it names what the engine writes.
FILE_CONTEXTS = """/.*\tsystem_u:object_r:default_t:s0
/etc(/.*)?\tsystem_u:object_r:etc_t:s0
/etc/sysconfig/ip6?tables.*\t--\tsystem_u:object_r:system_conf_t:s0
/etc/sysconfig/nftables.conf.*\t--\tsystem_u:object_r:system_conf_t:s0
/etc/systemd/system(/.*)?\tsystem_u:object_r:systemd_unit_file_t:s0
/var/lib(/.*)?\tsystem_u:object_r:var_lib_t:s0
"""
# policycoreutils' own. Where the kernel has no SELinux it does nothing at all: that one answer it is given. -m: no
# mount says `seclabel` here, and it would leave them all out. Where it is given nothing it is to say so as ever.
RESTORECON = """#!/bin/sh
LD_PRELOAD=/run/selinux.so exec /run/sbin/restorecon ${1:+-m} "$@"
"""
SELINUX_IS_ON = "int is_selinux_enabled(void) { return 1; }"

RELEASES = {
    "debian": 'ID=debian\nVERSION_ID="12"\n',
    "redhat": 'ID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="9"\n',
    "other": "ID=alpine\nVERSION_ID=3.20\n",
}


@dataclass(frozen=True)
class Ended:
    """How a run of the engine ended: killed, with a value, or with what it raised."""

    killed: bool
    moments: tuple[str, ...]
    seconds: float
    value: Any
    raised: str
    out: str
    err: str


@dataclass(frozen=True)
class State:
    """All of a machine that must be old or new: the rules of both families, and the files with their modes."""

    rules: str
    files: Mapping[str, tuple[str, str]] = field(default_factory=dict)


class Machine:
    """Use it as a context: its namespaces are gone afterwards."""

    def __init__(self, tool: str = "nftables", release: str = "debian", copied: Sequence[str] = ()) -> None:
        """`copied`: what else of this computer's /etc is on the machine."""
        self.tool, self.release, self.copied = tool, release, (*COPIED, *copied)
        self.backend = tool.partition("-")[0]
        self.environment = {**os.environ, "PATH": f"/usr/sbin:{os.environ['PATH']}", "PYTHONPATH": ""}
        self._thread = ThreadPoolExecutor(1, "machine")
        self._held = ExitStack()

    def __enter__(self) -> Machine:
        self.do(self._begin)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()
        self._thread.shutdown()

    def do(self, work: Callable[[], T]) -> T:
        """Call `work` inside the machine."""
        return self._thread.submit(work).result()

    def _begin(self) -> None:
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET | CLONE_NEWNS):
            raise OSError(ctypes.get_errno(), "unshare: root is needed")
        self._mounts = os.readlink("/proc/thread-self/ns/mnt")
        lines = [
            "set -e",
            "mount --make-rprivate /",
            "mount -t tmpfs -o mode=755 run /run",
            "mkdir /run/etc /run/fake /run/sbin /run/tools",
            # Links to the programs of this computer: a test puts others in their places.
            "mount --bind /usr/sbin /run/sbin && mount -t tmpfs -o mode=755 sbin /usr/sbin",
            "ln -s /run/sbin/* /usr/sbin/",
            *(f"if [ -e /etc/{name} ]; then cp -a /etc/{name} /run/etc/; fi" for name in self.copied),
            "mount --bind /run/etc /etc",
            "mount -t tmpfs -o mode=755 lib /var/lib",
            "mkdir -p /etc/systemd/system /run/share /run/work",
            "mount -t overlay share -o lowerdir=/usr/share,upperdir=/run/share,workdir=/run/work /usr/share",
            # A machine boots with systemd, also where this computer is a container that has none.
            "mkdir /run/units /run/units.work",
            "mount -t overlay units -o lowerdir=/usr/lib/systemd,upperdir=/run/units,workdir=/run/units.work "
            "/usr/lib/systemd",
            "[ -e /usr/lib/systemd/systemd ] || : >/usr/lib/systemd/systemd",
        ]
        self.sh("\n".join(lines))
        self.write("/etc/os-release", RELEASES[self.release])
        self.write("/etc/nftables.conf", NFTABLES_CONF)
        self.write(INSTANCE_ID, f"{INSTANCE}\n")
        self.write("/run/tools/systemctl", SYSTEMCTL, 0o755)
        variant = "legacy" if self.tool == "iptables-legacy" else "nft"
        for prefix in PREFIXES:
            for suffix in ("", "-save", "-restore"):
                os.symlink(f"/run/sbin/{prefix}-{variant}{suffix}", f"/run/tools/{prefix}{suffix}")
        if self.release == "redhat":
            self._switch_selinux_on()
        self.sh("ln -sf /run/tools/* /usr/sbin/")
        if self.backend == "iptables":
            self.install_services("iptables")
        self.neighbour = Namespace("neighbour")
        self._held.callback(self.neighbour.close)
        self._wire()
        await_addresses("/proc/thread-self/net")
        self.neighbour.await_addresses()
        self._door = packet_socket("eth0")
        self._held.callback(CLOSING.submit, self._door.close)
        self.listeners = [self._held.enter_context(_listener(f, p)) for f in (4, 6) for p in (OPEN, CLOSED)]

    def _switch_selinux_on(self) -> None:
        """As EL always has it, but for the kernel's part: files have labels, and nothing is denied."""
        self.sh("mount -t tmpfs sys /sys/fs; tcc -shared -nostdlib -o /run/selinux.so -xc -", SELINUX_IS_ON)
        self.write("/sys/fs/selinux/enforce", "1")
        self.write("/etc/selinux/config", "SELINUX=enforcing\nSELINUXTYPE=targeted\n")
        self.write("/etc/selinux/targeted/contexts/files/file_contexts", FILE_CONTEXTS)
        self.write("/run/tools/restorecon", RESTORECON, 0o755)

    def _wire(self) -> None:
        # Nobody else can have these addresses. Asking the wire for one, the link's own, would keep it for two seconds.
        with self.neighbour.entered():
            _no_duplicate_addresses()
        _no_duplicate_addresses()
        peer = f"peer name wire netns {self.neighbour.path}"
        self.sh(
            "ip -batch -",
            "link set lo up\n"
            f"link add eth0 type veth {peer}\n"
            "link set eth0 up\n"
            f"address add {ADDRESS[4]}/24 dev eth0\n"
            f"address add {ADDRESS[6]}/64 dev eth0 nodad\n",
        )
        self.neighbour.ip(
            "link set wire up",
            *(f"address add {who[4]}/24 dev wire" for who in (NEIGHBOUR, STRANGER)),
            *(f"address add {who[6]}/64 dev wire nodad" for who in (NEIGHBOUR, STRANGER)),
        )

    # --- what stands on the machine

    def sh(self, script: str, text: str = "", check: bool = True) -> str:
        """A shell's output, from inside the machine's thread."""
        done = subprocess.run(
            ["sh", "-c", script], input=text, env=self.environment, capture_output=True, text=True, check=False
        )
        assert not (check and done.returncode), f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    def run(self, script: str, text: str = "", check: bool = True) -> str:
        """A shell's output, from outside."""
        return self.do(lambda: self.sh(script, text, check))

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Inside the machine: by do(), and not of this computer's own files."""
        assert os.readlink("/proc/thread-self/ns/mnt") == self._mounts, f"{path} is not this computer's to write"
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, encoding="utf-8")
        os.chmod(path, mode)

    def fake(self, **bodies: str) -> None:
        """Programs in the places of the real ones, a shell script's body each; underscores stand for dashes. `$real`
        is the real one's path, `$calls` how often this one ran."""
        for name, body in bodies.items():
            self.do(partial(self._fake, name.replace("_", "-"), body))

    def _fake(self, name: str, body: str) -> None:
        real = shutil.which(name, path="/run/tools:/run/sbin:/usr/bin")
        count = f"echo >>/run/calls.{name}; calls=$(wc -l </run/calls.{name})"
        self.write(f"/run/fake/{name}", f"#!/bin/sh\nreal={real}\n{count}\n{body}\n", 0o755)
        self.sh(f"ln -sf /run/fake/{name} /usr/sbin/{name}")

    def mend(self) -> None:
        """The real programs again."""
        self.run(
            "cd /usr/sbin; for fake in /run/fake/*; do rm -f ${fake##*/}; done; ln -s /run/tools/* . 2>/dev/null\n"
            "ln -s /run/sbin/* . 2>/dev/null; rm -f /run/fake/* /run/calls.*"
        )

    def install_services(self, name: str, enabled: bool = False) -> None:
        """The services of the distribution for a backend; `enabled`: their owner has switched them on."""
        for unit in place(self.release, name).units:
            if enabled:
                os.makedirs("/etc/systemd/system/sysinit.target.wants", exist_ok=True)
                os.symlink(f"/lib/systemd/system/{unit}", f"/etc/systemd/system/sysinit.target.wants/{unit}")
            self.write(f"/etc/systemd/system/{unit}", f"[Unit]\nDescription={unit}\n")
            for plugin in place(self.release, name).plugins:
                self.write(f"/{plugin}", "")

    # --- the engine at work

    def engine(self, work: Work, kill: int | float | None = None, settings: Settings = AS_THEY_ARE) -> Ended:
        """Call `work` in a process of the machine, and kill that at a moment (int) or after some seconds (float)."""
        return self.do(lambda: self._engine(work, kill, settings))

    def _engine(self, work: Work, kill: int | float | None, settings: Settings) -> Ended:
        with ExitStack() as stack:
            out, err, seen = (stack.enter_context(tempfile.TemporaryFile("w+")) for _ in range(3))
            answer, say = os.pipe()
            began = time.monotonic()
            child = os.fork()
            if child == 0:
                try:
                    os.dup2(out.fileno(), 1)
                    os.dup2(err.fileno(), 2)
                    os.environ.clear()
                    os.environ.update(self.environment)
                    _answer(work, _Checkpoint(seen.fileno(), kill), settings, say)
                finally:
                    os._exit(0)
            os.close(say)
            if isinstance(kill, float):
                select.select([answer], [], [], kill)
                os.kill(child, signal.SIGKILL)
            with open(answer, encoding="utf-8") as told:
                said = json.loads(told.read() or "{}")
            killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
            seconds = time.monotonic() - began
            self._settle()
            for file in (out, err, seen):
                file.seek(0)
            texts = {"out": out.read(), "err": err.read()}
            moments = tuple(seen.read().splitlines())
        assert killed or said, f"the engine ended without an answer: {texts}"
        return Ended(killed, moments, seconds, said.get("value"), said.get("raised", ""), **texts)

    def _settle(self) -> None:
        """Wait for what the engine had started: a kill of ours does not end it."""
        mine = os.readlink("/proc/thread-self/ns/mnt")
        for _ in range(2000):
            if not any(_mount_namespace(pid) == mine for pid in os.listdir("/proc") if pid.isdigit()):
                return
            time.sleep(0.005)
        raise AssertionError("something the engine started is still running")

    def apply(
        self,
        section: object,
        kill: int | float | None = None,
        settings: Settings = AS_THEY_ARE,
        **options: Any,
    ) -> Ended:
        """As the command does it."""

        def work(checkpoint: Checkpoint) -> Any:
            return engine.apply(section, checkpoint, **options)

        return self.engine(work, kill, settings)

    def first_boot(
        self, section: object, kill: int | None = None, settings: Settings = AS_THEY_ARE, **options: Any
    ) -> Ended:
        """first_boot(), as a process that has nobody to look after it. Its value is the status."""

        def work(checkpoint: Checkpoint) -> Any:
            outcome = engine.boot(section, checkpoint, **options)
            assert not outcome.problems, outcome
            return outcome.status

        return self.engine(work, kill, settings)

    def handle(
        self,
        section: object,
        kill: int | None = None,
        settings: Settings = AS_THEY_ARE,
        user_data: bytes = b"",
        packages: Mapping[str, str] = MappingProxyType({}),
        instance: str = INSTANCE,
        taken: bool = True,
    ) -> Ended:
        """cloud-init's entrance, with a stand-in for its cloud object. A kill meets the engine, not cloud-init.
        `packages`: what the distribution has, and the shell's command that installs it. `taken`: cloud-init has read
        the section."""

        def work(checkpoint: Checkpoint) -> Any:
            if Path(INSTANCE_ID).read_text(encoding="utf-8") != f"{instance}\n":
                self.write(INSTANCE_ID, f"{instance}\n")
            cloud = FakeCloud(user_data, packages, self.sh)
            return cloudinit.enter(section, cloud, lambda: self.write(SETTLED, ""), taken, runs=engine.runs(checkpoint))

        self.run(f"rm -f {SETTLED}")
        return self.engine(work, kill, settings)

    def settled(self) -> bool:
        """Has the last handle() said that another boot need not try again?"""
        return self.do(lambda: os.path.exists(SETTLED))

    def installs(self) -> list[str]:
        """What the distribution was asked to install so far."""
        return self.run("cat /run/installs 2>/dev/null", check=False).split()

    def seal(self, default: Settings = AS_THEY_ARE) -> None:
        """What an image built with `install --sealed` holds after its boot has loaded it."""
        assert not self.engine(lambda checkpoint: seal.close(HERE, dict(default))).raised
        backend = BACKENDS[self.backend]
        files = place("debian", self.backend).files
        self.run("\n".join(backend.boot_commands(files, {tool: tool for tool in backend.tools})))
        assert self.reachable() == set()

    def command(self, *arguments: str, policy: object = None, settings: Settings = AS_THEY_ARE) -> Ended:
        """The command line; its exit code is the value. `policy` goes to the file that FILE stands for."""
        if policy is not None:
            self.do(lambda: self.write("/run/policy.yaml", f"#cloud-config\n{json.dumps({'vps_firewall': policy})}\n"))
        words = ["/run/policy.yaml" if word == "FILE" else word for word in arguments]
        return self.engine(lambda checkpoint: cli.main(words), None, settings)

    def start(self, *argv: str, **options: Any) -> subprocess.Popen[str]:
        """A real process of the machine, which a signal ends, whatever started these tests ignores (nohup, say)."""
        return self.do(
            lambda: subprocess.Popen(
                [*DEFAULT_SIGNALS, *argv],
                env=options.pop("env", self.environment),
                cwd=REPOSITORY,
                text=True,
                **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
            )
        )

    # --- what became of it

    def rules(self) -> str:
        """All rules of both families, other people's too, without counters and what traffic writes into sets."""
        return self.do(self._rules)

    def _rules(self) -> str:
        """Sorted, for which table came first is of no matter, and without those that let everything pass."""
        tables = re.findall(r"(?m)^table (?!ip6? ).*\n(?:[^}].*\n|\n)*}\n", self.sh("nft -s list ruleset 2>/dev/null"))
        tables = [t for t in tables if not t.startswith(f"table {bans.TABLE} ") or "elements = " in t]
        for prefix in PREFIXES if self.backend == "iptables" else ():
            text = re.sub(r" \[\d+:\d+\]", "", self.sh(f"/run/tools/{prefix}-save"))
            found = re.findall(r"(?ms)^\*.*?^COMMIT$\n", text)
            tables += [f"{prefix} {t}" for t in found if re.search("(?m)^-A |^:.* (DROP|-)$", t)]
        return re.sub(r"(\n\t\tflags dynamic[^}]*?)\n\t\telements = \{[^}]*\}", r"\1", "".join(sorted(tables)))

    def files(self) -> dict[str, tuple[str, str]]:
        """path -> (mode, text) of every file that the engine writes, but for the status and the mark of an instance."""
        told = (state.STATUS, state.PUBLIC, state.DONE)
        return {path: file for path, file in self.do(files_below).items() if path not in told}

    def state(self) -> State:
        return State(self.rules(), self.files())

    def leftovers(self) -> list[str]:
        return [path for path in self.files() if os.path.basename(path).startswith(".")]

    def label(self, path: str) -> str:
        """The SELinux type of a file, '' where it has none."""
        try:
            return self.do(lambda: os.getxattr(path, "security.selinux")).decode().split(":")[2]
        except OSError:
            return ""

    def status(self) -> dict[str, Any]:
        """As root has it."""
        return self.do(lambda: dict(files.read_json(state.STATUS)))

    def public(self) -> dict[str, Any]:
        """As every user has it."""
        return self.do(lambda: dict(files.read_json(state.PUBLIC)))

    def asked_of_systemctl(self) -> list[str]:
        return self.run("cat /run/systemctl.log 2>/dev/null", check=False).splitlines()

    def reachable(self, who: Mapping[int, str] = NEIGHBOUR) -> set[tuple[int, int]]:
        """(family, port) of what the neighbour can connect to from these addresses, by real connections."""
        return self.do(partial(self._reachable, [who]))[0]

    def reachable_by_both(self) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
        """The same for the neighbour, and for the stranger."""
        stranger, neighbour = self.do(partial(self._reachable, [STRANGER, NEIGHBOUR]))
        return neighbour, stranger

    def _reachable(self, whos: Sequence[Mapping[int, str]]) -> list[set[tuple[int, int]]]:
        wanted = [(n, family, port) for n in range(len(whos)) for port in (CLOSED, OPEN) for family in (4, 6)]
        with ExitStack() as stack, self.neighbour.entered():
            sockets = {end: stack.enter_context(socket.socket(FAMILY[end[1]])) for end in wanted}
            for (number, family, port), connection in sockets.items():
                connection.setblocking(False)
                connection.bind((whos[number][family], 0))
                connection.connect_ex((ADDRESS[family], port))
            # SSH was asked last: when it has answered, so have the others, or they never will. Nor will they when all
            # have been seen at the machine's door, which is before any rule, and nothing has come of it.
            under_way = set(map(sender, sockets.values()))
            last, answered = set(wanted[-2:]), set[tuple[int, int, int]]()
            deadline = time.monotonic() + NEVER_ARRIVED
            while (waiting := [end for end in wanted if end not in answered]) and (
                left := deadline - time.monotonic()
            ) > 0:
                ready = select.select([self._door], [sockets[end] for end in waiting], [], left)[1]
                arrived = under_way & set(senders(self._door))  # for the first time: nobody is waited for again
                under_way -= arrived
                answered |= {end for end in waiting if sockets[end] in ready}
                if ready or arrived:
                    patience = ANSWERED if last <= answered else NEVER_ARRIVED if under_way else DROPPED
                    deadline = time.monotonic() + patience
            let_in = {end for end in answered if not sockets[end].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)}
            return [{(family, port) for who, family, port in let_in if who == n} for n in range(len(whos))]

    def assert_closed(self) -> None:
        """SSH answers, the database does not, over either family."""
        assert self.reachable() == {(4, OPEN), (6, OPEN)}, self.rules()


class FakeCloud:
    """As much of cloud-init's cloud object as the module asks for."""

    def __init__(self, user_data: bytes, packages: Mapping[str, str], shell: Callable[[str], str]) -> None:
        self.user_data, self.packages, self.shell = user_data, packages, shell
        self.datasource = self
        self.distro = self

    def get_userdata_raw(self) -> bytes:
        return self.user_data

    def install_packages(self, packages: Sequence[str]) -> None:
        self.shell(f"echo {' '.join(packages)} >>/run/installs")
        if missing := set(packages) - set(self.packages):
            raise RuntimeError(f"there is no {missing}")
        for package in packages:
            self.shell(self.packages[package])


class _Checkpoint:
    """Writes down every moment of a run, and kills the process that comes to the one chosen."""

    def __init__(self, seen: int, kill: int | float | None) -> None:
        self.seen, self.kill, self.count = seen, kill, 0

    def __call__(self, moment: str) -> None:
        os.write(self.seen, f"{moment}\n".encode())
        if isinstance(self.kill, int) and self.count == self.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1


def _answer(work: Work, checkpoint: Checkpoint, settings: Settings, say: int) -> None:
    """In the child of a fork: call `work`, and tell the parent what it returned or raised."""
    for name, value in settings.items():
        module, _, constant = name.partition(".")
        setattr({"process": process, "files": files, "iptables_backend": iptables_backend}[module], constant, value)
    with open(1, "w", closefd=False) as out, open(2, "w", closefd=False) as err:
        sys.stdout, sys.stderr = out, err
        try:
            answer = {"value": work(checkpoint)}
        except BaseException as failure:
            answer = {"raised": f"{type(failure).__name__}: {failure}"}
    os.write(say, json.dumps(answer, default=str).encode())


def _no_duplicate_addresses() -> None:
    """No detection of duplicates on links that this thread's network gets from now on."""
    Path("/proc/sys/net/ipv6/conf/default/accept_dad").write_text("0", encoding="ascii")


def _listener(family: int, port: int) -> socket.socket:
    listener = socket.socket(FAMILY[family])
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == 6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind(("::" if family == 6 else "0.0.0.0", port))
    listener.listen(1024)  # nobody accepts, and each knock stays in the queue
    return listener


def _mount_namespace(pid: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")
    except OSError:
        return ""


def files_below(root: str = "") -> dict[str, tuple[str, str]]:
    """path -> (mode, text) of every file that the engine writes in the system at `root`, where the caller is."""
    return {path[len(root) :]: _file(path) for path in _written(root)}


def _written(root: str) -> Iterator[str]:
    folders = (
        "/etc/iptables",
        "/etc/nftables",
        "/etc/sysconfig",
        "/etc/vps-firewall",
        "/etc/systemd/system",
        state.STATE,
    )
    for top in folders:
        for folder, _, names in os.walk(root + top):
            yield from (os.path.join(folder, name) for name in sorted(names))
    yield f"{root}/etc/nftables.conf"


def _file(path: str) -> tuple[str, str]:
    if os.path.islink(path):
        return "link", os.readlink(path)
    with open(path, encoding="utf-8", errors="replace") as file:
        return oct(stat.S_IMODE(os.fstat(file.fileno()).st_mode)), file.read()


@contextmanager
def lock_held(path: str) -> Iterator[None]:
    """Somebody else has this lock; call it inside the machine."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)

"""A flood of SYNs from random sources at an open port -> the share of honest clients that are served meanwhile.

A client is served when it is connected and has its first bytes within a second; clients are 80 ms away. Beside them the
host opens connections of its own. `nf_conntrack_max` is one for the whole computer: runs are one at a time, under a
lock, and a process of its own puts the old value back, whatever ends this one.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import ipaddress
import os
import random
import selectors
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cc_vps_firewall import policy
from cc_vps_firewall.rules import ruleset
from tests.lab.backends import TOOLS, load, restore
from tests.lab.namespaces import Namespace, packet_socket

LOCK = Path("/run/vps-firewall-attack.lock")
# How many entries, and in how many buckets: as many, as the kernel has it where nobody changed them. With more it finds
# nothing to evict in those buckets that it looks at, and drops.
SIZES = ("/proc/sys/net/netfilter/nf_conntrack_max", "/proc/sys/net/netfilter/nf_conntrack_buckets")
PORT, OUT = 8080, 9090
HOST, NEAR, FAR = "192.0.2.10", "192.0.2.1", "198.51.100.7"
MACS = {"flood0": "02:00:00:00:00:01", "host0": "02:00:00:00:00:02"}
DELAY = 0.08
EACH = 50  # clients, and connections of the host's own, a second
FRAMES = 20_000

# The tutorial's rules that concern this, as it types them.
TUTORIAL = f"""*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp --tcp-flags ALL NONE -j DROP
-A INPUT -p tcp ! --syn -m state --state NEW -j DROP
-A INPUT -p tcp --tcp-flags ALL ALL -j DROP
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m tcp --dport {PORT} -j ACCEPT
-A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT
COMMIT
"""

# Puts the tracker's size back when its standard input ends, as it does when this process is gone.
KEEPER = """
import sys
sys.stdin.read()
for path, value in zip(sys.argv[1::2], sys.argv[2::2]):
    open(path, "w").write(value)
"""

SERVER = """
import select, socket, sys
one = socket.socket(fileno=int(sys.argv[1]))
one.setblocking(False)
while True:
    select.select([one], [], [])
    try:
        while True:
            near, _ = one.accept()
            near.send(b"hello")
            near.close()
    except OSError:
        pass
"""


# Hands on what comes to one of two sockets to the other, later: not every kernel has netem.
DELAYER = """
import collections, select, socket, sys, time
ends = [socket.socket(fileno=int(number)) for number in sys.argv[1:3]]
delay, queue = float(sys.argv[3]) / 2, collections.deque()
while True:
    now = time.monotonic()
    while queue and queue[0][0] <= now:
        _, end, frame = queue.popleft()
        try:
            end.send(frame)
        except OSError:
            pass
    ready, _, _ = select.select(ends, [], [], max(0, min(0.01, queue[0][0] - now if queue else 0.01)))
    for end in ready:
        try:
            frame, address = end.recvfrom(65536)
        except OSError:
            continue
        if address[2] != socket.PACKET_OUTGOING:
            queue.append((time.monotonic() + delay, ends[end is ends[0]], frame))
"""


def _without_offload(device: str) -> None:
    """Checksums and segments are made before a packet socket reads them (SIOCETHTOOL of linux/sockios.h)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        for command in (0x17, 0x1F, 0x24):  # ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            request = struct.pack("16sP16x", device.encode(), ctypes.addressof(value))
            with contextlib.suppress(OSError):
                fcntl.ioctl(one, 0x8946, request)


@dataclass(frozen=True)
class Result:
    """Shares of those served, 0 to 1; SYNs sent a second; entries in the tracker's table at the end."""

    clients: float
    own: float
    syns: float
    entries: int


@contextlib.contextmanager
def table_of(entries: int) -> Iterator[None]:
    """The tracker has room for so many. Raises BlockingIOError where another run is at work."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        before = [word for path in SIZES for word in (path, Path(path).read_text().strip())]
        keeper = subprocess.Popen(
            [sys.executable, "-c", KEEPER, *before], stdin=subprocess.PIPE, start_new_session=True
        )
        try:
            for path in SIZES:
                Path(path).write_text(str(entries))
            yield
        finally:
            assert keeper.stdin
            keeper.stdin.close()
            keeper.wait()


class Lab:
    """A host, a flooder at one of its interfaces, and the internet behind another, 80 ms away."""

    def __init__(self, host: Namespace | None = None) -> None:
        self.host = host or Namespace("host")
        self.flooder, self.internet, self.delay = (Namespace(name) for name in ("flooder", "internet", "delay"))
        self.host.ip(
            f"link add host0 address {MACS['host0']} type veth peer name flood0 address {MACS['flood0']} "
            f"netns {self.flooder.path}",
            f"link add host1 type veth peer name there netns {self.delay.path}",
        )
        self.internet.ip(f"link add far0 type veth peer name back netns {self.delay.path}")
        self.delay.ip("link set there up", "link set back up")
        self.host.ip(
            f"address add {HOST}/24 dev host0", f"address add {HOST}/32 dev host1", "link set host0 up",
            "link set host1 up", "link set lo up", f"route add {FAR}/32 dev host1",
            f"route add default via {NEAR}",
            f"neighbour add {NEAR} lladdr {MACS['flood0']} dev host0 nud permanent",
        )  # fmt: skip
        self.flooder.ip("link set flood0 up")
        self.internet.ip(f"address add {FAR}/32 dev far0", "link set far0 up", f"route add {HOST}/32 dev far0")
        for inside, name in ((self.host, "host1"), (self.internet, "far0")):
            with inside.entered():
                _without_offload(name)
        self.host.sysctl({"ipv4/tcp_syncookies": 1, "ipv4/conf/all/rp_filter": 0, "ipv4/conf/host0/rp_filter": 0})

    def rules(self, tool: str, which: str) -> None:
        """`which`: none, tracked (no rules but the tracker), the tutorial's, or ours, guarded or not."""
        if which == "tracked":
            text = "table ip t { chain i { type filter hook input priority 0; ct state established accept; }; }"
            self.host.run(["nft", "-f", "-"], text)
        elif which == "tutorial":
            restore(self.host, tool, 4, TUTORIAL)
        elif which != "none":
            section = {"allow": [f"{PORT}/tcp"], "flood": which}
            load(self.host, tool, ruleset.build(policy.parse(section, read_list=lambda path: "")))


def frames() -> list[str]:
    """SYNs from random sources, in hexadecimal. scapy takes a minute for as many."""
    chosen = random.Random(1)
    link = bytes.fromhex((MACS["host0"] + MACS["flood0"]).replace(":", "")) + b"\x08\x00"
    there = ipaddress.IPv4Address(HOST).packed
    made = []
    for _ in range(FRAMES):
        ends = (0x0B000000 + chosen.getrandbits(28)).to_bytes(4, "big") + there
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, chosen.getrandbits(16), 0, 64, socket.IPPROTO_TCP, 0) + ends
        ip = ip[:10] + _checksum(ip) + ip[12:]
        tcp = struct.pack(
            "!HHIIBBHHH", chosen.randint(1024, 65535), PORT, chosen.getrandbits(32), 0, 0x50, 0x02, 64240, 0, 0
        )
        check = _checksum(ends + struct.pack("!HH", socket.IPPROTO_TCP, len(tcp)) + tcp)
        made.append((link + ip + tcp[:16] + check + tcp[18:]).hex())
    return made


def _checksum(data: bytes) -> bytes:
    """RFC 1071."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)


@contextlib.contextmanager
def serving(inside: Namespace, address: str, port: int) -> Iterator[None]:
    with inside.entered():
        listener = socket.create_server((address, port), backlog=1024)
    with listener:
        server = subprocess.Popen([sys.executable, "-c", SERVER, str(listener.fileno())], pass_fds=[listener.fileno()])
        try:
            yield
        finally:
            server.kill()
            server.wait()


def served(inside: Sequence[tuple[Namespace, str | Callable[[], str], tuple[str, int]]], seconds: float) -> list[float]:
    """Clients of each kind, EACH a second -> the share of each kind that has its bytes within a second. A kind is where
    it is, its address or what gives one for each client, and where it goes."""
    choose = selectors.DefaultSelector()
    asked, good = [0] * len(inside), [0] * len(inside)
    began = time.monotonic()
    waiting: dict[socket.socket, tuple[int, float]] = {}
    while (spent := time.monotonic() - began) < seconds + 1.2:
        for kind, (namespace, source, to) in enumerate(inside):
            while spent < seconds and asked[kind] < spent * EACH:
                with namespace.entered():
                    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
                client.bind((source() if callable(source) else source, 0))
                with contextlib.suppress(OSError):
                    client.connect_ex(to)
                choose.register(client, selectors.EVENT_READ, client)
                waiting[client] = (kind, time.monotonic())
                asked[kind] += 1
        for key, _ in choose.select(0.005):
            client = key.data
            kind, when = waiting.pop(client)
            with contextlib.suppress(OSError):
                good[kind] += bool(client.recv(16)) and time.monotonic() - when <= 1
            choose.unregister(client)
            client.close()
    for client in waiting:
        client.close()
    return [many / max(of, 1) for many, of in zip(good, asked)]


def run(tool: str, which: str, table: int, rate: int, seconds: float, made: Sequence[str]) -> Result:
    """One measure, in namespaces of its own."""
    with table_of(table):
        lab = Lab()
        lab.rules(tool, which)
        return flooded(lab, rate, seconds, made)


def flooded(lab: Lab, rate: int, seconds: float, made: Sequence[str]) -> Result:
    """What becomes of a lab's clients; the tracker's table has its size already."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(serving(lab.host, HOST, PORT))
        stack.enter_context(serving(lab.internet, FAR, OUT))
        with lab.flooder.entered():
            wire = stack.enter_context(packet_socket("flood0"))
        wire.setblocking(True)
        with lab.delay.entered():
            ends = [stack.enter_context(packet_socket(name)) for name in ("there", "back")]
        numbers = [str(end.fileno()) for end in ends]
        delayer = subprocess.Popen(
            [sys.executable, "-c", DELAYER, *numbers, str(DELAY)], pass_fds=[end.fileno() for end in ends]
        )
        stack.callback(delayer.kill)
        sender = subprocess.Popen(
            [sys.executable, "-m", "tests.attack.sender", str(wire.fileno()), str(rate), str(seconds + 3)],
            pass_fds=[wire.fileno()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        stack.callback(sender.kill)
        assert sender.stdin
        sender.stdin.write("\n".join(made))
        sender.stdin.close()
        time.sleep(1.5)  # until the table is full
        kinds = [(lab.internet, FAR, (HOST, PORT)), (lab.host, HOST, (FAR, OUT))]
        clients, own = served(kinds, seconds)
        entries = int(lab.host.run(["cat", "/proc/sys/net/netfilter/nf_conntrack_count"]))
        assert sender.stdout
        sent = int(sender.stdout.read() or 0)
        return Result(clients, own, sent / (seconds + 3), entries)


RULES = [("none", "none"), ("nftables", "tracked"), ("iptables-legacy", "tutorial")] + [
    (tool, which) for tool in TOOLS for which in ("ignore", "guard")
]


def main(table: int, rate: int, seconds: float) -> None:
    made = frames()
    print(
        f"{rate:,} SYNs a second, a table of {table:,}, clients {DELAY * 1000:.0f} ms away, Linux {os.uname().release}"
    )
    print(f"{'rules':28} {'clients':>8} {'own':>8} {'SYNs/s':>9} {'entries':>8}")
    for tool, which in RULES:
        got = run(tool, which, table, rate, seconds, made)
        name = which if tool == "none" else f"{tool}, {'flood: ' * (which in ('ignore', 'guard'))}{which}"
        print(f"{name:32} {got.clients:8.1%} {got.own:8.1%} {got.syns:9,.0f} {got.entries:8,}", flush=True)

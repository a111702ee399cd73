"""Forged SYNs at SSH with its limit -> the share of new sources that get in, and of one that hammers.

    python -m tests.attack.limits [RATE]

A source gets in when it has its first bytes within a second; all are 80 ms away. As root, on a machine that does
nothing else.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time

from cc_vps_firewall import policy
from cc_vps_firewall.rules import ruleset
from tests.lab.backends import TOOLS, load
from tests.lab.namespaces import packet_socket

from . import floods
from .floods import DELAY, DELAYER, HOST, Lab, frames, served, serving, table_of

SSH, TABLE, SECONDS = 22, 65_536, 4.0
SOURCES = [f"198.51.100.{n}" for n in range(10, 210)]
HAMMER = "198.51.100.7"


def run(tool: str, rate: int) -> tuple[float, float]:
    """Shares of the new sources, one try each, and of the tries of the one that hammers, as many."""
    floods.PORT = SSH  # where the forged SYNs go
    with table_of(TABLE), contextlib.ExitStack() as stack:
        lab = Lab()
        lab.host.ip("route add 198.51.100.0/24 dev host1")
        lab.internet.ip(*(f"address add {source}/32 dev far0" for source in SOURCES))
        load(lab.host, tool, ruleset.build(policy.parse({"ssh": {}}, read_list=lambda path: "")))
        stack.enter_context(serving(lab.host, HOST, SSH))
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
        if rate:
            sender = subprocess.Popen(
                [sys.executable, "-m", "tests.attack.sender", str(wire.fileno()), str(rate), str(SECONDS + 3)],
                pass_fds=[wire.fileno()], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
            )  # fmt: skip
            stack.callback(sender.kill)
            assert sender.stdin
            sender.stdin.write("\n".join(frames()))
            sender.stdin.close()
            time.sleep(1.5)
        each = iter(SOURCES)
        kinds = [(lab.internet, lambda: next(each), (HOST, SSH)), (lab.internet, lambda: HAMMER, (HOST, SSH))]
        new, hammered = served(kinds, SECONDS)
        return new, hammered


def main(rate: int) -> None:
    print(f"{rate:,} forged SYNs a second at SSH, {len(SOURCES)} tries in {SECONDS:.0f} s, Linux {os.uname().release}")
    print(f"{'rules':18} {'new sources':>12} {'one that hammers':>18}")
    for tool in TOOLS:
        new, hammered = run(tool, rate)
        print(f"{tool:18} {new:12.1%} {hammered:18.1%}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)

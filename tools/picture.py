"""The stanza of the README and the model of it -> docs/result.svg: what is open before a first boot, and after.

The same table as `make demo` prints after it has knocked; that run, not this picture, is the evidence.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from cc_vps_firewall.algebra import questions
from cc_vps_firewall.algebra.model import IN, model
from tests.casefiles import MACHINE, STRANGER

from . import pages

PATH = pages.HOME / "docs" / "result.svg"
OFFICE = {4: "203.0.113.7", 6: STRANGER[6]}
# What listens on the machine of `make demo`, beside sshd.
LISTENING = {
    80: "http", 443: "https", 25: "smtp", 465: "smtps", 110: "pop3", 995: "pop3s", 143: "imap", 993: "imaps",
    111: "rpcbind", 3306: "MySQL", 5432: "PostgreSQL", 6379: "Redis", 8080: "an admin page", 11211: "memcached",
}  # fmt: skip
ROW, TOP, WIDTH = 22, 74, 760
COLUMNS = (480, 540, 620, 690)  # before and after, IPv4 and IPv6
OPEN, CLOSED = ("open", "#1a7f37"), ("closed", "#cf222e")

Rows = Sequence[tuple[str, str, Sequence[bool]]]


def made() -> pages.Files:
    yield PATH, "".join(_picture(_rows()))


def _rows() -> Rows:
    asked = [(22, "SSH, from the office", OFFICE), (22, "SSH, from elsewhere", STRANGER)]
    asked += [(port, name, STRANGER) for port, name in LISTENING.items()]
    known = model(pages.first_policy(pages.HOME / "README.md"))
    return [
        (
            str(port),
            name,
            [questions.judge(known, _syn(family, port, source[family])).verdict == "accept" for family in source],
        )
        for port, name, source in asked
    ]


def _syn(family: int, port: int, source: str) -> questions.Packet:
    here, there = (int(ipaddress.ip_address(address)) for address in (MACHINE[family], source))
    return questions.Packet(IN, family, "tcp", port, there, here, "eth0", "")


def _picture(rows: Rows) -> Iterator[str]:
    height = TOP + ROW * len(rows) + 16
    about = "Ports of a new VPS: all are open before the first boot; after it those that the user-data names"
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
    yield f'aria-label="{about}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14">\n'
    yield f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#ffffff" stroke="#d0d7de"/>\n'
    yield _text(20, 28, "somebody on the internet knocks", "#57606a")
    yield _text(COLUMNS[0], 28, "before", "#1f2328", "bold") + _text(COLUMNS[2], 28, "after", "#1f2328", "bold")
    for x, name in zip(COLUMNS, ("IPv4", "IPv6", "IPv4", "IPv6")):
        yield _text(x, 52, name, "#57606a")
    for number, (port, name, after) in enumerate(rows):
        y = TOP + ROW * number + 8
        yield _text(20, y, port, "#1f2328") + _text(90, y, name, "#1f2328")
        for x, is_open in zip(COLUMNS, (True, True, *after)):
            word, colour = OPEN if is_open else CLOSED
            yield _text(x, y, word, colour, "normal" if is_open else "bold")
    yield "</svg>\n"


def _text(x: int, y: int, text: str, colour: str, weight: str = "normal") -> str:
    return f'<text x="{x}" y="{y}" fill="{colour}" font-weight="{weight}">{escape(text)}</text>\n'

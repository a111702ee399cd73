"""The verbs that ask: explain, who, diff and test. What they say is the algebra's; here are their arguments."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..algebra import explain as explaining
from ..algebra.model import ECHO, ICMP, OTHERS, ROOT, UNKNOWN, Model, model
from ..errors import FirewallError, PolicyRefused, Problem
from ..host import facts
from ..policy import Opening, Policy, parse_network
from ..policy.keys import INTERFACE
from ..policy.messages import quoted
from ..policy.networks import WIDTH, NotANetwork
from ..policy.openings import OpeningValues
from ..policy.services import SERVICES
from . import report

LINUX = sys.platform.startswith("linux")
ANYWHERE = ("explain", "who", "diff", "test")  # of a FILE these answer wherever Python runs
REFUSABLE = ("opens", "closes")
FOUND = 8  # the exit code of `diff --refuse`
# What `--json` has where there is no answer, besides the problems.
WITHOUT: Mapping[str, Mapping[str, object]] = {
    "explain": {"verdict": UNKNOWN, "entry": None, "limit": None, "assumptions": []}
}
PING = "ping"
# Protocols without ports that the table of services has.
PORTLESS = {opening for openings in SERVICES.values() for opening in openings if "/" not in opening}
Read = Callable[[str], Policy]


class Verb(argparse.ArgumentParser):
    """A parser that finds FILE behind options too, where it may be left out (argparse does from Python 3.14 on)."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        found, more = super().parse_known_args(args, namespace)
        if len(more) == 1 and getattr(found, "file", "") is None and (more == ["-"] or not more[0].startswith("-")):
            found.file, more = more[0], []
        return found, more


def add(command: Callable[..., Any], read: Read) -> None:
    """The verbs, to the parser of the command. `command`: adds one; `read`: FILE -> its policy."""
    sub = command(
        "explain",
        lambda options: explain(options, read),
        "why does a packet get in, or not",
        "vps-firewall explain 22/tcp --from 198.51.100.9 user-data.yaml",
        file=False,
    )
    sub.add_argument("what", metavar="WHAT", help="22/tcp, a service such as ssh, a protocol such as esp, or ping")
    _file(sub)
    sub.add_argument("--from", dest="source", metavar="ADDRESS", help="who sends it; default: a stranger")
    sub.add_argument("--to", metavar="ADDRESS", help="this host sends it, to that address; with --from: forwards it")
    sub.add_argument("--user", choices=(ROOT, OTHERS), default=OTHERS, help="with --to: whose program; default: others")
    sub.add_argument("--live", action="store_true", help="ask the kernel's own rules, other people's too, as root")
    sub.add_argument("--interface", metavar="NAME", default="", help="default: one that no entry and no bridge names")
    sub.add_argument("--out", metavar="NAME", default="", help="with --from and --to: by which it leaves, as above")
    sub.add_argument("--json", action="store_true", help="print it as JSON")

    sub = command(
        "who",
        lambda options: who(options, read),
        "which sources reach which port",
        "vps-firewall who 22/tcp user-data.yaml",
        file=False,
    )
    sub.add_argument("what", metavar="WHAT", nargs="?", help="22/tcp, a service, a protocol, or ping; default: all")
    _file(sub)
    sub.add_argument("--live", action="store_true", help="by the kernel's own rules, other people's too, as root")
    sub.add_argument("--json", action="store_true", help="print it as JSON, network by network")
    sub = command(
        "diff",
        lambda options: diff(options, read),
        "what a change of a policy opens and closes",
        "vps-firewall diff old.yaml new.yaml --refuse opens",
        file=False,
    )
    sub.add_argument("before", metavar="A", help="user-data with a vps_firewall: key, or -")
    sub.add_argument("after", metavar="B", help="another one")
    sub.add_argument("--refuse", choices=REFUSABLE, help="end with 8 where B opens, or closes, anything")
    sub.add_argument("--json", action="store_true", help="print it as JSON, network by network")

    sub = command(
        "test",
        lambda options: test(options, read),
        "do the tests of a policy hold",
        "vps-firewall test user-data.yaml",
        file=False,
    )
    _file(sub)
    sub.add_argument("--json", action="store_true", help="print it as JSON")


def _file(sub: Any) -> None:
    sub.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        help="user-data with a vps_firewall: key, or -; default: the policy in force here",
    )


def explain(options: Any, read: Read) -> int:
    asked = openings(options.what)
    source = _address("--from", options.source) if options.source else None
    destination = _address("--to", options.to) if options.to else None
    if source and destination and source[0] != destination[0]:
        raise _wrong("--to", f"{options.to} is of another family than {options.source}")
    if options.out and not (source and destination):
        raise _wrong("--out", "is about what this host forwards; add --from and --to")
    for option, name in (("--interface", options.interface), ("--out", options.out)):
        if name and (name.endswith("*") or not INTERFACE.fullmatch(name)):
            raise _wrong(option, f"{quoted(name)} is not the name of an interface, such as eth0")
    if options.live:
        return _explain_live(options, read, asked, source)
    made = _model(options.file, read)
    packets = explaining.packets(
        made, asked, source=source, destination=destination, interface=options.interface,
        user=options.user if destination and not source else "", out=options.out,
    )  # fmt: skip
    found = [explaining.explain(made, packet) for packet in packets]
    if not found:
        raise _wrong("--from", f"{options.source} is of another family than {options.what}")
    _show(options, lambda: explaining.as_json(found), lambda: explaining.lines(found))
    return 0


def _explain_live(options: Any, read: Read, asked: Sequence[Opening], source: tuple[int, int] | None) -> int:
    """The kernel is asked; the policy in force, or FILE, says which of its lines that was."""
    if options.to:
        raise _wrong("--live", "is about what comes in; leave --to out")
    _require_kernel("explain")
    saved = read(options.file) if options.file is not None else report.saved_policy(facts.inspect())
    made = model(saved) if saved else Model((), ())
    packets = list(explaining.packets(made, asked, source=source, interface=options.interface))
    lines, told = _live().explain(made, packets)
    _show(options, lambda: told, lambda: [*lines, f"not asked: {explaining.UNSEEN[0]}"])
    return 0


def _require_kernel(verb: str) -> None:
    if not LINUX or os.geteuid():
        raise FirewallError(f"`vps-firewall {verb} --live` asks the kernel: run it as root")


def _live() -> Any:
    from . import live  # here, as in the verbs below: explain should answer at once

    return live


def who(options: Any, read: Read) -> int:
    from ..algebra import who as reaching

    if options.what and options.file is None and (options.what == "-" or os.path.exists(options.what)):
        options.file, options.what = options.what, None
    asked = openings(options.what) if options.what else ()
    if options.live:
        if options.file is not None:
            raise _wrong("--live", "asks the kernel; leave FILE out")
        _require_kernel("who")
        lines, told = _live().who(asked)
        _show(options, lambda: told, lambda: lines)
        return 0
    reach = reaching.who(_model(options.file, read), asked)
    _show(options, lambda: reaching.as_json(reach), lambda: reaching.lines(reach, asked))
    return 0


def diff(options: Any, read: Read) -> int:
    from ..algebra import diff as differing

    if options.before == options.after == "-":
        raise _wrong("B", "A is standard input already; name a file")
    found = differing.diff(read(options.before), read(options.after))
    _show(options, lambda: differing.as_json(found), lambda: differing.lines(found))
    return FOUND if options.refuse in found.kinds() else 0


def test(options: Any, read: Read) -> int:
    from ..algebra import expectations

    found = expectations.examine(_policy(options.file, read))
    every = len(found.failing) + found.held
    lines = [
        *(f"fails: {problem}" for problem in found.failing),
        *(f"unknown: {problem}" for problem in found.unknown),
        f"{found.held:,} of {every:,} hold" if every or found.unknown else "this policy has no tests",
    ]
    _show(options, lambda: expectations.as_json(found), lambda: lines)
    return PolicyRefused.exit_code if found.failing else 0


# --- arguments ----------------------------------------------------------------------------------------------


def openings(text: str) -> Sequence[Opening]:
    """'22/tcp', 'ssh', 'esp' or 'ping' -> what it is; refused as a policy refuses it."""
    if text == PING:
        return [Opening(ICMP[family], ECHO[family], ECHO[family]) for family in WIDTH]
    if text in PORTLESS:
        return [Opening(text)]
    reader = OpeningValues(str)
    found = reader.opening(text, text, anywhere=False)
    if reader.problems:
        raise PolicyRefused([Problem("WHAT", problem.message) for problem in reader.problems])
    return found


def _address(option: str, text: str) -> tuple[int, int]:
    try:
        family, number, prefix = parse_network(text)
    except NotANetwork as error:
        raise _wrong(option, str(error)) from None
    if prefix != WIDTH[family]:
        raise _wrong(option, f"{text} is a network; write one address of it, or ask `vps-firewall who`")
    return family, number


def _wrong(option: str, message: str) -> PolicyRefused:
    return PolicyRefused([Problem(option, message)])


def _model(file: str | None, read: Read) -> Model:
    return model(_policy(file, read))


def _policy(file: str | None, read: Read) -> Policy:
    if file is not None:
        return read(file)
    saved = report.saved_policy(facts.inspect()) if LINUX else None
    if saved is None:
        raise FirewallError("no policy of this host can be read: name a FILE, or run it as root where one was applied")
    return saved


def _show(options: Any, found: Callable[[], object], lines: Callable[[], Sequence[str]]) -> None:
    # With an indent Python makes a string of each comma, and a hundred thousand networks take half a gigabyte.
    print(json.dumps(found()) if options.json else "\n".join(lines()))

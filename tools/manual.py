"""the command's own parsers -> packaging/vps-firewall.8, the page that `man vps-firewall` shows."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping

from cc_vps_firewall.cli import command as cli
from cc_vps_firewall.version import VERSION

FILES = (
    ("/var/lib/vps-firewall/status-private.json", "How the last run ended."),
    ("/var/lib/vps-firewall/status.json", "The same for every user: nothing of who may connect."),
    ("/var/lib/vps-firewall/policy.json", "The policy that was applied last."),
)


def page(parsers: Mapping[str, argparse.ArgumentParser], usage: Callable[[argparse.Action], str]) -> str:
    """groff's man macros, man(7)."""
    top = cli._parser()
    examples, _, codes = str(top.epilog).partition("exit codes:\n")
    out = [
        '.\\" Made by `make generate`. Changes here are lost.',
        f'.TH VPS-FIREWALL 8 "" "vps-firewall {VERSION}" "System administration"',
        ".SH NAME",
        r"vps\-firewall \- close a VPS, but for what its owner opens",
        ".SH SYNOPSIS",
        ".B vps\\-firewall",
        r"\fICOMMAND\fR [\fIOPTION\fR]... [\fIFILE\fR]",
        ".SH DESCRIPTION",
        _text(str(top.description)),
        ".PP",
        r"\fIFILE\fR is user\-data with a \fBvps_firewall:\fR key, or \fB\-\fR for standard input.",
        "Results are on standard output, messages on standard error.",
        ".SH COMMANDS",
    ]
    for name, parser in parsers.items():
        operands = [usage(action) for action in parser._actions if not action.option_strings]
        out += [".SS", " ".join([rf"\fB{_text(name)}\fR", *(rf"\fI{_text(word)}\fR" for word in operands)])]
        out.append(_sentence(str(parser.description)))
        for action in parser._actions:
            if action.option_strings and action.dest != "help":
                out += [".TP", rf"\fB{_text(usage(action))}\fR", _text(str(action.help))]
    out += [".SH EXIT STATUS"]
    for code, meaning in re.findall(r"(\d)\s((?:(?!\s{2}|\n).)+)", codes):
        out += [".TP", rf"\fB{code}\fR", _sentence(meaning)]
    out += [".SH FILES"]
    for path, what in FILES:
        out += [".TP", rf"\fI{_text(path)}\fR", what]
    lines = examples.partition("\n")[2].rstrip().splitlines()
    out += [".SH EXAMPLES", ".nf", *(_text(line.removeprefix("  ")) for line in lines), ".fi"]
    return "\n".join([*out, ".SH SEE ALSO", r".BR cloud\-init (1),", ".BR nft (8),", ".BR iptables (8)", ""])


def _sentence(text: str) -> str:
    begun = text[:1].upper() + text[1:]
    return _text(begun if begun.endswith((".", "?")) else f"{begun}.")


def _text(text: str) -> str:
    """As it stands: a hyphen is what is typed, and no line begins with a dot or a quote of roff's."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("`", r"\(ga")
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped

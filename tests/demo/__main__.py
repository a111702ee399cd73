"""the tutorial's stanza -> a table of what was open before and what is open now.

The machine is a root of a Debian suite in namespaces of its own, and its own cloud-init boots it. A second network
namespace plays the internet and knocks. Nothing of it touches the computer that this runs on.

Where no namespace may be made, what can be shown without one is: the rules, and what they say to each knock. Standard
library alone, for the same reason: nothing is installed before it is known of what use that is.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from cc_vps_firewall import policy
from cc_vps_firewall.rules import nftables, ruleset
from tests import ground, suites
from tests.lab import boot
from tests.lab.knock import PING, Knock
from tests.lab.world import ANYONE, MACHINE, OFFICE, Internet, Machine, WorldFailed, world
from tests.suites import REPOSITORY

# Read as YAML it is SECTION, which needs no PyYAML.
STANZA = """\
#cloud-config
vps_firewall:
  backend: {backend}
  ssh: {{from: [203.0.113.7]}}
  allow: [http, https, smtp, smtps, pop3, pop3s, imap, imaps]
"""

SECTION = {
    "ssh": {"from": ["203.0.113.7"]},
    "allow": ["http", "https", "smtp", "smtps", "pop3", "pop3s", "imap", "imaps"],
}

ASKED_FOR = {80: "http", 443: "https", 25: "smtp", 465: "smtps", 110: "pop3", 995: "pop3s", 143: "imap", 993: "imaps"}
FORGOTTEN = {
    111: "rpcbind",
    3306: "MySQL",
    5432: "PostgreSQL",
    6379: "Redis",
    8080: "an admin page",
    11211: "memcached",
}
LISTENING = {22: "SSH", **ASKED_FOR, **FORGOTTEN}

# Shown with all that they print.
TYPED = ("vps-firewall status | head -4", "vps-firewall verify")

STYLES = {"open": "\033[32m", "closed": "\033[31m", "bold": "\033[1m"}


@dataclass(frozen=True)
class Row:
    """One line of the table: who knocks where, and whether the stanza lets them in."""

    port: int
    name: str
    who: Mapping[int, str]
    wanted: Mapping[int, bool]

    def knock(self, family: int) -> Knock:
        """This row's knock in this family."""
        return self.who[family], MACHINE[family], self.port


def rows() -> list[Row]:
    """The whole table: SSH for the office and for the others, then every other port for anyone."""
    everybody, nobody = {4: True, 6: True}, {4: False, 6: False}
    return [
        Row(22, "SSH from the office*", OFFICE, {4: True, 6: False}),  # the stanza names its IPv4 address alone
        Row(22, "SSH from elsewhere", ANYONE, nobody),
        *(Row(port, name, ANYONE, everybody) for port, name in ASKED_FOR.items()),
        *(Row(port, name, ANYONE, nobody) for port, name in FORGOTTEN.items()),
        Row(PING, "ping", ANYONE, everybody),
    ]


@dataclass(frozen=True)
class Shown:
    """What one boot came to."""

    before: Mapping[Knock, str]
    after: Mapping[Knock, str]
    files: Sequence[str]
    printed: Mapping[str, str]  # by command
    verified: str
    seconds: float
    cloud_init: str
    trouble: Sequence[str]


def show(suite: str, backend: str) -> Shown:
    """Boot a machine with the stanza and knock before and after."""
    with world(suites.root_of(suite)) as (machine, internet), machine.listening(list(LISTENING)):
        boot.install(machine)
        boot.seed(machine, STANZA.format(backend=backend))
        before = _knock_everywhere(internet)
        boot.boot(machine)
        after = _knock_everywhere(internet)
        record = boot.record(machine)
        verified = machine.run("vps-firewall", "verify", check=False)
        said = machine.run("cloud-init", "status", check=False).stdout.strip()
        trouble = [*record.errors, *record.status.get("problems", [])]
        if verified.returncode != 0:
            trouble.append(f"vps-firewall verify: {verified.stdout.strip() or verified.stderr.strip()}")
        trouble += _unwanted(before, after)
        return Shown(
            before,
            after,
            [_described(machine, path) for path in record.status.get("saved", ())],
            {command: machine.run("sh", "-c", f"{{ {command}; }} 2>&1", check=False).stdout for command in TYPED},
            verified.stdout.strip(),
            sum(record.status.get("steps", {}).values()),
            f"cloud-init {suites.cloud_init_version(machine.root)} says `{said}`",
            trouble,
        )


def _knock_everywhere(internet: Internet) -> dict[Knock, str]:
    return internet.knock([row.knock(family) for row in rows() for family in (4, 6)])


def _unwanted(before: Mapping[Knock, str], after: Mapping[Knock, str]) -> list[str]:
    """What is not as the stanza says, or was not open before, so that it being closed now would show nothing."""
    out = []
    for row in rows():
        for family in (4, 6):
            was, now = word(before[row.knock(family)]), word(after[row.knock(family)])
            if was != "open" or now != ("open" if row.wanted[family] else "closed"):
                out.append(
                    f"{row.name}{f' ({row.port})' if row.port else ''} over IPv{family}: {was} before, {now} after"
                )
    return out


def _described(machine: Machine, path: str) -> str:
    return machine.run("stat", "--format=%n  %A %U  %s bytes", path, check=False).stdout.strip()


def word(answer: str) -> str:
    """What came of a knock, in the table's words: `closed` is silence, as it should be."""
    return {"open": "open", "silent": "closed"}.get(answer, answer)


# --- printing ---


def styled(text: str, style: str) -> str:
    """With colour where a person looks at a terminal."""
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ or style not in STYLES:
        return text
    return f"{STYLES[style]}{text}\033[0m"


def table(shown: Shown) -> list[str]:
    """The rows, with their four answers."""
    lines = [
        styled(f"{'':33}{'BEFORE':16}AFTER", "bold"),
        styled(f"{'port':>7}  {'':24}{'IPv4':8}{'IPv6':8}{'IPv4':8}IPv6", "bold"),
    ]
    for row in rows():
        answers = [word(answers[row.knock(family)]) for answers in (shown.before, shown.after) for family in (4, 6)]
        cells = "".join(styled(f"{answer:8}", answer) for answer in answers)
        lines.append(f"{row.port or '':>7}  {row.name:24}{cells}".rstrip())
    return lines


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def _print(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)


def demonstrate(suite: str) -> bool:
    """Print the whole story; True if everything came out as the stanza says."""
    started = time.monotonic()
    suites.root_of(suite)
    built = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        iptables, nftables = pool.submit(show, suite, "iptables"), pool.submit(show, suite, "nftables")
        _print(
            styled("This is pasted into the user-data field when the VPS is ordered:", "bold"),
            "",
            _indented(STANZA.format(backend="iptables")),
            f"A new Debian ({suite}) with {len(LISTENING)} programs listening boots with it, in a throw-away world.",
            "Somebody on the internet knocks before cloud-init runs, and after:",
            "",
        )
        first = iptables.result()
        _print(
            *table(first),
            f"         * {OFFICE[4]}; no IPv6 address of it is in the user-data",
            "",
            f"{first.cloud_init}; the firewall took {first.seconds:.2f} s of it.",
            "",
            *(f"{styled(f'$ {command}', 'bold')}\n{_indented(text)}" for command, text in first.printed.items()),
            styled("Saved for the next boot:", "bold"),
            _indented("\n".join(first.files)),
        )
        second = nftables.result()
    same = second.after == first.after
    _print(
        styled("With `backend: nftables`:", "bold"),
        f"    {'the same answers on every port' if same else 'OTHER ANSWERS'}; {second.verified}",
        _indented("\n".join(second.files)),
    )
    trouble = [*first.trouble, *second.trouble]
    if trouble or not same:
        _print(styled("This is NOT as the stanza says:", "closed"), _indented("\n".join(trouble)))
        return False
    took = f"{time.monotonic() - built:.0f} s"
    if built - started > 1:
        took += f", and {built - started:.0f} s once to make the Debian root (kept in {suites.cache_directory()})"
    _print(
        styled(
            f"As asked: {len(ASKED_FOR)} services open to everybody, SSH to one address, "
            f"the {len(FORGOTTEN)} that nobody thought of closed.",
            "open",
        ),
        f"Nothing on this computer was changed. It took {took}.",
    )
    return True


# --- without a machine ---


def describe(reason: str) -> None:
    """What the stanza becomes, and what each knock would meet in it."""
    wanted = policy.parse(SECTION, read_list=lambda path: "")
    lines = [styled(f"{'port':>7}  {'':24}{'IPv4':8}{'IPv6':8}because of", "bold")]
    for row in rows():
        met = [meets(wanted, row.knock(family)) for family in (4, 6)]
        answers = ["open" if rule != NOBODY else "closed" for rule in met]
        cells = "".join(styled(f"{answer:8}", answer) for answer in answers)
        lines.append(f"{row.port or '':>7}  {row.name:24}{cells}{', '.join(dict.fromkeys(met))}")
    _print(
        f"No machine can be made here: {reason}; to see one boot and be knocked at, run this on {ground.ELSEWHERE}.",
        "",
        styled("This is pasted into the user-data field when the VPS is ordered:", "bold"),
        "",
        _indented(STANZA.format(backend="nftables")),
        styled("These are the rules that it becomes:", "bold"),
        "",
        _indented(nftables.render(ruleset.build(wanted))),
        styled(
            "This is what a knock from the internet would meet in them; nothing was loaded, nobody knocked:", "bold"
        ),
        "",
        *lines,
        f"         * {OFFICE[4]}; no IPv6 address of it is in the user-data",
    )


NOBODY = "base: nothing else comes in"  # the comment of the last rule


def meets(wanted: policy.Policy, knock: Knock) -> str:
    """The comment of the rule that decides."""
    source, _, port = knock
    if port == PING:
        return "ping" if wanted.ping else NOBODY
    admits = (e.label for e in wanted.entries if replace(wanted, ssh=None, allow=(e,)).admits(source, "tcp", port))
    return next(admits, NOBODY)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 0 if the demonstration came out as the stanza says."""
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.demo", description="Show what the firewall does to a new VPS."
    )
    parser.add_argument("--suite", choices=list(suites.SUITES), default="bookworm", help="the Debian to boot")
    suite = parser.parse_args(arguments).suite
    if reason := ground.missing():
        describe(reason)
        return 0
    if subprocess.run([REPOSITORY / "tests/install-host", "demo"], check=False).returncode:
        return 1
    try:
        return 0 if demonstrate(suite) else 1
    except (suites.BuildFailed, WorldFailed) as failure:
        print(failure, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

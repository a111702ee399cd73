"""what was seen of a boot + what the policy opens -> what was wrong with it, and the row of the table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.boot.guests import GUESTS, Guest
from tests.boot.machine import Boot, reason
from tests.boot.prober import KNOCKS, knocks_in
from tests.boot.wire import GUEST

FAMILIES = ("4", "6", "link")
ANY = Guest("any", "", "nftables")  # a vendor's, of which the lab knows nothing
DENSE = 3.0  # seconds: a watch with a longer gap proves nothing
NETWORKS = ("systemd-networkd.service", "NetworkManager.service")
LOADERS = ("nftables.service", "iptables.service", "ip6tables.service", "vps-firewall.service")


@dataclass(frozen=True)
class Expected:
    """What may be answered, as `who port/protocol`, and how the boot is to end.

    `before`: what may be answered besides until our module ends: what the instance before had opened, or everything
    where the image has nothing to close it with.
    """

    opened: frozenset[str]
    before: frozenset[str] = frozenset()
    required: frozenset[str] | None = None  # what must be answered in the end, if not all that is opened
    result: tuple[str, ...] = ("applied", "unchanged")
    clean: bool = True  # cloud-init has nothing to report
    tools: bool = True  # the image has a firewall: something is loaded before the network
    rules_as: str = ""  # what the kernel must hold: the rules of an earlier boot
    problem: str = ""  # what the status and the console must say
    note: str = ""  # what the status must mention
    noted: str = ""  # how the one note begins that each apply must leave; none may leave another
    metadata: bool = False  # there is a metadata service, which root may ask and nobody else
    closed: bool = True  # False: nothing on this machine could close it; what answers is told and not held against it
    ours: bool = True  # False: a machine without the module, for comparison
    cycles: bool = False  # a boot in which the cycle is wanted: the check must see it


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    guest: str
    scenario: str
    first: Mapping[str, str]  # knock -> when it was answered first, in each family
    leaks: int
    leaked: tuple[str, ...]
    sealed: float | None
    in_force: float | None
    sshd: float | None
    added: float | None
    seconds: float
    problems: tuple[str, ...]
    open_for: float = 0.0  # seconds in which a port that the policy does not open was open, of the one that was longest
    unreachable: int = 0  # leaks that are an "unreachable": a firewall that refuses, as firewalld does


def judge(guest: str, scenario: str, boot: Boot, expected: Expected) -> Row:
    """One boot, held against what was expected of it. One that cannot be judged is one bad row."""
    if not boot.failure:
        try:
            return _judged(guest, scenario, boot, expected)
        except Exception as failure:  # the guest's report is whatever the guest made of it
            boot = replace(boot, failure=reason(failure))
    first = {str(knock): "." for knock in KNOCKS}
    return Row(guest, scenario, first, 0, (), None, None, None, None, boot.seconds, (boot.failure,))


def _judged(guest: str, scenario: str, boot: Boot, expected: Expected) -> Row:
    units: Mapping[str, float] = boot.report.get("units", {})
    loaded = [units[unit] for unit in LOADERS if unit in units]
    sealed = max(loaded) if loaded else None
    in_force = policy_in_force(boot, sealed)
    wrong = [a for a in boot.answers if a.knock not in _allowed(expected, a.at, in_force)]
    leaked = []
    for family in FAMILIES:
        for knock in map(str, KNOCKS):
            if at := [a for a in wrong if a.family == family and a.knock == knock]:
                leaked.append(f"{_family(family)} {knock} x{len(at)} {at[0].at:.1f}-{at[-1].at:.1f} s {at[0].answer}")
    problems = list(leaked) if expected.ours and expected.closed else []
    problems += _watch(boot)
    if boot.end != "cut":
        kind = GUESTS.get(guest, ANY)
        problems += _answered(boot, expected, kind.families)
        problems += _inside(boot, expected, units)
        if boot.report:
            problems += _addresses(boot.report, kind)
        if kind.is_el and expected.ours and boot.report:
            problems += _selinux(boot.report) + _presets(boot.report)
    module = boot.report.get("module", {})
    return Row(
        guest=guest,
        scenario=scenario,
        first={str(knock): _first(boot, str(knock)) for knock in KNOCKS},
        leaks=len(wrong),
        leaked=tuple(leaked),
        sealed=sealed,
        in_force=in_force,
        sshd=units.get("ssh.service") or units.get("sshd.service"),
        added=module["ended"] - module["began"] if len(module) == 2 else None,
        seconds=boot.seconds,
        problems=tuple(problems),
        open_for=_open_for(boot, expected.opened),
        unreachable=sum(answer.answer == "unreachable" for answer in wrong),
    )


def _open_for(boot: Boot, opened: frozenset[str]) -> float:
    """Of the host's own answers, also where nothing was there yet to close it with. A gap longer than DENSE is none:
    what is closed in between may open once more when the machine goes down."""
    times: dict[tuple[str, str], list[float]] = {}
    for answer in boot.answers:
        if answer.knock not in opened and answer.answer != "unreachable":
            times.setdefault((answer.family, answer.knock), []).append(answer.at)
    spans = [sum(b - a for a, b in zip(at, at[1:]) if b - a <= DENSE) for at in map(sorted, times.values())]
    return round(max(spans, default=0.0), 1)


def policy_in_force(boot: Boot, sealed: float | None) -> float | None:
    """When our module ended, or, in a boot in which it had nothing to do, when the saved rules were loaded."""
    ended: float | None = boot.report.get("module", {}).get("ended")
    return ended if ended is not None and "converging" in boot.moments else sealed


def _allowed(expected: Expected, at: float, in_force: float | None) -> frozenset[str]:
    if in_force is None or at < in_force:
        return expected.opened | expected.before
    return expected.opened


def _watch(boot: Boot) -> list[str]:
    """Was it a watch at all?"""
    out = [f"nobody knocked at {k}" for k, n in boot.sent.items() if not n]
    if boot.widest > DENSE:
        out.append(f"nobody knocked for {boot.widest:.1f} s: this watch proves nothing")
    if boot.end == "hung":
        out.append("the guest never came to its end")
    return out


def _answered(boot: Boot, expected: Expected, families: Sequence[str]) -> list[str]:
    """What the policy opens must be answered while the machine stands, over what it can be reached over."""
    # Not what answers while it goes down: a firewall that is flushed then would pass for a port that is open.
    settled, leaving = boot.moments.get("settled", 0.0), boot.moments.get("leaving", boot.seconds)
    required = expected.opened if expected.required is None else expected.required
    out = []
    for family in families:
        for knock in map(str, knocks_in(family)):
            served = [a for a in boot.answers if a.family == family and a.knock == knock and settled <= a.at < leaving]
            if knock in required and not served:
                out.append(f"{_family(family)} {knock} is not answered, and the policy opens it")
            elif knock in required and "/22" not in knock and {a.answer for a in served} == {"unreachable"}:
                out.append(f"{_family(family)} {knock} is refused")
    return out


def _inside(boot: Boot, expected: Expected, units: Mapping[str, float]) -> list[str]:
    """What the guest says of itself."""
    told = boot.report
    if not told:
        return ["the guest came to no report"]
    cycles = [*told["cycles"], *re.findall(r".*(?:ordering cycle|deleted to break).*", boot.console)]
    verified = told.get("verified", ())
    if expected.cycles:
        missed = [name for name, seen in (("the log", cycles), ("systemd-analyze", verified)) if not seen]
        return [f"an EL-style unit makes an ordering cycle here, and {name} does not tell" for name in missed]
    if not expected.ours:
        return []
    out = [f"cycle: {line.strip()}" for line in cycles[:4]]
    out += [f"systemd-analyze: {line}" for line in verified[:4]]
    status = told["status"] if isinstance(told["status"], dict) else {}
    if status.get("result") not in expected.result:
        out.append(f"the status says {status.get('result')!r}, expected was {' or '.join(expected.result)}")
    if expected.problem and expected.problem not in " ".join(status.get("problems", [])):
        out.append(f"the status does not say {expected.problem!r}")
    if expected.note not in " ".join(status.get("notes", [])):
        out.append(f"the status does not mention {expected.note!r}")
    if expected.problem and expected.problem not in boot.console:
        out.append(f"the console does not say {expected.problem!r}")
    if expected.clean:
        out += _cloud_init(told)
    elif not _errors(told):
        out.append("cloud-init reports no error, and the policy was not put in force")
    if expected.closed and told["verify"]["exit"] != 0:
        out.append(f"verify: exit {told['verify']['exit']}: {told['verify']['said'].strip()[:300]}")
    if expected.metadata and told["metadata"] != {"root": True, "nobody": False}:
        out.append(f"the metadata service is for root alone, and answers: {told['metadata']}")
    if expected.rules_as and told["rules"] != expected.rules_as:
        out.append("the kernel does not hold the rules that it held before")
    out += _again(told, expected.noted)
    if told["restarted"] is False:
        out.append("a restart of the services that load the rules does not load what is saved")
    loaded = [units[unit] for unit in LOADERS if unit in units]
    network = next((units[unit] for unit in NETWORKS if unit in units), None)
    sshd = units.get("ssh.service") or units.get("sshd.service")
    if not expected.tools:
        pass
    elif not loaded:
        out.append("no unit loaded rules in this boot")
    elif (asked := told["began"].get("cloud-init-local.service", 0.0)) < max(loaded):
        out.append(f"the saved rules were loaded at {max(loaded):.1f} s, cloud-init began at {asked:.1f} s")
    elif network is None or max(loaded) > network:
        out.append(f"the saved rules were loaded at {max(loaded):.1f} s, the network was up at {network} s")
    stage = units.get("cloud-init-network.service") or units.get("cloud-init.service")
    if sshd is None or stage is None or stage > sshd:
        out.append(f"sshd was up at {sshd} s, the network stage ended at {stage} s")
    failed = [line.split()[0] for line in told["failed"] if line.strip()]
    allowed = () if expected.clean else ("cloud-init.service", "cloud-init-network.service", "cloud-init-main.service")
    out += [f"{unit} failed" for unit in failed if unit not in allowed]
    return out


def _again(told: Mapping[str, Any], noted: str) -> list[str]:
    """The same policy applied twice is nothing to do; another one and back again is done, SELinux or not."""
    if told["again"] is None:
        return []
    out = []
    for run, result in zip(told["again"], ("unchanged", "applied", "applied")):
        as_noted = len(run["notes"]) == bool(noted) and all(note.startswith(noted) for note in run["notes"])
        if (run["exit"], run["result"], as_noted) != (0, result, True):
            said = f"{' '.join(run['notes'])} {run['said'].strip()[:300]}"
            out.append(f"apply: exit {run['exit']}, {run['result']} for {result}: {said}")
    return out


def _addresses(told: Mapping[str, Any], guest: Guest) -> list[str]:
    """Where they are asked for: by DHCP, by DHCPv6, and one made of the router's prefix."""
    if guest.manager == "networkd":
        return []
    found = set(told["addresses"])
    wanted = {"DHCP": GUEST["4"], "DHCPv6": GUEST["6"]}
    out = [
        f"no address by {name}: {', '.join(sorted(found))}" for name, address in wanted.items() if address not in found
    ]
    prefix = GUEST["6"].partition("::")[0]
    made = [address for address in found if address.startswith(f"{prefix}:") and address != GUEST["6"]]
    return out if made else [*out, f"no address of the router's prefix: {', '.join(sorted(found))}"]


def _presets(told: Mapping[str, Any]) -> list[str]:
    """Where systemd took the boot for the machine's first, it has enabled and disabled all units as presets say."""
    return [f"presets: {line.strip()}" for line in told["presets"] if "ailed" in line]


def _selinux(told: Mapping[str, Any]) -> list[str]:
    """On the stand-ins for EL."""
    if told["selinux"] is None:
        return ["SELinux is off: nobody saw what becomes of labels"]
    out = [] if all(run["enforced"] for run in told["again"] or ()) else ["SELinux could not be enforced"]
    out += [f"labels: {line}" for line in told["selinux"]["labels"].splitlines()]
    return out + [f"SELinux: {line.strip()}" for line in told["selinux"]["denied"][:5]]


def _cloud_init(told: Mapping[str, Any]) -> list[str]:
    status = told["cloud_init"]["status"]
    out = [f"cloud-init: {error}" for error in _errors(told)]
    if not isinstance(status, dict):
        return [*out, f"cloud-init status: {str(status)[:200]}"]
    if status.get("recoverable_errors"):
        out.append(f"cloud-init: recoverable errors {status['recoverable_errors']}")
    if status.get("status") != "done" or status.get("extended_status", "done") != "done":
        out.append(f"cloud-init status: {status.get('extended_status', status.get('status'))}")
    return out + [f"cloud-init: {line}" for line in told["warnings"]]


def _errors(told: Mapping[str, Any]) -> Sequence[object]:
    result = told["result"]
    errors: Sequence[object] = result["v1"]["errors"] if isinstance(result, dict) else [str(result)]
    return errors


def _first(boot: Boot, knock: str) -> str:
    """The first answer from a port over IPv4, IPv6 and from the link, in seconds after the kernel's start."""
    cells = []
    for family in FAMILIES:
        at = next((a.at for a in boot.answers if a.family == family and a.knock == knock), None)
        cells.append("." if at is None else f"{at:.0f}")
    return "/".join(cells) if set(cells) != {"."} else "."


def _family(family: str) -> str:
    return {"4": "IPv4", "6": "IPv6", "link": "link-local"}[family]


# --- the table ----------------------------------------------------------------------------------------------

HEAD = ("guest", "scenario", "leaks", "sealed", "policy", "sshd", "added", "boot")


def table(rows: Sequence[Row]) -> str:
    """All times are seconds after the kernel's start; `added` is what our module took, `boot` power-on to power-off."""
    lines: list[tuple[str, ...]] = [HEAD]
    for row in rows:
        times = [_seconds(t) for t in (row.sealed, row.in_force, row.sshd, row.added, row.seconds)]
        lines.append((row.guest, row.scenario, str(row.leaks), *times))
    return _aligned(lines)


def first_answers(rows: Sequence[Row]) -> str:
    """When each port answered first, over IPv4/IPv6/from the link; a dot where it never did."""
    short = [str(knock).replace("anyone ", "").replace("/tcp", "") for knock in KNOCKS]
    lines: list[tuple[str, ...]] = [("guest", "scenario", *short)]
    lines += [(row.guest, row.scenario, *(row.first[str(knock)] for knock in KNOCKS)) for row in rows]
    return _aligned(lines)


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths)).rstrip() for line in lines)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"

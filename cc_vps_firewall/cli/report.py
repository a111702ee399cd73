"""the last status, the saved policy and the kernel -> what is in force on this host, for people and for programs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .. import policy
from ..apply import filtering
from ..apply.status import Status
from ..backends.registry import BACKENDS
from ..errors import FirewallError, reason
from ..host import facts, files, state, sysctl
from ..host.facts import Host
from ..plan import decide
from ..plan.targets import target
from ..policy import Policy, Route, Sources
from ..policy.interfaces import same_interface
from ..rules import bans, iptables, nftables, ruleset
from . import verify
from .floods import Guard, guard

EQUAL, CHANGED, MISSING, UNKNOWN = "equal", "changed", "missing", "unknown"


@dataclass(frozen=True)
class Now:
    """What the kernel and the files hold, against the saved policy.

    `rules`: EQUAL, CHANGED, MISSING (the kernel holds none of ours) or UNKNOWN, with the `reason`. `differences` are
    those that `verify` prints; `others` is what else may refuse a packet; `bans`: how many other
    programs have, by backend; `hints`: what its owner may not know.
    """

    rules: str
    reason: str = ""
    differences: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    bans: Mapping[str, int] = field(default_factory=dict)
    hints: tuple[str, ...] = ()
    flood: Guard | None = None

    def as_json(self) -> dict[str, object]:
        return {
            "rules": self.rules,
            "reason": self.reason,
            "differences": list(self.differences),
            "other_filters": list(self.others),
            "bans": dict(self.bans),
            "hints": list(self.hints),
            **({"flood": self.flood.as_json()} if self.flood else {}),
        }


MANY_RULES = 200  # in a chain, which a packet meets one after another

NOT_ROOT = Now(
    UNKNOWN,
    "only root may ask the kernel; what follows is what the last run wrote, without addresses and reasons",
)


def now(host: Host) -> Now:
    """Ask the kernel, as root. Changes nothing."""
    return replace(_rules(host), bans=_bans(host))


def _bans(host: Host) -> dict[str, int]:
    found = {}
    for name in BACKENDS:
        with contextlib.suppress(FirewallError):
            if (count := filtering.bans_in(target(name, host))) is not None:
                found[name] = count
    return found


def _rules(host: Host) -> Now:
    kept = files.read_json(state.POLICY)
    if not kept:
        return Now(UNKNOWN, "no policy is saved on this host", others=tuple(filtering.other_filters(host)))
    others = tuple(filtering.other_filters(host))
    backend = str(kept.get("backend"))
    try:
        if backend in BACKENDS and not filtering.holds_ours(target(backend, host)):
            return Now(MISSING, others=others)
        differences = verify.differences(host)
    except (FirewallError, OSError) as failure:
        return Now(UNKNOWN, reason(failure), others=others)
    wanted = saved_policy(host)
    hints = tuple(_hints(wanted, host)) if wanted else ()
    found = CHANGED if differences else EQUAL
    return Now(found, differences=tuple(differences), others=others, hints=hints, flood=guard(backend))


# Loopback, network cards, and what hangs on a bridge.
_ORDINARY = ("lo", "eth", "en", "wl", "veth", "vnet", "tap")


def _hints(wanted: Policy, host: Host) -> Iterator[str]:
    """What forwards where the policy does not, and what it does not forward although it may be meant to."""
    interfaces = facts.interfaces()
    roles = ruleset.roles(wanted, interfaces)
    if (forwarded := sysctl.forwards(host)) and not wanted.forwards and not roles["bridges"]:
        yield f"the kernel forwards {' and '.join(forwarded)}, and the policy forwards nothing: nobody may need that"
    known = [*roles["bridges"], *roles["uplinks"], *(pattern for pattern in wanted.interfaces if pattern)]
    for name in interfaces:
        if not (name.startswith(_ORDINARY) or any(same_interface(one, name) for one in known)) and sysctl.is_up(name):
            said = "is up, and no line of the policy names it: what comes in there meets what anybody meets"
            yield f"{name} {said}, and is not forwarded"


def saved_policy(host: Host) -> Policy | None:
    """The policy that was applied last; None where there is none, or where it cannot be read, as by another than
    root."""
    kept = files.read_json(state.POLICY)
    try:
        return decide.parse(kept["section"], decide.as_saved(kept, host))
    except (KeyError, FirewallError):
        return None


def settings(wanted: Policy) -> dict[str, object]:
    """What a policy says beside what it opens."""
    out = wanted.outgoing
    return {
        "deny": {"ipv4": len(wanted.deny.v4), "ipv6": len(wanted.deny.v6)},
        "ping": wanted.ping,
        "malformed": wanted.malformed,
        "flood": wanted.flood,
        "outgoing": "accept"
        if out is None
        else {
            "policy": "drop",
            "allow": [entry.label for entry in out],
            "containers": wanted.outgoing_containers,
        },
        "publish": [f"{each.label} to {each.goal}" for each in wanted.publish],
        "route": [f"{each.label} {_way(each)}" for each in wanted.route],
        "containers": wanted.containers,
        "bridges": list(wanted.bridges),
        "metadata": wanted.metadata,
        "metadata_services": [
            policy.network_text(family, net) for family in policy.WIDTH for net in wanted.metadata_services.of(family)
        ],
        "log": str(wanted.log) if wanted.log else False,
    }


# --- for people -------------------------------------------------------------------------------------------


def lines(status: Status, found: Now | None, wanted: Policy | None) -> list[str]:
    """The status as people read it. `found`: None for the end of a run, which has just looked."""
    seconds = sum(status.get("steps", {}).values())
    by = status.get("by", "?")
    out = [f"{status.get('result', '?')} by {by} at {status.get('when', '?')} in {seconds:.2f} s"]
    if status.get("result") == "unfinished":
        out[0] = f"unfinished: a run by {by}, begun at {status.get('when')}, did not come to its end; run verify"
    out += [f"now: {line}" for line in _now(found)] if found else []
    if status.get("in_force"):
        out.append(f"in force: {status['in_force']}")
    out += [f"problem: {problem}" for problem in status.get("problems", [])]
    if status.get("backend"):
        out.append(f"{status['backend']}, saved in {', '.join(status.get('saved', []))}")
        out.append(f"loaded at boot by {', '.join(status.get('services', []))}")
    out += _opened(status.get("open", {}))
    if status.get("backend"):
        out.append("everything else is closed")
    if roles := status.get("interfaces"):
        uplinks, bridges = (", ".join(roles[kind]) or "none" for kind in ("uplinks", "bridges"))
        out.append(f"uplinks: {uplinks}; bridges of containers: {bridges}")
    out += _settings(wanted, found) if wanted else []
    out += [f"warning: {warning}" for warning in status.get("warnings", [])]
    return [*out, *(f"note: {note}" for note in status.get("notes", []))]


def _now(found: Now) -> Iterator[str]:
    if found.rules == EQUAL:
        yield "the rules are in the kernel, as the policy says"
    elif found.rules == MISSING:
        yield "the kernel holds none of these rules" + ("" if found.others else ": this host is open")
    elif found.rules == CHANGED:
        count = len(found.differences)
        yield f"{count} difference{'s' * (count > 1)} between this host and the policy: `vps-firewall verify` tells"
    else:
        yield f"unknown: {found.reason}"
    yield from filters(found)
    yield from _banned(found.bans)
    yield from found.hints


def filters(found: Now) -> list[str]:
    """What else filters this host."""
    more = " and ".join(found.others)
    return [f"{more} may refuse packets too, whatever the policy says"] if more else []


def _banned(counts: Mapping[str, int]) -> Iterator[str]:
    if count := counts.get(nftables.NAME):
        yield f"{count:,} ban{'s' * (count > 1)} of other programs in the table {bans.TABLE}"
    if count := counts.get(iptables.NAME):
        yield f"{count:,} rule{'s' * (count > 1)} of other programs in the chain {iptables.BANS}"
        if count > MANY_RULES:
            yield f"warning: more than {MANY_RULES}, and a packet may meet them all: use one rule with a set of ipset's"


def _opened(opened: Mapping[str, Sequence[Mapping[str, str]]]) -> Iterator[str]:
    for family, title in (("ipv4", "IPv4"), ("ipv6", "IPv6")):
        for line in opened.get(family, []):
            more = f", {line['limit']} each" if "limit" in line else ""
            more += f", on {line['interface']}" if "interface" in line else ""
            name = line.get("name") or line.get("policy", "")
            shown = name if name == line["ports"] else f"{name} ({line['ports']})"
            yield f"{title}  {shown} from {line['from']}{more}"


def _settings(wanted: Policy, found: Now | None) -> Iterator[str]:
    denied = len(wanted.deny.v4) + len(wanted.deny.v6)
    if denied:
        yield f"deny: {denied:,} network{'s' * (denied > 1)}, before anything is allowed"
    yield f"ping: {'answered' if wanted.ping else 'not answered'}"
    if wanted.outgoing is None:
        yield "outgoing: accept"
    else:
        allowed = ", ".join(entry.label.partition(" ")[2] or entry.label for entry in wanted.outgoing)
        whose = "" if wanted.contained else "; what containers send is not asked"
        yield f"outgoing: drop, but for {allowed or 'what keeps the machine alive'}{whose}"
    for each in wanted.publish:
        yield f"publish: {each.opening} to {each.goal}{', its clients hidden' if each.masquerade else ''}"
    for route in wanted.route:
        yield f"route: {route.name} {_way(route)}"
    yield f"containers: {wanted.containers}; metadata: {wanted.metadata}; malformed: {wanted.malformed}"
    if wanted.flood == "ignore" or not (found and found.flood):
        yield f"flood: {wanted.flood}"
    else:
        yield f"flood: {found.flood}"
    yield f"log: {wanted.log or 'nothing'}"


def _way(route: Route) -> str:
    """From where to where something is forwarded."""
    ends = [("by", route.in_interface), ("from", _some(route.sources))]
    ends += [("out by", route.out_interface), ("to", _some(route.destinations))]
    hidden = f", hidden over {' and '.join(f'IPv{family}' for family in route.masquerade)}" if route.masquerade else ""
    return " ".join(f"{word} {end}" for word, end in ends if end) + hidden


def _some(peers: Sources) -> str:
    """'' for anywhere."""
    nets = [policy.network_text(family, net) for family in policy.WIDTH for net in peers.of(family)]
    more = f" and {len(nets) - 3:,} more" if len(nets) > 3 else ""
    return "" if peers.anywhere else ", ".join(nets[:3]) + more

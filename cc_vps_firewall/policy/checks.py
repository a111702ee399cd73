"""Policy -> what is wrong with the whole of it, although each line is right."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from ..errors import Problem
from . import services
from .interfaces import same_interface
from .model import EVERY_PROTOCOL, KEY, Entry, Opening, Policy, Route
from .networks import UNROUTABLE, WIDTH, anywhere, covered, network_text

WIDEST = {4: 8, 6: 16}  # by family: what `service: all` may be for takes no more than one network of this length
STEM = 2  # letters before the * of a pattern


def wide_open_ssh(policy: Policy, written: object, ssh_ports: Collection[int]) -> Iterator[Problem]:
    """What `ssh` closes or narrows, no entry of `allow` opens to anywhere by the way.

    `written`: the value of the key `ssh` as it stands in the section. `ssh_ports`: where this host's sshd listens,
    empty where there is no host to ask.
    """
    ssh = policy.ssh
    families = [f for f in WIDTH if not (ssh and not ssh.interface and anywhere(ssh.peers, f))]
    keys = [f"ssh.{key}" for key in ("from", "interface") if isinstance(written, Mapping) and key in written]
    reason = f"{' and '.join(keys)} restrict{'' if len(keys) > 1 else 's'}" if ssh else "ssh: false closes"
    named = {o.first for o in ssh.openings} if ssh else set()
    ports = named | (set(ssh_ports) or (named or {22}))
    unnamed = set(ssh_ports) - named if ssh else set()  # only the host knows that these are SSH's
    wide: dict[int, list[int]] = {}  # by the id of sources: a long list that many entries name is weighed once
    for entry in policy.allow if families else ():
        if entry.interface or not (hit := _ssh_ports_of(entry, ports)):
            continue
        if id(entry.peers) not in wide:
            wide[id(entry.peers)] = [f for f in families if anywhere(entry.peers, f)]
        if found := wide[id(entry.peers)]:
            where = "" if len(found) == len(WIDTH) else f" over IPv{found[0]}"
            others = ", ".join(str(port) for port in hit if port in unnamed)
            listens = f" (sshd on this host listens on {others} too)" if others else ""
            yield Problem(
                f"{KEY}.{entry.path}",
                f"opens SSH{listens}, which {reason}, to anywhere{where}; "
                f"{_without(entry, hit)}, or name its sources in from",
            )


def locked_out(policy: Policy) -> Iterator[Problem]:
    """Is SSH open, and to nobody who can connect?"""
    if policy.ssh is None:
        return
    for path, wrong, never in (
        (f"{KEY}.ssh.from", "names no source that anybody can connect from", UNROUTABLE),
        (f"{KEY}.deny", "refuses every source that ssh lets in", policy.deny),
    ):
        if all(covered(policy.ssh.peers.of(f), never.of(f) + UNROUTABLE.of(f), f) for f in WIDTH):
            yield Problem(path, f"{wrong}: nobody could log in")
            return


def too_much(entry: Entry, written: Collection[object]) -> Iterator[Problem]:
    """What is wrong with an entry of `service: all`, by itself. `written`: the keys that it has."""
    where = f"{KEY}.{entry.path}"
    if "from" not in written and "interface" not in written:
        example = "{service: all, from: [10.0.0.0/8]}"
        yield Problem(where, f"opens everything to anywhere; name whom in from or interface, such as {example}")
    for family, length in WIDEST.items() if "from" in written else ():
        addresses = sum(1 << WIDTH[family] - prefix for _, prefix in entry.peers.of(family))
        if addresses > 1 << WIDTH[family] - length:
            what = f"covers more of IPv{family} than a /{length}, too much for service: all"
            yield Problem(f"{where}.from", f"{what}; name the networks that are yours")
    if entry.interface.endswith("*") and len(entry.interface) <= STEM:
        what = f"{entry.interface} takes too many interfaces for service: all"
        yield Problem(f"{where}.interface", f"{what}; write {STEM} letters or more before the *")


def wrong_route(route: Route, written: Collection[object], *, readable: bool) -> Iterator[Problem]:
    """What is wrong with a route, by itself. `written`: the keys that it has; `readable`: nothing is wrong with their
    values."""
    where = f"{KEY}.{route.path}"
    if not {"in", "out", "from", "to"} & {*written}:
        yield Problem(where, "forwards everything; write one at least of in, out, from and to")
    if route.in_interface and route.in_interface == route.out_interface:
        said = f"is {route.in_interface}, as in is; leave out away and name in to who may be reached there"
        yield Problem(f"{where}.out", said)
    if readable and not route.families:
        yield Problem(where, "forwards nothing: from and to name no addresses of one family")
    if route.masquerade and not route.out_interface:
        yield Problem(f"{where}.masquerade", "goes with out, the interface whose address is seen then")
    for family in route.masquerade if readable and route.families else ():
        if family not in route.families:
            yield Problem(f"{where}.masquerade", f"is of IPv{family}, which this route does not forward")


def trusted_uplinks(policy: Policy) -> Iterator[Problem]:
    """Interfaces by which anybody may come in, and that the policy trusts: all that comes from there for this host, or
    for others."""
    for bridge in policy.bridges if policy.enabled else ():
        for name in [name for name in policy.uplinks if same_interface(bridge, name)][:1]:
            what = f"{bridge} takes {name}, which has the default route on this host and is no bridge of containers"
            yield Problem(f"{KEY}.containers.bridges", f"{what}; remove it")
    for entry in policy.allow if policy.enabled else ():
        if entry.interface and EVERY_PROTOCOL in entry.openings:
            names = [name for name in policy.uplinks if same_interface(entry.interface, name)]
            for name in names[:1]:
                what = f"{name} has the default route on this host, and service: all trusts whatever comes in there"
                yield Problem(f"{KEY}.{entry.path}.interface", f"{what}; name the networks that are yours in from")


def published_ssh(policy: Policy, ssh_ports: Collection[int]) -> Iterator[Problem]:
    """A published port is served by somebody else: where it is sshd's, nobody logs in here any more."""
    ports = {opening.first for opening in policy.ssh.openings} if policy.ssh else set()
    for each in policy.publish:
        taken = [p for p in sorted(ports | {*ssh_ports}) if each.opening.covers(Opening("tcp", p, p))]
        if taken:
            said = f"sshd listens on {taken[0]}, and would be reached no more; publish another port"
            yield Problem(f"{KEY}.{each.path}.port", said)


def published_twice(policy: Policy) -> Iterator[Problem]:
    """One port leads to one machine."""
    for number, each in enumerate(policy.publish):
        for other in policy.publish[:number]:
            interfaces = not each.interface or not other.interface or each.interface == other.interface
            one, two = each.opening, other.opening
            overlap = one.proto == two.proto and one.first <= two.last and two.first <= one.last
            if interfaces and overlap and each.family == other.family:
                yield Problem(f"{KEY}.{each.path}", f"{one} is published by {other.path} already, to {other.goal}")
                break


def published_here(policy: Policy, own: Collection[str]) -> Iterator[Problem]:
    """What this host serves itself is opened by `allow`."""
    for each in policy.publish if policy.enabled else ():
        address = network_text(each.family, (each.to, WIDTH[each.family]))
        if address in own:
            yield Problem(f"{KEY}.{each.path}.to", f"{address} is this host's own; open its port under allow")


def _ssh_ports_of(entry: Entry, ports: Iterable[int]) -> list[int]:
    """Which of SSH's ports an entry opens; whatever it opens, where it calls itself ssh."""
    if EVERY_PROTOCOL in entry.openings:
        return sorted(ports)
    tcp = [(o.first, o.last) for o in entry.openings if o.proto == "tcp"]
    if services.ALIASES.get(entry.name, entry.name) == "ssh":
        return [first for first, _ in tcp]
    return [port for port in sorted(ports) if any(first <= port <= last for first, last in tcp)]


def _without(entry: Entry, ports: Sequence[int]) -> str:
    """What to write in place of an entry that has some ports in it."""
    if len(entry.openings) > 1 or len(ports) > 4 or entry.openings[0].first == entry.openings[0].last:
        return "remove it"
    (opening,) = entry.openings
    edges = [opening.first - 1, *ports, opening.last + 1]
    left = [Opening("tcp", a + 1, b - 1) for a, b in zip(edges, edges[1:]) if a + 1 < b]
    said = [str(o) for o in left]
    return "write " + " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said) if said else "remove it"

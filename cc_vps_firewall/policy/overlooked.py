"""Policy -> warnings: what is accepted as it is written, and was probably not meant.

Few, and each one that its owner would want to know: a warning that is no news leaves the next one unread. So no word
about documentation's addresses, which machines of tests have, about private ones, which VPNs have, nor about SSH that
is open to anywhere, which is the default.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain, islice
from typing import TypeVar

from ..errors import Problem
from .interfaces import UPLINKS, names_uplink, same_interface
from .model import EVERY_PROTOCOL, KEY, Entry, Opening, Policy, read_opening
from .networks import EVERYTHING, NOWHERE, UNROUTABLE, WIDTH, Sources, anywhere, collapse, covers
from .services import ALIASES, GROUPS, INTERNAL, NAMELESS, SERVICES

T = TypeVar("T")

MOST = 100  # warnings that are told; nobody reads more
# What is compared with what: a policy of more entries was made by a program, and these warnings are for people.
ENTRIES = 1_000
CANDIDATES = 20  # for one port
NETWORKS = 300_000  # by all comparisons together
WIDE = 10  # a service of more ports than that is opened only by what opens all of them


def warnings(policy: Policy) -> tuple[Problem, ...]:
    """What `check` prints, and `check --strict` refuses."""
    if not policy.enabled:
        return ()
    return _cut([
        *_internal(policy),
        *_unreachable(policy),
        *_covered(policy.entries),
        *_covered(policy.outgoing or ()),
        *_no_resolver(policy.outgoing or ()),
        *_no_bridge(policy),
        *_published(policy),
        *(Problem(f"{KEY}.lists.{name}", "nothing uses this list; name it, or remove it") for name in policy.unused),
    ])  # fmt: skip


def on_host(policy: Policy, interfaces: Collection[str], uplinks: Collection[str]) -> tuple[Problem, ...]:
    """What only the host knows: a policy that waits for an interface that is not there, or that takes the one with the
    default route for a private network's. `uplinks`: those that have one."""
    found = []
    for entry in policy.entries if policy.enabled else ():
        if not entry.interface:
            continue
        if not any(same_interface(entry.interface, name) for name in interfaces):
            lost = ", and nobody can log in over it" if entry is policy.ssh else ""
            found.append(Problem(f"{_path(entry)}.interface", f"there is no {entry.interface} on this host now{lost}"))
        uplink = next((name for name in uplinks if same_interface(entry.interface, name)), "")
        if uplink and entry is not policy.ssh and any(anywhere(entry.peers, family) for family in WIDTH):
            opened = ["SSH"] if _opens_ssh(policy, entry) else list(_opens(entry))
            if opened:
                said = f"opens {_and(opened)} to anywhere, for {uplink} has the default route; add from"
                found.append(Problem(_path(entry), said))
    return _cut(found)


def _opens_ssh(policy: Policy, entry: Entry) -> bool:
    """Does an entry open SSH, which is closed or restricted?"""
    ssh = policy.ssh
    if ssh and not ssh.interface and all(anywhere(ssh.peers, family) for family in WIDTH):
        return False
    ports = ssh.openings if ssh else (Opening("tcp", 22, 22),)
    return any(_overlap(port, opening) for port in ports for opening in entry.openings)


def _cut(found: Sequence[Problem]) -> tuple[Problem, ...]:
    more = [Problem(KEY, f"and {len(found) - MOST:,} warnings more")] if len(found) > MOST else []
    return (*found[:MOST], *more)


def _path(entry: Entry) -> str:
    return f"{KEY}.{entry.path}"


def _and(words: Sequence[str]) -> str:
    shown = [*words[:3], *([f"{len(words) - 3} more"] if len(words) > 3 else [])]
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else shown[0]


def _once(ask: Callable[[Sources], T]) -> Callable[[Sources], T]:
    """Ask once of each sources: many entries may name one long list, which is one object."""
    known: dict[int, T] = {}

    def asked(sources: Sources) -> T:
        if id(sources) not in known:
            known[id(sources)] = ask(sources)
        return known[id(sources)]

    return asked


def _published(policy: Policy) -> Iterator[Problem]:
    for each in policy.publish:
        other = 10 - each.family
        same = [one for one in policy.publish if one.opening == each.opening and one.family == other]
        where = f"{KEY}.{each.path}"
        if not each.peers.of(each.family):
            yield Problem(where, f"lets nobody in: to is of IPv{each.family}, and from names no source of that")
        elif each.peers.of(other) and not same:
            said = f"is published over IPv{each.family} alone; for IPv{other} add an entry whose to is of that family"
            yield Problem(f"{where}.to", said)


def _no_bridge(policy: Policy) -> Iterator[Problem]:
    for entry in policy.entries:
        if names_uplink(entry.interface) and entry.interface not in UPLINKS:
            said = f"makes {entry.interface} an uplink; if it is a bridge of containers, name their network in from"
            yield Problem(f"{_path(entry)}.interface", f"{said} instead")


# --- what is for an owner's own machines alone --------------------------------------------------------------


def _internal(policy: Policy) -> Iterator[Problem]:
    open_in = _once(lambda sources: [family for family in WIDTH if anywhere(sources, family)])
    for entry in policy.allow:
        found = {} if entry.interface else _opens(entry)
        families = open_in(entry.peers) if found else []
        if families:
            where = "anywhere" if len(families) == len(WIDTH) else f"anywhere over IPv{families[0]}"
            (kind, *others) = found.values()
            what, those = (_and(list(found)), "them") if others else (f"{next(iter(found))}, {kind},", "it")
            yield Problem(_path(entry), f"opens {what} to {where}; name the machines that need {those} in from")


def _opens(entry: Entry) -> dict[str, str]:
    """name -> kind of what an entry opens that is for own machines alone: by the names that it gives, or by number."""
    name = ALIASES.get(entry.name, entry.name)
    if name in GROUPS:
        return {member: INTERNAL[member] for member in GROUPS[name] if member in INTERNAL}
    if name in SERVICES:
        return {entry.name: INTERNAL[name]} if name in INTERNAL else {}
    return {name: kind for name, kind, opening in _BY_PORT for asked in entry.openings if _has(asked, opening)}


def _has(asked: Opening, opening: Opening) -> bool:
    if opening.last - opening.first < WIDE:
        return _overlap(asked, opening)
    return asked.proto == opening.proto and asked.first <= opening.first and opening.last <= asked.last


def _overlap(one: Opening, other: Opening) -> bool:
    return one.proto == other.proto and one.first <= other.last and other.first <= one.last


def _by_port() -> Iterator[tuple[str, str, Opening]]:
    """Of ports that no service of another kind has as well: 9000 may be ClickHouse or MinIO."""
    public = [read_opening(o) for name, openings in SERVICES.items() if name not in INTERNAL for o in openings]
    for name, kind in INTERNAL.items():
        for opening in map(read_opening, SERVICES[name]):
            if not any(_overlap(opening, other) for other in public):
                yield name, kind, opening
    for text, (name, kind) in NAMELESS.items():
        yield name, kind, read_opening(text)


_BY_PORT = tuple(_by_port())


# --- who cannot come ----------------------------------------------------------------------------------------

# What UNROUTABLE holds, by family, with its name.
_NOBODY = tuple(
    (family, net, name)
    for family, names in (
        (4, ("0.0.0.0/8; anywhere is written any", "loopback, 127.0.0.0/8", "multicast and reserved, 224.0.0.0/3")),
        (6, ("loopback, ::1", "multicast, ff00::/8")),
    )
    for net, name in zip(UNROUTABLE.of(family), names)
)


def _unreachable(policy: Policy) -> Iterator[Problem]:
    nobodys = _once(lambda sources: next((name for f, net, name in _NOBODY if _within(sources.of(f), net, f)), ""))
    denied = _once(lambda sources: _inside(sources, policy.deny))
    for entry in policy.entries:
        if name := nobodys(entry.peers):
            yield Problem(f"{_path(entry)}.from", f"has addresses in it that nobody can connect from ({name})")
        elif policy.deny != NOWHERE and entry is not policy.ssh and denied(entry.peers):
            yield Problem(_path(entry), "lets nobody in, for deny refuses all of its sources")


def _within(nets: Sequence[tuple[int, int]], net: tuple[int, int], family: int) -> bool:
    """Is one of these sorted networks inside `net`?"""
    at = bisect.bisect_left(nets, net)
    return at < len(nets) and nets[at][0] >> WIDTH[family] - net[1] == net[0] >> WIDTH[family] - net[1]


def _inside(sources: Sources, others: Sources) -> bool:
    return all(covers(others.of(f), net, f) for f in WIDTH for net in sources.of(f))


# --- what another entry opens ---------------------------------------------------------------------------------


def _covered(entries: Sequence[Entry]) -> Iterator[Problem]:
    """From the last to the first: of two that are alike the first one stays."""
    entries = entries[:ENTRIES]
    at: defaultdict[Opening, list[int]] = defaultdict(list)
    ranges: list[int] = []
    for number, entry in enumerate(entries):
        if not entry.limit:  # with one it never opens all that another does
            for opening in entry.openings:
                wide = opening.first < opening.last or opening == EVERY_PROTOCOL
                (ranges if wide else at[opening]).append(number)
    gone: set[int] = set()
    same, together = _comparison(), _together()
    found = []
    for number, entry in reversed([*enumerate(entries)]):
        by: list[int] = []
        for opening in entry.openings:
            near = islice((n for n in chain(at[opening], ranges) if n != number and n not in gone), CANDIDATES)
            too = [n for n in near if _opens_too(entries[n], opening, entry)]
            wider = next((n for n in too if same(entry.peers, entries[n].peers)), None)
            if wider is not None:
                by.append(wider)
            elif len(too) > 1 and same(entry.peers, together([entries[n].peers for n in too])):
                for n in reversed(too):  # those without which it still holds are not named
                    rest = [other for other in too if other != n]
                    if same(entry.peers, together([entries[other].peers for other in rest])):
                        too = rest
                by += too
            else:
                break
        else:
            gone.add(number)
            found.append(_superfluous(entry, [entries[n] for n in dict.fromkeys(by)]))
    yield from reversed(found)


def _opens_too(wider: Entry, opening: Opening, entry: Entry) -> bool:
    """Does it open these ports over each interface that the entry does?"""
    if wider.interface and not (entry.interface and same_interface(wider.interface, entry.interface.rstrip("*"))):
        return False
    return any(o.covers(opening) for o in wider.openings)


def _together() -> Callable[[Sequence[Sources]], Sources]:
    """The sources of several entries in one."""
    known: dict[tuple[int, ...], Sources] = {}

    def union(those: Sequence[Sources]) -> Sources:
        key = tuple(map(id, those))
        if key not in known:
            short = sum(len(each.v4) + len(each.v6) for each in those) <= NETWORKS // 10
            nets = (collapse(chain.from_iterable(each.of(f) for each in those), f) if short else () for f in WIDTH)
            known[key] = Sources(*nets)
        return known[key]

    return union


def _comparison() -> Callable[[Sources, Sources], bool]:
    """Are all of the one in the other? As long as that does not take long."""
    known: dict[tuple[int, int], bool] = {}
    left = NETWORKS

    def compare(some: Sources, wider: Sources) -> bool:
        nonlocal left
        if some is wider or all(wider.of(f) == EVERYTHING or not some.of(f) for f in WIDTH):
            return True
        pair = id(some), id(wider)
        if pair not in known:
            left -= len(some.v4) + len(some.v6)
            known[pair] = left > 0 and _inside(some, wider)
        return known[pair]

    return compare


def _superfluous(entry: Entry, wider: Sequence[Entry]) -> Problem:
    names = _and([e.path for e in wider])
    many = len(wider) > 1
    if not entry.limit:
        return Problem(_path(entry), f"opens nothing that {names} {'do' if many else 'does'} not open; remove it")
    if entry.path == "ssh":
        return Problem(_path(wider[0]), f"opens SSH without the limit of ssh, {entry.limit}, which has no effect so")
    return Problem(f"{_path(entry)}.limit", f"has no effect: {names} open{'' if many else 's'} the same without one")


# --- what leaves ----------------------------------------------------------------------------------------------

_RESOLVERS = tuple(map(read_opening, ("53/udp", "53/tcp", "853/tcp", "853/udp")))


def _no_resolver(outgoing: Sequence[Entry]) -> Iterator[Problem]:
    """Who may go anywhere goes there by name, mostly."""
    if any(anywhere(entry.peers, family) for entry in outgoing for family in WIDTH) and not any(
        _overlap(opening, asked) for entry in outgoing for opening in entry.openings for asked in _RESOLVERS
    ):
        said = "has no dns, and names are not found but where the cloud's metadata address resolves them; add dns"
        yield Problem(f"{KEY}.outgoing.allow", said)

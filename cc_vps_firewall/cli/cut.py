"""The connections that stand, and a policy -> those that `deny` refuses, or with --cut all that it does not let in, out
or through, ended.

What this command is run from is never among them: a policy under which it would be is refused, before anything is
changed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ..algebra.model import Model, model
from ..algebra.standing import (
    ICMPS,
    TCP,
    UDP,
    Connection,
    Flow,
    Here,
    ambiguous,
    described,
    not_let_through,
)
from ..algebra.words import address_text
from ..errors import FirewallError
from ..host import facts, process, tracker
from ..host.files import text_at
from ..policy import Policy, parse_network
from ..root import HERE
from ..rules import ended
from ..rules.backend import Backend
from .messages import counted
from .ssh_session import open_sockets, ssh_session

MOST = 20  # connections that are named one by one
EPHEMERAL = 32768, 60999  # where /proc does not say (ip(7), ip_local_port_range)
# How ip-link(8) shows what sends what it is given inside other packets: kinds, and links without Ethernet's addresses.
TUNNELS = {"tun", "wireguard", "vxlan", "geneve", "gretap", "ip6gretap", "l2tp", "xfrm", "ovpn"}
NO_TUNNELS = {"link/ether", "link/loopback", "link/infiniband"}


@dataclass(frozen=True)
class Standing:
    """What stands on this host now."""

    tracked: Sequence[Connection]
    sockets: Sequence[tracker.Socket]

    @cached_property
    def connections(self) -> list[Connection]:
        """What is tracked, and what is not: before the first rule nothing may have been."""
        known = {_ends(local, other) for one in self.tracked for local, other in _local_ends(one)}
        began = self.here.began
        found = []
        for each in self.sockets:
            if each.stands and _ends(each.flow, _reverse(each.flow)) not in known:
                out, back = each.flow, _reverse(each.flow)
                found.append(Connection(out, back) if began(out.sport) else Connection(back, out))
        return [*self.tracked, *found]

    @cached_property
    def here(self) -> Here:
        listening = frozenset(each.flow.sport for each in self.sockets if each.listens)
        words = text_at(HERE, "proc/sys/net/ipv4/ip_local_port_range").split()
        ephemeral = (int(words[0]), int(words[1])) if len(words) == 2 else EPHEMERAL
        addresses = {parse_network(text)[:2] for text in facts.inspect().own_addresses}
        return Here(addresses, listening, ephemeral, _ways(self.tracked, self.sockets))

    def not_let_through(self, made: Model) -> list[Connection]:
        """Without those that were ended earlier."""
        return [one for one in not_let_through(made, self.connections, self.here) if one.mark != ended.MARK]

    def sockets_of(self, those: Collection[Connection]) -> list[tracker.Socket]:
        """The ends of these connections that programs here have."""
        known = {_ends(local, other) for one in those for local, other in _local_ends(one)}
        return [each for each in self.sockets if each.stands and _ends(each.flow, _reverse(each.flow)) in known]


def standing() -> Standing:
    """Ask the kernel. Raises FirewallError."""
    return Standing(tracker.connections(), tracker.sockets())


def preview(wanted: Policy) -> list[str]:
    """What `end` with --cut would end, a line each."""
    found = standing().not_let_through(model(wanted)) if wanted.enabled else []
    return [f"-connection {line}" for line in described(found, MOST)]


def _asked(wanted: Policy, cut: bool) -> Model | None:
    """What is held against what stands: all of a policy, or what it denies; None where that is nothing."""
    made = model(wanted)
    denied = tuple(refusal for refusal in made.refusals if refusal.entry)
    if cut or not denied:
        return made if cut and wanted.enabled else None
    return Model(model(replace(wanted, enabled=False)).boxes, denied)


def check_own_session(wanted: Policy, cut: bool) -> None:
    """Refuse a policy whose apply would end what this command is run from. Without `cut` that is what `deny` ends."""
    if (made := _asked(wanted, cut)) is None:
        return
    try:
        now = standing()
        found = now.not_let_through(made)
    except FirewallError:
        if cut:
            raise
        return
    what = "--cut" if cut else "deny"
    if own := _own(found, now):
        raise FirewallError(
            f"{what} would end the session that you run this from, {own[0]}; let it in, or run this from the console"
        )
    session = ssh_session()
    tunnel = session.interface if session else ""
    if session and tunnel and _is_tunnel(tunnel):
        below = [one for one in found if one.original.proto not in ICMPS and tunnel not in _reached_by(one, now.here)]
        if carrying := [one for one in below if now.here.ends(one)]:
            raise FirewallError(
                f"{what} would end {carrying[0]}, and your session comes over {tunnel}, which that may carry; "
                "let it in, or run this from the console"
            )


def end(wanted: Policy, backend: Backend, cut: bool) -> list[str]:
    """End what a policy, which is in force, denies, or with `cut` does not let through. -> what was done, for people.
    Raises FirewallError: then the policy is in force, and some of it stands."""
    if (made := _asked(wanted, cut)) is None:
        return []
    now = standing()
    found = now.not_let_through(made)
    own = set(_own(found, now))  # begun meanwhile: the check before the apply has not seen it
    found = [one for one in found if one not in own]
    if not found:
        return ["no connection stands that this policy does not let through"] if cut else []
    backend.drop_ended(True)
    # First: the other side is told by a packet, which the mark would drop.
    tracker.destroy(now.sockets_of(found))
    tracker.mark([one for one in found if one.handle], ended.MARK)
    lines = [f"  {line}" for line in described(found, MOST)]
    why = "that this policy does not let through" if cut else "of sources that this policy denies"
    return [f"ended {counted(len(found), 'connection')} {why}:", *lines]


# --- whose is what ----------------------------------------------------------------------------------------


def _own(found: Collection[Connection], now: Standing) -> list[Connection]:
    """Of these connections, those that this command is run from."""
    inodes = open_sockets()
    ours = [each.flow for each in now.sockets if each.inode in inodes]
    ends = {_ends(flow, _reverse(flow)) for flow in ours if flow.proto == TCP}
    ports = {(flow.family, flow.sport) for flow in ours if flow.proto == UDP and not flow.dport}
    ends |= {_ends(flow, _reverse(flow)) for flow in ours if flow.proto == UDP and flow.dport}
    if session := ssh_session():
        family, server, _ = parse_network(session.server)
        client = parse_network(session.client)[1]
        flow = Flow(family, TCP, server, client, session.port, session.client_port)
        ends.add(_ends(flow, _reverse(flow)))
    return [
        one
        for one in found
        for local, other in _local_ends(one)
        if _ends(local, other) in ends
        or (local.proto == UDP and now.here.has(local.family, local.source) and (local.family, local.sport) in ports)
    ]


def _local_ends(one: Connection) -> tuple[tuple[Flow, Flow], ...]:
    """What a program here sees of a connection, as it sends and as it is sent to: of one that came in, NAT done; of one
    that it began, before that."""
    return (one.reply, _reverse(one.reply)), (one.original, _reverse(one.original))


def _ends(local: Flow, other: Flow) -> tuple[int, ...]:
    return local.family, local.proto, local.source, local.sport, other.source, other.sport


def _reverse(flow: Flow) -> Flow:
    return Flow(flow.family, flow.proto, flow.destination, flow.source, flow.dport, flow.sport)


def _is_tunnel(name: str) -> bool:
    """Does this interface send what it is given inside other packets?"""
    try:
        words = process.run("ip", "-details", "-oneline", "link", "show", "dev", name).split()
    except FirewallError:
        return False
    kinds = {word for word in words if word.startswith("link/")}
    return bool(TUNNELS.intersection(words) or kinds - NO_TUNNELS)


def _reached_by(one: Connection, here: Here) -> Sequence[str]:
    """The interfaces behind which the other side is."""
    other = one.reply if here.has(one.original.family, one.original.source) else one.original
    return here.ways(other.family, other.source)


def _ways(
    connections: Collection[Connection], sockets: Collection[tracker.Socket]
) -> Callable[[int, int], Sequence[str]]:
    """A function from an address to the interfaces by which it may be reached: of one process that is asked for all."""
    flows = [flow for one in connections for flow in (one.original, one.reply)] + [each.flow for each in sockets]
    every = facts.interfaces()
    asked = {(f.family, number) for f in flows for number in (f.source, f.destination) if number}
    told = sorted(one for one in asked if not ambiguous(*one))
    found: dict[tuple[int, int], tuple[str, ...]] = {}
    with contextlib.suppress(FirewallError):
        text = "".join(f"route get {address_text(*each)}\n" for each in told)
        ip = process.start("ip", "-oneline", "-force", "-batch", "-", text=text)
        for line in process.answer(ip, "ip", len(text))[1].splitlines():
            words = line.split()
            with contextlib.suppress(ValueError, IndexError):
                found[parse_network(words[0])[:2]] = (words[words.index("dev") + 1],)
    return lambda family, number: every if ambiguous(family, number) else found.get((family, number), ())

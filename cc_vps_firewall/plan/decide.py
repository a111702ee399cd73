"""section and host -> Plan, or why there is none: everything that reads a policy before anything is done."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from .. import policy
from ..backends.registry import BACKENDS
from ..errors import PolicyRefused, Problem, reason
from ..host import facts, files
from ..host.facts import Host
from ..host.files import text_at
from ..host.policy_record import last_good
from ..policy import KEY, Policy, overlooked, userdata
from ..policy.userdata import Unread
from ..root import HERE
from ..rules import fallback, ruleset
from .choice import AUTO, choose
from .model import Candidate, Decision, Plan, Source, Texts


class _Rendered(Mapping[int, str]):
    """Texts that are rendered when they are first read: of two candidates, mostly one is."""

    def __init__(self, render: Callable[[], dict[int, str]]) -> None:
        self._render = render
        self._texts: dict[int, str] | None = None

    def _all(self) -> dict[int, str]:
        if self._texts is None:
            self._texts = self._render()
        return self._texts

    def __getitem__(self, family: int) -> str:
        return self._all()[family]

    def __iter__(self) -> Iterator[int]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


def first_boot(section: object, host: Host, unread: Unread | None = None) -> Decision:
    """What a first boot is to do. `unread`: what is wrong with the user-data that `section`, merged by cloud-init, no
    longer shows."""

    def policy_plan() -> Plan:
        if unread:
            raise PolicyRefused([*unread.problems, *problems(section, host)])
        return plan_of(tested(parse(section, host)), section, host)

    return Decision(stand_ins(unread.section if unread else section, host), policy_plan)


def parse(section: object, host: Host) -> Policy:
    """A section, on this host. Raises PolicyRefused."""
    return policy.parse(
        section,
        ssh_ports=host.ssh_ports,
        cloud_id=host.cloud_id,
        uplinks=host.uplinks,
        own_addresses=host.own_addresses,
        read_list=userdata.read_list,
    )


def problems(section: object, host: Host) -> tuple[Problem, ...]:
    """What a section is refused for on this host; nothing where it is not."""
    try:
        tested(parse(section, host))
    except PolicyRefused as refused:
        return refused.problems
    return ()


def tested(wanted: Policy) -> Policy:
    """A policy, where its own tests hold. Raises PolicyRefused with those that do not."""
    if failing := examined(wanted)[0]:
        raise PolicyRefused(failing)
    return wanted


def examined(wanted: Policy) -> tuple[Sequence[Problem], Sequence[Problem]]:
    """The tests of a policy that do not hold, and those that nobody can tell here."""
    if not wanted.tests:
        return (), ()
    from ..algebra import expectations  # a first boot has no use for it, mostly

    result = expectations.examine(wanted)
    return result.failing, result.unknown


def is_off(section: object) -> bool:
    """Does its owner want no firewall of ours at all?"""
    return isinstance(section, Mapping) and section.get("enabled") is False


def plan(section: object, host: Host, name: str = "the policy", *, good: bool = True, anything: bool = False) -> Plan:
    """The plan of a section; see plan_of(). Raises PolicyRefused."""
    return plan_of(parse(section, host), section, host, name, good=good, anything=anything)


def plan_of(
    wanted: Policy, section: object, host: Host, name: str = "the policy", *, good: bool = True, anything: bool = False
) -> Plan:
    """The plan of a section that is parsed already. `anything`: in a backend that it does not name rather than not at
    all."""
    backends = [target.backend.name for target in choose(wanted.backend, host)]
    guarded = [wanted, unguarded(wanted)][: 1 + (wanted.flood == "guard")]
    backends += [name for name in BACKENDS if anything and name not in backends]
    source = Source(section=section, ssh_ports=host.ssh_ports, cloud_id=host.cloud_id, uplinks=host.uplinks)
    if wanted.trusted:
        source["trusted"] = wanted.trusted
    if wanted.forwards:
        source["forward"] = wanted.forwards
    return Plan(
        name,
        tuple(Candidate(each, texts(each, one)) for each in backends for one in guarded),
        _Rendered(lambda: fallback.texts(wanted)),
        policy.open_to(wanted),
        source,
        good,
        tuple(warnings(wanted, host.ipv6)),
        ruleset.roles(wanted, facts.interfaces()),
    )


def unguarded(wanted: Policy) -> Policy:
    """What a kernel can load that lacks a match of the guard against floods."""
    return replace(wanted, flood="ignore")


def texts(backend: str, wanted: Policy) -> Texts:
    """What a backend is to load for a policy."""
    return _Rendered(lambda: BACKENDS[backend].render(ruleset.build(wanted)))


def stand_ins(section: object, host: Host) -> list[Plan]:
    """What is put in force where `section` cannot be, the narrowest first: the last good policy of this very instance,
    the policy's own SSH alone, the built-in policy. In each of the backends: a host that is closed by another one than
    its owner named is better than an open one."""
    own = policy.own_ssh(section)
    named = {"backend": own.get("backend", AUTO)}
    every = [
        ("the last good policy", last_good(), True),
        ("the policy's own SSH alone", own if "ssh" in own else {}, False),
        ("the built-in policy", {**policy.BUILT_IN, **named}, False),
    ]
    plans = []
    for name, wanted, good in every:
        with contextlib.suppress(Exception):  # whatever it is, the next one closes the host
            plans += [plan(wanted, host, name, good=good, anything=True)] if wanted else []
    return plans


def as_saved(record: Mapping[str, object], host: Host) -> Host:
    """The host, with what a policy depended on when it was applied and saved."""
    ports = record.get("ssh_ports")
    return replace(
        host,
        ssh_ports=tuple(p for p in ports if isinstance(p, int)) if isinstance(ports, list) else host.ssh_ports,
        cloud_id=str(record.get("cloud_id", host.cloud_id)),
        uplinks=tuple(files.strings(record, "uplinks")),
    )


def warnings(wanted: Policy, ipv6: bool = True) -> list[str]:
    """What is accepted and was probably not meant, also of what only this host knows: has it `ipv6`? Nothing that goes
    wrong here may keep a host from its rules."""
    try:
        here = [*overlooked.on_host(wanted, facts.interfaces(), wanted.uplinks), *_switched_off(wanted)]
        here += _without_ipv6(wanted, ipv6)
        # At a first boot a test that fails has refused the policy; at a later one it warns.
        failing, unknown = examined(wanted)
        return [str(warning) for warning in (*overlooked.warnings(wanted), *here, *failing, *unknown)]
    except Exception as failure:
        return [f"{KEY}: could not be looked at for warnings: {reason(failure)}"]


def _without_ipv6(wanted: Policy, ipv6: bool) -> list[Problem]:
    """What is of IPv6 alone, or hides senders over it, on a host that has none now."""
    if ipv6 and text_at(HERE, "proc/sys/net/ipv6/conf/all/disable_ipv6").strip() != "1":
        return []
    routed = [each.path for each in wanted.route if each.families == (6,) or 6 in each.masquerade]
    published = [each.path for each in wanted.publish if each.family == 6]
    return [Problem(f"{KEY}.{path}", "needs IPv6, which is off on this host") for path in (*routed, *published)]


# What the guard against floods rests on, by the files of proc(5).
_NEEDED = ("net/ipv4/tcp_syncookies", "net/netfilter/nf_conntrack_tcp_loose")


def _switched_off(wanted: Policy) -> list[Problem]:
    return [
        Problem(f"{KEY}.flood", f"guards nothing while {path.replace('/', '.')} is 0 on this host; set it to 1")
        for path in _NEEDED
        if wanted.flood == "guard" and text_at(HERE, f"proc/sys/{path}").strip() == "0"
    ]

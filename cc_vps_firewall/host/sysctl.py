"""Forwarding in the kernel: on for a policy that needs it, saved, verified, and off again where we switched it on.

A host that forwards ignores router advertisements unless `accept_ra` is 2, and the kernel throws away the default
routes that came by them the moment it begins to forward (addrconf_fixup_forwarding). So that comes first. What stood
there before is on the disk before anything changes: what is taken back is what that record says, and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import struct
import time
from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

from ..errors import FirewallError
from ..policy.interfaces import like_bridge
from ..root import HERE
from . import facts, files, state
from .facts import Host

SYSCTLS = "/proc/sys"
FORWARDING = {4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding"}
FILE = "/etc/sysctl.d/99-vps-firewall.conf"  # after 99-sysctl.conf, which is the owner's /etc/sysctl.conf
RECORD = f"{state.STATE}/forwarding.json"  # sysctl -> what it was before we changed it
HEAD = "# Made by vps-firewall, for what its policy forwards. Changes here are lost.\n"
IFUPDOWN = "/etc/network/interfaces"
NETWORKD, DROPIN = "/etc/systemd/network", "vps-firewall-forwarding.conf"
SIOCGIFFLAGS, IFF_UP = 0x8913, 1  # netdevice(7)
SETTLED = 5.0  # seconds after which a default route must still be there
INSIDE = ("lo", "veth", "vnet", "tap")  # behind these nobody may become this host's router


def families(source: Mapping[str, object], host: Host) -> tuple[int, ...]:
    """Which ones a plan forwards on this host, by what it was made of."""
    forward = source.get("forward")
    return tuple(f for f in forward if f == 4 or host.ipv6) if isinstance(forward, (list, tuple)) else ()


class Run(Protocol):
    """Of apply/status.Run, what is needed here."""

    notes: list[str]

    def step(self, name: str) -> contextlib.AbstractContextManager[None]: ...


def adjust(source: Mapping[str, object], host: Host, undo: files.Undo, run: Run) -> None:
    """Have the kernel forward what a plan needs, now and at each boot, and no longer what only an earlier one needed.
    Raises FirewallError, OSError; restore() makes it as it was."""
    before = _record()
    wanted = families(source, host)
    needed = _needed(wanted, before)
    needed += _kept(before, needed, run.notes)
    if needed or before or files.read(FILE) is not None:
        with run.step("forward"):
            _switch(needed, before, undo)
        if 6 in wanted:
            run.notes += _ifupdown()


def _switch(needed: Collection[str], before: Mapping[str, str], undo: files.Undo) -> None:
    """A kill on the way leaves a record of all that may be on; the next boot forwards only when all of it went well."""
    changed = [name for name in needed if _value(name) != _on(name)]
    record = {name: before.get(name) or _value(name) for name in needed if name in before or name in changed}
    routes = facts.default_routes()
    if needed:
        files.save({RECORD: files.as_json({**before, **record})}, undo)
        if FORWARDING[6] in needed:
            files.save(dict.fromkeys(_managed(), f"{HEAD}[Network]\nIPv6AcceptRA=yes\n"), undo, 0o644)
    for name in sorted(changed, key=_is_forwarding):  # accept_ra before forwarding
        _write(name, _on(name))
    for name in sorted(before.keys() - record.keys(), key=_is_forwarding, reverse=True):
        _write(name, before[name])
    if any(map(_is_forwarding, changed)) and routes:
        time.sleep(SETTLED)
        now = facts.default_routes()
        if lost := dict.fromkeys(route[1] for route in routes if route not in now):
            raise FirewallError(
                f"the default route by {' and '.join(lost)} was gone {SETTLED:.0f} s after forwarding was switched on; "
                "a static route, or accept_ra=2 in what configures that interface, would stay"
            )
    if needed:
        files.save({RECORD: files.as_json(record)}, undo)
        files.save({FILE: HEAD + "".join(f"{name} = {_on(name)}\n" for name in needed)}, undo, 0o644)
    else:
        files.remove_all(HERE, [RECORD, FILE, *_dropins()], undo)


def restore(undo: files.Undo) -> None:
    """Undo adjust() as far as it goes; `undo`, which has what the record was, comes after it."""
    if RECORD not in undo.before:
        return
    old = undo.before[RECORD]
    then, now = _strings(json.loads(old[0]) if old else {}), _record()
    back = [(name, now[name]) for name in sorted(now.keys() - then.keys(), key=_is_forwarding, reverse=True)]
    for name, value in [*back, *((name, _on(name)) for name in sorted(then, key=_is_forwarding))]:
        with contextlib.suppress(FirewallError):
            _write(name, value)


def remove() -> list[str]:
    """Take back what we switched on, but for what containers need. -> what was done"""
    before, notes = _record(), list[str]()
    kept = _kept(before, (), notes)
    for name in sorted(before.keys() - set(kept), key=_is_forwarding, reverse=True):
        with contextlib.suppress(FirewallError):  # the interface may be gone
            _write(name, before[name])
    done = files.remove_all(HERE, [RECORD, FILE, *_dropins()], files.Undo())
    return [*(["switched forwarding off"] if before and not kept else []), *done, *notes]


def differences(source: Mapping[str, object], host: Host, out: list[str]) -> None:
    """What the kernel does not have of it, and the next boot will not: a line each."""
    text = files.read(FILE) or ""
    for name in (FORWARDING[family] for family in families(source, host)):
        out += [f"+kernel {_dotted(name)} = 1"] if _value(name) != "1" else []
        out += [f"+{FILE} {_dotted(name)} = 1"] if f"{name} = 1\n" not in text else []


def preview(source: Mapping[str, object], host: Host, out: list[str]) -> None:
    """What adjust() would change, a line each."""
    before = _record()
    needed = _needed(families(source, host), before)
    kept = _kept(before, needed, [])
    out += [f"+sysctl {_dotted(name)} = {_on(name)}" for name in needed if _value(name) != _on(name)]
    out += [f"-sysctl {_dotted(name)} = {_on(name)}" for name in before if name not in {*needed, *kept}]


def forwards(host: Host) -> list[str]:
    """The families that the kernel forwards now, in words."""
    known = (4, 6) if host.ipv6 else (4,)
    return [f"IPv{family}" for family in known if _value(FORWARDING[family]) == "1"]


# --- what is to be, and what was --------------------------------------------------------------------------


def _needed(wanted: Collection[int], before: Collection[str]) -> list[str]:
    """The sysctls that are to be on."""
    return [*(_advertised(before) if 6 in wanted else []), *(FORWARDING[family] for family in wanted)]


def _advertised(before: Collection[str]) -> list[str]:
    """Where router advertisements are listened to, by the kernel itself: 0 is for a manager of networks that does so,
    or for nobody."""
    found = []
    for name in sorted(files.entries(HERE, "proc/sys/net/ipv6/conf")):
        sysctl = f"net/ipv6/conf/{name}/accept_ra"
        if name == "all" or name.startswith(INSIDE) or like_bridge(name):
            continue
        if sysctl in before or _value(sysctl) == "1":
            found.append(sysctl)
    return found


def _kept(before: Mapping[str, str], needed: Collection[str], notes: list[str]) -> list[str]:
    """What an earlier policy switched on, and a bridge of containers that is up needs now."""
    gone = [name for name in before if name not in needed]
    bridges = [name for name in facts.interfaces() if like_bridge(name) and is_up(name)] if gone else []
    if not bridges:
        return []
    notes.append(f"forwarding stays on, which an earlier policy switched on: {' and '.join(bridges)} may need it")
    return gone


def is_up(name: str) -> bool:
    """Was this interface switched on (netdevice(7))?"""
    import fcntl  # here: Windows has none

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking, contextlib.suppress(OSError):
        answer = fcntl.ioctl(asking, SIOCGIFFLAGS, struct.pack("16s16x", name.encode()))
        return bool(struct.unpack_from("16xH", answer)[0] & IFF_UP)
    return False


def _is_forwarding(name: str) -> bool:
    return name in FORWARDING.values()


def _on(name: str) -> str:
    return "1" if _is_forwarding(name) else "2"


def _dotted(name: str) -> str:
    """As sysctl(8) shows it: an interface of its own may have a dot in its name, which is a slash then."""
    return name.replace(".", "\0").replace("/", ".").replace("\0", "/")


def _record() -> dict[str, str]:
    return _strings(files.read_json(RECORD))


def _strings(record: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in record.items()}


def _ifupdown() -> list[str]:
    """What ifupdown would set of accept_ra at the next boot, and a host that forwards then must not have."""
    found = []
    folder = [f"{IFUPDOWN}.d/{name}" for name in files.entries(HERE, f"{IFUPDOWN}.d")]
    for path in (IFUPDOWN, *folder):
        text = files.text_at(HERE, path.lstrip("/"))
        for name, method, options in re.findall(r"(?m)^\s*iface (\S+) inet6 (\w+)((?:\n(?!\s*iface\b).*)*)", text):
            said = re.findall(r"(?m)^\s*accept_ra\s+(\d)", options)
            value = said[-1] if said else {"dhcp": "1"}.get(method, "2")
            if method in ("auto", "dhcp") and value != "2":
                what = f"{path} has ifupdown set accept_ra = {value} on {name} at each boot"
                found.append(f"{what}; write accept_ra 2 there, or this host loses what it learns from its router")
    return found


def _managed() -> Iterator[str]:
    """Drop-ins for what systemd-networkd takes advertisements for by itself: it does not where a host forwards, unless
    it is told to. It reads them when it starts (systemd.network(5))."""
    for family, name in facts.default_routes():
        state = files.text_at(HERE, f"run/systemd/netif/links/{socket.if_nametoindex(name)}") if family == 6 else ""
        if found := re.search(r"(?m)^NETWORK_FILE=\S*/([^/\s]+\.network)$", state):
            yield f"{NETWORKD}/{found[1]}.d/{DROPIN}"


def _dropins() -> list[str]:
    folders = [name for name in files.entries(HERE, NETWORKD) if name.endswith(".network.d")]
    return [f"{NETWORKD}/{name}/{DROPIN}" for name in folders if DROPIN in files.entries(HERE, f"{NETWORKD}/{name}")]


def _value(name: str) -> str:
    return files.text_at(HERE, f"proc/sys/{name}").strip()


def _write(name: str, value: str) -> None:
    path = os.path.join(SYSCTLS, name)
    try:
        files.set_kernel(path, value)
    except FileNotFoundError:
        return  # an interface that is gone
    except OSError as error:
        raise FirewallError(
            f"{path} cannot be written ({error.strerror}), as in a container; whoever runs it has to set "
            f"{_dotted(name)} = {value}"
        ) from None

"""In the place of host.sysctl in the smallest engine of a policy that forwards: on a stock image nothing of ours was
before, nothing has to be taken back, and no bridge of containers is up."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Mapping

from cc_vps_firewall.errors import FirewallError
from cc_vps_firewall.host import facts, files, state
from cc_vps_firewall.host.facts import Host
from cc_vps_firewall.root import HERE

FORWARDING = {4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding"}
RECORD = f"{state.STATE}/forwarding.json"
HEAD = "# Made by vps-firewall. Changes here are lost.\n"


def adjust(source: Mapping[str, object], host: Host, undo: files.Undo, run: object) -> None:
    families, contents = _families(source, host), {}
    names = [FORWARDING[family] for family in families]
    if 6 in families:
        every = [f"net/ipv6/conf/{name}/accept_ra" for name in files.entries(HERE, "proc/sys/net/ipv6/conf")]
        names = [name for name in every if "/all/" not in name and _value(name) in "12"] + names
    before = {name: _value(name) for name in names if _value(name) != _on(name)}
    if not before:
        return
    routes = facts.default_routes()
    for family, name in routes:
        state = files.text_at(HERE, f"run/systemd/netif/links/{socket.if_nametoindex(name)}")
        if (found := re.search(r"NETWORK_FILE=\S*/(\S+)", state)) and family == 6 in families:
            path = f"/etc/systemd/network/{found[1]}.d/vps-firewall-forwarding.conf"
            contents[path] = f"{HEAD}[Network]\nIPv6AcceptRA=yes\n"
    contents["/etc/sysctl.d/99-vps-firewall.conf"] = HEAD + "".join(f"{name} = {_on(name)}\n" for name in names)
    files.save({RECORD: files.as_json(before)}, undo)
    files.save(contents, undo, 0o644)
    for name in before:
        try:
            files.set_kernel(f"/proc/sys/{name}", _on(name))
        except OSError as error:
            raise FirewallError(f"/proc/sys/{name} cannot be written ({error.strerror})") from None
    time.sleep(5)
    if {*routes} - {*facts.default_routes()}:
        raise FirewallError("a default route was gone after forwarding was switched on")


def restore(undo: files.Undo) -> None:
    if RECORD in undo.before:
        for name, value in files.read_json(RECORD).items():
            files.set_kernel(f"/proc/sys/{name}", str(value))


def differences(source: Mapping[str, object], host: Host, out: list[str]) -> None:
    out += [f"+kernel {FORWARDING[f]} = 1" for f in _families(source, host) if _value(FORWARDING[f]) != "1"]


def _families(source: Mapping[str, object], host: Host) -> list[int]:
    forward = source.get("forward")
    return [f for f in forward if f == 4 or host.ipv6] if isinstance(forward, list) else []


def _on(name: str) -> str:
    return "1" if name in FORWARDING.values() else "2"


def _value(name: str) -> str:
    return files.text_at(HERE, f"proc/sys/{name}").strip()

"""vps_firewall: section -> Policy: one pass, every problem at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from ..errors import PolicyRefused, Problem
from . import clouds
from .bounds import MAX_ENTRIES, expansion_error
from .checks import locked_out, wide_open_ssh
from .keys import ALLOW_KEYS, CHOICES, KEYS, OUT_KEYS, OUTGOING_KEYS, SSH_KEYS
from .messages import quoted
from .model import BUILT_IN, KEY, Entry, Opening, Policy
from .networks import ANYWHERE, EVERYTHING, addresses
from .openings import OpeningValues

T = TypeVar("T")


def parse(
    section: object,
    *,
    ssh_ports: Sequence[int] = (),
    cloud_id: str = "",
    uplinks: Sequence[str] = (),
    read_list: Callable[[str], str],
) -> Policy:
    """The value of the `vps_firewall:` key -> Policy.

    `ssh_ports`: where this host's sshd listens, for a policy that does not say; empty where there is no host to ask.
    `cloud_id`: where the host is, as cloud-init calls it; empty where that is unknown.
    `uplinks`: its interfaces that hold a default route.
    `read_list`: path -> text of a list file; raises OSError or ValueError with a reason for people.
    Raises PolicyRefused with every problem there is.
    """
    reader = _Parser(ssh_ports, cloud_id, read_list)
    policy = replace(reader.policy(section), uplinks=tuple(uplinks))
    if more := reader.count - len(reader.problems):
        reader.problems.append(Problem(KEY, f"and {more:,} more problems", reader.passing))
    if reader.problems:
        raise PolicyRefused(reader.problems)
    return policy


def own_ssh(section: object) -> dict[str, object]:
    """A section -> what it says of SSH and nothing else, with the lists that this needs: the built-in policy where it
    says nothing. Whether it is any good, parse() tells."""
    own: dict[str, object] = dict(BUILT_IN)
    if not isinstance(section, Mapping):
        return own
    if section.get("backend") in CHOICES["backend"]:
        own["backend"] = section["backend"]
    if "ssh" not in section:
        return own
    own["ssh"] = ssh = section["ssh"]
    lists, needed = section.get("lists"), {}
    if isinstance(lists, Mapping) and isinstance(ssh, Mapping):
        waiting = [ssh.get("from")]
        while waiting:
            value = waiting.pop()
            for item in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(item, str) and item in lists and item not in needed:
                    needed[item] = lists[item]
                    waiting.append(lists[item])
    return {**own, "lists": needed} if needed else own


class _Parser(OpeningValues):
    """Walks the section once."""

    def __init__(self, ssh_ports: Sequence[int], cloud_id: str, read_list: Callable[[str], str]) -> None:
        super().__init__(read_list)
        self.ssh_ports = tuple(ssh_ports)
        self.cloud_id = cloud_id

    def policy(self, section: object) -> Policy:
        if not isinstance(section, Mapping):
            self.refuse(KEY, f"{quoted(section)} is not a mapping; write {{}} for SSH alone, or the keys you want")
            return Policy()
        if reason := expansion_error(section):
            self.refuse(KEY, reason)
            return Policy()
        self.keys(KEY, section, KEYS)
        get = section.get
        self.read_lists(get("lists", {}))
        before = self.count
        ssh = self.ssh(get("ssh", {}))
        ssh_is_good = self.count == before
        deny = self.sources(f"{KEY}.deny", get("deny", []), "deny")
        allow = self.entries(f"{KEY}.allow", get("allow", []), ALLOW_KEYS, "from")
        chosen = {key: self.choice(f"{KEY}.{key}", get(key, said[0]), said) for key, said in CHOICES.items()}
        policy = Policy(
            enabled=self.flag(f"{KEY}.enabled", get("enabled", True)),
            backend=chosen["backend"],
            ssh=ssh,
            allow=allow,
            deny=deny,
            ping=self.flag(f"{KEY}.ping", get("ping", True)),
            malformed=chosen["malformed"],
            outgoing=self.outgoing(get("outgoing", "accept")),
            metadata=chosen["metadata"],
            metadata_services=addresses(clouds.metadata(self.cloud_id, containers="metadata" in section)),
            containers=chosen["containers"],
            log=self.limit(f"{KEY}.log", get("log", "3/minute")),
            unused=tuple(name for name in self.lists if name not in self.used),  # which is known once all is read
        )
        for problem in wide_open_ssh(policy, get("ssh"), self.ssh_ports):
            self.refuse(problem.path, problem.message)
        for problem in locked_out(policy) if self.lists_are_good and ssh_is_good else ():
            self.refuse(problem.path, problem.message)
        return policy

    def ssh(self, value: object) -> Entry | None:
        path = f"{KEY}.ssh"
        if value is False:
            return None
        if not isinstance(value, Mapping):
            self.refuse(
                path,
                f"{quoted(value)} is neither a mapping such as {{from: [203.0.113.7]}} nor false, which closes SSH",
            )
            value = {}
        self.keys(path, value, SSH_KEYS)
        ports = self.ssh_port(f"{path}.port", value["port"]) if "port" in value else self.ssh_ports or (22,)
        peers = self.sources(f"{path}.from", value["from"]) if "from" in value else ANYWHERE
        # With an interface too: which of them leads to the internet, only the host knows.
        default = "30/minute" if peers.v4 == EVERYTHING or peers.v6 == EVERYTHING else False
        limit = self.limit(f"{path}.limit", value.get("limit", default))
        interface = self.interface(f"{path}.interface", value["interface"]) if "interface" in value else ""
        return Entry("ssh", "", tuple(Opening("tcp", p, p) for p in ports), peers, limit, interface)

    def outgoing(self, value: object) -> tuple[Entry, ...] | None:
        path = f"{KEY}.outgoing"
        if value == "accept":
            return None
        if not isinstance(value, Mapping):
            self.refuse(path, f"{quoted(value)} is neither accept nor a mapping {{policy: drop, allow: [dns, ntp]}}")
            return None
        self.keys(path, value, OUTGOING_KEYS)
        policy = "drop"
        if "policy" in value:
            policy = self.choice(f"{path}.policy", value["policy"], ("drop", "accept"))
        else:
            self.refuse(f"{path}.policy", "is missing; write drop or accept")
        entries = self.entries(f"{path}.allow", value.get("allow", []), OUT_KEYS, "to")
        if policy == "accept" and entries:
            self.refuse(f"{path}.allow", "has no meaning while policy is accept; write policy: drop")
        return entries if policy == "drop" else None

    def entries(self, path: str, value: object, keys: tuple[str, ...], peers: str) -> tuple[Entry, ...]:
        items = self.items(path, value, "services and ports")
        if len(items) > MAX_ENTRIES:
            self.refuse(path, f"holds more than {MAX_ENTRIES:,} entries; write ranges of ports, and lists of sources")
        found = (self.entry(at, item, keys, peers) for at, item in items[:MAX_ENTRIES])
        return tuple(e for e in found if e)

    def entry(self, path: str, item: object, keys: tuple[str, ...], peers: str) -> Entry | None:
        where = path[len(KEY) + 1 :]
        if not isinstance(item, Mapping):
            bare = self.opening(path, item, anywhere=peers == "from")
            return Entry(where, str(item), bare) if bare else None
        self.keys(path, item, keys)
        named = [k for k in ("service", "port") if k in item]
        openings: tuple[Opening, ...] = ()
        if len(named) != 1:
            self.refuse(path, "needs service or port" if not named else "has both service and port; write one of them")
        else:
            at, value = f"{path}.{named[0]}", item[named[0]]
            narrowed = peers == "to" or "from" in item or "interface" in item
            openings = self.port(at, value) if named == ["port"] else self.service(at, value, not narrowed)

        def part(key: str, read: Callable[[str, object], T], default: T) -> T:
            return read(f"{path}.{key}", item[key]) if key in item and key in keys else default

        entry = Entry(
            where,
            str(item[named[0]]) if openings else "",
            openings,
            part(peers, self.sources, ANYWHERE),
            part("limit", self.limit, None),
            part("interface", self.interface, ""),
            part("comment", self.comment, ""),
        )
        return entry if openings else None

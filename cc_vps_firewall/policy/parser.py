"""vps_firewall: section -> Policy: one pass, every problem at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ..errors import PolicyRefused, Problem
from . import clouds
from .bounds import MAX_ENTRIES, expansion_error
from .checks import (
    STEM,
    locked_out,
    published_here,
    published_ssh,
    published_twice,
    too_much,
    trusted_uplinks,
    wide_open_ssh,
    wrong_route,
)
from .expectations import ExpectationValues
from .keys import BACKENDS, CONTAINERS, ENTRY, EXIT, OUTGOING, POLICY, PUBLICATION, ROUTE, SSH, Table, names
from .messages import quoted
from .model import BUILT_IN, EVERY_PROTOCOL, KEY, Entry, Limit, Opening, Policy, Publication, Route
from .networks import EVERYTHING, UNROUTABLE, WIDTH, NotANetwork, addresses, covers, parse_network

SSH_LIMIT = Limit(30, "minute")  # while SSH is open to anywhere, and the policy says nothing of it


def parse(
    section: object,
    *,
    ssh_ports: Sequence[int] = (),
    cloud_id: str = "",
    uplinks: Sequence[str] = (),
    own_addresses: Sequence[str] = (),
    read_list: Callable[[str], str],
) -> Policy:
    """The value of the `vps_firewall:` key -> Policy.

    `ssh_ports`: where this host's sshd listens, for a policy that does not say; empty where there is no host to ask.
    `cloud_id`: where the host is, as cloud-init calls it; empty where that is unknown.
    `uplinks`: its interfaces that hold a default route. `own_addresses`: of any interface of its.
    `read_list`: path -> text of a list file; raises OSError or ValueError with a reason for people.
    Raises PolicyRefused with every problem there is.
    """
    reader = _Parser(ssh_ports, cloud_id, read_list)
    policy = replace(reader.policy(section), uplinks=tuple(uplinks))
    for problem in (*trusted_uplinks(policy), *published_here(policy, own_addresses)):
        reader.refuse(problem.path, problem.message)
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
    if section.get("backend") in BACKENDS:
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


class _Parser(ExpectationValues):
    """Walks the section once."""

    def __init__(self, ssh_ports: Sequence[int], cloud_id: str, read_list: Callable[[str], str]) -> None:
        super().__init__(read_list)
        self.ssh_ports = tuple(ssh_ports)
        self.cloud_id = cloud_id
        self.readers = {
            "choice": lambda path, value, key: self.choice(path, value, key.choices),
            "comment": lambda path, value, key: self.comment(path, value),
            "address": lambda path, value, key: self.address(path, value),
            "bridges": lambda path, value, key: self.bridges(path, value),
            "containers": lambda path, value, key: self.containers(path, value),
            "denied": lambda path, value, key: self.sources(path, value, "deny"),
            "expected": lambda path, value, key: self.expected(path, value),
            "exits": lambda path, value, key: self.entries(path, value, EXIT),
            "file": lambda path, value, key: self.list_file(path, value),
            "flag": lambda path, value, key: self.flag(path, value),
            "interface": lambda path, value, key: self.interface(path, value),
            "limit": lambda path, value, key: self.limit(path, value),
            "openings": lambda path, value, key: self.entries(path, value, ENTRY),
            "outgoing": lambda path, value, key: self.outgoing(path, value),
            "masquerade": lambda path, value, key: self.masquerade(path, value),
            "number": lambda path, value, key: self.number(path, value),
            "port": lambda path, value, key: self.port(path, value),
            "ports": lambda path, value, key: self.ssh_port(path, value),
            "publications": lambda path, value, key: self.publications(path, value),
            "routes": lambda path, value, key: self.routes(path, value),
            "sources": lambda path, value, key: self.sources(path, value),
            "ssh": lambda path, value, key: self.ssh(path, value),
            "tested": lambda path, value, key: self.tested(path, value),
            "tests": lambda path, value, key: self.tests(path, value),
        }

    def policy(self, section: object) -> Policy:
        if not isinstance(section, Mapping):
            self.refuse(KEY, f"{quoted(section)} is not a mapping; write {{}} for SSH alone, or the keys you want")
            return Policy()
        if reason := expansion_error(section):
            self.refuse(KEY, reason)
            return Policy()
        self.keys(KEY, section, names(POLICY))
        # First what all that names sources needs.
        self.read_lists(f"{KEY}.lists", section.get("lists", {}))
        read, wrong = {}, set()
        before = self.count
        for name, value in self.each(KEY, section, tuple(key for key in POLICY if key.name != "lists")):
            read[name] = value
            if self.count != before:
                wrong.add(name)
            before = self.count
        self.forgive()
        needed = self.reached(self.used)
        named = self.used | self.used_by_lists | self.asked
        containers, bridges = read.pop("containers")
        outgoing, outgoing_containers = read.pop("outgoing")
        policy = Policy(
            **read,
            containers=containers,
            bridges=bridges,
            outgoing=outgoing,
            outgoing_containers=outgoing_containers,
            metadata_services=addresses(clouds.metadata(self.cloud_id, containers="metadata" in section)),
            unused=tuple(name for name in self.lists if name not in named),  # which is known once all is read
            only_tested=frozenset(self.reached(self.asked) - needed),
        )
        for check in (wide_open_ssh(policy, section.get("ssh"), self.ssh_ports), published_ssh(policy, self.ssh_ports)):
            for problem in check:
                self.refuse(problem.path, problem.message)
        for problem in published_twice(policy):
            self.refuse(problem.path, problem.message)
        for problem in locked_out(policy) if self.lists_are_good and "ssh" not in wrong else ():
            self.refuse(problem.path, problem.message)
        return policy

    def ssh(self, path: str, value: object) -> Entry | None:
        if value is False:
            return None
        if not isinstance(value, Mapping):
            self.refuse(
                path,
                f"{quoted(value)} is neither a mapping such as {{from: [203.0.113.7]}} nor false, which closes SSH",
            )
            value = {}
        read = self.mapping(path, value, SSH)
        ports = read.get("port", self.ssh_ports or (22,))
        peers = read["from"]
        # With an interface too: which of them leads to the internet, only the host knows.
        limited = peers.v4 == EVERYTHING or peers.v6 == EVERYTHING
        limit = read.get("limit", SSH_LIMIT if limited else None)
        openings = tuple(Opening("tcp", port, port) for port in ports)
        return Entry("ssh", "", openings, peers, limit, read.get("interface", ""))

    def outgoing(self, path: str, value: object) -> tuple[tuple[Entry, ...] | None, str]:
        """What may leave, None for everything; and what becomes of what containers send."""
        everything = None, Policy.outgoing_containers
        if value == "accept":
            return everything
        if not isinstance(value, Mapping):
            self.refuse(path, f"{quoted(value)} is neither accept nor a mapping {{policy: drop, allow: [dns, ntp]}}")
            return everything
        read = self.mapping(path, value, OUTGOING)
        accepts, entries = read.get("policy") == "accept", read["allow"]
        if accepts and entries:
            self.refuse(f"{path}.allow", "has no meaning while policy is accept; write policy: drop")
        return everything if accepts else (tuple(entries), read["containers"])

    def entries(self, path: str, value: object, table: Table) -> tuple[Entry, ...]:
        """A list of what is open: to whom it comes in (ENTRY), or where it leads (EXIT)."""
        items = self.items(path, value, "services and ports")
        if len(items) > MAX_ENTRIES:
            self.refuse(path, f"holds more than {MAX_ENTRIES:,} entries; write ranges of ports, and lists of sources")
        found = (self.entry(at, item, table) for at, item in items[:MAX_ENTRIES])
        return tuple(e for e in found if e)

    def containers(self, path: str, value: object) -> tuple[str, tuple[str, ...]]:
        """What becomes of their ports, and the bridges that they are behind."""
        if not isinstance(value, Mapping):
            return self.choice(path, value, next(key.choices for key in CONTAINERS if key.name == "policy")), ()
        read = self.mapping(path, value, CONTAINERS)
        return read["policy"], read["bridges"]

    def bridges(self, path: str, value: object) -> tuple[str, ...]:
        found = []
        for at, item in self.items(path, value, "interfaces"):
            name = self.interface(at, item)
            if name.endswith("*") and len(name) <= STEM:
                self.refuse(at, f"{name} takes too many interfaces; write {STEM} letters or more before the *")
            found += [name] if name else []
        return tuple(dict.fromkeys(found))

    def address(self, path: str, value: object) -> tuple[int, int]:
        """One address -> its family and its number; family 0 after a problem."""
        try:
            family, number, prefix = parse_network(value if isinstance(value, str) else "")
        except NotANetwork:
            self.refuse(path, f"{quoted(value)} is not the IPv4 or IPv6 address of a machine")
            return 0, 0
        if prefix != WIDTH[family]:
            self.refuse(path, f"{value} is a network; write the address of one machine")
            return 0, 0
        if covers(UNROUTABLE.of(family), (number, prefix), family):
            self.refuse(path, f"{value} is no address of a machine behind this host")
            return 0, 0
        return family, number

    def publications(self, path: str, value: object) -> tuple[Publication, ...]:
        if not isinstance(value, (list, tuple)):
            self.refuse(path, f"{quoted(value)} is not a list of mappings such as {{port: 8443/tcp, to: 10.8.0.2}}")
            return ()
        if len(value) > MAX_ENTRIES:
            self.refuse(path, f"holds more than {MAX_ENTRIES:,} entries; write ranges of ports")
        found = (self.publication(f"{path}[{n}]", item) for n, item in enumerate(value[:MAX_ENTRIES]))
        return tuple(each for each in found if each)

    def publication(self, path: str, item: object) -> Publication | None:
        if not isinstance(item, Mapping):
            self.refuse(path, f"{quoted(item)} is not a mapping such as {{port: 8443/tcp, to: 10.8.0.2}}")
            return None
        read = self.mapping(path, item, PUBLICATION)
        openings, (family, to), peers = read.pop("port", ()), read.pop("to", (0, 0)), read.pop("from")
        if openings and read.get("to_port") and openings[0].first != openings[0].last:
            self.refuse(f"{path}.to_port", "goes with one port; a range is served by the same ports")
        if not openings or not family:
            return None
        return Publication(path[len(KEY) + 1 :], openings[0], family, to, peers=peers, **read)

    def routes(self, path: str, value: object) -> tuple[Route, ...]:
        if not isinstance(value, (list, tuple)):
            self.refuse(path, f"{quoted(value)} is not a list of mappings such as {{in: wg0, out: eth0}}")
            return ()
        if len(value) > MAX_ENTRIES:
            self.refuse(path, f"holds more than {MAX_ENTRIES:,} entries; write lists of sources and destinations")
        found = (self.route(f"{path}[{n}]", item) for n, item in enumerate(value[:MAX_ENTRIES]))
        return tuple(each for each in found if each)

    def route(self, path: str, item: object) -> Route | None:
        if not isinstance(item, Mapping):
            self.refuse(path, f"{quoted(item)} is not a mapping such as {{in: wg0, out: eth0}}")
            return None
        before = self.count
        self.keys(path, item, names(ROUTE))
        named = [name for name in ("service", "port") if name in item]
        openings: tuple[Opening, ...] = (EVERY_PROTOCOL,)
        if len(named) > 1:
            self.refuse(path, "has both service and port; write one of them")
        elif named == ["port"]:
            openings = self.port(f"{path}.port", item["port"])
        elif named and item["service"] != EVERY_PROTOCOL.proto:
            openings = self.service(f"{path}.service", item["service"], anywhere=False)
        read = dict(self.each(path, item, _NARROWING[ROUTE]))
        name = item[named[0]] if named else EVERY_PROTOCOL.proto
        route = Route(
            path[len(KEY) + 1 :],
            name if isinstance(name, str) else "",
            openings,
            read.get("in", ""),
            read.get("out", ""),
            read["from"],
            read["to"],
            read["masquerade"],
            read.get("comment", ""),
        )
        for problem in wrong_route(route, item, readable=self.lists_are_good and self.count == before):
            self.refuse(problem.path, problem.message)
        return route if openings else None

    def masquerade(self, path: str, value: object) -> tuple[int, ...]:
        """true, false, or families -> families"""
        if isinstance(value, bool):
            return (4,) if value else ()
        families = value if isinstance(value, (list, tuple)) else [value]
        if families and all(type(family) is int and family in WIDTH for family in families):
            return tuple(sorted({*families}))
        self.refuse(path, f"{quoted(value)} is not true, false, or a list of 4 and 6")
        return ()

    def entry(self, path: str, item: object, table: Table) -> Entry | None:
        where = path[len(KEY) + 1 :]
        if not isinstance(item, Mapping):
            bare = self.opening(path, item, anywhere=table is ENTRY)
            return Entry(where, str(item), bare) if bare else None
        self.keys(path, item, names(table))
        named = [name for name in ("service", "port") if name in item]
        openings: tuple[Opening, ...] = ()
        if len(named) != 1:
            self.refuse(path, "needs service or port" if not named else "has both service and port; write one of them")
        else:
            at, value = f"{path}.{named[0]}", item[named[0]]
            narrowed = table is EXIT or "from" in item or "interface" in item
            if table is ENTRY and (named[0], value) == ("service", EVERY_PROTOCOL.proto):
                openings = (EVERY_PROTOCOL,)
            else:
                openings = self.port(at, value) if named == ["port"] else self.service(at, value, not narrowed)
        read = dict(self.each(path, item, _NARROWING[table]))
        peers = read.pop("from" if table is ENTRY else "to")
        if not openings:
            return None
        entry = Entry(where, str(item[named[0]]), openings, peers, **read)
        if openings == (EVERY_PROTOCOL,):
            for problem in too_much(entry, item):
                self.refuse(problem.path, problem.message)
        return entry


# The keys of an entry beside those that say what is open.
_NARROWING = {
    table: tuple(key for key in table if key.name not in ("service", "port")) for table in (ENTRY, EXIT, ROUTE)
}

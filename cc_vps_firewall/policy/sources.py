"""Lists and sources of a policy -> sorted networks of both families."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from ..errors import Problem
from . import services
from .bounds import MAX_NETWORKS, MAX_PROBLEMS
from .keys import LIST_FILE, LIST_NAME, PATH
from .messages import child_path, quoted
from .networks import EVERYTHING, NOWHERE, Net, NotANetwork, Sources, collapse, parse_network
from .values import Items, Values


class SourceValues(Values):
    """Values whose sources may be names of lists, which `read_lists` has read before.

    `read_list`: path -> text of a list file; raises OSError or ValueError with a reason for people.
    """

    def __init__(self, read_list: Callable[[str], str]) -> None:
        super().__init__()
        self.read_list = read_list
        self.lists: dict[str, tuple[str, Items]] = {}  # with where the items stand, see collect()
        self.resolved: dict[str, Sources] = {}
        self.lists_are_good = True
        self.wrong_lists: set[str] = set()  # those with a problem of their own, or that name one with it
        # Names of lists: by whom they are used. `naming` is that of who is read now.
        self.used: set[str] = set()
        self.used_by_lists: set[str] = set()
        self.asked: set[str] = set()  # by tests
        self.naming = self.used
        self.unreadable: dict[str, Problem] = {}  # lists whose file is not there, or not now
        self.networks = 0

    def read_lists(self, path: str, value: object) -> None:
        """The value of `lists`, which all that names sources is read after."""
        before = self.count
        if not isinstance(value, Mapping):
            self.refuse(path, f"{quoted(value)} is not a mapping of names to sources")
            return
        taken = set(services.names())
        for name in value:
            at, clean = child_path(path, name), self.count
            if not isinstance(name, str) or not LIST_NAME.fullmatch(name):
                self.refuse(at, "not a list name; write a-z, 0-9, _ and -, a letter first, at most 32 characters")
            elif name in taken or name == "any":
                kind = "a word with a meaning of its own" if name == "any" else "the name of a service"
                self.refuse(at, f"is also {kind}; give the list another name")
            if isinstance(name, str):
                # A list with a bad name is read too: those who name it need no problem of their own.
                if isinstance(value[name], Mapping):
                    told = len(self.problems)
                    self.lists[name] = "file", self.mapping(at, value[name], LIST_FILE).get("file", [])
                    self.unreadable.update((name, problem) for problem in self.problems[told:] if problem.passing)
                else:
                    self.lists[name] = "lists", self.items(at, value[name], "sources")
                if self.count > clean:
                    self.wrong_lists.add(name)
        self.naming = self.used_by_lists
        for name in self.lists:
            self.resolve(name)
        self.naming = self.used
        self.lists_are_good = self.count == before

    def list_file(self, path: str, name: object) -> Items:
        if not isinstance(name, str) or not PATH.fullmatch(name):
            self.refuse(path, f"{quoted(name)} is not an absolute path of a file on the host")
        else:
            try:
                lines = self.read_list(name).split("\n")
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
                self.refuse(path, f"{quoted(name)}: {reason}", passing=True)
            else:
                numbered = ((n, line.partition("#")[0].strip()) for n, line in enumerate(lines, 1))
                return [(f"{path} line {n}", line) for n, line in numbered if line]
        return []

    def resolve(self, name: str) -> None:
        """A list and those that it names, without recursion: a chain of ten thousand is no deeper stack."""
        way: dict[str, Iterator[tuple[str, object]]] = {name: iter(self.named_by(name))}
        while way:
            name = next(reversed(way))
            for path, other in way[name]:
                if not isinstance(other, str) or other not in self.lists or other in self.resolved:
                    continue
                if other in way:
                    self.refuse(path, f"{quoted(other)} names itself: {self.circle(other, way)}")
                    self.wrong_lists.add(name)
                    continue
                way[other] = iter(self.named_by(other))
                break
            else:
                clean, items = self.count, self.lists[name][1]
                self.resolved[name] = self.collect(*self.lists[name])
                if self.count > clean or self.names_wrong(items):
                    self.wrong_lists.add(name)
                del way[name]

    def circle(self, name: str, way: Iterable[str]) -> str:
        """The lists that lead back to one; '' where nobody is told any more, for they may be many and long."""
        if self.count >= MAX_PROBLEMS:
            return ""
        loop = [*list(way)[list(way).index(name) :], name]
        loop[4:-2] = ["..."] if len(loop) > 7 else loop[4:-2]
        return " -> ".join(map(quoted, loop))

    def named_by(self, name: str) -> Items:
        kind, items = self.lists[name]
        return items if kind == "lists" else []

    def collect(self, kind: str, items: Items) -> Sources:
        """Sort sources by family. `kind` is where they stand: any is accepted in from alone, and a file
        names no lists."""
        found: dict[int, list[Net]] = {4: [], 6: []}
        for path, item in items:
            if not isinstance(item, str):
                self.refuse(path, f"{quoted(item)} is not a source; write an address, a network or the name of a list")
            elif item in self.lists and kind != "file":
                self.naming.add(item)
                named = self.resolved.get(item, NOWHERE)  # not there: it goes round, which is said
                if len(items) == 1:
                    return named
                before, self.networks = self.networks, self.networks + len(named.v4) + len(named.v6)
                if self.networks > MAX_NETWORKS:
                    if before <= MAX_NETWORKS:
                        what = f"brings the networks that names of lists stand for to more than {MAX_NETWORKS:,}"
                        self.refuse(path, what)
                    self.lists_are_good = False
                    return NOWHERE
                found[4] += named.v4
                found[6] += named.v6
            elif item == "any":
                if kind == "from":
                    found[4] += EVERYTHING
                    found[6] += EVERYTHING
                else:
                    self.refuse(path, "any is accepted in from and to alone")
            else:
                try:
                    family, number, prefix = parse_network(item)
                except NotANetwork as error:
                    # A file may be another than was meant, /etc/shadow say: what is in it is not for every reader.
                    hint = self.suggest(item, islice(self.lists, 1000)) if kind != "file" else ""
                    said = error.reason if kind == "file" else str(error)
                    self.refuse(path, f"{said}; {hint}" if hint else said)
                else:
                    found[family].append((number, prefix))
        return Sources(collapse(found[4], 4), collapse(found[6], 6))

    def names_wrong(self, items: Items) -> bool:
        """Does one of these name a list that has a problem, which may be all that is wrong with them?"""
        return any(isinstance(item, str) and item in self.wrong_lists for _, item in items)

    def sources(self, path: str, value: object, kind: str = "from") -> Sources:
        before, items = self.count, self.items(path, value, "sources")
        found = self.collect(kind, items)
        if kind == "from" and found == NOWHERE and self.count == before and not self.names_wrong(items):
            self.refuse(path, "names no source at all; leave it out for anywhere")
        return found

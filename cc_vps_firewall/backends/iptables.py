"""The backend iptables: chains of our own in filter and mangle, and jumps to them from the built-in ones
(iptables-restore(8)). It speaks to nf_tables or to the older x_tables, whichever the host's tools do."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Collection, Mapping, Sequence

from ..errors import FirewallError, ToolFailed
from ..host import files, process
from ..host.managers import chains
from ..rules import ended, iptables, iptables_changes, iptables_dumps
from ..rules.backend import Texts
from ..rules.rule import Ruleset

LOCK_WAIT = 10  # seconds to wait for the xtables lock when somebody else holds it
SMALL = 200_000  # bytes of rules that are changed one by one in no time, so that no moment is other people's
BOOT_WAIT = 60  # seconds, when a service loads the saved files
MAX_REMOVED = 6  # rules of others that a note names; `plan` shows them all
_RESTORE = {4: "iptables-restore", 6: "ip6tables-restore"}
_SAVE = {4: "iptables-save", 6: "ip6tables-save"}


class Iptables:
    """See Backend."""

    name = iptables.NAME
    families = (4, 6)
    shares_tables = True
    tools = (*_RESTORE.values(), *_SAVE.values(), "flock")

    def render(self, rules: Ruleset) -> dict[int, str]:
        return {family: iptables.render(rules, family) for family in self.families}

    def boot_commands(self, files: Mapping[int, str], tools: Mapping[str, str]) -> list[str]:
        return [f"{tools[tool]} -w {BOOT_WAIT} {files[family]}" for family, tool in _RESTORE.items()]

    def load(self, texts: Texts, noflush: Collection[int] = (), pass_fds: Sequence[int] = ()) -> None:
        """On long texts `noflush` takes three times as long."""
        commands = [
            ([_RESTORE[family], *(["--noflush"] if family in noflush else []), "-w", str(LOCK_WAIT)], text)
            for family, text in texts.items()
            if text
        ]
        if len(commands) > 1:
            process.run_together(commands, pass_fds)
        else:
            for argv, text in commands:
                process.run(*argv, text=text, pass_fds=pass_fds)

    def dump(self, families: Collection[int]) -> dict[int, str]:
        started = [(process.start(_SAVE[family]), _SAVE[family], 0) for family in families]
        texts = dict(zip(families, process.finish_all(started)))
        for family, text in texts.items():
            lines = text.splitlines()
            if text.strip() and ("*" not in text or not all(line[:1] in "#*:-C[" for line in lines if line)):
                raise ToolFailed(f"{_SAVE[family]} printed something that is not a dump")
        return texts

    def restore(self, before: Texts, pass_fds: Sequence[int] = ()) -> None:
        now = {}
        with contextlib.suppress(ToolFailed):
            now = self.dump(tuple(before))
        self.load({f: iptables_changes.whole(text, now.get(f, "")) for f, text in before.items()}, (), pass_fds)

    def remove(self, pass_fds: Sequence[int] = (), keep_bans: bool = False) -> None:
        dumps = self.dump(self.families)
        texts = {family: iptables_changes.without_ours(text, keep_bans) for family, text in dumps.items()}
        self.load(texts, self.families, pass_fds)

    def make_bans(self, pass_fds: Sequence[int] = ()) -> None:
        pass  # the chain is in our texts

    def bans(self) -> int | None:
        found = [
            count for dump in self.dump(self.families).values() if (count := iptables_dumps.bans(dump)) is not None
        ]
        return max(found, default=None)

    def drop_ended(self, wanted: bool, pass_fds: Sequence[int] = ()) -> None:
        texts = {family: ended.iptables(dump, wanted) for family, dump in self.dump(self.families).items()}
        self.load(texts, self.families, pass_fds)

    def delta(
        self, texts: Texts, before: Texts, rehearsed: Callable[[], Texts], likely: bool, managers: Sequence[str]
    ) -> tuple[dict[int, str], list[int]]:
        todo, noflush = dict(texts), []
        after = rehearsed()  # a tool that cannot show what it loaded cannot tell what is there to be put back
        for family, dump in before.items():
            careful = len(dump) + len(todo[family]) < SMALL or iptables_dumps.shared(dump)
            if "-A " in dump and (careful or likely):
                change = iptables_changes.transition(dump, after[family], chains(managers))
                if careful or not change:
                    todo[family] = change
            if careful:
                noflush.append(family)
        return todo, noflush

    def differences(self, live: Texts, expected: Texts) -> list[str]:
        return [
            f"{line[0]}IPv{family} {line[1:]}"
            for family, text in expected.items()
            for line in iptables_changes.differences(live.get(family, ""), text)
        ]

    def same(self, one: Texts, other: Texts) -> bool:
        return all(
            iptables_dumps.parse_dump(one[family]) == iptables_dumps.parse_dump(text) for family, text in other.items()
        )

    def holds_ours(self, dump: str) -> bool:
        """Of the tables that judge: what is left in one that we only share keeps nobody out."""
        tables = (f"\n{each}".partition("\n*")[2] for each in dump.split("\nCOMMIT"))
        return any(text.startswith((*iptables.TABLES,)) and iptables_dumps.has_ours(text) for text in tables)

    def removed(self, before: Texts, managers: Sequence[str]) -> list[str]:
        lines = [
            f"IPv{f} {line}" for f, dump in before.items() for line in iptables_dumps.taken_out(dump, chains(managers))
        ]
        shown = [re.sub(r"( -[sd]|-range) \S+", r"\1 ...", line) for line in lines[:MAX_REMOVED]]
        more = [f"and {len(lines) - len(shown)} more"] if len(lines) > len(shown) else []
        return [f"rules of others that were taken out: {'; '.join(shown + more)}"] if lines else []

    def with_others(
        self, texts: Texts, paths: Mapping[int, str], managers: Sequence[str]
    ) -> tuple[dict[int, str], list[str]]:
        """As the tool reads them, less what names a set, which is not there yet when the next boot loads the file."""
        out, notes = dict(texts), []
        for family, path in paths.items():
            on_disk = (files.read(path) or "").split("\n")
            kept = [line for line in on_disk if not iptables_dumps.names_set(line)]
            if iptables_dumps.only_ours("\n".join(kept)):
                continue
            try:
                with process.scratch() as empty:
                    empty.submit(self.load, {family: "\n".join(kept)}).result()
                    dump = empty.submit(self.dump, (family,)).result()[family]
                    text = iptables_changes.with_others(texts[family], dump, chains(managers))
                    empty.submit(self.load, {family: text}).result()
                out[family] = text
                if len(kept) < len(on_disk):
                    notes.append(f"{path}: rules that name a set were left out: at boot it is not there")
            except FirewallError as failure:
                notes.append(f"{path} could not be loaded, and nothing in it was kept: {failure}")
        return out, notes

    def others_alone(self, text: str) -> str:
        return iptables_changes.others_alone(text)

"""The backend nftables: one table of our own, of family inet, replaced in one transaction (nft(8))."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence

from ..errors import ToolFailed
from ..host import process
from ..rules import bans, compare, ended, nftables
from ..rules.backend import Texts
from ..rules.rule import Ruleset


class Nftables:
    """See Backend."""

    name = nftables.NAME
    families = (0,)
    shares_tables = False
    tools = ("nft",)

    def render(self, rules: Ruleset) -> dict[int, str]:
        return {0: nftables.render(rules)}

    def boot_commands(self, files: Mapping[int, str], tools: Mapping[str, str]) -> list[str]:
        return [f"{tools['nft']} -f {files[0]}"]

    def load(self, texts: Texts, noflush: Collection[int] = (), pass_fds: Sequence[int] = ()) -> None:
        if texts:
            process.run("nft", "-f", "-", text=texts[0], pass_fds=pass_fds)

    def dump(self, families: Collection[int]) -> dict[int, str]:
        listing = process.start("nft", "-s", "list", "table", *nftables.TABLE.split())
        code, text, stderr = process.answer(listing, "nft")
        if code == 1 and stderr.startswith("Error: No such file or directory"):
            return {0: ""}
        if code:
            raise ToolFailed(process.failure("nft", code, stderr))
        if not text.startswith(f"table {nftables.TABLE} {{") or not text.rstrip().endswith("}"):
            raise ToolFailed("nft printed something that is not a table")
        return {0: text}

    def restore(self, before: Texts, pass_fds: Sequence[int] = ()) -> None:
        self.load({0: _DELETE + nftables.comparable(before[0])}, (), pass_fds)

    def remove(self, pass_fds: Sequence[int] = (), keep_bans: bool = False) -> None:
        self.load({0: _DELETE + ("" if keep_bans else _DELETE_BANS)}, (), pass_fds)

    def make_bans(self, pass_fds: Sequence[int] = ()) -> None:
        if not self._has_bans():
            self.load({0: bans.TEXT}, (), pass_fds)

    def bans(self) -> int | None:
        if not self._has_bans():
            return None
        table = process.run("nft", "-s", "list", "table", *bans.TABLE.split())
        listed: list[str] = re.findall(r"\belements = \{([^}]*)\}", table)
        return sum(elements.count(",") + 1 for elements in listed)

    def drop_ended(self, wanted: bool, pass_fds: Sequence[int] = ()) -> None:
        self.load({0: ended.NFTABLES if wanted else ended.DELETE}, (), pass_fds)

    def _has_bans(self) -> bool:
        return f"table {bans.TABLE}" in process.run("nft", "list", "tables").splitlines()

    def delta(
        self, texts: Texts, before: Texts, rehearsed: Callable[[], Texts], likely: bool, managers: Sequence[str]
    ) -> tuple[dict[int, str], list[int]]:
        if before[0] and likely and not self.differences(before, rehearsed()):
            return {}, []
        return dict(texts), []

    def differences(self, live: Texts, expected: Texts) -> list[str]:
        have, want = nftables.comparable(live[0]), nftables.comparable(expected[0])
        return [] if have == want else compare.text_differences(nftables.placed(want), nftables.placed(have))

    def same(self, one: Texts, other: Texts) -> bool:
        return nftables.comparable(one[0]) == nftables.comparable(other[0])

    def holds_ours(self, dump: str) -> bool:
        return bool(dump)

    def removed(self, before: Texts, managers: Sequence[str]) -> list[str]:
        return []  # other people's tables are theirs

    def with_others(
        self, texts: Texts, paths: Mapping[int, str], managers: Sequence[str]
    ) -> tuple[dict[int, str], list[str]]:
        return {0: texts[0] + bans.TEXT}, []  # the file is ours alone

    def others_alone(self, text: str) -> str:
        return ""


_DELETE = f"table {nftables.TABLE}\ndelete table {nftables.TABLE}\n"
_DELETE_BANS = f"table {bans.TABLE}\ndelete table {bans.TABLE}\n"

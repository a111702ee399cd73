"""What the engine asks of whatever loads rules into the kernel: the Protocol that each backend implements."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from .rule import Ruleset

Texts = Mapping[int, str]  # by family: 4, 6, or 0 where one text is for both


class Backend(Protocol):
    """What loads rules into the kernel. What it is given and what it returns is by family, see `families`.

    Everything that asks the kernel does so in the network namespace of the calling thread, and raises ToolFailed where
    a tool fails.
    """

    @property
    def name(self) -> str:
        """As the policy calls it."""

    @property
    def families(self) -> tuple[int, ...]:
        """The families of its texts: (0,) where one text, and one transaction, is for both; else (4, 6)."""

    @property
    def shares_tables(self) -> bool:
        """Are our chains in tables in which others have theirs?"""

    @property
    def tools(self) -> tuple[str, ...]:
        """The programs that it cannot do without."""

    def render(self, rules: Ruleset) -> dict[int, str]:
        """Rules -> the texts that `load` takes, and that are saved."""

    def boot_commands(self, files: Mapping[int, str], tools: Mapping[str, str]) -> list[str]:
        """The commands by which a systemd unit loads the saved files."""

    def load(self, texts: Texts, noflush: Collection[int] = (), pass_fds: Sequence[int] = ()) -> None:
        """Texts -> the kernel, one transaction a family. The families in `noflush` keep what else is there."""

    def dump(self, families: Collection[int]) -> dict[int, str]:
        """What the kernel holds, as the tool prints it; '' where it holds nothing."""

    def restore(self, before: Texts, pass_fds: Sequence[int] = ()) -> None:
        """Make the kernel hold an earlier dump again, other people's rules of then and of now included."""

    def remove(self, pass_fds: Sequence[int] = (), keep_bans: bool = False) -> None:
        """Take our rules out of the kernel, and leave everybody else's. `keep_bans`: what other programs ban stays
        banned."""

    def make_bans(self, pass_fds: Sequence[int] = ()) -> None:
        """Make the place that other programs put their bans into, where it is missing and no text of ours has it."""

    def bans(self) -> int | None:
        """How many bans are in that place: of the family that has more, where it counts by family; None where there is
        no such place."""

    def drop_ended(self, wanted: bool, pass_fds: Sequence[int] = ()) -> None:
        """Drop, or no longer drop, what belongs to connections that bear the mark of rules.ended."""

    def delta(
        self,
        texts: Texts,
        before: Texts,
        rehearsed: Callable[[], Texts],
        likely: bool,
        managers: Sequence[str],
    ) -> tuple[dict[int, str], list[int]]:
        """What has to be loaded to make `before`, a dump, into the dump of `texts`, for which `rehearsed` waits:
        (texts, `noflush`). Nothing where they are equal, which is worth finding out where it is `likely`. `managers`:
        other firewall managers, whose chains go."""

    def differences(self, live: Texts, expected: Texts) -> list[str]:
        """Two dumps -> lines that are missing (+) and lines that are too many (-), as far as they are ours to judge."""

    def same(self, one: Texts, other: Texts) -> bool:
        """Are two dumps equal, other people's rules included, but for what traffic changes?"""

    def holds_ours(self, dump: str) -> bool:
        """Is there anything of ours in a dump of one family?"""

    def removed(self, before: Texts, managers: Sequence[str]) -> list[str]:
        """The rules of others that loading ours takes out, without their addresses: everybody may read the status."""

    def with_others(
        self, texts: Texts, paths: Mapping[int, str], managers: Sequence[str]
    ) -> tuple[dict[int, str], list[str]]:
        """What is saved: our texts, with what others have in the files that they replace. -> it, and notes."""

    def others_alone(self, text: str) -> str:
        """A saved file without anything of ours; '' where nothing is left."""

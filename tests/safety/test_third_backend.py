"""A backend that the package has never heard of: a class and a row of the registry take it through converge()."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import pytest

from cc_vps_firewall.backends import registry
from cc_vps_firewall.rules.rule import Ruleset
from tests.engine import apply
from tests.lab.machine import Checkpoint, Machine


def kernel() -> Path:
    """What it has in the place of a kernel's rules: a file for each network namespace."""
    return Path("/run/recorder." + os.readlink("/proc/thread-self/ns/net"))


class Recorder:
    """Writes down what it is told."""

    name = "recorder"
    families = (0,)
    shares_tables = False
    tools = ("cat",)

    def render(self, rules: Ruleset) -> dict[int, str]:
        return {0: "".join(f"# Made by vps-firewall: {chain.name}\n" for chain in rules.chains)}

    def boot_commands(self, files: Mapping[int, str], tools: Mapping[str, str]) -> list[str]:
        return [f"{tools['cat']} {files[0]}"]

    def load(self, texts: Mapping[int, str], noflush: Collection[int] = (), pass_fds: Sequence[int] = ()) -> None:
        for text in texts.values():
            kernel().write_text(text, encoding="utf-8")

    def dump(self, families: Collection[int]) -> dict[int, str]:
        return {0: kernel().read_text(encoding="utf-8") if kernel().exists() else ""}

    def restore(self, before: Mapping[int, str], pass_fds: Sequence[int] = ()) -> None:
        self.load(before)

    def remove(self, pass_fds: Sequence[int] = (), keep_bans: bool = False) -> None:
        self.load({0: ""})

    def make_bans(self, pass_fds: Sequence[int] = ()) -> None:
        pass

    def bans(self) -> int | None:
        return None

    def drop_ended(self, wanted: bool, pass_fds: Sequence[int] = ()) -> None:
        pass

    def delta(
        self,
        texts: Mapping[int, str],
        before: Mapping[int, str],
        rehearsed: Callable[[], Mapping[int, str]],
        likely: bool,
        managers: Sequence[str],
    ) -> tuple[dict[int, str], list[int]]:
        return ({} if before == rehearsed() else dict(texts)), []

    def differences(self, live: Mapping[int, str], expected: Mapping[int, str]) -> list[str]:
        return [] if live == expected else ["+something else"]

    def same(self, one: Mapping[int, str], other: Mapping[int, str]) -> bool:
        return one == other

    def holds_ours(self, dump: str) -> bool:
        return bool(dump)

    def removed(self, before: Mapping[int, str], managers: Sequence[str]) -> list[str]:
        return []

    def with_others(
        self, texts: Mapping[int, str], paths: Mapping[int, str], managers: Sequence[str]
    ) -> tuple[dict[int, str], list[str]]:
        return dict(texts), []

    def others_alone(self, text: str) -> str:
        return ""


@pytest.mark.parametrize("refused", [False, True])
def test_it_is_loaded_saved_and_enabled(refused: bool) -> None:
    with Machine("nftables") as machine:

        def work(checkpoint: Checkpoint) -> object:
            with pytest.MonkeyPatch.context() as patched:
                patched.setitem(registry.BACKENDS, "recorder", Recorder())
                patched.delitem(registry.BACKENDS, "nftables")
                patched.delitem(registry.BACKENDS, "iptables")
                return apply({"allow": ["http"]}, checkpoint, confirm=lambda: "no" if refused else "")

        run = machine.engine(work)
        if refused:
            assert run.raised == "RolledBack: no; what was there before is back"
            assert machine.do(lambda: kernel().read_text(encoding="utf-8")) == ""
            return
        assert not run.raised, run
        status = machine.status()
        assert (status["result"], status["backend"]) == ("applied", "recorder")
        (path,) = status["saved"]
        assert machine.run(f"cat {path}") == machine.do(lambda: kernel().read_text(encoding="utf-8")) != ""
        unit = machine.run("cat /etc/systemd/system/vps-firewall.service")
        assert f"cat {path}\n" in unit
        assert json.loads(machine.run("cat /var/lib/vps-firewall/policy.json"))["backend"] == "recorder"

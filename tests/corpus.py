"""tests/cases/refused-*/refused.yaml and accepted/accepted.yaml -> Stanza: user-data, and what check says of it.

Parser and schema are held to the same stanzas. `judge: both` (the default) means that both refuse; with `judge:
parser` the schema lets it pass, and `because:` says why it has to. What is too long to be written out is made:
`make: {before, each, times, after}` repeats `each`, with its number, from 0, for {n}; `problems:` may repeat, too, and
{keys} in them stands for the keys of a policy.
"""

from __future__ import annotations

import functools
import gzip
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cc_vps_firewall import policy
from cc_vps_firewall.errors import PolicyRefused
from cc_vps_firewall.policy import keys, userdata

HOME = Path(__file__).parent / "cases"
KEYS = {"name", "user-data", "make", "encode", "files", "problems", "judge", "because"}


@dataclass(frozen=True)
class Stanza:
    """One user-data, the list files it finds, and every line that it is refused with: none when it is accepted."""

    name: str
    data: bytes
    problems: tuple[str, ...] = ()
    judge: str = "both"
    because: str = ""
    files: Mapping[str, Any] = field(default_factory=dict)

    def values(self) -> list[object]:
        """What the schema is asked about: the value as cloud-init has it, where there is one."""
        try:
            return [value for _, value, _ in userdata.sections(self.data)][-1:]
        except PolicyRefused:
            return []

    def policy(self, root: Path) -> policy.Policy:
        """What the engine reads in it, with its files below `root`. Raises PolicyRefused."""
        lay(self.files, root)
        return policy.parse(userdata.section(self.data), read_list=lambda path: userdata.read_list(f"{root}{path}"))

    def told(self, root: Path) -> tuple[str, ...]:
        """Every problem that the engine has with it."""
        try:
            self.policy(root)
        except PolicyRefused as refused:
            return tuple(map(str, refused.problems))
        return ()


def refused() -> list[Stanza]:
    return [stanza for path in sorted(HOME.glob("refused-*/refused.yaml")) for stanza in load(path)]


def accepted() -> list[Stanza]:
    return [*load(HOME / "accepted" / "accepted.yaml")]


@functools.cache
def load(path: Path) -> Sequence[Stanza]:
    said = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(said) == {"about", "cases"}, path
    stanzas = [stanza(path.parent.name, case) for case in said["cases"]]
    for one in stanzas:
        assert bool(one.problems) == (path.name == "refused.yaml"), f"{one.name}: problems"
        assert (one.judge, bool(one.because)) in (("both", False), ("parser", True)), f"{one.name}: judge"
    return stanzas


def lay(files: Mapping[str, Any], root: Path) -> None:
    """The host's list files, below `root`: texts, or {bytes}, {make}, {link: TARGET}, {is: directory or pipe}."""
    for name, said in files.items():
        path = Path(f"{root}{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(said, str):
            path.write_text(said, encoding="utf-8")
        elif "bytes" in said:
            path.write_bytes(bytes.fromhex(said["bytes"]))
        elif "make" in said:
            path.write_text(_made(said["make"]), encoding="utf-8")
        elif "link" in said:
            path.symlink_to(said["link"])
        else:
            {"directory": os.mkdir, "pipe": os.mkfifo}[said["is"]](path)


def stanza(folder: str, case: Mapping[str, Any]) -> Stanza:
    """What one entry of such a file says."""
    assert set(case) <= KEYS, f"{folder}: {case.get('name')}: {set(case) - KEYS}"
    text = _made(case["make"]) if "make" in case else case["user-data"]
    return Stanza(
        name=f"{folder}: {case['name']}",
        data=_ENCODINGS[case.get("encode", "utf-8")](text),
        problems=tuple(_problems(case.get("problems", []))),
        judge=case.get("judge", "both"),
        because=case.get("because", ""),
        files=case.get("files", {}),
    )


_ENCODINGS: Mapping[str, Any] = {
    "utf-8": str.encode,
    "latin-1": lambda text: text.encode("latin-1"),
    "utf-16": lambda text: text.encode("utf-16"),
    "gzip": lambda text: gzip.compress(text.encode(), mtime=0),
    "gzip, cut short": lambda text: gzip.compress(text.encode(), mtime=0)[:-9],
}


def _made(said: Mapping[str, Any]) -> str:
    return f"{said.get('before', '')}{''.join(_repeated(said))}{said.get('after', '')}"


def _repeated(said: Mapping[str, Any]) -> Iterator[str]:
    for n in range(said.get("from", 0), said["times"]):
        yield said["each"].replace("{n}", str(n)).replace("{n+1}", str(n + 1))


def _problems(said: list[Any]) -> Iterator[str]:
    known = ", ".join(keys.names(keys.POLICY))
    for line in said:
        for each in [line] if isinstance(line, str) else _repeated(line):
            yield each.replace("{keys}", known)

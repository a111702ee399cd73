"""rehearsed dump, live dump -> what differs."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from . import iptables, nftables


def differences(backend: str, live: Mapping[int, str], wanted: Mapping[int, str]) -> list[str]:
    """What an apply would change: lines that are to come (+), and lines that are to go (-), each with the chain or set
    it is in; empty when equal.

    `wanted` is a dump too, of the same text loaded into an empty namespace: tools print rules in their own
    words, which no source text equals.
    """
    if backend == nftables.NAME:
        have, want = nftables.comparable(live[0]), nftables.comparable(wanted[0])
        return [] if have == want else text_differences(nftables.placed(want), nftables.placed(have))
    return [
        f"{line[0]}IPv{family} {line[1:]}"
        for family, text in wanted.items()
        for line in iptables.differences(live.get(family, ""), text)
    ]


def same(backend: str, one: Mapping[int, str], other: Mapping[int, str]) -> bool:
    """Two dumps of everything, other people's rules included: are they equal, but for what traffic changes?"""
    if backend == nftables.NAME:
        return nftables.comparable(one[0]) == nftables.comparable(other[0])
    return all(iptables.parse_dump(one[family]) == iptables.parse_dump(text) for family, text in other.items())


def missing(texts: Mapping[int, str], dumps: Mapping[int, str]) -> int:
    """How many of a text's rules its own dump lacks, by the comments: every tool prints those as they were."""
    return sum(max(0, text.count(_COMMENT) - dumps[family].count(_COMMENT)) for family, text in texts.items())


_COMMENT = 'comment "'


def text_differences(wanted: str, live: str) -> list[str]:
    """Lines of `wanted` that `live` has not (+), and the other way round (-)."""
    if wanted == live:
        return []
    old, new = live.splitlines(), wanted.splitlines()
    if len(old) + len(new) > 20_000:  # difflib takes minutes there; what is missing and what is new says enough
        known, there = set(old), set(new)
        gone = [f"-{line}" for line in old if line not in there] + [f"+{line}" for line in new if line not in known]
        return gone or ["+(the same lines in another order)"]
    diff = list(difflib.unified_diff(old, new, lineterm="", n=0))[2:]
    return [line for line in diff if not line.startswith("@@")]

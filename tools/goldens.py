"""case folders -> their expected texts, as the renderers make them today."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cc_vps_firewall.rules import iptables, nftables, ruleset
from tests.casefiles import Case, load_all


def expected(case: Case) -> dict[str, str]:
    """Suffix of each golden file -> what it should hold."""
    rules = ruleset.build(case.policy())
    return {"nft": nftables.render(rules), "ip4": iptables.render(rules, 4), "ip6": iptables.render(rules, 6)}


def made() -> Iterator[tuple[Path, str]]:
    for case in load_all():
        for suffix, text in expected(case).items():
            yield case.expected(suffix), text

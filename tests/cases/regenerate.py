"""case folders -> their expected texts, written anew by the renderers: `python3 -m tests.cases.regenerate`.

Read the difference before committing it. A text here is evidence only because tests/kernel loads the same text
and sends packets at it.
"""

from __future__ import annotations

from cc_vps_firewall import iptables, nftables, ruleset
from tests.casefiles import Case, load_all


def expected(case: Case) -> dict[str, str]:
    """Suffix of each golden file -> what it should hold."""
    rules = ruleset.build(case.policy())
    return {"nft": nftables.render(rules), "ip4": iptables.render(rules, 4), "ip6": iptables.render(rules, 6)}


def main() -> None:
    changed = 0
    for case in load_all():
        for suffix, text in expected(case).items():
            path = case.expected(suffix)
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")
                print(path.relative_to(case.folder.parent))
                changed += 1
    print(f"{changed} changed")


if __name__ == "__main__":
    main()

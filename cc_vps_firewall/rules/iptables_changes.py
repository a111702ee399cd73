"""Two dumps of iptables -> what makes the one into the other, and what differs; other people's rules stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .iptables import BANS, LIST, OURS, SHARED, TABLES
from .iptables_dumps import (
    Table,
    beside_ours,
    blocks,
    foreign,
    goes,
    is_ban,
    ours,
    parse_dump,
    target_of,
    without_bans,
)


def transition(current: str, wanted: str, rivals: Sequence[str] = ()) -> str:
    """Two dumps -> text for `restore --noflush` that makes the first into the second and leaves other people's
    chains, rules and jumps alone; '' when there is nothing to do."""
    current = without_bans(current)
    if blocks(current) == blocks(wanted):
        return ""
    before, after = parse_dump(current), parse_dump(wanted)
    return "".join(
        _table_transition(name, before.get(name, Table()), _shared_table(name, before, after), rivals)
        for name in (*TABLES, *SHARED)
    )


def _shared_table(name: str, before: Mapping[str, Table], after: Mapping[str, Table]) -> Table:
    """What a table is to be. One that we only share keeps its built-in chains where nothing of ours stays in them."""
    table = after.get(name, Table())
    if name not in SHARED or name not in before:
        return table
    kept = {hook.upper(): "ACCEPT" for hook in SHARED[name]}
    return Table({**kept, **table.policies}, {**{hook: [] for hook in kept}, **table.rules})


def _table_transition(name: str, before: Table, after: Table, rivals: Sequence[str]) -> str:
    declared, removed, added, dropped = [], [], [], []
    branches: dict[str, list[str]] = {}  # of long lists
    for chain, policy in after.policies.items():
        if policy == "-":
            if chain == BANS and BANS in before.policies:  # only what opens is in there: see without_bans
                removed += [f"-D {BANS} {rule}\n" for rule in before.rules[BANS]]
            elif chain.startswith(OURS) and before.rules.get(chain) != after.rules[chain]:
                rules = [f"-A {chain} {rule}\n" for rule in after.rules[chain]]
                if chain.startswith(LIST):
                    branches[chain] = rules
                else:
                    declared.append(f":{chain} - [0:0]\n")
                    added += rules
            continue
        have, want = before.rules.get(chain, []), [r for r in after.rules[chain] if ours(r)]
        gone = [r for r in have if goes(name, before, r, rivals)]
        late = any(ours(r) and any(map(is_ban, have[i:])) for i, r in enumerate(have))  # which would refuse nobody
        if name not in SHARED and policy != before.policies.get(chain, "ACCEPT"):
            declared.append(f":{chain} {policy} [0:0]\n")
        if gone or late or [r for r in have if ours(r)] != want:
            removed += [f"-D {chain} {r}\n" for r in have if ours(r) or r in gone]
            added += [f"-A {chain} {r}\n" for r in want]
    for chain in before.policies:
        if chain.startswith(OURS) and chain not in (*after.policies, BANS):
            branches[chain] = []
            dropped.append(f"-X {chain}\n")
    # With --noflush iptables-nft seeks the chain of every line in a sorted list, from its start: with the last name
    # first that list never is long. It also puts every branch before the rule that leads to it.
    for chain in sorted(branches, reverse=True):
        removed += [f":{chain} - [0:0]\n", *branches[chain]]
    lines = [*declared, *removed, *added, *dropped]
    return f"*{name}\n{''.join(lines)}COMMIT\n" if lines else ""


def differences(live: str, wanted: str) -> list[str]:
    """What a live dump lacks (+) and has too much (-) against a rehearsed one, as far as it is ours to say."""
    live = without_bans(live)
    if blocks(live) == blocks(wanted):
        return []
    have, want = parse_dump(live), parse_dump(wanted)
    out: list[str] = []
    for name in (*TABLES, *SHARED):
        mine, theirs = have.get(name, Table()), want.get(name, Table())
        for chain, policy in theirs.policies.items():
            has = mine.policies.get(chain, "ACCEPT")
            if policy not in ("-", has) and name not in SHARED:
                out += [f"-{name} {chain} policy {has}", f"+{name} {chain} policy {policy}"]
        for chain in dict.fromkeys([*theirs.policies, *mine.policies]):
            if theirs.policies.get(chain) == "-" or chain.startswith(OURS):
                kept = mine.rules.get(chain)
            elif chain not in theirs.policies:
                continue
            else:
                kept = [r for r in mine.rules.get(chain, []) if ours(r) or goes(name, mine, r)]
            if kept != theirs.rules.get(chain):
                out += _line_differences(f"{name} {chain}", kept, theirs.rules.get(chain))
    return out


def _line_differences(where: str, have: list[str] | None, want: list[str] | None) -> list[str]:
    known, wanted = set(have or ()), set(want or ())
    missing = [r for r in want or () if r not in known]
    extra = [r for r in have or () if r not in wanted]
    lines = [f"-{where} {r}" for r in extra] + [f"+{where} {r}" for r in missing]
    return lines or [f"+{where} (its rules in another order)" if have is not None else f"+{where} (chain)"]


def whole(dump: str, now: str) -> str:
    """A dump -> text for a restore that makes our tables as they were then, empty ones included. What other
    people have put into chains of their own since, or before the rules of a built-in one, stays; their chains and bans
    that are gone since stay gone: the set that a ban names may be too, and then no tool takes the text."""
    tables, since = parse_dump(dump), parse_dump(now)
    parts = []
    for name, hooks in {**TABLES, **SHARED}.items():
        if name in SHARED and not (_has_ours_in(name, tables) or _has_ours_in(name, since)):
            continue
        table, later = tables.get(name, Table()), since.get(name, Table())
        gone = {c for c in table.policies if now and c not in later.policies and not c.startswith(OURS)}
        for chain, rules in later.rules.items():
            if later.policies.get(chain) != "-":
                had = [
                    r for r in table.rules.get(chain, [])
                    if ours(r) or r in rules or not (target_of(r) in gone or is_ban(r))
                ]  # fmt: skip
                table.rules[chain] = [r for r in rules if not ours(r) and foreign(later, r) and r not in had] + had
            elif not chain.startswith(OURS) or (chain == BANS and BANS in table.policies):
                table.policies[chain], table.rules[chain] = "-", rules
        for chain in gone:
            table.policies.pop(chain), table.rules.pop(chain)
        policies = {hook.upper(): "ACCEPT" for hook in hooks} | table.policies
        parts.append(f"*{name}\n")
        parts += [f":{chain} {policy} [0:0]\n" for chain, policy in policies.items()]
        parts += [f"-A {chain} {rule}\n" for chain, rules in table.rules.items() for rule in rules]
        parts.append("COMMIT\n")
    return "".join(parts)


def _has_ours_in(name: str, tables: Mapping[str, Table]) -> bool:
    table = tables.get(name, Table())
    return any(chain.startswith(OURS) or any(map(ours, rules)) for chain, rules in table.rules.items())


def with_others(text: str, dump: str, rivals: Sequence[str] = ()) -> str:
    """Our text, and a dump of the file that it replaces -> our text with what others have in that file. Tables that are
    not ours come last: every table is a transaction, and one that fails takes none of those before it along."""
    for name, lines in _of_others(dump, rivals).items():
        head, ours_too, rest = text.partition(f"*{name}\n")
        declared, first, rules = rest.partition("-A ")
        text = f"{head}*{name}\n{declared}{''.join(lines)}{first}{rules}"
        text += "" if ours_too else "COMMIT\n"
    return text


def others_alone(text: str) -> str:
    """A file that `with_others` made, or a dump -> the same without anything of ours."""
    return "".join(f"*{name}\n{''.join(lines)}COMMIT\n" for name, lines in _of_others(text).items())


def _of_others(dump: str, rivals: Sequence[str] = ()) -> dict[str, list[str]]:
    """The lines of others in each table that has rules of theirs; of built-in chains of ours, those that stay."""
    found = {}
    for name, table in sorted(beside_ours(dump).items()):  # iptables-legacy prints them in an order that changes
        base = [hook.upper() for hook in {**TABLES, **SHARED}.get(name, ())]
        theirs = [chain for chain in table.rules if not chain.startswith((OURS, *rivals))]
        rules = [
            f"-A {chain} {rule}\n"
            for chain in theirs
            for rule in table.rules[chain]
            if not (ours(rule) or (chain in base and goes(name, table, rule, rivals)))
        ]
        if rules:
            declared = [chain for chain in theirs if chain in table.policies and chain not in base]
            found[name] = [f":{chain} {table.policies[chain]} [0:0]\n" for chain in declared] + rules
    return found


def without_ours(dump: str, keep_bans: bool = False) -> str:
    """A dump -> text for `restore --noflush` that takes our rules and chains out and opens the policies again.
    `keep_bans`: but for the chain that other programs have bans in, and what leads there."""
    lines = []
    for name, table in parse_dump(dump).items():
        kept = BANS if keep_bans and table.rules.get(BANS) else ""
        chains = [c for c in table.policies if c.startswith(OURS) and c != kept]
        if name not in {**TABLES, **SHARED} or not (
            chains or any(ours(r) for rules in table.rules.values() for r in rules)
        ):
            continue
        lines.append(f"*{name}\n")
        lines += [f":{hook.upper()} ACCEPT [0:0]\n" for hook in TABLES.get(name, ())]
        lines += [f":{chain} - [0:0]\n" for chain in chains]
        lines += [
            f"-D {c} {r}\n"
            for c, rules in table.rules.items()
            if c not in (*chains, kept)
            for r in rules
            if ours(r) and not (kept and target_of(r) == kept)
        ]
        lines += [f"-X {chain}\n" for chain in chains]
        lines.append("COMMIT\n")
    return "".join(lines)

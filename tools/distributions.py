"""The table of distributions -> the lines of it in files that cannot read it, between two marks.

A unit, a script of a shell and a spec cannot import Python; bake.py and account.py run alone on a machine that has
nothing of ours yet; and a page is for people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from cc_vps_firewall.backends.registry import BACKENDS
from cc_vps_firewall.host.distributions import DISTRIBUTIONS, OWN_UNIT, REDHAT, Distribution, Persistence
from cc_vps_firewall.host.managers import UNITS as MANAGERS

from . import blocks, pages

MARK = "Made of the table of distributions by `make generate`: changes here are lost."
_PROGRAMS = {0: "nft", 4: "iptables", 6: "ip6tables"}  # by family


def made() -> pages.Files:
    for name, lines in BLOCKS.items():
        path = pages.HOME / name
        yield path, blocks.rewritten(name, path.read_text(encoding="utf-8"), MARK, lines())


# --- the table, asked -------------------------------------------------------------------------------------


def every() -> Iterator[tuple[Distribution, str, Persistence]]:
    """Each distribution, with each backend and where it keeps its rules."""
    for each in DISTRIBUTIONS.values():
        for name, backend in BACKENDS.items():
            yield each, name, each.keeps(name, backend.families)


def _theirs() -> Iterator[Persistence]:
    """The places that are distributions' own."""
    return (place for _, _, place in every() if OWN_UNIT not in place.units)


def _files(places: Iterable[Persistence]) -> list[str]:
    return list(dict.fromkeys(path for place in places for path in place.files.values()))


def _units() -> list[str]:
    return list(dict.fromkeys(unit for place in _theirs() for unit in place.units))


def _packages(kind: str) -> list[str]:
    """The packages that bring a backend and what loads its rules, to systems with rpm or deb."""
    return list(dict.fromkeys(place.package for each, _, place in every() if each.packages == kind))


# --- packaging/ -------------------------------------------------------------------------------------------


def _guard() -> str:
    loaders: dict[tuple[str, str], dict[str, None]] = {}
    for place in _theirs():
        for family, path in place.files.items():
            loaders.setdefault((_PROGRAMS[family], path), {}).update(dict.fromkeys(place.units))
    loads = "".join(f"load {program} {path} {' '.join(units)}\n" for (program, path), units in loaders.items())
    return f"systemctl is-failed --quiet {' '.join(_units())} || exit 0\n{loads}"


def _guard_unit() -> str:
    return f"After={' '.join(_units())}\n" + "".join(f"ConditionPathExists=|{path}\n" for path in _files(_theirs()))


def _spec() -> str:
    older, newer = (REDHAT.persistence[name].package for name in ("iptables", "nftables"))
    return (
        f"%global backends ({' or '.join(_packages('rpm'))})\n"
        f"%if 0%{{?rhel}} && 0%{{?rhel}} <= {REDHAT.iptables_up_to}\n%global preferred {older}\n"
        f"%else\n%global preferred {newer}\n%endif\n"
    )


def _control() -> str:
    return f" {' | '.join(_packages('deb'))}\n"


# --- programs that run alone ------------------------------------------------------------------------------


def _bake() -> str:
    systems = []
    for each in (each for each in DISTRIBUTIONS.values() if each.ids):
        backends = []
        for name, backend in BACKENDS.items():
            place = each.keeps(name, backend.families)
            # A seal has no owner who could have enabled a service before.
            seal_units = (OWN_UNIT,) if place.if_enabled else place.units
            words = [_word(place.package), _words(place.units), _words(seal_units), _words(place.files.values())]
            backends.append(f"            {_word(name)}: Backend({_lines(words, 16)}            ),\n")
        words = [_word(each.title), _words(sorted(each.ids)), _word(each.packages)]
        inner = "".join(f"        {word},\n" for word in words)
        systems.append(f"    System(\n{inner}        {{\n{''.join(backends)}        }},\n    ),\n")
    return f"SYSTEMS = (\n{''.join(systems)})\n{_constant('MANAGERS', MANAGERS.values())}"


def _account() -> str:
    return "".join(
        (
            _constant("RULES", _files(place for _, _, place in every())),
            _constant("LOADERS", [*_units(), OWN_UNIT]),
            _constant("MANAGERS", MANAGERS.values()),
        )
    )


def _constant(name: str, words: Iterable[str]) -> str:
    return f"{name} = (\n{''.join(f'    {_word(word)},{chr(10)}' for word in words)})\n"


def _lines(words: Iterable[str], indent: int) -> str:
    return "\n" + "".join(f"{' ' * indent}{word},\n" for word in words)


def _words(words: Iterable[str]) -> str:
    inner = ", ".join(map(_word, words))
    return f"({inner},)" if "," not in inner else f"({inner})"


def _word(word: str) -> str:
    return f'"{word}"'


# --- pages ------------------------------------------------------------------------------------------------


def _audit() -> str:
    """What is enabled on a host that has a policy, and what an audit of CIS says of it."""
    rows: list[tuple[str, tuple[str, ...], str]] = []
    for each, name, place in every():
        found = (place.units, f"one: {name}")
        own = ((OWN_UNIT,), "none: the audit does not know our unit, and the rules are in force all the same")
        if place.if_enabled:
            rows.append((f"{each.title}, {name}", *own))
            enabling = f"`systemctl enable {' '.join(place.units)}`"
            rows.append((f"{each.title}, {name}, after {enabling}", *found))
        else:
            rows.append((f"{each.title}, {name}", *(own if OWN_UNIT in place.units else found)))
    return "".join(
        pages.table(
            ("host", "enabled", "what an audit says"), ((host, _code(units), says) for host, units, says in rows)
        )
    )


def _saved() -> str:
    """Where each distribution keeps its rules."""
    rows = ((each.title, name, _code(place.files.values())) for each, name, place in every())
    return "".join(pages.table(("host", "backend", "files"), rows))


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


BLOCKS: dict[str, Callable[[], str]] = {
    "docs/how-to/get-back-in.md": _saved,
    "docs/how-to/verify-a-fleet.md": _audit,
    "fleet/vps_firewall_fleet/account.py": _account,
    "packaging/deb/control": _control,
    "packaging/guard": _guard,
    "packaging/vps-firewall-guard.service": _guard_unit,
    "packaging/vps-firewall.spec": _spec,
    "packer/bake/bake.py": _bake,
}

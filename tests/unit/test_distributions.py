"""The table of distributions is read by all that need it, and what cannot read it is made of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
from vps_firewall_fleet import account, conftest, test_building

from cc_vps_firewall.host.distributions import DISTRIBUTIONS, OWN_UNIT, Distribution, Persistence
from packer.bake import bake
from tools import blocks, distributions, generate, reference
from tools.pages import HOME

# Where the table is told to programs. Tests and tutorials say what they expect, and decisions what was so.
ROOMS = ("cc_vps_firewall", "fleet", "packaging", "packer", "tools", "tests/lab", "docs/how-to", "docs/reference")
SOLUS = Distribution(
    "solus",
    frozenset({"solus"}),
    title="Solus",
    persistence={
        "nftables": Persistence({0: "/etc/solus/all.nft"}, ("solus-nft.service",), "solus-nft", "/etc/solus/main.nft"),
        "iptables": Persistence({4: "/etc/solus/four", 6: "/etc/solus/six"}, ("solus-ipt.service",), "solus-ipt"),
    },
)
FILES = ("/etc/solus/all.nft", "/etc/solus/four", "/etc/solus/six")
UNITS, PACKAGES = ("solus-nft.service", "solus-ipt.service"), ("solus-nft", "solus-ipt")
# What each file has to say of it.
SAYS = {
    "docs/how-to/get-back-in.md": ("Solus", *FILES),
    "docs/how-to/verify-a-fleet.md": ("Solus", *UNITS),
    "docs/reference/files.md": ("Solus", *FILES, *UNITS, *PACKAGES, "/etc/solus/main.nft"),
    "fleet/vps_firewall_fleet/account.py": (*FILES, *UNITS),
    "packaging/guard": (*FILES, *UNITS),
    "packaging/vps-firewall-guard.service": (*FILES, *UNITS),
    "packer/bake/bake.py": ("solus", *FILES, *UNITS, *PACKAGES),
}


def made() -> dict[str, str]:
    files = [*generate.KINDS["distributions"](), (reference.REFERENCE / "files.md", reference.saved_files())]
    return {str(path.relative_to(HOME)): text for path, text in files}


@pytest.mark.parametrize(
    "packages, its_file", [("rpm", "packaging/vps-firewall.spec"), ("deb", "packaging/deb/control")]
)
def test_a_new_distribution_is_everywhere(packages: str, its_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = made()
    assert before.keys() == {*SAYS, "packaging/vps-firewall.spec", "packaging/deb/control"}
    assert not [name for name, text in before.items() if "solus" in text.lower()]
    monkeypatch.setitem(DISTRIBUTIONS, "solus", replace(SOLUS, packages=packages))
    after = made()
    for name, words in {**SAYS, its_file: PACKAGES}.items():
        assert [word for word in words if word not in after[name]] == [], name
    assert sum("solus" in text.lower() for text in after.values()) == len(SAYS) + 1


def test_a_file_that_lost_its_marks_is_named() -> None:
    with pytest.raises(LookupError, match="guard"):
        blocks.rewritten("packaging/guard", "#!/bin/sh\n", distributions.MARK, "load\n")


def terms() -> Iterator[str]:
    """What nobody else is to write down: files, services, and packages that are no plain words."""
    for place in (place for each in DISTRIBUTIONS.values() for place in each.persistence.values()):
        yield from place.files.values()
        yield from (name for name in place.units if name != OWN_UNIT)
        yield from (name for name in (place.package,) if "-" in name)


def repeated(text: str, words: frozenset[str]) -> list[str]:
    """The lines outside of what is made of the table."""
    bare = blocks.block(distributions.MARK).sub("", text)
    pattern = re.compile("|".join(rf"(?<![\w/-]){re.escape(word)}(?![\w-])" for word in sorted(words)))
    return [line for line in bare.splitlines() if pattern.search(line)]


def test_nothing_else_repeats_the_table() -> None:
    made_whole = {path for path, _ in reference.made()}
    found: dict[str, list[str]] = {}
    for path in sorted(path for room in ROOMS for path in (HOME / room).rglob("*") if path.is_file()):
        name = str(path.relative_to(HOME))
        if path in made_whole or path.name == "distributions.py" or path.parent.name in ("engines", "__pycache__"):
            continue
        text, words = path.read_text(encoding="utf-8", errors="replace"), frozenset(terms())
        if name.startswith("docs/"):  # a page may name a service or a package for who reads it, and show a host
            words = frozenset(word for word in words if word.startswith("/etc/"))
            text = re.sub(r"(?ms)^```.*?^```$", "", text)
        if lines := repeated(text, words):
            found[name] = lines
    assert found == {}


def test_what_repeats_the_table_is_found() -> None:
    words = frozenset(terms())
    assert repeated('UNIT = "ip6tables.service"\n', words)
    assert repeated("mv /etc/sysconfig/iptables /root\n", words)
    assert not repeated("mv /etc/sysconfig/iptables-config /mnt/etc/sysconfig/iptables\n", words)


@pytest.mark.parametrize("page", ["install-the-package.md", "put-it-into-an-image.md"])
def test_pages_name_every_package(page: str) -> None:
    text = (HOME / "docs/how-to" / page).read_text(encoding="utf-8")
    packages = {place.package for each in DISTRIBUTIONS.values() for place in each.persistence.values()}
    assert [name for name in packages if f"`{name}`" not in text] == []


# --- what the readers make of it ------------------------------------------------------------------------------


def test_each_file_is_loaded_by_its_service() -> None:
    expected: Mapping[str, set[str]] = {
        "/etc/sysconfig/iptables": {"iptables.service"},
        "/etc/sysconfig/ip6tables": {"ip6tables.service"},
        "/etc/iptables/rules.v4": {"netfilter-persistent.service"},
        "/etc/iptables/rules.v6": {"netfilter-persistent.service"},
        "/etc/nftables/vps-firewall.nft": {"nftables.service"},
        "/etc/vps-firewall/rules.v4": set(),
        "/etc/vps-firewall/rules.v6": set(),
        "/etc/vps-firewall/rules.nft": set(),
    }
    assert {path: {*units} - {OWN_UNIT} for path, units in test_building.SERVICES.items()} == expected
    assert all(OWN_UNIT in units for units in test_building.SERVICES.values())
    assert {path for paths in conftest.RULES.values() for path in paths} == set(expected) == set(account.RULES)
    assert set(account.LOADERS) == {OWN_UNIT, *(unit for units in expected.values() for unit in units)}


@pytest.mark.parametrize(
    ("release", "backend", "package", "seal_units"),
    [
        ('ID="almalinux"\nID_LIKE="rhel centos fedora"\n', "iptables", "iptables-nft-services",
         ("iptables.service", "ip6tables.service")),
        ("ID=fedora\n", "nftables", "nftables", ("nftables.service",)),
        ("ID=debian\n", "nftables", "nftables", (OWN_UNIT,)),
        ("ID=ubuntu\nID_LIKE=debian\n", "iptables", "iptables-persistent", ("netfilter-persistent.service",)),
    ],
)  # fmt: skip
def test_the_bake_knows_its_system(release: str, backend: str, package: str, seal_units: tuple[str, ...]) -> None:
    system = bake.system_of(release)
    assert system is not None
    assert system.packages == ("deb" if "debian" in release else "rpm")
    needs = system.backends[backend]
    assert (needs.package, needs.seal_units) == (package, seal_units)


@pytest.mark.parametrize("release", ["", "ID=opensuse\nID_LIKE=suse\n", 'NAME="debian"\n'])
def test_the_bake_leaves_other_systems_alone(release: str) -> None:
    assert bake.system_of(release) is None

"""A seal that is made, taken out or cleaned is whole or not there, wherever it is killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cc_vps_firewall.errors import NoBackend
from cc_vps_firewall.host import state
from cc_vps_firewall.image import record as records
from cc_vps_firewall.image import register, seal
from cc_vps_firewall.root import Root

from .systems import RULES, SYSTEMS, everything, kills, put, sealed, tree


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize("kind", SYSTEMS)
def test_an_install_that_is_killed_comes_out_whole(image: Path, kind: str) -> None:
    SYSTEMS[kind](image)
    before = everything(image)
    for at in kills(lambda: sealed(image)):
        register.uninstall(Root(str(image)))
        assert everything(image) == before, f"killed at {at}"


def steady(held: dict[str, object]) -> dict[str, object]:
    """Without what Python compiled: its names for files half-written are its own."""
    return {name: what for name, what in held.items() if "__pycache__/" not in name}


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize("kind", SYSTEMS)
def test_an_install_that_is_killed_is_finished_by_the_next(image: Path, kind: str) -> None:
    SYSTEMS[kind](image)
    before = everything(image)
    sealed(image)
    whole = everything(image)
    register.uninstall(Root(str(image)))
    for at in kills(lambda: sealed(image)):
        assert sealed(image) == 0
        assert steady(everything(image)) == steady(whole), f"killed at {at}"
        register.uninstall(Root(str(image)))
        assert everything(image) == before, f"killed at {at}"


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize("kind", SYSTEMS)
def test_an_uninstall_that_is_killed_is_finished_by_the_next(image: Path, kind: str) -> None:
    SYSTEMS[kind](image)
    before = everything(image)
    sealed(image)

    def once() -> None:
        register.uninstall(Root(str(image)))

    for at in kills(once):
        once()
        assert everything(image) == before, f"killed at {at}"
        sealed(image)


@pytest.mark.usefixtures("systemctl")
def test_cleaning_that_is_killed_leaves_no_mark_beside_the_seal(image: Path) -> None:
    """With both, the module has done its work and nothing opens the host."""
    sealed(image)
    shut = (image / RULES).read_text()

    def applied() -> None:
        put(image, RULES, "# Made by vps-firewall\n", 0o600)
        for path in (state.STATUS, state.PUBLIC, state.POLICY, state.DONE):
            put(image, path.lstrip("/"), "{}")

    applied()
    for at in kills(lambda: seal.forget(Root(str(image)))):
        mark = (image / state.DONE.lstrip("/")).exists()
        assert not (mark and (image / RULES).read_text() == shut), f"killed at {at}"
        applied()
    assert (image / RULES).read_text() == shut
    assert not any(
        (image / path.lstrip("/")).exists() for path in (state.STATUS, state.PUBLIC, state.POLICY, state.DONE)
    )


@pytest.mark.usefixtures("systemctl")
def test_what_cannot_be_sealed_again_keeps_the_mark_too(image: Path) -> None:
    sealed(image)
    put(image, state.POLICY.lstrip("/"), "{}")
    put(image, state.DONE.lstrip("/"), "i-1")
    (image / "usr/sbin/nft").unlink()
    before = tree(image)
    with pytest.raises(NoBackend, match="cannot seal"):
        seal.forget(Root(str(image)))
    assert tree(image) == before


@pytest.mark.usefixtures("systemctl")
def test_an_uninstall_without_a_record_that_is_killed_is_finished_by_the_next(image: Path) -> None:
    register.install(Root(str(image)))
    registered = (image / records.PATH).read_text()
    register.uninstall(Root(str(image)))
    before = tree(image)

    def lost() -> None:
        sealed(image)
        put(image, records.PATH, registered)

    lost()
    for at in kills(lambda: register.uninstall(Root(str(image)))):
        register.uninstall(Root(str(image)))
        after = {name: held for name, held in tree(image).items() if ".wants/" not in name}
        assert after == before, f"killed at {at}"
        lost()

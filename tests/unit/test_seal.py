"""An image -> one that is closed from its first packet, and what becomes of what was there before."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import cc_vps_firewall
from cc_vps_firewall.apply import previous
from cc_vps_firewall.backends.nftables import Nftables
from cc_vps_firewall.cli import command as cli
from cc_vps_firewall.errors import CannotRegister, NoBackend, PolicyRefused, ToolFailed
from cc_vps_firewall.host import files, process, state, systemd
from cc_vps_firewall.host.distributions import Persistence
from cc_vps_firewall.image import installed, register, seal
from cc_vps_firewall.image import record as records
from cc_vps_firewall.plan.targets import Target
from cc_vps_firewall.root import HERE, Root

from .systems import RULES, SYSTEMS, UNITS, both, el, enabled, everything, put, sealed, tree, wanted


def test_what_cannot_be_sealed_is_left_as_it_was(root: Path) -> None:
    before = tree(root)
    with pytest.raises(NoBackend) as caught:
        seal.close(Root(str(root)), {})
    assert str(caught.value).startswith(f"cannot seal {root}: ")
    assert tree(root) == before


def test_an_install_that_cannot_seal_installs_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(root)
    assert cli.main(["install", "--sealed", "--root", str(root)]) == NoBackend.exit_code
    assert capsys.readouterr().err.startswith(f"vps-firewall: cannot seal {root}: ")
    assert tree(root) == before


def test_an_image_with_another_firewall_is_not_sealed(root: Path) -> None:
    """At its first boot it would be too late: firewalld keeps the seal's service from starting."""
    wants = root / "etc/systemd/system/multi-user.target.wants/firewalld.service"
    wants.parent.mkdir(parents=True)
    wants.symlink_to("/usr/lib/systemd/system/firewalld.service")
    before = tree(root)
    with pytest.raises(CannotRegister, match=r"firewalld is switched on at .* mask it there"):
        seal.close(Root(str(root)), {})
    assert tree(root) == before


def test_an_image_with_a_refused_default_is_not_sealed(root: Path) -> None:
    before = tree(root)
    with pytest.raises(PolicyRefused, match=r"vps_firewall\.alow: unknown key"):
        seal.close(Root(str(root)), {"alow": ["http"]})
    assert tree(root) == before


@pytest.mark.usefixtures("systemctl")
def test_a_default_that_would_leave_machines_shut_is_refused(image: Path) -> None:
    before = tree(image)
    with pytest.raises(CannotRegister, match=r"the default policy says `enabled: false`: every machine .* stay shut"):
        seal.check(Root(str(image)), {"enabled": False})
    assert tree(image) == before


def test_forgetting_the_instance(root: Path) -> None:
    register.install(Root(str(root)))
    before = tree(root)
    paths = (state.DONE, state.STATUS, state.PUBLIC, state.POLICY)
    for path in paths:
        put(root, path.lstrip("/"), "{}")
    assert seal.forget(Root(str(root))) == [f"removed {path.lstrip('/')}" for path in paths]
    assert tree(root) == before
    assert seal.forget(Root(str(root))) == []


def test_the_mark_of_an_instance_is_the_modules() -> None:
    assert cc_vps_firewall.DONE == state.DONE
    assert cc_vps_firewall.PRIVATE == state.STATUS
    assert cc_vps_firewall.STATUS == state.PUBLIC


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize("kind", SYSTEMS)
def test_a_seal_comes_out_byte_for_byte(image: Path, kind: str) -> None:
    SYSTEMS[kind](image)
    before = everything(image)
    assert sealed(image) == 0
    once = everything(image)
    assert any("Made by vps-firewall" in str(held) for held in once.values())
    assert sealed(image) == 0
    assert everything(image) == once, "a second run changes nothing"
    register.uninstall(Root(str(image)))
    assert everything(image) == before


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize("kind", SYSTEMS)
def test_every_file_that_a_seal_touches_is_in_its_record(image: Path, kind: str) -> None:
    SYSTEMS[kind](image)
    register.install(Root(str(image)))
    before = tree(image)
    assert sealed(image) == 0
    after = tree(image)
    touched = {name for name in after if after[name] != before.get(name)} - {records.PATH}
    told = json.loads((image / records.PATH).read_text())["seal"]["before"]
    links = {name for name in touched if ".wants/" in name}
    assert touched - links == set(told)


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize("path, has", [(state.POLICY, "a policy in force"), (state.DONE, "a first boot behind it")])
def test_a_machine_in_use_is_not_sealed(image: Path, path: str, has: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It would be shut at its next boot, and the module has done its work for this instance."""
    for registered in (False, True):
        if registered:
            register.install(Root(str(image)))
        put(image, path.lstrip("/"), "{}")
        before = everything(image)
        assert sealed(image) == 1
        assert f"{image} has {has}, and the seal would lock its owner out" in capsys.readouterr().err
        assert everything(image) == before


@pytest.mark.usefixtures("systemctl")
def test_a_machine_that_was_sealed_keeps_its_policy(image: Path) -> None:
    sealed(image)
    put(image, RULES, "# Made by vps-firewall for its owner\n", 0o600)
    put(image, state.POLICY.lstrip("/"), "{}")
    (image / installed.DROP_IN).unlink()
    assert sealed(image) == 0
    assert (image / RULES).read_text() == "# Made by vps-firewall for its owner\n"
    assert (image / installed.DROP_IN).is_file(), "the rest of the install goes on"


@pytest.mark.usefixtures("systemctl")
def test_one_service_loads_the_seal(image: Path) -> None:
    both(image)
    before = everything(image)
    assert wanted(image) == ["nftables.service"]
    sealed(image)
    assert wanted(image) == ["netfilter-persistent.service"], "nftables.service begins with a flush"
    presets = (image / seal.PRESET).read_text().splitlines()
    assert "enable netfilter-persistent.service" in presets
    assert {"disable nftables.service", "disable firewalld.service"} <= set(presets)
    register.uninstall(Root(str(image)))
    assert everything(image) == before


def test_a_seal_that_fails_takes_the_module_out_again(
    image: Path, systemctl: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    el(image)
    before = everything(image)
    enable = systemd.enable

    def fails(unit: str, root: Root = HERE) -> None:
        if unit == "ip6tables.service":
            raise ToolFailed("systemctl failed (1): no room")
        enable(unit, root)

    monkeypatch.setattr(systemd, "enable", fails)
    assert sealed(image) != 0
    assert everything(image) == before, "also the service that had been enabled"
    register.install(Root(str(image)))
    registered = everything(image)
    assert sealed(image) != 0
    assert everything(image) == registered, "what was installed before stays"


@pytest.mark.usefixtures("systemctl")
def test_a_seal_without_systemctl_is_refused_before_anything_is_done(
    image: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything(image)
    monkeypatch.setattr(process, "find", lambda tool: "")
    assert sealed(image) == 1
    assert (
        "systemctl, which enables the service that loads the seal, is not on this computer" in capsys.readouterr().err
    )
    assert everything(image) == before


@pytest.mark.usefixtures("systemctl")
def test_what_its_owner_added_to_the_shared_file_stays(image: Path) -> None:
    enabled(image)
    before = (image / "etc/nftables.conf").read_bytes()
    sealed(image)
    with (image / "etc/nftables.conf").open("ab") as file:
        file.write(b'include "/etc/site.nft"\n')
    register.uninstall(Root(str(image)))
    assert (image / "etc/nftables.conf").read_bytes() == before + b'include "/etc/site.nft"\n'
    assert (image / "etc/nftables.conf").stat().st_mode & 0o777 == 0o755


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize("kind", SYSTEMS)
def test_a_seal_whose_record_is_lost_comes_out_all_the_same(image: Path, kind: str) -> None:
    SYSTEMS[kind](image)
    put(image, "etc/sysconfig/iptables", "") if kind == "el" else None
    before = tree(image)
    register.install(Root(str(image)))
    registered = json.loads((image / records.PATH).read_text())
    sealed(image)
    put(image, records.PATH, json.dumps(registered))
    register.uninstall(Root(str(image)))
    after = tree(image)
    # What stood there before nobody knows any more.
    for lost in ("etc/sysconfig/iptables",):
        before.pop(lost, None)
    assert {name: held for name, held in after.items() if ".wants/" not in name} == {
        name: held for name, held in before.items() if ".wants/" not in name
    }
    # One that has a file of its owner's to load stays as it is.
    assert wanted(image) == (["nftables.service"] if kind == "enabled" else [])


@pytest.mark.usefixtures("systemctl")
def test_rules_that_no_seal_left_stay(image: Path) -> None:
    """A package that is removed leaves the rules in force; installed and removed again, it must not take them out."""
    sealed(image)
    put(image, state.POLICY.lstrip("/"), "{}")
    register.uninstall(Root(str(image)))
    (image / state.POLICY.lstrip("/")).unlink()
    register.install(Root(str(image)))
    register.uninstall(Root(str(image)))
    assert (image / RULES).is_file()
    assert wanted(image) == ["vps-firewall.service"]


def booted(root: Path) -> None:
    """The first boot found `enabled: false`: the engine took the seal out, and marked the instance."""
    for path in ("etc/sysconfig/iptables", "etc/sysconfig/ip6tables", RULES):
        (root / path).unlink(missing_ok=True)
    put(root, state.DONE.lstrip("/"), "i-1")


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize("off", [False, True], ids=["never booted", "enabled: false"])
def test_rules_that_their_owner_wrote_over_the_seal_stay(image: Path, off: bool) -> None:
    el(image)
    sealed(image)
    if off:
        booted(image)
    put(image, "etc/sysconfig/iptables", "*filter\n-A INPUT -s 203.0.113.7 -j ACCEPT\nCOMMIT\n", 0o600)
    told = register.uninstall(Root(str(image)))
    assert "203.0.113.7" in (image / "etc/sysconfig/iptables").read_text()
    assert "left etc/sysconfig/iptables, which was changed since" in told
    assert wanted(image) == ["ip6tables.service", "iptables.service"], "and what loads them"


@pytest.mark.usefixtures("systemctl")
def test_services_of_who_wanted_no_firewall_are_their_owners(image: Path) -> None:
    el(image)
    sealed(image)
    booted(image)
    register.uninstall(Root(str(image)))
    assert wanted(image) == ["ip6tables.service", "iptables.service"]


@pytest.mark.usefixtures("systemctl")
def test_rules_that_their_owner_wrote_are_kept_when_the_image_is_sealed_again(image: Path) -> None:
    el(image)
    sealed(image)
    booted(image)
    put(image, "etc/sysconfig/iptables", "# mine\n", 0o640)
    seal.forget(Root(str(image)))
    assert "Made by vps-firewall" in (image / "etc/sysconfig/iptables").read_text()
    register.uninstall(Root(str(image)))
    assert (image / "etc/sysconfig/iptables").read_text() == "# mine\n"
    assert (image / "etc/sysconfig/iptables").stat().st_mode & 0o777 == 0o640


@pytest.mark.usefixtures("systemctl")
def test_a_service_that_is_gone_is_no_reason_to_stay_shut(image: Path) -> None:
    both(image)
    sealed(image)
    (image / "usr/lib/systemd/system/nftables.service").unlink()
    told = register.uninstall(Root(str(image)))
    assert "nftables.service is not installed any more, and was not enabled again" in told
    assert wanted(image) == []
    assert not (image / records.PATH).exists()


@pytest.mark.usefixtures("systemctl")
def test_a_link_that_outlived_its_package_is_no_service(image: Path) -> None:
    both(image)
    (image / "usr/lib/systemd/system/nftables.service").unlink()
    sealed(image)
    assert json.loads((image / records.PATH).read_text())["seal"]["disabled"] == []


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize("path", [f"{UNITS}/nftables.service.d/vps-firewall.conf", seal.PRESET])
def test_what_its_owner_masked_is_left_out(image: Path, path: str) -> None:
    enabled(image)
    (image / path).parent.mkdir(parents=True)
    (image / path).symlink_to("/dev/null")
    before = everything(image)
    assert sealed(image) == 0
    assert (image / path).readlink() == Path("/dev/null")
    assert not (image / "dev").exists()
    register.uninstall(Root(str(image)))
    assert everything(image) == before


@pytest.mark.usefixtures("systemctl")
def test_the_lists_of_a_default_policy_are_the_images(image: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    there = tmp_path_factory.mktemp("builder") / "office.txt"
    default = {"lists": {"office": {"file": str(there)}}, "ssh": {"from": ["office"]}}
    there.write_text("203.0.113.7\n")
    with pytest.raises(PolicyRefused, match=r"lists\.office\.file"):
        seal.check(Root(str(image)), default)
    there.unlink()
    put(image, str(there).lstrip("/"), "203.0.113.7\n")
    seal.check(Root(str(image)), default)


def switched_off(root: Path) -> None:
    put(root, "etc/cloud/cloud-init.disabled", "")


def without_systemd(root: Path) -> None:
    (root / "usr/lib/systemd/systemd").unlink()


def stage_masked(root: Path) -> None:
    put(root, "usr/lib/systemd/system/cloud-init.service", "[Unit]\n")
    (root / UNITS / "cloud-init.service").symlink_to("/dev/null")


@pytest.mark.usefixtures("systemctl")
@pytest.mark.parametrize(
    "change, why",
    [
        (switched_off, "cloud-init is switched off by /etc/cloud/cloud-init.disabled"),
        (without_systemd, "there is no systemd"),
        (stage_masked, "cloud-init.service, in which the module runs, is masked"),
    ],
)
def test_an_image_that_nothing_would_open_is_not_sealed(image: Path, change: Callable[[Path], None], why: str) -> None:
    change(image)
    before = everything(image)
    with pytest.raises(CannotRegister, match=why):
        register.install_sealed(Root(str(image)), {})
    assert everything(image) == before


@pytest.mark.usefixtures("systemctl")
def test_a_folder_that_was_there_stays(image: Path) -> None:
    (image / "etc/nftables").mkdir()
    before = everything(image)
    sealed(image)
    sealed(image)
    register.uninstall(Root(str(image)))
    assert everything(image) == before


@pytest.mark.usefixtures("systemctl")
def test_a_line_that_an_earlier_policy_left_does_not_come_back(image: Path) -> None:
    """Its file is gone when the seal is, and nftables.conf with it would not load."""
    enabled(image)
    before = (image / "etc/nftables.conf").read_bytes()
    with (image / "etc/nftables.conf").open("ab") as file:
        file.write(f'include "/{RULES}"\n'.encode())
    sealed(image)
    register.uninstall(Root(str(image)))
    assert (image / "etc/nftables.conf").read_bytes() == before


@pytest.mark.usefixtures("systemctl")
def test_a_shared_file_that_its_owner_took_away_stays_away(image: Path) -> None:
    enabled(image)
    sealed(image)
    (image / "etc/nftables.conf").unlink()
    register.uninstall(Root(str(image)))
    assert not (image / "etc/nftables.conf").exists()


def test_the_line_goes_before_the_file_that_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill between the two would leave an nftables.conf that never loads again."""
    rules, shared = tmp_path / "vps-firewall.nft", tmp_path / "nftables.conf"
    rules.write_text("# Made by vps-firewall\n")
    shared.write_text(files.with_include("flush ruleset\n", str(rules)))
    place = Persistence({0: str(rules)}, ("nftables.service",), include_in=str(shared))

    def fails(path: str, undo: files.Undo) -> None:
        raise OSError(5, "killed here", path)

    monkeypatch.setattr(Nftables, "remove", lambda backend, pass_fds, keep_bans: None)
    monkeypatch.setattr(files, "remove", fails)
    with pytest.raises(OSError, match="killed here"):
        previous.remove_rules(Target(Nftables(), place), 0)
    assert shared.read_text() == "flush ruleset\n"

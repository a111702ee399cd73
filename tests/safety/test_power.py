"""The power goes: what is on the disk then is whole, and so is what cloud-init wrote before us.

/etc and /var/lib lie on a real ext4. A cut is a copy of the device's bytes as they are at that moment: what the kernel
had not written back yet is not in it. ext4 gives a new file its name long before it gives it its content, and a sync of
ours hurries the name along: cloud-init's configuration of the network, empty for ever after, would lock everybody out.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial

import pytest

from cc_vps_firewall.host import state
from tests.lab.machine import TOOLS, Machine, files_below

from .test_killed import NEW, OLD, moments_of

THEIRS = "/etc/systemd/network/10-cloud-init-eth0.network"
WRITTEN = "[Match]\nName=eth0\n\n[Network]\nAddress=192.0.2.10/24\n"

Files = Mapping[str, tuple[str, str]]


def put_on_disk(machine: Machine) -> None:
    machine.run(
        """set -e
        truncate -s 24M /run/disk.img && mke2fs -q -t ext4 /run/disk.img
        mkdir /run/disk /run/cut && mount -o loop /run/disk.img /run/disk
        mkdir -p /run/disk/etc /run/disk/var/lib
        cp -a /etc/. /run/disk/etc && cp -a /var/lib/. /run/disk/var/lib
        mount --bind /run/disk/etc /etc && mount --bind /run/disk/var/lib /var/lib
        sync"""
    )


def after_a_cut(machine: Machine) -> dict[str, tuple[str, str]]:
    """path -> (mode, text) of the files that the next boot finds, the status among them."""
    machine.run("cp /run/disk.img /run/cut.img && mount -o loop /run/cut.img /run/cut")
    try:
        found = machine.do(partial(files_below, "/run/cut"))
        their = f"/run/cut{THEIRS}"
        if machine.do(lambda: os.path.exists(their)):
            found[THEIRS] = ("", machine.run(f"cat {their}"))
        return found
    finally:
        machine.run("umount /run/cut")


def files_of(machine: Machine) -> dict[str, tuple[str, str]]:
    return machine.do(files_below)


@pytest.mark.parametrize("tool", TOOLS)
def test_the_power_goes_after_a_first_boot(tool: str) -> None:
    """Nothing that it has put in place, links of services included, waits for the kernel to be written."""
    with Machine(tool) as machine:
        put_on_disk(machine)
        assert not machine.first_boot(NEW).raised
        cut, there = after_a_cut(machine), files_of(machine)
        assert state.STATUS in there
        assert any(mode == "link" for mode, _ in there.values())
        assert cut == there


@pytest.mark.parametrize("tool", TOOLS)
def test_the_power_goes_at_each_moment_of_a_first_boot(tool: str) -> None:
    with Machine(tool) as machine:
        put_on_disk(machine)
        moments = moments_of(machine.first_boot(NEW))
    ours = []
    for moment in moments:
        with Machine(tool) as machine:
            put_on_disk(machine)
            machine.do(lambda: machine.write(THEIRS, WRITTEN))
            run = machine.first_boot(NEW, kill=moment)
            at = f"cut at {run.moments[-1]}, moment {moment}"
            cut, there = after_a_cut(machine), files_of(machine)
            for path in [path for path in cut if path != THEIRS and not os.path.basename(path).startswith(".")]:
                assert cut[path][1], f"{at}: {path} is empty"
            ours.append(state.STATUS in cut)
            if ours[-1]:
                assert cut.get(THEIRS) == ("", WRITTEN), f"{at}: ours is on the disk, and the network's file is not"
            assert there[state.STATUS] if state.POLICY in cut else True, at
    assert {True, False} == set(ours), "cuts before and after the first file of ours"


@pytest.mark.parametrize("tool", TOOLS)
def test_the_power_goes_while_a_policy_replaces_another(tool: str) -> None:
    with Machine(tool) as machine:
        machine.apply(OLD)
        old, moments = files_of(machine), moments_of(machine.apply(NEW))
        new = files_of(machine)
    for moment in moments:
        with Machine(tool) as machine:
            put_on_disk(machine)
            machine.apply(OLD)
            run = machine.apply(NEW, kill=moment)
            cut = after_a_cut(machine)
            for path in {*old, *new} - {state.STATUS, state.PUBLIC}:
                assert cut.get(path) in (old.get(path), new.get(path)), f"cut at {run.moments[-1]}: {path} is not whole"

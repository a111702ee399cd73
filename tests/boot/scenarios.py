"""a guest -> its boots, each with what is expected of it, and judged."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from tests.boot import cloud, dhcp, disks, machine
from tests.boot.cloud import CLOUDS, Cloud
from tests.boot.freezer import Freezing
from tests.boot.guests import GUESTS, Guest
from tests.boot.judge import Expected, Row, judge
from tests.boot.machine import Boot
from tests.boot.prober import KNOCKS
from tests.boot.wire import Wire
from tests.suites import REPOSITORY

TUTORIAL = """\
#cloud-config
vps_firewall:
  ssh: {from: [203.0.113.7, "2001:db8:203::7"]}
  allow: [http, https, smtp, smtps, pop3, pop3s, imap, imaps]
"""
SECOND = """\
#cloud-config
vps_firewall:
  ssh: {from: [203.0.113.7, "2001:db8:203::7"]}
  allow: [http, 8080/tcp]
"""
REFUSED = """\
#cloud-config
vps_firewall:
  ssh: {from: [203.0.113.7, "2001:db8:203::7"]}
  allow: [http, htpps]
"""
# Whenever it boots, the mark is gone that says that this instance has had its first boot.
TWICE = TUTORIAL + "bootcmd: [[rm, -f, /var/lib/vps-firewall/instance]]\n"
NONE = "#cloud-config\n{}\n"

# What people do today: the tutorial's commands, where a tutorial says to put them.
TUTORIAL_AS_RUNCMD = """\
#cloud-config
runcmd:
  - iptables -A INPUT -p tcp --tcp-flags ALL NONE -j DROP
  - iptables -A INPUT -p tcp ! --syn -m state --state NEW -j DROP
  - iptables -A INPUT -p tcp --tcp-flags ALL ALL -j DROP
  - iptables -A INPUT -i lo -j ACCEPT
  - iptables -A INPUT -p tcp -m multiport --dports 80,443,25,465,110,995,143,993 -j ACCEPT
  - iptables -A INPUT -p tcp -s 203.0.113.7 --dport 22 -j ACCEPT
  - iptables -I INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT
  - iptables -P OUTPUT ACCEPT
  - iptables -P INPUT DROP
"""
UFW = """\
#cloud-config
runcmd:
  - ufw allow proto tcp from 203.0.113.7 to any port 22
  - ufw allow proto tcp from 2001:db8:203::7 to any port 22
  - ufw allow proto tcp to any port 80,443,25,465,110,995,143,993
  - ufw --force enable
"""
_RICH = "rule family={} source address={} service name=ssh accept"
FIREWALLD = f"""\
#cloud-config
runcmd:
  - [firewall-cmd, --permanent, --remove-service=ssh]
  - [firewall-cmd, --permanent, "--add-rich-rule={_RICH.format("ipv4", "203.0.113.7")}"]
  - [firewall-cmd, --permanent, "--add-rich-rule={_RICH.format("ipv6", "2001:db8:203::7")}"]
  - [firewall-cmd, --permanent, --add-service=http, --add-service=https, --add-service=smtp, --add-service=imap]
  - [firewall-cmd, --reload]
"""

OFFICE_SSH = "office 22/tcp"
WEB = frozenset({OFFICE_SSH, "anyone 80/tcp", "anyone 443/tcp"})
OPENED_SECOND = frozenset({OFFICE_SSH, "anyone 80/tcp", "anyone 8080/tcp"})
SSH_ONLY = frozenset({OFFICE_SSH, "anyone 22/tcp"})

# What a power cut may leave: the policy, or its own SSH. Nobody may be locked out.
EITHER = Expected(WEB, required=frozenset({OFFICE_SSH}))

# Where in converge() the power goes, one for each guest: begun and nothing loaded; about to load; loading the user's
# own.
CUTS = {"debian12": "converging", "debian13": "unfinished", "el9-iptables": "loading", "el9-nftables": "unfinished"}
SWEEP = Freezing("converging", (0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1, 1.3, 1.6, 2, 3, 5))


class Lab:
    """The boots of one guest: overlays over one disk."""

    def __init__(self, wire: Wire, guest: Guest, flavour: str, folder: Path) -> None:
        self.wire, self.guest, self.folder = wire, guest, folder / f"{guest.name}-{flavour}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.disk = disks.disk_of(guest, flavour)

    def fresh(self, name: str) -> Path:
        """A disk that was never booted."""
        return disks.overlay(self.disk.file, self.folder / f"{name.replace(' ', '-')}.qcow2")

    def boot(
        self,
        overlay: Path,
        user_data: str | bytes,
        name: str,
        *,
        instance: str = "first",
        cut_at: str = "",
        freezing: Freezing | None = None,
        again: bool = False,
    ) -> Boot:
        """One power-on to power-off, kept in a folder of its own for whoever wants to look. `again`: in the end the
        policy is applied again, which only a disk's last boot may do: the next one would load what that has saved."""
        folder = self._folder(name)
        raw = user_data if isinstance(user_data, bytes) else user_data.encode()

        def seen() -> Boot:
            seed = machine.seed(folder, raw, instance, machine.network_of(self.guest))
            with self._addresses(folder):
                return machine.boot(
                    self.wire, self.disk, overlay, seed, folder, cut_at=cut_at, freezing=freezing, again=again
                )

        return self._seen(seen, folder)

    def boot_in_a_cloud(self, overlay: Path, user_data: str, name: str, where: Cloud) -> tuple[Boot, list[str]]:
        """The same for a machine that has to ask its network for the user-data, before that network is up. -> and what
        is wrong with how it asked."""
        folder = self._folder(name)
        log = folder / "cloud.log"
        log.unlink(missing_ok=True)

        def seen() -> Boot:
            with cloud.metadata_service(self.wire, folder, where, user_data.encode()):
                return machine.boot(self.wire, self.disk, overlay, None, folder, board=where.board, again=True)

        boot = self._seen(seen, folder)
        said = cloud.asked(log) if log.exists() else []
        if any(path.partition(" ")[2].startswith(where.asked) and code == 200 for path, code in said):
            return boot, []
        return boot, [f"the user-data did not come from {where.source}: {said[-5:]}"]

    def _addresses(self, folder: Path) -> contextlib.AbstractContextManager[None]:
        """Who gives the guest its addresses, where they are not in its own configuration."""
        asks = self.guest.manager != "networkd"
        return dhcp.addresses(self.wire, folder, ipv6=True) if asks else contextlib.nullcontext()

    def _folder(self, name: str) -> Path:
        folder = self.folder / name.replace(" ", "-")
        folder.mkdir(exist_ok=True)
        print(f"{self.guest.name}: {name} ...", file=sys.stderr, flush=True)
        return folder

    def _seen(self, watch: Callable[[], Boot], folder: Path) -> Boot:
        """Whatever it raises is what became of this boot: the next ones are made all the same."""
        try:
            seen = watch()
        except Exception as failure:
            seen = machine.failed(machine.reason(failure))
        if seen.report:
            seen = replace(seen, report={**seen.report, "verified": self.disk.units})
        (folder / "report.json").write_text(json.dumps(dict(seen.report), indent=1))
        return seen


def tutorial(lab: Lab, *, short: bool = False) -> Iterator[Row]:
    """First boot and reboot with the tutorial's stanza; then the same disk as another instance."""
    guest, disk = lab.guest.name, lab.fresh("first boot")
    expected = Expected(WEB)
    first = lab.boot(disk, TUTORIAL, "first boot")
    yield judge(guest, "first boot", first, expected)
    snapshot = disks.copy(disk, lab.folder / "snapshot.qcow2")
    same = disks.copy(disk, lab.folder / "same.qcow2")
    again = replace(expected, rules_as=first.report.get("rules", ""))
    yield judge(guest, "reboot", lab.boot(disk, TUTORIAL, "reboot", again=True), again)
    if not short:
        second = lab.boot(snapshot, SECOND, "second instance", instance="second", again=True)
        yield judge(guest, "second instance", second, Expected(OPENED_SECOND, before=WEB))
        stanza = lab.boot(same, TUTORIAL, "same stanza", instance="second", again=True)
        yield judge(guest, "second instance, same stanza", stanza, again)


def twice(lab: Lab) -> Iterator[Row]:
    """A first boot that runs once more, as where the power went before it was marked as done."""
    disk = lab.fresh("twice")
    first = lab.boot(disk, TWICE, "first boot unmarked")
    yield judge(lab.guest.name, "first boot, unmarked", first, Expected(WEB))
    again = Expected(WEB, rules_as=first.report.get("rules", ""))
    second = lab.boot(disk, TWICE, "first boot once more", again=True)
    row = judge(lab.guest.name, "first boot, once more", second, again)
    missed = () if "converging" in second.moments else ("the module had nothing to do: this was no first boot",)
    yield replace(row, problems=(*row.problems, *missed))


def without_stanza(lab: Lab) -> Iterator[Row]:
    """User-data that says nothing of a firewall: the image's own policy, SSH only."""
    seen = lab.boot(lab.fresh("no stanza"), NONE, "no stanza")
    yield judge(lab.guest.name, "no stanza", seen, Expected(SSH_ONLY))


def refused(lab: Lab) -> Iterator[Row]:
    """A policy with a mistake: never open, never wider than its own SSH, never locked out, and said."""
    seen = lab.boot(lab.fresh("refused policy"), REFUSED, "refused policy")
    wanted = Expected(frozenset({OFFICE_SSH}), result=("failed",), clean=False, problem="allow[1]")
    yield judge(lab.guest.name, "refused policy", seen, wanted)


def in_a_cloud(lab: Lab, *, where: str) -> Iterator[Row]:
    """cloud-init's first stage brings the network up to ask for the user-data: the seal is there before it, however
    slow the service that loads it, and lets the stage ask. Later on root may ask, and nobody else."""
    name = f"in a cloud: {where}"
    boot, missed = lab.boot_in_a_cloud(lab.fresh(f"cloud-{where}"), TUTORIAL, f"cloud {where}", CLOUDS[where])
    row = judge(lab.guest.name, name, boot, Expected(WEB, metadata=True))
    yield replace(row, problems=(*row.problems, *missed))


def power_cut(lab: Lab) -> Iterator[Row]:
    """The emulator is killed in the middle of converge(); then the machine is switched on again.

    What the guest had not synced is lost, as with a real one. What comes back is the old state or the new one:
    whichever it is, nothing answers that the policy does not open.
    """
    moment = CUTS[lab.guest.name]
    disk = lab.fresh(f"cut {moment}")
    cut = lab.boot(disk, TUTORIAL, f"cut {moment}", cut_at=moment)
    row = judge(lab.guest.name, f"cut {moment}", cut, Expected(WEB))
    yield row if cut.end == "cut" else replace(row, problems=(*row.problems, f"{moment} never came: nothing was cut"))
    yield judge(lab.guest.name, "after the cut", lab.boot(disk, TUTORIAL, f"after cut {moment}"), EITHER)


def sweep(lab: Lab) -> Iterator[Row]:
    """Cuts all along converge() and after it: the disk of one first boot as it was again and again, each booted."""
    disk = lab.fresh("sweep")
    first = lab.boot(disk, TUTORIAL, "sweep", freezing=SWEEP)
    yield judge(lab.guest.name, "sweep", first, Expected(WEB))
    for after, frozen in zip(SWEEP.after, first.frozen):
        name = f"cut {after} s after it began"
        seen = lab.boot(disks.overlay(frozen, lab.folder / f"cut-{after}.qcow2"), TUTORIAL, name)
        yield judge(lab.guest.name, name, seen, EITHER)


# What people use today: name -> the guest that has it, and the user-data.
TODAY = {
    disks.RUNCMD: ("debian12-iptables", TUTORIAL_AS_RUNCMD),
    disks.UFW: ("debian12-ufw", UFW),
    disks.FIREWALLD: ("el9-firewalld", FIREWALLD),
}


def compared(wire: Wire, *, name: str, folder: Path) -> Iterator[Row]:
    """One of them, watched the same way. The tutorial as most people have it is a row that must leak."""
    guest, user_data = TODAY[name]
    lab = Lab(wire, GUESTS[guest], name, folder)
    row = judge(guest, name, lab.boot(lab.fresh(name), user_data, name), Expected(WEB, ours=False))
    if name == disks.RUNCMD and not row.leaks:
        # The watch has to see what is known to be there, or its zeros for the others mean nothing.
        row = replace(row, problems=(*row.problems, "runcmd is known to leak, and the watch saw nothing"))
    yield row


def unsealed(wire: Wire, *, folder: Path) -> Iterator[Row]:
    """The module without the seal: how long the machine is open until user-data speaks."""
    lab = Lab(wire, GUESTS["debian12"], disks.UNSEALED, folder)
    yield judge(
        "debian12", "not sealed", lab.boot(lab.fresh("not sealed"), TUTORIAL, "not sealed"), Expected(WEB, ours=False)
    )


def rival(wire: Wire, *, flavour: str, folder: Path) -> Iterator[Row]:
    """Another firewall is switched on in the image: it has to go, and what it refused has to answer."""
    guest = BESIDE[flavour]
    lab = Lab(wire, GUESTS[guest], flavour, folder)
    disk, name = lab.fresh(flavour), flavour.replace("-", " ")
    first = lab.boot(disk, TUTORIAL, name)
    before = frozenset(map(str, KNOCKS))
    yield judge(guest, name, first, Expected(WEB, before=before, note=disks.RIVALS[flavour], tools=False))
    again = Expected(WEB, rules_as=first.report.get("rules", ""))
    yield judge(guest, f"{name}, reboot", lab.boot(disk, TUTORIAL, f"{name} reboot", again=True), again)


BESIDE = {disks.BESIDE_UFW: "debian12-ufw", disks.BESIDE_FIREWALLD: "el9-firewalld"}


def cut_off(wire: Wire, *, folder: Path) -> Iterator[Row]:
    """Nothing is installed and nothing can be: open, and it says so wherever somebody may look."""
    lab = Lab(wire, GUESTS["el9-bare"], disks.CUT_OFF, folder)
    seen = lab.boot(lab.fresh("no repository"), TUTORIAL, "no repository")
    wanted = Expected(WEB, result=("failed",), clean=False, tools=False, closed=False, problem="not installed")
    yield judge(lab.guest.name, "no repository", seen, wanted)


def no_extensions(wire: Wire, *, folder: Path) -> Iterator[Row]:
    """The kernel that boots cannot load the seal, which is iptables': the fallback lets nobody in, and the module
    closes the machine with nftables. The second boot loads that."""
    lab = Lab(wire, GUESTS["el9-iptables"], disks.NO_EXTENSIONS, folder)
    disk, name = lab.fresh("no extensions"), "no extensions"
    first = lab.boot(disk, TUTORIAL, name)
    yield judge(lab.guest.name, name, first, Expected(WEB, note="its fallback was, which let nobody in"))
    again = Expected(WEB, rules_as=first.report.get("rules", ""), noted="iptables was not used: ")
    seen = lab.boot(disk, TUTORIAL, f"{name} reboot", again=True)
    yield judge(lab.guest.name, f"{name}, reboot", seen, again)


def bare(wire: Wire, *, folder: Path) -> Iterator[Row]:
    """An image with neither tools nor services, as EL's vendors make them: open until dnf has installed a firewall."""
    lab = Lab(wire, GUESTS["el9-bare"], disks.UNSEALED, folder)
    seen = lab.boot(lab.fresh("nothing installed"), TUTORIAL, "nothing installed")
    everything = frozenset(map(str, KNOCKS))
    yield judge(lab.guest.name, "nothing installed", seen, Expected(WEB, before=everything, tools=False))


def stock(wire: Wire, *, name: str, folder: Path) -> Iterator[Row]:
    """A stock image with nothing of ours, and a bundle as its user-data: open until the network stage, as it was made;
    closed from then on, and from the first packet of the next boot on."""
    guest, form = GUESTS[name], STOCK_FORMS[name]
    command = [sys.executable, "-m", "cc_vps_firewall", "bundle", "--format", form, "-"]
    told = subprocess.run(command, input=TUTORIAL.encode(), cwd=REPOSITORY, stdout=subprocess.PIPE, check=True)
    lab = Lab(wire, guest, disks.STOCK, folder)
    disk, everything = lab.fresh(f"bundle {form}"), frozenset(map(str, KNOCKS))
    first = lab.boot(disk, told.stdout, f"bundle {form}")
    yield judge(guest.name, f"bundle, {form}", first, Expected(WEB, before=everything, tools=False))
    again = Expected(WEB, rules_as=first.report.get("rules", ""))
    yield judge(guest.name, "bundle, reboot", lab.boot(disk, told.stdout, f"bundle {form} reboot"), again)


STOCK_FORMS = {"debian12": "gzip", "debian13": "mime", "el9-bare": "archive"}


def cycle(wire: Wire, *, folder: Path) -> Iterator[Row]:
    """A unit in the manner of EL on Debian: the check for ordering cycles has to see it. What systemd leaves out then
    is cloud-init's network stage: nothing is opened."""
    lab = Lab(wire, GUESTS["debian12"], disks.CYCLE, folder)
    seen = lab.boot(lab.fresh("EL-style unit"), TUTORIAL, "EL-style unit")
    wanted = Expected(WEB, required=frozenset(), ours=False, cycles=True)
    yield judge("debian12", "EL-style unit", seen, wanted)

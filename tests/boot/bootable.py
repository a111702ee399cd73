"""a guest's disk -> an image that starts by itself, as a vendor's does: a partition table, a boot loader, its kernel.

The lab's own disks are bare file systems, started by a kernel that qemu is given: faster, and what is not seen that way
is the boot loader.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.boot import disks
from tests.boot.guests import Guest, run

SECTOR = 512
FIRST = 2048  # the partition's first sector, as fdisk(8) has it: the boot loader is before it
MODULES = ("biosdisk", "part_msdos", "ext2", "linux", "serial", "terminal")
GRUB = Path("/usr/lib/grub/i386-pc")

# The loader's own program. It is told all: there is no menu, and no file of it on the disk.
CONFIG = """\
serial --unit=0
terminal_output serial
linux (hd0,msdos1)/boot/{kernel} root=/dev/vda1 rw console=ttyS0 net.ifnames=0
initrd (hd0,msdos1)/boot/{initrd}
boot
"""


def image(guest: Guest, folder: Path) -> Path:
    """Make it below `folder`. Raises BuildFailed."""
    disk = disks.disk_of(guest, disks.VENDOR)
    if disk.kernel is None or disk.initrd is None:
        raise ValueError(f"{guest.name} has no kernel of its own")
    folder.mkdir(parents=True, exist_ok=True)
    target, config, core = (folder / name for name in ("vendor.raw", "grub.cfg", "core.img"))
    config.write_text(CONFIG.format(kernel=disk.kernel.name, initrd=disk.initrd.name))
    prefix = ("--prefix", "(hd0,msdos1)/boot/grub", "--config", str(config))
    run(["grub-mkimage", "--format", "i386-pc", *prefix, "--output", str(core), *MODULES])
    # The file system, behind as many sectors as the loader may have.
    sectors = ("seek=1", f"bs={FIRST * SECTOR}", "conv=sparse")
    run(["nice", "-n", "10", "dd", f"if={disk.file}", f"of={target}", *sectors])
    table = f"label: dos\nstart={FIRST}, type=83, bootable\n"
    subprocess.run(["sfdisk", "--quiet", str(target)], input=table, text=True, check=True)
    with target.open("r+b") as written:
        # 440 bytes of code, before the table; it reads the rest from the sector behind it (GRUB's boot.S).
        written.write((GRUB / "boot.img").read_bytes()[:440])
        written.seek(SECTOR)
        written.write(core.read_bytes())
    return target

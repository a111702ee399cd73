"""this computer, container or chroot -> whether machines can be made here of namespaces, and if not, why.

Standard library alone: it runs before anything is installed.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import tempfile
from collections.abc import Callable

# unshare(2), mount(2), netdevice(7)
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET = 0x20000, 0x4000000, 0x8000000, 0x20000000, 1 << 30
MS_BIND, MS_MOVE, MS_REC, MS_PRIVATE = 0x1000, 0x2000, 0x4000, 0x40000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
NETLINK_NETFILTER = 12

ELSEWHERE = "a whole computer, a virtual machine, or a container started with --privileged"


def missing() -> str:
    """Why no machine can be made here, as half a sentence; empty where it can. In a chroot, makes it possible."""
    if os.geteuid() != 0:
        return "making network namespaces takes root"
    try:
        _leave_chroot()
    except OSError as error:
        return f"this chroot may have no mounts of its own ({_said(error)})"
    return _in_a_child(_try)


def _try() -> str:
    """The steps that every machine of the tests begins with, in a process that is thrown away."""
    step = "make namespaces"
    try:
        _call("unshare", CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET)
        step = "mount file systems"
        _call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)
        place = tempfile.mkdtemp(prefix="vps-firewall-").encode()
        try:
            _call("mount", b"tmpfs", place, b"tmpfs", 0, None)
            for name in (b"upper", b"work", b"root"):
                os.mkdir(place + b"/" + name)
            options = b"lowerdir=/etc,upperdir=%s/upper,workdir=%s/work" % (place, place)
            _call("mount", b"overlay", place + b"/root", b"overlay", 0, options)
            _call("umount2", place + b"/root", 0)
            _call("umount2", place, 0)
        finally:
            os.rmdir(place)
        step = "set up networks"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
        step = "load firewall rules"
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER).close()
    except OSError as error:
        return f"nobody may {step} here ({_said(error)})"
    return ""


def _leave_chroot() -> None:
    """Give this process the same tree as the root of a mount namespace of its own.

    A chroot is no mount: nothing below it can be made private, nor be pivoted into, and `unshare --mount` fails. The
    way out of it, for a moment, is to enter one's own namespace anew.
    """
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as mounts:
        if any(line.split()[4] == "/" for line in mounts):
            return
    folder = os.getcwd()
    _call("unshare", CLONE_NEWNS)
    root, namespace = os.open("/", os.O_RDONLY), os.open("/proc/self/ns/mnt", os.O_RDONLY)
    _call("setns", namespace, CLONE_NEWNS)
    tree = os.readlink(f"/proc/self/fd/{root}").encode()
    _call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)
    _call("mount", tree, tree, None, MS_BIND | MS_REC, None)
    os.chdir(tree)
    _call("mount", b".", b"/", None, MS_MOVE, None)
    os.chroot(".")
    os.chdir(folder)
    os.close(root)
    os.close(namespace)


def _said(error: OSError) -> str:
    return os.strerror(error.errno or 0).lower()


def _call(name: str, *arguments: object) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _in_a_child(work: Callable[[], str]) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, work().encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as answer:
        said = answer.read()
    ended = os.waitpid(child, 0)[1]
    return said if not ended else f"a process that tried ended with {ended}"

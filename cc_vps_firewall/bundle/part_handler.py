"""parts of user-data -> the engine on a host that had nothing of it, and at work: a bundle's part-handler.

A bundle's first part is the text of this file behind that of `__init__.py`, without comments, with the engine packed
below it. cloud-init imports it at every boot, and goes on when it fails: it needs the standard library alone, in a
syntax that every Python of cloud-init's parses, and whatever goes wrong ends in its emergency rules.
"""

import json
import os
import sys

from .. import KEY, PRIVATE, put_in_force, ssh_ports, write_file

PACKED = ""  # the bundle's own: lzma in base64
HOMES = ("/var/lib/vps-firewall/engine", "/run/vps-firewall/engine")  # the second where the first cannot be written
COMMAND = "/usr/local/sbin/vps-firewall"
WHOLE = ("/usr/bin/vps-firewall", "/usr/sbin/vps-firewall")  # a package's command, and an install's
FAILED = "/var/lib/cloud/instance/scripts/vps-firewall-failed"

seen = []  # type: list[str]  # parts of ours in this run of cloud-init


def list_types():
    """cloud-init asks which parts are ours."""
    return ["text/x-vps-firewall"]


def handle_part(data, ctype, filename, payload):
    """cloud-init's call for __begin__, each part of ours, and __end__; nothing is done where all is done."""
    if ctype == "__begin__" or (ctype == "__end__" and seen):
        return
    seen.append(ctype)
    try:
        section = json.loads(payload)[KEY]
    except (KeyError, TypeError, ValueError):
        section = None  # which is refused, and closes the host
    try:
        put_in_force(section, data)
    except Exception:
        _fail()
        raise


def _fail():
    """cloud-init logs a warning of ours and calls that a success up to 23.3; of a script that fails it tells."""
    try:
        os.makedirs(os.path.dirname(FAILED), exist_ok=True)
        with open(FAILED, "w") as script:
            script.write("#!/bin/sh\ncat %s >&2\nexit 1\n" % PRIVATE)
        os.chmod(FAILED, 0o700)
    except OSError:
        pass  # the warning is there


def _enter(section, cloud, mark_done, configured):
    """What handle() does, here: put the engine and its command on this host, and call it."""
    try:
        home = _unpack(HOMES[0])
    except OSError:
        home = _unpack(HOMES[1])
    try:
        if not any(map(os.path.exists, WHOLE)) and os.path.realpath(COMMAND) != home + "/vps-firewall":
            os.symlink(home + "/vps-firewall", COMMAND)
    except OSError:
        pass  # /usr cannot be written
    import importlib

    sys.path.insert(0, home)
    try:
        engine = importlib.import_module("vps_firewall_engine")
    finally:
        sys.path.remove(home)
    return engine.enter(section, cloud, mark_done, ssh_ports())


def _public(problems):
    return sys.modules["vps_firewall_engine"].public(problems)


def _unpack(folder):
    """Write the engine into a folder. -> that folder"""
    import base64
    import lzma

    os.makedirs(folder, exist_ok=True)
    words, _, source = lzma.decompress(base64.b64decode(PACKED)).decode("latin-1").partition("\f")
    for number, word in enumerate(words.split("\v")):
        source = source.replace(chr(128 + number), word)
    for packed in source.split("\f"):
        name, _, text = packed.partition("\n")
        # The plans say who may log in.
        write_file(os.path.join(folder, name), text, 0o644 if ".py" in name else 0o600)
    os.chmod(folder + "/vps-firewall", 0o755)  # noqa: S103 - a command for everybody
    return folder


if __name__ == "__main__":  # by hand: python3 FILE FOLDER
    _unpack(sys.argv[1])

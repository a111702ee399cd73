"""cloud-init's handle() -> converge(): what the engine needs from cloud-init, and nothing more."""

from __future__ import annotations

import logging
import time
from typing import Any

from . import backend, converge, kernel, saved, userdata
from .backend import Host
from .errors import FirewallError, NoBackend, PolicyRefused, Problem

LOG = logging.getLogger("cloudinit.config.cc_vps_firewall")


def handle(section: object, cloud: Any) -> list[str]:
    """Put `section` in force on this first boot. -> what went wrong, empty when all is well."""
    host = backend.look()
    began = time.monotonic()
    installed = _install_tools(section, cloud, host)
    if installed:
        host = backend.look()
    try:
        status = converge.first_boot(section, host, duplicates=_duplicates(cloud))
    except PolicyRefused as refused:
        return [str(problem) for problem in refused.problems]
    except FirewallError as failure:
        return [str(failure)]
    for note in status.get("notes", []):
        LOG.info("%s", note)
    if installed:
        _note(status, f"{installed} had to be installed: unprotected for {time.monotonic() - began:.1f} s before")
    return []


def _install_tools(section: object, cloud: Any, host: Host) -> str:
    """Let the distribution install a firewall where there is none. -> the package, '' when there was no need."""
    wanted = section.get("backend", "auto") if isinstance(section, dict) else "auto"
    names = [wanted] if wanted in backend.BACKENDS else [c.backend for c in backend.choices("auto", host)]
    for name in names:
        try:
            kernel.tools(name)
            return ""
        except NoBackend:
            continue
    name = names[0] if wanted in backend.BACKENDS else backend.distributions_own(host)
    package = backend.PLACES[host.family, name].package
    try:
        cloud.distro.install_packages([package])
    except Exception as error:
        # cloud-init raises what it likes here, by distribution and version. What is missing is told by
        # converge(), which finds no tool.
        LOG.info("%s could not be installed: %s", package, error)
        return ""
    return package


def _duplicates(cloud: Any) -> list[Problem]:
    """Keys that stand twice: cloud-init's merged configuration has lost them, the user-data itself has not."""
    try:
        raw = cloud.datasource.get_userdata_raw()
        data = raw.encode() if isinstance(raw, str) else bytes(raw or b"")
        return [p for _, problems in userdata.sections(data) for p in problems]
    except PolicyRefused:
        return []  # another part is broken: cloud-init's to say
    except (AttributeError, TypeError):
        return []  # no datasource to ask, as under `cloud-init single`


def _note(status: converge.Status, note: str) -> None:
    status["notes"] = [*status.get("notes", []), note]
    saved.write_json(saved.STATUS, status, 0o644)
    LOG.info("%s", note)

"""Where we keep what we know from one run to the next, and which instance this is."""

from __future__ import annotations

from . import files

STATE = "/var/lib/vps-firewall"
STATUS = f"{STATE}/status-private.json"
PUBLIC = f"{STATE}/status.json"  # the same for every user: see status.public()
POLICY = f"{STATE}/policy.json"
RECORD = f"{STATE}/registered.json"  # what `vps-firewall install` has put into an image, and what was there before
SERVICES = f"{STATE}/services.json"  # the services that a policy of ours switched on and off
DONE = f"{STATE}/instance"  # as in __init__.py, which imports nothing of ours
TOOLS = f"{STATE}/tools"  # the instance for which a package manager was asked for a backend's tools
INSTANCE_ID = "/var/lib/cloud/data/instance-id"
NO_DATASOURCE = "iid-datasource-none"  # of a boot in which cloud-init found none


def instance() -> str:
    """What cloud-init calls the instance that this is; '' where it cannot say."""
    found = (files.read(INSTANCE_ID) or "").strip()
    return found if found != NO_DATASOURCE else ""

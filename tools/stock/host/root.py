"""In the place of host.root: there is no other root than this host's."""

from __future__ import annotations

from cc_vps_firewall.host import process


def below(root: str, path: str) -> str:
    return f"/{path.lstrip('/')}"


def masked_file(root: str, path: str) -> bool:
    return False


def check_root(root: str) -> None:
    pass


def find_tool(root: str, tool: str) -> str:
    return process.find(tool)


def systemctl_options(root: str) -> list[str]:
    return []


def adopt(made: int | str, folder: str, former: str) -> None:
    pass

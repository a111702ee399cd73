"""In the place of root: there is no other root than this host's."""

from __future__ import annotations


class Root:
    def __truediv__(self, path: str) -> str:
        return f"/{path.lstrip('/')}"


HERE = Root()


def masked_file(root: Root, path: str) -> bool:
    return False


def check_root(root: Root) -> None:
    pass

"""cc_vps_firewall/version.py -> the version in files that cannot read it."""

from __future__ import annotations

import re

from cc_vps_firewall.version import VERSION

from . import pages

_NUMBER = r"\d+\.\d+\.\d+\w*"
# A path -> what stands before the version, each exactly as often as it is written here.
PLACES = {
    "fleet/pyproject.toml": (r'^version = "',),
    "packaging/vps-firewall.spec": (r"^Version: +", r"^\* .*> - "),
    "packer/build": (r"dist/vps-firewall-",),
}
_FILE_NAME = re.compile(rf"(\bvps-firewall[-_]){_NUMBER}(?=[-_])")


def made() -> pages.Files:
    for name, befores in PLACES.items():
        path = pages.HOME / name
        text = path.read_text(encoding="utf-8")
        for before in befores:
            text, count = re.subn(rf"(?m)({before}){_NUMBER}", rf"\g<1>{VERSION}", text)
            if count != 1:
                raise LookupError(f"{name}: the version stands {count} times behind {before}")
        yield path, text
    for page in pages.pages():
        text = page.read_text(encoding="utf-8")
        yield page, _FILE_NAME.sub(rf"\g<1>{VERSION}", text)

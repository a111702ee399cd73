"""Machines of tests/packages: a vendor's base image, without the boot."""

from __future__ import annotations

from tests.packages.conftest import debian, debs, el, rpms

__all__ = ["debian", "debs", "el", "rpms"]

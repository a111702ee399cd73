"""In the place of rules.bans: a bundle makes no table for the bans of other programs, whose actions make it."""

from __future__ import annotations

TABLE = ""
TEXT = ""

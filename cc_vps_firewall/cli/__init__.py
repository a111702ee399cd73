"""The command: one file for each verb that is more than a page."""

from .command import main

__all__ = ["main"]

"""What can go wrong -> an exit code, and a message for a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong with one line of the user's: where it is, and what is accepted there. `passing`: the next boot
    may find it mended, by nobody's hand."""

    path: str
    message: str
    passing: bool = False

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class FirewallError(Exception):
    """Base of every failure that is told to people; `exit_code` is the command's."""

    exit_code = 1


class PolicyRefused(FirewallError):
    """The policy has problems; all of them are here, none of it was applied."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class NoBackend(FirewallError):
    """Neither nftables nor iptables can do the work on this host; nothing was changed."""

    exit_code = 3


class LoadRefused(FirewallError):
    """The tool refused the ruleset; nothing was changed."""

    exit_code = 4


class RolledBack(FirewallError):
    """Something failed after the load; the host is back in the state it was in."""

    exit_code = 5


class Drift(FirewallError):
    """Kernel, saved file and policy are not the same."""

    exit_code = 6


class Busy(FirewallError):
    """Another run of ours holds the lock; nothing was changed."""


class ToolFailed(LoadRefused):
    """A tool was there and said no, or did not answer; the message is its own first lines."""


class StillOpen(FirewallError):
    """A first boot could not put any rules in force."""


class CannotRegister(FirewallError):
    """This system is not what we know how to extend; nothing was changed."""


def reason(failure: BaseException) -> str:
    """For people, in one line."""
    if isinstance(failure, OSError) and failure.strerror:
        return f"{failure.filename}: {failure.strerror}" if failure.filename else failure.strerror
    if isinstance(failure, KeyboardInterrupt):
        return "interrupted"
    return str(failure) if isinstance(failure, FirewallError) else f"{type(failure).__name__}: {failure}"


def reasons(failure: BaseException) -> list[str]:
    """For people, a line each."""
    return [str(p) for p in failure.problems] if isinstance(failure, PolicyRefused) else [reason(failure)]

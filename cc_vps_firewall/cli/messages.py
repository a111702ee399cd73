"""What the command says to people, on standard error, and the exit code that goes with it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence

from ..errors import FirewallError, PolicyRefused, reason


def guarded(call: Callable[[], int], answer: Mapping[str, object] | None = None) -> int:
    """Run `call`. -> its exit code, or that of what it raised, which is told to people. `answer`: what a program that
    asked for JSON reads then, besides the problems; None where none did."""
    try:
        code = call()
        sys.stdout.flush()
    except PolicyRefused as refused:
        if answer is not None:
            problems = [{"path": problem.path, "message": problem.message} for problem in refused.problems]
            print(json.dumps({**answer, "problems": problems}))
        tell(*map(str, refused.problems))
        return refused.exit_code
    except FirewallError as failure:
        if answer is not None:
            print(json.dumps({**answer, "problems": [{"path": "", "message": str(failure)}]}))
        tell(f"vps-firewall: {failure}")
        return failure.exit_code
    except PermissionError as error:
        hint = (
            "run it as root" if not is_root() else "is it immutable (lsattr, chattr -i), or a security policy at work?"
        )
        tell(f"vps-firewall: {reason(error)}; {hint}")
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as failure:
        tell(f"vps-firewall: {reason(failure)}")
        return 1
    return code


def require_root(verb: str, what: str) -> None:
    if not is_root():
        raise FirewallError(f"`vps-firewall {verb}` {what}: run it as root")


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def is_root() -> bool:
    return not getattr(os, "geteuid", lambda: 0)()  # where there are no users, nobody helps it


def tell(*lines: str) -> None:
    sys.stdout.flush()
    print("\n".join(lines), file=sys.stderr)


def warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        tell(f"warning: {warning}")

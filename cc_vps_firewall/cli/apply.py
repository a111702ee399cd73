"""section -> a host that enforces it, as the command does it: decide, then do."""

from __future__ import annotations

from collections.abc import Callable

from ..apply import converge
from ..apply.status import Run, Status
from ..errors import FirewallError
from ..host.facts import Host
from ..plan import decide
from ..policy import Policy


def apply(
    section: object,
    host: Host,
    run: Run | None = None,
    *,
    replace: bool = False,
    check: Callable[[Policy], None] = lambda policy: None,
    confirm: Callable[[], str] | None = None,
    after: Callable[[Policy, Status], None] = lambda policy, status: None,
) -> Status:
    """Put a section in force. -> the status that was written. Raises a FirewallError where it was not, with the host in
    the state it was in.

    `replace`: disable other firewall managers that are enabled here. `check` may refuse a policy by raising. `confirm`:
    see converge(). `after` is called once the policy is in force.
    """
    run = run or Run()
    with run.deciding():
        policy = decide.tested(decide.parse(section, host))
        check(policy)
        if policy.enabled and host.managers and not replace:
            are = "are" if len(host.managers) > 1 else "is"
            names = " and ".join(host.managers)
            raise FirewallError(f"{names} {are} active and would overwrite these rules; --replace disables it")
        plan = decide.plan_of(policy, section, host)
    if not policy.enabled:
        run.leave_alone()
        return run.status
    status = converge.converge(plan, host, run, confirm=confirm).status
    after(policy, status)
    return status

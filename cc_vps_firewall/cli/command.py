"""vps-firewall COMMAND -> results on standard output, messages for people on standard error, an exit code."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import select
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..errors import FirewallError, PolicyRefused, Problem, ToolFailed, reason

try:
    from .. import policy
    from ..apply import drift
    from ..apply import status as statuses
    from ..backends.registry import BACKENDS
    from ..bundle import bundle
    from ..host import facts, process, saved
    from ..host.facts import Host
    from ..image import register
    from ..plan import choice, decide
    from ..policy import overlooked, userdata
    from ..root import HERE, Root
    from . import answers, removal, report
    from . import apply as applying
    from . import verify as verification
except ModuleNotFoundError as missing:  # of another's, on a computer that has no cloud-init either
    how = "install python3-pyyaml (EL) or python3-yaml (Debian), or `pip install PyYAML`"
    what = "PyYAML is not installed for this Python; " + how if missing.name == "yaml" else str(missing)
    sys.exit(f"vps-firewall: {what}")

EXAMPLES = """\
examples:
  vps-firewall check user-data.yaml           say what is wrong with a policy, if anything
  vps-firewall render user-data.yaml          show the rules that it becomes
  vps-firewall plan user-data.yaml            show what it would change here
  vps-firewall apply user-data.yaml --confirm 60
                                              put it in force, and take it back unless you say yes in time
  vps-firewall verify                         kernel = saved file = policy?
  vps-firewall status                         what is open to whom
  vps-firewall explain 22/tcp --from 203.0.113.7
                                              why does this get in, or not
  vps-firewall diff old.yaml new.yaml         what does this change open, and what does it close
  vps-firewall remove                         take every rule of ours out again

exit codes:
  0 done   1 unexpected   2 policy refused   3 no usable backend   4 refused by the tool (nothing changed)
  5 rolled back   6 drift   8 diff --refuse: found
"""


LINUX = sys.platform.startswith("linux")
ANYWHERE = ("check", "render", "bundle", *answers.ANYWHERE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. -> its exit code."""
    options = _parser().parse_args(arguments)
    if not LINUX and options.name not in ANYWHERE:
        _tell(f"vps-firewall: {options.name} runs on Linux alone; {_listed(ANYWHERE)} run here too")
        return 1
    if not LINUX and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(newline="\n")  # with Windows' own, nft reads no line of what render prints
    return _guarded(lambda: int(options.call(options)))


def _guarded(call: Callable[[], int]) -> int:
    """Run `call`. -> its exit code, or that of what it raised, which is told to people."""
    try:
        code = call()
        sys.stdout.flush()
    except PolicyRefused as refused:
        _tell(*map(str, refused.problems))
        return refused.exit_code
    except FirewallError as failure:
        _tell(f"vps-firewall: {failure}")
        return failure.exit_code
    except PermissionError as error:
        hint = (
            "run it as root" if not _is_root() else "is it immutable (lsattr, chattr -i), or a security policy at work?"
        )
        _tell(f"vps-firewall: {reason(error)}; {hint}")
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as failure:
        _tell(f"vps-firewall: {reason(failure)}")
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="vps-firewall",
        description="A firewall from the vps_firewall: section of user-data: loaded, verified and saved.",
        epilog=EXAMPLES,
        formatter_class=layout,
    )
    parser.add_argument("--version", action="version", version=f"vps-firewall {bundle.VERSION}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=answers.Verb)

    def command(name: str, call: Callable[[Any], int], about: str, example: str, file: bool = True) -> Any:
        sub = commands.add_parser(
            name, help=about, description=about, epilog=f"example:\n  {example}", formatter_class=layout
        )
        sub.set_defaults(call=call, name=name)
        if file:
            sub.add_argument("file", metavar="FILE", help="user-data with a vps_firewall: key, or - for standard input")
        return sub

    sub = command("check", check, "say what is wrong with a policy, if anything", "vps-firewall check user-data.yaml")
    sub.add_argument("--strict", action="store_true", help="refuse what is only warned of, too")
    sub = command("render", render, "show the text that would be loaded", "vps-firewall render web.yaml --family 4")
    sub.add_argument("--backend", choices=[*BACKENDS], help="default: the policy's, or this host's")
    sub.add_argument("--family", choices=("4", "6"), help="iptables: that family alone, fit for its restore tool")
    command("plan", plan, "show what would change on this host", "vps-firewall plan user-data.yaml")
    sub = command("apply", apply, "put a policy in force here", "vps-firewall apply user-data.yaml --confirm 60")
    sub.add_argument("--confirm", type=_seconds, metavar="SECONDS", help="take it back unless you say yes in time")
    sub.add_argument("--replace", action="store_true", help="switch off firewalld or ufw, where one is on")
    sub.add_argument("--json", action="store_true", help="print the status as JSON")
    sub = command("verify", verify, "kernel = saved file = policy?", "vps-firewall verify || echo drift", file=False)
    sub.add_argument("--json", action="store_true", help="print the differences as JSON")
    sub = command("status", status, "what is open to whom, since when", "vps-firewall status --json", file=False)
    sub.add_argument("--json", action="store_true", help="print the status as JSON")
    command(
        "remove", remove, "take every rule, file and unit of ours out of this host", "vps-firewall remove", file=False
    )
    sub = command(
        "bundle", carry, "make user-data that works on a stock image", "vps-firewall bundle user-data.yaml > paste-me"
    )
    sub.add_argument("--provider", choices=bundle.PROVIDERS, help="picks the form, and holds the limit")
    sub.add_argument("--format", choices=bundle.FORMS, help="default: the provider's, or mime")
    sub.add_argument(
        "--backend",
        choices=(*BACKENDS, choice.AUTO),
        default="",
        help="what it carries; auto is both. Default: the policy's, or nftables (oracle: iptables)",
    )
    answers.add(command, _policy)
    for name, call, about in (
        ("install", install, "put the module into a system's cloud-init"),
        ("uninstall", uninstall, "take the module out of a system's cloud-init"),
    ):
        sub = command(name, call, about, f"vps-firewall {name} --root /mnt/image", file=False)
        sub.add_argument(
            "--root", type=Root, default=HERE, metavar="DIR", help="the system's root folder; default: this system"
        )
        if name == "install":
            sub.add_argument("--sealed", action="store_true", help="closed from the first boot until user-data speaks")
            sub.add_argument("--default", metavar="FILE", help="with --sealed: the policy where user-data has none")
    return parser


# --- commands ---------------------------------------------------------------------------------------------


def check(options: Any) -> int:
    data = userdata.unpack(userdata.read(options.file))
    problems = userdata.unheard(data)
    warnings: Sequence[Problem] = ()
    try:
        ports = _host().ssh_ports
        wanted = policy.parse(_section(data), ssh_ports=ports, read_list=userdata.read_list)
        warnings = (*overlooked.warnings(wanted), *decide.examined(decide.tested(wanted))[1])
    except PolicyRefused as refused:
        problems = [*refused.problems, *problems]
    problems += warnings if options.strict else ()
    if problems:
        raise PolicyRefused(problems)
    _warn(map(str, warnings))
    return 0


def render(options: Any) -> int:
    host = _host()
    wanted = decide.parse(_section(userdata.read(options.file)), host)
    name = options.backend or choice.choose(wanted.backend, host)[0].backend.name
    texts = decide.texts(name, wanted)
    if options.family and int(options.family) not in texts:
        raise FirewallError(f"--family is for iptables: {name} has one text for both families")
    if options.family:
        print(texts[int(options.family)], end="")
    elif len(texts) == 1:
        print(texts[0], end="")
    else:
        for family, text in texts.items():
            print(f"# ---- IPv{family} ----\n{text}", end="")
    return 0


def plan(options: Any) -> int:
    section = _section(userdata.read(options.file))
    _as_root("plan", "compares a policy with the kernel's rules")
    host = facts.inspect()
    made = decide.plan_of(decide.tested(decide.parse(section, host)), section, host)
    _warn(made.warnings)
    lines = [] if decide.is_off(section) else drift.preview(made, host)
    if lines:
        print(f"{_counted(len(lines), 'change')}: + is added, - is taken out, ~ is rewritten")
        lines.append(f"nothing was changed; `vps-firewall apply {options.file}` does it")
    print("\n".join(lines) or "nothing would change")
    return 0


def apply(options: Any) -> int:
    section, host = _section(userdata.read(options.file)), facts.inspect()

    def go(confirm: Callable[[], str] | None) -> int:
        done = applying.apply(section, host, replace=options.replace, check=_check_not_locked_out, confirm=confirm)
        _mark_instance()
        shown = (
            json.dumps(done, indent=1, sort_keys=True) if options.json else "\n".join(report.lines(done, None, None))
        )
        print(shown)
        return 0

    if not options.confirm:
        return go(None)
    return _with_confirmation(go, options.confirm, _terminal() if options.file == "-" else 0)


def _mark_instance() -> None:
    """This instance has what its owner wants: a user-data that the module has not read yet, or could not put in force,
    is no first boot's any more."""
    if instance := saved.instance():
        with contextlib.suppress(OSError):  # the firewall stands all the same
            saved.save({saved.DONE: instance}, saved.Undo(), 0o644)


def verify(options: Any) -> int:
    _as_root("verify", "compares the kernel's rules with the policy")
    host, backend = facts.inspect(), str(saved.read_json(saved.POLICY).get("backend"))
    differences = verification.differences(host)
    lacking = verification.lacking(backend, host)
    differences += lacking
    if options.json:
        print(json.dumps({"equal": not differences, "differences": differences}, indent=1))
    elif differences:
        print(f"{_counted(len(differences), 'difference')}: + is missing on this host, - is here and not in the policy")
        print("\n".join(differences))
        if len(differences) > len(lacking):
            print(
                "to put the policy back in force: `vps-firewall apply FILE`; to keep a change, write it into the policy"
            )
        if lacking:
            print("a kernel's modules come in packages, kernel-modules-extra on EL; or apply it with another backend")
    else:
        print(f"equal: kernel, saved file and policy ({backend})")
    return 6 if differences else 0


def status(options: Any) -> int:
    told = statuses.read()
    host, root = facts.inspect(), _is_root()
    if not told and os.path.exists(saved.STATUS):
        _as_root("status", "finds nothing here that every user may read")
    found = report.now(host) if root else report.NOT_ROOT
    wanted = report.saved_policy(host) if root else None
    if options.json:
        more = {"settings": report.settings(wanted)} if wanted else {}
        print(json.dumps({**told, "now": found.as_json(), **more}, indent=1, sort_keys=True))
    elif told:
        print("\n".join(report.lines(told, found, wanted)))
    else:
        print("\n".join(["no policy was ever applied on this host", *report.filters(found)]))
    return 0


def remove(options: Any) -> int:
    _as_root("remove", "changes the kernel's rules")
    removed = removal.remove(facts.inspect())
    _mark_instance()
    print("\n".join([*(removed.done or ["there is nothing of vps-firewall to remove"]), *removed.left]))
    return 0


def carry(options: Any) -> int:
    data = userdata.read(options.file)
    provider = bundle.PROVIDERS.get(options.provider, bundle.ANY)
    form = options.format or provider.form
    if form == "gzip" and sys.stdout.isatty():
        raise FirewallError("a bundle as gzip is not written to a terminal; send it to a file: > bundle.gz")
    made, parts = bundle.make(data, form, chosen=options.backend, provider=provider)
    if options.provider:
        _tell(bundle.fit(made, parts, options.provider, form))
    _warn(map(str, overlooked.warnings(policy.parse(bundle.section(parts), read_list=userdata.read_list))))
    sys.stdout.buffer.write(made)
    return 0


def install(options: Any) -> int:
    default = _section(userdata.read(options.default)) if options.default else {}
    if options.default and not options.sealed:
        raise FirewallError("--default goes with --sealed")
    with saved.at_work(options.root):
        done = register.install_sealed(options.root, default) if options.sealed else register.install(options.root)
    print("\n".join(done) or "already installed; nothing was changed")
    return 0


def uninstall(options: Any) -> int:
    with saved.at_work(options.root):
        done = register.uninstall(options.root)
    print("\n".join(done) or "not installed; nothing was changed")
    if options.root == HERE and saved.read_json(saved.POLICY):
        print("the rules stay in force; `vps-firewall remove` takes them out")
    return 0


# --- words ------------------------------------------------------------------------------------------------


def _as_root(verb: str, what: str) -> None:
    if not _is_root():
        raise FirewallError(f"`vps-firewall {verb}` {what}: run it as root")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _host() -> Host:
    """This host; one of which nothing is known on a system that none of our rules run on."""
    return facts.inspect() if LINUX else Host(ssh_ports=())


def _is_root() -> bool:
    return not getattr(os, "geteuid", lambda: 0)()  # where there are no users, nobody helps it


def _tell(*lines: str) -> None:
    sys.stdout.flush()
    print("\n".join(lines), file=sys.stderr)


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        _tell(f"warning: {warning}")


def _section(data: bytes | userdata.UserData) -> object:
    given = userdata.unpack(data)
    if made := bundle.read(given):
        print(f"vps-firewall: this is a bundle of vps-firewall {made.version}; its policy is read", file=sys.stderr)
        return made.section
    section = userdata.section(given)
    for note in userdata.notes(given, section):
        print(f"vps-firewall: {note}", file=sys.stderr)
    return section


def _policy(file: str) -> policy.Policy:
    return decide.parse(_section(userdata.read(file)), _host())


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 3600):
        raise argparse.ArgumentTypeError("write 1 to 3600 seconds")
    return int(text)


# --- nobody is locked out ---------------------------------------------------------------------------------


def _check_not_locked_out(wanted: policy.Policy) -> None:
    """Refuse a policy under which the SSH session we are run from could not be opened again."""
    session = _ssh_session()
    if session is None or not wanted.enabled:
        return
    client, zone, server, port = session
    if wanted.admits(client, "tcp", port):
        return
    interface = zone or _route_interface(client, server)
    if not interface or not wanted.admits(client, "tcp", port, interface):
        over = f" over {interface}" if interface else ""
        raise FirewallError(
            f"this policy would cut off your own SSH session, from {client} to port {port}{over}; "
            f"let {client} in under ssh, or run this from the console"
        )


def _route_interface(client: str, server: str) -> str:
    """The interface by which this host answers a client that reached it at `server`, '' where ip(8) cannot say."""
    try:
        words = process.run("ip", "-oneline", "route", "get", client, "from", server).split()
    except ToolFailed:
        return ""
    return words[words.index("dev") + 1] if "dev" in words[:-1] else ""


def _ssh_session() -> tuple[str, str, str, int] | None:
    """(client address, its zone, server address, server port) of the SSH session that we, or a parent of ours, were
    started in: sudo does not pass SSH_CONNECTION on."""
    pid = os.getpid()
    for _ in range(64):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                environment = file.read()
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            return None
        for variable in environment.split(b"\0"):
            if variable.startswith(b"SSH_CONNECTION="):
                words = variable.decode("ascii", "replace").partition("=")[2].split()
                try:
                    client, _, zone = words[0].partition("%")
                    policy.parse_network(client)
                    return client, zone, words[2].partition("%")[0], int(words[3])
                except (ValueError, IndexError):
                    continue
        if parent <= 1:
            return None
        pid = parent
    return None


def _with_confirmation(go: Callable[[Callable[[], str] | None], int], seconds: int, terminal: int) -> int:
    """Run `go` in a process that outlives this terminal; it takes the rules back unless this one says yes.

    A cut connection kills this process: its end of the pipe closes, which is a no.
    """
    answer, say = os.pipe()
    question, ask = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(say)
        os.close(question)
        code = 1
        try:
            os.setsid()  # neither an interrupt nor a hangup of the terminal comes here

            def refusal() -> str:
                with contextlib.suppress(BrokenPipeError):  # nobody is left to ask; that is a no
                    os.write(ask, b"?")
                heard = bool(select.select([answer], [], [], seconds)[0])
                return _REFUSALS[os.read(answer, 1) if heard else _LATE]

            code = _guarded(lambda: go(refusal))
        finally:
            os._exit(code)
    os.close(answer)
    os.close(ask)
    with contextlib.suppress(BrokenPipeError):  # too late an answer
        try:
            said = b""
            if os.read(question, 1):
                _tell(
                    "The new rules are loaded, and not saved yet. Log in from another terminal to see that you can; "
                    f"then type yes within {seconds} s to keep them, or no to put back what was there before"
                )
                said = _typed(seconds, terminal, question)
        except KeyboardInterrupt:
            said = b"n"
        os.write(say, said)
    os.close(say)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0:
        raise FirewallError(f"was killed at its work (signal {-code}); run verify to see what is in force")
    return code


_LATE = b"t"
# What the answer is told by, and why it keeps nothing.
_REFUSALS = {b"y": "", b"n": "you answered no", _LATE: "not confirmed in time", b"": "nobody was there to confirm"}


def _typed(seconds: int, terminal: int, question: int) -> bytes:
    """Wait for a yes or a no. -> b"y", b"n", _LATE where none came in time, or nothing where the input ended or whoever
    asks has gone."""
    deadline, said = time.monotonic() + seconds, b""
    while (left := deadline - time.monotonic()) > 0:
        ready = select.select([terminal, question], [], [], left)[0]
        if question in ready:
            return b""
        if not ready:
            break
        try:
            heard = os.read(terminal, 1000)
        except OSError:
            heard = b""  # EIO: the terminal is gone
        if not heard:
            return b""
        *lines, said = (said + heard).split(b"\n")
        for line in lines:
            if (word := line.strip().lower()) in (b"y", b"yes", b"n", b"no"):
                return word[:1]
            _tell("type yes or no")
    return _LATE


def _terminal() -> int:
    """Where the answer comes from when the policy came from standard input."""
    try:
        return os.open("/dev/tty", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        reason = "--confirm has no terminal to hear your yes from while the policy comes from standard input"
        raise FirewallError(reason) from None

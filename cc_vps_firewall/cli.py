"""vps-firewall COMMAND -> results on standard output, messages for people on standard error, an exit code."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from . import backend, bundle, converge, kernel, policy, register, removal, saved, userdata
from .errors import FirewallError, PolicyRefused

EXAMPLES = """\
examples:
  vps-firewall check user-data.yaml           say what is wrong with a policy, if anything
  vps-firewall render user-data.yaml          show the rules that it becomes
  vps-firewall plan user-data.yaml            show what it would change here
  vps-firewall apply user-data.yaml --confirm 60
                                              put it in force, and take it back unless you say yes in time
  vps-firewall verify                         kernel = saved file = policy?
  vps-firewall status                         what is open to whom
  vps-firewall remove                         take every rule of ours out again

exit codes:
  0 done   1 unexpected   2 policy refused   3 no usable backend   4 refused by the tool (nothing changed)
  5 rolled back   6 drift
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. -> its exit code."""
    options = _parser().parse_args(arguments)
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
            "run it as root" if os.geteuid() else "is it immutable (lsattr, chattr -i), or a security policy at work?"
        )
        _tell(f"vps-firewall: {converge.reason(error)}; {hint}")
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as failure:
        _tell(f"vps-firewall: {converge.reason(failure)}")
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
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, call: Callable[[Any], int], about: str, example: str, file: bool = True) -> Any:
        sub = commands.add_parser(
            name, help=about, description=about, epilog=f"example:\n  {example}", formatter_class=layout
        )
        sub.set_defaults(call=call)
        if file:
            sub.add_argument("file", metavar="FILE", help="user-data with a vps_firewall: key, or - for standard input")
        return sub

    command("check", check, "say what is wrong with a policy, if anything", "vps-firewall check user-data.yaml")
    sub = command("render", render, "show the text that would be loaded", "vps-firewall render web.yaml --family 4")
    sub.add_argument("--backend", choices=backend.BACKENDS, help="default: the policy's, or this host's")
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
        choices=(*backend.BACKENDS, "auto"),
        default="",
        help="what it carries; auto is both. Default: the policy's, or nftables (oracle: iptables)",
    )
    for name, call, about in (
        ("install", install, "put the module into a system's cloud-init"),
        ("uninstall", uninstall, "take the module out of a system's cloud-init"),
    ):
        sub = command(name, call, about, f"vps-firewall {name} --root /mnt/image", file=False)
        sub.add_argument("--root", default="/", metavar="DIR", help="the system's root folder; default: this system")
        if name == "install":
            sub.add_argument("--sealed", action="store_true", help="closed from the first boot until user-data speaks")
            sub.add_argument("--default", metavar="FILE", help="with --sealed: the policy where user-data has none")
    return parser


# --- commands ---------------------------------------------------------------------------------------------


def check(options: Any) -> int:
    data = userdata.read(options.file)
    problems = userdata.unheard(data)
    try:
        converge.rendered(_section(data), backend.look())
    except PolicyRefused as refused:
        problems = [*refused.problems, *problems]
    if problems:
        raise PolicyRefused(problems)
    return 0


def render(options: Any) -> int:
    name, texts = converge.rendered(_section(userdata.read(options.file)), backend.look(), options.backend or "")
    if options.family and name == "nftables":
        raise FirewallError("--family is for iptables: nftables has one text for both families")
    if options.family:
        print(texts[int(options.family)], end="")
    elif len(texts) == 1:
        print(texts[0], end="")
    else:
        for family, text in texts.items():
            print(f"# ---- IPv{family} ----\n{text}", end="")
    return 0


def plan(options: Any) -> int:
    lines = converge.preview(_section(userdata.read(options.file)), backend.look())
    print("\n".join(lines) if lines else "nothing would change")
    return 0


def apply(options: Any) -> int:
    section, host = _section(userdata.read(options.file)), backend.look()

    def go(confirm: Callable[[], bool] | None) -> int:
        told = converge.converge(section, host, replace=options.replace, guard=_keeps_session, confirm=confirm)
        _settle()
        print(json.dumps(told, indent=1, sort_keys=True) if options.json else _said(told))
        return 0

    if not options.confirm:
        return go(None)
    return _with_confirmation(go, options.confirm, _terminal() if options.file == "-" else 0)


NOBODY = "iid-datasource-none"  # as in __init__.py: a boot in which cloud-init found no data source


def _settle() -> None:
    """This instance has what its owner wants: a user-data that the module has not read yet, or could not put in force,
    is no first boot's any more."""
    instance = (saved.read("/var/lib/cloud/data/instance-id") or "").strip()
    if instance and instance != NOBODY:
        with contextlib.suppress(OSError):  # the firewall stands all the same
            saved.save({saved.DONE: instance}, saved.Undo(), 0o644)


def verify(options: Any) -> int:
    differences, told = converge.check_drift(backend.look())
    if options.json:
        print(json.dumps({"equal": not differences, "differences": differences}, indent=1))
    elif differences:
        print("\n".join(differences))
    else:
        print(f"equal: kernel, saved file and policy ({told.get('backend')})")
    return 6 if differences else 0


def status(options: Any) -> int:
    told = saved.read_json(saved.STATUS)
    if options.json:
        print(json.dumps(told, indent=1, sort_keys=True))
        return 0
    print(_said(told) if told else "no policy was ever applied on this host")
    return 0


def remove(options: Any) -> int:
    removed = removal.remove(backend.look())
    _settle()
    print(
        "\n".join(
            (*removed.done, *removed.left)
            if removed.done
            else ("there is nothing of vps-firewall to remove", *removed.left)
        )
    )
    return 0


def carry(options: Any) -> int:
    data = userdata.read(options.file)
    provider = bundle.PROVIDERS.get(options.provider, bundle.ANY)
    form = options.format or provider.form
    made, parts = bundle.make(data, form, chosen=options.backend, default=provider.backend)
    if options.provider:
        _tell(bundle.fit(made, parts, options.provider, form))
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
    if options.root == "/" and saved.read_json(saved.POLICY):
        print("the rules stay in force; `vps-firewall remove` takes them out")
    return 0


# --- words ------------------------------------------------------------------------------------------------


def _said(told: converge.Status) -> str:
    seconds = sum(told.get("steps", {}).values())
    by = told.get("by", "?")
    lines = [f"{told.get('result', '?')} by {by} at {told.get('when', '?')} in {seconds:.2f} s"]
    if told.get("result") == "unfinished":
        lines[0] = f"unfinished: a run by {by}, begun at {told.get('when')}, did not come to its end; run verify"
    if told.get("in_force"):
        lines.append(f"in force: {told['in_force']}")
    lines += [f"problem: {problem}" for problem in told.get("problems", [])]
    if told.get("backend"):
        lines.append(f"{told['backend']}, saved in {', '.join(told.get('saved', []))}")
        lines.append(f"loaded at boot by {', '.join(told.get('services', []))}")
    for family, title in (("ipv4", "IPv4"), ("ipv6", "IPv6")):
        for line in told.get("open", {}).get(family, []):
            more = f", {line['limit']} each" if "limit" in line else ""
            more += f", on {line['interface']}" if "interface" in line else ""
            name = line.get("name") or line.get("policy", "")
            shown = name if name == line["ports"] else f"{name} ({line['ports']})"
            lines.append(f"{title}  {shown} from {line['from']}{more}")
    if told.get("backend"):
        lines.append("everything else is closed")
    lines += [f"note: {note}" for note in told.get("notes", [])]
    return "\n".join(lines)


def _tell(*lines: str) -> None:
    sys.stdout.flush()
    print("\n".join(lines), file=sys.stderr)


def _section(data: bytes) -> object:
    section = userdata.section(data)
    for note in userdata.notes(data, section):
        print(f"vps-firewall: {note}", file=sys.stderr)
    return section


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 3600):
        raise argparse.ArgumentTypeError("write 1 to 3600 seconds")
    return int(text)


# --- nobody is locked out ---------------------------------------------------------------------------------


def _keeps_session(wanted: policy.Policy) -> None:
    """Refuse a policy under which the SSH session we are run from could not be opened again."""
    session = _ssh_session()
    if session is None or not wanted.enabled:
        return
    client, zone, server, port = session
    if wanted.admits(client, "tcp", port):
        return
    interface = zone or kernel.route_interface(client, server)
    if not interface or not wanted.admits(client, "tcp", port, interface):
        over = f" over {interface}" if interface else ""
        raise FirewallError(
            f"this policy would cut off your own SSH session, from {client} to port {port}{over}; "
            f"let {client} in under ssh, or run this from the console"
        )


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


def _with_confirmation(go: Callable[[Callable[[], bool] | None], int], seconds: int, terminal: int) -> int:
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

            def confirmed() -> bool:
                with contextlib.suppress(BrokenPipeError):  # nobody is left to ask; that is a no
                    os.write(ask, b"?")
                return bool(select.select([answer], [], [], seconds)[0]) and os.read(answer, 1) == b"y"

            code = _guarded(lambda: go(confirmed))
        finally:
            os._exit(code)
    os.close(answer)
    os.close(ask)
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):  # a no, and too late a yes
        if os.read(question, 1):
            _tell(f"The rules are in force. Log in a second time to try; then type yes within {seconds} s to keep them")
            if _typed_yes(seconds, terminal, question):
                os.write(say, b"y")
    os.close(say)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0:
        raise FirewallError(f"was killed at its work (signal {-code}); run verify to see what is in force")
    return code


def _typed_yes(seconds: int, terminal: int, question: int) -> bool:
    """Did somebody say yes in time? The end of input is a no, and so is that of whoever asks the question."""
    deadline, said = time.monotonic() + seconds, b""
    while (left := deadline - time.monotonic()) > 0:
        ready = select.select([terminal, question], [], [], left)[0]
        if not ready or question in ready:
            return False
        try:
            heard = os.read(terminal, 1000)
        except OSError:
            heard = b""  # EIO: the terminal is gone
        if not heard:
            return False
        *lines, said = (said + heard).split(b"\n")
        if any(line.strip().lower() in (b"y", b"yes") for line in lines):
            return True
    return False


def _terminal() -> int:
    """Where the answer comes from when the policy came from standard input."""
    try:
        return os.open("/dev/tty", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        reason = "--confirm has no terminal to hear your yes from while the policy comes from standard input"
        raise FirewallError(reason) from None

"""vps-firewall COMMAND -> results on standard output, messages for people on standard error, an exit code."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import FirewallError, PolicyRefused, Problem

try:
    from .. import policy
    from ..apply import status as statuses
    from ..backends.registry import BACKENDS
    from ..bundle import bundle
    from ..host import facts, files, state
    from ..host.facts import Host
    from ..plan import choice, decide
    from ..policy import overlooked, userdata
    from ..root import HERE, Root
    from ..version import VERSION
    from . import answers, report
    from .messages import counted, guarded, is_root, listed, require_root, tell, warn
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
ANYWHERE = ("check", "render", "bundle", *answers.ANYWHERE, "completion")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. -> its exit code."""
    options = _parser().parse_args(arguments)
    if not LINUX and options.name not in ANYWHERE:
        tell(f"vps-firewall: {options.name} runs on Linux alone; {listed(ANYWHERE)} run here too")
        return 1
    if not LINUX and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(newline="\n")  # with Windows' own, nft reads no line of what render prints
    answer = answers.WITHOUT.get(options.name, {}) if getattr(options, "json", False) else None
    return guarded(lambda: int(options.call(options)), answer)


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="vps-firewall",
        description="A firewall from the vps_firewall: section of user-data: loaded, verified and saved.",
        epilog=EXAMPLES,
        formatter_class=layout,
    )
    parser.add_argument("--version", action="version", version=f"vps-firewall {VERSION}")
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
    sub = command("plan", plan, "show what would change on this host", "vps-firewall plan user-data.yaml")
    sub.add_argument("--cut", action="store_true", help="show the connections, too, that apply --cut would end")
    sub = command("apply", apply, "put a policy in force here", "vps-firewall apply user-data.yaml --confirm 60")
    sub.add_argument("--confirm", type=_seconds, metavar="SECONDS", help="take it back unless you say yes in time")
    sub.add_argument("--cut", action="store_true", help="end the connections that it does not let through")
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
    sub.add_argument("--verify", action="store_true", help="FILE is a bundle: say what made it, and whether it is that")
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
    example = 'eval "$(vps-firewall completion bash)"'
    sub = command("completion", complete, "print what a shell completes of this command", example, file=False)
    sub.add_argument("shell", metavar="SHELL", choices=("bash", "zsh", "fish"), help="bash, zsh or fish")
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
    warn(map(str, warnings))
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
    from ..apply import drift  # here, as in other commands: what asks a policy should answer at once
    from . import cut, listening

    section = _section(userdata.read(options.file))
    require_root("plan", "compares a policy with the kernel's rules")
    host = facts.inspect()
    wanted = decide.tested(decide.parse(section, host))
    made = decide.plan_of(wanted, section, host)
    warn([*made.warnings, *map(str, listening.warnings(wanted))])
    lines = [] if decide.is_off(section) else drift.preview(made, host)
    lines += cut.preview(wanted) if options.cut else []
    if lines:
        print(f"{counted(len(lines), 'change')}: + is added, - is taken out, ~ is rewritten")
        lines.append(f"nothing was changed; `vps-firewall apply {options.file}` does it")
    print("\n".join(lines) or "nothing would change")
    return 0


def apply(options: Any) -> int:
    from . import apply as applying
    from . import cut
    from .confirm import terminal, with_confirmation
    from .ssh_session import check_not_locked_out

    section, host = _section(userdata.read(options.file)), facts.inspect()

    def go(confirm: Callable[[], str] | None) -> int:
        ended: list[str] = []

        def check(wanted: policy.Policy) -> None:
            check_not_locked_out(wanted)
            cut.check_own_session(wanted, options.cut)

        def after(wanted: policy.Policy, done: statuses.Status) -> None:
            try:
                ended.extend(cut.end(wanted, BACKENDS[done["backend"]], options.cut))
            except FirewallError as failure:
                if options.cut:
                    raise
                tell(f"vps-firewall: what denied sources began earlier goes on: {failure}")

        done = applying.apply(section, host, replace=options.replace, check=check, confirm=confirm, after=after)
        _mark_instance()
        if options.json:
            print(json.dumps({**done, **({"ended": ended} if options.cut or ended else {})}, indent=1, sort_keys=True))
        else:
            print("\n".join([*report.lines(done, None, None), *ended]))
        return 0

    if not options.confirm:
        return go(None)
    return with_confirmation(go, options.confirm, terminal() if options.file == "-" else 0)


def _mark_instance() -> None:
    """This instance has what its owner wants: a user-data that the module has not read yet, or could not put in force,
    is no first boot's any more."""
    if instance := state.instance():
        with contextlib.suppress(OSError):  # the firewall stands all the same
            files.save({state.DONE: instance}, files.Undo(), 0o644)


def verify(options: Any) -> int:
    from . import verify as verification

    require_root("verify", "compares the kernel's rules with the policy")
    host, backend = facts.inspect(), str(files.read_json(state.POLICY).get("backend"))
    differences = verification.differences(host)
    lacking = verification.lacking(backend, host)
    differences += lacking
    if options.json:
        print(json.dumps({"equal": not differences, "differences": differences}, indent=1))
    elif differences:
        print(f"{counted(len(differences), 'difference')}: + is missing on this host, - is here and not in the policy")
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
    from . import listening

    told = statuses.read()
    host, root = facts.inspect(), is_root()
    if not told and os.path.exists(state.STATUS):
        require_root("status", "finds nothing here that every user may read")
    found = report.now(host) if root else report.NOT_ROOT
    wanted = report.saved_policy(host) if root else None
    heard = [str(warning) for warning in listening.warnings(wanted)] if wanted else []
    if options.json:
        more = {"settings": report.settings(wanted), "listening": heard} if wanted else {}
        print(json.dumps({**told, "now": found.as_json(), **more}, indent=1, sort_keys=True))
    elif told:
        print("\n".join([*report.lines(told, found, wanted), *(f"warning: {text}" for text in heard)]))
    else:
        print("\n".join(["no policy was ever applied on this host", *report.filters(found)]))
    return 0


def remove(options: Any) -> int:
    from . import removal

    require_root("remove", "changes the kernel's rules")
    removed = removal.remove(facts.inspect())
    _mark_instance()
    print("\n".join([*(removed.done or ["there is nothing of vps-firewall to remove"]), *removed.left]))
    return 0


def carry(options: Any) -> int:
    data = userdata.read(options.file)
    if options.verify:
        from ..bundle import verify as verification

        verdict = verification.verify(data)
        print("\n".join(verdict.lines))
        return 0 if verdict.same else 6
    provider = bundle.PROVIDERS.get(options.provider, bundle.ANY)
    form = options.format or provider.form
    if form == "gzip" and sys.stdout.isatty():
        raise FirewallError("a bundle as gzip is not written to a terminal; send it to a file: > bundle.gz")
    made, parts = bundle.make(data, form, chosen=options.backend, provider=provider)
    if options.provider:
        tell(bundle.fit(made, parts, options.provider, form))
    warn(map(str, overlooked.warnings(policy.parse(bundle.section(parts), read_list=userdata.read_list))))
    sys.stdout.buffer.write(made)
    return 0


def install(options: Any) -> int:
    from ..image import register

    default = _section(userdata.read(options.default)) if options.default else {}
    if options.default and not options.sealed:
        raise FirewallError("--default goes with --sealed")
    with files.at_work(options.root):
        done = register.install_sealed(options.root, default) if options.sealed else register.install(options.root)
    print("\n".join(done) or "already installed; nothing was changed")
    return 0


def complete(options: Any) -> int:
    from . import completion

    print(completion.text(options.shell, _parser()), end="")
    return 0


def uninstall(options: Any) -> int:
    from ..image import register

    with files.at_work(options.root):
        done = register.uninstall(options.root)
    print("\n".join(done) or "not installed; nothing was changed")
    if options.root == HERE and files.read_json(state.POLICY):
        print("the rules stay in force; `vps-firewall remove` takes them out")
    return 0


def _host() -> Host:
    """This host; one of which nothing is known on a system that none of our rules run on."""
    return facts.inspect() if LINUX else Host(ssh_ports=())


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

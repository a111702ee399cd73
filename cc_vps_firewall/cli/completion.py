"""The command's own parsers -> what bash, zsh and fish complete of it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence

from ..policy import services

NAME = "vps-firewall"
FILES, FOLDERS, SERVICES, NOTHING = "files", "folders", "services", ""
# What the word stands for that a usage line shows.
OPERANDS = {"FILE": FILES, "A": FILES, "B": FILES, "DIR": FOLDERS, "WHAT": SERVICES}

Parser = argparse.ArgumentParser
Action = argparse.Action


def text(shell: str, top: Parser) -> str:
    """A script for that shell to load."""
    return "\n".join([*SHELLS[shell](top), ""])


def _verbs(top: Parser) -> Mapping[str, Parser]:
    (found,) = (action for action in top._actions if isinstance(action, argparse._SubParsersAction))
    return found.choices


def _options(parser: Parser) -> list[Action]:
    return [action for action in parser._actions if action.option_strings]


def _operands(parser: Parser) -> list[Action]:
    return [a for a in parser._actions if not a.option_strings and not isinstance(a, argparse._SubParsersAction)]


def _names(actions: Sequence[Action]) -> list[str]:
    return [name for action in actions for name in action.option_strings]


def _kind(action: Action) -> str:
    """files, folders, services, nothing; or the words of which one is taken."""
    if action.choices:
        return " ".join(map(str, action.choices))
    return OPERANDS.get(str(action.metavar), NOTHING)


def _takes_a_value(action: Action) -> bool:
    return action.nargs != 0


def _about(action: Action) -> str:
    return str(action.help).partition("; default")[0]


# --- bash -------------------------------------------------------------------------------------------------


def _bash(top: Parser) -> Iterator[str]:
    verbs = _verbs(top)
    yield f"# bash completion of {NAME}; made by `{NAME} completion bash`."
    yield "_vps_firewall() {"
    yield "    local word verb= cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}"
    yield f"    local services='{' '.join(services.names())}'"
    yield '    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do'
    yield f"        case $word in {' | '.join(verbs)}) verb=$word && break ;; esac"
    yield "    done"
    yield "    COMPREPLY=()"
    yield "    case $verb:$before in"
    for verb, parser in verbs.items():
        for action in _options(parser):
            if _takes_a_value(action):
                patterns = " | ".join(f"{verb}:{name}" for name in action.option_strings)
                yield f"    {patterns}) {_bash_words(_kind(action))}; return ;;"
    yield "    esac"
    yield "    case $verb in"
    for verb, parser in verbs.items():
        # Where nothing is offered readline completes files: `complete -o default`.
        kinds = {_kind(action) for action in _operands(parser)}
        offered = " ".join(sorted(kinds - {FILES, FOLDERS, SERVICES}))
        words = _bash_words(SERVICES if SERVICES in kinds else offered if offered else FILES if kinds else NOTHING)
        options = " ".join(_names(_options(parser)))
        yield f"    {verb}) if [[ $cur == -* ]]; then {_bash_words(options)}; else {words}; fi ;;"
    every = " ".join([*verbs, *_names(_options(top))])
    yield f"    *) {_bash_words(every)} ;;"
    yield "    esac"
    yield "}"
    yield f"complete -o default -F _vps_firewall {NAME}"


def _bash_words(kind: str) -> str:
    if kind == FILES:
        return ":"
    if kind == FOLDERS:
        return "compopt -o dirnames +o default"
    if kind == NOTHING:
        return "compopt +o default"
    words = '"$services"' if kind == SERVICES else f"'{kind}'"
    return f'mapfile -t COMPREPLY < <(compgen -W {words} -- "$cur")'


# --- zsh --------------------------------------------------------------------------------------------------


def _zsh(top: Parser) -> Iterator[str]:
    verbs = _verbs(top)
    yield f"#compdef {NAME}"
    yield f"# zsh completion of {NAME}; made by `{NAME} completion zsh`."
    yield "_vps-firewall() {"
    yield "    local context state state_descr line"
    yield "    typeset -A opt_args"
    yield f"    local -a services=({' '.join(services.names())})"
    yield "    local -a commands=("
    for verb, parser in verbs.items():
        yield f"        {_quoted(f'{verb}:{parser.description}')}"
    yield "    )"
    options = " ".join(_quoted(f"{name}[{_zsh_text(_about(a))}]") for a in _options(top) for name in a.option_strings)
    yield f"    _arguments -C {options} '1:command:->command' '*::argument:->argument'"
    yield "    case $state in"
    yield "    command) _describe command commands ;;"
    yield "    argument)"
    yield "        case $line[1] in"
    for verb, parser in verbs.items():
        words = []
        for action in _options(parser):
            value = f":{action.metavar or action.dest}:{_zsh_kind(_kind(action))}" if _takes_a_value(action) else ""
            words += [f"{name}[{_zsh_text(_about(action))}]{value}" for name in action.option_strings]
        for number, action in enumerate(_operands(parser), 1):
            optional = ":" if action.nargs == "?" else ""
            kind = _kind(action)
            words.append(f"{number}:{optional}{action.metavar or action.dest}:{_zsh_kind(kind)}")
        yield f"        {verb}) _arguments {' '.join(map(_quoted, words))} ;;"
    yield "        esac"
    yield "        ;;"
    yield "    esac"
    yield "}"
    yield '_vps-firewall "$@"'


def _zsh_kind(kind: str) -> str:
    known = {FILES: "_files", FOLDERS: "_files -/", SERVICES: "{compadd -a services; _files}", NOTHING: " "}
    return known.get(kind, f"({kind})")


def _zsh_text(about: str) -> str:
    return about.replace("[", r"\[").replace("]", r"\]")


# --- fish -------------------------------------------------------------------------------------------------


def _fish(top: Parser) -> Iterator[str]:
    verbs = _verbs(top)
    yield f"# fish completion of {NAME}; made by `{NAME} completion fish`."
    yield f"complete -c {NAME} -f"
    for action in _options(top):
        yield _fish_option("__fish_use_subcommand", action)
    for verb, parser in verbs.items():
        yield f"complete -c {NAME} -n __fish_use_subcommand -a {verb} -d {_fish_quoted(str(parser.description))}"
    for verb, parser in verbs.items():
        there = _fish_quoted(f"__fish_seen_subcommand_from {verb}")
        for action in _options(parser):
            yield _fish_option(there, action)
        for kind in dict.fromkeys(_kind(action) for action in _operands(parser)):
            yield f"complete -c {NAME} -n {there} {_fish_kind(kind)}"


def _fish_option(there: str, action: Action) -> str:
    names = " ".join(f"-l {n[2:]}" if n.startswith("--") else f"-s {n[1:]}" for n in action.option_strings)
    takes = f" -r {_fish_kind(_kind(action))}" if _takes_a_value(action) else ""
    return f"complete -c {NAME} -n {there} {names}{takes} -d {_fish_quoted(_about(action))}"


def _fish_kind(kind: str) -> str:
    known = {FILES: "-F", FOLDERS: "-f -a '(__fish_complete_directories)'", NOTHING: "-f"}
    words = " ".join(services.names()) if kind == SERVICES else kind
    return known.get(kind) or f"-f -a '{words}'"


def _quoted(word: str) -> str:
    escaped = word.replace("'", "'\\''")
    return f"'{escaped}'"


def _fish_quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


SHELLS: Mapping[str, Callable[[Parser], Iterator[str]]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}

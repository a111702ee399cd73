"""A question of the page, as JSON -> its answer: the project's own parser, rules, algebra and bundler, in the browser.

It runs wherever Python does: tests/web asks it without a browser, too.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
import socket
import sys
from typing import Any

import grid
import yaml

if sys.platform == "emscripten":  # whose sockets know no IPv6; the engine takes addresses apart by them
    _theirs = socket.inet_pton, socket.inet_ntop

    def _inet_pton(family: int, text: str) -> bytes:
        if family == socket.AF_INET:
            return _theirs[0](family, text)
        try:
            return ipaddress.IPv6Address("%" if "%" in text else text).packed
        except ValueError:
            raise OSError("illegal IP address") from None

    def _inet_ntop(family: int, packed: bytes) -> str:
        if family == socket.AF_INET:
            return _theirs[1](family, packed)
        if packed[:12] in (b"\0" * 12, b"\0" * 10 + b"\xff\xff") and packed[12:14] != b"\0\0":  # as inet_ntop(3) has it
            return ("::ffff:" if packed[10] else "::") + _theirs[1](socket.AF_INET, packed[12:])
        return ipaddress.IPv6Address(packed).compressed

    socket.inet_pton, socket.inet_ntop = _inet_pton, _inet_ntop  # type: ignore[assignment]
    socket.if_nameindex = list

from cc_vps_firewall import policy
from cc_vps_firewall.algebra import explain as explaining
from cc_vps_firewall.algebra import who as reaching
from cc_vps_firewall.algebra.model import model
from cc_vps_firewall.algebra.words import sources_text
from cc_vps_firewall.bundle import bundle
from cc_vps_firewall.cli import answers as cli
from cc_vps_firewall.errors import FirewallError, PolicyRefused, Problem
from cc_vps_firewall.host.facts import Host
from cc_vps_firewall.plan import decide
from cc_vps_firewall.policy import keys, overlooked, services, userdata
from cc_vps_firewall.version import VERSION

LIMIT = 65_536  # what a policy that is typed may have; the command takes more
_PLACE = re.compile(r"line (\d+)(?:, column (\d+))?")


def answer(question: str) -> str:
    """{ask, ...} -> JSON; what is wrong with the question itself is under `error`."""
    said = json.loads(question)
    try:
        return json.dumps(QUESTIONS[said.pop("ask")](**said))
    except PolicyRefused as refused:
        return json.dumps({"error": "\n".join(map(str, refused.problems))})
    except (FirewallError, ValueError) as failure:
        return json.dumps({"error": str(failure)})


def words() -> dict[str, Any]:
    """What the editor completes, and what the form offers."""
    texts = {name: service.text for service in services.ENTRIES for name in (service.name, *service.aliases)}
    return {
        "version": VERSION,
        "keys": [{"label": key.name, "detail": key.title} for key in keys.POLICY],
        "entry": [{"label": key.name, "detail": key.title} for key in keys.ENTRY],
        "services": [{"label": name, "detail": texts.get(name, "a group")} for name in services.names()],
        "providers": {name: {"form": p.form, "limit": p.limit} for name, p in bundle.PROVIDERS.items()},
    }


def check(text: str) -> dict[str, Any]:
    """Problems and warnings, each at its line; who gets in, where there are no problems."""
    if len(text) > LIMIT:
        return {"problems": [_marked(None, Problem("user-data", f"is longer than {LIMIT:,} characters"), "error")]}
    tree = _tree(text)
    data = userdata.unpack(text.encode())
    found = userdata.unheard(data)
    try:
        wanted = _policy(data)
        warnings = (*overlooked.warnings(wanted), *decide.examined(decide.tested(wanted))[1])
    except PolicyRefused as refused:
        problems = [*refused.problems, *found]
        return {"problems": [_marked(tree, problem, "error") for problem in problems]}
    problems = [_marked(tree, problem, "error") for problem in found]
    problems += [_marked(tree, problem, "warning") for problem in warnings]
    reach = reaching.who(model(wanted), ())
    return {
        "problems": problems,
        "who": reaching.as_json(reach),
        "lines": reaching.lines(reach, ()),
        "grids": grid.grids(reach),
        "sources": [[sources_text(p.sources, family) for p in reach.parts if p.family == family] for family in (4, 6)],
    }


def rules(text: str, backend: str) -> dict[str, str]:
    """The text that a host would load."""
    texts = decide.texts(backend, _policy(userdata.unpack(text.encode())))
    names = {0: "nftables", 4: "iptables, IPv4", 6: "iptables, IPv6"}
    return {names[family]: rendered for family, rendered in texts.items()}


def explain(text: str, what: str, source: str = "", interface: str = "") -> dict[str, Any]:
    """Why a packet gets in, or not."""
    made = model(_policy(userdata.unpack(text.encode())))
    asked = cli.openings(what)
    address = cli._address("--from", source) if source else None
    packets = explaining.packets(made, asked, source=address, interface=interface)
    found = [explaining.explain(made, packet) for packet in packets]
    if not found:
        raise ValueError(f"{source} is of another family than {what}")
    return {"lines": explaining.lines(found), "verdict": explaining.as_json(found)["verdict"]}


def carry(text: str, provider: str) -> dict[str, Any]:
    """The bundle, in base64, and what there is to be said of it."""
    chosen = bundle.PROVIDERS[provider]
    made, parts = bundle.make(text.encode(), chosen.form, provider=chosen)
    told = bundle.fit(made, parts, provider, chosen.form)
    return {"form": chosen.form, "bytes": base64.b64encode(made).decode(), "told": told}


def add(text: str, key: str, item: str) -> dict[str, str]:
    """The text with one more item in a list of the policy, and everything else as it was typed."""
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError:
        raise ValueError("correct the YAML first") from None
    section = _child(root, "vps_firewall")
    if section is None:
        start = text if text.startswith("#cloud-config") else f"#cloud-config\n{text}"
        return {"text": f"{start.rstrip()}\nvps_firewall:\n  {key}: [{item}]\n"}
    held = _child(section, key)
    if isinstance(held, yaml.SequenceNode):
        if held.flow_style:
            comma = ", " if held.value else ""
            return _put(text, held.end_mark.index - 1, f"{comma}{item}")
        last = held.value[-1]
        return _put(text, len(text[: last.end_mark.index].rstrip()), f"\n{' ' * held.start_mark.column}- {item}")
    if held is not None:
        if isinstance(held, yaml.ScalarNode) and held.start_mark.index != held.end_mark.index:
            return {"text": f"{text[: held.start_mark.index]}[{held.value}, {item}]{text[held.end_mark.index :]}"}
        raise ValueError(f"{key} is no list; add it by hand")
    if not isinstance(section, yaml.MappingNode):
        return _put(
            text,
            section.end_mark.index,
            f"{{{key}: [{item}]}}" if text[section.end_mark.index - 1] == " " else f" {{{key}: [{item}]}}",
        )
    if section.flow_style:
        comma = ", " if section.value else ""
        return _put(text, section.end_mark.index - 1, f"{comma}{key}: [{item}]")
    indent = section.start_mark.column
    return _put(text, len(text[: section.end_mark.index].rstrip()), f"\n{' ' * indent}{key}: [{item}]")


QUESTIONS = {"words": words, "check": check, "rules": rules, "explain": explain, "carry": carry, "add": add}


def _put(text: str, at: int, more: str) -> dict[str, str]:
    return {"text": text[:at] + more + text[at:]}


def _policy(data: userdata.UserData) -> policy.Policy:
    return decide.parse(userdata.section(data), Host(ssh_ports=()))


def _tree(text: str) -> Any:
    try:
        return yaml.compose(text, yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return None


def _child(node: Any, key: str) -> Any:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _marked(tree: Any, problem: Problem, severity: str) -> dict[str, Any]:
    """With the place in the text: from where the value begins, or where the message says it is."""
    told = {"path": problem.path, "message": problem.message, "severity": severity}
    if place := _PLACE.search(str(problem)):
        line = int(place[1]) - 1
        return {**told, "line": line, "column": int(place[2] or 1) - 1}
    node, key = tree, None
    for name, number in re.findall(r"([^.\[\]]+)|\[(\d+)\]", problem.path):
        if number and isinstance(node, yaml.SequenceNode) and int(number) < len(node.value):
            key, node = None, node.value[int(number)]
        elif name and isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == name), None)
            if found is None:
                break
            key, node = found
        else:
            break
    mark = key or node
    if mark is None:
        return {**told, "line": 0, "column": 0}
    return {**told, "line": mark.start_mark.line, "column": mark.start_mark.column}

"""schema, service table, parsers, files' places -> pages below docs/reference/, and the page of `man`."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cc_vps_firewall.apply import copies
from cc_vps_firewall.cli import command as cli
from cc_vps_firewall.cli import completion
from cc_vps_firewall.host import files, state, sysctl
from cc_vps_firewall.host.distributions import OWN_UNIT
from cc_vps_firewall.policy import clouds, keys
from cc_vps_firewall.policy import services as service_names
from cc_vps_firewall.policy.service_table import GROUP_TABLE, SECTIONS, Service

from . import distributions, manual
from .pages import HOME, table

REFERENCE = HOME / "docs" / "reference"
SCHEMA = HOME / "schemas" / "vps-firewall.schema.json"
MANUAL = HOME / "packaging" / "vps-firewall.8"
COMPLETIONS = HOME / "packaging" / "completions"
MADE = "<!-- Made by `make generate`. Changes here are lost. -->\n\n"

Schema = Mapping[str, Any]


def made() -> Iterator[tuple[Path, str]]:
    """The pages that are made whole, and what they should hold."""
    texts = {"policy.md": policy(), "services.md": services(), "commands.md": commands(), "files.md": saved_files()}
    yield from ((REFERENCE / name, MADE + text) for name, text in texts.items())
    for shell in completion.SHELLS:
        yield COMPLETIONS / shell, completion.text(shell, cli._parser())
    yield MANUAL, manual.page(_parsers(cli._parser()), _usage)


# --- services ---------------------------------------------------------------------------------------------


def services() -> str:
    return "".join(
        (
            "# Services and groups\n\n",
            f"The {len(service_names.names())} names that `allow`, and `allow` under `outgoing`, take. A port without "
            "a name is written `8080/tcp` or `60000-61000/udp`.\n\n",
            "The ports are those of IANA's register as Debian ships it. Where they are not, the reason stands with the "
            "service. What is not for anywhere is [warned of](warnings.md) where it is open to it.\n\n## Groups\n\n",
            *table(
                ("name", "opens", ""),
                (
                    (f"`{group.name}`", ", ".join(f"`{m}`" for m in group.members), _said(group.text, group.not_iana))
                    for group in GROUP_TABLE
                ),
            ),
            *(part for heading, section in SECTIONS.items() for part in _services(heading, section)),
        )
    )


def _services(heading: str, section: Iterable[Service]) -> Iterator[str]:
    yield f"\n## {heading}\n\n"
    yield from table(
        ("name", "opens", ""),
        (
            (", ".join(f"`{n}`" for n in (each.name, *each.aliases)), ", ".join(each.openings), _about(each))
            for each in section
        ),
    )


def _about(service: Service) -> str:
    kind = f". Not for anywhere: {service.internal}" if service.internal else ""
    return _said(service.text, service.not_iana) + kind


def _said(description: str, reason: str) -> str:
    return f"{description}. Not as IANA: {reason}" if reason else description


# --- commands ---------------------------------------------------------------------------------------------


def commands() -> str:
    """From the parsers themselves; argparse lays its help out in another way in each version of Python."""
    top = cli._parser()
    out = [
        "# Commands\n\n",
        "`vps-firewall` and `python3 -m cc_vps_firewall` are the same. Results are on standard output, messages on "
        "standard error. What the codes mean: [exit codes](exit-codes.md).\n\n",
        "FILE is user-data with a `vps_firewall:` key: `#cloud-config`, or a multi-part message, an archive or a gzip "
        "file that holds one. `-` is standard input.\n\n",
        f"`{'`, `'.join(cli.ANYWHERE[:-1])}` and `{cli.ANYWHERE[-1]}` run wherever Python 3.9 and PyYAML are, also on "
        "macOS and Windows. The others run on Linux alone, and say so elsewhere.\n\n",
        f"```text\n{str(top.epilog).partition('exit codes:')[0].strip()}\n```\n",
    ]
    for name, parser in _parsers(top).items():
        rows = [(f"`{_usage(a)}`", str(a.help)) for a in parser._actions if a.dest != "help"]
        example = str(parser.epilog).partition("\n")[2].strip()
        out.append(f"\n## {name}\n\n{str(parser.description)[:1].upper()}{str(parser.description)[1:]}")
        out.append("\n\n" if str(parser.description)[-1] in "?." else ".\n\n")
        out += [*table(("", ""), rows), "\n"] if rows else []
        out.append(f"```sh\n{example}\n```\n")
    return "".join(out)


def _parsers(top: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            return action.choices
    raise LookupError("the command has no commands")


def _usage(action: argparse.Action) -> str:
    """--confirm SECONDS, --backend nftables|iptables, --json, FILE"""
    value = str(action.metavar) if action.metavar else "|".join(map(str, action.choices or ()))
    return " ".join([*action.option_strings[-1:], *([value] if value else [])])


# --- files ------------------------------------------------------------------------------------------------


def saved_files() -> str:
    every = [*distributions.every()]
    flushing = sorted({unit for _, _, place in every if place.at_stop for unit in place.units})
    includers = [*dict.fromkeys(f"`{place.include_in}`" for _, _, place in every if place.include_in)]
    loader = next(f"`{place.units[0]}`" for _, _, place in every if place.fallback)
    rows = []
    for distribution, name, place in every:
        saved_to = [f"`{path}`" for path in place.files.values()]
        if place.fallback:
            saved_to.append(f"beside each a `{place.fallback}`")
        if place.include_in:
            saved_to.append(f"included from `{place.include_in}`")
        loaders = ", ".join(f"`{u}`" for u in place.units)
        if place.if_enabled:
            loaders = f"`{OWN_UNIT}`, or {loaders} where its owner has enabled it"
            saved_to[-1] += " in the latter case"
        rows.append((distribution.title, name, ", ".join(saved_to), loaders, f"`{place.package}`"))
    own = [
        (f"`{state.STATUS}`", "0600", "how the last run ended: [the status](status.md)"),
        (f"`{state.PUBLIC}`", "0644", "the same for every user: nothing of who may connect"),
        (f"`{state.POLICY}`", "0600", "the policy that was applied last"),
        (
            f"`{state.DONE}`",
            "0644",
            "the instance whose user-data was put in force, or refused: later boots leave it at that",
        ),
        (
            f"`{state.TOOLS}`",
            "0644",
            "the instance on which a package could not be installed: it is not tried again there",
        ),
        (f"`{state.SERVICES}`", "0600", "which services were enabled and disabled, for `vps-firewall remove`"),
        (f"`{files.LOCK}`", "0600", "held while a run is at work"),
        (f"`{sysctl.RECORD}`", "0600", "what the kernel's settings for forwarding were before a policy changed them"),
        (f"`{sysctl.FILE}`", "0644", "has the next boot forward, for the families that `publish` and `route` use"),
        (
            f"`{sysctl.NETWORKD}/FILE.network.d/{sysctl.DROPIN}`",
            "0644",
            "has systemd-networkd go on listening to router advertisements on an uplink of a host that forwards",
        ),
        (f"`/etc/systemd/system/{OWN_UNIT}`", "0644", "our unit, where no service of the distribution fits"),
        (
            "`/etc/systemd/system/SERVICE.d/vps-firewall.conf`",
            "0644",
            "has the service that loads the rules come before cloud-init's first stage, and keeps "
            f"{', '.join(f'`{unit}`' for unit in flushing)} from flushing them when they stop",
        ),
    ]
    return "".join(
        (
            "# Files\n\n## What the next boot loads\n\n",
            *table(("host", "backend", "saved to", "loaded by", "package"), rows),
            "\nThe rules are saved with mode 0600, owned by root. A file that belongs to the distribution and includes "
            "ours keeps its mode. Where the services of a line are not all installed, the file is the same and "
            f"`{OWN_UNIT}` loads it. Where {' or '.join(includers)} does not exist, it is made.\n\n",
            f"A `.fallback` is what {loader} loads when it cannot load the file. It says nothing that takes an "
            "extension of the kernel (no port, no reply, no REJECT), and so loads where the file itself cannot: on "
            "EL 10, whose kernel has them in `kernel-modules-extra`, a package that nothing installs. It lets in TCP "
            "from the sources of `ssh.from`, less those of `deny`, and from the cloud's metadata service, which "
            "cloud-init has to ask; over IPv6 also ICMPv6. Where SSH is open to anywhere it lets nobody in. The module "
            "loads something better in the network stage: "
            "[decision 0021](../decisions/0021-what-an-images-kernel-can-load.md).\n\n",
            "Each file is written to a temporary one beside it, synced, renamed, and the folder is synced. The SELinux "
            "label is restored where SELinux is on; a label that cannot be set is a note in the status.\n\n",
            "## What stood there before\n\n"
            f"A file that is not ours is copied to `FILE{copies.ENDING}`, mode 0600, before ours takes its "
            "place, and a note in the status says so. A copy is never written over: one more `~` each time. A file of "
            "the distribution's that only includes ours gains one line.\n\n"
            "The files that iptables' services load may hold more than rules of ours, and the next boot goes on "
            "loading it, at every policy that comes: the tables `nat`, `raw` and `security` as they are, in `mangle` "
            "and `filter` what an apply leaves in the kernel too "
            "([decision 0022](../decisions/0022-bans-and-tables-of-others-stay.md)). "
            "What names a set of ipset's is left out, because the set is not there when the file is loaded; so is the "
            "whole of a file that does not load. A note says each. `vps-firewall remove` leaves what is not ours.\n\n"
            "## What else is written\n\n",
            *table(("file", "mode", ""), own),
            "\n`vps-firewall install` writes the package, the command, and a list of modules for cloud-init. It prints "
            "every path, and `vps-firewall uninstall` takes them away.\n\n",
            "## What is read\n\n",
            *table(
                ("file", "why"),
                (
                    ("`/etc/os-release`", "which distribution this is"),
                    (
                        "`/etc/ssh/sshd_config`, `/etc/ssh/sshd_config.d/*.conf`, what they include, `ssh.socket`",
                        "where sshd listens, for a policy that does not say",
                    ),
                    ("`/etc/systemd/system/*.wants/`", "which services start at boot"),
                    ("`/proc/net/route`, `/proc/net/ipv6_route`", "which interfaces are uplinks"),
                    ("`/run/cloud-init/cloud-id`, `/run/cloud-init/instance-data.json`", "which provider this is"),
                    ("`/etc/ufw/ufw.conf`", "whether ufw is on"),
                    (
                        "`/lib/modules/*/modules.dep`, `modules.alias`, `modules.builtin`, `modules.builtin.modinfo`",
                        "what a kernel can load: by `install --sealed`, `cloud-init clean` and `verify`",
                    ),
                    (f"`{state.INSTANCE_ID}`", "which instance this is"),
                    ("files that `lists` names", "[lists in files](../how-to/lists-in-files.md)"),
                ),
            ),
        )
    )


# --- the policy -------------------------------------------------------------------------------------------


def policy() -> str:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return "".join(_Page(schema).lines())


_RATE = (
    "`NUMBER/PERIOD`: 1 to 10000 per `second`, `minute`, `hour` or `day`. As many at once are let through before "
    "the rate counts.\n"
)


class _Page:
    """The keys of the schema, a section for each, and a section for each key inside it."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def lines(self) -> Iterator[str]:
        top = self.resolved(self.schema["properties"]["vps_firewall"])
        yield f"# The policy\n\n{top['description']}\n\n"
        rows = (
            (f"[`{name}`](#{name})", f"`{_yaml(key['default'])}`", key["title"])
            for name, key in top["properties"].items()
        )
        yield from table(("key", "default", ""), rows)
        yield (
            "\nA list with one entry may be written without brackets. Unknown keys, wrong types and duplicate "
            "keys are refused.\n"
        )
        for name, found in top["properties"].items():
            yield from self.key(name, found, "##")
            if name == "metadata":
                yield from _metadata_services()
        for name, kind in keys.KINDS.items():
            if kind.heading:
                yield from self.value(name, kind.heading)

    def key(self, path: str, found: Schema, level: str) -> Iterator[str]:
        schema = self.resolved(found)
        yield f"\n{level} {path}\n\n{schema['title']}. {schema['description']}\n\n- Type: {self.kind(found)}\n"
        if "default" in schema:
            yield f"- Default: `{_yaml(schema['default'])}`\n"
        if examples := schema.get("examples"):
            yield "- Examples: " + ", ".join(f"`{_yaml(e)}`" for e in examples) + "\n"
        for inner, mapping in self.mappings(schema, path):
            for name, below in mapping["properties"].items():
                yield from self.key(f"{inner}.{name}", below, "###")

    def value(self, name: str, title: str) -> Iterator[str]:
        schema = self.schema["definitions"][name]
        yield f"\n## {title}\n\n"
        yield _RATE if name == "limit" else f"{schema['description']}\n"
        if examples := schema.get("examples"):
            yield "\n- Examples: " + ", ".join(f"`{_yaml(e)}`" for e in examples) + "\n"

    def mappings(self, schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
        """The mappings that a key's value may be, or hold: (path, schema)."""
        schema = self.resolved(schema)
        if all("title" in self.resolved(below) for below in schema.get("properties", {}).values()):
            if schema.get("properties"):
                yield path, schema
            else:
                for choice in schema.get("anyOf", ()):
                    yield from self.mappings(choice, path)
        if "items" in schema:
            yield from self.mappings(schema["items"], f"{path}[]")
        if isinstance(schema.get("additionalProperties"), Mapping):
            yield from self.mappings(schema["additionalProperties"], f"{path}.NAME")

    def kind(self, schema: Schema) -> str:
        """A type in words."""
        names = [_reference(part) for part in (schema, *schema.get("allOf", ())) if _reference(part) in keys.KINDS]
        if names:
            return keys.KINDS[names[0]].words
        schema = self.resolved(schema)
        if "enum" in schema:
            return " or ".join(f"`{_yaml(v)}`" for v in schema["enum"])
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if kinds == ["object", "boolean"]:
            return "a mapping, or `false`"
        if kinds == ["string", "object"]:
            return (
                "`guard` or `ignore`, or a mapping" if "bridges" in schema["properties"] else "`accept`, or a mapping"
            )
        if "array" in kinds:  # or its one entry
            return f"a list of {self.kind(schema['items'])}"
        if kinds == ["integer"]:
            return f"numbers, {schema['minimum']} to {schema['maximum']}"
        return {"boolean": "`true` or `false`", "string": "text", "object": "a mapping"}[kinds[0]]

    def resolved(self, schema: Schema) -> Schema:
        """Follow `$ref`, alone or under `allOf`; what stands beside it counts first."""
        merged = {k: v for k, v in schema.items() if k not in ("$ref", "allOf")}
        for part in (schema, *schema.get("allOf", ())):
            if name := _reference(part):
                merged = {**self.resolved(self.schema["definitions"][name]), **merged}
        return merged


def _reference(schema: Schema) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _metadata_services() -> Iterator[str]:
    yield (
        "\nGuarded are the addresses of the provider that the host is on, as cloud-init calls it (`cloud-id`); where "
        "that is unknown, or not in this table, those of all of them. TCP 53 and UDP 53, 67 and 123 are everybody's: "
        "names, leases and time come from these addresses on some clouds. Those for containers exist for programs that "
        "are not root, and are guarded where `metadata: root` is written out.\n\n"
    )
    rows = (
        (f"`{name}`", *(", ".join(f"`{address}`" for address in table.get(name, ())) for table in _TABLES))
        for name in clouds.SERVICES
    )
    yield from table(("cloud", "metadata services", "for containers"), rows)


_TABLES = (clouds.SERVICES, clouds.FOR_CONTAINERS)


# --- words ------------------------------------------------------------------------------------------------


def _yaml(value: Any) -> str:
    """A value as one would write it in a line of YAML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_yaml(v)}" for key, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    if isinstance(value, str) and not re.fullmatch(r"[A-Za-z0-9_./-]+", value):
        return json.dumps(value)
    return str(value)

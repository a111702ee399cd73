"""the texts of a backend + the kernels of a system -> what each of those cannot load, for want of a module."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..root import Root
from ..rules import nftables
from . import files
from .tools import find_tool

FOLDERS = ("lib/modules", "usr/lib/modules")

# What a kernel asks modprobe for, and the modules that are the answer or were in an older one: any of them will do
# where a kernel has no file of aliases.
Need = tuple[str, ...]

# What words of a text need. Seen with a kernel.modprobe that wrote down what it was asked for, while each text was
# loaded into a kernel that had no module yet, Linux 6.1 and 6.12; what nf_tables has in itself is not here.
# docs/decisions/0021-what-an-images-kernel-can-load.md tells how.
LOGGERS: Mapping[int, Need] = {
    4: ("nf-logger-2-0", "nf_log_syslog", "nf_log_ipv4"),  # the latter up to Linux 5.12
    6: ("nf-logger-10-0", "nf_log_syslog", "nf_log_ipv6"),
}
NFTABLES: Mapping[str, tuple[Need, ...]] = {
    "table": (("nfnetlink-subsys-10", "nf_tables"),),
    "ct": (("nft-expr-ct", "nft_ct"), ("nf_conntrack",)),
    "limit": (("nft-expr-limit", "nft_limit"),),
    "log": (("nft-expr-log", "nft_log"), *LOGGERS.values()),
    "reject": (("nft-expr-1-reject", "nft_reject_inet"),),
    "nat": (("nft-chain-1-nat", "nft_chain_nat"), ("nft-expr-nat", "nft_nat")),
    "fib": (("nft-expr-1-fib", "nft_fib_inet"),),
    "masquerade": (("nft-expr-masq", "nft_masq"),),
}
# iptables asks for a match or a target by its family and its own name, and so does nft_compat for iptables-nft. Most
# have one module for both families, which is called xt_ and that name; of these it is not so.
IPTABLES: Mapping[str, tuple[str, ...]] = {
    "DNAT": ("xt_nat",),
    "REJECT": (),
    "ah": (),
    "icmp": ("xt_tcpudp", "ip_tables"),  # the latter up to Linux 6.3
    "icmp6": ("xt_tcpudp", "ip6_tables"),
    "tcp": ("xt_tcpudp",),
    "udp": ("xt_tcpudp",),
}
NFT, LEGACY = "nft", "legacy"  # the two kinds of iptables


@dataclass(frozen=True)
class Kernel:
    """One folder of modules: the modules in it, those that are built in, and what any of them answers to."""

    version: str
    loadable: frozenset[str]
    builtin: frozenset[str]
    aliases: frozenset[str]

    def can(self, need: Need) -> bool:
        """Has it a module for that?"""
        asked, *modules = map(_same, need)
        there = self.aliases | self.loadable | self.builtin
        old = () if self.aliases else self.loadable
        return asked in there or any(module in self.builtin or module in old for module in modules)


def lacking(root: Root, name: str, all_texts: Sequence[Mapping[int, str]], skip: str = "") -> dict[str, list[str]]:
    """Version of each kernel in the system at `root`, but for `skip`, that cannot load one of these texts -> the
    modules that it lacks. A kernel of which nothing is known is not among them: see `unknown`."""
    kernels = [one for one in _kernels(root) if one.loadable and one.version != skip]
    needed = [_needed(name, variant, all_texts) for variant in _variants(root, name)] if kernels else []
    found = {}
    for one in kernels:
        missing = min(([need for need in needs if not one.can(need)] for needs in needed), key=len)
        if missing:
            found[one.version] = list(dict.fromkeys((need[1:] or need)[0] for need in missing))
    return found


def unknown(root: Root) -> str:
    """Why it cannot be said of every kernel in the system at `root` what it can load; '' where it can."""
    found = _kernels(root)
    if not found:
        return f"there is no kernel in /{FOLDERS[0]}"
    return "; ".join(
        f"/{FOLDERS[0]}/{one.version}/modules.dep names none of its modules" for one in found if not one.loadable
    )


def summary(missing: Mapping[str, Sequence[str]]) -> str:
    """What `lacking` found, in words."""
    return "; ".join(f"kernel {version} lacks {', '.join(modules)}" for version, modules in missing.items())


# --- what a text needs ------------------------------------------------------------------------------------


def _variants(root: Root, name: str) -> tuple[str, ...]:
    """Which iptables this system has, by the program that its links lead to; both where that does not say."""
    if name == nftables.NAME:
        return ("",)
    path = find_tool(root, "iptables-restore")
    program = os.path.basename(os.path.realpath(root / path))
    if "nft" in program:
        return (NFT,)
    return (LEGACY,) if "legacy" in program else (NFT, LEGACY)


def _needed(name: str, variant: str, all_texts: Sequence[Mapping[int, str]]) -> list[Need]:
    needs: list[Need] = []
    for texts in all_texts:
        for family, text in texts.items():
            bare = re.sub(r'#.*|"[^"\n]*"', "", text)  # what a user wrote
            needs += _of_nftables(bare) if name == nftables.NAME else _of_iptables(bare, family, variant)
    return list(dict.fromkeys(needs))


def _of_nftables(text: str) -> list[Need]:
    words = set(re.findall(r"[a-z]+", text))
    return [need for word, needs in NFTABLES.items() if word in words for need in needs]


def _of_iptables(text: str, family: int, variant: str) -> list[Need]:
    ip = "ip" if family == 4 else "ip6"
    chains = set(re.findall(r"(?m)^:(\S+)", text))
    extensions = set(re.findall(r" -m (\S+)", text))
    extensions |= set(re.findall(r" -j (\S+)", text)) - chains - {"ACCEPT", "DROP", "RETURN"}
    needs: list[Need] = [NFTABLES["table"][0]]
    if variant == LEGACY:
        needs = [(f"{ip}_tables",), *((f"{ip}table_{table}",) for table in re.findall(r"(?m)^\*(\w+)", text))]
    elif extensions:
        needs.append(("nfnetlink-subsys-11", "nft_compat"))
        needs += (
            NFTABLES["limit"] if "limit" in extensions else ()
        )  # the one match that iptables-nft says in nft's words
    if variant == NFT and "*nat\n" in text:
        needs.append((f"nft-chain-{2 if family == 4 else 10}-nat", "nft_chain_nat"))
    needs += [(f"{ip}t_{one}", *IPTABLES.get(one, (f"xt_{one}",))) for one in sorted(extensions)]
    needs += [("nf_conntrack",)] if "conntrack" in extensions else []
    needs += [LOGGERS[family]] if "LOG" in extensions else []
    return needs


# --- what a kernel has ------------------------------------------------------------------------------------


def _kernels(root: Root) -> list[Kernel]:
    for folder in FOLDERS:
        try:
            versions = sorted(os.listdir(root / folder))
        except OSError:
            continue
        paths = {version: f"{folder}/{version}" for version in versions}
        return [_kernel(root, v, path) for v, path in paths.items() if os.path.isdir(root / path)]
    return []


def _kernel(root: Root, version: str, path: str) -> Kernel:
    """From the files that depmod(8) and the kernel's own build make; what cannot be read is not there."""
    loadable, builtin, aliases, of_builtin = (
        _read(root, f"{path}/modules.{name}") for name in ("dep", "builtin", "alias", "builtin.modinfo")
    )
    # Where there is none of its own, the kernel is gone, and somebody else's driver (DKMS) has outlived it.
    known = re.search(r"(?m)^(?!updates/|extra/|weak-updates/|/)[^:\n]+\.ko(?:\.\w+)?:", loadable)
    names = re.findall(r"(?m)^(?:[^:\n]*/)?([\w-]+)\.ko(?:\.\w+)?:", loadable) if known else []
    modules = frozenset(map(_same, names))
    answers = [name for name, module in re.findall(r"(?m)^alias (\S+) (\S+)$", aliases) if _same(module) in modules]
    answers += re.findall(r"(?:^|\0)[\w-]+\.alias=([^\0]+)", of_builtin)
    inside = frozenset(map(_same, re.findall(r"(?m)^(?:\S*/)?([\w-]+)\.ko$", builtin)))
    return Kernel(version, modules, inside, frozenset(map(_same, answers)))


def _read(root: Root, path: str) -> str:
    try:
        return files.read(root / path) or ""
    except OSError:
        return ""


def _same(name: str) -> str:
    """A hyphen and an underscore are one in a module's name (modprobe(8))."""
    return name.replace("-", "_")

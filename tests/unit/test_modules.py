"""A folder of kernel modules, as depmod leaves it -> which of our texts that kernel can load."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from cc_vps_firewall import policy
from cc_vps_firewall.host import modules
from cc_vps_firewall.plan import decide
from cc_vps_firewall.root import Root
from cc_vps_firewall.rules import fallback
from tests.casefiles import load_all

from .systems import kernel_in, put

VERSION = "6.12.0-100.el10.x86_64"
EXTENSIONS = r"xt_\w+|nft_compat|ip6?t_\w+"
EL10 = rf"{EXTENSIONS}|ip6?_tables|ip6?table_\w+"  # what its kernel-modules-extra holds, which nothing installs
TEXTS: Mapping[str, list[Mapping[int, str]]] = {
    name: [decide.texts(name, case.policy()) for case in load_all()] for name in ("nftables", "iptables")
}


def texts(name: str, section: object) -> list[Mapping[int, str]]:
    return [decide.texts(name, policy.parse(section, read_list=lambda path: ""))]


@pytest.fixture(params=["nft", "legacy", "unknown"])
def tools(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A system whose iptables is one of the two, and one where nobody can tell."""
    put(tmp_path, "usr/sbin/nft", "", 0o755)
    program = {"unknown": "iptables-restore"}.get(request.param, f"xtables-{request.param}-multi")
    put(tmp_path, f"usr/lib/{program}", "", 0o755)
    (tmp_path / "etc/alternatives").mkdir(parents=True)
    for tool in ("iptables-restore", "iptables-save", "ip6tables-restore", "ip6tables-save"):
        (tmp_path / "usr/sbin" / tool).symlink_to(f"/etc/alternatives/{tool}")
        (tmp_path / "etc/alternatives" / tool).symlink_to(f"/usr/lib/{program}")
    put(tmp_path, "usr/bin/flock", "", 0o755)
    return tmp_path


@pytest.mark.parametrize("ending", ["", ".gz", ".xz", ".zst"])
@pytest.mark.parametrize("name", TEXTS)
def test_a_whole_kernel_loads_every_text(tools: Path, name: str, ending: str) -> None:
    kernel_in(tools, VERSION, ending=ending)
    assert modules.lacking(Root(str(tools)), name, TEXTS[name]) == {}
    assert modules.unknown(Root(str(tools))) == ""


def test_a_kernel_without_extensions_loads_nftables_alone(tools: Path) -> None:
    """EL 10's, since its packages were split."""
    kernel_in(tools, VERSION, without=EL10)
    assert modules.lacking(Root(str(tools)), "nftables", TEXTS["nftables"]) == {}
    lacks = modules.lacking(Root(str(tools)), "iptables", TEXTS["iptables"])
    assert list(lacks) == [VERSION]
    assert {"xt_conntrack", "xt_comment", "xt_tcpudp", "ipt_REJECT", "ip6t_REJECT"} <= set(lacks[VERSION])
    assert "xt_VPSFW-INCOMING" not in lacks[VERSION]


@pytest.mark.parametrize("ssh", [{"from": ["203.0.113.7", "2001:db8::7"]}, {}, False])
def test_a_kernel_without_extensions_loads_a_fallback(tools: Path, ssh: object) -> None:
    kernel_in(tools, VERSION, without=EXTENSIONS)
    section = {"ssh": ssh, "deny": ["203.0.113.7/32"]}
    wanted = policy.parse(section if ssh else {"ssh": ssh, "allow": ["http"]}, read_list=lambda path: "")
    assert modules.lacking(Root(str(tools)), "iptables", [fallback.texts(wanted)]) == {}
    assert modules.lacking(Root(str(tools)), "iptables", [decide.texts("iptables", wanted)]) != {}


NEEDED = {
    "nftables": ("nf_tables", "nft_ct", "nf_conntrack", "nft_limit", "nft_log", "nf_log_syslog", "nft_reject_inet"),
    "iptables-nft": ("nf_tables", "nft_compat", "nft_limit"),
    "iptables-legacy": (
        "ip_tables", "ip6_tables", "iptable_filter", "ip6table_filter", "iptable_mangle", "ip6table_mangle"
    ),
    "iptables": (
        "xt_LOG", "nf_log_syslog", "xt_comment", "xt_connlabel", "xt_conntrack", "nf_conntrack", "xt_hashlimit",
        "xt_hl", "xt_limit", "xt_multiport", "xt_owner", "xt_tcpudp", "ipt_REJECT", "ip6t_REJECT",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "gone"), [(kind, gone) for kind, those in NEEDED.items() for gone in those])
def test_one_module_that_is_missing_is_named(tmp_path: Path, kind: str, gone: str) -> None:
    """The policy of a machine with nothing but SSH needs each of these: seen on Linux 6.1 and 6.12."""
    for variant in ("nft", "legacy") if kind == "iptables" else (kind.partition("-")[2] or "nft",):
        root = tmp_path / variant
        put(root, "usr/sbin/nft", "", 0o755)
        put(root, "usr/bin/flock", "", 0o755)
        put(root, f"usr/sbin/xtables-{variant}-multi", "", 0o755)
        for tool in ("iptables-restore", "iptables-save", "ip6tables-restore", "ip6tables-save"):
            (root / "usr/sbin" / tool).symlink_to(f"xtables-{variant}-multi")
        kernel_in(root, VERSION, without=gone)
        name = kind.partition("-")[0]
        assert modules.lacking(Root(str(root)), name, texts(name, {})) == {VERSION: [gone]}


def test_what_a_text_does_not_need_may_be_missing(tmp_path: Path) -> None:
    put(tmp_path, "usr/sbin/nft", "", 0o755)
    kernel_in(tmp_path, VERSION, without="nft_log|nf_log_syslog|nft_reject_inet")
    section = {"log": False, "metadata": "all", "flood": "ignore"}
    assert modules.lacking(Root(str(tmp_path)), "nftables", texts("nftables", section)) == {}


def test_what_a_user_wrote_is_no_need(tools: Path) -> None:
    kernel_in(tools, VERSION)
    said = "a -m set -j TARPIT synproxy # reject"
    section = {"allow": [{"service": "http", "comment": said}], "log": False, "metadata": "all"}
    for name in TEXTS:
        assert said in str([dict(each) for each in texts(name, section)])
        assert modules.lacking(Root(str(tools)), name, texts(name, section)) == {}


KNOWN = """
accept add addr comment daddr delete dnat dport drop elements established flags forward goto hook hoplimit icmp icmpv6
iif iifname inet input interval invalid ip ip6 ipv4 ipv6 jump l4proto lo meta new nfproto nft oif oifname original
output policy priority proto dst related return saddr set chain size skuid sport status state table tcp timeout type udp
update vmap filter vps firewall dynamic fin syn rst psh ack urg service over burst with packets rate prefix reset second
minute hour day essential malformed incoming published forwarded outgoing long networks4 networks6 ports
untracked direction denied metadata bridges to prerouting postrouting dstnat srcnat local publish
route routed option maxseg mtu rt containers
dnat_ports notrack raw syns floods label assured judge judged limited
"""


def test_every_word_of_nftables_is_known_to_need_a_module_or_none() -> None:
    """A new one: which module is it in? Look in a kernel, then put it into modules.NFTABLES or here."""
    words: set[str] = set()
    for (text,) in (held.values() for held in TEXTS["nftables"]):
        bare = re.sub(r'#.*|"[^"\n]*"|[0-9a-f.]*:[0-9a-f:./]*|_\w+', " ", text)
        words |= set(re.findall(r"\b[a-z][a-z0-9]+", bare))
    assert words - set(KNOWN.split()) - set(modules.NFTABLES) - {"x0"} == set()


# --- what a kernel has ------------------------------------------------------------------------------------


def test_names_are_enough_where_there_are_no_aliases(tools: Path) -> None:
    kernel_in(tools, VERSION, aliases=False)
    for name in TEXTS:
        assert modules.lacking(Root(str(tools)), name, TEXTS[name]) == {}
    kernel_in(tools, VERSION, aliases=False, without="xt_conntrack|nft_ct")
    assert modules.lacking(Root(str(tools)), "nftables", TEXTS["nftables"]) == {VERSION: ["nft_ct"]}
    assert modules.lacking(Root(str(tools)), "iptables", TEXTS["iptables"]) == {VERSION: ["xt_conntrack"]}


@pytest.mark.parametrize("told", [True, False], ids=["with their aliases", "before Linux 5.2"])
def test_what_is_built_in_is_there(tools: Path, told: bool) -> None:
    """Or all of it but one module: a kernel with none is one of which nothing is known."""
    kernel_in(tools, VERSION, builtin=r"(?!nfnetlink)\w+", told=told)
    for name in TEXTS:
        assert modules.lacking(Root(str(tools)), name, TEXTS[name]) == {}
    assert modules.unknown(Root(str(tools))) == ""


def test_an_icmp_match_is_in_another_module_than_it_was(tools: Path) -> None:
    """Up to Linux 6.3 it was in ip_tables; only the aliases tell."""
    kernel_in(tools, VERSION)
    aliases = tools / "lib/modules" / VERSION / "modules.alias"
    aliases.write_text(re.sub(r"(?m)^alias ipt_icmp .*\n", "", aliases.read_text()))
    assert modules.lacking(Root(str(tools)), "iptables", texts("iptables", {})) == {VERSION: ["xt_tcpudp"]}


@pytest.mark.parametrize("target", ["usr/lib", "/usr/lib"])
def test_lib_may_be_a_link(tmp_path: Path, target: str) -> None:
    put(tmp_path, "usr/sbin/nft", "", 0o755)
    kernel_in(tmp_path, VERSION, without="nft_ct")
    (tmp_path / "lib").rename(tmp_path / "usr/lib")
    (tmp_path / "lib").symlink_to(target)
    assert modules.lacking(Root(str(tmp_path)), "nftables", texts("nftables", {})) == {VERSION: ["nft_ct"]}


def test_every_kernel_counts(tmp_path: Path) -> None:
    put(tmp_path, "usr/sbin/nft", "", 0o755)
    for version, without in (("6.12.0-9", ""), ("6.12.0-10", "nft_ct"), ("6.12.0-11", "nft_log")):
        kernel_in(tmp_path, version, without=without)
    lacks = modules.lacking(Root(str(tmp_path)), "nftables", texts("nftables", {}))
    assert lacks == {"6.12.0-10": ["nft_ct"], "6.12.0-11": ["nft_log"]}
    assert modules.summary(lacks) == "kernel 6.12.0-10 lacks nft_ct; kernel 6.12.0-11 lacks nft_log"
    assert modules.lacking(Root(str(tmp_path)), "nftables", texts("nftables", {}), skip="6.12.0-10").keys() == {
        "6.12.0-11"
    }


def test_modules_of_another_package_count(tmp_path: Path) -> None:
    """EL's kernel-modules-extra puts its own into a folder called extra."""
    put(tmp_path, "usr/sbin/nft", "", 0o755)
    kernel_in(tmp_path, VERSION, without="nft_ct")
    dep = tmp_path / "lib/modules" / VERSION / "modules.dep"
    aliases = tmp_path / "lib/modules" / VERSION / "modules.alias"
    dep.write_text(dep.read_text() + "extra/net/netfilter/nft_ct.ko.xz:\n")
    aliases.write_text(aliases.read_text() + "alias nft-expr-ct nft_ct\n")
    assert modules.lacking(Root(str(tmp_path)), "nftables", texts("nftables", {})) == {}


# --- bad input --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "held",
    [
        None,
        b"",
        b"garbage\n",
        b"\0\xff\xfe\n\n:::\n.ko:\n",
        b"kernel/net/netfilter/nf_tables",
        b"updates/dkms/nvidia.ko.xz:\nextra/zfs.ko:\n",  # what DKMS has left of a kernel that is gone
    ],
)
def test_a_modules_dep_that_says_nothing(tmp_path: Path, held: bytes | None) -> None:
    """A kernel still to be installed, or a folder that one has left behind: nothing is known, and that is said."""
    put(tmp_path, "usr/sbin/nft", "", 0o755)
    kernel_in(tmp_path, "6.12.0-9")
    folder = tmp_path / "lib/modules" / VERSION
    folder.mkdir()
    if held is not None:
        (folder / "modules.dep").write_bytes(held)
    assert modules.lacking(Root(str(tmp_path)), "nftables", texts("nftables", {})) == {}
    assert modules.unknown(Root(str(tmp_path))) == f"/lib/modules/{VERSION}/modules.dep names none of its modules"


def test_a_modules_dep_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "lib/modules" / VERSION / "modules.dep").mkdir(parents=True)
    assert modules.unknown(Root(str(tmp_path))) == f"/lib/modules/{VERSION}/modules.dep names none of its modules"


def test_a_modules_dep_cut_short(tmp_path: Path) -> None:
    put(tmp_path, "usr/sbin/nft", "", 0o755)
    kernel_in(tmp_path, VERSION)
    dep = tmp_path / "lib/modules" / VERSION / "modules.dep"
    dep.write_text(dep.read_text()[: dep.read_text().index("nft_ct.ko")])
    assert "nft_ct" in modules.lacking(Root(str(tmp_path)), "nftables", texts("nftables", {}))[VERSION]


def test_no_kernel_at_all(tmp_path: Path) -> None:
    """A container's image, or one whose kernel is still to be installed."""
    assert modules.unknown(Root(str(tmp_path))) == "there is no kernel in /lib/modules"
    (tmp_path / "lib/modules").mkdir(parents=True)
    put(tmp_path, "lib/modules/README", "")
    assert modules.unknown(Root(str(tmp_path))) == "there is no kernel in /lib/modules"
    assert modules.lacking(Root(str(tmp_path)), "nftables", texts("nftables", {})) == {}


def test_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "lib").symlink_to("lib")
    assert modules.unknown(Root(str(tmp_path))) == "there is no kernel in /lib/modules"

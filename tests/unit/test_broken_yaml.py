"""User-data that YAML does not read: `check` answers as it does elsewhere, whichever parser PyYAML has."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
import yaml

from cc_vps_firewall import policy
from cc_vps_firewall.cli import command as cli
from cc_vps_firewall.errors import PolicyRefused
from cc_vps_firewall.policy import document, userdata

HEAD = "#cloud-config\nvps_firewall:\n"
LOADERS = {"libyaml": yaml.CSafeLoader, "PyYAML's own": yaml.SafeLoader}

BROKEN = {
    "a bracket that is not closed": f"{HEAD}  allow: [http\n",
    "a bracket that is not closed, elsewhere": f"{HEAD}  allow: [http]\npackages: [git\n",
    "a mapping and a list": f"{HEAD}  allow: [http]\n- git\n",
    "a tab": f"{HEAD}\tallow: [http]\n",
    "an indentation": f"{HEAD}    allow: [http]\n  deny: []\n",
    "no colon": f"{HEAD}  allow: [http]\n  deny\n",
    "no space after a dash": f"{HEAD}  allow:\n  -http\n  -https\n",
    "two colons": f"{HEAD}  allow: http: https\n",
    "a list on the line of its key": f"{HEAD}  allow: - http\n",
    "a quotation mark": f'{HEAD}  allow: ["http]\n',
    "a text after a quotation mark": f"{HEAD}  log: 'it's'\n",
    "an escape": f'{HEAD}  allow: ["\\d"]\n',
    "an @": f"{HEAD}  allow: [@office]\n",
    "a star": f"{HEAD}  allow: [*]\n",
    "an alias of nothing": f"{HEAD}  allow: *web\n",
    "an anchor twice": f"{HEAD}  allow: [&a http, &a https]\n",
    "an anchor twice, elsewhere": f"{HEAD}  allow: []\nx: [&a 1, &a 2]\n",
    "a tag of Python's": f"{HEAD}  allow: !!python/object/apply:os.system [reboot]\n",
    "a tag of nobody": f"{HEAD}  allow: !vault x\n",
    "a tag that is not declared": f"{HEAD}  allow: [!e!web x]\n",
    "a tag that does not fit": f"{HEAD}  allow: !!int http\n",
    "a tag of a collection": f"{HEAD}  allow: !!map http\n",
    "a date that there is not": f"{HEAD}  deny: [2026-02-30]\n",
    "a list as a key": f"{HEAD}  [a]: b\n",
    "a merge of a word": f"{HEAD}  <<: a\n",
    "a second document": f"{HEAD}  allow: []\n---\nx: y\n",
    "a control character": f"{HEAD}  allow: [\x07]\n",
    "a control character, elsewhere": f"{HEAD}  allow: []\nx: \x00\n",
    "a bracket too many": f"{HEAD}  ssh: {{}}}}\n",
    "an address that begins with colons": f"{HEAD}  ssh: {{from: [::1]}}\n",
    "an address that ends in colons": f"{HEAD}  ssh:\n    from: 2001:db8::\n",
    "a long number": f"{HEAD}  deny: [{'9' * 5000}]\n",
    "a long number to the base of sixty": f"{HEAD}  deny: [1{':59' * 5000}]\n",
    "JSON with a comma too many": '#cloud-config\n{"vps_firewall": {"allow": ["http",,]}}\n',
    "JSON that ends": '#cloud-config\n{"vps_firewall": {"allow": ["http"]}\n',
}
# What only a programmer of PyYAML understands.
INTERNAL = re.compile(
    r"Error|Traceback|yaml\.org|<.*string>|while \w+ing|constructor|could not|unhashable|None\b|token"
)


@pytest.fixture(params=LOADERS)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "Loader", LOADERS[request.param])


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("command", ["check", "render", "bundle"])
def test_is_refused_with_its_place(command: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "user-data"
    path.write_text(BROKEN[name])
    assert cli.main([command, str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    first = err.splitlines()[0]
    assert re.match(r"user-data: line \d+, column \d+: \S", first), err
    assert not INTERNAL.search(err), err


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("deny:\n  - 2001:db8::", "quote it: '2001:db8::'"),
        ("deny:\n  - 2001:db8::  # the office", "quote it: '2001:db8::'"),
        ("deny:\n  - ::", "quote it: '::'"),
        ("ssh: {from: [::1]}", "quote it: '::1'"),
        ("ssh: {from: [203.0.113.7, ::/0]}", "quote it: '::/0'"),
        ("ssh: {from: [2001:db8::]}", "quote it: '2001:db8::'"),
        ("ssh: {from: 2001:db8::}", "quote it: '2001:db8::'"),
        ("ssh:\n    from: 2001:db8::", "quote it: '2001:db8::'"),
        ("deny: [1:2:3:4:5:6:7:8]", "quote it: '1:2:3:4:5:6:7:8'"),
        ("allow: [20:22]", "quote it: '20:22'; a range of ports is written 20-22/tcp"),
        ("allow: [{port: 20:22}]", "quote it: '20:22'; a range of ports is written 20-22/tcp"),
        ("ssh: {port: 20:22}", "quote it: '20:22'; a range of ports is written 20-22/tcp"),
        ("ssh: {port: [22, 20:22]}", "quote it: '20:22'; a range of ports is written 20-22/tcp"),
    ],
)
def test_colons_that_yaml_takes_for_its_own_are_told_with_what_to_write(
    written: str, hint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "user-data"
    path.write_text(f"{HEAD}  {written}\n")
    assert cli.main(["check", str(path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(hint), line


def test_with_quotes_they_are_addresses(tmp_path: Path) -> None:
    path = tmp_path / "user-data"
    path.write_text(f"{HEAD}  deny: ['2001:db8::', '2001:db8:1::/48', '64:ff9b:1:2:3:4:5:6']\n")
    assert cli.main(["check", str(path)]) == 0


# --- what costs too much, without a process of its own --------------------------------------------------------

FEW = 10  # seconds of processor time: many times what it takes


def test_a_long_list_that_cloud_init_joined_with_another_is_compared_at_once() -> None:
    """Item by item it took the square of its length, at the first boot of a healthy policy."""
    nets = [f"10.{n >> 8 & 255}.{n & 255}.{n >> 16}" for n in range(90_000)]
    data = "#cloud-config\nvps_firewall: {deny: [" + ",".join(nets) + "]}\n"
    began = time.process_time()
    assert userdata.lost(data.encode(), {"deny": [*nets[::-1], "203.0.113.7"]}, taken=True) == []
    assert userdata.lost(data.encode(), {"deny": nets[1:]}, taken=True) != []
    entries = [{"port": f"{n}/tcp", "from": nets[:2]} for n in range(1, 15_000)]
    text = "#cloud-config\nvps_firewall: {allow: [" + ",".join(map(str, entries)) + "]}\n"
    turned = [dict(reversed(entry.items())) for entry in entries[::-1]]
    assert userdata.lost(text.encode(), {"allow": [*turned, "http"]}, taken=True) == []
    assert time.process_time() - began < FEW


@pytest.mark.parametrize(
    "section",
    [
        {"deny": ["a" * 1_000_000] * 100_000},
        {"lists": {"a": [["a" * 1_000_000] * 1_000] * 1_000}},
        {"allow": [{"comment": "a" * 100_000, "service": "http"}] * 20_000},
    ],
)
def test_a_long_text_in_many_places_is_weighed_before_it_is_read(section: object) -> None:
    """As cloud-init's own merge hands it over: one text, of a megabyte, a hundred thousand times."""
    began = time.process_time()
    with pytest.raises(PolicyRefused, match="holds more than 200,000 values"):
        policy.parse(section, read_list=lambda path: "")
    assert time.process_time() - began < FEW


def test_equal_ports_are_put_together_at_once() -> None:
    from cc_vps_firewall.rules import ruleset

    found = policy.parse({"allow": ["8080/tcp"] * 20_000}, read_list=lambda path: "")
    began = time.process_time()
    rules = ruleset.build(found)
    assert time.process_time() - began < FEW
    (port,) = {p for chain in rules.chains for r in chain.rules for p in r.ports if p.first == 8080}
    assert port.label.startswith("allow[0] 8080/tcp, allow[10000] 8080/tcp, ")
    assert port.label.count(", ") == 19_999


def test_a_section_is_cut_out_of_json_as_it_stands() -> None:
    text = '#cloud-config\n{"a": 1, "vps_firewall": {"ping": false}, # ours\n "b": [1, 2]}\n'
    assert document.cut("user-data", text) == ('#cloud-config\n{"a": 1, ', '"b": [1, 2]}\n')
    last = '#cloud-config\n{"a": [1], "vps_firewall": {}}\n'
    assert document.cut("user-data", last) == ('#cloud-config\n{"a": [1]', "}\n")
    with pytest.raises(PolicyRefused, match="cannot be cut out of it; put it into a part of its own"):
        document.cut("user-data", "#cloud-config\nvps_firewall: {deny: &office [203.0.113.7]}\nmine: *office\n")

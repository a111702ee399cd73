"""Examples are whole: accepted without a warning, small enough for their provider, and HCL that a parser reads.

No provider was asked: what Terraform itself says of them is not known here.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import hcl2
import pytest

from cc_vps_firewall.bundle import bundle
from cc_vps_firewall.cli import command as cli
from tests.casefiles import HOME as CASES
from tests.suites import REPOSITORY

EXAMPLES = REPOSITORY / "examples"
MACHINES = sorted((EXAMPLES / "cloud-init").glob("*.yaml"))
STACKS = sorted((EXAMPLES / "terraform").glob("*/main.tf"))


def name(path: Path) -> str:
    return path.stem if path.suffix == ".yaml" else path.parent.name


@pytest.mark.parametrize("path", MACHINES, ids=name)
def test_a_machine_is_accepted_without_a_warning(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--strict", str(path)]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("path", MACHINES, ids=name)
def test_a_machine_is_a_case_whose_packets_are_sent(path: Path) -> None:
    assert (CASES / f"example-{path.stem}" / "user-data.yaml").resolve() == path


@pytest.mark.parametrize("path", MACHINES, ids=name)
@pytest.mark.parametrize("provider", ["ec2", "digitalocean", "hetzner", "openstack"])
def test_a_bundle_of_it_fits(path: Path, provider: str) -> None:
    chosen = bundle.PROVIDERS[provider]
    made, parts = bundle.make(path.read_bytes(), chosen.form, provider=chosen)
    assert "%" in bundle.fit(made, parts, provider, chosen.form)


@pytest.mark.parametrize("path", STACKS, ids=name)
def test_a_stack_is_hcl_and_takes_the_bundle_that_its_first_line_makes(path: Path) -> None:
    text = path.read_text()
    said: Any = hcl2.loads(text)
    first = re.match(r"# vps-firewall (bundle .*) > bundle\n", text)
    assert first is not None
    options = cli._parser().parse_args(first[1].split())
    assert (path.parent / options.file).resolve() in MACHINES
    taken = re.findall(r'\bfile\("\$\{path\.module\}/bundle"\)', text)
    assert len(taken) == 1
    # What Terraform reads as text has to be text.
    form = options.format or bundle.PROVIDERS[options.provider].form
    assert form != "gzip"
    assert ("user_data_base64" in text) == (form == "base64")
    assert "resource" in json.loads(json.dumps(said))


def test_a_parser_reads_them(tmp_path: Path) -> None:
    """One that takes everything proves nothing."""
    with pytest.raises(Exception, match=r"(?i)unexpected|expected"):
        hcl2.loads(STACKS[0].read_text().replace("= {", "= = {", 1))
    assert {name(path) for path in STACKS} == {"aws", "digitalocean", "hetzner", "openstack"}

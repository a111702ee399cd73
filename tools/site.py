"""docs/ and the builder -> a site in dist/site that any web server can serve, or a browser open from a folder.

    python3 -m tools.site [--out DIR]

Pages are staged as they lie in the repository, so that their links mean what they mean there; a link that leads nowhere
fails the build. What the site shows and runs is in it: fonts, the search's index, Pyodide, and this project's own code.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cc_vps_firewall.version import VERSION

from . import builder, pages
from .pages import HOME

OUT = HOME / "dist" / "site"
FONTS = {
    "inter.woff2": "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
    "jetbrains-mono.woff2": "@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2",
}
# What pages lead to that is no page.
FILES = ("LICENSE", "schemas/**/*.json", "docs/**/*.svg", "examples/**/*.yaml", "examples/**/*.tf")


class SiteFailed(Exception):
    """What Sphinx has against it."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tools.site", description="Make the site.")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="default: dist/site")
    options = parser.parse_args(arguments)
    try:
        build(HOME, options.out)
    except SiteFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    print(options.out / "index.html")
    return 0


def build(source: Path, out: Path, modules: Path = HOME / "site" / "node_modules") -> None:
    """The site of a checkout, in the place of what was there. Raises SiteFailed."""
    with tempfile.TemporaryDirectory(prefix="vps-firewall-site-") as scratch:
        staged, made = Path(scratch, "source"), Path(scratch, "made")
        _stage(source, staged)
        for name, font in FONTS.items():
            shutil.copy(modules / font, staged / "_static" / name)
        command = [
            "-m",
            "sphinx",
            "-q",
            "-W",
            "--keep-going",
            "-b",
            "html",
            "-d",
            f"{scratch}/trees",
            str(staged),
            str(made),
        ]
        environment = {**os.environ, "VPS_FIREWALL_VERSION": VERSION, "LC_ALL": "C.UTF-8"}
        done = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True)
        if done.returncode:
            raise SiteFailed(f"the site was not made:\n{done.stderr.replace(f'{staged}/', '')}")
        builder.build(source, made / "builder", modules)
        for left in (".buildinfo", "objects.inv"):
            (made / left).unlink(missing_ok=True)
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(made, out)


def _stage(source: Path, target: Path) -> None:
    """Pages, and what they lead to."""
    shutil.copytree(
        source / "site", target, ignore=shutil.ignore_patterns("node_modules", "builder", "*.json", "*.mjs")
    )
    listed = [page.relative_to(HOME) for page in pages.pages()]
    listed += [Path("tests/README.md"), Path("tests/cases/README.md")]
    listed += [path.relative_to(source) for pattern in FILES for path in source.glob(pattern)]
    for name in listed:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / name, target / name)


if __name__ == "__main__":
    sys.exit(main())

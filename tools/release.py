"""A commit -> dist/release/: everything that a release has, built twice and compared.

    python3 -m tools.release               of the commit that is checked out: `make release`
    python3 -m tools.release --tag v0.2.0  refused unless that is the version: what a tag starts

Wheels and source archives, RPMs, the .deb, the site, the digests of what bundles carry, a bill of materials in
CycloneDX's form, and SHA256SUMS over all of them. The two builds are of the same commit, in folders of other names and
lengths; a file that is not the same in both is named, and nothing is left in dist/release. Dates are the commit's.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cc_vps_firewall.bundle import bundle
from cc_vps_firewall.engines import stub
from cc_vps_firewall.version import VERSION

from . import promise, sbom, site
from .pages import HOME

OUT = HOME / "dist" / "release"
SUMS = "SHA256SUMS"
ENGINES = f"vps-firewall-{VERSION}-engines.json"
SITE = f"vps-firewall-{VERSION}-site.tar.gz"
BILL = f"vps-firewall-{VERSION}.cdx.json"


class NotReleased(Exception):
    """Why there is no release, in words for who wanted one."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tools.release", description="Build a release twice, and compare.")
    parser.add_argument("--tag", help="refused unless it names this version")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="default: dist/release")
    options = parser.parse_args(arguments)
    try:
        if reasons := [*_unready(options.tag)]:
            raise NotReleased("\n".join(reasons))
        for path in release(options.out):
            print(path)
    except NotReleased as failure:
        print(f"no release: {failure}", file=sys.stderr)
        return 1
    return 0


def _unready(tag: str | None) -> Iterator[str]:
    if tag and tag != f"v{VERSION}":
        yield f"the tag is {tag}, and the version {VERSION}"
    if _git("status", "--porcelain"):
        yield "there are changes that are not committed"
    if f"\n## {VERSION}\n" not in (HOME / "CHANGELOG.md").read_text(encoding="utf-8"):
        yield f"CHANGELOG.md says nothing of {VERSION}"
    if not promise.path().exists() or promise.path().read_text(encoding="utf-8") != promise.text():
        yield "what this version accepts is not written down; run `python3 -m tools.promise`"


def release(out: Path, commit: str = "HEAD") -> list[Path]:
    """Build twice, compare, check, and put into `out`. Raises NotReleased."""
    date = int(_git("log", "-1", "--format=%ct", commit))
    os.umask(0o022)  # of files in a wheel the mode is kept
    with tempfile.TemporaryDirectory(prefix="vps-firewall-release-") as scratch:
        built = [Path(scratch, name) for name in ("once", "and-once-more")]
        for folder in built:
            _source(commit, folder / "source")
            _build(folder / "source", folder / "made", date)
        if differing := differences(*(folder / "made" for folder in built)):
            raise NotReleased("two builds of one commit differ in " + ", ".join(differing))
        _check(built[0] / "made")
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(built[0] / "made", out)
    return sorted(out.iterdir())


def _source(commit: str, target: Path) -> None:
    """The files of a commit, with the modes that git gives them."""
    target.mkdir(parents=True)
    archive = subprocess.run(["git", "-C", str(HOME), "archive", commit], check=True, stdout=subprocess.PIPE)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        for member in tar:
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            tar.extract(member, target)


def _build(source: Path, out: Path, date: int) -> None:
    out.mkdir()
    environment = {
        **os.environ,
        "SOURCE_DATE_EPOCH": str(date),
        "PYTHONHASHSEED": "0",
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
    }
    for project in (source, source / "fleet"):
        _run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(project)], environment)
    for archive in out.glob("*.tar.gz"):  # source archives, which setuptools dates by its own clock
        archive.write_bytes(steady(archive.read_bytes(), date))
    for kind in ("rpm", "deb"):
        command = [sys.executable, str(source / "packaging/build.py"), kind, "--source", str(source), "--out", str(out)]
        _run(command, environment)
    with tempfile.TemporaryDirectory(prefix="vps-firewall-site-") as scratch:
        os.environ["SOURCE_DATE_EPOCH"] = str(date)
        site.build(source, Path(scratch, "site"))
        (out / SITE).write_bytes(packed(Path(scratch, "site"), SITE.removesuffix(".tar.gz"), date))
    (out / ENGINES).write_text(json.dumps(engines(), indent=1) + "\n", encoding="utf-8")
    (out / BILL).write_text(sbom.text(sorted(out.iterdir()), date), encoding="utf-8")
    lines = [f"{_digest(path.read_bytes())}  {path.name}\n" for path in sorted(out.iterdir())]
    (out / SUMS).write_text("".join(lines), encoding="utf-8")


def engines() -> Mapping[str, object]:
    """What bundles of this version carry, by digest: for who has one and asks where it comes from."""
    texts = {**bundle.ENGINES, "stub": stub.TEXT}
    return {"version": VERSION, "sha256": {name: _digest(text.encode()) for name, text in sorted(texts.items())}}


def steady(archive: bytes, date: int) -> bytes:
    """A tar.gz with the same files, and nothing of who made it, when and in which order."""
    held = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive)) as before,
        tarfile.open(fileobj=held, mode="w", format=tarfile.PAX_FORMAT) as after,
    ):
        for member in sorted(before.getmembers(), key=lambda member: member.name):
            kept = tarfile.TarInfo(member.name)
            kept.type, kept.size, kept.mtime, kept.linkname = member.type, member.size, date, member.linkname
            kept.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            after.addfile(kept, before.extractfile(member) if member.isfile() else None)
    return gzip.compress(held.getvalue(), 9, mtime=0)


def packed(folder: Path, name: str, date: int) -> bytes:
    """A folder as tar.gz, below that name."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        tar.add(folder, name)
    return steady(gzip.compress(held.getvalue(), 1), date)


def differences(first: Path, second: Path) -> list[str]:
    """Names of files that are not the same in two folders."""
    digests = [{path.name: _digest(path.read_bytes()) for path in folder.iterdir()} for folder in (first, second)]
    return sorted(name for name in {*digests[0], *digests[1]} if digests[0].get(name) != digests[1].get(name))


def _check(made: Path) -> None:
    wheels = [str(path) for path in sorted(made.glob("*.whl"))]
    archives = [str(path) for path in sorted(made.glob("*.tar.gz")) if "-site" not in path.name]
    _run([sys.executable, "-m", "twine", "check", "--strict", *wheels, *archives], os.environ)
    # W009: the fleet's wheel has a package and a module, for its pytest plugin is imported by that name.
    _run([sys.executable, "-m", "check_wheel_contents", "--ignore", "W009", *wheels], os.environ)


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-25:])
        raise NotReleased(f"{' '.join(command)}: exit {done.returncode}\n{tail}")


def _git(*words: str) -> str:
    command = ["git", "-C", str(HOME), *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    sys.exit(main())

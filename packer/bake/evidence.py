#!/usr/bin/python3
"""a finished build's folder -> the same with SHA256SUMS and provenance.json, under the name of a finished image.

evidence.py images/NAME.partial images/NAME

The last thing that a build does, and the only one that gives the folder its name: whatever was interrupted before it
left a folder that ends in `.partial`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SUMS, PROVENANCE, MANIFEST, FACTS = "SHA256SUMS", "provenance.json", "manifest.json", "facts.json"


class NoEvidence(Exception):
    """Something that belongs beside an image is not there."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="evidence.py", description="Give a finished build its papers and its name.")
    parser.add_argument("partial", type=Path)
    parser.add_argument("final", type=Path)
    options = parser.parse_args()
    try:
        finish(options.partial, options.final, os.environ)
    except (NoEvidence, OSError, ValueError) as failure:
        print(f"evidence: {failure}", file=sys.stderr)
        return 1
    print(f"{options.final}: {', '.join(sorted(path.name for path in options.final.iterdir()))}")
    return 0


def finish(partial: Path, final: Path, said: Mapping[str, str]) -> None:
    if final.exists():
        raise NoEvidence(f"{final} is there already; the new image is in {partial}")
    facts_file, manifest_file = partial / FACTS, partial / MANIFEST
    for path in (facts_file, manifest_file):
        if not path.is_file():
            raise NoEvidence(f"{path} is not there: this build did not come to its end")
    facts = json.loads(facts_file.read_text())
    manifest = json.loads(manifest_file.read_text())
    built = manifest["builds"][-1]
    folder = partial / "image"
    if folder.is_dir():
        for image in sorted(folder.iterdir()):
            image.rename(partial / image.name)
        folder.rmdir()
    images = sorted(path for path in partial.iterdir() if path.suffix == ".qcow2")
    if built["builder_type"] == "qemu" and len(images) != 1:
        raise NoEvidence(f"{partial} holds {len(images)} images, not one")
    _put(partial / PROVENANCE, json.dumps(provenance(facts, built, images, said), indent=1, sort_keys=True) + "\n")
    facts_file.unlink()
    names = sorted(path.name for path in partial.iterdir() if path.name != SUMS)
    _put(partial / SUMS, "".join(f"{digest(partial / name)}  {name}\n" for name in names))
    partial.rename(final)
    _sync(final.parent)


def provenance(
    facts: Mapping[str, object], built: Mapping[str, object], images: list[Path], said: Mapping[str, str]
) -> dict[str, object]:
    package = said.get("IMAGE_PACKAGE_FILE", "")
    policy = said.get("IMAGE_DEFAULT_POLICY", "")
    return {
        "release": said.get("IMAGE_RELEASE", ""),
        "built_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "builder": built["builder_type"],
        "artifact": built["artifact_id"],
        "image": {path.name: {"sha256": digest(path), "bytes": path.stat().st_size} for path in images},
        # A cloud finds its base image by the name that the var-file gives; the file is qemu's alone.
        "base_image": {"from": said.get("IMAGE_BASE", ""), "checksum": said.get("IMAGE_BASE_CHECKSUM", "")}
        if built["builder_type"] == "qemu"
        else {"from": said.get("IMAGE_RELEASE", "")},
        "source": {"commit": _git("rev-parse", "HEAD"), "changed_since": bool(_git("status", "--porcelain"))},
        "packer": _first_line("packer", "version"),
        "package_file": {"name": os.path.basename(package), "sha256": digest(Path(package))} if package else {},
        "default_policy": {
            "sha256": facts.get("default_policy_sha256", ""),
            "text": Path(policy).read_text() if policy else "vps_firewall: {}\n",
        },
        "inside": facts,
    }


def digest(path: Path) -> str:
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            whole.update(block)
    return whole.hexdigest()


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    _sync(path)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _git(*words: str) -> str:
    return _said(["git", "-C", str(REPOSITORY), *words]).strip()


def _first_line(*command: str) -> str:
    return _said(list(command)).partition("\n")[0]


def _said(command: list[str]) -> str:
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    except FileNotFoundError:
        return ""


if __name__ == "__main__":
    sys.exit(main())

"""The files of a release -> its bill of materials, in CycloneDX's form: what it is made of, and what it needs."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from cc_vps_firewall.version import VERSION

from .pages import HOME

NAME = "vps-firewall"
# What decides the bytes of wheels and archives: who builds it again needs the same.
BUILT_WITH = ("build", "setuptools")


def text(files: Sequence[Path], date: int) -> str:
    """One component for the project, one for each file; PyYAML, which packages need; Pyodide, which the site has."""
    project = Component(
        name=NAME,
        version=VERSION,
        type=ComponentType.APPLICATION,
        bom_ref=NAME,
        purl=PackageURL("pypi", None, NAME, VERSION),
        licenses=[DisjunctiveLicense(id="Apache-2.0")],
    )
    pyodide = Component(
        name="pyodide",
        version=_pinned("pyodide"),
        type=ComponentType.LIBRARY,
        bom_ref="pyodide",
        purl=PackageURL("npm", None, "pyodide", _pinned("pyodide")),
        licenses=[DisjunctiveLicense(id="MPL-2.0")],
        description="in the site alone, with CPython in it",
    )
    yaml = Component(
        name="PyYAML",
        type=ComponentType.LIBRARY,
        bom_ref="PyYAML",
        purl=PackageURL("pypi", None, "pyyaml"),
        scope=ComponentScope.REQUIRED,
        licenses=[DisjunctiveLicense(id="MIT")],
        description="not in the packages: the system's own, or what pip installs",
    )
    bom = Bom(components=[yaml, pyodide, *map(_file, files)])
    bom.metadata.component = project
    bom.metadata.timestamp = datetime.fromtimestamp(date, timezone.utc)
    bom.metadata.properties.update(
        Property(name=f"built-with:{name}", value=metadata.version(name)) for name in BUILT_WITH
    )
    digests = "".join(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"{NAME} {VERSION} {digests}")
    bom.dependencies.add(Dependency(project.bom_ref, [Dependency(yaml.bom_ref), Dependency(pyodide.bom_ref)]))
    bom.dependencies.add(Dependency(pyodide.bom_ref))
    bom.dependencies.add(Dependency(yaml.bom_ref))
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


def _pinned(package: str) -> str:
    """The version that the site takes from npm."""
    said = json.loads((HOME / "site/package.json").read_text(encoding="utf-8"))
    return str(said["dependencies"][package])


def _file(path: Path) -> Component:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Component(
        name=path.name,
        version=VERSION,
        type=ComponentType.FILE,
        bom_ref=path.name,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
    )

"""setup.cfg, and what it cannot say: the schema lies beside the engine, and the README's links lead somewhere on PyPI.

In a checkout the schema is in schemas/, where editors and packagers look for it, and links name files.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterator

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = os.path.dirname(os.path.abspath(__file__))
SCHEMA = "schemas/vps-firewall.schema.json"
LINK = re.compile(r"(!?)(\[[^\]]*\]\()(?!https?://|#)([^)\s]+\))")


class WithSchema(build_py):
    """The module, and the schema in the same folder: where `install` and the packages of distributions have it."""

    def run(self) -> None:
        build_py.run(self)
        if not getattr(self, "editable_mode", False):  # of a checkout: the schema is read from where it is
            for source, target in self._schema():
                self.mkpath(os.path.dirname(target))
                self.copy_file(source, target)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        return [*build_py.get_outputs(self, include_bytecode), *(target for _, target in self._schema())]

    def get_source_files(self) -> list[str]:
        return [*build_py.get_source_files(self), SCHEMA]

    def _schema(self) -> Iterator[tuple[str, str]]:
        """What is copied, and where to."""
        yield SCHEMA, os.path.join(self.build_lib, "cc_vps_firewall", os.path.basename(SCHEMA))


def metadata() -> configparser.SectionProxy:
    """The section of setup.cfg that says where the project is."""
    config = configparser.ConfigParser()
    config.read(os.path.join(HERE, "setup.cfg"), encoding="utf-8")
    return config["metadata"]


def pages(kind: str = "blob") -> str:
    """What stands before a path of the repository, in this version: of a page, or of the file as it is."""
    return f"{metadata()['url']}{kind}/v{version()}/"


def version() -> str:
    """What cc_vps_firewall/version.py says, which setuptools reads too."""
    with open(os.path.join(HERE, "cc_vps_firewall", "version.py"), encoding="utf-8") as module:
        return module.read().split('"')[-2]


def description() -> str:
    """The README, for a page that is beside none of its files."""
    with open(os.path.join(HERE, "README.md"), encoding="utf-8") as readme:
        return LINK.sub(lambda m: f"{m[1]}{m[2]}{pages('raw' if m[1] else 'blob')}{m[3]}", readme.read())


setup(
    cmdclass={"build_py": WithSchema},
    long_description=description(),
    long_description_content_type="text/markdown",
    project_urls={
        "Homepage": metadata()["url"],
        "Source": metadata()["url"],
        "Documentation": f"{pages()}README.md#read-on",
        "Changelog": f"{pages()}CHANGELOG.md",
    },
)

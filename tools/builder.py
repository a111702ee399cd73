"""site/builder and this project's own code -> the page that builds a policy in the browser.

Pyodide and the editor come from npm, PyYAML's Python half from the environment that builds the site, and
cc_vps_firewall from the checkout: as one archive, stored with the dates of none of them. What Python's memory holds
once all of that is imported lies beside it, so that the page need not import anything.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import zipfile
from importlib.util import find_spec
from pathlib import Path

PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "pyodide-lock.json", "python_stdlib.zip")
EDITOR = (
    "@codemirror/autocomplete", "@codemirror/commands", "@codemirror/lang-yaml", "@codemirror/language",
    "@codemirror/lint", "@codemirror/state", "@codemirror/streamparser", "@codemirror/view", "@lezer/common",
    "@lezer/highlight", "@lezer/lr", "@lezer/yaml", "@marijn/find-cluster-break", "crelt", "style-mod", "w3c-keyname",
)  # fmt: skip
EPOCH = (1980, 1, 1, 0, 0, 0)


def build(source: Path, out: Path, modules: Path) -> None:
    shutil.copytree(source / "site" / "builder", out, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (out / "pyodide").mkdir()
    for name in PYODIDE:
        shutil.copy(modules / "pyodide" / name, out / "pyodide" / name)
    (out / "editor").mkdir()
    imports = {package: f"./editor/{package.replace('/', '-').lstrip('@')}.js" for package in EDITOR}
    for package, name in imports.items():
        shutil.copy(_entry(modules / package), out / name)
    # Where modules of the editor find each other; the page's policy allows this text and no other.
    text = json.dumps({"imports": imports})
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    page = (out / "index.html").read_text(encoding="utf-8")
    page = page.replace("@IMPORTS@", text).replace("@IMPORTS-HASH@", f"sha256-{digest}")
    (out / "index.html").write_text(page, encoding="utf-8")
    shutil.copy(source / "schemas/vps-firewall.schema.json", out)
    _archive(source, out / "vps-firewall.zip")
    subprocess.run(
        ["node", source / "site/snapshot.mjs", modules / "pyodide", out / "vps-firewall.zip", out / "start.bin"],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _entry(package: Path) -> Path:
    """The file of a package that is an ES module."""
    for name in ("dist/index.js", "src/index.js", "src/style-mod.js", "index.js"):
        if (package / name).is_file():
            return package / name
    raise LookupError(f"{package} has no module that a browser reads")


def _archive(source: Path, target: Path) -> None:
    found = find_spec("yaml")
    assert found is not None
    assert found.origin is not None
    files = {path.relative_to(source): path for path in (source / "cc_vps_firewall").rglob("*.py")}
    files |= {Path(path.name): path for path in (source / "site" / "builder").glob("*.py")}
    files |= {Path("yaml", path.name): path for path in Path(found.origin).parent.glob("*.py")}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, path in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(str(name), EPOCH), path.read_bytes(), zipfile.ZIP_DEFLATED)

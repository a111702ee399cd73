"""What pip installs: a wheel and an sdist with all that `install` needs; what PyPI shows: links that lead somewhere."""

from __future__ import annotations

import email
import re
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from html.parser import HTMLParser
from pathlib import Path

import pytest
import readme_renderer.markdown
import yaml
from trove_classifiers import classifiers, deprecated_classifiers

from tests import suites
from tests.packages import made
from tests.suites import REPOSITORY

SCHEMA = "vps-firewall.schema.json"
STANZA = "#cloud-config\nvps_firewall: {ssh: {from: [203.0.113.7]}, allow: [http]}\n"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dist/ of a checkout: the sdist, and the wheel that is made of the sdist."""
    source = made.checkout(tmp_path_factory.mktemp("wheel") / "source")
    made_by = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(source / "dist"), str(source)]
    done = subprocess.run(made_by, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return source / "dist"


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The command, as pip puts it into an environment of its own. PyYAML is lent, for no network is asked."""
    place = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    pip = [str(place / "bin/python"), "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", str(wheel)]
    subprocess.run(pip, check=True)
    packages = next(place.glob("lib/python3*/site-packages"))
    (packages / "yaml").symlink_to(Path(yaml.__file__).parent)
    return str(place / "bin/vps-firewall")


def test_both_carry_the_schema(built: Path, wheel: Path) -> None:
    ours = (REPOSITORY / "schemas" / SCHEMA).read_bytes()
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(f"cc_vps_firewall/{SCHEMA}") == ours
    with tarfile.open(next(built.glob("*.tar.gz"))) as sources:
        held = {name.partition("/")[2]: name for name in sources.getnames()}
        member = sources.extractfile(held[f"schemas/{SCHEMA}"])
        assert member is not None
        assert member.read() == ours


def test_the_wheel_holds_the_module_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    modules = {str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "cc_vps_firewall").rglob("*.py")}
    assert names == {*modules, f"cc_vps_firewall/{SCHEMA}", "cc_vps_firewall/py.typed"}


def test_a_wheel_of_the_checkout_is_the_same(wheel: Path, tmp_path: Path) -> None:
    """`pip install .`, which makes no sdist on the way."""
    source = made.checkout(tmp_path / "source")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(tmp_path / wheel.name) as other:
        assert sorted(one.namelist()) == sorted(other.namelist())
        assert all(one.read(name) == other.read(name) for name in one.namelist() if not name.endswith("RECORD"))


IMAGE = """\
set -e
mount --make-rprivate /
mount -t tmpfs scratch "$2"
mkdir "$2/upper" "$2/work" "$2/image"
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/image"
cd "$2/image"
find . -path ./run -prune -o -print | sort >"$2/before"
"$3" install --root .
printf %s "$STANZA" >run/user-data
chroot . cloud-init schema --config-file /run/user-data
printf %s "$STANZA" | sed s/http/htpp/ >run/wrong
if chroot . cloud-init schema --config-file /run/wrong; then exit 9; fi
"$3" uninstall --root .
find . -path ./run -prune -o -print | sort | diff "$2/before" - >&2
echo whole
"""


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_it_installs_into_an_image(suite: str, command: str, tmp_path: Path) -> None:
    """With the image's own cloud-init judging stanzas by what was installed; and out again."""
    words = ["sh", "-c", IMAGE, "sh", str(suites.root_of(suite)), str(tmp_path), command]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "STANZA": STANZA, "LC_ALL": "C"}
    done = subprocess.run(["unshare", "--mount", *words], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"cc_vps_firewall/{SCHEMA}\n" in done.stdout
    assert done.stdout.endswith("whole\n")


def test_the_bundle_is_the_same(command: str) -> None:
    bundled = [
        subprocess.run(
            [*words, "bundle", "--format", "mime", "-"], input=STANZA.encode(), capture_output=True, check=True
        )
        for words in ([command], [sys.executable, "-m", "cc_vps_firewall"])
    ]
    assert bundled[0].stdout == bundled[1].stdout


# --- what PyPI shows ------------------------------------------------------------------------------------------


def test_metadata_passes_what_pypi_asks(built: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *map(str, built.iterdir())], capture_output=True, text=True
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout.count("PASSED") == 2


def test_metadata_says_what_it_is_and_where(metadata: Message) -> None:
    links = dict(value.split(", ", 1) for value in metadata.get_all("Project-URL", []))
    assert {"Homepage", "Documentation", "Changelog", "Source"} <= links.keys()
    assert all(link.startswith("https://") for link in links.values())
    said = metadata.get_all("Classifier", [])
    assert "Topic :: System :: Networking :: Firewalls" in said
    assert "Operating System :: POSIX :: Linux" in said
    assert "Programming Language :: Python :: 3.9" in said
    assert [name for name in said if name not in classifiers or name in deprecated_classifiers] == []


class Links(HTMLParser):
    """Where the links and pictures of a page lead."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        targets = [value or "" for name, value in attributes if name in ("href", "src")]
        self.found += [target for target in targets if not target.startswith("#")]


def test_links_of_the_readme_lead_somewhere_on_pypi(metadata: Message) -> None:
    text = metadata.get_payload()
    assert isinstance(text, str)
    assert metadata["Description-Content-Type"].startswith("text/markdown")
    page = readme_renderer.markdown.render(text)
    assert page is not None
    found = Links(page).found
    ours = Links(readme_renderer.markdown.render((REPOSITORY / "README.md").read_text()) or "").found
    assert len(found) == len(ours) > 20
    assert [link for link in found if not link.startswith("https://")] == []

    # Each names, in the version that this is, the file that the README names; a picture, as a file.
    def there(link: str) -> str:
        kind = "raw" if link.endswith(".svg") else "blob"
        return link if link.startswith("https://") else f"{home()}{kind}/v{metadata['Version']}/{link}"

    assert found == [there(link) for link in ours]


def home() -> str:
    found = re.search(r"(?m)^url = (https://\S+/)$", (REPOSITORY / "setup.cfg").read_text())
    assert found
    return found[1]

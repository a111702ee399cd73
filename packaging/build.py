#!/usr/bin/python3
"""this checkout -> dist/: an RPM for each EL, or a .deb; the same commit gives the same bytes.

    packaging/build.py rpm            dist/vps-firewall-VERSION-1.el9.noarch.rpm and .el10
    packaging/build.py deb            dist/vps-firewall_VERSION-1_all.deb
    packaging/build.py srpm           dist/vps-firewall-VERSION-1.src.rpm, for mock and COPR

It takes Python and rpmbuild or dpkg-deb, and no network. The files are those of the working tree; the date of all of
them is that of the last commit, or $SOURCE_DATE_EPOCH where that is set.
"""

from __future__ import annotations

import argparse
import configparser
import email.utils
import gzip
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
NAME = "vps-firewall"
RELEASE = "1"
MAINTAINER = "vps-firewall maintainers <maintainers@vps-firewall.invalid>"
EL = ("9", "10")

# What goes into the source archive, and so into the packages.
SOURCES = (
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
    "setup.cfg",
    "cc_vps_firewall/**/*.py",
    "schemas/vps-firewall.schema.json",
    "packaging/vps-firewall*",
    "packaging/80-vps-firewall.preset",
    "packaging/completions/*",
    "packaging/clean",
    "packaging/guard",
)

# Where each file of the sources is in a package; `{site}` is where its Python looks. What `**` finds keeps its folder.
PLACES = {
    "cc_vps_firewall/**/*.py": ("{site}/cc_vps_firewall", 0o644),
    "schemas/vps-firewall.schema.json": ("{site}/cc_vps_firewall", 0o644),
    "packaging/vps-firewall": ("usr/bin", 0o755),
    "packaging/clean": ("usr/libexec/vps-firewall", 0o755),
    "packaging/guard": ("usr/libexec/vps-firewall", 0o755),
    "packaging/vps-firewall-guard.service": ("usr/lib/systemd/system", 0o644),
    "packaging/80-vps-firewall.preset": ("usr/lib/systemd/system-preset", 0o644),
}
# A shell -> where it looks for what packages complete. Of zsh Debian keeps site-functions for the administrator.
COMPLETIONS = {
    "bash": "usr/share/bash-completion/completions/vps-firewall",
    "zsh": "usr/share/zsh/{zsh}/_vps-firewall",
    "fish": "usr/share/fish/vendor_completions.d/vps-firewall.fish",
}
CLEAN_HOOK = "etc/cloud/clean.d/50-vps-firewall"


class BuildFailed(Exception):
    """A package could not be made; the message says what to do, or the end of what the tool said."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="packaging/build.py", description="Make the packages of this checkout.")
    parser.add_argument("kind", choices=("rpm", "deb", "srpm", "tree"))
    parser.add_argument("--out", type=Path, default=REPOSITORY / "dist", metavar="DIR", help="default: dist")
    parser.add_argument("--source", type=Path, default=REPOSITORY, metavar="DIR", help="default: this checkout")
    parser.add_argument("--root", type=Path, metavar="DIR", help="tree: lay the files out below it, as the spec does")
    parser.add_argument("--site", metavar="DIR", help="tree: where Python looks, in that root")
    parser.add_argument("--by", default="rpm", help="tree: which package manager owns them")
    options = parser.parse_args()
    try:
        if options.kind == "tree":
            lay_out(options.source, options.root, options.site.lstrip("/"), options.by)
            return 0
        options.out.mkdir(parents=True, exist_ok=True)
        make = {"rpm": rpms, "deb": deb, "srpm": srpm}[options.kind]
        for made in make(options.source.resolve(), options.out.resolve()):
            print(made)
    except (BuildFailed, OSError) as failure:
        print(f"packaging/build.py: {failure}", file=sys.stderr)
        return 1
    return 0


def rpms(source: Path, out: Path) -> list[Path]:
    """One for the Python of each EL, from one spec and one source archive."""
    made = []
    for release in EL:
        # What mock sets on the real one.
        made += _rpmbuild(source, out, "-bb", {"rhel": release, "dist": f".el{release}"})
    return sorted(made)


def srpm(source: Path, out: Path) -> list[Path]:
    """The spec and the source archive, for whoever builds it on EL."""
    return _rpmbuild(source, out, "-bs", {"dist": "%{nil}"})


def _rpmbuild(source: Path, out: Path, what: str, more: Mapping[str, str]) -> list[Path]:
    date, version = date_of(source), version_of(source)
    with tempfile.TemporaryDirectory(prefix="vps-firewall-rpm-") as scratch:
        top = Path(scratch)
        for folder in ("SOURCES", "SPECS", "made"):
            (top / folder).mkdir()
        (top / f"SOURCES/{NAME}-{version}.tar.gz").write_bytes(archive(source, version, date))
        spec = top / f"SPECS/{NAME}.spec"
        # The source package carries it, and whoever builds that has none of our macros.
        text = (source / "packaging/vps-firewall.spec").read_text()
        for tag, value in (("Version", version), ("URL", said_of("url", source))):
            text = re.sub(rf"(?m)^({tag}: +).*", rf"\g<1>{value}", text)
        spec.write_text(text)
        spec.chmod(0o644)
        os.utime(spec, (date, date))
        os.utime(top / f"SOURCES/{NAME}-{version}.tar.gz", (date, date))
        (top / f"SOURCES/{NAME}-{version}.tar.gz").chmod(0o644)
        macros = {
            "_topdir": str(top),
            "_rpmdir": str(top / "made"),
            "_srcrpmdir": str(top / "made"),
            "_build_name_fmt": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
            "packager": MAINTAINER,
            # The same bytes wherever and whenever it is built.
            "_buildhost": "localhost",
            "use_source_date_epoch_as_buildtime": "1",
            "clamp_mtime_to_source_date_epoch": "1",
            "_binary_payload": "w9.gzdio",
            "_source_payload": "w9.gzdio",
            # What Debian's rpm would do to the files after %install.
            "__os_install_post": "%{nil}",
            **more,
        }
        defined = [word for key, value in macros.items() for word in ("--define", f"{key} {value}")]
        # --nodeps: Debian's RPM database knows nothing of what is installed.
        command = ["rpmbuild", what, "--quiet", "--nodeps", *defined, str(spec)]
        run(command, {"SOURCE_DATE_EPOCH": str(date)}, "rpm")
        return [Path(shutil.move(str(built), str(out / built.name))) for built in sorted((top / "made").glob("*.rpm"))]


def deb(source: Path, out: Path) -> list[Path]:
    date, version = date_of(source), version_of(source)
    with tempfile.TemporaryDirectory(prefix="vps-firewall-deb-") as scratch:
        root = Path(scratch) / "root"
        root.mkdir(mode=0o755)
        lay_out(source, root, "usr/lib/python3/dist-packages", "dpkg")
        doc = root / f"usr/share/doc/{NAME}"
        doc.mkdir(parents=True)
        shutil.copy(source / "README.md", doc)
        (doc / "changelog.gz").write_bytes(packed((source / "CHANGELOG.md").read_bytes()))
        (doc / "changelog.Debian.gz").write_bytes(packed(debian_changelog(version, date).encode()))
        shutil.copy(source / "packaging/deb/copyright", doc)
        overrides = root / "usr/share/lintian/overrides"
        overrides.mkdir(parents=True)
        shutil.copy(source / "packaging/deb/lintian-overrides", overrides / NAME)
        control = root / "DEBIAN"
        control.mkdir()
        files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
        sums = "".join(f"{hashlib.md5(p.read_bytes()).hexdigest()}  {p.relative_to(root)}\n" for p in files)  # noqa: S324
        (control / "md5sums").write_text(sums)
        size = sum((path.stat().st_size + 1023) // 1024 for path in files)
        fields = control_fields((source / "packaging/deb/control").read_text())
        for name, value in (("VERSION", f"{version}-{RELEASE}"), ("SIZE", str(size)), ("URL", said_of("url", source))):
            fields = fields.replace(f"@{name}@", value)
        (control / "control").write_text(fields)
        for name in ("triggers", "preinst", "postinst", "prerm"):
            shutil.copy(source / f"packaging/deb/{name}", control)
            (control / name).chmod(0o644 if name == "triggers" else 0o755)
        for path in [root, *root.rglob("*")]:
            if path.is_dir():
                path.chmod(0o755)
            elif path.is_file() and not path.is_symlink() and not os.access(path, os.X_OK):
                path.chmod(0o644)
            os.utime(path, (date, date), follow_symlinks=False)
        target = out / f"{NAME}_{version}-{RELEASE}_all.deb"
        partial = target.with_suffix(".partial")
        # xz: what every dpkg reads. One thread: several cut the data where they meet, which depends on how many.
        command = ["dpkg-deb", "--root-owner-group", "-Zxz", "-z6", "--threads-max=1", "--build", str(root)]
        run([*command, str(partial)], {"SOURCE_DATE_EPOCH": str(date)}, "dpkg-dev")
        partial.rename(target)
    return [target]


def control_fields(text: str) -> str:
    """The control file as a package has it: without comments, and Depends in one line."""
    return re.sub(r"(?m)^#.*\n", "", re.sub(r",\n(?:#.*\n)+ ", ", ", text))


def lay_out(source: Path, root: Path, site: str, by: str) -> None:
    """Every file of ours below `root`, where a package has it."""
    for pattern, (folder, mode) in PLACES.items():
        start = source / pattern.partition("**")[0] if "**" in pattern else (source / pattern).parent
        for path in sorted(source.glob(pattern)):
            target = root / folder.format(site=site) / path.relative_to(start)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            target.chmod(mode)
    manual = root / "usr/share/man/man8"
    manual.mkdir(parents=True, exist_ok=True)
    (manual / f"{NAME}.8.gz").write_bytes(packed((source / f"packaging/{NAME}.8").read_bytes()))
    for shell, place in COMPLETIONS.items():
        completion = root / place.format(zsh="vendor-completions" if by == "dpkg" else "site-functions")
        completion.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / "packaging/completions" / shell, completion)
        completion.chmod(0o644)
    # PEP 376's way to say who installed it: `vps-firewall install` leaves such an engine alone.
    (root / site / "cc_vps_firewall/INSTALLER").write_text(f"{by}\n")
    # A link is nobody's configuration: it goes with the package, where dpkg would keep a file.
    hook = root / CLEAN_HOOK
    hook.parent.mkdir(parents=True, exist_ok=True)
    called = "usr/libexec/vps-firewall/clean"
    # Each as its policy wants it: dpkg's are absolute from one folder of the root to another, rpm's never are.
    hook.symlink_to(f"/{called}" if by == "dpkg" else os.path.relpath(root / called, hook.parent))


def debian_changelog(version: str, date: int) -> str:
    """In the form that Debian's tools read; what is new stands in changelog.gz."""
    return f"""{NAME} ({version}-{RELEASE}) unstable; urgency=medium

  * What is new is in changelog.gz, for people who run a VPS.

 -- {MAINTAINER}  {email.utils.formatdate(date)}
"""


def packed(data: bytes) -> bytes:
    return gzip.compress(data, 9, mtime=0)


def archive(source: Path, version: str, date: int) -> bytes:
    """The source archive that the spec names; no date, owner or order in it comes from this machine."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.GNU_FORMAT) as tar:
        paths = {path for pattern in SOURCES for path in source.glob(pattern) if path.is_file()}
        for path in sorted({*paths, source / "packaging/build.py"}):
            info = tarfile.TarInfo(f"{NAME}-{version}/{path.relative_to(source)}")
            data = path.read_bytes()
            info.size, info.mtime, info.mode = len(data), date, 0o755 if os.access(path, os.X_OK) else 0o644
            tar.addfile(info, io.BytesIO(data))
    return packed(held.getvalue())


def version_of(source: Path) -> str:
    """What cc_vps_firewall/version.py says. Read, not imported: what is built need not be what runs here."""
    said = re.search(r'(?m)^VERSION = "([^"]+)"$', (source / "cc_vps_firewall/version.py").read_text())
    if not said:
        raise BuildFailed("cc_vps_firewall/version.py names no version")
    return said[1]


def said_of(key: str, source: Path) -> str:
    """What setup.cfg says of the project."""
    config = configparser.ConfigParser()
    config.read(source / "setup.cfg", encoding="utf-8")
    return config["metadata"][key]


def date_of(source: Path) -> int:
    """When the last commit was made; of an archive without git, what it says of setup.cfg."""
    if told := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(told)
    if (source / ".git").exists():
        said = run(["git", "-C", str(source), "log", "-1", "--format=%ct"], {}, "git")
        return int(said)
    return int((source / "setup.cfg").stat().st_mtime)


def run(command: list[str], environment: Mapping[str, str], package: str) -> str:
    """A tool's output. Raises BuildFailed with the end of it."""
    try:
        done = subprocess.run(
            command,
            env={**os.environ, "LC_ALL": "C", "TZ": "UTC", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except FileNotFoundError:
        raise BuildFailed(f"{command[0]} is not installed: apt-get install {package}") from None
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-25:])
        raise BuildFailed(f"{command[0]}: exit {done.returncode}\n{tail}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())

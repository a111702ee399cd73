"""packer/build -> what it refuses before anything starts, and what it leaves when a build does not come to its end."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from packer.bake import evidence
from tests.signals import DEFAULT_SIGNALS, ignored
from tests.suites import REPOSITORY

BUILD = REPOSITORY / "packer/build"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """An image file with a list of checksums beside it; nothing in it boots."""
    folder = tmp_path / "vendor"
    folder.mkdir()
    image = folder / "Base-20261101.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(image), "64M"], check=True)
    digest = hashlib.sha256(image.read_bytes()).hexdigest()
    (folder / "CHECKSUM").write_text(f"# {image.name}: 1 byte\nSHA256 ({image.name}) = {digest}\n")
    (folder / "GNU").write_text(f"{'0' * 64}  other.qcow2\n{digest}  {image.name}\n")
    return image


@pytest.fixture
def package(tmp_path: Path) -> Path:
    file = tmp_path / "vps-firewall-1-1.el9.noarch.rpm"
    file.write_bytes(b"")
    return file


def build(output: Path, base: Path, package: Path, *more: str, checksum: str = "") -> list[str]:
    named = checksum or f"file:{base.parent}/CHECKSUM"
    command = [sys.executable, str(BUILD), "almalinux-9", "--output", str(output), "--package", str(package)]
    return [*command, "--var", f"base_image={base}", "--var", f"base_image_checksum={named}", *more]


def run(command: list[str], path: str = "") -> tuple[int, str]:
    environment = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"]}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=120)
    return done.returncode, done.stdout + done.stderr


def fake_packer(folder: Path, script: str) -> str:
    """A packer that does what the test says."""
    folder.mkdir(exist_ok=True)
    (folder / "packer").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "packer").chmod(0o755)
    return str(folder)


def test_it_validates(base: Path, package: Path, tmp_path: Path) -> None:
    assert run(build(tmp_path / "out", base, package, "--validate")) == (0, "")
    assert run(build(tmp_path / "out", base, package, "--validate", checksum=f"file:{base.parent}/GNU")) == (0, "")


def test_another_architecture_comes_after_the_release(base: Path, package: Path, tmp_path: Path) -> None:
    arm = build(tmp_path / "out", base, package, "--validate", "--architecture", "aarch64")
    assert run(arm) == (0, "")
    code, said = run(arm, fake_packer(tmp_path / "bin", 'echo "$@"'))
    files = [word.rpartition("packer/releases/")[2] for word in said.split() if word.startswith("-var-file=")]
    assert (code, files) == (0, ["almalinux-9.pkrvars.hcl", "aarch64/almalinux-9.pkrvars.hcl"])


def test_a_refused_policy_starts_nothing(base: Path, package: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("#cloud-config\nvps_firewall: {allow: [htpp, 70000/tcp]}\n")
    path = fake_packer(tmp_path / "bin", f"touch {tmp_path}/started")
    code, said = run(build(tmp_path / "out", base, package, "--default", str(policy)), path)
    assert code == 2
    assert "vps_firewall.allow[0]" in said
    assert "vps_firewall.allow[1]" in said
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    "more, message",
    [
        (["--default", "/nonexistent/policy.yaml"], "/nonexistent/policy.yaml"),
        (["--package", "/nonexistent.rpm"], "is not an .rpm or .deb file"),
        (["--var", "nothing"], "write NAME=VALUE"),
        (["--var-file", "/nonexistent.hcl"], "there is no /nonexistent.hcl"),
        (["--name", "a/b"], "the name is a single word"),
        (["--var", "base_image_checksum=file:/nonexistent"], "the list of checksums"),
    ],
    ids=["policy", "package", "variable", "file", "name", "checksums"],
)
def test_refused_before_packer(more: list[str], message: str, base: Path, package: Path, tmp_path: Path) -> None:
    path = fake_packer(tmp_path / "bin", f"touch {tmp_path}/started")
    code, said = run([*build(tmp_path / "out", base, package), *more], path)
    assert code == 2
    assert message in said
    assert "Traceback" not in said
    assert not (tmp_path / "started").exists()


def test_a_checksum_that_is_not_the_images(base: Path, package: Path, tmp_path: Path) -> None:
    """The real packer: it refuses before it starts a machine."""
    code, said = run(build(tmp_path / "out", base, package, checksum=f"sha256:{'0' * 64}"))
    assert code == 1
    assert "hecksum" in said
    assert left(tmp_path / "out") == []


def test_a_list_without_the_image(base: Path, package: Path, tmp_path: Path) -> None:
    (base.parent / "CHECKSUM").write_text("SHA256 (other.qcow2) = " + "0" * 64)
    code, said = run(build(tmp_path / "out", base, package))
    assert code == 2
    assert f"has no checksum of {base.name}" in said


def test_a_disk_that_is_too_small(base: Path, package: Path, tmp_path: Path) -> None:
    """The real packer: the base image does not fit, and no machine is started."""
    code, said = run(build(tmp_path / "out", base, package, "--var", "disk_size=16M"))
    assert code == 1
    assert "shrink" in said.lower()
    assert left(tmp_path / "out") == []


def left(output: Path) -> list[str]:
    return sorted(path.name for path in output.iterdir() if path.name != ".base") if output.exists() else []


def test_an_image_is_never_written_over(base: Path, package: Path, tmp_path: Path) -> None:
    (tmp_path / "out/almalinux-9-vps-firewall").mkdir(parents=True)
    code, said = run(build(tmp_path / "out", base, package))
    assert code == 2
    assert "is there already" in said


def test_an_interrupted_build_leaves_nothing(base: Path, package: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    partial = out / "almalinux-9-vps-firewall.partial"
    script = f"mkdir -p {partial}/image; echo half >{partial}/image/x.qcow2; trap 'exit 1' INT; touch {tmp_path}/on\n"
    path = fake_packer(tmp_path / "bin", script + "while :; do sleep 0.1; done")
    environment = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}"}
    for how in (signal.SIGTERM, signal.SIGINT):
        with ignored():
            process = subprocess.Popen([*DEFAULT_SIGNALS, *build(out, base, package)], env=environment)
        deadline = time.monotonic() + 60
        while not (tmp_path / "on").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(how)
        assert process.wait(90) > 0
        assert left(out) == []
        (tmp_path / "on").unlink()


def test_a_machine_that_is_interrupted_leaves_nothing(base: Path, package: Path, tmp_path: Path) -> None:
    """The real packer, with a machine that is on and will never let it in."""
    out = tmp_path / "out"
    command = build(out, base, package, "--var", "accelerator=tcg", "--var", "disk_size=64M")
    with ignored():
        process = subprocess.Popen([*DEFAULT_SIGNALS, *command])
    deadline = time.monotonic() + 120
    while not machines_of(out):
        assert process.poll() is None, "packer gave up before there was a machine"
        assert time.monotonic() < deadline, "no machine was started"
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(90) != 0
    assert left(out) == []
    assert machines_of(out) == []


def machines_of(output: Path) -> list[int]:
    """Processes of qemu whose disk is in this folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:  # it ended meanwhile
            continue
        if words.startswith(b"qemu-system") or b"/qemu-system" in words.partition(b"\0")[0]:
            found += [int(path.parent.name)] if str(output).encode() in words else []
    return found


def test_what_a_killed_build_left_is_removed_by_the_next(base: Path, package: Path, tmp_path: Path) -> None:
    partial = tmp_path / "out/almalinux-9-vps-firewall.partial"
    partial.mkdir(parents=True)
    path = fake_packer(tmp_path / "bin", f"[ ! -e {partial} ] || exit 7; exit 1")
    code, said = run(build(tmp_path / "out", base, package), path)
    assert code == 1
    assert "which an interrupted build left" in said
    assert left(tmp_path / "out") == []


def test_the_key_is_gone_afterwards(base: Path, package: Path, tmp_path: Path) -> None:
    path = fake_packer(tmp_path / "bin", f'for word; do echo "$word"; done >{tmp_path}/words; exit 1')
    run(build(tmp_path / "out", base, package), path)
    words = dict(line.split("=", 1) for line in (tmp_path / "words").read_text().splitlines() if line.count("=") == 1)
    assert words["ssh_private_key_file"]
    assert not Path(words["ssh_private_key_file"]).exists()
    assert not Path(words["seed"]).exists()


# --- the papers -------------------------------------------------------------------------------------------


def finished(folder: Path) -> Path:
    """A build's folder, as packer leaves it to the last step."""
    partial = folder / "name.partial"
    (partial / "image").mkdir(parents=True)
    (partial / "image/name.qcow2").write_bytes(b"image")
    (partial / "facts.json").write_text(json.dumps({"default_policy_sha256": "00", "packages": ["a 1 noarch"]}))
    built = {"builder_type": "qemu", "artifact_id": "VM"}
    (partial / "manifest.json").write_text(json.dumps({"builds": [built]}))
    return partial


def test_papers(tmp_path: Path) -> None:
    partial, final = finished(tmp_path), tmp_path / "name"
    said = {"IMAGE_RELEASE": "almalinux-9", "IMAGE_BASE": "u", "IMAGE_BASE_CHECKSUM": "sha256:1"}
    evidence.finish(partial, final, said)
    assert not partial.exists()
    assert sorted(p.name for p in final.iterdir()) == ["SHA256SUMS", "manifest.json", "name.qcow2", "provenance.json"]
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=final, check=True)
    told = json.loads((final / "provenance.json").read_text())
    assert told["base_image"] == {"checksum": "sha256:1", "from": "u"}
    assert told["source"]["commit"]
    assert told["inside"]["packages"] == ["a 1 noarch"]
    assert told["image"]["name.qcow2"]["sha256"] == hashlib.sha256(b"image").hexdigest()


@pytest.mark.parametrize("gone", ["facts.json", "manifest.json", "image/name.qcow2"])
def test_without_evidence_there_is_no_image(tmp_path: Path, gone: str) -> None:
    partial, final = finished(tmp_path), tmp_path / "name"
    (partial / gone).unlink()
    with pytest.raises(evidence.NoEvidence):
        evidence.finish(partial, final, {})
    assert not final.exists()

import hashlib
import io
import re
import tarfile
import zipfile
from pathlib import Path

import pytest

from tools import cli_sources
from tools.cli_pins import CliPin, Wheel

BINARY = b"\x7fELF a CLI"
OTHER_SHA256 = "ab" * 32


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def tar_gz(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def zipped(path: Path, name: str, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, content)
    return path


def wheel_with(tmp_path: Path, binary: bytes) -> Path:
    layer = zipped(tmp_path / "layer.zip", "helm/helm", binary).read_bytes()
    package = tar_gz("package/lib/layer.zip", layer)
    return zipped(tmp_path / "clis.whl", "clis/_jsii/clis@1.jsii.tgz", package)


def release(tmp_path: Path, content: bytes, *, checksum: str, member: str | None = None) -> CliPin:
    path = tmp_path / "release"
    path.write_bytes(content)
    return CliPin(name="helm", version="v4", sha256=checksum, url=path.as_uri(), member=member)


def test_cli_is_unpacked_from_the_wheel(tmp_path: Path) -> None:
    pin = CliPin(name="helm", version="v4", sha256=sha256(BINARY), url=None, member="helm/helm")
    target = io.BytesIO()

    cli_sources.copy_from_wheel(wheel_with(tmp_path, BINARY), pin, target)

    assert target.getvalue() == BINARY


def test_cli_in_the_wheel_with_another_checksum_is_refused(tmp_path: Path) -> None:
    pin = CliPin(name="helm", version="v4", sha256=OTHER_SHA256, url=None, member="helm/helm")

    with pytest.raises(cli_sources.FetchError, match=f"not the pinned {OTHER_SHA256}"):
        cli_sources.copy_from_wheel(wheel_with(tmp_path, BINARY), pin, io.BytesIO())


def test_released_binary_is_copied(tmp_path: Path) -> None:
    target = io.BytesIO()

    cli_sources.copy_from_release(release(tmp_path, BINARY, checksum=sha256(BINARY)), target)

    assert target.getvalue() == BINARY


def test_released_archive_is_unpacked(tmp_path: Path) -> None:
    archive = tar_gz("linux-arm64/helm", BINARY)
    pin = release(tmp_path, archive, checksum=sha256(archive), member="linux-arm64/helm")
    target = io.BytesIO()

    cli_sources.copy_from_release(pin, target)

    assert target.getvalue() == BINARY


@pytest.mark.parametrize("member", [None, "helm"], ids=["binary", "archive"])
def test_release_with_another_checksum_is_never_unpacked(tmp_path: Path, member: str | None) -> None:
    target = io.BytesIO()
    pin = release(tmp_path, b"not even an archive", checksum=OTHER_SHA256, member=member)

    with pytest.raises(cli_sources.FetchError, match="not kept"):
        cli_sources.copy_from_release(pin, target)
    assert target.getvalue() == b""


def test_archive_without_the_cli_names_the_file_to_fix(tmp_path: Path) -> None:
    archive = tar_gz("README", b"")
    pin = release(tmp_path, archive, checksum=sha256(archive), member="linux-arm64/helm")

    with pytest.raises(cli_sources.FetchError, match=r"no linux-arm64/helm; correct its pins\.toml"):
        cli_sources.copy_from_release(pin, io.BytesIO())


def test_unreachable_release_says_what_to_do(tmp_path: Path) -> None:
    gone = (tmp_path / "gone").as_uri()
    pin = CliPin(name="helm", version="v4", sha256=OTHER_SHA256, url=gone, member=None)

    with pytest.raises(cli_sources.FetchError, match="check the network, or install helm and put it on PATH"):
        cli_sources.copy_from_release(pin, io.BytesIO())


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        ("WARNING: retrying\nERROR: No matching distribution\nERROR: more", r"\(No matching distribution\)"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n", "differs from the pinned one"),
        ("", "pip gave no reason"),
    ],
    ids=["first error", "checksum", "silence"],
)
def test_pip_failure_becomes_one_line(stderr: str, reason: str) -> None:
    line = cli_sources.pip_failure(Wheel("clis", "1", "linux-amd64", OTHER_SHA256), stderr)

    assert "\n" not in line
    assert re.search(reason, line)

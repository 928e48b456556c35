"""Fetches Debian's Prometheus and promtool into the user's cache if they are not on PATH: `make prometheus`.

They are for tests, which are skipped without them. Therefore a missing apt or archive is not an error; the reason is
printed. Nothing is installed and the system's package lists are not changed, so it does not need root.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools import user_cache

NAMES = ("prometheus", "promtool")
PACKAGE = "prometheus"
COMMAND = "make prometheus"
TIMEOUT_S = 300


class PrometheusMissingError(Exception):
    """Prometheus is missing and cannot be fetched. The text gives the reason."""


def folder(environment: Mapping[str, str]) -> Path:
    """Returns the folder of the binaries, whether they are fetched or not. Clones share it."""
    return user_cache.folder(environment) / f"prometheus-{platform.machine()}"


def find(name: str, environment: Mapping[str, str]) -> Path:
    """Returns the binary on PATH or the fetched one. Raises `PrometheusMissingError`."""
    found = shutil.which(name, path=environment.get("PATH")) or shutil.which(name, path=str(folder(environment)))
    if found is None:
        raise PrometheusMissingError(f"{name} is missing; `{COMMAND}` fetches it with apt")
    return Path(found)


def fetch(environment: Mapping[str, str]) -> None:
    """Fetches the binaries unless they exist. Raises `PrometheusMissingError` if that fails."""
    if all(shutil.which(name, path=f"{environment.get('PATH', '')}:{folder(environment)}") for name in NAMES):
        return
    for needed in ("apt-get", "dpkg-deb"):
        if shutil.which(needed, path=environment.get("PATH")) is None:
            raise PrometheusMissingError(f"{needed} is not on PATH")
    target = folder(environment)
    target.parent.mkdir(parents=True, exist_ok=True)
    print("fetching Debian's Prometheus, some 20 MB, once", flush=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=target.parent) as directory:
        partial = Path(directory)
        _download(partial)
        [package] = partial.glob("*.deb")
        _run("dpkg-deb", "--extract", str(package), str(partial / "tree"), at=partial)
        binaries = partial / "binaries"
        binaries.mkdir()
        for name in NAMES:
            shutil.move(partial / "tree" / "usr" / "bin" / name, binaries / name)
        _run(str(binaries / "promtool"), "--version", at=partial)
        if not target.exists():  # another run may have been faster
            binaries.rename(target)


def _download(partial: Path) -> None:
    """Downloads the package with the system's package lists, or with fresh ones in our own folder."""
    try:
        _run("apt-get", "--quiet=2", "download", PACKAGE, at=partial)
    except PrometheusMissingError:
        (partial / "lists" / "partial").mkdir(parents=True)
        own = ("--quiet=2", f"-oDir::State::Lists={partial}/lists", f"-oDir::Cache={partial}")
        _run("apt-get", *own, "update", at=partial)
        _run("apt-get", *own, "download", PACKAGE, at=partial)


def _run(*command: str, at: Path) -> None:
    try:
        subprocess.run(
            command,
            cwd=at,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise PrometheusMissingError(f"{command[0]} took over {TIMEOUT_S} s") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines() or ["nothing"]
        raise PrometheusMissingError(f"{command[0]} says: {said[0]}") from None


def main() -> int:
    """Returns 0 except after an interrupt, because everything else can be tested without Prometheus."""
    try:
        fetch(os.environ)
    except (PrometheusMissingError, OSError, ValueError) as error:
        print(f"no Prometheus: {error}; the tests that need it will be skipped", flush=True)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Fetches the worker image's programs from their projects' own releases: `python -m tools.fetch_releases amd64 FOLDER`.

Runs inside the image's build, with the standard library alone. Every file is checked before it is kept.
"""

import sys
import tomllib
import urllib.request
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any

from tools import cli_sources
from tools.cli_pins import SHA256, CliPin, PinError
from tools.cli_sources import DOWNLOAD_TIMEOUT_S, FetchError

PINS_PATH = Path(__file__).with_name("release-pins.toml")
MAX_LIST_BYTES = 1 << 20
USAGE = "usage: python -m tools.fetch_releases ARCHITECTURE FOLDER"
OTHERWISE = "to build without these downloads, bring a folder with the programs: --build-context cli=FOLDER"


def load() -> Mapping[str, Mapping[str, Any]]:
    """Program → table, as they stand in the pins file."""
    return tomllib.loads(PINS_PATH.read_text(encoding="utf-8"))


def pin(name: str, table: Mapping[str, Any], architecture: str) -> CliPin:
    """The program's pin. Its checksum comes from the release itself where none is pinned. PinError or FetchError."""
    values = {"version": table["version"], "architecture": architecture}
    url, member = (table[key].format(**values) if key in table else None for key in ("url", "member"))
    sha256 = table.get("sha256", {}).get(architecture)
    if sha256 is None:
        if "checksums" not in table:
            raise PinError(f"no pinned {name} for linux-{architecture}")
        address = table["checksums"].format(**values)
        sha256 = listed_checksum(download(address), str(url).rpartition("/")[2], address)
    if not SHA256.fullmatch(sha256):
        raise PinError(f"{name} {table['version']}: {sha256!r} is not a SHA-256 in lower-case hex")
    return CliPin(name=name, version=table["version"], sha256=sha256, url=url, member=member)


def listed_checksum(text: str, file_name: str, address: str) -> str:
    """In a list as sha256sum(1) writes it; FetchError if the file is not in it."""
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2 and words[1].lstrip("*") == file_name:  # noqa: PLR2004 - a checksum and a name
            return words[0]
    raise FetchError(f"{address} lists no {file_name}")


def download(address: str) -> str:
    """A short text. Raises FetchError."""
    try:
        with urllib.request.urlopen(address, timeout=DOWNLOAD_TIMEOUT_S) as answer:  # noqa: S310 - from our own pins
            content: bytes = answer.read(MAX_LIST_BYTES)
    except (OSError, HTTPException) as error:
        raise FetchError(f"{address} could not be downloaded ({error})") from error
    return content.decode(errors="replace")


def fetch(tables: Mapping[str, Mapping[str, Any]], architecture: str, folder: Path) -> None:
    """Raises PinError or FetchError at the first that cannot be had."""
    for name, table in tables.items():
        wanted = pin(name, table, architecture)
        print(f"fetching {name} {wanted.version} from {wanted.url}", flush=True)
        path = folder / name
        try:
            with path.open("wb") as target:
                cli_sources.copy_from_release(wanted, target)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        path.chmod(0o755)


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code."""
    try:
        architecture, folder = arguments
    except ValueError:
        print(USAGE, file=sys.stderr)
        return 2
    try:
        fetch(load(), architecture, Path(folder))
    except (PinError, FetchError, OSError) as error:
        print(f"error: {error}; {OTHERWISE}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Fetches the worker image's programs from their projects' releases: `python -m tools.fetch_releases amd64 FOLDER`.

It runs inside the image's build and uses only the standard library. Every file is checked before it is kept.
"""

import sys
import urllib.request
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from pathlib import Path

from tools import cli_pins, cli_sources
from tools.cli_pins import CliPin, PinError, PinTable
from tools.cli_sources import DOWNLOAD_TIMEOUT_S, FetchError

MAX_LIST_BYTES = 1 << 20
USAGE = "usage: python -m tools.fetch_releases ARCHITECTURE FOLDER"
OTHERWISE = "to build without these downloads, bring a folder with the programs: --build-context cli=FOLDER"


def pin(name: str, table: PinTable, platform: str) -> CliPin:
    """Returns the pin. If no checksum is pinned, it comes from the release. Raises PinError or FetchError."""
    sha256 = table.get("sha256", {}).get(platform)
    if sha256 is None:
        if "checksums" not in table:
            raise PinError(f"no pinned {name} for {platform}")
        address = cli_pins.filled(table, "checksums", platform)
        file_name = cli_pins.filled(table, "url", platform).rpartition("/")[2]
        sha256 = listed_checksum(download(address), file_name, address)
    return cli_pins.of_release(name, table, platform, sha256=sha256)


def listed_checksum(text: str, file_name: str, address: str) -> str:
    """Returns a file's checksum from a list as sha256sum(1) writes it. Raises FetchError if the file is not listed."""
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2 and words[1].lstrip("*") == file_name:  # noqa: PLR2004 - a checksum and a name
            return words[0]
    raise FetchError(f"{address} lists no {file_name}")


def download(address: str) -> str:
    """Downloads a short text. Raises FetchError."""
    try:
        with urllib.request.urlopen(address, timeout=DOWNLOAD_TIMEOUT_S) as answer:  # noqa: S310 - from our own pins
            content: bytes = answer.read(MAX_LIST_BYTES)
    except (OSError, HTTPException) as error:
        raise FetchError(f"{address} could not be downloaded ({error})") from error
    return content.decode(errors="replace")


def fetch(tables: Mapping[str, PinTable], platform: str, folder: Path) -> None:
    """Fetches all programs. Raises PinError or FetchError at the first failure."""
    for name, table in tables.items():
        wanted = pin(name, table, platform)
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
        pins = cli_pins.load()
        fetch({**pins.tools, **pins.filters}, f"linux-{architecture}", Path(folder))
    except (PinError, FetchError, OSError) as error:
        print(f"error: {error}; {OTHERWISE}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

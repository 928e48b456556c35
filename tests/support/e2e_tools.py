"""Finds the binaries of the end-to-end tests: in KUBEBUILDER_ASSETS, among those that make built, and on PATH."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support import e2e_versions
from tests.support.e2e_versions import UnfitError
from tools import e2e_tools
from tools.e2e_tools import Binary, Builds, CacheFolder

ASSETS = "KUBEBUILDER_ASSETS"
"""The ecosystem's variable for a folder with etcd, kube-apiserver and kubectl: https://book.kubebuilder.io/reference/envtest"""
COMMAND = "make e2e-tools"


class ToolsMissingError(Exception):
    """The suite cannot run here; the text says why and what to do, in one line."""


@dataclass(frozen=True, slots=True)
class E2eTools:
    """Where they are."""

    binaries: Mapping[str, Path]
    shares: Mapping[str, Path]
    """What modules bring beside their binaries."""

    def path(self, name: str) -> Path:
        return self.binaries[name]

    def files(self, module: str) -> Path:
        """The folder with the module's own paths beneath it."""
        return self.shares[module]

    def link(self, names: tuple[str, ...], directory: Path) -> Path:
        """A folder with those alone, for a worker's K8S_MCP_TOOLS_DIRECTORY."""
        directory.mkdir()
        for name in names:
            (directory / name).symlink_to(self.path(name))
        return directory


def find(environment: Mapping[str, str] = os.environ) -> E2eTools:
    """All of them, those tried that were built by others. Raises ToolsMissingError."""
    builds = e2e_tools.load()
    cache = e2e_tools.cache_folder(environment)
    found = E2eTools(_binaries(builds, cache, environment), _shares(builds, cache, environment))
    _refuse_missing(builds, found)
    for binary in builds.binaries:
        path = found.path(binary.name)
        if path.parent != cache.bin:
            _check(binary, path)
    return found


def _binaries(builds: Builds, cache: CacheFolder, environment: Mapping[str, str]) -> dict[str, Path]:
    """Those that are there."""
    folders = (environment.get(ASSETS), str(cache.bin), environment.get("PATH", os.defpath))
    search_path = os.pathsep.join(filter(None, folders))
    found = {binary.name: shutil.which(binary.name, path=search_path) for binary in builds.binaries}
    return {name: Path(path).absolute() for name, path in found.items() if path}


def _shares(builds: Builds, cache: CacheFolder, environment: Mapping[str, str]) -> dict[str, Path]:
    """Those that are there: a cache folder of another machine serves as a whole, with its `bin` for assets."""
    assets = environment.get(ASSETS)
    places = [cache, CacheFolder(Path(assets).absolute().parent)] if assets else [cache]
    names = [module.name for module in builds.modules if module.share]
    return {name: place.share / name for place in places for name in names if (place.share / name).is_dir()}


def _refuse_missing(builds: Builds, found: E2eTools) -> None:
    missing = [binary.name for binary in builds.binaries if binary.name not in found.binaries]
    shared = [module.name for module in builds.modules if module.share]
    missing += [f"files of {name}" for name in shared if name not in found.shares]
    if missing:
        others = f" and {len(missing) - 1} more" if missing[1:] else ""
        raise ToolsMissingError(f"missing {missing[0]}{others}: `{COMMAND}` builds them with Go")


def _check(binary: Binary, path: Path) -> None:
    try:
        e2e_versions.check(binary, path)
    except UnfitError as error:
        raise ToolsMissingError(
            f"{path} {error}, and the tests need {binary.name} {e2e_versions.wanted(binary)}: let {ASSETS} name a "
            f"folder with that one, or unset it and run `{COMMAND}`, which builds it with Go"
        ) from error

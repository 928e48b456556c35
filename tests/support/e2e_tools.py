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
    share: Path
    """What comes beside the binaries: one folder a module."""

    def path(self, name: str) -> Path:
        return self.binaries[name]

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
    binaries = _located(builds, cache, environment)
    for binary in builds.binaries:
        path = binaries[binary.name]
        if path.parent != cache.bin:
            _check(binary, path)
    return E2eTools(binaries, cache.share)


def _located(builds: Builds, cache: CacheFolder, environment: Mapping[str, str]) -> dict[str, Path]:
    folders = (environment.get(ASSETS), str(cache.bin), environment.get("PATH", os.defpath))
    search_path = os.pathsep.join(filter(None, folders))
    found = {binary.name: shutil.which(binary.name, path=search_path) for binary in builds.binaries}
    missing = [name for name, path in found.items() if path is None]
    missing += [f"files of {module.name}" for module in cache.missing_shares(builds)]
    if missing:
        others = f" and {len(missing) - 1} more" if missing[1:] else ""
        raise ToolsMissingError(f"missing {missing[0]}{others}: `{COMMAND}` builds them with Go")
    return {name: Path(path).absolute() for name, path in found.items() if path}


def _check(binary: Binary, path: Path) -> None:
    try:
        e2e_versions.check(binary, path)
    except UnfitError as error:
        raise ToolsMissingError(
            f"{path} {error}, and the tests need {binary.name} {e2e_versions.wanted(binary)}: let {ASSETS} name a "
            f"folder with that one, or unset it and run `{COMMAND}`, which builds it with Go"
        ) from error

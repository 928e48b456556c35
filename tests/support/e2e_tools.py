"""Finds the binaries of the end-to-end tests: in KUBEBUILDER_ASSETS, among those that make built, and on PATH."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools import e2e_tools

ASSETS = "KUBEBUILDER_ASSETS"
"""The ecosystem's variable for a folder with etcd, kube-apiserver and kubectl: https://book.kubebuilder.io/reference/envtest"""
COMMAND = "make e2e-tools"
VERSION_TIMEOUT_S = 30.0
MINOR = re.compile(r"v?(\d+\.\d+)\.")


class ToolsMissingError(Exception):
    """The suite cannot run here; the text says why and what to do."""


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
    """All of them. Raises ToolsMissingError."""
    builds = e2e_tools.load()
    cache = e2e_tools.cache_folder(environment)
    assets = environment.get(ASSETS)
    folders = [Path(assets)] if assets else []
    search_path = os.pathsep.join([*map(str, folders), str(cache.bin), environment.get("PATH", os.defpath)])
    found = {binary.name: shutil.which(binary.name, path=search_path) for binary in builds.binaries}
    missing = [name for name, path in found.items() if path is None]
    missing += [f"files of {module.name}" for module in cache.missing_shares(builds)]
    if missing:
        raise ToolsMissingError(f"missing {missing[0]} and {len(missing) - 1} more: `{COMMAND}` builds them with Go")
    binaries = {name: Path(path) for name, path in found.items() if path}
    if assets:
        pinned = {binary.name: binary.module.version for binary in builds.binaries}
        _check_version(binaries["kube-apiserver"], pinned["kube-apiserver"])
    return E2eTools(binaries, cache.share)


def _check_version(binary: Path, pinned: str) -> None:
    answer = subprocess.run(
        [binary, "--version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=False
    )
    found = MINOR.search(answer.stdout)
    wanted = MINOR.search(pinned)
    if not found or not wanted or found[1] != wanted[1]:
        says = answer.stdout.strip() or "nothing of its version"
        raise ToolsMissingError(
            f"{binary} says {says!r}, and the tests are for {pinned}: unset {ASSETS}, or let it name a folder with "
            f"that version; `{COMMAND}` builds one"
        )

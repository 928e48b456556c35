"""Where the end-to-end tests look for their binaries, and what they say where these do not serve."""

import os
import shutil
from pathlib import Path

import pytest

from tests.support import e2e_tools as search
from tests.support.e2e_tools import ToolsMissingError
from tools import e2e_tools

BUILDS = e2e_tools.load()
API_SERVER = next(binary for binary in BUILDS.binaries if binary.name == "kube-apiserver")


def put_program(path: Path, prints: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{prints}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A user whose cache folder has everything, with empty files for it."""
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": "/nowhere"}
    cache = e2e_tools.cache_folder(environment)
    for binary in BUILDS.binaries:
        put_program(cache.bin / binary.name)
    for module in BUILDS.modules:
        (cache.share / module.name).mkdir(parents=True)
    return environment


def test_built_ones_are_found(environment: dict[str, str]) -> None:
    found = search.find(environment)

    assert found.path("etcd") == e2e_tools.cache_folder(environment).bin / "etcd"


def test_ready_ones_come_first(environment: dict[str, str], tmp_path: Path) -> None:
    own = put_program(tmp_path / "assets" / "kube-apiserver", prints=f"Kubernetes {API_SERVER.module.version}")

    found = search.find({**environment, "KUBEBUILDER_ASSETS": str(own.parent)})

    assert found.path("kube-apiserver") == own
    assert found.path("helm") == e2e_tools.cache_folder(environment).bin / "helm"


def test_ones_on_path_serve_where_none_are_built(environment: dict[str, str], tmp_path: Path) -> None:
    (e2e_tools.cache_folder(environment).bin / "etcd").unlink()
    own = put_program(tmp_path / "bin" / "etcd")

    assert search.find({**environment, "PATH": str(own.parent)}).path("etcd") == own


@pytest.mark.parametrize("prints", ["Kubernetes v1.30.0", ""])
def test_api_server_of_another_version_is_told_in_one_line(
    environment: dict[str, str], tmp_path: Path, prints: str
) -> None:
    own = put_program(tmp_path / "assets" / "kube-apiserver", prints=prints)

    with pytest.raises(ToolsMissingError) as refused:
        search.find({**environment, "KUBEBUILDER_ASSETS": str(own.parent)})

    assert "\n" not in str(refused.value)
    assert "unset KUBEBUILDER_ASSETS" in str(refused.value)


def test_what_is_missing_is_told_with_the_command_that_builds_it(environment: dict[str, str]) -> None:
    cache = e2e_tools.cache_folder(environment)
    (cache.bin / "kwok").unlink()
    shutil.rmtree(cache.share / "kwok")

    with pytest.raises(ToolsMissingError, match="missing kwok and 1 more: `make e2e-tools`"):
        search.find(environment)


def test_worker_gets_a_folder_with_its_clis_alone(environment: dict[str, str], tmp_path: Path) -> None:
    folder = search.find(environment).link(("helm", "kubectl"), tmp_path / "clis")

    assert sorted(os.listdir(folder)) == ["helm", "kubectl"]
    assert (folder / "helm").resolve() == (e2e_tools.cache_folder(environment).bin / "helm").resolve()

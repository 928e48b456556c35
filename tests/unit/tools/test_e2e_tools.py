import re
from pathlib import Path

import pytest

from tools import e2e_tools

BUILDS = e2e_tools.load()


def copied_sources(directory: Path) -> Path:
    for name in e2e_tools.source_names():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes((e2e_tools.SOURCES_PATH / name).read_bytes())
    return directory


def test_another_clone_has_the_same_folder(tmp_path: Path) -> None:
    assert e2e_tools.sources_hash(copied_sources(tmp_path)) == e2e_tools.sources_hash()


@pytest.mark.parametrize("name", ["builds.toml", "kwok/go.mod", "argocd/go.sum", "flagvalues/main.go"])
def test_changed_file_moves_the_folder(tmp_path: Path, name: str) -> None:
    sources = copied_sources(tmp_path)
    with (sources / name).open("a") as file:
        file.write("\n")

    assert e2e_tools.sources_hash(sources) != e2e_tools.sources_hash()


@pytest.mark.parametrize(
    ("environment", "root"),
    [
        ({"XDG_CACHE_HOME": "/a/cache"}, Path("/a/cache")),
        ({"XDG_CACHE_HOME": "cache"}, Path.home() / ".cache"),
        ({}, Path.home() / ".cache"),
    ],
    ids=["named", "relative", "not named"],
)
def test_folder_is_in_the_users_cache(environment: dict[str, str], root: Path) -> None:
    path = e2e_tools.cache_folder(environment).path

    assert path == root / "mcp-k8s" / "e2e-tools" / e2e_tools.sources_hash()


def module_lines(module: e2e_tools.Module) -> set[str]:
    """Without the words that depend on how many of a kind there are."""
    text = (e2e_tools.SOURCES_PATH / module.name / "go.mod").read_text()
    return {re.sub(r"^(module|require|tool|replace) | // indirect$", "", line.strip()) for line in text.splitlines()}


@pytest.mark.parametrize("module", BUILDS.modules, ids=lambda module: module.name)
def test_module_file_requires_what_the_table_says(module: e2e_tools.Module) -> None:
    packages = {binary.package for binary in BUILDS.binaries if binary.module == module}

    assert packages
    assert packages | {f"{module.path} {module.version}"} <= module_lines(module)


@pytest.mark.parametrize("module", BUILDS.modules, ids=lambda module: module.name)
def test_module_file_names_no_place_of_a_machine(module: e2e_tools.Module) -> None:
    assert not [line for line in module_lines(module) if re.search(r"=> [./]", line)]


@pytest.mark.parametrize("module", BUILDS.modules, ids=lambda module: module.name)
def test_module_file_leaves_the_toolchain_to_its_user(module: e2e_tools.Module) -> None:
    assert not [line for line in module_lines(module) if line.startswith("toolchain")]

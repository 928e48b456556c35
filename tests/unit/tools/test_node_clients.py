import shutil
import sys
from pathlib import Path

import pytest

from tools import node_clients
from tools.node_clients import NodeMissingError


def sources(directory: Path) -> Path:
    directory.mkdir()
    for name in node_clients.FILES:
        shutil.copyfile(node_clients.SOURCES_PATH / name, directory / name)
    return directory


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """With a cache of its own and nothing on PATH but what a test puts there."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": str(tmp_path / "bin")}


def left(environment: dict[str, str]) -> list[Path]:
    return list((Path(environment["XDG_CACHE_HOME"]) / "mcp-k8s" / "node-clients").glob("*"))


def test_another_clone_has_the_same_folder(tmp_path: Path, environment: dict[str, str]) -> None:
    assert node_clients.folder(environment, sources(tmp_path / "clone")) == node_clients.folder(environment)


@pytest.mark.parametrize("name", node_clients.FILES)
def test_changed_file_moves_the_folder(tmp_path: Path, environment: dict[str, str], name: str) -> None:
    changed = sources(tmp_path / "clone")
    (changed / name).write_text("{}")

    assert node_clients.folder(environment, changed) != node_clients.folder(environment)


def test_machine_without_npm_is_told_so(environment: dict[str, str]) -> None:
    with pytest.raises(NodeMissingError, match="npm is not on PATH"):
        node_clients.install(environment)


def test_what_npm_cannot_install_leaves_nothing_and_its_first_words(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    program(tmp_path / "bin" / "npm", 'echo "npm error: no registry" >&2; echo "more" >&2; exit 1')

    with pytest.raises(NodeMissingError, match=r"says: npm error: no registry$"):
        node_clients.install(environment)
    assert left(environment) == []


def test_clients_that_no_node_can_run_are_not_kept(tmp_path: Path, environment: dict[str, str]) -> None:
    program(tmp_path / "bin" / "npm", "exit 0")
    program(tmp_path / "bin" / "node", "echo v20.1.0")

    with pytest.raises(NodeMissingError, match="Node 22 or newer is missing"):
        node_clients.install(environment)
    assert left(environment) == []


def test_they_are_installed_once_in_one_step(tmp_path: Path, environment: dict[str, str]) -> None:
    program(tmp_path / "bin" / "npm", f"{sys.executable} -c 'import os; os.mkdir(\"node_modules\")'")
    program(tmp_path / "bin" / "node", "echo v22.1.0")

    node_clients.install(environment)
    assert left(environment) == [node_clients.folder(environment)]
    assert {path.name for path in node_clients.folder(environment).iterdir()} == {*node_clients.FILES, "node_modules"}
    (tmp_path / "bin" / "npm").unlink()
    node_clients.install(environment)


def test_main_says_what_is_missing_and_is_no_failure(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", environment["XDG_CACHE_HOME"])

    assert node_clients.main() == 0
    assert "npm is not on PATH; the tests that need them will be skipped" in capsys.readouterr().out

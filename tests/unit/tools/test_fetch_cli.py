import os
from pathlib import Path
from typing import BinaryIO

import pytest

from tools import cli_pins, fetch_cli
from tools.cli_pins import CliPin, Pins
from tools.cli_sources import FetchError

PLATFORM = "linux-amd64"


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    return tmp_path / "tools"


@pytest.fixture
def pins() -> Pins:
    return cli_pins.load()


def put_binary(copied: bytes = b"a CLI") -> fetch_cli.Copy:
    def copy(_: CliPin, target: BinaryIO) -> None:
        target.write(copied)

    return copy


def folder_with(directory: Path, *names: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        (directory / name).touch(mode=0o755)
    return directory


def missing_names(pins: Pins, *, search_path: str, tools: Path) -> list[str]:
    missing = fetch_cli.missing_pins(pins, platform_name=PLATFORM, search_path=search_path, tools=tools)
    return [pin.name for pin in missing]


def test_cli_on_path_is_not_fetched(pins: Pins, tools: Path, tmp_path: Path) -> None:
    directory = folder_with(tmp_path / "bin", "kubectl")

    assert missing_names(pins, search_path=str(directory), tools=tools) == ["helm"]


def test_unpinned_platform_is_no_matter_when_path_has_every_cli(pins: Pins, tools: Path, tmp_path: Path) -> None:
    directory = folder_with(tmp_path / "bin", *pins.fetched)

    assert not fetch_cli.missing_pins(pins, platform_name="plan9-mips", search_path=str(directory), tools=tools)


def test_own_folder_on_path_does_not_count_as_the_developers(pins: Pins, tools: Path, tmp_path: Path) -> None:
    own = folder_with(tools / "bin", *pins.fetched)
    search_path = os.pathsep.join([str(own), "", str(tmp_path / "gone")])

    assert missing_names(pins, search_path=search_path, tools=tools) == pins.fetched


def test_installed_cli_is_executable_and_not_fetched_again(pins: Pins, tools: Path) -> None:
    fetch_cli.install(pins.pin("helm", PLATFORM), put_binary(), tools)

    assert os.access(tools / "bin" / "helm", os.X_OK)
    assert missing_names(pins, search_path="", tools=tools) == ["kubectl"]


def test_changed_pin_is_fetched_again(pins: Pins, tools: Path) -> None:
    fetch_cli.install(pins.pin("helm", "linux-arm64"), put_binary(), tools)

    assert "helm" in missing_names(pins, search_path="", tools=tools)


def test_removed_binary_is_fetched_again(pins: Pins, tools: Path) -> None:
    fetch_cli.install(pins.pin("helm", PLATFORM), put_binary(), tools)
    (tools / "bin" / "helm").unlink()

    assert "helm" in missing_names(pins, search_path="", tools=tools)


def test_failed_fetch_keeps_the_old_binary_and_nothing_half_fetched(pins: Pins, tools: Path) -> None:
    fetch_cli.install(pins.pin("helm", "linux-arm64"), put_binary(b"old"), tools)

    def fail(_: CliPin, target: BinaryIO) -> None:
        target.write(b"half")
        raise FetchError("its SHA-256 is another")

    with pytest.raises(FetchError):
        fetch_cli.install(pins.pin("helm", PLATFORM), fail, tools)

    assert [path.name for path in (tools / "bin").iterdir()] == ["helm"]
    assert (tools / "bin" / "helm").read_bytes() == b"old"
    assert "helm" in missing_names(pins, search_path="", tools=tools)


def linked(tools: Path, *, assets: Path, search_path: str = "") -> list[str]:
    names = cli_pins.load().built
    fetch_cli.link_built(
        names, {"KUBEBUILDER_ASSETS": str(assets), "PATH": search_path, "XDG_CACHE_HOME": "/nowhere"}, tools
    )
    folder = tools / "bin"
    return sorted(path.name for path in folder.iterdir() if path.exists()) if folder.is_dir() else []


def test_built_clis_are_linked_again_and_again(tools: Path, tmp_path: Path) -> None:
    assets = folder_with(tmp_path / "assets", *cli_pins.load().built, "etcd")

    assert linked(tools, assets=assets) == sorted(cli_pins.load().built)
    assert linked(tools, assets=assets) == sorted(cli_pins.load().built)


def test_cli_on_path_is_not_linked(tools: Path, tmp_path: Path) -> None:
    assets = folder_with(tmp_path / "assets", *cli_pins.load().built)
    own = folder_with(tmp_path / "bin", "argocd")

    assert linked(tools, assets=assets, search_path=str(own)) == sorted({*cli_pins.load().built} - {"argocd"})


def test_link_to_what_is_gone_goes_too(tools: Path, tmp_path: Path) -> None:
    assets = folder_with(tmp_path / "assets", "argocd")
    linked(tools, assets=assets)
    (assets / "argocd").unlink()

    assert linked(tools, assets=assets) == []
    assert list((tools / "bin").iterdir()) == []


def printing_version(directory: Path, version: str) -> Path:
    directory.mkdir()
    script = directory / "kubectl"
    script.write_text(f"#!/bin/sh\necho 'Client Version: {version}'\n")
    script.chmod(0o755)
    return directory


@pytest.mark.parametrize(("version", "is_fetched"), [("v1.32.4-dispatcher", True), ("v1.36.0", False), ("v2.0", False)])
def test_cli_on_path_that_is_too_old_is_fetched(
    pins: Pins, tools: Path, tmp_path: Path, *, version: str, is_fetched: bool
) -> None:
    directory = printing_version(tmp_path / "bin", version)

    assert ("kubectl" in missing_names(pins, search_path=str(directory), tools=tools)) is is_fetched


def test_fetched_cli_makes_way_for_one_on_path(pins: Pins, tools: Path, tmp_path: Path) -> None:
    fetch_cli.install(pins.pin("kubectl", PLATFORM), put_binary(), tools)

    fetch_cli.remove_replaced(pins, str(printing_version(tmp_path / "bin", "v1.37.0")), tools)

    assert not (tools / "bin" / "kubectl").exists()
    assert "kubectl" in missing_names(pins, search_path="", tools=tools)

import hashlib
from pathlib import Path

import pytest

from tools import cli_pins, fetch_releases
from tools.cli_pins import PinError
from tools.cli_sources import FetchError

BINARY = b"\x7fELF a program"
SHA256 = hashlib.sha256(BINARY).hexdigest()
OTHER_SHA256 = "ab" * 32
PLATFORM = "linux-arm64"


def released(tmp_path: Path, *, listed: str = SHA256) -> dict[str, str]:
    """A release without a pinned checksum, and its own list."""
    (tmp_path / "jq-linux-arm64").write_bytes(BINARY)
    (tmp_path / "sums.txt").write_text(f"{OTHER_SHA256}  jq-linux-amd64\n{listed} *jq-linux-arm64\n")
    return {
        "version": "1.8.2",
        "url": f"{tmp_path.as_uri()}/jq-linux-{{architecture}}",
        "checksums": f"{tmp_path.as_uri()}/sums.txt",
    }


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_every_program_of_the_image_is_pinned_to_a_release(architecture: str) -> None:
    pins = cli_pins.load()

    for name, table in {**pins.tools, **pins.filters}.items():
        assert f"linux-{architecture}" in table.get("sha256", {}) or table["checksums"].startswith("https://"), name


def test_pinned_checksum_comes_before_the_listed_one(tmp_path: Path) -> None:
    table = {**released(tmp_path), "sha256": {PLATFORM: OTHER_SHA256}}

    assert fetch_releases.pin("jq", table, PLATFORM).sha256 == OTHER_SHA256


def test_release_is_fetched_and_executable(tmp_path: Path) -> None:
    folder = tmp_path / "cli"
    folder.mkdir()

    fetch_releases.fetch({"jq": released(tmp_path)}, PLATFORM, folder)

    assert (folder / "jq").read_bytes() == BINARY
    assert (folder / "jq").stat().st_mode & 0o111


def test_release_with_another_checksum_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "cli"
    folder.mkdir()

    with pytest.raises(FetchError, match="not kept"):
        fetch_releases.fetch({"jq": released(tmp_path, listed=OTHER_SHA256)}, PLATFORM, folder)
    assert not list(folder.iterdir())


def test_list_without_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="lists no jq-linux-riscv64"):
        fetch_releases.pin("jq", released(tmp_path), "linux-riscv64")


def test_unreachable_list_is_one_line(tmp_path: Path) -> None:
    table = {**released(tmp_path), "checksums": (tmp_path / "gone").as_uri()}

    with pytest.raises(FetchError, match="could not be downloaded"):
        fetch_releases.pin("jq", table, PLATFORM)


def test_architecture_without_any_checksum_is_refused(tmp_path: Path) -> None:
    table = {key: value for key, value in released(tmp_path).items() if key != "checksums"}

    with pytest.raises(PinError, match="no pinned jq for linux-arm64"):
        fetch_releases.pin("jq", table, PLATFORM)

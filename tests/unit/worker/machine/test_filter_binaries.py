"""Which programs count as a filter that can be contained."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from shared.command import filters
from shared.command.filters import Filter
from tests.support import dynamic_elf, static_elf
from worker.machine import filter_binaries
from worker.machine.elf import Dependencies
from worker.machine.filter_binaries import FilterBinary
from worker.machine.programs import Missing

SORTS = Filter("sorts", "sorts")
needs_elf = pytest.mark.skipif(not static_elf.IS_POSSIBLE, reason="no hand-made executable for this machine")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="programs are ELF files on Linux")


Found = tuple[dict[str, FilterBinary], list[Missing]]


def find(directory: Path, known: Filter = SORTS, *, sandboxed: bool = True) -> Found:
    return filter_binaries.find_all([known], directory, sandboxed=sandboxed)


def reason(found: Found) -> str:
    binaries, [missing] = found
    assert binaries == {}
    return missing.reason


@needs_elf
def test_static_filter_needs_nothing(tmp_path: Path) -> None:
    path = static_elf.write(tmp_path / "sorts")

    assert find(tmp_path)[0] == {"sorts": FilterBinary(SORTS, path, Dependencies(None, ()))}


def test_dynamic_filter_comes_with_loader_and_libraries(tmp_path: Path) -> None:
    loader, library = dynamic_elf.write(tmp_path / "ld.so"), dynamic_elf.write(tmp_path / "libx.so")
    path = dynamic_elf.write(tmp_path / "sorts", needed=("libx.so",), loader=loader, runpath="$ORIGIN")

    assert find(tmp_path)[0]["sorts"] == FilterBinary(SORTS, path, Dependencies(loader, (library,)))


@needs_elf
def test_link_is_followed_to_the_program(tmp_path: Path) -> None:
    program = static_elf.write(tmp_path / "msorts")
    (tmp_path / "sorts").symlink_to(program)

    assert find(tmp_path)[0]["sorts"].path == program


def test_script_is_missing(tmp_path: Path) -> None:
    script = tmp_path / "sorts"
    script.write_text("#!/usr/bin/env python3\n" + "#" * 100)
    script.chmod(0o755)

    assert reason(find(tmp_path)).endswith("sorts is not a 64-bit little-endian ELF file")


def test_filter_without_one_of_its_libraries_is_missing(tmp_path: Path) -> None:
    loader = dynamic_elf.write(tmp_path / "ld.so")
    dynamic_elf.write(tmp_path / "sorts", needed=("libnowhere.so",), loader=loader)

    assert "needs libnowhere.so" in reason(find(tmp_path))


def test_filter_without_its_loader_is_missing(tmp_path: Path) -> None:
    dynamic_elf.write(tmp_path / "sorts", loader=tmp_path / "gone")

    assert "cannot be read" in reason(find(tmp_path))


def test_filter_that_is_nowhere_is_missing(tmp_path: Path) -> None:
    assert reason(find(tmp_path)) == "not found"


@needs_elf
@pytest.mark.parametrize("name", ["busybox", "toybox"])
def test_program_that_is_a_shell_too_is_missing(tmp_path: Path, name: str) -> None:
    (tmp_path / "sorts").symlink_to(static_elf.write(tmp_path / name))

    assert reason(find(tmp_path)).endswith("is also a shell")


@needs_linux
def test_systems_shell_under_another_name_is_missing(tmp_path: Path) -> None:
    (tmp_path / "sorts").symlink_to("/bin/sh")

    assert reason(find(tmp_path)).endswith("is also a shell")


@needs_elf
def test_without_a_sandbox_only_what_starts_no_program_is_taken(tmp_path: Path) -> None:
    static_elf.write(tmp_path / "sorts")
    able = replace(SORTS, starts_programs=True)

    assert list(find(tmp_path, sandboxed=False)[0]) == ["sorts"]
    assert list(find(tmp_path, able, sandboxed=True)[0]) == ["sorts"]
    assert "without a sandbox" in reason(find(tmp_path, able, sandboxed=False))


@needs_linux
def test_every_filter_of_this_machine_is_found_or_explained() -> None:
    found, missing = filter_binaries.find_all(filters.FILTERS, None, sandboxed=True)

    assert {*found, *(each.name for each in missing)} == set(filters.NAMES)
    assert all(each.reason for each in missing)
    if shutil.which("sort") and not Path("/bin/sh").samefile(shutil.which("sort") or ""):
        assert "sort" in found

"""What is read off programs: by hand-made files, and by those of this machine as its own loader reads them."""

import contextlib
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import dynamic_elf, static_elf
from worker.machine import elf
from worker.machine.elf import Dependencies, ElfError, LibraryFinder

HEADERS_BYTES = 64 + 56
KIND_OFFSET = 64
ARM64 = 183
needs_elf = pytest.mark.skipif(not static_elf.IS_POSSIBLE, reason="no hand-made executable for this machine")
needs_ldd = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("ldd") is None, reason="compares with what ldd says"
)


@pytest.fixture
def static(tmp_path: Path) -> Path:
    return static_elf.write(tmp_path / "static")


@pytest.fixture
def loader(tmp_path: Path) -> Path:
    return dynamic_elf.write(tmp_path / "ld.so")


@pytest.fixture
def finder(tmp_path: Path) -> LibraryFinder:
    """Without the machine's cache."""
    return LibraryFinder(tmp_path / "no-cache")


def with_interpreter(program: Path) -> Path:
    """Makes its one segment the name of a dynamic loader."""
    content = bytearray(program.read_bytes())
    struct.pack_into("<I", content, KIND_OFFSET, elf.PROGRAM_INTERPRETER)
    program.write_bytes(content)
    return program


@needs_elf
def test_static_program_is_one(static: Path) -> None:
    assert elf.is_static(static)


@needs_elf
def test_program_that_names_a_loader_is_none(static: Path) -> None:
    assert not elf.is_static(with_interpreter(static))


@pytest.mark.skipif(sys.platform != "linux", reason="programs are ELF files on Linux")
def test_program_of_the_system_is_judged_as_its_loader_is(tmp_path: Path) -> None:
    program = Path("/bin/sh")
    listed = subprocess.run(["/bin/sh", "-c", "ldd /bin/sh"], capture_output=True, text=True, check=False)

    assert elf.is_static(program) == ("ld-" not in listed.stdout)


@needs_elf
@pytest.mark.parametrize("length", [0, 3, 4, 6, 63, 64, 66, HEADERS_BYTES - 1])
def test_truncated_program_is_none(static: Path, length: int) -> None:
    static.write_bytes(static.read_bytes()[:length])

    assert not elf.is_static(static)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"#!/bin/sh\nexec kubectl\n" + b" " * 100, id="script"),
        pytest.param(b"\x7fELF\x01\x01" + bytes(200), id="32 bits"),
        pytest.param(b"\x7fELF\x02\x02" + bytes(200), id="big endian"),
        pytest.param(b"\x7fELF\x02\x01" + bytes(200), id="no segments"),
        pytest.param(b"MZ" + bytes(200), id="of another system"),
        pytest.param(b"\x7fELF\x02\x01" + b"\xff" * 200, id="table beyond the end"),
    ],
)
def test_what_is_no_static_elf_file_is_none(tmp_path: Path, content: bytes) -> None:
    program = tmp_path / "program"
    program.write_bytes(content)

    assert not elf.is_static(program)


@needs_ldd
@pytest.mark.parametrize("name", ["sh", "grep", "sed", "awk", "sort", "ls", "openssl", "jq"])
def test_libraries_of_a_program_are_those_that_ldd_lists(name: str) -> None:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"this machine has no {name}")
    program = Path(found).resolve()
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    loaded = {Path(path).resolve() for path in re.findall(r"(/\S+) \(0x", listed)}

    dependencies = LibraryFinder().dependencies(program)

    assert {*dependencies.libraries, *filter(None, [dependencies.loader])} == loaded


@needs_ldd
def test_without_the_cache_the_standard_folders_have_what_the_system_needs(finder: LibraryFinder) -> None:
    program = Path("/bin/sh").resolve()

    assert finder.dependencies(program) == LibraryFinder().dependencies(program)


@needs_elf
def test_static_program_needs_nothing(static: Path, finder: LibraryFinder) -> None:
    assert finder.dependencies(static) == Dependencies(None, ())


def test_libraries_of_libraries_are_found_once_and_a_circle_ends(
    tmp_path: Path, loader: Path, finder: LibraryFinder
) -> None:
    first = dynamic_elf.write(tmp_path / "libfirst.so", needed=("libsecond.so", "ld.so"), runpath="$ORIGIN")
    second = dynamic_elf.write(tmp_path / "libsecond.so", needed=("libfirst.so",), runpath="${ORIGIN}/.")
    program = dynamic_elf.write(
        tmp_path / "program", needed=("libfirst.so",), loader=loader, runpath="/no/such/folder:$ORIGIN"
    )

    assert finder.dependencies(program) == Dependencies(loader, (first, second))


def test_links_are_followed_to_the_files_that_are_read(tmp_path: Path, loader: Path, finder: LibraryFinder) -> None:
    library = dynamic_elf.write(tmp_path / "libx.so.1.2")
    (tmp_path / "libx.so.1").symlink_to(library.name)
    (tmp_path / "ld-link").symlink_to(loader.name)
    program = dynamic_elf.write(
        tmp_path / "program", needed=("libx.so.1",), loader=tmp_path / "ld-link", runpath="$ORIGIN"
    )

    assert finder.dependencies(program) == Dependencies(loader, (library,))


def test_library_that_is_named_by_its_path_is_taken_from_there(
    tmp_path: Path, loader: Path, finder: LibraryFinder
) -> None:
    library = dynamic_elf.write(tmp_path / "libx.so")
    program = dynamic_elf.write(tmp_path / "program", needed=(str(library),), loader=loader)

    assert finder.dependencies(program).libraries == (library,)


def test_library_for_another_processor_is_passed_over(tmp_path: Path, loader: Path, finder: LibraryFinder) -> None:
    for folder in ("other", "own"):
        (tmp_path / folder).mkdir()
    dynamic_elf.write(tmp_path / "other" / "libx.so", machine=ARM64)
    own = dynamic_elf.write(tmp_path / "own" / "libx.so")
    program = dynamic_elf.write(
        tmp_path / "program", needed=("libx.so",), loader=loader, runpath=f"{tmp_path}/other:{tmp_path}/own"
    )

    assert finder.dependencies(program).libraries == (own,)


def test_cache_gives_every_library_that_the_loader_may_choose(tmp_path: Path, loader: Path) -> None:
    plain, better = (dynamic_elf.write(tmp_path / f"{name}.so") for name in ("plain", "better"))
    other = dynamic_elf.write(tmp_path / "other.so", machine=ARM64)
    cache = write_cache(tmp_path / "cache", [("libx.so", better), ("libx.so", plain), ("libx.so", other)])
    program = dynamic_elf.write(tmp_path / "program", needed=("libx.so",), loader=loader)

    assert LibraryFinder(cache).dependencies(program).libraries == (better, plain)


@pytest.mark.parametrize("content", [b"", b"no cache", b"glibc-ld.so.cache1.1", b"glibc-ld.so.cache1.1" + b"\xff" * 99])
def test_cache_that_is_none_is_left_alone(tmp_path: Path, loader: Path, content: bytes) -> None:
    (tmp_path / "cache").write_bytes(content)
    program = dynamic_elf.write(tmp_path / "program", loader=loader)

    assert LibraryFinder(tmp_path / "cache").dependencies(program) == Dependencies(loader, ())


def test_missing_library_is_named(tmp_path: Path, loader: Path, finder: LibraryFinder) -> None:
    program = dynamic_elf.write(tmp_path / "program", needed=("libnowhere.so.7",), loader=loader)

    with pytest.raises(ElfError, match=r"program needs libnowhere\.so\.7, which is missing"):
        finder.dependencies(program)


def test_missing_loader_is_an_error_of_the_system(tmp_path: Path, finder: LibraryFinder) -> None:
    program = dynamic_elf.write(tmp_path / "program", loader=tmp_path / "gone")

    with pytest.raises(FileNotFoundError):
        finder.dependencies(program)


def test_script_is_no_program(tmp_path: Path, finder: LibraryFinder) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n" + "x" * 200)

    with pytest.raises(ElfError, match="script is not a 64-bit little-endian ELF file"):
        finder.dependencies(script)


@given(st.integers(0, 400), st.binary(min_size=1, max_size=8))
def test_damaged_program_never_brings_the_reader_down(
    tmp_path_factory: pytest.TempPathFactory, at: int, damage: bytes
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    program = dynamic_elf.write(
        folder / "program", needed=("libx.so",), loader=dynamic_elf.write(folder / "ld.so"), runpath="$ORIGIN"
    )
    dynamic_elf.write(folder / "libx.so")
    content = program.read_bytes()
    program.write_bytes(content[:at] + damage + content[at + len(damage) :])

    with contextlib.suppress(ElfError, OSError):
        LibraryFinder(folder / "no-cache").dependencies(program)


def write_cache(path: Path, entries: list[tuple[str, Path]]) -> Path:
    """As ldconfig writes it: header, entries, strings; offsets from the start."""
    strings_at = 48 + 24 * len(entries)
    table, strings = b"", b""
    for name, library in entries:
        name_at = strings_at + len(strings)
        strings += name.encode() + b"\0"
        library_at = strings_at + len(strings)
        strings += str(library).encode() + b"\0"
        table += struct.pack("<iIIIQ", 0x303, name_at, library_at, 0, 0)
    path.write_bytes(struct.pack("<20sII20x", b"glibc-ld.so.cache1.1", len(entries), len(strings)) + table + strings)
    return path

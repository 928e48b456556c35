"""Reads ELF files: whether a program is static, and which other files a dynamic one needs to start.

It executes nothing, unlike ldd(1), which may run the program. It reads only 64-bit little-endian files, the format of
all supported machines. The layout is described in elf(5), the search for libraries in ld.so(8).
"""

import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

PROGRAM_INTERPRETER = 3
"""PT_INTERP: the segment that names a dynamic loader."""
CACHE = Path("/etc/ld.so.cache")
"""The loader's own index of libraries (glibc; musl has none)."""

_LOADED, _DYNAMIC = 1, 2
_END, _NEEDED, _STRINGS, _STRINGS_SIZE, _RPATH, _RUNPATH = 0, 1, 5, 10, 15, 29
_MAGIC = b"\x7fELF\x02\x01"
_MACH_O_MAGICS = (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_HEADER = struct.Struct("<4sBBBBB7xHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_DYNAMIC_ENTRY = struct.Struct("<qQ")

# glibc's sysdeps/generic/dl-cache.h; offsets count from the magic.
_CACHE_MAGIC = b"glibc-ld.so.cache1.1"
_CACHE_HEADER = struct.Struct("<20sII20x")
_CACHE_ENTRY = struct.Struct("<iIIIQ")
_MULTIARCH = {62: "x86_64-linux-gnu", 183: "aarch64-linux-gnu"}


class ElfError(Exception):
    """A file is not a usable ELF file, or a file that it needs is missing. The text names the files."""


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The files that a program needs to start besides itself, as real paths without links."""

    loader: Path | None
    libraries: tuple[Path, ...]

    @property
    def executable(self) -> tuple[str, ...]:
        """Files that a sandbox must allow to execute, besides the program."""
        return (str(self.loader),) if self.loader else ()

    @property
    def readable(self) -> tuple[str, ...]:
        """Files that a sandbox must allow to read. A folder would also contain programs that the loader could run."""
        return (str(CACHE), *map(str, self.libraries)) if self.loader else ()


class Segment(NamedTuple):
    """A program header of an ELF file."""

    kind: int
    flags: int
    offset: int
    address: int
    physical_address: int
    file_bytes: int
    memory_bytes: int
    alignment: int


@dataclass(frozen=True, slots=True)
class _Image:
    """The parts of one file that the loader reads."""

    machine: int
    interpreter: str | None
    needed: tuple[str, ...]
    folders: tuple[str, ...]
    """Folders in which the file itself looks for its libraries."""


def is_static(path: Path) -> bool:
    """Returns whether the program names no dynamic loader. Any Mach-O file of macOS is static. Raises OSError."""
    with path.open("rb") as file:
        if file.read(4) in _MACH_O_MAGICS:
            return True
        try:
            segments = _segments(file, _header(file))
        except ElfError:
            return False
    return all(segment.kind != PROGRAM_INTERPRETER for segment in segments)


class LibraryFinder:
    """Finds libraries as this machine's dynamic loader does with an empty environment."""

    def __init__(self, cache: Path = CACHE) -> None:
        self._cached = _cache_entries(cache)

    def dependencies(self, program: Path) -> Dependencies:
        """Returns all files that the program needs to start, libraries of libraries too. Raises ElfError or OSError."""
        if is_static(program):
            return Dependencies(None, ())
        image = _read(program)
        loader = Path(image.interpreter or "").resolve(strict=True)
        found: set[Path] = set()
        pending = [(program, image)]
        while pending:
            path, needing = pending.pop()
            for library in (library for name in needing.needed for library in self._find(name, path, needing)):
                if library not in found:
                    found.add(library)
                    pending.append((library, _read(library)))
        return Dependencies(loader, tuple(sorted(found - {loader})))

    def _find(self, name: str, needing: Path, image: _Image) -> list[Path]:
        """Returns the files of the library. There are several if the loader chooses one by the processor's features."""
        if "/" in name:
            candidates = [Path(name)]
        else:
            folders = [folder.replace("${ORIGIN}", "$ORIGIN") for folder in image.folders]
            candidates = [Path(folder.replace("$ORIGIN", str(needing.parent)), name) for folder in folders]
        if own := next((path for path in candidates if _fits(path, image.machine)), None):
            return [own.resolve()]
        if cached := [path.resolve() for path in self._cached.get(name, ()) if _fits(path, image.machine)]:
            return cached
        by_default = (folder / name for folder in _default_folders(image.machine))
        if found := next((path for path in by_default if _fits(path, image.machine)), None):
            return [found.resolve()]
        raise ElfError(f"{needing} needs {name}, which is missing")


def _default_folders(machine: int) -> Iterator[Path]:
    for folder in map(Path, ("/lib", "/usr/lib")):
        if machine in _MULTIARCH:
            yield folder / _MULTIARCH[machine]
    yield from map(Path, ("/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"))


def _fits(path: Path, machine: int) -> bool:
    """Returns whether the loader accepts the file. It skips files for other machines."""
    try:
        return _read(path).machine == machine
    except (OSError, ElfError):
        return False


def _read(path: Path) -> _Image:
    with path.open("rb") as file:
        try:
            header = _header(file)
            segments = _segments(file, header)
            return _image(file, segments, machine=header[7])
        except (ElfError, struct.error, ValueError, OverflowError) as error:
            reason = str(error) if isinstance(error, ElfError) else "is damaged"
            raise ElfError(f"{path} {reason}") from error


def _image(file: BinaryIO, segments: list[Segment], *, machine: int) -> _Image:
    dynamic = list(_dynamic_entries(file, segments))
    values = dict(dynamic)
    strings = b""
    if _STRINGS in values:
        strings = _bytes_at(file, _file_offset(segments, values[_STRINGS]), values.get(_STRINGS_SIZE, 0))
    interpreter = next((segment for segment in segments if segment.kind == PROGRAM_INTERPRETER), None)
    folders = _string(strings, values.get(_RUNPATH, values.get(_RPATH)))
    return _Image(
        machine=machine,
        interpreter=_string(_bytes_at(file, interpreter.offset, interpreter.file_bytes), 0) if interpreter else None,
        needed=tuple(_string(strings, value) for tag, value in dynamic if tag == _NEEDED),
        folders=tuple(filter(None, folders.split(":"))),
    )


def _header(file: BinaryIO) -> tuple[int, ...]:
    content = _bytes_at(file, 0, _HEADER.size)
    if not content.startswith(_MAGIC):
        raise ElfError("is not a 64-bit little-endian ELF file")
    return _HEADER.unpack(content)


def _segments(file: BinaryIO, header: tuple[int, ...]) -> list[Segment]:
    offset, entry_size, entries = header[10], header[14], header[15]
    if entry_size != _SEGMENT.size or not entries:
        raise ElfError("has no segments")
    return [Segment(*fields) for fields in _SEGMENT.iter_unpack(_bytes_at(file, offset, entry_size * entries))]


def _dynamic_entries(file: BinaryIO, segments: list[Segment]) -> Iterator[tuple[int, int]]:
    """Yields tags and values."""
    for segment in segments:
        if segment.kind == _DYNAMIC:
            for tag, value in _DYNAMIC_ENTRY.iter_unpack(_bytes_at(file, segment.offset, segment.file_bytes)):
                if tag == _END:
                    return
                yield tag, value


def _file_offset(segments: list[Segment], address: int) -> int:
    for segment in segments:
        if segment.kind == _LOADED and segment.address <= address < segment.address + segment.file_bytes:
            return address - segment.address + segment.offset
    raise ElfError("has a table outside its segments")


def _bytes_at(file: BinaryIO, offset: int, size: int) -> bytes:
    if offset + size > os.fstat(file.fileno()).st_size:
        raise ElfError("is cut off")
    file.seek(offset)
    return file.read(size)


def _string(table: bytes, at: int | None) -> str:
    return "" if at is None else os.fsdecode(table[at : table.index(b"\0", at)])


def _cache_entries(path: Path) -> Mapping[str, list[Path]]:
    """Returns library name → files, or nothing if the cache is missing or is not in glibc's format since 2.32."""
    try:
        content = path.read_bytes()
        content = content[content.index(_CACHE_MAGIC) :]
        _, count, _ = _CACHE_HEADER.unpack_from(content)
        entries = [_CACHE_ENTRY.unpack_from(content, _CACHE_HEADER.size + n * _CACHE_ENTRY.size) for n in range(count)]
        found: dict[str, list[Path]] = {}
        for _, name, file, *_ in entries:
            found.setdefault(_string(content, name), []).append(Path(_string(content, file)))
    except (OSError, ValueError, struct.error):
        return {}
    return found

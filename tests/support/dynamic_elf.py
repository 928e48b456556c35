"""ELF files that name a loader and libraries, to be read and never run: elf(5) with nothing but what ld.so looks at."""

import struct
from pathlib import Path

X86_64 = 62
_BASE = 0x10000
_HEADERS_BYTES = 64 + 3 * 56
_LOADED, _DYNAMIC, _INTERPRETER = 1, 2, 3
_NEEDED, _STRINGS, _STRINGS_SIZE, _RUNPATH = 1, 5, 10, 29


def write(
    path: Path,
    *,
    needed: tuple[str, ...] = (),
    loader: Path | None = None,
    runpath: str | None = None,
    machine: int = X86_64,
) -> Path:
    """A program with a loader, or a library without."""
    strings = b"\0"
    entries: list[tuple[int, int]] = []
    for tag, text in [*((_NEEDED, name) for name in needed), *([(_RUNPATH, runpath)] if runpath else [])]:
        entries.append((tag, len(strings)))
        strings += text.encode() + b"\0"
    entries += [(_STRINGS, _BASE + _HEADERS_BYTES), (_STRINGS_SIZE, len(strings)), (0, 0)]
    dynamic = b"".join(struct.pack("<qQ", *entry) for entry in entries)
    interpreter = f"{loader}\0".encode() if loader else b""
    dynamic_at = _HEADERS_BYTES + len(strings)
    interpreter_at = dynamic_at + len(dynamic)
    size = interpreter_at + len(interpreter)
    segments = [
        _segment(_LOADED, 0, size),
        _segment(_DYNAMIC, dynamic_at, len(dynamic)),
        _segment(_INTERPRETER if loader else 0, interpreter_at, len(interpreter)),
    ]
    ident = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 64, 0, 0, 64, 56, len(segments), 0, 0, 0)
    path.write_bytes(ident + header + b"".join(segments) + strings + dynamic + interpreter)
    path.chmod(0o755)
    return path


def _segment(kind: int, offset: int, size: int) -> bytes:
    return struct.pack("<IIQQQQQQ", kind, 4, offset, _BASE + offset, 0, size, size, 1)

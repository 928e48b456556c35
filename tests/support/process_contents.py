"""Everything that a process holds: its memory, environment, arguments, open files, and the files in its folders."""

import contextlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

from tests.support.leaks import leaks
from tests.support.waiting import wait_until

PROC = Path("/proc")
MOST_FILE_BYTES = 64 * 1024 * 1024
_MAPPED = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) r")
LEAST_READABLE = 4_096
"""Bytes that must have been read of a process's memory, so that nothing found means something."""


def found_in(pid: int, secrets: Iterable[str]) -> dict[str, list[str]]:
    """Where a process holds which of the secrets: as text, in hexadecimal, escaped for a URL, or in base64.

    Raises AssertionError if its memory cannot be read.
    """
    wanted = {form: secret for secret in secrets for form in _forms(secret)}
    found: dict[str, list[str]] = {}
    read_bytes = 0
    for place, content in _contents(pid):
        read_bytes += len(content) if place == "memory" else 0
        held = {wanted[form] for form in leaks(content, *wanted)}
        if held:
            found[place] = sorted({*found.get(place, ()), *held})
    assert read_bytes >= LEAST_READABLE, f"the memory of {pid} cannot be read"
    return found


def children_of(pid: int) -> list[int]:
    """All descendants that live."""
    found: list[int] = []
    for path in (PROC / str(pid) / "task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, path.read_text().split()):
                found += [child, *children_of(child)]
    return found


def program_of(pid: int) -> str:
    """The name of the program that runs; empty if it has ended."""
    with contextlib.suppress(OSError):
        return (PROC / str(pid) / "exe").readlink().name
    return ""


async def running(name: str, parents: Iterable[int], *, timeout_s: float = 20) -> int:
    """Waits for a descendant of these processes that runs the program. Returns its process id."""
    found: list[int] = []

    def is_running() -> bool:
        found[:] = [pid for parent in parents for pid in children_of(parent) if program_of(pid) == name]
        return bool(found)

    await wait_until(is_running, timeout_s=timeout_s)
    return found[0]


def _forms(secret: str) -> set[str]:
    return {secret, secret.encode().hex(), secret.encode().hex().upper(), quote(secret, safe="")}


def _contents(pid: int) -> Iterator[tuple[str, bytes]]:
    process = PROC / str(pid)
    for name in ("environ", "cmdline"):
        yield name, (process / name).read_bytes()
    yield from _memory(process)
    yield from _open_files(process)
    home = next(
        part.removeprefix(b"HOME=") for part in (process / "environ").read_bytes().split(b"\0") if part[:5] == b"HOME="
    )
    for path in Path(home.decode()).rglob("*"):
        if path.is_file():
            yield f"file {path.name}", path.read_bytes()


def _memory(process: Path) -> Iterator[tuple[str, bytes]]:
    with (process / "mem").open("rb", buffering=0) as memory:
        for line in (process / "maps").read_text().splitlines():
            if (match := _MAPPED.match(line)) is None:
                continue
            start, end = (int(number, 16) for number in match.groups())
            with contextlib.suppress(OSError, OverflowError, ValueError):
                memory.seek(start)
                yield "memory", memory.read(end - start)


def _open_files(process: Path) -> Iterator[tuple[str, bytes]]:
    for link in (process / "fd").iterdir():
        with contextlib.suppress(OSError):
            if link.is_file():
                with link.open("rb") as file:
                    yield f"descriptor {link.name}", file.read(MOST_FILE_BYTES)

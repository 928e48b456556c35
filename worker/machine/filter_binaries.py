"""Finds the text filters that this worker runs, each with the files that it needs to start and no other.

Whoever may execute a dynamic loader may run any readable ELF file, so a dynamic filter is contained only if nothing
else can be read: its libraries are named one by one. A script counts as missing, for it would need an interpreter.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.command.filters import Filter
from worker.machine import programs
from worker.machine.elf import Dependencies, ElfError, LibraryFinder

SHELL = Path("/bin/sh")
PROGRAMS_WITH_A_SHELL = frozenset({"busybox", "toybox"})


@dataclass(frozen=True, slots=True)
class FilterBinary:
    """A filter on this machine."""

    filter: Filter
    path: Path
    needs: Dependencies


@dataclass(frozen=True, slots=True)
class MissingFilter:
    """A filter that this machine does not have, and why what was found does not serve."""

    filter: Filter
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """What this machine has of the registry; `binaries` by name, in the registry's order."""

    binaries: Mapping[str, FilterBinary]
    missing: tuple[MissingFilter, ...]


def find_all(known: Iterable[Filter], directory: Path | None, *, sandboxed: bool) -> Found:
    """Looks for each filter in `directory`, then on PATH. Without a sandbox those that could start programs are out."""
    libraries = LibraryFinder()
    found = [_find(entry, directory, libraries, sandboxed=sandboxed) for entry in known]
    return Found(
        {binary.filter.name: binary for binary in found if isinstance(binary, FilterBinary)},
        tuple(missing for missing in found if isinstance(missing, MissingFilter)),
    )


def _find(
    known: Filter, directory: Path | None, libraries: LibraryFinder, *, sandboxed: bool
) -> FilterBinary | MissingFilter:
    if known.starts_programs and not sandboxed:
        return MissingFilter(known, "it can start programs, which nothing prevents without a sandbox")
    path = programs.locate(known.name, directory)
    if path is None:
        return MissingFilter(known, "not found")
    try:
        if _has_a_shell(path):
            return MissingFilter(known, f"{path} is a shell too")
        return FilterBinary(known, path, libraries.dependencies(path))
    except ElfError as error:
        return MissingFilter(known, str(error))
    except OSError as error:
        return MissingFilter(known, f"{path} cannot be read: {error.strerror}")


def _has_a_shell(path: Path) -> bool:
    """One program under many names: who may execute it as a filter could do so as a shell."""
    return path.name in PROGRAMS_WITH_A_SHELL or (SHELL.exists() and path.samefile(SHELL))

"""Finds the text filters that this worker runs, and exactly the files that each of them needs to start.

A process that may execute a dynamic loader can run any readable ELF file, so a dynamically linked filter may read only
its own libraries, each named here. A script counts as missing, because it needs an interpreter.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shared.command.filters import Filter
from worker.machine import programs
from worker.machine.elf import Dependencies, ElfError, LibraryFinder
from worker.machine.programs import Missing

SHELL = Path("/bin/sh")
PROGRAMS_WITH_A_SHELL = frozenset({"busybox", "toybox"})


@dataclass(frozen=True, slots=True)
class FilterBinary:
    """A filter on this machine."""

    filter: Filter
    path: Path
    needs: Dependencies


def find_all(
    known: Iterable[Filter], directory: Path | None, *, sandboxed: bool
) -> tuple[dict[str, FilterBinary], list[Missing]]:
    """Looks in `directory`, then on PATH. Without a sandbox, filters that could start programs count as missing."""
    libraries = LibraryFinder()
    found = [_find(entry, directory, libraries, sandboxed=sandboxed) for entry in known]
    binaries = {binary.filter.name: binary for binary in found if isinstance(binary, FilterBinary)}
    return binaries, [missing for missing in found if isinstance(missing, Missing)]


def _find(
    known: Filter, directory: Path | None, libraries: LibraryFinder, *, sandboxed: bool
) -> FilterBinary | Missing:
    if known.starts_programs and not sandboxed:
        return Missing(known.name, "without a sandbox it could start programs")
    path = programs.locate(known.name, directory)
    if path is None:
        return Missing(known.name, "not found")
    try:
        if _has_a_shell(path):
            return Missing(known.name, f"{path} is also a shell")
        return FilterBinary(known, path, libraries.dependencies(path))
    except ElfError as error:
        return Missing(known.name, str(error))
    except OSError as error:
        return Missing(known.name, f"{path} cannot be read: {error.strerror}")


def _has_a_shell(path: Path) -> bool:
    """Returns whether the program is also a shell, as busybox is under other names. A command could run that shell."""
    return path.name in PROGRAMS_WITH_A_SHELL or (SHELL.exists() and path.samefile(SHELL))

"""Finds the programs that a CLI starts by itself, such as diff for `kubectl diff` and `argocd app diff`.

Such a program runs in the CLI's sandbox, which allows it to execute and to read the files that it needs to start.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from shared.tools.tool import Tool
from worker.machine import programs
from worker.machine.elf import Dependencies, ElfError, LibraryFinder

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class HelperBinary:
    """A helper program on this machine."""

    path: Path
    needs: Dependencies


def find_all(tool: Tool, directory: Path | None) -> Mapping[str, HelperBinary]:
    """Returns program name → program, for programs that the tool's verbs start and this machine has."""
    names = sorted({helper.program for helper in tool.helpers.values()})
    found: dict[str, HelperBinary] = {}
    for name in names:
        path = programs.locate(name, directory)
        try:
            if path is not None:
                found[name] = HelperBinary(path, LibraryFinder().dependencies(path))
        except (ElfError, OSError) as error:
            log.warning("program cannot be used", program=name, reason=str(error))
    return found

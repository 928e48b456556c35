"""Finds the CLIs that this worker runs. They must be static binaries, because others cannot be contained.

A process that may execute a dynamic loader can run any readable program. So a script or a dynamically linked CLI counts
as missing, unless its entry in the registry names the files that it needs.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.tools.tool import Tool
from worker.machine import elf, helper_programs, programs
from worker.machine.helper_programs import HelperBinary
from worker.machine.programs import Missing


@dataclass(frozen=True, slots=True)
class ToolBinary:
    """A CLI on this machine, and the programs that it starts by itself."""

    tool: Tool
    path: Path
    helpers: Mapping[str, HelperBinary] = field(default_factory=dict)


def find(tool: Tool, directory: Path | None) -> ToolBinary | Missing:
    """Looks for a tool in `directory`, then on PATH."""
    path = programs.locate(tool.name, directory)
    if path is None:
        return Missing(tool.name, f"not found; {tool.install_hint}")
    try:
        if not tool.sandbox.executable and not elf.is_static(path):
            return Missing(tool.name, f"{path} is not a static binary; {tool.install_hint}")
    except OSError as error:
        return Missing(tool.name, f"{path} cannot be read: {error.strerror}")
    return ToolBinary(tool, path, helper_programs.find_all(tool, directory))


def find_all(tools: Iterable[Tool], directory: Path | None) -> tuple[dict[str, ToolBinary], list[Missing]]:
    """Looks for every tool. Returns the usable ones by name, and the missing ones."""
    found = [find(tool, directory) for tool in tools]
    binaries = {binary.tool.name: binary for binary in found if isinstance(binary, ToolBinary)}
    return binaries, [missing for missing in found if isinstance(missing, Missing)]


def version_in(tool: Tool, output: str) -> str:
    """Returns the version in the CLI's output, or `unknown`."""
    match = re.search(tool.version_pattern, output)
    return match.group(1) if match else "unknown"

"""Finds the CLIs that this worker runs: single static binaries, for only those can be contained.

Whoever may execute a dynamic loader may run any readable program, so a CLI that is a script or dynamically linked
counts as missing, unless its entry in the registry names what it needs.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.tools.tool import Tool
from worker.machine import elf, helper_programs, programs
from worker.machine.helper_programs import HelperBinary


@dataclass(frozen=True, slots=True)
class ToolBinary:
    """A CLI on this machine, with the programs that it starts by itself."""

    tool: Tool
    path: Path
    helpers: Mapping[str, HelperBinary] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MissingTool:
    """A CLI that this machine does not have, and why what was found does not serve."""

    tool: Tool
    reason: str


def find(tool: Tool, directory: Path | None) -> ToolBinary | MissingTool:
    """Looks in `directory`, then on PATH."""
    path = programs.locate(tool.name, directory)
    if path is None:
        return MissingTool(tool, f"not found; {tool.install_hint}")
    try:
        if not tool.sandbox.executable and not elf.is_static(path):
            return MissingTool(tool, f"{path} is no single static binary; {tool.install_hint}")
    except OSError as error:
        return MissingTool(tool, f"{path} cannot be read: {error.strerror}")
    return ToolBinary(tool, path, helper_programs.find_all(tool, directory))


def find_all(tools: Iterable[Tool], directory: Path | None) -> tuple[list[ToolBinary], list[MissingTool]]:
    """Looks for every tool: what is there, and what is not."""
    found = [find(tool, directory) for tool in tools]
    return (
        [binary for binary in found if isinstance(binary, ToolBinary)],
        [missing for missing in found if isinstance(missing, MissingTool)],
    )


def version_in(tool: Tool, output: str) -> str:
    """The version in what the CLI printed, or `unknown`."""
    match = re.search(tool.version_pattern, output)
    return match.group(1) if match else "unknown"

"""Finds the CLIs that this worker runs: single static binaries, for only those can be contained.

Whoever may execute a dynamic loader may run any readable program, so a CLI that is a script or dynamically linked
counts as missing, unless its entry in the registry names what it needs.
"""

import os
import re
import shutil
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shared.tools.tool import Tool

PROGRAM_INTERPRETER = 3
"""PT_INTERP of elf(5): the segment that names a dynamic loader."""
SEGMENT_BYTES = 56
"""The one size of a program header that the kernel takes."""
ELF_HEADER = struct.Struct("<4sBBBBB7xHHIQQQIHHHHHH")


@dataclass(frozen=True, slots=True)
class ToolBinary:
    """A CLI on this machine."""

    tool: Tool
    path: Path


@dataclass(frozen=True, slots=True)
class MissingTool:
    """A CLI that this machine does not have, and why what was found does not serve."""

    tool: Tool
    reason: str


def find(tool: Tool, directory: Path | None) -> ToolBinary | MissingTool:
    """Looks in `directory`, then on PATH."""
    search_path = os.pathsep.join(filter(None, (str(directory) if directory else None, os.environ.get("PATH"))))
    found = shutil.which(tool.name, path=search_path)
    if found is None:
        return MissingTool(tool, f"not found; {tool.install_hint}")
    path = Path(found).resolve()
    try:
        if not tool.sandbox.executable and not is_static(path):
            return MissingTool(tool, f"{path} is no single static binary; {tool.install_hint}")
    except OSError as error:
        return MissingTool(tool, f"{path} cannot be read: {error.strerror}")
    return ToolBinary(tool, path)


def find_all(tools: Iterable[Tool], directory: Path | None) -> tuple[list[ToolBinary], list[MissingTool]]:
    """Looks for every tool: what is there, and what is not."""
    found = [find(tool, directory) for tool in tools]
    return (
        [binary for binary in found if isinstance(binary, ToolBinary)],
        [missing for missing in found if isinstance(missing, MissingTool)],
    )


def is_static(path: Path) -> bool:
    """True for a 64-bit little-endian ELF file that names no dynamic loader (elf(5)); on macOS for any Mach-O."""
    with path.open("rb") as file:
        header = file.read(ELF_HEADER.size)
        if header[:4] in (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"):
            return True
        if len(header) < ELF_HEADER.size or header[:6] != b"\x7fELF\x02\x01":
            return False
        fields = ELF_HEADER.unpack(header)
        offset, entry_size, entries = fields[10], fields[14], fields[15]
        if entry_size != SEGMENT_BYTES or not entries or offset > os.fstat(file.fileno()).st_size:
            return False
        file.seek(offset)
        table = file.read(entry_size * entries)
    if len(table) < entry_size * entries:
        return False
    kinds = [struct.unpack_from("<I", table, place)[0] for place in range(0, len(table), SEGMENT_BYTES)]
    return PROGRAM_INTERPRETER not in kinds


def version_in(tool: Tool, output: str) -> str:
    """The version in what the CLI printed, or `unknown`."""
    match = re.search(tool.version_pattern, output)
    return match.group(1) if match else "unknown"

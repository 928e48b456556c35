"""The registry of tools. To add a CLI, add one folder to this package and one line here."""

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from shared.errors import ErrorCode, RequestError

if TYPE_CHECKING:
    from shared.tools.tool import Tool

NAMES = (
    "kubectl",
    "helm",
    "istioctl",
    "argocd",
)
"""Names of the tools. The folder of each has a module `definition` with the constant `TOOL`, loaded when needed."""


INSPECT = "inspect"
"""The MCP tool that runs a command of any tool as a read. No tool may have this name."""


def listed(conjunction: str) -> str:
    """Returns the names as part of a sentence: `kubectl, helm and argocd`."""
    return f"{', '.join(NAMES[:-1])} {conjunction} {NAMES[-1]}"


def register(tool: "Tool") -> None:
    """Adds a tool, or replaces the tool with the same name. For entry points that bring their own tool."""
    if tool.name == INSPECT:
        raise ValueError(f"{INSPECT} is the name of a tool of MCP")
    _tools()[tool.name] = tool


def find(name: str) -> "Tool":
    """Returns the tool. Raises RequestError, which lists the tools, if there is no tool with that name."""
    tool = _tools().get(name)
    if tool is None:
        raise RequestError(ErrorCode.TOOL_UNKNOWN, f"There is no such tool; the tools are {', '.join(_tools())}.")
    return tool


def names() -> tuple[str, ...]:
    """Returns the names in the order of registration, which never changes."""
    return tuple(_tools())


def tools() -> "tuple[Tool, ...]":
    """Returns the tools in the order of `names()`."""
    return tuple(_tools().values())


@cache
def _tools() -> "dict[str, Tool]":
    return {name: import_module(f"shared.tools.{name}.definition").TOOL for name in NAMES}

"""The tools that there are. A further CLI is one folder in this package and one line here."""

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
"""Each is a folder whose module `definition` has the tool as `TOOL`. To import these names costs nothing."""


def listed(conjunction: str) -> str:
    """The names as a sentence has them: `kubectl, helm and argocd`."""
    return f"{', '.join(NAMES[:-1])} {conjunction} {NAMES[-1]}"


def register(tool: "Tool") -> None:
    """Adds a tool, or replaces the one of that name: for entry points that bring a tool of their own."""
    _tools()[tool.name] = tool


def find(name: str) -> "Tool":
    """`RequestError` with the names that there are, if it is none of them."""
    tool = _tools().get(name)
    if tool is None:
        raise RequestError(ErrorCode.TOOL_UNKNOWN, f"There is no such tool; the tools are {', '.join(_tools())}.")
    return tool


def names() -> tuple[str, ...]:
    """In the order of registration, which never changes."""
    return tuple(_tools())


def tools() -> "tuple[Tool, ...]":
    """In the order of `names()`."""
    return tuple(_tools().values())


@cache
def _tools() -> "dict[str, Tool]":
    return {name: import_module(f"shared.tools.{name}.definition").TOOL for name in NAMES}

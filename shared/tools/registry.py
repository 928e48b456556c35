"""The tools that there are. A further CLI is one module in this package and one line here."""

from shared.errors import ErrorCode, RequestError
from shared.tools.argocd import definition as argocd
from shared.tools.helm import definition as helm
from shared.tools.istioctl import definition as istioctl
from shared.tools.kubectl import definition as kubectl
from shared.tools.tool import Tool

_TOOLS = {
    tool.name: tool
    for tool in (
        kubectl.TOOL,
        helm.TOOL,
        istioctl.TOOL,
        argocd.TOOL,
    )
}


def register(tool: Tool) -> None:
    """Adds a tool, or replaces the one of that name: for entry points that bring a tool of their own."""
    _TOOLS[tool.name] = tool


def find(name: str) -> Tool:
    """`RequestError` with the names that there are, if it is none of them."""
    tool = _TOOLS.get(name)
    if tool is None:
        raise RequestError(ErrorCode.TOOL_UNKNOWN, f"There is no such tool; the tools are {', '.join(_TOOLS)}.")
    return tool


def names() -> tuple[str, ...]:
    """In the order of registration, which never changes."""
    return tuple(_TOOLS)


def tools() -> tuple[Tool, ...]:
    """In the order of `names()`."""
    return tuple(_TOOLS.values())

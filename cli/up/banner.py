"""The text that `up` prints when it is ready: its URL, its tools, and how to configure a client."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.tools.tool import Tool


@dataclass(frozen=True, slots=True)
class BannerFacts:
    """The facts in the text."""

    version: str
    program: str
    """The command `mcp-k8s`, as another shell on this machine can start it."""
    url: str
    tools: Iterable[Tool]
    versions: Mapping[str, str]
    """Tool → version, for the tools that the worker has."""
    landlock_abi: int
    has_default_kubeconfig: bool


def render(ready: BannerFacts) -> str:
    """Returns the complete text."""
    return "\n".join(
        [
            "",
            f"mcp-k8s {ready.version} is ready at {ready.url} (API: {ready.url}/docs, MCP: {ready.url}/mcp)",
            "",
            "Tools",
            *_tools(ready),
            _sandbox(ready.landlock_abi),
            "",
            "MCP client configuration",
            *_indented(client_configuration(ready)),
            "",
            *_clouds(ready),
            "Or by hand",
            f"  {_curl_line(ready)}",
            "",
            "Ctrl-C stops it.",
            "",
        ]
    )


def _clouds(ready: BannerFacts) -> list[str]:
    """Says what to do with a cloud's kubeconfig, whose token ends while a client keeps the header."""
    if ready.has_default_kubeconfig:
        return []
    bridge = f"{ready.program} mcp-stdio --url {ready.url}"
    return [
        "For a cloud's cluster (EKS, GKE, AKS), whose tokens are short-lived, let your client start:",
        f"  {bridge}",
        "",
    ]


def client_configuration(ready: BannerFacts) -> str:
    """Returns the JSON configuration that Claude, Cursor and other clients read."""
    server: dict[str, object] = {"type": "http", "url": f"{ready.url}/mcp"}
    if not ready.has_default_kubeconfig:
        server["headers"] = {"X-Kubeconfig": f"<output of: {ready.program} kubeconfig>"}
    return json.dumps({"mcpServers": {"k8s": server}}, indent=2)


def _curl_line(ready: BannerFacts) -> str:
    header = "" if ready.has_default_kubeconfig else f' -H "X-Kubeconfig: $({ready.program} kubeconfig)"'
    return (
        f"curl -s {ready.url}/tools/kubectl -H 'Content-Type: application/json'{header} "
        """-d '{"command": "get pods -n default"}'"""
    )


def _tools(ready: BannerFacts) -> list[str]:
    tools = list(ready.tools)
    width = max((len(tool.name) for tool in tools), default=0)
    return [f"  {tool.name:<{width}}  {_version(tool, ready.versions.get(tool.name))}" for tool in tools]


def _version(tool: Tool, version: str | None) -> str:
    if not version:
        return f"missing: {tool.install_hint}"
    problem = tool.age_problem(version)
    return f"{version}, {problem}; {tool.install_hint}" if problem else version


def _sandbox(landlock_abi: int) -> str:
    if landlock_abi:
        return f"Commands run in a sandbox (Landlock, ABI {landlock_abi})."
    return "Commands run WITHOUT a sandbox: this system has no Landlock (Linux 5.13 and later have it)."


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.splitlines()]

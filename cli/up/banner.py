"""The text that `up` prints when it is ready: its URL, its tools, and how to configure a client."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.kubeconfig import encoding
from shared.tools.tool import Tool


@dataclass(frozen=True, slots=True)
class BannerFacts:
    """The facts in the text."""

    version: str
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
            *_indented(client_configuration(ready.url, has_default_kubeconfig=ready.has_default_kubeconfig)),
            "",
            *_clouds(ready),
            "Or by hand",
            f"  {curl_line(ready.url, has_default_kubeconfig=ready.has_default_kubeconfig)}",
            "",
            "Ctrl-C stops it.",
            "",
        ]
    )


def _clouds(ready: BannerFacts) -> list[str]:
    """Says what to do with a cloud's kubeconfig, because workers do not run its credential program."""
    if ready.has_default_kubeconfig:
        return []
    return ["With a cloud's kubeconfig (EKS, GKE, AKS) take the output of: mcp-k8s kubeconfig", ""]


def client_configuration(url: str, *, has_default_kubeconfig: bool) -> str:
    """Returns the JSON configuration that Claude, Cursor and other clients read."""
    server: dict[str, object] = {"type": "http", "url": f"{url}/mcp"}
    if not has_default_kubeconfig:
        server["headers"] = {"X-Kubeconfig": f"<output of: {encoding.ENCODED}>"}
    return json.dumps({"mcpServers": {"k8s": server}}, indent=2)


def curl_line(url: str, *, has_default_kubeconfig: bool) -> str:
    """Returns a curl command that calls the REST API."""
    header = "" if has_default_kubeconfig else f' -H "X-Kubeconfig: $({encoding.ENCODED})"'
    return (
        f"curl -s {url}/tools/kubectl -H 'Content-Type: application/json'{header} "
        """-d '{"command": "get pods -n default"}'"""
    )


def _tools(ready: BannerFacts) -> list[str]:
    tools = list(ready.tools)
    width = max((len(tool.name) for tool in tools), default=0)
    return [
        f"  {tool.name:<{width}}  {ready.versions.get(tool.name) or f'missing: {tool.install_hint}'}" for tool in tools
    ]


def _sandbox(landlock_abi: int) -> str:
    if landlock_abi:
        return f"Commands run in a sandbox (Landlock, ABI {landlock_abi})."
    return "Commands run WITHOUT a sandbox: this system has no Landlock (Linux 5.13 and later have it)."


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.splitlines()]

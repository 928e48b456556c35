"""The parts of a message that the bridge reads: its revision, its routing headers, and whether it may be repeated.

Everything else in a message is passed on unchanged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp.shared.inbound import (
    MCP_METHOD_HEADER,
    MCP_NAME_HEADER,
    MCP_PROTOCOL_VERSION_HEADER,
    NAME_BEARING_METHODS,
    encode_header_value,
)
from mcp_types import PROTOCOL_VERSION_META_KEY, JSONRPCNotification, JSONRPCRequest

from shared.command import parser
from shared.errors import RequestError
from shared.tools import registry

INITIALIZE = "initialize"
CALL_TOOL = "tools/call"
LIST_TOOLS = "tools/list"
CANCELLED = "notifications/cancelled"
WITHOUT_CLUSTER = frozenset(
    {
        INITIALIZE,
        "server/discover",
        "ping",
        LIST_TOOLS,
        "prompts/list",
        "resources/list",
        "resources/templates/list",
        "logging/setLevel",
    }
)
"""Methods that must work without a kubeconfig. The bridge sends no credentials with them."""
CHANGING = frozenset({CALL_TOOL, "tasks/cancel", "tasks/update"})
"""Methods that may have an effect each time they are sent. For tool calls, `ToolCall` and `ToolHints` say more."""

Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolHints:
    """A server's annotations of a tool (MCP, ToolAnnotations)."""

    is_read_only: bool = False
    reaches_cluster: bool = True


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call's name, and the context and harmlessness of its command, if it has one."""

    name: str
    context: str | None = None
    is_harmless: bool = False


def version_of(message: JSONRPCRequest | JSONRPCNotification) -> str | None:
    """Returns the revision that the message itself names. All messages do so since revision 2026-07-28."""
    meta = (message.params or {}).get("_meta")
    version = meta.get(PROTOCOL_VERSION_META_KEY) if isinstance(meta, dict) else None
    return version if isinstance(version, str) else None


def routing_headers(message: JSONRPCRequest | JSONRPCNotification, negotiated: str | None) -> dict[str, str]:
    """Returns the headers of MCP's Streamable HTTP.

    `negotiated` is the revision from the answer to `initialize`, which clients send before revision 2026-07-28.
    """
    own = version_of(message)
    if own is None:
        known = negotiated is not None and message.method != INITIALIZE
        return {MCP_PROTOCOL_VERSION_HEADER: negotiated} if known and negotiated else {}
    headers = {MCP_PROTOCOL_VERSION_HEADER: encode_header_value(own), MCP_METHOD_HEADER: message.method}
    name = (message.params or {}).get(NAME_BEARING_METHODS.get(message.method, ""))
    if isinstance(name, str):
        headers[MCP_NAME_HEADER] = encode_header_value(name)
    return headers


def tool_call(message: JSONRPCRequest) -> ToolCall | None:
    """Returns None for other requests. A command that cannot be parsed counts as a write; the gateway refuses it."""
    params = message.params or {}
    if message.method != CALL_TOOL or not isinstance(params.get("name"), str):
        return None
    name, arguments = params["name"], _texts(params.get("arguments"))
    asked, runs = arguments.get("context"), arguments.get("tool") if name == registry.INSPECT else name
    if runs not in registry.names() or "command" not in arguments:
        return ToolCall(name, asked)
    try:
        invocation = parser.parse(registry.find(runs), arguments["command"], context=asked)
    except RequestError:
        return ToolCall(name, asked)
    return ToolCall(name, invocation.context, invocation.command_class.changes_nothing)


def _texts(arguments: object) -> Params:
    """Returns the arguments that are texts, because nothing has checked the others."""
    given = arguments if isinstance(arguments, dict) else {}
    return {name: value for name, value in given.items() if isinstance(value, str)}


def hints_in(result: Params) -> dict[str, ToolHints]:
    """Returns tool → hints from an answer to `tools/list`."""
    tools = result.get("tools")
    found: dict[str, ToolHints] = {}
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, dict) and isinstance(tool.get("name"), str):
            annotations = tool.get("annotations")
            given = annotations if isinstance(annotations, dict) else {}
            found[tool["name"]] = ToolHints(
                is_read_only=given.get("readOnlyHint") is True,
                reaches_cluster=given.get("openWorldHint") is not False,
            )
    return found

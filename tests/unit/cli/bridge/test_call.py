"""What the bridge reads out of the messages that it passes on."""

from typing import Any

import pytest
from mcp_types import CLIENT_CAPABILITIES_META_KEY, PROTOCOL_VERSION_META_KEY, JSONRPCRequest

from cli.bridge import call

MODERN = "2026-07-28"
META = {PROTOCOL_VERSION_META_KEY: MODERN, CLIENT_CAPABILITIES_META_KEY: {}}


def request(method: str, **params: Any) -> JSONRPCRequest:
    return JSONRPCRequest(jsonrpc="2.0", id=1, method=method, params=params)


def inspected(tool: object, text: str) -> JSONRPCRequest:
    return request(call.CALL_TOOL, name="inspect", arguments={"tool": tool, "command": text})


def command(text: str, tool: str = "kubectl", **arguments: Any) -> JSONRPCRequest:
    return request(call.CALL_TOOL, name=tool, arguments={"command": text, **arguments})


@pytest.mark.parametrize(
    ("message", "headers"),
    [
        (request("initialize", protocolVersion="x"), {}),
        (request("tools/list"), {"mcp-protocol-version": "2025-06-18"}),
        (request("tools/list", _meta=META), {"mcp-protocol-version": MODERN, "mcp-method": "tools/list"}),
        (
            request("tools/call", name="kubectl", _meta=META),
            {"mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": "kubectl"},
        ),
        (
            request("resources/read", uri="job://ä", _meta=META),
            {
                "mcp-protocol-version": MODERN,
                "mcp-method": "resources/read",
                "mcp-name": "=?base64?am9iOi8vw6Q=?=",
            },
        ),
    ],
    ids=["initialize", "earlier revision", "list", "call", "resource"],
)
def test_routing_headers_are_those_of_the_revision(message: JSONRPCRequest, headers: dict[str, str]) -> None:
    assert call.routing_headers(message, "2025-06-18") == headers


@pytest.mark.parametrize(
    ("message", "is_harmless"),
    [
        (command("get pods"), True),
        (command("version --client"), True),
        (command("delete pod x"), False),
        (command("frobnicate"), False),
        (command("get pods; rm -rf /"), False),
        (command("list", tool="helm"), True),
        (command("install a b", tool="helm"), False),
        (command("read", tool="unknown"), False),
        (inspected("helm", "list"), True),
        (inspected("helm", "install a b"), False),
        (inspected(["helm"], "list"), False),
        (request(call.CALL_TOOL, name="kubectl", arguments=None), False),
    ],
)
def test_only_what_is_known_to_read_is_harmless(message: JSONRPCRequest, is_harmless: bool) -> None:
    tool = call.tool_call(message)

    assert tool is not None
    assert tool.is_harmless is is_harmless


@pytest.mark.parametrize(
    "message",
    [
        command("get pods --context there"),
        command("get pods", context="there"),
        command("x", "new", context="there"),
        inspected("kubectl", "get pods --context there"),
    ],
)
def test_context_of_a_call_is_found_in_command_and_arguments(message: JSONRPCRequest) -> None:
    tool = call.tool_call(message)

    assert tool is not None
    assert tool.context == "there"


def test_hints_of_malformed_tools_are_left_out() -> None:
    tools = [
        {"name": "get_job", "annotations": {"readOnlyHint": True, "openWorldHint": False}},
        {"name": "kubectl", "annotations": None},
        {"annotations": {}},
        "tool",
    ]

    assert call.hints_in({"tools": tools}) == {
        "get_job": call.ToolHints(is_read_only=True, reaches_cluster=False),
        "kubectl": call.ToolHints(),
    }
    assert call.hints_in({"tools": None}) == {}

"""The official Python client of MCP, and what tests read of its results."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import mcp_types as types
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

MODERN = "2026-07-28"
MODES = ("auto", "legacy", MODERN)


@asynccontextmanager
async def connected(url: str, mode: str, headers: Mapping[str, str] | None = None) -> AsyncIterator[Client]:
    """A client of the gateway at that URL."""
    async with (
        create_mcp_http_client(headers=dict(headers or {})) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


async def called(client: Client, tool: str, arguments: dict[str, Any]) -> types.CallToolResult:
    result = await client.call_tool(tool, arguments)
    assert isinstance(result, types.CallToolResult)
    return result


def text(result: types.CallToolResult) -> dict[str, Any]:
    """The JSON that stands in a result's text."""
    [content] = result.content
    assert isinstance(content, types.TextContent)
    value: dict[str, Any] = json.loads(content.text)
    return value


def code(result: types.CallToolResult) -> str:
    """The slug of the problem that a refused call gives."""
    assert result.is_error
    kind: str = text(result)["type"]
    return kind.removeprefix("urn:mcp-k8s:problem:")

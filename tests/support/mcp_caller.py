"""The official MCP client, as a user configures it: a URL and headers."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent

from shared.models import CommandResponse
from tests.support.caller import TIMEOUT_S, encoded

MODERN = "2026-07-28"
LEGACY = "legacy"
MODES = (MODERN, LEGACY)


@asynccontextmanager
async def mcp_client(
    url: str, *, kubeconfig: str | None = None, mode: str = "auto", headers: Mapping[str, str] | None = None
) -> AsyncIterator[Client]:
    """Each of its requests has a connection of its own, so that a balancer spreads them."""
    credentials = {"X-Kubeconfig": encoded(kubeconfig)} if kubeconfig else {}
    limits = httpx2.Limits(max_keepalive_connections=0)
    timeout = httpx2.Timeout(TIMEOUT_S)
    async with httpx2.AsyncClient(
        headers={**credentials, **(headers or {})}, limits=limits, timeout=timeout, trust_env=False
    ) as http:
        transport = streamable_http_client(f"{url}/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            yield client


async def call(client: Client, tool: str, **arguments: Any) -> CommandResponse:
    """The structured content of a call; the text must say the same."""
    result = await client.call_tool(tool, arguments)
    assert result.structured_content is not None, result
    response = CommandResponse.model_validate(result.structured_content)
    assert CommandResponse.model_validate(json.loads(text_of(result))) == response
    return response


def text_of(result: CallToolResult) -> str:
    [content] = result.content
    assert isinstance(content, TextContent)
    return content.text

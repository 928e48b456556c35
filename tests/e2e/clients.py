"""The two ways into the product that every scenario takes: REST, and MCP with the official client."""

import itertools
import json
from collections.abc import Mapping
from typing import Any, Protocol

import httpx
from mcp_types import CallToolResult

from shared.models import CommandResponse
from tests.support.caller import encoded
from tests.support.mcp_caller import MODERN, mcp_client, text_of

TIMEOUT_S = 300.0
POLL_S = 20


class Client(Protocol):
    """Spreads its calls over all gateways."""

    async def run(
        self, tool: str, command: str, *, kubeconfig: str | None, headers: Mapping[str, str], fields: Mapping[str, Any]
    ) -> CommandResponse:
        """Waits for the end of a command that is not refused, however long it takes."""
        ...

    async def refusal(self, tool: str, command: str, *, kubeconfig: str | None, fields: Mapping[str, Any]) -> str:
        """What a refused command is told."""
        ...


class _Spread:
    """Takes its gateways in turn."""

    def __init__(self, urls: tuple[str, ...]) -> None:
        self._turns = itertools.cycle(urls)


class RestClient(_Spread):
    """One request a command."""

    async def run(
        self, tool: str, command: str, *, kubeconfig: str | None, headers: Mapping[str, str], fields: Mapping[str, Any]
    ) -> CommandResponse:
        answer = await self._post(tool, command, {**_credentials(kubeconfig), **headers}, fields)
        assert answer.status_code == httpx.codes.OK, answer.text
        return CommandResponse.model_validate_json(answer.text)

    async def refusal(self, tool: str, command: str, *, kubeconfig: str | None, fields: Mapping[str, Any]) -> str:
        answer = await self._post(tool, command, _credentials(kubeconfig), fields)
        assert answer.is_client_error, answer.text
        detail: str = answer.json()["detail"]
        return detail

    async def _post(
        self, tool: str, command: str, headers: Mapping[str, str], fields: Mapping[str, Any]
    ) -> httpx.Response:
        async with httpx.AsyncClient(base_url=next(self._turns), timeout=TIMEOUT_S, trust_env=False) as http:
            return await http.post(f"/tools/{tool}", json={"command": command, **fields}, headers=dict(headers))


class McpClient(_Spread):
    """A command that is handed over as a job is followed with `get_job`, through another gateway each time."""

    async def run(
        self, tool: str, command: str, *, kubeconfig: str | None, headers: Mapping[str, str], fields: Mapping[str, Any]
    ) -> CommandResponse:
        response = _response(await self._sent(tool, kubeconfig, headers, command=command, **fields))
        while not response.state.is_final:
            response = _response(await self._call("get_job", None, {}, job_id=response.job_id, wait=POLL_S))
        return response

    async def refusal(self, tool: str, command: str, *, kubeconfig: str | None, fields: Mapping[str, Any]) -> str:
        result = await self._sent(tool, kubeconfig, {}, command=command, **fields)
        assert result.is_error, result
        detail: str = json.loads(text_of(result))["detail"]
        return detail

    async def _sent(
        self, tool: str, kubeconfig: str | None, headers: Mapping[str, str], **arguments: Any
    ) -> CallToolResult:
        return await self._call(tool, kubeconfig, headers, **arguments)

    async def _call(
        self, called: str, kubeconfig: str | None, headers: Mapping[str, str], **arguments: Any
    ) -> CallToolResult:
        url = next(self._turns)
        async with mcp_client(url, kubeconfig=kubeconfig, mode=MODERN, headers=headers) as client:
            return await client.call_tool(called, arguments)


class InspectingClient(McpClient):
    """Runs every command with the tool that only reads."""

    async def _sent(
        self, tool: str, kubeconfig: str | None, headers: Mapping[str, str], **arguments: Any
    ) -> CallToolResult:
        return await self._call("inspect", kubeconfig, headers, tool=tool, **arguments)


CLIENTS: dict[str, type[RestClient] | type[McpClient]] = {"rest": RestClient, "mcp": McpClient}
"""By the name that a test's id has."""


def _response(result: CallToolResult) -> CommandResponse:
    assert result.structured_content is not None, result
    return CommandResponse.model_validate(result.structured_content)


def _credentials(kubeconfig: str | None) -> dict[str, str]:
    return {"X-Kubeconfig": encoded(kubeconfig)} if kubeconfig else {}

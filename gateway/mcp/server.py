"""The MCP server: fastapi-mcp turns the REST operations into tools, the official SDK serves them.

fastapi-mcp's own transport buffers whole answers, keeps sessions in one process and calls the app through HTTP with a
10 s limit; none of that suits long jobs or several replicas. So `setup_server` is replaced: stateless Streamable HTTP,
and a tool call goes straight to what the REST routes call.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import mcp_types as types
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi_mcp import FastApiMCP
from fastapi_mcp.openapi.convert import convert_openapi_to_mcp_tools
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

import shared
from gateway import problems
from gateway.mcp import calls, prompts, resources, results, tools
from shared.errors import ProductError

PATH = "/mcp"
INSTRUCTIONS = (
    "Runs kubectl, helm, istioctl and argocd against the user's own cluster. No shell is involved: pass one command. "
    "A command that takes long returns a job_id: call get_job with it instead of sending the command again."
)

Context = ServerRequestContext[Any, Any]


class McpServer(FastApiMCP):
    """Tools from the app's operations; `running` must be entered while the app serves."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(app, name="mcp-k8s", include_operations=list(tools.OPERATIONS))
        self._manager: StreamableHTTPSessionManager | None = None
        app.router.routes.append(Route(PATH, endpoint=_Endpoint(self), methods=["POST"], include_in_schema=False))

    def setup_server(self) -> None:
        openapi = get_openapi(title=self.fastapi.title, version=self.fastapi.version, routes=self.fastapi.routes)
        converted, self.operation_map = convert_openapi_to_mcp_tools(openapi)
        self.tools = self._filter_tools(converted, openapi)
        self.server = Server(
            self.name,
            version=shared.__version__,
            instructions=INSTRUCTIONS,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_prompts=self._list_prompts,
            on_get_prompt=self._get_prompt,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serves for as long as the block runs; may be entered again afterwards."""
        manager = StreamableHTTPSessionManager(
            self.server,
            stateless=True,
            json_response=False,
            max_request_body_size=self.fastapi.state.settings.max_body_bytes,
        )
        async with manager.run():
            self._manager = manager
            try:
                yield
            finally:
                self._manager = None

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._manager is None:
            raise RuntimeError("the MCP server is not running")
        await StreamableHTTPASGIApp(self._manager)(scope, receive, send)

    async def _list_tools(self, _: Context, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        state = self.fastapi.state
        policy = tools.Policy(state.settings.security_mode, state.job_lists.are_open_to_anonymous)
        return types.ListToolsResult(tools=tools.described(self.tools, policy))

    async def _call_tool(self, context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        arguments: Mapping[str, Any] = params.arguments or {}
        try:
            return await calls.call(self.fastapi, context, name=params.name, arguments=arguments)
        except ProductError as error:
            return results.of_error(error)
        except Exception as error:  # noqa: BLE001 - the request boundary of MCP: logged, and shown as a reference
            return results.of_error(problems.unexpected(error))

    async def _list_prompts(self, _: Context, __: types.PaginatedRequestParams | None) -> types.ListPromptsResult:
        return types.ListPromptsResult(prompts=prompts.listed())

    async def _get_prompt(self, _: Context, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        with _protocol_errors():
            return prompts.rendered(params.name, params.arguments or {})

    async def _list_resources(self, _: Context, __: types.PaginatedRequestParams | None) -> types.ListResourcesResult:
        return types.ListResourcesResult(resources=resources.listed())

    async def _list_templates(
        self, _: Context, __: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        return types.ListResourceTemplatesResult(resource_templates=list(resources.TEMPLATES))

    async def _read_resource(self, _: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        with _protocol_errors():
            return await resources.read(self.fastapi, str(params.uri))


@contextmanager
def _protocol_errors() -> Iterator[None]:
    """Prompts and resources have no results for errors as tools have: theirs are those of JSON-RPC."""
    try:
        yield
    except ProductError as error:
        raise MCPError(types.INVALID_PARAMS, error.detail) from error
    except Exception as error:
        raise MCPError(types.INTERNAL_ERROR, problems.unexpected(error).detail) from error


class _Endpoint:
    """An ASGI app for Starlette's route: a bound method would be taken for a request handler."""

    def __init__(self, server: McpServer) -> None:
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._server.handle(scope, receive, send)

"""The MCP server: fastapi-mcp turns the REST operations into tools, and the official SDK serves them.

fastapi-mcp's own transport buffers whole answers, keeps sessions in one process and calls the app through HTTP with a
10 s limit; none of that suits long jobs or several replicas. So `setup_server` is replaced: Streamable HTTP has no
state, and a tool call uses the functions that the REST routes use.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import mcp_types as types
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi_mcp import FastApiMCP
from fastapi_mcp.openapi.convert import convert_openapi_to_mcp_tools
from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.context import HandlerResult
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

import shared
from gateway.http import problems
from gateway.http.request_limits import replay
from gateway.mcp import call_spans, calls, exchange, message_check, prompts, protocol_errors, resources, tools
from gateway.mcp.exchange import Context, Exchange
from gateway.mcp.tasks import extension, revision_2025_11_25
from gateway.mcp.text import results
from gateway.mcp.tools import ListedPolicy
from gateway.parts import Parts
from shared.errors import ErrorCode, ProductError
from shared.tools import registry

PATH = "/mcp"
INSTRUCTIONS = (
    f"Runs {registry.listed('and')} against the user's own cluster. No shell is involved: pass one command. "
    f"Read with {registry.INSPECT}, which can change nothing; their own tools are for changes. "
    "A command that takes long returns a job_id: call get_job with it instead of sending the command again."
)
CACHE_HINT = CacheHint(ttl_ms=300_000, scope="public")
"""The lists are the same for every caller. They change only with the gateway's version, settings and policy."""
CACHED: tuple[CacheableMethod, ...] = (
    "server/discover",
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
)


class McpServer(FastApiMCP):
    """Makes tools from the app's operations. `running` must be entered while the app serves."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(app, name="mcp-k8s", include_operations=list(tools.OPERATIONS))
        self._manager: StreamableHTTPSessionManager | None = None
        self._offered: dict[bool, list[types.Tool]] = {}
        app.router.routes.append(Route(PATH, endpoint=self, methods=["POST"], include_in_schema=False))

    def setup_server(self) -> None:
        openapi = get_openapi(title=self.fastapi.title, version=self.fastapi.version, routes=self.fastapi.routes)
        converted, self.operation_map = convert_openapi_to_mcp_tools(openapi)
        self.tools = self._filter_tools(converted, openapi)
        self.server = Server(
            self.name,
            version=shared.__version__,
            instructions=INSTRUCTIONS,
            cache_hints=dict.fromkeys(CACHED, CACHE_HINT),
            on_list_tools=self._list_tools,
            on_list_prompts=self._list_prompts,
            on_get_prompt=self._get_prompt,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource,
        )
        self.server.add_request_handler("tools/call", types.CallToolRequestParams, self._call_tool)
        self.server.middleware[:] = [call_spans.traced, revision_2025_11_25.core_tasks]
        extension.install(self.server)

    @asynccontextmanager
    async def running(self, parts: Parts) -> AsyncIterator[None]:
        """Serves while the block runs. It may be entered again afterwards."""
        lists_jobs = parts.job_lists.are_open_to_anonymous
        policies = [ListedPolicy(only_reads, lists_jobs) for only_reads in (False, True)]
        self._offered = {policy.only_reads: self._described(policy) for policy in policies}
        manager = StreamableHTTPSessionManager(
            self.server,
            stateless=True,
            json_response=False,
            max_request_body_size=parts.settings.max_body_bytes,
        )
        async with manager.run():
            self._manager = manager
            try:
                yield
            finally:
                self._manager = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._manager is None:
            raise RuntimeError("the MCP server is not running")
        message = await receive()  # the whole body: our middleware has read it
        if (fault := message_check.fault(message.get("body", b""))) is not None:
            await JSONResponse(fault.model_dump(mode="json"), status_code=400)(scope, receive, send)
            return
        request = Exchange(_trimmed(scope), replay(message, receive), send)
        try:
            await StreamableHTTPASGIApp(self._manager)(request.scope, request.receive, request.send)
        finally:
            request.close()

    def _described(self, policy: ListedPolicy) -> list[types.Tool]:
        """Describes the tools, once at the start: the SDK asks for the list in every stateless call."""
        return [revision_2025_11_25.offered(tool) for tool in tools.described(self.tools, policy)]

    async def _list_tools(self, context: Context, _: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        policy = exchange.of(context).parts.policy.policy()
        return types.ListToolsResult(tools=self._offered[policy.only_reads])

    async def _call_tool(self, context: Context, params: types.CallToolRequestParams) -> HandlerResult:
        takes_tasks = extension.is_declared(context)
        mcp_wait_s = exchange.of(context).parts.settings.mcp_wait
        wait_s = min(mcp_wait_s, extension.WAIT_S) if takes_tasks else mcp_wait_s
        try:
            result = await calls.call(context, params.name, params.arguments or {}, wait_s=wait_s)
            task = await extension.handed_over(context, params.name, result) if takes_tasks else None
        except ProductError as error:
            if error.code is ErrorCode.TOOL_UNKNOWN:
                raise protocol_errors.of(error) from error  # as specified; other refusals are for the model to act on
            return results.of_error(error)
        except Exception as error:  # noqa: BLE001 - the request boundary of MCP: logged, and shown as a reference
            return results.of_error(problems.unexpected(error))
        return task or result

    async def _list_prompts(self, _: Context, __: types.PaginatedRequestParams | None) -> types.ListPromptsResult:
        return types.ListPromptsResult(prompts=prompts.listed())

    async def _get_prompt(self, _: Context, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        with protocol_errors.answered():
            return prompts.rendered(params.name, params.arguments or {})

    async def _list_resources(self, _: Context, __: types.PaginatedRequestParams | None) -> types.ListResourcesResult:
        return types.ListResourcesResult(resources=resources.listed())

    async def _list_templates(
        self, _: Context, __: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        return types.ListResourceTemplatesResult(resource_templates=list(resources.TEMPLATES))

    async def _read_resource(
        self, context: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        with protocol_errors.answered():
            return await resources.read(context, str(params.uri))


def _trimmed(scope: Scope) -> Scope:
    """Removes blanks around header values (RFC 9110, 5.5), because the HTTP parser keeps those after a value."""
    return {**scope, "headers": [(name, value.strip(b" \t")) for name, value in scope["headers"]]}

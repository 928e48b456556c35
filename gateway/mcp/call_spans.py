"""The span of one MCP message, which belongs to that of the caller: `_meta` names it, or the request's headers.

In place of the SDK's own, which would export the texts of errors. Source: MCP 2026-07-28, basic, trace context.
"""

from collections.abc import Callable
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from opentelemetry.context import Context
from opentelemetry.trace import NoOpTracer, SpanKind, StatusCode, Tracer

from gateway.mcp import tools
from shared import logs
from shared.tracing import spans

TRACED = frozenset({"tools/call", "tasks/get", "tasks/cancel", "tasks/update", "tasks/result"})
"""What runs a command or looks at one; lists and the like are as they are."""


class CallTracing:
    """Middleware of the SDK's server."""

    def __init__(self, tracer: Callable[[], Tracer]) -> None:
        self._tracer = tracer

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        parent = spans.parent_in(ctx.meta) if ctx.meta else None
        tracer = self._tracer()
        if ctx.method not in TRACED or (parent is None and isinstance(tracer, NoOpTracer)):
            return await call_next(ctx)
        return await _traced(tracer, parent, ctx, call_next=call_next)


async def _traced(
    tracer: Tracer, parent: Context | None, ctx: ServerRequestContext[Any, Any], *, call_next: CallNext
) -> HandlerResult:
    attributes = {"mcp.method.name": ctx.method}
    name = (ctx.params or {}).get("name")
    if name in tools.OPERATIONS:
        attributes["gen_ai.tool.name"] = name
    title = " ".join(attributes.values())
    with spans.span(tracer, title, attributes, kind=SpanKind.SERVER, parent=parent) as span:
        logs.add(**spans.log_fields())
        result = await call_next(ctx)
        if isinstance(result, dict) and result.get("isError"):  # as it goes to the client
            span.set_status(StatusCode.ERROR)
        return result

"""Makes the span of one MCP message. Its parent is the caller's span, which `_meta` or the request's headers name.

It replaces the SDK's own span, which would export the texts of errors. Source: MCP 2026-07-28, basic, trace context.
"""

from mcp.server.context import CallNext, HandlerResult
from opentelemetry.trace import NoOpTracer, SpanKind, StatusCode

from gateway.mcp import exchange, tools
from gateway.mcp.exchange import Context
from shared import logs
from shared.tracing import spans

TRACED = frozenset({"tools/call", "tasks/get", "tasks/cancel", "tasks/update", "tasks/result"})
"""Methods that run a command or read a job. Other methods, such as lists, have no span."""


async def traced(ctx: Context, call_next: CallNext) -> HandlerResult:
    """Runs a call in its span, as middleware of the SDK's server."""
    if ctx.method not in TRACED:
        return await call_next(ctx)
    parent = spans.parent_in(ctx.meta) if ctx.meta else None
    tracer = exchange.of(ctx).parts.tracer
    if parent is None and isinstance(tracer, NoOpTracer):
        return await call_next(ctx)
    attributes = {"mcp.method.name": ctx.method}
    name = (ctx.params or {}).get("name")
    if name in tools.NAMES:
        attributes["gen_ai.tool.name"] = name
    title = " ".join(attributes.values())
    with spans.span(tracer, title, attributes, kind=SpanKind.SERVER, parent=parent) as span:
        logs.add(**spans.log_fields())
        result = await call_next(ctx)
        if isinstance(result, dict) and result.get("isError"):  # as it goes to the client
            span.set_status(StatusCode.ERROR)
        return result

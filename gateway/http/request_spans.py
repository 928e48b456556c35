"""Starts the trace of a request, and sets the fields of its log lines.

The span of an MCP message is made in `gateway.mcp.call_spans`, because the message's body may name the caller's trace.
"""

from collections.abc import Iterable

from opentelemetry import context as contexts
from opentelemetry.context import Context
from opentelemetry.trace import NoOpTracer, Span, SpanKind, StatusCode, Tracer
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import parts
from gateway.http.telemetry import METHODS, QUIET_ROUTES, ROUTES_WITHOUT_FASTAPI, UNROUTED, route_of
from shared import logs
from shared.tracing import spans

OTHER_METHOD = "_OTHER"
"""Source: OpenTelemetry's semantic conventions for HTTP, `http.request.method`."""
FIRST_ERROR_STATUS = 500
"""Lowest status that marks a span as failed: a 4xx status is the client's error."""


class RequestTracing:
    """The outermost ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in QUIET_ROUTES:
            await self._app(scope, receive, send)
            return
        parent = spans.parent_in(_fields(scope["headers"]))
        logs.begin(**(spans.log_fields(parent) if parent is not None else {}))
        tracer = parts.of(scope).tracer
        if parent is not None and scope["path"] in ROUTES_WITHOUT_FASTAPI:
            await self._attached(parent, scope, receive, send=send)
        elif scope["path"] in ROUTES_WITHOUT_FASTAPI or (parent is None and isinstance(tracer, NoOpTracer)):
            await self._app(scope, receive, send)
        else:
            await self._traced(tracer, parent, scope, receive=receive, send=send)

    async def _attached(self, parent: Context, scope: Scope, receive: Receive, *, send: Send) -> None:
        token = contexts.attach(parent)
        try:
            await self._app(scope, receive, send)
        finally:
            contexts.detach(token)

    async def _traced(
        self, tracer: Tracer, parent: Context | None, scope: Scope, *, receive: Receive, send: Send
    ) -> None:
        method = scope["method"] if scope["method"] in METHODS else OTHER_METHOD
        attributes = {"http.request.method": method}
        with spans.span(tracer, method, attributes, kind=SpanKind.SERVER, parent=parent) as span:
            logs.add(**spans.log_fields())

            async def note_status(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _note(span, message["status"])
                await send(message)

            try:
                await self._app(scope, receive, note_status)
            finally:
                if (route := route_of(scope)) != UNROUTED:
                    span.update_name(f"{method} {route}")
                    span.set_attribute("http.route", route)


def _note(span: Span, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= FIRST_ERROR_STATUS:
        span.set_status(StatusCode.ERROR)


def _fields(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Ignores several `traceparent` headers, and joins several `tracestate` (W3C Trace Context, 3.2 and 3.3)."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        if name in (b"traceparent", b"tracestate"):
            found.setdefault(name.decode(), []).append(value.decode("latin-1"))
    if len(found.get(spans.TRACEPARENT, ())) != 1:
        return {}
    return {name: ",".join(values) for name, values in found.items()}

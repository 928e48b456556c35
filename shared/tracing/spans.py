"""Spans of a request on its way through gateway, queue and worker, for an OpenTelemetry collector.

Nothing is traced, and nothing of the SDK imported, unless an endpoint is set; the caller's own trace context is passed
on all the same. The provider never becomes the process's global one: FastAPI and the MCP SDK would export through that,
and what they record of an error is what a caller sent. Baggage is not passed on: it is the caller's own text, and
nobody behind the gateway reads it.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NoOpTracer, Span, SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.settings import CommonSettings

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"
MAX_CHARACTERS = 512
"""Of either: what W3C asks everyone to pass on (Trace Context, 3.3.1.5)."""
JOB_ID = "mcp_k8s.job.id"
JOB_STATE = "mcp_k8s.job.state"
ATTEMPT = "mcp_k8s.job.attempt"
TOOL = "mcp_k8s.tool"
COMMAND_CLASS = "mcp_k8s.command_class"
LANE = "mcp_k8s.lane"
EXIT_CODE = "process.exit.code"

PROTOCOL = "http/protobuf"
URL = re.compile(r"https?://[^\s/?#]+(?:[/?#]\S*)?", re.IGNORECASE)

Attributes = Mapping[str, str | int]

log = structlog.get_logger()

_PROPAGATOR = TraceContextTextMapPropagator()


@asynccontextmanager
async def running(settings: CommonSettings, *, service: str) -> AsyncIterator[Tracer]:
    """The tracer of this process. At the end of the block spans that have ended are sent, for a bounded time."""
    obstacle = _obstacle(settings)
    if obstacle:
        log.warning("no traces are made", reason=obstacle)
    if obstacle or not settings.traces_endpoint:
        yield NoOpTracer()
        return
    from shared.tracing.trace_export import exporting  # noqa: PLC0415 - costs memory, and most have no collector

    async with exporting(service, settings.traces_endpoint) as tracer:
        yield tracer


def _obstacle(settings: CommonSettings) -> str | None:
    """What stands in the way of traces that are asked for: no reason not to serve, for other programs read it too."""
    if settings.traces_endpoint and not URL.fullmatch(settings.traces_endpoint):
        return "OTEL_EXPORTER_OTLP_ENDPOINT must be an http:// or https:// URL with a host"
    if settings.traces_endpoint and settings.traces_protocol != PROTOCOL:
        return f"OTEL_EXPORTER_OTLP_PROTOCOL must be {PROTOCOL}, the only one that traces are sent with"
    return None


@contextmanager
def span(
    tracer: Tracer,
    name: str,
    attributes: Attributes | None = None,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    parent: Context | None = None,
) -> Iterator[Span]:
    """A span that is the current one while the block runs; without `parent` it belongs to the current one.

    What an exception says is not recorded: it may repeat what a caller sent.
    """
    if parent is None and isinstance(tracer, NoOpTracer):  # what it would do, without its dozen steps
        yield trace.get_current_span()
        return
    with tracer.start_as_current_span(
        name, parent, kind, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as started:
        yield started


def parent_in(fields: Mapping[str, object]) -> Context | None:
    """What a caller says of its own span; None where it says nothing or nothing valid, which is ignored.

    Names are in lower case. Source: W3C Trace Context, 4.3; for MCP's `_meta`, revision 2026-07-28, basic.
    """
    carrier = {
        name: value
        for name in (TRACEPARENT, TRACESTATE)
        if isinstance(value := fields.get(name), str) and len(value) <= MAX_CHARACTERS
    }
    if TRACEPARENT not in carrier:
        return None
    context = _PROPAGATOR.extract(carrier, Context())
    return context if trace.get_current_span(context).get_span_context().is_valid else None


def fields_of(started: Span) -> dict[str, str]:
    """The same fields, for who comes next; none where there is no trace."""
    fields: dict[str, str] = {}
    if not started.get_span_context().is_valid:
        return fields
    _PROPAGATOR.inject(fields, trace.set_span_in_context(started, Context()))
    return fields


def log_fields(context: Context | None = None) -> dict[str, str]:
    """`trace_id` of the current span, or of the one in the context; nothing where there is no trace."""
    found = trace.get_current_span(context).get_span_context()
    return {"trace_id": trace.format_trace_id(found.trace_id)} if found.is_valid else {}

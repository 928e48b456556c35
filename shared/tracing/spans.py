"""OpenTelemetry spans of a request on its way through gateway, queue and worker.

Without an endpoint nothing is traced and the SDK is not imported, but the caller's trace context is still passed on.
The provider never becomes the global one, because FastAPI and the MCP SDK would then export spans whose errors contain
a caller's input. Baggage is not passed on, because it is the caller's text and no component reads it.
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
"""Longest traceparent or tracestate: the length that W3C asks everyone to pass on (Trace Context, 3.3.1.5)."""
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
    """Yields the tracer of this process. The end of the block sends the remaining spans, with a time limit."""
    obstacle = _obstacle(settings)
    if obstacle:
        log.warning("traces are off", reason=obstacle)
    if obstacle or not settings.traces_endpoint:
        yield NoOpTracer()
        return
    from shared.tracing.trace_export import exporting  # noqa: PLC0415 - it costs memory, and most installations have no collector

    async with exporting(service, settings.traces_endpoint) as tracer:
        yield tracer


def _obstacle(settings: CommonSettings) -> str | None:
    """Returns why traces cannot be made although they are configured.

    This does not end the process, because other programs read the same variables.
    """
    if settings.traces_endpoint and not URL.fullmatch(settings.traces_endpoint):
        return "OTEL_EXPORTER_OTLP_ENDPOINT must be an http:// or https:// URL with a host"
    if settings.traces_endpoint and settings.traces_protocol != PROTOCOL:
        return f"OTEL_EXPORTER_OTLP_PROTOCOL must be {PROTOCOL}, the only supported protocol"
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
    """Makes a span the current one while the block runs. By default its parent is the span that was current before.

    Exceptions are not recorded, because their text may repeat a caller's input.
    """
    if parent is None and isinstance(tracer, NoOpTracer):  # the same result with less work
        yield trace.get_current_span()
        return
    with tracer.start_as_current_span(
        name, parent, kind, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as started:
        yield started


def parent_in(fields: Mapping[str, object]) -> Context | None:
    """Returns the caller's trace context, or None if it is missing or not valid.

    Names of fields are in lower case. Source: W3C Trace Context, 4.3; for MCP's `_meta`, revision 2026-07-28, basic.
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
    """Returns the fields that pass the span's context on, or an empty dict if there is no trace."""
    fields: dict[str, str] = {}
    if not started.get_span_context().is_valid:
        return fields
    _PROPAGATOR.inject(fields, trace.set_span_in_context(started, Context()))
    return fields


def log_fields(context: Context | None = None) -> dict[str, str]:
    """Returns the `trace_id` of the context or of the current span, or an empty dict if there is no trace."""
    found = trace.get_current_span(context).get_span_context()
    return {"trace_id": trace.format_trace_id(found.trace_id)} if found.is_valid else {}

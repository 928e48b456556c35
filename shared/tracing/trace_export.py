"""Sends spans to a collector in a separate thread, so that no request and no job waits for it.

Only this module imports OpenTelemetry's SDK, which reads the standard variables itself: sampler, headers, timeouts,
certificates, resource attributes. Spans are dropped if the collector is too slow.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import NoOpTracer, Tracer

import shared

FLUSH_TIMEOUT_S = 2.0
"""Seconds to send the last spans when a process ends."""
CHATTY = ("opentelemetry.exporter.otlp.proto.http.trace_exporter", "opentelemetry.sdk._shared_internal")
"""Loggers that log a line for every batch that the collector rejects."""
LOGGER_OF_HEADERS = "opentelemetry.util.re"
"""Logger that shows a header which it cannot parse; headers may contain tokens."""
MAX_REASON_CHARACTERS = 300

log = structlog.get_logger()


@asynccontextmanager
async def exporting(service: str, endpoint: str) -> AsyncIterator[Tracer]:
    """Yields a tracer. The end of the block sends the last spans, for at most `FLUSH_TIMEOUT_S`."""
    with _quiet() as last_words:
        async with _exporting(service, urlsplit(endpoint).netloc.rpartition("@")[2], last_words) as tracer:
            yield tracer


@asynccontextmanager
async def _exporting(service: str, collector: str, last_words: "_LastWords") -> AsyncIterator[Tracer]:
    try:
        exporter = _ReportedExporter(collector, last_words)
        processor = BatchSpanProcessor(exporter)
    except (ValueError, OSError) as error:
        # The error's text is left out, because it repeats values.
        log.warning("traces are off", reason="an OTEL_ variable is not valid", error=type(error).__name__)
        yield NoOpTracer()
        return
    provider = TracerProvider(resource=_resource(service), shutdown_on_exit=False)
    provider.add_span_processor(processor)
    try:
        yield provider.get_tracer("mcp-k8s", shared.__version__)
    finally:
        # A daemon thread, because the interpreter waits for all other threads at its end.
        flushing = threading.Thread(target=provider.shutdown, name="flush traces", daemon=True)
        flushing.start()
        await asyncio.to_thread(flushing.join, FLUSH_TIMEOUT_S)
        if flushing.is_alive():
            exporter.shutdown()


def _resource(service: str) -> Resource:
    """Returns the attributes: defaults, overridden by our own, overridden by the operator's."""
    own = Resource({"service.name": service, "service.version": shared.__version__})
    return Resource.create().merge(own).merge(OTELResourceDetector().detect())


class _ReportedExporter(SpanExporter):
    """Logs once that the collector accepts no spans, and once that it accepts them again."""

    def __init__(self, collector: str, last_words: "_LastWords") -> None:
        self._exporter = OTLPSpanExporter()
        self._collector = collector
        self._last_words = last_words
        self._is_failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        is_failing = result is not SpanExportResult.SUCCESS
        if is_failing and not self._is_failing:
            log.warning("traces not exported", collector=self._collector, reason=self._last_words.text)
        if self._is_failing and not is_failing:
            log.info("traces exported again", collector=self._collector)
        self._is_failing = is_failing
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # it takes and gives nothing

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


@contextmanager
def _quiet() -> Iterator["_LastWords"]:
    """Silences the SDK's loggers while the block runs. Yields an object that keeps their last line."""
    last_words, nothing = _LastWords(), _LastWords()
    filters = [*((name, last_words) for name in CHATTY), (LOGGER_OF_HEADERS, nothing)]
    for name, each in filters:
        logging.getLogger(name).addFilter(each)
    try:
        yield last_words
    finally:
        for name, each in filters:
            logging.getLogger(name).removeFilter(each)


class _LastWords(logging.Filter):
    """Keeps the last line of a logger and lets nothing through."""

    text = ""

    def filter(self, record: logging.LogRecord) -> bool:
        self.text = record.getMessage()[:MAX_REASON_CHARACTERS]
        return False

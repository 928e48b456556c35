"""Sends spans to a collector, from a thread of its own: no request and no job ever waits for it.

The one module that imports OpenTelemetry's SDK, which reads the standard variables itself: sampler, headers, time-outs,
certificates, resource attributes. What the collector is too slow for is dropped.
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
"""For the last spans, when a process ends."""
CHATTY = ("opentelemetry.exporter.otlp.proto.http.trace_exporter", "opentelemetry.sdk._shared_internal")
"""Loggers that repeat themselves with every batch that a collector does not take."""
LOGGER_OF_HEADERS = "opentelemetry.util.re"
"""Shows a header that it cannot read, and headers hold tokens."""
MAX_REASON_CHARACTERS = 300

log = structlog.get_logger()


@asynccontextmanager
async def exporting(service: str, endpoint: str) -> AsyncIterator[Tracer]:
    """A tracer of this process alone, whose last spans are sent at the end of the block, or given up after
    `FLUSH_TIMEOUT_S`."""
    with _quiet() as last_words:
        async with _exporting(service, urlsplit(endpoint).netloc.rpartition("@")[2], last_words) as tracer:
            yield tracer


@asynccontextmanager
async def _exporting(service: str, collector: str, last_words: "_LastWords") -> AsyncIterator[Tracer]:
    try:
        exporter = _ReportedExporter(collector, last_words)
        processor = BatchSpanProcessor(exporter)
    except (ValueError, OSError) as error:
        # Without the error's text, which repeats values.
        log.warning("no traces are made", reason="an OTEL_ variable does not fit", error=type(error).__name__)
        yield NoOpTracer()
        return
    provider = TracerProvider(resource=_resource(service), shutdown_on_exit=False)
    provider.add_span_processor(processor)
    try:
        yield provider.get_tracer("mcp-k8s", shared.__version__)
    finally:
        # A daemon: the interpreter's end waits for every other thread.
        flushing = threading.Thread(target=provider.shutdown, name="flush traces", daemon=True)
        flushing.start()
        await asyncio.to_thread(flushing.join, FLUSH_TIMEOUT_S)
        if flushing.is_alive():
            exporter.shutdown()


def _resource(service: str) -> Resource:
    """Defaults, then what we know, then what the operator says."""
    own = Resource({"service.name": service, "service.version": shared.__version__})
    return Resource.create().merge(own).merge(OTELResourceDetector().detect())


class _ReportedExporter(SpanExporter):
    """Says once that the collector takes nothing, and once that it does again."""

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
    """The SDK's loggers say nothing while the block runs; what they would have said last is kept."""
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
    """Keeps what a logger said last, and lets nothing through."""

    text = ""

    def filter(self, record: logging.LogRecord) -> bool:
        self.text = record.getMessage()[:MAX_REASON_CHARACTERS]
        return False

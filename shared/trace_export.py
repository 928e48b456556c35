"""Sends spans to a collector, from a thread of its own: no request and no job ever waits for it.

The one module that imports OpenTelemetry's SDK, which reads the standard variables itself: sampler, headers, time-outs,
certificates, resource attributes. What the collector is too slow for is dropped.
"""

import asyncio
import logging
import threading
from collections.abc import Sequence
from urllib.parse import urlsplit

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

import shared

FLUSH_TIMEOUT_S = 2.0
"""For the last spans, when a process ends."""
CHATTY = ("opentelemetry.exporter.otlp.proto.http.trace_exporter", "opentelemetry.sdk._shared_internal")
"""Loggers that repeat themselves with every batch that a collector does not take."""
MAX_REASON_CHARACTERS = 300

log = structlog.get_logger()


class TraceExport:
    """A provider of this process alone; `stop` must be awaited."""

    def __init__(self, service: str, endpoint: str) -> None:
        self._exporter = _ReportedExporter(urlsplit(endpoint).netloc.rpartition("@")[2])
        # Defaults, then what we know, then what the operator says.
        resource = Resource.create().merge(
            Resource({"service.name": service, "service.version": shared.__version__}).merge(
                OTELResourceDetector().detect()
            )
        )
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self.tracer = self._provider.get_tracer("mcp-k8s", shared.__version__)

    async def stop(self) -> None:
        """Sends the spans that have ended; what takes longer than `FLUSH_TIMEOUT_S` is given up."""
        # A daemon: the interpreter's end waits for every other thread.
        flushing = threading.Thread(target=self._provider.shutdown, name="flush traces", daemon=True)
        flushing.start()
        await asyncio.to_thread(flushing.join, FLUSH_TIMEOUT_S)
        if flushing.is_alive():
            self._exporter.shutdown()


class _ReportedExporter(SpanExporter):
    """Says once that the collector takes nothing, and once that it does again."""

    def __init__(self, collector: str) -> None:
        self._exporter = OTLPSpanExporter()
        self._collector = collector
        self._is_failing = False
        self._reason = _LastWords()
        for name in CHATTY:
            logging.getLogger(name).addFilter(self._reason)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        is_failing = result is not SpanExportResult.SUCCESS
        if is_failing and not self._is_failing:
            log.warning("traces not exported", collector=self._collector, reason=self._reason.text)
        if self._is_failing and not is_failing:
            log.info("traces exported again", collector=self._collector)
        self._is_failing = is_failing
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # it takes and gives nothing
        for name in CHATTY:
            logging.getLogger(name).removeFilter(self._reason)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


class _LastWords(logging.Filter):
    """Keeps what a logger said last, and lets nothing through."""

    text = ""

    def filter(self, record: logging.LogRecord) -> bool:
        self.text = record.getMessage()[:MAX_REASON_CHARACTERS]
        return False

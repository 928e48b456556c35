"""An OpenTelemetry collector for tests: takes OTLP over HTTP, decodes it, and keeps every byte."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ReceivedSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

PATH = "/v1/traces"


@dataclass(frozen=True)
class Span:
    """A span as it arrived; ids in hexadecimal, the parent's empty for a root."""

    service: str
    name: str
    trace_id: str
    id: str
    parent_id: str
    attributes: dict[str, str | int]
    has_failed: bool
    started_ns: int
    ended_ns: int


@dataclass
class Collector:
    """What has arrived so far. With `status` it can refuse; with `stalls` it answers nothing until its end."""

    url: str = ""
    status: int = 200
    stalls: bool = False
    requests: int = 0
    spans: list[Span] = field(default_factory=list)
    received: bytes = b""
    ending: threading.Event = field(default_factory=threading.Event)

    def trace(self, trace_id: str) -> dict[str, Span]:
        """The spans of one trace, by their names."""
        return {span.name: span for span in list(self.spans) if span.trace_id == trace_id}

    def take(self, path: str, body: bytes) -> int:
        """The status to answer with."""
        self.requests += 1
        if self.stalls:
            self.ending.wait()
        if path != PATH or self.status != 200:
            return self.status if path == PATH else 404
        self.received += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = str(_attributes(resource.resource.attributes)["service.name"])
            self.spans += [_span(service, span) for scope in resource.scope_spans for span in scope.spans]
        return 200


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that listens on loopback while the block runs."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(collector.take(self.path, body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Keeps the access log out of the test's output."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        collector.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield collector
        finally:
            collector.ending.set()
            server.shutdown()
            serving.join()


def _span(service: str, span: ReceivedSpan) -> Span:
    return Span(
        service=service,
        name=span.name,
        trace_id=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        attributes=_attributes(span.attributes),
        has_failed=span.status.code == Status.STATUS_CODE_ERROR,
        started_ns=span.start_time_unix_nano,
        ended_ns=span.end_time_unix_nano,
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, str | int]:
    return {pair.key: pair.value.string_value or pair.value.int_value for pair in pairs}

"""What is taken of a caller's trace context, and what is passed on; without a collector too."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from opentelemetry.trace import NoOpTracer, Tracer
from pydantic import SecretStr
from structlog.testing import capture_logs

from shared.sealing.fernet_keys import MasterKeys
from shared.settings import CommonSettings
from shared.tracing import spans
from shared.tracing.trace_export import CHATTY, exporting
from tests.support.collector import Collector, collecting
from tests.support.waiting import wait_until

TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE_ID}-{SPAN_ID}-01"
STOP_TIMEOUT_S = 20
"""Far more than a stop may take, and less than the SDK would wait by itself."""


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """One that this process exports to, at once."""
    with collecting() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
        yield running


@pytest.mark.parametrize(
    "value",
    [
        "",
        "garbage",
        f"00-{TRACE_ID}-{SPAN_ID}",
        f"00-{TRACE_ID.upper()}-{SPAN_ID}-01",
        f"00-{TRACE_ID[1:]}-{SPAN_ID}-01",
        f"00-{'0' * 32}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"ff-{TRACE_ID}-{SPAN_ID}-01",
        f"{VALID}-more",
        f"{VALID}\r\nX-Injected: 1",
        f"00-{TRACE_ID}-{SPAN_ID}-zz",
        f"01-{TRACE_ID}-{SPAN_ID}-01-{'x' * 600}",
        None,
        7,
        [VALID],
        {"traceparent": VALID},
    ],
    ids=repr,
)
def test_malformed_traceparent_is_ignored(value: object) -> None:
    assert spans.parent_in({"traceparent": value, "tracestate": "vendor=value"}) is None


def test_tracestate_alone_is_no_context() -> None:
    assert spans.parent_in({"tracestate": "vendor=value"}) is None


@pytest.mark.parametrize("value", [VALID, f" {VALID}\t", f"01-{TRACE_ID}-{SPAN_ID}-01-what-comes-later"])
async def test_context_of_a_caller_is_passed_on_where_nothing_is_traced(value: str) -> None:
    parent = spans.parent_in({"traceparent": value, "tracestate": "vendor=value"})
    with spans.span(NoOpTracer(), "submit", {spans.TOOL: "kubectl"}, parent=parent) as span:
        assert spans.fields_of(span) == {"traceparent": VALID, "tracestate": "vendor=value"}
        assert spans.log_fields() == {"trace_id": TRACE_ID}
    assert spans.log_fields() == {}


def test_tracestate_that_is_too_long_is_dropped_alone() -> None:
    parent = spans.parent_in({"traceparent": VALID, "tracestate": f"vendor={'x' * 600}"})
    with spans.span(NoOpTracer(), "submit", parent=parent) as span:
        assert spans.fields_of(span) == {"traceparent": VALID}


def test_without_a_caller_there_is_nothing_to_pass_on() -> None:
    with spans.span(NoOpTracer(), "submit") as span:
        assert spans.fields_of(span) == {}


def test_sdk_is_not_imported_where_nothing_is_traced() -> None:
    program = """
import asyncio, sys
import cli.main, gateway.main, worker.main
from shared.tracing import spans
from shared.settings import CommonSettings

async def run():
    async with spans.running(CommonSettings.load(), service="mcp-k8s-gateway") as tracer:
        with spans.span(tracer, "submit"):
            print(sorted(name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exp"))))

asyncio.run(run())
"""
    environment = {"K8S_MCP_MASTER_KEYS": MasterKeys.generate(), "OTEL_SERVICE_NAME": "mine"}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert (ended.stdout, ended.returncode) == ("[]\n", 0), ended.stderr


async def test_spans_are_sent_before_the_process_ends(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "600000")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")

    async with spans.running(settings(), service="mcp-k8s-gateway") as tracer:
        with spans.span(tracer, "submit"):
            pass

    assert [(span.service, span.name, span.parent_id) for span in collector.spans] == [("mine", "submit", "")]


async def test_error_leaves_none_of_its_text_in_a_span(collector: Collector) -> None:
    async with exporting("mcp-k8s-gateway", collector.url) as tracer:
        with pytest.raises(RuntimeError), spans.span(tracer, "submit"):
            raise RuntimeError("canary")

    assert [span.name for span in collector.spans] == ["submit"]
    assert b"canary" not in collector.received


async def test_collector_that_refuses_is_one_line_until_it_takes_spans_again(collector: Collector) -> None:
    collector.status = 400
    url = collector.url.replace("//", "//user:canary@")
    with capture_logs() as logged:
        async with exporting("mcp-k8s-gateway", url) as tracer:
            for _ in range(3):
                await _refused(tracer, collector)
            collector.status = 200
            with spans.span(tracer, "submit"):
                pass
            await wait_until(lambda: collector.spans)

    assert [line["event"] for line in logged] == ["traces not exported", "traces exported again"]
    assert logged[0]["collector"] == collector.url.removeprefix("http://")
    assert "400" in logged[0]["reason"]
    assert "canary" not in str(logged)


async def test_collector_that_never_answers_delays_neither_spans_nor_the_end(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "600")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "16")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16")
    collector.stalls = True
    async with AsyncExitStack() as stack:
        tracer = await stack.enter_async_context(exporting("mcp-k8s-gateway", collector.url))
        for _ in range(100):
            with spans.span(tracer, "submit"):
                pass
        await wait_until(lambda: collector.requests)

        async with asyncio.timeout(STOP_TIMEOUT_S):
            await stack.aclose()

    assert not collector.spans


async def test_loggers_of_the_exporter_are_heard_again_afterwards(collector: Collector) -> None:
    before = [list(logging.getLogger(name).filters) for name in CHATTY]
    async with exporting("mcp-k8s-gateway", collector.url):
        pass
    assert [logging.getLogger(name).filters for name in CHATTY] == before


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "canary:4317"}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://"}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL"),
        ({"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "-1"}, "an OTEL_ variable"),
        ({"OTEL_EXPORTER_OTLP_COMPRESSION": "unknown"}, None),
        ({"OTEL_EXPORTER_OTLP_CERTIFICATE": "/canary"}, None),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "canary"}, None),
        ({"OTEL_TRACES_SAMPLER": "unknown"}, None),
    ],
    ids=str,
)
async def test_variable_that_does_not_fit_stops_no_process(
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    given: dict[str, str],
    named: str | None,
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    with capture_logs() as logged:
        async with spans.running(settings(), service="mcp-k8s-gateway") as tracer:
            with spans.span(tracer, "submit"):
                pass

    warnings = [line["reason"] for line in logged if line["event"] == "traces are off"]
    assert [reason.partition(" must")[0].partition(" is")[0] for reason in warnings] == ([named] if named else [])
    assert isinstance(tracer, NoOpTracer) == bool(named)
    assert "canary" not in f"{logged}{caplog.text}"


async def test_protocol_of_others_is_no_matter_without_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")

    with capture_logs() as logged:
        async with spans.running(settings(), service="mcp-k8s-gateway"):
            pass

    assert logged == []


def settings() -> CommonSettings:
    return CommonSettings(master_keys=SecretStr(MasterKeys.generate()))


async def _refused(tracer: Tracer, collector: Collector) -> None:
    before = collector.requests
    with spans.span(tracer, "submit"):
        pass
    await wait_until(lambda: collector.requests > before)

"""Which trace a request belongs to, by its headers."""

import pytest
from opentelemetry import trace
from starlette.types import Receive, Scope, Send

from gateway.http.request_spans import RequestTracing
from shared import logs
from shared.tracing import spans
from tests.unit.gateway import asgi
from tests.unit.gateway.asgi import Header

TRACE_ID, OTHER_TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "5bf92f3577b34da6a3ce929d0e0e4736"
PARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER_PARENT = b"00-5bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def seen(*headers: Header, path: str = "/tools/kubectl") -> tuple[dict[str, str], str | None]:
    """What is passed on, and the trace of log lines, within a request that nothing traces."""
    found: list[tuple[dict[str, str], str | None]] = []

    async def app(_: Scope, __: Receive, ___: Send) -> None:
        found.append((spans.fields_of(trace.get_current_span()), logs.subject().get("trace_id")))

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    request = {**asgi.scope(headers), "path": path}
    await asgi.send(RequestTracing(app), request, receive)
    assert spans.log_fields() == {}
    [answer] = found
    return answer


@pytest.mark.parametrize("path", ["/tools/kubectl", "/mcp"])
async def test_trace_of_the_caller_goes_on(path: str) -> None:
    headers = [(b"traceparent", PARENT), (b"tracestate", b"a=1"), (b"tracestate", b"b=2")]

    fields, trace_id = await seen(*headers, path=path)

    assert fields == {"traceparent": PARENT.decode(), "tracestate": "a=1,b=2"}
    assert trace_id == TRACE_ID


async def test_two_parents_are_none() -> None:
    assert await seen((b"traceparent", PARENT), (b"traceparent", OTHER_PARENT)) == ({}, None)


async def test_bytes_that_are_no_text_are_none() -> None:
    assert await seen((b"traceparent", b"\xff\x00"), (b"tracestate", b"\xff")) == ({}, None)


async def test_request_says_nothing_of_the_one_before() -> None:
    assert (await seen((b"traceparent", OTHER_PARENT)))[1] == OTHER_TRACE_ID
    assert await seen() == ({}, None)

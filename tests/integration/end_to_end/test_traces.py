"""One trace from the caller to the child process, which a collector gets and which holds nothing that a caller sent."""

import json
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from tests.integration.end_to_end.system import System, start
from tests.support import stub
from tests.support.api_server import ApiServer
from tests.support.caller import Caller, caller_of, encoded
from tests.support.collector import Collector, Span, collecting
from tests.support.leaks import leaks
from tests.support.mcp_caller import MODES, mcp_client
from tests.support.product import Product
from tests.support.valkey import long_lived
from tests.support.waiting import wait_until

EXPORT_INTERVAL_MS = "100"
CALLER_SPAN = "00f067aa0ba902b7"
JOB_SPANS = {"submit", "queue wait", "run", "process"}
CANARY = "canary-of-traces"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture(scope="module")
def traced_system(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A gateway and a worker that export what they do, soon."""
    with long_lived() as valkey, Product(valkey.url, tmp_path_factory.mktemp("traced")) as product:
        yield start(
            product,
            gateways=1,
            workers=1,
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_BSP_SCHEDULE_DELAY=EXPORT_INTERVAL_MS,
            FASTAPI_OTEL_AUTO_CONFIGURE="true",
        )


@pytest.fixture
def trace_id() -> str:
    return secrets.token_hex(16)


def context(trace_id: str) -> dict[str, str]:
    return {"traceparent": f"00-{trace_id}-{CALLER_SPAN}-01", "tracestate": "vendor=value"}


async def spans_of(collector: Collector, trace_id: str, request: str) -> dict[str, Span]:
    """Once all of a command's have arrived."""
    await wait_until(lambda: collector.trace(trace_id).keys() >= {*JOB_SPANS, request})
    return collector.trace(trace_id)


def assert_chain(spans: Mapping[str, Span], request: str) -> None:
    """Caller → request → submit → queue wait, and submit → run → process."""
    assert spans.keys() == {*JOB_SPANS, request}
    parents = {name: span.parent_id for name, span in spans.items()}
    assert parents == {
        request: CALLER_SPAN,
        "submit": spans[request].id,
        "queue wait": spans["submit"].id,
        "run": spans["submit"].id,
        "process": spans["run"].id,
    }
    services = {name: span.service.removeprefix("mcp-k8s-") for name, span in spans.items()}
    gateway, worker = dict.fromkeys((request, "submit"), "gateway"), dict.fromkeys(JOB_SPANS - {"submit"}, "worker")
    assert services == {**gateway, **worker}
    assert spans["queue wait"].ended_ns <= spans["run"].started_ns <= spans["process"].started_ns


async def test_command_over_rest_is_one_trace(traced_system: System, collector: Collector, trace_id: str) -> None:
    headers = {"X-Kubeconfig": encoded(stub.KUBECONFIG), **context(trace_id)}
    async with httpx.AsyncClient(base_url=traced_system.url, timeout=30, trust_env=False) as client:
        answer = await client.post("/tools/stub", json={"command": "write fail 3"}, headers=headers)
    spans = await spans_of(collector, trace_id, "POST /tools/stub")

    assert_chain(spans, "POST /tools/stub")
    job = {"mcp_k8s.tool": "stub", "mcp_k8s.command_class": "write", "mcp_k8s.lane": "slow"}
    job_id = {"mcp_k8s.job.id": answer.json()["job_id"]}
    assert {name: span.attributes for name, span in spans.items()} == {
        "POST /tools/stub": {
            "http.request.method": "POST",
            "http.route": "/tools/stub",
            "http.response.status_code": 200,
        },
        "submit": {**job, **job_id},
        "queue wait": {"mcp_k8s.lane": "slow"},
        "run": {**job, **job_id, "mcp_k8s.job.attempt": 1, "mcp_k8s.job.state": "failed"},
        "process": {"mcp_k8s.tool": "stub", "process.exit.code": 3},
    }
    assert {name for name, span in spans.items() if span.has_failed} == {"run", "process"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("carrier", ["meta", "header", "both"])
async def test_command_over_mcp_is_one_trace(
    traced_system: System, collector: Collector, trace_id: str, mode: str, carrier: str
) -> None:
    own = context(trace_id)
    headers = {"meta": {}, "header": own, "both": context(secrets.token_hex(16))}[carrier]
    meta: Any = None if carrier == "header" else own
    async with mcp_client(traced_system.url, kubeconfig=stub.KUBECONFIG, mode=mode, headers=headers) as client:
        await client.call_tool("stub", {"command": "read ok"}, meta=meta)
    spans = await spans_of(collector, trace_id, "tools/call stub")

    assert_chain(spans, "tools/call stub")
    assert not any(span.has_failed for span in spans.values())


@pytest.mark.parametrize("value", ["garbage", f"00-{'0' * 32}-{CALLER_SPAN}-01", f"00-{'A' * 32}-{CALLER_SPAN}-01"])
async def test_malformed_context_begins_a_new_trace(traced_system: System, collector: Collector, value: str) -> None:
    headers = {"X-Kubeconfig": encoded(stub.KUBECONFIG), "traceparent": value}
    async with httpx.AsyncClient(base_url=traced_system.url, timeout=30, trust_env=False) as client:
        answer = await client.post("/tools/stub", json={"command": "read ok"}, headers=headers)
    job_id = answer.json()["job_id"]
    await wait_until(lambda: _submitting(collector, job_id))
    [submit] = _submitting(collector, job_id)
    await wait_until(lambda: "POST /tools/stub" in collector.trace(submit.trace_id))

    assert collector.trace(submit.trace_id)["POST /tools/stub"].parent_id == ""


async def test_nothing_that_a_caller_sent_is_exported(
    traced_system: System, collector: Collector, api_server: ApiServer, trace_id: str
) -> None:
    sent = {"stdin": CANARY, "files": {"values.yaml": CANARY}}
    async with caller_of(traced_system.url, api_server.kubeconfig()) as caller:
        await caller.run("stub", f"read hex {CANARY.encode().hex()}", **sent)
        await caller.run("kubectl", f"get pod {CANARY} -n {CANARY}")
        await _refused(caller)
    for mode in MODES:
        async with mcp_client(traced_system.url, kubeconfig=api_server.kubeconfig(), mode=mode) as client:
            await client.call_tool("stub", {"command": f"write say {CANARY}", **sent})
            await client.call_tool("kubectl", {"command": f"get pods; {CANARY}"})
            await client.call_tool("get_job", {"job_id": CANARY})
            await client.get_prompt("troubleshoot_workload", {"workload": CANARY, "namespace": CANARY})
    headers = {"X-Kubeconfig": encoded(api_server.kubeconfig()), **context(trace_id)}
    async with httpx.AsyncClient(base_url=traced_system.url, timeout=30, trust_env=False) as http:
        await http.post("/tools/stub", json={"command": f"read say {CANARY}"}, headers=headers)

    # Spans are exported in their order: with the last command's there are all.
    await spans_of(collector, trace_id, "POST /tools/stub")
    names = {span.name for span in collector.spans}
    assert {"tools/call stub", "tools/call kubectl", "tools/call get_job", "POST /tools/kubectl", "GET"} <= names
    assert leaks(collector.received.decode("latin-1"), CANARY, api_server.token) == []
    assert b"anonymous" not in collector.received


async def test_command_sees_nothing_of_it(traced_system: System, collector: Collector, trace_id: str) -> None:
    headers = {"X-Kubeconfig": encoded(stub.KUBECONFIG), **context(trace_id)}
    async with httpx.AsyncClient(base_url=traced_system.url, timeout=30, trust_env=False) as client:
        answer = await client.post("/tools/stub", json={"command": "read environment"}, headers=headers)

    environment = answer.json()["output"]
    assert json.loads(environment)["LANG"]
    assert trace_id not in environment
    assert "OTEL" not in environment
    assert collector.url not in environment


@pytest.mark.parametrize("mode", ["rest", *MODES])
async def test_log_lines_name_job_and_trace_where_nothing_is_traced(
    system: System, api_server: ApiServer, trace_id: str, mode: str
) -> None:
    own = context(trace_id)
    if mode == "rest":
        async with caller_of(system.url, api_server.kubeconfig()) as caller:
            headers = {"X-Kubeconfig": encoded(caller.kubeconfig), **own}
            answer = await caller.http.post("/tools/kubectl", json={"command": "get pods"}, headers=headers)
        job_id = answer.json()["job_id"]
    else:
        async with mcp_client(system.url, kubeconfig=api_server.kubeconfig(), mode=mode) as client:
            meta: Any = own
            result = await client.call_tool("kubectl", {"command": "get pods"}, meta=meta)
        assert result.structured_content is not None
        job_id = result.structured_content["job_id"]

    await wait_until(lambda: {"job finished", "request finished"} <= {line["event"] for line in _lines(system, job_id)})
    lines = _lines(system, job_id)
    assert {"job submitted", "request finished", "job finished"} <= {line["event"] for line in lines}
    assert [line["event"] for line in lines if line.get("trace_id") != trace_id] == []
    assert [line["event"] for line in lines if line.get("job_id") != job_id] == []


def _submitting(collector: Collector, job_id: str) -> list[Span]:
    return [
        span for span in list(collector.spans) if span.name == "submit" and span.attributes["mcp_k8s.job.id"] == job_id
    ]


def _lines(system: System, job_id: str) -> list[dict[str, Any]]:
    """The log lines that concern a job; the last of a log may still be half written."""
    written = [line for log in system.logs().values() for line in log.split("\n")[:-1]]
    return [json.loads(line) for line in written if job_id in line]


async def _refused(caller: Caller) -> None:
    """Requests that fail in as many ways."""
    http = caller.http
    await http.get(f"/{CANARY}", params={CANARY: CANARY})
    await http.get(f"/jobs/{CANARY}")
    await http.post(f"/tools/{CANARY}", json={"command": CANARY})
    await http.post("/tools/kubectl", json={"command": 7, CANARY: CANARY}, headers={"X-Kubeconfig": CANARY})
    await http.post("/tools/kubectl", json={"command": f"get pods --token={CANARY}"}, headers={CANARY: CANARY})
    await http.request("BREW", f"/{CANARY}")

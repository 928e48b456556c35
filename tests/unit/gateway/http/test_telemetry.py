"""What is counted of a request: method, route and status, and nothing that a caller made up."""

import pytest
from starlette.types import Receive, Scope, Send

from gateway.http.telemetry import Telemetry
from shared import metrics
from tests.unit.gateway import asgi


def counted(**labels: str) -> float:
    return metrics.GATEWAY.get_sample_value("mcp_k8s_http_requests_total", labels) or 0


async def test_path_that_no_route_has_is_no_label() -> None:
    before = counted(method="any", route="none", status="204")
    request = {**asgi.scope(), "method": "BREW", "path": "/canary/path"}
    await asgi.send(Telemetry(asgi.Recorder()), request, _disconnected)
    assert counted(method="any", route="none", status="204") == before + 1
    assert not any("canary" in str(sample.labels) for metric in metrics.GATEWAY.collect() for sample in metric.samples)


async def test_request_that_ends_in_an_error_counts_as_500() -> None:
    async def crash(_: Scope, __: Receive, ___: Send) -> None:
        raise RuntimeError

    before = counted(method="any", route="none", status="500")
    with pytest.raises(RuntimeError):
        await asgi.send(Telemetry(crash), asgi.scope(), _disconnected)
    assert counted(method="any", route="none", status="500") == before + 1


async def _disconnected() -> dict[str, str]:
    return {"type": "http.disconnect"}

"""Probes, metrics and the tools' status."""

import re

import httpx
import pytest

import shared
from shared.tools import registry
from tests.integration.gateway import served
from tests.support.hand_worker import HandWorker

METRICS = [
    "mcp_k8s_http_requests_total",
    "mcp_k8s_http_request_seconds_bucket",
    "mcp_k8s_jobs_submitted_total",
    "mcp_k8s_refusals_total",
    "mcp_k8s_waiting_requests",
]


async def test_health_is_as_in_the_first_generation(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "healthy", "version": shared.__version__})


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_probe_of_a_gateway_that_serves(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 200


async def test_readiness_says_what_contains_the_commands_of_live_workers(
    client: httpx.AsyncClient, worker: HandWorker
) -> None:
    assert (await client.get("/readyz")).json()["sandboxes"] == {}
    await worker.announce("kubectl", "helm")
    assert (await client.get("/readyz")).json()["sandboxes"] == {"none": 1}


@pytest.mark.parametrize("name", METRICS)
async def test_metric_is_there(client: httpx.AsyncClient, name: str) -> None:
    await served.submitted(client)
    await client.post("/tools/nope", json={"command": "x"})
    answer = await client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert any(line.startswith(name) for line in answer.text.splitlines())


async def test_paths_and_ids_are_no_labels(client: httpx.AsyncClient) -> None:
    job_id = await served.submitted(client)
    await client.get(f"/jobs/{job_id}")
    await client.get("/canary-path")
    text = (await client.get("/metrics")).text
    assert 'route="/jobs/{job_id}"' in text
    assert job_id not in text
    assert "canary" not in text


async def test_tools_without_a_worker_are_not_available(client: httpx.AsyncClient) -> None:
    status = (await client.get("/tools/status")).json()
    assert list(status) == [*registry.NAMES]
    assert status["kubectl"] == {"available": False, "version": None, "workers": 0}


async def test_tools_of_a_live_worker_are_available(client: httpx.AsyncClient, worker: HandWorker) -> None:
    await worker.announce("kubectl")
    status = (await client.get("/tools/status")).json()
    assert status["kubectl"] == {"available": True, "version": "1.0", "workers": 1}
    assert status["helm"] == {"available": False, "version": None, "workers": 0}


async def test_page_of_the_api_refers_to_no_other_host(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    links = re.findall(r"""(?:src|href|url)\s*[=:]\s*["']([^"']+)["']""", page.text)

    assert set(links) >= {"openapi.json", "docs/assets/swagger-ui-bundle.js", "docs/assets/swagger-ui.css"}
    assert "//" not in "".join(links)
    assert '"validatorUrl": null' in page.text
    for link in links:
        assert (await client.get(page.url.join(link))).status_code == 200
    assert "default-src 'none'; connect-src 'self'" in page.headers["Content-Security-Policy"]


async def test_there_is_one_page_and_no_other(client: httpx.AsyncClient) -> None:
    assert (await client.get("/redoc")).status_code == 404
    assert (await client.get("/docs/assets/../../pyproject.toml")).status_code == 404


async def test_description_of_the_api_names_the_calls(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert {
        *(f"/tools/{name}" for name in registry.NAMES),
        "/tools/status",
        "/jobs",
        "/jobs/{job_id}",
        "/health",
    } <= set(paths)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("GET", "/tools/kubectl", 405), ("PUT", "/jobs", 405), ("GET", "/mcp", 405)],
)
async def test_route_that_is_none_is_a_problem(client: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert served.code(answer) in ("not-found", "method-not-allowed")

"""What a worker tells over HTTP, to whom, and how little of it anybody can use up."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from worker.probes import probe_server as worker_listener
from worker.probes.probe_server import MAX_CONNECTIONS, Listener, WorkerReadiness

LIMIT_S = 20
HOST = "127.0.0.1"


@dataclass
class Scene:
    """A listener, and how its worker stands."""

    port: int = 0
    shortcoming: str | None = None
    measured: int = 0

    def measure(self) -> None:
        self.measured += 1

    def readiness(self) -> WorkerReadiness:
        return WorkerReadiness(self.shortcoming, {"tools": {"kubectl": "1.0"}})


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    async with Listener(scene.measure, scene.readiness).running(HOST, 0) as scene.port:
        yield scene


@pytest.fixture
async def client(scene: Scene) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{HOST}:{scene.port}", timeout=LIMIT_S) as client:
        yield client


async def raw(port: int, request: bytes) -> bytes:
    """All that is answered, until the connection is closed."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(request)
        writer.write_eof()
        async with asyncio.timeout(LIMIT_S):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_metrics_are_measured_when_they_are_asked_for(scene: Scene, client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics")

    assert (answer.status_code, scene.measured) == (200, 1)
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "mcp_k8s_leases_lost_total" in answer.text
    assert "mcp_k8s_waiting_requests" not in answer.text, "is the gateway's"


async def test_worker_that_takes_no_jobs_lives_and_is_not_ready(scene: Scene, client: httpx.AsyncClient) -> None:
    ready = await client.get("/readyz")
    scene.shortcoming = "Redis is away"
    not_ready = await client.get("/readyz")

    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "tools": {"kubectl": "1.0"}})
    assert (not_ready.status_code, not_ready.json()["reason"]) == (503, "Redis is away")
    assert (await client.get("/livez")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 404), ("POST", "/metrics", 405), ("GET", "/metrics?a=b", 200)]
)
async def test_there_is_nothing_else(client: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    assert (await client.request(method, path)).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:9097"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Host": "worker:9097"}, 200),
        ({"Host": "mcp-k8s-worker.tools.svc:9097"}, 200),
        ({"Host": "10.1.2.3:9097"}, 200),
        ({"Host": "[fd00::1]:9097"}, 200),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else str(value),
)
async def test_web_page_learns_nothing(client: httpx.AsyncClient, headers: dict[str, str], status: int) -> None:
    assert (await client.get("/metrics", headers=headers)).status_code == status


@pytest.mark.parametrize(
    "request_bytes",
    [b"", b"\r\n\r\n", b"\x00\xff\r\n\r\n", b"GET /metrics HTTP/1.1\r\n", b"GET /" + b"a" * 100_000 + b"\r\n\r\n"],
    ids=["nothing", "empty", "binary", "half", "endless"],
)
async def test_what_is_no_request_changes_nothing(
    scene: Scene, client: httpx.AsyncClient, request_bytes: bytes
) -> None:
    answer = await raw(scene.port, request_bytes)

    assert not answer or answer.startswith(b"HTTP/1.1 403 ")
    assert (await client.get("/livez")).status_code == 200


async def test_silent_connections_end_by_themselves(
    scene: Scene, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_listener, "EXCHANGE_TIMEOUT_S", 0.1)
    silent = [await asyncio.open_connection(HOST, scene.port) for _ in range(MAX_CONNECTIONS)]
    try:
        async with asyncio.timeout(LIMIT_S):
            for reader, _ in silent:
                assert await reader.read() == b""
        assert (await client.get("/livez")).status_code == 200
    finally:
        for _, writer in silent:
            writer.close()


async def test_end_of_the_listener_cuts_who_is_connected() -> None:
    scene = Scene()
    async with Listener(scene.measure, scene.readiness).running(HOST, 0) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        await raw(port, b"GET /livez HTTP/1.1\r\nHost: worker\r\n\r\n")  # the first one has been accepted by now
    try:
        async with asyncio.timeout(LIMIT_S):
            assert await reader.read() == b""
    finally:
        writer.close()

"""`uvicorn gateway.app:app`: the app alone, with settings from the environment at its start."""

import asyncio
import signal
import sys

import httpx
import pytest
from redis.asyncio import Redis

from shared.settings import BAD_SETTINGS_EXIT_CODE
from tests.integration.gateway import served
from tests.support.hand_worker import HandWorker
from tests.support.product import START_TIMEOUT_S, Process, Product, free_port, is_serving
from tests.support.waiting import wait_until


async def uvicorn(product: Product) -> tuple[str, Process]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "gateway.app:app", "--port", str(port), "--log-level", "warning"]
    process = product.launch("uvicorn", command)
    url = f"http://127.0.0.1:{port}"
    await wait_until(lambda: is_serving(url, process), timeout_s=START_TIMEOUT_S)
    return url, process


async def test_app_is_served_by_uvicorn_itself(product: Product, redis: Redis, worker: HandWorker) -> None:
    await worker.announce()
    url, process = await uvicorn(product)
    async with httpx.AsyncClient(base_url=url, timeout=served.TIMEOUT_S) as client:
        assert (await client.get("/health")).json()["status"] == "healthy"
        assert (await client.get("/health", headers={"Host": "evil.example"})).status_code == 403
        call = asyncio.create_task(client.post("/tools/kubectl", json={"command": served.LOCAL_COMMAND}))
        await wait_until(lambda: served.queued(redis))
        [job_id] = await served.queued(redis)
        process.signal(signal.SIGTERM)
        answer = await call
    assert (answer.status_code, answer.json()["job_id"]) == (503, job_id)
    await wait_until(lambda: not process.is_running, timeout_s=START_TIMEOUT_S)


@pytest.mark.parametrize(
    ("settings", "variable"),
    [
        ({"K8S_MCP_MASTER_KEYS": "no key"}, "K8S_MCP_MASTER_KEYS"),
        ({"K8S_MCP_MASTER_KEYS": ""}, "K8S_MCP_MASTER_KEYS"),
        ({"K8S_MCP_PORT": "99999"}, "K8S_MCP_PORT"),
        ({"K8S_MCP_REDIS_URL": "http://canary-host"}, "K8S_MCP_REDIS_URL"),
        ({"K8S_MCP_HOST": "0.0.0.0"}, "K8S_MCP_ALLOW_ANONYMOUS"),
        ({"K8S_MCP_DEFAULT_KUBECONFIG_FILE": "/nowhere"}, "K8S_MCP_DEFAULT_KUBECONFIG_FILE"),
    ],
)
async def test_bad_setting_stops_the_start_and_is_named(
    product: Product, settings: dict[str, str], variable: str
) -> None:
    process = product.start("gateway", **settings)
    await wait_until(lambda: not process.is_running, timeout_s=START_TIMEOUT_S)
    assert process.stop() == BAD_SETTINGS_EXIT_CODE
    assert variable in process.output()
    assert "Traceback" not in process.output()
    assert "canary" not in process.output()


async def test_taken_port_stops_the_start_and_says_what_to_do(product: Product) -> None:
    url, _ = product.start_gateway()
    await wait_until(lambda: is_serving(url, product.processes[0]), timeout_s=START_TIMEOUT_S)
    second = product.start("gateway", K8S_MCP_PORT=url.rpartition(":")[2])
    await wait_until(lambda: not second.is_running, timeout_s=START_TIMEOUT_S)
    assert second.stop() == 1
    assert "K8S_MCP_PORT" in second.output()
    assert "Traceback" not in second.output()
